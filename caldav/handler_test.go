package caldav_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/caldav"
	"syncd/feeds/icalendar"
	"syncd/source/school"
)

func TestNew(t *testing.T) {
	t.Parallel()
	ok := caldav.Config{
		Store: newMemory(), Log: slog.New(slog.DiscardHandler), Now: stamp,
		Link: func(context.Context) (school.LinkID, bool) { return link, true },
	}
	if _, err := caldav.New(ok); err != nil {
		t.Errorf("New = %v", err)
	}
	for name, spoil := range map[string]func(*caldav.Config){
		"store":  func(c *caldav.Config) { c.Store = nil },
		"link":   func(c *caldav.Config) { c.Link = nil },
		"log":    func(c *caldav.Config) { c.Log = nil },
		"now":    func(c *caldav.Config) { c.Now = nil },
		"prefix": func(c *caldav.Config) { c.Prefix = "dav" },
		"root":   func(c *caldav.Config) { c.Prefix = "/" },
	} {
		c := ok
		spoil(&c)
		if _, err := caldav.New(c); err == nil {
			t.Errorf("New without a usable %s = nil, want an error", name)
		}
	}
}

func TestUnauthenticated(t *testing.T) {
	t.Parallel()
	h, err := caldav.New(caldav.Config{
		Store: newMemory(), Log: slog.New(slog.DiscardHandler), Now: stamp,
		Link: func(context.Context) (school.LinkID, bool) { return "", false },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"OPTIONS", "PROPFIND", "GET", "PUT"} {
		w := do(t, h, method, "/dav/", "")
		if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || got != `Basic realm="syncd", charset="UTF-8"` {
			t.Errorf("%s = %d %q, want 401 Basic", method, w.Code, got)
		}
	}
}

func TestWellKnown(t *testing.T) {
	t.Parallel()
	h := server(t, newMemory(), nil)
	for _, path := range []string{"/.well-known/caldav", "/.well-known/caldav/"} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT", "POST", "PUT"} {
			w := do(t, h, method, path, "")
			if w.Code != 301 || w.Header().Get("Location") != "/dav/" {
				t.Errorf("%s %s = %d %q, want 301 /dav/", method, path, w.Code, w.Header().Get("Location"))
			}
		}
	}
}

// TestMethods holds every method against every kind of resource.
func TestMethods(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	paths := []string{
		"/", "/dav/", "/dav/l1/", "/dav/l1/calendars/", "/dav/l1/calendars/1-events/",
		"/dav/l1/calendars/1-events/e-june.ics", "/dav/l1/calendars/1-events/none.ics", "/dav/l2/",
	}
	tests := []struct {
		method string
		want   [8]int
	}{
		{"OPTIONS", [8]int{200, 200, 200, 200, 200, 200, 404, 404}},
		{"GET", [8]int{405, 405, 405, 405, 200, 200, 404, 404}},
		{"HEAD", [8]int{405, 405, 405, 405, 200, 200, 404, 404}},
		{"PROPFIND", [8]int{207, 207, 207, 207, 207, 207, 404, 404}},
		{"PROPPATCH", [8]int{405, 400, 400, 400, 400, 400, 404, 404}},
		{"REPORT", [8]int{400, 400, 400, 400, 400, 400, 404, 404}},
		{"PUT", [8]int{405, 403, 403, 403, 403, 403, 403, 403}},
		{"DELETE", [8]int{405, 403, 403, 403, 403, 403, 403, 403}},
		{"POST", [8]int{405, 403, 403, 403, 403, 403, 403, 403}},
		{"MKCALENDAR", [8]int{405, 403, 403, 403, 403, 403, 403, 403}},
		{"MKCOL", [8]int{405, 403, 403, 403, 403, 403, 403, 403}},
		{"COPY", [8]int{405, 403, 403, 403, 403, 403, 403, 403}},
		{"MOVE", [8]int{405, 403, 403, 403, 403, 403, 403, 403}},
		{"LOCK", [8]int{405, 403, 403, 403, 403, 403, 403, 403}},
		{"UNLOCK", [8]int{405, 403, 403, 403, 403, 403, 403, 403}},
		{"ACL", [8]int{405, 403, 403, 403, 403, 403, 403, 403}},
		{"PATCH", [8]int{405, 405, 405, 405, 405, 405, 405, 405}},
		{"TRACE", [8]int{405, 405, 405, 405, 405, 405, 405, 405}},
	}
	for _, tc := range tests {
		for i, path := range paths {
			w := do(t, h, tc.method, path, "")
			if w.Code != tc.want[i] {
				t.Errorf("%s %s = %d, want %d", tc.method, path, w.Code, tc.want[i])
			}
			allow := w.Header().Get("Allow")
			if (w.Code == 405 || tc.method == "OPTIONS" && w.Code == 200) && allow == "" {
				t.Errorf("%s %s has no Allow", tc.method, path)
			}
			for _, writing := range []string{"PUT", "POST", "DELETE"} {
				if strings.Contains(allow, writing) {
					t.Errorf("%s %s allows %s", tc.method, path, allow)
				}
			}
			if dav := w.Header().Get("DAV"); tc.method == "OPTIONS" && w.Code == 200 && dav != "1, 3, access-control, calendar-access" {
				t.Errorf("OPTIONS %s: DAV = %q", path, dav)
			}
		}
	}
}

