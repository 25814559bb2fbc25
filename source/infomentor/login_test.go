package infomentor_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/internal/faketest"
	"syncd/source/internal/stockholm/stockholmtest"
	"syncd/source/skolplattformen"
	"syncd/source/skolplattformen/skolplattformentest"
)

// A wrong password is told as such and sent once.
func TestWrongPassword(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		user, _ := f.fake.Credentials(f.guardian())
		p := begin(f.t, f.src, source.Password, source.Answers{"user": user, "password": "fel"})
		if p.State != source.LoginRejected {
			t.Errorf("login ended as %s, want %s", p.State, source.LoginRejected)
		}
		if got := f.fake.Rejected(); got != 1 {
			t.Errorf("the password was sent %d times", got)
		}
	})
}

// A kept password renews the session. Once it was turned down it is never sent
// again by itself.
func TestKeptPassword(t *testing.T) {
	bubble(t, infomentortest.Options{OfferPIN: true}, nil, func(f *family) {
		s := f.withPassword()
		for range 3 {
			f.fake.KillLogins()
			if err := f.refresh(s); err != nil {
				t.Fatalf("Refresh = %v", err)
			}
			f.read(s, f.plan("notices"))
		}
		f.fake.ChangePassword(f.guardian().PersonalNumber, "ett annat")
		f.fake.KillLogins()
		for range 5 {
			if err := f.refresh(s); !errors.Is(err, source.ErrSessionExpired) {
				t.Errorf("Refresh = %v, want %v", err, source.ErrSessionExpired)
			}
		}
		if got := f.fake.Rejected(); got != 1 {
			t.Errorf("the rejected password was sent %d times, want once", got)
		}
	})
}

// A process that dies while the password is on its way does not send it again:
// it may have been turned down.
func TestPasswordInterrupted(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		first := f.withPassword()
		f.fake.ChangePassword(f.guardian().PersonalNumber, "ett annat")
		f.fake.KillLogins()
		var stored []byte
		s := source.NewSession(first.State(), func(_ context.Context, b []byte) error {
			if strings.Contains(string(stored), `"sent":2`) {
				return errKilled
			}
			stored = slices.Clone(b)
			return nil
		})
		if err := f.refresh(s); !errors.Is(err, errKilled) {
			t.Fatalf("Refresh = %v, want %v", err, errKilled)
		}
		if err := f.refresh(source.NewSession(stored, nil)); !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Refresh = %v, want %v", err, source.ErrSessionExpired)
		}
		if got := f.fake.Rejected(); got > 1 {
			t.Errorf("the password was sent %d times", got)
		}
	})
}

// Trouble on the way is not a rejection: the password is kept.
func TestPasswordInTrouble(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.withPassword()
		f.fake.KillLogins()
		f.fake.Inject(faketest.Fault{Path: "/swedish/production/mentor/", Skip: 1, Times: 1, Change: faketest.Status(503)})
		if err := f.refresh(s); !errors.Is(err, source.ErrUnavailable) {
			t.Errorf("Refresh = %v, want %v", err, source.ErrUnavailable)
		}
		f.fake.Heal()
		if err := f.refresh(s); err != nil {
			t.Errorf("Refresh after that = %v", err)
		}
	})
}

// Without the setting no password is kept.
func TestPasswordIsNotKept(t *testing.T) {
	bubble(t, infomentortest.Options{}, map[string]string{infomentor.SettingKeepPassword: "no"}, func(f *family) {
		s := f.withPassword()
		_, pass := f.fake.Credentials(f.guardian())
		if strings.Contains(string(s.State()), `"password"`) || strings.Contains(string(s.State()), pass) {
			t.Error("the session holds the password")
		}
		f.fake.KillLogins()
		if err := f.refresh(s); !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Refresh = %v, want %v", err, source.ErrSessionExpired)
		}
	})
}

// Sessions die in all the ways that the platform has, and the ladder brings
// them back without a person.
func TestSessionsDie(t *testing.T) {
	for name, die := range map[string]func(*family){
		"40 minutes idle":  func(*family) { time.Sleep(41 * time.Minute) },
		"a night":          func(*family) { time.Sleep(18 * time.Hour) },
		"another node":     func(f *family) { f.fake.MoveNode() },
		"kicked out":       func(f *family) { f.withPassword() },
		"three hours long": func(f *family) { time.Sleep(3*time.Hour + time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{OneSession: true, Merged: true, Interstitial: 1}, nil, func(f *family) {
				s := f.login()
				f.read(s, f.plan("notices"))
				die(f)
				if _, err := f.fetch(s, f.plan("notices")); !errors.Is(err, source.ErrSessionExpired) {
					t.Errorf("Fetch = %v, want %v", err, source.ErrSessionExpired)
				}
				if err := f.refresh(s); err != nil {
					t.Fatalf("Refresh = %v", err)
				}
				f.read(s, f.plan("notices"))
				if got := f.fake.Offences(); len(got) > 0 {
					t.Errorf("offences: %q", got)
				}
			})
		})
	}
}

