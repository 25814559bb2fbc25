package vault_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncd/storage/vault"
)

// FuzzKeyFile reads anything as a key file: a key, or an error that quotes
// nothing of it.
func FuzzKeyFile(f *testing.F) {
	f.Add("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n")
	f.Add("# comment\r\n\ufeffAGE-SECRET-KEY-PQ-1\n")
	f.Add("age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 18\n")
	f.Add("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "key")
		write(t, path, []byte(text))
		k, err := vault.OpenKeys(vault.KeySource{File: path, Passphrase: func() ([]byte, error) { return nil, nil }})
		if err == nil {
			filled(t, filepath.Join(filepath.Dir(path), "x.age"), k, 1)
			return
		}
		if !errors.Is(err, vault.ErrKeyBroken) && !errors.Is(err, vault.ErrPassphrase) {
			t.Fatalf("OpenKeys = %v", err)
		}
		for line := range strings.Lines(text) {
			if s := strings.TrimSpace(line); len(s) > 12 && strings.Contains(err.Error(), s) {
				t.Fatalf("%v quotes the file", err)
			}
		}
	})
}

// FuzzSealedFile opens anything as a sealed file: only what was sealed opens.
func FuzzSealedFile(f *testing.F) {
	keys, err := vault.GenerateKeys()
	if err != nil {
		f.Fatal(err)
	}
	dir := f.TempDir()
	o := vault.FileOptions{Path: filepath.Join(dir, "seed.age"), Purpose: purpose, Keys: keys}
	file, err := vault.OpenFile(f.Context(), o)
	if err != nil {
		f.Fatal(err)
	}
	if err := errors.Join(update(f.Context(), file, schema), file.Close()); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(o.Path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:300])
	f.Add([]byte("age-encryption.org/v1\n-> X25519 abc\n\n---\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.Equal(b, whole) {
			return
		}
		path := filepath.Join(t.TempDir(), "x.age")
		write(t, path, b)
		file, err := vault.OpenFile(t.Context(), vault.FileOptions{Path: path, Purpose: purpose, Keys: keys})
		if err == nil {
			_ = file.Close()
			t.Fatal("opened what was never sealed")
		}
		if !errors.Is(err, vault.ErrDamaged) && !errors.Is(err, vault.ErrKeyUnfit) {
			t.Fatalf("OpenFile = %v", err)
		}
	})
}
