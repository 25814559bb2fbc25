package storage_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"syncd/source/school"
	"syncd/storage"
)

func TestOldStatePutBack(t *testing.T) {
	t.Parallel()
	h, a := lived(t)
	old := h.keep(storage.StateName)
	h.open()
	key := second2(h.UIDKey(t.Context()))
	generation := second2(h.Generation(t.Context()))
	// Something that must not be undone: a link is revoked, another made.
	h.addLink(school.Link{ID: "l3"}, 3)
	if err := h.RevokeLink(t.Context(), "l1"); err != nil {
		t.Fatal(err)
	}
	want(t, "third", h.roster(h.account("other"), "other", "third"), numbers{"third": 3})
	h.close()
	h.back(storage.StateName, old)
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{OldState: true})
	if l := h.link("l1"); l.Live(h.clock.Now()) || !l.Suspended.Equal(h.clock.Now()) {
		t.Errorf("a revoked link revived: %+v", l)
	}
	if l := h.link("l2"); !l.Suspended.IsZero() || l.Revoked.IsZero() {
		t.Errorf("a link that was revoked before: %+v", l)
	}
	if _, err := h.Session(t.Context(), a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Session = %v, want ErrNotExist", err)
	}
	if got, _ := h.Account(t.Context(), a); got.State != school.Expired || got.Problem != school.ProblemSignIn {
		t.Errorf("State, Problem = %s, %s", got.State, got.Problem)
	}
	if string(second2(h.UIDKey(t.Context()))) != string(key) || second2(h.Generation(t.Context())) != generation {
		t.Error("the key or the cache's generation changed")
	}
	want(t, "entries", uids(h.entries(1, school.KindEvents)), []string{"a", "b"})
	want(t, "a number is not given again", h.roster(a, "fake", "child", "fourth"), numbers{"child": 1, "fourth": 4})
	for _, c := range h.children() {
		for _, id := range c.Identities {
			if id.Platform == "other" && (len(id.Accounts) != 0 || id.Gone.IsZero()) {
				t.Errorf("child %d is listed by an account that is not there", c.Number)
			}
		}
	}
	// It is told once, and the guardian's confirmation lasts.
	l := h.link("l1")
	l.Suspended = l.Revoked
	if err := h.PutLink(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	want(t, "Opened again", h.Opened(), storage.Opened{})
	if !h.link("l1").Live(h.clock.Now()) {
		t.Error("the confirmed link does not live")
	}
	// The same old file again is noticed again.
	h.close()
	h.back(storage.StateName, old)
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{OldState: true})
}

// TestEveryLinkChangeWritesBothFiles puts state.age back as it was before one
// change each, which must be noticed.
func TestEveryLinkChangeWritesBothFiles(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(h *house) error{
		"link added":       func(h *house) error { return h.AddLink(h.t.Context(), school.Link{ID: "new"}, secrets(7)) },
		"link revoked":     func(h *house) error { return h.RevokeLink(h.t.Context(), "l1") },
		"secrets rotated":  func(h *house) error { return h.PutSecrets(h.t.Context(), "l1", secrets(8), h.clock.Now()) },
		"password changed": func(h *house) error { return h.PutGuardian(h.t.Context(), storage.Guardian{User: "bo", Hash: "ny"}) },
		"guardian deleted": func(h *house) error {
			g, err := h.Guardian(h.t.Context(), "bo")
			return errors.Join(err, h.DeleteGuardian(h.t.Context(), g.ID))
		},
		"expiry set": func(h *house) error {
			l := h.link("l1")
			l.Expires = h.clock.Now()
			return h.PutLink(h.t.Context(), l)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := lived(t)
			old := h.keep(storage.StateName)
			h.open()
			if err := change(h); err != nil {
				t.Fatal(err)
			}
			h.close()
			h.back(storage.StateName, old)
			h.open()
			want(t, "Opened", h.Opened(), storage.Opened{OldState: true})
		})
	}
}

func TestOldCachePutBack(t *testing.T) {
	t.Parallel()
	h, a := lived(t)
	old := h.keep(storage.CacheName)
	h.open()
	generation := second2(h.Generation(t.Context()))
	h.apply(a, h.events("a", "b", "c"))
	if err := h.PutState(t.Context(), a, school.Active, ""); err != nil { // as after each sync
		t.Fatal(err)
	}
	want(t, "third", h.roster(h.account("other"), "other", "third"), numbers{"third": 3})
	h.close()
	h.back(storage.CacheName, old)
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{OldCache: true})
	if got := second2(h.Generation(t.Context())); got == generation {
		t.Error("the generation stayed: old sync tokens would be taken for good")
	}
	if h.due() != 2 {
		t.Errorf("%d accounts are due, want both", h.due())
	}
	if r := second2(h.Readings(t.Context())); !r[0].LastSuccess.IsZero() {
		t.Errorf("LastSuccess = %s of data that are older", r[0].LastSuccess)
	}
	if !h.link("l1").Live(h.clock.Now()) || second(h.Session(t.Context(), a)) != nil {
		t.Error("links or sessions suffered")
	}
	want(t, "entries", uids(h.entries(1, school.KindEvents)), []string{"a", "b"})
	want(t, "numbers", h.roster(h.account("fake"), "fake", "child", "new"), numbers{"child": 1, "new": 4})
	h.reopen()
	want(t, "Opened again", h.Opened(), storage.Opened{})
}

