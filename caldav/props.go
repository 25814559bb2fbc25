package caldav

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"syncd/source/school"
)

// property is one row of the table: what a kind of resource says of itself.
type property struct {
	name  xml.Name
	on    kinds
	all   bool // among what allprop gives (RFC 4918, 9.1)
	has   func(*resource) bool
	write func([]byte, *resource) []byte

	// Made by newPropTable: the tags, with the prefix of the namespace.
	open, end, empty string
}

func (p *property) held(r *resource) bool { return p.has == nil || p.has(r) }

// append writes the whole element.
func (p *property) append(b []byte, r *resource) []byte {
	if p.write == nil {
		return append(b, p.empty...)
	}
	b = append(b, p.open...)
	n := len(b)
	b = p.write(b, r)
	if len(b) == n {
		return append(b[:n-len(p.open)], p.empty...)
	}
	return append(b, p.end...)
}

// propTable holds the rows in their order and by name.
type propTable struct {
	rows   []*property
	byName map[xml.Name]*property
	data   *property // calendar-data: in reports only
}

// Limits that a client is told (RFC 4791, 5.2.5 to 5.2.8).
const (
	maxResourceSize = 1 << 20
	minDateTime     = "00010101T000000Z"
	maxDateTime     = "99991231T235959Z"
	maxInstances    = 20_000
)

const (
	everywhere  = kinds(1<<kindCount - 1)
	collections = everywhere &^ (1 << kindObject)
)

func newPropTable(p paths) *propTable {
	t := &propTable{byName: map[xml.Name]*property{}}
	t.rows = append(t.rows, generalProps(p)...)
	t.rows = append(t.rows, principalProps(p)...)
	t.rows = append(t.rows, calendarProps()...)
	t.rows = append(t.rows, objectProps()...)
	for _, row := range t.rows {
		row.tags()
		t.byName[row.name] = row
	}
	t.data = &property{
		name: calendarData(), on: kindsOf(kindObject),
		has: func(r *resource) bool { return r.content() != nil },
	}
	t.data.tags()
	return t
}

func (p *property) tags() {
	prefix, _ := prefixOf(p.name.Space)
	p.open = "<" + prefix + p.name.Local + ">"
	p.end = "</" + prefix + p.name.Local + ">"
	p.empty = "<" + prefix + p.name.Local + "/>"
}

func calendarData() xml.Name { return xml.Name{Space: nsCal, Local: "calendar-data"} }

func dav(local string) xml.Name { return xml.Name{Space: nsDAV, Local: local} }
func cal(local string) xml.Name { return xml.Name{Space: nsCal, Local: local} }
func cs(local string) xml.Name  { return xml.Name{Space: nsCS, Local: local} }

// fixed is the value of a property that is the same everywhere.
func fixed(s string) func([]byte, *resource) []byte {
	return func(b []byte, _ *resource) []byte { return append(b, s...) }
}

// Each privilege stands in an element of its own, and none begins with
// "write": DAVx5, Evolution and Thunderbird take the calendar for writable
// otherwise.
const (
	privileges = "<D:privilege><D:read/></D:privilege>" +
		"<D:privilege><D:read-current-user-privilege-set/></D:privilege>"
	calendarPrivileges = privileges + "<D:privilege><C:read-free-busy/></D:privilege>"
)

// granted are the privileges on a kind of resource.
func granted(k kind) string {
	if k == kindCalendar || k == kindObject {
		return calendarPrivileges
	}
	return privileges
}

// supportedPrivileges are the privileges that exist here (RFC 3744, 5.3).
// Nothing can be written, so that no privilege to write is among them.
const supportedPrivileges = `<D:supported-privilege><D:privilege><D:all/></D:privilege><D:abstract/>` +
	`<D:description xml:lang="en">Everything that can be done here</D:description>` +
	`<D:supported-privilege><D:privilege><D:read/></D:privilege>` +
	`<D:description xml:lang="en">Read</D:description>` +
	`<D:supported-privilege><D:privilege><D:read-acl/></D:privilege><D:abstract/>` +
	`<D:description xml:lang="en">Read who may do what</D:description></D:supported-privilege>` +
	`<D:supported-privilege><D:privilege><D:read-current-user-privilege-set/></D:privilege>` +
	`<D:description xml:lang="en">Read what one may do</D:description></D:supported-privilege>` +
	`<D:supported-privilege><D:privilege><C:read-free-busy/></D:privilege>` +
	`<D:description xml:lang="en">Read when one is busy</D:description></D:supported-privilege>` +
	`</D:supported-privilege></D:supported-privilege>`

