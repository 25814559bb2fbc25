package syncer_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/syncer"
	"syncd/source"
	"syncd/source/school"
)

// sparer is a platform that can be read a little without a session.
type sparer struct {
	*platform

	spare []byte // what a session gives
	reads []string
	err   error

	SpareFn func() error
}

func (p *sparer) Spare(*source.Session) []byte { return p.spare }

func (p *sparer) FetchSpare(ctx context.Context, spare []byte, plan school.Plan, sink source.Sink) error {
	p.reads = append(p.reads, string(spare))
	if err := sink.Roster(ctx, roster()); err != nil {
		return err
	}
	if p.err != nil {
		return p.err
	}
	if p.SpareFn != nil {
		if err := p.SpareFn(); err != nil {
			return err
		}
	}
	for _, c := range roster().Children {
		if !plan.WantsOf(c.Ref, school.PartCalendar) {
			continue
		}
		if err := p.request(ctx); err != nil {
			return err
		}
		snap := school.Snapshot{Platform: "p", Child: c, Covered: []school.Coverage{{Part: school.PartCalendar, Window: plan.Window}}}
		if err := sink.Snapshot(ctx, snap); err != nil {
			return err
		}
	}
	return nil
}

// spares keeps what is kept.
type spares map[school.AccountID]string

func (s spares) Spare(_ context.Context, id school.AccountID) ([]byte, error) {
	return []byte(s[id]), nil
}

func (s spares) Deletions() int64 { return 0 }

func (s spares) PutSpare(_ context.Context, id school.AccountID, _ int64, data []byte) error {
	if delete(s, id); len(data) > 0 {
		s[id] = string(data)
	}
	return nil
}

func newSpareRig(t *testing.T, kept spares) (*rig, *sparer) {
	t.Helper()
	p := &sparer{platform: &platform{}, spare: []byte("address")}
	r := newRig(t, "2000-01-11 09:00", p.platform, func(c *syncer.Config) {
		c.Sources = func(context.Context, school.AccountID) (source.Source, error) { return p, nil }
		c.Spares = kept
		c.Unwanted = func(_ context.Context, _ school.PlatformID, child school.Ref) ([]school.Part, error) {
			if child == "c2" {
				return school.Parts(), nil
			}
			return nil, nil
		}
	})
	return r, p
}

// An account whose session is over is read by what was kept, four times a day
// and not in the night, without deleting anything and without anybody being
// told that all is well.
func TestReadWithoutASession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := spares{}
		r, p := newSpareRig(t, kept)
		r.run(t, time.Hour)
		if kept["a1"] != "address" || len(p.reads) > 0 || !r.Spared("a1").IsZero() {
			t.Fatalf("after a read with a session %q is kept, %d reads without one", kept["a1"], len(p.reads))
		}
		p.FetchFn = func(context.Context, school.Plan, source.Sink) error { return source.ErrSessionExpired }
		r.run(t, time.Hour)
		before, stored := r.store.account("a1"), len(r.store.applied)
		r.run(t, 48*time.Hour)
		if n := len(p.reads); n < 6 || n > 9 {
			t.Errorf("%d reads without a session in two days, want six to nine", n)
		}
		if after := r.store.account("a1"); after.State != school.Expired || after.Problem != before.Problem {
			t.Errorf("the account is %s with %q", after.State, after.Problem)
		}
		if r.Spared("a1").IsZero() || kept["a1"] != "address" {
			t.Error("nobody can see that it was read, or what was kept is gone")
		}
		for _, s := range r.store.applied[stored:] {
			if len(s.Covered) > 0 || s.Child.School != "cleaned" || s.Child.Ref != "c1" {
				t.Errorf("a snapshot covers %d parts, of child %q", len(s.Covered), s.Child.Ref)
			}
		}
		// Somebody signs in.
		p.FetchFn = nil
		r.store.change("a1", func(a *school.Account) { a.State = school.Active })
		n := len(p.reads)
		r.run(t, 24*time.Hour)
		if len(p.reads) != n || !r.Spared("a1").IsZero() {
			t.Error("it is read without a session though there is one")
		}
	})
}

// What was kept is forgotten when the guardian does not want it any more, or
// signs out; trouble is no reason to.
func TestSpareIsForgotten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*rig, *sparer)
		want   string
	}{
		"switched off":               {func(_ *rig, p *sparer) { p.spare = nil }, ""},
		"switched off, session over": {expired(source.ErrAbsent), ""},
		"signed out":                 {func(r *rig, _ *sparer) { r.store.change("a1", func(a *school.Account) { a.State = school.SignedOut }) }, ""},
		"trouble":                    {expired(source.ErrUnavailable), "address"},
		"trouble with a living session": {func(_ *rig, p *sparer) {
			p.spare = nil
			p.FetchFn = func(context.Context, school.Plan, source.Sink) error { return source.ErrUnavailable }
		}, "address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				kept := spares{}
				r, p := newSpareRig(t, kept)
				r.run(t, time.Hour)
				c.change(r, p)
				r.run(t, 3*time.Hour)
				if kept["a1"] != c.want {
					t.Errorf("%q is kept, want %q", kept["a1"], c.want)
				}
				if errors.Is(p.err, source.ErrUnavailable) && (!r.Spared("a1").IsZero() || len(p.reads) != 1) {
					t.Errorf("%d reads that failed, the last well at %s", len(p.reads), r.Spared("a1"))
				}
			})
		})
	}
}

func expired(err error) func(*rig, *sparer) {
	return func(r *rig, p *sparer) {
		p.err = err
		r.store.change("a1", func(a *school.Account) { a.State = school.Expired })
	}
}

// Somebody who asks is read at once, but not over and over.
func TestSpareWhenAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, p := newSpareRig(t, spares{"a1": "address"})
		r.store.change("a1", func(a *school.Account) { a.State = school.Expired })
		for range 3 {
			rep, err := r.SyncNow(t.Context())
			if err != nil || rep.OK() || rep.Results[0].Problem != school.ProblemSignIn {
				t.Errorf("SyncNow = %+v, %v", rep, err)
			}
		}
		time.Sleep(20 * time.Minute)
		if _, err := r.SyncNow(t.Context()); err != nil {
			t.Error(err)
		}
		if !slices.Equal(p.reads, []string{"address", "address"}) {
			t.Errorf("%d reads, want two", len(p.reads))
		}
	})
}
