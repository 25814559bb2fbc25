package web

import (
	"context"
	"fmt"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// AddressStore holds back the addresses of the link that was made by itself
// for the first account, until somebody looks at them.
type AddressStore interface {
	// Unseen returns those addresses, for the children known by now; ok is
	// false when there is nothing that was not shown before.
	Unseen(ctx context.Context) (a Addresses, ok bool, err error)
	// Seen says that the link's addresses have been shown.
	Seen(id school.LinkID)
}

// Addresses are everything that a new link opens. They hold secrets and print
// as [school.Redacted].
type Addresses struct {
	Link  school.LinkID
	Label string
	// Page is the receiver's page; its fragment holds the other secrets. It is
	// empty, as are Calendars, Feeds and CalDAV.Password, where the secret is
	// not known because it was not replaced.
	Page      string
	Calendars []CalendarAddress
	Feeds     []FeedAddress
	CalDAV    CalDAVAddress
	Replaced  bool      // some of a link that was there
	Overlap   time.Time // until when what was replaced works; zero: it has ended
}

// String implements [fmt.Stringer] without a secret.
func (Addresses) String() string { return school.Redacted }

// Format implements [fmt.Formatter], so that no verb shows a secret.
func (Addresses) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, school.Redacted) }

// LogValue implements [slog.LogValuer] without a secret.
func (Addresses) LogValue() slog.Value { return slog.StringValue(school.Redacted) }

// CalendarAddress is one subscribable calendar.
type CalendarAddress struct {
	Child school.ChildNumber // 0: the whole family
	Name  string             // the child's first name, empty for the family
	Kind  school.Kind
	Slug  string // "1-events", as in the address
	URL   string // absolute, ends in .ics
}

// FeedAddress is one feed.
type FeedAddress struct {
	Child  school.ChildNumber
	Name   string
	Kind   school.Kind
	Slug   string // "1-news", as in the address
	URL    string // absolute
	Format string // "atom"
}

// CalDAVAddress is what a CalDAV program is told.
type CalDAVAddress struct {
	URL      string // absolute, of the whole server: base URL + /dav/
	User     string
	Password string // as shown, in groups of four
}

const (
	shownLife = 15 * time.Minute
	shownMost = 16
)

// shown keeps the addresses of new links in memory for as long as they may be
// looked at, each for the guardian who made the link. A page that can be
// loaded again is needed, because phones forget pages in the background while
// the password is being typed into another app.
type shown struct {
	now func() time.Time

	mu  sync.Mutex
	all map[school.LinkID]showing
}

type showing struct {
	guardian  school.GuardianID
	addresses Addresses
	until     time.Time
}

func newShown(now func() time.Time) *shown {
	return &shown{now: now, all: map[school.LinkID]showing{}}
}

func (s *shown) put(g school.GuardianID, a Addresses) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	for len(s.all) >= shownMost {
		var oldest school.LinkID
		for id, v := range s.all {
			if oldest == "" || v.until.Before(s.all[oldest].until) {
				oldest = id
			}
		}
		delete(s.all, oldest)
	}
	s.all[a.Link] = showing{guardian: g, addresses: a, until: s.now().Add(shownLife)}
}

func (s *shown) get(g school.GuardianID, id school.LinkID) (Addresses, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	v, ok := s.all[id]
	return v.addresses, ok && v.guardian == g
}