// noBody fails the test when somebody reads it.
type noBody struct{ t *testing.T }

func (b noBody) Read([]byte) (int, error) {
	b.t.Error("the body was read")
	return 0, io.EOF
}

func TestRefusedWrites(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	tests := []struct{ method, path, href, privilege string }{
		{"PUT", events + "new.ics", events, "bind"},
		{"PUT", events + "e-june.ics", events + "e-june.ics", "write-content"},
		{"DELETE", events + "e-june.ics", events, "unbind"},
		{"DELETE", events, "/dav/l1/calendars/", "unbind"},
		{"MKCALENDAR", "/dav/l1/calendars/mine/", "/dav/l1/calendars/", "bind"},
		{"MOVE", events + "e-june.ics", events, "unbind"},
		{"LOCK", events + "e-june.ics", events + "e-june.ics", "write-content"},
		{"UNLOCK", events + "e-june.ics", events + "e-june.ics", "unlock"},
		{"ACL", events, events, "write-acl"},
		{"POST", events, events, "bind"},
		{"PUT", "/dav/l2/calendars/x/%3Cy%26.ics", "/dav/l2/calendars/x/", "bind"},
	}
	for _, tc := range tests {
		r := httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, noBody{t})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		want := `<error xmlns="DAV:"><need-privileges><resource><href>` + tc.href + `</href><privilege><` +
			tc.privilege + `/></privilege></resource></need-privileges></error>`
		if w.Code != 403 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s = %d %s, want 403 with %s", tc.method, tc.path, w.Code, w.Body, want)
		}
	}
}

