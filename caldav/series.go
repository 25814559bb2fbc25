package caldav

import (
	"slices"
	"time"
)

// What is looked at of rules: so many days, or hours, minutes and seconds of a
// rule that repeats as often, for one rule, and for one request.
const (
	maxSteps = 100_000
	allSteps = 2_000_000
)

// effort is what one request may still spend on rules.
type effort struct {
	left int
	out  bool // a rule was not worked out to its end
}

func newEffort() *effort { return &effort{left: allSteps} }

// disorder is how far apart two moments may be that the clock on the wall and
// the sun order differently.
const disorder = 3 * time.Hour

// series is one rule being worked out. Days and whatever is longer go by the
// clock on the wall, hours and whatever is shorter by the sun.
type series struct {
	*rule

	start     time.Time
	from, end time.Time
	yield     func(time.Time) bool
	left      int // steps
	given     int // moments since start
	done      bool
	stopped   bool // by yield
	out       bool // of steps
}

// each calls yield for the moments from one time up to another at which the
// rule repeats start, until yield returns false, which it then returns. What
// it costs is bounded and taken from e, which learns of what was left out.
func (r *rule) each(start, from, to time.Time, until *time.Time, e *effort, yield func(time.Time) bool) bool {
	if from.Before(start) {
		from = start
	}
	if until != nil && until.Before(to) {
		to = until.Add(time.Second)
	}
	if !from.Before(to) || r.never() {
		return true
	}
	s := &series{rule: r.completed(start), start: start, from: from, end: to, yield: yield, left: min(maxSteps, e.left)}
	had := s.left
	if r.freq >= hourly {
		s.bySun(r.plain(start))
	} else {
		s.byWall(r.plain(start))
	}
	e.left -= had - s.left
	e.out = e.out || s.out
	return !s.stopped
}

// step pays for one step; false says that there is no more.
func (s *series) step() bool {
	if s.left <= 0 {
		s.done, s.out = true, true
		return false
	}
	s.left--
	return true
}

// emit takes the next moment.
func (s *series) emit(t time.Time) {
	switch {
	case s.done || !s.step() || t.Before(s.start):
		return
	case !t.Before(s.end):
		s.done = !t.Before(s.end.Add(disorder))
		return
	}
	s.given++
	switch {
	case s.count > 0 && s.given > s.count:
		s.done = true
	case !t.Before(s.from) && !s.yield(t):
		s.done, s.stopped = true, true
	}
}

// skip says with which period to begin, when period n of them is the one that
// from lies in.
func (s *series) skip(n int, plain bool) int {
	switch {
	case n <= 0 || s.count > 0 && !plain:
		return 0
	case s.count > 0:
		s.given = n
	}
	return n
}

// byWall works out a rule of days, weeks, months or years.
func (s *series) byWall(plain bool) {
	zone := s.start.Location()
	low, high := dayNumber(s.from.In(zone))-1, dayNumber(s.end.In(zone))+1
	whole := s.count > 0 || s.positions != nil // every period has to be looked at from its first day to its last
	for n := s.skip(s.periodOf(low), plain); !s.done; n++ {
		first, next := s.period(n)
		if first > high || !s.step() {
			return
		}
		if !whole {
			first, next = max(first, low), min(next, high+1)
		}
		s.dates(first, next)
	}
}

// periodOf returns which period of the rule a day lies in, or the last one
// before it.
func (s *series) periodOf(number int) int {
	d, first := dateOf(number), dayNumber(s.start)
	switch s.freq {
	case yearly:
		return (d.year - s.start.Year()) / s.every
	case monthly:
		return ((d.year-s.start.Year())*12 + int(d.month-s.start.Month())) / s.every
	case weekly:
		return (number - s.weekOf(first)) / 7 / s.every
	case daily, hourly, minutely, secondly:
	}
	return (number - first) / s.every
}

// period returns the first day of the n-th period and the first behind it.
func (s *series) period(n int) (first, next int) {
	n *= s.every
	switch s.freq {
	case yearly:
		y := s.start.Year() + n
		return dayOf(y, 1, 1), dayOf(y+1, 1, 1)
	case monthly:
		m := s.start.Month() + time.Month(n)
		return dayOf(s.start.Year(), m, 1), dayOf(s.start.Year(), m+1, 1)
	case weekly:
		first = s.weekOf(dayNumber(s.start)) + 7*n
		return first, first + 7
	case daily, hourly, minutely, secondly:
	}
	first = dayNumber(s.start) + n
	return first, first + 1
}

