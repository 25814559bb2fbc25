package storage_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
)

// opens reports which of the tokens open link l.
func (h *house) opens(use storage.TokenUse, hashes ...[32]byte) (out []bool) {
	h.t.Helper()
	for _, hash := range hashes {
		l, err := h.LinkByToken(h.t.Context(), use, hash)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			h.t.Fatal(err)
		}
		out = append(out, err == nil && l.ID == "l")
	}
	return out
}

func (h *house) rotate(s storage.Secrets, overlap time.Duration) {
	h.t.Helper()
	if err := h.PutSecrets(h.t.Context(), "l", s, h.clock.Now().Add(overlap)); err != nil {
		h.t.Fatal(err)
	}
}

func TestReplacedTokensOverlap(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * time.Hour
	h := newHouse(t)
	h.addLink(school.Link{ID: "l"}, 1)
	h.addLink(school.Link{ID: "other"}, 2)
	first := secrets(1)
	second := first
	second.Calendars, second.Password = [32]byte{9, 2}, [32]byte{9, 4}
	end := h.clock.Now().Add(week)
	h.rotate(second, week)
	h.reopen()
	want(t, "both calendars tokens", h.opens(storage.TokenCalendars, first.Calendars, second.Calendars), []bool{true, true})
	want(t, "an old token for another use", h.opens(storage.TokenFeeds, first.Calendars), []bool{false})
	if l, err := h.LinkByToken(t.Context(), storage.TokenCalendars, first.Calendars); err != nil || !l.Expires.Equal(end) {
		t.Errorf("by the old token the link expires %s (%v), want %s", l.Expires, err, end)
	}
	if l, err := h.LinkByToken(t.Context(), storage.TokenCalendars, second.Calendars); err != nil || !l.Expires.IsZero() {
		t.Errorf("by the new token the link expires %s (%v), want never", l.Expires, err)
	}
	want(t, "Overlaps", overlaps(h), map[school.LinkID]time.Time{"l": end})
	if p, err := h.LinkPassword(t.Context(), "l"); err != nil || p != second.Password {
		t.Errorf("the password did not change at once (%v)", err)
	}
	h.clock.Add(2 * time.Hour)
	third := second
	third.Calendars = [32]byte{10, 2}
	h.rotate(third, week)
	want(t, "three generations", h.opens(storage.TokenCalendars, first.Calendars, second.Calendars, third.Calendars), []bool{true, true, true})
	h.clock.Add(week - 2*time.Hour - time.Second)
	want(t, "a second before", h.opens(storage.TokenCalendars, first.Calendars, second.Calendars), []bool{true, true})
	h.clock.Add(time.Second)
	want(t, "a week later", h.opens(storage.TokenCalendars, first.Calendars, second.Calendars, third.Calendars), []bool{false, true, true})
	h.clock.Add(2 * time.Hour)
	want(t, "the second's week is over", h.opens(storage.TokenCalendars, second.Calendars, third.Calendars), []bool{false, true})
	want(t, "Overlaps", overlaps(h), map[school.LinkID]time.Time{})
}

func overlaps(h *house) map[school.LinkID]time.Time {
	h.t.Helper()
	out, err := h.Overlaps(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func TestReplacedTokensEnd(t *testing.T) {
	t.Parallel()
	first, second, third := secrets(1), secrets(1), secrets(1)
	second.Page, second.Feeds = [32]byte{9, 1}, [32]byte{9, 3}
	third.Page, third.Feeds = [32]byte{10, 1}, second.Feeds
	for name, end := range map[string]func(h *house) error{
		"by another at once": func(h *house) error { return h.PutSecrets(h.t.Context(), "l", third, time.Time{}) },
		"with the link":      func(h *house) error { return h.RevokeLink(h.t.Context(), "l") },
		"by the link's own end": func(h *house) error {
			l := h.link("l")
			l.Expires = h.clock.Now()
			return h.PutLink(h.t.Context(), l)
		},
	} {
		h := newHouse(t)
		h.addLink(school.Link{ID: "l"}, 1)
		h.rotate(second, time.Hour)
		want(t, name+": before", h.opens(storage.TokenPage, first.Page, second.Page), []bool{true, true})
		if err := end(h); err != nil {
			t.Fatal(err)
		}
		want(t, name, h.opens(storage.TokenPage, first.Page, second.Page), []bool{false, false})
		alive := name == "by another at once" // the feeds token was not replaced then
		want(t, name+": feeds", h.opens(storage.TokenFeeds, first.Feeds, second.Feeds), []bool{alive, alive})
	}
}

func TestLinkUses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.addLink(school.Link{ID: "l"}, 1)
	for _, use := range []struct {
		family string
		day    int
	}{{"apple", 1}, {"google", 3}, {"apple", 2}, {"apple", 2}, {"google", 1}} {
		if err := h.TouchLink(t.Context(), "l", use.family, day(use.day)); err != nil {
			t.Fatal(err)
		}
	}
	h.reopen()
	got, err := h.LinkUses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want(t, "LinkUses", got, []storage.Use{{Link: "l", Family: "google", Day: day(3)}, {Link: "l", Family: "apple", Day: day(2)}})
	if got := school.DateOf(h.link("l").LastUsed); got != day(3) {
		t.Errorf("LastUsed = %s, want %s", got, day(3))
	}
}

// refusal is the error of a call whose value does not matter.
func refusal[T any](_ T, err error) error { return err }
