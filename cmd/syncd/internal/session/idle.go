package session

import (
	"context"
	"fmt"
	"time"

	"syncd/source/school"
)

// Keepings is where lies what guardians chose about keeping sessions; see
// package school.
type Keepings interface {
	Keeping(ctx context.Context, id school.AccountID) (school.Keeping, error)
}

// Idle returns the accounts whose sessions, by that moment, will have gone
// unused for as long as their guardians let them. Nobody is among them who
// chose nothing, and no session that is older than was chosen, counted from
// when a person signed in: where the diary does not know that any more, it is
// too old.
func (k *Keeper) Idle(ctx context.Context, by time.Time) ([]school.AccountID, error) {
	accts, err := k.cfg.Store.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("session: idle: %w", err)
	}
	var out []school.AccountID
	for _, a := range accts {
		if a.State != school.Active {
			continue
		}
		idle, err := k.idle(ctx, a.ID, by)
		if err != nil {
			return nil, fmt.Errorf("session: idle: %s: %w", a.ID, err)
		}
		if idle {
			out = append(out, a.ID)
		}
	}
	return out, nil
}

func (k *Keeper) idle(ctx context.Context, id school.AccountID, by time.Time) (bool, error) {
	keep, err := k.cfg.Store.Keeping(ctx, id)
	if err != nil || keep.Ping == 0 {
		return false, err
	}
	stays, err := k.cfg.Store.Diary(ctx, id)
	if err != nil || len(stays) == 0 || !stays[0].Ended.IsZero() || by.Sub(stays[0].Used) < keep.Ping {
		return false, err
	}
	signedIn := SignedIn(stays)
	return !signedIn.IsZero() && k.cfg.Now().Sub(signedIn) < keep.MaxAge, nil
}

// SignedIn returns when a person signed in last, by a diary with its newest
// line first; zero when that is not in it.
func SignedIn(stays []school.Stay) time.Time {
	for _, s := range stays {
		if s.Rung == school.RungPerson {
			return s.Began
		}
	}
	return time.Time{}
}
