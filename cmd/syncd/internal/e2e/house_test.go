// Package e2e_test tests the whole program: the app over real sockets and real
// sealed files, against the platform's fake, with other people's programs.
package e2e_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/emersion/go-ical"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/web"
	"syncd/source"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen/skolplattformentest"
	"syncd/storage"
	"syncd/storage/vault"
)

// now is a Sunday in November: both clock changes of the year lie in the
// window that is read, and June and December too.
func now() time.Time { return time.Date(2026, time.November, 22, 7, 20, 0, 0, time.UTC) }

// clock is the daemon's clock: it runs as the real one, from now on, and can
// be put forward.
type clock struct {
	mu    sync.Mutex
	start time.Time
	ahead time.Duration
}

func newClock() *clock { return &clock{start: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now().Add(time.Since(c.start) + c.ahead)
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// logs is where a house logs to, at debug level.
type logs struct {
	hook func(line []byte) // told of each line before it is logged; nil: nobody is

	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	if l.hook != nil {
		l.hook(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// house is a family's machine: a data folder, the platform it talks to, and,
// between start and stop, the program.
type house struct {
	t     *testing.T
	dir   string
	world *schooltest.World
	fake  *skolplattformentest.Server
	clock *clock
	logs  *logs

	options school.Options // of the link that join makes
	stale   time.Duration  // as app.Config.StaleAfter

	// Of the program that backupApp returns: how long it waits for others who
	// work on backups, and who is told when it asks for the time.
	patience time.Duration
	asked    func()

	recorder  *recorder
	app       *app.App
	db        *storage.DB
	base      string
	account   school.AccountID
	addresses web.Addresses
	stop      func()
}

// newHouse returns a house in which the program is not running yet.
func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), world: schooltest.Family(now()), clock: newClock(), logs: &logs{}}
	h.fake = skolplattformentest.New(h.world, skolplattformentest.Options{Now: h.clock.now})
	h.fake.SSO().Phone().Auto(skolplattformentest.Persons(h.world)[0], 0)
	h.recorder = &recorder{next: h.fake, seen: map[string]bool{}}
	return h
}

func (h *house) data() string { return filepath.Join(h.dir, "data") }
func (h *house) key() string  { return filepath.Join(h.dir, "keys", "cache.key") }

// start opens the data and runs the program, on the port that it had before
// where that is still free.
func (h *house) start() {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	keys, err := vault.OpenKeys(vault.KeySource{Managed: h.key(), Data: h.data()})
	if err != nil {
		h.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if h.db, err = storage.Open(ctx, storage.Options{Dir: h.data(), Keys: keys, Now: h.clock.now, Log: log}); err != nil {
		h.t.Fatal(err)
	}
	ln, err := net.Listen("tcp", cmp.Or(strings.TrimPrefix(h.base, "http://"), "127.0.0.1:0"))
	if err != nil {
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			h.t.Fatal(err)
		}
	}
	h.base = "http://" + ln.Addr().String()
	if h.app, err = app.New(ctx, app.Config{
		DB: h.db, DataDir: h.data(), BaseURL: h.base, Platforms: app.Platforms(), Now: h.clock.now, Log: log,
		Transport: h.recorder, StaleAfter: h.stale, SaveEvery: 200 * time.Millisecond,
		PerMinute: -1, // the clock stands still and all is asked for
	}); err != nil {
		h.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- h.app.Run(ctx, ln) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, h.db.Close()); err != nil {
			h.t.Errorf("stop: %v", err)
		}
	})
	h.t.Cleanup(h.stop)
}

// restart stops the program and starts it again on the same data. The
// addresses move along if the port is another one.
func (h *house) restart() {
	h.t.Helper()
	old := h.base
	h.stop()
	http.DefaultClient.CloseIdleConnections() // the port may be the same
	h.start()
	for i := range h.addresses.Calendars {
		h.addresses.Calendars[i].URL = strings.Replace(h.addresses.Calendars[i].URL, old, h.base, 1)
	}
	for i := range h.addresses.Feeds {
		h.addresses.Feeds[i].URL = strings.Replace(h.addresses.Feeds[i].URL, old, h.base, 1)
	}
}

// join signs in with the pretend phone, reads, and makes a link.
func (h *house) join() {
	h.t.Helper()
	ctx := h.t.Context()
	if err := h.app.Join(ctx, "skolplattformen", nil, source.BankIDQR); err != nil {
		h.t.Fatalf("join: %v", err)
	}
	accounts, err := h.db.Accounts(ctx)
	if err != nil || len(accounts) != 1 {
		h.t.Fatalf("accounts = %v, %v", accounts, err)
	}
	h.account = accounts[0].ID
	h.addresses = h.link("Prov")
}

