package app

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"syncd/cmd/syncd/internal/auth"
	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/view"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
	"syncd/storage"
)

// secrets open a link. They exist in the clear while a link is made and until
// its addresses were shown.
type secrets struct{ page, calendars, feeds, password auth.Token }

// AddLink makes a link and returns its addresses, which cannot be had again.
// A label, children and kinds that are not there are errors.
func (a *App) AddLink(ctx context.Context, n web.NewLink, expires time.Time) (web.Addresses, error) {
	l, s, err := a.makeLink(ctx, n, expires)
	if err != nil {
		return web.Addresses{}, fmt.Errorf("app: add link: %w", err)
	}
	return a.addresses(ctx, l, s)
}

func (a *App) makeLink(ctx context.Context, n web.NewLink, expires time.Time) (school.Link, secrets, error) {
	if err := a.checkScope(ctx, n); err != nil {
		return school.Link{}, secrets{}, err
	}
	if !expires.IsZero() && !expires.After(a.cfg.Now()) {
		return school.Link{}, secrets{}, fmt.Errorf("%w: the link would have ended already", fs.ErrInvalid)
	}
	now := a.cfg.Now().UTC().Truncate(time.Second)
	id, _ := auth.NewToken()
	generation, _ := auth.NewToken()
	l := school.Link{
		ID: school.LinkID(string(id)[:8]), Label: n.Label, Children: n.Children, Kinds: n.Kinds, Options: n.Options,
		OptionsChanged: now, Generation: string(generation)[:12], Created: now, Expires: expires,
	}
	var s secrets
	var hashed storage.Secrets
	s.page, hashed.Page = auth.NewToken()
	s.calendars, hashed.Calendars = auth.NewToken()
	s.feeds, hashed.Feeds = auth.NewToken()
	s.password, hashed.Password = auth.NewPassword()
	_, hashed.Media = auth.NewToken()
	if err := a.cfg.DB.AddLink(ctx, l, hashed); err != nil {
		return school.Link{}, secrets{}, err
	}
	a.views.Invalidate()
	return l, s, nil
}

func (a *App) checkScope(ctx context.Context, n web.NewLink) error {
	children, err := a.cfg.DB.Children(ctx)
	if err != nil {
		return err
	}
	for _, number := range n.Children {
		if !slices.ContainsFunc(children, func(c storage.Child) bool { return c.Has(number) }) {
			return fmt.Errorf("%w: there is no child %d", fs.ErrInvalid, number)
		}
	}
	for _, k := range n.Kinds {
		if !k.IsCalendar() && !k.IsFeed() {
			return fmt.Errorf("%w: there is no such kind", fs.ErrInvalid)
		}
	}
	return nil
}

// ChangeLink changes what a link shows, how, and until when. Its addresses and
// its password stay. A scope or options that differ make calendar programs
// fetch everything anew.
func (a *App) ChangeLink(ctx context.Context, id school.LinkID, n web.NewLink, expires time.Time) error {
	l, err := a.linkThere(ctx, id)
	if err == nil {
		err = a.checkScope(ctx, n)
	}
	if err == nil && !expires.IsZero() && !expires.Equal(l.Expires) && !expires.After(a.cfg.Now()) {
		err = fmt.Errorf("%w: the link would have ended already", fs.ErrInvalid)
	}
	if err == nil {
		l.Label, l.Children, l.Kinds, l.Options, l.Expires = n.Label, n.Children, n.Kinds, n.Options, expires
		err = a.cfg.DB.PutLink(ctx, l)
	}
	if err != nil {
		return fmt.Errorf("app: change link: %w", err)
	}
	a.views.Invalidate()
	return nil
}

// linkThere answers a link that is not revoked.
func (a *App) linkThere(ctx context.Context, id school.LinkID) (school.Link, error) {
	l, err := a.cfg.DB.Link(ctx, id)
	if err == nil && !l.Revoked.IsZero() {
		err = fmt.Errorf("%w: the link is revoked", fs.ErrNotExist)
	}
	return l, err
}

// RotateLink replaces some of a link's secrets, each by itself, and answers
// what is known of its addresses now. An old token works for a week beside the
// new one unless r says otherwise; an old password ends at once.
func (a *App) RotateLink(ctx context.Context, id school.LinkID, r web.Rotation) (web.Addresses, error) {
	l, s, until, err := a.rotate(ctx, id, r)
	if err != nil {
		return web.Addresses{}, fmt.Errorf("app: rotate link: %w", err)
	}
	out, err := a.addresses(ctx, l, s)
	out.Replaced = s.page == "" || s.calendars == "" || s.feeds == "" || s.password == ""
	out.Overlap = until
	return out, err
}

