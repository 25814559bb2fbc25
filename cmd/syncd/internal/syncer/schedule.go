package syncer

import (
	"time"

	"syncd/source/school"
)

// The schedule: every 20 to 30 minutes on school days between 06 and 21, about
// every two hours in the evening, at weekends and in the holidays, never
// between 23 and 05. Each interval is spread by chance, and no night ends at
// the same minute in two houses.
const (
	busyInterval  = 25 * time.Minute
	quietInterval = 2 * time.Hour
	spread        = 0.2 // of an interval, either way

	nightEnds, dayBegins, dayEnds, nightBegins = 5, 6, 21, 23 // o'clock
)

// rhythm is how long what was read of a part is good enough: the longest, but
// for the night, that a change in it can go unnoticed. It is longer where the
// platform's notices, which are read each time, announce changes.
func rhythm(p school.Part, announced bool) time.Duration {
	switch p {
	case school.PartNotices:
		return 0
	case school.PartNews:
		if announced {
			return 2 * time.Hour
		}
		return 0
	case school.PartCalendar, school.PartSchedule, school.PartTasks:
		if announced {
			return 4 * time.Hour
		}
		return 2 * time.Hour
	case school.PartCare:
		return 4 * time.Hour
	case school.PartTimetable:
		return 6 * time.Hour
	case school.PartMenu:
		return 20 * time.Hour // once a day, at whatever hour the first read falls
	}
	return 2 * time.Hour
}

// Dated things near today are read by their rhythm, everything once a day:
// what lies further off is seldom changed, and takes most of the requests.
const (
	nearBack, nearAhead = 7, 28 // days
	wideRhythm          = 20 * time.Hour
)

// dated reports whether a part is asked for by dates.
func dated(p school.Part) bool { return p != school.PartNews && p != school.PartNotices }

// slack lets a part that is almost due be read along with the others.
const slack = 10 * time.Minute

// schedule turns moments into due times.
type schedule struct {
	loc    *time.Location
	random func() float64
}

// next returns when to read again after a job that went well.
func (s schedule) next(now time.Time) time.Time {
	now = now.In(s.loc)
	interval := quietInterval
	if s.busy(now) {
		interval = busyInterval
	}
	interval = time.Duration(float64(interval) * (1 - spread + 2*spread*s.random()))
	return s.awake(now, now.Add(interval))
}

// awake moves t out of the night, and forward to the start of the school day
// where a long interval from now would jump over it.
func (s schedule) awake(now, t time.Time) time.Time {
	t = t.In(s.loc)
	switch h := t.Hour(); {
	case h >= nightBegins:
		return s.morning(school.DateOf(t).AddDays(1))
	case h < nightEnds:
		return s.morning(school.DateOf(t))
	}
	if s.busy(t) && !s.busy(now) {
		begins := school.DateOf(t).At(dayBegins, 0, s.loc)
		begins = begins.Add(time.Duration(s.random() * float64(busyInterval)))
		if begins.After(now) && begins.Before(t) {
			return begins
		}
	}
	return t
}

func (s schedule) morning(d school.Date) time.Time {
	return d.At(nightEnds, 0, s.loc).Add(time.Duration(s.random() * float64(time.Hour)))
}

// busy reports whether t lies in a school day's waking hours.
func (s schedule) busy(t time.Time) bool {
	t = t.In(s.loc)
	return t.Hour() >= dayBegins && t.Hour() < dayEnds && schoolDay(school.DateOf(t))
}

// schoolDay reports whether d is likely to be a school day in Sweden: no
// weekend, no public holiday, not in the middle of the summer, not between
// Christmas and Epiphany. It only decides how often to ask, so it may err.
func schoolDay(d school.Date) bool {
	switch d.Weekday() {
	case time.Saturday, time.Sunday:
		return false
	case time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday:
	}
	switch md := int(d.Month)*100 + d.Day; {
	case md >= 1223 || md <= 106: // Christmas, New Year, Epiphany
		return false
	case md >= 620 && md <= 810: // summer, Midsummer in it or just before
		return false
	case md == 501 || md == 606:
		return false
	}
	if d.Month == time.June && d.Weekday() == time.Friday && d.Day >= 19 { // Midsummer Eve
		return false
	}
	easter := easterSunday(d.Year)
	switch easter.DaysUntil(d) {
	case -2, 1, 39: // Good Friday, Easter Monday, Ascension Day
		return false
	}
	return true
}

// easterSunday returns the date of Easter in the Gregorian calendar (the
// algorithm of Meeus, Jones and Butcher).
func easterSunday(year int) school.Date {
	a, b, c := year%19, year/100, year%100
	d, e, f := b/4, b%4, (b+8)/25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	month := (h + l - 7*m + 114) / 31
	day := (h+l-7*m+114)%31 + 1
	return school.NewDate(year, time.Month(month), day)
}
