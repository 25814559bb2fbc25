package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/control"
	"syncd/cmd/syncd/internal/text"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/storagetest"
)

// hung is a program whose backup hangs, as on a disk that does not answer.
type hung struct {
	*app.App

	dir  string       // of the backup that hangs
	wake func() error // lets it go on, and returns how it ended
}

// hang begins a backup that does not end; before that, before is called.
func (h *house) hang(before func(a *app.App)) hung {
	h.t.Helper()
	var armed atomic.Bool
	reached, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	h.asked = func() {
		if armed.CompareAndSwap(true, false) {
			close(reached)
			<-release
		}
	}
	out := hung{App: h.backupApp(h.t, filepath.Join(h.dir, "due")), dir: filepath.Join(h.dir, "hung")}
	before(out.App)
	armed.Store(true)
	go func() {
		_, err := out.Backup(context.WithoutCancel(h.t.Context()), out.dir, nil)
		ended <- err
	}()
	<-reached
	out.wake = sync.OnceValue(func() error {
		close(release)
		return <-ended
	})
	h.t.Cleanup(func() { _ = out.wake() })
	return out
}

// says runs a command for so long at most.
func (a hung) says(ctx context.Context, limit time.Duration, args ...string) (status int, out, errs string) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var o, e bytes.Buffer
	status = a.Command(ctx, args, control.Streams{In: &bytes.Buffer{}, Out: &o, Err: &e})
	return status, o.String(), e.String()
}

// TestWipeDoesNotWaitForEver: behind a backup that hangs a wipe says what it
// waits for and deletes key and data all the same; backups that it did not look
// at are named. Given up while it waits it has signed nobody out.
func TestWipeDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.patience = 300 * time.Millisecond
	ctx := t.Context()
	byHand := filepath.Join(h.dir, "by-hand")
	a := h.hang(func(a *app.App) {
		if _, err := a.Backup(ctx, byHand, nil); err != nil {
			t.Fatal(err)
		}
	})
	account := storagetest.Account(t, h.db, "skolplattformen", "child")
	if err := h.db.PutSession(ctx, account, []byte("session")); err != nil {
		t.Fatal(err)
	}
	status, _, _ := a.says(ctx, 30*time.Millisecond, "wipe")
	if session, err := h.db.Session(ctx, account); status == app.ExitOK || err != nil || len(session) == 0 {
		t.Errorf("a wipe that was given up: exit status %d, session %q, %v", status, session, err)
	}
	status, out, errs := a.says(ctx, time.Minute, "wipe")
	if status != app.ExitOK {
		t.Fatalf("wipe: exit status %d\n%s%s", status, out, errs)
	}
	if want := text.TerminalBackup().WaitingFor.With(0); strings.Count(errs, want) != 1 {
		t.Errorf("wipe does not say once that it waits: %q", errs)
	}
	for _, want := range []string{text.TerminalWipe().Busy, byHand + " (busy)", a.dir + " (busy)", filepath.Join(h.dir, "due") + " (busy)"} {
		if !strings.Contains(out, want) {
			t.Errorf("wipe does not say %q:\n%s", want, out)
		}
	}
	for _, path := range []string{h.key(), filepath.Join(h.data(), storage.CacheName), filepath.Join(h.data(), storage.StateName)} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is still there", filepath.Base(path))
		}
	}
	if err := a.wake(); err == nil {
		t.Error("the backup says that it was made")
	}
	if left, err := backup.List(a.dir); err != nil || len(left) != 0 {
		t.Errorf("the backup that hung: %d backups, %v", len(left), err)
	}
}

