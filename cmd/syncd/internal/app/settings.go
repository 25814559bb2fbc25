package app

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

// Configure changes those of an account's settings that are chosen from a
// list; an empty value is the platform's own default. It holds from the next
// read, renewal or login on. What will not do is fs.ErrInvalid.
func (a *App) Configure(ctx context.Context, id school.AccountID, changes map[string]string) error {
	if err := a.configure(ctx, id, changes); err != nil {
		return fmt.Errorf("app: configure: %w", err)
	}
	return nil
}

func (a *App) configure(ctx context.Context, id school.AccountID, changes map[string]string) error {
	acct, err := a.cfg.DB.Account(ctx, id)
	if err != nil {
		return err
	}
	p, _ := a.platform(acct.Platform)
	choices := web.Choices(p)
	settings := map[string]string{}
	maps.Copy(settings, acct.Settings)
	for name, value := range changes {
		if !slices.Contains(choices, name) {
			return fmt.Errorf("%s has no such setting that could be changed: %w", p.ID, fs.ErrInvalid)
		}
		settings[name] = value
		if value == "" {
			delete(settings, name)
		}
	}
	if err := checkSettings(p, settings); err != nil {
		return err
	}
	return a.cfg.DB.PutSettings(ctx, id, settings)
}
