package caldav

import (
	"slices"
	"strings"

	"github.com/emersion/go-ical"
)

// expand returns every occurrence in r as a component of its own, its times in
// UTC (RFC 4791, 9.6.5). Floating times and whole days have no zone to be
// taken from and stay.
func (j *work) expand(cal *ical.Calendar, r span) *ical.Calendar {
	out := &ical.Calendar{Component: &ical.Component{Name: cal.Name, Props: cal.Props}}
	for _, comp := range cal.Children {
		if !object(comp.Name) {
			continue // a VTIMEZONE has nothing left to explain
		}
		if comp.Name == compFreeBusy {
			out.Children = append(out.Children, comp)
			continue
		}
		var list []timing
		recurring := recurs(comp) || j.continued(comp, cal.Children) != nil
		j.occurrences(comp, cal.Children, r, func(t timing) bool {
			if t.in(r) || !t.hasStart && !t.hasEnd {
				list = append(list, t)
				if recurring {
					j.expanded++
				}
			}
			return j.expanded <= maxExpanded
		})
		slices.SortFunc(list, func(a, b timing) int {
			x, _ := a.base()
			y, _ := b.base()
			return x.Compare(y.Time)
		})
		for _, t := range list {
			out.Children = append(out.Children, j.occurrence(comp, t, recurring))
		}
	}
	return out
}

// occurrence returns comp as the one occurrence t.
func (j *work) occurrence(comp *ical.Component, t timing, recurring bool) *ical.Component {
	o := &ical.Component{Name: comp.Name, Props: make(ical.Props, len(comp.Props)+1)}
	for name, list := range comp.Props {
		switch name {
		case ical.PropRecurrenceRule, ical.PropRecurrenceDates, ical.PropExceptionDates, "EXRULE":
			continue
		}
		o.Props[name] = list
	}
	was := j.timing(comp)
	for _, name := range []string{ical.PropDateTimeStart, ical.PropDateTimeEnd, ical.PropDue} {
		m, ok := j.read(comp.Props.Get(name))
		if !ok {
			continue
		}
		if recurring {
			from, _ := was.base()
			to, _ := t.base()
			m.Time = shift(m.Time, from.Time, to.Time, m.date)
		}
		o.Props[name] = []ical.Prop{write(name, m)}
	}
	if t.own || t.lasts && !t.start.date && !t.start.floating && !t.length.from(t.start.UTC()).Equal(t.end) {
		// Days of a DURATION are of its zone, and there is none left.
		end := t.start
		end.Time = t.end
		delete(o.Props, ical.PropDuration)
		name := ical.PropDateTimeEnd
		if comp.Name == compTask {
			name = ical.PropDue
		}
		o.Props[name] = []ical.Prop{write(name, end)}
	}
	if !t.origin.IsZero() {
		o.Props[ical.PropRecurrenceID] = []ical.Prop{write(ical.PropRecurrenceID, t.origin)}
	} else if id, ok := j.read(comp.Props.Get(ical.PropRecurrenceID)); ok {
		o.Props[ical.PropRecurrenceID] = []ical.Prop{write(ical.PropRecurrenceID, id)}
	} else if recurring {
		at, _ := t.base()
		o.Props[ical.PropRecurrenceID] = []ical.Prop{write(ical.PropRecurrenceID, at)}
	}
	o.Children = comp.Children
	return o
}

// write returns a property that says m: a day, a floating time, or UTC.
func write(name string, m moment) ical.Prop {
	p := ical.NewProp(name)
	switch {
	case m.date:
		p.Params.Set(ical.ParamValue, string(ical.ValueDate))
		p.Value = m.Format(dateLayout)
	case m.floating:
		p.Value = m.Format(localLayout)
	default:
		p.Value = m.UTC().Format(utcLayout)
	}
	return *p
}

// limitRecurrence leaves out the overridden occurrences that neither lie in r
// nor stood there originally (RFC 4791, 9.6.6).
func (j *work) limitRecurrence(cal *ical.Calendar, r span) *ical.Calendar {
	out := &ical.Calendar{Component: &ical.Component{Name: cal.Name, Props: cal.Props}}
	for _, comp := range cal.Children {
		id, override := j.read(comp.Props.Get(ical.PropRecurrenceID))
		if override && object(comp.Name) {
			t := j.timing(comp)
			if !t.in(r) && !r.overlaps(id.Time, id.end()) && !onward(comp) {
				continue
			}
		}
		out.Children = append(out.Children, comp)
	}
	return out
}

// onward reports whether an override also concerns all later occurrences.
func onward(comp *ical.Component) bool {
	p := comp.Props.Get(ical.PropRecurrenceID)
	return p != nil && strings.EqualFold(p.Params.Get("RANGE"), "THISANDFUTURE")
}

// limitFreeBusy leaves out the periods beyond r (RFC 4791, 9.6.7).
func (j *work) limitFreeBusy(cal *ical.Calendar, r span) {
	q := &query{clock: j.clock}
	for _, comp := range cal.Children {
		if comp.Name != compFreeBusy {
			continue
		}
		var kept []ical.Prop
		for _, p := range comp.Props[ical.PropFreeBusy] {
			var in []string
			for v := range strings.SplitSeq(p.Value, ",") {
				if from, to, ok := q.period(v, ""); ok && r.overlaps(from, to) {
					in = append(in, v)
				}
			}
			if in != nil {
				p.Value = strings.Join(in, ",")
				kept = append(kept, p)
			}
		}
		comp.Props[ical.PropFreeBusy] = kept
	}
}
