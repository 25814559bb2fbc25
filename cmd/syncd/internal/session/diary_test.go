package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/session"
	"syncd/source"
	"syncd/source/school"
)

func TestLadder(t *testing.T) {
	t.Parallel()
	want := []string{
		"live works done", "live over renew", "live trouble done", "live replaced live",
		"renew works renewed", "renew over person", "renew trouble done", "renew replaced live",
		"renewed works done", "renewed over person", "renewed trouble done", "renewed replaced live",
		"person works done", "person over done", "person trouble done", "person replaced done",
		"done works done", "done over done", "done trouble done", "done replaced done",
	}
	if diff := cmp.Diff(want, session.Ladder()); diff != "" {
		t.Errorf("ladder (-want +got):\n%s", diff)
	}
}

func TestCause(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	// in is a session that began and was used so long ago.
	in := func(began, used time.Duration) school.Stay {
		return school.Stay{Began: ago(began), Used: ago(used)}
	}
	// died is one that ended so long ago at an age.
	died := func(why school.EndCause, ended, age time.Duration) school.Stay {
		return school.Stay{Began: ago(ended + age), Used: ago(ended), Ended: ago(ended), Cause: why}
	}
	const day = 24 * time.Hour
	for name, tc := range map[string]struct {
		stay            school.Stay
		earlier, others []school.Stay
		want            school.EndCause
	}{
		"unused for half an hour": {in(3*time.Hour, 30*time.Minute), nil, nil, school.EndIdle},
		"unused for a night":      {in(20*time.Hour, 8*time.Hour), []school.Stay{died(school.EndAbsolute, day, 20*time.Hour)}, nil, school.EndIdle},
		"in use, first time":      {in(3*time.Hour, 25*time.Minute), nil, nil, school.EndUnknown},
		"at the same age again":   {in(3*time.Hour, 25*time.Minute), []school.Stay{died(school.EndUnknown, 2*day+5*time.Hour, 3*time.Hour+9*time.Minute)}, nil, school.EndAbsolute},
		"at another age":          {in(3*time.Hour, 25*time.Minute), []school.Stay{died(school.EndUnknown, 2*day+5*time.Hour, 4*time.Hour)}, nil, school.EndUnknown},
		"at an age of an idle one": {
			in(3*time.Hour, 25*time.Minute), []school.Stay{died(school.EndIdle, 2*day+5*time.Hour, 3*time.Hour)}, nil, school.EndUnknown,
		},
		"at the same time of day": {in(time.Hour, 10*time.Minute), []school.Stay{died(school.EndUnknown, 3*day+10*time.Minute, 5*time.Hour)}, nil, school.EndRestart},
		"across midnight":         {in(time.Hour, 10*time.Minute), []school.Stay{died(school.EndUnknown, 3*day-10*time.Minute, 5*time.Hour)}, nil, school.EndRestart},
		"with another account's":  {in(time.Hour, 10*time.Minute), nil, []school.Stay{died(school.EndUnknown, 20*time.Minute, 5*time.Hour)}, school.EndRestart},
		"after another that was idle": {
			in(time.Hour, 10*time.Minute), nil, []school.Stay{died(school.EndIdle, 20*time.Minute, 5*time.Hour)}, school.EndUnknown,
		},
		"long after another": {in(time.Hour, 10*time.Minute), nil, []school.Stay{died(school.EndUnknown, 2*time.Hour, 5*time.Hour)}, school.EndUnknown},
		"another one lives":  {in(time.Hour, 10*time.Minute), nil, []school.Stay{in(time.Hour, 10*time.Minute)}, school.EndUnknown},
		"clock was put back": {in(-5*time.Minute, -5*time.Minute), nil, nil, school.EndUnknown},
	} {
		if got := session.Cause(now, tc.stay, tc.earlier, tc.others); got != tc.want {
			t.Errorf("%s: cause = %q, want %q", name, got, tc.want)
		}
	}
}

// line is what a test wants to know of a stay.
type line struct {
	rung     school.Rung
	cause    school.EndCause
	lasted   time.Duration
	requests int
}

func (r *rig) lines() []line {
	var out []line
	for _, s := range r.store.diary() {
		out = append(out, line{s.Rung, s.Cause, s.Lasted(), s.Requests})
	}
	return out
}

func wantLines(t *testing.T, r *rig, want ...line) {
	t.Helper()
	if diff := cmp.Diff(want, r.lines(), cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("diary, the newest first (-want +got):\n%s", diff)
	}
}

func (r *rig) login(t *testing.T) {
	t.Helper()
	if err := r.Begin(t.Context(), id, source.BankIDQR, nil); err != nil {
		t.Fatalf("Begin: %v", err)
	}
	if p := r.look(5 * time.Second); p.State != source.LoginDone {
		t.Fatalf("login ended as %s", p.State)
	}
}

func signsIn() *platform {
	return &platform{PollFn: func(context.Context, int) (source.Progress, error) {
		return source.Progress{State: source.LoginDone, Session: []byte("new")}, nil
	}}
}

