package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"syncd/cmd/syncd/internal/session"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/vault"
)

// tidy looks after what is kept, every hour: what has been kept for long enough
// leaves, and what was deleted leaves the backups that could not be reached
// then.
func (a *App) tidy(ctx context.Context) {
	a.sweep(ctx)
	release, err := a.turn(ctx)
	if err != nil {
		return // the program stops
	}
	defer release()
	if _, err := a.cleanBackups(ctx); err != nil && ctx.Err() == nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelError, "what was deleted could not leave the backups", slog.Any("error", err))
	}
}

// sweep removes what has been kept for long enough, once a day.
func (a *App) sweep(ctx context.Context) {
	out, err := a.cfg.DB.Sweep(ctx)
	if out.Any() {
		a.views.Invalidate()
		a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "what was kept for long enough has left",
			slog.Int("things", out.Things()), slog.Int("files", out.Files), slog.Int("children", len(out.Children)), slog.Int("log", out.Log))
	}
	if err != nil && ctx.Err() == nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelError, "what was kept for long enough could not leave", slog.Any("error", err))
	}
}

// Delete removes what a guardian chose, everywhere that the program reaches,
// and keeps it from being read again until [App.Allow]. Where the disk is full
// the report says so: memory has let go of it already.
func (a *App) Delete(ctx context.Context, c storage.Choice) (web.Report, error) {
	a.tellBusy(ctx)
	removed, err := a.cfg.DB.Delete(ctx, c)
	r, err := a.report(ctx, removed, err)
	if err != nil {
		return r, fmt.Errorf("app: delete: %w", err)
	}
	if r.Links, err = a.emptyLinks(ctx); err != nil {
		return r, fmt.Errorf("app: delete: %w", err)
	}
	if r.Copies, err = a.cleanSoon(ctx); err != nil {
		return r, fmt.Errorf("app: delete: %w", err)
	}
	return r, nil
}

// report turns what storage has done into what a guardian is told.
func (a *App) report(ctx context.Context, removed storage.Removed, err error) (web.Report, error) {
	a.views.Invalidate()
	r := web.Report{Removed: removed}
	if errors.Is(err, vault.ErrNotSaved) {
		r.Unsaved = a.cfg.DB.Unsaved() != nil
		a.cfg.Log.LogAttrs(ctx, slog.LevelError, "a deletion is not saved yet", slog.Any("error", err))
		err = nil
	}
	return r, err
}

// emptyLinks lists the living links that show nothing but children that were
// deleted: their calendars are empty now.
func (a *App) emptyLinks(ctx context.Context) ([]web.LinkView, error) {
	links, err := a.Links(ctx)
	if err != nil {
		return nil, err
	}
	deleted, err := a.cfg.DB.Unwanted(ctx)
	if err != nil {
		return nil, err
	}
	links = slices.DeleteFunc(links, func(l school.Link) bool {
		return !l.Live(a.cfg.Now()) || l.Children == nil || slices.ContainsFunc(l.Children, func(n school.ChildNumber) bool {
			return !slices.ContainsFunc(deleted, func(u storage.Unwanted) bool { return u.Child == n && u.Kind == "" })
		})
	})
	return a.linkViews(ctx, links)
}

// Allow takes a deletion back, as far as that goes: what it named is read
// again as soon as the platforms let it.
func (a *App) Allow(ctx context.Context, c storage.Choice) error {
	if err := a.cfg.DB.Allow(ctx, c); err != nil {
		return fmt.Errorf("app: allow: %w", err)
	}
	accounts, err := a.cfg.DB.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("app: allow: %w", err)
	}
	for _, acct := range accounts {
		a.syncer.Wake(acct.ID)
	}
	a.views.Invalidate()
	return nil
}

// PutLimit sets for how long the things of a shelf are kept.
func (a *App) PutLimit(ctx context.Context, s school.Shelf, l school.Limit) error {
	if err := a.cfg.DB.PutLimit(ctx, s, l); err != nil {
		return fmt.Errorf("app: put limit: %w", err)
	}
	return nil
}

// RemoveAccount signs an account out, at the platform too, and deletes what
// only it had brought.
func (a *App) RemoveAccount(ctx context.Context, id school.AccountID) (web.Report, error) {
	acct, err := a.cfg.DB.Account(ctx, id)
	if err != nil {
		return web.Report{}, fmt.Errorf("app: remove account: %w", err)
	}
	farewell, err := a.keeper.Leave(ctx, id)
	if err != nil && !errors.Is(err, vault.ErrNotSaved) {
		return web.Report{}, fmt.Errorf("app: remove account: %w", err)
	}
	a.tellBusy(ctx)
	removed, err := a.cfg.DB.DeleteAccount(ctx, id)
	r, err := a.report(ctx, removed, err)
	if err != nil {
		return r, fmt.Errorf("app: remove account: %w", err)
	}
	r.Accounts = []web.SignedOut{a.signedOut(acct, farewell)}
	if r.Copies, err = a.cleanSoon(ctx); err != nil {
		return r, fmt.Errorf("app: remove account: %w", err)
	}
	return r, nil
}

func (a *App) signedOut(acct school.Account, f session.Farewell) web.SignedOut {
	return web.SignedOut{
		Name: a.name(acct.Platform).Name,
		Told: f == session.FarewellTold, Untold: f == session.FarewellUntold, Mute: f == session.FarewellMute,
	}
}

// Shelves implements web.ShelfStore.
func (p pages) Shelves(ctx context.Context) (web.Shelves, error) {
	leaving, err := p.cfg.DB.Leaving(ctx)
	if err != nil {
		return web.Shelves{}, err
	}
	children, err := p.deletable(ctx)
	if err != nil {
		return web.Shelves{}, err
	}
	unwanted, err := p.cfg.DB.Unwanted(ctx)
	if err != nil {
		return web.Shelves{}, err
	}
	accounts, err := p.accountViews(ctx)
	if err != nil {
		return web.Shelves{}, err
	}
	away, err := p.awayPlaces(ctx)
	if err != nil {
		return web.Shelves{}, err
	}
	out := web.Shelves{Leaving: leaving, Children: children, Accounts: accounts, Copies: append(p.asides(), away...)}
	for _, u := range unwanted {
		v := web.UnwantedView{Choice: u.Choice, Since: u.Since}
		for _, c := range children {
			if c.Number == u.Child {
				v.Name = c.Name
			}
		}
		out.Unwanted = append(out.Unwanted, v)
	}
	return out, nil
}

// deletable lists the children with what could be deleted of each.
func (a *App) deletable(ctx context.Context) ([]web.KeptChild, error) {
	children, err := a.cfg.DB.Children(ctx)
	if err != nil {
		return nil, err
	}
	readings, err := a.cfg.DB.Readings(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]web.KeptChild, 0, len(children))
	for _, c := range children {
		v := web.KeptChild{Number: c.Number, Name: c.Name, School: c.School}
		changes, err := a.cfg.DB.Differences(ctx, []school.ChildNumber{c.Number}, 0)
		if err != nil {
			return nil, err
		}
		for _, k := range storage.DeletableKinds() {
			n := 0
			if i := slices.IndexFunc(readings, func(r school.Reading) bool { return r.Child == c.Number && r.Kind == k }); i >= 0 {
				n = readings[i].Entries
			}
			if k == school.KindChanges {
				n = len(changes)
			}
			if n > 0 {
				v.Kinds = append(v.Kinds, web.KindCount{Kind: k, Count: n})
			}
		}
		out = append(out, v)
	}
	return out, nil
}
