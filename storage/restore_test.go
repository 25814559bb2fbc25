package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"syncd/storage"
)

// copyOut writes a copy of the open data and returns its folder.
func (h *house) copyOut() string {
	h.t.Helper()
	dir := h.t.TempDir()
	if _, err := h.Snapshot(h.t.Context(), storage.SnapshotOptions{Dir: dir, Keys: h.keys}); err != nil {
		h.t.Fatal(err)
	}
	return dir
}

// restore puts a copy in the place of the data, which are closed.
func (h *house) restore(from string) (storage.Restored, error) {
	h.t.Helper()
	return storage.Restore(h.t.Context(), storage.RestoreOptions{
		From: from, FromKeys: h.keys, Dir: h.dir, Keys: h.keys, Replace: true, Now: h.clock.Now,
	})
}

// TestRestoreBringsNoAccountBack restores a copy that nobody could clean, long
// after the account was removed and all other copies were cleaned.
func TestRestoreBringsNoAccountBack(t *testing.T) {
	t.Parallel()
	for _, lost := range []string{"", storage.StateName} {
		h, a := lived(t)
		h.open()
		first := h.copyOut()
		h.clock.Add(time.Hour)
		second := h.copyOut()
		if _, err := h.DeleteAccount(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if err := h.Cleaned(t.Context(), 1<<40); err != nil {
			t.Fatal(err)
		}
		without := h.copyOut()
		h.close()
		if lost != "" { // what cache.age knows is enough
			if err := os.Remove(h.path(lost)); err != nil {
				t.Fatal(err)
			}
		}
		for i, from := range []string{second, without, first} {
			r, err := h.restore(from)
			if wanted := map[string]int{first: 1, second: 1}[from]; err != nil || r.Deletions != wanted {
				t.Fatalf("restore %d, without %q: %+v, %v", i, lost, r, err)
			}
			h.open()
			if got, err := h.Accounts(t.Context()); err != nil || len(got) != 0 || len(h.children()) != 0 {
				t.Errorf("restore %d, without %q: %d accounts, %d children, %v", i, lost, len(got), len(h.children()), err)
			}
			h.close()
		}
	}
}

// TestTwoRestoresAtOnce makes several restores within one second: each keeps
// what it replaced, and nothing that an earlier one has put aside.
func TestTwoRestoresAtOnce(t *testing.T) {
	t.Parallel()
	h, _, _, files := pictured(t)
	h.open()
	from := h.copyOut()
	h.close()
	seen := map[string]bool{}
	for i := range 3 {
		r, err := h.restore(from)
		if err != nil {
			t.Fatalf("restore %d: %v", i, err)
		}
		if seen[r.Aside] {
			t.Errorf("restore %d put aside into %s again", i, r.Aside)
		}
		seen[r.Aside] = true
		if _, err := storage.Check(t.Context(), r.Aside, h.keys); err != nil {
			t.Errorf("restore %d: what it put aside: %v", i, err)
		}
		for _, name := range files {
			if _, err := os.Stat(filepath.Join(r.Aside, "blobs", name)); err != nil {
				t.Error(err)
			}
		}
		h.open()
		h.close()
	}
}

// TestRestoreThatNeverEnded opens what two restores within one second left
// before: the second cannot put the pictures where the first has put some.
func TestRestoreThatNeverEnded(t *testing.T) {
	t.Parallel()
	h, _, _, files := pictured(t)
	const aside = "replaced-20261005T060000Z"
	for _, dir := range []string{aside, "restore.ready"} {
		if err := os.CopyFS(h.path(dir), os.DirFS(h.path("blobs"))); err != nil {
			t.Fatal(err)
		}
		err := errors.Join(os.Mkdir(h.path(dir+"/blobs"), 0o700), os.Rename(h.path(dir+"/"+files[0]), h.path(dir+"/blobs/"+files[0])),
			os.Rename(h.path(dir+"/"+files[1]), h.path(dir+"/blobs/"+files[1])))
		if err != nil {
			t.Fatal(err)
		}
	}
	h.back("restore.ready/replaced", []byte(aside))
	h.back(aside+"/blobs/mine", nil)
	h.open()
	if got := h.media(h.letters()[0].Media[0].ID); got != "bild" {
		t.Errorf("picture = %q", got)
	}
	for _, name := range []string{aside + "/blobs/mine", aside + "-2/blobs/" + files[0]} {
		if _, err := os.Stat(h.path(name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(h.path("restore.ready")); err == nil {
		t.Error("the restore has not ended")
	}
	h.reopen()
	want(t, "children", len(h.children()), 1)
}
