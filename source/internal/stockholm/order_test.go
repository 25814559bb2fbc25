package stockholm_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"syncd/source"
	"syncd/source/internal/stockholm"
	"syncd/source/internal/stockholm/stockholmtest"
)

func TestDeadOrdersAreReplaced(t *testing.T) {
	t.Parallel()
	for _, saml := range []bool{false, true} {
		for _, n := range []int{1, 5} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, stockholmtest.Options{DeadOrders: n})
				if saml {
					w.foreignTarget()
				}
				w.phone.Auto(siv(), 2*time.Second)
				l := w.begin(t, source.BankIDQR, nil)
				p := pollUntil(t, l, source.LoginDone)
				if p.Restarts != n {
					t.Errorf("restarts = %d, want %d", p.Restarts, n)
				}
				w.polite(t)
			})
		}
	}
}

func TestDeadOrdersEndInFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{DeadOrders: 100})
		p := pollUntil(t, w.begin(t, source.BankIDApp, nil), source.LoginFailed)
		if p.Restarts != 5 {
			t.Errorf("restarts = %d, want 5", p.Restarts)
		}
		w.polite(t)
	})
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	for _, o := range []stockholmtest.Options{{}, {OneL: true}, {OldWords: true}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, o)
			l := w.begin(t, source.BankIDQR, nil)
			if err := w.phone.Scan(poll(t, l).QR, siv()); err != nil {
				t.Fatalf("Scan() = %v", err)
			}
			if err := w.phone.Refuse(); err != nil {
				t.Fatalf("Refuse() = %v", err)
			}
			pollUntil(t, l, source.LoginCancelled)
			w.polite(t)
		})
	}
}

func TestWhatIsUncertain(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]stockholmtest.Options{
		"token beside the frame": {QRToken: true},
		"no further frames":      {NoFrames: true},
		"merged cookies":         {Merged: true},
		"bounced":                {Bounces: 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, o)
			l := w.begin(t, source.BankIDQR, nil)
			p := poll(t, l)
			if p.QR == "" || (p.AppLink != "") != o.QRToken || (p.UniversalLink != "") != o.QRToken {
				t.Errorf("%s: frame %q, link %q", name, p.QR, p.AppLink)
			}
			open := func() error { return w.phone.Scan(p.QR, siv()) }
			if o.QRToken {
				open = func() error { return w.phone.OpenLink(p.AppLink, siv()) }
			}
			if err := open(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := w.phone.Approve(); err != nil {
				t.Fatalf("%s: Approve() = %v", name, err)
			}
			pollUntil(t, l, source.LoginDone)
			w.polite(t)
		})
	}
}

func TestOldWordsWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{OldWords: true, DeadOrders: 1})
		w.phone.Auto(siv(), 3*time.Second)
		l := w.begin(t, source.BankIDApp, nil)
		pollUntil(t, l, source.LoginApprove)
		if p := pollUntil(t, l, source.LoginDone); p.Restarts != 1 {
			t.Errorf("restarts = %d, want 1", p.Restarts)
		}
		w.polite(t)
	})
}

func TestNobodyActs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		method   source.MethodID
		o        stockholmtest.Options
		from, to time.Duration
	}{
		{"order lives long", source.BankIDQR, stockholmtest.Options{OrderLife: time.Hour}, 180 * time.Second, 245 * time.Second},
		{"order dies young", source.BankIDQR, stockholmtest.Options{OrderLife: 30 * time.Second}, 180 * time.Second, 245 * time.Second},
		{"freja lives long", source.Freja, stockholmtest.Options{OrderLife: time.Hour}, 170 * time.Second, 185 * time.Second},
		{"freja dies young", source.Freja, stockholmtest.Options{OrderLife: 30 * time.Second}, 30 * time.Second, 40 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tc.o)
				began := time.Now()
				l := w.begin(t, tc.method, source.Answers{stockholm.FieldPersonalNumber: siv().PersonalNumber})
				pollUntil(t, l, source.LoginExpired)
				if d := time.Since(began); d < tc.from || d > tc.to {
					t.Errorf("gave up after %s, want %s to %s", d, tc.from, tc.to)
				}
				sent := len(w.sso.Requests())
				poll(t, l)
				if n := len(w.sso.Requests()); n != sent {
					t.Error("a finished login still asks")
				}
				w.polite(t)
			})
		})
	}
}

func TestOpenedOrderIsNotReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{SignLife: 20 * time.Second})
		l := w.begin(t, source.BankIDQR, nil)
		if err := w.phone.Scan(poll(t, l).QR, siv()); err != nil {
			t.Fatalf("Scan() = %v", err)
		}
		pollUntil(t, l, source.LoginApprove)
		if p := pollUntil(t, l, source.LoginExpired); p.Restarts != 0 {
			t.Errorf("restarts = %d, want 0", p.Restarts)
		}
	})
}

func TestUnpolledLoginIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		l := w.begin(t, source.BankIDQR, nil)
		poll(t, l)
		sent := len(w.sso.Requests())
		time.Sleep(2 * time.Minute)
		if p := poll(t, l); p.State != source.LoginExpired {
			t.Errorf("state = %s, want expired", p.State)
		}
		if n := len(w.sso.Requests()); n != sent {
			t.Errorf("%d requests for a login that nobody looks at", n-sent)
		}
	})
}

func TestPollsAreSparse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		l := w.begin(t, source.BankIDQR, nil)
		before := len(w.sso.Requests())
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			if _, err := l.Poll(t.Context()); err != nil {
				t.Fatalf("Poll() = %v", err)
			}
		}
		if n := len(w.sso.Requests()) - before; n < 9 || n > 13 {
			t.Errorf("%d requests in 10 s, want about one a second", n)
		}
		w.polite(t)
	})
}

func TestCancelEndsWithoutARequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		l := w.begin(t, source.BankIDQR, nil)
		before := len(w.sso.Requests())
		if err := l.Cancel(t.Context()); err != nil {
			t.Fatalf("Cancel() = %v", err)
		}
		if p := poll(t, l); p.State != source.LoginCancelled {
			t.Errorf("state = %s, want cancelled", p.State)
		}
		if n := len(w.sso.Requests()); n != before {
			t.Errorf("%d requests after the end", n-before)
		}
		if err := l.Answer(t.Context(), nil); !errors.Is(err, source.ErrAnswer) {
			t.Errorf("Answer() = %v, want ErrAnswer", err)
		}
	})
}
