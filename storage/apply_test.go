package storage_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

func TestApplyKeepsEverythingThatIsShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	loc := school.Stockholm()
	s := h.snapshot(
		calendar(-10, 300),
		school.Coverage{Part: school.PartSchedule, Window: window(-10, 300)},
		school.Coverage{Part: school.PartTimetable, Window: window(-10, 300)},
		school.Coverage{Part: school.PartMenu, Window: window(-10, 300)},
		school.Coverage{Part: school.PartTasks, Window: window(-10, 300)},
		school.Coverage{Part: school.PartCare, Window: window(-10, 300)},
	)
	full := event("full", 3)
	full.Place, full.Body, full.URL, full.Status = "Sal å", "rad 1\nrad 2", "https://example.se/x", school.StatusTentative
	full.Busy, full.Categories = true, []string{"Möte", "Klass, 4B"}
	closed := school.Event{Item: school.Item{UID: "days", Title: "Lov", Span: school.AllDay(day(10), day(14)), Status: school.StatusCancelled}}
	summer := school.Event{Item: school.Item{UID: "dst", Span: school.Timed(
		time.Date(2027, 3, 28, 0, 30, 0, 0, time.UTC).In(loc), time.Date(2027, 3, 28, 1, 30, 0, 0, time.UTC).In(loc))}}
	s.Calendar = []school.Event{full, closed, summer}
	s.Schedule = []school.Event{event("talk", 5)}
	s.Timetable = []school.Lesson{{Item: item("maths", 1, 8), Teacher: "T. T.", Group: "4B"}}
	s.Menu = []school.Meal{{Item: school.Item{UID: "soup", Title: "Soppa", Span: school.AllDay(day(1), day(1))}}}
	s.Tasks = []school.Task{{Item: item("task", 2, 9), Subject: "Svenska", Done: true}}
	s.Care = []school.Care{{Item: item("care", 2, 15)}}
	c := h.apply(account, s)
	want(t, "Changes", counts(c), map[string]map[school.Kind]int{"added": {
		school.KindEvents: 4, school.KindLessons: 1, school.KindMeals: 1, school.KindHomework: 1, school.KindCare: 1,
	}})
	if !c.First || c.Child != 1 || c.Held != nil {
		t.Errorf("First, Child, Held = %v, %d, %v", c.First, c.Child, c.Held)
	}
	h.reopen()
	for kind, from := range map[school.Kind][]school.Entry{
		school.KindEvents:   {full.Entry(), s.Schedule[0].Entry(), closed.Entry(), summer.Entry()},
		school.KindLessons:  {s.Timetable[0].Entry()},
		school.KindMeals:    {s.Menu[0].Entry()},
		school.KindHomework: {s.Tasks[0].Entry()},
		school.KindCare:     {s.Care[0].Entry()},
		school.KindDay:      {},
	} {
		for i := range from {
			from[i].Child, from[i].ChildName = 1, "BarnA"
			from[i].Created, from[i].Modified = storagetest.Start(), storagetest.Start()
		}
		got := h.entries(1, kind)
		if got == nil {
			got = []school.Entry{}
		}
		want(t, string(kind), got, from)
	}
	if got := h.entries(1, school.KindEvents)[3].Span.Start; got.Location().String() != school.Zone || got.Format("15:04 -0700") != "01:30 +0100" {
		t.Errorf("time before the clock change = %s", got)
	}
	if got := h.entries(9, school.KindEvents); got != nil {
		t.Errorf("entries of a child that is not there: %v", got)
	}
}

func TestApplyTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account, s := storagetest.Fill(t, h.DB, 200)
	s.News = []school.NewsItem{news("n1", 1)}
	s.News[0].Images = []school.Media{{Ref: "i", Name: "i.jpg", Type: "image/jpeg", Data: []byte("bild")}}
	s.Notices = []school.Notice{{UID: "m1", Title: "Hej", Sent: storagetest.Start()}}
	h.apply(account, s)
	before, file, all := h.revision(), h.inode(storage.CacheName), h.entries(1, school.KindEvents)
	for range 3 {
		h.clock.Add(time.Hour)
		s.Taken = h.clock.Now()
		if c := h.apply(account, s); c.Any() || c.First || c.Held != nil {
			t.Fatalf("Apply = %+v", counts(c))
		}
	}
	want(t, "Revision", h.revision(), before)
	want(t, "Entries", h.entries(1, school.KindEvents), all)
	if now := h.inode(storage.CacheName); !os.SameFile(file, now) || !now.ModTime().Equal(file.ModTime()) {
		t.Error("cache.age was written")
	}
	readings, err := h.Readings(t.Context())
	if err != nil || len(readings) != 3 || !readings[0].LastSuccess.Equal(h.clock.Now()) {
		t.Errorf("Readings = %v, %v", readings, err)
	}
}

func TestMovedEventIsOneChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.events("a", "b", "c")
	h.apply(account, s)
	before := h.revision()
	steps := []struct {
		name     string
		change   func(e *school.Event)
		sequence int
	}{
		{"moved", func(e *school.Event) { e.Span = event("b", 20).Span }, 1},
		{"renamed", func(e *school.Event) { e.Title = "Nytt" }, 1},
		{"cancelled", func(e *school.Event) { e.Status = school.StatusCancelled }, 2},
		{"longer", func(e *school.Event) { e.Span.End = e.Span.End.Add(time.Minute) }, 3},
		{"whole day", func(e *school.Event) { e.Span = school.AllDay(day(20), day(20)) }, 4},
		{"place", func(e *school.Event) { e.Place = "Hallen" }, 4},
		{"text", func(e *school.Event) { e.Body = "Ta med" }, 4},
		{"address", func(e *school.Event) { e.URL = "https://example.se" }, 4},
		{"busy", func(e *school.Event) { e.Busy = true }, 4},
		{"categories", func(e *school.Event) { e.Categories = []string{"x"} }, 4},
	}
	for _, step := range steps {
		h.clock.Add(time.Minute)
		s.Taken = h.clock.Now()
		step.change(&s.Calendar[1])
		want(t, step.name, counts(h.apply(account, s)), map[string]map[school.Kind]int{"changed": {school.KindEvents: 1}})
		list, to, err := h.ChangesSince(t.Context(), nil, nil, before)
		if err != nil || len(list) != 1 || list[0].UID != "b" || list[0].Deleted || list[0].Seq != to.Seq {
			t.Fatalf("%s: ChangesSince = %v, %v", step.name, list, err)
		}
		before = to
		for _, e := range h.entries(1, school.KindEvents) {
			switch {
			case e.UID != "b" && (e.Sequence != 0 || !e.Modified.Equal(storagetest.Start())):
				t.Errorf("%s: %s changed too", step.name, e.UID)
			case e.UID == "b" && (e.Sequence != step.sequence || !e.Modified.Equal(h.clock.Now()) || !e.Created.Equal(storagetest.Start())):
				t.Errorf("%s: Sequence, Modified, Created = %d, %s, %s", step.name, e.Sequence, e.Modified, e.Created)
			}
		}
	}
}

func TestModifiedNeverGoesBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.events("a")
	h.apply(account, s)
	h.clock.Add(-48 * time.Hour)
	s.Calendar[0].Title = "Nytt"
	h.apply(account, s)
	if got := h.entries(1, school.KindEvents)[0].Modified; !got.Equal(storagetest.Start()) {
		t.Errorf("Modified = %s after the clock went back", got)
	}
}

func TestOnlyTheCoveredIsDeleted(t *testing.T) {
	t.Parallel()
	two := func(from, to int) school.Coverage {
		return school.Coverage{Part: school.PartSchedule, Window: window(from, to)}
	}
	for _, test := range []struct {
		name    string
		covered []school.Coverage
		shown   []string
		left    []string
	}{
		{"nothing covered", nil, nil, []string{"booked", "far", "long", "near", "past"}},
		{"empty window", []school.Coverage{{Part: school.PartCalendar}}, nil, []string{"booked", "far", "long", "near", "past"}},
		{"another part", []school.Coverage{two(-50, 50)}, nil, []string{"far", "long", "near", "past"}},
		{"this week", []school.Coverage{calendar(0, 7)}, nil, []string{"booked", "far", "long", "past"}},
		{"first day included", []school.Coverage{calendar(2, 3)}, nil, []string{"booked", "far", "long", "past"}},
		{"last day excluded", []school.Coverage{calendar(-20, 2)}, nil, []string{"booked", "far", "near"}},
		{"began before the window", []school.Coverage{calendar(-3, 2)}, nil, []string{"booked", "far", "long", "near", "past"}},
		{"shown", []school.Coverage{calendar(-50, 50)}, []string{"near", "far"}, []string{"booked", "far", "near"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			account := storagetest.Account(t, h.DB, "fake", "child")
			s := h.snapshot()
			days := map[string]int{"past": -10, "near": 2, "far": 40}
			for u, d := range days {
				s.Calendar = append(s.Calendar, event(u, d))
			}
			s.Calendar = append(s.Calendar, school.Event{Item: school.Item{UID: "long", Span: school.AllDay(day(-5), day(5))}})
			s.Schedule = []school.Event{event("booked", 2)}
			h.apply(account, s)
			next := h.snapshot(test.covered...)
			for _, u := range test.shown {
				next.Calendar = append(next.Calendar, event(u, days[u]))
			}
			h.apply(account, next)
			want(t, "left", uids(h.entries(1, school.KindEvents)), test.left)
		})
	}
}

