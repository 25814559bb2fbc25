package stockholm_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/internal/stockholm"
	"syncd/source/internal/stockholm/stockholmtest"
)

// say answers with a status and a body.
func say(status int, kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// onPolls lets h answer the next n polls.
func onPolls(n int, h http.Handler) func(*http.Request) http.Handler {
	return func(r *http.Request) http.Handler {
		if n > 0 && (r.URL.Query().Has("verifyorder") || r.URL.Query().Get("action") == "checkstatus") {
			n--
			return h
		}
		return nil
	}
}

func TestPollsMayStumble(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.Handler{
		"500":         say(500, "text/html", "<html>"),
		"502":         say(502, "text/html", ""),
		"html":        say(200, "text/html", "<html><title>Logga in</title></html>"),
		"empty":       say(200, "application/json", ""),
		"broken json": say(200, "application/json", `{"state":"PEN`),
		"number":      say(200, "application/json", `{"state":7}`),
		"no state":    say(200, "application/json", `{"status":"nej"}`),
		"404":         say(404, "text/html", "<html>"),
		"long":        say(200, "text/plain", strings.Repeat("x", 5000)),
		"cut off": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "400")
			_, _ = io.WriteString(w, `{"state":"OK"}`)
		}),
	} {
		for _, method := range []source.MethodID{source.BankIDQR, source.Freja} {
			if name == "no state" && method == source.Freja {
				continue // a word that Freja does not know means waiting
			}
			t.Run(name+"/"+string(method), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, stockholmtest.Options{})
					l := w.begin(t, method, source.Answers{stockholm.FieldPersonalNumber: siv().PersonalNumber})
					poll(t, l)
					w.sso.Hook(onPolls(2, h))
					for range 6 {
						if p := poll(t, l); p.State != source.LoginScan || p.Restarts != 0 {
							t.Fatalf("after two stumbles: %s, %d restarts", p.State, p.Restarts)
						}
					}
					w.phone.Auto(siv(), 0)
					pollUntil(t, l, source.LoginDone)
				})
			})
		}
	}
}

func TestThirdStumbleReplacesTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		l := w.begin(t, source.BankIDQR, nil)
		poll(t, l)
		w.sso.Hook(onPolls(3, say(500, "text/html", "")))
		for range 4 {
			poll(t, l)
		}
		p := poll(t, l)
		if p.State != source.LoginScan || p.Restarts != 1 {
			t.Fatalf("state %s, %d restarts, want scan, 1", p.State, p.Restarts)
		}
		if err := w.phone.Scan(p.QR, siv()); err != nil {
			t.Errorf("Scan() of the new order's frame = %v", err)
		}
	})
}

// An order that a person had opened is not replaced: when the city has
// forgotten it, nobody acted in time; other trouble is other trouble.
func TestOpenedOrderIsForgotten(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]source.LoginState{500: source.LoginExpired, 502: source.LoginFailed} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, stockholmtest.Options{})
			l := w.begin(t, source.BankIDQR, nil)
			if err := w.phone.Scan(poll(t, l).QR, siv()); err != nil {
				t.Fatalf("Scan() = %v", err)
			}
			pollUntil(t, l, source.LoginApprove)
			w.sso.Hook(onPolls(100, say(status, "text/html", "")))
			if p := pollUntil(t, l, want); p.Restarts != 0 {
				t.Errorf("%d restarts, want none", p.Restarts)
			}
		})
	}
}

func TestThirdStumbleEndsFreja(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		l := w.begin(t, source.FrejaApp, nil)
		w.sso.Hook(onPolls(100, say(500, "text/html", "")))
		for range 20 {
			time.Sleep(time.Second)
			p, err := l.Poll(t.Context())
			if err == nil {
				continue
			}
			if !errors.Is(err, source.ErrUnavailable) || p.State != source.LoginFailed {
				t.Errorf("Poll() = %s, %v, want failed, ErrUnavailable", p.State, err)
			}
			if _, again := l.Poll(t.Context()); !errors.Is(again, source.ErrUnavailable) {
				t.Errorf("Poll() after the end = %v, want the same error", again)
			}
			return
		}
		t.Error("the login goes on for ever")
	})
}