func (a *App) rotate(ctx context.Context, id school.LinkID, r web.Rotation) (l school.Link, s secrets, until time.Time, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l, err = a.linkThere(ctx, id); err != nil {
		return l, s, until, err
	}
	if !l.Live(a.cfg.Now()) {
		return l, s, until, fmt.Errorf("%w: the link is not in use", fs.ErrInvalid)
	}
	hashed, err := a.cfg.DB.Secrets(ctx, id)
	if err != nil {
		return l, s, until, err
	}
	s = a.pending[id] // what nobody has seen yet can still be shown
	if r.Page {
		s.page, hashed.Page = auth.NewToken()
	}
	if r.Calendars {
		s.calendars, hashed.Calendars = auth.NewToken()
	}
	if r.Feeds {
		s.feeds, hashed.Feeds = auth.NewToken()
	}
	if r.Password {
		s.password, hashed.Password = auth.NewPassword()
	}
	if !r.Now && (r.Page || r.Calendars || r.Feeds) {
		until = a.cfg.Now().Add(web.Overlap).Truncate(time.Second)
	}
	if err = a.cfg.DB.PutSecrets(ctx, id, hashed, until); err != nil {
		return l, s, until, err
	}
	delete(a.pending, id)
	a.views.Invalidate()
	return l, s, until, nil
}

// addresses lists everything that a link opens right now with those of its
// secrets that are known.
func (a *App) addresses(ctx context.Context, l school.Link, s secrets) (web.Addresses, error) {
	calendars, letters, err := a.views.Slugs(ctx, l.ID)
	if err != nil {
		return web.Addresses{}, fmt.Errorf("app: addresses: %w", err)
	}
	out := web.Addresses{
		Link: l.ID, Label: l.Label,
		CalDAV: web.CalDAVAddress{URL: a.cfg.BaseURL + davPrefix, User: string(l.ID), Password: string(s.password)},
	}
	if s.page != "" {
		k := web.Keys{Calendars: web.Secret(s.calendars), Feeds: web.Secret(s.feeds), Password: web.Secret(s.password)}
		out.Page = a.cfg.BaseURL + "/s/" + string(s.page) + "#" + k.Fragment()
	}
	if s.calendars != "" {
		for _, c := range calendars {
			out.Calendars = append(out.Calendars, web.CalendarAddress{
				Child: c.Child, Name: c.Name, Kind: c.Kind, Slug: c.Slug, URL: a.address("c", s.calendars, c, ".ics"),
			})
		}
	}
	if s.feeds != "" {
		for _, f := range letters {
			out.Feeds = append(out.Feeds, web.FeedAddress{
				Child: f.Child, Name: f.Name, Kind: f.Kind, Slug: f.Slug, URL: a.address("f", s.feeds, f, ".atom"), Format: "atom",
			})
		}
	}
	return out, nil
}

func (a *App) address(area string, token auth.Token, s view.Slug, extension string) string {
	return a.cfg.BaseURL + "/" + area + "/" + string(token) + "/" + s.Slug + extension
}

// addDefaultLink makes the first link of an installation, over everything.
// Its addresses wait in memory until they are shown once.
func (a *App) addDefaultLink(ctx context.Context) error {
	links, err := a.cfg.DB.Links(ctx)
	if err != nil || len(links) > 0 {
		return err
	}
	l, s, err := a.makeLink(ctx, web.NewLink{Label: text.Terminal().DefaultLink}, time.Time{})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending[l.ID] = s
	return nil
}

// Unseen answers the addresses of the default link as long as nobody was shown
// them. ok is false when there is nothing to show.
func (a *App) Unseen(ctx context.Context) (_ web.Addresses, ok bool, err error) {
	a.mu.Lock()
	var id school.LinkID
	var s secrets
	for id, s = range a.pending {
		break
	}
	a.mu.Unlock()
	if id == "" {
		return web.Addresses{}, false, nil
	}
	l, err := a.cfg.DB.Link(ctx, id)
	if err != nil {
		return web.Addresses{}, false, fmt.Errorf("app: unseen link: %w", err)
	}
	out, err := a.addresses(ctx, l, s)
	return out, err == nil, err
}

// Seen says that the addresses of a link were shown; from now on nobody can
// look them up.
func (a *App) Seen(id school.LinkID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.pending, id)
}

// RevokeLink ends all of a link's addresses and its app password at once.
func (a *App) RevokeLink(ctx context.Context, id school.LinkID) error {
	if err := a.cfg.DB.RevokeLink(ctx, id); err != nil {
		return fmt.Errorf("app: revoke link: %w", err)
	}
	a.Seen(id)
	a.views.Invalidate()
	return nil
}

// Links returns the links that are not revoked, the newest first.
func (a *App) Links(ctx context.Context) ([]school.Link, error) {
	all, err := a.cfg.DB.Links(ctx)
	if err != nil {
		return nil, fmt.Errorf("app: links: %w", err)
	}
	all = slices.DeleteFunc(all, func(l school.Link) bool { return !l.Revoked.IsZero() })
	slices.SortFunc(all, func(x, y school.Link) int {
		if c := y.Created.Compare(x.Created); c != 0 {
			return c
		}
		return strings.Compare(string(x.ID), string(y.ID))
	})
	return all, nil
}

// ConfirmLink lets a link work again that was suspended because older data
// were put back.
func (a *App) ConfirmLink(ctx context.Context, id school.LinkID) error {
	l, err := a.cfg.DB.Link(ctx, id)
	if err == nil {
		l.Suspended = time.Time{}
		err = a.cfg.DB.PutLink(ctx, l)
	}
	if err != nil {
		return fmt.Errorf("app: confirm link: %w", err)
	}
	a.views.Invalidate()
	return nil
}
