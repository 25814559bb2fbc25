package icalendar

import (
	"fmt"
	"time"

	ics "github.com/arran4/golang-ical"

	"syncd/source/school"
)

// A zone is a time zone as subscribers are told about it: two yearly rules,
// the form that every calendar program reads. Programs were seen to shift all
// events of a summer by an hour when given lists of dates instead.
type zone struct {
	name               string
	daylight, standard observance
}

// An observance begins on the last Sunday of a month.
type observance struct {
	name     string // abbreviation, "CET"
	from, to int    // offsets from UTC before and after it begins, in seconds
	month    time.Month
	hour     int // local time before it begins
}

// firstYear is where the rules begin. Times at which they do not hold are
// found by [zone.holds] and written in UTC.
const firstYear = 1970

// zoneOf returns the rules for an IANA zone, the only one being Stockholm.
func zoneOf(name string) (zone, bool) {
	for _, z := range []zone{{
		name:     school.Zone,
		daylight: observance{name: "CEST", from: 3600, to: 7200, month: time.March, hour: 2},
		standard: observance{name: "CET", from: 7200, to: 3600, month: time.October, hour: 3},
	}} {
		if z.name == name {
			return z, true
		}
	}
	return zone{}, false
}

// begins returns the instant at which the observance begins in a year.
func (o observance) begins(year int) time.Time {
	t := time.Date(year, o.month+1, 0, o.hour, 0, 0, 0, time.FixedZone("", o.from))
	return t.AddDate(0, 0, -int(t.Weekday()))
}

// offset returns what the rules say of an instant, in seconds east of UTC.
func (z zone) offset(t time.Time) int {
	year := t.UTC().Year()
	if t.Before(z.daylight.begins(year)) || !t.Before(z.standard.begins(year)) {
		return z.standard.to
	}
	return z.daylight.to
}

// holds reports whether t can be written as a local time: the rules agree with
// the zone database about its offset, and its local time is not one that a
// clock change repeats. Such a time means the first of the two (RFC 5545
// 3.3.5), but programs were found that take the second.
func (z zone) holds(t time.Time, loc *time.Location) bool {
	local := t.In(loc)
	_, offset := local.Zone()
	if t.Year() < firstYear || offset != z.offset(t) {
		return false
	}
	return local.Add(-time.Hour).Hour() != local.Hour() && local.Add(time.Hour).Hour() != local.Hour()
}

// component returns the VTIMEZONE.
func (z zone) component() *ics.VTimezone {
	tz := ics.NewTimezone(z.name)
	tz.AddProperty("X-LIC-LOCATION", z.name)
	daylight, standard := &ics.Daylight{}, ics.NewStandard()
	z.daylight.fill(&daylight.ComponentBase)
	z.standard.fill(&standard.ComponentBase)
	// The library has no AddDaylight.
	tz.Components = append(tz.Components, daylight, standard)
	return tz
}

func (o observance) fill(c *ics.ComponentBase) {
	first := o.begins(firstYear)
	c.AddProperty(ics.ComponentProperty(ics.PropertyTzoffsetfrom), formatOffset(o.from))
	c.AddProperty(ics.ComponentProperty(ics.PropertyTzoffsetto), formatOffset(o.to))
	c.AddProperty(ics.ComponentProperty(ics.PropertyTzname), o.name)
	c.AddProperty(ics.ComponentPropertyDtStart, first.Format(layoutLocal))
	c.AddProperty(ics.ComponentPropertyRrule,
		fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=-1SU", int(o.month)))
}

func formatOffset(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	return fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
}
