package caldav_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// wellFormed fails when an answer has a status that it must not have or XML
// that cannot be read.
func wellFormed(t *testing.T, w *httptest.ResponseRecorder, allowed ...int) {
	t.Helper()
	if !slices.Contains(allowed, w.Code) {
		t.Fatalf("status = %d, want one of %v", w.Code, allowed)
	}
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/xml") {
		return
	}
	d := xml.NewDecoder(w.Body)
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("the answer is not XML: %v", err)
		}
	}
}

func FuzzXML(f *testing.F) {
	f.Add("PROPFIND", `<propfind xmlns="DAV:"><prop><owner/><x xmlns="urn:a&amp;b"/></prop></propfind>`)
	f.Add("PROPFIND", `<D:propfind xmlns:D="DAV:"><D:allprop/><D:include><D:owner/></D:include></D:propfind>`)
	f.Add("PROPPATCH", `<propertyupdate xmlns="DAV:"><set><prop><displayname>x</displayname></prop></set></propertyupdate>`)
	f.Add("REPORT", `<sync-collection xmlns="DAV:"><sync-token>x</sync-token><limit><nresults>1</nresults></limit><prop/></sync-collection>`)
	f.Add("REPORT", multigetBody("<C:calendar-data/>", events+"e-june.ics", "/x"))
	f.Add("REPORT", multigetBody(`<C:calendar-data><C:comp name="VCALENDAR"><C:prop name="VERSION"/></C:comp><C:expand start="20260101T000000Z" end="20270101T000000Z"/></C:calendar-data>`, events+"e-june.ics"))
	f.Add("PROPFIND", `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`)
	f.Add("PROPFIND", "\ufeff<?xml version='1.0' encoding='utf-8'?><a xmlns=''/>")
	h := server(f, family(f), nil)
	f.Fuzz(func(t *testing.T, method, body string) {
		if method != "PROPFIND" && method != "PROPPATCH" {
			method = "REPORT"
		}
		wellFormed(t, do(t, h, method, events, body), 207, 400, 403, 413, 507)
	})
}

func FuzzFilter(f *testing.F) {
	f.Add(`<C:comp-filter name="VEVENT"><C:time-range start="20261124T000000Z" end="20261125T000000Z"/></C:comp-filter>`, "DTSTART:20261124T100000Z\nRRULE:FREQ=DAILY;COUNT=3")
	f.Add(`<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match negate-condition="yes">x</C:text-match></C:prop-filter></C:comp-filter>`, "SUMMARY:a\\,b")
	f.Add(`<C:comp-filter name="VEVENT"><C:comp-filter name="VALARM"><C:time-range start="20261124T000000Z"/></C:comp-filter></C:comp-filter>`, "DTSTART;VALUE=DATE:20261124\nBEGIN:VALARM\nTRIGGER:-P1DT2H\nREPEAT:4\nDURATION:PT5M\nEND:VALARM")
	f.Add(`<C:comp-filter name="VEVENT"><C:prop-filter name="ATTENDEE"><C:param-filter name="CN"><C:is-not-defined/></C:param-filter></C:prop-filter></C:comp-filter>`, "ATTENDEE;X;A=b")
	f.Add(`<C:comp-filter name="VEVENT"><C:time-range end="99991231T235959Z"/></C:comp-filter>`, "DTSTART;TZID=../../etc/passwd:20261124T100000\nDURATION:P9999999999W\nRDATE:1,2/3\nEXDATE;VALUE=DATE:20261124")
	f.Fuzz(func(t *testing.T, filter, text string) {
		h := holding(t, raw("o", "VEVENT", comp("VEVENT", text)))
		wellFormed(t, do(t, h, "REPORT", events, queryBody(filter, "")), 207, 400, 403, 413)
		ask := strings.Replace(queryBody(filter, ""), "<D:getetag/>", `<C:calendar-data><C:expand start="20260101T000000Z" end="20270101T000000Z"/></C:calendar-data>`, 1)
		wellFormed(t, do(t, h, "REPORT", events, ask), 207, 400, 403, 413)
	})
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{
		"/dav/", "/dav/l1/calendars/1-events/e-june.ics", "/dav/l1/calendars/1%2Devents/", "/dav/%2e%2e/", "/dav//", "/dav/l1/calendars/a/b/c/d", "/", "", "/dav/l1/calendars/%ff/", "/dav/l1/calendars/%C3%A5.ics",
	} {
		f.Add(p)
	}
	h := dotless(server(f, family(f), nil))
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequestWithContext(t.Context(), "PROPFIND", "http://example.org/", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		u, err := r.URL.Parse("http://example.org" + path)
		if err == nil && u.Host == "example.org" {
			r.URL = u
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			wellFormed(t, w, 207, 404)
			if w.Code == 207 && !strings.HasPrefix(u.EscapedPath(), "/dav") && u.EscapedPath() != "/" && u.EscapedPath() != "" {
				t.Errorf("%q leads somewhere", path)
			}
		}
		ms := decode(t, do(t, h, "REPORT", events, multigetBody("<D:getetag/>", strings.ToValidUTF8(strings.Map(printable, path), ""))))
		for _, res := range ms.Responses {
			if res.Status == "" && !strings.Contains(path, "events/") && !strings.Contains(path, "%") {
				t.Errorf("href %q leads to %q", path, res.Href)
			}
		}
	})
}

// printable drops what XML cannot hold.
func printable(r rune) rune {
	if r < 0x20 || r == 0xFFFE || r == 0xFFFF {
		return -1
	}
	return r
}
