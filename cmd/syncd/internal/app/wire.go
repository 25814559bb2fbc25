package app

import (
	"context"
	"fmt"
	"log/slog"

	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/school"
	"syncd/source/skolplattformen"
)

// Platforms is every platform that an account can be added for, in the order
// in which they are offered.
func Platforms() []source.Platform {
	return []source.Platform{infomentor.Platform(), skolplattformen.Platform()}
}

// source makes the source of an account for reads: gently, in turn.
func (a *App) source(ctx context.Context, id school.AccountID) (source.Source, error) {
	return a.newSource(ctx, id, func(p source.Platform) func(context.Context, string) (func(), error) {
		return a.manners.Turn(id, p.Budget)
	})
}

// loginSource makes the source of an account for a login: somebody waits.
func (a *App) loginSource(ctx context.Context, id school.AccountID) (source.Source, error) {
	return a.newSource(ctx, id, func(source.Platform) func(context.Context, string) (func(), error) {
		return a.manners.Attended(id)
	})
}

func (a *App) newSource(ctx context.Context, id school.AccountID, turn func(source.Platform) func(context.Context, string) (func(), error)) (source.Source, error) {
	acct, err := a.cfg.DB.Account(ctx, id)
	if err != nil {
		return nil, err
	}
	p, ok := a.platform(acct.Platform)
	if !ok {
		return nil, fmt.Errorf("app: account %s: platform %s is not known to this version", id, acct.Platform)
	}
	return p.New(source.Config{
		Settings: acct.Settings, Transport: a.cfg.Transport, Now: a.cfg.Now, Turn: turn(p),
		Log: a.cfg.Log.With(slog.String("account", string(id)), slog.String("platform", string(p.ID))),
	})
}
