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

// asides lists what was put aside, by the names of the files in it.
func (h *house) asides() (out []string) {
	h.t.Helper()
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(path, storage.UnreadableMark) {
			out = append(out, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// pictured is a house with a letter of two pictures, closed, and their files.
func pictured(t *testing.T) (h *house, account school.AccountID, s school.Snapshot, files []string) {
	t.Helper()
	h = newHouse(t)
	account = storagetest.Account(t, h.DB, "fake", "child")
	s = h.snapshot(since(100))
	s.News = []school.NewsItem{news("n", 1), news("m", 2)}
	s.News[0].Images = []school.Media{{Ref: "i", Data: []byte("bild")}, {Ref: "j", Data: []byte("en till")}}
	h.apply(account, s)
	for _, m := range h.letters()[0].Media {
		files = append(files, m.ID+".age")
	}
	h.close()
	return h, account, s, files
}

// TestPicturesOutliveTheirCache loses cache.age, or finds an older one: what
// that does not know of the pictures is put aside and not deleted.
func TestPicturesOutliveTheirCache(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(h *house, old []byte) error{
		"cache lost": func(h *house, _ []byte) error { return os.Remove(h.path(storage.CacheName)) },
		"both lost": func(h *house, _ []byte) error {
			return errors.Join(os.Remove(h.path(storage.CacheName)), os.Remove(h.path(storage.StateName)))
		},
		"older cache": func(h *house, old []byte) error { h.back(storage.CacheName, old); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			account := storagetest.Account(t, h.DB, "fake", "child")
			h.close()
			old := h.keep(storage.CacheName)
			h.open()
			s := h.snapshot(since(100))
			s.News = []school.NewsItem{news("n", 1)}
			s.News[0].Images = []school.Media{{Ref: "i", Data: []byte("bild")}}
			h.apply(account, s)
			if err := h.PutState(t.Context(), account, school.Active, ""); err != nil {
				t.Fatal(err)
			}
			id := h.letters()[0].Media[0].ID
			whole := h.keep("blobs/" + id + ".age")
			h.close()
			good := h.keep(storage.CacheName)
			if err := lose(h, old); err != nil {
				t.Fatal(err)
			}
			h.open()
			want(t, "put aside", h.asides(), []string{id + ".age"})
			if h.blobs() != 0 {
				t.Errorf("%d files left", h.blobs())
			}
			h.reopen()
			want(t, "put aside, after another start", h.asides(), []string{id + ".age"})
			h.close()
			if name == "both lost" {
				return
			}
			// The cache is found again, and the pictures with it.
			h.back(storage.CacheName, good)
			h.back("blobs/"+id+".age", whole)
			h.open()
			if got := h.media(id); got != "bild" {
				t.Errorf("picture = %q", got)
			}
		})
	}
}

// TestPicturesAreCutShort: a file that cannot hold its picture is as good as
// gone, and its letter is asked for again.
func TestPicturesAreCutShort(t *testing.T) {
	t.Parallel()
	h, account, s, files := pictured(t)
	h.back("blobs/"+files[0], nil)
	h.open()
	want(t, "put aside", h.asides(), files[:1])
	known, err := h.KnownNews(t.Context(), "fake", "child")
	if _, ok := known["ref-n"]; err != nil || ok || len(known) != 1 {
		t.Errorf("KnownNews = %d, %v: the letter would not be read again", len(known), err)
	}
	h.apply(account, s)
	for i, want := range []string{"bild", "en till"} {
		if got := h.media(h.letters()[0].Media[i].ID); got != want {
			t.Errorf("picture %d = %q", i, got)
		}
	}
}

// TestRotateWithDamagedPictures: one damaged picture does not keep the old key
// alive. It is put aside, counted, and asked for again.
func TestRotateWithDamagedPictures(t *testing.T) {
	t.Parallel()
	h, account, s, files := pictured(t)
	source := vault.KeySource{Managed: filepath.Join(filepath.Dir(h.dir), "keys", "cache.key"), Data: t.TempDir()}
	var err error
	old := h.keys
	if h.keys, err = vault.OpenKeys(source); err != nil {
		t.Fatal(err)
	}
	moved := t.TempDir()
	if _, err := storage.Restore(t.Context(), storage.RestoreOptions{From: h.dir, FromKeys: old, Dir: moved, Keys: h.keys, Now: h.clock.Now}); err != nil {
		t.Fatal(err)
	}
	h.dir = moved
	damaged := h.keep("blobs/" + files[0])
	damaged[len(damaged)-3] ^= 1
	h.back("blobs/"+files[0], damaged)
	h.open()
	if n := h.blobs(); n != 2 {
		t.Fatalf("%d files", n)
	}
	lost, err := h.Rotate(t.Context(), "")
	if err != nil || lost != 1 || h.keys.Count() != 1 {
		t.Fatalf("Rotate = %d, %v, and %d keys", lost, err, h.keys.Count())
	}
	want(t, "put aside", h.asides(), files[:1])
	if seals, err := h.CheckSeals(); err != nil || seals.Err() != nil || seals.Blobs != 1 {
		t.Errorf("CheckSeals = %+v, %v", seals, err)
	}
	known, err := h.KnownNews(t.Context(), "fake", "child")
	if _, ok := known["ref-n"]; err != nil || ok {
		t.Errorf("KnownNews = %v, %v: the letter would not be read again", known, err)
	}
	h.apply(account, s)
	if got := h.media(h.letters()[0].Media[0].ID); got != "bild" {
		t.Errorf("picture = %q", got)
	}
}

// TestGiveUpUnreadable: beside good data a picture that is damaged, or in the
// place of another one, is put aside and asked for again.
func TestGiveUpUnreadable(t *testing.T) {
	t.Parallel()
	h, account, s, files := pictured(t)
	h.back("blobs/"+files[0], h.keep("blobs/"+files[1]))
	h.open()
	lost, err := h.GiveUpUnreadable(t.Context())
	if err != nil || lost != 1 {
		t.Fatalf("GiveUpUnreadable = %d, %v", lost, err)
	}
	want(t, "put aside", h.asides(), files[:1])
	if seals, err := h.CheckSeals(); err != nil || seals.Err() != nil || seals.Blobs != 1 {
		t.Errorf("CheckSeals = %+v, %v", seals, err)
	}
	h.reopen()
	h.apply(account, s)
	if got := h.media(h.letters()[0].Media[0].ID); got != "bild" {
		t.Errorf("picture = %q", got)
	}
	if lost, err := h.GiveUpUnreadable(t.Context()); err != nil || lost != 0 || len(h.asides()) != 1 {
		t.Errorf("GiveUpUnreadable again = %d, %v", lost, err)
	}
}

func TestSetAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := storagetest.Start()
	var got []string
	for range 3 {
		if err := os.WriteFile(filepath.Join(dir, storage.CacheName), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		aside, err := storage.SetAside(filepath.Join(dir, storage.CacheName), now)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, filepath.Base(aside))
	}
	want(t, "names", got, []string{
		"cache.age.unreadable-20261005T060000Z", "cache.age.unreadable-20261005T060000Z-2", "cache.age.unreadable-20261005T060000Z-3",
	})
	if aside, err := storage.SetAside(filepath.Join(dir, storage.CacheName), now); aside != "" || err != nil {
		t.Errorf("SetAside of nothing = %s, %v", aside, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, storage.CacheName), 0o700); err != nil {
		t.Fatal(err)
	}
	if aside, err := storage.SetAside(filepath.Join(dir, storage.CacheName), now); !strings.HasSuffix(aside, "Z-4") || err != nil {
		t.Errorf("SetAside of a folder = %s, %v", aside, err)
	}
}
