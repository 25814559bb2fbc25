package e2e_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/web"
	"syncd/source"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen/skolplattformentest"
	"syncd/storage"
	"syncd/storage/vault"
)

// residence is a house to measure in: the program on its sealed files, with
// one child whose calendar holds n entries.
type residence struct {
	tb        testing.TB
	base      string
	app       *app.App
	addresses web.Addresses
	calendar  string // path of the large calendar
}

func newResidence(tb testing.TB, entries int) *residence {
	tb.Helper()
	dir, clock := tb.TempDir(), newClock()
	world := schooltest.Family(now())
	world.Scale(entries)
	fake := skolplattformentest.New(world, skolplattformentest.Options{Now: clock.now})
	fake.SSO().Phone().Auto(skolplattformentest.Persons(world)[0], 0)
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	keys, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: filepath.Join(dir, "data")})
	if err != nil {
		tb.Fatal(err)
	}
	db, err := storage.Open(ctx, storage.Options{Dir: filepath.Join(dir, "data"), Keys: keys, Now: clock.now, Log: log})
	if err != nil {
		tb.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	r := &residence{tb: tb, base: "http://" + ln.Addr().String()}
	if r.app, err = app.New(ctx, app.Config{
		DB: db, DataDir: filepath.Join(dir, "data"), BaseURL: r.base, Platforms: app.Platforms(), Now: clock.now, Log: log, Transport: fake,
	}); err != nil {
		tb.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.app.Run(ctx, ln) }()
	tb.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, db.Close()); err != nil {
			tb.Error(err)
		}
	})
	if err := r.app.Join(ctx, "skolplattformen", nil, source.BankIDQR); err != nil {
		tb.Fatal(err)
	}
	if r.addresses, err = r.app.AddLink(ctx, web.NewLink{Label: "Prov"}, time.Time{}); err != nil {
		tb.Fatal(err)
	}
	last := school.ChildNumber(0)
	for _, c := range r.addresses.Calendars {
		last = max(last, c.Child)
	}
	r.calendar = fmt.Sprintf("/dav/%s/calendars/%d-events/", r.addresses.CalDAV.User, last)
	return r
}

// message is a request as it goes over the wire, with the link's password.
func (r *residence) message(method, path, body string, headers ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n",
		method, path, basic(r.addresses.CalDAV.User, r.addresses.CalDAV.Password), len(body))
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return []byte(b.String())
}

// exchange sends a message n times over one connection and returns the last
// answer, its body only if it is to be kept.
func exchange(tb testing.TB, address string, message []byte, n int, keep bool) (a reply) {
	tb.Helper()
	var d net.Dialer
	conn, err := d.DialContext(context.Background(), "tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		tb.Error(err)
		return a
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewReaderSize(conn, 64<<10)
	for range n {
		if _, err := conn.Write(message); err != nil {
			tb.Error(err)
			return a
		}
		if a, err = receive(in, keep); err != nil {
			tb.Error(err)
			return a
		}
	}
	return a
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func receive(in *bufio.Reader, keep bool) (a reply, err error) {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	a = reply{status: resp.StatusCode, header: resp.Header}
	if keep {
		a.body, err = io.ReadAll(resp.Body)
		return a, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return a, err
}

// A round of a measurement is so many requests over each of so many connections.
const (
	connections = 4
	roundLength = 25
)

// median is what a round took on a machine where nothing else was going on,
// as long as that is so most of the time.
func median(rounds []time.Duration) time.Duration {
	slices.Sort(rounds)
	return rounds[len(rounds)/2]
}

// processorTime is what this process has used of the processors, server and
// client together: other programs on the machine do not count.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// load sends a message n times over each connection.
func load(tb testing.TB, address string, message []byte, n int) time.Duration {
	tb.Helper()
	start := time.Now()
	var all sync.WaitGroup
	for range connections {
		all.Go(func() { exchange(tb, address, message, n, false) })
	}
	all.Wait()
	return time.Since(start)
}

// bare is a server that only writes: the same status, headers and bytes as an
// answer of the program's.
func bare(tb testing.TB, a reply) string {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	header := a.header.Clone()
	header.Del("Date")
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		maps.Copy(w.Header(), header)
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body)
	})}
	go func() { _ = srv.Serve(ln) }()
	tb.Cleanup(func() { _ = srv.Close() })
	return "http://" + ln.Addr().String()
}

// reading is one thing to measure, with the least rate it should have of the
// bare server's.
type reading struct {
	name    string
	message []byte
	least   float64
}

