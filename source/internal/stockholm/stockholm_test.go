package stockholm_test

import (
	"bytes"
	"context"
	"errors"
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

func TestFrejaByPush(t *testing.T) {
	t.Parallel()
	for _, variant := range []string{"city", "saml", "json"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, stockholmtest.Options{FrejaJSON: variant == "json"})
				if variant == "saml" {
					w.foreignTarget()
				}
				l := w.begin(t, source.Freja, source.Answers{stockholm.FieldPersonalNumber: "18900102-9819"})
				if p := poll(t, l); p.State != source.LoginScan || p.QR != "" || p.AppLink != "" {
					t.Errorf("waiting for the push: %s", p.State)
				}
				if err := w.phone.OpenFreja(olle().PersonalNumber); err != nil {
					t.Fatalf("OpenFreja() = %v", err)
				}
				pollUntil(t, l, source.LoginApprove)
				if err := w.phone.ApproveFreja(olle().PersonalNumber); err != nil {
					t.Fatalf("ApproveFreja() = %v", err)
				}
				pollUntil(t, l, source.LoginDone)
				if variant != "saml" {
					if diff := cmp.Diff([]stockholmtest.Person{olle()}, w.service.who[:1]); diff != "" {
						t.Errorf("let in (-want +got):\n%s", diff)
					}
				}
				w.polite(t)
			})
		})
	}
}

func TestFrejaOnThisDevice(t *testing.T) {
	t.Parallel()
	for _, variant := range []string{"city", "saml"} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, stockholmtest.Options{})
				if variant == "saml" {
					w.foreignTarget()
				}
				l := w.begin(t, source.FrejaApp, nil)
				p := poll(t, l)
				if !strings.HasPrefix(p.AppLink, "frejaeid://") || strings.Contains(p.AppLink, "&") {
					t.Fatalf("link has an unknown form")
				}
				if err := w.phone.OpenLink(p.AppLink, siv()); err != nil {
					t.Fatalf("OpenLink() = %v", err)
				}
				pollUntil(t, l, source.LoginApprove)
				if err := w.phone.ApproveFreja(siv().PersonalNumber); err != nil {
					t.Fatalf("ApproveFreja() = %v", err)
				}
				pollUntil(t, l, source.LoginDone)
				w.polite(t)
			})
		})
	}
}

func TestFrejaRefusalDoesNotStick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		in := source.Answers{stockholm.FieldPersonalNumber: "900101-9802"}
		l := w.begin(t, source.Freja, source.Answers{stockholm.FieldPersonalNumber: "900101+9802"})
		poll(t, l)
		if err := w.phone.RefuseFreja(siv().PersonalNumber); err != nil {
			t.Fatalf("RefuseFreja() = %v", err)
		}
		pollUntil(t, l, source.LoginCancelled)
		in[stockholm.FieldPersonalNumber] = siv().PersonalNumber
		l = w.begin(t, source.Freja, in)
		if p := pollUntil(t, l, source.LoginScan); p.Restarts != 0 {
			t.Errorf("restarts = %d, want 0", p.Restarts)
		}
		for range 3 {
			if p := poll(t, l); p.State != source.LoginScan {
				t.Fatalf("the second push reads as %s", p.State)
			}
		}
		w.polite(t)
	})
}

func TestBadAnswersSendNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method source.MethodID
		number string
	}{
		{source.Freja, ""},
		{source.Freja, "189001019803"}, // check digit
		{source.Freja, "8900101980"},
		{source.Freja, "18900101980å"},
		{source.Freja, "1890010198021"},
		{source.Password, ""},
	} {
		w := newWorld(t, stockholmtest.Options{})
		_, err := stockholm.Begin(t.Context(), w.client, w.cfg, w.target, tc.method,
			source.Answers{stockholm.FieldPersonalNumber: tc.number})
		if !errors.Is(err, source.ErrAnswer) {
			t.Errorf("Begin(%s) = %v, want ErrAnswer", tc.method, err)
		}
		if tc.number != "" && err != nil && strings.Contains(err.Error(), tc.number) {
			t.Errorf("the error holds the number")
		}
		if n := len(w.sso.Requests()); n > 0 {
			t.Errorf("Begin(%s) sent %d requests", tc.method, n)
		}
	}
}

func TestUnknownNumberIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stockholmtest.Options{})
	_, err := stockholm.Begin(t.Context(), w.client, w.cfg, w.target, source.Freja,
		source.Answers{stockholm.FieldPersonalNumber: "191212121212"})
	if !errors.Is(err, source.ErrRefused) {
		t.Errorf("Begin() = %v, want ErrRefused", err)
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
		if p := pollUntil(t, l, source.LoginFailed); p.Restarts != 0 {
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
