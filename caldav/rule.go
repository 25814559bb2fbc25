package caldav

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// frequency is the unit in which a rule repeats.
type frequency int

const (
	yearly frequency = iota
	monthly
	weekly
	daily
	hourly
	minutely
	secondly
)

// rule is a recurrence rule (RFC 5545, 3.3.10). Its lists are in order, and
// hold nothing twice.
type rule struct {
	freq  frequency
	every int          // INTERVAL
	count int          // 0: no COUNT
	until string       // as written, empty for none
	first time.Weekday // WKST

	months, monthDays, yearDays, weeks []int
	days                               []nthDay
	hours, minutes, seconds            []int
	positions                          []int
}

// nthDay is a part of BYDAY: a day of the week, and which of its month or year,
// counted from the end if negative; 0 means each.
type nthDay struct {
	day time.Weekday
	n   int
}

// parseRule reads a rule in any spelling that RFC 5545 allows, and in the one
// of RFC 7529 that says no more than that. False: nobody knows what it means.
func parseRule(text string) (*rule, bool) {
	r := &rule{freq: -1, every: 1, first: time.Monday}
	for part := range strings.SplitSeq(strings.ToUpper(text), ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue // a semicolon at the end
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok || !r.set(strings.TrimSpace(name), strings.TrimSpace(value)) {
			return nil, false
		}
	}
	return r, r.freq >= 0
}