func TestUnknownWordsMeanWaiting(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"OUTSTANDING_TRANSACTION", "STARTED", "NO_CLIENT", "NYTT_ORD"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, stockholmtest.Options{})
			l := w.begin(t, source.BankIDQR, nil)
			w.sso.Hook(onPolls(30, say(200, "application/json", `{"state":"`+word+`","qrData":"bankid.x.1.ff"}`)))
			for range 30 {
				if p := poll(t, l); p.State != source.LoginScan || p.QR != "bankid.x.1.ff" {
					t.Fatalf("%s: %s with frame %q", word, p.State, p.QR)
				}
			}
		})
	}
}

func TestFrejaWords(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]source.LoginState{
		"STARTED": source.LoginScan, "UNKNOWN": source.LoginScan, "NYTT_ORD": source.LoginScan,
		"DELIVERED_TO_MOBILE": source.LoginApprove,
		"CANCELED":            source.LoginCancelled, "CANCELLED": source.LoginCancelled, "REJECTED": source.LoginCancelled,
		"EXPIRED": source.LoginExpired, "TIMEOUT": source.LoginExpired,
		"ERROR": source.LoginFailed, "RP_CANCELED": source.LoginFailed, "RP_CANCELLED": source.LoginFailed,
		`{"status":"REJECTED"}`: source.LoginCancelled, `"APPROVED"`: source.LoginFinishing,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, stockholmtest.Options{})
			l := w.begin(t, source.FrejaApp, nil)
			w.sso.Hook(onPolls(1, say(200, "text/plain", word)))
			if p := poll(t, l); p.State != want {
				t.Errorf("%s: state %s, want %s", word, p.State, want)
			}
		})
	}
}

func TestOddOrders(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		`{"order":"o1","token":"t1"}`:                                nil, // a QR order answered with a token only
		`{"order":"o1","qrData":"bankid.a.0.b","token":"t1","x":[]}`: nil,
		`{"order":"o1"}`:                                            source.ErrNotUnderstood,
		`{"order":"","qrData":"bankid.a.0.b"}`:                      source.ErrNotUnderstood,
		`{"order":17,"qrData":"bankid.a.0.b"}`:                      source.ErrNotUnderstood,
		`{"order":"o1","qrData":"bankid\n.a"}`:                      source.ErrNotUnderstood,
		`{"order":"` + strings.Repeat("o", 5000) + `"}`:             source.ErrNotUnderstood,
		`{"order":"o1","token":"` + strings.Repeat("t", 999) + `"}`: source.ErrNotUnderstood,
		``:                source.ErrNotUnderstood,
		`<html></html>`:   source.ErrNotUnderstood,
		`[]`:              source.ErrNotUnderstood,
		`{"order":"o1","`: source.ErrNotUnderstood,
	} {
		w := newWorld(t, stockholmtest.Options{})
		w.sso.Hook(func(r *http.Request) http.Handler {
			if r.URL.Query().Has("initialize") {
				return say(200, "application/json", body)
			}
			return nil
		})
		_, err := stockholm.Begin(t.Context(), w.client, w.cfg, w.target, source.BankIDQR, nil)
		if !errors.Is(err, want) {
			t.Errorf("Begin() with order %.40q = %v, want %v", body, err, want)
		}
	}
}

