package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"sync"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source"
	"syncd/source/school"
)

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
