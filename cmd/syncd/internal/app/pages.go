package app

import (
	"context"
	"crypto/subtle"
	"errors"
	"io/fs"
	"slices"
	"time"

	"syncd/cmd/syncd/internal/auth"
	"syncd/cmd/syncd/internal/session"
	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/view"
	"syncd/cmd/syncd/internal/web"
	"syncd/source"
	"syncd/source/school"
	"syncd/storage"
)

// pages is the app as package web wants it.
type pages struct{ *App }

var _ web.Store = pages{}

// Overview implements web.OverviewStore.
func (p pages) Overview(ctx context.Context) (web.Overview, error) {
	accounts, err := p.accountViews(ctx)
	if err != nil {
		return web.Overview{}, err
	}
	children, err := p.childViews(ctx)
	if err != nil {
		return web.Overview{}, err
	}
	links, err := p.App.Links(ctx)
	if err != nil {
		return web.Overview{}, err
	}
	out := web.Overview{Accounts: accounts, Children: children, Backup: p.backupView()}
	if out.Problems, err = p.ownProblems(ctx); err != nil {
		return web.Overview{}, err
	}
	for _, l := range links {
		switch {
		case l.Live(p.cfg.Now()):
			out.Links++
		case !l.Suspended.IsZero():
			out.Suspended++
		}
	}
	return out, nil
}

func (a *App) accountViews(ctx context.Context) ([]web.AccountView, error) {
	all, err := a.cfg.DB.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]web.AccountView, 0, len(all))
	for _, acct := range all {
		v, err := a.accountView(ctx, acct)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (a *App) accountView(ctx context.Context, acct school.Account) (web.AccountView, error) {
	platform, _ := a.platform(acct.Platform)
	requests, err := a.manners.Requests(ctx, acct.ID)
	if err != nil {
		return web.AccountView{}, err
	}
	last, err := a.cfg.DB.Outcome(ctx, acct.ID)
	if err != nil {
		return web.AccountView{}, err
	}
	stays, err := a.cfg.DB.Diary(ctx, acct.ID)
	if err != nil {
		return web.AccountView{}, err
	}
	keeping, err := a.keepingView(ctx, acct, session.SignedIn(stays))
	if err != nil {
		return web.AccountView{}, err
	}
	unpaired, err := a.unpaired(ctx, acct)
	if err != nil {
		return web.AccountView{}, err
	}
	return web.AccountView{
		Unpaired: unpaired, Sessions: sessions(stays), Keeping: keeping, Settings: acct.Settings, Spared: a.syncer.Spared(acct.ID),
		ID: acct.ID, Platform: acct.Platform, Name: platform.Name, State: acct.State, Since: acct.Since,
		LastRead: last.Finished, NextRead: acct.NextDue, Reading: a.syncer.Running(acct.ID), Requests: requests,
		Budget: platform.Budget, Problem: acct.Problem, Open: len(platform.Logins) == 0,
	}, nil
}

// unpaired returns when an account's platform last refused to register the
// program like a phone; zero where nothing is amiss.
func (a *App) unpaired(ctx context.Context, acct school.Account) (time.Time, error) {
	src, err := a.source(ctx, acct.ID)
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // the reads tell of it
	}
	p, ok := src.(source.Pairer)
	if !ok {
		return time.Time{}, nil
	}
	state, err := a.cfg.DB.Session(ctx, acct.ID)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return p.Unpaired(source.NewSession(state, nil)), nil
}

