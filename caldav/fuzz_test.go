package caldav_test

import (
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
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
	f.Add("REPORT", `<expand-property xmlns="DAV:"><property name="owner"><property name="displayname"/></property></expand-property>`)
	f.Add("REPORT", `<principal-property-search xmlns="DAV:"><property-search><prop><displayname/></prop><match>f</match></property-search><prop><owner/></prop></principal-property-search>`)
	f.Add("REPORT", `<principal-match xmlns="DAV:"><principal-property><owner/></principal-property></principal-match>`)
	f.Add("PROPFIND", wide(binary.LittleEndian, "\ufeff<?xml version='1.0' encoding='utf-16'?><propfind xmlns='DAV:'><prop><å/>𝄞</prop></propfind>"))
	f.Add("REPORT", wide(binary.BigEndian, syncBody("x", "")))
	f.Add("PROPFIND", "\xfe\xff\xd8\x00")
	f.Add("PROPFIND", `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`)
	f.Add("PROPFIND", "\ufeff<?xml version='1.0' encoding='utf-8'?><a xmlns=''/>")
	h := server(f, family(f), nil)
	f.Fuzz(func(t *testing.T, method, body string) {
		if method != "PROPFIND" && method != "PROPPATCH" {
			method = "REPORT"
		}
		wellFormed(t, do(t, h, method, events, body), 200, 207, 400, 403, 413, 507)
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

func FuzzToken(f *testing.F) {
	const own = "urn:syncd:sync:g1:1-events-1"
	for _, token := range []string{
		"", own, "urn:syncd:sync:g1:1-events-9", "urn:syncd:part:", partToken(own, "e-june.ics", "", ""), partToken("", "e-june.ics", own, ""),
		partToken(own, "a", own, "b", "", ""), partToken("", ""), "urn:syncd:home:302095463bcd5d22:1-events=00", "]]>", "urn:syncd:home:302095463bcd5d22:",
	} {
		f.Add(token, uint8(2))
	}
	h := server(f, family(f), nil)
	f.Fuzz(func(t *testing.T, token string, limit uint8) {
		token = strings.NewReplacer("&", "", "<", "", ">", "").Replace(strings.ToValidUTF8(strings.Map(printable, token), ""))
		limited := fmt.Sprintf("<limit><nresults>%d</nresults></limit>", int(limit)+1)
		for _, path := range []string{events, "/dav/l1/calendars/"} {
			w := do(t, h, "REPORT", path, syncBody(token, limited))
			wellFormed(t, w, 207, 403)
		}
		// Whatever a client was told, going on from there ends.
		ms := do(t, h, "REPORT", events, syncBody(token, limited))
		for range 10 {
			if ms.Code != 207 {
				return
			}
			next := decode(t, ms).Token
			if next == own {
				return
			}
			ms = do(t, h, "REPORT", events, syncBody(next, limited))
		}
		t.Errorf("a sync from %q does not end", token)
	})
}

func FuzzOwnZone(f *testing.F) {
	f.Add("DTSTART:19701025T030000\nTZOFFSETFROM:+0800\nTZOFFSETTO:+0700\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "20260710T120000")
	f.Add("DTSTART:00010101T000000\nTZOFFSETFROM:-1159\nTZOFFSETTO:+140000\nRDATE:20260601T000000,99991231T235959", "00010101T000000")
	f.Add("DTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0000\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "99991231T235959")
	f.Fuzz(func(t *testing.T, observance, at string) {
		zone := "BEGIN:VTIMEZONE\nTZID:Odd\nBEGIN:STANDARD\n" + observance + "\nEND:STANDARD\nEND:VTIMEZONE\n"
		h := holding(t, raw("o", "VEVENT", zone+comp("VEVENT", "DTSTART;TZID=Odd:"+at+"\nRRULE:FREQ=YEARLY")))
		wellFormed(t, do(t, h, "REPORT", events, queryBody(timeRange("VEVENT", "20260101T000000Z", "20270101T000000Z"), "")), 207, 400, 403, 413)
		wellFormed(t, do(t, h, "REPORT", events, freeBusyBody("20260101T000000Z", "20270101T000000Z")), 200)
	})
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{
		"/dav/", "/dav/l1/calendars/1-events/e-june.ics", "/dav/l1/calendars/1%2Devents/", "/dav/%2e%2e/", "/dav//", "/dav/l1/calendars/a/b/c/d", "/", "", "/dav/l1/calendars/%ff/", "/dav/l1/calendars/%C3%A5.ics", "]]>",
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
