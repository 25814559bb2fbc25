package web_test

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
)

const subscriberPath = "/s/" + pageToken

func family() *store {
	s := narrow()
	s.visited = visited("Astrid")
	return s
}

func TestSubscribersPage(t *testing.T) {
	t.Parallel()
	for _, l := range text.Langs() {
		site := newSite(t, full())
		for what, who := range map[string]string{"guardian": "X: guardian", "stranger": stranger} {
			w := site.call(t, http.MethodGet, subscriberPath+"?lang="+string(l), nil, who, "Accept-Language: fi")
			if w.Header().Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("Referrer-Policy %q", w.Header().Get("Referrer-Policy"))
			}
			w.Header().Set("Referrer-Policy", "same-origin") // as on the other pages
			checkPage(t, what+" "+string(l), w, l)
			page := html.UnescapeString(w.Body.String())
			for _, want := range []string{
				"Astrid ", text.For(l).Subscriber.Child.With("2"), text.For(l).Addresses.Family, `data-slug="c/1-events.ics"`,
				`data-slug="f/0-news.atom"`, base + "/dav/", `value="l9"`, text.For(l).Subscriber.ICSGoogle,
				text.For(l).Subscriber.Whole,
			} {
				if !strings.Contains(page, want) {
					t.Errorf("%s %s: the page lacks %q", what, l, want)
				}
			}
			for _, secret := range []string{calendarsToken, feedsToken, password, "Telefon", "Mormor", "/signout", "/links"} {
				if strings.Contains(page, secret) {
					t.Errorf("%s %s: the page holds %q", what, l, secret)
				}
			}
			if w.Header().Get("Set-Cookie") != "" {
				t.Error("a visitor is given a cookie")
			}
		}
	}
}

func TestSubscribersPageWhereGoogleCannotReach(t *testing.T) {
	t.Parallel()
	site := newSite(t, family(), func(c *web.Config) { c.BaseURL = "http://nas.local:8080" })
	page := site.call(t, http.MethodGet, subscriberPath, nil, "Host: plain.example.org").Body.String()
	w := text.For(text.SV)
	if strings.Contains(page, `data-add="google"`) || !strings.Contains(page, w.Addresses.NotPublic) {
		t.Error("Google is offered")
	}
	if strings.Contains(page, "data-safe") || !strings.Contains(page, html.EscapeString(w.Subscriber.Plain)) {
		t.Error("the page does not say that passwords are refused here")
	}
}

func TestSubscribersOfNothing(t *testing.T) {
	t.Parallel()
	s := family()
	s.visited = web.Subscriber{Link: "l9"}
	page := newSite(t, s).call(t, http.MethodGet, subscriberPath, nil).Body.String()
	if !strings.Contains(page, text.For(text.SV).Subscriber.Nothing) || strings.Contains(page, "mobileconfig") {
		t.Error("the page does not say that there is nothing")
	}
}

// TestWrongAddressesAreAllTheSame compares whole answers: nobody learns
// whether an address ever was one.
func TestWrongAddressesAreAllTheSame(t *testing.T) {
	t.Parallel()
	keys := url.Values{"c": {calendarsToken}, "f": {feedsToken}, "p": {password}}
	wrong := url.Values{"c": {feedsToken}, "f": {calendarsToken}, "p": {"wrong"}}
	var first string
	for _, tt := range []struct {
		method, path string
		form         url.Values
	}{
		{http.MethodGet, "/s/unknown", nil},
		{http.MethodGet, "/s/", nil},
		{http.MethodGet, "/s/unknown/feeds.opml", nil},
		{http.MethodPost, "/s/unknown/feeds.opml", keys},
		{http.MethodPost, "/s/unknown", keys},
		{http.MethodGet, subscriberPath + "/", nil},
		{http.MethodGet, subscriberPath + "//x", nil},
		{http.MethodGet, "/s//" + pageToken, nil},
		{http.MethodGet, "/s/../s/" + pageToken, nil},
		{http.MethodGet, subscriberPath + "/other", nil},
		{http.MethodPost, subscriberPath + "/feeds.opml", wrong},
		{http.MethodPost, subscriberPath + "/feeds.opml", url.Values{"c": {calendarsToken}}},
		{http.MethodPost, subscriberPath + "/skola.mobileconfig", wrong},
		{http.MethodPost, subscriberPath + "/qr.svg", url.Values{}},
		{http.MethodPost, subscriberPath + "/qr.svg", url.Values{"c": {calendarsToken}, "p": {"wrong"}}},
	} {
		site := newSite(t, family())
		w := site.call(t, tt.method, tt.path, tt.form)
		var got strings.Builder
		got.WriteString(w.Result().Status + w.Body.String())
		for name, values := range w.Header() {
			got.WriteString(name + strings.Join(values, ""))
		}
		if w.Code != http.StatusNotFound || w.Header().Get("Location") != "" || strings.Contains(got.String(), pageToken) {
			t.Errorf("%s %s: status %d", tt.method, tt.path, w.Code)
		}
		if first == "" {
			first = w.Body.String()
			if !strings.Contains(first, "Be den som gav dig adressen om en ny.") || strings.Contains(first, `button second" href="/"`) {
				t.Errorf("a visitor is not told whom to ask, or is sent to the guardians' pages:\n%s", first)
			}
		}
		if w.Body.String() != first {
			t.Errorf("%s %s differs from the first wrong address", tt.method, tt.path)
		}
		if site.log.Len() != 0 {
			t.Errorf("%s %s: logged %s", tt.method, tt.path, site.log)
		}
	}
}

