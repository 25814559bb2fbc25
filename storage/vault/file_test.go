package vault_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite"

	"syncd/storage/vault"
)

func TestUnchangedDatabaseIsNotWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.age")
	f := open(t, path, newKeys(t))
	run := func(s ...string) { t.Helper(); exec1(t, f, s...) }
	if !f.Fresh() {
		t.Error("Fresh = false without a file")
	}
	if _, err := os.Stat(path); err == nil {
		t.Fatal("opening wrote a file")
	}
	run(schema, "INSERT INTO t VALUES (1, 'ord')")
	before, info := read(t, path), stat(t, path)
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode = %o", got)
	}
	for _, s := range []string{
		"SELECT 1", "UPDATE t SET word = 'annat' WHERE id = 99", "UPDATE t SET word = 'ord' WHERE id = 1",
		"INSERT INTO t VALUES (1, 'nytt') ON CONFLICT DO NOTHING",
	} {
		run(s)
		if now := stat(t, path); !now.ModTime().Equal(info.ModTime()) || !os.SameFile(now, info) || string(read(t, path)) != string(before) {
			t.Fatalf("%s wrote the file", s)
		}
	}
	run("UPDATE t SET word = 'annat' WHERE id = 1")
	if os.SameFile(stat(t, path), info) {
		t.Fatal("a change was not written")
	}
	run("PRAGMA user_version = 7")
	mustClose(t, f)
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.age")
	f := open(t, path, newKeys(t))
	exec1(t, f, schema, "INSERT INTO t VALUES (1, 'ord')")
	info := stat(t, path)
	stop := errors.New("stop")
	err := f.Update(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), "DELETE FROM t"); err != nil {
			return err
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatalf("Update = %v", err)
	}
	if got := query(t, f, "SELECT count(*) FROM t"); got != "1" || !os.SameFile(info, stat(t, path)) {
		t.Fatalf("rows = %s after a failed update", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := update(ctx, f, "DELETE FROM t"); !errors.Is(err, context.Canceled) {
		t.Errorf("Update with a cancelled context = %v", err)
	}
	if err := f.View(ctx, func(*sql.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("View with a cancelled context = %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	err = f.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM t")
		cancel()
		if _, err := tx.ExecContext(ctx, "SELECT 1"); err == nil {
			return errors.New("a cancelled statement ran")
		}
		return errors.Join(err, ctx.Err())
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update cancelled in the middle = %v", err)
	}
	if err := f.View(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), "DELETE FROM t")
		return err
	}); err == nil {
		t.Error("a View wrote")
	}
	if got := query(t, f, "SELECT word FROM t"); got != "ord" {
		t.Errorf("word = %s", got)
	}
}

func TestDeletedRowsLeaveNoRemnant(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newKeys(t)
	path := filepath.Join(dir, "x.age")
	f := open(t, path, keys)
	exec1(t, f, schema, `INSERT INTO t (word) WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 2000)
		SELECT 'kanariefågel nummer '||i FROM n`)
	large := stat(t, path).Size()
	if n := strings.Count(string(decrypted(t, path, keys)), "kanariefågel"); n < 2000 {
		t.Fatalf("the scan finds %d of 2000 rows in the image", n)
	}
	exec1(t, f, "DELETE FROM t WHERE id > 5")
	if n := strings.Count(string(decrypted(t, path, keys)), "kanariefågel"); n != 5 {
		t.Errorf("%d rows in the image, want 5", n)
	}
	if small := stat(t, path).Size(); small >= large/4 {
		t.Errorf("size went from %d to %d", large, small)
	}
}

func TestReopenedDatabaseIsWhole(t *testing.T) {
	t.Parallel()
	keys, path := newKeys(t), filepath.Join(t.TempDir(), "x.age")
	filled(t, path, keys, 5000)
	write(t, path+".new", []byte("left over"))
	f := open(t, path, keys)
	for q, want := range map[string]string{
		"PRAGMA integrity_check": "ok", "SELECT count(*) FROM t": "5000", "PRAGMA auto_vacuum": "1",
		"PRAGMA temp_store": "2", "PRAGMA journal_mode": "memory", "PRAGMA foreign_keys": "1", "PRAGMA secure_delete": "1",
		"PRAGMA query_only": "1",
	} {
		if got := query(t, f, q); got != want {
			t.Errorf("%s = %s, want %s", q, got, want)
		}
	}
	if f.Fresh() {
		t.Error("Fresh = true")
	}
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("what an interrupted write left was not removed")
	}
	info := stat(t, path)
	exec1(t, f, "SELECT 1")
	if !os.SameFile(info, stat(t, path)) {
		t.Error("opening made the next update write")
	}
	size, limit, err := f.Size(t.Context())
	if err != nil || size < 100_000 || limit != 64<<20 {
		t.Errorf("Size = %d, %d, %v", size, limit, err)
	}
}

