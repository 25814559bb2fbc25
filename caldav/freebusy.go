package caldav

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

// busy is a stretch of time that somebody is not free, and in which way
// (RFC 5545, 3.2.9).
type busy struct {
	span

	kind string
}

// freeBusy answers free-busy-query (RFC 4791, 7.10) with one VFREEBUSY. As
// with the other reports of a calendar, all its objects are asked whatever the
// Depth.
func (h *handler) freeBusy(w http.ResponseWriter, r *http.Request, res *resource, root *element) error {
	el := root.child(nsCal, "time-range")
	if el == nil {
		return fail(http.StatusBadRequest)
	}
	over, err := parseClosedSpan(el)
	if err != nil {
		return err
	}
	objects := res.cal.Objects
	if res.kind == kindObject {
		objects = objects[find(res.cal, res.name):][:1]
	}
	q := &query{clock: newClock(h.zones.home, h.zones)}
	var list []busy
	for i := range objects {
		o := &objects[i]
		end := o.End
		if end.IsZero() {
			end = farEnd()
		}
		if o.Component == compTask || o.Component == compJournal || !o.Start.IsZero() && !over.widened(48*time.Hour).overlaps(o.Start, end) {
			continue
		}
		if err := abandoned(r); err != nil {
			return err
		}
		list = q.busy(list, o.Data, *over)
		if len(list) > maxExpanded || q.effort.out {
			return refuse(nsDAV, "number-of-matches-within-limits")
		}
	}
	hd := w.Header()
	hd.Set("Content-Type", "text/calendar; charset=utf-8; component=vfreebusy")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(writeFreeBusy(merge(list), *over, h.paths.of(res.target), h.now())) // nothing can be done for a client that does not listen
	return nil
}

// busy appends when an object keeps somebody busy in r. One that cannot be
// read keeps nobody.
func (q *query) busy(list []busy, data []byte, r span) []busy {
	cal, err := decode(data)
	if err != nil {
		return list
	}
	n := len(list)
	err = func() (err error) {
		defer guard(&err)
		q.own = ownZones(cal, q.zones)
		for _, c := range cal.Children {
			switch c.Name {
			case compEvent:
				list = q.busyEvent(list, c, cal.Children, r)
			case compFreeBusy:
				list = q.busyPeriods(list, c, r)
			}
		}
		return nil
	}()
	if err != nil {
		return list[:n]
	}
	return list
}

// busyEvent appends an event's occurrences, unless it says that it takes no
// time or does not take place.
func (q *query) busyEvent(list []busy, c *ical.Component, siblings []*ical.Component, r span) []busy {
	kind := "BUSY"
	switch strings.ToUpper(text(c, ical.PropStatus)) {
	case "CANCELLED":
		return list
	case "TENTATIVE":
		kind = "BUSY-TENTATIVE"
	}
	if strings.EqualFold(text(c, ical.PropTransparency), "TRANSPARENT") {
		return list
	}
	q.occurrences(c, siblings, r, func(t timing) bool {
		if t.in(r) && t.start.Before(t.end) {
			list = append(list, busy{span{t.start.Time, t.end}, kind})
		}
		return len(list) <= maxExpanded
	})
	return list
}

// busyPeriods appends the periods of a VFREEBUSY that somebody stored.
func (q *query) busyPeriods(list []busy, c *ical.Component, r span) []busy {
	for _, p := range c.Props[ical.PropFreeBusy] {
		kind := strings.ToUpper(p.Params.Get("FBTYPE"))
		switch kind {
		case "FREE":
			continue
		case "BUSY-UNAVAILABLE", "BUSY-TENTATIVE":
		default:
			kind = "BUSY"
		}
		for v := range strings.SplitSeq(p.Value, ",") {
			if from, to, ok := q.period(v, ""); ok && from.Before(to) && r.overlaps(from, to) && len(list) <= maxExpanded {
				list = append(list, busy{span{from, to}, kind})
			}
		}
	}
	return list
}

func text(c *ical.Component, name string) string {
	if p := c.Props.Get(name); p != nil {
		return p.Value
	}
	return ""
}

// merge sorts by time and joins what overlaps or touches and is of one kind.
func merge(list []busy) []busy {
	slices.SortFunc(list, func(a, b busy) int {
		return cmp.Or(strings.Compare(a.kind, b.kind), a.start.Compare(b.start))
	})
	var out []busy
	for _, b := range list {
		if n := len(out); n > 0 && out[n-1].kind == b.kind && !b.start.After(out[n-1].end) {
			if b.end.After(out[n-1].end) {
				out[n-1].end = b.end
			}
			continue
		}
		out = append(out, b)
	}
	slices.SortStableFunc(out, func(a, b busy) int { return a.start.Compare(b.start) })
	return out
}

// writeFreeBusy writes the answer about the resource at path, one period on a
// line, none beyond r. Its UID (RFC 5545, 3.6.4) is that of the question.
func writeFreeBusy(list []busy, r span, path string, now time.Time) []byte {
	b := []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//syncd//calendar//SV\r\nBEGIN:VFREEBUSY\r\nUID:" +
		strings.TrimPrefix(resourceID(path+" "+r.start.Format(utcLayout)+"/"+r.end.Format(utcLayout)), "urn:uuid:") + "\r\n")
	line := func(name string, t time.Time) {
		b = append(b, name...)
		b = t.UTC().AppendFormat(b, utcLayout)
		b = append(b, "\r\n"...)
	}
	line("DTSTAMP:", now)
	line("DTSTART:", r.start)
	line("DTEND:", r.end)
	for _, p := range list {
		from, to := p.start, p.end
		if from.Before(r.start) {
			from = r.start
		}
		if to.After(r.end) {
			to = r.end
		}
		b = append(b, "FREEBUSY;FBTYPE="+p.kind+":"...)
		b = from.UTC().AppendFormat(b, utcLayout)
		b = append(b, '/')
		line("", to)
	}
	return append(b, "END:VFREEBUSY\r\nEND:VCALENDAR\r\n"...)
}
