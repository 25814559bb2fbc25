package infomentor_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/internal/faketest"
)

func pairing() map[string]string { return map[string]string{infomentor.SettingPairing: "yes"} }

// errKilled is what a process that is not there any more sees.
var errKilled = errors.New("killed")

// mortal is a transport and a store of a process that is killed at its n-th
// step: before a request, after the platform has answered, before a state is
// stored or right after it.
type mortal struct {
	inner  http.RoundTripper
	steps  int
	killAt int
	stored []byte
}

func (m *mortal) step() bool {
	m.steps++
	return m.killAt > 0 && m.steps >= m.killAt
}

// RoundTrip implements [http.RoundTripper].
func (m *mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	if m.step() {
		return nil, errKilled
	}
	resp, err := m.inner.RoundTrip(r)
	if m.step() && err == nil {
		_ = resp.Body.Close()
		return nil, errKilled
	}
	return resp, err
}

func (m *mortal) put(_ context.Context, state []byte) error {
	if m.step() {
		return errKilled
	}
	m.stored = bytes.Clone(state)
	if m.step() {
		return errKilled
	}
	return nil
}

// A process that is killed at any step of a token rotation is never locked
// out: after a restart it comes back without a person.
func TestKilledDuringRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps := 1
		for n := 0; n <= steps; n += killStep {
			f := newFamily(t, infomentortest.Options{}, pairing())
			m := &mortal{inner: f.fake, stored: f.login().State()}
			f.fake.KillPerson(f.guardian().PersonalNumber)
			src := func() source.Refresher {
				s, err := infomentor.New(source.Config{Settings: pairing(), Transport: m, Now: f.clock, Log: quiet()})
				if err != nil {
					t.Fatal(err)
				}
				r, ok := s.(source.Refresher)
				if !ok {
					t.Fatal("source has no Refresh")
				}
				return r
			}
			m.killAt = n
			err := src().Refresh(t.Context(), source.NewSession(bytes.Clone(m.stored), m.put))
			if (err == nil) != (n == 0) && n < steps {
				t.Errorf("Refresh killed at step %d = %v", n, err)
			}
			steps = max(steps, m.steps)
			// The web session that may have come to be is lost as well.
			m.killAt = 0
			f.fake.KillPerson(f.guardian().PersonalNumber)
			s := source.NewSession(bytes.Clone(m.stored), m.put)
			if err := src().Refresh(t.Context(), s); err != nil {
				t.Errorf("Refresh after a kill at step %d = %v", n, err)
				continue
			}
			f.src = f.source(pairing())
			if k := f.read(source.NewSession(m.stored, nil), f.plan("notices")); len(k.snapshots) != 3 {
				t.Errorf("after a kill at step %d %d children were read", n, len(k.snapshots))
			}
			if got := f.fake.Devices(); got != 2 {
				t.Errorf("after a kill at step %d %d devices are paired, want 2", n, got)
			}
		}
		if steps < 20 {
			t.Errorf("only %d steps were tried", steps)
		}
	})
}

// The answer with the next token is cut off after the platform has used up the
// old one: the second device saves the day.
func TestRotationIsCutOff(t *testing.T) {
	for name, change := range map[string]func(*faketest.Answer){
		"in the body": faketest.CutOff(), "before the body": faketest.Break(),
		"all of it": func(a *faketest.Answer) { a.Missing, a.Body = len(a.Body), nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, pairing(), func(f *family) {
				s := f.login()
				f.fake.KillPerson(f.guardian().PersonalNumber)
				f.fake.Inject(faketest.Fault{Path: "oauth2/token", Times: 1, Change: change})
				if err := f.refresh(s); !errors.Is(err, source.ErrUnavailable) && !errors.Is(err, source.ErrNotUnderstood) && err != nil {
					t.Errorf("Refresh = %v", err)
				}
				f.fake.Heal()
				if err := f.refresh(s); err != nil {
					t.Errorf("Refresh after that = %v", err)
				}
				f.read(s, f.plan("notices"))
			})
		})
	}
}

// Weeks as a paired phone: every session dies, nobody is asked.
func TestPairedForWeeks(t *testing.T) {
	bubble(t, infomentortest.Options{}, pairing(), func(f *family) {
		s := f.login()
		refreshes := 0
		for range pairDays * 8 {
			time.Sleep(3 * time.Hour)
			f.fake.SSO().KillSMSession()
			_, err := f.fetch(s, f.plan("notices"))
			if errors.Is(err, source.ErrSessionExpired) {
				refreshes++
				if err := f.refresh(s); err != nil {
					t.Fatalf("Refresh = %v", err)
				}
				_, err = f.fetch(s, f.plan("notices"))
			}
			if err != nil {
				t.Fatalf("Fetch = %v", err)
			}
		}
		if refreshes < 4*pairDays {
			t.Errorf("%d sessions died, want more", refreshes)
		}
		if got := f.fake.Offences(); len(got) > 0 {
			t.Errorf("offences: %q", got)
		}
	})
}

// Removing the account takes the devices back.
func TestSignOutRevokes(t *testing.T) {
	bubble(t, infomentortest.Options{}, pairing(), func(f *family) {
		s := f.login()
		if got := f.fake.Devices(); got != 2 {
			t.Fatalf("%d devices are paired, want 2", got)
		}
		out, ok := f.src.(source.SignOuter)
		if !ok {
			t.Fatal("source cannot sign out")
		}
		if err := out.SignOut(f.t.Context(), s); err != nil {
			t.Errorf("SignOut = %v", err)
		}
		if got := f.fake.Devices(); got != 0 {
			t.Errorf("%d devices are paired after the sign-out", got)
		}
		if err := out.SignOut(f.t.Context(), source.NewSession(nil, nil)); err != nil {
			t.Errorf("SignOut without a session = %v", err)
		}
	})
}

