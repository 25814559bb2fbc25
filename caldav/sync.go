package caldav

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// syncRequest is a sync-collection report as sent (RFC 6578, 3.2).
type syncRequest struct {
	*propRequest

	token string // empty: everything
	deep  bool   // level infinite
	limit int    // 0: none
}

func parseSync(r *http.Request, root *element) (*syncRequest, error) {
	switch strings.TrimSpace(r.Header.Get("Depth")) {
	case "", "0", "1":
	default:
		return nil, fail(http.StatusBadRequest)
	}
	props, err := parseProps(root, true)
	if err != nil {
		return nil, err
	}
	req := &syncRequest{propRequest: props}
	if el := root.child(nsDAV, "sync-token"); el != nil {
		req.token = el.trimmed()
	}
	// Old versions of macOS leave the level out.
	if el := root.child(nsDAV, "sync-level"); el != nil {
		switch el.trimmed() {
		case "1":
		case "infinite", "infinity":
			req.deep = true
		default:
			return nil, fail(http.StatusBadRequest)
		}
	}
	if el := root.child(nsDAV, "limit").child(nsDAV, "nresults"); el != nil {
		if req.limit, err = strconv.Atoi(el.trimmed()); err != nil || req.limit < 1 {
			return nil, fail(http.StatusBadRequest)
		}
	}
	if req.data.works() {
		return nil, refuse(nsCal, "supported-calendar-data")
	}
	return req, nil
}

// number returns how many of n members are to be named.
func (s *syncRequest) number(n int) int {
	if s.limit > 0 {
		return min(n, s.limit)
	}
	return n
}

func badToken() error { return refuse(nsDAV, "valid-sync-token") }

// sync answers sync-collection on a calendar.
func (h *handler) sync(w http.ResponseWriter, r *http.Request, res *resource, root *element) error {
	req, err := parseSync(r, root)
	if err != nil {
		return err
	}
	names, c, known, err := h.difference(r.Context(), res, req.token)
	if errors.Is(err, ErrToken) {
		return badToken()
	}
	if err != nil {
		return err
	}
	if c.Token != res.cal.Token {
		transient(w)
	}
	rest := names[req.number(len(names)):]
	names = names[:len(names)-len(rest)]
	prefer(w, r, req.propRequest, false)
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	base := h.paths.calendar(res.link, res.slug)
	p := h.props.plan(req.propRequest)
	m := resource{target: res.target, cal: c}
	m.kind = kindObject
	for _, name := range names {
		if i := find(c, name); i >= 0 {
			m.obj, m.name = &c.Objects[i], name
			a.b = p.object(a.b, base, &m)
		} else {
			a.b = appendRemoved(a.b, base+escapeSegment(name))
		}
		a.more()
	}
	token := c.Token
	if len(rest) > 0 {
		a.b = appendTruncated(a.b, h.paths.of(res.target))
		token = known.advance(c.Token, names[len(names)-1]).String()
	}
	a.b = appendToken(a.b, token)
	return nil
}

// difference returns the names of the objects, in order, that a client with
// token has to be told about, and the state that this leads to.
func (h *handler) difference(ctx context.Context, res *resource, token string) ([]string, *icalendar.Collection, progress, error) {
	if token == "" || token == res.cal.Token {
		var names []string
		if token == "" {
			names = allNames(res.cal, "", "")
		}
		return names, res.cal, progress{{token: token}}, nil
	}
	known, err := parseProgress(token)
	if err != nil {
		return nil, nil, nil, err
	}
	// Between two questions to the store the calendar may change; then they
	// are asked again.
	for range 5 {
		var names []string
		var c *icalendar.Collection
		after := ""
		settled := true
		for _, part := range known {
			list, at, err := h.partly(ctx, res, part.token, after, part.upTo)
			if err != nil {
				return nil, nil, nil, err
			}
			settled = settled && (c == nil || c.Token == at.Token)
			names, c, after = append(names, list...), at, part.upTo
		}
		if settled {
			return names, c, known, nil
		}
	}
	return nil, nil, nil, fail(http.StatusServiceUnavailable)
}

