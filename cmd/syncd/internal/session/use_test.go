package session_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/session"
	"syncd/source"
	"syncd/source/school"
)

func TestNewNeedsItsConfig(t *testing.T) {
	t.Parallel()
	if _, err := session.New(session.Config{}); err == nil {
		t.Error("New without a store = nil error")
	}
}

func active() *store {
	s := newStore(school.Active)
	s.state = []byte("old")
	s.owner = "hash of anna"
	return s
}

func TestUseStoresBeforePutReturns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), &platform{})
		err := r.Use(t.Context(), id, func(s *source.Session) error {
			if string(s.State()) != "old" {
				t.Errorf("State = %q, want the stored one", s.State())
			}
			if err := s.Put(t.Context(), []byte("rotated")); err != nil {
				return err
			}
			if _, _, got := r.store.get(); got != "rotated" {
				t.Errorf("stored = %q when Put returned", got)
			}
			return nil
		})
		if err != nil {
			t.Errorf("Use = %v", err)
		}
		r.wantState(t, school.Active, school.ProblemNone, "rotated")
	})
}

func TestPutThatFailsKeepsTheOldState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), &platform{})
		full := errors.New("disk full")
		r.store.PutFn = func([]byte) error { return full }
		err := r.Use(t.Context(), id, func(s *source.Session) error {
			err := s.Put(t.Context(), []byte("rotated"))
			if string(s.State()) != "old" {
				t.Errorf("State = %q after a failed Put", s.State())
			}
			return err
		})
		if !errors.Is(err, full) {
			t.Errorf("Use = %v, want the store's error", err)
		}
		r.wantState(t, school.Active, school.ProblemNone, "old")
	})
}

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), &platform{})
		var inside, most, calls atomic.Int32
		for range 5 {
			go func() {
				err := r.Use(t.Context(), id, func(*source.Session) error {
					most.Store(max(most.Load(), inside.Add(1)))
					calls.Add(1)
					time.Sleep(time.Second)
					inside.Add(-1)
					return nil
				})
				if err != nil {
					t.Errorf("Use = %v", err)
				}
			}()
		}
		time.Sleep(10 * time.Second)
		if most.Load() != 1 || calls.Load() != 5 {
			t.Errorf("%d calls, %d at once; want 5, 1", calls.Load(), most.Load())
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if err := r.Use(t.Context(), id, func(*source.Session) error { time.Sleep(time.Hour); return nil }); err != nil {
				t.Errorf("Use = %v", err)
			}
		}()
		synctest.Wait()
		time.AfterFunc(time.Second, cancel)
		if err := r.Use(ctx, id, func(*source.Session) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("Use while another one goes on = %v, want that it can be cancelled", err)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	expired := fmt.Errorf("p: list: %w", source.ErrSessionExpired)
	for name, tc := range map[string]struct {
		refresh  func(context.Context, *source.Session) error
		results  []error // of f, call by call
		want     error
		state    school.SessionState
		problem  school.Problem
		sess     string
		renewals int
	}{
		"helps": {
			refresh: func(ctx context.Context, s *source.Session) error { return s.Put(ctx, []byte("new")) },
			results: []error{expired, nil}, state: school.Active, sess: "new", renewals: 1,
		},
		"does not help": {
			refresh: func(ctx context.Context, s *source.Session) error { return s.Put(ctx, []byte("new")) },
			results: []error{expired, expired}, want: source.ErrSessionExpired, state: school.Expired, problem: school.ProblemSignIn, renewals: 1,
		},
		"needs a person": {
			results: []error{expired}, want: source.ErrSessionExpired, state: school.Expired, problem: school.ProblemSignIn, renewals: 1,
		},
		"platform is down": {
			refresh: func(context.Context, *source.Session) error { return source.ErrUnavailable },
			results: []error{expired}, want: source.ErrUnavailable, state: school.Active, sess: "old", renewals: 1,
		},
		"not asked for": {
			results: []error{source.ErrUnavailable}, want: source.ErrUnavailable, state: school.Active, sess: "old",
		},
		"in the middle of other trouble": {
			results: []error{errors.Join(source.ErrNotUnderstood, expired)}, want: source.ErrSessionExpired, state: school.Expired, problem: school.ProblemSignIn, renewals: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, active(), &platform{RefreshFn: tc.refresh})
				calls := 0
				err := r.Use(t.Context(), id, func(*source.Session) error {
					calls++
					return tc.results[calls-1]
				})
				if !errors.Is(err, tc.want) || tc.want == nil && err != nil {
					t.Errorf("Use = %v, want %v", err, tc.want)
				}
				if source.ProblemOf(err) == school.ProblemSignIn && tc.problem == school.ProblemNone {
					t.Errorf("Use = %v, which asks for a person", err)
				}
				if _, _, _, n := r.platform.counts(); calls != len(tc.results) || n != tc.renewals {
					t.Errorf("%d calls, %d renewals; want %d, %d", calls, n, len(tc.results), tc.renewals)
				}
				r.wantState(t, tc.state, tc.problem, tc.sess)
			})
		})
	}
}

