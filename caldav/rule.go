package caldav

import (
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// repeat calls yield for what a rule gives between from and to; it returns
// false when yield did.
func repeat(rule *rrule.RRule, from, to time.Time, yield func(time.Time) bool) bool {
	next := rule.Iterator()
	for range maxOccurrences {
		start, ok := next()
		if !ok || !start.Before(to) {
			return true
		}
		if !start.Before(from) && !yield(start) {
			return false
		}
	}
	return true
}

// rule reads a recurrence rule that begins at base. Without a COUNT it is
// entered shortly before from.
//
// A rule below a day with parts that filter is not worked out: the library
// would look for the next match for minutes where there is none.
func (c clock) rule(text string, base moment, from time.Time) (*rrule.RRule, bool) {
	opt, err := rrule.StrToROption(text)
	if err != nil {
		return nil, false
	}
	filtered := len(opt.Bymonth)+len(opt.Bymonthday)+len(opt.Byyearday)+len(opt.Byweekno)+len(opt.Byweekday)+
		len(opt.Byhour)+len(opt.Byminute)+len(opt.Bysecond)+len(opt.Bysetpos)+len(opt.Byeaster) > 0
	if opt.Freq >= rrule.HOURLY && filtered || never(opt) {
		return nil, false
	}
	if !opt.Until.IsZero() {
		opt.Until = c.until(text, opt.Until)
	}
	opt.Dtstart = base.Time
	if opt.Count == 0 && len(opt.Bysetpos) == 0 {
		opt.Dtstart = enter(base.Time, opt.Freq, max(opt.Interval, 1), from)
	}
	rule, err := rrule.NewRRule(*opt)
	return rule, err == nil
}

// never reports whether a rule asks for days that no month of its has: the
// library would look for them day by day to the end of time.
func never(opt *rrule.ROption) bool {
	if len(opt.Bymonth) == 0 || len(opt.Bymonthday) == 0 {
		return false
	}
	for _, month := range opt.Bymonth {
		days := time.Date(2024, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
		for _, day := range opt.Bymonthday {
			if max(day, -day) <= days {
				return false
			}
		}
	}
	return true
}

// until reads UNTIL anew: the library takes a day and a local time for UTC. A
// day counts to its end.
func (c clock) until(text string, fallback time.Time) time.Time {
	for part := range strings.SplitSeq(strings.ToUpper(text), ";") {
		v, ok := strings.CutPrefix(strings.TrimSpace(part), "UNTIL=")
		if !ok {
			continue
		}
		if m, ok := c.parse(v, ""); ok {
			if m.date {
				return m.end().Add(-time.Second)
			}
			return m.Time
		}
	}
	return fallback
}

// enter returns the last moment in step with the rule that lies well before
// from, or start where there is none later.
func enter(start time.Time, freq rrule.Frequency, interval int, from time.Time) time.Time {
	var unit time.Duration
	switch freq {
	case rrule.WEEKLY:
		unit = 7 * 24 * time.Hour
	case rrule.DAILY:
		unit = 24 * time.Hour
	case rrule.HOURLY:
		unit = time.Hour
	case rrule.MINUTELY:
		unit = time.Minute
	case rrule.SECONDLY:
		unit = time.Second
	case rrule.MONTHLY, rrule.YEARLY:
		return start
	}
	if interval > 10_000 || !start.Before(from) {
		return start
	}
	// In seconds: a Duration ends after 292 years.
	step := int64(unit/time.Second) * int64(interval)
	n := (from.Unix()-start.Unix())/step - 2
	if n <= 0 {
		return start
	}
	if unit >= 24*time.Hour {
		return start.AddDate(0, 0, int(n*step/(24*3600)))
	}
	return time.Unix(start.Unix()+n*step, 0).In(start.Location())
}
