package vault_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"syncd/storage/vault"
)

func TestRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keyFile, path := filepath.Join(dir, "keys", "cache.key"), filepath.Join(dir, "x.age")
	source := vault.KeySource{Managed: keyFile, Data: dir}
	keys, err := vault.OpenKeys(source)
	if err != nil {
		t.Fatal(err)
	}
	old := read(t, keyFile)
	f := open(t, path, keys)
	exec1(t, f, schema, "INSERT INTO t VALUES (1, 'ord')")
	blobs, err := vault.OpenBlobs(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := blobs.Put(strings.NewReader("en bild"))
	if err != nil {
		t.Fatal(err)
	}
	// opens checks that what stands in the key file now opens everything: what
	// a start after a crash at this moment would find.
	opens := func(step string) {
		t.Helper()
		k, err := vault.OpenKeys(source)
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		if got := query(t, open(t, path, k), "SELECT word FROM t"); got != "ord" {
			t.Errorf("%s: word = %s", step, got)
		}
		b, err := vault.OpenBlobs(dir, k)
		if err != nil {
			t.Fatal(err)
		}
		if got := content(t, b, id); got != "en bild" {
			t.Errorf("%s: blob = %q", step, got)
		}
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"new key written", func() error { return keys.BeginRotation("") }},
		{"file resealed", func() error { return f.Reseal(t.Context()) }},
		{"blobs resealed", func() error { return reseal(blobs) }},
		{"old key forgotten", keys.EndRotation},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		opens(step.name)
	}
	if got := stat(t, keyFile).Mode().Perm(); got != 0o600 || names(t, filepath.Dir(keyFile)) != "cache.key" {
		t.Errorf("mode %o, files %s", got, names(t, filepath.Dir(keyFile)))
	}
	oldFile := filepath.Join(dir, "old.key")
	write(t, oldFile, old)
	stale, err := vault.OpenKeys(vault.KeySource{File: oldFile})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, path, stale, vault.ErrKeyUnfit)
	refused(t, filepath.Join(dir, "blobs", id+".age"), stale, vault.ErrKeyUnfit)

	if err := stale.BeginRotation(""); !errors.Is(err, vault.ErrNotManaged) {
		t.Errorf("rotating a foreign key file = %v, want ErrNotManaged", err)
	}
	if err := stale.BeginRotation(keyFile); err == nil {
		t.Error("rotation overwrote a key file")
	}
	to := filepath.Join(dir, "new", "cache.key")
	if err := errors.Join(stale.BeginRotation(to), stale.EndRotation()); err != nil {
		t.Fatal(err)
	}
	if stale.Path() != to || strings.Count(string(read(t, to)), "\n") != 1 {
		t.Errorf("Path = %s", stale.Path())
	}
}

// TestRotationGoesOn fails a rotation between its steps, again and again: the
// key that the first one made is the one that all of them seal with.
func TestRotationGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: dir}
	keys, err := vault.OpenKeys(source)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x.age")
	filled(t, path, keys, 3)
	if err := keys.BeginRotation(""); err != nil {
		t.Fatal(err)
	}
	begun := read(t, source.Managed)
	for _, when := range []string{"in the same program", "after a restart"} {
		if err := keys.BeginRotation(""); err != nil {
			t.Fatal(err)
		}
		if keys.Count() != 2 || string(read(t, source.Managed)) != string(begun) {
			t.Errorf("%s: %d keys, or another one", when, keys.Count())
		}
		if keys, err = vault.OpenKeys(source); err != nil {
			t.Fatal(err)
		}
	}
	// Another file never gets the key that stands in this one.
	elsewhere := filepath.Join(dir, "new.key")
	other, err := vault.OpenKeys(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.BeginRotation(elsewhere); err != nil || other.Count() != 3 {
		t.Errorf("to another file: %d keys, %v", other.Count(), err)
	}
	f := open(t, path, keys)
	if err := errors.Join(f.Reseal(t.Context()), keys.EndRotation()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, f)
	if keys, err = vault.OpenKeys(source); err != nil || keys.Count() != 1 || strings.Contains(string(read(t, source.Managed)), "#") {
		t.Fatalf("%d keys, %v", keys.Count(), err)
	}
	if got := query(t, open(t, path, keys), "SELECT count(*) FROM t"); got != "3" {
		t.Errorf("rows = %s", got)
	}
	// The next rotation makes a key, and so does one of several keys that
	// somebody put into the file.
	write(t, source.Managed, append(read(t, source.Managed), read(t, elsewhere)...))
	if keys, err = vault.OpenKeys(source); err != nil {
		t.Fatal(err)
	}
	n := keys.Count()
	if err := keys.BeginRotation(""); err != nil || keys.Count() != n+1 {
		t.Errorf("of several keys: %d, want %d; %v", keys.Count(), n+1, err)
	}
}
