package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

// What a school or a family may write, made to hurt where it is not escaped.
const hostile = `<script>alert(1)</script>"'` + "`" + ` onload=x &amp; {{.}} å</textarea><!--`

const (
	qrText   = "bankid.67df3917-canary-qr.0.dc69358e712458a66a7525beef148ae8526b1c71610eff2c16cdffb4cdac9bf8"
	appLink  = "bankid:///?autostarttoken=canary-app&redirect=null"
	iosLink  = "https://app.bankid.com/?autostarttoken=canary-ios&redirect="
	password = "k3vd-7aqp-2mzx-w5rt-hb6e-yn4j"
	base     = "https://skola.example.org"

	pageToken      = "pagew6ytboi3dgnrvgqztqmjrg"
	calendarsToken = "mzxw6ytboi3dgnrvgqztqmjrge"
	feedsToken     = "qpzw6ytboi3dgnrvgqztqmjrge"
)

var now = time.Date(2026, 11, 24, 15, 42, 0, 0, time.UTC)

type site struct {
	http.Handler
	store *store
	log   *bytes.Buffer
	mu    sync.Mutex
	now   time.Time
}

type guardianKey struct{}

// newSite returns the pages behind a door that believes the cookie "in".
func newSite(t *testing.T, s *store, change ...func(*web.Config)) *site {
	t.Helper()
	out := &site{store: s, log: &bytes.Buffer{}, now: now}
	c := web.Config{
		Store: s, Doors: doors{}, BaseURL: base, Version: "v1.2.3", Platforms: platforms(),
		Now: func() time.Time {
			out.mu.Lock()
			defer out.mu.Unlock()
			return out.now
		},
		Log: slog.New(slog.NewTextHandler(out.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Guardian: func(ctx context.Context) (school.GuardianID, bool) {
			id, ok := ctx.Value(guardianKey{}).(school.GuardianID)
			return id, ok
		},
		Protected: func(r *http.Request) bool { return r.Host != "plain.example.org" },
	}
	for _, f := range change {
		f(&c)
	}
	h, err := web.New(c)
	if err != nil {
		t.Fatal(err)
	}
	out.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("in"); err == nil && c.Value != "" {
			r = r.WithContext(context.WithValue(r.Context(), guardianKey{}, school.GuardianID(c.Value)))
		}
		h.ServeHTTP(w, r)
	})
	return out
}

