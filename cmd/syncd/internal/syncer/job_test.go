package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/syncer"
	"syncd/source"
	"syncd/source/school"
)

func TestNewNeedsItsConfig(t *testing.T) {
	t.Parallel()
	if _, err := syncer.New(syncer.Config{}); err == nil {
		t.Error("New without a store = nil error")
	}
	if _, err := syncer.NewManners(syncer.MannersConfig{}); err == nil {
		t.Error("NewManners without a store = nil error")
	}
}

func TestJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		res := r.sync(t)
		if res.Problem != school.ProblemNone || res.Err != nil || len(res.Changes) != 2 || res.Requests != 11 {
			t.Errorf("Result = %+v, want two children by 11 requests", res)
		}
		plan := r.platform.seen()[0]
		today := school.NewDate(2000, 1, 10)
		if want := (school.Window{From: today.AddDays(-30), To: today.AddDays(401)}); plan.Window != want {
			t.Errorf("Window = %v, want %v", plan.Window, want)
		}
		if diff := cmp.Diff(parts(), plan.Parts); diff != "" {
			t.Errorf("parts of the first read (-want +got):\n%s", diff)
		}
		if len(r.store.applied) != 2 || r.store.applied[0].Child.School != "cleaned" || len(r.told) != 2 {
			t.Errorf("%d children stored, told of %d; want 2, normalised", len(r.store.applied), len(r.told))
		}
		o := r.store.outcomes[0]
		if o.State != school.Active || o.Problem != school.ProblemNone || o.Failures != 0 || o.Requests != 11 {
			t.Errorf("Outcome = %+v", o)
		}
		if d := o.NextDue.Sub(o.Finished); d != 25*time.Minute {
			t.Errorf("next due in %s, want 25 min", d)
		}
		if n := r.store.requests[today]; n != 11 {
			t.Errorf("%d requests stored, want 11", n)
		}
		if !strings.Contains(r.log.String(), "account=a1") || strings.Count(r.log.String(), "\n") != 1 || strings.Contains(r.log.String(), "Kanarie") {
			t.Errorf("log is not one line without names:\n%s", r.log)
		}
	})
}

// Each child is committed before the next one is read.
func TestChildrenAreCommittedAsTheyCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		r.platform.FetchFn = func(ctx context.Context, _ school.Plan, sink source.Sink) error {
			if err := sink.Roster(ctx, roster()); err != nil {
				return err
			}
			if err := sink.Snapshot(ctx, school.Snapshot{Child: roster().Children[0], Covered: []school.Coverage{{Part: school.PartNews}}}); err != nil {
				return err
			}
			if len(r.store.applied) != 1 || len(r.told) != 1 {
				t.Errorf("%d stored and %d told after the first child, want 1 and 1", len(r.store.applied), len(r.told))
			}
			return source.ErrSessionExpired
		}
		res := r.sync(t)
		if res.Problem != school.ProblemSignIn || len(res.Changes) != 1 {
			t.Errorf("Result = %+v, want one child and sign-in", res)
		}
		if a := r.store.account("a1"); a.State != school.Expired || a.Problem != school.ProblemSignIn {
			t.Errorf("account is %s with %q, want expired with sign-in", a.State, a.Problem)
		}
	})
}

