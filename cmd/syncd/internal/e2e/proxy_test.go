package e2e_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"syncd/cmd/syncd/internal/app"
)

// behind returns the program's web server as it answers with a trusted proxy
// at 172.30.77.2, the address in the shipped compose file.
func (h *house) behind() http.Handler {
	h.t.Helper()
	a, err := app.New(h.t.Context(), app.Config{
		DB: h.db, DataDir: h.data(), BaseURL: "https://skola.example", Platforms: app.Platforms(), Now: h.clock.now,
		Log: slog.New(slog.DiscardHandler), Transport: h.recorder, Trusted: []netip.Prefix{netip.MustParsePrefix("172.30.77.2/32")},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return a.Handler()
}

// TestPasswordsOnlyOnProtectedRequests sends the right app password from
// everywhere: it is taken only where nobody on the way could have read it.
func TestPasswordsOnlyOnProtectedRequests(t *testing.T) {
	t.Parallel()
	h := open(t)
	handler := h.behind()
	for name, tc := range map[string]struct {
		peer, proto string
		want        int
	}{
		"this machine":                           {"127.0.0.1:4711", "", http.StatusMultiStatus},
		"this machine by IPv6":                   {"[::1]:4711", "", http.StatusMultiStatus},
		"trusted proxy that says https":          {"172.30.77.2:4711", "https", http.StatusMultiStatus},
		"trusted proxy that says http":           {"172.30.77.2:4711", "http", http.StatusForbidden},
		"trusted proxy that says nothing":        {"172.30.77.2:4711", "", http.StatusForbidden},
		"untrusted peer with the same header":    {"172.30.77.9:4711", "https", http.StatusForbidden},
		"a container's bridge":                   {"172.17.0.1:4711", "", http.StatusForbidden},
		"a neighbour on the network":             {"192.168.1.20:4711", "https", http.StatusForbidden},
		"a peer without an address to speak of":  {"pipe", "https", http.StatusForbidden},
		"trusted proxy that says https and more": {"172.30.77.2:4711", "https, http", http.StatusForbidden},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "PROPFIND", "/dav/", strings.NewReader(propfind))
		r.RemoteAddr = tc.peer
		r.Header.Set("Depth", "0")
		r.Header.Set("Content-Type", "application/xml")
		r.SetBasicAuth(h.addresses.CalDAV.User, h.addresses.CalDAV.Password)
		if tc.proto != "" {
			r.Header.Set("X-Forwarded-Proto", tc.proto)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%s: %d, want %d", name, w.Code, tc.want)
		}
		if w.Code == http.StatusForbidden && !strings.Contains(w.Body.String(), "SYNCD_TRUSTED_PROXIES") {
			t.Errorf("%s: the refusal does not say what to set: %s", name, w.Body)
		}
	}
}

// TestThroughProxy lets a real reverse proxy stand between, as the compose
// file's Caddy does, and subscribes through it.
func TestThroughProxy(t *testing.T) {
	t.Parallel()
	h := open(t)
	handler := h.behind()
	// The proxy's requests come from the address that it has in compose.
	proxy := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner := r.Clone(r.Context())
		inner.TLS, inner.RemoteAddr = nil, "172.30.77.2:50000"
		inner.Header.Set("X-Forwarded-Proto", "https")
		inner.Header.Set("X-Forwarded-For", strings.Split(r.RemoteAddr, ":")[0])
		handler.ServeHTTP(w, inner)
	}))
	defer proxy.Close()
	for path, want := range map[string]int{
		"/.well-known/caldav": http.StatusMovedPermanently,
		"/dav/":               http.StatusMultiStatus,
	} {
		req, err := http.NewRequestWithContext(t.Context(), "PROPFIND", proxy.URL+path, strings.NewReader(propfind))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Depth", "0")
		req.Header.Set("Content-Type", "application/xml")
		req.SetBasicAuth(h.addresses.CalDAV.User, h.addresses.CalDAV.Password)
		client := proxy.Client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("PROPFIND %s = %d, want %d", path, resp.StatusCode, want)
		}
	}
}

// TestBareHost begins where some programs begin: at the host without a path.
func TestBareHost(t *testing.T) {
	t.Parallel()
	h := open(t)
	if a := h.dav("PROPFIND", "/", propfind, "0"); a.status != http.StatusMultiStatus {
		t.Errorf("PROPFIND / = %d", a.status)
	}
	if a := h.do(http.MethodOptions, h.base+"/", "", "Authorization", basic(h.addresses.CalDAV.User, h.addresses.CalDAV.Password)); a.status != http.StatusOK || !strings.Contains(a.header.Get("Dav"), "calendar-access") {
		t.Errorf("OPTIONS / = %d, DAV %q", a.status, a.header.Get("Dav"))
	}
	for _, method := range []string{"PUT", "DELETE", "MKCOL", "MOVE"} {
		if a := h.dav(method, "/", "", "0"); a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s / = %d, want 405", method, a.status)
		}
	}
	if a := h.do("PROPFIND", h.base+"/", propfind); a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("Www-Authenticate"), "Basic") {
		t.Errorf("PROPFIND / without a password = %d %q", a.status, a.header.Get("Www-Authenticate"))
	}
	for path, want := range map[string]int{"/livez": 204, "/readyz": 200, "/robots.txt": 200, "/dav": 207} {
		method := http.MethodGet
		if path == "/dav" {
			method = "PROPFIND"
		}
		a := h.do(method, h.base+path, "", "Depth", "0", "Authorization", basic(h.addresses.CalDAV.User, h.addresses.CalDAV.Password))
		if a.status != want {
			t.Errorf("%s %s = %d, want %d", method, path, a.status, want)
		}
	}
	revoked := h.addresses
	if err := h.app.RevokeLink(t.Context(), revoked.Link); err != nil {
		t.Fatal(err)
	}
	if a := h.dav("PROPFIND", "/dav/", propfind, "0"); a.status != http.StatusUnauthorized {
		t.Errorf("revoked link: PROPFIND = %d, want 401", a.status)
	}
	gone := h.do(http.MethodGet, revoked.Calendars[0].URL, "")
	unknown := h.do(http.MethodGet, h.base+"/c/"+strings.Repeat("a", 26)+"/1-events.ics", "")
	if gone.status != http.StatusNotFound || gone.body != unknown.body {
		t.Errorf("revoked = %d %q, unknown = %d %q: must not differ", gone.status, gone.body, unknown.status, unknown.body)
	}
}
