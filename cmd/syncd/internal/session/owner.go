package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// CheckOwner compares the signed-in person with the account's owner; the
// first to sign in becomes the owner. For anybody else it ends the session,
// puts back the one that the login had replaced, if any, leaves what is stored
// of the children untouched and answers an error that is
// [source.ErrWrongPerson]. It may be called inside [Keeper.Use].
func (k *Keeper) CheckOwner(ctx context.Context, id school.AccountID, r school.Roster) error {
	given, err := k.checkOwner(ctx, id, r)
	k.leaveLater(ctx, id, given)
	if err != nil {
		return fmt.Errorf("session: check owner of %s: %w", id, err)
	}
	return nil
}

// checkOwner also returns the session that is to be given up: the one before,
// of which a paired device or the like would stay at the platform for ever, or
// the stranger's.
func (k *Keeper) checkOwner(ctx context.Context, id school.AccountID, r school.Roster) (given []byte, err error) {
	if r.Owner == "" {
		return nil, fmt.Errorf("owner is not named: %w", source.ErrNotUnderstood)
	}
	a := k.account(id)
	a.write.Lock()
	defer a.write.Unlock()
	known, err := k.cfg.Store.Owner(ctx, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	now := k.cfg.OwnerHash(r.Owner)
	if known == "" {
		if err := k.cfg.Store.PutOwner(ctx, id, now); err != nil {
			return nil, err
		}
		known = now
	}
	if known == now {
		given, a.before = a.before, nil
		return given, nil
	}
	k.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "another person signed in", slog.String("account", string(id)))
	given, err = k.cfg.Store.Session(ctx, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(source.ErrWrongPerson, err)
	}
	if a.before != nil {
		err = k.restore(ctx, id, a)
	} else {
		err = k.drop(ctx, id, a, school.ProblemWrongPerson)
	}
	return given, errors.Join(source.ErrWrongPerson, err)
}

// restore puts the owner's session back that another person's login had
// replaced; the caller holds a.write.
func (k *Keeper) restore(ctx context.Context, id school.AccountID, a *account) error {
	ctx = context.WithoutCancel(ctx)
	a.generation++
	old := a.before
	a.before = nil
	k.note(ctx, id, func(_ time.Time, stays []school.Stay) ([]school.Stay, error) {
		if len(stays) == 0 || !stays[0].Ended.IsZero() {
			return nil, nil
		}
		stays[0].Rung = school.RungReentry // the owner's goes on, and nobody signed in
		return stays[:1], nil
	})
	if err := k.cfg.Store.PutSession(ctx, id, old); err != nil {
		return err
	}
	return k.cfg.Store.PutState(ctx, id, school.Active, school.ProblemWrongPerson)
}

// leaveLater gives a session up at the platform, in a goroutine of
// [Keeper.Run]; without Run, not at all.
func (k *Keeper) leaveLater(ctx context.Context, id school.AccountID, state []byte) {
	if len(state) == 0 {
		return
	}
	select {
	case <-k.running:
	default:
		return
	}
	select {
	case k.start <- func(ctx context.Context) { k.leave(ctx, id, state) }:
	case <-k.stopped:
	case <-ctx.Done():
	}
}
