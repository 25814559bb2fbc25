package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"syncd/cmd/syncd/internal/text"
)

// patience is how long whoever can go on without it waits for a turn with the
// backups, unless [Config.Patience] says otherwise.
const patience = 10 * time.Second

// errBusy says that others have worked on backups for longer than somebody was
// ready to wait.
var errBusy = errors.New("other work on backups has not ended")

// teller is the key of a context's value: what tells somebody at a terminal
// that others are waited for.
type teller struct{}

// telling returns a context in which it is said on w, once, that others are
// waited for.
func telling(ctx context.Context, w io.Writer) context.Context {
	var once sync.Once
	return context.WithValue(ctx, teller{}, func(words string) {
		once.Do(func() { fmt.Fprintf(w, "%s\n", words) })
	})
}

func tell(ctx context.Context, words string) {
	if tell, ok := ctx.Value(teller{}).(func(string)); ok {
		tell(words)
	}
}

// turn takes the turn of whoever works on backups, after all others are done,
// and says so where it has to wait. release gives it back.
func (a *App) turn(ctx context.Context) (release func(), err error) {
	return a.take(ctx, text.TerminalBackup().Waiting)
}

// shortTurn is turn for those who can go on without it: after a while it is
// [errBusy].
func (a *App) shortTurn(ctx context.Context) (release func(), err error) {
	wait := cmp.Or(a.cfg.Patience, patience)
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errBusy)
	defer cancel()
	return a.take(ctx, text.TerminalBackup().WaitingFor.With(int(wait.Seconds())))
}

func (a *App) take(ctx context.Context, words string) (release func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	release = func() { a.backingUp.Release(1) }
	if a.backingUp.TryAcquire(1) {
		return release, nil
	}
	tell(ctx, words)
	if err := a.backingUp.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	return release, nil
}

// tellBusy says that others are waited for, where somebody works on backups and
// may hold the data for that time.
func (a *App) tellBusy(ctx context.Context) {
	if a.backingUp.TryAcquire(1) {
		a.backingUp.Release(1)
		return
	}
	tell(ctx, text.TerminalBackup().Waiting)
}
