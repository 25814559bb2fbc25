package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAnAddressIsProofEnough comes to secret addresses as programs do that
// offer more, or less, than was asked for: nobody is asked to sign in, and no
// answer sets a cookie, redirects, or may be listed.
func TestAnAddressIsProofEnough(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := h.doorsOf(h.addresses, doors{})
	picture := pictures.FindString(h.get(d.feed))
	if picture == "" {
		t.Fatal("no letter has a picture")
	}
	for what, header := range map[string][]string{
		"nothing":         {"User-Agent", ""},
		"a bearer":        {"Authorization", "Bearer eyJhbGciOiJub25lIn0.e30."},
		"a wrong basic":   {"Authorization", basic("mormor", "fel-lösenord")},
		"a cookie":        {"Cookie", "session=x; " + strings.Repeat("y", 4000)},
		"another origin":  {"Origin", "https://stranger.example", "Sec-Fetch-Site", "cross-site"},
		"no type at all":  {"Accept", "application/x-unknown"},
		"another request": {"X-Forwarded-Proto", "https", "X-Forwarded-For", "203.0.113.7"},
	} {
		for name, address := range map[string]string{"calendar": d.calendar, "feed": d.feed, "picture": picture} {
			for _, query := range []string{"", "?v=2&_=17"} {
				a := h.do(http.MethodGet, address+query, "", header...)
				if a.status != http.StatusOK || a.header.Get("Etag") == "" || a.header.Get("X-Robots-Tag") != "noindex, nofollow" {
					t.Errorf("%s with %s: %d %v", name, what, a.status, a.header)
				}
				for _, never := range []string{"Www-Authenticate", "Set-Cookie", "Location", "Access-Control-Allow-Origin"} {
					if a.header.Get(never) != "" {
						t.Errorf("%s with %s: %s %q", name, what, never, a.header.Get(never))
					}
				}
			}
		}
	}
}

// TestSubscribersReachNoSchool lets every program ask for everything, again
// and again, also after the session has ended: none of it makes a request to
// the platform, before the next read is due.
func TestSubscribersReachNoSchool(t *testing.T) {
	t.Parallel()
	h := open(t)
	count := func() int { return len(h.fake.Requests()) + len(h.fake.SSO().Requests()) }
	before := count()
	if before == 0 {
		t.Fatal("the fake counts no requests")
	}
	for _, change := range []func(){
		func() {}, func() { h.clock.forward(10 * time.Minute) }, h.fake.KillAll,
	} {
		change()
		h.everything()
	}
	if after := count(); after != before {
		t.Errorf("%d requests to the platform", after-before)
	}
}
