package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"syncd/source"
	"syncd/source/school"
)

// Use lends the account's session to f, to one f at a time per account. What
// f puts into the session is stored before Put returns.
//
// When f says [source.ErrSessionExpired], the session is renewed once, if the
// platform can do that without a person, and f is called again. If that does
// not help, the account is Expired, its session is deleted, and Use answers
// an error that is source.ErrSessionExpired. So it does, without calling f,
// for an account that nobody is signed in to. When the trouble with renewing
// passes by itself, its error is returned and the session stays.
//
// When a login ends while f runs, f cannot store its old session any more,
// and if it comes back with an error it is called once more with the new one.
// The way up is the ladder in the comment of [Keeper].
func (k *Keeper) Use(ctx context.Context, id school.AccountID, f func(*source.Session) error) error {
	a := k.account(id)
	select {
	case a.busy <- struct{}{}:
		defer func() { <-a.busy }()
	case <-ctx.Done():
		return fmt.Errorf("session: use %s: %w", id, ctx.Err())
	}
	if err := k.use(ctx, id, a, f); err != nil {
		return fmt.Errorf("session: use %s: %w", id, err)
	}
	return nil
}

func (k *Keeper) use(ctx context.Context, id school.AccountID, a *account, f func(*source.Session) error) error {
	src, err := k.cfg.Sources(ctx, id)
	if err != nil {
		return err
	}
	c := &climb{k: k, id: id, a: a, src: src, f: f}
	for at := live; ; {
		e, err := c.do(ctx, at)
		switch at = next(at, e); at {
		case done:
			return err
		case person:
			return errors.Join(err, k.expire(ctx, id, a, c.generation))
		case live, renew, renewed:
		}
	}
}

// climb is one use on its way up the ladder.
type climb struct {
	k   *Keeper
	id  school.AccountID
	a   *account
	src source.Source
	f   func(*source.Session) error

	session    *source.Session
	generation uint64
	told       bool // that the session was replaced
}

// do takes one step.
func (c *climb) do(ctx context.Context, at step) (event, error) {
	if at == renew {
		return c.renew(ctx)
	}
	var err error
	if c.session, c.generation, err = c.k.open(ctx, c.id, c.a, c.src); err != nil {
		return trouble, err
	}
	before := c.k.cfg.Requests(c.id)
	err = c.f(c.session)
	expired := errors.Is(err, source.ErrSessionExpired) && !errors.Is(err, source.ErrWrongPerson)
	same := c.noteUse(ctx, c.k.cfg.Requests(c.id)-before, err == nil || !expired && !errors.Is(err, source.ErrUnavailable))
	switch {
	case err == nil, errors.Is(err, source.ErrWrongPerson):
		return works, err
	case !same && !c.told:
		c.told = true
		return replaced, err
	case expired:
		return over, err
	}
	return trouble, err
}

// noteUse writes the diary and reports whether the session is still the one
// that was used.
func (c *climb) noteUse(ctx context.Context, requests int, answered bool) bool {
	c.a.write.Lock()
	defer c.a.write.Unlock()
	if c.a.generation != c.generation {
		return false
	}
	if keepsDiary(c.src) {
		c.k.used(ctx, c.id, requests, answered)
	}
	return true
}

// renew tries to renew the session without a person, once.
func (c *climb) renew(ctx context.Context) (event, error) {
	r, ok := c.src.(source.Refresher)
	if !ok {
		return over, source.ErrSessionExpired
	}
	switch err := r.Refresh(ctx, c.session); {
	case err == nil:
	case errors.Is(err, source.ErrSessionExpired):
		return over, err
	case errors.Is(err, errReplaced) && !c.told:
		c.told = true
		return replaced, err
	default:
		// Not ErrSessionExpired from f as well: whether the session is
		// over is not known before renewing was really tried.
		return trouble, fmt.Errorf("renew: %w", err)
	}
	c.k.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "session renewed",
		slog.String("account", string(c.id)), slog.String("rung", string(c.session.Rung())))
	c.a.write.Lock()
	defer c.a.write.Unlock()
	if c.a.generation == c.generation {
		c.k.ended(ctx, c.id, school.EndNone)
		c.k.begun(ctx, c.id, c.session.Rung())
	}
	return works, nil
}

