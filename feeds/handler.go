package feeds

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"syncd/feeds/icalendar"
)

// Routes as they stand in the log, in place of paths, which hold tokens.
const (
	routeCalendar = "/c/{token}/{slug}.ics"
	routeFeed     = "/f/{token}/{slug}"
	routeMedia    = "/m/{media}/{name}"
)

// handler answers all three routes. It does not use [http.ServeMux], which
// redirects paths that it finds untidy: the answer would repeat the token.
type handler struct {
	store  Store
	base   string
	now    func() time.Time
	log    *slog.Logger
	peer   func(*http.Request) netip.Addr
	used   func(ctx context.Context, token string)
	loc    *time.Location
	packed *packer
	shared headers

	misses  *limiter[netip.Addr]
	answers *limiter[reader]
	seed    maphash.Seed

	buffers sync.Pool // of *[]byte, for media
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.common(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, r, http.StatusMethodNotAllowed)
		return
	}
	area, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	secret, name, _ := strings.Cut(rest, "/")
	switch {
	case secret == "" || name == "" || name[0] == '/':
		h.missing(w, r)
	case area == "m":
		h.serveMedia(w, r, secret)
	case strings.Contains(name, "/"):
		h.missing(w, r)
	case area == "c":
		h.serveCalendar(w, r, secret, name)
	case area == "f":
		h.serveFeed(w, r, secret, name)
	default:
		h.missing(w, r)
	}
}

// common sets what every answer carries: addresses are secrets, so nothing
// may list, sniff or pass them on.
func (h *handler) common(header http.Header) {
	header["X-Robots-Tag"] = h.shared.robots
	header["X-Content-Type-Options"] = h.shared.nosniff
	header["Referrer-Policy"] = h.shared.referrer
}

func (h *handler) serveCalendar(w http.ResponseWriter, r *http.Request, token, name string) {
	slug, found := strings.CutSuffix(name, ".ics")
	if !found {
		h.missing(w, r)
		return
	}
	c, err := h.store.Collection(r.Context(), token, slug)
	if err != nil {
		h.fail(w, r, routeCalendar, err)
		return
	}
	h.used(r.Context(), token)
	h.write(w, r, token, h.calendarDocument(c))
}

// calendarDocument returns the document of a calendar, compressed when
// somebody asks for that. It is kept with the compressed form.
func (h *handler) calendarDocument(c *icalendar.Collection) *document {
	return h.packed.document(c.ICSETag, c.Modified, c.ICS)
}

func (h *handler) serveFeed(w http.ResponseWriter, r *http.Request, token, name string) {
	slug, extension, _ := strings.Cut(name, ".")
	f, known := formatOf(extension)
	if !known {
		h.missing(w, r)
		return
	}
	feed, err := h.store.Feed(r.Context(), token, slug, pageOf(r.URL.RawQuery))
	if err != nil {
		h.fail(w, r, routeFeed, err)
		return
	}
	doc, err := feed.document(f, h.base, h.base+"/f/"+url.PathEscape(token)+"/"+url.PathEscape(slug)+"."+extension)
	if err != nil {
		h.fail(w, r, routeFeed, err)
		return
	}
	h.used(r.Context(), token)
	h.write(w, r, token, doc)
}

// pageOf returns the page that a query asks for, 1 when it asks for none. Any
// other query is what readers and people add to get past a cache.
func pageOf(query string) int {
	if !strings.Contains(query, "page=") {
		return 1
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return 1
	}
	n, err := strconv.Atoi(values.Get("page"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// fail answers an error of the store: not there, or a fault of our own.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, route string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.missing(w, r)
	case r.Context().Err() != nil:
		// Nobody is listening any more.
		refuse(w, r, http.StatusServiceUnavailable)
	default:
		h.log.LogAttrs(r.Context(), slog.LevelError, "document not served",
			slog.String("route", route), slog.Any("error", err))
		refuse(w, r, http.StatusInternalServerError)
	}
}

// missing answers an address that leads nowhere. These are counted apart from
// what is found: a subscriber behind the same router as a guesser is still served.
func (h *handler) missing(w http.ResponseWriter, r *http.Request) {
	if wait := h.misses.count(h.peer(r), h.now()); wait > 0 {
		later(w, r, wait)
		return
	}
	refuse(w, r, http.StatusNotFound)
}

// later answers those who ask too much for now.
func later(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	refuse(w, r, http.StatusTooManyRequests)
}

// refuse answers a status without a document.
func refuse(w http.ResponseWriter, r *http.Request, status int) {
	body := http.StatusText(status) + "\n"
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body) // nobody to tell
	}
}
