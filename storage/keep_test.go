package storage_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

const oneDay = 24 * time.Hour

// sweep runs the daily sweep and returns what it removed.
func (h *house) sweep() storage.Removed {
	h.t.Helper()
	out, err := h.Sweep(h.t.Context())
	if err != nil {
		h.t.Fatalf("Sweep: %v", err)
	}
	return out
}

// later lets days pass, with a sweep on each.
func (h *house) later(days int) (out storage.Removed) {
	h.t.Helper()
	out.Kinds = map[school.Kind]int{}
	for range days {
		h.clock.Add(oneDay)
		got := h.sweep()
		for k, n := range got.Kinds {
			out.Kinds[k] += n
		}
		out.Files += got.Files
		out.Log += got.Log
		out.Children = append(out.Children, got.Children...)
	}
	return out
}

func TestLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	want(t, "Limits", second2(h.Limits(t.Context())), school.DefaultLimits())
	for s, l := range map[school.Shelf]school.Limit{school.ShelfNews: 30, school.ShelfLessons: school.LimitNone, school.ShelfMeals: school.LimitYear} {
		if err := h.PutLimit(t.Context(), s, l); err != nil {
			t.Fatal(err)
		}
	}
	h.reopen()
	chosen := school.DefaultLimits()
	chosen[school.ShelfNews], chosen[school.ShelfLessons], chosen[school.ShelfMeals] = 30, 0, school.LimitYear
	want(t, "chosen", second2(h.Limits(t.Context())), chosen)
	for s, l := range map[school.Shelf]school.Limit{"betyg": 1, school.ShelfNews: -2, school.ShelfCare: school.MaxLimit + 1} {
		if err := h.PutLimit(t.Context(), s, l); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("PutLimit(%s, %d) = %v", s, l, err)
		}
	}
	from := second2(h.LettersFrom(t.Context()))
	want(t, "LettersFrom", from, day(-29).Start(school.Stockholm()))
	if err := h.PutLimit(t.Context(), school.ShelfNews, school.LimitNone); err != nil {
		t.Fatal(err)
	}
	if at := second2(h.LettersFrom(t.Context())); !at.IsZero() {
		t.Errorf("LettersFrom = %v where all are kept", at)
	}
}

// TestSweep: what was kept for long enough leaves as a deletion, on the day
// that was announced; the next read does not bring it back and tells nobody.
func TestSweep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.DeriveWith(byDay)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.everyKind("Ett ")
	h.apply(account, s)
	h.later(2) // the first one waits

	leaving := map[school.Shelf]storage.Leaving{}
	for _, l := range second2(h.Leaving(t.Context())) {
		leaving[l.Shelf] = l
	}
	want(t, "lessons leave", leaving[school.ShelfLessons], storage.Leaving{Shelf: school.ShelfLessons, Limit: 60, Kept: 6, Next: day(60), Count: 2})
	want(t, "events leave", leaving[school.ShelfEvents], storage.Leaving{
		Shelf: school.ShelfEvents, Limit: school.LimitYear, Kept: 2, Next: school.NewDate(2027, 8, 1), Count: 2,
	})
	want(t, "the menu leaves", leaving[school.ShelfMeals], storage.Leaving{Shelf: school.ShelfMeals, Limit: 30, Kept: 1, Next: day(32), Count: 1})

	before := h.revision()
	want(t, "a month later", h.later(29).Kinds, map[school.Kind]int{})
	want(t, "then", h.later(1).Kinds, map[school.Kind]int{school.KindMeals: 1})
	want(t, "in two months", h.later(28).Kinds, map[school.Kind]int{school.KindLessons: 1, school.KindDay: 1})
	want(t, "next day", h.later(1).Kinds, map[school.Kind]int{school.KindLessons: 1, school.KindDay: 1})
	changes, _, err := h.ChangesSince(t.Context(), []school.ChildNumber{1}, []school.Kind{school.KindMeals}, storage.Revision{})
	if err != nil || len(changes) != 1 || !changes[0].Deleted {
		t.Errorf("programs hear %v, %v", changes, err)
	}
	if h.revision() == before {
		t.Error("the revision stands still")
	}

	// The school shows all of it still, and the read looks that far back.
	kept := h.keptOf(1)
	rev := h.revision()
	s.Taken = h.clock.Now()
	for i := range s.Covered {
		s.Covered[i].Window = window(-30, 100)
	}
	if c := h.apply(account, s); c.Any() || len(c.Held) > 0 {
		t.Errorf("read again: %v, held %v", counts(c), c.Held)
	}
	want(t, "kept", h.keptOf(1), kept)
	if h.revision() != rev || len(h.told()) > 0 {
		t.Errorf("something changed: %v", h.told())
	}

	for range 60 {
		h.clock.Add(6 * oneDay)
		h.later(1)
	}
	want(t, "in the end", h.keptOf(1), map[school.Kind]int{})
	if h.blobs() != 0 {
		t.Errorf("%d files left", h.blobs())
	}
	if c := h.apply(account, s); c.Any() || len(h.letters()) > 0 || h.blobs() > 0 {
		t.Errorf("old letters came back: %v", counts(c))
	}
}

