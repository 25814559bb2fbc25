// Package wallclock reads days and times as Swedish platforms write them: in
// words, and by Stockholm's clock on the wall, without a zone.
package wallclock

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"syncd/source/school"
)

// months are Swedish, January first.
func months() []string {
	return []string{
		"januari", "februari", "mars", "april", "maj", "juni",
		"juli", "augusti", "september", "oktober", "november", "december",
	}
}

// Day reads "14", "november", "2025"; false for what is no day.
func Day(number, month, year string) (school.Date, bool) {
	m := slices.Index(months(), strings.ToLower(month)) + 1
	n, err1 := strconv.Atoi(number)
	y, err2 := strconv.Atoi(year)
	if m == 0 || err1 != nil || err2 != nil {
		return school.Date{}, false
	}
	day := school.NewDate(y, time.Month(m), n)
	return day, day.Day == n // not the 31st of a short month
}

// At returns the moment at which the clock on the wall in Stockholm shows hour
// and minute of a day: the first one, in the hour that comes twice.
func At(day school.Date, hour, minute string) (time.Time, bool) {
	h, err1 := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	if err1 != nil || err2 != nil || h < 0 || m < 0 || h > 23 || m > 59 {
		return time.Time{}, false
	}
	return day.At(h, m, school.Stockholm()), true
}

// Span returns the span between two moments that were read from the clock on
// the wall; false when it would run backwards.
func Span(start, end time.Time) (school.Span, bool) {
	// In the hour that comes twice the clock may only seem to.
	if later := end.Add(time.Hour); end.Before(start) && later.Hour() == end.Hour() {
		end = later
	}
	return school.Timed(start, end), !end.Before(start)
}
