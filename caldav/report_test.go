package caldav_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// multigetBody asks for hrefs.
func multigetBody(prop string, hrefs ...string) string {
	var b strings.Builder
	b.WriteString(`<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop>` + prop + `</D:prop>`)
	for _, h := range hrefs {
		b.WriteString("<D:href>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(h) + "</D:href>")
	}
	b.WriteString("</C:calendar-multiget>")
	return b.String()
}

func TestMultigetHrefs(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	tests := []struct {
		href  string
		found bool
	}{
		{events + "e-june.ics", true},
		{"http://example.org:8080" + events + "e-closed.ics", true},
		{"/dav/l1/calendars/1%2Devents/e%2Dmeeting.ics", true},
		{"\n  " + events + "e-break.ics  ", true},
		{events + "none.ics", false},
		{events, false},
		{events + "../1-homework/t-glosor.ics", false},
		{events + "%2e%2e/1-homework/t-glosor.ics", false},
		{"/dav/l1/calendars/1-homework/t-glosor.ics", false},
		{"/dav/l2/calendars/1-events/e-june.ics", false},
		{"e-june.ics", false},
		{"/etc/passwd", false},
		{"", false},
		{"http://[::1", false},
		{events + "%zz.ics", false},
		{events + "e-june.ics?x=<&", false},
	}
	var hrefs []string
	for _, tc := range tests {
		hrefs = append(hrefs, tc.href)
	}
	ms := decode(t, do(t, h, "REPORT", events, multigetBody("<D:getetag/>", hrefs...)))
	if len(ms.Responses) != len(tests) {
		t.Fatalf("%d responses, want %d", len(ms.Responses), len(tests))
	}
	for i, tc := range tests {
		r := ms.Responses[i]
		if want := strings.TrimSpace(tc.href); r.Href != want {
			t.Errorf("href %d = %q, want %q", i, r.Href, want)
		}
		if found := len(r.Propstats) == 1 && r.Status == ""; found != tc.found || !found && r.Status != missing {
			t.Errorf("%q: found = %v (status %q), want %v", tc.href, found, r.Status, tc.found)
		}
	}
}

func TestMultigetOnce(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	href := events + "e-june.ics"
	ms := decode(t, do(t, h, "REPORT", events, multigetBody("<D:getetag/>", href, href, strings.Replace(href, "e-", "e%2D", 1))))
	if len(ms.Responses) != 1 {
		t.Errorf("%d responses for one object named three times, want 1", len(ms.Responses))
	}
	// A report on the object itself knows only that object.
	ms = decode(t, do(t, h, "REPORT", href, multigetBody("<D:getetag/>", href, events+"e-break.ics")))
	if len(ms.Responses) != 2 || ms.Responses[0].Status != "" || ms.Responses[1].Status != missing {
		t.Errorf("multiget on an object = %+v, want itself and a 404", ms.Responses)
	}
	if got := names(decode(t, do(t, h, "REPORT", href, queryBody("", "")))); !slices.Equal(got, []string{"e-june"}) {
		t.Errorf("query on an object = %v, want itself", got)
	}
	if w := do(t, h, "REPORT", events, multigetBody("<D:getetag/>")); w.Code != http.StatusBadRequest {
		t.Errorf("multiget without hrefs = %d, want 400", w.Code)
	}
}

// TestReportWithoutProps asks for hrefs alone, for everything and for names.
func TestReportWithoutProps(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	const prop = "<D:prop><D:getetag/></D:prop>"
	for what, want := range map[string][]string{
		"":              nil,
		"<D:allprop/>":  {"DAV: creationdate", "DAV: getcontentlength", "DAV: getcontenttype", "DAV: getetag", "DAV: getlastmodified", "DAV: resourcetype"},
		"<D:propname/>": {"DAV: acl", "DAV: acl-restrictions", "DAV: creationdate", "DAV: current-user-principal", "DAV: current-user-privilege-set", "DAV: getcontentlength", "DAV: getcontenttype", "DAV: getetag", "DAV: getlastmodified", "DAV: group", "DAV: inherited-acl-set", "DAV: owner", "DAV: principal-collection-set", "DAV: resource-id", "DAV: resourcetype", "DAV: supported-privilege-set", "DAV: supported-report-set"},
	} {
		for _, body := range []string{queryBody("", ""), multigetBody("<D:getetag/>", events+"e-june.ics")} {
			ms := decode(t, do(t, h, "REPORT", events, strings.Replace(body, prop, what, 1)))
			if len(ms.Responses) == 0 {
				t.Fatalf("%q: no responses", what)
			}
			if diff := cmp.Diff(want, propsOf(ms)[ok]); diff != "" {
				t.Errorf("%q (-want +got):\n%s", what, diff)
			}
		}
	}
	if w := do(t, h, "REPORT", events, strings.Replace(queryBody("", ""), prop, "<D:allprop/><D:propname/>", 1)); w.Code != http.StatusBadRequest {
		t.Errorf("two kinds of question = %d, want 400", w.Code)
	}
}

// TestAdvertisedReportsWork asks every kind of resource for each report that it
// says it answers: none is there in name only.
func TestAdvertisedReportsWork(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	property := func(name, inside string) string { return "<" + name + ` xmlns="DAV:">` + inside + "</" + name + ">" }
	bodies := map[string]string{
		"calendar-query": queryBody("", ""), "calendar-multiget": multigetBody("<D:getetag/>", events+"e-june.ics"),
		"free-busy-query": freeBusyBody("20261101T000000Z", "20261201T000000Z"), "sync-collection": syncBody("", ""),
		"expand-property":               property("expand-property", `<property name="owner"/>`),
		"acl-principal-prop-set":        property("acl-principal-prop-set", "<prop><displayname/></prop>"),
		"principal-match":               property("principal-match", "<self/>"),
		"principal-property-search":     property("principal-property-search", "<property-search><prop><displayname/></prop><match>x</match></property-search><prop><owner/></prop>"),
		"principal-search-property-set": property("principal-search-property-set", ""),
	}
	for path, want := range map[string]int{"/dav/": 5, "/dav/l1/": 5, "/dav/l1/calendars/": 6, events: 9, events + "e-june.ics": 5} {
		set := propsXML(t, h, path, "supported-report-set")
		named := 0
		for name, body := range bodies {
			if !strings.Contains(set, name+"/>") {
				continue
			}
			named++
			if w := do(t, h, "REPORT", path, body); w.Code != 207 && w.Code != 200 {
				t.Errorf("%s of %s = %d %s", name, path, w.Code, w.Body)
			}
		}
		if got := strings.Count(set, "supported-report>") / 2; got != want || named != want {
			t.Errorf("%s names %d reports, %d of them known; want %d", path, got, named, want)
		}
	}
}

// propsXML returns the XML inside one property of DAV:.
func propsXML(t *testing.T, h http.Handler, path, name string) string {
	t.Helper()
	ms := decode(t, do(t, h, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><`+name+`/></prop></propfind>`))
	return ms.Responses[0].Propstats[0].Prop.Any[0].Inner
}

func TestUnsupportedReports(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	tests := []struct{ path, body string }{
		{"/dav/l1/calendars/", `<x:free-busy-query xmlns:x="urn:ietf:params:xml:ns:caldav"/>`},
		{"/dav/l1/calendars/", queryBody("", "")},
		{"/dav/l1/", multigetBody("")},
		{events + "e-june.ics", `<principal-match xmlns="DAV:"/>`},
		{events + "e-june.ics", `<sync-collection xmlns="DAV:"/>`},
		{events, `<calendar-query/>`},
	}
	for _, tc := range tests {
		w := do(t, h, "REPORT", tc.path, tc.body)
		if w.Code != 403 || !strings.Contains(w.Body.String(), `<error xmlns="DAV:"><supported-report/></error>`) {
			t.Errorf("REPORT %s %s = %d %s, want 403 supported-report", tc.path, tc.body, w.Code, w.Body)
		}
	}
}

func TestPartialData(t *testing.T) {
	t.Parallel()
	o := raw("o", "VEVENT", comp("VEVENT",
		"DTSTART:20261124T100000Z\nSUMMARY:A very long\n  title, folded\nLOCATION:Here\nBEGIN:VALARM\nTRIGGER:-PT5M\nACTION:DISPLAY\nEND:VALARM"))
	h := holding(t, o)
	const head, tail = "BEGIN:VCALENDAR\n", "END:VCALENDAR\n"
	tests := []struct{ name, ask, want string }{
		{"everything", ``, strings.ReplaceAll(string(o.Data), "\r\n", "\n")},
		{"everything, said at length", `<C:comp name="VCALENDAR"><C:allprop/><C:allcomp/></C:comp>`, strings.ReplaceAll(string(o.Data), "\r\n", "\n")},
		{"nothing", `<C:comp name="VCALENDAR"/>`, head + tail},
		{
			"some", `<C:comp name="VCALENDAR"><C:prop name="version"/><C:comp name="VEVENT"><C:prop name="SUMMARY"/><C:prop name="UID"/></C:comp></C:comp>`,
			head + "VERSION:2.0\nBEGIN:VEVENT\nUID:u1\nSUMMARY:A very long\n  title, folded\nEND:VEVENT\n" + tail,
		},
		{
			"without value", `<C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="SUMMARY" novalue="yes"/></C:comp></C:comp>`,
			head + "BEGIN:VEVENT\nSUMMARY:\nEND:VEVENT\n" + tail,
		},
		{
			"alarms only", `<C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:comp name="VALARM"><C:allprop/></C:comp></C:comp></C:comp>`,
			head + "BEGIN:VEVENT\nBEGIN:VALARM\nTRIGGER:-PT5M\nACTION:DISPLAY\nEND:VALARM\nEND:VEVENT\n" + tail,
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ms := decode(t, do(t, h, "REPORT", events, multigetBody(`<C:calendar-data>`+tc.ask+`</C:calendar-data>`, events+"o.ics")))
			got := strings.ReplaceAll(ms.Responses[0].Propstats[0].Prop.Any[0].Text, "\r\n", "\n")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("calendar-data (-want +got):\n%s", diff)
			}
		})
	}
	for _, ask := range []string{
		`<C:comp name="VEVENT"/>`, `<C:comp/>`,
		`<C:comp name="VCALENDAR"><C:allprop/><C:prop name="UID"/></C:comp>`,
		`<C:comp name="VCALENDAR"><C:comp name="X"/><C:allcomp/></C:comp>`,
		`<C:comp name="VCALENDAR"><C:prop/></C:comp>`,
		`<C:expand start="20261101T000000Z"/>`,
		`<C:expand start="20261101T000000Z" end="20261001T000000Z"/>`,
		`<C:limit-recurrence-set end="20261001T000000Z"/>`,
		`<C:expand start="20261101T000000Z" end="20261201T000000Z"/><C:limit-recurrence-set start="20261101T000000Z" end="20261201T000000Z"/>`,
	} {
		w := do(t, h, "REPORT", events, multigetBody(`<C:calendar-data>`+ask+`</C:calendar-data>`, events+"o.ics"))
		if w.Code != http.StatusBadRequest {
			t.Errorf("calendar-data with %s = %d, want 400", ask, w.Code)
		}
	}
}

// TestStoredBytes proves that what a client gets is what is stored, to the
// last byte, whatever the text holds.
func TestStoredBytes(t *testing.T) {
	t.Parallel()
	e := event("e", "Å<&>\"' ]]> \U0001F469\u200D\U0001F4BB \u2028 \u202E", at(11, 24, 8, 0), at(11, 24, 9, 0))
	e.Body = strings.Repeat("Räksmörgås; \\ , &amp; <b>\n", 40)
	c := build(t, icalendar.Info{}, e)
	bad := raw("bad", "VEVENT", comp("VEVENT", "SUMMARY:\x01 \xff \uFFFE"))
	h := holding(t, c.Objects[0], bad)
	ms := decode(t, do(t, h, "REPORT", events, multigetBody("<C:calendar-data/>", events+"bad.ics", events+c.Objects[0].Name)))
	if got := ms.Responses[1].Propstats[0].Prop.Any[0].Text; got != string(c.Objects[0].Data) {
		t.Errorf("calendar-data = %q, want the stored %q", got, c.Objects[0].Data)
	}
	if got := ms.Responses[0].Propstats[0].Prop.Any[0].Text; !strings.Contains(got, "SUMMARY:\uFFFD \uFFFD \uFFFD\r\n") {
		t.Errorf("what XML cannot hold came as %q", got)
	}
}

// TestUnreadableObjects keeps what go-ical panics on, or cannot read, away
// from everything else.
func TestUnreadableObjects(t *testing.T) {
	t.Parallel()
	good := raw("good", "VEVENT", comp("VEVENT", "DTSTART:20261124T100000Z\nSUMMARY:x"))
	panics := raw("panics", "VEVENT", comp("VEVENT", "DTSTART:20261124T100000Z\nX;A=b"))
	broken := raw("broken", "VEVENT", "BEGIN:VEVENT\nno colon")
	deep := raw("deep", "VEVENT", strings.Repeat("BEGIN:VEVENT\n", 100_000))
	h := holding(t, good, panics, broken, deep)
	text := `<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"/></C:comp-filter>`
	if got := names(decode(t, do(t, h, "REPORT", events, queryBody(text, "")))); !slices.Equal(got, []string{"good"}) {
		t.Errorf("prop-filter = %v, want the good one", got)
	}
	all := []string{"broken", "deep", "good", "panics"}
	span := timeRange("VEVENT", "20261124T000000Z", "20261125T000000Z")
	if got := names(decode(t, do(t, h, "REPORT", events, queryBody(span, "")))); !slices.Equal(got, all) {
		t.Errorf("time-range = %v, want also those that cannot be judged", got)
	}
	body := strings.Replace(queryBody(span, ""), "<D:getetag/>",
		`<C:calendar-data><C:expand start="20261124T000000Z" end="20261125T000000Z"/></C:calendar-data>`, 1)
	if got := names(decode(t, do(t, h, "REPORT", events, body))); !slices.Equal(got, []string{"good"}) {
		t.Errorf("expand = %v, want the good one", got)
	}
	if got := decode(t, do(t, h, "PROPFIND", events, "", "Depth: 1")); len(got.Responses) != 5 {
		t.Errorf("PROPFIND has %d responses, want 5", len(got.Responses))
	}
}

// TestBoundsAndTextAgree compares the quick answer from an object's bounds
// with the slow one from its text, for entries as the encoder writes them.
func TestBoundsAndTextAgree(t *testing.T) {
	t.Parallel()
	var entries []school.Entry
	for day := 1; day <= 28; day++ {
		for _, month := range []int{3, 6, 10, 12} {
			m := at(1, 1, 0, 0).AddDate(0, month-1, 0).Month()
			start := at(m, day, day%24, 0)
			entries = append(entries, event(fmt.Sprintf("t-%d-%d", month, day), "x", start, start.Add(45*time.Minute)),
				whole(fmt.Sprintf("d-%d-%d", month, day), "x", school.NewDate(2026, m, day), school.NewDate(2026, m, day+day%3)))
		}
	}
	c := build(t, icalendar.Info{}, entries...)
	blind := slices.Clone(c.Objects)
	for i := range blind {
		blind[i].Start, blind[i].End = time.Time{}, time.Time{}
	}
	quick, slow := holding(t, c.Objects...), holding(t, blind...)
	for hour := 0; hour < 366*24; hour += 61 {
		from := at(1, 1, 0, 0).Add(time.Duration(hour) * time.Hour).UTC()
		to := from.Add(time.Duration(1+hour%30) * time.Hour)
		body := queryBody(timeRange("VEVENT", from.Format("20060102T150405Z"), to.Format("20060102T150405Z")), "")
		want := names(decode(t, do(t, slow, "REPORT", events, body)))
		if diff := cmp.Diff(want, names(decode(t, do(t, quick, "REPORT", events, body)))); diff != "" {
			t.Fatalf("from %v to %v (-text +bounds):\n%s", from, to, diff)
		}
	}
}