// What the platform does, and what follows from it, when nothing was read.
func TestFaults(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	fifth := func(d time.Duration) time.Duration { return d + d/10 } // chance gives a half of a fifth
	for name, tc := range map[string]struct {
		err  error
		want school.Problem
		dues []time.Duration // after the first, second, ... failure in a row
	}{
		"unavailable":    {source.ErrUnavailable, school.ProblemUnavailable, []time.Duration{fifth(5 * time.Minute), fifth(15 * time.Minute), fifth(time.Hour), fifth(3 * time.Hour)}},
		"deadline":       {context.DeadlineExceeded, school.ProblemUnavailable, []time.Duration{fifth(5 * time.Minute)}},
		"rate":           {&source.RateLimitError{RetryAfter: 40 * time.Minute}, school.ProblemRate, []time.Duration{fifth(40 * time.Minute)}},
		"rate, unsaid":   {&source.RateLimitError{}, school.ProblemRate, []time.Duration{fifth(time.Hour), fifth(3 * time.Hour)}},
		"rate, for ever": {&source.RateLimitError{RetryAfter: 10 * 365 * day}, school.ProblemRate, []time.Duration{7*day + 21*time.Hour + 30*time.Minute}},
		"blocked":        {source.ErrBlocked, school.ProblemBlocked, []time.Duration{fifth(day)}},
		"refused":        {source.ErrRefused, school.ProblemRefused, []time.Duration{fifth(day)}},
		"not understood": {source.ErrNotUnderstood, school.ProblemNotUnderstood, []time.Duration{fifth(6 * time.Hour)}},
		"wrong child":    {source.ErrWrongChild, school.ProblemWrongChild, []time.Duration{fifth(15 * time.Minute), fifth(time.Hour)}},
		"internal":       {errors.New("stub"), school.ProblemInternal, []time.Duration{fifth(15 * time.Minute), fifth(time.Hour)}},
		"budget":         {source.ErrBudget, school.ProblemBudget, []time.Duration{21*time.Hour + 30*time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "2000-01-10 08:00", &platform{FetchFn: func(context.Context, school.Plan, source.Sink) error {
					return fmt.Errorf("p: list: %w", tc.err)
				}})
				for i, want := range tc.dues {
					began := time.Now()
					r.run(t, time.Second)
					a := r.store.account("a1")
					if a.Problem != tc.want || a.Failures != i+1 || a.State != school.Active {
						t.Errorf("failure %d: account is %s with %q, %d failures; want active with %q", i+1, a.State, a.Problem, a.Failures, tc.want)
					}
					if got := a.NextDue.Sub(began); got != want {
						t.Errorf("failure %d: due in %s, want %s", i+1, got, want)
					}
					time.Sleep(time.Until(a.NextDue))
				}
				if len(r.store.applied) != 0 {
					t.Error("something was stored")
				}
				// It recovers, and the problem is gone.
				r.platform.FetchFn = nil
				r.run(t, time.Minute)
				if a := r.store.account("a1"); a.Problem != school.ProblemNone || a.Failures != 0 {
					t.Errorf("after recovery: %q, %d failures", a.Problem, a.Failures)
				}
			})
		})
	}
}

func TestWrongPerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		r.sessions.OwnerFn = func(school.Roster) error { return source.ErrWrongPerson }
		if res := r.sync(t); res.Problem != school.ProblemWrongPerson {
			t.Errorf("Problem = %q", res.Problem)
		}
		if a := r.store.account("a1"); a.State != school.SignedOut || r.store.rosters != 0 || len(r.store.applied) != 0 {
			t.Errorf("account is %s, %d child lists and %d children stored; want signed out and nothing", a.State, r.store.rosters, len(r.store.applied))
		}
	})
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		r := newRig(t, "2000-01-10 08:00", &platform{})
		r.store.ApplyFn = func(s school.Snapshot) (school.Changes, error) {
			if s.Child.Ref == "c2" {
				return school.Changes{}, full
			}
			return school.Changes{Child: 1}, nil
		}
		res := r.sync(t)
		if res.Problem != school.ProblemNotSaved || !errors.Is(res.Err, full) || len(res.Changes) != 1 {
			t.Errorf("Result = %+v, want not-saved after one child", res)
		}
		r.store.RosterFn = func(school.Roster) error { return full }
		if res := r.sync(t); res.Problem != school.ProblemNotSaved {
			t.Errorf("Problem = %q, want not-saved", res.Problem)
		}
		if a := r.store.account("a1"); a.Failures != 2 {
			t.Errorf("%d failures, want 2", a.Failures)
		}
	})
}

// What was cleaned while the program stopped may lack the text of a file, so it
// is not stored.
func TestStoppedWhileCleaning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{FetchFn: func(ctx context.Context, _ school.Plan, sink source.Sink) error {
			if err := sink.Roster(ctx, roster()); err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return sink.Snapshot(ctx, school.Snapshot{Child: roster().Children[0]})
		}})
		if res := r.sync(t); len(r.store.applied) != 0 || !errors.Is(res.Err, context.Canceled) {
			t.Errorf("%d children stored, %v", len(r.store.applied), res.Err)
		}
	})
}

func TestUnknownChild(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{FetchFn: func(ctx context.Context, _ school.Plan, sink source.Sink) error {
			if err := sink.Roster(ctx, roster()); err != nil {
				return err
			}
			return sink.Snapshot(ctx, school.Snapshot{Child: school.Child{Ref: "c9"}})
		}})
		if res := r.sync(t); res.Problem != school.ProblemWrongChild || len(r.store.applied) != 0 {
			t.Errorf("Problem = %q with %d stored, want wrong-child and nothing", res.Problem, len(r.store.applied))
		}
	})
}

