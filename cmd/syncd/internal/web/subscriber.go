package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// SubscriberStore is behind the page of a link's receiver. What is unknown,
// has expired or was revoked is fs.ErrNotExist alike.
type SubscriberStore interface {
	// Subscriber returns what the holder of a page token is shown.
	Subscriber(ctx context.Context, token string) (Subscriber, error)
	// Belong makes sure that each key that is not empty opens the link.
	Belong(ctx context.Context, id school.LinkID, k Keys) error
}

// Subscriber is what a link's receiver is shown: nothing of the guardian's, no
// label, no secret. Names and kinds are as the link shows them.
type Subscriber struct {
	Link      school.LinkID
	CalDAV    CalDAVAddress     // without the password
	Calendars []CalendarAddress // without addresses
	Feeds     []FeedAddress     // without addresses
	Expires   time.Time         // zero: never
	Lang      text.Lang         // of what calendars and feeds say

	// What a program is given that takes all at once: all of it, nothing twice.
	OnceCalendars []CalendarAddress
	OnceFeeds     []FeedAddress
}

// Keys are a link's secrets beside the page's own. They come from the part of
// the page's address behind "#", which browsers send to nobody: only a form of
// the page itself carries them here. They print as [school.Redacted].
type Keys struct{ Calendars, Feeds, Password Secret }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (Keys) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, school.Redacted) }

// LogValue implements [slog.LogValuer] without a secret.
func (Keys) LogValue() slog.Value { return slog.StringValue(school.Redacted) }

// Secret is a string that prints as [school.Redacted]; string(s) is the secret.
type Secret string

// Format implements [fmt.Formatter], so that no verb shows the secret.
func (Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, school.Redacted) }

// LogValue implements [slog.LogValuer] without the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(school.Redacted) }

// Fragment returns the keys as they stand behind "#", "c=…&f=…&p=…".
func (k Keys) Fragment() string {
	var parts []string
	for _, p := range []struct{ name, value string }{
		{"c", string(k.Calendars)}, {"f", string(k.Feeds)}, {"p", string(k.Password)},
	} {
		if p.value != "" {
			parts = append(parts, p.name+"="+p.value)
		}
	}
	return strings.Join(parts, "&")
}

// The files of a subscriber's page.
const (
	opmlFile    = "feeds.opml"
	profileFile = "skola.mobileconfig"
	qrFile      = "qr.svg"
)

// subscribers answers everything below /s/. It does not use [http.ServeMux],
// which redirects paths that it finds untidy: the answer would repeat the
// token. No cookie is looked at, so there is nothing that another site could
// abuse, and posts are judged by the keys in them.
func (s *server) subscribers(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	token, file, deeper := strings.Cut(strings.TrimPrefix(r.URL.Path, subscriberPrefix), "/")
	if token == "" || deeper && !slices.Contains([]string{opmlFile, profileFile, qrFile}, file) {
		return s.missed(w, r)
	}
	sub, err := s.Store.Subscriber(r.Context(), token)
	if errors.Is(err, fs.ErrNotExist) {
		return s.missed(w, r)
	}
	if err != nil {
		return err
	}
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case !deeper && read:
		return s.subscriberPage(w, r, sub)
	case file == profileFile && read:
		return s.profile(w, r, sub, Keys{})
	case deeper && r.Method == http.MethodPost:
		return s.subscriberFile(w, r, token, file, sub)
	}
	w.Header().Set("Allow", allowed(file, deeper))
	return s.problem(w, r, http.StatusMethodNotAllowed)
}

const subscriberPrefix = "/s/"

func allowed(file string, deeper bool) string {
	switch {
	case !deeper:
		return "GET, HEAD"
	case file == profileFile:
		return "GET, HEAD, POST"
	}
	return "POST"
}

// subscriberFile makes one of the files that hold secrets from those that the
// page's own form brings. Nothing of them is kept.
func (s *server) subscriberFile(w http.ResponseWriter, r *http.Request, token, file string, sub Subscriber) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxKeys)
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	k := Keys{
		Calendars: Secret(trimmed(r, "c")), Feeds: Secret(trimmed(r, "f")), Password: Secret(trimmed(r, "p")),
	}
	needed := k.Calendars
	switch file {
	case opmlFile:
		needed = k.Feeds
	case qrFile:
		needed = k.Calendars + k.Feeds + k.Password
	}
	err := s.Store.Belong(r.Context(), sub.Link, k)
	if needed == "" || errors.Is(err, fs.ErrNotExist) {
		return s.missed(w, r)
	}
	if err != nil {
		return err
	}
	switch file {
	case opmlFile:
		return s.opml(w, r, sub, k)
	case profileFile:
		return s.profile(w, r, sub, k)
	}
	return s.qrPicture(w, r, token, k)
}

// maxKeys bounds the forms of a subscriber's page.
const maxKeys = 4 << 10

// attach writes a file that a browser keeps, made for this one answer.
func attach(w http.ResponseWriter, contentType, name string, data []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(data)
}