// partly returns the names, in order, behind after and not behind upTo, of
// what changed since token.
func (h *handler) partly(ctx context.Context, res *resource, token, after, upTo string) ([]string, *icalendar.Collection, error) {
	if token == "" {
		c, err := h.store.Collection(ctx, res.link, res.slug)
		if err != nil {
			return nil, nil, err
		}
		return allNames(c, after, upTo), c, nil
	}
	d, err := h.store.Changes(ctx, res.link, res.slug, token)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	for _, list := range [][]string{d.Changed, d.Removed} {
		for _, name := range list {
			if name > after && (upTo == "" || name <= upTo) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), d.Collection, nil
}

// allNames returns the names of all objects behind after and not behind upTo.
func allNames(c *icalendar.Collection, after, upTo string) []string {
	names := make([]string, 0, len(c.Objects))
	for i := range c.Objects {
		if name := c.Objects[i].Name; name > after && (upTo == "" || name <= upTo) {
			names = append(names, name)
		}
	}
	return names
}

// progress is how far a client has come that takes a calendar in pieces
// (RFC 6578, 3.6): of the objects up to a name it has one state, of those
// behind it up to another name another. The last part has no name and goes to
// the end; a part without a token stands for nothing received yet.
type progress []part

type part struct{ token, upTo string }

// maxParts bounds how often a calendar may change while a client takes it in
// pieces, before it has to begin again.
const maxParts = 8

const partURN = "urn:syncd:part:"

// advance returns the progress after everything up to a name was sent in the
// state of token.
func (p progress) advance(token, name string) progress {
	next := progress{{token, name}}
	for _, part := range p {
		switch {
		case part.upTo != "" && part.upTo <= name:
		case part.token == token && len(next) == 1:
			next[0].upTo = part.upTo
		default:
			next = append(next, part)
		}
	}
	return next
}

// String is the token that says so: a URI, as everything is a client may be
// handed for a token.
func (p progress) String() string {
	var fields []string
	for _, part := range p {
		fields = append(fields, part.token, part.upTo)
	}
	return partURN + base64.RawURLEncoding.EncodeToString([]byte(strings.Join(fields, "\n")))
}

// parseProgress reads a token: one of the store's own, or what String wrote.
func parseProgress(token string) (progress, error) {
	rest, ok := strings.CutPrefix(token, partURN)
	if !ok {
		return progress{{token: token}}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(rest)
	fields := strings.Split(string(raw), "\n")
	if err != nil || len(fields)%2 != 0 || len(fields) > 2*maxParts {
		return nil, ErrToken
	}
	var p progress
	for i := 0; i < len(fields); i += 2 {
		last := i == len(fields)-2
		ordered := i == 0 || fields[i+1] > fields[i-1]
		if strings.HasPrefix(fields[i], partURN) || last != (fields[i+1] == "") || !last && !ordered {
			return nil, ErrToken
		}
		p = append(p, part{fields[i], fields[i+1]})
	}
	return p, nil
}

// appendTruncated appends the response that says of the collection itself that
// there is more than was asked for.
func appendTruncated(b []byte, href string) []byte {
	b = append(b, responseOpen...)
	b = appendText(b, href)
	return append(b, hrefClose+"<D:status>HTTP/1.1 507 Insufficient Storage</D:status>"+
		"<D:error><D:number-of-matches-within-limits/></D:error>"+responseClose...)
}

// syncHome answers sync-collection on the home: which calendars came, went, or
// changed in content or properties. macOS syncs no calendar this way unless
// the home can.
func (h *handler) syncHome(w http.ResponseWriter, r *http.Request, res *resource, root *element) error {
	req, err := parseSync(r, root)
	if err != nil {
		return err
	}
	if req.deep {
		return refuse(nsDAV, "sync-traversal-supported")
	}
	known, ok := parseHomeToken(res.link, req.token)
	if !ok {
		return badToken()
	}
	members := h.members(res)
	state, names := map[string]string{}, []string(nil)
	bySlug := map[string]*resource{}
	for _, m := range members {
		slug := escapeSegment(m.slug)
		bySlug[slug], state[slug] = m, calendarState(m.cal)
		if known[slug] != state[slug] {
			names = append(names, slug)
		}
	}
	for _, slug := range slices.Sorted(maps.Keys(known)) {
		if bySlug[slug] == nil {
			names = append(names, slug)
		}
	}
	rest := names[req.number(len(names)):]
	names = names[:len(names)-len(rest)]
	prefer(w, r, req.propRequest, false)
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	p := h.props.plan(req.propRequest)
	for _, slug := range names {
		if m := bySlug[slug]; m != nil {
			a.b = p.response(a.b, h.paths.of(m.target), m)
			known[slug] = state[slug]
		} else {
			a.b = appendRemoved(a.b, h.paths.home(res.link)+slug+"/")
			delete(known, slug)
		}
	}
	if len(rest) == 0 {
		a.b = appendToken(a.b, homeToken(res.link, res.home))
		return nil
	}
	a.b = appendTruncated(a.b, h.paths.of(res.target))
	var spelled []string
	for _, slug := range slices.Sorted(maps.Keys(known)) {
		spelled = append(spelled, slug+"="+known[slug])
	}
	a.b = appendToken(a.b, homeURN+digest(string(res.link))+":"+strings.Join(spelled, ","))
	return nil
}

// appendRemoved appends the response about a member that is gone: the status
// stands in the response itself, without a propstat.
func appendRemoved(b []byte, href string) []byte {
	b = append(b, responseOpen...)
	b = appendText(b, href)
	return append(b, hrefClose+gone+responseClose...)
}

func appendToken(b []byte, token string) []byte {
	b = append(b, "<D:sync-token>"...)
	b = appendText(b, token)
	return append(b, "</D:sync-token>\n"+statusClose...)
}

const homeURN = "urn:syncd:home:"

// homeToken is the sync token and CTag of a home. It spells out the state that
// the client has seen, calendar by calendar, so that nothing needs to be
// remembered: any two states can be compared, also across a restart or a
// restored backup.
//
//	urn:syncd:home:{link}:{slug}={state},{slug}={state}
func homeToken(link school.LinkID, home *Home) string {
	var b strings.Builder
	b.WriteString(homeURN + digest(string(link)) + ":")
	for i, c := range home.Collections {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(escapeSegment(c.Slug) + "=" + calendarState(c))
	}
	return b.String()
}

// parseHomeToken returns the states in a token by escaped slug, none for an
// empty token. A token of another link or another form is not ok.
func parseHomeToken(link school.LinkID, token string) (map[string]string, bool) {
	known := map[string]string{}
	if token == "" {
		return known, true
	}
	rest, ok := strings.CutPrefix(token, homeURN+digest(string(link))+":")
	if !ok {
		return nil, false
	}
	if rest == "" {
		return known, true
	}
	for part := range strings.SplitSeq(rest, ",") {
		slug, state, ok := strings.Cut(part, "=")
		name, valid := unescapeSegment(slug)
		if _, err := hex.DecodeString(state); !ok || !valid || err != nil || escapeSegment(name) != slug {
			return nil, false
		}
		known[slug] = state
	}
	return known, true
}

// calendarState changes with the content and the properties of a calendar.
func calendarState(c *icalendar.Collection) string {
	return digest(c.Token, c.Name, c.Description, c.Color, strconv.Itoa(c.Order), strings.Join(c.Components, ","))
}

// digest is a short hash of parts that cannot run into each other.
func digest(parts ...string) string {
	sum := sha256.New()
	for _, p := range parts {
		_, _ = sum.Write([]byte(strconv.Itoa(len(p)) + ":" + p)) // a hash takes every write
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