// TestPicturesLeaveBeforeTheirLetter, which is no news again for that, neither
// then nor when it is read in full once more.
func TestPicturesLeaveBeforeTheirLetter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.snapshot(school.Coverage{Part: school.PartNews, Since: h.clock.Now().AddDate(-1, 0, 0)})
	n := news("a", 0)
	n.Ref, n.Published, n.Modified = "a", h.clock.Now(), h.clock.Now()
	n.Images = []school.Media{{Ref: "i", Name: "bild.jpg", Data: []byte("bild")}}
	n.Files = []school.Media{{Ref: "f", Name: "brev.pdf", Data: []byte("brev")}}
	s.News = []school.NewsItem{n}
	h.apply(account, s)
	first := h.letters()[0]
	got := h.later(89)
	want(t, "before", got.Files, 0)
	got = h.later(1)
	if got.Files != 1 || got.Kinds[school.KindNews] != 0 || h.blobs() != 1 {
		t.Errorf("Removed %+v, %d files left", got, h.blobs())
	}
	l := h.letters()[0]
	if len(l.Media) != 1 || l.Media[0].Name != "brev.pdf" || !l.Updated.Equal(first.Updated) || !l.FirstSeen.Equal(first.FirstSeen) {
		t.Errorf("the letter is %+v, was %+v", l, first)
	}
	s.Taken = h.clock.Now()
	if c := h.apply(account, s); c.Any() || h.blobs() != 1 {
		t.Errorf("read in full again: %v, %d files", counts(c), h.blobs())
	}
	h.reopen()
	if len(h.letters()[0].Media) != 1 {
		t.Error("the picture is missed")
	}
}

// TestClockThatJumps: a clock that is wrong for a while costs nothing.
func TestClockThatJumps(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	h.apply(account, h.everyKind("Ett "))
	h.later(3)
	before := h.keptOf(1)
	for _, jump := range []time.Duration{3000 * oneDay, -5000 * oneDay, 40 * oneDay} {
		h.clock.Add(jump)
		for range 20 { // a day with a wrong clock
			h.sweep()
			h.clock.Add(time.Hour)
		}
		h.clock.Add(-jump - 20*time.Hour)
		h.sweep()
		want(t, jump.String(), h.keptOf(1), before)
	}
	// Switched off for two summers: a day late.
	h.clock.Add(700 * oneDay)
	want(t, "first day", h.sweep().Any(), false)
	h.clock.Add(oneDay)
	if got := h.sweep(); got.Things() < 9 {
		t.Errorf("Removed %+v", got)
	}
	want(t, "kept", h.keptOf(1), map[school.Kind]int{})
}

