package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncd/storage/vault"
)

// managedKeys stand in a file, so that they can be replaced.
func managedKeys(t *testing.T) *vault.Keys {
	t.Helper()
	k, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(t.TempDir(), "keys", "cache.key")})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestFirstAndFixed: what was taken of keys before a rotation stays what it was.
func TestFirstAndFixed(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), managedKeys(t)
	old, fixed := filepath.Join(dir, "old.age"), keys.Fixed()
	filled(t, old, keys, 3)
	if err := keys.BeginRotation(""); err != nil {
		t.Fatal(err)
	}
	both, first := keys.Fixed(), keys.First()
	recent := filepath.Join(dir, "new.age")
	filled(t, recent, keys, 3)
	if err := keys.EndRotation(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		keys        *vault.Keys
		count       int
		old, recent bool
	}{
		"before": {fixed, 1, true, false}, "meanwhile": {both, 2, true, true}, "the first": {first, 1, false, true}, "afterwards": {keys, 1, false, true},
	} {
		if got := tc.keys.Count(); got != tc.count {
			t.Errorf("%s: %d keys, want %d", name, got, tc.count)
		}
		for path, opens := range map[string]bool{old: tc.old, recent: tc.recent} {
			if err := tc.keys.VerifyDatabase(path, purpose); (err == nil) != opens || err != nil && !errors.Is(err, vault.ErrKeyUnfit) {
				t.Errorf("%s: %s: %v", name, filepath.Base(path), err)
			}
		}
	}
}

// TestResealOthers seals blobs of another key with the first, and no others:
// their second names elsewhere stay, and so does what nobody opens.
func TestResealOthers(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), managedKeys(t)
	b, err := vault.OpenBlobs(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	put := func(text string) (id, path string) {
		t.Helper()
		id, _, err := b.Put(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return id, filepath.Join(dir, "blobs", id+".age")
	}
	id, path := put(canary)
	_, broken := put("en bild")
	other := filepath.Join(t.TempDir(), "link.age")
	if err := os.Link(path, other); err != nil {
		t.Fatal(err)
	}
	altered := read(t, broken)
	altered[len(altered)-1] ^= 1
	write(t, broken, altered)
	before := string(read(t, other))
	if err := keys.BeginRotation(""); err != nil {
		t.Fatal(err)
	}
	_, fresh := put("en ny bild")
	made := stat(t, fresh)
	if err := b.ResealOthers(); err != nil {
		t.Fatal(err)
	}
	if err := keys.EndRotation(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, b, id); got != canary {
		t.Error("the blob differs")
	}
	if string(read(t, other)) != before {
		t.Error("the second name leads to something else now")
	}
	if string(read(t, broken)) != string(altered) {
		t.Error("what is damaged was changed")
	}
	if !os.SameFile(made, stat(t, fresh)) {
		t.Error("a blob of the first key was written again")
	}
	scan(t, dir)
}
