package vault_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncd/storage/vault"
)

const purpose = 0x54657374 // "Test"

// TestMain lets the test binary play the process that is killed.
func TestMain(m *testing.M) {
	if os.Getenv("VAULT_TEST_CHILD") != "" {
		os.Exit(child(context.Background(), os.Getenv("VAULT_TEST_CHILD"), os.Args[len(os.Args)-1]))
	}
	os.Exit(m.Run())
}

func newKeys(t *testing.T) *vault.Keys {
	t.Helper()
	k, err := vault.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t *testing.T, path string, keys *vault.Keys) *vault.File {
	t.Helper()
	f, err := vault.OpenFile(t.Context(), vault.FileOptions{Path: path, Purpose: purpose, Keys: keys})
	if err != nil {
		t.Fatalf("OpenFile: %v", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func mustClose(t *testing.T, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// exec1 runs statements in one Update.
func exec1(t *testing.T, f *vault.File, statements ...string) {
	t.Helper()
	if err := update(t.Context(), f, statements...); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func update(ctx context.Context, f *vault.File, statements ...string) error {
	return f.Update(ctx, func(tx *sql.Tx) error {
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// query returns the one value that a query yields.
func query(t *testing.T, f *vault.File, q string) string {
	t.Helper()
	var out string
	err := f.View(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRowContext(t.Context(), q).Scan(&out)
	})
	if err != nil {
		t.Fatalf("View: %v", err)
	}
	return out
}

const schema = "CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT NOT NULL) STRICT"

// filled makes a file with n rows and closes it.
func filled(t *testing.T, path string, keys *vault.Keys, n int) {
	t.Helper()
	f := open(t, path, keys)
	exec1(t, f, schema, fmt.Sprintf(
		"INSERT INTO t (word) WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < %d) SELECT 'ord nummer '||i FROM n", n))
	mustClose(t, f)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// names lists a folder's files, for tests that say what was made.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

// refused opens a file that must not open, and checks that nothing happened.
func refused(t *testing.T, path string, keys *vault.Keys, want ...error) {
	t.Helper()
	before, stat := read(t, path), stat(t, path)
	listed := names(t, filepath.Dir(path))
	f, err := vault.OpenFile(t.Context(), vault.FileOptions{Path: path, Purpose: purpose, Keys: keys})
	if err == nil {
		_ = f.Close()
		t.Fatal("OpenFile succeeded")
	}
	known := false
	for _, w := range want {
		known = known || errors.Is(err, w)
	}
	if !known {
		t.Fatalf("OpenFile = %v, want one of %v", err, want)
	}
	if string(read(t, path)) != string(before) || !os.SameFile(stat, statOf(t, path)) || !stat.ModTime().Equal(statOf(t, path).ModTime()) {
		t.Fatal("the file was touched")
	}
	if got := names(t, filepath.Dir(path)); got != listed {
		t.Fatalf("files = %s, want %s", got, listed)
	}
}

func statOf(t *testing.T, path string) os.FileInfo { t.Helper(); return stat(t, path) }

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}
