package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source"
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

// store is a family as the pages see it; what was done to it is kept.
type store struct {
	mu       sync.Mutex
	overview web.Overview
	links    []web.LinkView
	scope    web.Scope
	privacy  web.Privacy
	login    *web.LoginView
	err      error // answered by everything when set
	beginErr error
	addErr   error

	done    []string
	added   web.NewLink
	ends    time.Time
	rotated web.Rotation

	shelves web.Shelves
	report  web.Report

	rotateErr error
	choice    web.NewLink
	visited   web.Subscriber
	answers   source.Answers
	unseen    bool
}

func (s *store) act(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, what)
	return s.err
}

func (s *store) Overview(context.Context) (web.Overview, error) { return s.overview, s.err }
func (s *store) Export(_ context.Context, w io.Writer, l text.Lang) error {
	_, err := io.WriteString(w, "PK "+string(l))
	return errors.Join(err, s.act("export"))
}

func (s *store) ReadNow(ctx context.Context, id school.AccountID) error {
	if _, err := s.Account(ctx, id); err != nil {
		return err
	}
	return s.act("read " + string(id))
}

func (s *store) Account(_ context.Context, id school.AccountID) (web.AccountView, error) {
	for _, a := range s.overview.Accounts {
		if a.ID == id {
			return a, s.err
		}
	}
	return web.AccountView{}, fs.ErrNotExist
}

func (s *store) AddAccount(_ context.Context, p school.PlatformID, settings map[string]string) (school.AccountID, error) {
	s.answers = settings
	return "a1", errors.Join(s.addErr, s.act("add "+string(p)))
}

func (s *store) RemoveAccount(_ context.Context, id school.AccountID) (web.Report, error) {
	return s.report, s.act("remove " + string(id))
}

func (s *store) BeginLogin(_ context.Context, id school.AccountID, m source.MethodID, in source.Answers) error {
	s.answers = in
	s.login = &web.LoginView{Method: m, Progress: source.Progress{State: source.LoginScan, QR: qrText}}
	return errors.Join(s.beginErr, s.act("begin "+string(id)+" "+string(m)))
}

func (s *store) Login(context.Context, school.AccountID) (web.LoginView, bool) {
	if s.login == nil {
		return web.LoginView{}, false
	}
	return *s.login, true
}

func (s *store) AnswerLogin(_ context.Context, id school.AccountID, in source.Answers) error {
	s.answers = in
	return s.act("answer " + string(id))
}

func (s *store) CancelLogin(_ context.Context, id school.AccountID) error {
	s.login = nil
	return s.act("cancel " + string(id))
}

func (s *store) Keep(_ context.Context, id school.AccountID, k school.Keeping) error {
	if err := k.Check(); err != nil {
		return fmt.Errorf("stub: %w: %w", err, fs.ErrInvalid)
	}
	return s.act(fmt.Sprintf("keep %s %s %s %s", id, k.Ping, k.MaxAge, k.Renewal))
}

func (s *store) Configure(_ context.Context, id school.AccountID, changes map[string]string) error {
	if changes["pairing"] == "perhaps" {
		return fs.ErrInvalid
	}
	return s.act(fmt.Sprintf("configure %s %v", id, changes))
}

func (s *store) Joined(context.Context) ([]web.JoinedView, error) {
	var out []web.JoinedView
	for _, c := range s.overview.Children {
		out = append(out, web.JoinedView{Number: c.Number, Name: c.Name, School: c.School, Platforms: []string{"Skolplattformen"}})
	}
	if len(out) > 0 {
		out[0].Platforms, out[0].Aliases = []string{"Skolplattformen", "InfoMentor"}, []school.ChildNumber{7}
		out[0].Kinds = []web.LeadView{{Kind: school.KindEvents, Leader: "infomentor", Fill: true, Platforms: []web.PlatformName{
			{ID: "skolplattformen", Name: "Skolplattformen"}, {ID: "infomentor", Name: "InfoMentor " + hostile},
		}}}
	}
	return out, s.err
}

