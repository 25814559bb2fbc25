package syncer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"syncd/cmd/syncd/internal/panics"
	"syncd/source"
	"syncd/source/school"
	"syncd/storage/vault"
)

// The window of days that is asked for, around today, unless [Config] says
// otherwise.
const (
	daysBack  = 30
	daysAhead = 400
)

// reason says why an account is read.
type reason int

const (
	whenDue reason = iota // only if its due time has come, and only the parts that are due
	woken                 // everything, now: somebody has just signed in
	asked                 // everything, now: a person asked
	idle                  // nothing: one request keeps the session
)

// covers reports whether a job for one reason does all that one for the other
// would.
func (r reason) covers(other reason) bool {
	switch other {
	case idle:
		return true
	case whenDue:
		return r != idle
	case woken, asked:
		return r == woken || r == asked
	}
	return false
}

// job is one account's job under way.
type job struct {
	why  reason
	done chan struct{}

	// valid when done is closed
	result  Result
	stopped bool // whoever wanted it gave up
}

// run is what one job gathers.
type run struct {
	acct    school.Account
	began   int   // requests that were made before it
	gone    int64 // deletions before it
	plan    school.Plan
	changes []school.Changes
	held    []school.Kind
	news    []school.Part // announced by the platform
	wide    bool          // all dates are read, not only those near today
	skipped int
	stored  bool // something that was covered has been committed
}

var errPanic = errors.New("job panicked")

// errSignedOut is why an account that nobody is signed in to is not read.
var errSignedOut = fmt.Errorf("nobody is signed in: %w", source.ErrSessionExpired)

// errResting is why an account is not read on demand while it has to rest.
var errResting = errors.New("resting, as the platform wants it")

// Running reports whether a job of the account is under way or waits for its
// turn.
func (s *Syncer) Running(id school.AccountID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[id] != nil || s.wake[id]
}

// do runs one account's job and returns its result. When a job of the account
// is under way already, it waits for that one, and returns that one's if it
// does as much and nobody gave it up.
func (s *Syncer) do(ctx context.Context, id school.AccountID, why reason) (res Result) {
	s.mu.Lock()
	for j := s.jobs[id]; j != nil; j = s.jobs[id] {
		s.mu.Unlock()
		select {
		case <-j.done:
		case <-ctx.Done():
			return Result{Account: id, Problem: school.ProblemUnavailable, Err: ctx.Err()}
		}
		if j.why.covers(why) && !j.stopped {
			return j.result
		}
		s.mu.Lock()
	}
	j := &job{why: why, done: make(chan struct{})}
	s.jobs[id] = j
	if why == woken {
		delete(s.wake, id)
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		j.result, j.stopped = res, res.Err != nil && ctx.Err() != nil
		delete(s.jobs, id)
		close(j.done)
	}()

	if err := take(ctx, s.slots); err != nil {
		return Result{Account: id, Problem: school.ProblemUnavailable, Err: err}
	}
	defer func() { <-s.slots }()
	return s.job(ctx, id, why)
}

// job does one account's job, whatever it is for. One that panics is recorded
// as a fault of our own, and the account is tried again later.
func (s *Syncer) job(ctx context.Context, id school.AccountID, why reason) Result {
	r := &run{acct: school.Account{ID: id}, began: s.cfg.Manners.Made(id)}
	var res Result
	name := slog.String("account", string(id))
	if s.guarded(ctx, name, func() { res = s.look(ctx, r, why) }) {
		return res
	}
	if s.guarded(ctx, name, func() { res = s.broke(ctx, r) }) {
		return res
	}
	return Result{
		Account: id, Platform: r.acct.Platform, NextDue: r.acct.NextDue, Changes: r.changes,
		Problem: school.ProblemInternal, Err: fmt.Errorf("syncer: sync %s: %w", id, errPanic),
	}
}

// guarded calls f and reports whether it came to its end. Of a panic the log
// tells where it happened; what it carried may be anything and is dropped.
func (s *Syncer) guarded(ctx context.Context, name slog.Attr, f func()) (whole bool) {
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Log.LogAttrs(ctx, slog.LevelError, "job panicked", name, panics.Where())
		}
	}()
	f()
	return true
}

// broke records a job that panicked.
func (s *Syncer) broke(ctx context.Context, r *run) Result {
	acct, err := s.account(ctx, r.acct.ID)
	if err != nil {
		return s.unread(ctx, r.acct, errors.Join(errPanic, err))
	}
	r.acct = acct
	m, err := s.remember(ctx, acct)
	if err != nil {
		return s.unread(ctx, acct, errors.Join(errPanic, err))
	}
	return s.conclude(ctx, r, m, errPanic)
}

