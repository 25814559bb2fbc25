package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// The rhythm of a login.
const (
	pollEvery  = time.Second
	pausedFor  = 20 * time.Second // after the last look: no more polls
	givenUpFor = time.Minute      // after the last look: cancelled; after its end: forgotten
	goodbye    = 10 * time.Second // for the last words to a platform
)

// login is one login under way; the source.Login itself belongs to its
// goroutine.
type login struct {
	method  source.MethodID
	in      source.Answers
	begun   chan struct{} // closed when Begin has been answered
	ended   chan struct{} // closed when everything is over
	answers chan answer

	// guarded by Keeper.mu
	cancel   context.CancelFunc // nil before its goroutine runs
	stopping bool
	err      error // why the login could not begin
	progress source.Progress
	asked    time.Time // when somebody last looked
	over     time.Time // when it ended; zero while under way
}

type answer struct {
	in   source.Answers
	done chan error
}

// Begin starts a login and returns when the platform has answered; from then
// on [Keeper.Login] says how it stands. Asked again while a login by the same
// method with the same answers is under way, it joins that one: any number
// of tabs and terminals make one order. Another method cancels it first.
func (k *Keeper) Begin(ctx context.Context, id school.AccountID, method source.MethodID, in source.Answers) error {
	if err := k.begin(ctx, id, method, in); err != nil {
		return fmt.Errorf("session: begin login of %s: %w", id, err)
	}
	return nil
}