func (s *store) JoinChildren(_ context.Context, a, b school.ChildNumber) error {
	if a == b {
		return fs.ErrInvalid
	}
	return s.act(fmt.Sprintf("join %d %d", a, b))
}

func (s *store) SplitChild(_ context.Context, a, b school.ChildNumber) error {
	return s.act(fmt.Sprintf("split %d %d", a, b))
}

func (s *store) LeadKind(_ context.Context, n school.ChildNumber, k school.Kind, p school.PlatformID, fill bool) error {
	if n == 0 {
		return fs.ErrNotExist
	}
	return s.act(fmt.Sprintf("lead %d %s %s %t", n, k, p, fill))
}

func (s *store) Links(context.Context) ([]web.LinkView, error) { return s.links, s.err }
func (s *store) Scope(context.Context) (web.Scope, error)      { return s.scope, s.err }
func (s *store) AddLink(_ context.Context, n web.NewLink, ends time.Time) (web.Addresses, error) {
	s.added, s.ends = n, ends
	a := addresses(n.Label)
	if n.Label == "numbered" {
		a.Link = school.LinkID("n" + strconv.Itoa(len(s.done)))
	}
	return a, s.act("add link")
}

func (s *store) Choice(_ context.Context, id school.LinkID) (web.NewLink, time.Time, error) {
	for _, l := range s.links {
		if l.ID == id {
			return s.choice, l.Expires, s.err
		}
	}
	return web.NewLink{}, time.Time{}, fs.ErrNotExist
}

func (s *store) ChangeLink(_ context.Context, id school.LinkID, n web.NewLink, ends time.Time) error {
	s.added, s.ends = n, ends
	return s.act("change " + string(id))
}

func (s *store) RotateLink(_ context.Context, id school.LinkID, r web.Rotation) (web.Addresses, error) {
	s.rotated = r
	a := addresses("")
	a.Replaced, a.Overlap, a.CalDAV.Password, a.Feeds = true, now.Add(web.Overlap), "", nil
	return a, errors.Join(s.rotateErr, s.act("rotate "+string(id)))
}

func (s *store) Subscriber(_ context.Context, token string) (web.Subscriber, error) {
	if token != pageToken {
		return web.Subscriber{}, fs.ErrNotExist
	}
	return s.visited, s.err
}

func (s *store) Belong(_ context.Context, _ school.LinkID, k web.Keys) error {
	for key, want := range map[web.Secret]web.Secret{k.Calendars: calendarsToken, k.Feeds: feedsToken, k.Password: password} {
		if key != "" && key != want {
			return fs.ErrNotExist
		}
	}
	return s.err
}

func (s *store) Unseen(context.Context) (web.Addresses, bool, error) {
	return addresses("Familjens kalender"), s.unseen, s.err
}

func (s *store) Seen(id school.LinkID) {
	s.unseen = false
	_ = s.act("seen " + string(id))
}

func (s *store) RevokeLink(_ context.Context, id school.LinkID) error {
	return s.act("revoke " + string(id))
}

func (s *store) ConfirmLink(_ context.Context, id school.LinkID) error {
	return s.act("confirm " + string(id))
}
func (s *store) Privacy(context.Context) (web.Privacy, error) { return s.privacy, s.err }