// look looks at the account as it is now and reads it if it may be read.
func (s *Syncer) look(ctx context.Context, r *run, why reason) Result {
	acct, err := s.account(ctx, r.acct.ID)
	if err != nil {
		return s.unread(ctx, r.acct, err)
	}
	r.acct = acct
	res := Result{Account: acct.ID, Platform: acct.Platform, NextDue: acct.NextDue}
	if err := s.mayRead(ctx, acct); err != nil {
		res.Problem, res.Err = acct.Problem, fmt.Errorf("syncer: sync %s: %w", acct.ID, err)
		if res.Problem == school.ProblemNone {
			res.Problem = problemOf(err)
		}
		if errors.Is(err, errSignedOut) && why != idle {
			s.spare(ctx, r, why, &res)
		}
		return res
	}
	if why == idle {
		return s.ping(ctx, r)
	}
	if why == whenDue && acct.NextDue.After(s.cfg.Now()) {
		return res // somebody else's job has read it meanwhile
	}
	return s.read(ctx, r, why)
}

func (s *Syncer) account(ctx context.Context, id school.AccountID) (school.Account, error) {
	all, err := s.cfg.Store.Accounts(ctx)
	if err != nil {
		return school.Account{}, fmt.Errorf("%w: %w", errNotSaved, err)
	}
	for _, a := range all {
		if a.ID == id {
			return a, nil
		}
	}
	return school.Account{}, ErrUnknownAccount
}

// mayRead says why an account is not read now, whoever asks.
func (s *Syncer) mayRead(ctx context.Context, acct school.Account) error {
	resting := acct.Problem == school.ProblemBlocked || acct.Problem == school.ProblemRate
	if resting && acct.NextDue.After(s.cfg.Now()) {
		return errResting
	}
	if acct.State == school.Active {
		return nil
	}
	src, err := s.cfg.Sources(ctx, acct.ID)
	if err != nil {
		return err
	}
	if _, ok := src.(source.Authenticator); ok {
		return errSignedOut
	}
	return nil // a platform without a login
}

// unread is the result of a job of which nothing can be recorded.
func (s *Syncer) unread(ctx context.Context, acct school.Account, err error) Result {
	res := Result{
		Account: acct.ID, Platform: acct.Platform, NextDue: acct.NextDue,
		Problem: problemOf(err), Err: fmt.Errorf("syncer: sync %s: %w", acct.ID, err),
	}
	s.report(ctx, res, &run{})
	return res
}

// read does the job and records how it went.
func (s *Syncer) read(ctx context.Context, r *run, why reason) Result {
	m, err := s.remember(ctx, r.acct)
	if err != nil {
		return s.unread(ctx, r.acct, err)
	}
	m.noSpare()
	r.plan, r.wide = s.plan(r.acct, m, why != whenDue)
	return s.conclude(ctx, r, m, s.fetch(ctx, r, m))
}

// requests returns how many the job has made so far.
func (s *Syncer) requests(r *run) int { return s.cfg.Manners.Made(r.acct.ID) - r.began }

// conclude records how a job went that ended with err.
func (s *Syncer) conclude(ctx context.Context, r *run, m *memory, err error) Result {
	acct := r.acct
	res := Result{
		Account: acct.ID, Platform: acct.Platform, NextDue: acct.NextDue,
		Changes: r.changes, Requests: s.requests(r),
	}
	save := context.WithoutCancel(ctx)
	err = errors.Join(err, s.cfg.Manners.Save(save))

	if err != nil && ctx.Err() != nil {
		// We were stopped; that is nobody's problem, and the account is due
		// as it was.
		res.Problem, res.Err = school.ProblemUnavailable, fmt.Errorf("syncer: sync %s: %w", acct.ID, ctx.Err())
		return res
	}
	res.Problem = r.problem(err)
	if err != nil {
		res.Err = fmt.Errorf("syncer: sync %s: %w", acct.ID, err)
	}
	if err := s.record(save, r, m, &res); err != nil {
		res.Problem, res.Err = school.ProblemNotSaved, errors.Join(res.Err, fmt.Errorf("syncer: sync %s: %w", acct.ID, err))
	}
	s.report(save, res, r)
	return res
}

// fetch is the read itself.
func (s *Syncer) fetch(ctx context.Context, r *run, m *memory) error {
	src, err := s.cfg.Sources(ctx, r.acct.ID)
	if err != nil {
		return err
	}
	if r.plan.LettersFrom, err = s.cfg.LettersFrom(ctx); err != nil {
		return fmt.Errorf("%w: %w", errNotSaved, err)
	}
	if s.cfg.Spares != nil {
		r.gone = s.cfg.Spares.Deletions()
	}
	return s.cfg.Sessions.Use(ctx, r.acct.ID, func(sess *source.Session) error {
		// KnownNews is filled by the sink as soon as the children are known.
		r.plan.KnownNews = make(map[school.Ref]time.Time)
		r.plan.Unwanted = make(map[school.Ref][]school.Part)
		err := src.Fetch(ctx, sess, r.plan, &sink{s: s, r: r, m: m})
		return errors.Join(err, s.keepSpare(ctx, r, src, sess, err == nil))
	})
}