func (s *shown) drop(id school.LinkID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

func (s *shown) sweep() {
	now := s.now()
	maps.DeleteFunc(s.all, func(_ school.LinkID, v showing) bool { return !now.Before(v.until) })
}

func addressesPath(id school.LinkID) string {
	return "/links/" + url.PathEscape(string(id)) + "/addresses"
}

// addressesView is the page that shows a new link.
type addressesView struct {
	Link      school.LinkID
	Label     string
	CalDAV    CalDAVAddress
	Public    bool // Google and Outlook can reach this server
	Calendars []calendarGroup
	Feeds     []feedGroup
	Page      string
	QR        *qrView // of Page
	Replaced  bool
	Overlap   time.Time
	copies
}

// calendarGroup is one child's calendars.
type calendarGroup struct {
	Name string
	Rows []calendarRow
}

type calendarRow struct {
	ID                             string // unique on the page
	Kind                           string
	Hint                           string
	URL                            string
	Apple, Google, Outlook, Office template.URL
}

// feedGroup is one child's feeds.
type feedGroup struct {
	Name string
	Rows []feedRow
}

type feedRow struct{ ID, Kind, Hint, URL string }

func (s *server) addressesPage(w http.ResponseWriter, r *http.Request) error {
	guardian, _ := s.Guardian(r.Context())
	words := s.words.of(r)
	a, ok := s.shown.get(guardian, school.LinkID(r.PathValue("id")))
	if !ok {
		return s.render(w, http.StatusGone, "problem", s.newPage(r, words.Addresses.GoneTitle, "links",
			problemView{Sentence: words.Addresses.Gone}))
	}
	title := words.Addresses.Title.With(a.Label)
	return s.render(w, http.StatusOK, "addresses", s.newPage(r, title, "links", newAddressesView(a, words, public(s.base))))
}

// firstAddresses shows the addresses that nobody has seen yet.
func (s *server) firstAddresses(w http.ResponseWriter, r *http.Request) error {
	a, ok, err := s.Store.Unseen(r.Context())
	if err != nil {
		return err
	}
	if !ok {
		redirect(w, "/links")
		return nil
	}
	guardian, _ := s.Guardian(r.Context())
	s.shown.put(guardian, a)
	s.Store.Seen(a.Link)
	redirect(w, addressesPath(a.Link))
	return nil
}

func (s *server) hideAddresses(w http.ResponseWriter, r *http.Request) error {
	s.shown.drop(school.LinkID(r.PathValue("id")))
	redirect(w, "/links")
	return nil
}

func newAddressesView(a Addresses, w *text.Words, reachable bool) addressesView {
	v := addressesView{
		Link: a.Link, Label: a.Label, CalDAV: a.CalDAV, Public: reachable, Page: a.Page, QR: newQR(a.Page),
		Replaced: a.Replaced, Overlap: a.Overlap,
	}
	for i, c := range a.Calendars {
		name := childName(w, c.Child, c.Name)
		row := calendarRow{
			ID: fmt.Sprintf("ics-%d", i), Kind: w.Kind(c.Kind), Hint: w.KindHint(c.Kind), URL: c.URL, Apple: webcal(c.URL),
		}
		if reachable {
			row.Google = safeURL("https://calendar.google.com/calendar/r?cid=" + url.QueryEscape(string(row.Apple)))
			// Microsoft has one address for private accounts and one for those of
			// an employer or a school; neither leads to the other.
			add := "/calendar/0/addfromweb?url=" + url.QueryEscape(c.URL) + "&name=" + url.QueryEscape(name+" – "+row.Kind)
			row.Outlook, row.Office = safeURL("https://outlook.live.com"+add), safeURL("https://outlook.office.com"+add)
		}
		if n := len(v.Calendars); i == 0 || a.Calendars[i-1].Child != c.Child {
			v.Calendars = append(v.Calendars, calendarGroup{Name: name, Rows: []calendarRow{row}})
		} else {
			v.Calendars[n-1].Rows = append(v.Calendars[n-1].Rows, row)
		}
	}
	for i, f := range a.Feeds {
		name := childName(w, f.Child, f.Name)
		row := feedRow{ID: fmt.Sprintf("feed-%d", i), Kind: w.Kind(f.Kind), Hint: w.KindHint(f.Kind), URL: f.URL}
		if n := len(v.Feeds); i == 0 || a.Feeds[i-1].Child != f.Child {
			v.Feeds = append(v.Feeds, feedGroup{Name: name, Rows: []feedRow{row}})
		} else {
			v.Feeds[n-1].Rows = append(v.Feeds[n-1].Rows, row)
		}
	}
	return v
}

// webcal returns the form of an address that subscribes instead of importing
// once. iOS knows webcal: only, not webcals:, and tries TLS first.
func webcal(address string) template.URL {
	_, rest, _ := strings.Cut(address, "://")
	return safeURL("webcal://" + rest)
}

// safeURL marks an address as one of our own making.
func safeURL(address string) template.URL {
	return template.URL(address) //nolint:gosec // made here from our own addresses, and the template still escapes it
}

// public reports whether servers on the internet can be expected to reach
// base: https, and a host that is neither a private address nor a name that
// only the home knows.
func public(base *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(base.Hostname()), ".")
	if base.Scheme != "https" {
		return false
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsGlobalUnicast() && !a.IsPrivate()
	}
	for _, home := range []string{".local", ".localhost", ".lan", ".home", ".internal", ".home.arpa", ".test"} {
		if strings.HasSuffix(host, home) {
			return false
		}
	}
	return strings.Contains(host, ".")
}

// copyView is one value to copy.
type copyView struct {
	ID, Label, Value, Copy, Copied string
	Whole                          bool // is read and typed elsewhere, so all of it has to be seen
}

// copies is part of views with values to copy.
type copies struct{}

// Copy puts a value and its label into a field from which it can be copied.
func (copies) Copy(w *text.Words, id, label, value string) copyView {
	return copyView{ID: id, Label: label, Value: value, Copy: w.Common.Copy, Copied: w.Common.Copied}
}

// Whole is Copy for what is also typed by hand.
func (v copies) Whole(w *text.Words, id, label, value string) copyView {
	c := v.Copy(w, id, label, value)
	c.Whole = true
	return c
}

// picture is a QR code with what it says to those who cannot see it.
type picture struct {
	QR   *qrView
	Says string
}

// Picture returns the QR code of the receiver's page, nil where there is none.
func (v addressesView) Picture(w *text.Words) *picture {
	if v.QR == nil {
		return nil
	}
	return &picture{QR: v.QR, Says: w.Addresses.PageQR}
}
