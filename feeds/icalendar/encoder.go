package icalendar

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"syncd/source/school"
)

// Forms of RFC 5545 3.3.4 and 3.3.5.
const (
	layoutDate  = "20060102"
	layoutLocal = "20060102T150405"
	layoutUTC   = "20060102T150405Z"
)

// prodID names the program without its version, which would change every
// calendar at each upgrade.
const prodID = "-//syncd//calendar//SV"

// refresh is how often a subscriber is asked to look.
const refresh = "PT1H"

// Entries outside these years come from a misread date. Some subscribers give
// up on a whole calendar that names year 1.
const (
	minYear = 1900
	maxYear = 2199
)

// An encoder writes entries in one style.
type encoder struct {
	style  Style
	loc    *time.Location
	zone   zone
	lines  *ics.SerializationConfiguration
	head   []byte // of one object
	vzone  []byte
	hasTZ  bool // the rules of the zone are known
	footer []byte
}

func newEncoder(s Style) *encoder {
	enc := &encoder{
		style: s,
		loc:   school.Stockholm(),
		// The library's own default are bare line feeds.
		lines: &ics.SerializationConfiguration{MaxLength: 75, PropertyMaxLength: 75, NewLine: string(ics.WithNewLineWindows)},
	}
	enc.zone, enc.hasTZ = zoneOf(school.Zone)
	enc.vzone = enc.serialize(enc.zone.component())
	enc.head, enc.footer = enc.frame(enc.properties())
	return enc
}

// serialize returns the lines of a component.
func (enc *encoder) serialize(c ics.Component) []byte {
	var b bytes.Buffer
	_ = c.SerializeTo(&b, enc.lines) // a buffer takes every write
	return b.Bytes()
}

// frame returns the lines of a calendar before and after its components.
func (enc *encoder) frame(cal *ics.Calendar) (head, footer []byte) {
	var b bytes.Buffer
	_ = cal.SerializeTo(&b, enc.lines) // a buffer takes every write
	at := bytes.LastIndex(b.Bytes(), []byte("END:VCALENDAR"))
	return b.Bytes()[:at:at], b.Bytes()[at:]
}

// properties returns a calendar with what every calendar says of itself.
func (enc *encoder) properties() *ics.Calendar {
	cal := &ics.Calendar{}
	cal.SetVersion("2.0")
	cal.SetProductId(prodID)
	cal.SetCalscale("GREGORIAN")
	if enc.style.Feed {
		cal.SetMethod(ics.MethodPublish)
	}
	return cal
}

// describe adds what a subscribed calendar says of itself. SOURCE is left out
// on purpose: it would print the secret address into every exported copy.
func describe(cal *ics.Calendar, info Info) {
	if name := cutRunes(line(info.Name, " "), maxSummary); name != "" {
		cal.SetName(name)
	}
	if description := cutBytes(text(info.Description), maxDescription); description != "" {
		cal.SetDescription(description)
		cal.SetXWRCalDesc(description)
	}
	cal.SetXWRTimezone(school.Zone)
	cal.SetRefreshInterval(refresh)
	cal.SetXPublishedTTL(refresh)
	if isColorName(info.ColorName) {
		cal.SetColor(info.ColorName)
	}
	if isColor(info.Color) {
		cal.CalendarProperties = append(cal.CalendarProperties, ics.CalendarProperty{
			BaseProperty: ics.BaseProperty{IANAToken: "X-APPLE-CALENDAR-COLOR", Value: strings.ToUpper(info.Color)},
		})
	}
}

func isColorName(s string) bool {
	return s != "" && len(s) < 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
}

func isColor(s string) bool {
	if len(s) != len("#RRGGBB") || s[0] != '#' {
		return false
	}
	_, err := strconv.ParseUint(s[1:], 16, 32)
	return err == nil
}

