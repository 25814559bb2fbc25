package web_test

import (
	"fmt"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

// narrow has two children and four kinds to choose from.
func narrow() *store {
	s := full()
	s.scope.Kinds = []school.Kind{school.KindEvents, school.KindMeals, school.KindFamily, school.KindNews, school.KindNotices, school.KindAll}
	return s
}

func TestNewLink(t *testing.T) {
	t.Parallel()
	everything := url.Values{"child": {"1", "2"}, "kind": {"events", "meals", "news", "notices"}}
	with := func(base url.Values, more ...string) url.Values {
		out := url.Values{}
		maps.Copy(out, base)
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = append(out[more[i]], more[i+1])
		}
		return out
	}
	for name, tt := range map[string]struct {
		form url.Values
		want web.NewLink
	}{
		"one tap": {url.Values{"all": {"1"}}, web.NewLink{Label: "Familjens kalender", Options: school.Options{Language: "sv"}}},
		"all boxes are everything, also later": {
			with(everything, "label", " Telefon "), web.NewLink{Label: "Telefon", Options: school.Options{Language: "sv"}},
		},
		"one child, calendars only": {
			url.Values{"child": {"2", "2"}, "kind": {"events", "events"}, "label": {"x"}},
			web.NewLink{
				Label: "x", Children: []school.ChildNumber{2}, Kinds: []school.Kind{school.KindEvents, school.KindFamily},
				Options: school.Options{Language: "sv"},
			},
		},
		"letters only": {
			url.Values{"child": {"1"}, "kind": {"news"}, "label": {"x"}},
			web.NewLink{
				Label: "x", Children: []school.ChildNumber{1}, Kinds: []school.Kind{school.KindNews, school.KindAll},
				Options: school.Options{Language: "sv"},
			},
		},
		"options": {
			with(everything, "label", "x", "layout", "merged", "day", "1", "prefix", "1", "utc", "1", "cancelled", "drop", "language", "en",
				"detail", "busy", "history", "365", "quiet", "1"),
			web.NewLink{Label: "x", Options: school.Options{
				Prefix: true, Merged: true, Day: true, UTC: true, Cancelled: school.CancelledDrop, Language: "en",
				Detail: school.DetailBusy, History: 365, Quiet: true,
			}},
		},
		"invented options": {
			with(everything, "label", strings.Repeat("å", 200), "layout", "x", "cancelled", "x", "language", "xx",
				"detail", "x", "history", "-4"),
			web.NewLink{Label: strings.Repeat("å", 80), Options: school.Options{Language: "sv"}},
		},
	} {
		site := newSite(t, narrow())
		w := site.call(t, http.MethodPost, "/links", tt.form)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/links/l9/addresses" {
			t.Errorf("%s: %d to %q", name, w.Code, w.Header().Get("Location"))
		}
		if diff := cmp.Diff(tt.want, site.store.added); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, form := range map[string]url.Values{
		"nothing":          {},
		"no child":         {"kind": {"events"}},
		"no kind":          {"child": {"1"}},
		"invented child":   {"child": {"7"}, "kind": {"events"}},
		"child of letters": {"child": {"x"}, "kind": {"events"}},
		"invented kind":    {"child": {"1"}, "kind": {"events", "grades"}},
		"kind not offered": {"child": {"1"}, "kind": {"lessons"}},
		"the whole family": {"child": {"1"}, "kind": {"family"}},
	} {
		site := newSite(t, narrow())
		w := site.call(t, http.MethodPost, "/links", form)
		if w.Code != http.StatusUnprocessableEntity || len(site.store.done) != 0 ||
			!strings.Contains(w.Body.String(), text.For(text.SV).Errors.NothingChosen) {
			t.Errorf("%s: status %d, done %v", name, w.Code, site.store.done)
		}
	}
}

