package caldav

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
)

// depths of a request.
const (
	depthZero = 0
	depthOne  = 1
)

// propRequest is what a client wants to know: of a PROPFIND and of every
// report alike.
type propRequest struct {
	mode    propMode
	names   []xml.Name   // of propNamed; of propAll what it includes besides
	data    *dataRequest // calendar-data, nil if not asked for
	minimal bool         // nothing is said of properties that are not there
}

type propMode uint8

const (
	propNamed propMode = iota
	propAll
	propNames
)

// parseProps reads the prop, allprop or propname element among el's children.
// report says whether calendar-data may be asked for (RFC 4791, 9.6).
func parseProps(el *element, report bool) (*propRequest, error) {
	req := &propRequest{}
	found := 0
	var include *element
	for _, c := range el.children {
		switch {
		case c.is(nsDAV, "prop"):
			req.mode = propNamed
			if err := req.named(c, report); err != nil {
				return nil, err
			}
		case c.is(nsDAV, "allprop"):
			req.mode = propAll
		case c.is(nsDAV, "propname"):
			req.mode = propNames
		case c.is(nsDAV, "include"):
			include = c
			continue
		default:
			continue
		}
		found++
	}
	switch {
	case found > 1, found == 0 && !report:
		return nil, fail(http.StatusBadRequest)
	case include != nil && req.mode == propAll:
		return req, req.named(include, report)
	}
	// RFC 4791, 9.5: a report may ask for nothing but the hrefs.
	return req, nil
}

// named adds the properties that are the children of el.
func (req *propRequest) named(el *element, report bool) error {
	if !reasonable(el.children) {
		return fail(http.StatusBadRequest)
	}
	for _, p := range el.children {
		if report && p.name == calendarData() {
			data, err := parseDataRequest(p)
			if err != nil {
				return err
			}
			req.data = data
		}
		if !slices.Contains(req.names, p.name) {
			req.names = append(req.names, p.name)
		}
	}
	return nil
}

// reasonable bounds how many properties are asked for: each name comes back
// with every resource. Apple's longest list has some forty, 1.5 KiB together.
func reasonable(props []*element) bool {
	size := 0
	for _, p := range props {
		size += len(p.name.Space) + len(p.name.Local)
	}
	return len(props) <= 256 && size <= 16<<10
}

// preference is what a client would like (RFC 8144): nothing said of
// properties that are not there, and nothing of the collection itself.
type preference struct{ minimal, noRoot bool }

// preferences reads Prefer and its elder, Brief.
func preferences(r *http.Request) preference {
	p := preference{minimal: strings.EqualFold(strings.TrimSpace(r.Header.Get("Brief")), "t")}
	for _, v := range r.Header["Prefer"] {
		for part := range strings.SplitSeq(v, ",") {
			part, _, _ = strings.Cut(part, ";")
			name, value, _ := strings.Cut(part, "=")
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, "return"):
				p.minimal = p.minimal || strings.EqualFold(strings.Trim(strings.TrimSpace(value), `"`), "minimal")
			case strings.EqualFold(name, "depth-noroot"):
				p.noRoot = true
			}
		}
	}
	return p
}

// prefer applies the client's preference to req and says so. noRoot says
// whether there is a root that could be left out.
func prefer(w http.ResponseWriter, r *http.Request, req *propRequest, noRoot bool) {
	w.Header().Add("Vary", "Brief, Prefer")
	p := preferences(r)
	req.minimal = p.minimal
	var applied []string
	if p.minimal {
		applied = append(applied, "return=minimal")
	}
	if p.noRoot && noRoot {
		applied = append(applied, "depth-noroot")
	}
	if applied != nil {
		w.Header().Set("Preference-Applied", strings.Join(applied, ", "))
	}
}

// plan is a propRequest resolved against the table, once per kind of resource.
type plan struct {
	*propRequest
	table  *propTable
	ofKind [kindCount]*kindPlan
}

type kindPlan struct {
	found   []*property
	missing []byte // the empty elements of what this kind never has
}

func (t *propTable) plan(req *propRequest) *plan { return &plan{propRequest: req, table: t} }

func (p *plan) of(k kind) *kindPlan {
	if p.ofKind[k] != nil {
		return p.ofKind[k]
	}
	kp := &kindPlan{}
	p.ofKind[k] = kp
	if p.mode != propNamed {
		for _, row := range p.table.rows {
			if row.on.has(k) && (p.mode == propNames || row.all) {
				kp.found = append(kp.found, row)
			}
		}
	}
	for _, name := range p.names {
		row := p.table.byName[name]
		if name == calendarData() && p.data != nil {
			row = p.table.data
		}
		switch {
		case row != nil && row.on.has(k):
			if !slices.Contains(kp.found, row) {
				kp.found = append(kp.found, row)
			}
		case p.mode == propNamed && !p.minimal:
			kp.missing = appendTag(kp.missing, name)
		}
	}
	return kp
}

// response writes the whole response element of one resource.
func (p *plan) response(b []byte, href string, r *resource) []byte {
	b = append(b, responseOpen...)
	b = appendText(b, href)
	return p.propstats(append(b, hrefClose...), r)
}