func TestConditionalGet(t *testing.T) {
	t.Parallel()
	store := family(t)
	h := server(t, store, nil)
	c, err := store.Collection(t.Context(), link, "1-events")
	if err != nil {
		t.Fatal(err)
	}
	o, _ := c.Object("e-meeting.ics")
	object, whole := events+o.Name, `"`+c.ICSETag+`"`
	tag := `"` + o.ETag + `"`
	tests := []struct {
		method, path string
		headers      []string
		want         int
		body         []byte
	}{
		{"GET", object, nil, 200, o.Data},
		{"HEAD", object, nil, 200, nil},
		{"GET", object + "/", nil, 200, o.Data},
		{"GET", object, []string{"If-None-Match: " + tag}, 304, nil},
		{"GET", object, []string{`If-None-Match: "x", W/` + tag}, 304, nil},
		{"GET", object, []string{"If-None-Match: *"}, 304, nil},
		{"GET", object, []string{`If-None-Match: "x"`}, 200, o.Data},
		{"HEAD", object, []string{"If-None-Match: " + tag}, 304, nil},
		{"GET", object, []string{`If-Match: "x"`}, 412, nil},
		{"GET", object, []string{"If-Match: " + tag}, 200, o.Data},
		{"GET", object, []string{"If-Modified-Since: " + o.Modified.Format(http.TimeFormat)}, 304, nil},
		{"GET", object, []string{"Range: bytes=0-14"}, 206, o.Data[:15]},
		{"GET", object, []string{"Accept-Encoding: gzip"}, 200, o.Data},
		{"GET", events, nil, 200, c.ICS},
		{"GET", strings.TrimSuffix(events, "/"), nil, 200, c.ICS},
		{"GET", events, []string{"If-None-Match: " + whole}, 304, nil},
	}
	for _, tc := range tests {
		w := do(t, h, tc.method, tc.path, "", tc.headers...)
		if w.Code != tc.want || w.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s %s %v = %d, want %d plain", tc.method, tc.path, tc.headers, w.Code, tc.want)
		}
		if tc.body != nil && !bytes.Equal(w.Body.Bytes(), tc.body) {
			t.Errorf("%s %s %v: body differs from what is stored", tc.method, tc.path, tc.headers)
		}
		if tc.body == nil && w.Code != 412 && w.Body.Len() > 0 {
			t.Errorf("%s %s %v: %d has a body", tc.method, tc.path, tc.headers, w.Code)
		}
	}
	w := do(t, h, "HEAD", object, "")
	want := http.Header{
		"Content-Type":  {"text/calendar; charset=utf-8; component=vevent"},
		"Etag":          {tag},
		"Last-Modified": {"Sun, 01 Nov 2026 08:00:00 GMT"},
		"Accept-Ranges": {"bytes"},
	}
	got := w.Header().Clone()
	if length := got.Get("Content-Length"); length != strconv.Itoa(len(o.Data)) {
		t.Errorf("Content-Length = %s, want %d", length, len(o.Data))
	}
	got.Del("Content-Length")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// TestPaths asks for paths as people and programs mangle them.
func TestPaths(t *testing.T) {
	t.Parallel()
	m := family(t)
	odd := raw("odd", "VEVENT", comp("VEVENT", "DTSTART:20261124T100000Z"))
	odd.Name = "å b&c%41.ics"
	m.put("Läxor & mer", &icalendar.Collection{Info: icalendar.Info{Name: "x", Components: []string{"VEVENT"}}, Objects: []icalendar.Object{odd}})
	h := server(t, m, nil)
	const oddPath = "/dav/l1/calendars/L%C3%A4xor%20%26%20mer/"
	tests := []struct {
		path     string
		want     int
		location string
	}{
		{"/dav/", 207, ""},
		{"/dav", 207, "/dav/"},
		{"/dav/l1", 207, "/dav/l1/"},
		{"/dav/l1/calendars", 207, "/dav/l1/calendars/"},
		{"/dav/l1/calendars/1-events", 207, events},
		{"/dav/%6c1/calendars/1%2Devents/e%2djune.ics", 207, ""},
		{"/%64av/l1/", 207, ""},
		{"/d%61v/l1/calendars", 207, events[:len("/dav/l1/calendars/")]},
		{"/%64av/", 207, ""},
		{"/%64av", 207, "/dav/"},
		{"/%64%2561v/", 404, ""},
		{"/%2Fdav/l1/", 404, ""},
		{oddPath, 207, ""},
		{oddPath + "%C3%A5%20b%26c%2541.ics", 207, ""},
		{oddPath + "%c3%a5%20b&c%2541.ics", 207, ""},
		{oddPath + "%C3%A5%20b%26c%41.ics", 404, ""},
		{"/dav/l1/calendars/1%252Devents/", 404, ""},
		{"/dav/l1/calendars/1-events/e-june.ics/x", 404, ""},
		{"/dav/l1/calendars/1-events/../1-events/", 404, ""},
		{"/dav/l1/calendars/%2e%2e/", 404, ""},
		{"/dav/l1/calendars/1-events/..%2F1-events", 404, ""},
		{"/dav/l1/calendars%2F1-events/", 404, ""},
		{"/dav/l1/calendars//1-events/", 404, ""},
		{"/dav//", 404, ""},
		{"/dav/l1/calendars/1-events/%00.ics", 404, ""},
		{"/dav/l1/calendars/1-events/%ff.ics", 404, ""},
		{"/dav/l1/calendars/1-events/" + strings.Repeat("a", 300), 404, ""},
		{"/dav/l1/inbox/", 404, ""},
		{"/dav/L1/", 404, ""},
		{"/dav/l2/calendars/1-events/", 404, ""},
		{"/davos/", 404, ""},
		{"/elsewhere", 404, ""},
	}
	direct := dotless(h)
	for _, tc := range tests {
		w := do(t, direct, "PROPFIND", tc.path, "")
		if got := w.Header().Get("Content-Location"); w.Code != tc.want || got != tc.location {
			t.Errorf("PROPFIND %s = %d %q, want %d %q", tc.path, w.Code, got, tc.want, tc.location)
		}
	}
	ms := decode(t, do(t, h, "PROPFIND", oddPath, "", "Depth: 1"))
	if got, want := ms.Responses[1].Href, oddPath+"%C3%A5%20b%26c%2541.ics"; got != want {
		t.Errorf("href = %q, want %q", got, want)
	}
}

