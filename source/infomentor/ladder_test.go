package infomentor_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

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

// A municipality's own sign-in needs a person.
func TestRenewalLeadsToAMunicipality(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.login()
		f.fake.KillPerson(f.guardian().PersonalNumber)
		f.fake.Inject(faketest.Fault{
			Path:   "/swedish/production/mentor/",
			Change: faketest.Status(http.StatusFound, "Location", "https://sso.infomentor.se/login.ashx?idp=nacka"),
		})
		if err := f.refresh(s); !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Refresh = %v, want %v", err, source.ErrSessionExpired)
		}
	})
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
// again. One whose answer says nothing of it is.
func TestPasswordWithoutAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*faketest.Answer)
		again  bool
	}{
		"connection ends": {faketest.Break(), false},
		"cut off":         {faketest.CutOff(), false},
		"maintenance":     {faketest.HTML(), true},
		"503":             {faketest.Status(http.StatusServiceUnavailable), true},
		"told to wait":    {faketest.RetryAfter(1e9), true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, nil, func(f *family) {
				s := f.withPassword()
				f.fake.ChangePassword(f.guardian().PersonalNumber, "ett annat")
				f.fake.KillLogins()
				// After the Hub's own relay, and the one before the form.
				f.fake.Inject(faketest.Fault{Path: "/swedish/production/mentor/", Skip: 2, Times: 1, Change: c.change})
				if err := f.refresh(s); err == nil || errors.Is(err, source.ErrSessionExpired) {
					t.Errorf("Refresh = %v", err)
				}
				if f.fake.Rejected() != 1 {
					t.Fatal("the password was not sent")
				}
				f.fake.Heal()
				if err := f.refresh(s); !errors.Is(err, source.ErrSessionExpired) {
					t.Errorf("Refresh after that = %v, want %v", err, source.ErrSessionExpired)
				}
				if again := f.fake.Rejected() == 2; again != c.again {
					t.Errorf("the password was sent again: %v, want %v", again, c.again)
				}
			})
		})
	}
}
