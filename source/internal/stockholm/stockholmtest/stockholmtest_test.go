package stockholmtest_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/internal/stockholm/stockholmtest"
)

// The address of the BankID page, written out: these tests know nothing of
// the package that the fake is for.
const page = "https://login003.stockholm.se/NECSadcmbid/authenticate/NECSadcmbid?TYPE=33554433" +
	"&REALMOID=06-42f40edd-0c5b-4dbc-b714-1be1e907f2de&GUID=1&SMAUTHREASON=0&METHOD=GET" +
	"&SMAGENTNAME=IfNE0iMOtzq2TcxFADHylR6rkmFtwzoxRKh5nRMO9NBqIxHrc38jFyt56FASdxk1" +
	"&TARGET=-SM-HTTPS%3a%2f%2flogin001%2estockholm%2ese%2fNECSadc%2fmbid%2fb64startpage%2ejsp%3fstartpage%3d" +
	"aHR0cHM6Ly9ldGphbnN0ZXIuc3RvY2tob2xtLnNlL3ZhcmRuYWRzaGF2YXJlL2lubG9nZ2FkMi9oZW0%3d"

func siv() stockholmtest.Person {
	return stockholmtest.Person{PersonalNumber: "189001019802", Name: "Siv Påhittsson"}
}

func client(t *testing.T, rt http.RoundTripper) *fetch.Client {
	t.Helper()
	o := fetch.Options{UserAgent: "syncd-test"}
	for _, h := range []string{stockholmtest.LoginHost, stockholmtest.PageHost, "etjanster.stockholm.se", "f.example.test", "g.example.test"} {
		for _, m := range []string{"GET", "POST", "PUT"} {
			o.Allow = append(o.Allow, fetch.Rule{Method: m, Host: h, Path: "/*"})
		}
	}
	c, err := fetch.New(source.Config{Transport: rt, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, c *fetch.Client, addr string) *fetch.Response {
	t.Helper()
	resp, err := c.Do(t.Context(), fetch.Request{URL: addr, Raw: true})
	if err != nil {
		t.Fatalf("GET: %v", err)
	}
	return resp
}

func words(t *testing.T, r *fetch.Response) map[string]string {
	t.Helper()
	var m map[string]string
	if err := json.Unmarshal(r.Body, &m); err != nil {
		t.Fatalf("answer %d is not JSON: %v", r.Status, err)
	}
	return m
}

func TestAnOrderFromStartToSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stockholmtest.New(stockholmtest.Options{Now: time.Now})
		c := client(t, s)
		o := words(t, get(t, c, page+"&initialize=qr&_=1"))
		verify := page + "&verifyorder=" + o["order"] + "&_=2"
		if got := words(t, get(t, c, verify)); got["state"] != "PENDING" || got["qrData"] == "" {
			t.Errorf("first poll = %v", got)
		}
		time.Sleep(3 * time.Second)
		next := words(t, get(t, c, verify))["qrData"]
		if next == o["qrData"] || !strings.Contains(next, ".3.") {
			t.Errorf("frame after 3 s = %q", next)
		}
		if err := s.Phone().Scan(strings.Replace(next, ".3.", ".4.", 1), siv()); err == nil {
			t.Error("a forged frame was scanned")
		}
		if err := s.Phone().Approve(); err == nil {
			t.Error("nothing was approved")
		}
		if err := s.Phone().Scan(next, siv()); err != nil {
			t.Fatalf("Scan() = %v", err)
		}
		time.Sleep(time.Second)
		if got := words(t, get(t, c, verify))["state"]; got != "USER_SIGN" {
			t.Errorf("state = %s", got)
		}
		collect := strings.Replace(page, "/NECSadcmbid?", "/SiteMinderAuthADC?", 1)
		if r := get(t, c, collect); r.Status != 302 || r.Header.Get("Location") != page {
			t.Error("an unsigned order was handed over")
		}
		if err := s.Phone().Approve(); err != nil {
			t.Fatalf("Approve() = %v", err)
		}
		time.Sleep(time.Second)
		if got := words(t, get(t, c, verify))["state"]; got != "OK" {
			t.Errorf("state = %s", got)
		}
		r := get(t, c, collect)
		if to := r.Header.Get("Location"); !strings.HasPrefix(to, "https://login001.stockholm.se/NECSadc/mbid/b64startpage.jsp?startpage=") {
			t.Errorf("handed over to %s", to)
		}
		if r = get(t, c, r.Header.Get("Location")); r.Header.Get("Location") != "https://etjanster.stockholm.se/vardnadshavare/inloggad2/hem" {
			t.Errorf("landed at %s", r.Header.Get("Location"))
		}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://etjanster.stockholm.se/x", http.NoBody)
		u := &url.URL{Scheme: "https", Host: "etjanster.stockholm.se", Path: "/x"}
		req.Header["Cookie"] = []string{c.Jar().Header(u)}
		if p, ok := s.Person(req); !ok || p != siv() {
			t.Errorf("Person() = %v, %t", p, ok)
		}
		s.KillSMSession()
		if _, ok := s.Person(req); ok {
			t.Error("a killed session lives")
		}
		if got := s.Offences(); len(got) != 0 {
			t.Errorf("Offences() = %q", got)
		}
	})
}

