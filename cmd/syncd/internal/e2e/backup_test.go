package e2e_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/control"
	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/vault"
)

// restore puts the newest backup of a folder back, as the command does, while
// the program does not run.
func (h *house) restore(dir string) {
	h.t.Helper()
	lock, err := vault.LockFolder(h.data())
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = lock.Close() }()
	keys, err := vault.OpenKeys(vault.KeySource{Managed: h.key(), Data: h.data()})
	if err != nil {
		h.t.Fatal(err)
	}
	b, err := backup.Open(dir)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := storage.Restore(h.t.Context(), storage.RestoreOptions{
		From: b.Path, FromKeys: keys, Dir: h.data(), Keys: keys, Replace: true, Now: h.clock.now,
	}); err != nil {
		h.t.Fatal(err)
	}
}

// syncToken asks the first child's events for what happened since a token, and
// answers the status and the token that it leads to.
func (h *house) syncToken(since string) (status int, token string) {
	h.t.Helper()
	a := h.dav("REPORT", "/dav/"+h.addresses.CalDAV.User+"/calendars/1-events/", `<sync-collection xmlns="DAV:"><sync-token>`+since+
		`</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`, "0")
	_, rest, _ := strings.Cut(a.body, "sync-token>")
	token, _, _ = strings.Cut(rest, "<")
	return a.status, token
}

