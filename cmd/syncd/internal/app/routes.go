package app

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"strings"

	"syncd/caldav"
	"syncd/cmd/syncd/internal/panics"
)

const davPrefix = "/dav/"

// routes is the whole table of addresses. Order of the layers: recover, access
// log, headers; then each area brings its own proof of who is asking.
func (a *App) routes(dav, subscribed, pages http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", empty(http.StatusNoContent))
	mux.HandleFunc("GET /readyz", empty(http.StatusOK))
	mux.HandleFunc("GET /robots.txt", robots)

	mux.Handle("/.well-known/caldav", caldav.WellKnown(davPrefix))
	mux.Handle("/.well-known/caldav/", caldav.WellKnown(davPrefix))
	mux.Handle(davPrefix, dav)
	mux.Handle(strings.TrimSuffix(davPrefix, "/"), dav)

	mux.Handle("/", byMethod(pages, dav))
	return a.recovered(a.logged(headers(secret(map[string]http.Handler{
		"/c/": subscribed, "/f/": subscribed, "/m/": subscribed, "/s/": pages,
	}, mux))))
}

// secret serves paths that hold a token, by their first part. They go past the
// mux: where it finds a path untidy it redirects, and so repeats the token. For
// the same reason a path that would have to be tidied up first leads nowhere.
func secret(areas map[string]http.Handler, next http.Handler) http.Handler {
	area := func(p string) string {
		if len(p) < 3 || areas[p[:3]] == nil {
			return ""
		}
		return p[:3]
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pattern := area(r.URL.Path); pattern != "" {
			r.Pattern = pattern
			areas[pattern].ServeHTTP(w, r)
			return
		}
		if area(path.Clean("/"+r.URL.Path)) != "" {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// byMethod sends WebDAV's methods on the bare host to CalDAV, where some
// programs begin, and everything else to the pages.
func byMethod(pages, dav http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodPost:
			pages.ServeHTTP(w, r)
		default:
			dav.ServeHTTP(w, r)
		}
	})
}

func empty(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// robots lets calendar services fetch subscribed addresses and nobody index
// anything else; the addresses themselves forbid indexing by header.
func robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("User-agent: *\nAllow: /c/\nAllow: /f/\nAllow: /m/\nDisallow: /\n"))
}

// headers sets what holds for every answer; areas may say more.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Robots-Tag", "noindex, nofollow")
		next.ServeHTTP(w, r)
	})
}

// logged writes one line per request: method, route, status, time. Never the
// path, which may hold a token, and nothing about who asked.
func (a *App) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := a.cfg.Now()
		s := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(s, r)
		a.cfg.Log.LogAttrs(r.Context(), slog.LevelDebug, "request",
			slog.String("method", method(r.Method)), slog.String("route", r.Pattern), slog.Int("status", s.code()),
			slog.Int64("ms", a.cfg.Now().Sub(start).Milliseconds()))
	})
}

// method keeps a word that a stranger chose out of the log.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions,
		"PROPFIND", "PROPPATCH", "REPORT", "MKCALENDAR", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "ACL":
		return m
	}
	return "other"
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Write(p []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *statusWriter) code() int {
	if s.status == 0 {
		return http.StatusOK
	}
	return s.status
}

// recovered keeps the program running when one answer fails badly.
func (a *App) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // a recovered value, compared as net/http does
				panic(v) //nolint:forbidigo // net/http's own way to drop a connection
			}
			a.panicked(ctx, r.Pattern)
			w.WriteHeader(http.StatusInternalServerError)
		}()
		next.ServeHTTP(w, r)
	})
}

// panicked logs where, not what: the value of a panic may hold anything.
func (a *App) panicked(ctx context.Context, route string) {
	a.cfg.Log.LogAttrs(ctx, slog.LevelError, "an answer failed", slog.String("route", route), panics.Where())
}