func TestCloudIsNamedBeforeTheLinkIsMade(t *testing.T) {
	t.Parallel()
	s := narrow()
	for path, links := range map[string]int{"/links/new": 1, "/": 0} {
		s.overview.Links = links
		if page := newSite(t, s).call(t, http.MethodGet, path, nil).Body.String(); !strings.Contains(page, text.For(text.SV).Links.Cloud) {
			t.Errorf("%s does not say that Google and Outlook keep a copy", path)
		}
	}
}

func TestAddressesAreShownForAWhile(t *testing.T) {
	t.Parallel()
	site := newSite(t, narrow())
	made := site.call(t, http.MethodPost, "/links", url.Values{"all": {"1"}})
	const path = "/links/l9/addresses"
	for range 2 { // a phone that forgot the page may load it again
		w := site.call(t, http.MethodGet, path, nil)
		page := html.UnescapeString(w.Body.String())
		for _, want := range []string{
			password, base + "/dav/", base + "/c/mzxw6ytboi3dgnrvgqztqmjrge/1-events.ics",
			"webcal://skola.example.org/c/mzxw6ytboi3dgnrvgqztqmjrge/1-events.ics",
			"https://calendar.google.com/calendar/r?cid=webcal%3A%2F%2Fskola.example.org%2Fc%2Fmzxw6ytboi3dgnrvgqztqmjrge%2F1-events.ics",
			"https://outlook.live.com/calendar/0/addfromweb?url=https%3A%2F%2Fskola.example.org%2Fc%2F",
			"https://outlook.office.com/calendar/0/addfromweb?url=https%3A%2F%2Fskola.example.org%2Fc%2F",
			base + "/f/qpzw6ytboi3dgnrvgqztqmjrge/1-news.atom", text.For(text.SV).Links.Cloud,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control %q", w.Header().Get("Cache-Control"))
		}
	}
	if other := site.call(t, http.MethodGet, path, nil, "Cookie: in=another"); other.Code != http.StatusGone || strings.Contains(other.Body.String(), password) {
		t.Errorf("another guardian: status %d", other.Code)
	}
	site.pass(15 * time.Minute)
	if w := site.call(t, http.MethodGet, path, nil); w.Code != http.StatusGone || strings.Contains(w.Body.String(), password) {
		t.Errorf("a quarter of an hour later: status %d", w.Code)
	}
	for _, secret := range []string{password, "mzxw6ytboi3dgnrvgqztqmjrge"} {
		if strings.Contains(site.log.String()+made.Header().Get("Location"), secret) {
			t.Errorf("a secret is in the log or in an address")
		}
	}
}

func TestFirstLinkIsShownOnce(t *testing.T) {
	t.Parallel()
	site := newSite(t, narrow())
	const button = `action="/links/first"`
	if page := site.call(t, http.MethodGet, "/", nil).Body.String(); strings.Contains(page, button) {
		t.Error("offered though there is nothing to show")
	}
	site.store.unseen = true
	if page := site.call(t, http.MethodGet, "/", nil).Body.String(); !strings.Contains(page, button) || strings.Contains(page, password) {
		t.Error("the status page does not offer the addresses, or shows them")
	}
	w := site.call(t, http.MethodPost, "/links/first", nil)
	if w.Header().Get("Location") != "/links/l9/addresses" {
		t.Errorf("to %q", w.Header().Get("Location"))
	}
	if page := site.call(t, http.MethodGet, "/links/l9/addresses", nil).Body.String(); !strings.Contains(page, password) {
		t.Error("the addresses are not shown")
	}
	if diff := cmp.Diff([]string{"seen l9"}, site.store.done); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	if w := site.call(t, http.MethodPost, "/links/first", nil); w.Header().Get("Location") != "/links" {
		t.Errorf("second time: to %q", w.Header().Get("Location"))
	}
}

