package caldav_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// asker asks one server, and looks at answers as clients do.
type asker struct {
	*testing.T

	h http.Handler
}

const homePath = "/dav/l1/calendars/"

// prop returns the XML inside a property of the first response, empty if it
// did not come with 200.
func (a asker) prop(path, tag string) string {
	a.Helper()
	ms := decode(a.T, do(a.T, a.h, "PROPFIND", path, `<propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/" xmlns:I="http://apple.com/ns/ical/"><prop><`+
		tag+`/></prop></propfind>`, "Depth: 0"))
	for _, ps := range ms.Responses[0].Propstats {
		if ps.Status == ok {
			return ps.Prop.Any[0].Inner
		}
	}
	return ""
}

// members asks every way for the objects of the calendar.
func (a asker) members(prop string) map[string]multistatus {
	a.Helper()
	propfind := `<D:propfind xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop>` + prop + `</D:prop></D:propfind>`
	sync := `<D:sync-collection xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop>` + prop + `</D:prop></D:sync-collection>`
	return map[string]multistatus{
		"listing":  decode(a.T, do(a.T, a.h, "PROPFIND", events, propfind, "Depth: 1,noroot")),
		"sync":     decode(a.T, do(a.T, a.h, "REPORT", events, sync)),
		"query":    decode(a.T, do(a.T, a.h, "REPORT", events, strings.Replace(queryBody("", ""), "<D:getetag/>", prop, 1))),
		"multiget": decode(a.T, do(a.T, a.h, "REPORT", events, multigetBody(prop, events+"e-june.ics", events+"e-break.ics"))),
	}
}

// each fails unless every object in every answer has what tag asks for.
func (a asker) each(tag string) {
	a.Helper()
	for how, ms := range a.members("<D:" + tag + "/>") {
		if len(ms.Responses) < 2 {
			a.Errorf("%s: %d responses", how, len(ms.Responses))
		}
		for _, r := range ms.Responses {
			if len(r.Propstats) != 1 || r.Propstats[0].Status != ok || len(r.Propstats[0].Prop.Any) != 1 {
				a.Errorf("%s: %s comes without %s", how, r.Href, tag)
			}
		}
	}
}