func TestGuessersWait(t *testing.T) {
	t.Parallel()
	site := newSite(t, family(), func(c *web.Config) {
		c.Peer = func(r *http.Request) string { return r.Header.Get("X-Peer") }
	})
	try := func(path, peer string) int {
		w := site.call(t, http.MethodGet, path, nil, "X-Peer: "+peer)
		if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") != "60" {
			t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
		}
		return w.Code
	}
	var got []int
	for range 12 {
		got = append(got, try("/s/guess", "a"))
	}
	want := append(slices.Repeat([]int{http.StatusNotFound}, 10), http.StatusTooManyRequests, http.StatusTooManyRequests)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("guesses (-want +got):\n%s", diff)
	}
	if a, b := try(subscriberPath, "a"), try("/s/guess", "b"); a != http.StatusOK || b != http.StatusNotFound {
		t.Errorf("a right address beside a guesser: %d; another peer: %d", a, b)
	}
	site.pass(time.Minute)
	if a := try("/s/guess", "a"); a != http.StatusNotFound {
		t.Errorf("a minute later: %d", a)
	}
}

func TestGuessersAreForgottenInTime(t *testing.T) {
	t.Parallel()
	n := 0
	site := newSite(t, family(), func(c *web.Config) {
		c.Peer = func(*http.Request) string { n++; return strings.Repeat("x", n%5000) }
	})
	for range 5000 {
		if w := site.call(t, http.MethodGet, "/s/guess", nil); w.Code != http.StatusNotFound {
			t.Fatalf("status %d", w.Code)
		}
	}
}

func TestMethodsOfSubscribersPages(t *testing.T) {
	t.Parallel()
	for path, allow := range map[string]string{
		subscriberPath: "GET, HEAD", subscriberPath + "/feeds.opml": "POST", subscriberPath + "/qr.svg": "POST",
		subscriberPath + "/skola.mobileconfig": "GET, HEAD, POST",
	} {
		w := newSite(t, family()).call(t, http.MethodDelete, path, nil)
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow {
			t.Errorf("%s: status %d, Allow %q", path, w.Code, w.Header().Get("Allow"))
		}
	}
}

// post sends the page's own form, as a browser does that sends no Referer and
// an Origin that says nothing.
func post(t *testing.T, site *site, file string, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	w := site.call(t, http.MethodPost, subscriberPath+"/"+file+"?lang=sv", form, "Origin: null", "Sec-Fetch-Site: same-origin", stranger)
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%s: status %d, Cache-Control %q", file, w.Code, w.Header().Get("Cache-Control"))
	}
	return w
}

