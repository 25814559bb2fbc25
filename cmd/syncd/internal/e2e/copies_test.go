package e2e_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/storage"
	"syncd/storage/backup"
)

// holds opens a backup and reports whether it holds the first child.
func (h *house) holds(b backup.Backup) (found bool) {
	h.t.Helper()
	nothing := errors.New("nothing was changed")
	_, err := backup.Rewrite(h.t.Context(), backup.RewriteOptions{Backup: b, Keys: h.db.Keys(), Now: h.clock.now, Log: slog.New(slog.DiscardHandler)},
		func(db *storage.DB) error {
			children, err := db.Children(h.t.Context())
			for _, c := range children {
				found = found || c.Number == 1
			}
			return errors.Join(nothing, err)
		})
	if !errors.Is(err, nothing) {
		h.t.Fatal(err)
	}
	return found
}

// cleanedLine is logged when backups were looked at.
const cleanedLine = "what was deleted has left the backups"

// changed is when something was last made or removed in a folder.
func changed(t *testing.T, dir string) time.Time {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}

// until waits for something that the program does by itself.
func (h *house) until(what string, done func() bool) {
	h.t.Helper()
	for range 400 {
		if done() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	h.t.Fatalf("not within ten seconds: %s", what)
}

// copiesLeft are the copies that the report of a deletion names, in its order.
func copiesLeft(report string) (out []string) {
	for line := range strings.Lines(report) {
		if name, ok := strings.CutPrefix(line, "still in "); ok {
			out = append(out, strings.TrimSpace(name))
		}
	}
	return out
}

// TestCopiesKnowTheirPlaces: a folder is remembered before a copy is in it. The
// first backup of all holds its own folder, so that it is found when it was
// restored on another machine; what fails leaves nothing to be reminded of; and
// an export makes nobody forget the backups in the same folder.
func TestCopiesKnowTheirPlaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	dir, none := filepath.Join(h.dir, "usb"), filepath.Join(h.dir, "none")
	a := h.backupApp(t, dir)
	places := func(db *storage.DB) (out []string) {
		t.Helper()
		all, err := db.Places(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			out = append(out, string(p.What)+" "+p.Path)
		}
		return out
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	full := filepath.Join(h.dir, "full")
	if err := errors.Join(os.Mkdir(full, 0o700), os.WriteFile(filepath.Join(full, "x"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"a backup that is stopped": second(a.Backup(stopped, none, nil)), "a backup into the data": second(a.Backup(ctx, h.data(), nil)),
		"an export that is stopped": second(a.Export(stopped, none, text.SV)), "an export over something": second(a.Export(ctx, full, text.SV)),
	} {
		if err == nil {
			t.Errorf("%s succeeded", what)
		}
	}
	if got := places(h.db); got != nil {
		t.Errorf("places after copies that failed: %q", got)
	}

	b, err := a.Backup(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"backup " + dir}
	nothing := errors.New("nothing was changed")
	_, err = backup.Rewrite(ctx, backup.RewriteOptions{Backup: b, Keys: h.db.Keys(), Now: h.clock.now, Log: slog.New(slog.DiscardHandler)},
		func(db *storage.DB) error {
			if d := cmp.Diff(own, places(db)); d != "" {
				t.Errorf("places in the first backup (-want +got):\n%s", d)
			}
			return nothing
		})
	if !errors.Is(err, nothing) {
		t.Fatal(err)
	}

	if err := os.Rename(dir, none); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Export(ctx, dir, text.SV); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"backup " + dir, "export " + dir}, places(h.db)); d != "" {
		t.Errorf("places after an export into the same folder (-want +got):\n%s", d)
	}
}

// TestDeletionReachesBackups: what is deleted leaves the backups that syncd
// can open, with and without a passphrase; the others are named and can be
// deleted; a disk that was away is seen to when it is back.
func TestDeletionReachesBackups(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	here, away := filepath.Join(t.TempDir(), "here"), filepath.Join(t.TempDir(), "away")
	for _, dir := range []string{here, away} {
		for _, passphrase := range []string{"", "ett långt lösenord"} {
			if _, err := h.app.Backup(ctx, dir, []byte(passphrase)); err != nil {
				t.Fatal(err)
			}
			h.clock.forward(1e9)
		}
	}
	broken, err := h.app.Backup(ctx, here, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken.Path, storage.CacheName), []byte("trasig"), 0o600); err != nil {
		t.Fatal(err)
	}
	aside := filepath.Join(h.data(), storage.ReplacedPrefix+"20260101T000000Z")
	if err := errors.Join(os.Mkdir(aside, 0o700), os.Rename(away, away+"2")); err != nil {
		t.Fatal(err)
	}
	out := h.command("delete", "child", "1")
	if !strings.Contains(out, "removed from 2 backups") {
		t.Errorf("the report does not tell of two backups:\n%s", out)
	}
	left := []string{broken.Path + " (damaged)", away + " (away)", aside + " (aside)"}
	if d := cmp.Diff(left, copiesLeft(out)); d != "" {
		t.Errorf("copies that are left (-want +got):\n%s", d)
	}
	h.command("delete", "copy", broken.Path)
	h.command("delete", "copy", aside)
	for _, path := range []string{broken.Path, aside} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	all, err := backup.List(here)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d backups, %v", len(all), err)
	}
	for _, b := range all {
		if h.holds(b) {
			t.Errorf("%s holds the child", filepath.Base(b.Path))
		}
	}

	// With the disk still away the others are not opened again.
	touched, rounds := changed(t, here), strings.Count(h.logs.String(), cleanedLine)
	h.restart() // or within the hour
	h.until("the backups were looked at", func() bool { return strings.Count(h.logs.String(), cleanedLine) > rounds })
	if !changed(t, here).Equal(touched) {
		t.Error("backups that have seen the deletion were opened again")
	}

	words := text.For(text.SV).Keep
	if page := h.signedIn(h.base + "/keep"); !strings.Contains(page, away) || !strings.Contains(page, words.CopyForgetHint) {
		t.Error("the page does not offer to forget the folder that is away")
	}

	if err := os.Rename(away+"2", away); err != nil {
		t.Fatal(err)
	}
	h.restart()
	h.until("all backups have seen it", func() bool {
		left, err := h.db.Cleanups(ctx)
		return err != nil || len(left) == 0
	})
	if all, err = backup.List(away); err != nil || len(all) != 2 {
		t.Fatalf("%d backups, %v", len(all), err)
	}
	for _, b := range all {
		if h.holds(b) {
			t.Errorf("%s, which was away, holds the child", filepath.Base(b.Path))
		}
	}
	if report := h.post("/accounts/"+string(h.account)+"/remove", nil); !strings.Contains(report, text.For(text.SV).N(4, text.For(text.SV).Keep.CopiesChanged)) {
		t.Errorf("removing the account does not tell of four backups:\n%s", report)
	}
}