func TestOddFrejaLinks(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		"frejaeid://x?ref=1&more=2\n":     nil,
		`"https://app.frejaeid.com/x?y"`:  nil,
		"javascript:alert(1)":             source.ErrNotUnderstood,
		"data:text/html,x":                source.ErrNotUnderstood,
		"http://x":                        source.ErrNotUnderstood,
		"":                                source.ErrNotUnderstood,
		"<html></html>":                   source.ErrNotUnderstood,
		"frejaeid://å":                    source.ErrNotUnderstood,
		"frejaeid://x\r\nSet-Cookie: a=b": source.ErrNotUnderstood,
	} {
		w := newWorld(t, stockholmtest.Options{})
		w.sso.Hook(func(r *http.Request) http.Handler {
			if r.URL.Query().Get("action") == "init" {
				return say(200, "text/plain", body)
			}
			return nil
		})
		_, err := stockholm.Begin(t.Context(), w.client, w.cfg, w.target, source.FrejaApp, nil)
		if !errors.Is(err, want) {
			t.Errorf("Begin() with link %q = %v, want %v", body, err, want)
		}
	}
}

func TestOddEntries(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		h    http.Handler
		want error
	}{
		"unknown page":        {say(200, "text/html", "<html><title>Driftstopp</title></html>"), source.ErrNotUnderstood},
		"empty":               {say(200, "text/html", ""), source.ErrNotUnderstood},
		"stale for ever":      {say(400, "text/html", ""), source.ErrNotUnderstood},
		"gone":                {say(404, "text/html", ""), source.ErrNotUnderstood},
		"out of order":        {say(503, "text/html", ""), source.ErrUnavailable},
		"blocked":             {say(403, "text/html", ""), source.ErrBlocked},
		"firewall":            {say(200, "text/html", "<html><head><title>Request Rejected</title></head></html>"), source.ErrBlocked},
		"form without end":    {say(200, "text/html", `<body onload="document.forms[0].submit()"><form method=post action=""><input name=SAMLRequest value=x></form>`), source.ErrNotUnderstood},
		"form to elsewhere":   {say(200, "text/html", `<body onload="document.forms[0].submit()"><form method=post action="https://evil.example/"><input name=SAMLRequest value=x></form>`), fetch.ErrNotAllowed},
		"form without https":  {say(200, "text/html", `<form method=post action="http://login001.stockholm.se/affwebservices/public/saml2sso"><input name=SAMLRequest value=x></form>`), fetch.ErrNotAllowed},
		"malformed action":    {say(200, "text/html", `<form method=post action="%zz://"><input name=SAMLRequest value=x></form>`), source.ErrNotUnderstood},
		"chooser to nowhere":  {say(200, "text/html", `<a href="https://evil.example/NECSadc/mbid/x">BankID</a>`), fetch.ErrNotAllowed},
		"chooser in a circle": {say(200, "text/html", `<a href="/NECSadc/mbid/b64startpage.jsp?startpage=">BankID</a>`), source.ErrNotUnderstood},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stockholmtest.Options{})
			w.foreignTarget()
			w.sso.Hook(func(r *http.Request) http.Handler {
				if r.Host == stockholmtest.LoginHost {
					return tc.h
				}
				return nil
			})
			_, err := stockholm.Begin(t.Context(), w.client, w.cfg, w.target, source.BankIDQR, nil)
			if !errors.Is(err, tc.want) {
				t.Errorf("Begin() = %v, want %v", err, tc.want)
			}
			if n := len(w.sso.Requests()); n > 30 {
				t.Errorf("%d requests before giving up", n)
			}
		})
	}
}

func TestChooserForm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		w.foreignTarget()
		w.sso.Hook(func(r *http.Request) http.Handler {
			if !strings.HasSuffix(r.URL.Path, "/amedborgare.jsp") {
				return nil
			}
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rec := &keep{ResponseWriter: rw}
				w.sso.Hook(nil)
				w.sso.ServeHTTP(rec, r)
				// The same chooser, with forms in place of its links.
				page := strings.NewReplacer(`<a class="method" href=`, `<form method=get action=`, `Mobilt BankID</a>`,
					`<input name=startpage value="`+between(rec.body.String(), "startpage&#x3d;", `"`)+`"></form>`).Replace(rec.body.String())
				_, _ = io.WriteString(rw, page)
			})
		})
		w.phone.Auto(siv(), time.Second)
		pollUntil(t, w.begin(t, source.BankIDQR, nil), source.LoginDone)
		w.polite(t)
	})
}