// Somebody who is known to the city and not to InfoMentor has no access.
func TestStranger(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		f.fake.SSO().Phone().Auto(stockholmtest.Person{PersonalNumber: "189912319806", Name: "Främling"}, time.Second)
		auth, ok := f.src.(source.Authenticator)
		if !ok {
			t.Fatal("source has no login")
		}
		l, err := auth.Begin(f.t.Context(), source.BankIDApp, nil)
		if err != nil {
			t.Fatalf("Begin = %v", err)
		}
		for range 20 {
			p, err := l.Poll(f.t.Context())
			if err != nil {
				t.Fatalf("Poll = %v", err)
			}
			if p.State.Final() {
				if p.State != source.LoginRejected {
					t.Errorf("login ended as %s, want %s", p.State, source.LoginRejected)
				}
				return
			}
			time.Sleep(time.Second)
		}
		t.Error("login came to no end")
	})
}

// A session at the Hub of another person is not taken for the owner's.
func TestAnotherPerson(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.login()
		other := source.NewSession(bankID(f.t, f.src, f.fake, f.world.Guardians()[1]), nil)
		state := strings.Replace(string(other.State()), infomentortest.UserID(f.world.Guardians()[1]), infomentortest.UserID(f.guardian()), 1)
		if _, err := f.fetch(source.NewSession([]byte(state), nil), f.plan()); !errors.Is(err, source.ErrWrongPerson) {
			t.Errorf("Fetch = %v, want %v", err, source.ErrWrongPerson)
		}
		if err := f.refresh(source.NewSession([]byte(state), nil)); !errors.Is(err, source.ErrWrongPerson) {
			t.Errorf("Refresh = %v, want %v", err, source.ErrWrongPerson)
		}
		f.read(s, f.plan("notices"))
	})
}

// browser signs a guardian in by itself and returns the Hub's cookies.
func browser(f *family) string {
	f.t.Helper()
	jar := &cookieKeeper{inner: f.fake}
	src, err := infomentor.New(source.Config{Transport: jar, Now: f.clock, Log: quiet()})
	if err != nil {
		f.t.Fatal(err)
	}
	user, pass := f.fake.Credentials(f.guardian())
	begin(f.t, src, source.Password, source.Answers{"user": user, "password": pass})
	return jar.line
}

// cookieKeeper remembers the last Cookie line that went to the Hub.
type cookieKeeper struct {
	inner http.RoundTripper
	line  string
}

// RoundTrip implements [http.RoundTripper].
func (k *cookieKeeper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == infomentortest.HubHost {
		k.line = strings.Join(r.Header["Cookie"], "; ")
	}
	return k.inner.RoundTrip(r)
}

// Every other municipality: the list is the platform's own, the guardian signs
// in with a browser and brings its session.
func TestImport(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		line := browser(f)
		auth, ok := f.src.(source.Authenticator)
		if !ok {
			t.Fatal("source has no login")
		}
		l, err := auth.Begin(f.t.Context(), source.Cookies, nil)
		if err != nil {
			t.Fatalf("Begin = %v", err)
		}
		p, _ := l.Poll(f.t.Context())
		if p.State != source.LoginQuestion || len(p.Ask) != 1 || !slices.Contains(p.Ask[0].Choices, "Nacka & Boo") {
			t.Fatalf("asked %v in %s, want the municipality", p.Ask, p.State)
		}
		for _, in := range []source.Answers{nil, {"municipality": "Atlantis"}} {
			if err := l.Answer(f.t.Context(), in); !errors.Is(err, source.ErrAnswer) {
				t.Errorf("Answer = %v, want %v", err, source.ErrAnswer)
			}
		}
		if err := l.Answer(f.t.Context(), source.Answers{"municipality": "Nacka & Boo"}); err != nil {
			t.Fatalf("Answer = %v", err)
		}
		if p, _ = l.Poll(f.t.Context()); p.UniversalLink != "https://sso.infomentor.se/login.ashx?idp=nacka" || p.Ask[0].ID != "cookies" {
			t.Errorf("the guardian is not led to the municipality's sign-in")
		}
		if err := l.Answer(f.t.Context(), source.Answers{"cookies": "nonsense"}); !errors.Is(err, source.ErrAnswer) {
			t.Errorf("Answer = %v, want %v", err, source.ErrAnswer)
		}
		if err := l.Answer(f.t.Context(), source.Answers{"cookies": "Cookie: " + line}); err != nil {
			t.Fatalf("Answer = %v", err)
		}
		if p, _ = l.Poll(f.t.Context()); p.State != source.LoginDone {
			t.Fatalf("login ended as %s", p.State)
		}
		f.read(source.NewSession(p.Session, nil), f.plan("notices"))
	})
}

