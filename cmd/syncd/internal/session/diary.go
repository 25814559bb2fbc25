package session

import (
	"context"
	"log/slog"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// Diary is where is kept when each session began and ended, and why.
type Diary interface {
	// Diary returns the account's sessions, the newest first.
	Diary(ctx context.Context, id school.AccountID) ([]school.Stay, error)
	// PutStay stores a session in the place of the one that began when it did.
	PutStay(ctx context.Context, id school.AccountID, s school.Stay) error
}

// What tells one cause of a session's end from another.
const (
	idleFrom  = 30 * time.Minute // unused for as long: idle
	together  = time.Hour        // between the ends of two sessions that a restart ended
	sameClock = 15 * time.Minute // between two times of day that count as one
	sameAge   = 5 * time.Minute  // between two ages that count as one, or a tenth of the age
)

// cause works out why a session ended that was found dead at now. earlier are
// the account's other sessions, others those of other accounts at the same
// platform.
//
// It is guesswork from outside, done the same way each time: who was not read
// for half an hour was idle too long; who dies in use at an age at which one
// died before has met a limit; who dies in use within an hour of another
// account's session, or at the time of day at which one died before, has met
// a restart.
func cause(now time.Time, s school.Stay, earlier, others []school.Stay) school.EndCause {
	if now.Sub(s.Used) >= idleFrom {
		return school.EndIdle
	}
	for _, o := range others {
		if diedInUse(o) && now.Sub(o.Ended).Abs() <= together {
			return school.EndRestart
		}
	}
	age := now.Sub(s.Began)
	for _, e := range earlier {
		if diedInUse(e) && (e.Ended.Sub(e.Began)-age).Abs() <= max(sameAge, age/10) {
			return school.EndAbsolute
		}
	}
	for _, e := range earlier {
		if diedInUse(e) && sameTimeOfDay(e.Ended, now) {
			return school.EndRestart
		}
	}
	return school.EndUnknown
}

func diedInUse(s school.Stay) bool {
	switch s.Cause {
	case school.EndAbsolute, school.EndRestart, school.EndUnknown:
		return !s.Ended.IsZero()
	case school.EndNone, school.EndIdle, school.EndSignedOut, school.EndReplaced:
	}
	return false
}

func sameTimeOfDay(a, b time.Time) bool {
	apart := a.Sub(b).Abs() % (24 * time.Hour)
	return apart <= sameClock || apart >= 24*time.Hour-sameClock
}

// note changes the account's diary; the caller holds a.write. The diary is
// for people: when it cannot be written, that is logged and nothing else
// happens.
func (k *Keeper) note(ctx context.Context, id school.AccountID, change func(now time.Time, stays []school.Stay) ([]school.Stay, error)) {
	ctx = context.WithoutCancel(ctx)
	stays, err := k.cfg.Store.Diary(ctx, id)
	if err == nil {
		stays, err = change(k.cfg.Now().UTC(), stays)
	}
	for _, s := range stays {
		if err == nil {
			err = k.cfg.Store.PutStay(ctx, id, s)
		}
	}
	if err != nil {
		k.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "diary of sessions was not written",
			slog.String("account", string(id)), slog.Any("error", err))
	}
}

// begun notes a new session. One that lived until then was replaced.
func (k *Keeper) begun(ctx context.Context, id school.AccountID, by school.Rung) {
	k.note(ctx, id, func(now time.Time, stays []school.Stay) ([]school.Stay, error) {
		var out []school.Stay
		if len(stays) > 0 && stays[0].Ended.IsZero() {
			old := stays[0]
			old.Ended, old.Cause = now, school.EndReplaced
			out = append(out, old)
		}
		return append(out, school.Stay{Began: now, Used: now, Rung: by}), nil
	})
}

// ended notes the end of the session; cause "" is to be worked out.
func (k *Keeper) ended(ctx context.Context, id school.AccountID, why school.EndCause) {
	k.note(ctx, id, func(now time.Time, stays []school.Stay) ([]school.Stay, error) {
		if len(stays) == 0 || !stays[0].Ended.IsZero() {
			return nil, nil
		}
		s := stays[0]
		s.Ended, s.Cause = now, why
		if why != school.EndNone {
			return []school.Stay{s}, nil
		}
		others, err := k.neighbours(ctx, id)
		s.Cause = cause(now, s, stays[1:], others)
		return []school.Stay{s}, err
	})
}

// neighbours returns the sessions of other accounts at the same platform.
func (k *Keeper) neighbours(ctx context.Context, id school.AccountID) ([]school.Stay, error) {
	accts, err := k.cfg.Store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	var platform school.PlatformID
	for _, a := range accts {
		if a.ID == id {
			platform = a.Platform
		}
	}
	var out []school.Stay
	for _, a := range accts {
		if a.ID == id || a.Platform != platform {
			continue
		}
		stays, err := k.cfg.Store.Diary(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, stays...)
	}
	return out, nil
}

// used notes that the platform answered in the session and how many requests
// that took. A session from before there was a diary begins with its state.
func (k *Keeper) used(ctx context.Context, id school.AccountID, requests int, answered bool) {
	k.note(ctx, id, func(now time.Time, stays []school.Stay) ([]school.Stay, error) {
		var s school.Stay
		if len(stays) > 0 && stays[0].Ended.IsZero() {
			s = stays[0]
		} else {
			acct, err := k.cfg.Store.Account(ctx, id)
			if err != nil {
				return nil, err
			}
			s = school.Stay{Began: acct.Since.UTC(), Used: acct.Since.UTC(), Rung: school.RungPerson}
		}
		s.Requests += requests
		if answered {
			s.Used = now
		}
		return []school.Stay{s}, nil
	})
}

// keepsDiary reports whether the account has sessions at all.
func keepsDiary(src source.Source) bool {
	_, ok := src.(source.Authenticator)
	return ok
}
