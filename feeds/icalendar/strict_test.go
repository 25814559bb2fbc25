package icalendar_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// strict is what the strictest reader in the field, Home Assistant's, was seen
// to refuse a whole calendar for: each property that it checks, with the form
// of the whole line after the name.
func strict() map[string]map[string]*regexp.Regexp {
	const local, utc, date = `\d{8}T\d{6}`, `\d{8}T\d{6}Z`, `\d{8}`
	when := regexp.MustCompile(`^(:` + utc + `|;TZID=Europe/Stockholm:` + local + `|;VALUE=DATE:` + date + `)$`)
	form := func(s string) *regexp.Regexp { return regexp.MustCompile("^" + s + "$") }
	observance := map[string]*regexp.Regexp{
		"DTSTART": form(":" + local), "TZOFFSETFROM": form(`:[+-]\d{4}`), "TZOFFSETTO": form(`:[+-]\d{4}`),
		"RRULE": form(`:FREQ=YEARLY;BYMONTH=\d+;BYDAY=-1SU`), "TZNAME": form(`:[A-Z]+`),
	}
	return map[string]map[string]*regexp.Regexp{
		"VCALENDAR": {
			"VERSION": form(`:2\.0`), "PRODID": form(`:.+`), "METHOD": form(":PUBLISH"), "CALSCALE": form(":GREGORIAN"),
			"REFRESH-INTERVAL": form(";VALUE=DURATION:PT1H"), "X-PUBLISHED-TTL": form(":PT1H"),
		},
		"VTIMEZONE": {"TZID": form(":Europe/Stockholm")},
		"DAYLIGHT":  observance, "STANDARD": observance,
		"VEVENT": {
			"UID": form(`:[a-z0-9-]+@syncd`), "DTSTAMP": form(":" + utc), "LAST-MODIFIED": form(":" + utc), "DTSTART": when,
			"SEQUENCE": form(`:\d+`), "STATUS": form(":(CONFIRMED|TENTATIVE|CANCELLED)"), "TRANSP": form(":(OPAQUE|TRANSPARENT)"),
		},
	}
}

// optional are properties that may be missing, with their form.
func optional() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"DTEND": strict()["VEVENT"]["DTSTART"], "CREATED": regexp.MustCompile(`^:\d{8}T\d{6}Z$`),
		"URL": regexp.MustCompile(`^:(https?://|mailto:|tel:)[!-~]+$`),
	}
}

// faults returns what a strict reader refuses in an unfolded calendar.
func faults(ics string) []string {
	var out []string
	fault := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	rules, more := strict(), optional()
	var open []string
	seen := []map[string]string{{}}
	for line := range strings.SplitSeq(strings.TrimSuffix(ics, "\r\n"), "\r\n") {
		at := strings.IndexAny(line, ":;")
		if at < 1 || strings.Trim(line[:at], "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			fault("a line without a name: %.40q", line)
			continue
		}
		name, rest := line[:at], line[at:]
		switch name {
		case "BEGIN":
			open, seen = append(open, rest[1:]), append(seen, map[string]string{})
			continue
		case "END":
			if len(open) == 0 || open[len(open)-1] != rest[1:] {
				fault("%s ends what was not begun", rest)
				return out
			}
			in, had := open[len(open)-1], seen[len(seen)-1]
			open, seen = open[:len(open)-1], seen[:len(seen)-1]
			for want, form := range rules[in] {
				if !form.MatchString(had[want]) {
					fault("%s has %s%s", in, want, had[want])
				}
			}
			for name, form := range more {
				if value, ok := had[name]; ok && in == "VEVENT" && !form.MatchString(value) {
					fault("%s has %s%s", in, name, value)
				}
			}
			if start, end := had["DTSTART"], had["DTEND"]; end != "" && (len(start) != len(end) || end <= start) && in == "VEVENT" && !strings.HasSuffix(start+end, "Z") {
				fault("an event from %s to %s", start, end)
			}
			continue
		}
		if _, twice := seen[len(seen)-1][name]; twice && name != "CATEGORIES" {
			fault("%s twice", name)
		}
		seen[len(seen)-1][name] = rest
	}
	if len(open) > 0 {
		fault("%v is not ended", open)
	}
	return out
}

func TestStrictReadersAcceptCalendars(t *testing.T) {
	t.Parallel()
	day := school.NewDate(2026, time.June, 3)
	var hostile []school.Entry
	for i, s := range injections() {
		hostile = append(hostile, school.Entry{
			UID: school.UID(fmt.Sprintf("i-%d", i)), Title: s, Place: s, Body: s, URL: s, Categories: []string{s, s}, Span: school.AllDay(day, day),
		})
	}
	utc := feedStyle()
	utc.Options.UTC = true
	for name, data := range map[string][]byte{
		"all kinds": calendarOf(t, clockChanges(), feedStyle()), "in UTC": calendarOf(t, clockChanges(), utc),
		"hostile": calendarOf(t, hostile, feedStyle()), "empty": calendarOf(t, nil, feedStyle()),
	} {
		for _, fault := range faults(strings.ReplaceAll(string(data), "\r\n ", "")) {
			t.Errorf("%s: %s", name, fault)
		}
	}
	good := strings.ReplaceAll(string(calendarOf(t, all(), feedStyle())), "\r\n ", "")
	for was, is := range map[string]string{
		"REFRESH-INTERVAL;VALUE=DURATION:PT1H": "REFRESH-INTERVAL:VALUE=DURATION:PT1H",
		"X-PUBLISHED-TTL:PT1H":                 "X-PUBLISHED-TTL:P1H",
		"DTSTART:19700329T020000":              "DTSTART:19700329T020000Z",
		"TZOFFSETTO:+0200":                     "TZOFFSETTO:+020000",
		"DTEND;VALUE=DATE:20260228":            "DTEND;VALUE=DATE:20260223",
		"UID:e-lov@syncd\r\n":                  "",
		"END:VEVENT\r\n":                       "END:VTODO\r\n",
	} {
		if !strings.Contains(good, was) || len(faults(strings.Replace(good, was, is, 1))) == 0 {
			t.Errorf("%q in place of %q is not noticed", is, was)
		}
	}
}

func calendarOf(t *testing.T, list []school.Entry, style icalendar.Style) []byte {
	t.Helper()
	data, skipped := icalendar.Calendar(info("Åsa"), list, style)
	if len(skipped) > 0 {
		t.Errorf("skipped %v", skipped)
	}
	return data
}