// clientNeeds are what a client cannot do without, or takes amiss: by client,
// one sentence each.
var clientNeeds = []struct {
	client, need string
	hold         func(asker)
}{
	{"Apple", "the home reports sync-collection and it works", func(a asker) {
		if !strings.Contains(a.prop(homePath, "supported-report-set"), "sync-collection") || a.prop(homePath, "sync-token") == "" {
			a.Error("no sync-collection on the home")
		}
		decode(a.T, do(a.T, a.h, "REPORT", homePath, syncBody(a.prop(homePath, "sync-token"), "")))
	}},
	{"Apple", "a sync-token that is given is taken", func(a asker) {
		if ms := decode(a.T, do(a.T, a.h, "REPORT", events, syncBody(a.prop(events, "sync-token"), ""))); len(ms.Responses) != 0 {
			a.Errorf("%d changes since just now", len(ms.Responses))
		}
	}},
	{"Apple", "the principal ends in a slash and has a home and an address that begins with mailto", func(a asker) {
		if got := a.prop("/dav/", "current-user-principal"); !strings.HasSuffix(got, "/</D:href>") && !strings.HasSuffix(got, "/</href>") {
			a.Errorf("principal = %s", got)
		}
		if a.prop("/dav/l1/", "C:calendar-home-set") == "" || !strings.Contains(a.prop("/dav/l1/", "C:calendar-user-address-set"), ">mailto:") {
			a.Error("no home, or no address")
		}
	}},
	{"Apple", "a token that is a UUID gets 403, not 400", func(a asker) {
		if w := do(a.T, a.h, "REPORT", events, syncBody("2c1a1d3e-6f0c-4c11-9f59-0f4e1c6f0a11", "")); w.Code != 403 || !strings.Contains(w.Body.String(), "<valid-sync-token/>") {
			a.Errorf("answer = %d %s", w.Code, w.Body)
		}
	}},
	{"DAVx5", "every calendar says that it is one, and its colour, zone and name", func(a asker) {
		for _, tag := range []string{"resourcetype", "I:calendar-color", "C:calendar-timezone", "displayname", "CS:getctag", "sync-token"} {
			if a.prop(events, tag) == "" {
				a.Errorf("no %s", tag)
			}
		}
		if !strings.Contains(a.prop(events, "resourcetype"), "calendar") {
			a.Error("not a calendar")
		}
	}},
	{"DAVx5", "getetag on every member", func(a asker) { a.each("getetag") }},
	{"DAVx5", "the answer to a sync ends in a token", func(a asker) {
		if ms := decode(a.T, do(a.T, a.h, "REPORT", events, syncBody("", ""), "Depth: 0")); ms.Token == "" {
			a.Error("no token")
		}
	}},
	{"DAVx5", "one UID in an object", func(a asker) {
		for _, r := range a.members("<C:calendar-data/>")["multiget"].Responses {
			if n := strings.Count(r.Propstats[0].Prop.Any[0].Text, "\nUID:"); n != 1 {
				a.Errorf("%s has %d", r.Href, n)
			}
		}
	}},
	{"DAVx5", "a 207 says that it is XML and begins so", func(a asker) {
		w := do(a.T, a.h, "PROPFIND", homePath, "", "Depth: 1")
		if w.Header().Get("Content-Type") != "application/xml; charset=utf-8" || !strings.HasPrefix(w.Body.String(), "<?xml ") {
			a.Errorf("answer = %v %.40s", w.Header(), w.Body)
		}
	}},
	{"DAVx5, Thunderbird, Evolution", "nothing may be written anywhere, and it is said everywhere", func(a asker) {
		for _, path := range []string{"/dav/", "/dav/l1/", homePath, events, events + "e-june.ics"} {
			got := a.prop(path, "current-user-privilege-set")
			if !strings.Contains(got, "read") || strings.Contains(got, "write") || strings.Contains(got, "bind") || strings.Contains(got, ":all") {
				a.Errorf("%s: %s", path, got)
			}
		}
	}},
	{"Thunderbird", "resourcetype in every response of a listing", func(a asker) {
		a.each("resourcetype")
		for _, path := range []string{homePath, events} {
			for _, r := range decode(a.T, do(a.T, a.h, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>`, "Depth: 1")).Responses {
				if r.Propstats[0].Status != ok {
					a.Errorf("%s has none", r.Href)
				}
			}
		}
	}},
	{"Thunderbird, vdirsyncer", "getcontenttype on every member", func(a asker) { a.each("getcontenttype") }},
	{"Thunderbird", "no error is an empty one, which it takes for a rate limit", func(a asker) {
		for _, body := range []string{syncBody("x", ""), queryBody(`<C:comp-filter/>`, ""), `<nothing xmlns="DAV:"/>`} {
			if w := do(a.T, a.h, "REPORT", events, body); w.Code != 403 || !strings.Contains(w.Body.String(), "/></error>") {
				a.Errorf("answer = %d %s", w.Code, w.Body)
			}
		}
	}},
	{"Thunderbird", "a calendar without its slash is no redirect", func(a asker) {
		if w := do(a.T, a.h, "PROPFIND", strings.TrimSuffix(events, "/"), ""); w.Code != 207 || w.Header().Get("Content-Location") != events {
			a.Errorf("answer = %d %v", w.Code, w.Header())
		}
	}},
	{"Thunderbird, Evolution", "OPTIONS is 200 above the calendar, promises no scheduling and allows no write", func(a asker) {
		for _, path := range []string{"/", "/dav/", "/dav/l1/", homePath, events} {
			w := do(a.T, a.h, "OPTIONS", path, "")
			all := w.Header().Get("DAV") + w.Header().Get("Allow")
			if w.Code != 200 || !strings.Contains(all, "calendar-access") || strings.Contains(all, "schedule") || strings.Contains(all, "PUT") || strings.Contains(all, "DELETE") || strings.Contains(all, "POST") {
				a.Errorf("%s = %d %s", path, w.Code, all)
			}
		}
	}},
	{"Thunderbird", "calendar-data for every object of a multiget", func(a asker) {
		for _, r := range a.members("<C:calendar-data/>")["multiget"].Responses {
			if len(r.Propstats) != 1 || r.Propstats[0].Status != ok {
				a.Errorf("%s has none", r.Href)
			}
		}
	}},
	{"Evolution", "a token with a colon in it, and a ctag", func(a asker) {
		if token := a.prop(events, "sync-token"); !strings.Contains(token, ":") || token != a.prop(events, "CS:getctag") {
			a.Errorf("token = %q", token)
		}
	}},
	{"Evolution", "what is gone has its 404 in the response itself", func(a asker) {
		ms := decode(a.T, do(a.T, a.h, "REPORT", events, multigetBody("<D:getetag/>", events+"none.ics")))
		if r := ms.Responses[0]; r.Status != missing || len(r.Propstats) != 0 {
			a.Errorf("response = %+v", r)
		}
	}},
	{"Evolution", "a multiget comes in the order in which it was asked", func(a asker) {
		if got := names(a.members("<D:getetag/>")["multiget"]); !slices.Equal(got, []string{"e-june", "e-break"}) {
			a.Errorf("order = %v", got)
		}
	}},
	{"Evolution", "a query with Depth 0 for the UIDs alone", func(a asker) {
		body := strings.Replace(queryBody("", ""), "<D:getetag/>", `<C:calendar-data><C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="UID"/></C:comp></C:comp></C:calendar-data>`, 1)
		ms := decode(a.T, do(a.T, a.h, "REPORT", events, body, "Depth: 0"))
		if len(ms.Responses) != 4 || len(lines(ms, "UID:")) != 4 || len(lines(ms, "SUMMARY", "DTSTART")) != 0 {
			a.Errorf("answer = %+v", ms)
		}
	}},
	{"vdirsyncer", "an href comes back in the spelling in which it was asked", func(a asker) {
		for _, href := range []string{events + "e%2Djune.ics", "http://example.org" + events + "e-june.ics", events + "none%2e.ics"} {
			if got := decode(a.T, do(a.T, a.h, "REPORT", events, multigetBody("<D:getetag/>", href))).Responses; len(got) != 1 || got[0].Href != href {
				a.Errorf("%s came as %+v", href, got)
			}
		}
	}},
	{"python-caldav", "free-busy is text/calendar with 200", func(a asker) {
		w := do(a.T, a.h, "REPORT", events, `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20261101T000000Z" end="20261201T000000Z"/></C:free-busy-query>`, "Depth: 1")
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/calendar") {
			a.Errorf("answer = %d %v", w.Code, w.Header())
		}
	}},
	{"python-caldav", "a write is 403", func(a asker) {
		for _, method := range []string{"PUT", "DELETE"} {
			if w := do(a.T, a.h, method, events+"e-june.ics", "x"); w.Code != 403 {
				a.Errorf("%s = %d", method, w.Code)
			}
		}
	}},
	{"tsdav", "the well-known address redirects a PROPFIND without Depth", func(a asker) {
		if w := do(a.T, a.h, "PROPFIND", "/.well-known/caldav", ""); w.Code != 301 {
			a.Errorf("answer = %d", w.Code)
		}
	}},
	{"tsdav", "the first response is the root's own, the home stands below the principal, objects end in .ics", func(a asker) {
		ms := decode(a.T, do(a.T, a.h, "PROPFIND", "/dav/", `<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>`, "Depth: 0"))
		if ms.Responses[0].Href != "/dav/" || !strings.Contains(a.prop("/dav/l1/", "C:calendar-home-set"), "/dav/l1/") {
			a.Errorf("answer = %+v", ms)
		}
		for _, r := range a.members("<D:getetag/>")["listing"].Responses {
			if !strings.HasSuffix(r.Href, ".ics") {
				a.Errorf("%s does not", r.Href)
			}
		}
	}},
	{"tsdav", "a sync with the level before the token and without Depth", func(a asker) {
		decode(a.T, do(a.T, a.h, "REPORT", events, `<sync-collection xmlns="DAV:"><sync-level>1</sync-level><sync-token/><prop><getetag/></prop></sync-collection>`))
	}},
}

// TestClientNeeds holds what clients were found to be unable to do without.
func TestClientNeeds(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	for _, n := range clientNeeds {
		t.Run(n.client+": "+n.need, func(t *testing.T) {
			t.Parallel()
			n.hold(asker{t, h})
		})
	}
}

// TestNoAnswerWithoutVary keeps caches from mixing up what different clients
// prefer, and packed answers away from objects.
func TestNoAnswerWithoutVary(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	for path, body := range map[string]string{homePath: "", events: queryBody("", "")} {
		method := "PROPFIND"
		if body != "" {
			method = "REPORT"
		}
		for range 2 { // made, and kept
			r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if vary := strings.Join(w.Header().Values("Vary"), ", "); vary != "Brief, Prefer, Accept-Encoding" {
				t.Errorf("%s %s: Vary = %q", method, path, vary)
			}
		}
	}
	if w := do(t, h, "GET", events+"e-june.ics", "", "Accept-Encoding: gzip"); w.Header().Get("Vary")+w.Header().Get("Content-Encoding") != "" {
		t.Errorf("an object: %v", w.Header())
	}
}