func TestMannersAreEnforced(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		do   func(*testing.T, *stockholmtest.Server) int // the last status
		want int
		note string
	}{
		"hasty polls":               {hastyPolls, 200, "too often"},
		"a repaired page":           {repairedPage, 500, "parameters"},
		"net/http's own cookies":    {netHTTP, 200, "did not come back"},
		"a re-encoded signature":    {reencoded, 400, "signed address"},
		"a form in place of a page": {postedPage, 405, "POST"},
		"a wrong start":             {wrongStart, 400, "start page"},
		"an unknown host":           {unknownHost, 404, "nobody answers"},
		"an unknown assertion":      {unknownAssertion, 0, "SAML answer"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := stockholmtest.New(stockholmtest.Options{Now: time.Now})
			if status := tc.do(t, s); status != tc.want {
				t.Errorf("%s: status %d, want %d", name, status, tc.want)
			}
			if got := strings.Join(s.Offences(), "\n"); !strings.Contains(got, tc.note) {
				t.Errorf("%s: Offences() = %q, want %q in it", name, got, tc.note)
			}
		})
	}
}

func hastyPolls(t *testing.T, s *stockholmtest.Server) int {
	t.Helper()
	c := client(t, s)
	o := words(t, get(t, c, page+"&initialize=bankid"))
	get(t, c, page+"&verifyorder="+o["order"])
	return get(t, c, page+"&verifyorder="+o["order"]).Status
}

func repairedPage(t *testing.T, s *stockholmtest.Server) int {
	t.Helper()
	return get(t, client(t, s), strings.ReplaceAll(page, "%2e", ".")).Status
}

func netHTTP(t *testing.T, s *stockholmtest.Server) int {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	hc := &http.Client{Transport: s, Jar: jar}
	status := 0
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "x")
		resp, err := hc.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		status = resp.StatusCode
	}
	return status
}

func reencoded(t *testing.T, s *stockholmtest.Server) int {
	t.Helper()
	entry := s.Entry("https://f.example.test/acs", "")
	return get(t, client(t, s), strings.ReplaceAll(entry, "%7e", "~")).Status
}

func postedPage(t *testing.T, s *stockholmtest.Server) int {
	t.Helper()
	resp, err := client(t, s).Do(t.Context(), fetch.Request{Method: "POST", URL: page})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status
}

func wrongStart(t *testing.T, s *stockholmtest.Server) int {
	t.Helper()
	return get(t, client(t, s), "https://login001.stockholm.se/NECSadc/mbid/b64startpage.jsp?startpage=aHR0cHM6Ly9ldmlsLmV4YW1wbGUv").Status
}

