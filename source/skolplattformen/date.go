package skolplattformen

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"syncd/source/internal/wallclock"
	"syncd/source/school"
)

// moment is a date as the platform writes it: a day, or a day and a time.
type moment struct {
	day   school.Date
	at    time.Time // in Stockholm; meaningful only when timed
	timed bool
}

var (
	// tickForm is .NET's; milliseconds since 1970 in UTC. An offset behind
	// them says where it was written and does not change the instant.
	tickForm = regexp.MustCompile(`^/Date\((-?\d{1,15})([+-]\d{4})?\)/$`)
	// wallForm is ISO 8601 with "T" or a blank, in Stockholm's wall clock
	// unless a zone is given.
	wallForm = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?$`)
	// humanForm is Swedish: "14 november 2025 15:20".
	humanForm = regexp.MustCompile(`^(\d{1,2}) ([a-zåäö]+) (\d{4})(?: (\d{2}):(\d{2}))?$`)
)

// parseMoment reads a date in any of the forms that the platform was seen to
// use. Everything else, and every year that no school plans for, is no date:
// a missing date is never guessed.
func parseMoment(s *string) (moment, bool) {
	text := strings.TrimSpace(deref(s))
	if len(text) > 64 {
		return moment{}, false
	}
	for _, parse := range []func(string) (moment, bool){parseTicks, parseWall, parseHuman} {
		if m, ok := parse(text); ok {
			return m, m.day.Year >= 1950 && m.day.Year < 2150
		}
	}
	return moment{}, false
}

func parseTicks(s string) (moment, bool) {
	m := tickForm.FindStringSubmatch(s)
	if m == nil {
		return moment{}, false
	}
	ms, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return moment{}, false
	}
	return instant(time.UnixMilli(ms)), true
}

func instant(t time.Time) moment {
	t = t.In(school.Stockholm())
	return moment{day: school.DateOf(t), at: t, timed: true}
}

func parseWall(s string) (moment, bool) {
	m := wallForm.FindStringSubmatch(s)
	if m == nil {
		return moment{}, false
	}
	day, err := school.ParseDate(m[1])
	if err != nil {
		return moment{}, false
	}
	if m[2] == "" {
		return moment{day: day}, true
	}
	if m[6] != "" {
		zone := strings.Replace(m[6], ":", "", 1)
		t, err := time.Parse("2006-01-02 15:04:05Z0700", m[1]+" "+m[2]+":"+m[3]+":"+orZero(m[4])+zone)
		return instant(t), err == nil
	}
	out, ok := wallClock(day, m[2], m[3])
	seconds, err := strconv.Atoi(orZero(m[4]))
	if err != nil || seconds > 59 {
		return moment{}, false
	}
	fraction, err := strconv.Atoi((m[5] + "000000000")[:9])
	if err != nil {
		return moment{}, false
	}
	out.at = out.at.Add(time.Duration(seconds)*time.Second + time.Duration(fraction))
	return out, ok
}

func orZero(s string) string {
	if s == "" {
		return "00"
	}
	return s
}

func parseHuman(s string) (moment, bool) {
	m := humanForm.FindStringSubmatch(strings.ToLower(s))
	if m == nil {
		return moment{}, false
	}
	day, ok := wallclock.Day(m[1], m[2], m[3])
	if !ok {
		return moment{}, false
	}
	if m[4] == "" {
		return moment{day: day}, true
	}
	return wallClock(day, m[4], m[5])
}

func wallClock(day school.Date, hour, minute string) (moment, bool) {
	at, ok := wallclock.At(day, hour, minute)
	return moment{day: day, at: at, timed: true}, ok
}

// span makes a span of a start and an end. Without a time, or where the
// platform calls it so, it is whole days, the last one included. A timed
// start needs a timed end.
func span(start, end moment, allDay bool) (school.Span, bool) {
	if allDay || (!start.timed && !end.timed) {
		return school.AllDay(start.day, end.day), !end.day.Before(start.day)
	}
	if !start.timed || !end.timed {
		return school.Span{}, false
	}
	return wallclock.Span(start.at, end.at)
}