// One part fails; the others are stored and go on at their pace, the one that
// failed waits.
func TestPartialFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		r.platform.FetchFn = func(ctx context.Context, plan school.Plan, sink source.Sink) error {
			err := r.platform.read(ctx, plan, sink)
			if plan.Wants(school.PartNews) {
				err = errors.Join(err, fmt.Errorf("p: fetch: %w", errors.Join(
					&source.PartError{Child: "c1", Part: school.PartNews, Err: source.ErrNotUnderstood},
					&source.PartError{Child: "c2", Part: school.PartMenu, Err: source.ErrAbsent},
				)))
			}
			return err
		}
		began := time.Now()
		res := r.sync(t)
		if res.Problem != school.ProblemNotUnderstood || len(res.Changes) != 2 {
			t.Errorf("Result = %+v, want both children and a problem", res)
		}
		a := r.store.account("a1")
		if a.Failures != 0 || a.NextDue.Sub(began) != 25*time.Minute {
			t.Errorf("%d failures, due in %s; want none, the normal pace", a.Failures, a.NextDue.Sub(began))
		}
		r.run(t, 5*time.Hour)
		plans := r.platform.seen()
		for _, p := range plans[1:] {
			if p.Wants(school.PartNews) {
				t.Errorf("news was asked for again at %s, want that it waits for 6 h", p.Now.Format(time.TimeOnly))
			}
		}
		r.run(t, 3*time.Hour)
		if !slices.ContainsFunc(r.platform.seen()[1:], func(p school.Plan) bool { return p.Wants(school.PartNews) }) {
			t.Error("news was never asked for again")
		}
	})
}

func TestAbsentPartIsNoProblem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		r.platform.FetchFn = func(ctx context.Context, plan school.Plan, sink source.Sink) error {
			return errors.Join(r.platform.read(ctx, plan, sink), &source.PartError{Part: school.PartMenu, Err: source.ErrAbsent})
		}
		if res := r.sync(t); res.Problem != school.ProblemNone {
			t.Errorf("Problem = %q, want none", res.Problem)
		}
		time.Sleep(30 * time.Minute)
		r.run(t, time.Minute)
		if plans := r.platform.seen(); len(plans) != 2 || plans[1].Wants(school.PartMenu) {
			t.Errorf("%d reads, the last with the absent part; want 2, without", len(plans))
		}
	})
}

func TestHeldAndSkipped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		r.store.ApplyFn = func(school.Snapshot) (school.Changes, error) {
			return school.Changes{Held: []school.Kind{school.KindEvents}}, nil
		}
		if res := r.sync(t); res.Problem != school.ProblemHeld {
			t.Errorf("Problem = %q, want held", res.Problem)
		}
		r.store.ApplyFn = nil
		time.Sleep(26 * time.Minute)
		r.run(t, time.Minute)
		plans := r.platform.seen()
		last := plans[len(plans)-1]
		if !last.Wants(school.PartCalendar) || !last.Wants(school.PartSchedule) || last.Wants(school.PartMenu) {
			t.Errorf("second look asks for %v, want the held parts again and not the menu", last.Parts)
		}
		if a := r.store.account("a1"); a.Problem != school.ProblemNone {
			t.Errorf("Problem = %q after the second look, want none", a.Problem)
		}
		r.platform.FetchFn = func(ctx context.Context, _ school.Plan, sink source.Sink) error {
			if err := sink.Roster(ctx, roster()); err != nil {
				return err
			}
			return sink.Snapshot(ctx, school.Snapshot{Child: roster().Children[0], Skipped: map[school.Part]int{school.PartMenu: 1}, Covered: []school.Coverage{{Part: school.PartNews}}})
		}
		if res := r.sync(t); res.Problem != school.ProblemNotUnderstood {
			t.Errorf("Problem = %q after a skipped entry, want not-understood", res.Problem)
		}
		if a := r.store.account("a1"); a.Failures != 0 {
			t.Errorf("%d failures, want none", a.Failures)
		}
	})
}

// A letter that one sibling has is not known for the other, though both get
// it; it must be read in full the next time.
func TestSiblingsLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		then := time.Now()
		r.store.known = map[school.Ref]map[school.Ref]time.Time{"c1": {"n1": then, "n2": then}}
		var known []map[school.Ref]time.Time
		r.platform.FetchFn = func(ctx context.Context, plan school.Plan, sink source.Sink) error {
			if len(plan.KnownNews) != 0 {
				t.Error("letters are known before the children are")
			}
			if err := sink.Roster(ctx, roster()); err != nil {
				return err
			}
			known = append(known, plan.KnownNews)
			for _, c := range roster().Children {
				snap := school.Snapshot{Child: c, Covered: []school.Coverage{{Part: school.PartNews}}}
				if _, ok := plan.KnownNews["n1"]; ok {
					snap.Unchanged = []school.Ref{"n1"}
				}
				if err := sink.Snapshot(ctx, snap); err != nil {
					return err
				}
			}
			return nil
		}
		r.sync(t)
		r.sync(t)
		if len(known[0]) != 2 || !known[0]["n1"].Equal(then) {
			t.Errorf("first read knows %d letters, want 2", len(known[0]))
		}
		if _, ok := known[1]["n1"]; ok || len(known[1]) != 1 {
			t.Errorf("second read still knows the letter that one child lacks")
		}
	})
}

