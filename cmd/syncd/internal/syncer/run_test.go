package syncer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/syncer"
	"syncd/source"
	"syncd/source/school"
)

// One normal school day, from midnight to midnight: how often is what read?
func TestADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-11 00:00", &platform{})
		r.store.change("a1", func(a *school.Account) { a.NextDue = time.Now().Add(5 * time.Hour) })
		r.run(t, 24*time.Hour)
		count := map[school.Part]int{}
		plans := r.platform.seen()
		for _, p := range plans {
			if h := p.Now.Hour(); h >= 23 || h < 5 {
				t.Errorf("read at %s, in the night", p.Now.Format(time.TimeOnly))
			}
			for _, part := range p.Parts {
				count[part]++
			}
		}
		if n := count[school.PartNews]; n < 25 || n > 40 || n != len(plans) {
			t.Errorf("news was read %d times in %d reads, want each time and 25 to 40 times", n, len(plans))
		}
		if n := count[school.PartCalendar]; n < 7 || n > 10 {
			t.Errorf("the calendar was read %d times, want 7 to 10", n)
		}
		if n := count[school.PartMenu]; n != 1 {
			t.Errorf("the menu was read %d times, want once", n)
		}
		if n := r.store.requests[school.NewDate(2000, 1, 11)]; n == 0 || n >= budget {
			t.Errorf("%d requests, want less than the budget of %d", n, budget)
		}
	})
}

func TestWeekendIsQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-15 00:00", &platform{})
		r.run(t, 48*time.Hour)
		if n := len(r.platform.seen()); n < 10 || n > 24 {
			t.Errorf("%d reads in a weekend, want one every two hours by day", n)
		}
	})
}

// Holidays are as quiet as weekends; the days around them are not.
func TestHolidays(t *testing.T) {
	t.Parallel()
	for day, quiet := range map[string]bool{
		"2000-01-05": true, "2000-01-06": true, "2000-01-07": false, // Epiphany
		"2000-04-20": false, "2000-04-21": true, "2000-04-24": true, "2000-04-25": false, // Easter
		"2000-05-01": true, "2000-05-02": false, "2000-06-01": true, "2000-06-02": false, // May Day, Ascension
		"2000-06-06": true, "2000-06-16": false, "2000-06-23": true, "2000-07-12": true, "2000-08-11": false, // summer
		"2000-12-22": false, "2000-12-27": true,
		"2008-03-20": false, "2008-03-21": true, "2008-03-24": true, // the earliest Easter in long
		"2011-04-22": true, "2011-04-25": true, "2011-04-26": false, "2009-06-19": true, "2009-06-18": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, day+" 09:00", &platform{})
			r.run(t, 6*time.Hour)
			n := len(r.platform.seen())
			if got := n < 6; got != quiet {
				t.Errorf("%s: %d reads in six hours, want quiet = %t", day, n, quiet)
			}
		})
	}
}

// Checklist: whatever a platform does for thirty days, the requests stay
// under the printed budget, and a day of silence is met with hardly any.
func TestThirtyBadDays(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fetch func(*platform) func(context.Context, school.Plan, source.Sink) error
		days  int // most requests on any day but the first
	}{
		"outage": {func(p *platform) func(context.Context, school.Plan, source.Sink) error {
			return func(ctx context.Context, _ school.Plan, _ source.Sink) error {
				return errors.Join(p.request(ctx), source.ErrUnavailable)
			}
		}, 4},
		"ban page": {func(p *platform) func(context.Context, school.Plan, source.Sink) error {
			return func(ctx context.Context, _ school.Plan, _ source.Sink) error {
				return errors.Join(p.request(ctx), source.ErrBlocked)
			}
		}, 1},
		"429": {func(p *platform) func(context.Context, school.Plan, source.Sink) error {
			return func(ctx context.Context, _ school.Plan, _ source.Sink) error {
				return errors.Join(p.request(ctx), &source.RateLimitError{})
			}
		}, 4},
		"closed for the summer": {func(p *platform) func(context.Context, school.Plan, source.Sink) error {
			return func(ctx context.Context, _ school.Plan, _ source.Sink) error {
				return errors.Join(p.request(ctx), source.ErrNotUnderstood)
			}
		}, 4},
		"session dead": {func(p *platform) func(context.Context, school.Plan, source.Sink) error {
			return func(ctx context.Context, _ school.Plan, _ source.Sink) error {
				return errors.Join(p.request(ctx), source.ErrSessionExpired)
			}
		}, 0},
		"our own fault": {func(p *platform) func(context.Context, school.Plan, source.Sink) error {
			return func(ctx context.Context, _ school.Plan, _ source.Sink) error {
				if err := p.request(ctx); err != nil {
					return err
				}
				panic("Kanariefågel")
			}
		}, 4},
		"never enough": {func(p *platform) func(context.Context, school.Plan, source.Sink) error {
			return func(ctx context.Context, _ school.Plan, _ source.Sink) error {
				for {
					if err := p.request(ctx); err != nil {
						return err
					}
				}
			}
		}, budget},
		"one part broken": {func(p *platform) func(context.Context, school.Plan, source.Sink) error {
			return func(ctx context.Context, plan school.Plan, sink source.Sink) error {
				err := p.read(ctx, plan, sink)
				if plan.Wants(school.PartNews) {
					err = errors.Join(err, &source.PartError{Part: school.PartNews, Err: source.ErrUnavailable})
				}
				return err
			}
		}, budget},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &platform{}
				r := newRig(t, "2000-01-10 08:00", p)
				p.FetchFn = tc.fetch(p)
				for range 30 {
					r.run(t, 24*time.Hour) // and a restart every morning
					r.start(t)
				}
				first := school.NewDate(2000, 1, 10)
				for d, n := range r.store.requests {
					if n > budget || d != first && n > tc.days {
						t.Errorf("%d requests on %s, want at most %d", n, d, tc.days)
					}
				}
				if strings.Contains(r.log.String(), "Kanarie") {
					t.Error("log shows what a panic carried")
				}
			})
		})
	}
}

