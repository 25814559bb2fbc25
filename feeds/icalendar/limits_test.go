package icalendar_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// hourly returns entries on each of the days from..to, a number a day.
func hourly(today school.Date, from, to, perDay int) []school.Entry {
	var out []school.Entry
	loc := school.Stockholm()
	for d := from; d < to; d++ {
		for i := range perDay {
			start := today.AddDays(d).At(8+i/4, i%4*15, loc)
			out = append(out, school.Entry{
				UID: school.UID(fmt.Sprintf("d%04d-%d", d+5000, i)), Kind: school.KindLessons, Title: "Matte",
				Span: school.Timed(start, start.Add(10*time.Minute)), Modified: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
			})
		}
	}
	return out
}

func TestLimitsNarrowTheWindow(t *testing.T) {
	t.Parallel()
	today := school.NewDate(2026, time.November, 25) // a Wednesday
	monday := school.NewDate(2026, time.November, 23)
	const narrowed = -1 // to some weeks, which are checked
	for name, c := range map[string]struct {
		entries []school.Entry
		limits  icalendar.Limits
		window  school.Window
		count   int
	}{
		"all fits":        {hourly(today, -100, 100, 4), icalendar.Limits{Entries: 800}, school.Window{}, 800},
		"no limits":       {hourly(today, -100, 100, 9), icalendar.Limits{}, school.Window{}, 1800},
		"one too many":    {hourly(today, -7, 100, 1), icalendar.Limits{Entries: 106}, school.Window{}, narrowed},
		"weeks both ways": {hourly(today, -200, 200, 5), icalendar.Limits{Entries: 1000}, school.Window{}, narrowed},
		"one week only":   {hourly(today, -20, 20, 10), icalendar.Limits{Entries: 139}, school.Window{From: monday, To: monday.AddDays(7)}, 70},
		"half a week":     {hourly(today, -20, 20, 10), icalendar.Limits{Entries: 55}, school.Window{From: monday, To: monday.AddDays(7)}, 55},
		"octets":          {hourly(today, -20, 200, 10), icalendar.Limits{Bytes: 100_000}, school.Window{}, narrowed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.limits.Today = today
			slices.Reverse(c.entries)
			got, skipped := icalendar.Build(icalendar.Info{Name: "x"}, c.entries, icalendar.Style{}, icalendar.Style{Feed: true, Limits: c.limits})
			if len(skipped) > 0 || len(got.Objects) != len(c.entries) {
				t.Errorf("%d entries were skipped, %d objects for %d", len(skipped), len(got.Objects), len(c.entries))
			}
			if n := bytes.Count(got.ICS, []byte("BEGIN:VEVENT")); n != got.Entries {
				t.Errorf("Entries = %d, the calendar holds %d", got.Entries, n)
			}
			if c.limits.Bytes > 0 && len(got.ICS) > c.limits.Bytes || c.limits.Entries > 0 && got.Entries > c.limits.Entries {
				t.Errorf("%d octets, %d entries are more than %+v", len(got.ICS), got.Entries, c.limits)
			}
			if c.count == narrowed {
				checkWindow(t, got, c.entries)
				return
			}
			if got.Window != c.window || got.Entries != c.count {
				t.Errorf("window %v with %d entries, want %v with %d", got.Window, got.Entries, c.window, c.count)
			}
		})
	}
}

// checkWindow checks that all of the window's entries stand in the calendar
// and nothing else, and that it begins and ends with a week.
func checkWindow(t *testing.T, c *icalendar.Collection, entries []school.Entry) {
	t.Helper()
	w := c.Window
	if w.IsZero() || w.From.Weekday() != time.Monday || w.To.Weekday() != time.Monday || !w.Contains(school.NewDate(2026, time.November, 25)) {
		t.Fatalf("window %v", w)
	}
	if past, ahead := w.From.DaysUntil(school.NewDate(2026, 11, 23)), school.NewDate(2026, 11, 30).DaysUntil(w.To); past > ahead {
		t.Errorf("the window %v holds more of the past than of what is to come", w)
	}
	for _, e := range entries {
		inside := w.Contains(school.DateOf(e.Span.Start))
		if stands := strings.Contains(string(c.ICS), string(e.UID)+icalendar.Suffix); stands != inside {
			t.Fatalf("entry of %v: stands %t, inside %t", school.DateOf(e.Span.Start), stands, inside)
		}
	}
}

func TestNarrowedBytesChangeOnceAWeek(t *testing.T) {
	t.Parallel()
	entries := hourly(school.NewDate(2026, time.November, 23), -100, 300, 5)
	var last *icalendar.Collection
	changes := 0
	for d := range 21 {
		today := school.NewDate(2026, time.November, 23).AddDays(d)
		c, _ := icalendar.Build(icalendar.Info{}, entries, icalendar.Style{}, icalendar.Style{
			Feed: true, Limits: icalendar.Limits{Entries: 500, Today: today},
		})
		if last != nil && c.ICSETag != last.ICSETag {
			changes++
			if today.Weekday() != time.Monday {
				t.Errorf("changed on a %v", today.Weekday())
			}
			if !c.Modified.After(last.Modified) {
				t.Errorf("Last-Modified stayed at %v when the window moved", c.Modified)
			}
		}
		last = c
	}
	if changes != 2 {
		t.Errorf("changed %d times in three weeks", changes)
	}
}

func TestALongEntryStaysWhileItLasts(t *testing.T) {
	t.Parallel()
	today := school.NewDate(2026, time.November, 25)
	entries := hourly(today, -100, 100, 5)
	term := school.Entry{UID: "term", Title: "Termin", Span: school.AllDay(today.AddDays(-90), today.AddDays(30))}
	c, _ := icalendar.Build(icalendar.Info{}, append(entries, term), icalendar.Style{}, icalendar.Style{
		Feed: true, Limits: icalendar.Limits{Entries: 100, Today: today},
	})
	if !bytes.Contains(c.ICS, []byte("UID:term@syncd")) {
		t.Error("what has begun and is not over was left out")
	}
}
