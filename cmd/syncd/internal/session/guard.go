package session

import (
	"context"
	"errors"
	"log/slog"

	"syncd/cmd/syncd/internal/panics"
	"syncd/source/school"
)

// errPanic is how a step ended in which an adapter panicked.
var errPanic = errors.New("sign-in panicked")

// guarded calls f, a step of an adapter that reads what a platform says to a
// login or a sign-out. A panic in it is an error that names no values; the log
// tells where it happened, and what it carried is dropped.
func (k *Keeper) guarded(ctx context.Context, id school.AccountID, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			k.cfg.Log.LogAttrs(ctx, slog.LevelError, "sign-in panicked", slog.String("account", string(id)), panics.Where())
			err = errPanic
		}
	}()
	return f()
}