// object writes one entry as a calendar object.
func (enc *encoder) object(e school.Entry) (Object, error) {
	p, err := enc.place(e)
	if err != nil {
		return Object{}, fmt.Errorf("icalendar: encode entry: %w", err)
	}
	body := enc.component(e, p)
	data := make([]byte, 0, len(enc.head)+len(enc.vzone)+len(body)+len(enc.footer))
	data = append(data, enc.head...)
	if p.local {
		data = append(data, enc.vzone...)
	}
	data = append(data, body...)
	data = append(data, enc.footer...)
	component := ComponentEvent
	if p.task {
		component = ComponentTask
	}
	return Object{
		UID: e.UID, Name: string(e.UID) + ".ics", Component: component,
		ETag: etag(data), Data: data,
		Start: p.start.UTC(), End: p.end.UTC(), AllDay: p.allDay, Modified: p.stamp,
	}, nil
}

// place is when an entry is, checked and ready to be written.
type place struct {
	start, end time.Time // bounds; equal when there is no length
	allDay     bool
	days       school.Window // when allDay
	local      bool          // start and end are written in local time
	task       bool          // written as VTODO
	stamp      time.Time
	created    time.Time // zero: not written
}

// place checks that an entry can be written and finds when it is.
func (enc *encoder) place(e school.Entry) (place, error) {
	if !validUID(e.UID) {
		return place{}, fmt.Errorf("%w: uid is not of lower-case letters, digits and dashes", ErrUnrepresentable)
	}
	p := place{allDay: e.Span.AllDay, days: e.Span.Days, task: e.Task && !enc.style.Feed}
	p.stamp = later(utcSecond(e.Modified), utcSecond(enc.style.NotBefore))
	p.created = utcSecond(e.Created)
	for _, t := range []time.Time{p.stamp, p.created} {
		if !t.IsZero() && !validYear(t.Year()) {
			return place{}, fmt.Errorf("%w: a timestamp is outside of %d to %d", ErrUnrepresentable, minYear, maxYear)
		}
	}
	if p.stamp.IsZero() {
		p.stamp = time.Unix(0, 0).UTC()
	}
	if !p.allDay {
		p.start, p.end = e.Span.Start.Truncate(time.Second).In(enc.loc), e.Span.End.Truncate(time.Second).In(enc.loc)
		if p.end.Before(p.start) {
			return place{}, fmt.Errorf("%w: ends before it starts", ErrUnrepresentable)
		}
		p.days = school.Window{From: school.DateOf(p.start), To: school.DateOf(p.end).AddDays(1)}
	}
	if err := checkDays(p.days); err != nil {
		return place{}, err
	}
	if enc.style.Feed && e.Task {
		// A subscribed calendar shows a task on the day it is due.
		p.allDay, p.days.From = true, p.days.To.AddDays(-1)
	}
	if p.allDay {
		p.start, p.end = p.days.From.Start(enc.loc), p.days.To.Start(enc.loc)
		return p, nil
	}
	p.local = !enc.style.Options.UTC && enc.hasTZ &&
		enc.zone.holds(p.start, enc.loc) && enc.zone.holds(p.end, enc.loc)
	return p, nil
}

// checkDays refuses days that do not exist, that are too far away, and runs
// of no day at all.
func checkDays(w school.Window) error {
	for _, d := range []school.Date{w.From, w.To} {
		if !validYear(d.Year) {
			return fmt.Errorf("%w: a day is outside of %d to %d", ErrUnrepresentable, minYear, maxYear)
		}
		if d != school.NewDate(d.Year, d.Month, d.Day) {
			return fmt.Errorf("%w: no such day", ErrUnrepresentable)
		}
	}
	if w.IsZero() {
		return fmt.Errorf("%w: ends before it starts", ErrUnrepresentable)
	}
	return nil
}

func validYear(y int) bool { return y >= minYear && y <= maxYear }

// maxUID keeps the name of the object below what file systems and the UID
// property below what servers take.
const maxUID = 120

func validUID(uid school.UID) bool {
	return uid != "" && len(uid) <= maxUID &&
		strings.Trim(string(uid), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// utcSecond returns t as it is stamped; the zero time stays zero.
func utcSecond(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// etag returns the strong entity tag of data, without quotes.
func etag(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:15])
}