func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// call asks for a page as a signed-in guardian would. Headers are "Name: value".
func (s *site) call(t *testing.T, method, path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.AddCookie(&http.Cookie{Name: "in", Value: "yes"})
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const stranger = "Cookie: none=1"

// everyPage names each page a guardian can open by GET.
func everyPage() []string {
	return []string{
		"/", "/accounts/new", "/accounts/aa/remove", "/accounts/aa/session", "/accounts/aa/login", "/keep", "/keep/delete/1", "/links", "/links/new", "/links/l1/revoke",
		"/links/l1/edit", "/links/l1/rotate", "/links/l9/addresses", "/privacy", "/welcome/x", "/nothing",
	}
}

func TestEveryPageInBothLanguages(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*store{"full": full(), "empty": empty()} {
		for _, l := range text.Langs() {
			site := newSite(t, s, func(c *web.Config) { c.Demo = name == "full" })
			if name == "full" {
				site.call(t, http.MethodPost, "/links", url.Values{"all": {"1"}, "label": {hostile}})
			}
			for _, path := range everyPage() {
				for _, who := range []string{"X: guardian", stranger} {
					w := site.call(t, http.MethodGet, path, nil, "Accept-Language: "+string(l), who)
					checkPage(t, name+" "+string(l)+" "+path+" "+who, w, l)
					shown := strings.Contains(w.Body.String(), "&lt;script&gt;alert(1)")
					if want := name == "full" && who != stranger && shows(path); shown != want {
						t.Errorf("%s %s as %s: hostile text shown: %v, want %v", name, path, who, shown, want)
					}
				}
			}
		}
	}
}

// shows reports whether a page of the full family holds text from outside.
func shows(path string) bool {
	return path != "/accounts/new" && path != "/welcome/x" && path != "/nothing"
}

// checkPage looks for what no page may be without, and for text that came
// through unescaped.
func checkPage(t *testing.T, what string, w *httptest.ResponseRecorder, l text.Lang) {
	t.Helper()
	body := w.Body.String()
	if w.Code >= 500 {
		t.Errorf("%s: status %d", what, w.Code)
	}
	for _, bad := range []string{"<script>alert", "ZgotmplZ", "<no value>", "%!", "</textarea><!--", `"'` + "`"} {
		if strings.Contains(body, bad) {
			t.Errorf("%s: the page holds %q", what, bad)
		}
	}
	h := w.Header()
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "script-src 'self';", "style-src 'self';", "img-src 'self' data:", "connect-src 'self'",
		"form-action 'self'", "frame-ancestors 'none'",
	} {
		if !strings.Contains(csp, want) {
			t.Errorf("%s: CSP %q lacks %s", what, csp, want)
		}
	}
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" ||
		h.Get("X-Robots-Tag") != "noindex, nofollow" || h.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("%s: headers %v", what, h)
	}
	if w.Code == http.StatusSeeOther {
		return
	}
	if !strings.Contains(body, `<html lang="`+string(l)+`">`) || strings.Count(body, "<h1") != 1 ||
		!strings.HasSuffix(strings.TrimSpace(body), "</html>") {
		t.Errorf("%s: not one whole page in %s:\n%.300s", what, l, body)
	}
	for _, inline := range []string{" style=", "<style", " onclick=", " onload=x ", "javascript:"} {
		if strings.Contains(strings.ReplaceAll(body, "onload=x &amp;", ""), inline) {
			t.Errorf("%s: the page holds %q, which the CSP forbids", what, inline)
		}
	}
	if strings.Count(body, "<script") != 1 {
		t.Errorf("%s: %d scripts", what, strings.Count(body, "<script"))
	}
}

func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	site := newSite(t, full())
	for _, path := range []string{"/", "/signin", "/welcome/x", "/nothing", "/accounts/zz/login"} {
		body := site.call(t, http.MethodGet, path, nil, stranger).Body.String()
		for _, secret := range []string{"Astrid", "Ingrid", "Granholm", "Skolplattformen", "Mormor", "Telefon"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s tells a stranger %q", path, secret)
			}
		}
	}
	for _, path := range everyPage()[1:12] {
		w := site.call(t, http.MethodGet, path, nil, stranger)
		if want := "/signin?next=" + url.QueryEscape(path); w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Errorf("GET %s: %d to %q, want a way to sign in", path, w.Code, w.Header().Get("Location"))
		}
	}
	for _, path := range []string{
		"/accounts", "/accounts/aa/read", "/accounts/aa/remove", "/keep", "/keep/delete", "/keep/allow", "/keep/copy", "/keep/forget", "/accounts/aa/session", "/accounts/aa/settings", "/accounts/aa/login", "/accounts/aa/login/cancel",
		"/accounts/aa/login/answer", "/links", "/links/l1/revoke", "/links/l2/confirm", "/links/l9/addresses/hide",
		"/links/l1/edit", "/links/l1/rotate",
	} {
		w := site.call(t, http.MethodPost, path, url.Values{"method": {"bankid-qr"}}, stranger)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/signin" {
			t.Errorf("POST %s: %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	if len(site.store.done) != 0 {
		t.Errorf("strangers did %v", site.store.done)
	}
}

func TestPostsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		headers []string
		want    int
	}{
		{[]string{"Sec-Fetch-Site: cross-site"}, http.StatusForbidden},
		{[]string{"Sec-Fetch-Site: same-site"}, http.StatusForbidden},
		{[]string{"Origin: https://evil.example.org"}, http.StatusForbidden},
		{[]string{"Origin: null"}, http.StatusForbidden},
		{[]string{"Sec-Fetch-Site: same-origin"}, http.StatusSeeOther},
		{[]string{"Origin: http://example.com"}, http.StatusSeeOther}, // httptest's own host
		{[]string{"Origin: " + base, "Host: 10.0.0.7:8080"}, http.StatusSeeOther},
	} {
		site := newSite(t, full())
		w := site.call(t, http.MethodPost, "/links/l1/revoke", url.Values{}, tt.headers...)
		if w.Code != tt.want {
			t.Errorf("%v: status %d, want %d", tt.headers, w.Code, tt.want)
		}
		if did := len(site.store.done) > 0; did != (tt.want == http.StatusSeeOther) {
			t.Errorf("%v: done %v", tt.headers, site.store.done)
		}
	}
}

func TestErrorsEndInOneLineAndAPage(t *testing.T) {
	t.Parallel()
	site := newSite(t, full())
	site.store.err = errors.New("storage: overview: canary-detail")
	for _, path := range []string{"/", "/links", "/links/new", "/privacy", "/accounts/aa/login"} {
		site.log.Reset()
		w := site.call(t, http.MethodGet, path, nil)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "canary") {
			t.Errorf("%s: status %d, page %.200s", path, w.Code, w.Body)
		}
		if strings.Count(site.log.String(), "\n") != 1 || !strings.Contains(site.log.String(), "canary-detail") {
			t.Errorf("%s: log %q, want the error once", path, site.log)
		}
	}
	site.store.err = nil
	for _, path := range []string{"/accounts/zz/login", "/accounts/zz/remove", "/links/zz/revoke", "/accounts/zz/login/state", "/static/x.css"} {
		if w := site.call(t, http.MethodGet, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, w.Code)
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, "PROPFIND"} {
		if w := site.call(t, method, "/links", nil); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
			t.Errorf("%s: status %d", method, w.Code)
		}
	}
	big := url.Values{"label": {strings.Repeat("x", 300<<10)}}
	if w := site.call(t, http.MethodPost, "/links", big); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("huge form: status %d", w.Code)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/signin", strings.NewReader("user=%zz-canary"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	site.log.Reset()
	site.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || site.log.Len() != 0 {
		t.Errorf("unreadable form: status %d, log %q", w.Code, site.log)
	}
}

func TestNewWantsItsConfiguration(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]web.Config{
		"nothing": {},
		"no address": {
			Store: full(), Doors: doors{}, Now: time.Now, Log: slog.New(slog.DiscardHandler), BaseURL: "skola",
			Guardian:  func(context.Context) (school.GuardianID, bool) { return "", false },
			Protected: func(*http.Request) bool { return true },
		},
	} {
		if _, err := web.New(c); err == nil {
			t.Errorf("New with %s: no error", what)
		}
	}
}

func TestStaticFiles(t *testing.T) {
	t.Parallel()
	site := newSite(t, full())
	page := site.call(t, http.MethodGet, "/", nil).Body.String()
	for _, name := range []string{"style.css", "app.js", "icon.svg"} {
		at := strings.Index(page, "/static/"+name)
		if at < 0 {
			t.Fatalf("the page does not name %s", name)
		}
		path, _, _ := strings.Cut(page[at:], `"`)
		w := site.call(t, http.MethodGet, path, nil, stranger)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s: status %d, %q", path, w.Code, w.Header().Get("Cache-Control"))
		}
		if w := site.call(t, http.MethodGet, path, nil, "If-None-Match: "+w.Header().Get("ETag")); w.Code != http.StatusNotModified {
			t.Errorf("%s again: status %d", path, w.Code)
		}
		if w := site.call(t, http.MethodGet, "/static/"+name, nil); strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s without its version may be kept for ever", name)
		}
	}
	if w := site.call(t, http.MethodGet, "/favicon.ico", nil); !strings.HasPrefix(w.Header().Get("Location"), "/static/icon.svg?v=") {
		t.Errorf("favicon: %q", w.Header().Get("Location"))
	}
}