// missed answers an address that leads nowhere, whatever the reason. Only such
// answers are counted: who has an address is served also beside a guesser.
func (s *server) missed(w http.ResponseWriter, r *http.Request) error {
	words, status := s.visitorWords(r), http.StatusNotFound
	body := problemView{Sentence: words.Subscriber.Gone, Visitor: true}
	if wait := s.misses.miss(s.peer(r), s.Now()); wait > 0 {
		retryAfter(w, wait)
		body.Sentence, status = words.Errors.Busy.With(words.Lasting(wait)), http.StatusTooManyRequests
	}
	p := s.newPage(r, words.Subscriber.GoneTitle, "", body)
	p.W, p.Path, p.Signed, p.Visitor, p.Other = words, "/", false, true, otherLang(words.Lang)
	return s.render(w, status, "problem", p)
}

func (s *server) peer(r *http.Request) string {
	if s.Peer != nil {
		return s.Peer(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// subscriberView is the page of a link's receiver.
type subscriberView struct {
	Base, Token  string
	Holds        []holding
	CalDAV       CalDAVAddress
	Public, Safe bool // Google can reach the server; nobody on the way can read
	Calendars    []slugGroup
	Feeds        []slugGroup
	LastDay      time.Time
	copies
}

// holding is what there is of one child.
type holding struct{ Name, Kinds string }

// slugGroup is one child's calendars or feeds, whose addresses the page fills
// in by itself.
type slugGroup struct {
	Name string
	Rows []slugRow
}

type slugRow struct{ ID, Slug, Kind, Hint, Title string }

func (s *server) subscriberPage(w http.ResponseWriter, r *http.Request, sub Subscriber) error {
	words := s.visitorWords(r)
	token, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, subscriberPrefix), "/")
	v := subscriberView{
		Base: s.BaseURL, Token: token, CalDAV: sub.CalDAV, Public: public(s.base), Safe: s.Protected(r),
	}
	if !sub.Expires.IsZero() {
		v.LastDay = sub.Expires.Add(-time.Nanosecond)
	}
	var kinds [][]string
	add := func(groups *[]slugGroup, child, prefix, slug string, k school.Kind) {
		row := slugRow{ID: prefix + slug, Slug: slug, Kind: words.Kind(k), Hint: words.KindHint(k), Title: child + " – " + words.Kind(k)}
		if n := len(*groups); n == 0 || (*groups)[n-1].Name != child {
			*groups = append(*groups, slugGroup{Name: child})
		}
		g := &(*groups)[len(*groups)-1]
		g.Rows = append(g.Rows, row)
		i := slices.IndexFunc(v.Holds, func(h holding) bool { return h.Name == child })
		if i < 0 {
			v.Holds, kinds, i = append(v.Holds, holding{Name: child}), append(kinds, nil), len(v.Holds)
		}
		kinds[i] = append(kinds[i], row.Kind)
	}
	for _, c := range sub.Calendars {
		add(&v.Calendars, childName(words, c.Child, c.Name), "ics-", c.Slug, c.Kind)
	}
	for _, f := range sub.Feeds {
		add(&v.Feeds, childName(words, f.Child, f.Name), "feed-", f.Slug, f.Kind)
	}
	for i := range v.Holds {
		v.Holds[i].Kinds = words.List(kinds[i])
	}
	p := s.newPage(r, words.Subscriber.Title, "subscriber", v)
	p.W, p.Signed, p.Visitor, p.Other = words, false, true, otherLang(words.Lang)
	return s.render(w, http.StatusOK, "subscriber", p)
}

// visitorWords are in the language that the address names, and else in the
// browser's. No cookie is set for a visitor.
func (s *server) visitorWords(r *http.Request) *text.Words {
	if l, ok := text.Parse(r.URL.Query().Get("lang")); ok {
		return s.words[l]
	}
	return s.words.of(r)
}

// childName is how a group of addresses is headed. A link that shows no names
// leaves the number.
func childName(w *text.Words, n school.ChildNumber, name string) string {
	switch {
	case n == school.Family:
		return w.Addresses.Family
	case name == "":
		return w.Subscriber.Child.With(w.Number(int(n)))
	}
	return name
}

const (
	missesPerMinute = 10   // addresses that lead nowhere, per peer
	maxPeers        = 4096 // peers that are remembered
)

// limiter counts misses per peer in windows of a minute that begin with the
// first one. Safe for concurrent use.
type limiter struct {
	mu    sync.Mutex
	peers map[string]window
}

type window struct {
	ends  time.Time
	count int
}

func newLimiter() *limiter { return &limiter{peers: map[string]window{}} }

// miss counts one and returns how long the peer has to wait, 0 while there
// were few.
func (l *limiter) miss(peer string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, known := l.peers[peer]
	if !known || !now.Before(w.ends) {
		if !known && len(l.peers) >= maxPeers {
			clear(l.peers)
		}
		w = window{ends: now.Add(time.Minute)}
	}
	w.count++
	l.peers[peer] = w
	if w.count <= missesPerMinute {
		return 0
	}
	return w.ends.Sub(now)
}
