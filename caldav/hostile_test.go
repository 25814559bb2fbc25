package caldav_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"
)

// repeat is a body that is never in memory.
type repeat struct {
	unit string
	left int
	done int // bytes of the unit at hand
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, http.ErrBodyReadAfterClose
	}
	n := 0
	for n < len(p) && r.left > 0 {
		c := copy(p[n:], r.unit[r.done:])
		n += c
		if r.done += c; r.done == len(r.unit) {
			r.left, r.done = r.left-1, 0
		}
	}
	return n, nil
}

// TestHostileXML sends what nobody should; each is refused with the status
// that RFC 4918 has for it, before any property is looked at.
func TestHostileXML(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	const open = `<propfind xmlns="DAV:"><prop>`
	const shut = `</prop></propfind>`
	tests := []struct {
		name, body string
		want       int
	}{
		{"not XML", "hello", 400},
		{"half", open, 400},
		{"wrong end", `<propfind xmlns="DAV:"><prop></propfind></prop>`, 400},
		{"two roots", open + `<owner/>` + shut + open + `<owner/>` + shut, 400},
		{"text behind", open + `<owner/>` + shut + "x", 400},
		{"white space around", "\n " + open + `<owner/>` + shut + "\n<!-- bye -->\n", 207},
		{"byte order mark", "\ufeff" + open + `<owner/>` + shut, 207},
		{"DTD", `<!DOCTYPE propfind [<!ENTITY a "b">]>` + open + `<owner/>` + shut, 400},
		{"external entity", `<!DOCTYPE propfind SYSTEM "file:///etc/passwd">` + open + `<owner/>` + shut, 400},
		{"entity bomb", `<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>` + open + `&b;` + shut, 400},
		{"unknown entity", open + `&auml;` + shut, 400},
		{"latin-1", `<?xml version="1.0" encoding="ISO-8859-1"?>` + open + "<owner/>\xe5" + shut, 400},
		{"utf-16 claimed", `<?xml version="1.0" encoding="UTF-16"?>` + open + "<owner/>" + shut, 400},
		{"utf-16", "\xff\xfe<\x00p\x00", 400},
		{"UTF-16 with a mark", wide(binary.LittleEndian, "\ufeff"+open+`<owner/>`+shut), 207},
		{"UTF-16 with a mark, big end first", wide(binary.BigEndian, "\ufeff"+open+`<owner/>`+shut), 207},
		{"UTF-16 as declared", wide(binary.LittleEndian, "\ufeff<?xml version='1.0' encoding='utf-16'?>"+open+`<å/>𝄞`+shut), 207},
		{"UTF-16 without a mark", wide(binary.BigEndian, `<?xml version="1.0" encoding="UTF-16"?>`+open+`<owner/>`+shut), 207},
		{"UTF-16 that says it is Latin-1", wide(binary.BigEndian, `<?xml version="1.0" encoding="ISO-8859-1"?>`+open+`<owner/>`+shut), 400},
		{"UTF-16 with a NUL", wide(binary.BigEndian, "\ufeff"+open+"\x00"+shut), 400},
		{"half a pair of UTF-16", wide(binary.BigEndian, "\ufeff"+open) + "\xd8\x00" + wide(binary.BigEndian, shut), 400},
		{"half a pair of UTF-16 at the end", wide(binary.BigEndian, "\ufeff"+open) + "\xd8\x00", 400},
		{"a DTD in UTF-16", wide(binary.BigEndian, "\ufeff<!DOCTYPE propfind [<!ENTITY a 'b'>]>"+open+`<owner/>`+shut), 400},
		{"a long text of UTF-16", wide(binary.LittleEndian, "\ufeff"+open+strings.Repeat("x", 100_000)+shut), 413},
		{"many lines of UTF-16", wide(binary.LittleEndian, "\ufeff"+open+strings.Repeat("x<!---->", 50_000)+`<owner/>`+shut), 207},
		{"invalid UTF-8", open + "\xff" + shut, 400},
		{"NUL", open + "\x00" + shut, 400},
		{"undeclared prefix", `<D:propfind><D:prop/></D:propfind>`, 400},
		{"prefix undone", `<propfind xmlns="DAV:" xmlns:x=""/>`, 400},
		{"prefix xmlns", `<propfind xmlns="DAV:"><xmlns:prop/></propfind>`, 400},
		{"two colons", open + `<a:b:c xmlns:a="x"/>` + shut, 400},
		{"xml prefix", open + `<xml:thing/>` + shut, 207},
		{"other namespace", open + `<owner xmlns="urn:x"/>` + shut, 207},
		{"no namespace", `<propfind><prop><owner/></prop></propfind>`, 400},
		{"another root", `<multistatus xmlns="DAV:"/>`, 400},
		{"nothing asked", `<propfind xmlns="DAV:"/>`, 400},
		{"unknown question", `<propfind xmlns="DAV:"><everything/></propfind>`, 400},
		{"two questions", `<propfind xmlns="DAV:"><allprop/><propname/></propfind>`, 400},
		{"only white space", " \n\t", 207},
		{"64 levels", strings.Repeat(`<propfind xmlns="DAV:">`, 64) + strings.Repeat("</propfind>", 64), 400},
		{"100,000 levels", strings.Repeat("<a>", 100_000), 400},
		{"40,000 elements", open + strings.Repeat("<a/>", 40_000) + shut, 400},
		{"300 properties", open + strings.Repeat("<a/>", 300) + shut, 400},
		{"long names", open + "<" + strings.Repeat("a", 20_000) + "/>" + shut, 400},
		{"many declarations", `<propfind ` + xmlnses(1000) + ` xmlns="DAV:"/>`, 400},
		{"many comments", open + strings.Repeat("x<!---->", 50_000) + `<owner/>` + shut, 207},
		{"a long attribute", open + `<owner a="` + strings.Repeat("x", 1<<20-200) + `"/>` + shut, 413},
		{"a long text", open + strings.Repeat("x", 100_000) + shut, 413},
		{"a long comment", open + "<!--" + strings.Repeat("x", 100_000) + "-->" + shut, 413},
		{"a long name", "<" + strings.Repeat("x", 100_000), 413},
		{"nothing but a comment", "<!-- hello -->", 400},
		{"too long by a byte", open + strings.Repeat(" ", 1<<20) + shut, 413},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := do(t, h, "PROPFIND", events, tc.body)
			if w.Code != tc.want {
				t.Errorf("PROPFIND = %d %.100s, want %d", w.Code, w.Body, tc.want)
			}
			if w.Code != 207 && w.Body.String() != http.StatusText(w.Code)+"\n" {
				t.Errorf("the answer says more than it should: %s", w.Body)
			}
		})
	}
	if w := do(t, h, "PROPFIND", events, "x", "Content-Encoding: gzip"); w.Code != 415 {
		t.Errorf("packed request = %d, want 415", w.Code)
	}
	if w := do(t, h, "PROPPATCH", events, "x", "Content-Encoding: gzip"); w.Code != 415 {
		t.Errorf("packed PROPPATCH = %d, want 415", w.Code)
	}
	long := multigetBody("<D:getetag/>", strings.Repeat("/", 250)) + strings.Repeat("<!-- -->", 1<<20+1)
	for _, announced := range []int64{-1, int64(len(long))} {
		r := httptest.NewRequestWithContext(t.Context(), "REPORT", events, strings.NewReader(long))
		r.ContentLength = announced
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 413 {
			t.Errorf("a multiget of more than 8 MiB (announced: %d) = %d, want 413", announced, w.Code)
		}
	}
}

