package fetch_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
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
