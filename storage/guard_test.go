package storage_test

import (
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage/storagetest"
)

func TestMassDisappearance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		future  int // events ahead
		gone    int // of them, missing in the next read
		added   int // new ones in the next read
		deleted int // at once
	}{
		{"all", 20, 20, 0, 0},
		{"a third", 20, 7, 0, 0},
		{"just thirty per cent", 20, 6, 0, 6},
		{"few, though a large part", 6, 3, 0, 3},
		{"four of four", 4, 4, 0, 0},
		{"replaced by as many", 20, 20, 20, 20},
		{"replaced by fewer", 20, 20, 13, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			account := storagetest.Account(t, h.DB, "fake", "child")
			all := letters(test.future)
			h.apply(account, h.events(all...))
			h.clock.Add(time.Hour)
			next := h.events(all[test.gone:]...)
			for i, u := range letters(test.added) {
				next.Calendar = append(next.Calendar, event("new"+u, 30+i))
			}
			for i := range next.Calendar[:test.future-test.gone] {
				next.Calendar[i] = event(all[test.gone+i], test.gone+i+1) // where it was
			}
			c := h.apply(account, next)
			if got := c.Deleted[school.KindEvents]; got != test.deleted {
				t.Fatalf("deleted %d, want %d", got, test.deleted)
			}
			held := test.deleted == 0
			if (len(c.Held) == 1 && c.Held[0] == school.KindEvents) != held {
				t.Fatalf("Held = %v, want %v", c.Held, held)
			}
			if !held {
				return
			}
			if n := len(h.entries(1, school.KindEvents)); n != test.future+test.added {
				t.Fatalf("%d entries left", n)
			}
			// The same read again is no second opinion.
			if c := h.apply(account, next); c.Any() || len(c.Held) != 1 {
				t.Fatalf("the same read: %v, held %v", counts(c), c.Held)
			}
			h.reopen() // the memory survives a restart
			h.clock.Add(time.Hour)
			next.Taken = h.clock.Now()
			c = h.apply(account, next)
			if c.Deleted[school.KindEvents] != test.gone || c.Held != nil {
				t.Fatalf("second read: deleted %v, held %v", c.Deleted, c.Held)
			}
		})
	}
}

func TestHeldEntriesThatComeBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	all := letters(10)
	full := h.events(all...)
	h.apply(account, full)
	before := h.revision()
	read := func(s school.Snapshot) school.Changes {
		t.Helper()
		h.clock.Add(time.Hour)
		s.Taken = h.clock.Now()
		return h.apply(account, s)
	}
	empty := h.events()
	if c := read(empty); len(c.Held) != 1 {
		t.Fatalf("Held = %v", c.Held)
	}
	if c := read(full); c.Any() || c.Held != nil {
		t.Fatalf("back again: %v, %v", counts(c), c.Held)
	}
	if c := read(empty); c.Any() || len(c.Held) != 1 {
		t.Fatal("what came back in between was deleted")
	}
	want(t, "Revision", h.revision(), before)
	// A read that does not cover them neither agrees nor objects.
	if c := read(h.snapshot(calendar(50, 60))); c.Any() || c.Held != nil {
		t.Fatalf("uncovered read: %v, %v", counts(c), c.Held)
	}
	if c := read(empty); c.Deleted[school.KindEvents] != 10 {
		t.Fatalf("deleted %v, want all", c.Deleted)
	}
}

func TestSecondReadMissesMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	all := letters(20)
	h.apply(account, h.events(all...))
	at := func(uids ...string) school.Snapshot {
		h.clock.Add(time.Hour)
		s := h.snapshot(calendar(-100, 100))
		for i, u := range all {
			for _, v := range uids {
				if u == v {
					s.Calendar = append(s.Calendar, event(u, i+1))
				}
			}
		}
		return s
	}
	h.apply(account, at(all[8:]...))
	c := h.apply(account, at(all[19:]...))
	if c.Deleted[school.KindEvents] != 8 || len(c.Held) != 1 {
		t.Fatalf("deleted %v, held %v: want the eight that both missed", c.Deleted, c.Held)
	}
	want(t, "left", uids(h.entries(1, school.KindEvents)), all[8:])
}

func TestPastEventsAreNotGuarded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.snapshot(calendar(-100, 100))
	for i, u := range letters(20) {
		s.Calendar = append(s.Calendar, event(u, -1-i))
	}
	h.apply(account, s)
	if c := h.apply(account, h.snapshot(calendar(-100, 100))); c.Deleted[school.KindEvents] != 20 || c.Held != nil {
		t.Errorf("deleted %v, held %v", c.Deleted, c.Held)
	}
}

func TestWholeWeekOfLessons(t *testing.T) {
	t.Parallel()
	timetable := school.Coverage{Part: school.PartTimetable, Window: window(-30, 100)}
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	read := func(keep func(week, day, hour int) bool) school.Snapshot {
		h.clock.Add(time.Hour)
		s := h.snapshot(timetable)
		for week := range 10 {
			for d := range 5 {
				for hour := 8; hour < 11; hour++ {
					if keep(week, d, hour) {
						u := string(rune('a'+week)) + string(rune('0'+d)) + string(rune('a'+hour))
						s.Timetable = append(s.Timetable, lesson(u, week*7+d, hour))
					}
				}
			}
		}
		return s
	}
	h.apply(account, read(func(int, int, int) bool { return true }))
	// A week of fifteen is ten per cent: only the rule of weeks holds it.
	week3 := func(w, _, _ int) bool { return w != 3 }
	if c := h.apply(account, read(week3)); c.Any() || len(c.Held) != 1 || c.Held[0] != school.KindLessons {
		t.Fatalf("a week vanished: %v, held %v", counts(c), c.Held)
	}
	if c := h.apply(account, read(week3)); c.Deleted[school.KindLessons] != 15 || c.Held != nil {
		t.Fatalf("the second read: %v, held %v", counts(c), c.Held)
	}
	// All but one lesson of a week is no whole week.
	week5 := func(w, d, hour int) bool { return w != 3 && (w != 5 || d == 0 && hour == 8) }
	if c := h.apply(account, read(week5)); c.Deleted[school.KindLessons] != 14 || c.Held != nil {
		t.Fatalf("most of a week: %v, held %v", counts(c), c.Held)
	}
	// A week whose lessons were all replaced did not vanish.
	s := read(func(w, d, hour int) bool { return week5(w, d, hour) && w != 6 })
	for d := range 5 {
		s.Timetable = append(s.Timetable, lesson("new"+string(rune('0'+d)), 6*7+d, 9))
	}
	if c := h.apply(account, s); c.Deleted[school.KindLessons] != 15 || c.Added[school.KindLessons] != 5 || c.Held != nil {
		t.Fatalf("another timetable: %v, held %v", counts(c), c.Held)
	}
}

func TestGuardCountsEachKindByItself(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.events(letters(30)...)
	menu := school.Coverage{Part: school.PartMenu, Window: window(0, 50)}
	s.Covered = append(s.Covered, menu)
	for i := range 5 {
		s.Menu = append(s.Menu, school.Meal{Item: school.Item{UID: school.UID(letters(5)[i]), Span: school.AllDay(day(i), day(i))}})
	}
	h.apply(account, s)
	s.Menu = nil
	h.clock.Add(time.Hour)
	s.Taken = h.clock.Now()
	if c := h.apply(account, s); c.Any() || len(c.Held) != 1 || c.Held[0] != school.KindMeals {
		t.Errorf("%v, held %v", counts(c), c.Held)
	}
}
