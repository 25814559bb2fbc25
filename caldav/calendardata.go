package caldav

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"syncd/feeds/icalendar"
)

// dataRequest is how calendar-data is asked for (RFC 4791, 9.6).
type dataRequest struct {
	comp            *compRequest // nil: everything
	expand          *span
	limitRecurrence *span
	limitFreeBusy   *span
}

// works reports whether recurrences have to be worked out, that is, whether
// the object model must answer.
func (d *dataRequest) works() bool {
	return d != nil && (d.expand != nil || d.limitRecurrence != nil || d.limitFreeBusy != nil)
}

// compRequest says what of a component is wanted (RFC 4791, 9.6.1).
type compRequest struct {
	name     string
	allProps bool
	props    []propChoice
	allComps bool
	comps    []*compRequest
}

type propChoice struct {
	name    string
	noValue bool
}

func (c *compRequest) prop(name string) (propChoice, bool) {
	if c.allProps {
		return propChoice{name: name}, true
	}
	for _, p := range c.props {
		if p.name == name {
			return p, true
		}
	}
	return propChoice{}, false
}

// comp returns what is wanted of the component called name, nil for nothing.
func (c *compRequest) comp(name string) *compRequest {
	if c.allComps {
		return everything(name)
	}
	for _, sub := range c.comps {
		if sub.name == name {
			return sub
		}
	}
	return nil
}

func everything(name string) *compRequest {
	return &compRequest{name: name, allProps: true, allComps: true}
}

// parseDataRequest reads a calendar-data element of a request.
func parseDataRequest(el *element) (*dataRequest, error) {
	if t, ok := el.attr("content-type"); ok && !strings.EqualFold(t, "text/calendar") {
		return nil, refuse(nsCal, "supported-calendar-data")
	}
	if v, ok := el.attr("version"); ok && v != "2.0" {
		return nil, refuse(nsCal, "supported-calendar-data")
	}
	d := &dataRequest{}
	for _, c := range el.children {
		var err error
		switch {
		case c.is(nsCal, "comp"):
			d.comp, err = parseCompRequest(c)
			if err == nil && d.comp.name != "VCALENDAR" {
				err = fail(http.StatusBadRequest)
			}
		case c.is(nsCal, "expand"):
			d.expand, err = parseClosedSpan(c)
		case c.is(nsCal, "limit-recurrence-set"):
			d.limitRecurrence, err = parseClosedSpan(c)
		case c.is(nsCal, "limit-freebusy-set"):
			d.limitFreeBusy, err = parseClosedSpan(c)
		}
		if err != nil {
			return nil, err
		}
	}
	if d.expand != nil && d.limitRecurrence != nil {
		return nil, fail(http.StatusBadRequest)
	}
	return d, nil
}

func parseCompRequest(el *element) (*compRequest, error) {
	name, ok := el.attr("name")
	if !ok || name == "" {
		return nil, fail(http.StatusBadRequest)
	}
	c := &compRequest{name: strings.ToUpper(name)}
	for _, e := range el.children {
		switch {
		case e.is(nsCal, "allprop"):
			c.allProps = true
		case e.is(nsCal, "allcomp"):
			c.allComps = true
		case e.is(nsCal, "prop"):
			prop, ok := e.attr("name")
			if !ok || prop == "" {
				return nil, fail(http.StatusBadRequest)
			}
			noValue, _ := e.attr("novalue")
			c.props = append(c.props, propChoice{strings.ToUpper(prop), noValue == "yes"})
		case e.is(nsCal, "comp"):
			sub, err := parseCompRequest(e)
			if err != nil {
				return nil, err
			}
			c.comps = append(c.comps, sub)
		}
	}
	if c.allProps && c.props != nil || c.allComps && c.comps != nil {
		return nil, fail(http.StatusBadRequest)
	}
	return c, nil
}

// append writes the calendar-data element of an object: what is wanted of its
// stored bytes, or of what was worked out of it.
func (d *dataRequest) append(b []byte, r *resource) []byte {
	b = append(b, "<C:calendar-data>"...)
	data := r.content()
	if d.comp != nil {
		data = partial(data, d.comp)
	}
	b = appendText(b, data)
	return append(b, "</C:calendar-data>"...)
}

// partial returns the lines of an object that want asks for. Lines stay folded
// as they are; only a value that is not wanted is cut off.
func partial(data []byte, want *compRequest) []byte {
	out := make([]byte, 0, len(data))
	// One entry for each component that is open, nil where nothing of it is
	// wanted, on top of one that wants the outermost.
	stack := append(make([]*compRequest, 0, 8), &compRequest{comps: []*compRequest{want}})
	for len(data) > 0 {
		var line []byte
		line, data = contentLine(data)
		name := propertyName(line)
		at := stack[len(stack)-1]
		switch {
		case name == "BEGIN":
			if at != nil {
				at = at.comp(strings.ToUpper(value(line)))
			}
			stack = append(stack, at)
			if at != nil {
				out = append(out, line...)
			}
		case name == "END" && len(stack) > 1:
			stack = stack[:len(stack)-1]
			if at != nil {
				out = append(out, line...)
			}
		case at != nil:
			out = at.line(out, name, line)
		}
	}
	return out
}

// line appends a property's line, or its name, or nothing.
func (c *compRequest) line(out []byte, name string, line []byte) []byte {
	p, ok := c.prop(name)
	switch {
	case !ok:
		return out
	case p.noValue:
		return append(append(out, name...), ":\r\n"...)
	}
	return append(out, line...)
}

// contentLine cuts the first content line off data, with its continuation
// lines and line ends (RFC 5545, 3.1).
func contentLine(data []byte) (line, rest []byte) {
	for i := 0; ; {
		n := bytes.IndexByte(data[i:], '\n')
		if n < 0 {
			return data, nil
		}
		i += n + 1
		if i == len(data) || data[i] != ' ' && data[i] != '\t' {
			return data[:i], data[i:]
		}
	}
}

// propertyName returns the name at the beginning of a content line, in upper
// case. A name that is folded in its middle is not recognised and so not sent.
func propertyName(line []byte) string {
	n := bytes.IndexAny(line, ":;\r\n")
	if n < 0 {
		n = len(line)
	}
	return strings.ToUpper(string(line[:n]))
}

func value(line []byte) string {
	_, v, _ := bytes.Cut(line, []byte(":"))
	return string(bytes.TrimSpace(v))
}

// find returns the index of the object called name, -1 if there is none.
func find(c *icalendar.Collection, name string) int {
	i, ok := slices.BinarySearchFunc(c.Objects, name, func(o icalendar.Object, name string) int {
		return strings.Compare(o.Name, name)
	})
	if !ok {
		return -1
	}
	return i
}
