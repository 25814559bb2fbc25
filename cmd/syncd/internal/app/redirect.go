package app

import (
	"net/http"
	"strings"
)

// sentOn answers every request with the same address below base, and does
// nothing else: it looks at no header, and says nothing to the log, because
// paths hold tokens. Programs that were given webcal: ask by http first, some
// by http only.
func sentOn(base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := r.URL.EscapedPath()
		if !strings.HasPrefix(to, "/") { // "*", or another server's address
			to = "/"
		}
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		header := w.Header()
		header.Set("Location", base+to)
		header.Set("Cache-Control", "no-store")
		header.Set("Referrer-Policy", "no-referrer")
		status := http.StatusPermanentRedirect // with 301 many send a GET in place of the rest
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			status = http.StatusMovedPermanently // which old programs know
		}
		w.WriteHeader(status)
	})
}
