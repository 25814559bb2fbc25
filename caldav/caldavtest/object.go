package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

var (
	errName   = errors.New("the name of an object ends in .ics")
	errObject = errors.New("not a calendar with an event, a to-do, a journal entry or a busy time")
)

// parseObject takes an object as it is: only its line ends are put right. Its
// bounds stay unknown, so that every filter looks at the text.
func parseObject(name string, data []byte, now time.Time) (icalendar.Object, error) {
	if !strings.HasSuffix(name, ".ics") || name == ".ics" {
		return icalendar.Object{}, errName
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	o := icalendar.Object{Name: name, ETag: tag(data), Data: data, Modified: now.UTC().Truncate(time.Second)}
	for _, c := range components(data) {
		if c.name == "VTIMEZONE" {
			continue
		}
		if o.Component == "" {
			o.Component = c.name
		}
		if o.UID == "" {
			o.UID = school.UID(c.property("UID"))
		}
	}
	if !slices.Contains([]string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"}, o.Component) {
		return icalendar.Object{}, errObject
	}
	return o, nil
}

func tag(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:15])
}

// component is one component right below VCALENDAR, with its lines.
type component struct {
	name string
	text []byte
}

// property returns the value of a component's property, read without regard to
// folding or to components inside.
func (c component) property(name string) string {
	for line := range bytes.Lines(c.text) {
		rest, ok := bytes.CutPrefix(line, []byte(name))
		if ok && len(rest) > 0 && (rest[0] == ':' || rest[0] == ';') {
			_, value, _ := bytes.Cut(rest, []byte(":"))
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// components cuts a calendar into its components.
func components(data []byte) []component {
	var out []component
	depth, begin := 0, 0
	at := 0
	for line := range bytes.Lines(data) {
		from := at
		at += len(line)
		word := strings.ToUpper(string(bytes.TrimRight(line, "\r\n")))
		switch {
		case strings.HasPrefix(word, "BEGIN:"):
			if depth == 1 {
				begin = from
				out = append(out, component{name: word[len("BEGIN:"):]})
			}
			depth++
		case strings.HasPrefix(word, "END:"):
			depth--
			if depth == 1 {
				out[len(out)-1].text = data[begin:at]
			}
		}
	}
	return slices.DeleteFunc(out, func(c component) bool { return c.text == nil })
}

// join writes all objects as one calendar, each zone once.
func join(objects []icalendar.Object) []byte {
	b := []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//syncd//caldavtest//EN\r\n")
	zones := map[string]bool{}
	var rest []byte
	for _, o := range objects {
		for _, c := range components(o.Data) {
			if c.name != "VTIMEZONE" {
				rest = append(rest, c.text...)
				continue
			}
			if id := c.property("TZID"); !zones[id] {
				zones[id] = true
				b = append(b, c.text...)
			}
		}
	}
	return append(append(b, rest...), "END:VCALENDAR\r\n"...)
}