func TestNoTwoJobsPerAccountAndTwoInAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{FetchFn: func(ctx context.Context, _ school.Plan, _ source.Sink) error {
			time.Sleep(17 * time.Minute) // over three ticks
			return nil
		}}
		r := newRig(t, "2000-01-10 08:00", p)
		for _, id := range []school.AccountID{"a2", "a3", "a4", "a5"} {
			a := r.store.accounts[0]
			a.ID = id
			r.store.accounts = append(r.store.accounts, a)
		}
		r.Wake("a1")
		go r.run(t, time.Hour)
		synctest.Wait()
		if !r.Running("a1") {
			t.Error("Running(a1) = false")
		}
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if rep, err := r.SyncNow(t.Context()); err != nil || len(rep.Results) != 5 {
					t.Errorf("SyncNow = %d results, %v", len(rep.Results), err)
				}
			})
		}
		all.Wait()
		time.Sleep(time.Hour)
		p.mu.Lock()
		if p.most != 2 {
			t.Errorf("%d jobs at once, want 2", p.most)
		}
		p.mu.Unlock()
		if n := len(p.seen()); n > 10 {
			t.Errorf("%d reads of 5 accounts, want that callers join jobs under way", n)
		}
		if r.Running("a1") {
			t.Error("Running(a1) = true after all")
		}
	})
}

// After a login everything is read, also when a job with the old session was
// under way.
func TestWake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{}
		r := newRig(t, "2000-01-10 03:00", p)
		r.sync(t)
		p.FetchFn = func(context.Context, school.Plan, source.Sink) error {
			time.Sleep(time.Minute)
			return nil
		}
		go r.run(t, 10*time.Minute)
		synctest.Wait()
		if n := len(p.seen()); n != 1 {
			t.Fatalf("%d reads before anybody woke the account, want 1", n)
		}
		go r.SyncNow(t.Context(), "a1") //nolint:errcheck // only there to be under way
		synctest.Wait()
		for range 5 {
			r.Wake("a1")
		}
		time.Sleep(5 * time.Minute)
		plans := p.seen()
		if len(plans) != 3 || len(plans[2].Parts) != len(parts()) {
			t.Errorf("%d reads, the last of %v; want one more after the one under way, of everything", len(plans), plans[len(plans)-1].Parts)
		}
		r.Wake("nobody")
		time.Sleep(6 * time.Minute)
	})
}

