package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"syncd/cmd/syncd/internal/text"
)

//go:embed templates/*.html
var templates embed.FS

// handler is one page or action. It writes an answer and returns nil, or
// returns an error and has written nothing.
type handler func(w http.ResponseWriter, r *http.Request) error

// words holds both languages, made once.
type words map[text.Lang]*text.Words

func newWords() words {
	all := words{}
	for _, l := range text.Langs() {
		all[l] = text.For(l)
	}
	return all
}

// of returns the words for a request.
func (w words) of(r *http.Request) *text.Words { return w[text.FromRequest(r)] }

// pages holds each page's template, base included.
type pages map[string]*template.Template

func newPages() (pages, error) {
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	shared := []string{"templates/base.html", "templates/icons.html", "templates/copy.html", "templates/login_panel.html"}
	base, err := template.ParseFS(templates, shared...)
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, name := range names {
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if t, err = t.ParseFS(templates, name); err != nil {
			return nil, err
		}
		all[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return all, nil
}

// page is what every template is given. Body is the page's own view.
type page struct {
	W           *text.Words
	Other       text.Lang // the language that one can change to
	Now         time.Time
	Path        string // of this page, to come back to
	Title       string
	Here        string // which part of the menu
	Signed      bool
	Visitor     bool // a subscriber's page, whose path is a secret
	Demo        bool
	Unprotected bool
	Version     string
	Assets      assets
	Reload      int // seconds after which the page loads itself again; 0: never
	// ReloadPlain is Reload for browsers that run no script.
	ReloadPlain int
	Body        any
}

func (s *server) newPage(r *http.Request, title, here string, body any) page {
	_, signed := s.Guardian(r.Context())
	w := s.words.of(r)
	return page{
		W: w, Other: otherLang(w.Lang), Now: s.Now(), Path: r.URL.Path, Title: title, Here: here, Signed: signed, Demo: s.Demo,
		Unprotected: !s.Protected(r), Version: s.Version, Assets: s.assets, Body: body,
	}
}

func otherLang(l text.Lang) text.Lang {
	if l == text.SV {
		return text.EN
	}
	return text.SV
}

// render writes a whole page or, on error, nothing.
func (s *server) render(w http.ResponseWriter, status int, name string, p page) error {
	var buf bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&buf, "base", p); err != nil {
		return fmt.Errorf("web: render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = buf.WriteTo(w)
	return nil
}

// handle is the one place where errors of pages end: not found is a 404,
// everything else a 500 and a line in the log.
func (s *server) handle(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		switch {
		case err == nil, errors.Is(err, context.Canceled) && r.Context().Err() != nil:
			return
		case errors.Is(err, fs.ErrNotExist):
			err = s.problem(w, r, http.StatusNotFound)
		case errors.Is(err, errForm):
			err = s.problem(w, r, http.StatusBadRequest)
		case isTooLarge(err):
			err = s.problem(w, r, http.StatusRequestEntityTooLarge)
		default:
			s.Log.LogAttrs(r.Context(), slog.LevelError, "page failed",
				slog.String("route", r.Pattern), slog.Any("error", err))
			err = s.problem(w, r, http.StatusInternalServerError)
		}
		if err != nil {
			s.Log.LogAttrs(r.Context(), slog.LevelError, "error page failed", slog.Any("error", err))
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
	}
}

func isTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

// guarded lets signed-in guardians through and shows others the way in.
func (s *server) guarded(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, ok := s.Guardian(r.Context()); ok {
			return h(w, r)
		}
		target := "/signin"
		if r.Method == http.MethodGet {
			target += "?" + url.Values{"next": {r.URL.Path}}.Encode()
		}
		redirect(w, target)
		return nil
	}
}

// problemView is the error page.
type problemView struct {
	Sentence string
	Command  string // to run on the server; may be empty
	Visitor  bool   // is no guardian: the status page is no way out
}

// problem shows the error page for a status.
func (s *server) problem(w http.ResponseWriter, r *http.Request, status int) error {
	e := s.words.of(r).Errors
	title, sentence := e.InternalTitle, e.Internal
	switch status {
	case http.StatusNotFound:
		title, sentence = e.NotFoundTitle, e.NotFound
	case http.StatusForbidden:
		title, sentence = e.ForbiddenTitle, e.Forbidden
	case http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusBadRequest:
		title, sentence = e.MethodTitle, e.Method
	}
	p := s.newPage(r, title, "", problemView{Sentence: sentence})
	p.Path = "/" // the path that was asked for may hold somebody's token
	return s.render(w, status, "problem", p)
}

func (s *server) crossSite(w http.ResponseWriter, r *http.Request) error {
	return s.problem(w, r, http.StatusForbidden)
}

// nothing answers for every path and method without a page.
func (s *server) nothing(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return s.problem(w, r, http.StatusNotFound)
	}
	w.Header().Set("Allow", "GET, HEAD")
	return s.problem(w, r, http.StatusMethodNotAllowed)
}

// waits says for how long an error asks to stay away; 0 if it does not.
func waits(err error) time.Duration {
	if b, ok := errors.AsType[interface {
		error
		Wait() time.Duration
	}](err); ok {
		return b.Wait()
	}
	return 0
}

// retryAfter writes the header of the same name, in whole seconds.
func retryAfter(w http.ResponseWriter, d time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int((d+time.Second-1)/time.Second)))
}

// redirect sends a browser on to a page of this site by GET; anything else
// becomes the first page.
func redirect(w http.ResponseWriter, path string) {
	w.Header().Set("Location", local(path))
	w.WriteHeader(http.StatusSeeOther)
}

// local returns p if it is a path on this site, and "/" otherwise.
func local(p string) string {
	u, err := url.Parse(p)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(p, "/") ||
		strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") {
		return "/"
	}
	return p
}

// secure sets the headers of every answer. Referrer-Policy is same-origin and
// not no-referrer: with the latter a browser sends "Origin: null" with our own
// forms, which on plain http, where there is no Sec-Fetch-Site, cannot be told
// from another site's.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "+
			"img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
