package feeds_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds"
	"syncd/feeds/icalendar"
	"syncd/source/school"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	types := map[string]string{
		"ics": "text/calendar; charset=utf-8", "atom": "application/atom+xml; charset=utf-8",
		"rss": "application/rss+xml; charset=utf-8", "json": "application/feed+json; charset=utf-8",
	}
	var used []string
	srv := serve(t, newStore(), func(c *feeds.Config) {
		c.Used = func(_ context.Context, token string) { used = append(used, token) }
	})
	for name, path := range addresses() {
		used = nil
		w := srv.ask(t, http.MethodGet, path)
		got := map[string]string{}
		for _, h := range []string{
			"Content-Type", "Cache-Control", "Vary", "X-Robots-Tag", "X-Content-Type-Options", "Referrer-Policy",
			"Content-Encoding", "Content-Length", "Www-Authenticate", "Set-Cookie",
		} {
			got[h] = w.Header().Get(h)
		}
		want := map[string]string{
			"Content-Type": types[name], "Cache-Control": "private, max-age=900", "Vary": "Accept-Encoding",
			"X-Robots-Tag": "noindex, nofollow", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Encoding": "", "Content-Length": fmt.Sprint(w.Body.Len()), "Www-Authenticate": "", "Set-Cookie": "",
		}
		if diff := cmp.Diff(want, got); diff != "" || w.Code != http.StatusOK {
			t.Errorf("GET %s = %d (-want +got):\n%s", name, w.Code, diff)
		}
		if tag := w.Header().Get("Etag"); len(tag) != 22 || !strings.HasPrefix(tag, `"`) {
			t.Errorf("%s: ETag %s is not strong", name, tag)
		}
		if _, err := http.ParseTime(w.Header().Get("Last-Modified")); err != nil {
			t.Errorf("%s: Last-Modified: %v", name, err)
		}
		if len(used) != 1 || !strings.Contains(path, used[0]) {
			t.Errorf("%s: use was told of as %v", name, used)
		}
		head := srv.ask(t, http.MethodHead, path)
		if diff := cmp.Diff(w.Header(), head.Header()); diff != "" || head.Body.Len() != 0 || head.Code != http.StatusOK {
			t.Errorf("HEAD %s = %d with %d octets (-GET +HEAD):\n%s", name, head.Code, head.Body.Len(), diff)
		}
	}
	if srv.log.Len() != 0 {
		t.Errorf("log: %s", srv.log)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	srv := serve(t, newStore(), nil)
	for name, path := range addresses() {
		first := srv.ask(t, http.MethodGet, path)
		tag, date := first.Header().Get("Etag"), first.Header().Get("Last-Modified")
		modified, err := http.ParseTime(date)
		if err != nil {
			t.Fatal(err)
		}
		earlier, later := modified.Add(-time.Second).Format(http.TimeFormat), modified.Add(time.Hour).Format(http.TimeFormat)
		for _, tc := range []struct {
			header []string
			want   int
		}{
			{[]string{"If-None-Match", tag}, 304},
			{[]string{"If-None-Match", "W/" + tag}, 304},
			{[]string{"If-None-Match", `"other", ` + tag}, 304},
			{[]string{"If-None-Match", `"other",,W/"x" ,` + tag + ` ,"y"`}, 304},
			{[]string{"If-None-Match", `"other"`, "If-None-Match", tag}, 304},
			{[]string{"If-None-Match", "*"}, 304},
			{[]string{"If-None-Match", `"other"`}, 200},
			{[]string{"If-None-Match", strings.Trim(tag, `"`)}, 200},
			{[]string{"If-None-Match", `"`}, 200},
			{[]string{"If-None-Match", `W/`}, 200},
			{[]string{"If-None-Match", ""}, 200},
			{[]string{"If-None-Match", `"other"`, "If-Modified-Since", later}, 200},
			{[]string{"If-None-Match", tag, "If-Modified-Since", earlier}, 304},
			{[]string{"If-Modified-Since", date}, 304},
			{[]string{"If-Modified-Since", later}, 200}, // not a date that was handed out
			{[]string{"If-Modified-Since", earlier}, 200},
			{[]string{"If-Modified-Since", "yesterday"}, 200},
			{[]string{"If-None-Match", tag, "Accept-Encoding", "gzip"}, 200}, // another representation
			{[]string{"If-None-Match", strings.TrimSuffix(tag, `"`) + `-gz"`, "Accept-Encoding", "gzip"}, 304},
			{[]string{"Authorization", "Bearer x"}, 200},
			{[]string{"Authorization", "Basic eDp5"}, 200},
			{[]string{"Accept", "text/html"}, 200},
			{[]string{"Range", "bytes=0-3"}, 200},
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				w := srv.ask(t, method, path, tc.header...)
				if w.Code != tc.want {
					t.Errorf("%s %s with %q = %d, want %d", method, name, tc.header, w.Code, tc.want)
				}
				if w.Code == http.StatusNotModified && (w.Body.Len() != 0 || w.Header().Get("Etag") == "" || w.Header().Get("Cache-Control") == "" || w.Header().Get("Vary") == "") {
					t.Errorf("%s %s with %q: 304 with %d octets and %v", method, name, tc.header, w.Body.Len(), w.Header())
				}
			}
		}
		noise := srv.ask(t, http.MethodGet, path+"?v=2&kinds=all")
		if noise.Code != 200 || noise.Header().Get("Etag") != tag || !bytes.Equal(noise.Body.Bytes(), first.Body.Bytes()) {
			t.Errorf("%s: a query changes the answer to %d", name, noise.Code)
		}
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	srv := serve(t, newStore(), nil)
	for name, path := range addresses() {
		plain := srv.ask(t, http.MethodGet, path)
		var first []byte
		for _, tc := range []struct {
			accept string
			want   string
		}{
			{"gzip", "gzip"},
			{"br, gzip;q=0.5", "gzip"},
			{"x-gzip", "gzip"},
			{"*", "gzip"},
			{"GZIP ; q=1", "gzip"},
			{"", ""},
			{"br", ""},
			{"gzip;q=0", ""},
			{"gzip; q=0.000, br", ""},
			{"identity", ""},
			{"gzipped", ""},
		} {
			w := srv.ask(t, http.MethodGet, path, "Accept-Encoding", tc.accept)
			if got := w.Header().Get("Content-Encoding"); got != tc.want || w.Code != 200 {
				t.Errorf("%s: Accept-Encoding %q gives %d %q, want %q", name, tc.accept, w.Code, got, tc.want)
				continue
			}
			if tc.want == "" {
				continue
			}
			if first == nil {
				first = w.Body.Bytes()
			}
			if !bytes.Equal(first, w.Body.Bytes()) || w.Header().Get("Etag") == plain.Header().Get("Etag") || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: compressed twice, differently, or under the tag of the plain form", name)
			}
			zr, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(zr)
			if err != nil || !bytes.Equal(data, plain.Body.Bytes()) {
				t.Errorf("%s: unpacked octets differ, %v", name, err)
			}
		}
	}
}

