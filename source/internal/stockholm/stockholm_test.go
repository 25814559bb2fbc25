package stockholm_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/internal/stockholm"
	"syncd/source/internal/stockholm/stockholmtest"
)

const (
	serviceHost = "etjanster.stockholm.se"
	landing     = "https://" + serviceHost + "/vardnadshavare/inloggad2/hem"
	foreignHost = "sso.example.test"
)

func siv() stockholmtest.Person {
	return stockholmtest.Person{PersonalNumber: "189001019802", Name: "Siv Kanariefågel"}
}

func olle() stockholmtest.Person {
	return stockholmtest.Person{PersonalNumber: "189001029819", Name: "Olle Kanariefågel"}
}

// world is a client and everything around it.
type world struct {
	sso     *stockholmtest.Server
	phone   *stockholmtest.Phone
	service *cityService
	foreign *stockholmtest.Service
	client  *fetch.Client
	cfg     source.Config
	target  stockholm.Target
	log     *bytes.Buffer
}

// cityService is the least that a service of the city does: whoever carries
// an SMSESSION is let in.
type cityService struct {
	sso *stockholmtest.Server
	who []stockholmtest.Person
}

func (c *cityService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, ok := c.sso.Person(r)
	if !ok {
		http.Redirect(w, r, "https://login001.stockholm.se/NECSadc/mbid/b64startpage.jsp?startpage=aHR0cHM6Ly9ldGphbnN0ZXIuc3RvY2tob2xtLnNlL3ZhcmRuYWRzaGF2YXJlL2lubG9nZ2FkMi9oZW0%3d", http.StatusFound)
		return
	}
	c.who = append(c.who, p)
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write([]byte(`<html><title>Hem</title><script>function ut(){document.getElementById("ut").submit();}</script>
<form id="ut" method="post" action="/vardnadshavare/inloggad2/loggaut"><input name="__RequestVerificationToken" type="hidden" value="x"></form></html>`))
}

func newWorld(t *testing.T, o stockholmtest.Options) *world {
	t.Helper()
	o.Now = time.Now
	o.Persons = []stockholmtest.Person{siv(), olle()}
	w := &world{sso: stockholmtest.New(o), log: &bytes.Buffer{}}
	w.phone = w.sso.Phone()
	w.service = &cityService{sso: w.sso}
	w.sso.Mount(serviceHost, w.service)
	w.foreign = stockholmtest.NewService(w.sso, foreignHost, stockholmtest.ServiceOptions{Interstitial: 2})
	w.cfg = source.Config{
		Transport: w.sso, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	w.client = w.newClient(t)
	w.target = stockholm.Target{Landing: landing, Finish: finish}
	return w
}

func (w *world) newClient(t *testing.T) *fetch.Client {
	t.Helper()
	c, err := fetch.New(w.cfg, fetch.Options{
		Allow: append(stockholm.Rules(),
			fetch.Rule{Method: "GET", Host: serviceHost, Path: "/vardnadshavare/inloggad2/hem"},
			fetch.Rule{Method: "GET", Host: foreignHost, Path: "/*"},
			fetch.Rule{Method: "POST", Host: foreignHost, Path: "/acs"},
			fetch.Rule{Method: "POST", Host: foreignHost, Path: "/step"}),
		UserAgent: "syncd-test",
	})
	if err != nil {
		t.Fatalf("fetch.New() = %v", err)
	}
	return c
}

// foreignTarget makes the SAML target the one to sign in to.
func (w *world) foreignTarget() {
	w.target = stockholm.Target{Entry: w.foreign.Entry(), Finish: finish}
}

// finish returns the jar, as an adapter would.
func finish(_ context.Context, c *fetch.Client, landed *fetch.Response) ([]byte, error) {
	if landed.Status != http.StatusOK || !bytes.Contains(landed.Body, []byte("<html>")) {
		return nil, source.ErrNotUnderstood
	}
	return c.Jar().MarshalBinary()
}

func (w *world) begin(t *testing.T, m source.MethodID, in source.Answers) source.Login {
	t.Helper()
	l, err := stockholm.Begin(t.Context(), w.client, w.cfg, w.target, m, in)
	if err != nil {
		t.Fatalf("Begin(%s) = %v", m, err)
	}
	return l
}

// poll polls once, a second after the last time.
func poll(t *testing.T, l source.Login) source.Progress {
	t.Helper()
	time.Sleep(time.Second)
	p, err := l.Poll(t.Context())
	if err != nil {
		t.Fatalf("Poll() = %v", err)
	}
	return p
}

// pollUntil polls until the state is reached or the login is over.
func pollUntil(t *testing.T, l source.Login, want source.LoginState) source.Progress {
	t.Helper()
	for range 600 {
		p := poll(t, l)
		if p.State == want {
			return p
		}
		if p.State.Final() {
			t.Fatalf("login ended as %s, want %s", p.State, want)
		}
	}
	t.Fatalf("login never came to %s", want)
	return source.Progress{}
}

// polite fails the test where the client was not.
func (w *world) polite(t *testing.T) {
	t.Helper()
	if o := w.sso.Offences(); len(o) > 0 {
		t.Errorf("offences: %q", o)
	}
	for _, secret := range []string{"Kanariefågel", siv().PersonalNumber, olle().PersonalNumber, "bankid.", "autostarttoken", "SMSESSION", "startpage=", "GUID"} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("log holds %q", secret)
		}
	}
}

func (w *world) signIn(t *testing.T) []byte {
	t.Helper()
	w.phone.Auto(siv(), time.Second)
	p := pollUntil(t, w.begin(t, source.BankIDQR, nil), source.LoginDone)
	return p.Session
}