func TestSizeLimit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.age")
	f, err := vault.OpenFile(t.Context(), vault.FileOptions{Path: path, Purpose: purpose, Keys: newKeys(t), MaxBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, f)
	exec1(t, f, schema, "INSERT INTO t VALUES (1, 'kvar')")
	before := read(t, path)
	err = update(t.Context(), f, "INSERT INTO t VALUES (2, hex(randomblob(400000)))")
	if !errors.Is(err, vault.ErrFull) {
		t.Fatalf("Update = %v, want ErrFull", err)
	}
	if string(read(t, path)) != string(before) || query(t, f, "SELECT count(*) FROM t") != "1" {
		t.Error("something was changed")
	}
	exec1(t, f, "INSERT INTO t VALUES (3, 'går')")
}

func TestReadersBesideAWriter(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "x.age"), newKeys(t))
	exec1(t, f, "CREATE TABLE pair (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER) STRICT",
		"INSERT INTO pair WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 200) SELECT i, 0, 0 FROM n")
	parent := t.Context()
	ctx, cancel := context.WithCancel(parent)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				var torn, kinds int
				err := f.View(parent, func(tx *sql.Tx) error {
					return tx.QueryRowContext(parent, "SELECT count(*) FILTER (WHERE a <> b), count(DISTINCT a) FROM pair").Scan(&torn, &kinds)
				})
				if err != nil || torn != 0 || kinds != 1 {
					t.Errorf("View: %d torn rows, %d values, %v", torn, kinds, err)
					return
				}
			}
		})
	}
	for range 40 {
		exec1(t, f, "UPDATE pair SET a = a + 1", "UPDATE pair SET b = b + 1")
	}
	cancel()
	wg.Wait()
}

func TestStampAndSaved(t *testing.T) {
	t.Parallel()
	var stamps, saves int
	f, err := vault.OpenFile(t.Context(), vault.FileOptions{
		Path: filepath.Join(t.TempDir(), "x.age"), Purpose: purpose, Keys: newKeys(t),
		Stamp: func(context.Context, *sql.Tx) error { stamps++; return nil },
		Saved: func() { saves++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, f)
	exec1(t, f, schema)
	exec1(t, f, "SELECT 1")
	exec1(t, f, "INSERT INTO t VALUES (1, 'ord')")
	if stamps != 2 || saves != 2 {
		t.Errorf("stamps, saves = %d, %d, want 2, 2", stamps, saves)
	}
}

// TestInteropRestoreByHand opens the file as a family would that has lost the
// program: with age and SQLite.
func TestInteropRestoreByHand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keyFile, path := filepath.Join(dir, "keys", "cache.key"), filepath.Join(dir, "cache.age")
	keys, err := vault.OpenKeys(vault.KeySource{Managed: keyFile, Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	filled(t, path, keys, 3000)
	plain := filepath.Join(dir, "cache.db")
	write(t, plain, decryptedWithFile(t, path, keyFile))
	checkPlain(t, plain, 3000)

	program, err := exec.LookPath("age")
	if err != nil {
		if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" {
			t.Fatal("the age program is missing")
		}
		t.Skip("the age program is not installed")
	}
	byHand := filepath.Join(dir, "by-hand.db")
	out, err := exec.CommandContext(t.Context(), program, "-d", "-i", keyFile, "-o", byHand, path).CombinedOutput()
	if err != nil {
		t.Fatalf("age: %v\n%s", err, out)
	}
	checkPlain(t, byHand, 3000)
}

func checkPlain(t *testing.T, path string, rows int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, db)
	var check string
	var n int
	err = errors.Join(
		db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check),
		db.QueryRowContext(t.Context(), "SELECT count(*) FROM t").Scan(&n))
	if err != nil || check != "ok" || n != rows {
		t.Fatalf("integrity_check, rows = %s, %d, %v", check, n, err)
	}
}

func TestInteropDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", dir).Run(); err != nil {
		if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" && os.Geteuid() == 0 {
			t.Fatalf("mount: %v", err)
		}
		t.Skip("a small file system cannot be mounted here")
	}
	t.Cleanup(func() { _ = exec.CommandContext(context.Background(), "umount", dir).Run() })
	keys, path := newKeys(t), filepath.Join(dir, "x.age")
	f := open(t, path, keys)
	exec1(t, f, schema, "INSERT INTO t VALUES (1, hex(randomblob(500000)))")
	before := read(t, path)
	err := update(t.Context(), f, "INSERT INTO t VALUES (2, hex(randomblob(900000)))")
	if !errors.Is(err, vault.ErrNotSaved) || f.Unsaved() == nil {
		t.Fatalf("Update = %v, Unsaved = %v, want ErrNotSaved", err, f.Unsaved())
	}
	if string(read(t, path)) != string(before) || names(t, dir) != "x.age" {
		t.Errorf("the old file changed, or something was left: %s", names(t, dir))
	}
	if got := query(t, f, "SELECT count(*) FROM t"); got != "2" {
		t.Errorf("rows in RAM = %s, want 2", got)
	}
	if err := f.Flush(t.Context()); !errors.Is(err, vault.ErrNotSaved) {
		t.Errorf("Flush on a full disk = %v", err)
	}
	exec1(t, f, "UPDATE t SET word = 'kort' WHERE id = 2")
	if f.Unsaved() != nil {
		t.Errorf("Unsaved = %v after a write that worked", f.Unsaved())
	}
	mustClose(t, f)
	if got := query(t, open(t, path, keys), "SELECT word FROM t WHERE id = 2"); got != "kort" {
		t.Errorf("word = %s", got)
	}
}

// TestFlushTriesAgain is [TestInteropDiskFull] for every machine: the folder is gone
// for a while.
func TestFlushTriesAgain(t *testing.T) {
	t.Parallel()
	dir, keys := filepath.Join(t.TempDir(), "data"), newKeys(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x.age")
	f := open(t, path, keys)
	exec1(t, f, schema)
	if err := os.Rename(dir, dir+"2"); err != nil {
		t.Fatal(err)
	}
	err := update(t.Context(), f, "INSERT INTO t VALUES (1, 'ord')")
	if !errors.Is(err, vault.ErrNotSaved) || !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("Update = %v", err)
	}
	// The next update that changes nothing tries again too.
	if err := update(t.Context(), f, "SELECT 1"); !errors.Is(err, vault.ErrNotSaved) {
		t.Fatalf("Update = %v", err)
	}
	if err := os.Rename(dir+"2", dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Flush(t.Context()); err != nil || f.Unsaved() != nil {
		t.Fatalf("Flush = %v, Unsaved = %v", err, f.Unsaved())
	}
	info := stat(t, path)
	if err := f.Flush(t.Context()); err != nil || !os.SameFile(info, stat(t, path)) {
		t.Errorf("a second Flush wrote again (%v)", err)
	}
	mustClose(t, f)
	if got := query(t, open(t, path, keys), "SELECT word FROM t"); got != "ord" {
		t.Errorf("word = %s", got)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	l, err := vault.LockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := stat(t, dir).Mode().Perm(); got != 0o700 {
		t.Errorf("mode of the folder = %o", got)
	}
	if _, err := vault.LockFolder(dir); !errors.Is(err, vault.ErrLocked) || !strings.Contains(fmt.Sprint(err), dir) {
		t.Errorf("second LockFolder = %v, want ErrLocked with the path", err)
	}
	if got := runChild(t, "lock", dir).ProcessState.ExitCode(); got != 75 {
		t.Errorf("another process ended with %d, want 75", got)
	}
	mustClose(t, l)
	mustClose(t, l)
	if got := runChild(t, "lock", dir).ProcessState.ExitCode(); got != 0 {
		t.Errorf("another process ended with %d, want 0", got)
	}
	if _, err := vault.LockFolder("/proc/nowhere"); err == nil {
		t.Error("a folder that cannot be made was locked")
	}
}

func TestHarden(t *testing.T) {
	t.Parallel()
	cmd := runChild(t, "harden", t.TempDir())
	if got := cmd.ProcessState.ExitCode(); got != 0 {
		t.Errorf("child ended with %d", got)
	}
}