// A day of a family: signed in, read, renewed on two rungs, signed in anew,
// signed out.
func TestDiaryOfADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := signsIn()
		r := start(t, newStore(school.SignedOut), p)
		r.login(t)
		made := 0
		r.requests = func() int { return made }
		use := func(results ...error) {
			t.Helper()
			calls := 0
			_ = r.Use(t.Context(), id, func(*source.Session) error {
				made += 4
				calls++
				return results[calls-1]
			})
			if calls != len(results) {
				t.Fatalf("%d calls, want %d", calls, len(results))
			}
		}
		time.Sleep(20*time.Minute - 5*time.Second)
		use(nil)
		time.Sleep(20 * time.Minute)
		use(errors.Join(source.ErrNotUnderstood)) // an answer, though a strange one
		time.Sleep(10 * time.Minute)
		use(source.ErrUnavailable) // no answer
		wantLines(t, r, line{school.RungPerson, school.EndNone, 40 * time.Minute, 12})

		time.Sleep(6 * time.Hour)
		p.RefreshFn = func(ctx context.Context, s *source.Session) error { return s.Put(ctx, []byte("again")) }
		use(source.ErrSessionExpired, nil)
		time.Sleep(10 * time.Minute)
		p.RefreshFn = func(ctx context.Context, s *source.Session) error {
			s.Renewed(source.RungPairing)
			return s.Put(ctx, []byte("paired"))
		}
		use(source.ErrSessionExpired, nil)
		time.Sleep(10 * time.Minute)
		r.login(t)
		time.Sleep(10 * time.Minute)
		if err := r.SignOut(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r.login(t)
		p.RefreshFn = nil
		use(source.ErrSessionExpired)
		wantLines(t, r,
			line{school.RungPerson, school.EndUnknown, 0, 4},
			line{school.RungPerson, school.EndSignedOut, 0, 0},
			line{school.RungPairing, school.EndReplaced, 0, 4},
			line{school.RungReentry, school.EndUnknown, 0, 8},
			line{school.RungPerson, school.EndIdle, 40 * time.Minute, 16},
		)
	})
}

// A session from before there was a diary is written down when it is used.
func TestDiaryOfAnOlderSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := active()
		s.acct.Since = time.Now().Add(-2 * time.Hour)
		r := start(t, s, &platform{})
		if err := r.Use(t.Context(), id, func(*source.Session) error { return nil }); err != nil {
			t.Fatal(err)
		}
		wantLines(t, r, line{school.RungPerson, school.EndNone, 2 * time.Hour, 0})
	})
}

// Another program at the same platform throws us out each time: one renewal in
// each use, and in the end a person is asked. Nothing loops, no login begins.
func TestKickedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{RefreshFn: func(ctx context.Context, s *source.Session) error { return s.Put(ctx, []byte("mine again")) }}
		r := start(t, active(), p)
		calls := 0
		kicked := func(*source.Session) error { calls++; return source.ErrSessionExpired }
		if err := r.Use(t.Context(), id, kicked); !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Use = %v, want ErrSessionExpired", err)
		}
		for range 10 {
			time.Sleep(25 * time.Minute)
			if err := r.Use(t.Context(), id, kicked); !errors.Is(err, source.ErrSessionExpired) {
				t.Errorf("later: Use = %v, want ErrSessionExpired", err)
			}
		}
		if begun, _, _, renewed := p.counts(); calls != 2 || renewed != 1 || begun != 0 {
			t.Errorf("%d reads, %d renewals, %d logins; want 2, 1, 0", calls, renewed, begun)
		}
		r.wantState(t, school.Expired, school.ProblemSignIn, "")
	})
}

// Our clock may be wrong: whether a session is over is what the platform says.
func TestClockDoesNotEndSessions(t *testing.T) {
	t.Parallel()
	for _, wrong := range []time.Duration{-5 * time.Minute, 5 * time.Minute, -400 * 24 * time.Hour, 400 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, active(), &platform{})
			r.wrong = wrong
			for range 3 {
				if err := r.Use(t.Context(), id, func(*source.Session) error { return nil }); err != nil {
					t.Errorf("%v: Use = %v", wrong, err)
				}
			}
			r.wantState(t, school.Active, school.ProblemNone, "old")
			if _, _, _, renewed := r.platform.counts(); renewed != 0 {
				t.Errorf("%v: %d renewals", wrong, renewed)
			}
		})
	}
}

// leaving is a platform at which something has to be taken back.
type leaving struct {
	*platform

	left   []string
	err    error
	hang   bool
	breaks bool
}

func (l *leaving) SignOut(ctx context.Context, s *source.Session) error {
	l.left = append(l.left, string(s.State()))
	if l.breaks {
		panic("Kanariefågel")
	}
	if l.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return l.err
}

func TestSignOutAtThePlatform(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sess string
		err  error
		hang bool
		want int
	}{
		"well":          {sess: "old", want: 1},
		"refused":       {sess: "old", err: source.ErrUnavailable, want: 1},
		"no answer":     {sess: "old", hang: true, want: 1},
		"not signed in": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := active()
				s.state = []byte(tc.sess)
				l := &leaving{platform: &platform{}, err: tc.err, hang: tc.hang}
				r := startWith(t, s, l, l.platform)
				began := time.Now()
				if err := r.SignOut(t.Context(), id); err != nil {
					t.Errorf("SignOut = %v", err)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("took %v", took)
				}
				if len(l.left) != tc.want || tc.want == 1 && l.left[0] != tc.sess {
					t.Errorf("the platform was told of %q", l.left)
				}
				r.wantState(t, school.SignedOut, school.ProblemNone, "")
			})
		})
	}
}
