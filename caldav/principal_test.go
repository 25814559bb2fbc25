package caldav_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// paths returns the hrefs of an answer.
func paths(ms multistatus) []string {
	out := []string{}
	for _, r := range ms.Responses {
		out = append(out, r.Href)
	}
	return out
}

// TestACLProperties reads who may do what (RFC 3744, 5): the one who signed in
// may read, and there is nothing else that anybody could do.
func TestACLProperties(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	const ask = `<propfind xmlns="DAV:"><prop><owner/><group/><acl/><acl-restrictions/><inherited-acl-set/>` +
		`<supported-privilege-set/><current-user-privilege-set/><principal-collection-set/></prop></propfind>`
	for _, path := range []string{"/", "/dav/", "/dav/l1/", "/dav/l1/calendars/", events, events + "e-june.ics"} {
		w := do(t, h, "PROPFIND", path, ask)
		ms := decode(t, w)
		if ps := ms.Responses[0].Propstats; len(ps) != 1 || ps[0].Status != ok || len(ps[0].Prop.Any) != 8 {
			t.Errorf("%s = %s, want all eight", path, w.Body)
		}
		for _, writing := range []string{"<D:write", "<D:bind", "<D:unbind", "<D:unlock", "<C:schedule"} {
			if strings.Contains(w.Body.String(), writing) {
				t.Errorf("%s speaks of %s", path, writing)
			}
		}
		if got := w.Body.String(); !strings.Contains(got, "<D:acl><D:ace><D:principal><D:href>/dav/l1/</D:href></D:principal><D:grant><D:privilege><D:read/>") ||
			!strings.Contains(got, "<D:protected/></D:ace></D:acl>") {
			t.Errorf("%s: acl = %s", path, got)
		}
	}
	w := do(t, h, "PROPFIND", "/dav/l1/", `<propfind xmlns="DAV:"><prop><group-membership/><alternate-URI-set/><principal-URL/><resource-id/></prop></propfind>`)
	if ps := decode(t, w).Responses[0].Propstats; len(ps) != 1 || len(ps[0].Prop.Any) != 4 {
		t.Errorf("principal = %s", w.Body)
	}
}

