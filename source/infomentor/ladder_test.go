package infomentor_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"syncd/source"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/internal/faketest"
)

// An answer that is not understood says nothing about what could renew a
// session: nothing is given up for it, and afterwards all is as before.
func TestRenewalIsNotUnderstood(t *testing.T) {
	const signIn = "/authentication/authentication/login"
	for name, c := range map[string]struct {
		path   string
		change func(*faketest.Answer)
		want   error
	}{
		"maintenance at the token address":  {"oauth2/token", faketest.HTML(), source.ErrNotUnderstood},
		"maintenance at the Hub's sign-in":  {signIn, faketest.HTML(), source.ErrNotUnderstood},
		"maintenance at the Hub's own page": {"/", faketest.HTML(), source.ErrNotUnderstood},
		"maintenance at the older system":   {"/swedish/production/mentor/", faketest.HTML(), source.ErrNotUnderstood},
		"error page at the Hub's sign-in":   {signIn, faketest.Body("text/html", hoppsan), source.ErrUnavailable},
		"503 at the Hub's sign-in":          {signIn, faketest.Status(http.StatusServiceUnavailable), source.ErrUnavailable},
		"maintenance elsewhere":             {signIn, faketest.Status(http.StatusFound, "Location", "https://status.example.invalid/"), source.ErrNotUnderstood},
		"no answer from the Hub":            {signIn, faketest.Break(), source.ErrUnavailable},
	} {
		for _, by := range []string{"pairing", "password"} {
			if by == "password" && strings.Contains(c.path, "token") {
				continue
			}
			t.Run(name+"/"+by, func(t *testing.T) {
				settings := map[string]string(nil)
				if by == "pairing" {
					settings = pairing()
				}
				bubble(t, infomentortest.Options{}, settings, func(f *family) {
					sign := f.login
					if by == "password" {
						sign = f.withPassword
					}
					s := sign()
					f.fake.KillPerson(f.guardian().PersonalNumber)
					f.fake.Inject(faketest.Fault{Path: c.path, Change: c.change})
					err := f.refresh(s)
					if !errors.Is(err, c.want) || errors.Is(err, source.ErrSessionExpired) {
						t.Errorf("Refresh = %v, want %v", err, c.want)
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
}

// Trouble with the first way in leaves those above it open.
func TestRenewalGoesOn(t *testing.T) {
	for name, change := range map[string]func(*faketest.Answer){
		"error page":     faketest.Body("text/html", hoppsan),
		"500":            faketest.Status(http.StatusInternalServerError),
		"503":            faketest.Status(http.StatusServiceUnavailable),
		"not understood": faketest.HTML(),
	} {
		for _, by := range []string{"pairing", "password"} {
			t.Run(name+"/"+by, func(t *testing.T) {
				settings := map[string]string(nil)
				if by == "pairing" {
					settings = pairing()
				}
				bubble(t, infomentortest.Options{}, settings, func(f *family) {
					sign := f.login
					if by == "password" {
						sign = f.withPassword
					}
					s := sign()
					f.fake.KillPerson(f.guardian().PersonalNumber)
					f.fake.Inject(faketest.Fault{Path: "/", Times: 1, Change: change})
					if err := f.refresh(s); err != nil {
						t.Errorf("Refresh = %v", err)
					}
				})
			})
		}
	}
	for name, change := range map[string]func(*faketest.Answer){
		"told to wait": faketest.RetryAfter(1e9), "blocked": faketest.Body("text/html", "<html><head><title>Captcha</title></head></html>"),
		"no answer": faketest.Break(),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, pairing(), func(f *family) {
				s := f.login()
				f.fake.KillPerson(f.guardian().PersonalNumber)
				f.fake.Inject(faketest.Fault{Path: "/", Times: 1, Change: change})
				before := len(f.fake.Requests())
				if err := f.refresh(s); err == nil || errors.Is(err, source.ErrSessionExpired) {
					t.Errorf("Refresh = %v", err)
				}
				if n := len(f.fake.Requests()) - before; n != 1 {
					t.Errorf("%d requests, want one", n)
				}
			})
		})
	}
}

// A municipality's own sign-in needs a person, whoever leads there: the bridge,
// or the older system, which remembers where somebody signed in last.
func TestRenewalLeadsToAMunicipality(t *testing.T) {
	for _, to := range []string{
		"https://sso.infomentor.se/login.ashx?idp=nacka", "https://ims-grandid-api.infomentor.se/Login/initial?communeId=1",
		"https://idp.example.invalid/saml",
	} {
		t.Run(to, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, nil, func(f *family) {
				s := f.login()
				f.fake.KillPerson(f.guardian().PersonalNumber)
				f.fake.Inject(faketest.Fault{Path: "/swedish/production/mentor/", Change: faketest.Status(http.StatusFound, "Location", to)})
				if err := f.refresh(s); !errors.Is(err, source.ErrSessionExpired) {
					t.Errorf("Refresh = %v, want %v", err, source.ErrSessionExpired)
				}
			})
		})
	}
}

// Answers that nobody understands end nothing for three days. Then a person is
// asked: there may be a new way in.
func TestRenewalIsNotUnderstoodForDays(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*faketest.Answer)
		want   error
	}{
		"not understood": {faketest.HTML(), source.ErrSessionExpired},
		"trouble":        {faketest.Body("text/html", hoppsan), source.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, pairing(), func(f *family) {
				s := f.login()
				f.fake.KillPerson(f.guardian().PersonalNumber)
				hours := func(n int) {
					t.Helper()
					for range n {
						if err := f.refresh(s); err == nil || errors.Is(err, source.ErrSessionExpired) {
							t.Fatalf("Refresh = %v", err)
						}
						time.Sleep(time.Hour)
					}
				}
				for _, path := range []string{"/", "oauth2/token"} {
					f.fake.Inject(faketest.Fault{Path: path, Change: c.change})
				}
				hours(71)
				f.fake.Heal()
				if err := f.refresh(s); err != nil { // and all is as before
					t.Fatalf("Refresh after that = %v", err)
				}
				f.fake.KillPerson(f.guardian().PersonalNumber)
				for _, path := range []string{"/", "oauth2/token"} {
					f.fake.Inject(faketest.Fault{Path: path, Change: c.change})
				}
				hours(72)
				if err := f.refresh(s); !errors.Is(err, c.want) {
					t.Errorf("Refresh after three days = %v, want %v", err, c.want)
				}
			})
		})
	}
}