// keep keeps a body that it does not send.
type keep struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (k *keep) Write(p []byte) (int, error) { return k.body.Write(p) }

func between(s, a, b string) string {
	_, s, _ = strings.Cut(s, a)
	s, _, _ = strings.Cut(s, b)
	return s
}

func TestLoginPageAfterSigning(t *testing.T) {
	t.Parallel()
	for _, saml := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, stockholmtest.Options{Bounces: 1000})
			if saml {
				w.foreignTarget()
			}
			w.phone.Auto(siv(), time.Second)
			l := w.begin(t, source.BankIDQR, nil)
			pollUntil(t, l, source.LoginFinishing)
			w.sso.KillSMSession()
			p, err := l.Poll(t.Context())
			if !errors.Is(err, source.ErrNotUnderstood) || p.State != source.LoginFailed {
				t.Errorf("Poll() = %s, %v, want failed, ErrNotUnderstood", p.State, err)
			}
		})
	}
}

func TestOneWayBackIsEnough(t *testing.T) {
	t.Parallel()
	// Each of the ways that lead back after signing is out of order once.
	for _, broken := range []string{"/NECSadcmbid/authenticate/SiteMinderAuthADC", "/NECSadc/mbid/b64startpage.jsp"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, stockholmtest.Options{})
			w.phone.Auto(siv(), time.Second)
			l := w.begin(t, source.BankIDQR, nil)
			pollUntil(t, l, source.LoginFinishing)
			once := true
			w.sso.Hook(func(r *http.Request) http.Handler {
				if once && r.URL.Path == broken {
					once = false
					return say(500, "text/html", "")
				}
				return nil
			})
			pollUntil(t, l, source.LoginDone)
		})
	}
}

func TestTroubleThatEndsALogin(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		h    http.Handler
		want error
	}{
		"blocked": {say(403, "text/html", "<html>"), source.ErrBlocked},
		"rate": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
		}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, stockholmtest.Options{})
				l := w.begin(t, source.BankIDQR, nil)
				w.sso.Hook(onPolls(1, tc.h))
				time.Sleep(time.Second)
				_, err := l.Poll(t.Context())
				if tc.want != nil && !errors.Is(err, tc.want) {
					t.Errorf("Poll() = %v, want %v", err, tc.want)
				}
				if rate, ok := errors.AsType[*source.RateLimitError](err); tc.want == nil && (!ok || rate.RetryAfter != 2*time.Minute) {
					t.Errorf("Poll() = %v, want a wait of 2 m", err)
				}
			})
		})
	}
}

func TestEndedContextDoesNotEndTheLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, stockholmtest.Options{})
		l := w.begin(t, source.BankIDQR, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		time.Sleep(time.Second)
		if p, err := l.Poll(ctx); !errors.Is(err, context.Canceled) || p.State.Final() {
			t.Errorf("Poll() = %s, %v, want context.Canceled and no end", p.State, err)
		}
		w.phone.Auto(siv(), 0)
		pollUntil(t, l, source.LoginFinishing)
		if p, err := l.Poll(ctx); !errors.Is(err, context.Canceled) || p.State.Final() {
			t.Errorf("Poll() = %s, %v, want context.Canceled and no end", p.State, err)
		}
		pollUntil(t, l, source.LoginDone)
	})
}

func TestBudgetEndsALogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stockholmtest.Options{})
	w.cfg.Turn = func(context.Context, string) (func(), error) { return nil, source.ErrBudget }
	w.client = w.newClient(t)
	_, err := stockholm.Begin(t.Context(), w.client, w.cfg, w.target, source.BankIDQR, nil)
	if !errors.Is(err, source.ErrBudget) {
		t.Errorf("Begin() = %v, want ErrBudget", err)
	}
}