// plan says what to read, and whether that is all dates.
func (s *Syncer) plan(acct school.Account, m *memory, everything bool) (p school.Plan, wide bool) {
	now := s.cfg.Now().In(s.cfg.Location)
	p = school.Plan{Now: now, Parts: m.parts(s.cfg.Parts(acct.Platform), now, everything)}
	back, ahead := s.cfg.DaysBack, s.cfg.DaysAhead
	if wide = everything || m.wants(p.Parts, now); !wide {
		back, ahead = min(back, nearBack), min(ahead, nearAhead)
	}
	today := school.DateOf(now)
	p.Window = school.Window{From: today.AddDays(-back), To: today.AddDays(ahead + 1)}
	return p, wide
}

// problem is what the family is told of a job.
func (r *run) problem(err error) school.Problem {
	switch p := problemOf(err); {
	case p != school.ProblemNone:
		return p
	case len(r.held) > 0:
		return school.ProblemHeld
	case r.skipped > 0:
		return school.ProblemNotUnderstood
	}
	return school.ProblemNone
}

func problemOf(err error) school.Problem {
	switch {
	case errors.Is(err, errPanic), errors.Is(err, ErrUnknownAccount):
		return school.ProblemInternal
	case errors.Is(err, vault.ErrFull):
		return school.ProblemFull
	case errors.Is(err, errNotSaved):
		return school.ProblemNotSaved
	}
	return source.ProblemOf(err)
}

// record stores the outcome and remembers which parts are due when.
func (s *Syncer) record(ctx context.Context, r *run, m *memory, res *Result) error {
	now := s.cfg.Now()
	sched := schedule{loc: s.cfg.Location, random: s.cfg.Random}
	m.learn(sched, now, s.cfg.Announced(r.acct.Platform), r, res)
	failures := 0
	res.NextDue = sched.next(now)
	if m.hurry(r.news, r.plan.Parts, r.wide) {
		res.NextDue = now
	}
	if ends(res.Problem) || !r.stored && failed(res.Problem) {
		failures = r.acct.Failures + 1
		res.NextDue = sched.backoff(now, res.Problem, failures, res.Err)
	}
	if due := m.earliest(r.plan.Parts); due.After(res.NextDue) {
		res.NextDue = sched.rested(due)
	}
	// The state is the sessions' affair: it is written back as it is.
	err := s.cfg.Sessions.Hold(ctx, r.acct.ID, func(acct school.Account) error {
		return s.cfg.Store.PutOutcome(ctx, acct.ID, school.Outcome{
			State: acct.State, Problem: res.Problem, Finished: now,
			NextDue: res.NextDue, Failures: failures, Requests: res.Requests,
		})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile, with all that was known of it
	}
	return err
}

// ends reports whether a problem concerns the whole account, so that reading
// other parts at the normal pace would be wrong.
func ends(p school.Problem) bool {
	switch p {
	case school.ProblemSignIn, school.ProblemWrongPerson, school.ProblemBlocked, school.ProblemRate,
		school.ProblemBudget, school.ProblemNotSaved, school.ProblemFull, school.ProblemInternal:
		return true
	case school.ProblemNone, school.ProblemRefused, school.ProblemUnavailable, school.ProblemNotUnderstood,
		school.ProblemWrongChild, school.ProblemHeld, school.ProblemBackup,
		school.ProblemOldCache, school.ProblemLostCache, school.ProblemOldState, school.ProblemLostState:
		return false
	}
	return false
}

// failed reports whether a job with this problem that stored nothing counts
// as a failure.
func failed(p school.Problem) bool { return p != school.ProblemNone && p != school.ProblemHeld }

// report writes the one line of a job. A job that was stopped from outside is
// not worth one.
func (s *Syncer) report(ctx context.Context, res Result, r *run) {
	if ctx.Err() != nil {
		return
	}
	var added, changed, deleted int
	for _, c := range res.Changes {
		for _, n := range c.Added {
			added += n
		}
		for _, n := range c.Changed {
			changed += n
		}
		for _, n := range c.Deleted {
			deleted += n
		}
	}
	attrs := []slog.Attr{
		slog.String("account", string(res.Account)), slog.String("platform", string(res.Platform)),
		slog.Int("children", len(res.Changes)), slog.Int("added", added), slog.Int("changed", changed),
		slog.Int("deleted", deleted), slog.Int("skipped", r.skipped), slog.Int("requests", res.Requests),
		slog.Time("next_due", res.NextDue),
	}
	if res.Problem == school.ProblemNone {
		s.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "account was read", attrs...)
		return
	}
	attrs = append(attrs, slog.String("problem", string(res.Problem)), slog.Any("error", res.Err))
	s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "account was not read completely", attrs...)
}