func TestExpiryIsRecordedThoughWeAreStopping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), &platform{})
		ctx, cancel := context.WithCancel(t.Context())
		err := r.Use(ctx, id, func(*source.Session) error {
			cancel()
			return source.ErrSessionExpired
		})
		if !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Use = %v", err)
		}
		r.wantState(t, school.Expired, school.ProblemSignIn, "")
	})
}

func TestNobodySignedIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, st := range []school.SessionState{school.SignedOut, school.Expired} {
			r := start(t, newStore(st), &platform{})
			err := r.Use(t.Context(), id, func(*source.Session) error {
				t.Error("f was called without a session")
				return nil
			})
			if begun, _, _, renewed := r.platform.counts(); !errors.Is(err, source.ErrSessionExpired) || begun+renewed != 0 {
				t.Errorf("Use = %v with %d logins and %d renewals, want ErrSessionExpired and none", err, begun, renewed)
			}
			r.wantState(t, st, school.ProblemNone, "")
			r.stop()
		}
	})
}

func TestPlatformWithoutLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(school.SignedOut)
		k, err := session.New(session.Config{
			Store: s, Now: time.Now, OwnerHash: func(school.Ref) string { return "" }, Log: start(t, newStore(school.SignedOut), &platform{}).logger(),
			Sources: func(context.Context, school.AccountID) (source.Source, error) { return plain{}, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		called := false
		if err := k.Use(t.Context(), id, func(s *source.Session) error {
			called = s.State() == nil
			return nil
		}); err != nil || !called {
			t.Errorf("Use = %v, called with no session: %t", err, called)
		}
		if st, _, _ := s.get(); st != school.Active {
			t.Errorf("state = %s, want active", st)
		}
	})
}

func TestOwner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := active()
		s.owner = ""
		r := start(t, s, &platform{})
		use := func(owner school.Ref) error {
			return r.Use(t.Context(), id, func(*source.Session) error {
				return r.CheckOwner(t.Context(), id, school.Roster{Owner: owner})
			})
		}
		if err := use("anna"); err != nil {
			t.Fatalf("first to sign in: %v", err)
		}
		if err := use("anna"); err != nil {
			t.Errorf("the same person: %v", err)
		}
		if err := use(""); !errors.Is(err, source.ErrNotUnderstood) {
			t.Errorf("nobody: %v, want ErrNotUnderstood", err)
		}
		r.wantState(t, school.Active, school.ProblemNone, "old")
		if err := use("bo"); !errors.Is(err, source.ErrWrongPerson) || source.ProblemOf(err) != school.ProblemWrongPerson {
			t.Errorf("another person: %v, want ErrWrongPerson", err)
		}
		r.wantState(t, school.SignedOut, school.ProblemWrongPerson, "")
		if r.store.owner != "hash of anna" {
			t.Errorf("owner = %q, want the first", r.store.owner)
		}
		if strings.Contains(r.log.String(), "anna") || strings.Contains(r.log.String(), "bo\n") {
			t.Errorf("log shows a person: %s", r.log)
		}
	})
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), &platform{})
		err := r.Use(t.Context(), id, func(s *source.Session) error {
			if err := r.SignOut(t.Context(), id); err != nil {
				t.Errorf("SignOut = %v", err)
			}
			return s.Put(t.Context(), []byte("too late"))
		})
		if !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Use across a sign-out = %v, want ErrSessionExpired", err)
		}
		r.wantState(t, school.SignedOut, school.ProblemNone, "")
	})
}

func TestHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), &platform{})
		done := make(chan error)
		if err := r.Hold(t.Context(), id, func(a school.Account) error {
			go func() { done <- r.SignOut(t.Context(), id) }()
			for range 1000 {
				runtime.Gosched()
			}
			if st, _, _ := r.store.get(); a.State != school.Active || st != school.Active {
				t.Errorf("state = %s, then %s; want active throughout", a.State, st)
			}
			return nil
		}); err != nil {
			t.Errorf("Hold = %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("SignOut = %v", err)
		}
		if err := r.Hold(t.Context(), "a2", func(school.Account) error { return nil }); err == nil {
			t.Error("Hold of an account that is not there = nil error")
		}
		r.wantState(t, school.SignedOut, school.ProblemNone, "")
	})
}

// A program that stopped in the middle of a login finds its way.
func TestRestart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state   school.SessionState
		sess    string
		owner   string
		want    school.SessionState
		problem school.Problem
	}{
		"session lives":   {school.SigningIn, "old", "x", school.Active, school.ProblemNone},
		"session is gone": {school.SigningIn, "", "x", school.Expired, school.ProblemSignIn},
		"never signed in": {school.SigningIn, "", "", school.SignedOut, school.ProblemNone},
		"expired":         {school.Expired, "", "x", school.Expired, school.ProblemNone},
		"signed out":      {school.SignedOut, "", "x", school.SignedOut, school.ProblemNone},
		"active":          {school.Active, "old", "x", school.Active, school.ProblemNone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStore(tc.state)
				s.owner = tc.owner
				if tc.sess != "" {
					s.state = []byte(tc.sess)
				}
				r := start(t, s, &platform{})
				r.wantState(t, tc.want, tc.problem, tc.sess)
				if begun, _, _, _ := r.platform.counts(); begun != 0 {
					t.Errorf("%d logins began by themselves", begun)
				}
			})
		})
	}
}

// What was deleted while a session is used is not remembered again by that use.
func TestMemoryOfWhatWasDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), signsIn())
		for _, known := range []string{"", "children"} {
			if err := r.Use(t.Context(), id, func(s *source.Session) error {
				if known != "" {
					if err := s.Remember(t.Context(), []byte(known)); err != nil {
						return err
					}
				}
				r.store.remove()
				return s.Remember(t.Context(), []byte("children again"))
			}); err != nil {
				t.Errorf("Use = %v", err)
			}
			if got, _ := r.store.Memory(t.Context(), id); len(got) > 0 {
				t.Errorf("%q is remembered after the deletion", got)
			}
		}
		if err := r.Use(t.Context(), id, func(s *source.Session) error { return s.Remember(t.Context(), []byte("others")) }); err != nil {
			t.Errorf("Use = %v", err)
		}
		if got, _ := r.store.Memory(t.Context(), id); string(got) != "others" {
			t.Errorf("%q is remembered by the next use", got)
		}
	})
}

// What a source remembers outlives the session: a new login and a program that
// starts anew find it. A sign-out forgets it, and who holds on to a session
// that was replaced cannot change it.
func TestMemoryOutlivesTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), signsIn())
		use := func(want, next string) error {
			t.Helper()
			return r.Use(t.Context(), id, func(s *source.Session) error {
				if got := string(s.Memory()); got != want {
					t.Errorf("Memory = %q, want %q", got, want)
				}
				if next == "" {
					return source.ErrSessionExpired
				}
				if err := s.Remember(t.Context(), []byte(next)); err != nil {
					return err
				}
				if got, _ := r.store.Memory(t.Context(), id); string(got) != next {
					t.Errorf("stored = %q when Remember returned", got)
				}
				return nil
			})
		}
		if err := use("", "marks"); err != nil {
			t.Errorf("Use = %v", err)
		}
		if err := use("marks", ""); !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Use = %v, want %v", err, source.ErrSessionExpired)
		}
		var old *source.Session
		for range 2 {
			r.login(t)
			if err := r.Use(t.Context(), id, func(s *source.Session) error {
				if got := string(s.Memory()); got != "marks" {
					t.Errorf("Memory after a login = %q, want %q", got, "marks")
				}
				if old == nil {
					old = s
				}
				return nil
			}); err != nil {
				t.Errorf("Use = %v", err)
			}
		}
		if err := old.Remember(t.Context(), []byte("late")); err == nil || string(old.Memory()) != "marks" {
			t.Errorf("Remember of a session that was replaced = %v", err)
		}
		if err := r.SignOut(t.Context(), id); err != nil {
			t.Errorf("SignOut = %v", err)
		}
		if got, _ := r.store.Memory(t.Context(), id); len(got) > 0 {
			t.Errorf("%q is remembered after the sign-out", got)
		}
	})
}
