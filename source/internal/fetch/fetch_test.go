package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source"
	"syncd/source/internal/fetch"
)

// canary stands for everything that must not be said.
const canary = "kanariehemlighet"

// roundTrip is a transport in one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer makes a response.
func answer(r *http.Request, status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Header: header, Request: r,
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}
}

func ok(r *http.Request) (*http.Response, error) { return answer(r, 200, nil, "ok"), nil }

type setup struct {
	cfg source.Config
	o   fetch.Options
	log bytes.Buffer
}

// newSetup allows GET and POST on two hosts.
func newSetup(rt roundTrip) *setup {
	s := &setup{}
	s.cfg = source.Config{
		Transport: rt, Now: time.Now,
		Log: slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	s.o = fetch.Options{UserAgent: "syncd-test"}
	for _, host := range []string{"a.example", "b.example"} {
		for _, method := range []string{"GET", "POST"} {
			s.o.Allow = append(s.o.Allow, fetch.Rule{Method: method, Host: host, Path: "/*"})
		}
	}
	return s
}

func (s *setup) client(t *testing.T) *fetch.Client {
	t.Helper()
	c, err := fetch.New(s.cfg, s.o)
	if err != nil {
		t.Fatalf("New() = %v", err)
	}
	return c
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	good := newSetup(ok)
	for name, change := range map[string]func(*source.Config, *fetch.Options){
		"clock":  func(c *source.Config, _ *fetch.Options) { c.Now = nil },
		"log":    func(c *source.Config, _ *fetch.Options) { c.Log = nil },
		"agent":  func(_ *source.Config, o *fetch.Options) { o.UserAgent = "" },
		"method": func(_ *source.Config, o *fetch.Options) { o.Allow = []fetch.Rule{{Host: "a.example", Path: "/"}} },
		"small":  func(_ *source.Config, o *fetch.Options) { o.Allow = []fetch.Rule{{"get", "a.example", "/"}} },
		"host":   func(_ *source.Config, o *fetch.Options) { o.Allow = []fetch.Rule{{"GET", "A.example", "/"}} },
		"port":   func(_ *source.Config, o *fetch.Options) { o.Allow = []fetch.Rule{{"GET", "a.example:443", "/"}} },
		"path":   func(_ *source.Config, o *fetch.Options) { o.Allow = []fetch.Rule{{"GET", "a.example", "*"}} },
	} {
		cfg, o := good.cfg, good.o
		change(&cfg, &o)
		if _, err := fetch.New(cfg, o); err == nil {
			t.Errorf("New() without a good %s = nil", name)
		}
	}
}

func TestOnlyTheListIsSent(t *testing.T) {
	t.Parallel()
	rules := []fetch.Rule{
		{"GET", "a.example", "/children"},
		{"POST", "a.example", "/select/*"},
		{"GET", "a.example", "/news/*"},
	}
	for _, tc := range []struct {
		method, url string
		allowed     bool
	}{
		{"", "https://a.example/children", true},
		{"GET", "https://a.example/children?id=1", true},
		{"get", "https://A.Example:443/Children", true},
		{"GET", "https://a.example/news/1%2f2", true},
		{"GET", "https://a.example/news/", true},
		{"POST", "https://a.example/select/1", true},
		{"GET", "https://a.example/children/", false},
		{"GET", "https://a.example/children2", false},
		{"GET", "https://a.example/", false},
		{"GET", "https://a.example", false},
		{"POST", "https://a.example/children", false},
		{"PUT", "https://a.example/children", false},
		{"DELETE", "https://a.example/select/1", false},
		{"GET", "https://a.example/select/1", false},
		{"GET", "https://b.example/children", false},
		{"GET", "https://a.example.evil.example/children", false},
		{"GET", "https://a.example:8443/children", false},
		{"GET", "http://a.example/children", false},
		{"GET", "ftp://a.example/children", false},
		{"GET", "//a.example/children", false},
		{"GET", "/children", false},
		{"GET", "", false},
		{"GET", "https://a:b@a.example/children", false},
		{"GET", "https://a.example/news/../children", false},
		{"GET", "https://a.example/news/%2e%2e/write", false},
		{"GET", "https://a.example/news/..%2fwrite", false},
		{"GET", "https://a.example/news/..\\write", false},
		{"GET", "https://a.example/news/./x", false},
		{"GET", "https://a.example/news/%zz", false},
		{"GET", "https:a.example/children", false},
		{"GET", "https://a.example\x00/children", false},
	} {
		sent := 0
		s := newSetup(func(r *http.Request) (*http.Response, error) { sent++; return ok(r) })
		s.o.Allow = rules
		_, err := s.client(t).Do(t.Context(), fetch.Request{Method: tc.method, URL: tc.url})
		if tc.allowed && (err != nil || sent != 1) {
			t.Errorf("Do(%s %s) = %v", tc.method, tc.url, err)
		}
		if !tc.allowed && (!errors.Is(err, fetch.ErrNotAllowed) || sent != 0) {
			t.Errorf("Do(%s %s) = %v after %d requests, want ErrNotAllowed after none", tc.method, tc.url, err, sent)
		}
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for _, tc := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   error
		wait   time.Duration // of a RateLimitError; -1: not one
	}{
		{"200", 200, nil, "x", nil, -1},
		{"204", 204, nil, "", nil, -1},
		{"302", 302, http.Header{"Location": {"/x"}}, "", nil, -1},
		{"400", 400, nil, "", nil, -1},
		{"401", 401, nil, "", nil, -1},
		{"404", 404, nil, "", nil, -1},
		{"403", 403, nil, "", source.ErrBlocked, -1},
		{"429", 429, nil, "", nil, 0},
		{"429 with seconds", 429, http.Header{"Retry-After": {"90"}}, "", nil, 90 * time.Second},
		{"503", 503, nil, "", source.ErrUnavailable, -1},
		{"503 with wait", 503, http.Header{"Retry-After": {"5"}}, "", nil, 5 * time.Second},
		{"503 with nonsense", 503, http.Header{"Retry-After": {"soon"}}, "", source.ErrUnavailable, -1},
		{"500", 500, nil, "", source.ErrUnavailable, -1},
		{"599", 599, nil, "", source.ErrUnavailable, -1},
		{"firewall", 200, html, "<html><head><title>Request Rejected</title></head>", source.ErrBlocked, -1},
		{"captcha", 405, html, "<TITLE>Captcha required</TITLE>", source.ErrBlocked, -1},
		{"challenge", 503, http.Header{"Cf-Mitigated": {"challenge"}}, "", source.ErrBlocked, -1},
		{"form with captcha", 200, html, "<title>Logga in</title><div class=g-recaptcha>", nil, -1},
		{"letter about captcha", 200, nil, "<title>captcha</title>", nil, -1},
	} {
		s := newSetup(func(r *http.Request) (*http.Response, error) {
			return answer(r, tc.status, tc.header, tc.body), nil
		})
		resp, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/"})
		rate, limited := errors.AsType[*source.RateLimitError](err)
		switch {
		case tc.wait >= 0:
			if !limited || rate.RetryAfter != tc.wait {
				t.Errorf("%s: Do() = %v, want a wait of %s", tc.name, err, tc.wait)
			}
		case !errors.Is(err, tc.want) || limited:
			t.Errorf("%s: Do() = %v, want %v", tc.name, err, tc.want)
		case tc.want == nil && (resp.Status != tc.status || string(resp.Body) != tc.body || resp.Requests != 1):
			t.Errorf("%s: Do() = status %d, body %q", tc.name, resp.Status, resp.Body)
		}
		raw, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/", Raw: true})
		if err != nil || raw.Status != tc.status {
			t.Errorf("%s: Do(raw) = %v", tc.name, err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 11, 21, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"120": 2 * time.Minute, " 0 ": 0, "99999999999999999999": 7 * 24 * time.Hour, "900000": 7 * 24 * time.Hour,
		"Fri, 21 Nov 2025 12:01:30 GMT":  90 * time.Second,
		"Friday, 21-Nov-25 13:00:00 GMT": time.Hour,
		"Fri Nov 21 12:00:05 2025":       5 * time.Second,
		"Fri, 21 Nov 2025 11:00:00 GMT":  0,
		"Fri, 21 Nov 2250 12:00:00 GMT":  7 * 24 * time.Hour,
	} {
		if got, told := fetch.RetryAfter(v, now); got != want || !told {
			t.Errorf("retryAfter(%q) = %s, %t, want %s", v, got, told, want)
		}
	}
	for _, v := range []string{"", "-1", "1.5", "soon", "0x10", "21 November"} {
		if got, told := fetch.RetryAfter(v, now); got != 0 || told {
			t.Errorf("retryAfter(%q) = %s, %t, want nothing", v, got, told)
		}
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		method string // of the request after the redirect of a POST
	}{{301, "GET"}, {302, "GET"}, {303, "GET"}, {307, "POST"}, {308, "POST"}} {
		var seen []string
		s := newSetup(func(r *http.Request) (*http.Response, error) {
			var body []byte
			if r.Body != nil {
				var err error
				if body, err = io.ReadAll(r.Body); err != nil {
					return nil, err
				}
			}
			seen = append(seen, fmt.Sprintf("%s %s %q type=%q csrf=%q cookie=%q",
				r.Method, r.URL, body, r.Header.Get("Content-Type"), r.Header.Get("X-Xsrf-Token"), r.Header.Get("Cookie")))
			switch r.URL.Path {
			case "/1":
				return answer(r, tc.status, http.Header{"Location": {"2?x=1#f"}, "Set-Cookie": {"one=1"}}, ""), nil
			case "/2":
				return answer(r, tc.status, http.Header{"Location": {"https://b.example/3"}, "Set-Cookie": {"two=2; Path=/"}}, ""), nil
			}
			return answer(r, 200, http.Header{"Set-Cookie": {"three=3"}}, "end"), nil
		})
		resp, err := s.client(t).Do(t.Context(), fetch.Request{
			Method: "POST", URL: "https://a.example/1", Body: []byte("b"), Follow: true,
			Header: http.Header{"Content-Type": {"text/x"}, "X-Xsrf-Token": {canary}},
		})
		if err != nil {
			t.Fatalf("%d: Do() = %v", tc.status, err)
		}
		body, kind := `"b"`, "text/x"
		if tc.method == "GET" {
			body, kind = `""`, ""
		}
		want := []string{
			`POST https://a.example/1 "b" type="text/x" csrf="` + canary + `" cookie=""`,
			tc.method + ` https://a.example/2?x=1 ` + body + ` type="` + kind + `" csrf="` + canary + `" cookie="one=1"`,
			tc.method + ` https://b.example/3 ` + body + ` type="` + kind + `" csrf="" cookie=""`,
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("%d (-want +got):\n%s", tc.status, diff)
		}
		if resp.Requests != 3 || resp.URL.String() != "https://b.example/3" || len(resp.Cookies) != 3 {
			t.Errorf("%d: %d requests, %d cookies", tc.status, resp.Requests, len(resp.Cookies))
		}
	}
}

func TestRedirectsLeadNowhereElse(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"http://a.example/", "https://c.example/", "https://a.example:444/", "//c.example/x", "javascript:alert(1)",
		"https://" + canary + ".c.example/" + canary, "https://u:p@a.example/", "/%zz", "https://a.example/x/../y", "ftp://a.example/",
	} {
		sent := 0
		s := newSetup(func(r *http.Request) (*http.Response, error) {
			sent++
			return answer(r, 302, http.Header{"Location": {to}}, ""), nil
		})
		_, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/", Follow: true})
		if !errors.Is(err, source.ErrNotUnderstood) || sent != 1 {
			t.Errorf("redirect to %s = %v after %d requests, want ErrNotUnderstood after 1", to, err, sent)
		}
		if to != "/%zz" && !errors.Is(err, fetch.ErrNotAllowed) {
			t.Errorf("redirect to %s = %v, want ErrNotAllowed as well", to, err)
		}
		if strings.Contains(err.Error(), canary) {
			t.Errorf("the error says where a redirect leads: %v", err)
		}
	}
}

func TestRedirectLoopEnds(t *testing.T) {
	t.Parallel()
	sent := 0
	s := newSetup(func(r *http.Request) (*http.Response, error) {
		sent++
		return answer(r, 302, http.Header{"Location": {"/"}}, ""), nil
	})
	_, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/", Follow: true})
	if !errors.Is(err, source.ErrNotUnderstood) || sent != 21 {
		t.Errorf("Do() = %v after %d requests, want ErrNotUnderstood after 21", err, sent)
	}
}

func TestRedirectIsHandedBack(t *testing.T) {
	t.Parallel()
	s := newSetup(func(r *http.Request) (*http.Response, error) {
		return answer(r, 302, http.Header{"Location": {"https://c.example/"}}, ""), nil
	})
	resp, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/"})
	if err != nil || resp.Status != 302 || resp.Header.Get("Location") != "https://c.example/" {
		t.Errorf("Do() = %v, want the redirect", err)
	}
	// 304 and a redirect without a place to go are answers.
	for _, status := range []int{302, 304} {
		s := newSetup(func(r *http.Request) (*http.Response, error) { return answer(r, status, nil, ""), nil })
		if resp, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/", Follow: true}); err != nil || resp.Status != status {
			t.Errorf("Do() of %d = %v", status, err)
		}
	}
}

func gz(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBodies(t *testing.T) {
	t.Parallel()
	text := []byte(strings.Repeat("Läxa till fredag. ", 500))
	packed := gz(t, text)
	damaged := bytes.Clone(packed)
	damaged[len(damaged)-6]++ // in the checksum
	broken := bytes.Clone(packed)
	for i := 12; i < 40; i++ {
		broken[i] = 0xff
	}
	const limit = 20000
	for _, tc := range []struct {
		name     string
		encoding string
		body     []byte
		length   int64 // 0: that of body
		want     []byte
		err      error
	}{
		{"plain", "", text, 0, text, nil},
		{"identity", "identity", text, 0, text, nil},
		{"empty", "", nil, 0, []byte{}, nil},
		{"gzip", "gzip", packed, 0, text, nil},
		{"x-gzip", "X-GZIP", packed, 0, text, nil},
		{"two members", "gzip", append(gz(t, []byte("a")), gz(t, []byte("b"))...), 0, []byte("ab"), nil},
		{"empty gzip", "gzip", nil, 0, []byte{}, nil},
		{"at the limit", "", bytes.Repeat([]byte("x"), limit), 0, bytes.Repeat([]byte("x"), limit), nil},
		{"unknown length", "", text, -1, text, nil},
		{"one too large", "", bytes.Repeat([]byte("x"), limit+1), 0, nil, source.ErrNotUnderstood},
		{"too large, length unknown", "", bytes.Repeat([]byte("x"), limit+1), -1, nil, source.ErrNotUnderstood},
		{"too large unpacked", "gzip", gz(t, bytes.Repeat([]byte("x"), limit+1)), 0, nil, source.ErrNotUnderstood},
		{"cut off", "", text, int64(len(text)) + 1, nil, source.ErrNotUnderstood},
		{"gzip cut off", "gzip", packed[:len(packed)-9], 0, nil, source.ErrNotUnderstood},
		{"gzip head cut off", "gzip", packed[:5], 0, nil, source.ErrNotUnderstood},
		{"not gzip", "gzip", text, 0, nil, source.ErrNotUnderstood},
		{"damaged gzip", "gzip", damaged, 0, nil, source.ErrNotUnderstood},
		{"broken gzip", "gzip", broken, 0, nil, source.ErrNotUnderstood},
		{"brotli", "br", text, 0, nil, source.ErrNotUnderstood},
		{"both", "gzip, gzip", packed, 0, nil, source.ErrNotUnderstood},
	} {
		s := newSetup(func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, http.Header{"Content-Encoding": {tc.encoding}}, string(tc.body))
			if tc.length != 0 {
				resp.ContentLength = tc.length
			}
			return resp, nil
		})
		s.o.MaxBody = limit
		resp, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/"})
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: Do() = %v, want %v", tc.name, err, tc.err)
			continue
		}
		if err == nil && (resp.Body == nil || !bytes.Equal(resp.Body, tc.want)) {
			t.Errorf("%s: %d bytes, want %d", tc.name, len(resp.Body), len(tc.want))
		}
	}
}

