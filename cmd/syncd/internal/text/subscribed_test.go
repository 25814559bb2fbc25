package text_test

import (
	"testing"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

func TestTimesThatStayTrue(t *testing.T) {
	t.Parallel()
	loc := school.Stockholm()
	at := func(day, hour, minute int) time.Time { return school.NewDate(2026, 11, day).At(hour, minute, loc) }
	lesson := school.Timed(at(26, 10, 20), at(26, 11, 10))
	seen := at(22, 12, 0)
	w := text.For(text.SV)
	for _, c := range []struct {
		name          string
		before, after school.Span
		from, to      string
	}{
		{"later", lesson, school.Timed(at(26, 11, 0), at(26, 11, 50)), "tors 26 nov 10:20", "11:00"},
		{"longer", lesson, school.Timed(at(26, 10, 20), at(26, 12, 0)), "tors 26 nov 10:20–11:10", "10:20–12:00"},
		{"another day", lesson, school.Timed(at(27, 10, 20), at(27, 11, 10)), "tors 26 nov 10:20", "fre 27 nov 10:20"},
		{"the whole day", lesson, school.AllDay(school.NewDate(2026, 11, 26), school.NewDate(2026, 11, 26)), "tors 26 nov 10:20", "tors 26 nov"},
		{
			"days", school.AllDay(school.NewDate(2026, 12, 30), school.NewDate(2027, 1, 2)),
			school.AllDay(school.NewDate(2027, 1, 2), school.NewDate(2027, 1, 2)), "ons 30 dec – lör 2 jan 2027", "lör 2 jan 2027",
		},
	} {
		if from, to := w.Shift(seen, c.before, c.after); from != c.from || to != c.to {
			t.Errorf("%s: Shift = %q, %q, want %q, %q", c.name, from, to, c.from, c.to)
		}
	}
	if got, want := w.At(at(21, 14, 10)), "lör 21 nov 14:10"; got != want {
		t.Errorf("At = %q, want %q", got, want)
	}
	if got, want := text.For(text.EN).Span(seen, lesson), "Thu 26 Nov 10:20"; got != want {
		t.Errorf("Span = %q, want %q", got, want)
	}
}

func TestEveryKindHasAWordForOne(t *testing.T) {
	t.Parallel()
	for _, l := range text.Langs() {
		for _, k := range append(school.CalendarKinds(), school.FeedKinds()...) {
			if text.For(l).One(k) == "" {
				t.Errorf("%s: no word for one of %s", l, k)
			}
		}
	}
}
