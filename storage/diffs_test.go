package storage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"syncd/source/school"
	"syncd/storage/storagetest"
)

// told lists the newest differences as short words.
func (h *house) told(children ...school.ChildNumber) []string {
	h.t.Helper()
	all, err := h.Differences(h.t.Context(), children, 0)
	if err != nil {
		h.t.Fatalf("Differences: %v", err)
	}
	face := func(f *school.Face) string {
		if f == nil {
			return "-"
		}
		start, _ := f.Span.Bounds(school.Stockholm())
		return strings.TrimRight(fmt.Sprintf("%s %s %s %s", f.Title, start.Format("Mon15"), f.Place, f.Status), " ")
	}
	out := []string{}
	for _, d := range all {
		out = append(out, string(d.Kind)+": "+face(d.Before)+" > "+face(d.After))
	}
	return out
}

func timetable(from, to int) school.Coverage {
	return school.Coverage{Part: school.PartTimetable, Window: window(from, to)}
}

func subject(uid string, d, hour int, title string) school.Lesson {
	l := lesson(uid, d, hour)
	l.Title = title
	return l
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	week := func(h *house) school.Snapshot {
		s := h.snapshot(timetable(0, 14), calendar(-100, 300))
		s.Timetable = []school.Lesson{
			subject("a", 0, 8, "Matte"), subject("b", 1, 8, "Matte"), subject("c", 1, 10, "Idrott"), subject("d", 2, 9, "Bild"),
		}
		s.Calendar = []school.Event{event("e", 3), event("past", -3)}
		return s
	}
	for name, c := range map[string]struct {
		change func(*school.Snapshot)
		want   []string
	}{
		"nothing": {func(*school.Snapshot) {}, []string{}},
		"moved": {
			func(s *school.Snapshot) { s.Timetable[0] = subject("a", 0, 11, "Matte") },
			[]string{"lessons: Matte Mon08 > Matte Mon11"},
		},
		"another room": {
			func(s *school.Snapshot) { s.Timetable[0].Place = "A3" },
			[]string{"lessons: Matte Mon08 > Matte Mon08 A3"},
		},
		"called off": {
			func(s *school.Snapshot) { s.Timetable[2].Status = school.StatusCancelled },
			[]string{"lessons: Idrott Tue10 > Idrott Tue10  cancelled"},
		},
		"gone": {
			func(s *school.Snapshot) { s.Timetable = slices.Delete(s.Timetable, 3, 4); s.Calendar = s.Calendar[1:] },
			[]string{"lessons: Bild Wed09 > -", "events: Titel e Thu10 > -"},
		},
		"moved under another key": {
			func(s *school.Snapshot) { s.Timetable[1] = subject("b2", 1, 13, "Matte") },
			[]string{"lessons: Matte Tue08 > Matte Tue13"},
		},
		"moved to another day under another key": {
			func(s *school.Snapshot) { s.Timetable[3] = subject("d2", 4, 13, "Bild") },
			[]string{"lessons: Bild Wed09 > Bild Fri13"},
		},
		"the same under another key": {
			func(s *school.Snapshot) { s.Timetable[3] = subject("d2", 2, 9, "Bild") },
			[]string{},
		},
		"one more in a known week": {
			func(s *school.Snapshot) { s.Timetable = append(s.Timetable, subject("x", 4, 13, "Slöjd")) },
			[]string{"lessons: - > Slöjd Fri13"},
		},
		"a new week": {
			func(s *school.Snapshot) { s.Timetable = append(s.Timetable, subject("x", 8, 13, "Slöjd")) },
			[]string{},
		},
		"a new event": {
			func(s *school.Snapshot) { s.Calendar = append(s.Calendar, event("n", 20), event("far", 200)) },
			[]string{"events: - > Titel n Sun10"},
		},
		"a first look at homework": {
			func(s *school.Snapshot) {
				s.Covered = append(s.Covered, school.Coverage{Part: school.PartTasks, Window: window(0, 14)})
				s.Tasks = []school.Task{{Item: item("t", 3, 9)}}
			},
			[]string{},
		},
		"the past": {
			func(s *school.Snapshot) { s.Calendar[1].Title = "Varit" },
			[]string{},
		},
		"lunch": {
			func(s *school.Snapshot) { s.Menu = []school.Meal{{Item: item("m", 1, 11)}} },
			[]string{},
		},
		"the text": {
			func(s *school.Snapshot) { s.Calendar[0].Body = "Ta med matsäck" },
			[]string{"events: Titel e Thu10 > Titel e Thu10"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			account := storagetest.Account(t, h.DB, "fake", "child")
			h.apply(account, week(h))
			want(t, "after a first read", h.told(), []string{})
			h.clock.Add(time.Hour)
			s := week(h)
			c.change(&s)
			h.apply(account, s)
			want(t, "told", h.told(), c.want)
			h.clock.Add(time.Hour)
			s.Taken = h.clock.Now()
			h.apply(account, s)
			want(t, "told after the same once more", h.told(), c.want)
		})
	}
}

func TestDifferencesOfSchedulesThatBeginAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child", "other")
	s := h.events(letters(60)...)
	h.apply(account, s)
	before, err := h.Told(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		h.clock.Add(time.Minute)
		s = h.events(letters(60)...)
		for j := range s.Calendar {
			s.Calendar[j].Place = fmt.Sprint("Sal ", i)
		}
		h.apply(account, s)
	}
	after, err := h.Told(t.Context(), []school.ChildNumber{1})
	if err != nil || after == before {
		t.Errorf("Told = %q, %v after 600 changes, as before", after, err)
	}
	all, err := h.Differences(t.Context(), nil, 0)
	if err != nil || len(all) != 500 {
		t.Fatalf("%d differences are kept, %v", len(all), err)
	}
	some, err := h.Differences(t.Context(), []school.ChildNumber{1}, 3)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the newest three", some, all[:3])
	place := func(f *school.Face) string { return f.Place }
	want(t, "the newest", []string{place(all[0].Before), place(all[0].After), all[0].ChildName}, []string{"Sal 8", "Sal 9", "BarnA"})
	want(t, "when", all[0].Seen, h.clock.Now(), cmpopts.EquateApproxTime(time.Second))
	want(t, "another child's", h.told(2), []string{})

	h.reopen()
	again, err := h.Differences(t.Context(), nil, 0)
	if d := cmp.Diff(all, again); err != nil || d != "" {
		t.Errorf("after a restart: %v (-want +got):\n%s", err, d)
	}
	if _, err := h.DeleteAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	want(t, "without the account", h.told(), []string{})
}