func (a *App) childViews(ctx context.Context) ([]web.ChildView, error) {
	children, err := a.cfg.DB.Children(ctx)
	if err != nil {
		return nil, err
	}
	readings, err := a.cfg.DB.Readings(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]web.ChildView, 0, len(children))
	for _, c := range children {
		v := web.ChildView{Number: c.Number, Name: c.Name, School: c.School, Gone: c.Gone}
		for _, k := range slices.Concat(school.CalendarKinds(), school.FeedKinds()) {
			i := slices.IndexFunc(readings, func(r school.Reading) bool { return r.Child == c.Number && r.Kind == k })
			if i >= 0 {
				v.Kinds = append(v.Kinds, web.KindView{Kind: k, Entries: readings[i].Entries, LastSuccess: readings[i].LastSuccess})
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// ReadNow implements web.OverviewStore.
func (p pages) ReadNow(ctx context.Context, id school.AccountID) error {
	if _, err := p.cfg.DB.Account(ctx, id); err != nil {
		return err
	}
	p.syncer.Wake(id)
	return nil
}

// Account implements web.AccountStore.
func (p pages) Account(ctx context.Context, id school.AccountID) (web.AccountView, error) {
	acct, err := p.cfg.DB.Account(ctx, id)
	if err != nil {
		return web.AccountView{}, err
	}
	return p.accountView(ctx, acct)
}

// AddAccount implements web.AccountStore.
func (p pages) AddAccount(ctx context.Context, id school.PlatformID, settings map[string]string) (school.AccountID, error) {
	acct, err := p.App.AddAccount(ctx, id, settings)
	return acct.ID, err
}

// BeginLogin implements web.LoginStore.
func (p pages) BeginLogin(ctx context.Context, id school.AccountID, method source.MethodID, in source.Answers) error {
	return p.keeper.Begin(ctx, id, method, in)
}

// Login implements web.LoginStore.
func (p pages) Login(ctx context.Context, id school.AccountID) (web.LoginView, bool) {
	progress, ok := p.keeper.Login(id)
	if !ok {
		return web.LoginView{}, false
	}
	v := web.LoginView{Method: p.keeper.Method(id), Progress: progress}
	if acct, err := p.cfg.DB.Account(ctx, id); err == nil && acct.Problem == school.ProblemWrongPerson {
		v.Problem = acct.Problem
	}
	return v, true
}

// AnswerLogin implements web.LoginStore.
func (p pages) AnswerLogin(ctx context.Context, id school.AccountID, in source.Answers) error {
	return p.keeper.Answer(ctx, id, in)
}

// CancelLogin implements web.LoginStore.
func (p pages) CancelLogin(ctx context.Context, id school.AccountID) error {
	return p.keeper.Cancel(ctx, id)
}

// Links implements web.LinkStore.
func (p pages) Links(ctx context.Context) ([]web.LinkView, error) {
	links, err := p.App.Links(ctx)
	if err != nil {
		return nil, err
	}
	out, err := p.linkViews(ctx, links)
	if err != nil {
		return nil, err
	}
	for i, l := range links {
		if out[i].Large, err = p.large(ctx, l); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// large lists a link's subscribed calendars that a guardian should know the
// size of.
func (a *App) large(ctx context.Context, l school.Link) ([]web.Large, error) {
	if !l.Live(a.cfg.Now()) {
		return nil, nil
	}
	sizes, err := a.views.Sizes(ctx, l.ID)
	if err != nil {
		return nil, err
	}
	calendars, _, err := a.views.Slugs(ctx, l.ID)
	if err != nil {
		return nil, err
	}
	var out []web.Large
	for _, s := range sizes {
		i := slices.IndexFunc(calendars, func(c view.Slug) bool { return c.Slug == s.Slug })
		if s.Large && i >= 0 {
			c := calendars[i]
			out = append(out, web.Large{Child: c.Child, Name: c.Name, Kind: c.Kind, Shown: s.Window})
		}
	}
	return out, nil
}

// linkViews describes links, in their order.
func (a *App) linkViews(ctx context.Context, links []school.Link) ([]web.LinkView, error) {
	children, err := a.cfg.DB.Children(ctx)
	if err != nil {
		return nil, err
	}
	uses, err := a.cfg.DB.LinkUses(ctx)
	if err != nil {
		return nil, err
	}
	overlaps, err := a.cfg.DB.Overlaps(ctx)
	if err != nil {
		return nil, err
	}
	var out []web.LinkView
	for _, l := range links {
		v := web.LinkView{
			ID: l.ID, Label: l.Label, Kinds: l.Kinds, Created: l.Created, LastUsed: l.LastUsed, Expires: l.Expires,
			Suspended: l.Suspended, Overlap: overlaps[l.ID],
		}
		for _, u := range uses {
			if u.Link == l.ID {
				v.Uses = append(v.Uses, web.Use{Client: text.Client(u.Family), Day: u.Day})
			}
		}
		for _, c := range children {
			if slices.ContainsFunc(l.Children, c.Has) {
				v.Children = append(v.Children, c.Name)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// Scope implements web.LinkStore.
func (p pages) Scope(ctx context.Context) (web.Scope, error) {
	children, err := p.childViews(ctx)
	if err != nil {
		return web.Scope{}, err
	}
	out := web.Scope{Children: children}
	for _, k := range slices.Concat(school.CalendarKinds(), school.FeedKinds()) {
		if slices.ContainsFunc(children, func(c web.ChildView) bool {
			return slices.ContainsFunc(c.Kinds, func(v web.KindView) bool { return v.Kind == k })
		}) {
			out.Kinds = append(out.Kinds, k)
		}
	}
	if slices.ContainsFunc(out.Kinds, school.Kind.IsCalendar) { // they are what changes
		out.Kinds = append(out.Kinds, school.KindChanges)
	}
	return out, nil
}

// Choice implements web.LinkStore.
func (p pages) Choice(ctx context.Context, id school.LinkID) (web.NewLink, time.Time, error) {
	l, err := p.linkThere(ctx, id)
	if err != nil {
		return web.NewLink{}, time.Time{}, err
	}
	l.Children, err = p.canonical(ctx, l.Children)
	return choiceOf(l), l.Expires, err
}

// choiceOf is what was chosen for a link.
func choiceOf(l school.Link) web.NewLink {
	return web.NewLink{Label: l.Label, Children: l.Children, Kinds: l.Kinds, Options: l.Options}
}

// Subscriber implements web.SubscriberStore.
func (p pages) Subscriber(ctx context.Context, token string) (web.Subscriber, error) {
	l, err := p.cfg.DB.LinkByToken(ctx, storage.TokenPage, auth.HashToken(token))
	if err != nil {
		return web.Subscriber{}, err
	}
	if l, err = p.cfg.DB.Link(ctx, l.ID); err != nil { // when the link itself ends, not the token
		return web.Subscriber{}, err
	}
	calendars, letters, err := p.views.Slugs(ctx, l.ID)
	if err != nil {
		return web.Subscriber{}, err
	}
	onceCalendars, onceFeeds, err := p.views.Once(ctx, l.ID)
	if err != nil {
		return web.Subscriber{}, err
	}
	lang, _ := text.Parse(l.Options.Language)
	return web.Subscriber{
		Link: l.ID, CalDAV: web.CalDAVAddress{URL: p.cfg.BaseURL + davPrefix, User: string(l.ID)}, Expires: l.Expires, Lang: lang,
		Calendars: calendarsOf(l, calendars), Feeds: feedsOf(l, letters),
		OnceCalendars: calendarsOf(l, onceCalendars), OnceFeeds: feedsOf(l, onceFeeds),
	}, nil
}

// calendarsOf are calendars without addresses.
func calendarsOf(l school.Link, slugs []view.Slug) (out []web.CalendarAddress) {
	for _, c := range slugs {
		out = append(out, web.CalendarAddress{Child: c.Child, Name: nameFor(l, c), Kind: c.Kind, Slug: c.Slug})
	}
	return out
}

// feedsOf are feeds without addresses.
func feedsOf(l school.Link, slugs []view.Slug) (out []web.FeedAddress) {
	for _, f := range slugs {
		out = append(out, web.FeedAddress{Child: f.Child, Name: nameFor(l, f), Kind: f.Kind, Slug: f.Slug, Format: "atom"})
	}
	return out
}

// nameFor is a child's first name as far as the link shows it.
func nameFor(l school.Link, s view.Slug) string {
	if l.Options.Detail == school.DetailBusy {
		return ""
	}
	return s.Name
}

// Belong implements web.SubscriberStore.
func (p pages) Belong(ctx context.Context, id school.LinkID, k web.Keys) error {
	for use, key := range map[storage.TokenUse]web.Secret{storage.TokenCalendars: k.Calendars, storage.TokenFeeds: k.Feeds} {
		if key == "" {
			continue
		}
		l, err := p.cfg.DB.LinkByToken(ctx, use, auth.HashToken(string(key)))
		if err != nil {
			return err
		}
		if l.ID != id {
			return fs.ErrNotExist
		}
	}
	if k.Password == "" {
		return nil
	}
	hash, err := p.cfg.DB.LinkPassword(ctx, id)
	if err != nil {
		return err
	}
	if got := auth.HashPassword(string(k.Password)); subtle.ConstantTimeCompare(got[:], hash[:]) != 1 {
		return fs.ErrNotExist
	}
	return nil
}

// Privacy implements web.PrivacyStore.
func (p pages) Privacy(ctx context.Context) (web.Privacy, error) {
	accounts, err := p.accountViews(ctx)
	if err != nil {
		return web.Privacy{}, err
	}
	kept, err := p.kept(ctx)
	if err != nil {
		return web.Privacy{}, err
	}
	out := web.Privacy{Kept: kept, Accounts: accounts, Key: p.cfg.Key.Place, SameDisk: p.cfg.Key.Disk == DiskSame}
	for _, v := range accounts {
		platform, _ := p.platform(v.Platform)
		for _, h := range platform.Hosts {
			host := web.Host{Name: h, Platform: platform.Name}
			if !slices.Contains(out.Hosts, host) {
				out.Hosts = append(out.Hosts, host)
			}
		}
	}
	return out, nil
}

// kept counts what is stored, per kind over all children.
func (a *App) kept(ctx context.Context) ([]web.Kept, error) {
	stored, err := a.cfg.DB.Stored(ctx)
	if err != nil {
		return nil, err
	}
	leaving, err := a.cfg.DB.Leaving(ctx)
	if err != nil {
		return nil, err
	}
	var out []web.Kept
	for _, kind := range slices.Concat(school.CalendarKinds(), []school.Kind{school.KindNews, school.KindNotices}) {
		i := slices.IndexFunc(stored, func(s storage.Stock) bool { return s.Kind == kind })
		if i < 0 {
			continue
		}
		k := web.Kept{Kind: kind, Count: stored[i].Count, Oldest: stored[i].Oldest.Start(a.loc), Newest: stored[i].Newest.Start(a.loc)}
		for _, l := range leaving {
			if l.Shelf != kind.Shelf() {
				continue
			}
			k.Limit = l.Limit
			if !l.Next.IsZero() && l.Shelf == school.Shelf(kind) {
				k.Leaving, k.Day = l.Count, l.Next.Start(a.loc)
			}
		}
		out = append(out, k)
	}
	return out, nil
}
