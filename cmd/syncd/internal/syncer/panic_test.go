package syncer_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/syncer"
	"syncd/source"
	"syncd/source/school"
)

// A job that panics, whatever it was for, is recorded as a fault of our own and
// tried again later; cron and the account go on, and nothing of what the panic
// carried is told.
func TestAfterAPanic(t *testing.T) {
	t.Parallel()
	const secret = "Kanariefågel"
	for name, c := range map[string]struct {
		from  string
		begin func(*rig, *sparer) // lets a kind of job panic
		mend  func(*rig, *sparer)
		made  func(*sparer) int // how often it came so far
		after school.Problem    // when it works again
	}{
		"read": {
			"2000-01-10 08:00",
			func(_ *rig, p *sparer) {
				p.FetchFn = func(context.Context, school.Plan, source.Sink) error { panic(secret) }
			},
			func(_ *rig, p *sparer) { p.FetchFn = nil },
			func(p *sparer) int { return len(p.seen()) },
			school.ProblemNone,
		},
		"ping": {
			"2000-01-10 23:10",
			func(r *rig, p *sparer) {
				r.store.change("a1", func(a *school.Account) { a.NextDue = time.Now().Add(8 * time.Hour) })
				p.PingFn = func(context.Context) error { panic(secret) }
			},
			func(_ *rig, p *sparer) { p.PingFn = nil },
			func(p *sparer) int { return len(p.pings) },
			school.ProblemNone,
		},
		"read without a session": {
			"2000-01-11 09:00",
			func(r *rig, p *sparer) {
				r.store.change("a1", func(a *school.Account) { a.State, a.Problem = school.Expired, school.ProblemSignIn })
				p.SpareFn = func() error { panic(secret) }
			},
			func(_ *rig, p *sparer) { p.SpareFn = nil },
			func(p *sparer) int { return len(p.reads) },
			school.ProblemSignIn,
		},
		"lending the session": {
			"2000-01-10 08:00",
			func(r *rig, _ *sparer) { r.sessions.UseFn = func() { panic(secret) } },
			func(r *rig, _ *sparer) { r.sessions.UseFn = nil },
			func(*sparer) int { return 1 },
			school.ProblemNone,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &sparer{platform: &platform{}}
				r := newRig(t, c.from, p.platform)
				r.start(t, r.idleAfter(30*time.Minute), func(cfg *syncer.Config) {
					cfg.Sources = func(context.Context, school.AccountID) (source.Source, error) { return p, nil }
					cfg.Spares = spares{"a1": "address"}
				})
				c.begin(r, p)
				state := r.store.account("a1").State
				r.run(t, 10*time.Minute)
				a := r.store.account("a1")
				if a.Problem != school.ProblemInternal || a.Failures != 1 || a.State != state || c.made(p) != 1 {
					t.Errorf("account is %s with %q and %d failures after %d tries, want %s with internal and 1", a.State, a.Problem, a.Failures, c.made(p), state)
				}
				if wait := time.Until(a.NextDue); wait < 5*time.Minute {
					t.Errorf("tried again in %s", wait)
				}
				if log := r.log.String(); strings.Contains(log, secret) || strings.Count(log, `msg="job panicked"`) != 1 || !strings.Contains(log, "panic_test.go:") {
					t.Errorf("log does not say where, and where only, it panicked:\n%s", log)
				}
				c.mend(r, p)
				r.run(t, 24*time.Hour)
				if a := r.store.account("a1"); a.Problem != c.after || a.State != state {
					t.Errorf("account is %s with %q a day later, want %q", a.State, a.Problem, c.after)
				}
			})
		})
	}
}

// Whoever asked is told that it went wrong, and not by what the panic carried;
// also where not even that can be recorded.
func TestPanicWhenAsked(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*rig){
		"read": func(r *rig) {
			r.platform.FetchFn = func(context.Context, school.Plan, source.Sink) error { panic("Kanariefågel") }
		},
		"store": func(r *rig) { r.sessions.HoldFn = func() { panic("Kanariefågel") } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "2000-01-10 08:00", &platform{})
				begin(r)
				for range 2 {
					rep, err := r.SyncNow(t.Context())
					if err != nil || rep.OK() || rep.Results[0].Problem != school.ProblemInternal || rep.Results[0].Platform != "p" {
						t.Errorf("SyncNow = %+v, %v; want a fault of our own", rep, err)
					}
					if err := rep.Results[0].Err; err == nil || strings.Contains(err.Error(), "Kanarie") {
						t.Errorf("Err = %v", err)
					}
				}
				if r.Running("a1") || strings.Contains(r.log.String(), "Kanarie") {
					t.Errorf("the job goes on, or the log shows what it carried:\n%s", r.log)
				}
			})
		})
	}
}

// The tick itself may panic (a store that does), and the next one comes.
func TestTickThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		var calls atomic.Int32
		r.store.DueFn = func() error {
			if calls.Add(1) <= 2 {
				panic("Kanariefågel")
			}
			return errors.New("stub: locked")
		}
		hours := 0
		r.start(t, func(c *syncer.Config) {
			c.Hourly = func(context.Context) {
				hours++
				panic("Kanariefågel")
			}
		})
		r.run(t, 91*time.Minute)
		if calls.Load() < 18 || hours != 2 {
			t.Errorf("%d ticks and %d hours in one and a half, want that they go on after a panic", calls.Load(), hours)
		}
		if log := r.log.String(); strings.Contains(log, "Kanarie") || strings.Count(log, "panic_test.go:") != 4 {
			t.Errorf("log does not say where, and where only, it panicked:\n%s", log)
		}
	})
}