func TestOPML(t *testing.T) {
	t.Parallel()
	site := newSite(t, full())
	w := post(t, site, "feeds.opml", url.Values{"f": {feedsToken}})
	var doc struct {
		Version string `xml:"version,attr"`
		Groups  []struct {
			Text  string `xml:"text,attr"`
			Feeds []struct {
				Type string `xml:"type,attr"`
				Text string `xml:"text,attr"`
				URL  string `xml:"xmlUrl,attr"`
				Page string `xml:"htmlUrl,attr"`
				Lang string `xml:"language,attr"`
			} `xml:"outline"`
		} `xml:"body>outline"`
	}
	if err := xml.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Version != "2.0" || len(doc.Groups) != 1 || len(doc.Groups[0].Feeds) != 2 || doc.Groups[0].Text != "Astrid "+hostile {
		t.Fatalf("OPML %+v", doc)
	}
	if f := doc.Groups[0].Feeds[1]; f.Type != "rss" || f.URL != base+"/f/"+feedsToken+"/1-changes.atom" || f.Page != base+"/" || f.Lang != "en" ||
		!strings.Contains(f.Text, "Astrid "+hostile) {
		t.Errorf("outline %+v", f)
	}
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="feeds.opml"` {
		t.Errorf("Content-Disposition %q", got)
	}
	if strings.Contains(site.log.String(), feedsToken) {
		t.Error("a token is in the log")
	}
}

// keysOf decodes a property list into its keys and values, in order.
func keysOf(t *testing.T, data string) (out []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(data))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		switch v := token.(type) {
		case xml.CharData:
			if s := strings.TrimSpace(string(v)); s != "" {
				out = append(out, s)
			}
		case xml.StartElement:
			if v.Name.Local == "true" || v.Name.Local == "false" {
				out = append(out, v.Name.Local)
			}
		}
	}
}

func after(values []string, key string) (out []string) {
	for i, v := range values {
		if v == key && i+1 < len(values) {
			out = append(out, values[i+1])
		}
	}
	return out
}

func TestProfileOfTheAccount(t *testing.T) {
	t.Parallel()
	w := newSite(t, family()).call(t, http.MethodGet, subscriberPath+"/skola.mobileconfig", nil, stranger)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/x-apple-aspen-config" {
		t.Fatalf("status %d, %v", w.Code, w.Header())
	}
	got := keysOf(t, w.Body.String())
	for key, want := range map[string][]string{
		"PayloadType":        {"com.apple.caldav.account", "Configuration"},
		"CalDAVHostName":     {"skola.example.org"},
		"CalDAVPort":         {"443"},
		"CalDAVUseSSL":       {"true"},
		"CalDAVUsername":     {"l9"},
		"CalDAVPrincipalURL": {"/dav/l9/"},
		"CalDAVPassword":     nil,
		"PayloadIdentifier":  {"syncd.l9.caldav", "syncd.l9.profile.account"},
	} {
		if diff := cmp.Diff(want, after(got, key)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
}

func TestProfileOfSubscriptions(t *testing.T) {
	t.Parallel()
	keys := url.Values{"c": {calendarsToken}}
	body := post(t, newSite(t, full()), "skola.mobileconfig", keys).Body.String()
	if again := post(t, newSite(t, full()), "skola.mobileconfig", keys).Body.String(); again != body {
		t.Error("the profile differs when it is made again")
	}
	got := keysOf(t, body)
	if strings.Contains(body, password) || len(after(got, "CalDAVUsername")) != 0 {
		t.Error("the profile holds the account too: everything would be there twice")
	}
	urls := after(got, "SubCalAccountHostName")
	if len(urls) != 3 || urls[1] != base+"/c/"+calendarsToken+"/1-meals.ics" || !slices.Equal(after(got, "SubCalAccountUseSSL"), slices.Repeat([]string{"true"}, 3)) {
		t.Errorf("subscriptions %v", urls)
	}
	ids := after(got, "PayloadUUID")
	slices.Sort(ids)
	if len(ids) != 4 || len(slices.Compact(ids)) != 4 {
		t.Errorf("UUIDs %v", ids)
	}
}

func TestQRHoldsTheWholeAddress(t *testing.T) {
	t.Parallel()
	site := newSite(t, family())
	picture := func(form url.Values) string {
		w := post(t, site, "qr.svg", form)
		if w.Header().Get("Content-Type") != "image/svg+xml" {
			t.Errorf("Content-Type %q", w.Header().Get("Content-Type"))
		}
		return w.Body.String()
	}
	whole := picture(url.Values{"c": {calendarsToken}, "f": {feedsToken}, "p": {password}})
	if whole == picture(url.Values{"c": {calendarsToken}, "f": {feedsToken}}) {
		t.Error("the password makes no difference")
	}
	site.call(t, http.MethodPost, "/links", url.Values{"all": {"1"}})
	page := site.call(t, http.MethodGet, "/links/l9/addresses", nil).Body.String()
	_, path, _ := strings.Cut(whole, ` d="`)
	path, _, _ = strings.Cut(path, `"`)
	if len(path) < 1000 || !strings.Contains(page, path) {
		t.Error("the guardian's page draws another code than the subscriber's own")
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	k := web.Keys{Calendars: calendarsToken, Feeds: feedsToken, Password: password}
	if got := k.Fragment(); got != "c="+calendarsToken+"&f="+feedsToken+"&p="+password {
		t.Errorf("Fragment() = %q", got)
	}
	for _, got := range append(printed(k), printed(k.Feeds)...) {
		if strings.Contains(got, calendarsToken) || strings.Contains(got, feedsToken) || strings.Contains(got, password) {
			t.Errorf("printed: %s", got)
		}
	}
	if (web.Keys{Feeds: feedsToken}).Fragment() != "f="+feedsToken || (web.Keys{}).Fragment() != "" {
		t.Error("a key that is not there is named")
	}
}