func (r *residence) readings() []reading {
	const cal = `xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"`
	listing := `<propfind xmlns="DAV:"><prop><getetag/><getcontenttype/><resourcetype/></prop></propfind>`
	listed := exchange(r.tb, r.base, r.message("PROPFIND", r.calendar, listing, "Depth: 1"), 1, true)
	var hrefs []string
	for part := range strings.SplitSeq(string(listed.body), "<D:href>") {
		if href, _, _ := strings.Cut(part, "<"); strings.HasSuffix(href, ".ics") {
			hrefs = append(hrefs, href)
		}
	}
	multiget := func(n int) string {
		return `<C:calendar-multiget ` + cal + `><prop><getetag/><C:calendar-data/></prop><href>` + strings.Join(hrefs[:n], "</href><href>") + `</href></C:calendar-multiget>`
	}
	query := func(prop, span string) string {
		return `<C:calendar-query ` + cal + `><prop>` + prop + `</prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range ` + span + `/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`
	}
	week := `start="20261115T230000Z" end="20261122T230000Z"`
	sync := func(token string) string {
		return `<sync-collection xmlns="DAV:"><sync-token>` + token + `</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`
	}
	initial := exchange(r.tb, r.base, r.message("REPORT", r.calendar, sync(""), "Depth: 1"), 1, true)
	_, token, _ := strings.Cut(string(initial.body), "<D:sync-token>")
	token, _, _ = strings.Cut(token, "<")
	object := exchange(r.tb, r.base, r.message("GET", hrefs[0], ""), 1, true)
	home := "/dav/" + r.addresses.CalDAV.User + "/calendars/"
	state := `<propfind xmlns="DAV:" xmlns:S="http://calendarserver.org/ns/"><prop><sync-token/><S:getctag/></prop></propfind>`
	apple := `<propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:S="http://calendarserver.org/ns/" xmlns:I="http://apple.com/ns/ical/"><prop><displayname/><I:calendar-color/><I:calendar-order/><C:calendar-description/><C:calendar-timezone/><current-user-privilege-set/><S:getctag/><owner/><resource-id/><resourcetype/><C:supported-calendar-component-set/><supported-report-set/><sync-token/><add-member/><S:pushkey/></prop></propfind>`
	return []reading{
		{"options", r.message("OPTIONS", home, ""), 0.7},
		{"propfind-depth0-ctag", r.message("PROPFIND", r.calendar, state, "Depth: 0"), 0.7},
		{"sync-unchanged", r.message("REPORT", r.calendar, sync(token), "Depth: 1"), 0.7},
		{"get-304", r.message("GET", hrefs[0], "", "If-None-Match: "+object.header.Get("ETag")), 0.7},
		{"get", r.message("GET", hrefs[0], ""), 0.7},
		{"propfind-home-apple", r.message("PROPFIND", home, apple, "Depth: 1"), 0.4},
		{"propfind-depth1", r.message("PROPFIND", r.calendar, listing, "Depth: 1"), 0.4},
		{"propfind-depth1-gzip", r.message("PROPFIND", r.calendar, listing, "Depth: 1", "Accept-Encoding: gzip"), 0.4},
		{"sync-initial", r.message("REPORT", r.calendar, sync(""), "Depth: 1"), 0.4},
		{"query-week-etag", r.message("REPORT", r.calendar, query("<getetag/>", week), "Depth: 1"), 0},
		{"query-week-data", r.message("REPORT", r.calendar, query("<getetag/><C:calendar-data/>", week), "Depth: 1"), 0},
		{"query-open-end", r.message("REPORT", r.calendar, query("<getetag/>", `start="20260824T000000Z"`), "Depth: 1"), 0},
		{"multiget-50", r.message("REPORT", r.calendar, multiget(50)), 0},
		{"multiget-all", r.message("REPORT", r.calendar, multiget(len(hrefs))), 0},
	}
}

// BenchmarkCalDAV measures the whole program over real connections, password
// and all, beside a server that only writes the same bytes. "of-bare" is its
// rate as a share of that server's, "aim" what that should be at least;
// "ms-alone" is what one request takes that comes alone.
func BenchmarkCalDAV(b *testing.B) {
	b.Run("heap", benchmarkHeap)
	r := newResidence(b, 1000)
	for _, m := range r.readings() {
		b.Run(m.name, func(b *testing.B) {
			a := exchange(b, r.base, m.message, 3, true)
			if a.status == 0 || a.status >= 400 {
				b.Fatalf("answer = %d", a.status)
			}
			only := bare(b, a)
			for range 3 { // both warm
				load(b, r.base, m.message, 3)
				load(b, only, m.message, 3)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(a.body)))
			var ours, theirs, alone []time.Duration
			for range 15 {
				start := time.Now()
				exchange(b, r.base, m.message, 4, false)
				alone = append(alone, time.Since(start)/4)
			}
			before := processorTime()
			var busy time.Duration
			for b.Loop() {
				// In turns, in short rounds, so that both see the same machine.
				ours = append(ours, load(b, r.base, m.message, roundLength))
				b.StopTimer()
				busy += processorTime() - before
				theirs = append(theirs, load(b, only, m.message, roundLength))
				before = processorTime()
				b.StartTimer()
			}
			const requests = connections * roundLength
			took := median(ours)
			b.ReportMetric(requests/took.Seconds(), "req/s")
			b.ReportMetric(float64(busy.Microseconds())/requests/float64(len(ours)), "cpu-µs/req")
			b.ReportMetric(float64(median(alone).Microseconds())/1000, "ms-alone")
			b.ReportMetric(median(theirs).Seconds()/took.Seconds(), "of-bare")
			if m.least > 0 {
				b.ReportMetric(m.least, "aim")
			}
		})
	}
}

// benchmarkHeap reports what the program holds that serves 20 calendars of
// 1,000 entries, after each was listed and fetched.
func benchmarkHeap(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := newResidence(b, 1000)
	links := []web.Addresses{r.addresses}
	for len(links) < 20 {
		l, err := r.app.AddLink(context.Background(), web.NewLink{Label: fmt.Sprint(len(links))}, time.Time{})
		if err != nil {
			b.Fatal(err)
		}
		links = append(links, l)
	}
	for _, l := range links {
		r.calendar = strings.Replace(r.calendar, r.addresses.CalDAV.User, l.CalDAV.User, 1)
		r.addresses = l
		for _, m := range r.readings() {
			exchange(b, r.base, m.message, 2, false)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	live := float64(after.HeapAlloc-before.HeapAlloc) / (1 << 20)
	if live > 64 {
		b.Errorf("%.1f MiB are held, want at most 64", live)
	}
	for b.Loop() {
		runtime.KeepAlive(r) // nothing to be timed
	}
	b.ReportMetric(live, "MiB-live")
}