func (k *Keeper) begin(ctx context.Context, id school.AccountID, method source.MethodID, in source.Answers) error {
	for {
		l, state := k.join(id, method, in)
		switch state {
		case loginOther:
			k.stop(l)
			if err := wait(ctx, l.ended); err != nil {
				return err
			}
			continue
		case loginNew:
			select {
			case k.start <- func(ctx context.Context) { k.run(ctx, id, l) }:
			case <-k.stopped:
				k.abandon(id, l, ErrStopped)
			case <-ctx.Done():
				k.abandon(id, l, ctx.Err())
			}
		case loginSame:
		}
		if err := wait(ctx, l.begun); err != nil {
			return err
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		return l.err
	}
}

func wait(ctx context.Context, c <-chan struct{}) error {
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type joined int

const (
	loginNew   joined = iota // ours, to be started
	loginSame                // the one that is under way
	loginOther               // another one is under way
)

// join returns the login under way or a new one in its place.
func (k *Keeper) join(id school.AccountID, method source.MethodID, in source.Answers) (*login, joined) {
	a := k.account(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := a.login; l != nil && l.over.IsZero() {
		if l.method != method || !sameAnswers(l.in, in) || l.stopping {
			return l, loginOther
		}
		l.asked = k.cfg.Now()
		return l, loginSame
	}
	a.login = &login{
		method: method, in: maps.Clone(in),
		begun: make(chan struct{}), ended: make(chan struct{}),
		answers:  make(chan answer),
		progress: source.Progress{State: source.LoginStarting},
		asked:    k.cfg.Now(),
	}
	return a.login, loginNew
}

// sameAnswers reports whether two people asked for the same login, wherever
// they want an app to come back to.
func sameAnswers(a, b source.Answers) bool {
	a, b = maps.Clone(a), maps.Clone(b)
	delete(a, source.AnswerReturn)
	delete(b, source.AnswerReturn)
	return maps.Equal(a, b)
}

// abandon takes back a login that never came to run.
func (k *Keeper) abandon(id school.AccountID, l *login, err error) {
	a := k.account(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	l.err, l.over = err, k.cfg.Now()
	a.login = nil
	close(l.begun)
	close(l.ended)
}

// Login returns how the account's login stands, at once and without asking
// the platform; false when none is under way or ended within the last minute.
// A login goes on for as long as somebody looks: it is polled until 20 s
// after the last look and cancelled after 60 s. The Progress holds secrets
// (never the session) and is for the person in front of the screen only.
func (k *Keeper) Login(id school.AccountID) (source.Progress, bool) {
	a := k.account(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	l, now := a.login, k.cfg.Now()
	if l == nil {
		return source.Progress{}, false
	}
	if !l.over.IsZero() && now.Sub(l.over) > givenUpFor {
		a.login = nil
		return source.Progress{}, false
	}
	l.asked = now
	return l.progress, true
}

// Method returns the method of the login that [Keeper.Login] tells of, "" when
// there is none. It does not count as a look.
func (k *Keeper) Method(id school.AccountID) source.MethodID {
	a := k.account(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if a.login == nil {
		return ""
	}
	return a.login.method
}

// Answer hands a person's answers to the login's question.
func (k *Keeper) Answer(ctx context.Context, id school.AccountID, in source.Answers) error {
	l := k.underWay(id)
	if l == nil {
		return fmt.Errorf("session: answer %s: %w", id, ErrNoLogin)
	}
	a := answer{in: maps.Clone(in), done: make(chan error, 1)}
	select {
	case l.answers <- a:
	case <-l.ended:
		return fmt.Errorf("session: answer %s: %w", id, ErrNoLogin)
	case <-ctx.Done():
		return fmt.Errorf("session: answer %s: %w", id, ctx.Err())
	}
	select {
	case err := <-a.done:
		if err != nil {
			return fmt.Errorf("session: answer %s: %w", id, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("session: answer %s: %w", id, ctx.Err())
	}
}

// Cancel gives the login up, at the platform too, and returns when it is over.
// The answer is an error that is [ErrNoLogin] when none is under way.
func (k *Keeper) Cancel(ctx context.Context, id school.AccountID) error {
	l := k.underWay(id)
	if l == nil {
		return fmt.Errorf("session: cancel login of %s: %w", id, ErrNoLogin)
	}
	k.stop(l)
	if err := wait(ctx, l.ended); err != nil {
		return fmt.Errorf("session: cancel login of %s: %w", id, err)
	}
	return nil
}

func (k *Keeper) underWay(id school.AccountID) *login {
	a := k.account(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := a.login; l != nil && l.over.IsZero() {
		return l
	}
	return nil
}

func (k *Keeper) signingIn(a *account) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return a.login != nil && a.login.over.IsZero()
}

// stop asks the login to end.
func (k *Keeper) stop(l *login) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l.stopping = true
	if l.cancel != nil {
		l.cancel()
	}
}

// run walks one login from its first request to its end, in a goroutine of
// [Keeper.Run].
func (k *Keeper) run(ctx context.Context, id school.AccountID, l *login) {
	forgotten, done := k.walk(ctx, id, l)
	if !done {
		return
	}
	k.cfg.Signed(ctx, id)
	k.leave(ctx, id, forgotten)
}

// walk reports whether the login brought a session, and returns the one that
// is to be given up for it.
func (k *Keeper) walk(ctx context.Context, id school.AccountID, l *login) (forgotten []byte, done bool) {
	log := k.cfg.Log.With(slog.String("account", string(id)), slog.String("method", string(l.method)))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	k.mu.Lock()
	l.cancel = cancel
	if l.stopping {
		cancel()
	}
	k.mu.Unlock()
	// Begin is called before the state says SigningIn, so that an order which
	// never came to be leaves no trace.
	order, err := k.order(ctx, id, l)
	if err != nil {
		log.LogAttrs(ctx, slog.LevelWarn, "login did not begin", slog.String("problem", string(source.ProblemOf(err))))
		k.finish(l, source.Progress{State: source.LoginFailed}, err)
		return nil, false
	}
	close(l.begun)

	final := k.follow(ctx, id, l, order, log)
	if done = final.State == source.LoginDone; done {
		if forgotten, err = k.store(ctx, id, final.Session); err != nil {
			log.LogAttrs(ctx, slog.LevelError, "session was not stored", slog.Any("error", err))
			final.State, done = source.LoginFailed, false
		}
	}
	if !done {
		if err := k.back(ctx, id, order.before); err != nil {
			log.LogAttrs(ctx, slog.LevelError, "state was not stored", slog.Any("error", err))
		}
	}
	log.LogAttrs(ctx, slog.LevelInfo, "login ended", slog.String("state", string(final.State)), slog.Int("restarts", final.Restarts))
	k.finish(l, final, nil)
	return forgotten, done
}

// order is a login that the platform has begun, and the account as it was.
type order struct {
	source.Login
	before school.Account
}

// order begins the login at the platform and marks the account SigningIn.
func (k *Keeper) order(ctx context.Context, id school.AccountID, l *login) (*order, error) {
	var begun source.Login
	err := k.guarded(ctx, id, func() error {
		src, err := k.cfg.Logins(ctx, id)
		if err != nil {
			return err
		}
		auth, ok := src.(source.Authenticator)
		if !ok {
			return ErrNoLogin
		}
		begun, err = auth.Begin(ctx, l.method, l.in)
		return err
	})
	if err != nil {
		return nil, err
	}
	before, err := k.mark(ctx, id)
	if err != nil {
		k.farewell(ctx, id, begun)
		return nil, err
	}
	return &order{Login: begun, before: before}, nil
}

func (k *Keeper) mark(ctx context.Context, id school.AccountID) (school.Account, error) {
	a := k.account(id)
	a.write.Lock()
	defer a.write.Unlock()
	before, err := k.cfg.Store.Account(ctx, id)
	if err != nil {
		return before, err
	}
	return before, k.cfg.Store.PutState(ctx, id, school.SigningIn, before.Problem)
}

// follow polls the order to its end. The Progress that it returns is final. An
// adapter that panics is asked nothing more but to cancel.
func (k *Keeper) follow(ctx context.Context, id school.AccountID, l *login, order source.Login, log *slog.Logger) source.Progress {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			k.farewell(ctx, id, order)
			return source.Progress{State: source.LoginCancelled}
		case a := <-l.answers:
			err := k.guarded(ctx, id, func() error { return order.Answer(ctx, a.in) })
			a.done <- err
			if !errors.Is(err, errPanic) {
				continue
			}
			k.farewell(ctx, id, order)
			return source.Progress{State: source.LoginFailed}
		case <-next.C:
		}
		switch unseen := k.unseen(l); {
		case unseen > givenUpFor:
			k.farewell(ctx, id, order)
			return source.Progress{State: source.LoginExpired}
		case unseen > pausedFor:
			next.Reset(pollEvery)
			continue
		}
		var p source.Progress
		err := k.guarded(ctx, id, func() (err error) { p, err = order.Poll(ctx); return err })
		switch {
		case ctx.Err() != nil && !p.State.Final():
			continue // nothing but ctx.Done is ready: farewell
		case err != nil:
			log.LogAttrs(ctx, slog.LevelWarn, "login broke off", slog.String("problem", string(source.ProblemOf(err))))
			k.farewell(ctx, id, order)
			return source.Progress{State: source.LoginFailed, Restarts: p.Restarts}
		case p.State.Final():
			return p
		}
		k.show(id, l, p)
		next.Reset(pollEvery)
	}
}

func (k *Keeper) unseen(l *login) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cfg.Now().Sub(l.asked)
}

func (k *Keeper) show(id school.AccountID, l *login, p source.Progress) {
	p.Session = nil
	a := k.account(id)
	k.mu.Lock()
	defer k.mu.Unlock()
	if a.login == l {
		l.progress = p
	}
}

// farewell cancels the order, also when the program is stopping. What the
// platform says to it changes nothing.
func (k *Keeper) farewell(ctx context.Context, id school.AccountID, order source.Login) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if err := k.guarded(ctx, id, func() error { return order.Cancel(ctx) }); err != nil {
		k.cfg.Log.LogAttrs(ctx, slog.LevelDebug, "order was not cancelled at the platform", slog.Any("error", err))
	}
}

// store puts the session of a finished login in the place of any other. That
// one is kept until it is known whose the new one is, see checkOwner; one that
// was kept so far is returned, to be given up.
func (k *Keeper) store(ctx context.Context, id school.AccountID, state []byte) (forgotten []byte, err error) {
	if len(state) == 0 {
		return nil, errors.New("login brought no session")
	}
	ctx = context.WithoutCancel(ctx)
	a := k.account(id)
	a.write.Lock()
	defer a.write.Unlock()
	old, err := k.cfg.Store.Session(ctx, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	a.generation++
	if err := k.cfg.Store.PutSession(ctx, id, state); err != nil {
		return nil, err
	}
	forgotten, a.before = a.before, old
	k.begun(ctx, id, school.RungPerson)
	return forgotten, k.cfg.Store.PutState(ctx, id, school.Active, school.ProblemNone)
}

// back puts the state of an account whose login brought nothing.
func (k *Keeper) back(ctx context.Context, id school.AccountID, before school.Account) error {
	ctx = context.WithoutCancel(ctx)
	a := k.account(id)
	a.write.Lock()
	defer a.write.Unlock()
	return k.settle(ctx, id, before.State, before.Problem)
}

// finish records the end of a login, or that it could not begin.
func (k *Keeper) finish(l *login, final source.Progress, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l.progress = source.Progress{State: final.State, Restarts: final.Restarts}
	l.over, l.err, l.in = k.cfg.Now(), err, nil
	if err != nil {
		close(l.begun)
	}
	close(l.ended)
}