// TestRestoredFamily takes a backup of a family that subscribes, goes on,
// restores, and looks with the eyes of a phone: paused links until a guardian
// says that they hold, then the same calendars, byte for byte, and sync tokens
// of the time after the backup refused.
func TestRestoredFamily(t *testing.T) {
	t.Parallel()
	h := open(t)
	dir := filepath.Join(h.dir, "backups")
	if _, err := h.app.Backup(t.Context(), dir, nil); err != nil {
		t.Fatal(err)
	}
	h.scanFolder("backups", dir)
	before := h.everything()
	status, token := h.syncToken("")
	if status != http.StatusMultiStatus || token == "" {
		t.Fatalf("sync-collection = %d, %q", status, token)
	}

	// Life goes on: the school changes things, and they are read.
	for _, s := range h.world.Schools() {
		for _, e := range s.Calendar {
			h.world.EditEvent(s.Key, e.Ref, func(e *school.Event) { e.Title += " (ändrad)" })
		}
	}
	h.clock.forward(time.Hour)
	h.mustRead()
	_, later := h.syncToken(token)
	if later == token || later == "" {
		t.Fatalf("nothing changed: %q", later)
	}

	h.stop()
	h.restore(dir)
	h.restart()
	for _, c := range h.addresses.Calendars[:1] {
		if a := h.do(http.MethodGet, c.URL, ""); a.status != http.StatusNotFound {
			t.Errorf("a paused link answers %d", a.status)
		}
	}
	links, err := h.db.Links(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page, overview := h.signedIn(h.base+"/"), text.For(text.SV).Overview
	if want := text.For(text.SV).N(len(links), overview.Suspended); !strings.Contains(page, want) {
		t.Errorf("the status page does not say %q", want)
	}
	for _, l := range links {
		resp, err := h.browser().PostForm(h.base+"/links/"+string(l.ID)+"/confirm", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	after := h.everything()
	for name, was := range before {
		if after[name] != was {
			t.Errorf("%s is not as it was before the restore", name)
		}
	}
	if status, _ := h.syncToken(token); status != http.StatusMultiStatus {
		t.Errorf("a token from before the backup: %d", status)
	}
	if status, _ := h.syncToken(later); status != http.StatusForbidden {
		t.Errorf("a token from after the backup: %d, want 403", status)
	}
	if got := leaks([]byte(h.logs.String()), h.secrets()); len(got) > 0 {
		t.Errorf("the log holds %q", got)
	}
}

// scanFolder looks for private strings in all files below a folder.
func (h *house) scanFolder(what, dir string) (files int) {
	h.t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		if got := leaks(b, h.secrets()); len(got) > 0 {
			h.t.Errorf("%s: %s holds %q", what, filepath.Base(path), got)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return files
}

// TestExportGoesNowhereElse exports a family into a folder and as a download:
// both hold its words, and no other file, log line or error does.
func TestExportGoesNowhereElse(t *testing.T) {
	t.Parallel()
	h := open(t)
	dir := filepath.Join(t.TempDir(), "ut")
	sum, err := h.app.Export(t.Context(), dir, text.SV)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Calendars < 3 || sum.Letters < 5 || sum.Media < 1 || sum.LeftOut > 0 {
		t.Errorf("Export = %+v", sum)
	}
	var all bytes.Buffer
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(leaks(all.Bytes(), h.world.Canaries())) == 0 {
		t.Fatal("the export holds nothing of the family")
	}
	kept := append(h.recorder.values(), h.addresses.CalDAV.Password, guardianPassword)
	if got := leaks(all.Bytes(), kept); len(got) > 0 {
		t.Errorf("the export holds secrets: %q", got)
	}

	resp, err := h.browser().PostForm(h.base+"/privacy/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("download: %d, %v", resp.StatusCode, err)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, f := range z.File {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(f.Name))); err != nil {
			t.Errorf("the download holds %s, the folder does not", f.Name)
		}
		files++
	}
	if files < 10 {
		t.Errorf("%d files in the download", files)
	}
	// A stranger gets nothing.
	if a := h.do(http.MethodPost, h.base+"/privacy/export", ""); a.status == http.StatusOK || len(leaks([]byte(a.body), h.secrets())) > 0 {
		t.Errorf("a stranger's download: %d", a.status)
	}
	// One that fails: the error and the log name nothing.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{
		second(h.app.Export(ctx, filepath.Join(t.TempDir(), "ut"), text.SV)),
		second(h.app.Export(t.Context(), dir, text.SV)),
		second(h.app.Export(t.Context(), h.data(), text.SV)),
	} {
		if err == nil || len(leaks([]byte(err.Error()), h.secrets())) > 0 {
			t.Errorf("error: %v", err)
		}
	}
	h.scan("after an export")
	if got := leaks([]byte(h.logs.String()), h.secrets()); len(got) > 0 {
		t.Errorf("the log holds %q", got)
	}
}

func second[T any](_ T, err error) error { return err }

// TestBackupsWaitForEachOther has one made by itself come due while others work
// on backups, as it does at each start: it must not be given up, because it
// would not be tried again for a day.
func TestBackupsWaitForEachOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dir, byHand := filepath.Join(h.dir, "due"), filepath.Join(h.dir, "by-hand")
	a := h.backupApp(t, dir)
	for round := range 5 {
		begin := make(chan struct{})
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				<-begin
				if _, err := a.Backup(t.Context(), byHand, nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Go(func() { <-begin; a.BackupIfDue(t.Context()) })
		close(begin)
		all.Wait()
		for path, want := range map[string]int{dir: round + 1, byHand: 3 * (round + 1)} {
			if got, err := backup.List(path); len(got) != want {
				t.Fatalf("round %d: %d backups in %s, want %d (%v)", round, len(got), filepath.Base(path), want, err)
			}
		}
		h.clock.forward(25 * time.Hour)
	}
}

// TestRotationWaitsForBackups: the key is not replaced while a backup is made.
func TestRotationWaitsForBackups(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dir := filepath.Join(h.dir, "due")
	a := h.backupApp(t, dir)
	before, err := os.ReadFile(h.key())
	if err != nil {
		t.Fatal(err)
	}
	rotate := func(patience time.Duration) int {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return a.Command(ctx, []string{"key", "rotate"}, control.Streams{In: &bytes.Buffer{}, Out: io.Discard, Err: io.Discard})
	}
	h.logs.mu.Lock() // the last thing that a backup does is to log
	var made sync.WaitGroup
	made.Go(func() { a.BackupIfDue(t.Context()) })
	for range 400 {
		if all, _ := backup.List(dir); len(all) > 0 {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	status := rotate(100 * time.Millisecond)
	now, err := os.ReadFile(h.key())
	h.logs.mu.Unlock()
	made.Wait()
	if status == app.ExitOK || err != nil || !bytes.Equal(before, now) {
		t.Errorf("while a backup was made: exit status %d, %v, the key replaced: %t", status, err, !bytes.Equal(before, now))
	}
	if status := rotate(time.Minute); status != app.ExitOK {
		t.Errorf("afterwards: exit status %d", status)
	}
}

// backupTold returns what scripts are told of the backups that are made by
// themselves, and whether it is told as a problem.
func backupTold(t *testing.T, a *app.App) (failure string, problem bool) {
	t.Helper()
	var out bytes.Buffer
	if status := a.Command(t.Context(), []string{"status", "-json"}, control.Streams{In: &bytes.Buffer{}, Out: &out, Err: io.Discard}); status != app.ExitOK {
		t.Fatalf("status: exit status %d", status)
	}
	var told struct {
		Backup struct {
			Failure string `json:"failure"`
		} `json:"backup"`
		Problems []struct {
			Problem string `json:"problem"`
		} `json:"problems"`
	}
	if err := json.Unmarshal(out.Bytes(), &told); err != nil {
		t.Fatal(err)
	}
	for _, p := range told.Problems {
		problem = problem || p.Problem == "backup"
	}
	return told.Backup.Failure, problem
}

// TestFailedBackupIsTold: a backup by itself that cannot be made is told as a
// problem until one is made. One that can be made is, also when the data's own
// disk takes nothing.
func TestFailedBackupIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	disk := filepath.Join(h.dir, "disk")
	dir, inTheWay := filepath.Join(disk, "due"), filepath.Join(h.data(), storage.StateName+".new")
	a := h.backupApp(t, dir)
	for _, step := range []struct {
		what    string
		before  func() error
		failure string
		backups int
	}{
		{"its folder is a file", func() error { return errors.Join(os.Mkdir(disk, 0o700), os.WriteFile(dir, nil, 0o600)) }, "place", 0},
		{"the data cannot be written", func() error { return errors.Join(os.Remove(dir), os.MkdirAll(filepath.Join(inTheWay, "x"), 0o700)) }, "", 1},
		{"its disk is away", func() error { return errors.Join(os.RemoveAll(inTheWay), os.RemoveAll(disk)) }, "place", 0},
	} {
		if err := step.before(); err != nil {
			t.Fatal(step.what, err)
		}
		h.clock.forward(25 * time.Hour)
		a.BackupIfDue(t.Context())
		if failure, problem := backupTold(t, a); failure != step.failure || problem != (step.failure != "") {
			t.Errorf("%s: failure %q, told as a problem: %t", step.what, failure, problem)
		}
		if all, _ := backup.List(dir); len(all) != step.backups {
			t.Errorf("%s: %d backups, want %d", step.what, len(all), step.backups)
		}
		if step.backups > 0 && h.db.Unsaved() == nil {
			t.Errorf("%s: they were written", step.what)
		}
	}
}

// TestBackupThatWaitsIsTold: one that is due and does not come to its turn, such
// as behind a disk that hangs, is told as a problem after an hour.
func TestBackupThatWaitsIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	reached, release := make(chan struct{}), make(chan struct{})
	hang := sync.OnceFunc(func() { close(reached); <-release })
	h.logs.hook = func(line []byte) {
		if bytes.Contains(line, []byte(cleanedLine)) {
			hang() // whoever cleans backups has the turn
		}
	}
	dir := filepath.Join(h.dir, "due")
	a := h.backupApp(t, dir)
	// Something to name, so that the line is logged.
	if err := os.Mkdir(filepath.Join(h.data(), storage.ReplacedPrefix+"20260101T000000Z"), 0o700); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := a.Delete(t.Context(), storage.Choice{Kind: school.KindMeals}); err != nil {
			t.Error(err)
		}
	})
	<-reached
	all.Go(func() { a.BackupIfDue(t.Context()) })
	told := false
	for range 400 {
		_, told = backupTold(t, a)
		if told {
			break
		}
		h.clock.forward(10 * time.Minute)
		time.Sleep(10 * time.Millisecond)
	}
	close(release)
	all.Wait()
	if !told {
		t.Error("nothing is told of a backup that waits for hours")
	}
	if failure, problem := backupTold(t, a); failure != "" || problem {
		t.Errorf("when it was made: failure %q, told as a problem: %t", failure, problem)
	}
	if all, err := backup.List(dir); len(all) != 1 {
		t.Errorf("%d backups (%v)", len(all), err)
	}
}