func TestAddressesAreHidden(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"/links/l9/addresses/hide", "/links/l9/revoke"} {
		site := newSite(t, narrow())
		site.call(t, http.MethodPost, "/links", url.Values{"all": {"1"}})
		if w := site.call(t, http.MethodPost, how, nil); w.Header().Get("Location") != "/links" {
			t.Errorf("%s: to %q", how, w.Header().Get("Location"))
		}
		if w := site.call(t, http.MethodGet, "/links/l9/addresses", nil); w.Code != http.StatusGone {
			t.Errorf("after %s: status %d", how, w.Code)
		}
	}
}

func TestGoogleIsOfferedWhereItCanReach(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://skola.example.org":      true,
		"https://skola.example.org:8443": true,
		"https://203.0.113.9":            true,
		"http://skola.example.org":       false,
		"https://192.168.1.5":            false,
		"https://[fd00::5]":              false,
		"https://127.0.0.1":              false,
		"https://nas":                    false,
		"https://nas.local":              false,
		"https://NAS.home.arpa.":         false,
		"https://localhost":              false,
	} {
		site := newSite(t, narrow(), func(c *web.Config) { c.BaseURL = address })
		site.call(t, http.MethodPost, "/links", url.Values{"all": {"1"}})
		page := site.call(t, http.MethodGet, "/links/l9/addresses", nil).Body.String()
		if got := strings.Contains(page, "calendar.google.com"); got != want {
			t.Errorf("%s: Google offered %v, want %v", address, got, want)
		}
		if strings.Contains(page, text.For(text.SV).Addresses.NotPublic) == want {
			t.Errorf("%s: says that Google cannot reach it: %v", address, want)
		}
	}
}

func TestLinkActions(t *testing.T) {
	t.Parallel()
	site := newSite(t, narrow())
	site.call(t, http.MethodPost, "/links/l1/revoke", nil)
	site.call(t, http.MethodPost, "/links/l2/confirm", nil)
	if diff := cmp.Diff([]string{"revoke l1", "confirm l2"}, site.store.done); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	page := site.call(t, http.MethodGet, "/links", nil).Body.String()
	for _, want := range []string{text.For(text.SV).Links.Everything, ": Brev och nyheter<", `action="/links/l2/confirm"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, `action="/links/l1/confirm"`) {
		t.Error("a living link is to be confirmed")
	}
}

func TestLargeCalendarsAreNamed(t *testing.T) {
	t.Parallel()
	page := html.UnescapeString(newSite(t, narrow()).call(t, http.MethodGet, "/links", nil).Body.String())
	w := text.For(text.SV)
	for _, want := range []string{
		w.Links.Large.With("Astrid " + hostile + " – " + w.Kind(school.KindLessons)),
		w.Links.Narrowed.With(w.Addresses.Family+" – "+w.Kind(school.KindFamily), "mån 26 okt", "sön 10 jan 2027"),
	} {
		if strings.Count(page, want) != 1 {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestManyNewLinksAreBounded(t *testing.T) {
	t.Parallel()
	site := newSite(t, narrow())
	for range 50 {
		site.call(t, http.MethodPost, "/links", url.Values{"all": {"1"}, "label": {"numbered"}})
		site.pass(time.Second)
	}
	kept := 0
	for i := range 50 {
		w := site.call(t, http.MethodGet, "/links/n"+strconv.Itoa(i)+"/addresses", nil)
		if w.Code == http.StatusOK {
			kept++
		}
		if i == 49 && w.Code != http.StatusOK {
			t.Errorf("the newest link: status %d", w.Code)
		}
	}
	if kept != 16 {
		t.Errorf("the addresses of %d links are in memory, want 16", kept)
	}
}

func TestAddressesDoNotPrint(t *testing.T) {
	t.Parallel()
	a := addresses("canary-label")
	for _, got := range append(printed(a), a.String()) {
		for _, secret := range []string{password, "canary", "mzxw6"} {
			if strings.Contains(got, secret) {
				t.Errorf("printed: %s", got)
			}
		}
	}
}

// printed is a value in every way that a log or a message may show it.
func printed(v any) []string {
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("value", v))
	return []string{log.String(), fmt.Sprintf("%v %+v %#v %s %q %d", v, v, v, v, v, v)}
}
