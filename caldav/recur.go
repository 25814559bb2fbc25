package caldav

import (
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

// timing is when one component, or one occurrence of it, takes place.
type timing struct {
	comp     string
	start    moment
	end      time.Time // end of an event, due time of a to-do
	day      moment    // the day of a to-do that is due on a whole day
	hasStart bool
	hasEnd   bool
	lasts    bool // end came from a DURATION, which is length
	length   length
	own      bool // end is this occurrence's own: it was listed as a period
	// origin is where an occurrence stood before it was moved together with
	// all later ones; zero for others.
	origin moment
}

// timing reads the times of a component.
func (c clock) timing(comp *ical.Component) timing {
	t := timing{comp: comp.Name}
	t.start, t.hasStart = c.read(comp.Props.Get(ical.PropDateTimeStart))
	name := ical.PropDateTimeEnd
	if comp.Name == compTask {
		name = ical.PropDue
	}
	if end, ok := c.read(comp.Props.Get(name)); ok {
		t.end, t.hasEnd = end.Time, true
		if comp.Name == compTask && end.date {
			// Due on a day means by the end of that day.
			t.end, t.day = end.end(), end
		}
		return t
	}
	if p := comp.Props.Get(ical.PropDuration); p != nil && t.hasStart {
		if l, ok := parseLength(p.Value); ok {
			t.end, t.hasEnd, t.lasts, t.length = l.from(t.start.Time), true, true, l
			return t
		}
	}
	if t.hasStart && comp.Name != compTask {
		t.end, t.hasEnd = t.start.end(), true
	}
	return t
}

// in reports whether t lies in a range by the tables of RFC 4791, 9.9. What
// has no time at all is left to the caller.
func (t timing) in(r span) bool {
	if t.comp != compTask {
		return t.hasStart && r.overlaps(t.start.Time, t.end)
	}
	switch {
	case t.hasStart && t.lasts:
		return !t.end.Before(r.start) && (r.end.After(t.start.Time) || !r.end.Before(t.end))
	case t.hasStart && t.hasEnd:
		return (r.start.Before(t.end) || !t.start.Before(r.start)) &&
			(r.end.After(t.start.Time) || !r.end.Before(t.end))
	case t.hasStart:
		return r.overlaps(t.start.Time, t.start.end())
	case t.day.date:
		return r.overlaps(t.day.Time, t.end)
	case t.hasEnd:
		return r.start.Before(t.end) && !r.end.Before(t.end)
	}
	return false
}

// base is the moment that a recurrence rule repeats.
func (t timing) base() (moment, bool) {
	switch {
	case t.hasStart:
		return t.start, true
	case t.day.date:
		return t.day, true
	}
	return moment{Time: t.end}, t.hasEnd && t.comp == compTask
}

// longest is how long an occurrence of t may be under way. Days may be longer
// than where t stands, by a day where a zone leaves one out, and one that is
// given without an end lasts to its own.
func (t timing) longest() (long time.Duration) {
	if t.hasStart && t.hasEnd {
		long = max(t.end.Sub(t.start.Time), 0)
	}
	if t.start.date || t.day.date || t.length.days != 0 {
		long += 50 * time.Hour
	}
	return long
}

// moved returns the occurrence of t whose base is at start.
func (t timing) moved(start time.Time) timing {
	b, _ := t.base()
	o := t
	switch {
	case t.hasStart:
		o.start.Time = start
		switch {
		case t.lasts:
			o.end = t.length.from(start)
		case t.hasEnd:
			o.end = shift(t.end, b.Time, start, b.date)
		}
	case t.day.date:
		o.day.Time, o.end = start, o.day.end()
		o.end = moment{Time: start, date: true}.end()
	default:
		o.end = start
	}
	return o
}

// shift moves end as far as from was moved to: by whole days where the times
// are days, so that clock changes do not count, and else exactly, as RFC 5545,
// 3.8.5.3, has it for what ends at a time and does not last for a DURATION.
func shift(end, from, to time.Time, date bool) time.Time {
	if date {
		days := int(end.Sub(from).Round(24*time.Hour) / (24 * time.Hour))
		return to.AddDate(0, 0, days)
	}
	return to.Add(end.Sub(from))
}

// occurrences calls yield for the occurrences of comp that may touch r, until
// yield returns false. Occurrences that a sibling replaces (RECURRENCE-ID) are
// left out; the sibling has times of its own. A component that does not recur
// has one occurrence, wherever it lies. It returns false when there may be
// others, because a rule cannot be read or takes too long.
func (c clock) occurrences(comp *ical.Component, siblings []*ical.Component, r span, yield func(timing) bool) bool {
	t := c.timing(comp)
	if master := c.continued(comp, siblings); master != nil {
		return c.following(comp, master, siblings, r, yield)
	}
	base, ok := t.base()
	if !ok || !recurs(comp) {
		yield(t)
		return true
	}
	out := c.replaced(comp, siblings)
	until := c.takenOver(comp, siblings, time.Time{})
	periods := c.periods(comp)
	seen := map[int64]bool{}
	full := false
	all := c.starts(comp, base, r, t, func(start time.Time) bool {
		if seen[start.Unix()] || out.holds(start) || !start.Before(until) {
			return true
		}
		if full = len(seen) == maxInstances; full {
			c.effort.out = true
			return false
		}
		seen[start.Unix()] = true
		o := t.moved(start)
		if end, ok := periods[start.Unix()]; ok {
			o.end, o.hasEnd, o.own = end, true, true
		}
		return yield(o)
	})
	return all && !full
}

// periods returns the ends of an event's occurrences that are listed as periods
// (RFC 5545, 3.8.5.2), by the second in which they begin.
func (c clock) periods(comp *ical.Component) map[int64]time.Time {
	var ends map[int64]time.Time
	for _, p := range comp.Props[ical.PropRecurrenceDates] {
		if comp.Name != compEvent || !strings.Contains(p.Value, "/") {
			continue
		}
		for v := range strings.SplitSeq(p.Value, ",") {
			from, to, ok := c.period(v, p.Params.Get(ical.ParamTimezoneID))
			if !ok || to.Before(from) {
				continue
			}
			if ends == nil {
				ends = map[int64]time.Time{}
			}
			ends[from.Unix()] = to
		}
	}
	return ends
}

// recurs reports whether comp stands for more than one occurrence.
func recurs(comp *ical.Component) bool {
	return len(comp.Props[ical.PropRecurrenceRule]) > 0 || len(comp.Props[ical.PropRecurrenceDates]) > 0
}

// exclusions are occurrences that do not take place, by instant and, where
// only a day is given, by day.
type exclusions struct {
	instants map[int64]bool
	days     map[string]bool
}

func (x *exclusions) add(list []moment) {
	for _, m := range list {
		x.instants[m.Unix()] = true
		if m.date {
			x.days[m.Format(dateLayout)] = true
		}
	}
}

func (x *exclusions) holds(start time.Time) bool {
	return x.instants[start.Unix()] || len(x.days) > 0 && x.days[start.Format(dateLayout)]
}

// replaced returns the occurrences of comp that a sibling stands for.
func (c clock) replaced(comp *ical.Component, siblings []*ical.Component) *exclusions {
	x := &exclusions{instants: map[int64]bool{}, days: map[string]bool{}}
	for _, s := range siblings {
		if s == comp || s.Name != comp.Name || uidOf(s) != uidOf(comp) {
			continue
		}
		if id, ok := c.read(s.Props.Get(ical.PropRecurrenceID)); ok && !onward(s) {
			x.add([]moment{id})
		}
	}
	for i := range comp.Props[ical.PropExceptionDates] {
		x.add(c.list(&comp.Props[ical.PropExceptionDates][i]))
	}
	return x
}

// continued returns the recurring sibling of which comp replaces one occurrence
// and all later ones (RFC 5545, 3.2.13), nil if comp does no such thing.
func (c clock) continued(comp *ical.Component, siblings []*ical.Component) *ical.Component {
	if !onward(comp) {
		return nil
	}
	for _, s := range siblings {
		if s.Name == comp.Name && uidOf(s) == uidOf(comp) && s.Props.Get(ical.PropRecurrenceID) == nil && recurs(s) {
			return s
		}
	}
	return nil
}

// takenOver returns when the first of comp's siblings behind after begins to
// replace all occurrences, the end of time if none does.
func (c clock) takenOver(comp *ical.Component, siblings []*ical.Component, after time.Time) time.Time {
	first := farEnd()
	for _, s := range siblings {
		if s == comp || s.Name != comp.Name || uidOf(s) != uidOf(comp) || !onward(s) {
			continue
		}
		if id, ok := c.read(s.Props.Get(ical.PropRecurrenceID)); ok && id.After(after) && id.Before(first) {
			first = id.Time
		}
	}
	return first
}

// following calls yield for the occurrences of a recurring master that comp
// stands for: from the one that it names to the next such sibling, each moved
// as comp moved the first. It returns what occurrences does.
func (c clock) following(comp, master *ical.Component, siblings []*ical.Component, r span, yield func(timing) bool) bool {
	t, rule := c.timing(comp), c.timing(master)
	id, okID := c.read(comp.Props.Get(ical.PropRecurrenceID))
	base, okRule := rule.base()
	at, ok := t.base()
	if !okID || !okRule || !ok {
		yield(t)
		return true
	}
	out := c.replaced(master, siblings)
	until := c.takenOver(comp, siblings, id.Time)
	moved := at.Sub(id.Time)
	if t.hasEnd && t.hasStart {
		rule.end, rule.length = rule.start.Add(t.longest()), t.length // how long an occurrence may be under way
	}
	seen := map[int64]bool{}
	full := false
	all := c.starts(master, base, r.widened(max(moved, -moved)+24*time.Hour), rule, func(start time.Time) bool {
		if seen[start.Unix()] || start.Before(id.Time) || !start.Before(until) || out.holds(start) {
			return true
		}
		if full = len(seen) == maxInstances; full {
			c.effort.out = true
			return false
		}
		seen[start.Unix()] = true
		o := t.moved(wallShift(start, id, at))
		o.origin = id
		o.origin.Time = start
		return yield(o)
	})
	return all && !full
}

// wallShift moves start as far as from was moved to, by the clock on the wall.
func wallShift(start time.Time, from, to moment) time.Time {
	wall := func(t time.Time) time.Time {
		t = t.In(start.Location())
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	}
	s := wall(start).Add(wall(to.Time).Sub(wall(from.Time)))
	return time.Date(s.Year(), s.Month(), s.Day(), s.Hour(), s.Minute(), s.Second(), 0, start.Location())
}

func uidOf(comp *ical.Component) string {
	if p := comp.Props.Get(ical.PropUID); p != nil {
		return p.Value
	}
	return ""
}

// starts calls yield for the moments at which occurrences begin and that may
// touch r: the first, those of the rules, and those listed; in no order, and
// some perhaps twice. It returns false when there may be others, because a rule
// cannot be read or takes too long.
func (c clock) starts(comp *ical.Component, base moment, r span, t timing, yield func(time.Time) bool) bool {
	from, to := r.start.Add(-t.longest()), r.end.Add(time.Second)
	if !yield(base.Time) {
		return true
	}
	for i := range comp.Props[ical.PropRecurrenceDates] {
		for _, m := range c.list(&comp.Props[ical.PropRecurrenceDates][i]) {
			if !yield(m.Time) {
				return true
			}
		}
	}
	spent := effort{left: c.effort.left}
	defer func() {
		c.effort.left = spent.left
		c.effort.out = c.effort.out || spent.out
	}()
	all := true
	for i := range comp.Props[ical.PropRecurrenceRule] {
		rule, ok := parseRule(comp.Props[ical.PropRecurrenceRule][i].Value)
		if !ok {
			all = false
			continue
		}
		until, ok := c.until(rule)
		all = all && ok
		if ok && !rule.each(base.Time, from, to, until, &spent, yield) {
			return true
		}
	}
	return all && !spent.out
}