func addresses(label string) web.Addresses {
	return web.Addresses{
		Link: "l9", Label: label, Page: base + "/s/" + pageToken + "#c=" + calendarsToken + "&f=" + feedsToken + "&p=" + password,
		CalDAV: web.CalDAVAddress{URL: base + "/dav/", User: "l9", Password: password},
		Calendars: []web.CalendarAddress{
			{Kind: school.KindFamily, URL: base + "/c/mzxw6ytboi3dgnrvgqztqmjrge/0-family.ics"},
			{Child: 1, Name: "Astrid", Kind: school.KindEvents, URL: base + "/c/mzxw6ytboi3dgnrvgqztqmjrge/1-events.ics"},
			{Child: 1, Name: "Astrid", Kind: school.KindMeals, URL: base + "/c/mzxw6ytboi3dgnrvgqztqmjrge/1-meals.ics"},
		},
		Feeds: []web.FeedAddress{
			{Kind: school.KindAll, URL: base + "/f/qpzw6ytboi3dgnrvgqztqmjrge/0-all.atom", Format: "atom"},
			{Child: 1, Name: "Astrid", Kind: school.KindNews, URL: base + "/f/qpzw6ytboi3dgnrvgqztqmjrge/1-news.atom", Format: "atom"},
			{Child: 1, Name: "Astrid", Kind: school.KindNotices, URL: base + "/f/qpzw6ytboi3dgnrvgqztqmjrge/1-notices.atom", Format: "atom"},
		},
	}
}

// full is a family with everything, written by somebody who means harm.
func full() *store {
	s := &store{}
	states := []school.SessionState{school.SignedOut, school.SigningIn, school.Active, school.Expired}
	for i, p := range append(school.Problems(), school.ProblemNone) {
		s.overview.Accounts = append(s.overview.Accounts, web.AccountView{
			ID: school.AccountID("a" + string(rune('a'+i))), Platform: "skolplattformen", Name: "Skolplattformen " + hostile,
			Who: "Ingrid " + hostile, State: states[i%4], Since: now.Add(-50 * time.Hour), Until: now.Add(time.Hour),
			LastRead: now.Add(-12 * time.Minute), NextRead: now.Add(47 * time.Minute), Reading: i == 12,
			Requests: 1038, Budget: 2000, Problem: p, Open: i == 5, Sessions: sessions(), Keeping: planned(i%2 == 0),
		})
	}
	var kinds []web.KindView
	for _, k := range append(school.CalendarKinds(), school.FeedKinds()...) {
		kinds = append(kinds, web.KindView{Kind: k, Entries: 1200, LastSuccess: now.Add(-time.Hour), Problem: true}, web.KindView{Kind: k})
		s.scope.Kinds = append(s.scope.Kinds, k)
		s.privacy.Kept = append(s.privacy.Kept, web.Kept{Kind: k, Count: 3, Oldest: now.AddDate(-1, 0, 0), Newest: now})
	}
	s.scope.Kinds = append(s.scope.Kinds, school.KindFamily)
	s.overview.Children = []web.ChildView{
		{Number: 1, Name: "Astrid " + hostile, School: "Granholmsskolan " + hostile, Kinds: kinds},
		{Number: 2, Name: "Måns", Kinds: kinds[:2], Gone: now.AddDate(0, -1, 0)},
	}
	s.overview.Links, s.overview.Suspended = 2, 1
	s.scope.Children = s.overview.Children
	s.links = []web.LinkView{
		{
			ID: "l1", Label: "Telefon " + hostile, Created: now, LastUsed: now, Overlap: now.AddDate(0, 0, 5),
			Uses: []web.Use{{Client: text.ClientApple, Day: school.DateOf(now)}, {Client: text.ClientReader, Day: school.DateOf(now).AddDays(-1)}},
			Large: []web.Large{
				{Child: 1, Name: "Astrid " + hostile, Kind: school.KindLessons},
				{Kind: school.KindFamily, Shown: school.Window{From: school.Date{Year: 2026, Month: 10, Day: 26}, To: school.Date{Year: 2027, Month: 1, Day: 11}}},
			},
		},
		{
			ID: "l2", Label: "Mormor", Children: []string{"Astrid " + hostile}, Kinds: []school.Kind{school.KindNews, school.KindAll},
			Created: now, Expires: now.AddDate(1, 0, 0), Suspended: now,
		},
	}
	s.choice = web.NewLink{Label: "Telefon " + hostile, Options: school.Options{Language: "sv"}}
	s.visited = visited("Astrid " + hostile)
	s.privacy.Accounts = s.overview.Accounts
	s.privacy.Hosts = []web.Host{{Name: "etjanster.example.org", Platform: "Skolplattformen " + hostile}}
	s.privacy.Key, s.privacy.SameDisk = text.KeyManaged, true
	s.keepAll()
	return s
}

