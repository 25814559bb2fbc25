package caldav

import (
	"encoding/xml"
	"net/http"
	"strings"

	"syncd/source/school"
)

// reportDepth reads the Depth of a report that looks at one resource or also
// at its members; missing means 0 (RFC 3253, 3.6).
func reportDepth(r *http.Request, most int) (int, error) {
	depth, _, err := propfindDepth(r.Header.Get("Depth"))
	if err == nil && depth > most {
		err = fail(http.StatusBadRequest)
	}
	return depth, err
}

// principalOf returns the principal that res belongs to: the one that signed
// in. There is no other that it could see. An answer of a calendar or an object
// that tells of it is not kept.
func (h *handler) principalOf(w http.ResponseWriter, r *http.Request, res *resource) (*resource, error) {
	t := target{kind: kindPrincipal, link: res.link, exact: true}
	if res.home != nil {
		return &resource{target: t, home: res.home}, nil
	}
	transient(w)
	return h.resource(r.Context(), t)
}

// respond answers with one response per resource.
func (h *handler) respond(w http.ResponseWriter, r *http.Request, req *propRequest, list ...*resource) {
	prefer(w, r, req, false)
	p := h.props.plan(req)
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	for _, res := range list {
		a.b = p.response(a.b, h.paths.of(res.target), res)
	}
	a.b = append(a.b, statusClose...)
}

// aclPrincipals answers acl-principal-prop-set (RFC 3744, 9.2): the principals
// that the access control list of a resource names.
func (h *handler) aclPrincipals(w http.ResponseWriter, r *http.Request, res *resource, root *element) error {
	if _, err := reportDepth(r, depthZero); err != nil {
		return err
	}
	req, err := parseProps(root, true)
	if err != nil {
		return err
	}
	person, err := h.principalOf(w, r, res)
	if err != nil {
		return err
	}
	h.respond(w, r, req, person)
	return nil
}

// principalMatch answers principal-match (RFC 3744, 9.3): what stands below a
// collection and is the person who asks, or names them in a property.
func (h *handler) principalMatch(w http.ResponseWriter, r *http.Request, res *resource, root *element) error {
	if _, err := reportDepth(r, depthZero); err != nil {
		return err
	}
	req, err := parseProps(root, true)
	if err != nil {
		return err
	}
	by := root.child(nsDAV, "principal-property")
	switch {
	case root.child(nsDAV, "self") != nil && by == nil:
		if res.kind == kindRoot || res.kind == kindPrincipal {
			person, err := h.principalOf(w, r, res)
			if err != nil {
				return err
			}
			h.respond(w, r, req, person)
			return nil
		}
		h.respond(w, r, req)
		return nil
	case by == nil || len(by.children) != 1 || root.child(nsDAV, "self") != nil:
		return fail(http.StatusBadRequest)
	}
	row := h.props.byName[by.children[0].name]
	href := string(appendHref(nil, h.paths.principal(res.link)))
	prefer(w, r, req, false)
	p := h.props.plan(req)
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	h.walk(res, func(m *resource) {
		if row != nil && row.on.has(m.kind) && row.write != nil && row.held(m) && strings.Contains(string(row.write(nil, m)), href) {
			a.b = p.response(a.b, h.paths.of(m.target), m)
			a.more()
		}
	})
	a.b = append(a.b, statusClose...)
	return nil
}

// walk calls visit for everything below res.
func (h *handler) walk(res *resource, visit func(*resource)) {
	for _, m := range h.members(res) {
		visit(m)
		h.walk(m, visit)
	}
	if res.kind == kindCalendar {
		h.each(res, visit)
	}
}

// searchable are the properties by which a principal can be looked for, with
// what they are called.
func searchable() []struct {
	name        xml.Name
	description string
} {
	return []struct {
		name        xml.Name
		description string
	}{
		{dav("displayname"), "Name"},
		{cal("calendar-user-address-set"), "Address"},
		{cs("email-address-set"), "Email address"},
		{cal("calendar-home-set"), "Calendars"},
	}
}