// TestChildThatLeft is purged after a while, with its name, and goes by its
// number when it comes back.
func TestChildThatLeft(t *testing.T) {
	t.Parallel()
	h, source := keyed(t, t.TempDir())
	account := lively(t, h)
	h.roster(account, "fake", "other")
	h.later(89)
	if len(h.children()) != 2 {
		t.Fatalf("%d children", len(h.children()))
	}
	got := h.later(3)
	want(t, "Children", got.Children, []school.ChildNumber{1})
	if n := remnants(t, source); n > 0 || len(h.children()) != 1 {
		t.Errorf("%d remnants, %d children", n, len(h.children()))
	}
	want(t, "back again", h.roster(account, "fake", school.Ref(canaries()["ref"])), numbers{school.Ref(canaries()["ref"]): 1})
}

// TestLogIsSwept: sessions, counts of requests and links that were taken back.
func TestLogIsSwept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	ctx := t.Context()
	now := h.clock.Now()
	err := errors.Join(
		h.PutStay(ctx, account, school.Stay{Began: now, Ended: now.Add(time.Hour), Used: now}),
		h.PutStay(ctx, account, school.Stay{Began: now.Add(2 * time.Hour), Used: now}),
		h.AddRequests(ctx, account, day(0), 3),
		h.AddLink(ctx, school.Link{ID: "l", Label: "Mormor"}, secrets(1)),
		h.AddLink(ctx, school.Link{ID: "m", Label: "Morfar"}, secrets(2)),
		h.RevokeLink(ctx, "l"),
	)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "before", h.later(29).Log, 0)
	want(t, "Log", h.later(2).Log, 3)
	if stays := second2(h.Diary(ctx, account)); len(stays) != 1 || !stays[0].Ended.IsZero() {
		t.Errorf("diary %+v", stays)
	}
	if links := second2(h.Links(ctx)); len(links) != 1 || links[0].ID != "m" {
		t.Errorf("links %v", links)
	}
}

// TestKeepAll: no limit applies to children that are named.
func TestKeepAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.KeepAll(func(n school.ChildNumber) bool { return n == 2 })
	account := storagetest.Account(t, h.DB, "fake", "child", "sister")
	old := func(ref school.Ref) school.Snapshot {
		s := h.snapshot(calendar(-400, 400))
		s.Child.Ref = ref
		for i, d := range []int{-370, -200, 1, 370} {
			s.Calendar = append(s.Calendar, event(letters(4)[i], d))
		}
		return s
	}
	h.apply(account, old("child"))
	h.apply(account, old("sister"))
	h.later(3)
	if a, b := len(h.entries(1, school.KindEvents)), len(h.entries(2, school.KindEvents)); a != 2 || b != 4 {
		t.Errorf("%d and %d events, want 2 and 4", a, b)
	}
	for _, l := range second2(h.Leaving(t.Context())) {
		if l.Shelf == school.ShelfEvents && (l.Kept != 6 || l.Count != 1) {
			t.Errorf("Leaving %+v", l)
		}
	}
}

func TestSweepOncePerDay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	h.apply(account, h.everyKind("Ett "))
	h.later(2)
	inode := h.inode(storage.CacheName)
	h.later(3)
	if again := h.inode(storage.CacheName); !again.ModTime().Equal(inode.ModTime()) {
		t.Error("a sweep that removes nothing writes cache.age")
	}
	if err := h.PutLimit(t.Context(), school.ShelfMeals, 1); err != nil {
		t.Fatal(err)
	}
	want(t, "twice a day", h.sweep(), storage.Removed{}, cmpopts.EquateEmpty())
	leaves := func() school.Date {
		t.Helper()
		for _, l := range second2(h.Leaving(t.Context())) {
			if l.Shelf == school.ShelfMeals {
				return l.Next
			}
		}
		return school.Date{}
	}
	want(t, "it says so", leaves(), day(6))
	h.clock.Add(oneDay)
	want(t, "before that day's sweep", leaves(), day(6))
	h.clock.Add(-oneDay)
	if got := h.later(1); got.Kinds[school.KindMeals] != 1 {
		t.Errorf("Removed %+v", got)
	}
}