// wide is s in UTF-16.
func wide(order binary.AppendByteOrder, s string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

func xmlnses(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` xmlns:a%d="u"`, i)
	}
	return b.String()
}

// TestHugeBodies sends without end: hardly more is read than is taken, and
// memory stays where it is.
func TestHugeBodies(t *testing.T) {
	h := server(t, family(t), nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, tc := range []struct {
		unit  string
		times int
	}{
		{"<a>", 4_000_000}, {"<!-- -->", 3_000_000}, {" ", 20 << 20}, {strings.Repeat("x", 4096), 5000},
	} {
		body := &repeat{unit: tc.unit, left: tc.times}
		r := httptest.NewRequestWithContext(t.Context(), "PROPFIND", events, body)
		r.ContentLength = -1
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		// What is wrong from the beginning is seen there.
		if w.Code != http.StatusRequestEntityTooLarge && (w.Code != http.StatusBadRequest || tc.unit != "<a>") {
			t.Errorf("%d times %.10q = %d, want 413", tc.times, tc.unit, w.Code)
		}
		if read := (tc.times - body.left) * len(tc.unit); read > 5<<18 {
			t.Errorf("%d bytes were read, want hardly more than a MiB", read)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d KiB were allocated for all of it, want less than 8192", grown>>10)
	}
	w := do(t, h, "PROPFIND", events, strings.Repeat(" ", 2<<20))
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("announced length = %d, want 413", w.Code)
	}
}

// TestManyHrefs asks for as many objects as fit, none of which exist, and for
// more than fit.
func TestManyHrefs(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	hrefs := make([]string, 100_000)
	for i := range hrefs {
		hrefs[i] = "/dav/l1/calendars/1-events/" + fmt.Sprint(i)
	}
	w := do(t, h, "REPORT", events, multigetBody("<D:getetag/>", hrefs...))
	if w.Code != 403 || !strings.Contains(w.Body.String(), `<error xmlns="DAV:"><number-of-matches-within-limits/></error>`) {
		t.Errorf("100,000 hrefs = %d %s, want 403 number-of-matches-within-limits", w.Code, w.Body)
	}
	if ms := decode(t, do(t, h, "REPORT", events, multigetBody("<D:getetag/>", hrefs[:15_000]...))); len(ms.Responses) != 15_000 {
		t.Errorf("15,000 hrefs have %d responses", len(ms.Responses))
	}
}

// TestAbsurdRanges asks recurring events for times far away, each rule by
// itself. What their work is bounded by, other tests count.
func TestAbsurdRanges(t *testing.T) {
	t.Parallel()
	ranges := map[string][2]string{
		"all of time": {"00010101T000000Z", "99991231T235959Z"}, "the last year's first day": {"99990101T000000Z", "99990102T000000Z"},
		"the last year": {"99990101T000000Z", ""}, "the first day": {"00010101T000000Z", "00010102T000000Z"}, "all up to the first day": {"", "00010102T000000Z"},
	}
	for rule, late := range map[string][2]bool{ // on the last year's first day, in the last year
		"FREQ=SECONDLY": {true, true}, "FREQ=MINUTELY;INTERVAL=7": {true, true}, "FREQ=DAILY": {true, true}, "FREQ=HOURLY;UNTIL=99991231T235959Z": {true, true},
		"FREQ=DAILY;COUNT=2000000000": {true, true}, "FREQ=DAILY;COUNT=2000": {}, "FREQ=WEEKLY;INTERVAL=2000000000": {}, "FREQ=WEEKLY;UNTIL=19991231": {},
		"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30": {}, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30": {}, "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30": {},
		"FREQ=MONTHLY;BYDAY=5MO;BYSETPOS=-1": {false, true}, "FREQ=YEARLY;BYWEEKNO=53": {}, "FREQ=YEARLY;BYWEEKNO=52": {false, true},
		"FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1": {}, "FREQ=DAILY;BYSETPOS=2": {}, "FREQ=DAILY;BYWEEKNO=53;BYMONTH=6": {},
		"FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10": {true, true}, "FREQ=HOURLY;BYDAY=TU": {false, true}, "FREQ=SECONDLY;BYSECOND=7;BYMINUTE=7;BYHOUR=7": {true, true},
		// Nobody knows when these take place.
		"FREQ=DAILY;INTERVAL=-1": {true, true}, "RRULE": {true, true}, "": {true, true}, "FREQ=DAILY;BYDAY=XX": {true, true}, "FREQ=DAILY;COUNT=99999999999": {true, true},
	} {
		h := holding(t, raw("o", "VEVENT", comp("VEVENT", "DTSTART:19700101T080000Z\nDURATION:PT1S\nRRULE:"+rule)))
		for name, span := range ranges {
			want := map[string]bool{"all of time": true, "the last year's first day": late[0], "the last year": late[1]}[name]
			if got := len(decode(t, do(t, h, "REPORT", events, queryBody(timeRange("VEVENT", span[0], span[1]), ""))).Responses) == 1; got != want {
				t.Errorf("%q in %s: %v, want %v", rule, name, got, want)
			}
		}
	}
}
