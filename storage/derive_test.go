package storage_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

// byDay derives one entry a day that has a lesson and no whole-day event.
func byDay(b school.Basis) []school.Entry {
	seen := map[school.Date]bool{}
	for _, e := range b.Days {
		seen[e.Span.Days.From] = true
	}
	var out []school.Entry
	for _, l := range b.Lessons {
		d := school.DateOf(l.Span.Start)
		if !seen[d] {
			out = append(out, school.Entry{UID: school.UID(string(b.Platform) + d.String()), Kind: school.KindDay, Title: l.Title, Span: school.AllDay(d, d)})
		}
		seen[d] = true
	}
	return out
}

// timetable is a read of the days from one to before another; one lesson each
// day, at 8 o'clock, with the title.
func (h *house) timetable(platform school.PlatformID, child school.Ref, from, to int, title string) school.Snapshot {
	s := school.Snapshot{
		Platform: platform, Child: school.Child{Ref: child}, Taken: h.clock.Now(),
		Covered: []school.Coverage{{Part: school.PartTimetable, Window: window(from, to)}},
	}
	if title == "" {
		return s
	}
	for d := from; d < to; d++ {
		start := day(d).At(8, 0, school.Stockholm())
		s.Timetable = append(s.Timetable, school.Lesson{Item: school.Item{
			UID: school.UID("l" + string(platform) + day(d).String()), Title: title, Span: school.Timed(start, start.Add(time.Hour)),
		}})
	}
	return s
}

func dates(entries []school.Entry) []int {
	var out []int
	for _, e := range entries {
		start, _ := e.Span.Bounds(school.Stockholm())
		out = append(out, day(0).DaysUntil(school.DateOf(start)))
	}
	return out
}

func TestDerivedEntries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.DeriveWith(byDay)
	account := storagetest.Account(t, h.DB, "fake", "child")
	c := h.apply(account, h.timetable("fake", "child", 0, 10, "Matematik"))
	want(t, "added", c.Added, map[school.Kind]int{school.KindLessons: 10, school.KindDay: 10})
	want(t, "derived", dates(h.entries(1, school.KindDay)), []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	before, first := h.revision(), h.inode(storage.CacheName)

	h.clock.Add(time.Hour)
	if c := h.apply(account, h.timetable("fake", "child", 0, 10, "Matematik")); c.Any() || h.revision() != before {
		t.Errorf("the same again: %+v", c)
	}
	if again := h.inode(storage.CacheName); again.ModTime() != first.ModTime() {
		t.Error("the same again writes cache.age")
	}

	// Two days are read and say something else: the others stay.
	c = h.apply(account, h.timetable("fake", "child", 3, 5, "Idrott"))
	want(t, "changed", c.Changed, map[school.Kind]int{school.KindLessons: 2, school.KindDay: 2})
	changes, _, err := h.ChangesSince(t.Context(), []school.ChildNumber{1}, []school.Kind{school.KindDay}, h.lastOf(before))
	if err != nil || len(changes) != 2 || changes[0].Deleted {
		t.Errorf("changes = %v, %v; want two of days", changes, err)
	}

	// A closure takes its day away, though no lesson was read.
	events := school.Snapshot{
		Platform: "fake", Child: school.Child{Ref: "child"}, Taken: h.clock.Now(),
		Calendar: []school.Event{{Item: school.Item{UID: "closed", Title: "Studiedag", Span: school.AllDay(day(4), day(4))}}},
		Covered:  []school.Coverage{{Part: school.PartCalendar, Window: window(0, 30)}},
	}
	c = h.apply(account, events)
	want(t, "deleted", c.Deleted, map[school.Kind]int{school.KindDay: 1})
	want(t, "derived", dates(h.entries(1, school.KindDay)), []int{0, 1, 2, 3, 5, 6, 7, 8, 9})

	readings, err := h.Readings(t.Context())
	want(t, "Readings", readings, []school.Reading{
		{Child: 1, Kind: school.KindDay, Entries: 9},
		{Child: 1, Kind: school.KindEvents, Entries: 1},
		{Child: 1, Kind: school.KindLessons, Entries: 10},
	}, cmpopts.IgnoreFields(school.Reading{}, "LastSuccess"))
	if err != nil || !readings[0].LastSuccess.Equal(readings[2].LastSuccess) || readings[0].LastSuccess.IsZero() {
		t.Errorf("days were read %v, lessons %v, %v", readings[0].LastSuccess, readings[2].LastSuccess, err)
	}
}

// lastOf returns the revision of days at the time of rev.
func (h *house) lastOf(rev storage.Revision) storage.Revision {
	h.t.Helper()
	all, _, err := h.ChangesSince(h.t.Context(), []school.ChildNumber{1}, []school.Kind{school.KindDay}, storage.Revision{})
	if err != nil {
		h.t.Fatal(err)
	}
	var out storage.Revision
	for _, c := range all {
		if c.Seq <= rev.Seq {
			out = storage.Revision{Seq: c.Seq, Mark: c.Mark}
		}
	}
	return out
}

// A week of lessons that vanishes is held back, and what is derived from it
// with it.
func TestDerivedEntriesAreHeldWithTheirLessons(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.DeriveWith(byDay)
	account := storagetest.Account(t, h.DB, "fake", "child")
	h.apply(account, h.timetable("fake", "child", 0, 14, "Matematik"))
	h.clock.Add(time.Hour)
	if c := h.apply(account, h.timetable("fake", "child", 7, 14, "")); len(c.Held) != 1 || len(h.entries(1, school.KindDay)) != 14 {
		t.Errorf("held %v, %d days; want the lessons, 14", c.Held, len(h.entries(1, school.KindDay)))
	}
	h.clock.Add(time.Hour)
	h.apply(account, h.timetable("fake", "child", 7, 14, ""))
	want(t, "after a second read", dates(h.entries(1, school.KindDay)), []int{0, 1, 2, 3, 4, 5, 6})
}

// Another version of the rules replaces what the last one had made, at the
// next read, though nothing else has changed.
func TestNewRulesReplaceDerivedEntries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.DeriveWith(byDay)
	account := storagetest.Account(t, h.DB, "other", "child")
	h.apply(account, h.timetable("other", "child", 0, 3, "Matematik"))
	h.reopen()
	h.DeriveWith(func(b school.Basis) []school.Entry { return byDay(b)[1:] })
	c := h.apply(account, h.timetable("other", "child", 0, 3, "Matematik"))
	want(t, "deleted", c.Deleted, map[school.Kind]int{school.KindDay: 1})

	h.DeriveWith(func(b school.Basis) []school.Entry { return b.Lessons })
	if _, err := h.Apply(t.Context(), account, h.timetable("other", "child", 0, 3, "Matematik")); err == nil {
		t.Error("an entry that is not derived was taken")
	}
	want(t, "days", len(h.entries(1, school.KindDay)), 2)
}
