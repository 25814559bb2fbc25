package caldav

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
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

// within checks how many members would be named. The answer is never cut
// short: a client that can take only so many is told so (RFC 6578, 3.6).
func (s *syncRequest) within(n int) error {
	if s.limit > 0 && n > s.limit {
		return &failure{
			status: http.StatusInsufficientStorage,
			cond:   xml.Name{Space: nsDAV, Local: "number-of-matches-within-limits"},
		}
	}
	return nil
}

func badToken() error { return refuse(nsDAV, "valid-sync-token") }

// sync answers sync-collection on a calendar.
func (h *handler) sync(w http.ResponseWriter, r *http.Request, res *resource, root *element) error {
	req, err := parseSync(r, root)
	if err != nil {
		return err
	}
	delta := &Delta{Collection: res.cal}
	switch req.token {
	case "", res.cal.Token:
	default:
		delta, err = h.store.Changes(r.Context(), res.link, res.slug, req.token)
		if errors.Is(err, ErrToken) {
			return badToken()
		}
		if err != nil {
			return err
		}
	}
	changed, removed := delta.split(req.token == "")
	if err := req.within(len(changed) + len(removed)); err != nil {
		return err
	}
	prefer(w, r, req.propRequest)
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	base := h.paths.calendar(res.link, res.slug)
	p := h.props.plan(req.propRequest)
	m := resource{target: res.target, cal: delta.Collection}
	m.kind = kindObject
	for _, o := range changed {
		m.obj, m.name = o, o.Name
		a.b = p.object(a.b, base, &m)
		a.more()
	}
	for _, name := range removed {
		a.b = appendRemoved(a.b, base+escapeSegment(name))
		a.more()
	}
	a.b = appendToken(a.b, delta.Collection.Token)
	return nil
}

// split returns what there is to say: all objects when everything is asked
// for, else those that changed, and the names of those that are gone.
func (d *Delta) split(everything bool) (changed []*icalendar.Object, removed []string) {
	c := d.Collection
	if everything {
		changed = slices.Grow(changed, len(c.Objects))
		for i := range c.Objects {
			changed = append(changed, &c.Objects[i])
		}
		return changed, nil
	}
	seen := make(map[string]bool, len(d.Changed)+len(d.Removed))
	for _, names := range [][]string{d.Changed, d.Removed} {
		for _, name := range names {
			if seen[name] {
				continue
			}
			seen[name] = true
			if i := find(c, name); i >= 0 {
				changed = append(changed, &c.Objects[i])
			} else {
				removed = append(removed, name)
			}
		}
	}
	return changed, removed
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
	members, err := h.members(r, res)
	if err != nil {
		return err
	}
	var changed []*resource
	for _, m := range members {
		if state, ok := known[escapeSegment(m.slug)]; !ok || state != calendarState(m.cal) {
			changed = append(changed, m)
		}
		delete(known, escapeSegment(m.slug))
	}
	if err := req.within(len(changed) + len(known)); err != nil {
		return err
	}
	prefer(w, r, req.propRequest)
	a := h.answer(w, r)
	defer a.close()
	a.b = append(a.b, statusOpen...)
	p := h.props.plan(req.propRequest)
	for _, m := range changed {
		a.b = p.response(a.b, h.paths.of(m.target), m)
	}
	for _, slug := range slices.Sorted(maps.Keys(known)) {
		a.b = appendRemoved(a.b, h.paths.home(res.link)+slug+"/")
	}
	a.b = appendToken(a.b, homeToken(res.link, res.home))
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