// set takes one part of a rule.
func (r *rule) set(name, value string) (ok bool) {
	switch name {
	case "FREQ":
		r.freq = frequency(slices.Index([]string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"}, value))
		return r.freq >= 0
	case "INTERVAL":
		r.every, ok = number(value, 1, 1<<31-1)
	case "COUNT":
		r.count, ok = number(value, 1, 1<<31-1)
	case "UNTIL":
		r.until, ok = value, value != ""
	case "WKST":
		r.first, ok = weekday(value)
	case "BYMONTH":
		r.months, ok = numbers(value, 1, 12, false)
	case "BYMONTHDAY":
		r.monthDays, ok = numbers(value, 1, 31, true)
	case "BYYEARDAY":
		r.yearDays, ok = numbers(value, 1, 366, true)
	case "BYWEEKNO":
		r.weeks, ok = numbers(value, 1, 53, true)
	case "BYDAY":
		r.days, ok = nthDays(value)
	case "BYHOUR":
		r.hours, ok = numbers(value, 0, 23, false)
	case "BYMINUTE":
		r.minutes, ok = numbers(value, 0, 59, false)
	case "BYSECOND":
		r.seconds, ok = numbers(strings.ReplaceAll(value, "60", "59"), 0, 59, false) // no clock here has leap seconds
	case "BYSETPOS":
		r.positions, ok = numbers(value, 1, 366, true)
	case "RSCALE":
		ok = value == "GREGORIAN"
	case "SKIP":
		ok = value == "OMIT"
	default:
		ok = strings.HasPrefix(name, "X-")
	}
	return ok
}

func number(s string, least, most int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= least && n <= most
}

// numbers reads a list; signed says that its numbers may be counted from the
// end.
func numbers(s string, least, most int, signed bool) (out []int, ok bool) {
	for v := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		size := n
		if signed {
			size = max(n, -n)
		}
		if err != nil || size < least || size > most {
			return nil, false
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return slices.Compact(out), true
}

func weekday(s string) (time.Weekday, bool) {
	n := slices.Index([]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}, s)
	return time.Weekday(n), n >= 0
}

func nthDays(s string) (out []nthDay, ok bool) {
	for v := range strings.SplitSeq(s, ",") {
		v = strings.TrimSpace(v)
		if len(v) < 2 {
			return nil, false
		}
		var d nthDay
		at := len(v) - 2
		if d.day, ok = weekday(v[at:]); !ok {
			return nil, false
		}
		if at > 0 {
			if d.n, ok = number(v[:at], -53, 53); !ok || d.n == 0 {
				return nil, false
			}
		}
		out = append(out, d)
	}
	return out, true
}

// plain reports whether the rule gives exactly one moment in each of its
// periods, so that they can be counted without being looked at.
func (r *rule) plain(start time.Time) bool {
	return r.months == nil && r.monthDays == nil && r.yearDays == nil && r.weeks == nil && r.days == nil &&
		r.hours == nil && r.minutes == nil && r.seconds == nil && r.positions == nil && (r.freq > monthly || start.Day() <= 28)
}

// completed returns the rule with what it leaves to the moment that it repeats.
func (r *rule) completed(start time.Time) *rule {
	c := *r
	if c.yearDays == nil && c.monthDays == nil && c.days == nil {
		switch {
		case c.freq == weekly || c.freq == yearly && c.weeks != nil:
			c.days = []nthDay{{day: start.Weekday()}}
		case c.freq == monthly && c.weeks == nil:
			c.monthDays = []int{start.Day()}
		case c.freq == yearly:
			c.monthDays = []int{start.Day()}
			if c.months == nil {
				c.months = []int{int(start.Month())}
			}
		}
	}
	if c.hours == nil && c.freq < hourly {
		c.hours = []int{start.Hour()}
	}
	if c.minutes == nil && c.freq < minutely {
		c.minutes = []int{start.Minute()}
	}
	if c.seconds == nil && c.freq < secondly {
		c.seconds = []int{start.Second()}
	}
	return &c
}

// never reports whether the rule asks for days that no month of its has.
func (r *rule) never() bool {
	if r.months == nil || r.monthDays == nil {
		return false
	}
	for _, month := range r.months {
		for _, day := range r.monthDays {
			if max(day, -day) <= monthLength(2024, time.Month(month)) {
				return false
			}
		}
	}
	return true
}

// date is a day of the calendar, without a zone.
type date struct {
	number     int // days since 1970
	year       int
	month      time.Month
	day        int
	yearDay    int // from 1
	weekday    time.Weekday
	yearLength int
}

const daySeconds = 24 * 60 * 60

func dateOf(number int) date {
	t := time.Unix(int64(number)*daySeconds, 0).UTC()
	d := date{number: number, yearDay: t.YearDay(), weekday: t.Weekday()}
	d.year, d.month, d.day = t.Date()
	d.yearLength = yearLength(d.year)
	return d
}

// dayNumber is the day of t by the clock on the wall, counted from 1970.
func dayNumber(t time.Time) int {
	y, m, d := t.Date()
	return dayOf(y, m, d)
}

func dayOf(y int, m time.Month, d int) int {
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / daySeconds)
}

func yearLength(year int) int { return dayOf(year+1, 1, 1) - dayOf(year, 1, 1) }

func monthLength(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// fits reports whether a day passes every part of the rule that is about days.
func (r *rule) fits(d date) bool {
	return (r.months == nil || slices.Contains(r.months, int(d.month))) &&
		(r.monthDays == nil || holds(r.monthDays, d.day, monthLength(d.year, d.month))) &&
		(r.yearDays == nil || holds(r.yearDays, d.yearDay, d.yearLength)) &&
		(r.weeks == nil || r.inWeeks(d)) &&
		(r.days == nil || r.onDays(d))
}

// holds reports whether a list names the n-th of so many, counted from either
// end.
func holds(list []int, n, of int) bool {
	return slices.Contains(list, n) || slices.Contains(list, n-of-1)
}

// inWeeks applies BYWEEKNO: a week belongs to the year that has four days of it.
func (r *rule) inWeeks(d date) bool {
	middle := dateOf(d.number - (int(d.weekday)-int(r.first)+7)%7 + 3)
	n := (middle.yearDay-1)/7 + 1
	return holds(r.weeks, n, n+(middle.yearLength-middle.yearDay)/7)
}

// onDays applies BYDAY.
func (r *rule) onDays(d date) bool {
	for _, want := range r.days {
		if want.day != d.weekday {
			continue
		}
		at, of := d.yearDay, d.yearLength
		switch {
		case want.n == 0 || r.freq > monthly || r.weeks != nil:
			return true
		case r.freq == monthly || r.months != nil:
			at, of = d.day, monthLength(d.year, d.month)
		}
		if want.n == (at-1)/7+1 || want.n == -((of-at)/7+1) {
			return true
		}
	}
	return false
}

// until reads UNTIL, nil for none. A day counts to its end.
func (c clock) until(r *rule) (end *time.Time, ok bool) {
	if r.until == "" {
		return nil, true
	}
	m, ok := c.parse(r.until, "")
	if m.date {
		m.Time = m.end().Add(-time.Second)
	}
	return &m.Time, ok
}
