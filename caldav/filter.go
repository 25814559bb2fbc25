package caldav

import (
	"net/http"
	"strings"
	"time"
)

// The collations that text-match knows (RFC 4791, 7.5).
const (
	collationASCII = "i;ascii-casemap"
	collationOctet = "i;octet"
)

// utcLayout is a date with UTC time (RFC 5545, 3.3.5).
const utcLayout = "20060102T150405Z"

// span is a time range: from start up to, but without, end. A range that is
// open towards the past has a zero start, one open towards the future ends in
// the year 10000.
type span struct{ start, end time.Time }

// farEnd is the end of a range that has none.
func farEnd() time.Time { return time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }

// overlaps reports whether something from start to end lies in the range; what
// has no length does where its instant does.
func (s span) overlaps(start, end time.Time) bool {
	if !start.Before(end) {
		return !start.Before(s.start) && start.Before(s.end)
	}
	return start.Before(s.end) && s.start.Before(end)
}

// widened returns the range with room on both sides.
func (s span) widened(by time.Duration) span {
	return span{s.start.Add(-by), s.end.Add(by)}
}

// compFilter, propFilter, paramFilter and textMatch are the elements of a
// filter (RFC 4791, 9.7) with names in upper case.
type compFilter struct {
	name   string
	absent bool
	times  *span
	props  []propFilter
	comps  []compFilter
}

type propFilter struct {
	name   string
	absent bool
	times  *span
	text   *textMatch
	params []paramFilter
}

type paramFilter struct {
	name   string
	absent bool
	text   *textMatch
}

type textMatch struct {
	text   string // already folded where fold is set
	fold   bool
	negate bool
}

func (m *textMatch) match(s string) bool {
	if m.fold {
		s = foldASCII(s)
	}
	return strings.Contains(s, m.text) != m.negate
}

// foldASCII is i;ascii-casemap (RFC 4790, 9.2): letters beyond ASCII keep
// their case.
func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

func invalidFilter() error { return refuse(nsCal, "valid-filter") }

// parseFilter reads the filter element of a calendar-query.
func parseFilter(el *element) (*compFilter, error) {
	if el == nil {
		return nil, invalidFilter()
	}
	var top *element
	for _, c := range el.children {
		if top != nil || !c.is(nsCal, "comp-filter") {
			return nil, invalidFilter()
		}
		top = c
	}
	if top == nil {
		return nil, invalidFilter()
	}
	f, err := parseCompFilter(top)
	if err != nil {
		return nil, err
	}
	if f.name != "VCALENDAR" {
		return nil, invalidFilter()
	}
	return f, nil
}

func parseCompFilter(el *element) (*compFilter, error) {
	name, ok := el.attr("name")
	if !ok || name == "" {
		return nil, invalidFilter()
	}
	f := &compFilter{name: strings.ToUpper(name)}
	for _, c := range el.children {
		if err := f.parse(c); err != nil {
			return nil, err
		}
	}
	if f.absent && (f.times != nil || f.props != nil || f.comps != nil) {
		return nil, invalidFilter()
	}
	return f, nil
}

// parse reads one child of a comp-filter.
func (f *compFilter) parse(c *element) error {
	switch {
	case c.is(nsCal, "is-not-defined"):
		f.absent = true
	case c.is(nsCal, "time-range"):
		if f.times != nil || !timed(f.name) {
			return invalidFilter()
		}
		var err error
		f.times, err = parseSpan(c)
		return err
	case c.is(nsCal, "prop-filter"):
		p, err := parsePropFilter(c)
		if err != nil {
			return err
		}
		f.props = append(f.props, *p)
	case c.is(nsCal, "comp-filter"):
		sub, err := parseCompFilter(c)
		if err != nil {
			return err
		}
		f.comps = append(f.comps, *sub)
	default:
		return refuse(nsCal, "supported-filter")
	}
	return nil
}

// timed reports whether a time-range may stand on a component (RFC 4791, 9.9).
func timed(comp string) bool {
	switch comp {
	case compEvent, compTask, compJournal, compFreeBusy, compAlarm:
		return true
	}
	return false
}

func parsePropFilter(el *element) (*propFilter, error) {
	name, ok := el.attr("name")
	if !ok || name == "" {
		return nil, invalidFilter()
	}
	f := &propFilter{name: strings.ToUpper(name)}
	for _, c := range el.children {
		var err error
		switch {
		case c.is(nsCal, "is-not-defined"):
			f.absent = true
		case c.is(nsCal, "time-range"):
			f.times, err = parseSpan(c)
		case c.is(nsCal, "text-match"):
			f.text, err = parseTextMatch(c)
		case c.is(nsCal, "param-filter"):
			var p *paramFilter
			if p, err = parseParamFilter(c); err == nil {
				f.params = append(f.params, *p)
			}
		default:
			err = refuse(nsCal, "supported-filter")
		}
		if err != nil {
			return nil, err
		}
	}
	if f.absent && (f.times != nil || f.text != nil || f.params != nil) || f.times != nil && f.text != nil {
		return nil, invalidFilter()
	}
	return f, nil
}

func parseParamFilter(el *element) (*paramFilter, error) {
	name, ok := el.attr("name")
	if !ok || name == "" {
		return nil, invalidFilter()
	}
	f := &paramFilter{name: strings.ToUpper(name)}
	for _, c := range el.children {
		var err error
		switch {
		case c.is(nsCal, "is-not-defined"):
			f.absent = true
		case c.is(nsCal, "text-match"):
			f.text, err = parseTextMatch(c)
		default:
			err = refuse(nsCal, "supported-filter")
		}
		if err != nil {
			return nil, err
		}
	}
	if f.absent && f.text != nil {
		return nil, invalidFilter()
	}
	return f, nil
}

func parseTextMatch(el *element) (*textMatch, error) {
	m := &textMatch{text: string(el.text)}
	switch collation, _ := el.attr("collation"); collation {
	case "", "default", collationASCII:
		m.fold = true
		m.text = foldASCII(m.text)
	case collationOctet:
	default:
		return nil, refuse(nsCal, "supported-collation")
	}
	switch negate, _ := el.attr("negate-condition"); negate {
	case "", "no":
	case "yes":
		m.negate = true
	default:
		return nil, invalidFilter()
	}
	return m, nil
}

// parseSpan reads the attributes of a time-range: either may be missing, not
// both (RFC 4791, 9.9).
func parseSpan(el *element) (*span, error) {
	s := &span{end: farEnd()}
	start, hasStart := el.attr("start")
	end, hasEnd := el.attr("end")
	var err error
	if hasStart {
		if s.start, err = time.Parse(utcLayout, start); err != nil {
			return nil, invalidFilter()
		}
	}
	if hasEnd {
		if s.end, err = time.Parse(utcLayout, end); err != nil {
			return nil, invalidFilter()
		}
	}
	if !hasStart && !hasEnd || !s.start.Before(s.end) {
		return nil, invalidFilter()
	}
	return s, nil
}

// parseClosedSpan reads the attributes of expand and its kin, which need both.
func parseClosedSpan(el *element) (*span, error) {
	_, hasStart := el.attr("start")
	_, hasEnd := el.attr("end")
	s, err := parseSpan(el)
	if err != nil || !hasStart || !hasEnd {
		return nil, fail(http.StatusBadRequest)
	}
	return s, nil
}