func TestEventWithoutIDThatMoves(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	h.apply(account, h.events("a", "b", "c"))
	from := h.revision()
	want(t, "Changes", counts(h.apply(account, h.events("a", "b2", "c"))),
		map[string]map[school.Kind]int{"added": {school.KindEvents: 1}, "deleted": {school.KindEvents: 1}})
	list, _, err := h.ChangesSince(t.Context(), []school.ChildNumber{1}, []school.Kind{school.KindEvents}, from)
	if err != nil || len(list) != 2 || list[0].UID != "b2" || list[0].Deleted || list[1].UID != "b" || !list[1].Deleted {
		t.Errorf("ChangesSince = %v, %v", list, err)
	}
}

func TestSameUIDTwiceInOneSnapshot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.events("a", "a", "b")
	s.Calendar[1].Title = "Den sista"
	s.Schedule = []school.Event{event("b", 9)}
	s.Timetable = []school.Lesson{lesson("a", 1, 8)} // another kind: another thing
	s.Covered = append(s.Covered, school.Coverage{Part: school.PartSchedule, Window: window(-100, 100)})
	s.News = []school.NewsItem{news("n", 1), news("n", 1)}
	s.News[1].Title = "Den sista"
	for i := range 3 {
		c := h.apply(account, s)
		if i > 0 && c.Any() {
			t.Fatalf("round %d: %v", i, counts(c))
		}
		got := h.entries(1, school.KindEvents)
		want(t, "uids", uids(got), []string{"a", "b"})
		if got[0].Title != "Den sista" || got[1].Span.Start.Hour() != 10 || h.letters()[0].Title != "Den sista" {
			t.Fatalf("round %d: the last of two did not win", i)
		}
	}
	// The part that showed it last no longer does, the other still does.
	s.Schedule = nil
	if c := h.apply(account, s); c.Deleted[school.KindEvents] != 0 {
		t.Errorf("deleted %v", c.Deleted)
	}
	want(t, "uids", uids(h.entries(1, school.KindEvents)), []string{"a", "b"})
}

func TestUnnormalisedSnapshotIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	h.apply(account, h.events("a"))
	s := h.events("a", "")
	if _, err := h.Apply(t.Context(), account, s); err == nil {
		t.Error("an entry without UID was stored")
	}
	s = h.events()
	s.News = []school.NewsItem{news("x", 1), {Title: "utan"}}
	s.News[0].Files = []school.Media{{Data: []byte("fil")}}
	if _, err := h.Apply(t.Context(), account, s); err == nil {
		t.Error("a letter without UID was stored")
	}
	want(t, "uids", uids(h.entries(1, school.KindEvents)), []string{"a"})
	if left, _ := os.ReadDir(h.path("blobs")); len(left) != 0 {
		t.Errorf("%d files of a snapshot that was refused", len(left))
	}
}

func TestApplyNeedsTheRoster(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	other := storagetest.Account(t, h.DB, "fake")
	s := h.events("a")
	if _, err := h.Apply(t.Context(), other, s); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another account's child: %v, want ErrNotExist", err)
	}
	s.Child.Ref = "stranger"
	if _, err := h.Apply(t.Context(), account, s); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a child not on the roster: %v, want ErrNotExist", err)
	}
	s.Child.Ref, s.Platform = "child", "elsewhere"
	if _, err := h.Apply(t.Context(), account, s); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another platform: %v, want ErrNotExist", err)
	}
	if got := h.entries(1, school.KindEvents); got != nil {
		t.Errorf("stored %v", uids(got))
	}
}

func TestTwoGuardiansReadTheSameChild(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one := storagetest.Account(t, h.DB, "fake", "child")
	two := storagetest.Account(t, h.DB, "fake", "child")
	s := h.events("a", "b")
	s.News = []school.NewsItem{news("n", 1)}
	h.apply(one, s)
	if c := h.apply(two, s); c.Any() || c.First {
		t.Fatalf("the second guardian's read changed %v", counts(c))
	}
	children, err := h.Children(t.Context())
	if err != nil || len(children) != 1 || len(children[0].Identities[0].Accounts) != 2 {
		t.Fatalf("Children = %d, %v", len(children), err)
	}
	h.apply(two, h.events("a"))
	want(t, "uids", uids(h.entries(1, school.KindEvents)), []string{"a"})
	// One leaves: the other keeps it all.
	if _, err := h.DeleteAccount(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	want(t, "uids", uids(h.entries(1, school.KindEvents)), []string{"a"})
	if len(h.letters()) != 1 {
		t.Error("the letter went with one of two accounts")
	}
}
