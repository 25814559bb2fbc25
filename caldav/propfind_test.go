package caldav_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds/icalendar"
)

func TestDepth(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	all := []string{"", "/dav/l1/calendars/1-events/", "/dav/l1/calendars/1-homework/", "/dav/l1/calendars/2-events/"}
	all[0] = "/dav/l1/calendars/"
	tests := []struct {
		path, depth string
		want        []string
		status      int
	}{
		{"/dav/l1/calendars/", "", all[:1], 207},
		{"/dav/l1/calendars/", "0", all[:1], 207},
		{"/dav/l1/calendars/", "1", all, 207},
		{"/dav/l1/calendars/", "1,noroot", all[1:], 207},
		{"/dav/l1/calendars/", "1, noroot", all[1:], 207},
		{"/dav/l1/calendars/", "infinity", nil, 403},
		{"/dav/l1/calendars/", "Infinity", nil, 403},
		{"/dav/l1/calendars/", "2", nil, 400},
		{"/dav/l1/calendars/", "1,nothing", nil, 400},
		{"/", "1", []string{"/", "/dav/l1/"}, 207},
		{"/dav/", "1", []string{"/dav/", "/dav/l1/"}, 207},
		{"/dav/l1/", "1", []string{"/dav/l1/", "/dav/l1/calendars/"}, 207},
		{"/dav/l1/calendars/2-events/", "1", []string{"/dav/l1/calendars/2-events/"}, 207},
		{events + "e-june.ics", "1", []string{events + "e-june.ics"}, 207},
		{events, "1,noroot", []string{events + "e-break.ics", events + "e-closed.ics", events + "e-june.ics", events + "e-meeting.ics"}, 207},
	}
	for _, tc := range tests {
		w := do(t, h, "PROPFIND", tc.path, "", "Depth: "+tc.depth)
		if w.Code != tc.status {
			t.Errorf("PROPFIND %s Depth %q = %d, want %d", tc.path, tc.depth, w.Code, tc.status)
			continue
		}
		if tc.status == 403 && !strings.Contains(w.Body.String(), `<error xmlns="DAV:"><propfind-finite-depth/></error>`) {
			t.Errorf("Depth infinity: %s, want propfind-finite-depth", w.Body)
		}
		if tc.status != 207 {
			continue
		}
		var hrefs []string
		for _, r := range decode(t, w).Responses {
			hrefs = append(hrefs, r.Href)
		}
		if diff := cmp.Diff(tc.want, hrefs); diff != "" {
			t.Errorf("PROPFIND %s Depth %q (-want +got):\n%s", tc.path, tc.depth, diff)
		}
	}
}

// propsOf returns the names of the properties of the first response, by status.
func propsOf(ms multistatus) map[string][]string {
	out := map[string][]string{}
	for _, ps := range ms.Responses[0].Propstats {
		for _, p := range ps.Prop.Any {
			out[ps.Status] = append(out[ps.Status], p.XMLName.Space+" "+p.XMLName.Local)
		}
		slices.Sort(out[ps.Status])
	}
	return out
}

const (
	ok      = "HTTP/1.1 200 OK"
	missing = "HTTP/1.1 404 Not Found"
)

