package fetch_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/source"
	"syncd/source/internal/fetch"
)

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
