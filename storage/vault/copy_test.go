package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"syncd/storage/vault"
)

// TestCopiesAreOfOneMoment copies two files while one is always written before
// the other: no copy shows them the other way round. A large file between them
// leaves time for many changes.
func TestCopiesAreOfOneMoment(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newKeys(t)
	var files [2]*vault.File
	for i := range files {
		files[i] = open(t, filepath.Join(dir, fmt.Sprintf("%d.age", i)), keys)
		exec1(t, files[i], schema, "INSERT INTO t VALUES (1, '0')")
	}
	large := open(t, filepath.Join(dir, "large.age"), keys)
	exec1(t, large, "CREATE TABLE b (x BLOB)", "INSERT INTO b VALUES (zeroblob(24000000))")
	var stop atomic.Bool
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := 1; !stop.Load(); n++ {
			for _, f := range files {
				if err := update(t.Context(), f, fmt.Sprintf("UPDATE t SET word = '%d'", n)); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	defer writer.Wait()
	defer stop.Store(true)
	number := func(name string) int {
		f := open(t, filepath.Join(dir, name), keys)
		defer mustClose(t, f)
		n, err := strconv.Atoi(query(t, f, "SELECT word FROM t"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	moved := 0
	for range 10 {
		err := vault.SealCopies(t.Context(), keys,
			vault.Copy{File: files[0], Path: filepath.Join(dir, "a.age")}, vault.Copy{File: large, Path: filepath.Join(dir, "c.age")}, vault.Copy{File: files[1], Path: filepath.Join(dir, "b.age")})
		if err != nil {
			t.Fatal(err)
		}
		a, b := number("a.age"), number("b.age")
		if b > a || a > b+1 {
			t.Fatalf("the copies are of two moments: %d and %d", a, b)
		}
		moved = max(moved, b)
	}
	if moved < 5 {
		t.Errorf("only %d changes were made meanwhile", moved)
	}
}

// TestCopiesHoldWhatCouldNotBeSaved copies a file whose disk took nothing
// more.
func TestCopiesHoldWhatCouldNotBeSaved(t *testing.T) {
	t.Parallel()
	dir, keys, other := t.TempDir(), newKeys(t), newKeys(t)
	home := filepath.Join(dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	f := open(t, filepath.Join(home, "x.age"), keys)
	exec1(t, f, schema)
	if err := os.RemoveAll(home); err != nil {
		t.Fatal(err)
	}
	if err := update(t.Context(), f, "INSERT INTO t VALUES (1, 'nytt')"); !errors.Is(err, vault.ErrNotSaved) {
		t.Fatalf("Update = %v, want ErrNotSaved", err)
	}
	path := filepath.Join(dir, "copy.age")
	if err := vault.SealCopies(t.Context(), other, vault.Copy{File: f, Path: path}); err != nil {
		t.Fatal(err)
	}
	refused(t, path, keys, vault.ErrKeyUnfit)
	if got := query(t, open(t, path, other), "SELECT word FROM t"); got != "nytt" {
		t.Errorf("the copy holds %q", got)
	}
	if err := vault.SealCopies(t.Context(), other, vault.Copy{File: f, Path: filepath.Join(home, "copy.age")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SealCopies into no folder = %v", err)
	}
}

func TestCopiedBlobs(t *testing.T) {
	t.Parallel()
	keys, other := newKeys(t), newKeys(t)
	from, err := vault.OpenBlobs(t.TempDir(), keys)
	if err != nil {
		t.Fatal(err)
	}
	place := t.TempDir()
	to, err := vault.OpenBlobs(place, other)
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := from.Put(bytes.NewReader(bytes.Repeat([]byte("bild"), 50_000)))
	if err != nil {
		t.Fatal(err)
	}
	if err := from.CopyTo(id, to); err != nil {
		t.Fatal(err)
	}
	if content(t, to, id) != content(t, from, id) {
		t.Error("the copy differs")
	}
	if err := from.CopyTo("nosuchblobnosuchblobnosuch", to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("CopyTo of nothing = %v", err)
	}
	// One that breaks in the middle leaves nothing.
	broken, _, err := to.Put(bytes.NewReader(bytes.Repeat([]byte("bild"), 50_000)))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(place, "blobs", broken+".age")
	b := read(t, path)
	b[len(b)/2] ^= 1
	write(t, path, b)
	if err := to.CopyTo(broken, from); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("CopyTo of a damaged one = %v, want ErrDamaged", err)
	}
	if ids, err := from.IDs(); err != nil || len(ids) != 1 {
		t.Errorf("IDs = %v, %v", ids, err)
	}
}

// TestKeysThatAreKept writes keys under a passphrase and under other keys, and
// reads them again.
func TestKeysThatAreKept(t *testing.T) {
	t.Parallel()
	dir, keys, own := t.TempDir(), newKeys(t), newKeys(t)
	data := filepath.Join(dir, "x.age")
	filled(t, data, keys, 3)
	locked, sealed := filepath.Join(dir, "locked"), filepath.Join(dir, "sealed")
	if err := keys.WriteProtected(locked, []byte("lösen ord\n")); err != nil {
		t.Fatal(err)
	}
	if err := keys.WriteSealed(sealed, own); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{locked, sealed} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", filepath.Base(path), info, err)
		}
		if err := keys.WriteSealed(path, own); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a key file was overwritten: %v", err)
		}
	}
	if err := keys.WriteProtected(filepath.Join(dir, "open"), nil); !errors.Is(err, vault.ErrPassphrase) {
		t.Errorf("WriteProtected without a passphrase = %v", err)
	}
	k, err := vault.OpenKeys(vault.KeySource{File: locked, Passphrase: func() ([]byte, error) { return []byte("lösen ord"), nil }})
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, open(t, data, k))
	if k, err = vault.OpenSealedKeys(sealed, own); err != nil {
		t.Fatal(err)
	}
	mustClose(t, open(t, data, k))
	if _, err := vault.OpenSealedKeys(sealed, newKeys(t)); !errors.Is(err, vault.ErrKeyUnfit) {
		t.Errorf("OpenSealedKeys with strange keys = %v", err)
	}
	for how, b := range map[string][]byte{"empty": {}, "cut": read(t, sealed)[:150]} {
		write(t, sealed, b)
		if _, err := vault.OpenSealedKeys(sealed, own); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("OpenSealedKeys, %s = %v, want ErrDamaged", how, err)
		}
	}
}