// TestPlaceThatIsGoneForEver: a disk that never comes back is named until a
// guardian forgets it, by command or on the page; then no deletion waits for it.
// One that is there is not forgotten.
func TestPlaceThatIsGoneForEver(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	here, one, two := filepath.Join(t.TempDir(), "here"), filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	for _, dir := range []string{here, one, two} {
		if _, err := h.app.Backup(ctx, dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.RemoveAll(one), os.RemoveAll(two)); err != nil {
		t.Fatal(err)
	}
	out := h.command("delete", "child", "1")
	if d := cmp.Diff([]string{one + " (away)", two + " (away)"}, copiesLeft(out)); d != "" {
		t.Errorf("copies that are left (-want +got):\n%s", d)
	}
	if want := text.TerminalKeep().Forget.With(one); !strings.Contains(out, want) {
		t.Errorf("the report lacks %q:\n%s", want, out)
	}
	if err := h.app.ForgetPlace(ctx, here); !errors.Is(err, web.ErrReached) {
		t.Errorf("forgetting a folder that is there: %v, want ErrReached", err)
	}
	if err := h.app.ForgetPlace(ctx, h.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("forgetting another folder: %v, want ErrNotExist", err)
	}
	if got, want := h.command("delete", "copy", one), text.TerminalKeep().Forgotten.With(one); !strings.Contains(got, want) {
		t.Errorf("delete copy says %q, want %q", got, want)
	}
	if left, err := h.db.Cleanups(ctx); err != nil || len(left) != 1 {
		t.Errorf("with one of two forgotten: Cleanups = %v, %v", left, err)
	}
	if page := h.post("/keep/forget", url.Values{"path": {two}}); strings.Contains(page, two) {
		t.Error("the page still names the folder")
	}
	if left, err := h.db.Cleanups(ctx); err != nil || len(left) != 0 {
		t.Errorf("with both forgotten: Cleanups = %v, %v", left, err)
	}
	out = h.command("delete", "kind", "meals")
	if got := copiesLeft(out); got != nil {
		t.Errorf("copies that are left: %q", got)
	}
}

// TestEmptyMountPointIsAway: the folder of a disk that is not mounted is there,
// and empty. What is deleted meanwhile leaves the disk when it is back. A folder
// whose last backup a guardian deletes is not taken for that.
func TestEmptyMountPointIsAway(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	disk, mount, spare := filepath.Join(t.TempDir(), "disk"), filepath.Join(t.TempDir(), "mount"), filepath.Join(t.TempDir(), "spare")
	if _, err := h.app.Backup(ctx, mount, nil); err != nil {
		t.Fatal(err)
	}
	last, err := h.app.Backup(ctx, spare, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.command("delete", "copy", last.Path)
	if err := errors.Join(os.Rename(mount, disk), os.Mkdir(mount, 0o700)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{mount + " (away)"}, copiesLeft(h.command("delete", "child", "1"))); d != "" {
		t.Errorf("copies that are left (-want +got):\n%s", d)
	}
	if err := errors.Join(os.Remove(mount), os.Rename(disk, mount)); err != nil {
		t.Fatal(err)
	}
	h.restart()
	h.until("the disk has seen it", func() bool {
		left, err := h.db.Cleanups(ctx)
		return err != nil || len(left) == 0
	})
	all, err := backup.List(mount)
	if err != nil || len(all) != 1 || h.holds(all[0]) {
		t.Errorf("%d backups, %v, or it holds the child", len(all), err)
	}
}
