package syncer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"syncd/source/school"
)

// Run reads accounts as they become due or are woken until ctx ends. It
// returns nil when everything it started has stopped; what was committed by
// then stays. It is called once.
func (s *Syncer) Run(ctx context.Context) error {
	var jobs sync.WaitGroup
	defer jobs.Wait()
	log := cronLogger{s.cfg.Log}
	c := cron.New(
		cron.WithLocation(s.cfg.Location),
		cron.WithLogger(log),
		// A panic must end inside, see tick: one that went through would make
		// every later tick be skipped.
		cron.WithChain(cron.SkipIfStillRunning(log)),
	)
	// Installations do not all knock at the same second.
	offset := time.Duration(s.cfg.Random() * float64(4*time.Minute))
	if _, err := c.AddFunc(tick, func() {
		if sleep(ctx, offset) {
			s.tick(ctx)
		}
	}); err != nil {
		return fmt.Errorf("syncer: run: %w", err)
	}
	if _, err := c.AddFunc(hourly, func() {
		if sleep(ctx, offset) {
			s.hour(ctx)
		}
	}); err != nil {
		return fmt.Errorf("syncer: run: %w", err)
	}
	jobs.Go(func() { s.hour(ctx) })
	jobs.Go(func() { s.tick(ctx) })
	c.Start()
	defer func() { <-c.Stop().Done() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.woken:
			for _, id := range s.takeWoken() {
				jobs.Go(func() { s.rouse(ctx, id) })
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// tick is due, hour is Hourly; the next one comes also where this one panics.
func (s *Syncer) tick(ctx context.Context) {
	s.guarded(ctx, slog.String("job", "tick"), func() { s.due(ctx) })
}

func (s *Syncer) hour(ctx context.Context) {
	s.guarded(ctx, slog.String("job", "hourly"), func() { s.cfg.Hourly(ctx) })
}

// due reads every account that is due and waits for the jobs.
func (s *Syncer) due(ctx context.Context) {
	accts, err := s.cfg.Store.Due(ctx, s.cfg.Now())
	if err != nil {
		if ctx.Err() == nil {
			s.cfg.Log.LogAttrs(ctx, slog.LevelError, "due accounts could not be read", slog.Any("error", err))
		}
		return
	}
	var jobs sync.WaitGroup
	for _, a := range accts {
		if a.State == school.SigningIn {
			continue
		}
		jobs.Go(func() { s.do(ctx, a.ID, whenDue) })
	}
	for _, id := range s.idle(ctx, accts) {
		jobs.Go(func() { s.do(ctx, id, idle) })
	}
	jobs.Wait()
	if err := s.cfg.Manners.Save(context.WithoutCancel(ctx)); err != nil {
		s.cfg.Log.LogAttrs(ctx, slog.LevelError, "request counts could not be stored", slog.Any("error", err))
	}
}

// Wake has an account read at once and completely, whatever its due time; for
// after a login and for "read now" on a page. It does not wait. Without Run
// nothing happens. An account that has to rest stays at rest.
func (s *Syncer) Wake(id school.AccountID) {
	s.mu.Lock()
	s.wake[id] = true
	s.mu.Unlock()
	select {
	case s.woken <- struct{}{}:
	default: // Run will look anyway
	}
}

func (s *Syncer) takeWoken() []school.AccountID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []school.AccountID
	for id := range s.wake {
		if !s.rising[id] {
			s.rising[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// rouse reads a woken account. A job that was under way already may have
// begun with an older session, so another one follows it.
func (s *Syncer) rouse(ctx context.Context, id school.AccountID) {
	for again := true; again; {
		s.do(ctx, id, woken)
		s.mu.Lock()
		if again = s.wake[id] && ctx.Err() == nil; !again {
			delete(s.rising, id)
		}
		s.mu.Unlock()
	}
}

// SyncNow reads accounts now and completely, all of them when none is named,
// and returns when that is done. It needs no Run. Due times and rhythms do not
// count, budgets, manners and a platform's wish to rest do. A job that is under
// way is waited for; if it was not asked for by anybody, the account is read
// after it all the same. What went wrong with an account stands in its Result;
// the error is for what concerns none of them.
func (s *Syncer) SyncNow(ctx context.Context, ids ...school.AccountID) (Report, error) {
	all, err := s.cfg.Store.Accounts(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("syncer: sync now: %w", err)
	}
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(a school.Account) bool { return a.ID == id }) {
			return Report{}, fmt.Errorf("syncer: sync now: %s: %w", id, ErrUnknownAccount)
		}
	}
	if len(ids) > 0 {
		all = slices.DeleteFunc(slices.Clone(all), func(a school.Account) bool { return !slices.Contains(ids, a.ID) })
	}
	results := make([]Result, len(all))
	var jobs sync.WaitGroup
	for i, a := range all {
		jobs.Go(func() { results[i] = s.do(ctx, a.ID, asked) })
	}
	jobs.Wait()
	if err := ctx.Err(); err != nil {
		return Report{Results: results}, fmt.Errorf("syncer: sync now: %w", err)
	}
	return Report{Results: results}, nil
}

// cronLogger hands cron's words to slog. Cron is a tick here and knows
// nothing of accounts.
type cronLogger struct{ log *slog.Logger }

// Info implements [cron.Logger].
func (l cronLogger) Info(msg string, _ ...any) {
	l.log.Debug("cron", slog.String("event", msg))
}

// Error implements [cron.Logger].
func (l cronLogger) Error(_ error, msg string, _ ...any) {
	l.log.Error("cron", slog.String("event", msg))
}