func generalProps(p paths) []*property {
	principal := func(b []byte, r *resource) []byte { return appendHref(b, p.principal(r.link)) }
	return []*property{
		{name: dav("resourcetype"), on: everywhere, all: true, write: resourceType},
		{name: dav("displayname"), on: collections, all: true, write: displayName},
		{name: dav("current-user-principal"), on: everywhere, write: principal},
		{name: dav("owner"), on: everywhere, write: principal},
		{name: dav("principal-collection-set"), on: everywhere, write: func(b []byte, _ *resource) []byte {
			return appendHref(b, p.root())
		}},
		{name: dav("current-user-privilege-set"), on: everywhere, write: func(b []byte, r *resource) []byte {
			return append(b, granted(r.kind)...)
		}},
		{name: dav("group"), on: everywhere},
		{name: dav("supported-privilege-set"), on: everywhere, write: fixed(supportedPrivileges)},
		{name: dav("acl"), on: everywhere, write: func(b []byte, r *resource) []byte {
			b = append(b, "<D:ace><D:principal>"...)
			b = appendHref(b, p.principal(r.link))
			b = append(b, "</D:principal><D:grant>"...)
			return append(b, granted(r.kind)+"</D:grant><D:protected/></D:ace>"...)
		}},
		{name: dav("acl-restrictions"), on: everywhere, write: fixed("<D:grant-only/><D:no-invert/>")},
		{name: dav("inherited-acl-set"), on: everywhere},
		{name: dav("supported-report-set"), on: everywhere, write: supportedReports()},
		{name: dav("resource-id"), on: everywhere &^ (1 << kindRoot), write: func(b []byte, r *resource) []byte {
			return appendHref(b, resourceID(p.of(r.target)))
		}},
	}
}

func principalProps(p paths) []*property {
	person := kindsOf(kindRoot, kindPrincipal)
	return []*property{
		{name: dav("principal-URL"), on: person, write: func(b []byte, r *resource) []byte {
			return appendHref(b, p.principal(r.link))
		}},
		{name: cal("calendar-home-set"), on: person | kindsOf(kindHome), write: func(b []byte, r *resource) []byte {
			return appendHref(b, p.home(r.link))
		}},
		// Apple wants an address before anything else. This one can receive
		// nothing (RFC 6761, 6.4).
		{name: cal("calendar-user-address-set"), on: kindsOf(kindPrincipal), write: func(b []byte, r *resource) []byte {
			return appendHref(appendHref(b, "mailto:"+address(r.link)), p.principal(r.link))
		}},
		{name: cs("email-address-set"), on: kindsOf(kindPrincipal), write: func(b []byte, r *resource) []byte {
			b = append(b, "<CS:email-address>"...)
			b = appendText(b, address(r.link))
			return append(b, "</CS:email-address>"...)
		}},
		{name: dav("group-membership"), on: kindsOf(kindPrincipal)},
		{name: dav("alternate-URI-set"), on: kindsOf(kindPrincipal)},
	}
}

func address(link school.LinkID) string { return escapeSegment(string(link)) + "@syncd.invalid" }

func calendarProps() []*property {
	on := kindsOf(kindCalendar)
	return []*property{
		{name: cs("getctag"), on: on | kindsOf(kindHome), has: hasToken, write: syncToken},
		{name: dav("sync-token"), on: on | kindsOf(kindHome), has: hasToken, write: syncToken},
		{name: cal("calendar-description"), on: on, write: func(b []byte, r *resource) []byte {
			return appendText(b, r.cal.Description)
		}},
		{
			name: xml.Name{Space: nsApple, Local: "calendar-color"}, on: on,
			has:   func(r *resource) bool { return r.cal.Color != "" },
			write: func(b []byte, r *resource) []byte { return appendText(b, r.cal.Color) },
		},
		{name: xml.Name{Space: nsApple, Local: "calendar-order"}, on: on, write: func(b []byte, r *resource) []byte {
			return strconv.AppendInt(b, int64(r.cal.Order), 10)
		}},
		{name: cal("calendar-timezone"), on: on, write: func(b []byte, _ *resource) []byte {
			return appendText(b, timezone)
		}},
		{name: cal("calendar-timezone-id"), on: on, write: fixed(school.Zone)},
		{name: cal("supported-calendar-component-set"), on: on, write: componentSet},
		{name: cal("supported-calendar-component-sets"), on: kindsOf(kindHome), write: componentSets},
		{name: cal("supported-calendar-data"), on: on, write: fixed(`<C:calendar-data content-type="text/calendar" version="2.0"/>`)},
		{name: cal("supported-collation-set"), on: on, write: fixed("<C:supported-collation>" + collationASCII +
			"</C:supported-collation><C:supported-collation>" + collationOctet + "</C:supported-collation>")},
		{name: cal("max-resource-size"), on: on, write: fixed(strconv.Itoa(maxResourceSize))},
		{name: cal("min-date-time"), on: on, write: fixed(minDateTime)},
		{name: cal("max-date-time"), on: on, write: fixed(maxDateTime)},
		{name: cal("max-instances"), on: on, write: fixed(strconv.Itoa(maxInstances))},
		{name: cal("schedule-calendar-transp"), on: on, write: fixed("<C:transparent/>")},
	}
}

