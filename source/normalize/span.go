package normalize

import (
	"time"

	"syncd/source/school"
)

// span puts a span into the zone and into the form that fits it; false when
// it does not say when. Timed spans from midnight to midnight, or to the last
// minute of a day, are whole days. An end that is missing is the start; one
// before the start makes the span unusable.
func (n *Normalizer) span(s school.Span) (school.Span, bool) {
	if s.AllDay {
		return school.Span{AllDay: true, Days: s.Days}, !s.Days.IsZero() && plausible(s.Days.From) && plausible(s.Days.To)
	}
	if s.Start.IsZero() {
		return school.Span{}, false
	}
	start, end := n.instant(s.Start), n.instant(s.End)
	if s.End.IsZero() {
		end = start
	}
	if end.Before(start) || !plausible(school.DateOf(start)) || !plausible(school.DateOf(end)) {
		return school.Span{}, false
	}
	first, last := school.DateOf(start), school.DateOf(end)
	if !start.Equal(first.Start(n.loc)) {
		return school.Timed(start, end), true
	}
	switch lastMinute := last.AddDays(1).Start(n.loc).Add(-time.Minute); {
	case !end.Before(lastMinute):
		return school.AllDay(first, last), true
	case last.After(first) && end.Equal(last.Start(n.loc)):
		return school.AllDay(first, last.AddDays(-1)), true
	}
	return school.Timed(start, end), true
}

// instant returns t in whole seconds in the zone; the zero time stays zero.
func (n *Normalizer) instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(t.Unix(), 0).In(n.loc)
}

func plausible(d school.Date) bool { return d.Year >= firstYear && d.Year <= lastYear }

// known reports whether t is set to an instant that can be meant.
func (n *Normalizer) known(t time.Time) bool {
	return !t.IsZero() && plausible(school.DateOf(t.In(n.loc)))
}