func TestPrincipalReports(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	const prop = `<prop><displayname/><owner/></prop>`
	search := func(name, match, more string) string {
		return `<principal-property-search xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"` + more + `><property-search><prop><` +
			name + `/></prop><match>` + match + `</match></property-search>` + prop + `</principal-property-search>`
	}
	me := []string{"/dav/l1/"}
	tests := []struct {
		name, path, body string
		want             []string // nil: refused with 400
	}{
		{"acl-principal-prop-set", events, `<acl-principal-prop-set xmlns="DAV:">` + prop + `</acl-principal-prop-set>`, me},
		{"self from the root", "/dav/", `<principal-match xmlns="DAV:"><self/>` + prop + `</principal-match>`, me},
		{"self from itself", "/dav/l1/", `<principal-match xmlns="DAV:"><self/>` + prop + `</principal-match>`, me},
		{"self among calendars", "/dav/l1/calendars/", `<principal-match xmlns="DAV:"><self/>` + prop + `</principal-match>`, []string{}},
		{"owned by me", "/dav/l1/calendars/", `<principal-match xmlns="DAV:"><principal-property><owner/></principal-property>` + prop + `</principal-match>`, []string{
			events, events + "e-break.ics", events + "e-closed.ics", events + "e-june.ics", events + "e-meeting.ics",
			"/dav/l1/calendars/1-homework/", "/dav/l1/calendars/1-homework/t-glosor.ics", "/dav/l1/calendars/2-events/",
		}},
		{"named by nothing", "/dav/", `<principal-match xmlns="DAV:"><principal-property><x/></principal-property>` + prop + `</principal-match>`, []string{}},
		{"neither", "/dav/", `<principal-match xmlns="DAV:">` + prop + `</principal-match>`, nil},
		{"both", "/dav/", `<principal-match xmlns="DAV:"><self/><principal-property><owner/></principal-property></principal-match>`, nil},
		{"by name", "/dav/", search("displayname", "FAMILJ", ""), me},
		{"by address", "/dav/", search("c:calendar-user-address-set", "l1@", ""), me},
		{"not by elements", "/dav/", search("c:calendar-user-address-set", "href", ""), []string{}},
		{"another name", "/dav/", search("displayname", "svensson", ""), []string{}},
		{"not a name", "/dav/", search("owner", "l1", ""), []string{}},
		{"from a calendar", events, search("displayname", "Fam", ""), []string{}},
		{"from a calendar, everywhere", events, strings.Replace(search("displayname", "Fam", ""), prop, prop+"<apply-to-principal-collection-set/>", 1), me},
		{"exactly", "/dav/", strings.Replace(search("displayname", "familjen", ""), "<match>", `<match match-type="equals">`, 1), me},
		{"not exactly", "/dav/", strings.Replace(search("displayname", "familj", ""), "<match>", `<match match-type="equals">`, 1), []string{}},
		{"beginning", "/dav/", strings.Replace(search("displayname", "fam", ""), "<match>", `<match match-type="starts-with">`, 1), me},
		{"ending", "/dav/", strings.Replace(search("displayname", "fam", ""), "<match>", `<match match-type="ends-with">`, 1), []string{}},
		{"one of two", "/dav/", strings.Replace(search("displayname", "fam", ` test="anyof"`), prop, `<property-search><prop><displayname/></prop><match>x</match></property-search>`+prop, 1), me},
		{"both of two", "/dav/", strings.Replace(search("displayname", "fam", ""), prop, `<property-search><prop><displayname/></prop><match>x</match></property-search>`+prop, 1), []string{}},
		{"no search", "/dav/", `<principal-property-search xmlns="DAV:">` + prop + `</principal-property-search>`, nil},
		{"half a search", "/dav/", `<principal-property-search xmlns="DAV:"><property-search><match>x</match></property-search></principal-property-search>`, nil},
		{"search properties with something in it", "/dav/", `<principal-search-property-set xmlns="DAV:"><x/></principal-search-property-set>`, nil},
	}
	for _, tc := range tests {
		w := do(t, h, "REPORT", tc.path, tc.body)
		if tc.want == nil {
			if w.Code != http.StatusBadRequest {
				t.Errorf("%s = %d, want 400", tc.name, w.Code)
			}
			continue
		}
		if diff := cmp.Diff(tc.want, paths(decode(t, w))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		if w := do(t, h, "REPORT", tc.path, tc.body, "Depth: 1"); w.Code != http.StatusBadRequest {
			t.Errorf("%s with Depth 1 = %d, want 400", tc.name, w.Code)
		}
	}
	w := do(t, h, "REPORT", "/dav/", `<principal-search-property-set xmlns="DAV:"/>`)
	if w.Code != 200 || strings.Count(w.Body.String(), "<D:principal-search-property>") != 4 {
		t.Errorf("principal-search-property-set = %d %s", w.Code, w.Body)
	}
}

// TestExpandProperty follows references from property to property.
func TestExpandProperty(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	property := func(name, inside string) string { return `<property name="` + name + `">` + inside + `</property>` }
	ask := func(inside string) string { return `<expand-property xmlns="DAV:">` + inside + `</expand-property>` }
	w := do(t, h, "REPORT", events, ask(property("owner", property("displayname", "")+
		`<property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav">`+property("displayname", "")+`</property>`)+property("nothing", "")))
	want := `<D:prop><D:owner><D:response><D:href>/dav/l1/</D:href><D:propstat><D:prop><D:displayname>Familjen</D:displayname>` +
		`<C:calendar-home-set><D:response><D:href>/dav/l1/calendars/</D:href><D:propstat><D:prop><D:displayname>Familjen</D:displayname></D:prop>`
	if !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), "<D:prop><D:nothing/></D:prop><D:status>HTTP/1.1 404 Not Found") {
		t.Errorf("expand-property = %d %s, want %s", w.Code, w.Body, want)
	}
	if w := do(t, h, "REPORT", events, ask(property("nothing", "")), "Prefer: return=minimal"); strings.Contains(w.Body.String(), "404") {
		t.Errorf("minimal = %s", w.Body)
	}
	w = do(t, h, "REPORT", "/dav/l1/", ask(`<property name="calendar-user-address-set" namespace="urn:ietf:params:xml:ns:caldav">`+property("displayname", "")+`</property>`))
	if !strings.Contains(w.Body.String(), `<C:calendar-user-address-set><D:href>mailto:l1@syncd.invalid</D:href><D:response><D:href>/dav/l1/</D:href>`) {
		t.Errorf("what leads nowhere here = %s, want it left as it is", w.Body)
	}
	w = do(t, h, "REPORT", "/dav/l1/", ask(property("principal-collection-set", property("resourcetype", ""))))
	if !strings.Contains(w.Body.String(), `<D:principal-collection-set><D:response><D:href>/dav/</D:href>`) {
		t.Errorf("root = %s", w.Body)
	}
	if got := paths(decode(t, do(t, h, "REPORT", events, ask(property("getetag", "")), "Depth: 1"))); len(got) != 5 || got[0] != events {
		t.Errorf("Depth 1 = %v, want the calendar and its objects", got)
	}
	if got := paths(decode(t, do(t, h, "REPORT", "/dav/l1/calendars/", ask(property("displayname", "")), "Depth: 1"))); len(got) != 4 {
		t.Errorf("Depth 1 of the home = %v, want it and its calendars", got)
	}
	for name, body := range map[string]string{
		"no name":        ask(`<property/>`),
		"markup":         ask(property("a&gt;&lt;b", "")),
		"a digit first":  ask(property("1a", "")),
		"too many":       ask(strings.Repeat(property("owner", ""), 300)),
		"too deep":       ask(strings.Repeat(`<property name="owner">`, 20) + strings.Repeat(`</property>`, 20)),
		"long namespace": ask(`<property name="a" namespace="` + strings.Repeat("x", 300) + `"/>`),
	} {
		if w := do(t, h, "REPORT", events, body); w.Code != http.StatusBadRequest {
			t.Errorf("%s = %d, want 400", name, w.Code)
		}
	}
}

// TestDepthNoRoot asks by Prefer (RFC 8144, 2.3) what others ask by Depth.
func TestDepthNoRoot(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	w := do(t, h, "PROPFIND", "/dav/l1/calendars/", "", "Depth: 1", `Prefer: handling=lenient, depth-noroot;x, return="minimal"`)
	if got := paths(decode(t, w)); len(got) != 3 || got[0] != events {
		t.Errorf("depth-noroot = %v, want the calendars only", got)
	}
	if got := w.Header().Get("Preference-Applied"); got != "return=minimal, depth-noroot" {
		t.Errorf("Preference-Applied = %q", got)
	}
	w = do(t, h, "PROPFIND", "/dav/l1/calendars/", "", "Depth: 0", "Prefer: depth-noroot")
	if got := paths(decode(t, w)); len(got) != 1 || w.Header().Get("Preference-Applied") != "" {
		t.Errorf("depth-noroot with Depth 0 = %v %v, want no effect", got, w.Header())
	}
}
