package session_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// wantTold checks that the log says where a sign-in panicked, n times, and
// nothing of what that carried.
func (r *rig) wantTold(t *testing.T, n int) {
	t.Helper()
	log := r.log.String()
	if strings.Count(log, "msg=\"sign-in panicked\"") != n || !strings.Contains(log, "_test.go:") || strings.Contains(log, "Kanarie") {
		t.Errorf("log does not say where, and where only, it panicked:\n%s", log)
	}
}

// An adapter that panics at any step of a sign-in ends that login: whoever
// looks or waits is told, the account is as it was, and the next one works.
func TestLoginThatPanics(t *testing.T) {
	t.Parallel()
	begin := func(p *platform) { p.BeginFn = func(context.Context) error { panic("Kanariefågel") } }
	poll := func(p *platform) {
		p.PollFn = func(context.Context, int) (source.Progress, error) { panic("Kanariefågel") }
	}
	answer := func(p *platform) { p.AnswerFn = func() error { panic("Kanariefågel") } }
	leave := func(p *platform) { p.CancelFn = func() error { panic("Kanariefågel") } }
	for name, tc := range map[string]struct {
		spoil     []func(*platform)
		begins    bool
		answers   bool
		cancelled int // at the platform
		told      int // by the log
	}{
		"begin":             {spoil: []func(*platform){begin}, told: 1},
		"poll":              {spoil: []func(*platform){poll}, begins: true, cancelled: 1, told: 1},
		"poll and cancel":   {spoil: []func(*platform){poll, leave}, begins: true, cancelled: 1, told: 2},
		"answer":            {spoil: []func(*platform){answer}, begins: true, answers: true, cancelled: 1, told: 1},
		"answer and cancel": {spoil: []func(*platform){answer, leave}, begins: true, answers: true, cancelled: 1, told: 2},
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
					p := &platform{}
					r := start(t, s, p)
					for _, f := range tc.spoil {
						f(p)
					}
					err := r.Begin(t.Context(), id, source.BankIDQR, nil)
					if (err == nil) != tc.begins || err != nil && strings.Contains(err.Error(), "Kanarie") {
						t.Errorf("Begin = %v", err)
					}
					synctest.Wait()
					if tc.answers {
						if err := r.Answer(t.Context(), id, source.Answers{"pin": "1234"}); err == nil || strings.Contains(err.Error(), "Kanarie") {
							t.Errorf("Answer = %v", err)
						}
					}
					if got := r.look(2 * time.Second); got.State != source.LoginFailed {
						t.Errorf("login is %s, want failed", got.State)
					}
					r.wantState(t, from, problem, sess)
					r.wantTold(t, tc.told)
					if _, _, cancelled, _ := p.counts(); cancelled != tc.cancelled || len(r.signed) != 0 {
						t.Errorf("%d cancelled at the platform, want %d; %d signed in", cancelled, tc.cancelled, len(r.signed))
					}
					p.BeginFn, p.AnswerFn, p.CancelFn, p.PollFn = nil, nil, nil, approved(2)
					if err := r.Begin(t.Context(), id, source.BankIDQR, nil); err != nil {
						t.Errorf("the next Begin = %v", err)
					}
					r.look(3 * time.Second)
					r.wantState(t, school.Active, school.ProblemNone, "fresh")
				})
			})
		}
	}
}

// Whoever cancels gets away, whatever the adapter does about it.
func TestCancelThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newStore(school.SignedOut), &platform{CancelFn: func() error { panic("Kanariefågel") }})
		begin(t, r, source.BankIDQR)
		if err := r.Cancel(t.Context(), id); err != nil {
			t.Errorf("Cancel = %v", err)
		}
		if got, _ := r.Login(id); got.State != source.LoginCancelled {
			t.Errorf("Login = %v, want cancelled", got)
		}
		r.wantState(t, school.SignedOut, school.ProblemNone, "")
		r.wantTold(t, 1)
	})
}

// So does whoever signs out, and a session that another login replaced.
func TestSignOutThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &leaving{platform: &platform{PollFn: approved(1)}, breaks: true}
		r := startWith(t, active(), l, l.platform)
		for range 2 { // the first login's session is given up after the second
			begin(t, r, source.BankIDQR)
			r.look(2 * time.Second)
		}
		r.wantState(t, school.Active, school.ProblemNone, "fresh")
		if err := r.CheckOwner(t.Context(), id, school.Roster{Owner: "anna"}); err != nil {
			t.Errorf("CheckOwner = %v", err)
		}
		synctest.Wait()
		if err := r.SignOut(t.Context(), id); err != nil {
			t.Errorf("SignOut = %v", err)
		}
		r.wantState(t, school.SignedOut, school.ProblemNone, "")
		if len(l.left) != 3 {
			t.Errorf("the platform was told of %d sessions, want 3", len(l.left))
		}
		r.wantTold(t, 3)
	})
}
