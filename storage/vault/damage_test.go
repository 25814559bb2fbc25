package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"filippo.io/age"

	"syncd/storage/vault"
)

const chunk = 64<<10 + 16 // a sealed chunk of an age file

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	t.Parallel()
	keys, path := newKeys(t), filepath.Join(t.TempDir(), "x.age")
	filled(t, path, keys, 10)
	whole := read(t, path)
	step := flipStep
	if testing.Short() {
		step = 17
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, f)
	put := func(i int, b byte) {
		if _, err := f.WriteAt([]byte{b}, int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < len(whole); i += step {
		put(i, whole[i]^1<<(i%8))
		// What opening begins with, and the first thing of it that can fail.
		if err := keys.VerifyDatabase(path, purpose); !errors.Is(err, vault.ErrDamaged) && !errors.Is(err, vault.ErrKeyUnfit) {
			t.Fatalf("byte %d of %d flipped: %v", i, len(whole), err)
		}
		if i%1000 == 0 {
			refused(t, path, keys, vault.ErrDamaged, vault.ErrKeyUnfit)
		}
		put(i, whole[i])
	}
	if got := query(t, open(t, path, keys), "SELECT count(*) FROM t"); got != "10" {
		t.Fatalf("rows = %s", got)
	}
}

func TestDamagedFilesAreRefused(t *testing.T) {
	t.Parallel()
	keys, dir := newKeys(t), t.TempDir()
	path := filepath.Join(dir, "x.age")
	filled(t, path, keys, 20_000) // several chunks
	whole := read(t, path)
	if len(whole) < 4*chunk {
		t.Fatalf("fixture of %d bytes is too small", len(whole))
	}
	// The payload begins after the header line that starts with "---".
	payload := slices.Index(whole, '-')
	for string(whole[payload:payload+3]) != "---" {
		payload++
	}
	payload += slices.Index(whole[payload:], '\n') + 1 + 16
	older := slices.Clone(whole)
	f := open(t, path, keys)
	exec1(t, f, "UPDATE t SET word = 'nytt ord'")
	mustClose(t, f)
	newer := read(t, path)

	cases := map[string][]byte{
		"empty":          {},
		"one byte more":  append(slices.Clone(whole), 0),
		"one byte less":  whole[:len(whole)-1],
		"header only":    whole[:payload],
		"half a header":  whole[:40],
		"chunk border":   whole[:payload+chunk],
		"two chunks":     whole[:payload+2*chunk],
		"inside a chunk": whole[:payload+chunk+1000],
		"not age":        []byte("SQLite format 3\x00"),
	}
	swapped := slices.Clone(whole)
	copy(swapped[payload:], whole[payload+chunk:payload+2*chunk])
	copy(swapped[payload+chunk:], whole[payload:payload+chunk])
	cases["swapped chunks"] = swapped
	spliced := slices.Clone(newer)
	copy(spliced[payload+chunk:payload+2*chunk], older[payload+chunk:])
	cases["old chunk in a new file"] = spliced
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := filepath.Join(t.TempDir(), "x.age")
			write(t, p, b)
			refused(t, p, keys, vault.ErrDamaged)
		})
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	t.Parallel()
	keys, dir := newKeys(t), t.TempDir()
	path := filepath.Join(dir, "x.age")

	t.Run("wrong key", func(t *testing.T) {
		t.Parallel()
		p := filepath.Join(t.TempDir(), "x.age")
		filled(t, p, newKeys(t), 3)
		refused(t, p, keys, vault.ErrKeyUnfit)
	})
	t.Run("forged for another recipient", func(t *testing.T) {
		t.Parallel()
		stranger, _ := age.GenerateX25519Identity()
		p := filepath.Join(t.TempDir(), "x.age")
		f, err := os.Create(p)
		if err != nil {
			t.Fatal(err)
		}
		w, err := age.Encrypt(f, stranger.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		mustClose(t, w)
		mustClose(t, f)
		refused(t, p, keys, vault.ErrKeyUnfit)
	})
	t.Run("another purpose", func(t *testing.T) {
		t.Parallel()
		p := filepath.Join(t.TempDir(), "x.age")
		f, err := vault.OpenFile(t.Context(), vault.FileOptions{Path: p, Purpose: purpose + 1, Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		exec1(t, f, schema)
		mustClose(t, f)
		refused(t, p, keys, vault.ErrDamaged)
	})
	t.Run("a blob", func(t *testing.T) {
		t.Parallel()
		d := t.TempDir()
		blobs, err := vault.OpenBlobs(d, keys)
		if err != nil {
			t.Fatal(err)
		}
		id, _, err := blobs.Put(slowReader{})
		if err != nil {
			t.Fatal(err)
		}
		refused(t, filepath.Join(d, "blobs", id+".age"), keys, vault.ErrDamaged)
	})
	t.Run("a folder", func(t *testing.T) {
		t.Parallel()
		p := filepath.Join(t.TempDir(), "x.age")
		if err := os.Mkdir(p, 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := vault.OpenFile(t.Context(), vault.FileOptions{Path: p, Purpose: purpose, Keys: keys})
		if !errors.Is(err, vault.ErrDamaged) {
			t.Fatalf("OpenFile = %v, want ErrDamaged", err)
		}
	})
	filled(t, path, keys, 1)
	if e, ok := errors.AsType[*vault.Error](func() error {
		_, err := vault.OpenFile(t.Context(), vault.FileOptions{Path: path, Purpose: purpose, Keys: newKeys(t)})
		return err
	}()); !ok || e.Path != path || e.Hint() == "" {
		t.Errorf("error %v has no path or hint", e)
	}
}