// dotless goes around the test's mux, which would clean paths by redirecting.
func dotless(h http.Handler) http.Handler {
	mux, ok := h.(*http.ServeMux)
	if !ok {
		return h
	}
	r, err := http.NewRequest(http.MethodGet, "/dav/", nil)
	if err != nil {
		return h
	}
	inner, _ := mux.Handler(r)
	return inner
}

// TestErrorsStayInside makes the store fail with a telling error.
func TestErrorsStayInside(t *testing.T) {
	t.Parallel()
	const secret = "database of Matte Svensson"
	m := family(t)
	m.err = errors.New("view: " + secret)
	var log bytes.Buffer
	h := server(t, m, slog.New(slog.NewTextHandler(&log, nil)))
	for _, path := range []string{"/dav/", events, events + "e-june.ics"} {
		w := do(t, h, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><Hemlig/></prop></propfind>`)
		if w.Code != 500 || strings.Contains(w.Body.String(), "Svensson") || w.Body.String() != "Internal Server Error\n" {
			t.Errorf("PROPFIND %s = %d %s, want a plain 500", path, w.Code, w.Body)
		}
	}
	if s := log.String(); !strings.Contains(s, "method=PROPFIND") || strings.Contains(s, "Hemlig") || strings.Contains(s, "e-june") {
		t.Errorf("log = %s, want the method and the error, and nothing of the request", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log.Reset()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "PROPFIND", events, nil))
	if w.Code != 503 || log.Len() > 0 {
		t.Errorf("a client that went away: %d, log %q; want 503 and silence", w.Code, log.String())
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	plain := do(t, h, "PROPFIND", events, "", "Depth: 1")
	tests := []struct {
		accept string
		want   bool
	}{
		{"gzip", true},
		{"gzip, deflate, br", true},
		{"br;q=1.0, gzip;q=0.8, *;q=0.1", true},
		{"*", true},
		{"GZIP", true},
		{"gzip;q=0", false},
		{"gzip; q=0.0", false},
		{"identity", false},
		{"", false},
		{"gzip;q=much", false},
	}
	for _, tc := range tests {
		w := do(t, h, "PROPFIND", events, "", "Depth: 1", "Accept-Encoding: "+tc.accept)
		packed := w.Header().Get("Content-Encoding") == "gzip"
		if packed != tc.want || !slices.Contains(w.Header().Values("Vary"), "Accept-Encoding") {
			t.Errorf("Accept-Encoding %q: packed = %v, want %v; Vary = %q", tc.accept, packed, tc.want, w.Header().Values("Vary"))
		}
		body := w.Body.Bytes()
		if packed {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(body, plain.Body.Bytes()) {
			t.Errorf("Accept-Encoding %q: another answer than without", tc.accept)
		}
	}
	w := do(t, h, "PROPFIND", "/dav/", `<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>`, "Accept-Encoding: gzip")
	if w.Header().Get("Content-Encoding") != "" || w.Header().Get("Content-Length") == "" {
		t.Errorf("a short answer: headers = %v, want it plain with its length", w.Header())
	}
}
