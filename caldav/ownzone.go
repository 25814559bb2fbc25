package caldav

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

// What of a zone's own rules is worked out: so many clock changes of one
// observance at most, and none after lastOnset.
const (
	maxOnsets = 600
	lastOnset = 2110
)

// zoneEffort is what may be spent on the zones of one object. It is not the
// request's: half a zone would be a wrong one.
func zoneEffort() *effort { return &effort{left: 4 * maxSteps} }

// onset is one clock change of a zone that a VTIMEZONE describes.
type onset struct {
	at       int64 // Unix seconds
	from, to int32 // seconds east of UTC
	daylight bool
}

// ownZones returns the zones of an object that nobody else knows, by TZID, as
// its own VTIMEZONEs have them; nil if there are none.
func ownZones(cal *ical.Calendar, known *zones) map[string]*time.Location {
	e := zoneEffort()
	var own map[string]*time.Location
	for _, c := range cal.Children {
		id := c.Props.Get(ical.PropTimezoneID)
		if c.Name != ical.CompTimezone || id == nil || known.named(id.Value) != nil {
			continue
		}
		if loc := ownZone(c, e); loc != nil {
			if own == nil {
				own = map[string]*time.Location{}
			}
			own[id.Value] = loc
		}
	}
	return own
}

// ownZone returns the zone that a VTIMEZONE describes (RFC 5545, 3.6.5), nil
// if it describes none.
func ownZone(comp *ical.Component, e *effort) *time.Location {
	var list []onset
	for _, c := range comp.Children {
		if c.Name == ical.CompTimezoneStandard || c.Name == ical.CompTimezoneDaylight {
			list = append(list, onsets(c, e)...)
		}
	}
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b onset) int { return cmp.Compare(a.at, b.at) })
	name := "zone"
	if id := comp.Props.Get(ical.PropTimezoneID); id != nil {
		name = id.Value
	}
	loc, err := time.LoadLocationFromTZData(name, tzif(list))
	if err != nil {
		return nil
	}
	return loc
}

// onsets works out one observance.
func onsets(c *ical.Component, e *effort) []onset {
	from, okFrom := offset(c.Props.Get(ical.PropTimezoneOffsetFrom))
	to, okTo := offset(c.Props.Get(ical.PropTimezoneOffsetTo))
	begin := c.Props.Get(ical.PropDateTimeStart)
	if !okFrom || !okTo || begin == nil {
		return nil
	}
	start, err := time.Parse(localLayout, begin.Value)
	if err != nil {
		return nil
	}
	o := onset{from: from, to: to, daylight: c.Name == ical.CompTimezoneDaylight}
	var out []onset
	add := func(local time.Time) {
		o.at = local.Unix() - int64(from)
		out = append(out, o)
	}
	add(start)
	for _, p := range c.Props[ical.PropRecurrenceDates] {
		for v := range strings.SplitSeq(p.Value, ",") {
			if local, err := time.Parse(localLayout, v); err == nil && len(out) < maxOnsets {
				add(local)
			}
		}
	}
	for _, p := range c.Props[ical.PropRecurrenceRule] {
		eachYear(p.Value, start, from, e, add)
	}
	return out
}

// eachYear calls add for every local time behind start at which a rule has the
// clocks change.
func eachYear(text string, start time.Time, from int32, e *effort, add func(time.Time)) {
	rule, ok := parseRule(text)
	if !ok || rule.freq != yearly {
		return // nobody's clocks change more often
	}
	until, ok := clock{zone: time.UTC}.until(rule)
	if !ok {
		return
	}
	if until != nil {
		// UNTIL is in UTC, the rule runs on the clock on the wall.
		*until = until.Add(time.Duration(from) * time.Second)
	}
	n := 0
	rule.each(start, start, time.Date(lastOnset+1, 1, 1, 0, 0, 0, 0, time.UTC), until, e, func(local time.Time) bool {
		if !local.Equal(start) {
			add(local)
		}
		n++
		return n < maxOnsets
	})
}

// offset reads a UTC offset (RFC 5545, 3.3.14).
func offset(p *ical.Prop) (int32, bool) {
	if p == nil {
		return 0, false
	}
	for _, layout := range [...]string{"-0700", "-070000"} {
		if t, err := time.Parse(layout, p.Value); err == nil {
			_, seconds := t.Zone()
			return int32(seconds), true //nolint:gosec // less than a day
		}
	}
	return 0, false
}

// tzif writes clock changes, in order, as time zone data (RFC 8536), which is
// how package time takes a zone.
func tzif(list []onset) []byte {
	type form struct {
		offset   int32
		daylight bool
	}
	// What held before the first change is the first form.
	forms := []form{{offset: list[0].from}}
	index := make([]byte, len(list))
	for i, o := range list {
		f := form{o.to, o.daylight}
		n := slices.Index(forms, f)
		if n < 0 && len(forms) < 250 {
			n = len(forms)
			forms = append(forms, f)
		}
		index[i] = byte(max(n, 0)) //nolint:gosec // at most 250
	}
	var b bytes.Buffer
	header := func(times, forms, chars int) {
		b.WriteString("TZif2")
		b.Write(make([]byte, 15))
		for _, n := range [...]int{0, 0, 0, times, forms, chars} {
			b.Write(binary.BigEndian.AppendUint32(nil, uint32(n))) //nolint:gosec // counts
		}
	}
	header(0, 1, 1) // the part for old readers says nothing
	b.Write(make([]byte, 6+1))
	header(len(list), len(forms), len("LCL\x00"))
	for _, o := range list {
		b.Write(binary.BigEndian.AppendUint64(nil, uint64(o.at))) //nolint:gosec // two's complement is meant
	}
	b.Write(index)
	for _, f := range forms {
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(f.offset))) //nolint:gosec // two's complement is meant
		b.Write([]byte{0, 0})
		if f.daylight {
			b.Bytes()[b.Len()-2] = 1
		}
	}
	b.WriteString("LCL\x00\n\n")
	return b.Bytes()
}