// Imports of a session that is over, and given up.
func TestImportFails(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		line := browser(f)
		f.fake.KillLogins()
		if p := begin(f.t, f.src, source.Cookies, source.Answers{"cookies": line}); p.State != source.LoginRejected {
			t.Errorf("login ended as %s, want %s", p.State, source.LoginRejected)
		}
		auth, ok := f.src.(source.Authenticator)
		if !ok {
			t.Fatal("source has no login")
		}
		l, err := auth.Begin(f.t.Context(), source.Cookies, nil)
		if err != nil {
			t.Fatalf("Begin = %v", err)
		}
		if err := l.Cancel(f.t.Context()); err != nil {
			t.Errorf("Cancel = %v", err)
		}
		if p, _ := l.Poll(f.t.Context()); p.State != source.LoginCancelled {
			t.Errorf("login ended as %s, want %s", p.State, source.LoginCancelled)
		}
		if err := l.Answer(f.t.Context(), nil); !errors.Is(err, source.ErrAnswer) {
			t.Errorf("Answer after the end = %v, want %v", err, source.ErrAnswer)
		}
	})
}

// What cannot be a login is not sent, and settings are checked.
func TestBadInput(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		auth, ok := f.src.(source.Authenticator)
		if !ok {
			t.Fatal("source has no login")
		}
		for _, m := range []source.MethodID{source.Password, "carrier-pigeon"} {
			if _, err := auth.Begin(f.t.Context(), m, source.Answers{"user": "x"}); !errors.Is(err, source.ErrAnswer) {
				t.Errorf("Begin with %s = %v, want %v", m, err, source.ErrAnswer)
			}
		}
		if n := len(f.fake.Requests()); n != 0 {
			t.Errorf("%d requests were sent", n)
		}
		if _, err := infomentor.New(source.Config{Now: f.clock, Log: quiet(), Settings: map[string]string{infomentor.SettingPairing: "perhaps"}}); !errors.Is(err, source.ErrAnswer) {
			t.Errorf("New with an odd setting = %v, want %v", err, source.ErrAnswer)
		}
	})
}

// One city serves several platforms' fakes: with everything mounted on it, it
// is the transport for all of them.
func TestSharedCity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t, infomentortest.Options{}, nil)
		other := skolplattformentest.New(f.world, skolplattformentest.Options{Now: f.clock, SSO: f.fake.SSO()})
		f.fake.Mount()
		f.fake.SSO().Mount(skolplattformentest.Host, other)
		for _, p := range []source.Platform{infomentor.Platform(), skolplattformen.Platform()} {
			src, err := p.New(source.Config{Transport: f.fake.SSO(), Now: f.clock, Log: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			k := &sink{}
			s := source.NewSession(bankID(t, src, f.fake, f.guardian()), nil)
			if err := src.Fetch(t.Context(), s, f.plan("calendar"), k); err != nil || len(k.snapshots) != 3 {
				t.Errorf("%s: Fetch = %v, %d children", p.ID, err, len(k.snapshots))
			}
		}
	})
}

// A clock that is five minutes wrong, either way, keeps nobody out.
func TestClockIsWrong(t *testing.T) {
	for _, off := range []time.Duration{-5 * time.Minute, 5 * time.Minute} {
		t.Run(off.String(), func(t *testing.T) {
			bubble(t, infomentortest.Options{}, pairing(), func(f *family) {
				src, err := infomentor.New(source.Config{
					Settings: pairing(), Transport: f.fake, Log: quiet(), Now: func() time.Time { return f.clock().Add(off) },
				})
				if err != nil {
					t.Fatal(err)
				}
				f.src = src
				s := f.login()
				for range 3 {
					f.read(s, f.plan())
					f.fake.KillPerson(f.guardian().PersonalNumber)
					if err := f.refresh(s); err != nil {
						t.Fatalf("Refresh = %v", err)
					}
				}
			})
		})
	}
}