// TestUnion asks every kind of resource for what some client asks it for.
func TestUnion(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	const d, c, s, a = "DAV: ", "urn:ietf:params:xml:ns:caldav ", "http://calendarserver.org/ns/ ", "http://apple.com/ns/ical/ "
	tests := []struct {
		path      string
		have, not []string
	}{
		{
			"/dav/",
			[]string{
				d + "current-user-principal", d + "principal-URL", d + "resourcetype", d + "owner", d + "displayname",
				d + "current-user-privilege-set", c + "calendar-home-set", d + "supported-report-set",
			},
			[]string{d + "sync-token", d + "getetag"},
		},
		{
			"/dav/l1/",
			[]string{
				d + "displayname", d + "resourcetype", d + "principal-URL", d + "current-user-principal", c + "calendar-home-set",
				c + "calendar-user-address-set", d + "principal-collection-set", d + "supported-report-set", d + "resource-id",
				s + "email-address-set", d + "group-membership",
			},
			[]string{
				c + "schedule-inbox-URL", c + "schedule-outbox-URL", s + "dropbox-home-URL", s + "notification-URL",
				s + "calendar-proxy-read-for", s + "calendar-proxy-write-for",
			},
		},
		{
			"/dav/l1/calendars/",
			[]string{
				d + "resourcetype", d + "displayname", d + "owner", d + "current-user-privilege-set", d + "supported-report-set",
				d + "sync-token", s + "getctag", d + "current-user-principal", c + "supported-calendar-component-sets",
			},
			[]string{c + "supported-calendar-component-set", a + "calendar-color"},
		},
		{
			events,
			[]string{
				d + "resourcetype", d + "displayname", s + "getctag", d + "sync-token", d + "supported-report-set",
				d + "current-user-privilege-set", d + "owner", d + "current-user-principal", a + "calendar-color", a + "calendar-order",
				c + "calendar-description", c + "calendar-timezone", c + "calendar-timezone-id", c + "supported-calendar-component-set",
				c + "supported-calendar-data", c + "max-resource-size", c + "schedule-calendar-transp", d + "resource-id", d + "getetag",
				c + "supported-collation-set", c + "min-date-time", c + "max-date-time", c + "max-instances", d + "getlastmodified",
			},
			[]string{d + "creationdate", d + "quota-available-bytes", d + "quota-used-bytes", s + "source", s + "push-transports", s + "pushkey", "https://bitfire.at/webdav-push topic", c + "calendar-data"},
		},
		{
			events + "e-june.ics",
			[]string{
				d + "getetag", d + "getcontenttype", d + "resourcetype", d + "getlastmodified", d + "getcontentlength", d + "creationdate",
				d + "current-user-privilege-set", d + "current-user-principal",
			},
			[]string{c + "schedule-tag", c + "calendar-data", d + "displayname", " none", "x y"},
		},
	}
	for _, tc := range tests {
		var b strings.Builder
		for _, name := range append(slices.Clone(tc.have), tc.not...) {
			space, local, _ := strings.Cut(name, " ")
			b.WriteString(`<` + local + ` xmlns="` + space + `"/>`)
		}
		body := `<p:propfind xmlns:p="DAV:"><p:prop>` + b.String() + `</p:prop></p:propfind>`
		got := propsOf(decode(t, do(t, h, "PROPFIND", tc.path, body)))
		want := map[string][]string{ok: slices.Sorted(slices.Values(tc.have)), missing: slices.Sorted(slices.Values(tc.not))}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("PROPFIND %s (-want +got):\n%s", tc.path, diff)
		}
		got = propsOf(decode(t, do(t, h, "PROPFIND", tc.path, body, "Prefer: respond-async, return=minimal")))
		if diff := cmp.Diff(map[string][]string{ok: want[ok]}, got); diff != "" {
			t.Errorf("minimal PROPFIND %s (-want +got):\n%s", tc.path, diff)
		}
		got = propsOf(decode(t, do(t, h, "PROPFIND", tc.path, `<propfind xmlns="DAV:"><propname/></propfind>`)))
		for _, name := range tc.have {
			if !slices.Contains(got[ok], name) {
				t.Errorf("propname of %s lacks %s", tc.path, name)
			}
		}
	}
}

