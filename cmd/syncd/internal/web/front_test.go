package web_test

import (
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
)

func TestSignInForm(t *testing.T) {
	t.Parallel()
	sv := text.For(text.SV)
	for name, tt := range map[string]struct {
		doors doors
		form  url.Values
		code  int
		to    string
		says  string
	}{
		"right":           {form: url.Values{"user": {"asta"}, "password": {"en mening"}, "next": {"/links"}}, code: 303, to: "/links"},
		"elsewhere":       {form: url.Values{"user": {"asta"}, "password": {"en mening"}, "next": {"https://evil.example.org/"}}, code: 303, to: "/"},
		"elsewhere, sly":  {form: url.Values{"user": {"asta"}, "password": {"en mening"}, "next": {"//evil.example.org/"}}, code: 303, to: "/"},
		"elsewhere, back": {form: url.Values{"user": {"asta"}, "password": {"en mening"}, "next": {`/\evil.example.org/`}}, code: 303, to: "/"},
		"elsewhere, tab":  {form: url.Values{"user": {"asta"}, "password": {"en mening"}, "next": {"/\t/evil.example.org/"}}, code: 303, to: "/"},
		"wrong":           {form: url.Values{"user": {"asta"}, "password": {"canary-word"}}, code: 403, says: sv.Errors.WrongSignIn},
		"too often":       {doors: doors{signIn: waitError(90 * time.Second)}, form: url.Values{}, code: 429, says: "om 90 s"},
		"trouble":         {doors: doors{signIn: fs.ErrClosed}, form: url.Values{}, code: 500, says: sv.Errors.InternalTitle},
	} {
		site := newSite(t, full(), func(c *web.Config) { c.Doors = tt.doors })
		w := site.call(t, http.MethodPost, "/signin", tt.form, stranger)
		if w.Code != tt.code || w.Header().Get("Location") != tt.to || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: %d to %q, want %d to %q saying %q", name, w.Code, w.Header().Get("Location"), tt.code, tt.to, tt.says)
		}
		if strings.Contains(w.Body.String()+site.log.String(), "canary-word") {
			t.Errorf("%s: the password came back", name)
		}
		if tt.code == 429 && w.Header().Get("Retry-After") != "90" {
			t.Errorf("%s: Retry-After %q", name, w.Header().Get("Retry-After"))
		}
	}
	site := newSite(t, full())
	if w := site.call(t, http.MethodGet, "/signin?next=/privacy", nil); w.Header().Get("Location") != "/privacy" {
		t.Errorf("signed in already: to %q", w.Header().Get("Location"))
	}
	if w := site.call(t, http.MethodPost, "/signout", url.Values{}); w.Header().Get("Location") != "/" || !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("sign-out: to %q, %q", w.Header().Get("Location"), w.Header().Get("Set-Cookie"))
	}
}

func TestUnprotectedIsSaid(t *testing.T) {
	t.Parallel()
	site := newSite(t, full())
	warning := text.For(text.SV).Common.Unprotected
	for _, path := range []string{"/signin", "/welcome/x"} {
		if w := site.call(t, http.MethodGet, path, nil, stranger, "Host: plain.example.org"); !strings.Contains(w.Body.String(), warning) {
			t.Errorf("%s does not warn", path)
		}
		if w := site.call(t, http.MethodGet, path, nil, stranger); strings.Contains(w.Body.String(), warning) {
			t.Errorf("%s warns of a protected connection", path)
		}
	}
}

func TestWelcome(t *testing.T) {
	t.Parallel()
	sv := text.For(text.SV)
	good := url.Values{"user": {"asta"}, "password": {"en mening"}}
	for name, tt := range map[string]struct {
		path  string
		doors doors
		code  int
		says  string
	}{
		"right":    {"/welcome/canary-invitation", doors{}, 303, ""},
		"used":     {"/welcome/another", doors{}, 404, sv.Front.ForgotCommand},
		"name":     {"/welcome/canary-invitation", doors{accept: choiceError("user")}, 422, sv.Errors.BadUser},
		"password": {"/welcome/canary-invitation", doors{accept: choiceError("password")}, 422, sv.Errors.BadPhrase},
		"busy":     {"/welcome/canary-invitation", doors{accept: waitError(time.Second)}, 429, "om 1 s"},
		"trouble":  {"/welcome/canary-invitation", doors{accept: fs.ErrClosed}, 500, sv.Errors.InternalTitle},
	} {
		site := newSite(t, full(), func(c *web.Config) { c.Doors = tt.doors })
		w := site.call(t, http.MethodPost, tt.path, good, stranger)
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: status %d, want %d saying %q", name, w.Code, tt.code, tt.says)
		}
		if strings.Contains(site.log.String(), "canary") {
			t.Errorf("%s: the one-time address is in the log: %s", name, site.log)
		}
	}
}

func TestLanguageIsRemembered(t *testing.T) {
	t.Parallel()
	site := newSite(t, full())
	w := site.call(t, http.MethodPost, "/language", url.Values{"lang": {"en"}, "back": {"/privacy"}}, stranger)
	if w.Header().Get("Location") != "/privacy" || !strings.HasPrefix(w.Header().Get("Set-Cookie"), text.CookieName+"=en;") {
		t.Errorf("to %q with cookie %q", w.Header().Get("Location"), w.Header().Get("Set-Cookie"))
	}
	if w := site.call(t, http.MethodPost, "/language", url.Values{"lang": {"xx"}, "back": {"//evil.example.org"}}, stranger); w.Header().Get("Location") != "/" || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("to %q with cookie %q", w.Header().Get("Location"), w.Header().Get("Set-Cookie"))
	}
	page := site.call(t, http.MethodGet, "/signin", nil, "Cookie: "+text.CookieName+"=en", "Accept-Language: sv").Body.String()
	if !strings.Contains(page, text.For(text.EN).Front.SignInLead) {
		t.Error("the cookie does not choose the language")
	}
}
