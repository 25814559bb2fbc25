package web

import (
	"context"

	"syncd/source/school"
)

// AccountStore adds and removes accounts.
type AccountStore interface {
	Account(ctx context.Context, id school.AccountID) (AccountView, error)
	// AddAccount makes an account. An error that is fs.ErrInvalid says that
	// the settings will not do.
	AddAccount(ctx context.Context, platform school.PlatformID, settings map[string]string) (school.AccountID, error)
	// RemoveAccount ends the session and forgets everything read by it.
	RemoveAccount(ctx context.Context, id school.AccountID) error
}
