package infomentor

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
	zero  bool // the time is midnight to the second
}

var (
	// wallForm is ISO 8601 with "T" or a blank, in Stockholm's wall clock
	// unless a zone is given.
	wallForm = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$`)
	// proseForm is Swedish: "den 2 september 2026 klockan 21:44".
	proseForm = regexp.MustCompile(`^(?:den )?(\d{1,2}) ([a-zåäö]+) (\d{4})(?: (?:klockan|kl\.?) (\d{2})[:.](\d{2}))?$`)
	// hourForm is a time of day: "15:20".
	hourForm = regexp.MustCompile(`^(\d{1,2})[:.](\d{2})$`)
)

// parseMoment reads a date in any of the forms that the platform was seen to
// use. Everything else, and every year that no school plans for, is no date:
// a missing date is never guessed.
func parseMoment(s *string) (moment, bool) {
	text := strings.TrimSpace(deref(s))
	if len(text) > 64 {
		return moment{}, false
	}
	m, ok := parseWall(text)
	if !ok {
		m, ok = parseProse(text)
	}
	return m, ok && m.day.Year >= 1950 && m.day.Year < 2150
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
	seconds := m[4]
	if seconds == "" {
		seconds = "00"
	}
	if m[5] != "" {
		t, err := time.Parse(time.RFC3339, m[1]+"T"+m[2]+":"+m[3]+":"+seconds+m[5])
		t = t.In(school.Stockholm())
		return moment{day: school.DateOf(t), at: t, timed: true}, err == nil
	}
	out, ok := wallClock(day, m[2], m[3])
	n, err := strconv.Atoi(seconds)
	if err != nil || n > 59 {
		return moment{}, false
	}
	out.at = out.at.Add(time.Duration(n) * time.Second)
	out.zero = out.zero && n == 0
	return out, ok
}

func parseProse(s string) (moment, bool) {
	m := proseForm.FindStringSubmatch(strings.ToLower(s))
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
	return moment{day: day, at: at, timed: true, zero: at.Hour() == 0 && at.Minute() == 0}, ok
}

// clockOn reads a time of day on a day.
func clockOn(day school.Date, s string) (time.Time, bool) {
	m := hourForm.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return time.Time{}, false
	}
	out, ok := wallClock(day, m[1], m[2])
	return out.at, ok
}

// instant returns the moment, or the beginning of its day.
func (m moment) instant() time.Time {
	if m.timed {
		return m.at
	}
	return m.day.Start(school.Stockholm())
}

// timed makes a span of two instants of a wall clock.
func timed(start, end time.Time) (school.Span, bool) { return wallclock.Span(start, end) }

// wholeDays makes a span of a whole-day entry. The platform writes its end in
// two ways: as the midnight after the last day, or as the last second of it.
// last is the last day as the platform has it beside that; may be missing.
func wholeDays(start, end moment, last *string) (school.Span, bool) {
	if end.timed && end.zero && end.day.After(start.day) {
		return school.AllDay(start.day, end.day.AddDays(-1)), true
	}
	if m, ok := parseMoment(last); ok {
		end = m
	}
	return school.AllDay(start.day, end.day), !end.day.Before(start.day)
}

// utcOffset is what a browser says on a day: minutes from local time to UTC.
// No effect of it was ever seen.
func utcOffset(d school.Date) int {
	_, seconds := d.At(12, 0, school.Stockholm()).Zone()
	return -seconds / 60
}