// link makes a link to everything.
func (h *house) link(label string) web.Addresses {
	h.t.Helper()
	a, err := h.app.AddLink(h.t.Context(), web.NewLink{Label: label, Options: h.options}, time.Time{})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// open starts a program, signs in and reads.
func open(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.start()
	h.join()
	return h
}

// read reads all accounts now and reports the problem of the only one.
func (h *house) read() school.Problem {
	h.t.Helper()
	report, err := h.app.ReadAll(h.t.Context())
	if err != nil || len(report.Results) != 1 {
		h.t.Fatalf("read: %v, %d results", err, len(report.Results))
	}
	return report.Results[0].Problem
}

// mustRead reads and expects no problem.
func (h *house) mustRead() {
	h.t.Helper()
	if p := h.read(); p != school.ProblemNone {
		h.t.Fatalf("read: problem %q\n%s", p, h.logs)
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (h *house) do(method, address, body string, header ...string) answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (h *house) get(address string) string {
	h.t.Helper()
	a := h.do(http.MethodGet, address, "")
	if a.status != http.StatusOK {
		h.t.Fatalf("GET %s = %d", strings.TrimPrefix(address, h.base), a.status)
	}
	return a.body
}

// dav sends a request with the link's app password.
func (h *house) dav(method, path, body, depth string) answer {
	h.t.Helper()
	return h.do(method, h.base+path, body, "Depth", depth, "Content-Type", "application/xml",
		"Authorization", basic(h.addresses.CalDAV.User, h.addresses.CalDAV.Password))
}

func basic(user, password string) string {
	req := http.Request{Header: http.Header{}}
	req.SetBasicAuth(user, password)
	return req.Header.Get("Authorization")
}

// calendar returns one subscribed calendar.
func (h *house) calendar(n school.ChildNumber, k school.Kind) string {
	h.t.Helper()
	for _, c := range h.addresses.Calendars {
		if c.Child == n && c.Kind == k {
			return h.get(c.URL)
		}
	}
	h.t.Fatalf("the link has no calendar %d-%s", n, k)
	return ""
}

// everything returns every answer that a subscriber can get, by what was
// asked. What begins with the port that the program happens to have, and what
// depends on its length, is left to sent.
func (h *house) everything() map[string]string {
	h.t.Helper()
	out := map[string]string{}
	for _, c := range h.addresses.Calendars {
		name := fmt.Sprintf("ics %d-%s", c.Child, c.Kind)
		out[name], out[name+", gzip"] = h.as("identity", c.URL).whole(), h.as("gzip", c.URL).whole()
	}
	for name, address := range h.feeds() {
		plain, packed := h.as("identity", address), h.as("gzip", address)
		out[name] = strings.ReplaceAll(plain.body, h.base, "")
		out[name+", headers"] = fmt.Sprintln(plain.stamps(), packed.stamps())
		if unpacked := gunzip(h.t, packed.body); unpacked != plain.body {
			h.t.Errorf("%s is another one when it comes compressed", name)
		}
	}
	home := "/dav/" + h.addresses.CalDAV.User + "/calendars/"
	out["home"] = h.dav("PROPFIND", home, propfind, "1").body
	for _, slug := range h.slugs() {
		out["propfind "+slug] = h.dav("PROPFIND", home+slug+"/", propfind, "1").body
		out["query "+slug] = h.dav("REPORT", home+slug+"/", query, "1").body
		for _, r := range parse(h.t, out["query "+slug]).Responses {
			out["objects "+slug] += r.Href + h.dav(http.MethodGet, r.Href, "", "0").whole()
		}
	}
	return out
}

// sent is everything and, to the byte, the feeds as they are sent. It compares
// within one address of the program.
func (h *house) sent() map[string]string {
	h.t.Helper()
	out := h.everything()
	for name, address := range h.feeds() {
		out[name+", as sent"], out[name+", gzip"] = h.as("identity", address).whole(), h.as("gzip", address).whole()
	}
	return out
}

// feeds are the addresses of the link's feeds in each format.
func (h *house) feeds() map[string]string {
	out := map[string]string{}
	for _, f := range h.addresses.Feeds {
		for _, ext := range []string{".atom", ".rss", ".json"} {
			out[fmt.Sprintf("feed %d-%s%s", f.Child, f.Kind, ext)] = strings.TrimSuffix(f.URL, ".atom") + ext
		}
	}
	return out
}

// as asks for an answer in one encoding.
func (h *house) as(encoding, address string) answer {
	h.t.Helper()
	return h.do(http.MethodGet, address, "", "Accept-Encoding", encoding)
}

// stamps are what an answer says of its content, but for its ETag, which is another
// one wherever the bytes are.
func (a answer) stamps() string {
	return fmt.Sprintln(a.status, a.header.Get("Last-Modified"), a.header.Get("Content-Type"), a.header.Get("Content-Encoding"))
}

// whole is everything about an answer that must not change when nothing did.
func (a answer) whole() string { return a.header.Get("ETag") + a.stamps() + a.body }

func gunzip(t *testing.T, packed string) string {
	t.Helper()
	zr, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatalf("not compressed: %v", err)
	}
	b, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// files are the sums of what is stored of the school: the sealed cache and
// each picture.
func (h *house) files() map[string]string {
	h.t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{storage.CacheName, "blobs/*", "blobs/*/*"} {
		paths, err := filepath.Glob(filepath.Join(h.data(), pattern))
		if err != nil {
			h.t.Fatal(err)
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil {
				h.t.Fatal(err)
			}
			if info.IsDir() {
				continue
			}
			b, err := os.ReadFile(path)
			if err != nil {
				h.t.Fatal(err)
			}
			out[strings.TrimPrefix(path, h.data())] = fmt.Sprintf("%x %s", sha256.Sum256(b), info.ModTime())
		}
	}
	return out
}

const (
	propfind = `<propfind xmlns="DAV:" xmlns:cs="http://calendarserver.org/ns/"><prop><displayname/><getetag/><getlastmodified/><sync-token/><cs:getctag/></prop></propfind>`
	query    = `<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/><c:calendar-data/></prop><c:filter><c:comp-filter name="VCALENDAR"/></c:filter></c:calendar-query>`
)

// slugs are the calendars of the link's CalDAV home.
func (h *house) slugs() []string {
	h.t.Helper()
	a := h.dav("PROPFIND", "/dav/"+h.addresses.CalDAV.User+"/calendars/", propfind, "1")
	var out []string
	for _, href := range hrefs(h.t, a.body) {
		parts := strings.Split(strings.Trim(href, "/"), "/")
		if len(parts) == 4 {
			out = append(out, parts[3])
		}
	}
	if len(out) == 0 {
		h.t.Fatalf("no calendars in the home: %d %s", a.status, a.body)
	}
	return out
}

type multistatus struct {
	Responses []struct {
		Href  string   `xml:"href"`
		Data  []string `xml:"propstat>prop>calendar-data"`
		ETags []string `xml:"propstat>prop>getetag"`
	} `xml:"response"`
}

func parse(t *testing.T, body string) multistatus {
	t.Helper()
	var m multistatus
	if err := xml.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("multistatus: %v", err)
	}
	return m
}

func hrefs(t *testing.T, body string) []string {
	t.Helper()
	var out []string
	for _, r := range parse(t, body).Responses {
		out = append(out, r.Href)
	}
	return out
}

// event is a VEVENT as a calendar program understands it.
type event struct {
	uid, title, body string
	start, end       time.Time
	allDay           bool
}

// events decodes a calendar as another program would.
func events(t *testing.T, data string) []event {
	t.Helper()
	cal, err := ical.NewDecoder(strings.NewReader(data)).Decode()
	if err != nil {
		t.Fatalf("decode calendar: %v", err)
	}
	var out []event
	for _, e := range cal.Events() {
		var ev event
		ev.uid, _ = e.Props.Text(ical.PropUID)
		ev.title, _ = e.Props.Text(ical.PropSummary)
		ev.body, _ = e.Props.Text(ical.PropDescription)
		ev.allDay = e.Props.Get(ical.PropDateTimeStart).ValueType() == ical.ValueDate
		if ev.start, err = e.DateTimeStart(school.Stockholm()); err != nil {
			t.Fatal(err)
		}
		if ev.end, err = e.DateTimeEnd(school.Stockholm()); err != nil {
			t.Fatal(err)
		}
		out = append(out, ev)
	}
	slices.SortFunc(out, func(a, b event) int { return strings.Compare(a.uid, b.uid) })
	return out
}