// weekOf is the first day of the week that a day lies in.
func (s *series) weekOf(number int) int {
	return number - (int(dateOf(number).weekday)-int(s.first)+7)%7
}

// dates takes the days of one period that fit, from first up to next.
func (s *series) dates(first, next int) {
	var fitting []date
	for number := first; number < next && !s.done; number++ {
		if !s.step() {
			return
		}
		d := dateOf(number)
		switch {
		case s.months != nil && !slices.Contains(s.months, int(d.month)):
			number += monthLength(d.year, d.month) - d.day // to the last of the month
		case !s.fits(d):
		case s.positions != nil:
			fitting = append(fitting, d)
		default:
			s.times(len(s.hours)*len(s.minutes)*len(s.seconds), func(i int) time.Time { return s.at(d, i) })
		}
	}
	if per := len(s.hours) * len(s.minutes) * len(s.seconds); fitting != nil {
		s.times(len(fitting)*per, func(i int) time.Time { return s.at(fitting[i/per], i%per) })
	}
}

// times takes the moments of a set that is in order, or those at the positions
// that are asked for.
func (s *series) times(n int, at func(int) time.Time) {
	if s.positions == nil {
		for i := 0; i < n && !s.done; i++ {
			s.emit(at(i))
		}
		return
	}
	var chosen []int
	for _, p := range s.positions {
		if p < 0 {
			p += n + 1
		}
		if p >= 1 && p <= n {
			chosen = append(chosen, p-1)
		}
	}
	slices.Sort(chosen)
	for _, i := range slices.Compact(chosen) {
		s.emit(at(i))
	}
}

// at returns the i-th time of a day.
func (s *series) at(d date, i int) time.Time {
	second := s.seconds[i%len(s.seconds)]
	i /= len(s.seconds)
	minute := s.minutes[i%len(s.minutes)]
	return time.Date(d.year, d.month, d.day, s.hours[i/len(s.minutes)], minute, second, 0, s.start.Location())
}

// bySun works out a rule of hours, minutes or seconds.
func (s *series) bySun(plain bool) {
	zone := s.start.Location()
	_, minute, second := s.start.Clock()
	base, unit := s.start.Unix(), int64(1)
	switch s.freq {
	case hourly:
		base, unit = base-int64(60*minute+second), 60*60
	case minutely:
		base, unit = base-int64(second), 60
	case yearly, monthly, weekly, daily, secondly:
	}
	unit *= int64(s.every)
	for n := int64(s.skip(int((s.from.Unix()-base)/unit), plain)); !s.done && s.step(); {
		t := time.Unix(base+n*unit, 0).In(zone)
		if !t.Before(s.end) {
			return
		}
		if next := s.misses(t); next > 0 {
			// To the first period that does not begin before that.
			n = max(n+1, (next-base+unit-1)/unit)
			continue
		}
		s.moments(t)
		n++
	}
}

// misses returns 0 when the rule takes the period that begins at t, or else
// before which second it cannot take one.
func (s *series) misses(t time.Time) int64 {
	hour, minute, second := t.Clock()
	if s.months != nil || s.monthDays != nil || s.yearDays != nil || s.weeks != nil || s.days != nil {
		if d := dateOf(dayNumber(t)); !s.fits(d) {
			return time.Date(d.year, d.month, d.day+1, 0, 0, 0, 0, t.Location()).Unix()
		}
	}
	switch {
	case s.hours != nil && !slices.Contains(s.hours, hour):
		return t.Unix() + int64(60*60-60*minute-second)
	case s.freq > hourly && s.minutes != nil && !slices.Contains(s.minutes, minute):
		return t.Unix() + int64(60-second)
	case s.freq > minutely && s.seconds != nil && !slices.Contains(s.seconds, second):
		return t.Unix() + 1
	}
	return 0
}

// moments takes the moments of the hour, minute or second that begins at t.
func (s *series) moments(t time.Time) {
	switch s.freq {
	case hourly:
		n := len(s.seconds)
		s.times(len(s.minutes)*n, func(i int) time.Time {
			return t.Add(time.Duration(s.minutes[i/n])*time.Minute + time.Duration(s.seconds[i%n])*time.Second)
		})
	case minutely:
		s.times(len(s.seconds), func(i int) time.Time { return t.Add(time.Duration(s.seconds[i]) * time.Second) })
	case yearly, monthly, weekly, daily, secondly:
		s.times(1, func(int) time.Time { return t })
	}
}
