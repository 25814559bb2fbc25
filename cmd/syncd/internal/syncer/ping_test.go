package syncer_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/syncer"
	"syncd/source"
	"syncd/source/school"
)

// idleAfter says that the account's session was last used when the platform
// was last asked, and may idle for d.
func (r *rig) idleAfter(d time.Duration) func(*syncer.Config) {
	return func(c *syncer.Config) {
		c.Idle = func(_ context.Context, by time.Time) ([]school.AccountID, error) {
			last := time.Time{}
			for _, p := range r.platform.seen() {
				last = p.Now
			}
			r.platform.mu.Lock()
			defer r.platform.mu.Unlock()
			if n := len(r.platform.pings); n > 0 && r.platform.pings[n-1].After(last) {
				last = r.platform.pings[n-1]
			}
			if by.Sub(last) < d {
				return nil, nil
			}
			return []school.AccountID{"a1"}, nil
		}
	}
}

// A night and a Sunday in which nothing is read: the session is never idle for
// longer than it may be, and no read that is due is made twice.
func TestPings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{}
		r := newRig(t, "2000-01-15 20:00", p)
		r.start(t, r.idleAfter(30*time.Minute))
		r.run(t, 26*time.Hour)
		var uses []time.Time
		plans := p.seen()
		for _, plan := range plans {
			uses = append(uses, plan.Now)
		}
		uses = append(uses, p.pings...)
		for _, u := range uses {
			next := u.Add(26 * time.Hour)
			for _, v := range uses {
				if v.After(u) && v.Before(next) {
					next = v
				}
			}
			if gap := next.Sub(u); gap > 35*time.Minute && gap < 26*time.Hour {
				t.Errorf("not used for %v from %v on", gap, u)
			}
		}
		if len(p.pings) < 30 || len(p.pings) > 55 || len(plans) > 14 {
			t.Errorf("%d pings and %d reads in 26 hours", len(p.pings), len(plans))
		}
		total := 0
		for _, n := range r.store.requests {
			total += n
		}
		if reads := len(plans); total < len(p.pings)+reads {
			t.Errorf("%d requests counted for %d pings and %d reads", total, len(p.pings), reads)
		}
		if n := len(r.store.outcomes); n != len(plans) {
			t.Errorf("%d outcomes of %d reads", n, len(plans))
		}
	})
}

// Trouble with a ping is trouble with the account: it is recorded, and the
// schedule of reads decides when to try again.
func TestPingThatFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want school.Problem
		most int // pings in a night
	}{
		"unavailable":   {source.ErrUnavailable, school.ProblemUnavailable, 1},
		"blocked":       {source.ErrBlocked, school.ProblemBlocked, 1},
		"asked to wait": {&source.RateLimitError{RetryAfter: time.Hour}, school.ProblemRate, 1},
		"over":          {source.ErrSessionExpired, school.ProblemSignIn, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &platform{PingFn: func(context.Context) error { return tc.err }}
				r := newRig(t, "2000-01-10 23:10", p)
				r.store.change("a1", func(a *school.Account) { a.NextDue = time.Now().Add(8 * time.Hour) })
				r.start(t, r.idleAfter(30*time.Minute))
				r.run(t, 5*time.Hour)
				a := r.store.account("a1")
				if len(p.pings) != tc.most || a.Problem != tc.want || a.Failures != 1 {
					t.Errorf("%d pings, then %q with %d failures", len(p.pings), a.Problem, a.Failures)
				}
				if n := len(p.seen()); n != 0 {
					t.Errorf("%d reads in the night", n)
				}
				if h := a.NextDue.In(school.Stockholm()).Hour(); h >= 23 || h < 5 {
					t.Errorf("next due at %v, in the night", a.NextDue)
				}
			})
		})
	}
}

// Nobody is pinged who is not signed in, has no budget left, cannot be pinged
// or did not want it; and "read now" during a ping is a read.
func TestPingsAreNotReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{}
		r := newRig(t, "2000-01-10 23:30", p)
		later := time.Now().Add(6 * time.Hour)
		r.store.change("a1", func(a *school.Account) { a.NextDue = later })
		r.run(t, 2*time.Hour) // nobody asked for it
		r.start(t, func(c *syncer.Config) {
			c.Idle = func(context.Context, time.Time) ([]school.AccountID, error) { return nil, errors.New("stub: no diary") }
		})
		r.run(t, time.Hour)
		r.start(t, r.idleAfter(30*time.Minute))
		r.store.change("a1", func(a *school.Account) { a.State = school.Expired })
		r.run(t, time.Hour)
		r.store.change("a1", func(a *school.Account) { a.State = school.Active })
		if len(p.pings) != 0 {
			t.Errorf("%d pings", len(p.pings))
		}
		begun, read := make(chan struct{}), make(chan syncer.Result, 1)
		p.PingFn = func(context.Context) error {
			close(begun)
			time.Sleep(time.Second)
			p.PingFn = nil
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- r.Run(ctx) }()
		<-begun
		go func() { read <- r.sync(t) }()
		if res := <-read; len(res.Changes) != 2 {
			t.Errorf("a read during a ping brought %d children", len(res.Changes))
		}
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
