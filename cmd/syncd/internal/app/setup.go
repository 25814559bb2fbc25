package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"syncd/cmd/syncd/internal/auth"
	"syncd/cmd/syncd/internal/web"
	"syncd/source"
	"syncd/source/school"
	"syncd/storage"
)

// BaseURL begins every absolute link; it has no final slash.
func (a *App) BaseURL() string { return a.cfg.BaseURL }

// NewPassword makes a password that nobody guesses.
func (a *App) NewPassword() string {
	p, _ := auth.NewPassword()
	return string(p)
}

// SetGuardian makes a guardian, or gives one a new password, without a
// one-time address.
func (a *App) SetGuardian(ctx context.Context, user, password string) error {
	return a.auth.SetPassword(ctx, user, password)
}

// Join makes sure that there is an account at a platform, that somebody is
// signed in to it and that it was read: what a guardian does on the first
// evening, in one call. It needs [App.Run] beside it.
func (a *App) Join(ctx context.Context, p school.PlatformID, settings map[string]string, method source.MethodID) error {
	accounts, err := a.cfg.DB.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("app: join: %w", err)
	}
	var acct school.Account
	for _, known := range accounts {
		if known.Platform == p {
			acct = known
		}
	}
	if acct.ID == "" {
		if acct, err = a.AddAccount(ctx, p, settings); err != nil {
			return err
		}
	}
	if a.readsWell(ctx, acct) {
		return nil
	}
	if err := a.keeper.Begin(ctx, acct.ID, method, nil); err != nil {
		return fmt.Errorf("app: join: %w", err)
	}
	if err := a.follow(ctx, acct.ID, func(source.Progress) error { return nil }); err != nil {
		return fmt.Errorf("app: join: %w", err)
	}
	report, err := a.syncer.SyncNow(ctx, acct.ID)
	if err != nil {
		return fmt.Errorf("app: join: %w", err)
	}
	switch problem := report.Results[0].Problem; problem {
	case school.ProblemNone, school.ProblemBudget: // enough was read today
		return nil
	default:
		return fmt.Errorf("app: join: %s could not be read: %s", p, problem)
	}
}

// readsWell reports whether an account's session still works, by using it.
func (a *App) readsWell(ctx context.Context, acct school.Account) bool {
	if acct.State != school.Active {
		return false
	}
	report, err := a.syncer.SyncNow(ctx, acct.ID)
	return err == nil && (report.OK() || report.Results[0].Problem == school.ProblemBudget)
}

// follow waits for the end of a login and shows each of its states.
func (a *App) follow(ctx context.Context, id school.AccountID, show func(source.Progress) error) error {
	t := time.NewTicker(300 * time.Millisecond)
	defer t.Stop()
	for {
		p, ok := a.keeper.Login(id)
		if !ok {
			return errors.New("the login has ended")
		}
		if err := show(p); err != nil {
			return errors.Join(err, a.keeper.Cancel(context.WithoutCancel(ctx), id))
		}
		switch {
		case p.State == source.LoginDone:
			return nil
		case p.State.Final():
			return fmt.Errorf("the login was not finished: %s", p.State)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), a.keeper.Cancel(context.WithoutCancel(ctx), id))
		case <-t.C:
		}
	}
}

// Readdress lists what a link opens, for somebody who still has its addresses
// under an earlier base URL. Where they open nothing (any more), and where
// there are none, it answers those of a link over everything whose addresses
// nobody has seen, or of a new one.
func (a *App) Readdress(ctx context.Context, old AddressesJSON) (AddressesJSON, error) {
	s := secrets{password: auth.Token(old.CalDAV.Password)}
	if len(old.ICS) > 0 {
		s.calendars = tokenIn(old.ICS[0].URL)
	}
	if len(old.Feeds) > 0 {
		s.feeds = tokenIn(old.Feeds[0].URL)
	}
	l, ok, err := a.opened(ctx, school.LinkID(old.CalDAV.User), s)
	if err != nil {
		return AddressesJSON{}, fmt.Errorf("app: readdress: %w", err)
	}
	if ok {
		now, err := a.addresses(ctx, l, s)
		return jsonAddresses(now), err
	}
	made, ok, err := a.Unseen(ctx)
	if err == nil && !ok {
		made, err = a.AddLink(ctx, web.NewLink{}, time.Time{})
	}
	a.Seen(made.Link)
	return jsonAddresses(made), err
}

// tokenIn answers the token of an address, https://host/c/TOKEN/1-events.ics.
func tokenIn(address string) auth.Token {
	parts := strings.Split(address, "/")
	if len(parts) != 6 {
		return ""
	}
	return auth.Token(parts[4])
}

// opened answers the living link that all of the secrets open.
func (a *App) opened(ctx context.Context, id school.LinkID, s secrets) (school.Link, bool, error) {
	if id == "" || s.calendars == "" || s.feeds == "" {
		return school.Link{}, false, nil
	}
	for use, token := range map[storage.TokenUse]auth.Token{storage.TokenCalendars: s.calendars, storage.TokenFeeds: s.feeds} {
		l, err := a.cfg.DB.LinkByToken(ctx, use, auth.HashToken(string(token)))
		if errors.Is(err, fs.ErrNotExist) || err == nil && l.ID != id {
			return school.Link{}, false, nil
		}
		if err != nil {
			return school.Link{}, false, err
		}
	}
	hash, err := a.cfg.DB.LinkPassword(ctx, id)
	if err != nil || hash != auth.HashPassword(string(s.password)) {
		return school.Link{}, false, err
	}
	l, err := a.cfg.DB.Link(ctx, id)
	return l, err == nil && l.Live(a.cfg.Now()), err
}

// JoinByName joins the children of one name into one, for a family that is
// known to have one child of that name. Names never join by themselves.
func (a *App) JoinByName(ctx context.Context, name string) error {
	children, err := a.cfg.DB.Children(ctx)
	if err != nil {
		return fmt.Errorf("app: join by name: %w", err)
	}
	var first school.ChildNumber
	for _, c := range children {
		switch {
		case c.Name != name:
		case first == 0:
			first = c.Number
		default:
			if _, err := a.cfg.DB.Join(ctx, first, c.Number); err != nil {
				return fmt.Errorf("app: join by name: %w", err)
			}
			a.views.Invalidate()
		}
	}
	return nil
}