// backupApp is a program that makes a backup by itself each day.
func (h *house) backupApp(t *testing.T, dir string) *app.App {
	t.Helper()
	keys, err := vault.OpenKeys(vault.KeySource{Managed: h.key(), Data: h.data()})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(h.logs, nil))
	h.db, err = storage.Open(t.Context(), storage.Options{Dir: h.data(), Keys: keys, Now: h.clock.now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.db.Close() })
	now := func() time.Time {
		if h.asked != nil {
			h.asked()
		}
		return h.clock.now()
	}
	a, err := app.New(t.Context(), app.Config{
		DB: h.db, DataDir: h.data(), BaseURL: "http://localhost", Platforms: app.Platforms(), Now: now, Log: log,
		Transport: h.recorder, Patience: h.patience, ManagedKey: h.key(),
		Backups: app.Backups{Dir: dir, Every: 24 * time.Hour, Keep: backup.Keep{Days: 5}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestBackupsByThemselves looks at a week of them: made when due, again after
// a failure, no more than are kept, and told on the status page.
func TestBackupsByThemselves(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	parent := filepath.Join(h.dir, "disk")
	dir := filepath.Join(parent, "backups")
	a := h.backupApp(t, dir)
	count := func(want int, when string) {
		t.Helper()
		all, err := backup.List(dir)
		if len(all) != want {
			t.Errorf("%s: %d backups, want %d (%v)", when, len(all), want, err)
		}
	}
	a.BackupIfDue(t.Context()) // the disk is not there
	if _, err := os.Stat(parent); err == nil {
		t.Fatal("a disk that is not mounted was made up")
	}
	if err := os.Mkdir(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	h.clock.forward(10 * time.Minute)
	a.BackupIfDue(t.Context())
	count(0, "ten minutes after a failure")
	h.clock.forward(time.Hour)
	a.BackupIfDue(t.Context())
	count(1, "an hour after a failure")
	a.BackupIfDue(t.Context())
	count(1, "at once again")
	for day := range 6 {
		h.clock.forward(24 * time.Hour)
		a.BackupIfDue(t.Context())
		count(min(day+2, 5), fmt.Sprintf("day %d", day))
	}
	if !strings.Contains(h.logs.String(), "the backup failed") {
		t.Error("the log does not say that one failed")
	}
}