// Without the setting nothing is paired; where the platform does not pair, the
// login works all the same and the platform is not pestered.
func TestPairingIsOptional(t *testing.T) {
	for i, settings := range []map[string]string{nil, pairing()} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			bubble(t, infomentortest.Options{NoPairing: true}, settings, func(f *family) {
				s := f.login()
				for range 3 {
					f.fake.KillSessions()
					if err := f.refresh(s); err != nil {
						t.Fatalf("Refresh = %v", err)
					}
				}
				if got, want := f.fake.Count("getauthenticationdata"), len(settings); got != want {
					t.Errorf("pairing was asked for %d times, want %d", got, want)
				}
				f.read(s, f.plan("notices"))
				p, ok := f.src.(source.Pairer)
				if !ok {
					t.Fatal("source does not tell of pairing")
				}
				if told := !p.Unpaired(s).IsZero(); told != (settings != nil) {
					t.Errorf("told that pairing failed: %v", told)
				}
				f.fake.Change(func(o *infomentortest.Options) { o.NoPairing = false })
				if next := f.login(); !p.Unpaired(next).IsZero() {
					t.Error("told that pairing failed after it worked")
				}
			})
		})
	}
}

// Devices that were revoked elsewhere cost a login and nothing else.
func TestRevokedElsewhere(t *testing.T) {
	bubble(t, infomentortest.Options{}, pairing(), func(f *family) {
		s := f.login()
		f.fake.RevokeDevices()
		f.fake.KillPerson(f.guardian().PersonalNumber)
		for range 2 {
			if err := f.refresh(s); !errors.Is(err, source.ErrSessionExpired) {
				t.Errorf("Refresh = %v, want %v", err, source.ErrSessionExpired)
			}
		}
		if got := f.fake.Count("oauth2/token"); got != 4 { // two to pair, each chain once
			t.Errorf("%d requests to the token address, want 4", got)
		}
	})
}

// An access token that is turned down says nothing of the device: another one
// is asked for, once, unless that looks like a wall, and the devices stay.
func TestAccessIsTurnedDown(t *testing.T) {
	for name, c := range map[string]struct {
		path   string
		status int
		times  int
		want   error
		tokens int
	}{
		"401 once":           {"na1/authentication/sso", http.StatusUnauthorized, 1, nil, 2},
		"403 once":           {"na1/authentication/sso", http.StatusForbidden, 1, source.ErrBlocked, 1},
		"401 always":         {"na1/authentication/sso", http.StatusUnauthorized, 0, source.ErrUnavailable, 2},
		"403 always":         {"na1/authentication/sso", http.StatusForbidden, 0, source.ErrBlocked, 1},
		"401 of the account": {"na1/account/account", http.StatusUnauthorized, 0, nil, 1},
		"403 of the account": {"na1/account/account", http.StatusForbidden, 0, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, pairing(), func(f *family) {
				s := f.login()
				f.fake.KillPerson(f.guardian().PersonalNumber)
				f.fake.Inject(faketest.Fault{Path: c.path, Times: c.times, Change: faketest.Status(c.status)})
				before := f.fake.Count("oauth2/token")
				if err := f.refresh(s); !errors.Is(err, c.want) || errors.Is(err, source.ErrSessionExpired) {
					t.Errorf("Refresh = %v, want %v", err, c.want)
				}
				if n := f.fake.Count("oauth2/token") - before; n != c.tokens {
					t.Errorf("%d tokens were asked for, want %d", n, c.tokens)
				}
				f.fake.Heal()
				f.fake.KillPerson(f.guardian().PersonalNumber)
				if err := f.refresh(s); err != nil {
					t.Errorf("Refresh after that = %v", err)
				}
				if got := f.fake.Devices(); got != 2 {
					t.Errorf("%d devices are paired, want 2", got)
				}
			})
		})
	}
}

// The platform says where a phone asks and what it calls itself; each device
// stays with what it was told.
func TestPairedAtOtherAddresses(t *testing.T) {
	bubble(t, infomentortest.Options{OtherPhone: true}, pairing(), func(f *family) {
		s := f.login()
		for range 2 {
			f.fake.KillPerson(f.guardian().PersonalNumber)
			if err := f.refresh(s); err != nil {
				t.Fatalf("Refresh = %v", err)
			}
			f.read(s, f.plan("notices"))
			f.fake.Change(func(o *infomentortest.Options) { o.OtherPhone = false })
		}
		if got := f.fake.Offences(); len(got) > 0 {
			t.Errorf("offences: %q", got)
		}
	})
}

// A phone is not led away from the platform's own hosts.
func TestPairingLeadsElsewhere(t *testing.T) {
	for field, to := range map[string]string{
		"apiUrl": "https://api.infomentor.se.example.invalid", "tokenUrl": "https://im.infomentor.se.example.invalid/Authentication/OAuth2/Token",
		"authenticationUrl": "https://example.invalid/Authentication/",
	} {
		for _, addr := range []string{to, "http://im.infomentor.se/Authentication/OAuth2/Token", "https://im.infomentor.se@example.invalid/", "%zz"} {
			t.Run(field, func(t *testing.T) {
				bubble(t, infomentortest.Options{}, pairing(), func(f *family) {
					f.fake.Inject(faketest.Fault{Path: "getauthenticationdata", Change: faketest.Set(field, addr)})
					f.read(f.login(), f.plan("notices"))
					if f.fake.Devices() != 0 || f.fake.Count("token") != 0 {
						t.Error("a device was paired")
					}
				})
			})
		}
	}
}
