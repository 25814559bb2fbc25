package storage_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

func secrets(n byte) storage.Secrets {
	return storage.Secrets{Page: [32]byte{n, 1}, Calendars: [32]byte{n, 2}, Feeds: [32]byte{n, 3}, Password: [32]byte{n, 4}, Media: [32]byte{n, 5}}
}

func (h *house) link(id school.LinkID) school.Link {
	h.t.Helper()
	l, err := h.Link(h.t.Context(), id)
	if err != nil {
		h.t.Fatalf("Link: %v", err)
	}
	return l
}

func (h *house) addLink(l school.Link, n byte) {
	h.t.Helper()
	if err := h.AddLink(h.t.Context(), l, secrets(n)); err != nil {
		h.t.Fatalf("AddLink: %v", err)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	start := storagetest.Start()
	full := school.Link{
		ID: "l1", Label: "Mormors platta", Children: []school.ChildNumber{2, 1}, Kinds: []school.Kind{school.KindMeals},
		Options: school.Options{Prefix: true, Cancelled: school.CancelledDrop, Language: "en", Merged: true, Day: true, UTC: true},
		Expires: start.AddDate(0, 1, 0),
	}
	h.addLink(full, 1)
	h.clock.Add(time.Second)
	h.addLink(school.Link{ID: "l2", Children: []school.ChildNumber{}}, 2)
	if h.AddLink(t.Context(), full, secrets(3)) == nil || h.AddLink(t.Context(), school.Link{}, secrets(3)) == nil ||
		h.AddLink(t.Context(), school.Link{ID: "l3"}, secrets(1)) == nil {
		t.Error("a link was added twice, without an id or with used tokens")
	}
	h.reopen()
	all, err := h.Links(t.Context())
	if err != nil || len(all) != 2 || all[1].Kinds != nil || all[1].Children == nil || len(all[1].Children) != 0 {
		t.Fatalf("Links = %+v, %v", all, err)
	}
	full.Created, full.OptionsChanged, full.Generation = start, start, all[0].Generation
	want(t, "Link", h.link("l1"), full)
	if full.Generation == "" || full.Generation == all[1].Generation {
		t.Errorf("Generation = %q, %q", full.Generation, all[1].Generation)
	}
	for use, hash := range map[storage.TokenUse][32]byte{
		storage.TokenPage: secrets(1).Page, storage.TokenCalendars: secrets(1).Calendars, storage.TokenFeeds: secrets(1).Feeds,
	} {
		if l, err := h.LinkByToken(t.Context(), use, hash); err != nil || l.ID != "l1" {
			t.Errorf("LinkByToken(%s) = %s, %v", use, l.ID, err)
		}
		for _, other := range []storage.TokenUse{storage.TokenPage, storage.TokenCalendars, storage.TokenFeeds} {
			if other == use {
				continue
			}
			if _, err := h.LinkByToken(t.Context(), other, hash); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the %s token opens %s: %v", use, other, err)
			}
		}
	}
	if _, err := h.LinkByToken(t.Context(), "password", secrets(1).Password); err == nil {
		t.Error("the password is taken for a token")
	}
	if p, err := h.LinkPassword(t.Context(), "l1"); err != nil || p != secrets(1).Password {
		t.Errorf("LinkPassword = %x, %v", p, err)
	}
	if k, err := h.LinkMediaKey(t.Context(), "l1"); err != nil || k != secrets(1).Media {
		t.Errorf("LinkMediaKey = %x, %v", k, err)
	}
}

func TestPutLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.addLink(school.Link{ID: "l"}, 1)
	was := h.link("l")
	h.clock.Add(time.Hour)
	file := h.inode(storage.CacheName)
	if err := h.PutLink(t.Context(), was); err != nil || !h.inode(storage.CacheName).ModTime().Equal(file.ModTime()) {
		t.Errorf("an unchanged link was written (%v)", err)
	}
	for _, test := range []struct {
		name   string
		change func(l *school.Link)
		scope  bool
	}{
		{"label", func(l *school.Link) { l.Label = "Ny" }, false},
		{"expiry", func(l *school.Link) { l.Expires = h.clock.Now().AddDate(1, 0, 0) }, false},
		{"options", func(l *school.Link) { l.Options.Merged = true }, true},
		{"children", func(l *school.Link) { l.Children = []school.ChildNumber{1} }, true},
		{"no children", func(l *school.Link) { l.Children = []school.ChildNumber{} }, true},
		{"all children", func(l *school.Link) { l.Children = nil }, true},
		{"kinds", func(l *school.Link) { l.Kinds = []school.Kind{school.KindCare} }, true},
	} {
		h.clock.Add(time.Minute)
		was := h.link("l")
		l := was
		test.change(&l)
		l.Created, l.Revoked, l.LastUsed, l.Generation, l.OptionsChanged = time.Time{}, h.clock.Now(), h.clock.Now(), "forged", time.Time{}
		if err := h.PutLink(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		got := h.link("l")
		if changed := got.Generation != was.Generation; changed != test.scope || got.OptionsChanged.Equal(h.clock.Now()) != test.scope || got.Generation == "forged" {
			t.Errorf("%s: Generation, OptionsChanged = %q, %s", test.name, got.Generation, got.OptionsChanged)
		}
		l.Created, l.Revoked, l.LastUsed, l.Generation, l.OptionsChanged = was.Created, was.Revoked, was.LastUsed, got.Generation, got.OptionsChanged
		want(t, test.name, got, l)
	}
	if err := h.PutLink(t.Context(), school.Link{ID: "x"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("PutLink of an unknown link = %v", err)
	}
}

func TestDeadLinksAreNotThere(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		end  func(h *house) error
	}{
		{"revoked", func(h *house) error { return h.RevokeLink(h.t.Context(), "l") }},
		{"revoked twice", func(h *house) error {
			return errors.Join(h.RevokeLink(h.t.Context(), "l"), h.RevokeLink(h.t.Context(), "l"))
		}},
		{"expired", func(h *house) error {
			l := h.link("l")
			l.Expires = h.clock.Now().Add(time.Minute)
			err := h.PutLink(h.t.Context(), l)
			h.clock.Add(time.Minute)
			return err
		}},
		{"suspended", func(h *house) error {
			l := h.link("l")
			l.Suspended = h.clock.Now()
			return h.PutLink(h.t.Context(), l)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.addLink(school.Link{ID: "l"}, 1)
			h.addLink(school.Link{ID: "other"}, 2)
			if err := test.end(h); err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{
				"page":      refusal(h.LinkByToken(t.Context(), storage.TokenPage, secrets(1).Page)),
				"calendars": refusal(h.LinkByToken(t.Context(), storage.TokenCalendars, secrets(1).Calendars)),
				"feeds":     refusal(h.LinkByToken(t.Context(), storage.TokenFeeds, secrets(1).Feeds)),
				"password":  refusal(h.LinkPassword(t.Context(), "l")),
				"media":     refusal(h.LinkMediaKey(t.Context(), "l")),
				"unknown":   refusal(h.LinkPassword(t.Context(), "x")),
			} {
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s = %v, want ErrNotExist", what, err)
				}
			}
			if _, err := h.LinkByToken(t.Context(), storage.TokenPage, secrets(2).Page); err != nil {
				t.Errorf("the other link: %v", err)
			}
			if got := h.link("l"); got.Live(h.clock.Now()) {
				t.Error("Live = true")
			}
		})
	}
}

func TestRotateSecrets(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.addLink(school.Link{ID: "l"}, 1)
	s, err := h.Secrets(t.Context(), "l")
	if err != nil || s != secrets(1) {
		t.Fatalf("Secrets differ, %v", err)
	}
	s.Feeds = [32]byte{9}
	if err := h.PutSecrets(t.Context(), "l", s, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.LinkByToken(t.Context(), storage.TokenFeeds, secrets(1).Feeds); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old token = %v", err)
	}
	for use, hash := range map[storage.TokenUse][32]byte{storage.TokenFeeds: s.Feeds, storage.TokenPage: s.Page} {
		if _, err := h.LinkByToken(t.Context(), use, hash); err != nil {
			t.Errorf("%s = %v", use, err)
		}
	}
	if err := h.RevokeLink(t.Context(), "l"); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"PutSecrets": h.PutSecrets(t.Context(), "l", s, time.Time{}), "Secrets": refusal(h.Secrets(t.Context(), "l")),
		"RevokeLink": h.RevokeLink(t.Context(), "x"), "TouchLink": h.TouchLink(t.Context(), "x", "other", day(0)),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s = %v, want ErrNotExist", what, err)
		}
	}
}

func TestTouchLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.addLink(school.Link{ID: "l"}, 1)
	for _, d := range []int{3, 3, 2} {
		if err := h.TouchLink(t.Context(), "l", "other", day(d)); err != nil {
			t.Fatal(err)
		}
		if got := school.DateOf(h.link("l").LastUsed); got != day(3) {
			t.Errorf("LastUsed = %s, want %s", got, day(3))
		}
	}
}