// open loads the session and what is remembered beside it. Both are stored
// when they change, unless another session has taken this one's place.
func (k *Keeper) open(ctx context.Context, id school.AccountID, a *account, src source.Source) (*source.Session, uint64, error) {
	a.write.Lock()
	defer a.write.Unlock()
	state, err := k.cfg.Store.Session(ctx, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	if len(state) == 0 {
		if _, ok := src.(source.Authenticator); ok {
			return nil, 0, source.ErrSessionExpired
		}
		if err := k.activate(ctx, id); err != nil {
			return nil, 0, err
		}
		state = nil
	}
	deletions := k.cfg.Store.Deletions()
	memory, err := k.cfg.Store.Memory(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	generation := a.generation
	put := func(store func(context.Context, school.AccountID, []byte) error) func(context.Context, []byte) error {
		return func(ctx context.Context, data []byte) error {
			a.write.Lock()
			defer a.write.Unlock()
			if a.generation != generation {
				return fmt.Errorf("session: put %s: %w", id, errReplaced)
			}
			return store(ctx, id, data)
		}
	}
	s := source.NewSession(state, put(k.cfg.Store.PutSession)).WithMemory(memory, put(
		func(ctx context.Context, id school.AccountID, data []byte) error {
			return k.cfg.Store.PutMemory(ctx, id, deletions, data)
		}))
	return s, generation, nil
}

// activate marks an account that needs no login as Active.
func (k *Keeper) activate(ctx context.Context, id school.AccountID) error {
	acct, err := k.cfg.Store.Account(ctx, id)
	if err != nil || acct.State == school.Active {
		return err
	}
	return k.cfg.Store.PutState(ctx, id, school.Active, school.ProblemNone)
}

// expire records that a person is needed. It goes on when ctx has ended:
// what is known about the session must not be lost on the way out.
func (k *Keeper) expire(ctx context.Context, id school.AccountID, a *account, generation uint64) error {
	ctx = context.WithoutCancel(ctx)
	a.write.Lock()
	defer a.write.Unlock()
	if a.generation != generation {
		return nil
	}
	a.generation++
	k.ended(ctx, id, school.EndNone)
	k.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "session ended, a person has to sign in", slog.String("account", string(id)))
	if !k.signingIn(a) { // else the end of that login finds the session gone
		if err := k.cfg.Store.PutState(ctx, id, school.Expired, school.ProblemSignIn); err != nil {
			return err
		}
	}
	return k.cfg.Store.DeleteSession(ctx, id)
}

// Hold calls f with the account as it is stored, while no login, sign-out or
// expiry changes its state; for writing something beside the state. f must not
// call the keeper.
func (k *Keeper) Hold(ctx context.Context, id school.AccountID, f func(school.Account) error) error {
	a := k.account(id)
	a.write.Lock()
	defer a.write.Unlock()
	acct, err := k.cfg.Store.Account(ctx, id)
	if err == nil {
		err = f(acct)
	}
	if err != nil {
		return fmt.Errorf("session: hold %s: %w", id, err)
	}
	return nil
}

// SignOut ends the account's session here, cancels a login under way, and
// takes back what its logins left at the platform, as far as that can be done
// within a few seconds. What was remembered of the account is forgotten. The
// owner stays on record: the same person has to sign in again.
func (k *Keeper) SignOut(ctx context.Context, id school.AccountID) error {
	_, err := k.Leave(ctx, id)
	return err
}

// Farewell is how a sign-out went with the platform: a closed set.
type Farewell string

// The ways.
const (
	FarewellNone   Farewell = "none"   // there was no session to take back
	FarewellMute   Farewell = "mute"   // no way to sign out of the platform is known: the session ends by itself in time
	FarewellTold   Farewell = "told"   // the platform has ended it
	FarewellUntold Farewell = "untold" // the platform could not be told: it ends by itself in time
)

// Leave is [Keeper.SignOut], and tells what the platform heard of it.
func (k *Keeper) Leave(ctx context.Context, id school.AccountID) (Farewell, error) {
	if err := k.Cancel(ctx, id); err != nil && !errors.Is(err, ErrNoLogin) {
		return FarewellNone, fmt.Errorf("session: sign out %s: %w", id, err)
	}
	state, before, err := k.take(ctx, id)
	if err != nil {
		return FarewellNone, fmt.Errorf("session: sign out %s: %w", id, err)
	}
	k.leave(ctx, id, before)
	return k.leave(ctx, id, state), nil
}

// take ends the account's session here and returns what it was, and the one
// that a login had replaced lately.
func (k *Keeper) take(ctx context.Context, id school.AccountID) (state, before []byte, err error) {
	a := k.account(id)
	a.write.Lock()
	defer a.write.Unlock()
	state, err = k.cfg.Store.Session(ctx, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	before, a.before = a.before, nil
	return state, before, errors.Join(
		k.drop(ctx, id, a, school.ProblemNone),
		k.cfg.Store.PutMemory(context.WithoutCancel(ctx), id, 0, nil),
	)
}

// leave tells the platform that a session is given up. Whatever it says, the
// session is gone here.
func (k *Keeper) leave(ctx context.Context, id school.AccountID, state []byte) Farewell {
	if len(state) == 0 {
		return FarewellNone
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	mute := false
	err := k.guarded(ctx, id, func() error {
		src, err := k.cfg.Logins(ctx, id)
		if err != nil {
			return err
		}
		out, ok := src.(source.SignOuter)
		if mute = !ok; mute {
			return nil
		}
		return out.SignOut(ctx, source.NewSession(state, nil))
	})
	if mute {
		return FarewellMute
	}
	if err != nil {
		k.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "platform was not told of the sign-out",
			slog.String("account", string(id)), slog.Any("error", err))
		return FarewellUntold
	}
	return FarewellTold
}

// drop deletes the session and marks the account SignedOut; the caller holds
// a.write.
func (k *Keeper) drop(ctx context.Context, id school.AccountID, a *account, p school.Problem) error {
	ctx = context.WithoutCancel(ctx)
	a.generation++
	k.ended(ctx, id, school.EndSignedOut)
	return errors.Join(
		k.cfg.Store.DeleteSession(ctx, id),
		k.cfg.Store.PutState(ctx, id, school.SignedOut, p),
	)
}

// recover brings accounts whose login was cut off by the end of the program
// into a state from which things go on.
func (k *Keeper) recover(ctx context.Context) error {
	accts, err := k.cfg.Store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("session: run: %w", err)
	}
	for _, acct := range accts {
		if acct.State != school.SigningIn {
			continue
		}
		if err := k.recoverAccount(ctx, acct); err != nil {
			return fmt.Errorf("session: run: %s: %w", acct.ID, err)
		}
	}
	return nil
}

func (k *Keeper) recoverAccount(ctx context.Context, acct school.Account) error {
	a := k.account(acct.ID)
	a.write.Lock()
	defer a.write.Unlock()
	owner, err := k.cfg.Store.Owner(ctx, acct.ID)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	before := school.SignedOut
	if owner != "" {
		before = school.Expired
	}
	return k.settle(ctx, acct.ID, before, acct.Problem)
}

// settle puts the state of an account whose login ended without success; the
// caller holds a.write. before is the state in which the login began.
func (k *Keeper) settle(ctx context.Context, id school.AccountID, before school.SessionState, p school.Problem) error {
	state, err := k.cfg.Store.Session(ctx, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(state) > 0 {
		return k.cfg.Store.PutState(ctx, id, school.Active, p)
	}
	if before == school.SignedOut {
		return k.cfg.Store.PutState(ctx, id, school.SignedOut, p)
	}
	return k.cfg.Store.PutState(ctx, id, school.Expired, school.ProblemSignIn)
}