// counted counts what is taken from a body.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (*counted) Close() error { return nil }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestHugeAnswersAreNotRead(t *testing.T) {
	t.Parallel()
	bomb := gz(t, make([]byte, 100<<20))
	for name, tc := range map[string]struct {
		encoding string
		body     io.Reader
		length   int64
		most     int64 // bytes that may be taken
	}{
		"announced":   {"", io.LimitReader(zeros{}, 100<<20), 100 << 20, 0},
		"unannounced": {"", zeros{}, -1, 17 << 20},
		"bomb":        {"gzip", bytes.NewReader(bomb), int64(len(bomb)), 64 << 10},
	} {
		body := &counted{r: tc.body}
		s := newSetup(func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, http.Header{"Content-Encoding": {tc.encoding}}, "")
			resp.Body, resp.ContentLength = body, tc.length
			return resp, nil
		})
		_, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/"})
		if !errors.Is(err, source.ErrNotUnderstood) {
			t.Errorf("%s: Do() = %v, want ErrNotUnderstood", name, err)
		}
		if body.n > tc.most {
			t.Errorf("%s: %d bytes were taken, want at most %d", name, body.n, tc.most)
		}
	}
}

// hang blocks until the request's context ends.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// drip is a body that never comes to its end.
type drip struct{ r *http.Request }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-d.r.Context().Done():
		return 0, d.r.Context().Err()
	case <-time.After(10 * time.Second):
		p[0] = 'x'
		return 1, nil
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for name, rt := range map[string]roundTrip{
		"no answer": hang,
		"slow body": func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, nil, "")
			resp.Body, resp.ContentLength = io.NopCloser(drip{r}), -1
			return resp, nil
		},
	} {
		for _, limit := range []time.Duration{0, 45 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				s := newSetup(rt)
				s.o.Timeout = limit
				began := time.Now()
				_, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/?" + canary})
				if !errors.Is(err, source.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "timeout") {
					t.Errorf("%s: Do() = %v, want ErrUnavailable", name, err)
				}
				want := limit
				if want == 0 {
					want = 30 * time.Second
				}
				if d := time.Since(began); d != want {
					t.Errorf("%s: gave up after %s, want %s", name, d, want)
				}
			})
		}
	}
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newSetup(hang).client(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.Do(ctx, fetch.Request{URL: "https://a.example/"})
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, source.ErrUnavailable) || time.Since(began) != time.Second {
			t.Errorf("Do() = %v after %s", err, time.Since(began))
		}
	})
}

func TestOneRequestAtATimePerHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := map[string]int{}
		most := map[string]int{}
		lock := make(chan struct{}, 1)
		s := newSetup(func(r *http.Request) (*http.Response, error) {
			h := r.URL.Host
			lock <- struct{}{}
			now[h]++
			most[h] = max(most[h], now[h])
			<-lock
			time.Sleep(time.Second)
			lock <- struct{}{}
			now[h]--
			<-lock
			return ok(r)
		})
		c := s.client(t)
		began := time.Now()
		done := make(chan error)
		for range 5 {
			for _, host := range []string{"a.example", "b.example"} {
				go func() {
					_, err := c.Do(t.Context(), fetch.Request{URL: "https://" + host + "/"})
					done <- err
				}()
			}
		}
		for range 10 {
			if err := <-done; err != nil {
				t.Errorf("Do() = %v", err)
			}
		}
		if diff := cmp.Diff(map[string]int{"a.example": 1, "b.example": 1}, most); diff != "" {
			t.Errorf("at the same time (-want +got):\n%s", diff)
		}
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("took %s, want 5s: the hosts do not wait for each other", d)
		}
	})
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newSetup(hang).client(t)
		go func() { _, _ = c.Do(t.Context(), fetch.Request{URL: "https://a.example/"}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Do(ctx, fetch.Request{URL: "https://a.example/"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Do() = %v, want DeadlineExceeded", err)
		}
	})
}