func unknownHost(t *testing.T, s *stockholmtest.Server) int {
	t.Helper()
	return get(t, client(t, s), "https://g.example.test/").Status
}

func unknownAssertion(t *testing.T, s *stockholmtest.Server) int {
	t.Helper()
	if p, ok := s.Assertion("x", "https://f.example.test/acs"); ok {
		t.Errorf("Assertion() = %v", p)
	}
	return 0
}

func TestUnknownOrdersAreAServerError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stockholmtest.New(stockholmtest.Options{Now: time.Now, OrderLife: 30 * time.Second})
		c, other := client(t, s), client(t, s)
		id := words(t, get(t, c, page+"&initialize=qr"))["order"]
		get(t, other, page+"&initialize=qr")
		for name, r := range map[string]*fetch.Response{
			"unknown":         get(t, c, page+"&verifyorder=x"),
			"somebody else's": get(t, other, page+"&verifyorder="+id),
			"unknown kind":    get(t, c, page+"&initialize=startqr"),
		} {
			if r.Status != 500 {
				t.Errorf("%s: status %d, want 500", name, r.Status)
			}
		}
		time.Sleep(31 * time.Second)
		if r := get(t, c, page+"&verifyorder="+id); r.Status != 500 {
			t.Errorf("expired: status %d, want 500", r.Status)
		}
	})
}

func TestSignInWithoutAPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stockholmtest.New(stockholmtest.Options{Now: time.Now, SessionLife: time.Hour})
		c := client(t, s)
		c.Jar().Set(&url.URL{Scheme: "https", Host: "login001.stockholm.se"}, []string{s.SignIn(siv())})
		sv := stockholmtest.NewService(s, "f.example.test", stockholmtest.ServiceOptions{})
		resp, err := c.Do(t.Context(), fetch.Request{URL: sv.Entry(), Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		form := between(string(resp.Body), `name="SAMLResponse" value="`, `"`)
		body := url.Values{"SAMLResponse": {form}, "RelayState": {"rs=1&två"}}.Encode()
		post := fetch.Request{Method: "POST", URL: "https://f.example.test/acs", Body: []byte(body), Follow: true}
		if resp, err = c.Do(t.Context(), post); err != nil || resp.URL.Path != "/home" || resp.Status != 200 {
			t.Fatalf("POST to acs = %v", err)
		}
		if resp, err = c.Do(t.Context(), post); err != nil || resp.Status != 400 {
			t.Errorf("an assertion was good twice: %v", err)
		}
		if r := get(t, c, sv.Entry()); r.Header.Get("Location") != "/home" {
			t.Error("who is signed in has to sign in")
		}
		sv.KillSessions()
		if r := get(t, c, "https://f.example.test/home"); r.Status != 302 {
			t.Error("a killed session lives")
		}
		if r := get(t, c, "https://f.example.test/other"); r.Status != 404 {
			t.Errorf("status %d, want 404", r.Status)
		}
		time.Sleep(time.Hour)
		if resp, err = c.Do(t.Context(), fetch.Request{URL: sv.Entry(), Follow: true}); err != nil || !strings.Contains(string(resp.Body), "Freja eID+") {
			t.Errorf("an old session opens: %v", err)
		}
	})
}

func between(s, a, b string) string {
	_, s, _ = strings.Cut(s, a)
	s, _, _ = strings.Cut(s, b)
	return html.UnescapeString(s)
}

func TestPhoneAnswersByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stockholmtest.New(stockholmtest.Options{Now: time.Now, Persons: []stockholmtest.Person{siv()}})
		s.Phone().Auto(siv(), 2*time.Second)
		c := client(t, s)
		id := words(t, get(t, c, page+"&initialize=qr"))["order"]
		var got []string
		for range 4 {
			got = append(got, words(t, get(t, c, page+"&verifyorder="+id))["state"])
			time.Sleep(time.Second)
		}
		if want := "PENDING PENDING USER_SIGN OK"; strings.Join(got, " ") != want {
			t.Errorf("states = %v, want %s", got, want)
		}
		s.Phone().Auto(stockholmtest.Person{}, 0)
		id = words(t, get(t, c, page+"&initialize=qr"))["order"]
		time.Sleep(time.Minute)
		if st := words(t, get(t, c, page+"&verifyorder="+id))["state"]; st != "PENDING" {
			t.Errorf("state = %s with the automatic phone off", st)
		}
	})
}

