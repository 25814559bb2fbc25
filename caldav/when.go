package caldav

import (
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

// The components that a calendar object may hold.
const (
	compEvent    = ical.CompEvent
	compTask     = ical.CompToDo
	compJournal  = ical.CompJournal
	compFreeBusy = ical.CompFreeBusy
	compAlarm    = ical.CompAlarm
)

// The forms of a date and of a local time (RFC 5545, 3.3.4 and 3.3.5).
const (
	dateLayout  = "20060102"
	localLayout = "20060102T150405"
)

// clock reads the times of one object: floating ones and whole days in the
// zone that the client or the calendar says.
type clock struct {
	zone  *time.Location
	zones *zones
	own   map[string]*time.Location // of the object at hand: zones that it alone knows

	effort *effort // what the request may still spend on rules
}

func newClock(zone *time.Location, known *zones) clock {
	return clock{zone: zone, zones: known, effort: newEffort()}
}

// moment is a time as a property writes it.
type moment struct {
	time.Time
	date     bool // a whole day, beginning at Time
	floating bool // a local time without a zone
}

// end returns the first instant after a whole day, or the instant itself.
func (m moment) end() time.Time {
	if m.date {
		return m.AddDate(0, 0, 1)
	}
	return m.Time
}

// read returns the moment of a property with one value.
func (c clock) read(p *ical.Prop) (moment, bool) {
	if p == nil {
		return moment{}, false
	}
	return c.parse(p.Value, p.Params.Get(ical.ParamTimezoneID))
}

// list returns the moments of a property with several values; of a period its
// beginning.
func (c clock) list(p *ical.Prop) []moment {
	var out []moment
	for v := range strings.SplitSeq(p.Value, ",") {
		v, _, _ = strings.Cut(v, "/")
		if m, ok := c.parse(v, p.Params.Get(ical.ParamTimezoneID)); ok {
			out = append(out, m)
		}
	}
	return out
}

func (c clock) parse(v, tzid string) (moment, bool) {
	switch len(v) {
	case len(dateLayout):
		t, err := time.ParseInLocation(dateLayout, v, c.zone)
		return moment{Time: t, date: true}, err == nil
	case len(utcLayout):
		t, err := time.Parse(utcLayout, v)
		return moment{Time: t}, err == nil
	case len(localLayout):
		zone := c.own[tzid]
		if zone == nil {
			zone = c.zones.named(tzid)
		}
		floating := zone == nil
		if floating {
			zone = c.zone
		}
		t, err := time.ParseInLocation(localLayout, v, zone)
		return moment{Time: t, floating: floating && tzid == ""}, err == nil
	}
	return moment{}, false
}

// period reads a period of time (RFC 5545, 3.3.9).
func (c clock) period(v, tzid string) (from, to time.Time, ok bool) {
	first, second, _ := strings.Cut(v, "/")
	start, ok := c.parse(first, tzid)
	if !ok {
		return from, to, false
	}
	if l, ok := parseLength(second); ok {
		return start.Time, l.from(start.Time), true
	}
	end, ok := c.parse(second, tzid)
	return start.Time, end.Time, ok
}

// length is a duration (RFC 5545, 3.3.6): days are of the calendar, the rest
// is exact.
type length struct {
	days  int
	exact time.Duration
}

func (l length) from(t time.Time) time.Time {
	if l.days != 0 {
		t = t.AddDate(0, 0, l.days)
	}
	return t.Add(l.exact)
}

func (l length) positive() bool { return l.days > 0 || l.days == 0 && l.exact > 0 }

// parseLength reads a duration. Numbers beyond a hundred years are refused, so
// that nothing overflows.
func parseLength(s string) (length, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	sign := int64(1)
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		s, sign = rest, -1
	} else {
		s = strings.TrimPrefix(s, "+")
	}
	s, ok := strings.CutPrefix(s, "P")
	if !ok || s == "" {
		return length{}, false
	}
	var l length
	inTime := false
	for s != "" {
		if !inTime && s[0] == 'T' {
			inTime = true
			s = s[1:]
		}
		n := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if n < 1 || n > 10 {
			return length{}, false
		}
		v, err := strconv.ParseInt(s[:n], 10, 64)
		if err != nil || !l.add(v*sign, s[n], inTime) {
			return length{}, false
		}
		s = s[n+1:]
	}
	return l, true
}

// add adds one part of a duration; at most a hundred years of it are taken, so
// that nothing overflows.
func (l *length) add(n int64, unit byte, inTime bool) bool {
	const days = 36525
	size := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second}[unit]
	switch {
	case inTime && size > 0:
		if most := int64(days * 24 * time.Hour / size); n > most || n < -most {
			return false
		}
		l.exact += time.Duration(n) * size
	case !inTime && (unit == 'D' || unit == 'W'):
		if unit == 'W' {
			n *= 7
		}
		if n > days || n < -days {
			return false
		}
		l.days += int(n)
	default:
		return false
	}
	return l.exact < 2*days*24*time.Hour && l.days < 2*days
}
