package infomentor

import (
	"html"
	"strings"
	"time"

	"syncd/source/school"
)

// fileEntry is a VEVENT of the calendar address.
type fileEntry struct {
	uid, title, place, body string
	span                    school.Span
	cancelled               bool
}

// readCalendarFile reads an iCalendar file (RFC 5545) as far as it has to be
// read here: single events. One that repeats, or without a time that can be
// read, is left out, for nothing depends on its being there.
func readCalendarFile(data []byte) ([]fileEntry, error) {
	text := strings.TrimPrefix(strings.ToValidUTF8(string(data), "\uFFFD"), "\ufeff")
	text = strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "", "\r", "").Replace(text)
	lines := strings.Split(text, "\n")
	if !strings.EqualFold(strings.TrimSpace(lines[0]), "BEGIN:VCALENDAR") || !strings.Contains(strings.ToUpper(text), "END:VCALENDAR") {
		return nil, notUnderstood("calendar address: no calendar, or half of one")
	}
	var out []fileEntry
	var props map[string]property
	depth := 0
	for _, line := range lines {
		p, ok := parseProperty(line)
		switch {
		case !ok:
		case p.name == "BEGIN" && strings.EqualFold(p.value, "VEVENT"):
			props, depth = map[string]property{}, 0
		case p.name == "BEGIN":
			depth++ // an alarm has a description of its own
		case p.name == "END" && strings.EqualFold(p.value, "VEVENT"):
			if e, ok := eventOf(props); ok {
				out = append(out, e)
			}
			props = nil
		case p.name == "END":
			depth--
		case props != nil && depth == 0:
			if _, twice := props[p.name]; !twice {
				props[p.name] = p
			}
		}
	}
	return out, nil
}

// property is one line: name, the parameters that matter, value.
type property struct {
	name, zone, value string
	date              bool
}

func parseProperty(line string) (property, bool) {
	quoted, colon := false, -1
	for i := range len(line) {
		if line[i] == '"' {
			quoted = !quoted
		} else if line[i] == ':' && !quoted {
			colon = i
			break
		}
	}
	if colon < 0 {
		return property{}, false
	}
	head := strings.Split(line[:colon], ";")
	p := property{name: strings.ToUpper(strings.TrimSpace(head[0])), value: strings.TrimSpace(line[colon+1:])}
	for _, param := range head[1:] {
		name, value, _ := strings.Cut(param, "=")
		switch strings.ToUpper(name) {
		case "TZID":
			p.zone = strings.Trim(value, `"`)
		case "VALUE":
			p.date = strings.EqualFold(value, "DATE")
		}
	}
	return p, true
}

func eventOf(props map[string]property) (fileEntry, bool) {
	e := fileEntry{
		uid: props["UID"].value, title: unescape(props["SUMMARY"].value), place: unescape(props["LOCATION"].value),
		cancelled: strings.EqualFold(props["STATUS"].value, "CANCELLED"),
	}
	if d := unescape(props["DESCRIPTION"].value); d != "" {
		e.body = "<p>" + strings.ReplaceAll(html.EscapeString(d), "\n", "<br>") + "</p>"
	}
	for _, name := range []string{"RRULE", "RDATE", "RECURRENCE-ID"} {
		if _, ok := props[name]; ok {
			return fileEntry{}, false
		}
	}
	start, ok := props["DTSTART"].moment()
	if !ok || e.uid == "" || len(e.uid) > 300 {
		return fileEntry{}, false
	}
	end, ended := props["DTEND"].moment()
	if start.timed {
		if !ended || !end.timed {
			end = start
		}
		if start.zero && end.zero && start.day.Before(end.day) { // a whole day, from midnight to midnight
			e.span = school.AllDay(start.day, end.day.AddDays(-1))
			return e, true
		}
		e.span, ok = timed(start.at, end.at)
		return e, ok
	}
	last := start.day
	if ended && last.Before(end.day) {
		last = end.day.AddDays(-1) // DTEND is the day after
	}
	e.span = school.AllDay(start.day, last)
	return e, true
}

// moment reads a DATE or DATE-TIME. Zones other than UTC are Stockholm's: the
// platform has no other.
func (p property) moment() (moment, bool) {
	if day, err := time.Parse("20060102", p.value); err == nil {
		return moment{day: school.DateOf(day)}, true
	}
	loc := school.Stockholm()
	layout := "20060102T150405"
	if strings.HasSuffix(p.value, "Z") {
		loc, layout = time.UTC, layout+"Z"
	}
	at, err := time.ParseInLocation(layout, p.value, loc)
	if err != nil || p.date {
		return moment{}, false
	}
	at = at.In(school.Stockholm())
	return moment{day: school.DateOf(at), at: at, timed: true, zero: at.Hour()+at.Minute()+at.Second() == 0}, true
}

// unescape undoes the escapes of a TEXT value (RFC 5545 section 3.3.11).
func unescape(s string) string {
	return strings.TrimSpace(strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";").Replace(s))
}
