package icalendar_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical"
	goical "github.com/emersion/go-ical"

	"syncd/source/school"
)

// read is one component as another program reads it.
type read struct {
	Component, UID, Summary, Place, Body, Status string
	Start, End                                   time.Time // UTC; End zero when there is none
	AllDay                                       bool
	Modified                                     time.Time
}

// check returns every rule that a calendar breaks.
func check(data []byte) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if !utf8.Valid(data) {
		fault("not valid UTF-8")
	}
	if !bytes.HasSuffix(data, []byte("END:VCALENDAR\r\n")) {
		fault("does not end with a line")
	}
	stripped := bytes.ReplaceAll(data, []byte("\r\n"), nil)
	if bytes.ContainsAny(stripped, "\r\n") {
		fault("a bare CR or LF")
	}
	for _, r := range string(stripped) {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\uFEFF' || r == '\uFFFE' || r == '\uFFFF' {
			fault("control character %U", r)
			break
		}
	}
	for l := range strings.SplitSeq(strings.TrimSuffix(string(data), "\r\n"), "\r\n") {
		switch {
		case len(l) > 75:
			fault("a line of %d octets", len(l))
		case strings.TrimSpace(l) == "":
			fault("a line of nothing but blanks")
		case !utf8.ValidString(l):
			fault("a character is cut by folding")
		}
	}
	return append(faults, checkComponents(data)...)
}

// checkComponents checks what takes an unfolded calendar.
func checkComponents(data []byte) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n ", ""), "\r\n")
	zones := map[string]int{}
	count := map[string]int{}
	seen := map[string]bool{}
	var in string
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ":")
		switch {
		case name == "BEGIN":
			in = value
			count[value]++
			seen = map[string]bool{}
		case name == "END":
			if in == "VEVENT" || in == "VTODO" {
				for _, want := range []string{"UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "STATUS"} {
					if !seen[want] {
						fault("%s without %s", in, want)
					}
				}
			}
			in = ""
		case name == "TZID":
			zones[value]++
		case in == "VEVENT" || in == "VTODO":
			base, params, _ := strings.Cut(name, ";")
			if zone, found := strings.CutPrefix(params, "TZID="); found && zones[zone] != 1 {
				fault("TZID %q is not defined once before it is used", zone)
			}
			if params != "" && params != "VALUE=DATE" && !strings.HasPrefix(params, "TZID=") {
				fault("unexpected parameters %q", params)
			}
			if seen[base] && base != "CATEGORIES" {
				fault("%s twice", base)
			}
			seen[base] = true
		}
	}
	if count["VTIMEZONE"] > 1 {
		fault("%d VTIMEZONE", count["VTIMEZONE"])
	}
	return faults
}

// decode reads a calendar with go-ical, and writes it with go-ical, whose
// encoder refuses what is incomplete.
func decode(data []byte) ([]read, error) {
	cal, err := goical.NewDecoder(bytes.NewReader(data)).Decode()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := goical.NewEncoder(&out).Encode(cal); err != nil {
		return nil, err
	}
	var list []read
	for _, child := range cal.Children {
		if child.Name == goical.CompTimezone {
			continue
		}
		r, err := readComponent(child)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

func readComponent(c *goical.Component) (read, error) {
	r := read{Component: c.Name}
	var err error
	text := func(name string) string {
		s, textErr := c.Props.Text(name)
		if textErr != nil && err == nil {
			err = textErr
		}
		return s
	}
	instant := func(name string) time.Time {
		p := c.Props.Get(name)
		if p == nil {
			return time.Time{}
		}
		if p.ValueType() == goical.ValueDate {
			r.AllDay = true
		}
		t, timeErr := p.DateTime(school.Stockholm())
		if timeErr != nil && err == nil {
			err = timeErr
		}
		return t.UTC()
	}
	r.UID, r.Summary, r.Place, r.Body = text("UID"), text("SUMMARY"), text("LOCATION"), text("DESCRIPTION")
	r.Status = text("STATUS")
	r.Start, r.End = instant("DTSTART"), instant("DTEND")
	if c.Name == goical.CompToDo {
		r.End = instant("DUE")
	}
	r.Modified = instant("LAST-MODIFIED")
	return r, err
}

// checkFeed adds what only a whole calendar has to obey.
func checkFeed(t *testing.T, data []byte) []read {
	t.Helper()
	for _, fault := range check(data) {
		t.Errorf("calendar: %s", fault)
	}
	list, err := decode(data)
	if err != nil {
		t.Fatalf("go-ical refuses the calendar: %v", err)
	}
	if n := bytes.Count(data, []byte("BEGIN:VTIMEZONE\r\n")); n != 1 {
		t.Errorf("%d VTIMEZONE, want 1", n)
	}
	if !slices.IsSortedFunc(list, func(a, b read) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		return strings.Compare(a.UID, b.UID)
	}) {
		t.Error("not sorted by start and UID")
	}
	uids := map[string]bool{}
	for _, r := range list {
		if uids[r.UID] {
			t.Errorf("UID %s twice", r.UID)
		}
		uids[r.UID] = true
		if !r.End.IsZero() && !r.End.After(r.Start) {
			t.Errorf("%s does not end after it starts", r.UID)
		}
		if r.Component != goical.CompEvent {
			t.Errorf("a feed holds a %s", r.Component)
		}
	}
	// The library that wrote it reads it as well.
	cal, err := ics.ParseCalendar(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("golang-ical refuses its own calendar: %v", err)
	}
	if got := len(cal.Events()); got != len(list) {
		t.Errorf("golang-ical reads %d events, go-ical %d", got, len(list))
	}
	return list
}
