package stockholm_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/internal/stockholm"
	"syncd/source/internal/stockholm/stockholmtest"
)

func TestReenterNeedsNobody(t *testing.T) {
	t.Parallel()
	for _, saml := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, stockholmtest.Options{})
			if saml {
				w.foreignTarget()
			}
			state := w.signIn(t)
			w.foreign.KillSessions()
			time.Sleep(3 * time.Hour)

			// Another process, with what was stored.
			client := w.newClient(t)
			if err := client.Jar().UnmarshalBinary(state); err != nil {
				t.Fatalf("UnmarshalBinary() = %v", err)
			}
			before, _ := client.Jar().Get("login001.stockholm.se", "SMSESSION")
			resp, err := stockholm.Reenter(t.Context(), client, w.target)
			if err != nil {
				t.Fatalf("Reenter() = %v", err)
			}
			if resp.Status != http.StatusOK || resp.URL.Hostname() == stockholmtest.LoginHost {
				t.Errorf("Reenter() ended with %d at the sign-in", resp.Status)
			}
			if saml {
				if after, _ := client.Jar().Get("login001.stockholm.se", "SMSESSION"); after == before {
					t.Error("the rotated SMSESSION was not kept")
				}
			}
			w.polite(t)
		})
	}
}

func TestReenterNeedsAPerson(t *testing.T) {
	t.Parallel()
	for _, saml := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, stockholmtest.Options{SessionLife: time.Hour})
			if saml {
				w.foreignTarget()
			}
			w.signIn(t)
			w.foreign.KillSessions()
			time.Sleep(2 * time.Hour)
			sent := len(w.sso.Requests())
			_, err := stockholm.Reenter(t.Context(), w.client, w.target)
			if !errors.Is(err, source.ErrSessionExpired) {
				t.Errorf("Reenter() = %v, want ErrSessionExpired", err)
			}
			if n := len(w.sso.Requests()) - sent; n > 10 {
				t.Errorf("%d requests to learn that a person is needed", n)
			}
			for _, r := range w.sso.Requests()[sent:] {
				if r == "GET login003.stockholm.se/NECSadcmbid/authenticate/NECSadcmbid?initialize=qr" {
					t.Error("Reenter placed an order")
				}
			}
		})
	}
}

func TestReenterWithoutCookieSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stockholmtest.Options{})
	_, err := stockholm.Reenter(t.Context(), w.client, w.target)
	if !errors.Is(err, source.ErrSessionExpired) || len(w.sso.Requests()) != 0 {
		t.Errorf("Reenter() = %v after %d requests", err, len(w.sso.Requests()))
	}
}

func TestReenterStartsAgainAfterAParallelOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		w.foreignTarget()
		w.signIn(t)
		w.foreign.KillSessions()

		// While this one is under way, another begins in between.
		meddled := false
		w.sso.Hook(func(r *http.Request) http.Handler {
			if meddled || r.URL.Query().Get("SMASSERTIONREF") == "" {
				return nil
			}
			meddled = true
			other, err := http.NewRequestWithContext(r.Context(), http.MethodGet, w.sso.Entry("https://x.example.test/acs", ""), http.NoBody)
			if err != nil {
				t.Errorf("NewRequest() = %v", err)
				return nil
			}
			other.Header = http.Header{"Cookie": r.Header["Cookie"], "User-Agent": {"another"}}
			resp, err := w.sso.RoundTrip(other)
			if err != nil {
				t.Errorf("RoundTrip() = %v", err)
				return nil
			}
			resp.Body.Close()
			return nil
		})
		if _, err := stockholm.Reenter(t.Context(), w.client, w.target); err != nil {
			t.Errorf("Reenter() = %v", err)
		}
		if !meddled {
			t.Error("nothing was parallel")
		}
		w.polite(t)

		w.sso.Change(func(o *stockholmtest.Options) { o.Stale = 100 })
		w.foreign.KillSessions()
		if _, err := stockholm.Reenter(t.Context(), w.client, w.target); !errors.Is(err, source.ErrNotUnderstood) {
			t.Errorf("Reenter() with endless 400 = %v, want ErrNotUnderstood", err)
		}
	})
}

func TestReenterTroubleIsNotExpiry(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{500: source.ErrUnavailable, 403: source.ErrBlocked} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, stockholmtest.Options{})
			w.signIn(t)
			w.sso.Hook(func(*http.Request) http.Handler { return say(status, "text/html", "") })
			_, err := stockholm.Reenter(t.Context(), w.client, w.target)
			if !errors.Is(err, want) || errors.Is(err, source.ErrSessionExpired) {
				t.Errorf("Reenter() with %d = %v, want %v", status, err, want)
			}
		})
	}
}

func TestReenterGoesRoundCircles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		w.signIn(t)
		circles := true
		w.sso.Hook(func(r *http.Request) http.Handler {
			if r.URL.Path == "/NECSadcmbid/authenticate/SiteMinderAuthADC" {
				circles = false
			}
			if circles && r.Host == serviceHost {
				return http.RedirectHandler(landing, http.StatusFound)
			}
			return nil
		})
		if _, err := stockholm.Reenter(t.Context(), w.client, w.target); err != nil {
			t.Errorf("Reenter() = %v", err)
		}
	})
}

func TestRulesHoldNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stockholmtest.Options{})
	for _, r := range []fetch.Request{
		{Method: "POST", URL: "https://login001.stockholm.se/"},
		{Method: "POST", URL: "https://login003.stockholm.se/NECSadcmbid/authenticate/NECSadcmbid?x"},
		{Method: "PUT", URL: "https://login001.stockholm.se/affwebservices/public/saml2sso"},
		{Method: "DELETE", URL: "https://login003.stockholm.se/NECSadcfreja/authenticate/NECSadcfreja"},
		{URL: "https://login002.stockholm.se/"},
		{URL: "http://login001.stockholm.se/"},
	} {
		if _, err := w.client.Do(t.Context(), r); !errors.Is(err, fetch.ErrNotAllowed) {
			t.Errorf("Do(%s) = %v, want ErrNotAllowed", r.Method, err)
		}
	}
	if n := len(w.sso.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
