package caldav

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"time"

	"github.com/emersion/go-ical"

	"syncd/feeds/icalendar"
)

// reporter answers one kind of report.
type reporter struct {
	name   xml.Name
	on     kinds
	answer func(*handler, http.ResponseWriter, *http.Request, *resource, *element) error
}

// reporters lists the reports and what they may be asked of; the property
// supported-report-set is made from it (RFC 3253, 3.1.5).
func reporters() []reporter {
	calendar := kindsOf(kindCalendar)
	return []reporter{
		{cal("calendar-query"), calendar | kindsOf(kindObject), (*handler).query},
		{cal("calendar-multiget"), calendar | kindsOf(kindObject), (*handler).multiget},
		{cal("free-busy-query"), calendar | kindsOf(kindObject), (*handler).freeBusy},
		{dav("sync-collection"), calendar, (*handler).sync},
		{dav("sync-collection"), kindsOf(kindHome), (*handler).syncHome},
		{dav("expand-property"), everywhere, (*handler).expandProperty},
		{dav("acl-principal-prop-set"), everywhere, (*handler).aclPrincipals},
		{dav("principal-match"), collections, (*handler).principalMatch},
		{dav("principal-property-search"), collections, (*handler).principalSearch},
		{dav("principal-search-property-set"), collections, (*handler).searchProperties},
	}
}

// report answers REPORT (RFC 3253, 3.6).
func (h *handler) report(w http.ResponseWriter, r *http.Request, res *resource) error {
	root, err := h.body(r)
	if err != nil {
		return err
	}
	if root == nil {
		return fail(http.StatusBadRequest)
	}
	for _, rep := range h.reports {
		if rep.name == root.name && rep.on.has(res.kind) {
			return rep.answer(h, w, r, res, root)
		}
	}
	return refuse(nsDAV, "supported-report")
}

// abandoned is an error once nobody waits for the answer any more: a report may have
// thousands of objects to look into.
func abandoned(r *http.Request) error {
	if r.Context().Err() == nil {
		return nil
	}
	return fmt.Errorf("report: %w", context.Cause(r.Context()))
}

// query answers calendar-query (RFC 4791, 7.8). Whatever the Depth, all
// objects of the calendar are asked: Evolution sends 0 and others none.
func (h *handler) query(w http.ResponseWriter, r *http.Request, res *resource, root *element) error {
	req, err := parseProps(root, true)
	if err != nil {
		return err
	}
	f, err := parseFilter(root.child(nsCal, "filter"))
	if err != nil {
		return err
	}
	zone, err := h.queryZone(root)
	if err != nil {
		return err
	}
	c := newClock(zone, h.zones)
	q := newQuery(f, c)
	objects := res.cal.Objects
	if res.kind == kindObject {
		objects = objects[find(res.cal, res.name):][:1]
	}
	var matching []*icalendar.Object
	for i := range objects {
		if err := abandoned(r); err != nil {
			return err
		}
		if q.match(&objects[i]) {
			matching = append(matching, &objects[i])
		}
	}
	prefer(w, r, req, false)
	if req.data.works() {
		list := make([]found, len(matching))
		for i, o := range matching {
			list[i].object = o
		}
		return h.forward(w, r, res, &work{clock: c, data: req.data, found: list}, req)
	}
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	p := h.props.plan(req)
	base := h.paths.calendar(res.link, res.slug)
	m := resource{target: res.target, cal: res.cal}
	m.kind = kindObject
	for _, o := range matching {
		m.obj = o
		m.name = m.obj.Name
		a.b = p.object(a.b, base, &m)
		a.more()
	}
	a.b = append(a.b, statusClose...)
	return nil
}

// multiget answers calendar-multiget (RFC 4791, 7.9): each href in the
// spelling in which it was asked for, in the same order, an object that was
// named several times only once.
func (h *handler) multiget(w http.ResponseWriter, r *http.Request, res *resource, root *element) error {
	req, err := parseProps(root, true)
	if err != nil {
		return err
	}
	list, err := h.hrefs(res, root)
	if err != nil {
		return err
	}
	prefer(w, r, req, false)
	if req.data.works() {
		c := newClock(h.zones.home, h.zones)
		return h.forward(w, r, res, &work{clock: c, data: req.data, found: list, listed: true}, req)
	}
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	p := h.props.plan(req)
	m := resource{target: res.target, cal: res.cal}
	m.kind = kindObject
	for _, f := range list {
		if f.object == nil {
			a.b = appendRemoved(a.b, f.href)
		} else {
			m.obj = f.object
			m.name = m.obj.Name
			a.b = p.response(a.b, f.href, &m)
		}
		a.more()
	}
	a.b = append(a.b, statusClose...)
	return nil
}

// hrefs resolves the href elements of a multiget. What leads out of the
// calendar, or nowhere, has no object.
func (h *handler) hrefs(res *resource, root *element) ([]found, error) {
	base := h.paths.calendar(res.link, res.slug)
	list := make([]found, 0, len(root.children))
	seen := make([]bool, len(res.cal.Objects))
	for _, c := range root.children {
		if !c.is(nsDAV, "href") {
			continue
		}
		f := found{href: c.trimmed()}
		name, ok := h.paths.member(base, f.href)
		if ok && res.kind == kindObject {
			ok = name == res.name
		}
		if ok {
			if i := find(res.cal, name); i >= 0 {
				if seen[i] {
					continue
				}
				seen[i] = true
				f.object = &res.cal.Objects[i]
			}
		}
		list = append(list, f)
	}
	if len(list) == 0 {
		return nil, fail(http.StatusBadRequest)
	}
	return list, nil
}

// queryZone returns the zone in which a query wants floating times and whole
// days to be read: its timezone (RFC 4791, 9.8), its timezone-id (RFC 7809,
// 5.1), or the calendar's own.
func (h *handler) queryZone(root *element) (*time.Location, error) {
	if id := root.child(nsCal, "timezone-id"); id != nil {
		if loc := h.zones.named(id.trimmed()); loc != nil {
			return loc, nil
		}
		return nil, refuse(nsCal, "valid-timezone")
	}
	el := root.child(nsCal, "timezone")
	if el == nil {
		return h.zones.home, nil
	}
	cal, err := decode(bytes.TrimSpace(el.text))
	if err != nil {
		return nil, refuse(nsCal, "valid-calendar-data")
	}
	// The calendar holds one zone and nothing else (RFC 4791, 9.8).
	if len(cal.Children) != 1 || cal.Children[0].Name != ical.CompTimezone {
		return nil, refuse(nsCal, "valid-calendar-data")
	}
	c := cal.Children[0]
	for _, name := range []string{ical.PropTimezoneID, "X-LIC-LOCATION"} {
		if p := c.Props.Get(name); p != nil {
			if loc := h.zones.named(p.Value); loc != nil {
				return loc, nil
			}
		}
	}
	// A zone that nobody knows by name says itself what it is.
	if loc := ownZone(c, zoneEffort()); loc != nil {
		return loc, nil
	}
	return nil, refuse(nsCal, "valid-calendar-data")
}