// searchProperties answers principal-search-property-set (RFC 3744, 9.5).
func (h *handler) searchProperties(w http.ResponseWriter, r *http.Request, _ *resource, root *element) error {
	if _, err := reportDepth(r, depthZero); err != nil {
		return err
	}
	if len(root.children) > 0 {
		return fail(http.StatusBadRequest)
	}
	b := []byte(xmlHeader + "<D:principal-search-property-set" + declared + ">\n")
	for _, s := range searchable() {
		b = append(b, "<D:principal-search-property><D:prop>"...)
		b = appendTag(b, s.name)
		b = append(b, `</D:prop><D:description xml:lang="en">`+s.description+"</D:description></D:principal-search-property>\n"...)
	}
	b = append(b, "</D:principal-search-property-set>\n"...)
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(b) // nothing can be done for a client that does not listen
	return nil
}

// principalSearch answers principal-property-search (RFC 3744, 9.4).
func (h *handler) principalSearch(w http.ResponseWriter, r *http.Request, res *resource, root *element) error {
	if _, err := reportDepth(r, depthZero); err != nil {
		return err
	}
	req, err := parseProps(root, true)
	if err != nil {
		return err
	}
	person, err := h.principalOf(w, r, res)
	if err != nil {
		return err
	}
	anyOf := false
	if test, ok := root.attr("test"); ok {
		anyOf = test == "anyof"
	}
	searches, hits := 0, 0
	for _, s := range root.children {
		if !s.is(nsDAV, "property-search") {
			continue
		}
		props, match := s.child(nsDAV, "prop"), s.child(nsDAV, "match")
		if props == nil || match == nil || len(props.children) == 0 || !reasonable(props.children) {
			return fail(http.StatusBadRequest)
		}
		searches++
		if h.matches(person, props, match) {
			hits++
		}
	}
	if searches == 0 {
		return fail(http.StatusBadRequest)
	}
	// Principals are found below their collection, or anywhere where the
	// request says that this is meant.
	within := res.kind == kindRoot || res.kind == kindPrincipal || root.child(nsDAV, "apply-to-principal-collection-set") != nil
	if within && (hits == searches || anyOf && hits > 0) {
		h.respond(w, r, req, person)
		return nil
	}
	h.respond(w, r, req)
	return nil
}

