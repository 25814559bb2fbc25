package storage_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// lived returns a house with one child, entries, a letter with a picture, a
// session, two links and a guardian, closed.
func lived(t *testing.T) (*house, school.AccountID) {
	t.Helper()
	h := newHouse(t)
	ctx := t.Context()
	a := storagetest.Account(t, h.DB, "fake", "child", "sister")
	s := h.events("a", "b")
	s.News = []school.NewsItem{news("n", 1)}
	s.News[0].Images = []school.Media{{Ref: "i", Data: []byte("bild")}}
	h.apply(a, s)
	h.addLink(school.Link{ID: "l1"}, 1)
	h.addLink(school.Link{ID: "l2"}, 2)
	err := errors.Join(
		h.PutGuardian(ctx, storage.Guardian{User: "bo", Hash: "h"}),
		h.PutSession(ctx, a, []byte("kaka")),
		h.PutOutcome(ctx, a, school.Outcome{State: school.Active, Finished: h.clock.Now(), NextDue: h.clock.Now().AddDate(0, 0, 1)}),
		h.RevokeLink(ctx, "l2"),
	)
	if err != nil {
		t.Fatal(err)
	}
	h.close()
	return h, a
}

func (h *house) due() int {
	h.t.Helper()
	d, err := h.Due(h.t.Context(), h.clock.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	return len(d)
}

func TestFirstOpen(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	want(t, "Opened", h.Opened(), storage.Opened{First: true})
	for name, mode := range map[string]os.FileMode{storage.CacheName: 0o600, storage.StateName: 0o600, "lock": 0o600, ".": 0o700, "blobs": 0o700} {
		if got := h.inode(name).Mode().Perm(); got != mode {
			t.Errorf("mode of %s = %o, want %o", name, got, mode)
		}
	}
	files := []os.FileInfo{h.inode(storage.CacheName), h.inode(storage.StateName)}
	for range 2 {
		h.reopen()
		want(t, "Opened again", h.Opened(), storage.Opened{})
	}
	if !os.SameFile(files[0], h.inode(storage.CacheName)) || !os.SameFile(files[1], h.inode(storage.StateName)) {
		t.Error("opening writes")
	}
	if h.Unsaved() != nil || h.Flush(t.Context()) != nil {
		t.Error("something is unsaved")
	}
	if size, limit, err := h.Size(t.Context()); size == 0 || limit < size || err != nil {
		t.Errorf("Size = %d, %d, %v", size, limit, err)
	}
}

func TestNothingHappened(t *testing.T) {
	t.Parallel()
	h, a := lived(t)
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{})
	if s, err := h.Session(t.Context(), a); err != nil || string(s) != "kaka" || h.due() != 0 || !h.link("l1").Live(h.clock.Now()) {
		t.Errorf("Session = %q, %v", s, err)
	}
}

func TestRequiredOptions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, o := range []storage.Options{
		{}, {Dir: h.dir}, {Dir: h.dir, Keys: h.keys}, {Dir: h.dir, Keys: h.keys, Now: h.clock.Now}, {Keys: h.keys, Now: h.clock.Now, Log: discard()},
	} {
		if db, err := storage.Open(t.Context(), o); err == nil {
			_ = db.Close()
			t.Errorf("Open(%v) succeeded", o)
		}
	}
}