func TestFrejaRefusalSticks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := stockholmtest.New(stockholmtest.Options{Now: time.Now, Persons: []stockholmtest.Person{siv()}})
		c := client(t, s)
		fpage := strings.NewReplacer("NECSadcmbid", "NECSadcfreja", "06-42f40edd-0c5b-4dbc-b714-1be1e907f2de", "06-89cf916c-9764-45fa-8690-eaf3fe9282bc", "%2fmbid", "%2ffreja").Replace(page)
		bare, _, _ := strings.Cut(fpage, "?")
		push := fetch.Request{Method: "POST", URL: bare + "?action=init&userInput=" + siv().PersonalNumber, Header: http.Header{"X-Requested-With": {"XMLHttpRequest"}}}
		status := func() string { return string(get(t, c, fpage+"&action=checkstatus").Body) }
		send := func() {
			if r, err := c.Do(t.Context(), push); err != nil || r.Status != 200 {
				t.Fatalf("push = %v", err)
			}
		}
		if got := status(); got != "UNKNOWN" {
			t.Errorf("status of a stranger = %s", got)
		}
		send()
		if got := status(); got != "STARTED" {
			t.Errorf("status = %s", got)
		}
		if err := s.Phone().RefuseFreja(siv().PersonalNumber); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := status(); got != "CANCELED" {
				t.Errorf("status = %s, want CANCELED for ever", got)
			}
			send()
		}
		if err := s.Phone().ApproveFreja(siv().PersonalNumber); err == nil {
			t.Error("a stuck order was approved")
		}
		c.Jar().Clear()
		send()
		s.Phone().Auto(siv(), 0)
		time.Sleep(2 * time.Second)
		if got := status(); got != "APPROVED" {
			t.Errorf("status with new cookies = %s", got)
		}
		if r, err := c.Do(t.Context(), fetch.Request{Method: "PUT", URL: push.URL}); err != nil || r.Status != 405 {
			t.Errorf("PUT = %v", err)
		}
	})
}

func TestOverASocket(t *testing.T) {
	t.Parallel()
	s := stockholmtest.New(stockholmtest.Options{Now: time.Now})
	srv := httptest.NewTLSServer(s)
	defer srv.Close()
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, srv.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	defer tr.CloseIdleConnections()
	c := client(t, tr)
	o := words(t, get(t, c, page+"&initialize=bankid"))
	if err := s.Phone().OpenLink("bankid:///?autostarttoken="+o["token"]+"&redirect=null", siv()); err != nil {
		t.Fatalf("OpenLink() = %v", err)
	}
	if got := words(t, get(t, c, page+"&verifyorder="+o["order"]))["state"]; got != "USER_SIGN" {
		t.Errorf("state = %s", got)
	}
	if got := s.Requests(); len(got) != 2 || got[1] != "GET login003.stockholm.se/NECSadcmbid/authenticate/NECSadcmbid?verifyorder" {
		t.Errorf("Requests() = %q", got)
	}
	if got := s.Offences(); len(got) != 0 {
		t.Errorf("Offences() = %q", got)
	}
}

func TestHookCutsOff(t *testing.T) {
	t.Parallel()
	s := stockholmtest.New(stockholmtest.Options{Now: time.Now})
	s.Hook(func(*http.Request) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
		})
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil || string(body) != "half" {
		t.Errorf("ReadAll() = %q, %v, want an early end", body, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if resp, err := s.RoundTrip(req.WithContext(ctx)); err == nil {
		resp.Body.Close()
		t.Error("RoundTrip() with an ended context = nil")
	}
}