func TestTurnIsAskedForEveryRequest(t *testing.T) {
	t.Parallel()
	var log []string
	s := newSetup(func(r *http.Request) (*http.Response, error) {
		log = append(log, "send")
		if r.URL.Path == "/1" {
			return answer(r, 302, http.Header{"Location": {"https://b.example/2"}}, ""), nil
		}
		return ok(r)
	})
	left := 3
	s.cfg.Turn = func(_ context.Context, host string) (func(), error) {
		if left == 0 {
			return nil, source.ErrBudget
		}
		left--
		log = append(log, "turn "+host)
		return func() { log = append(log, "done") }, nil
	}
	c := s.client(t)
	if _, err := c.Do(t.Context(), fetch.Request{URL: "https://a.example/1", Follow: true}); err != nil {
		t.Fatalf("Do() = %v", err)
	}
	if diff := cmp.Diff([]string{"turn a.example", "send", "done", "turn b.example", "send", "done"}, log); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := c.Do(t.Context(), fetch.Request{URL: "https://a.example/1", Follow: true}); !errors.Is(err, source.ErrBudget) {
		t.Errorf("Do() = %v, want ErrBudget", err)
	}
	if _, err := c.Do(t.Context(), fetch.Request{URL: "https://c.example/"}); !errors.Is(err, fetch.ErrNotAllowed) {
		t.Errorf("Do() = %v: a refused request asks for no turn", err)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	var got http.Header
	s := newSetup(func(r *http.Request) (*http.Response, error) { got = r.Header; return ok(r) })
	in := http.Header{"Cookie": {"mine=1"}, "User-Agent": {"other"}, "Accept-Encoding": {"br"}, "Referer": {"https://a.example/x"}}
	if _, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/", Header: in}); err != nil {
		t.Fatalf("Do() = %v", err)
	}
	want := http.Header{
		"User-Agent": {"syncd-test"}, "Accept-Encoding": {"gzip"}, "Accept": {"*/*"}, "Referer": {"https://a.example/x"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(in) != 4 || in.Get("Cookie") != "mine=1" {
		t.Error("Do changed the caller's header")
	}
}

func TestNothingIsSaidAboutARequest(t *testing.T) {
	t.Parallel()
	addr := "https://a.example/" + canary + "?" + canary
	for name, rt := range map[string]roundTrip{
		"url error": func(*http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: addr, Err: errors.New(canary)}
		},
		"malformed answer": func(*http.Request) (*http.Response, error) { return nil, errors.New("malformed " + canary) },
		"500":              func(r *http.Request) (*http.Response, error) { return answer(r, 500, nil, canary), nil },
		"403":              func(r *http.Request) (*http.Response, error) { return answer(r, 403, nil, canary), nil },
		"429":              func(r *http.Request) (*http.Response, error) { return answer(r, 429, nil, canary), nil },
		"encoding": func(r *http.Request) (*http.Response, error) {
			return answer(r, 200, http.Header{"Content-Encoding": {canary}}, canary), nil
		},
		"loop": func(r *http.Request) (*http.Response, error) {
			return answer(r, 302, http.Header{"Location": {addr}, "Set-Cookie": {canary + "=" + canary}}, canary), nil
		},
		"good": func(r *http.Request) (*http.Response, error) {
			return answer(r, 200, http.Header{"Set-Cookie": {canary + "=" + canary}}, canary), nil
		},
	} {
		s := newSetup(rt)
		s.o.Allow = []fetch.Rule{{"POST", "a.example", "/*"}, {"GET", "a.example", "/*"}}
		c := s.client(t)
		req := fetch.Request{Method: "POST", URL: addr, Body: []byte(canary), Header: http.Header{"X-Xsrf-Token": {canary}}, Follow: true}
		resp, err := c.Do(t.Context(), req)
		said := s.log.String() + fmt.Sprint(err)
		said += fmt.Sprintf("%v %+v %#v %s %v %+v %#v %v %+v %#v", req, req, req, req, resp, resp, resp, c.Jar(), c.Jar(), c.Jar())
		said += fmt.Sprint(req.LogValue(), resp.LogValue(), c.Jar().LogValue(), req.String(), resp.String())
		if strings.Contains(said, canary) {
			t.Errorf("%s: something was said: %s", name, said)
		}
		if (err == nil) != (name == "good") {
			t.Errorf("%s: Do() = %v", name, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "fetch: ") {
			t.Errorf("%s: error reads %q", name, err)
		}
		if name != "loop" && !strings.Contains(s.log.String(), `"path":"/*"`) {
			t.Errorf("%s: the log does not name the rule: %s", name, s.log.String())
		}
	}
}
