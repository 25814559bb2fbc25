package storage

import (
	"syncd/source/school"
)

// How much may disappear at once before a second read has to agree.
const (
	guardMin     = 4  // things; fewer are never held
	guardPercent = 30 // of what lies ahead
)

// key names an entry or letter of one identity.
type key struct {
	kind school.Kind
	uid  school.UID
}

// stored is what the guard has to know of something that is kept.
type stored struct {
	key
	day     int64
	missing bool // covered by the read, and not in it
}

// guard decides what to do with things that a successful read did not show.
type guard struct {
	today  int64            // days since 1970-01-01
	agreed func(key) bool   // an earlier read missed it too
	ahead  func(int64) bool // which days count as lying ahead
	added  []int64          // days of what the read brought newly, of the same kind
	weeks  bool             // a whole ISO week may not vanish either
}

// sort returns which of the missing things are deleted now, and which wait
// for a second read. What an earlier read missed too is deleted. Of the rest,
// what lies ahead waits when the calendar would lose more than thirty per
// cent of what it holds there, replacements counted in, or a whole week of
// lessons.
func (g guard) sort(all []stored) (drop, wait []key) {
	var before, lost int
	for _, s := range all {
		switch {
		case s.missing && g.agreed(s.key):
			continue
		case !g.ahead(s.day):
			continue
		case s.missing:
			lost++
		}
		before++
	}
	added := 0
	for _, d := range g.added {
		if g.ahead(d) {
			added++
		}
	}
	mass := lost >= guardMin && (lost-added)*100 > before*guardPercent
	empty := g.emptiedWeeks(all)
	for _, s := range all {
		switch {
		case !s.missing:
		case g.agreed(s.key):
			drop = append(drop, s.key)
		case g.ahead(s.day) && mass, empty[week(s.day)]:
			wait = append(wait, s.key)
		default:
			drop = append(drop, s.key)
		}
	}
	return drop, wait
}

// emptiedWeeks returns the weeks that are not over and of which the read
// shows nothing any more.
func (g guard) emptiedWeeks(all []stored) map[int64]bool {
	out := map[int64]bool{}
	if !g.weeks {
		return out
	}
	for _, s := range all {
		if s.missing && !g.agreed(s.key) && week(s.day) >= week(g.today) {
			out[week(s.day)] = true
		}
	}
	for _, s := range all {
		if !s.missing {
			delete(out, week(s.day))
		}
	}
	for _, d := range g.added {
		delete(out, week(d))
	}
	return out
}

// week returns the number of the ISO week in which a day lies, counted from
// the one of 1970-01-01, a Thursday.
func week(day int64) int64 {
	n := day + 3
	if n < 0 {
		return (n - 6) / 7
	}
	return n / 7
}