// propstats writes what follows the href.
func (p *plan) propstats(b []byte, r *resource) []byte {
	kp := p.of(r.kind)
	missing := kp.missing
	open := len(b)
	b = append(b, propOpen...)
	content := len(b)
	for _, row := range kp.found {
		switch {
		case !row.held(r):
			if p.mode == propNamed && !p.minimal {
				missing = append(slices.Clip(missing), row.empty...)
			}
		case row == p.table.data:
			b = p.data.append(b, r)
		case p.mode == propNames:
			b = append(b, row.empty...)
		default:
			b = row.append(b, r)
		}
	}
	if len(b) > content || len(missing) == 0 {
		// A response without any propstat would not be valid.
		b = append(b, propOK...)
	} else {
		b = b[:open]
	}
	if len(missing) > 0 {
		b = append(b, propOpen...)
		b = append(b, missing...)
		b = append(b, propMissing...)
	}
	return append(b, responseClose...)
}

// propfind answers PROPFIND (RFC 4918, 9.1).
func (h *handler) propfind(w http.ResponseWriter, r *http.Request, res *resource) error {
	depth, self, err := propfindDepth(r.Header.Get("Depth"))
	if err != nil {
		return err
	}
	root, err := h.body(r)
	if err != nil {
		return err
	}
	req := &propRequest{mode: propAll}
	if root != nil {
		if !root.is(nsDAV, "propfind") {
			return fail(http.StatusBadRequest)
		}
		if req, err = parseProps(root, false); err != nil {
			return err
		}
	}
	var members []*resource
	if depth == depthOne {
		members = h.members(res)
	}
	prefer(w, r, req, depth == depthOne)
	self = self && (depth != depthOne || !preferences(r).noRoot)
	p := h.props.plan(req)
	w.Header().Set("DAV", davHeader)
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	if self {
		a.b = p.response(a.b, h.paths.of(res.target), res)
	}
	for _, m := range members {
		a.b = p.response(a.b, h.paths.of(m.target), m)
		a.more()
	}
	if depth == depthOne && res.kind == kindCalendar {
		h.eachObject(a, p, res)
	}
	a.b = append(a.b, statusClose...)
	return nil
}

// members returns what stands directly below res; a calendar's objects are
// left to eachObject, which makes none of them.
func (h *handler) members(res *resource) []*resource {
	t := res.target
	t.bare = false
	switch res.kind {
	case kindRoot:
		t.kind = kindPrincipal
		return []*resource{{target: t, home: res.home}}
	case kindPrincipal:
		t.kind = kindHome
		return []*resource{{target: t, home: res.home}}
	case kindHome:
		t.kind = kindCalendar
		list := make([]*resource, len(res.home.Collections))
		for i, c := range res.home.Collections {
			t.slug = c.Slug
			list[i] = &resource{target: t, cal: c}
		}
		return list
	case kindCalendar, kindObject, kindCount:
	}
	return nil
}

// eachObject writes a response for every object of a calendar.
func (h *handler) eachObject(a *answer, p *plan, res *resource) {
	base := h.paths.calendar(res.link, res.slug)
	h.each(res, func(m *resource) {
		a.b = p.object(a.b, base, m)
		a.more()
	})
}

// each calls visit for every object of a calendar. What it is given is the
// same value each time and must not be kept.
func (h *handler) each(res *resource, visit func(*resource)) {
	m := resource{target: res.target, cal: res.cal}
	m.kind = kindObject
	for i := range res.cal.Objects {
		m.obj = &res.cal.Objects[i]
		m.name = m.obj.Name
		visit(&m)
	}
}

// object writes the response of an object whose calendar stands at base.
func (p *plan) object(b []byte, base string, r *resource) []byte {
	b = append(b, responseOpen...)
	b = append(b, base...)
	b = append(b, escapeSegment(r.obj.Name)...)
	return p.propstats(append(b, hrefClose...), r)
}

// propfindDepth reads Depth. Missing means 0 and not, as RFC 4918 has it,
// infinity: nobody who leaves it out wants that, and infinity is refused.
// "1,noroot" leaves the resource itself out.
func propfindDepth(s string) (depth int, self bool, err error) {
	depthText, option, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(s), " ", ""), ",")
	self = option != "noroot"
	if option != "" && self {
		return 0, false, fail(http.StatusBadRequest)
	}
	switch depthText {
	case "", "0":
		return depthZero, true, nil
	case "1":
		return depthOne, self, nil
	case "infinity":
		return 0, false, refuse(nsDAV, "propfind-finite-depth")
	}
	return 0, false, fail(http.StatusBadRequest)
}

// proppatch answers PROPPATCH: nothing can be changed, and that is said of
// each property, with 207 (RFC 4918, 9.2). macOS and iOS try colour, order and
// alarms right after an account was added, and take this well.
func (h *handler) proppatch(w http.ResponseWriter, r *http.Request, res *resource) error {
	if err := acceptable(r); err != nil {
		return err
	}
	root, err := h.body(r)
	if err != nil {
		return err
	}
	if !root.is(nsDAV, "propertyupdate") {
		return fail(http.StatusBadRequest)
	}
	var tags []byte
	for _, change := range root.children {
		if !change.is(nsDAV, "set") && !change.is(nsDAV, "remove") {
			continue
		}
		for _, group := range change.children {
			if !group.is(nsDAV, "prop") {
				continue
			}
			for _, p := range group.children {
				tags = appendTag(tags, p.name)
			}
		}
	}
	if tags == nil {
		return fail(http.StatusBadRequest)
	}
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	a.b = append(a.b, responseOpen...)
	a.b = append(a.b, h.paths.of(res.target)...)
	a.b = append(a.b, hrefClose+propOpen...)
	a.b = append(a.b, tags...)
	a.b = append(a.b, "</D:prop><D:status>HTTP/1.1 403 Forbidden</D:status>"+
		"<D:error><D:cannot-modify-protected-property/></D:error></D:propstat>"+responseClose+statusClose...)
	return nil
}
