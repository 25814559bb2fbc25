package syncer

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

// How often an account is read whose session is over, where its guardian
// wants that: by itself, and when somebody asks.
const (
	spareRhythm = 6 * time.Hour
	spareAsked  = 15 * time.Minute
)

// Spared returns when the account was last read without a session, since the
// program started; zero if it was not, or if it has a session.
func (s *Syncer) Spared(id school.AccountID) time.Time {
	s.mu.Lock()
	m := s.memory[id]
	s.mu.Unlock()
	if m == nil {
		return time.Time{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.spared
}

// keepSpare keeps what the source wants for the time without a session, or
// forgets it where the guardian does not want it any more. A read that was
// not whole may not have come so far as to know.
func (s *Syncer) keepSpare(ctx context.Context, r *run, src source.Source, sess *source.Session, whole bool) error {
	sparer, ok := src.(source.Sparer)
	if !ok || s.cfg.Spares == nil {
		return nil
	}
	data := sparer.Spare(sess)
	if data == nil && !whole {
		return nil
	}
	if err := s.cfg.Spares.PutSpare(context.WithoutCancel(ctx), r.acct.ID, r.gone, data); err != nil {
		return fmt.Errorf("%w: %w", errNotSaved, err)
	}
	return nil
}

// spare reads what can be read of an account whose session is over. It changes
// nothing of what is recorded: somebody has to sign in as before. Only when it
// panicked the last time, that stands there until it goes well again.
func (s *Syncer) spare(ctx context.Context, r *run, why reason, res *Result) {
	if s.cfg.Spares == nil {
		return
	}
	name := slog.String("account", string(r.acct.ID))
	err := s.readSpare(ctx, r, why)
	res.Changes, res.Requests = r.changes, s.requests(r)
	switch {
	case ctx.Err() != nil, errors.Is(err, errNoSpare):
	case err != nil:
		s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "account was not read without a session", name, slog.Any("error", err))
	default:
		s.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "account was read without a session",
			name, slog.Int("children", len(res.Changes)), slog.Int("requests", res.Requests))
		if err := s.mended(ctx, r, res); err != nil {
			s.cfg.Log.LogAttrs(ctx, slog.LevelError, "read without a session was not recorded", name, slog.Any("error", err))
		}
	}
}

// mended takes back that a read without a session panicked the last time.
func (s *Syncer) mended(ctx context.Context, r *run, res *Result) error {
	if r.acct.Problem != school.ProblemInternal {
		return nil
	}
	m, err := s.remember(ctx, r.acct)
	if err != nil {
		return err
	}
	res.Problem = school.ProblemSignIn
	return s.record(context.WithoutCancel(ctx), r, m, res)
}

// errNoSpare: there is nothing to read by, or it is not time yet.
var errNoSpare = errors.New("no reading without a session")

func (s *Syncer) readSpare(ctx context.Context, r *run, why reason) error {
	acct := r.acct
	src, err := s.cfg.Sources(ctx, acct.ID)
	if err != nil {
		return err
	}
	sparer, ok := src.(source.Sparer)
	if !ok {
		return errNoSpare
	}
	data, err := s.cfg.Spares.Spare(ctx, acct.ID)
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return errNoSpare
	}
	if acct.State == school.SignedOut { // somebody ended it; what was kept goes with it
		return errors.Join(s.cfg.Spares.PutSpare(ctx, acct.ID, 0, nil), errNoSpare)
	}
	m, err := s.remember(ctx, acct)
	if err != nil {
		return err
	}
	now := s.cfg.Now().In(s.cfg.Location)
	if !m.trySpare(now, why) {
		return errNoSpare
	}
	k := &spareSink{s: s, r: r, plan: s.sparePlan(now)}
	err = sparer.FetchSpare(ctx, data, k.plan, k)
	if errors.Is(err, source.ErrAbsent) && len(r.changes) == 0 {
		return errors.Join(s.cfg.Spares.PutSpare(ctx, acct.ID, 0, nil), errNoSpare)
	}
	if err == nil {
		m.mu.Lock()
		m.spared = now
		m.mu.Unlock()
	}
	return err
}

func (s *Syncer) sparePlan(now time.Time) school.Plan {
	today := school.DateOf(now)
	return school.Plan{
		Now: now, Window: school.Window{From: today.AddDays(-s.cfg.DaysBack), To: today.AddDays(s.cfg.DaysAhead + 1)},
		Unwanted: map[school.Ref][]school.Part{},
	}
}

// trySpare reports whether it is time, and takes it for done.
func (m *memory) trySpare(now time.Time, why reason) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	rest := spareAsked
	if why == whenDue {
		rest = spareRhythm
		if h := now.Hour(); h >= nightBegins || h < nightEnds {
			return false
		}
	}
	if now.Sub(m.tried) < rest {
		return false
	}
	m.tried = now
	return true
}

// noSpare: there is a session.
func (m *memory) noSpare() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spared, m.tried = time.Time{}, time.Time{}
}

// spareSink takes what is read without a session.
type spareSink struct {
	s    *Syncer
	r    *run
	plan school.Plan
}

// Roster implements [source.Sink]: the children were stored when there was a
// session.
func (k *spareSink) Roster(ctx context.Context, roster school.Roster) error {
	for _, c := range roster.Children {
		unwanted, err := k.s.cfg.Unwanted(ctx, k.r.acct.Platform, c.Ref)
		if err != nil {
			return fmt.Errorf("%w: %w", errNotSaved, err)
		}
		if len(unwanted) > 0 {
			k.plan.Unwanted[c.Ref] = unwanted
		}
	}
	return nil
}

// Snapshot implements [source.Sink]. Nothing is deleted by it, whatever it
// says that it covers.
func (k *spareSink) Snapshot(ctx context.Context, snap school.Snapshot) error {
	snap.Covered = nil
	changes, err := k.s.cfg.Store.Apply(ctx, k.r.acct.ID, k.s.cfg.Normalizer.Snapshot(ctx, snap))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not a child of this account any more
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSaved, err)
	}
	k.r.changes = append(k.r.changes, changes)
	k.s.cfg.Committed(ctx, k.r.acct.ID, changes)
	return nil
}