func TestSecondOpener(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, err := openWith(t.Context(), h); !errors.Is(err, vault.ErrLocked) {
		t.Errorf("Open = %v, want ErrLocked", err)
	}
	h.close()
	lock, err := vault.LockFolder(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := storage.Open(t.Context(), storage.Options{Dir: h.dir, Keys: h.keys, Now: h.clock.Now, Log: discard(), Lock: lock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openWith(t.Context(), h); !errors.Is(err, vault.ErrLocked) {
		t.Errorf("Open = %v, want ErrLocked", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// An Open that fails gives the lock back too.
	lock, err = vault.LockFolder(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := storage.Open(t.Context(), storage.Options{Dir: h.dir, Lock: lock}); err == nil {
		t.Fatal("Open without keys succeeded")
	}
	h.open()
}

func TestRefusedFilesStayAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		do   func(h *house)
		want error
	}{
		{"cache damaged", func(h *house) { h.back(storage.CacheName, h.keep(storage.CacheName)[:5000]) }, vault.ErrDamaged},
		{"state damaged", func(h *house) { h.back(storage.StateName, nil) }, vault.ErrDamaged},
		{"another key", func(h *house) { h.keys = storagetest.Keys(h.t) }, vault.ErrKeyUnfit},
		{"swapped", func(h *house) {
			c, s := h.keep(storage.CacheName), h.keep(storage.StateName)
			h.back(storage.CacheName, s)
			h.back(storage.StateName, c)
		}, vault.ErrDamaged},
		{"of another installation", func(h *house) {
			other := newHouse(h.t)
			other.close()
			if err := os.RemoveAll(other.dir); err != nil {
				h.t.Fatal(err)
			}
			other.keys = h.keys
			other.open()
			other.close()
			h.back(storage.StateName, other.keep(storage.StateName))
		}, storage.ErrMismatch},
		{"of the future", func(h *house) {
			f, err := vault.OpenFile(h.t.Context(), vault.FileOptions{Path: h.path(storage.StateName), Purpose: storage.StatePurpose, Keys: h.keys})
			if err != nil {
				h.t.Fatal(err)
			}
			if err := storage.SetVersion(h.t.Context(), f, 999); err != nil {
				h.t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				h.t.Fatal(err)
			}
		}, storage.ErrNewer},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h, _ := lived(t)
			test.do(h)
			cache, state := h.keep(storage.CacheName), h.keep(storage.StateName)
			files := h.files()
			db, err := openWith(t.Context(), h)
			if err == nil {
				_ = db.Close()
			}
			if !errors.Is(err, test.want) {
				t.Fatalf("Open = %v, want %v", err, test.want)
			}
			if e, ok := errors.AsType[*vault.Error](err); !ok || e.Hint() == "" || !strings.Contains(err.Error(), h.dir) {
				t.Errorf("%v has no hint or no path", err)
			}
			if string(cache) != string(h.keep(storage.CacheName)) || string(state) != string(h.keep(storage.StateName)) {
				t.Error("a file was changed")
			}
			want(t, "files", h.files(), files)
		})
	}
}

func (h *house) files() (out []string) {
	h.t.Helper()
	err := filepath.WalkDir(h.dir, func(path string, _ fs.DirEntry, err error) error {
		out = append(out, path)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func TestNotSavedIsTold(t *testing.T) {
	t.Parallel()
	h, a := lived(t)
	h.open()
	if err := os.Rename(h.dir, h.dir+"2"); err != nil {
		t.Fatal(err)
	}
	c, err := h.Apply(t.Context(), a, h.events("a", "b", "c"))
	if !errors.Is(err, vault.ErrNotSaved) || c.Added[school.KindEvents] != 1 {
		t.Errorf("Apply = %v, %v, want the change and ErrNotSaved", counts(c), err)
	}
	if err := h.PutSession(t.Context(), a, []byte("ny")); !errors.Is(err, vault.ErrNotSaved) {
		t.Errorf("PutSession = %v: a token would be used that is not safe", err)
	}
	if err := h.RevokeLink(t.Context(), "l1"); !errors.Is(err, vault.ErrNotSaved) {
		t.Errorf("RevokeLink = %v", err)
	}
	if r, err := h.PutRoster(t.Context(), a, "fake", school.Roster{Children: []school.Child{{Ref: "child", Name: "Ny"}}}); !errors.Is(err, vault.ErrNotSaved) || r["child"] != 1 {
		t.Errorf("PutRoster = %v, %v", r, err)
	}
	want(t, "readers see it", uids(h.entries(1, school.KindEvents)), []string{"a", "b", "c"})
	if h.Unsaved() == nil || h.link("l1").Live(h.clock.Now()) {
		t.Errorf("Unsaved = %v", h.Unsaved())
	}
	if err := h.Flush(t.Context()); !errors.Is(err, vault.ErrNotSaved) {
		t.Errorf("Flush = %v", err)
	}
	if err := os.Rename(h.dir+"2", h.dir); err != nil {
		t.Fatal(err)
	}
	old := h.keep(storage.StateName)
	if err := h.Flush(t.Context()); err != nil || h.Unsaved() != nil {
		t.Fatalf("Flush = %v, Unsaved = %v", err, h.Unsaved())
	}
	h.reopen()
	want(t, "Opened", h.Opened(), storage.Opened{})
	want(t, "saved", uids(h.entries(1, school.KindEvents)), []string{"a", "b", "c"})
	if h.link("l1").Live(h.clock.Now()) {
		t.Error("the link revived")
	}
	h.close()
	h.back(storage.StateName, old)
	h.open()
	want(t, "the state before the revocation", h.Opened(), storage.Opened{OldState: true})
}

func TestRotate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.close()
	if err := os.RemoveAll(h.dir); err != nil {
		t.Fatal(err)
	}
	source := vault.KeySource{Managed: filepath.Join(filepath.Dir(h.dir), "keys", "cache.key"), Data: h.dir}
	var err error
	if h.keys, err = vault.OpenKeys(source); err != nil {
		t.Fatal(err)
	}
	h.open()
	a := storagetest.Account(t, h.DB, "fake", "child")
	s := h.events("a")
	s.News = []school.NewsItem{news("n", 1)}
	s.News[0].Images = []school.Media{{Data: []byte("bild")}}
	h.apply(a, s)
	key, generation := second2(h.UIDKey(t.Context())), second2(h.Generation(t.Context()))
	stale, err := os.ReadFile(source.Managed)
	if err != nil {
		t.Fatal(err)
	}
	h.addLink(school.Link{ID: "l"}, 1)
	h.reopen()
	if lost, err := h.Rotate(t.Context(), ""); err != nil || lost != 0 {
		t.Fatal(lost, err)
	}
	if err := h.Unsaved(); err != nil {
		t.Errorf("Unsaved = %v", err)
	}
	h.close()
	if h.keys, err = vault.OpenKeys(source); err != nil {
		t.Fatal(err)
	}
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{})
	want(t, "entries", uids(h.entries(1, school.KindEvents)), []string{"a"})
	if got := h.media(h.letters()[0].Media[0].ID); got != "bild" {
		t.Errorf("picture = %q", got)
	}
	if string(second2(h.UIDKey(t.Context()))) != string(key) || second2(h.Generation(t.Context())) != generation {
		t.Error("rotation changed the UID key or the generation")
	}
	h.close()
	old := filepath.Join(t.TempDir(), "old.key")
	if err := os.WriteFile(old, stale, 0o600); err != nil {
		t.Fatal(err)
	}
	if h.keys, err = vault.OpenKeys(vault.KeySource{File: old}); err != nil {
		t.Fatal(err)
	}
	if _, err := openWith(t.Context(), h); !errors.Is(err, vault.ErrKeyUnfit) {
		t.Errorf("the old key: %v, want ErrKeyUnfit", err)
	}
}
