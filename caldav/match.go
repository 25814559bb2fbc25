package caldav

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"syncd/feeds/icalendar"
)

// errUnreadable is for stored bytes that the iCalendar library cannot read.
var errUnreadable = errors.New("object is not readable")

// maxComponents bounds how many components an object may have to be decoded:
// the library recurses once for each level.
const maxComponents = 5_000

// decode reads stored bytes. The library panics on some input.
func decode(data []byte) (cal *ical.Calendar, err error) {
	defer guard(&err)
	if bytes.Count(data, []byte("BEGIN:")) > maxComponents {
		return nil, errUnreadable
	}
	cal, err = ical.NewDecoder(bytes.NewReader(data)).Decode()
	if err != nil {
		return nil, errUnreadable
	}
	return cal, nil
}

// guard turns a panic of the iCalendar libraries into an error.
func guard(err *error) {
	if recover() != nil {
		*err = errUnreadable
	}
}

// query is a filter made ready for one request.
type query struct {
	clock
	filter *compFilter
	// What can be told from an object's bounds and component.
	comp   string // only this component, empty for any
	times  *span  // only within this range, events only
	slack  time.Duration
	simple bool // nothing else is asked
}

// newQuery prepares f. zone is that of floating times and whole days.
func newQuery(f *compFilter, c clock) *query {
	q := &query{clock: c, filter: f}
	if c.zone.String() != c.zones.home.String() {
		// The bounds of floating times and whole days are those of the home
		// zone; no two zones are farther apart than 26 hours.
		q.slack = 48 * time.Hour
	}
	if len(f.comps) != 1 || f.absent || f.props != nil {
		q.simple = !f.absent && f.props == nil && len(f.comps) == 0
		return q
	}
	sub := f.comps[0]
	if sub.absent || !object(sub.name) {
		return q
	}
	q.comp = sub.name
	q.simple = sub.props == nil && sub.comps == nil
	if sub.name == compEvent {
		q.times = sub.times
	} else if sub.times != nil {
		q.simple = false
	}
	return q
}

// object reports whether objects of their own may hold comp.
func object(comp string) bool { return timed(comp) && comp != compAlarm }

// match reports whether o passes the filter. An object that cannot be read is
// judged by its component and its bounds alone.
func (q *query) match(o *icalendar.Object) bool {
	if q.comp != "" && o.Component != q.comp {
		return false
	}
	if q.times != nil && !o.Start.IsZero() {
		end := o.End
		if end.IsZero() {
			end = farEnd()
		}
		if !q.times.widened(q.slack).overlaps(o.Start, end) {
			return false
		}
		if q.simple && q.slack == 0 && once(o) {
			return true
		}
	} else if q.simple && q.times == nil {
		return true
	}
	ok, err := q.decide(o)
	return ok || err != nil && q.simple
}

// once reports whether o is one event that does not recur, so that its bounds
// say all about its time.
func once(o *icalendar.Object) bool {
	at := bytes.Index(o.Data, []byte("BEGIN:VEVENT"))
	if at < 0 || o.End.IsZero() {
		return false
	}
	for rest := o.Data[at:]; ; {
		n := bytes.IndexByte(rest, '\n')
		if n < 0 {
			return true
		}
		rest = rest[n+1:]
		if len(rest) > 0 && rest[0] == 'R' && (bytes.HasPrefix(rest, []byte("RRULE")) ||
			bytes.HasPrefix(rest, []byte("RDATE")) || bytes.HasPrefix(rest, []byte("RECURRENCE-ID"))) {
			return false
		}
	}
}

// decide decodes o and looks at everything.
func (q *query) decide(o *icalendar.Object) (ok bool, err error) {
	defer guard(&err)
	cal, err := decode(o.Data)
	if err != nil {
		return false, fmt.Errorf("decide: %w", err)
	}
	if q.filter.absent {
		return false, nil
	}
	q.own = ownZones(cal, q.zones)
	return q.satisfies(q.filter, cal.Component, nil), nil
}

// satisfies reports whether comp passes everything that f asks; above are the
// components around it, the nearest last.
func (q *query) satisfies(f *compFilter, comp *ical.Component, above []*ical.Component) bool {
	if f.times != nil && !q.inRange(*f.times, comp, above) {
		return false
	}
	for i := range f.props {
		if !q.prop(&f.props[i], comp) {
			return false
		}
	}
	for i := range f.comps {
		if !q.within(&f.comps[i], comp, above) {
			return false
		}
	}
	return true
}

// within reports whether one of comp's children passes f.
func (q *query) within(f *compFilter, comp *ical.Component, above []*ical.Component) bool {
	above = append(slices.Clip(above), comp)
	for _, child := range comp.Children {
		if child.Name != f.name {
			continue
		}
		if f.absent {
			return false
		}
		if q.satisfies(f, child, above) {
			return true
		}
	}
	return f.absent
}

// inRange applies a time-range (RFC 4791, 9.9).
func (q *query) inRange(r span, comp *ical.Component, above []*ical.Component) bool {
	switch comp.Name {
	case compFreeBusy:
		return q.freeBusyIn(r, comp)
	case compAlarm:
		return q.alarmIn(r, comp, above)
	}
	found := false
	var siblings []*ical.Component
	if n := len(above); n > 0 {
		siblings = above[n-1].Children
	}
	all := q.occurrences(comp, siblings, r, func(t timing) bool {
		found = t.in(r)
		if comp.Name == compTask && !t.hasStart && !t.hasEnd {
			found = q.undatedIn(r, comp)
		}
		return !found
	})
	return found || !all && q.mayReach(comp, r)
}

