package session_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/session"
	"syncd/source"
	"syncd/source/school"
)

func (r *rig) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r.log, nil)) }

// approved is a login that is done at the n-th poll.
func approved(at int) func(context.Context, int) (source.Progress, error) {
	return func(_ context.Context, n int) (source.Progress, error) {
		if n < at {
			return source.Progress{State: source.LoginScan, QR: "secret frame", AppLink: "bankid:///secret"}, nil
		}
		return source.Progress{State: source.LoginDone, Session: []byte("fresh")}, nil
	}
}

func begin(t *testing.T, r *rig, m source.MethodID) {
	t.Helper()
	if err := r.Begin(t.Context(), id, m, nil); err != nil {
		t.Fatalf("Begin = %v", err)
	}
	synctest.Wait()
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for _, from := range []school.SessionState{school.SignedOut, school.Expired, school.Active} {
		t.Run(string(from), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStore(from)
				if from == school.Active {
					s.state = []byte("old")
				}
				r := start(t, s, &platform{PollFn: approved(5)})
				begin(t, r, source.BankIDQR)
				st, _, _ := s.get()
				if p, ok := r.Login(id); st != school.SigningIn || !ok || p.QR == "" {
					t.Errorf("after Begin: state %s, login %v %t", st, p, ok)
				}
				p := r.look(6 * time.Second)
				if p.State != source.LoginDone || p.Session != nil || p.QR != "" {
					t.Errorf("at the end: %+v with session %t, want done and no secret left", p, p.Session != nil)
				}
				r.wantState(t, school.Active, school.ProblemNone, "fresh")
				if diff := cmp.Diff([]school.AccountID{id}, r.signed); diff != "" {
					t.Errorf("Signed (-want +got):\n%s", diff)
				}
				if r.Method(id) != source.BankIDQR {
					t.Errorf("Method = %q", r.Method(id))
				}
				time.Sleep(2 * time.Minute)
				if _, ok := r.Login(id); ok {
					t.Error("a login is remembered for ever")
				}
				for _, secret := range []string{"secret", "fresh"} {
					if strings.Contains(r.log.String(), secret) {
						t.Errorf("log shows %q: %s", secret, r.log)
					}
				}
			})
		})
	}
}

func TestLoginThatComesToNothing(t *testing.T) {
	t.Parallel()
	broken := func(context.Context, int) (source.Progress, error) {
		return source.Progress{}, source.ErrUnavailable
	}
	ends := func(s source.LoginState) func(context.Context, int) (source.Progress, error) {
		return func(context.Context, int) (source.Progress, error) {
			return source.Progress{State: s, Restarts: 2}, nil
		}
	}
	for name, tc := range map[string]struct {
		poll func(context.Context, int) (source.Progress, error)
		want source.LoginState
	}{
		"refused":     {ends(source.LoginCancelled), source.LoginCancelled},
		"too late":    {ends(source.LoginExpired), source.LoginExpired},
		"no access":   {ends(source.LoginRejected), source.LoginRejected},
		"app gave up": {ends(source.LoginFailed), source.LoginFailed},
		"broke off":   {broken, source.LoginFailed},
		"no session":  {ends(source.LoginDone), source.LoginFailed},
	} {
		for _, from := range []school.SessionState{school.SignedOut, school.Expired, school.Active} {
			t.Run(name+" from "+string(from), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s, sess, problem := newStore(from), "", school.ProblemNone
					if from == school.Active {
						sess = "old"
						s.state = []byte(sess)
					}
					if from == school.Expired {
						problem = school.ProblemSignIn
					}
					s.acct.Problem = problem
					r := start(t, s, &platform{PollFn: tc.poll})
					begin(t, r, source.BankIDQR)
					if p := r.look(3 * time.Second); p.State != tc.want {
						t.Errorf("login ended %s, want %s", p.State, tc.want)
					}
					r.wantState(t, from, problem, sess)
					if len(r.signed) != 0 {
						t.Error("Signed was called")
					}
				})
			})
		}
	}
}

func TestManyTabsMakeOneOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{BeginFn: func(context.Context) error { time.Sleep(3 * time.Second); return nil }}
		r := start(t, newStore(school.SignedOut), p)
		for range 10 {
			go func() {
				if err := r.Begin(t.Context(), id, source.BankIDQR, nil); err != nil {
					t.Errorf("Begin = %v", err)
				}
			}()
		}
		time.Sleep(5 * time.Second)
		begin(t, r, source.BankIDQR)
		if err := r.Begin(t.Context(), id, source.BankIDQR, source.Answers{source.AnswerReturn: "https://x.example/"}); err != nil {
			t.Errorf("Begin = %v", err)
		}
		if begun, _, _, _ := p.counts(); begun != 1 {
			t.Errorf("%d orders, want 1", begun)
		}
		// Another method takes its place, and so do other answers.
		begin(t, r, source.BankIDApp)
		if err := r.Begin(t.Context(), id, source.BankIDApp, source.Answers{"x": "y"}); err != nil {
			t.Errorf("Begin = %v", err)
		}
		begun, _, cancelled, _ := p.counts()
		if begun != 3 || cancelled != 2 {
			t.Errorf("%d orders, %d cancelled; want 3, 2", begun, cancelled)
		}
	})
}

func TestPollsFollowTheLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{}
		r := start(t, newStore(school.Expired), p)
		begin(t, r, source.BankIDQR)
		r.look(10 * time.Second)
		if _, polls, _, _ := p.counts(); polls < 10 || polls > 12 {
			t.Errorf("%d polls in 10 s, want one a second", polls)
		}
		time.Sleep(45 * time.Second)
		if _, polls, _, _ := p.counts(); polls > 33 {
			t.Errorf("%d polls, want none from 20 s after the last look on", polls)
		}
		if got, ok := r.Login(id); !ok || got.State != source.LoginScan {
			t.Fatalf("Login after a pause = %v, %t; want it to go on", got, ok)
		}
		r.look(5 * time.Second)
		time.Sleep(62 * time.Second)
		synctest.Wait()
		if _, _, cancelled, _ := p.counts(); cancelled != 1 {
			t.Errorf("%d cancelled after a minute without a look, want 1", cancelled)
		}
		if got, ok := r.Login(id); !ok || got.State != source.LoginExpired {
			t.Errorf("Login = %v, %t; want that it expired", got, ok)
		}
		r.wantState(t, school.Expired, school.ProblemSignIn, "")
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The platform hangs; the person still gets away at once.
		p := &platform{PollFn: func(ctx context.Context, _ int) (source.Progress, error) {
			<-ctx.Done()
			return source.Progress{}, ctx.Err()
		}}
		r := start(t, newStore(school.SignedOut), p)
		if err := r.Cancel(t.Context(), id); !errors.Is(err, session.ErrNoLogin) {
			t.Errorf("Cancel without a login = %v, want ErrNoLogin", err)
		}
		begin(t, r, source.BankIDQR)
		before := time.Now()
		if err := r.Cancel(t.Context(), id); err != nil {
			t.Errorf("Cancel = %v", err)
		}
		if d := time.Since(before); d > time.Second {
			t.Errorf("Cancel took %s", d)
		}
		if got, _ := r.Login(id); got.State != source.LoginCancelled {
			t.Errorf("Login = %v, want cancelled", got)
		}
		if _, _, cancelled, _ := p.counts(); cancelled != 1 {
			t.Errorf("%d cancelled at the platform, want 1", cancelled)
		}
		r.wantState(t, school.SignedOut, school.ProblemNone, "")
		if err := r.Answer(t.Context(), id, nil); !errors.Is(err, session.ErrNoLogin) {
			t.Errorf("Answer without a login = %v, want ErrNoLogin", err)
		}
	})
}

func TestCancelWhileBeginning(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{BeginFn: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		r := start(t, newStore(school.SignedOut), p)
		begun := make(chan error, 1)
		go func() { begun <- r.Begin(t.Context(), id, source.BankIDQR, nil) }()
		synctest.Wait()
		if err := r.Cancel(t.Context(), id); err != nil {
			t.Errorf("Cancel = %v", err)
		}
		if err := <-begun; err == nil {
			t.Error("Begin = nil error though it was cancelled")
		}
		r.wantState(t, school.SignedOut, school.ProblemNone, "")
	})
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{}
		p.PollFn = func(context.Context, int) (source.Progress, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.answers) == 0 {
				return source.Progress{State: source.LoginQuestion, Ask: []source.Field{{ID: "pin"}}}, nil
			}
			return source.Progress{State: source.LoginDone, Session: []byte("fresh")}, nil
		}
		r := start(t, newStore(school.SignedOut), p)
		begin(t, r, source.Password)
		if got, _ := r.Login(id); got.State != source.LoginQuestion || len(got.Ask) != 1 {
			t.Fatalf("Login = %v, want a question", got)
		}
		if err := r.Answer(t.Context(), id, source.Answers{"pin": "1234"}); err != nil {
			t.Errorf("Answer = %v", err)
		}
		r.look(2 * time.Second)
		r.wantState(t, school.Active, school.ProblemNone, "fresh")
		if strings.Contains(r.log.String(), "1234") {
			t.Errorf("log shows an answer: %s", r.log)
		}
	})
}

func TestBeginThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{BeginFn: func(context.Context) error { return source.ErrUnavailable }}
		r := start(t, newStore(school.Expired), p)
		if err := r.Begin(t.Context(), id, source.BankIDQR, nil); !errors.Is(err, source.ErrUnavailable) {
			t.Errorf("Begin = %v, want ErrUnavailable", err)
		}
		if got, ok := r.Login(id); !ok || got.State != source.LoginFailed {
			t.Errorf("Login = %v, %t; want failed", got, ok)
		}
		r.wantState(t, school.Expired, school.ProblemNone, "")
		p.BeginFn, p.PollFn = nil, approved(1)
		begin(t, r, source.BankIDQR)
		r.look(time.Second)
		r.wantState(t, school.Active, school.ProblemNone, "fresh")

		// The state cannot be written: the order is taken back.
		r.store.StateFn = func() error { return errors.New("disk full") }
		if err := r.Begin(t.Context(), id, source.BankIDQR, nil); err == nil {
			t.Error("Begin = nil error though the state cannot be written")
		}
		if _, _, cancelled, _ := p.counts(); cancelled != 1 {
			t.Errorf("%d orders taken back, want 1", cancelled)
		}
	})
}

func TestSessionThatCannotBeStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := active()
		r := start(t, s, &platform{PollFn: approved(2)})
		s.PutFn = func([]byte) error { return errors.New("disk full") }
		begin(t, r, source.BankIDQR)
		if p := r.look(3 * time.Second); p.State != source.LoginFailed {
			t.Errorf("Login = %v, want failed", p)
		}
		r.wantState(t, school.Active, school.ProblemNone, "old")
	})
}

func TestNoLoginThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newStore(school.SignedOut), &platform{})
		k, err := session.New(session.Config{
			Store: r.store, Now: time.Now, OwnerHash: func(school.Ref) string { return "" }, Log: r.logger(),
			Sources: func(context.Context, school.AccountID) (source.Source, error) { return plain{}, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- k.Run(ctx) }()
		if err := k.Begin(t.Context(), id, source.BankIDQR, nil); !errors.Is(err, session.ErrNoLogin) {
			t.Errorf("Begin = %v, want ErrNoLogin", err)
		}
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("Run = %v", err)
		}
		if err := k.Begin(t.Context(), id, source.BankIDQR, nil); !errors.Is(err, session.ErrStopped) {
			t.Errorf("Begin after the end = %v, want ErrStopped", err)
		}
	})
}

// A keeper that does not run yet makes nobody wait for ever.
func TestBeginWithoutRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newStore(school.SignedOut), &platform{})
		k, err := session.New(session.Config{
			Store: r.store, Now: time.Now, OwnerHash: func(school.Ref) string { return "" }, Log: r.logger(),
			Sources: func(context.Context, school.AccountID) (source.Source, error) { return r.platform, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := k.Begin(ctx, id, source.BankIDQR, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Begin = %v, want that it gave up", err)
		}
		if _, ok := k.Login(id); ok {
			t.Error("a login that never ran is shown")
		}
	})
}

func TestStopCancelsTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), &platform{})
		begin(t, r, source.BankIDQR)
		r.stop()
		if _, _, cancelled, _ := r.platform.counts(); cancelled != 1 {
			t.Errorf("%d cancelled, want 1", cancelled)
		}
		r.wantState(t, school.Active, school.ProblemNone, "old")
	})
}

// A login ends while a read goes on: the read's old session must not come
// back, and the read is repeated with the new one.
func TestLoginDuringRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), &platform{PollFn: approved(3)})
		begin(t, r, source.BankIDQR)
		var seen []string
		err := r.Use(t.Context(), id, func(s *source.Session) error {
			seen = append(seen, string(s.State()))
			r.look(5 * time.Second)
			return s.Put(t.Context(), append(s.State(), " rotated"...))
		})
		if err != nil {
			t.Errorf("Use = %v", err)
		}
		if diff := cmp.Diff([]string{"old", "fresh"}, seen); diff != "" {
			t.Errorf("sessions that f saw (-want +got):\n%s", diff)
		}
		r.wantState(t, school.Active, school.ProblemNone, "fresh rotated")
	})
}

// The old session dies during a login that then comes to nothing.
func TestExpiryDuringLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), &platform{})
		begin(t, r, source.BankIDQR)
		if err := r.Use(t.Context(), id, func(*source.Session) error { return source.ErrSessionExpired }); !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Use = %v", err)
		}
		r.wantState(t, school.SigningIn, school.ProblemNone, "")
		if err := r.Cancel(t.Context(), id); err != nil {
			t.Errorf("Cancel = %v", err)
		}
		r.wantState(t, school.Expired, school.ProblemSignIn, "")
	})
}

func TestSignOutDuringLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, active(), &platform{})
		begin(t, r, source.BankIDQR)
		if err := r.SignOut(t.Context(), id); err != nil {
			t.Errorf("SignOut = %v", err)
		}
		r.wantState(t, school.SignedOut, school.ProblemNone, "")
	})
}