func objectProps() []*property {
	object := kindsOf(kindObject)
	return []*property{
		{name: dav("getetag"), on: object | kindsOf(kindCalendar), all: true, write: func(b []byte, r *resource) []byte {
			tag := r.cal.ICSETag
			if r.kind == kindObject {
				tag = r.obj.ETag
			}
			b = append(b, "&#34;"...)
			b = appendText(b, tag)
			return append(b, "&#34;"...)
		}},
		{name: dav("getcontenttype"), on: object, all: true, write: func(b []byte, r *resource) []byte {
			return appendText(b, objectType(r.obj))
		}},
		{
			name: dav("creationdate"), on: object, all: true,
			has: func(r *resource) bool { return !created(r).IsZero() },
			write: func(b []byte, r *resource) []byte {
				return created(r).AppendFormat(b, time.RFC3339)
			},
		},
		{name: dav("getcontentlength"), on: object, all: true, write: func(b []byte, r *resource) []byte {
			return strconv.AppendInt(b, int64(len(r.obj.Data)), 10)
		}},
		{
			name: dav("getlastmodified"), on: object | kindsOf(kindCalendar), all: true,
			has: func(r *resource) bool { return !modified(r).IsZero() },
			write: func(b []byte, r *resource) []byte {
				return modified(r).UTC().AppendFormat(b, http.TimeFormat)
			},
		},
	}
}

// created is when an object says that it was made, in UTC; zero if it does not.
func created(r *resource) time.Time {
	_, rest, found := bytes.Cut(r.obj.Data, []byte("\nCREATED:"))
	if !found || len(rest) < len(utcLayout) {
		return time.Time{}
	}
	at, err := time.Parse(utcLayout, string(rest[:len(utcLayout)]))
	if err != nil {
		return time.Time{}
	}
	return at
}

func modified(r *resource) time.Time {
	if r.kind == kindObject {
		return r.obj.Modified
	}
	return r.cal.Modified
}

func resourceType(b []byte, r *resource) []byte {
	switch r.kind {
	case kindPrincipal:
		return append(b, "<D:collection/><D:principal/>"...)
	case kindCalendar:
		return append(b, "<D:collection/><C:calendar/>"...)
	case kindRoot, kindHome:
		return append(b, "<D:collection/>"...)
	case kindObject, kindCount:
	}
	return b
}

func displayName(b []byte, r *resource) []byte {
	if r.kind == kindCalendar {
		return appendText(b, r.cal.Name)
	}
	return appendText(b, r.home.DisplayName)
}

// hasToken and syncToken are the sync token, which is also the CTag.
func hasToken(r *resource) bool { return r.kind == kindHome || r.cal.Token != "" }

func syncToken(b []byte, r *resource) []byte {
	if r.kind == kindHome {
		return appendText(b, homeToken(r.link, r.home))
	}
	return appendText(b, r.cal.Token)
}

// supportedReports names what report answers (RFC 3253, 3.1.5).
func supportedReports() func([]byte, *resource) []byte {
	var of [kindCount][]byte
	for k := range of {
		for _, rep := range reporters() {
			if rep.on.has(kind(k)) {
				of[k] = append(of[k], "<D:supported-report><D:report>"...)
				of[k] = appendTag(of[k], rep.name)
				of[k] = append(of[k], "</D:report></D:supported-report>"...)
			}
		}
	}
	return func(b []byte, r *resource) []byte { return append(b, of[r.kind]...) }
}

func componentSet(b []byte, r *resource) []byte {
	for _, name := range r.cal.Components {
		b = append(b, `<C:comp name="`...)
		b = appendText(b, name)
		b = append(b, `"/>`...)
	}
	return b
}

// componentSets names each set of components that a calendar of the home may
// have (the union is not told: no calendar here holds more than its own set).
func componentSets(b []byte, r *resource) []byte {
	seen := map[string]bool{}
	for _, c := range r.home.Collections {
		set := string(componentSet(nil, &resource{cal: c}))
		if seen[set] {
			continue
		}
		seen[set] = true
		b = append(b, "<C:supported-calendar-component-set>"...)
		b = append(b, set...)
		b = append(b, "</C:supported-calendar-component-set>"...)
	}
	return b
}

// resourceID is a URN that stays the same as long as the path does (RFC 5842,
// 3.1): a UUID of version 8 made from it.
func resourceID(path string) string {
	u := sha256.Sum256([]byte("syncd resource " + path))
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