func TestNewChildIsReadCompletely(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		r.sync(t)
		r.platform.FetchFn = func(ctx context.Context, _ school.Plan, sink source.Sink) error {
			more := roster()
			more.Children = append(more.Children, school.Child{Ref: "c3"})
			return sink.Roster(ctx, more)
		}
		time.Sleep(26 * time.Minute)
		r.run(t, time.Minute)
		r.platform.FetchFn = nil
		time.Sleep(26 * time.Minute)
		r.run(t, time.Minute)
		plans := r.platform.seen()
		if len(plans) != 3 || len(plans[1].Parts) == len(parts()) {
			t.Fatalf("%d reads, the second of %v", len(plans), plans[1].Parts)
		}
		if diff := cmp.Diff(parts(), plans[2].Parts); diff != "" {
			t.Errorf("read after a new child appeared (-want +got):\n%s", diff)
		}
	})
}

// A job that is stopped from outside leaves the account as due as it was.
func TestStoppedJobCostsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{FetchFn: func(ctx context.Context, _ school.Plan, _ source.Sink) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		due := r.store.account("a1").NextDue
		began := time.Now()
		r.run(t, 3*time.Second)
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("Run came back after %s, want at once", d)
		}
		a := r.store.account("a1")
		if len(r.store.outcomes) != 0 || !a.NextDue.Equal(due) || a.Problem != school.ProblemNone {
			t.Errorf("%d outcomes, problem %q; want no trace", len(r.store.outcomes), a.Problem)
		}
	})
}

func TestAccountRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		r.platform.FetchFn = func(ctx context.Context, plan school.Plan, sink source.Sink) error {
			r.store.mu.Lock()
			r.store.accounts = nil
			r.store.mu.Unlock()
			return r.platform.read(ctx, plan, sink)
		}
		if res := r.sync(t); res.Problem != school.ProblemNone || len(r.store.outcomes) != 0 {
			t.Errorf("Problem = %q with %d outcomes, want none and none", res.Problem, len(r.store.outcomes))
		}
		if _, err := r.SyncNow(t.Context(), "a1"); !errors.Is(err, syncer.ErrUnknownAccount) {
			t.Errorf("SyncNow = %v, want ErrUnknownAccount", err)
		}
		if rep, err := r.SyncNow(t.Context()); err != nil || !rep.OK() || len(rep.Results) != 0 {
			t.Errorf("SyncNow of nobody = %v, %v", rep, err)
		}
	})
}

func TestSyncNowRespectsRestAndSignIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-10 08:00", &platform{})
		for _, tc := range []struct {
			change func(*school.Account)
			want   school.Problem
		}{
			{func(a *school.Account) { a.State = school.Expired }, school.ProblemSignIn},
			{func(a *school.Account) { a.State = school.SigningIn }, school.ProblemSignIn},
			{func(a *school.Account) { a.State, a.Problem = school.SignedOut, school.ProblemWrongPerson }, school.ProblemWrongPerson},
			{func(a *school.Account) {
				a.State, a.Problem, a.NextDue = school.Active, school.ProblemBlocked, time.Now().Add(time.Hour)
			}, school.ProblemBlocked},
			{func(a *school.Account) { a.Problem = school.ProblemRate }, school.ProblemRate},
		} {
			r.store.change("a1", tc.change)
			if res := r.sync(t); res.Problem != tc.want || res.Err == nil {
				t.Errorf("Problem = %q, %v; want %q", res.Problem, res.Err, tc.want)
			}
			r.Wake("a1")
			r.run(t, time.Second)
		}
		if n := len(r.platform.seen()); n != 0 {
			t.Errorf("%d reads, want none", n)
		}
		// Trouble that is ours or passes by itself is no reason to wait.
		r.store.change("a1", func(a *school.Account) { a.Problem = school.ProblemUnavailable })
		if res := r.sync(t); res.Problem != school.ProblemNone {
			t.Errorf("Problem = %q, want none", res.Problem)
		}
	})
}