// TestCommandsSayThatTheyWait: behind a backup that hangs a deletion is done and
// reported, a folder can be forgotten, and whoever has to wait says so.
func TestCommandsSayThatTheyWait(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.patience = 50 * time.Millisecond
	ctx := t.Context()
	gone := filepath.Join(h.dir, "gone")
	a := h.hang(func(a *app.App) {
		if _, err := a.Backup(ctx, gone, nil); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(gone); err != nil {
			t.Fatal(err)
		}
	})
	waiting := text.TerminalBackup().Waiting
	status, out, errs := a.says(ctx, time.Minute, "delete", "kind", "meals")
	left := []string{gone + " (busy)", a.dir + " (busy)"}
	if d := cmp.Diff(left, copiesLeft(out)); d != "" || status != app.ExitOK {
		t.Errorf("delete kind: exit status %d, copies that are left (-want +got):\n%s", status, d)
	}
	if strings.Count(errs, waiting) != 1 || !strings.Contains(out, text.TerminalKeep().Later) {
		t.Errorf("delete kind says %q, then\n%s", errs, out)
	}
	status, out, errs = a.says(ctx, time.Minute, "delete", "copy", gone)
	if status != app.ExitOK || errs != "" || !strings.Contains(out, text.TerminalKeep().Forgotten.With(gone)) {
		t.Errorf("delete copy: exit status %d, %q, %q", status, out, errs)
	}
	for _, args := range [][]string{
		{"backup", filepath.Join(h.dir, "other")}, {"key", "rotate"}, {"delete", "copy", filepath.Join(a.dir, "syncd-20260101T000000Z")},
	} {
		status, _, errs := a.says(ctx, 200*time.Millisecond, args...)
		if status == app.ExitOK || strings.Count(errs, waiting) != 1 {
			t.Errorf("%v: exit status %d, %q", args, status, errs)
		}
	}
	if err := a.wake(); err != nil {
		t.Errorf("the backup: %v", err)
	}
	status, out, errs = a.says(ctx, time.Minute, "delete", "kind", "notices")
	if status != app.ExitOK || errs != "" || strings.Contains(out, "(busy)") {
		t.Errorf("afterwards: exit status %d, %q, %q", status, errs, out)
	}
}

// TestFolderOfBackupsIsNotForgotten: a backup that fails has its folder forgotten
// again, but not where anything of ours lies in it.
func TestFolderOfBackupsIsNotForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var inFolder func()
	h.asked = func() {
		if f := inFolder; f != nil {
			inFolder = nil
			f()
		}
	}
	a := h.backupApp(t, filepath.Join(h.dir, "due"))
	b, err := a.Backup(t.Context(), filepath.Join(h.dir, "first"), nil)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(b.Path)
	for _, c := range []struct {
		what string
		put  func(dir string) error
		kept bool
	}{
		{"nothing", func(string) error { return nil }, false},
		{"a whole one", func(dir string) error { return os.CopyFS(filepath.Join(dir, name), os.DirFS(b.Path)) }, true},
		{"half a one", func(dir string) error {
			return os.Mkdir(filepath.Join(dir, ".syncd-"+b.Installation+"-"+name+".partial"), 0o700)
		}, true},
		{"one that cannot be read", func(dir string) error { return os.Mkdir(filepath.Join(dir, name), 0o700) }, true},
		{"half a stranger", func(dir string) error {
			return os.Mkdir(filepath.Join(dir, ".syncd-0123456789abcdef-x.partial"), 0o700)
		}, false},
		{"a whole stranger", func(dir string) error {
			manifest, err := os.ReadFile(filepath.Join(b.Path, backup.ManifestName))
			if err != nil {
				return err
			}
			manifest = bytes.ReplaceAll(manifest, []byte(b.Installation), []byte("0123456789abcdef"))
			return errors.Join(os.Mkdir(filepath.Join(dir, name), 0o700),
				os.WriteFile(filepath.Join(dir, name, backup.ManifestName), manifest, 0o600))
		}, false},
	} {
		dir := filepath.Join(h.dir, c.what)
		ctx, stop := context.WithCancel(t.Context())
		inFolder = func() {
			if err := c.put(dir); err != nil {
				t.Error(c.what, err)
			}
			stop()
		}
		_, err := a.Backup(ctx, dir, nil)
		stop()
		if err == nil {
			t.Errorf("%s: the backup was made", c.what)
		}
		places, err := h.db.Places(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		kept := false
		for _, p := range places {
			kept = kept || p.Path == dir
		}
		if kept != c.kept {
			t.Errorf("%s: the folder is remembered: %t, want %t", c.what, kept, c.kept)
		}
	}
}