// Whoever asks gets a whole read that began for that, or for somebody else who
// asked or signed in: never the result of one that reads only what is due, or
// nothing.
func TestSyncNowIsAWholeRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		begin func(context.Context, *rig) // lets a job begin
		reads int                         // with that one
	}{
		"while what is due is read": {func(_ context.Context, r *rig) {
			r.store.change("a1", func(a *school.Account) { a.NextDue = time.Now() })
		}, 2},
		"while that fails": {func(_ context.Context, r *rig) {
			r.store.change("a1", func(a *school.Account) { a.NextDue = time.Now() })
			r.platform.FetchFn = func(ctx context.Context, plan school.Plan, sink source.Sink) error {
				sleep(ctx, time.Minute)
				if len(plan.Parts) < len(parts()) {
					return source.ErrUnavailable
				}
				return r.platform.read(ctx, plan, sink)
			}
		}, 2},
		"during a ping": {func(_ context.Context, r *rig) {
			r.store.change("a1", func(a *school.Account) { a.NextDue = time.Now().Add(6 * time.Hour) })
			r.platform.PingFn = func(context.Context) error {
				time.Sleep(time.Minute)
				return nil
			}
		}, 1},
		"after a login": {func(_ context.Context, r *rig) { r.Wake("a1") }, 1},
		"while somebody did": {func(ctx context.Context, r *rig) {
			go r.SyncNow(ctx) //nolint:errcheck // only there to be under way
		}, 1},
		"while somebody gives up": {func(ctx context.Context, r *rig) {
			ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
			go func() {
				defer cancel()
				_, _ = r.SyncNow(ctx)
			}()
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &platform{}
				r := newRig(t, "2000-01-10 08:00", p)
				r.start(t, r.idleAfter(time.Minute))
				r.sync(t)
				time.Sleep(28 * time.Minute) // some parts are due again
				p.FetchFn = func(ctx context.Context, plan school.Plan, sink source.Sink) error {
					if sleep(ctx, time.Minute); ctx.Err() != nil {
						return ctx.Err()
					}
					return p.read(ctx, plan, sink)
				}
				r.store.change("a1", func(a *school.Account) { a.NextDue = time.Now().Add(6 * time.Hour) })
				r.begin(t, tc.begin)
				first := len(p.seen())
				var all sync.WaitGroup
				for range 3 {
					all.Go(func() {
						if rep, err := r.SyncNow(t.Context()); err != nil || !rep.OK() || len(rep.Results[0].Changes) != 2 {
							t.Errorf("SyncNow = %+v, %v; want all children", rep, err)
						}
					})
				}
				all.Wait()
				plans := p.seen()
				if n := len(plans) - 1; n != tc.reads || len(plans[n].Parts) != len(parts()) || tc.reads == 2 && first != 2 {
					t.Errorf("%d reads, the last of %v; want %d, the last of everything", n, plans[len(plans)-1].Parts, tc.reads)
				}
			})
		})
	}
}

// sleep is time.Sleep, until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// begin runs the syncer until the test ends and waits until the job that f
// lets begin is under way.
func (r *rig) begin(t *testing.T, f func(context.Context, *rig)) {
	t.Helper()
	f(t.Context(), r)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	synctest.Wait()
	if !r.Running("a1") {
		t.Fatal("no job is under way")
	}
}

// What was read before a restart is not read again because of it.
func TestRestartCostsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		r.run(t, time.Minute)
		now := time.Now()
		for _, k := range []school.Kind{school.KindEvents, school.KindMeals, school.KindNews, school.KindNotices} {
			r.store.readings = append(r.store.readings, school.Reading{Child: 1, Kind: k, LastSuccess: now})
		}
		for range 5 {
			r.start(t)
			r.run(t, time.Minute)
		}
		if n := len(r.platform.seen()); n != 1 {
			t.Errorf("%d reads, want that restarts make none", n)
		}
		r.start(t)
		r.run(t, 30*time.Minute)
		plans := r.platform.seen()
		if last := plans[len(plans)-1]; len(plans) != 2 || last.Wants(school.PartMenu) || last.Wants(school.PartCalendar) || !last.Wants(school.PartNews) {
			t.Errorf("%d reads, the last of %v; want 2, the last of news and notices", len(plans), last.Parts)
		}
	})
}

// On the nights of the clock changes nothing is read twice or not at all.
func TestClockChanges(t *testing.T) {
	t.Parallel()
	for _, night := range []string{"2000-03-25 20:00", "2000-10-28 20:00"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, night, &platform{})
			r.run(t, 24*time.Hour)
			plans := r.platform.seen()
			for i, p := range plans {
				if h := p.Now.Hour(); h >= 23 || h < 5 {
					t.Errorf("%s: read at %s", night, p.Now)
				}
				if i > 0 && p.Now.Sub(plans[i-1].Now) < 100*time.Minute && p.Now.Hour() < 20 {
					t.Errorf("%s: read at %s and %s", night, plans[i-1].Now, p.Now)
				}
			}
			if len(plans) < 8 {
				t.Errorf("%s: %d reads in a day", night, len(plans))
			}
		})
	}
}

func TestSyncNowStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{FetchFn: func(ctx context.Context, _ school.Plan, _ source.Sink) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		rep, err := r.SyncNow(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || rep.OK() {
			t.Errorf("SyncNow = %v, %v; want that it was stopped", rep, err)
		}
	})
}

func TestAccountThatCannotBeMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{}, func(c *syncer.Config) {
			c.Sources = func(context.Context, school.AccountID) (source.Source, error) {
				return nil, errors.New("stub: unknown platform")
			}
			c.DaysBack, c.DaysAhead = 1, 1
		})
		if res := r.sync(t); res.Problem != school.ProblemInternal {
			t.Errorf("Problem = %q, want internal", res.Problem)
		}
		r.store.change("a1", func(a *school.Account) { a.State = school.SignedOut })
		if res := r.sync(t); res.Problem != school.ProblemInternal {
			t.Errorf("Problem = %q, want internal", res.Problem)
		}
	})
}
