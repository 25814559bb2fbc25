package caldav_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// bad is something that nobody should send, with what it is answered.
type bad struct {
	name, method, path string
	body               func() io.Reader
	header             string
	status             int
	condition          string // of the answer's <error>; none: plain text
}

// dear are those that take more memory than the others, in KiB: about twice of
// what they do.
func dear() map[string]uint64 {
	return map[string]uint64{
		"20 MB of elements": 16 << 10, "100,000 hrefs": 26 << 10, "all of time, worked out": 42 << 10, "busy for all of time": 7 << 10, "a token of 60 KB": 1 << 10,
		"20 MB of text": 600, "20 MB of UTF-16": 800, "an attribute of 1 MB": 700, "a name of 1 MB": 600,
	}
}

// counted counts what is read of a body.
type counted struct {
	io.Reader

	read int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += n
	return n, err
}

func said(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }

func endless(unit string, times int) func() io.Reader {
	return func() io.Reader { return &repeat{unit: unit, left: times} }
}

// badInput is sent to a calendar that holds, beside a good object, one that
// go-ical panics on and one with rules that never end.
func badInput() []bad {
	const open, shut = `<propfind xmlns="DAV:"><prop>`, `</prop></propfind>`
	const caldavError = ` xmlns="urn:ietf:params:xml:ns:caldav"`
	hrefs := make([]string, 100_000)
	for i := range hrefs {
		hrefs[i] = events + fmt.Sprint(i)
	}
	many := multigetBody("<D:getetag/>", hrefs...)
	far := queryBody(timeRange("VEVENT", "00010101T000000Z", "99991231T235959Z"), "")
	return []bad{
		{"an entity of its own", "PROPFIND", events, said(open + "&x;" + shut), "", 400, ""},
		{"entities in entities", "PROPFIND", events, said(`<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + open + "&b;" + shut), "", 400, ""},
		{"a DTD from elsewhere", "REPORT", events, said(`<!DOCTYPE x SYSTEM "http://example.org/x.dtd">` + syncBody("", "")), "", 400, ""},
		{"4 million levels", "PROPFIND", events, endless("<a>", 4_000_000), "", 400, ""},
		{"4 million levels in a report", "REPORT", events, endless(`<C:calendar-multiget xmlns:C="urn:ietf:params:xml:ns:caldav">`, 4_000_000), "", 400, ""},
		{"20 MB of text", "PROPFIND", events, endless(strings.Repeat("x", 1<<10), 20<<10), "", 413, ""},
		{"20 MB of elements", "REPORT", events, func() io.Reader { return io.MultiReader(strings.NewReader(open), &repeat{unit: "<a/>", left: 5 << 20}) }, "", 403, "number-of-matches-within-limits"},
		{"20 MB, as announced", "REPORT", events, said(strings.Repeat(" ", 20<<20)), "", 413, ""},
		{"an attribute of 1 MB", "PROPFIND", events, said(open + `<a b="` + strings.Repeat("x", 1<<20-100) + `"/>` + shut), "", 413, ""},
		{"a name of 1 MB", "PROPFIND", events, said("<" + strings.Repeat("x", 1<<20-100) + "/>"), "", 413, ""},
		{"an unknown namespace", "REPORT", events, said(`<calendar-query xmlns="urn:x"/>`), "", 403, "supported-report"},
		{"no such prefix", "PROPFIND", events, said(`<D:propfind/>`), "", 400, ""},
		{"half a character of UTF-16", "PROPFIND", events, said("\xff\xfe<\x00a\x00/\x00>"), "", 400, ""},
		{"4 million levels of UTF-16", "PROPFIND", events, endless("<\x00a\x00>\x00", 4_000_000), "", 400, ""},
		{"20 MB of UTF-16", "PROPFIND", events, func() io.Reader {
			return io.MultiReader(strings.NewReader("\xff\xfe"), &repeat{unit: " \x00", left: 10 << 20})
		}, "", 413, ""},
		{"Latin-1", "PROPFIND", events, said(`<?xml version="1.0" encoding="ISO-8859-1"?>` + open + "<owner/>" + shut), "", 400, ""},
		{"invalid UTF-8", "PROPFIND", events, said(open + "\xc3\x28" + shut), "", 400, ""},
		{"Depth infinity", "PROPFIND", homePath, said(""), "Depth: infinity", 403, "propfind-finite-depth"},
		{"Depth that is none", "PROPFIND", homePath, said(""), "Depth: -1", 400, ""},
		{"all of time", "REPORT", events, said(far), "", 207, ""},
		{"all of time, worked out", "REPORT", events, said(strings.Replace(far, "<D:getetag/>",
			`<C:calendar-data><C:expand start="00010101T000000Z" end="99991231T235959Z"/></C:calendar-data>`, 1)), "", 403, "number-of-matches-within-limits"},
		{
			"busy for all of time", "REPORT", events, said(`<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="00010101T000000Z" end="99991231T235959Z"/></C:free-busy-query>`),
			"", 403, "number-of-matches-within-limits",
		},
		{"a year that there is not", "REPORT", events, said(queryBody(timeRange("VEVENT", "99999999T999999Z", ""), "")), "", 403, "valid-filter" + caldavError},
		{"time that goes backwards", "REPORT", events, said(queryBody(timeRange("VEVENT", "20261201T000000Z", "20261101T000000Z"), "")), "", 403, "valid-filter" + caldavError},
		{"100,000 hrefs", "REPORT", events, said(many), "", 403, "number-of-matches-within-limits"},
		{"hrefs that lead out", "REPORT", events, said(multigetBody("<D:getetag/>", events+"../1-homework/t-glosor.ics", "/dav/l2/calendars/1-events/e.ics", "/etc/passwd", "file:///etc/passwd")), "", 207, ""},
		{"a path encoded twice", "PROPFIND", "/dav/l1/calendars/1%252Devents/", said(""), "", 404, ""},
		{"a path with a slash in disguise", "PROPFIND", "/dav/l1/calendars/1-events%2Fgood.ics", said(""), "", 404, ""},
		{"a path that is no UTF-8", "GET", events + "%ff%fe.ics", said(""), "", 404, ""},
		{"a path beyond ASCII", "GET", events + "%C3%A5.ics", said(""), "", 404, ""},
		{"another calendar's token", "REPORT", events, said(syncBody("urn:syncd:sync:g1:2-events-1", "")), "", 403, "valid-sync-token"},
		{"another link's token", "REPORT", homePath, said(syncBody("urn:syncd:home:0000000000000000:1-events=00", "")), "", 403, "valid-sync-token"},
		{"another generation's token", "REPORT", events, said(syncBody("urn:syncd:sync:g2:1-events-1", "")), "", 403, "valid-sync-token"},
		{"a token of the future", "REPORT", events, said(syncBody("urn:syncd:sync:g1:1-events-99999999999", "")), "", 403, "valid-sync-token"},
		{"a token of 60 KB", "REPORT", events, said(syncBody("urn:syncd:part:"+strings.Repeat("QQ", 30_000), "")), "", 403, "valid-sync-token"},
		{"a zone that cannot be read", "REPORT", events, said(queryBody("", "<C:timezone>BEGIN:VCALENDAR&#13;&#10;X;A=b</C:timezone>")), "", 403, "valid-calendar-data" + caldavError},
		{"an object that go-ical panics on, filtered", "REPORT", events, said(queryBody(`<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"/></C:comp-filter>`, "")), "", 207, ""},
		{"an object that go-ical panics on, worked out", "REPORT", events, said(multigetBody(`<C:calendar-data><C:expand start="20261101T000000Z" end="20261201T000000Z"/></C:calendar-data>`, events+"panics.ics")), "", 207, ""},
		{"an object that go-ical panics on, uploaded", "PUT", events + "x.ics", said("BEGIN:VCALENDAR\r\nX;A=b"), "", 403, "need-privileges"},
		{"a write of 20 MB", "PUT", events + "x.ics", endless(strings.Repeat("x", 1<<10), 20<<10), "", 403, "need-privileges"},
		{"a packed request", "REPORT", events, said("\x1f\x8b"), "Content-Encoding: gzip", 415, ""},
	}
}

// TestBadInput sends each of these three times: the answer is what the RFC
// says, takes hardly any memory, and no more is read for it than is taken of
// such a request.
func TestBadInput(t *testing.T) {
	rules := comp("VEVENT", "DTSTART:19700101T080000Z\nDURATION:PT1S\nRRULE:FREQ=SECONDLY") + "\n" +
		comp("VEVENT", "DTSTART:19700101T080000Z\nDURATION:PT1S\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")
	for _, b := range badInput() {
		best, least, read := time.Hour, uint64(1<<62), 0
		for range 3 {
			h := holding(
				t,
				raw("good", "VEVENT", comp("VEVENT", "DTSTART:20261124T100000Z\nSUMMARY:x")),
				raw("panics", "VEVENT", comp("VEVENT", "DTSTART:20261124T100000Z\nX;A=b")),
				raw("rules", "VEVENT", rules),
			)
			body := &counted{Reader: b.body()}
			r := httptest.NewRequestWithContext(t.Context(), b.method, b.path, body)
			if said, ok := body.Reader.(*strings.Reader); ok {
				r.ContentLength = said.Size()
			}
			if name, value, ok := strings.Cut(b.header, ": "); ok {
				r.Header.Set(name, value)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			best, least = min(best, took), min(least, after.TotalAlloc-before.TotalAlloc)
			read = max(read, body.read)
			if w.Code != b.status {
				t.Errorf("%s = %d %.200s, want %d", b.name, w.Code, w.Body, b.status)
			}
			if b.condition != "" && !strings.Contains(w.Body.String(), `<error xmlns="DAV:"><`+b.condition) ||
				b.condition == "" && b.status != 207 && w.Body.String() != http.StatusText(b.status)+"\n" {
				t.Errorf("%s says %.300s, want %s", b.name, w.Body, b.condition)
			}
		}
		t.Logf("%-48s %d  %8.3f ms  %6d KiB", b.name, b.status, float64(best.Microseconds())/1000, least>>10)
		most, long := uint64(256), 1<<20+128<<10
		if dear()[b.name] > 0 {
			most = dear()[b.name]
		}
		if strings.Contains(b.name, "hrefs") {
			long = 8 << 20
		}
		if least>>10 > most || read > long {
			t.Errorf("%s took %d KiB and read %d, want at most %d and %d", b.name, least>>10, read, most, long)
		}
	}
}