// matches reports whether each of the properties holds the text that is looked
// for, whatever the case; Apple's match-type is taken as it is meant.
func (h *handler) matches(person *resource, props, match *element) bool {
	text := strings.ToLower(match.trimmed())
	kind, _ := match.attr("match-type")
	for _, p := range props.children {
		row := h.props.byName[p.name]
		known := false
		for _, s := range searchable() {
			known = known || s.name == p.name
		}
		if !known || row == nil || !row.on.has(kindPrincipal) {
			return false
		}
		found := false
		for _, v := range values(row.write(nil, person)) {
			v = strings.ToLower(v)
			switch kind {
			case "equals":
				found = found || v == text
			case "starts-with":
				found = found || strings.HasPrefix(v, text)
			case "ends-with":
				found = found || strings.HasSuffix(v, text)
			default:
				found = found || strings.Contains(v, text)
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// values returns the texts inside a property's value, without the elements
// around them.
func values(value []byte) []string {
	root, err := parseXML(strings.NewReader("<v" + declared + ">" + string(value) + "</v>"))
	if err != nil {
		return nil
	}
	if len(root.children) == 0 {
		return []string{root.trimmed()}
	}
	var out []string
	for _, c := range root.children {
		out = append(out, c.trimmed())
	}
	return out
}

// maxNested bounds how deep expand-property goes: no chain of our properties
// leads anywhere new after the third step.
const maxNested = 8

// nested is a property that expand-property asks for, with what is wanted of
// what it refers to.
type nested struct {
	name   xml.Name
	inside []nested
}

// parseNested reads the property elements among el's children.
func parseNested(el *element, depth int, left *int) ([]nested, error) {
	var list []nested
	for _, c := range el.children {
		if !c.is(nsDAV, "property") {
			continue
		}
		name, ok := c.attr("name")
		space, given := c.attr("namespace")
		if !given {
			space = nsDAV
		}
		*left--
		if !ok || !plainName(name) || *left < 0 || depth > maxNested || len(space) > 256 {
			return nil, fail(http.StatusBadRequest)
		}
		inside, err := parseNested(c, depth+1, left)
		if err != nil {
			return nil, err
		}
		list = append(list, nested{xml.Name{Space: space, Local: name}, inside})
	}
	return list, nil
}

// plainName reports whether s, which came as an attribute's value, can be
// written as the name of an element.
func plainName(s string) bool {
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_':
		case i > 0 && (r >= '0' && r <= '9' || r == '-' || r == '.'):
		default:
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// expandProperty answers expand-property (RFC 3253, 3.8): properties, and of
// what they refer to, properties again.
func (h *handler) expandProperty(w http.ResponseWriter, r *http.Request, res *resource, root *element) error {
	depth, err := reportDepth(r, depthOne)
	if err != nil {
		return err
	}
	left := 256
	list, err := parseNested(root, 1, &left)
	if err != nil {
		return err
	}
	var members []*resource
	if depth == depthOne {
		members = h.members(res)
	}
	if res.home == nil {
		transient(w) // what a calendar refers to is the home's, of which its state knows nothing
	}
	req := &propRequest{}
	prefer(w, r, req, false)
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	x := expansion{handler: h, request: r, minimal: req.minimal}
	a.b = x.response(a.b, res, list)
	for _, m := range members {
		a.b = x.response(a.b, m, list)
		a.more()
	}
	if depth == depthOne && res.kind == kindCalendar {
		h.each(res, func(m *resource) {
			a.b = x.response(a.b, m, list)
			a.more()
		})
	}
	a.b = append(a.b, statusClose...)
	return nil
}

// expansion writes the responses of one expand-property report.
type expansion struct {
	*handler

	request *http.Request
	minimal bool
}

func (x *expansion) response(b []byte, r *resource, list []nested) []byte {
	b = append(b, responseOpen...)
	b = appendText(b, x.paths.of(r.target))
	b = append(b, hrefClose+propOpen...)
	var missing []byte
	for _, n := range list {
		row := x.props.byName[n.name]
		switch {
		case row == nil || !row.on.has(r.kind) || !row.held(r):
			if !x.minimal {
				missing = appendTag(missing, n.name)
			}
		case n.inside == nil || row.write == nil:
			b = row.append(b, r)
		default:
			b = append(b, row.open...)
			b = x.references(b, row.write(nil, r), n.inside)
			b = append(b, row.end...)
		}
	}
	b = append(b, propOK...)
	if missing != nil {
		b = append(b, propOpen...)
		b = append(b, missing...)
		b = append(b, propMissing...)
	}
	return append(b, responseClose...)
}

// references writes a property's value with a response in place of each href
// that leads to something here.
func (x *expansion) references(b, value []byte, inside []nested) []byte {
	const open = "<D:href>"
	rest := string(value)
	for {
		before, after, found := strings.Cut(rest, open)
		b = append(b, before...)
		if !found {
			return b
		}
		href, behind, _ := strings.Cut(after, hrefClose)
		rest = behind
		t, ok := x.paths.parse(href)
		if t.kind == kindRoot {
			t.link = x.linkOf()
		}
		if ok && t.link == x.linkOf() {
			if res, err := x.resource(x.request.Context(), t); err == nil {
				b = x.response(b, res, inside)
				continue
			}
		}
		b = append(b, open+href+hrefClose...)
	}
}

// linkOf is the link that asks.
func (x *expansion) linkOf() school.LinkID {
	link, _ := x.link(x.request.Context())
	return link
}