func TestAllprop(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	want := []string{"DAV: creationdate", "DAV: getcontentlength", "DAV: getcontenttype", "DAV: getetag", "DAV: getlastmodified", "DAV: resourcetype"}
	for _, body := range []string{"", `<propfind xmlns="DAV:"><allprop/></propfind>`} {
		got := propsOf(decode(t, do(t, h, "PROPFIND", events+"e-june.ics", body)))
		if diff := cmp.Diff(map[string][]string{ok: want}, got); diff != "" {
			t.Errorf("allprop %q (-want +got):\n%s", body, diff)
		}
	}
	body := `<propfind xmlns="DAV:"><allprop/><include><owner/><nothing/></include></propfind>`
	got := propsOf(decode(t, do(t, h, "PROPFIND", events+"e-june.ics", body)))
	want = append(want, "DAV: owner")
	if diff := cmp.Diff(map[string][]string{ok: slices.Sorted(slices.Values(want))}, got); diff != "" {
		t.Errorf("allprop with include (-want +got):\n%s", diff)
	}
	// Nothing asked for is there: the response must still hold a propstat.
	w := do(t, h, "PROPFIND", events, `<propfind xmlns="DAV:"><prop><nothing/></prop></propfind>`, "Brief: t")
	if ms := decode(t, w); len(ms.Responses[0].Propstats) != 1 || ms.Responses[0].Propstats[0].Status != ok {
		t.Errorf("minimal answer to nothing: %s", w.Body)
	}
	if w.Header().Get("Preference-Applied") != "return=minimal" {
		t.Error("Preference-Applied is missing")
	}
}

// TestMissingColor leaves out what a calendar does not have.
func TestMissingColor(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.put("1-events", build(t, icalendar.Info{Name: "x"}))
	h := server(t, m, nil)
	body := `<propfind xmlns="DAV:"><prop><c:calendar-color xmlns:c="http://apple.com/ns/ical/"/><getlastmodified/><displayname/></prop></propfind>`
	got := propsOf(decode(t, do(t, h, "PROPFIND", events, body)))
	want := map[string][]string{ok: {"DAV: displayname"}, missing: {"DAV: getlastmodified", "http://apple.com/ns/ical/ calendar-color"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("PROPFIND (-want +got):\n%s", diff)
	}
}

// TestTimezoneProperty holds the calendar's own time zone against the one that
// the encoder writes into objects.
func TestTimezoneProperty(t *testing.T) {
	t.Parallel()
	c := build(t, icalendar.Info{}, event("e", "x", at(6, 1, 8, 0), at(6, 1, 9, 0)))
	object := string(c.Objects[0].Data)
	from, to := strings.Index(object, "BEGIN:VTIMEZONE"), strings.Index(object, "END:VTIMEZONE")
	if from < 0 || to < 0 {
		t.Fatal("the encoder wrote no VTIMEZONE")
	}
	w := do(t, server(t, family(t), nil), "PROPFIND", events,
		`<propfind xmlns="DAV:"><prop><c:calendar-timezone xmlns:c="urn:ietf:params:xml:ns:caldav"/></prop></propfind>`)
	got := decode(t, w).Responses[0].Propstats[0].Prop.Any[0].Text
	if !strings.Contains(got, object[from:to]) {
		t.Errorf("calendar-timezone = %q, want it to hold %q", got, object[from:to])
	}
}

func TestProppatch(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	body := `<propertyupdate xmlns="DAV:"><set><prop><displayname>x</displayname></prop></set>` +
		`<remove><prop><z:any xmlns:z="urn:z"/></prop></remove></propertyupdate>`
	for _, path := range []string{"/dav/l1/", "/dav/l1/calendars/", events, events + "e-june.ics"} {
		w := do(t, h, "PROPPATCH", path, body)
		got := propsOf(decode(t, w))
		if diff := cmp.Diff(map[string][]string{"HTTP/1.1 403 Forbidden": {"DAV: displayname", "urn:z any"}}, got); diff != "" {
			t.Errorf("PROPPATCH %s (-want +got):\n%s", path, diff)
		}
		if !strings.Contains(w.Body.String(), "<D:error><D:cannot-modify-protected-property/></D:error>") {
			t.Errorf("PROPPATCH %s lacks its reason", path)
		}
	}
	for _, body := range []string{"", "<propertyupdate/>", `<propertyupdate xmlns="DAV:"/>`, `<propertyupdate xmlns="DAV:"><set/><other/></propertyupdate>`} {
		if w := do(t, h, "PROPPATCH", events, body); w.Code != http.StatusBadRequest {
			t.Errorf("PROPPATCH with %q = %d, want 400", body, w.Code)
		}
	}
}
