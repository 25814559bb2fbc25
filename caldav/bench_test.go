package caldav_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// thousand is a store with one calendar of 1,000 entries, a school year.
func thousand(b *testing.B) http.Handler {
	b.Helper()
	var entries []school.Entry
	for i := range 1000 {
		start := at(8, 17, 8, 20).AddDate(0, 0, i/4).Add(time.Duration(i%4) * 90 * time.Minute)
		e := event(fmt.Sprintf("e%031d", i), "Matematik", start, start.Add(time.Hour))
		e.Body, e.Place = "Räkna vidare i kapitel 4; ta med räknedosa.", "Sal A14"
		entries = append(entries, e)
	}
	m := newMemory()
	m.put("1-events", build(b, icalendar.Info{Name: "Matte: skolan", Color: "#1F77B4"}, entries...))
	return server(b, m, nil)
}

// blank is a ResponseWriter that keeps nothing.
type blank struct{ header http.Header }

func (w *blank) Header() http.Header         { return w.header }
func (w *blank) Write(p []byte) (int, error) { return len(p), nil }
func (w *blank) WriteHeader(int)             {}

// Benchmark measures the handler, and beside each case a bare handler that
// writes the same bytes.
func Benchmark(b *testing.B) {
	h := thousand(b)
	hrefs := make([]string, 1000)
	for i := range hrefs {
		hrefs[i] = fmt.Sprintf("%se%031d.ics", events, i)
	}
	week := `<C:comp-filter name="VEVENT"><C:time-range start="20261115T230000Z" end="20261122T230000Z"/></C:comp-filter>`
	const listing = `<propfind xmlns="DAV:"><prop><getetag/><getcontenttype/><resourcetype/></prop></propfind>`
	const state = `<propfind xmlns="DAV:"><prop><sync-token/><c:getctag xmlns:c="http://calendarserver.org/ns/"/></prop></propfind>`
	data := "<D:getetag/><C:calendar-data/>"
	cases := []struct{ name, method, path, body, depth string }{
		{"propfind-depth0-ctag", "PROPFIND", events, state, "0"},
		{"propfind-depth1-1000", "PROPFIND", events, listing, "1"},
		{"query-week-etag", "REPORT", events, queryBody(week, ""), "1"},
		{"query-week-data", "REPORT", events, strings.Replace(queryBody(week, ""), "<D:getetag/>", data, 1), "1"},
		{"query-open-end", "REPORT", events, queryBody(timeRange("VEVENT", "20260817T000000Z", ""), ""), "1"},
		{"query-week-expand", "REPORT", events, strings.Replace(queryBody(week, ""), "<D:getetag/>", `<C:calendar-data><C:expand start="20261115T230000Z" end="20261122T230000Z"/></C:calendar-data>`, 1), "1"},
		{"multiget-50", "REPORT", events, multigetBody(data, hrefs[:50]...), ""},
		{"multiget-1000", "REPORT", events, multigetBody(data, hrefs...), ""},
		{"sync-initial", "REPORT", events, syncBody("", ""), "1"},
		{"sync-unchanged", "REPORT", events, syncBody("urn:syncd:sync:g1:1-events-1", ""), "1"},
		{"get", "GET", hrefs[0], "", ""},
	}
	for _, c := range cases {
		request := func() *http.Request {
			r := httptest.NewRequestWithContext(b.Context(), c.method, c.path, strings.NewReader(c.body))
			r.Header.Set("Depth", c.depth)
			return r
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, request())
		if rec.Code != 207 && rec.Code != 200 {
			b.Fatalf("%s = %d", c.name, rec.Code)
		}
		answer := rec.Body.Bytes()
		bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/xml; charset=utf-8")
			w.WriteHeader(rec.Code)
			_, _ = w.Write(answer)
		})
		for name, handler := range map[string]http.Handler{"caldav": h, "bare": bare} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(answer)))
				w := &blank{header: http.Header{}}
				for b.Loop() {
					clear(w.header)
					handler.ServeHTTP(w, request())
				}
			})
		}
	}
}

// BenchmarkUnkept measures answers that have to be made: no two requests are
// the same.
func BenchmarkUnkept(b *testing.B) {
	h := thousand(b)
	week := `<C:comp-filter name="VEVENT"><C:time-range start="20261115T230000Z" end="20261122T230000Z"/></C:comp-filter>`
	cases := []struct{ name, method, body, depth string }{
		{"propfind-depth0", "PROPFIND", `<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`, "0"},
		{"propfind-depth1-1000", "PROPFIND", `<propfind xmlns="DAV:"><prop><getetag/><getcontenttype/><resourcetype/></prop></propfind>`, "1"},
		{"sync-initial", "REPORT", syncBody("", ""), "1"},
		{"query-week-data", "REPORT", strings.Replace(queryBody(week, ""), "<D:getetag/>", "<D:getetag/><C:calendar-data/>", 1), "1"},
		{"query-week-expand", "REPORT", strings.Replace(queryBody(week, ""), "<D:getetag/>", `<C:calendar-data><C:expand start="20261115T230000Z" end="20261122T230000Z"/></C:calendar-data>`, 1), "1"},
		{"query-text", "REPORT", queryBody(`<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match>x</C:text-match></C:prop-filter></C:comp-filter>`, ""), "1"},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			w := &blank{header: http.Header{}}
			for n := 0; b.Loop(); n++ {
				r := httptest.NewRequestWithContext(b.Context(), c.method, events, strings.NewReader(fmt.Sprintf("<!-- %d -->%s", n, c.body)))
				r.Header.Set("Depth", c.depth)
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}