// Where the older system keeps a login to itself, it is asked to hand it over.
func TestLoginStays(t *testing.T) {
	bubble(t, infomentortest.Options{Stays: true}, pairing(), func(f *family) {
		f.read(f.withPassword(), f.plan("notices"))
		s := f.login()
		f.read(s, f.plan("notices"))
		f.fake.KillPerson(f.guardian().PersonalNumber)
		if err := f.refresh(s); err != nil {
			t.Errorf("Refresh = %v", err)
		}
	})
}

// A password whose answer was lost may have been turned down: it is not sent
// again. One whose answer says nothing of it is, once.
func TestPasswordWithoutAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*faketest.Answer)
		sent   int // in all, also when it was wrong
	}{
		"connection ends":   {faketest.Break(), 1},
		"cut off":           {faketest.CutOff(), 1},
		"page of no kind":   {faketest.HTML(), 1}, // and then the sign-in again
		"list of sign-ins":  {faketest.Body("text/html", idpList), 1},
		"leads to the form": {faketest.Status(http.StatusFound, "Location", "/swedish/production/mentor/?failed=1"), 1},
		"page of regret":    {faketest.Body("text/html", hoppsan), 2},
		"leads to regret":   {faketest.Status(http.StatusFound, "Location", "https://hub.infomentor.se/Home/Errors/Server"), 2},
		"503":               {faketest.Status(http.StatusServiceUnavailable), 2},
		"told to wait":      {faketest.RetryAfter(time.Minute), 2},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, nil, func(f *family) {
				s := f.withPassword()
				f.fake.ChangePassword(f.guardian().PersonalNumber, "ett annat")
				f.fake.KillLogins()
				for range 6 {
					before := f.fake.Rejected()
					f.fake.Inject(faketest.Fault{Path: "/swedish/production/mentor/", Change: func(a *faketest.Answer) {
						if f.fake.Rejected() > before {
							before = 1000 // this answer only
							c.change(a)
						}
					}})
					_ = f.refresh(s)
					f.fake.Heal()
					time.Sleep(6 * time.Hour)
				}
				if got := f.fake.Rejected(); got != c.sent {
					t.Errorf("the password was sent %d times, want %d", got, c.sent)
				}
				if err := f.refresh(s); !errors.Is(err, source.ErrSessionExpired) || strings.Contains(string(s.State()), `"password"`) {
					t.Errorf("Refresh in the end = %v, want %v and no password", err, source.ErrSessionExpired)
				}
			})
		})
	}
}

const idpList = `<html><body><form action="./"><input type="hidden" name="login_ascx$IdpListRepeater$ctl00$url" value="x"></form></body></html>`

// Once the platform led on from the form, the network costs no sign-in, however
// often.
func TestPasswordIsAcceptedInTrouble(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.withPassword()
		for range 4 {
			f.fake.KillLogins()
			f.fake.KillPerson(f.guardian().PersonalNumber)
			n := 0
			f.fake.Inject(faketest.Fault{Path: "/authentication/authentication/login", Change: func(a *faketest.Answer) {
				if n++; n >= 3 { // by the Hub's relay, for the form, after the form
					faketest.Break()(a)
				}
			}})
			if err := f.refresh(s); !errors.Is(err, source.ErrUnavailable) {
				t.Errorf("Refresh = %v, want %v", err, source.ErrUnavailable)
			}
			if n != 3 {
				t.Fatalf("%d requests for the sign-in, want 3", n)
			}
			f.fake.Heal()
			f.fake.KillLogins()
		}
		if err := f.refresh(s); err != nil {
			t.Errorf("Refresh after that = %v", err)
		}
	})
}
