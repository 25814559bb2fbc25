package app

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"syncd/cmd/syncd/internal/syncer"
	"syncd/source"
	"syncd/source/school"
)

// AddAccount makes an account at a platform. The first one of an installation
// gets a link over everything, see [App.Unseen]. An unknown platform or
// setting, or one that is missing, is fs.ErrInvalid.
func (a *App) AddAccount(ctx context.Context, id school.PlatformID, settings map[string]string) (school.Account, error) {
	p, ok := a.platform(id)
	if !ok {
		return school.Account{}, fmt.Errorf("app: add account: there is no such platform: %w", fs.ErrInvalid)
	}
	if err := checkSettings(p, settings); err != nil {
		return school.Account{}, fmt.Errorf("app: add account: %w", err)
	}
	acct, err := a.cfg.DB.AddAccount(ctx, id, settings)
	if err != nil {
		return school.Account{}, fmt.Errorf("app: add account: %w", err)
	}
	if err := a.addDefaultLink(ctx); err != nil {
		return school.Account{}, fmt.Errorf("app: add account: %w", err)
	}
	return acct, nil
}

func checkSettings(p source.Platform, settings map[string]string) error {
	for name := range settings {
		if !slices.ContainsFunc(p.Settings, func(f source.Field) bool { return f.ID == name }) {
			return fmt.Errorf("%s has no such setting: %w", p.ID, fs.ErrInvalid)
		}
	}
	for _, f := range p.Settings {
		v := settings[f.ID]
		if v == "" && !f.Optional {
			return fmt.Errorf("%s needs the setting %s: %w", p.ID, f.ID, fs.ErrInvalid)
		}
		if v != "" && f.Choices != nil && !slices.Contains(f.Choices, v) {
			return fmt.Errorf("%s: setting %s is none of its choices: %w", p.ID, f.ID, fs.ErrInvalid)
		}
	}
	return nil
}

// ReadAll reads the accounts now, all where none is named, and waits for the
// end of it.
func (a *App) ReadAll(ctx context.Context, ids ...school.AccountID) (syncer.Report, error) {
	return a.syncer.SyncNow(ctx, ids...)
}
