package view_test

import (
	"strings"
	"testing"
	"time"

	"syncd/source/school"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.link("en", func(l *school.Link) { l.Options.Language = "en" })
	h.link("events", func(l *school.Link) {
		l.Kinds = []school.Kind{school.KindEvents, school.KindChanges, school.KindAll}
	})
	h.read(nil)
	want(t, "after a first read", titles(h.feed("l", "1-changes")), []string{})
	h.clock.Add(time.Hour)
	change := func(s *school.Snapshot) {
		// Lessons of this week, Tuesday to Friday.
		l := s.Timetable[20*5 : 20*5+5]
		l[1].Span = school.Timed(l[1].Span.Start.Add(150*time.Minute), l[1].Span.End.Add(150*time.Minute))
		l[2].Place = "Sal A3 <b>"
		l[3].Status = school.StatusCancelled
		s.Calendar[0].Title = "Utflykt till Skansen"
		s.Calendar[1] = school.Event{Item: item("e3", "Studiedag", 10, 8)}
	}
	h.read(change)
	want(t, "changes", titles(h.feed("l", "1-changes")), []string{
		"Matte tis 6 okt 08:00 → 10:30",
		"Matte ons 7 okt 08:00: Sal l100-2 → Sal A3 <b>",
		"Utflykt tors 8 okt 09:00 heter nu Utflykt till Skansen",
		"Inställt: Matte tors 8 okt 08:00",
		"Nytt: Studiedag tors 15 okt 08:00",
		"Borttaget: Föräldramöte fre 23 apr 2027 18:00",
	})
	want(t, "in English", titles(h.feed("en", "1-changes"))[0], "Matte, Tue 6 Oct 08:00 → 10:30")
	want(t, "of events only", titles(h.feed("events", "1-changes"))[0], "Utflykt tors 8 okt 09:00 heter nu Utflykt till Skansen")
	want(t, "of the family", titles(h.feed("l", "0-changes"))[0], "BarnA: Matte tis 6 okt 08:00 → 10:30")
	if html := h.feed("l", "1-changes").Letters[1].HTML; html != "<p>Matte ons 7 okt 08:00: Sal l100-2 → Sal A3 &lt;b&gt;</p>" {
		t.Errorf("HTML %s", html)
	}
	all := h.feed("l", "1-all")
	if len(all.Letters) != 7 || all.Letters[6].Title != "Veckobrev" {
		t.Errorf("all: %v", titles(all))
	}
	h.clock.Add(time.Hour)
	h.read(change)
	if again := h.feed("l", "1-all"); again != all {
		t.Error("the same once more made another feed")
	}

	// A term's new timetable is one letter.
	h.clock.Add(time.Hour)
	h.read(func(s *school.Snapshot) {
		change(s)
		for i := range s.Timetable {
			s.Timetable[i].Place = "Aulan"
		}
	})
	got := h.feed("l", "1-changes")
	// All weeks ahead, and of this week Monday's lesson later today.
	want(t, "a new timetable", got.Letters[0].Title, "150 ändringar")
	want(t, "letters", len(got.Letters), 7)
	if n := strings.Count(got.Letters[0].HTML, "<li>"); n != 150 {
		t.Errorf("%d changes are listed", n)
	}
}
