package backup_test

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// home is a data folder, its key file, and a folder for backups.
type home struct {
	*storage.DB

	t                  *testing.T
	data, key, backups string
	keys               *vault.Keys
	clock              *storagetest.Clock
	account, big       school.AccountID
}

const picture = "en bild av en hel klass, lång nog att kännas igen"

// newHome returns a home with two accounts of one child each, entries, a
// letter with a picture each, and two links of which one is revoked.
func newHome(t *testing.T) *home {
	t.Helper()
	dir := t.TempDir()
	h := &home{
		t: t, data: filepath.Join(dir, "data"), key: filepath.Join(dir, "keys", "cache.key"),
		backups: filepath.Join(dir, "backups"), clock: storagetest.NewClock(storagetest.Start()),
	}
	var err error
	if h.keys, err = vault.OpenKeys(vault.KeySource{Managed: h.key, Data: h.data}); err != nil {
		t.Fatal(err)
	}
	h.open()
	h.account = h.fill("fake", "en bild till")
	h.fill("other", picture)
	for i, id := range []school.LinkID{"l1", "l2"} {
		if err := h.AddLink(t.Context(), school.Link{ID: id, Label: string(id)}, secrets(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.RevokeLink(t.Context(), "l2"); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *home) fill(platform school.PlatformID, content string) school.AccountID {
	h.t.Helper()
	a := storagetest.Account(h.t, h.DB, platform, "child")
	s := storagetest.Snapshot(20)
	s.Platform = platform
	for i := range s.Calendar {
		s.Calendar[i].UID += school.UID("-" + platform)
	}
	at := storagetest.Start()
	s.News = []school.NewsItem{{
		Ref: "n", UID: school.UID("n-" + platform), Title: "Brev", HTML: "<p>Hej</p>", Published: at, Modified: at,
		Images: []school.Media{{Ref: "i", Name: "bild.jpg", Type: "image/jpeg", Data: []byte(content)}},
	}}
	if _, err := h.Apply(h.t.Context(), a, s); err != nil {
		h.t.Fatal(err)
	}
	return a
}

func secrets(n int) storage.Secrets {
	b := [32]byte{byte(n)}
	return storage.Secrets{Page: b, Calendars: b, Feeds: b, Password: b, Media: b}
}

func (h *home) open() {
	h.t.Helper()
	h.DB = storagetest.OpenIn(h.t, h.data, h.keys, h.clock.Now)
	h.KeepAll(func(school.ChildNumber) bool { return true })
}

func (h *home) close() {
	h.t.Helper()
	if err := h.Close(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) options(passphrase string) backup.Options {
	return backup.Options{
		DB: h.DB, Dir: h.backups, Passphrase: []byte(passphrase), Version: "test", Now: h.clock.Now,
		Away: []string{filepath.Dir(h.key)},
	}
}

func (h *home) backUp(passphrase string) backup.Backup {
	h.t.Helper()
	b, err := backup.Write(h.t.Context(), h.options(passphrase))
	if err != nil {
		h.t.Fatalf("Write: %v", err)
	}
	return b
}

func (h *home) restore(b backup.Backup, replace bool) (storage.Restored, error) {
	keys, err := backup.Keys(b, h.keys, nil)
	if err != nil {
		return storage.Restored{}, err
	}
	return storage.Restore(h.t.Context(), storage.RestoreOptions{
		From: b.Path, FromKeys: keys, Dir: h.data, Keys: h.keys, Replace: replace, Now: h.clock.Now,
	})
}

// content is all that a guardian and a calendar program could tell apart.
type content struct {
	UIDKey     []byte
	Generation string
	Revision   storage.Revision
	Children   []storage.Child
	Entries    [][]school.Entry
	Letters    []school.Letter
	Pictures   []string
	Links      []school.LinkID
}

func contentOf(t *testing.T, db *storage.DB) (c content) {
	t.Helper()
	ctx := t.Context()
	var errs [6]error
	c.UIDKey, errs[0] = db.UIDKey(ctx)
	c.Generation, errs[1] = db.Generation(ctx)
	c.Revision, errs[2] = db.Revision(ctx, nil, nil)
	c.Children, errs[3] = db.Children(ctx)
	c.Letters, errs[4] = db.Letters(ctx, nil, nil, 0)
	for _, child := range c.Children {
		e, err := db.Entries(ctx, child.Number, school.KindEvents)
		errs[5] = errors.Join(errs[5], err)
		c.Entries = append(c.Entries, e)
	}
	links, err := db.Links(ctx)
	if err := errors.Join(append(errs[:], err)...); err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		c.Links = append(c.Links, l.ID)
	}
	for _, l := range c.Letters {
		for _, m := range l.Media {
			_, r, err := db.Media(ctx, m.ID)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil {
				t.Fatal(err)
			}
			c.Pictures = append(c.Pictures, string(b))
		}
	}
	return c
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// tree lists all files below a folder with their contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = string(b)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	delete(out, vault.LockName)
	return out
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// clean fails when a file below dir holds a piece of what was stored.
func clean(t *testing.T, dir string) {
	t.Helper()
	for name, text := range tree(t, dir) {
		for _, word := range []string{picture, "matsäck", "BarnA", "Händelse", "Brev", "bild.jpg"} {
			if strings.Contains(text, word) {
				t.Errorf("%s holds %q in the clear", name, word)
			}
		}
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func paths(all []backup.Backup) (out []string) {
	for _, b := range all {
		out = append(out, filepath.Base(b.Path))
	}
	slices.Sort(out)
	return out
}

// locks are the ways to seal a backup: passphrases, empty for the own key.
func locks() map[string]string {
	if slow {
		return map[string]string{"own key": ""}
	}
	return map[string]string{"own key": "", "passphrase": "korrekt häst batteri"}
}