// visited is what the receiver of a link is shown.
func visited(name string) web.Subscriber {
	return web.Subscriber{
		Link: "l9", CalDAV: web.CalDAVAddress{URL: base + "/dav/", User: "l9"}, Expires: now.AddDate(0, 2, 0),
		Calendars: []web.CalendarAddress{
			{Child: 1, Name: name, Kind: school.KindEvents, Slug: "1-events"},
			{Child: 1, Name: name, Kind: school.KindMeals, Slug: "1-meals"},
			{Child: 2, Kind: school.KindEvents, Slug: "2-events"},
			{Kind: school.KindFamily, Slug: "0-family"},
		},
		Feeds: []web.FeedAddress{{Kind: school.KindNews, Slug: "0-news"}, {Child: 1, Name: name, Kind: school.KindNews, Slug: "1-news"}},
		Lang:  text.EN,
		OnceCalendars: []web.CalendarAddress{
			{Child: 1, Name: name, Kind: school.KindEvents, Slug: "1-events"},
			{Child: 1, Name: name, Kind: school.KindMeals, Slug: "1-meals"},
			{Child: 2, Kind: school.KindEvents, Slug: "2-events"},
		},
		OnceFeeds: []web.FeedAddress{
			{Child: 1, Name: name, Kind: school.KindNews, Slug: "1-news"}, {Child: 1, Name: name, Kind: school.KindChanges, Slug: "1-changes"},
		},
	}
}

// empty is the first day: nothing yet, but one account to look at.
func empty() *store {
	return &store{overview: web.Overview{Accounts: []web.AccountView{{ID: "aa", Platform: "skolplattformen"}}}}
}

// choiceError refuses a choice, as the doors do.
type choiceError string

func (e choiceError) Error() string { return "refused" }
func (e choiceError) Field() string { return string(e) }
func (choiceError) Unwrap() error   { return fs.ErrInvalid }

type waitError time.Duration

func (waitError) Error() string         { return "busy" }
func (e waitError) Wait() time.Duration { return time.Duration(e) }

// doors lets in whoever knows the word, and remembers nothing.
type doors struct{ accept, signIn error }

func (d doors) SignIn(w http.ResponseWriter, _ *http.Request, user, word string) error {
	if d.signIn != nil {
		return d.signIn
	}
	if user != "asta" || word != "en mening" {
		return fs.ErrPermission
	}
	http.SetCookie(w, &http.Cookie{Name: "in", Value: "yes"})
	return nil
}

func (doors) SignOut(w http.ResponseWriter, _ *http.Request) error {
	http.SetCookie(w, &http.Cookie{Name: "in", MaxAge: -1})
	return nil
}

func (d doors) Accept(w http.ResponseWriter, r *http.Request, token, user, word string) error {
	if d.accept != nil {
		return d.accept
	}
	if token != "canary-invitation" {
		return fs.ErrNotExist
	}
	return d.SignIn(w, r, user, word)
}

func platforms() []source.Platform {
	return []source.Platform{
		{
			ID: "skolplattformen", Name: "Skolplattformen", Budget: 200, Hosts: []string{"etjanster.example.org"},
			Logins: []source.Method{
				{ID: source.BankIDQR},
				{ID: source.BankIDApp},
				{ID: source.Freja, Fields: []source.Field{{ID: "personal-number", Secret: true}}},
				{ID: source.FrejaApp},
			},
		},
		{
			ID: "icsfeed", Name: "Kalenderadress", Settings: []source.Field{
				{ID: "address", Secret: true},
				{ID: "municipality", Choices: []string{"Stockholm", "Nacka"}},
				{ID: "name", Optional: true},
				{ID: "keep-password", Optional: true, Choices: []string{"yes", "no"}},
			},
		},
	}
}

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
