package icalendar

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"syncd/source/school"
)

// written is a whole calendar and what is to be known about it.
type written struct {
	data     []byte
	entries  int
	modified time.Time     // the latest LAST-MODIFIED in it, and when its window last moved
	window   school.Window // what it was narrowed to; zero: all of it
	skipped  []school.UID
}

// placed is an entry that can be written, and its lines.
type placed struct {
	entry school.Entry
	at    place
	lines []byte
}

// calendar writes all entries. See [Calendar].
func (enc *encoder) calendar(info Info, entries []school.Entry) written {
	var out written
	list := make([]placed, 0, len(entries))
	seen := make(map[school.UID]bool, len(entries))
	for _, e := range entries {
		if enc.style.Feed && e.Status == school.StatusCancelled &&
			enc.style.Options.Cancelled == school.CancelledDrop {
			continue
		}
		p, err := enc.place(e)
		if err != nil || seen[e.UID] {
			out.skipped = append(out.skipped, e.UID)
			continue
		}
		seen[e.UID] = true
		list = append(list, placed{entry: e, at: p, lines: enc.component(e, p)})
	}
	slices.SortFunc(list, func(a, b placed) int {
		return cmp.Or(a.at.start.Compare(b.at.start), cmp.Compare(a.entry.UID, b.entry.UID))
	})
	cal := enc.properties()
	describe(cal, info)
	head, footer := enc.frame(cal)
	frame := len(head) + len(enc.vzone) + len(footer)
	if enc.style.Feed {
		list, out.window = enc.narrow(list, frame)
	}
	if !out.window.IsZero() {
		out.modified = enc.style.Limits.Today.Monday().Start(enc.loc).UTC()
	}
	size := frame
	for _, p := range list {
		size += len(p.lines)
		out.modified = later(out.modified, p.at.stamp)
	}
	b := bytes.NewBuffer(make([]byte, 0, size))
	b.Write(head)
	b.Write(enc.vzone)
	for _, p := range list {
		b.Write(p.lines)
	}
	b.Write(footer)
	out.data, out.entries = b.Bytes(), len(list)
	return out
}

// pastWeighs is how many weeks to come are worth one that is over.
const pastWeighs = 4

// narrow leaves out what is too much for the limits, and returns the window
// that is left: zero when everything is. The window begins and ends with an
// ISO week, so that it moves once a week.
func (enc *encoder) narrow(list []placed, frame int) ([]placed, school.Window) {
	l := enc.style.Limits
	left := Limits{Bytes: l.Bytes - frame, Entries: l.Entries}
	var all load
	weeks := map[int]load{} // by distance
	for _, p := range list {
		all.add(p)
		d := enc.distance(p)
		w := weeks[d]
		w.add(p)
		weeks[d] = w
	}
	if all.fits(l, left) {
		return list, school.Window{}
	}
	reach, sum := -1, load{}
	farthest := 0
	for d := range weeks {
		farthest = max(farthest, d)
	}
	for d := 0; d <= farthest; d++ {
		next := load{sum.bytes + weeks[d].bytes, sum.entries + weeks[d].entries}
		if !next.fits(l, left) {
			break
		}
		reach, sum = d, next
	}
	monday := l.Today.Monday()
	if reach < 0 { // even this week is too much
		return enc.cut(list, left), school.Window{From: monday, To: monday.AddDays(7)}
	}
	kept := slices.DeleteFunc(list, func(p placed) bool { return enc.distance(p) > reach })
	return kept, school.Window{From: monday.AddDays(-7 * (reach / pastWeighs)), To: monday.AddDays(7 * (reach + 1))}
}

// cut keeps of this week what fits.
func (enc *encoder) cut(list []placed, left Limits) []placed {
	var sum load
	var kept []placed
	for _, p := range list {
		if enc.distance(p) > 0 {
			continue
		}
		next := sum
		next.add(p)
		if next.fits(enc.style.Limits, left) {
			sum = next
			kept = append(kept, p)
		}
	}
	return kept
}

// distance is how far an entry is from this week, in weeks. What has begun
// and is not over is in this week.
func (enc *encoder) distance(p placed) int {
	monday := enc.style.Limits.Today.Monday()
	last := p.at.days.To.AddDays(-1)
	if last.Before(monday) {
		return pastWeighs * ((last.DaysUntil(monday) + 6) / 7)
	}
	return max(monday.DaysUntil(p.at.days.From)/7, 0)
}

// load is how much entries are.
type load struct{ bytes, entries int }

func (l *load) add(p placed) {
	l.bytes += len(p.lines)
	l.entries++
}

// fits reports whether that much may stand in a calendar of which left is
// left for entries.
func (l load) fits(limits, left Limits) bool {
	return (limits.Bytes == 0 || l.bytes <= left.Bytes) && (limits.Entries == 0 || l.entries <= left.Entries)
}