func TestLostCache(t *testing.T) {
	t.Parallel()
	h, a := lived(t)
	old := h.keep(storage.CacheName)
	h.open()
	key, generation := second2(h.UIDKey(t.Context())), second2(h.Generation(t.Context()))
	h.close()
	if err := os.Remove(h.path(storage.CacheName)); err != nil {
		t.Fatal(err)
	}
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{LostCache: true})
	if string(second2(h.UIDKey(t.Context()))) != string(key) || second2(h.Generation(t.Context())) == generation {
		t.Error("the key changed, or the generation did not")
	}
	if h.due() != 1 || h.blobs() != 0 || second(h.Session(t.Context(), a)) != nil || !h.link("l1").Live(h.clock.Now()) {
		t.Errorf("%d due, %d files", h.due(), h.blobs())
	}
	want(t, "numbers", h.roster(a, "fake", "sister", "child", "new"), numbers{"child": 1, "sister": 2, "new": 3})
	s := h.events("a")
	if c := h.apply(a, s); !c.First {
		t.Error("First = false: the flood would be announced")
	}
	h.close()
	h.back(storage.CacheName, old)
	h.open()
	want(t, "the lost one put back later", h.Opened(), storage.Opened{OldCache: true})
	want(t, "numbers", h.roster(a, "fake", "sister", "child", "new"), numbers{"child": 1, "sister": 2, "new": 3})
}

func TestLostState(t *testing.T) {
	t.Parallel()
	h, a := lived(t)
	old := h.keep(storage.StateName)
	h.open()
	key, generation := second2(h.UIDKey(t.Context())), second2(h.Generation(t.Context()))
	h.close()
	if err := os.Remove(h.path(storage.StateName)); err != nil {
		t.Fatal(err)
	}
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{LostState: true})
	if string(second2(h.UIDKey(t.Context()))) != string(key) || second2(h.Generation(t.Context())) != generation {
		t.Error("the key or the generation changed")
	}
	if l, err := h.Links(t.Context()); err != nil || len(l) != 0 {
		t.Errorf("Links = %v, %v", l, err)
	}
	if _, err := h.Account(t.Context(), a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Account = %v", err)
	}
	want(t, "entries stay", uids(h.entries(1, school.KindEvents)), []string{"a", "b"})
	// A new account that never had the children takes nothing with it.
	b := h.account("fake")
	h.roster(b, "fake")
	if _, err := h.DeleteAccount(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	b = h.account("fake")
	want(t, "numbers", h.roster(b, "fake", "new", "child"), numbers{"child": 1, "new": 3})
	if c := h.apply(b, h.events("a", "b")); c.Any() || c.First {
		t.Errorf("Changes = %v", counts(c))
	}
	h.close()
	h.back(storage.StateName, old)
	h.open()
	want(t, "the lost one put back later", h.Opened(), storage.Opened{OldState: true})
	if h.link("l1").Live(h.clock.Now()) {
		t.Error("its link lives")
	}
	want(t, "no number twice", h.roster(a, "fake", "new", "child", "newer"), numbers{"child": 1, "new": 3, "newer": 4})
}

func TestBothLost(t *testing.T) {
	t.Parallel()
	h, _ := lived(t)
	for _, name := range []string{storage.CacheName, storage.StateName} {
		if err := os.Remove(h.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{First: true})
	if h.blobs() != 0 {
		t.Errorf("%d files left", h.blobs())
	}
}

// TestNumbersOfTwoHistories puts back cache.age of a history that went
// another way after both files had been put back unnoticed.
func TestNumbersOfTwoHistories(t *testing.T) {
	t.Parallel()
	h, a := lived(t)
	cache, state := h.keep(storage.CacheName), h.keep(storage.StateName)
	h.open()
	want(t, "one way", h.roster(a, "fake", "x"), numbers{"x": 3})
	s := h.events("of-x")
	s.Child.Ref = "x"
	h.apply(a, s)
	h.close()
	other := h.keep(storage.CacheName)
	h.back(storage.CacheName, cache)
	h.back(storage.StateName, state)
	h.open()
	want(t, "the other way", h.roster(a, "fake", "child", "y"), numbers{"child": 1, "y": 3})
	h.close()
	h.back(storage.CacheName, other)
	h.open()
	if o := h.Opened(); !o.LostCache && !o.OldState {
		t.Errorf("Opened = %+v", o)
	}
	for _, n := range []school.ChildNumber{1, 2, 3, 4, 5} {
		for _, e := range h.entries(n, school.KindEvents) {
			if e.UID == "of-x" && h.roster(a, "fake", "child", "y", "x")["x"] != n {
				t.Error("one child's entries stand under another's number")
			}
		}
	}
	got := h.roster(a, "fake", "child", "x", "y")
	if got["child"] != 1 || got["x"] == got["y"] {
		t.Errorf("numbers %v", got)
	}
}
