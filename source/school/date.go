package school

import (
	"fmt"
	"time"
)

// Date is a day in the calendar, without a time and without a zone. Whole days
// are Dates, never midnight instants. The zero Date is "no date".
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// NewDate returns the normalised date: NewDate(2026, 2, 30) is 2 March.
func NewDate(year int, month time.Month, day int) Date {
	return DateOf(time.Date(year, month, day, 12, 0, 0, 0, time.UTC))
}

// DateOf returns the day that t shows on its own zone's clock.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{Year: y, Month: m, Day: d}
}

// ParseDate reads the form 2006-01-02. Years outside 1 to 9999 and days that
// do not exist are errors.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1 {
		return Date{}, fmt.Errorf("school: date is not of the form 2006-01-02")
	}
	return DateOf(t), nil
}

// IsZero reports whether d is "no date".
func (d Date) IsZero() bool { return d == Date{} }

// String returns the form 2006-01-02.
func (d Date) String() string {
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// Start returns the instant at which d begins in loc: midnight, or the first
// moment after it where a clock change leaves midnight out.
func (d Date) Start(loc *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, loc)
}

// At returns the instant of hour and minute on d in loc. In the hour that a
// clock change repeats it is the first of the two; in the hour that it leaves
// out it is the same distance after the change.
func (d Date) At(hour, minute int, loc *time.Location) time.Time {
	t := time.Date(d.Year, d.Month, d.Day, hour, minute, 0, 0, loc)
	if first := t.Add(-time.Hour); first.Hour() == t.Hour() && first.Minute() == t.Minute() {
		return first
	}
	return t
}

// AddDays returns the day n days after d.
func (d Date) AddDays(n int) Date {
	return NewDate(d.Year, d.Month, d.Day+n)
}

// Before reports whether d is an earlier day than e.
func (d Date) Before(e Date) bool { return d.Compare(e) < 0 }

// After reports whether d is a later day than e.
func (d Date) After(e Date) bool { return d.Compare(e) > 0 }

// Compare returns -1, 0 or +1 as d is before, on or after e.
func (d Date) Compare(e Date) int {
	switch a, b := d.ordinal(), e.ordinal(); {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (d Date) ordinal() int { return d.Year*10000 + int(d.Month)*100 + d.Day }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// ISOWeek returns the ISO 8601 year and week in which d lies.
func (d Date) ISOWeek() (year, week int) { return d.utc().ISOWeek() }

// Monday returns the first day of d's ISO week.
func (d Date) Monday() Date { return d.AddDays(-(int(d.Weekday()) + 6) % 7) }

// DaysUntil returns the number of days from d to e, negative if e is earlier.
func (d Date) DaysUntil(e Date) int {
	return int(e.utc().Sub(d.utc()).Hours() / 24)
}

func (d Date) utc() time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
}

// Window is a run of whole days, From included, To excluded. The zero Window
// holds no day.
type Window struct{ From, To Date }

// Contains reports whether day d lies in the window.
func (w Window) Contains(d Date) bool { return !d.Before(w.From) && d.Before(w.To) }

// IsZero reports whether the window holds no day at all.
func (w Window) IsZero() bool { return !w.From.Before(w.To) }

// Overlaps reports whether any part of s lies inside the window, whose days
// begin at midnight in loc. A span without length is inside when its start is.
func (w Window) Overlaps(s Span, loc *time.Location) bool {
	from, to := w.From.Start(loc), w.To.Start(loc)
	start, end := s.Bounds(loc)
	if !start.Before(end) {
		return !start.Before(from) && start.Before(to)
	}
	return start.Before(to) && from.Before(end)
}

// Span is when something happens: either two instants or a run of whole days.
// Exactly one of the two pairs is set, as AllDay says.
type Span struct {
	AllDay bool
	// Start and End are instants in Europe/Stockholm; End is not before Start.
	Start, End time.Time
	// Days is the run of days of an all-day span, its To excluded.
	Days Window
}

// Timed returns the span between two instants.
func Timed(start, end time.Time) Span { return Span{Start: start, End: end} }

// AllDay returns the span from the first to the last day, both included.
func AllDay(first, last Date) Span {
	return Span{AllDay: true, Days: Window{From: first, To: last.AddDays(1)}}
}

// Bounds returns the first instant of s and the first after it; whole days
// begin and end at midnight in loc.
func (s Span) Bounds(loc *time.Location) (start, end time.Time) {
	if s.AllDay {
		return s.Days.From.Start(loc), s.Days.To.Start(loc)
	}
	return s.Start, s.End
}

// Equal reports whether two spans cover the same time, whatever the zone in
// which their instants are written.
func (s Span) Equal(o Span) bool {
	return s.AllDay == o.AllDay && s.Days == o.Days && s.Start.Equal(o.Start) && s.End.Equal(o.End)
}