// where keeps where the octets lie that it is given.
type where struct {
	httptest.ResponseRecorder

	first *byte
}

func (w *where) Write(p []byte) (int, error) {
	w.first = &p[0]
	return len(p), nil
}

// TestDocumentsAreMadeOnce asks for each document twice, by two people: both
// are sent the same octets in memory, rendered and compressed once.
func TestDocumentsAreMadeOnce(t *testing.T) {
	t.Parallel()
	srv := serve(t, newStore(), nil)
	for name, path := range addresses() {
		for _, accept := range []string{"identity", "gzip"} {
			var at [2]*byte
			for i := range at {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
				r.Header.Set("Accept-Encoding", accept)
				w := &where{}
				w.HeaderMap = http.Header{}
				srv.ServeHTTP(w, r)
				at[i] = w.first
			}
			if at[0] == nil || at[0] != at[1] {
				t.Errorf("%s, %s: made twice", name, accept)
			}
		}
	}
}

func TestCacheControlByNight(t *testing.T) {
	t.Parallel()
	srv := serve(t, newStore(), nil)
	loc := school.Stockholm()
	for _, day := range []school.Date{school.NewDate(2026, 6, 3), school.NewDate(2026, 12, 2)} {
		for clock, want := range map[[2]int]string{
			{5, 59}: "private, max-age=3600", {6, 0}: "private, max-age=900", {12, 0}: "private, max-age=900",
			{21, 59}: "private, max-age=900", {22, 0}: "private, max-age=3600", {0, 0}: "private, max-age=3600",
		} {
			srv.now = day.At(clock[0], clock[1], loc)
			if got := srv.ask(t, http.MethodGet, addresses()["atom"]).Header().Get("Cache-Control"); got != want {
				t.Errorf("%v %v: Cache-Control %q, want %q", day, clock, got, want)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	srv := serve(t, newStore(), nil)
	for _, path := range []string{addresses()["ics"], addresses()["atom"], "/m/" + mediaID + "/x", "/c/unknown/1-events.ics", "/"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "REPORT", "TRACE", "get"} {
			w := srv.ask(t, method, path)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s = %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
}

func TestUnknownIsUnknown(t *testing.T) {
	t.Parallel()
	var want http.Header
	for _, path := range []string{
		"/c/unknown/1-events.ics", "/c/" + calendarToken + "/2-events.ics", "/c/" + feedToken + "/1-events.ics",
		"/c/" + calendarToken + "/1-events", "/c/" + calendarToken + "/1-events.ics/", "/c/" + calendarToken + "/", "/c/" + calendarToken,
		"/c/" + calendarToken + "/1-events.ICS", "/c//1-events.ics", "/c/" + calendarToken + "/x/1-events.ics",
		"/f/unknown/1-all.atom", "/f/" + calendarToken + "/1-all.atom", "/f/" + feedToken + "/1-all", "/f/" + feedToken + "/1-all.xml",
		"/f/" + feedToken + "/1-all.atom.rss", "/f/" + feedToken + "/.atom", "/f/" + feedToken + "/1-news.atom",
		"/m/unknown/x.jpg", "/m/" + mediaID, "/m/" + mediaID + "/", "/m//x", "/x/" + feedToken + "/1-all.atom", "/", "/c", "/s/x/feeds.opml",
		"/c/%2e%2e/1-events.ics",
	} {
		srv := serve(t, newStore(), nil)
		w := srv.ask(t, http.MethodGet, path)
		if w.Code != http.StatusNotFound || w.Body.String() != "Not Found\n" {
			t.Errorf("GET %s = %d %q", path, w.Code, w.Body)
		}
		if want == nil {
			want = w.Header()
		}
		if diff := cmp.Diff(want, w.Header()); diff != "" {
			t.Errorf("GET %s answers otherwise than another unknown address:\n%s", path, diff)
		}
		if want.Get("X-Robots-Tag") == "" || want.Get("Location") != "" || strings.Contains(fmt.Sprint(want), feedToken) {
			t.Errorf("headers of 404: %v", want)
		}
		if head := srv.ask(t, http.MethodHead, path); head.Code != http.StatusNotFound || head.Body.Len() != 0 {
			t.Errorf("HEAD %s = %d with %d octets", path, head.Code, head.Body.Len())
		}
		if srv.log.Len() != 0 {
			t.Errorf("GET %s: log %s", path, srv.log)
		}
	}
}

// peerNamed takes the word of the request for its peer.
func peerNamed(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddr(r.Header.Get("X-Peer"))
	return peer
}

// A reader that asks for everything again and again has to wait for the rest
// of the minute; one that asks whether something is new never has to, and
// neither does another peer, or the same one with another token.
func TestRunawayReadersWait(t *testing.T) {
	t.Parallel()
	srv := serve(t, newStore(), func(c *feeds.Config) { c.Peer = peerNamed })
	ask := func(peer, method, path string, header ...string) *httptest.ResponseRecorder {
		return srv.ask(t, method, path, append(header, "X-Peer", peer)...)
	}
	ics, atom := addresses()["ics"], addresses()["atom"]
	tag := ask("10.0.0.1", http.MethodHead, ics).Header().Get("Etag")
	for i := range 610 {
		w := ask("10.0.0.1", http.MethodGet, ics)
		want, wait := http.StatusOK, ""
		if i >= 600 {
			want, wait = http.StatusTooManyRequests, "60"
		}
		if w.Code != want || w.Header().Get("Retry-After") != wait || (w.Header().Get("Etag") != "") != (want == http.StatusOK) {
			t.Fatalf("answer %d = %d, Retry-After %q, Etag %q, want %d", i, w.Code, w.Header().Get("Retry-After"), w.Header().Get("Etag"), want)
		}
	}
	for what, got := range map[string]int{
		"304":              ask("10.0.0.1", http.MethodGet, ics, "If-None-Match", tag).Code - http.StatusNotModified,
		"HEAD":             ask("10.0.0.1", http.MethodHead, ics).Code - http.StatusOK,
		"another token":    ask("10.0.0.1", http.MethodGet, atom).Code - http.StatusOK,
		"another peer":     ask("10.0.0.2", http.MethodGet, ics).Code - http.StatusOK,
		"a guess":          ask("10.0.0.1", http.MethodGet, "/c/x/y.ics").Code - http.StatusNotFound,
		"and still a full": ask("10.0.0.1", http.MethodGet, ics).Code - http.StatusTooManyRequests,
	} {
		if got != 0 {
			t.Errorf("%s: the status is off by %d", what, got)
		}
	}
	for range 500 {
		if w := ask("10.0.0.3", http.MethodGet, ics, "If-None-Match", tag); w.Code != http.StatusNotModified {
			t.Fatalf("a poll = %d", w.Code)
		}
	}
	srv.now = srv.now.Add(time.Minute)
	if w := ask("10.0.0.1", http.MethodGet, ics); w.Code != http.StatusOK {
		t.Errorf("a minute later = %d", w.Code)
	}
}

// nowhere takes an answer without keeping it.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) WriteHeader(int)             {}
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }

// To count answers costs no memory: with and without a bound they allocate
// alike.
func TestCountingAllocatesNothing(t *testing.T) {
	var allocs [2]float64
	for i, most := range []int{-1, 1 << 30} {
		srv := serve(t, newStore(), func(c *feeds.Config) { c.PerMinute = most })
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, addresses()["ics"], nil)
		w := nowhere{http.Header{}}
		allocs[i] = testing.AllocsPerRun(200, func() { srv.ServeHTTP(w, r) })
	}
	if allocs[0] != allocs[1] {
		t.Errorf("an answer allocates %v times, counted %v", allocs[0], allocs[1])
	}
}

func TestGuessersWait(t *testing.T) {
	t.Parallel()
	srv := serve(t, newStore(), func(c *feeds.Config) {
		c.Peer = peerNamed
	})
	for i := range 12 {
		w := srv.ask(t, http.MethodGet, fmt.Sprintf("/c/guess%d/1-events.ics", i), "X-Peer", "10.0.0.1")
		want := http.StatusNotFound
		if i >= 10 {
			want = http.StatusTooManyRequests
		}
		if w.Code != want || (want == http.StatusTooManyRequests) != (w.Header().Get("Retry-After") == "60") {
			t.Errorf("miss %d = %d, Retry-After %q, want %d", i, w.Code, w.Header().Get("Retry-After"), want)
		}
	}
	if w := srv.ask(t, http.MethodGet, "/f/guess/1-all.atom", "X-Peer", "10.0.0.2"); w.Code != http.StatusNotFound {
		t.Errorf("another peer = %d", w.Code)
	}
	if w := srv.ask(t, http.MethodGet, addresses()["ics"], "X-Peer", "10.0.0.1"); w.Code != http.StatusOK {
		t.Errorf("a subscriber behind the guesser's address = %d", w.Code)
	}
	srv.now = srv.now.Add(59500 * time.Millisecond)
	if w := srv.ask(t, http.MethodGet, "/c/x/y.ics", "X-Peer", "10.0.0.1"); w.Header().Get("Retry-After") != "1" {
		t.Errorf("half a second before the end: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	srv.now = srv.now.Add(time.Second)
	if w := srv.ask(t, http.MethodGet, "/c/x/y.ics", "X-Peer", "10.0.0.1"); w.Code != http.StatusNotFound {
		t.Errorf("a minute later = %d", w.Code)
	}
	// Very many peers are forgotten rather than kept.
	for i := range 10000 {
		if w := srv.ask(t, http.MethodGet, "/c/x/y.ics", "X-Peer", fmt.Sprintf("10.1.%d.%d", i/250, i%250)); w.Code != http.StatusNotFound {
			t.Fatalf("peer %d = %d", i, w.Code)
		}
	}
}

func TestPeerIsTheConnection(t *testing.T) {
	t.Parallel()
	srv := serve(t, newStore(), nil)
	from := func(addr string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/c/x/y.ics", nil)
		r.RemoteAddr = addr
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		return w.Code
	}
	for i := range 11 {
		from(fmt.Sprintf("[2001:db8::1]:%d", 1000+i))
	}
	if got := from("[2001:db8::1]:9"); got != http.StatusTooManyRequests {
		t.Errorf("another port of the same host = %d", got)
	}
	if got := from("@"); got != http.StatusNotFound {
		t.Errorf("a peer without a port = %d", got)
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	s := newStore()
	s.err = errors.New("storage: read: database is locked")
	srv := serve(t, s, nil)
	for _, path := range []string{addresses()["ics"], addresses()["rss"], "/m/" + mediaID + "/x"} {
		w := srv.ask(t, http.MethodGet, path)
		if w.Code != http.StatusInternalServerError || w.Body.String() != "Internal Server Error\n" || w.Header().Get("Etag") != "" {
			t.Errorf("GET %s = %d %q", path, w.Code, w.Body)
		}
	}
	log := srv.log.String()
	if strings.Count(log, "database is locked") != 3 || strings.Contains(log, calendarToken) || strings.Contains(log, feedToken) || strings.Contains(log, mediaID) {
		t.Errorf("log: %s", log)
	}
	srv.log.Reset()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, addresses()["ics"], nil))
	if srv.log.Len() != 0 {
		t.Errorf("a subscriber who left is logged: %s", srv.log)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := feeds.Config{Store: newStore(), BaseURL: base, Now: noon, Log: slog.New(slog.DiscardHandler)}
	if _, err := feeds.New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*feeds.Config){
		"no store": func(c *feeds.Config) { c.Store = nil },
		"no clock": func(c *feeds.Config) { c.Now = nil },
		"no log":   func(c *feeds.Config) { c.Log = nil },
		"no base":  func(c *feeds.Config) { c.BaseURL = "" },
		"ftp":      func(c *feeds.Config) { c.BaseURL = "ftp://x.example" },
		"query":    func(c *feeds.Config) { c.BaseURL = "https://x.example/?a" },
		"bad":      func(c *feeds.Config) { c.BaseURL = "https://x\n" },
		"bound":    func(c *feeds.Config) { c.CacheBytes = -1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := feeds.New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Compressed calendars stay under the bound, whichever are asked for.
func TestManyCalendars(t *testing.T) {
	t.Parallel()
	s := newStore()
	srv := serve(t, s, func(c *feeds.Config) { c.CacheBytes = 2000 })
	plain := map[string][]byte{}
	for round := range 3 {
		for i := range 20 {
			c, _ := icalendar.Build(icalendar.Info{Name: fmt.Sprint(i)}, nil, icalendar.Style{}, icalendar.Style{Feed: true})
			c.Slug = "1-events"
			s.collection = c
			w := srv.ask(t, http.MethodGet, addresses()["ics"], "Accept-Encoding", "gzip")
			zr, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(zr)
			if err != nil || !bytes.Equal(data, c.ICS) || round > 0 && !bytes.Equal(data, plain[c.ICSETag]) {
				t.Fatalf("calendar %d in round %d is not what was asked for: %v", i, round, err)
			}
			plain[c.ICSETag] = data
		}
	}
}

func (failing) Read([]byte) (int, error) { return 0, errors.New("vault: read: cut short") }