func TestQRSignsInAtTheCitysOwnService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		l := w.begin(t, source.BankIDQR, nil)
		first := poll(t, l)
		if first.State != source.LoginScan || !strings.HasPrefix(first.QR, "bankid.") {
			t.Fatalf("first poll: state %s, frame %q", first.State, first.QR)
		}
		second := poll(t, l)
		if second.QR == first.QR {
			t.Error("the frame did not change with the second poll")
		}
		if second.AppLink != "" {
			t.Error("a link without a token")
		}
		if err := w.phone.Scan(second.QR, siv()); err != nil {
			t.Fatalf("Scan() = %v", err)
		}
		if p := poll(t, l); p.State != source.LoginApprove || p.QR != "" {
			t.Errorf("after the scan: state %s, frame %q", p.State, p.QR)
		}
		if err := w.phone.Approve(); err != nil {
			t.Fatalf("Approve() = %v", err)
		}
		if p := poll(t, l); p.State != source.LoginFinishing {
			t.Errorf("after signing: state %s", p.State)
		}
		p := poll(t, l)
		if p.State != source.LoginDone || len(p.Session) == 0 {
			t.Fatalf("at the end: state %s, %d bytes", p.State, len(p.Session))
		}
		if diff := cmp.Diff([]stockholmtest.Person{siv()}, w.service.who); diff != "" {
			t.Errorf("let in (-want +got):\n%s", diff)
		}
		if again, err := l.Poll(t.Context()); err != nil || again.State != source.LoginDone || !bytes.Equal(again.Session, p.Session) {
			t.Errorf("polling a finished login = %s, %v", again.State, err)
		}
		w.polite(t)
	})
}

func TestFramesStayFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		l := w.begin(t, source.BankIDQR, nil)
		old := poll(t, l).QR
		for range 20 {
			poll(t, l)
		}
		if err := w.phone.Scan(old, siv()); err == nil {
			t.Error("the fake took a frame 20 s old")
		}
		if err := w.phone.Scan(poll(t, l).QR, siv()); err != nil {
			t.Errorf("Scan() of the newest frame = %v", err)
		}
	})
}

func TestLinksOpenBankIDOnThisDevice(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"app", "universal"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, stockholmtest.Options{})
				l := w.begin(t, source.BankIDApp, source.Answers{source.AnswerReturn: "https://skola.example.test/accounts/a1?x=1&y=å"})
				p := poll(t, l)
				link := p.AppLink
				if form == "universal" {
					link = p.UniversalLink
					if want := "&redirect=https%3A%2F%2Fskola.example.test%2Faccounts%2Fa1%3Fx%3D1%26y%3D"; !strings.Contains(link, want) {
						t.Errorf("link does not come back to the page")
					}
				} else if !strings.HasPrefix(link, "bankid:///?autostarttoken=") || !strings.HasSuffix(link, "&redirect=null") {
					t.Errorf("link has an unknown form")
				}
				if err := w.phone.OpenLink(link, siv()); err != nil {
					t.Fatalf("OpenLink() = %v", err)
				}
				pollUntil(t, l, source.LoginApprove)
				if err := w.phone.Approve(); err != nil {
					t.Fatalf("Approve() = %v", err)
				}
				pollUntil(t, l, source.LoginDone)
				w.polite(t)
			})
		})
	}
}

func TestReturnAddressIsAPage(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "javascript:alert(1)", "//x", "https://u:p@x/", "bankid:///", "%zz"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, stockholmtest.Options{})
			p := poll(t, w.begin(t, source.BankIDApp, source.Answers{source.AnswerReturn: bad}))
			if !strings.HasSuffix(p.UniversalLink, "&redirect=") {
				t.Errorf("return address %q went into the link", bad)
			}
		})
	}
}

func TestSAMLTarget(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sso stockholmtest.Options
		svc stockholmtest.ServiceOptions
	}{
		"redirect":             {},
		"form":                 {svc: stockholmtest.ServiceOptions{Form: true}},
		"five interstitials":   {svc: stockholmtest.ServiceOptions{Interstitial: 5}},
		"bounced":              {sso: stockholmtest.Options{Bounces: 1}},
		"bounced twice":        {sso: stockholmtest.Options{Bounces: 2}},
		"stale":                {sso: stockholmtest.Options{Stale: 1}},
		"stale twice":          {sso: stockholmtest.Options{Stale: 2}},
		"merged cookies":       {sso: stockholmtest.Options{Merged: true}},
		"merged cookies, form": {sso: stockholmtest.Options{Merged: true}, svc: stockholmtest.ServiceOptions{Form: true, Interstitial: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tc.sso)
				w.foreign = stockholmtest.NewService(w.sso, foreignHost, tc.svc)
				w.foreignTarget()
				w.phone.Auto(siv(), 2*time.Second)
				pollUntil(t, w.begin(t, source.BankIDQR, nil), source.LoginDone)
				if v, ok := w.client.Jar().Get(foreignHost, "PRETEND"); !ok || v == "" {
					t.Error("the foreign system's cookie is missing")
				}
				w.polite(t)
			})
		})
	}
}

func TestRefusedByTheTarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		w.target.Finish = func(context.Context, *fetch.Client, *fetch.Response) ([]byte, error) {
			return nil, source.ErrRefused
		}
		w.phone.Auto(siv(), time.Second)
		pollUntil(t, w.begin(t, source.BankIDQR, nil), source.LoginRejected)
	})
}

func TestBeginStartsWithAnEmptyJar(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		w.signIn(t)
		w.sso.KillSMSession()
		w.signIn(t)
		w.polite(t)
		w.foreignTarget()
		w.signIn(t)
		w.polite(t)
	})
}