// mayReach reports whether a component whose rule nobody can tell might have an
// occurrence in r: a program that is shown one too many looks for itself, one
// that is not shown it never knows.
func (q *query) mayReach(comp *ical.Component, r span) bool {
	base, ok := q.timing(comp).base()
	return ok && r.end.After(base.Time)
}

// undatedIn is the part of the VTODO table for tasks that are neither begun
// nor due at any time.
func (q *query) undatedIn(r span, comp *ical.Component) bool {
	created, hasCreated := q.read(comp.Props.Get(ical.PropCreated))
	completed, hasCompleted := q.read(comp.Props.Get(ical.PropCompleted))
	switch {
	case hasCreated && hasCompleted:
		return (!created.Before(r.start) || !completed.Before(r.start)) &&
			(!created.After(r.end) || !completed.After(r.end))
	case hasCompleted:
		return !completed.Before(r.start) && !completed.After(r.end)
	case hasCreated:
		return r.end.After(created.Time)
	}
	return true
}

// freeBusyIn is the table for VFREEBUSY.
func (q *query) freeBusyIn(r span, comp *ical.Component) bool {
	start, hasStart := q.read(comp.Props.Get(ical.PropDateTimeStart))
	end, hasEnd := q.read(comp.Props.Get(ical.PropDateTimeEnd))
	if hasStart && hasEnd {
		return !end.Before(r.start) && r.end.After(start.Time)
	}
	for _, p := range comp.Props[ical.PropFreeBusy] {
		for v := range strings.SplitSeq(p.Value, ",") {
			if from, to, ok := q.period(v, ""); ok && r.overlaps(from, to) {
				return true
			}
		}
	}
	return false
}

// alarmIn reports whether an alarm goes off in the range, at any occurrence of
// the component around it, repetitions included.
func (q *query) alarmIn(r span, alarm *ical.Component, above []*ical.Component) bool {
	trigger := alarm.Props.Get(ical.PropTrigger)
	if len(above) < 2 || trigger == nil {
		return false
	}
	again, pause := repetition(alarm)
	goesOff := func(at time.Time) bool {
		for n := 0; n <= again; n++ {
			if r.overlaps(at, at) {
				return true
			}
			at = pause.from(at)
		}
		return false
	}
	if m, ok := q.read(trigger); ok && !m.date {
		return goesOff(m.Time)
	}
	offset, ok := parseLength(trigger.Value)
	if !ok {
		return false
	}
	far := reach(offset) + time.Duration(again)*reach(pause)
	comp, siblings := above[len(above)-1], above[len(above)-2].Children
	atEnd := strings.EqualFold(trigger.Params.Get("RELATED"), "END")
	found := false
	all := q.occurrences(comp, siblings, r.widened(far), func(t timing) bool {
		switch {
		case atEnd && t.hasEnd:
			found = goesOff(offset.from(t.end))
		case !atEnd && t.hasStart:
			found = goesOff(offset.from(t.start.Time))
		case comp.Name == compTask && t.hasEnd:
			found = goesOff(offset.from(t.end))
		}
		return !found
	})
	return found || !all && q.mayReach(comp, r.widened(far))
}

// repetition reads how often an alarm is repeated and how long after.
func repetition(alarm *ical.Component) (int, length) {
	times, every := alarm.Props.Get("REPEAT"), alarm.Props.Get(ical.PropDuration)
	if times == nil || every == nil {
		return 0, length{}
	}
	n, err := times.Int()
	l, ok := parseLength(every.Value)
	if err != nil || !ok || !l.positive() || n < 0 {
		return 0, length{}
	}
	return min(n, 100), l
}

// reach is how far a length can lead from a moment, in either direction. More
// than a year counts as a year: no alarm is set so far off, and a hundred of
// them must not overflow.
func reach(l length) time.Duration {
	const day = 24 * time.Hour
	d := time.Duration(l.days)*day + l.exact
	d = max(d, -d)
	if l.days != 0 {
		d += day // a clock change, or a day that a zone leaves out
	}
	return min(d, 366*day)
}

// prop applies a prop-filter: one of the properties of that name must pass.
func (q *query) prop(f *propFilter, comp *ical.Component) bool {
	list := comp.Props[f.name]
	if f.absent {
		return len(list) == 0
	}
	for i := range list {
		if q.passes(f, &list[i]) {
			return true
		}
	}
	return false
}

func (q *query) passes(f *propFilter, p *ical.Prop) bool {
	if f.times != nil {
		m, ok := q.read(p)
		if !ok || !f.times.overlaps(m.Time, m.end()) {
			return false
		}
	}
	if f.text != nil && !f.text.match(unescape(p.Value)) {
		return false
	}
	for i := range f.params {
		if !param(&f.params[i], p.Params[f.params[i].name]) {
			return false
		}
	}
	return true
}

func param(f *paramFilter, values []string) bool {
	if f.absent || f.text == nil {
		return f.absent == (len(values) == 0)
	}
	return slices.ContainsFunc(values, f.text.match)
}

// unescape turns the TEXT form of a value into the text (RFC 5545, 3.3.11);
// what is not an escape stays.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";").Replace(s)
}
