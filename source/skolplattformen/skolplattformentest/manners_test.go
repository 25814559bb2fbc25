package skolplattformentest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen/skolplattformentest"
)

// TestManners sends what a real client sends, and then the same with one
// header left out or changed: each of them is noted.
func TestManners(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 22, 10, 0, 0, 0, time.UTC)
	s := skolplattformentest.New(schooltest.Family(now), skolplattformentest.Options{Now: func() time.Time { return now }})
	const base = "https://" + skolplattformentest.Host + "/vardnadshavare/inloggad2"
	children := map[string]string{
		"User-Agent": "a client", "Accept": "application/json, text/plain, */*", "Referer": skolplattformentest.Landing,
	}
	choice := map[string]string{
		"User-Agent": "a client", "Accept": "application/json, text/plain, */*", "Referer": skolplattformentest.Landing,
		"Origin": "https://" + skolplattformentest.Host, "Content-Type": "application/json;charset=UTF-8",
	}
	seen := 0
	offences := func(method, path string, header map[string]string, but string, value ...string) []string {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(`{"id":"x"}`))
		for name, v := range header {
			r.Header.Set(name, v)
		}
		if but != "" {
			r.Header.Del(but)
		}
		for _, v := range value {
			r.Header.Add(but, v)
		}
		resp, err := s.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		all := s.Offences()
		defer func() { seen = len(all) }()
		return all[seen:]
	}
	for _, tc := range []struct {
		method, path string
		header       map[string]string
	}{{http.MethodGet, "/GetChildren", children}, {http.MethodPost, "/SelectChild", choice}} {
		if got := offences(tc.method, tc.path, tc.header, ""); len(got) > 0 {
			t.Errorf("%s as real clients ask it: %q", tc.path, got)
		}
		note := tc.method + " /vardnadshavare/inloggad2" + tc.path + ": "
		for name, value := range tc.header {
			want := []string{note + name + " is missing"}
			if diff := cmp.Diff(want, offences(tc.method, tc.path, tc.header, name)); diff != "" {
				t.Errorf("without %s (-want +got):\n%s", name, diff)
			}
			if name == "User-Agent" {
				continue // any name will do
			}
			want = []string{note + name + " is not what a real client sends"}
			for _, values := range [][]string{{value + "x"}, {""}, {value, value}} {
				if diff := cmp.Diff(want, offences(tc.method, tc.path, tc.header, name, values...)); diff != "" {
					t.Errorf("%s %q (-want +got):\n%s", name, values, diff)
				}
			}
		}
	}
}
