package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
	"syncd/storage"
)

const week = 7 * 24 * time.Hour

// doors are one address of each of a link's secrets.
type doors struct{ page, calendar, feed, user, password string }

// doorsOf takes from what a link opens one address of each secret; what was
// not replaced stays as it was.
func (h *house) doorsOf(a web.Addresses, was doors) doors {
	h.t.Helper()
	if a.Page != "" {
		was.page, _, _ = strings.Cut(a.Page, "#")
	}
	for _, c := range a.Calendars {
		if c.Child == 1 && c.Kind == school.KindEvents {
			was.calendar = c.URL
		}
	}
	for _, f := range a.Feeds {
		if f.Child == school.Family && f.Kind == school.KindNews {
			was.feed = f.URL
		}
	}
	was.user = a.CalDAV.User
	if a.CalDAV.Password != "" {
		was.password = a.CalDAV.Password
	}
	if was.page == "" || was.calendar == "" || was.feed == "" || was.password == "" {
		h.t.Fatal("the link lacks an address")
	}
	return was
}

// knock tells by status what the doors answer: page, calendar, feed, CalDAV.
func (h *house) knock(d doors) []int {
	h.t.Helper()
	h.clock.forward(2 * time.Minute) // whoever misses too often has to wait
	out := make([]int, 0, 4)
	for _, address := range []string{d.page, d.calendar, d.feed} {
		out = append(out, h.do(http.MethodGet, address, "").status)
	}
	return append(out, h.do("PROPFIND", h.base+"/dav/"+d.user+"/", propfind, "Depth", "0", "Authorization", basic(d.user, d.password)).status)
}

func (h *house) expect(when string, d doors, want ...int) {
	h.t.Helper()
	if diff := cmp.Diff(want, h.knock(d)); diff != "" {
		h.t.Errorf("%s: page, calendar, feed, CalDAV (-want +got):\n%s", when, diff)
	}
}

func (h *house) rotate(r web.Rotation) web.Addresses {
	h.t.Helper()
	a, err := h.app.RotateLink(h.t.Context(), h.addresses.Link, r)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// quiet looks for secrets of the doors in everything that was logged.
func (h *house) quiet(all ...doors) {
	h.t.Helper()
	var secrets []string
	for _, d := range all {
		for _, address := range []string{d.page, d.calendar, d.feed} {
			secrets = append(secrets, strings.Split(address, "/")[4])
		}
		secrets = append(secrets, d.password)
	}
	if got := leaks([]byte(h.logs.String()), secrets); len(got) > 0 || len(secrets) == 0 {
		h.t.Errorf("the log holds %q", got)
	}
	if !strings.Contains(h.logs.String(), "route=/s/") {
		h.t.Error("the log does not tell of visits to a page")
	}
}

func TestRotationOverlapsForAWeek(t *testing.T) {
	t.Parallel()
	const ok, gone, denied = http.StatusOK, http.StatusNotFound, http.StatusUnauthorized
	h := open(t)
	first := h.doorsOf(h.addresses, doors{})
	h.expect("a new link", first, ok, ok, ok, http.StatusMultiStatus)
	before := h.get(first.calendar)

	a := h.rotate(web.Rotation{Calendars: true})
	if a.Page != "" || len(a.Feeds) != 0 || a.CalDAV.Password != "" || !a.Replaced || !a.Overlap.After(h.clock.now().Add(week-time.Minute)) {
		t.Error("the answer tells of more than the calendars, or of no overlap")
	}
	second := h.doorsOf(a, first)
	h.expect("calendars replaced: the old ones", first, ok, ok, ok, http.StatusMultiStatus)
	h.expect("calendars replaced: the new ones", second, ok, ok, ok, http.StatusMultiStatus)
	if now := h.get(second.calendar); now != before {
		t.Error("the calendar changed with its address")
	}
	const note = "SUMMARY:Den här adressen slutar fungera"
	if old := h.get(first.calendar); strings.Count(old, note) != 1 || strings.Count(old, "BEGIN:VEVENT") != strings.Count(before, "BEGIN:VEVENT")+1 {
		t.Error("the old address does not say that it ends, or nothing else")
	}

	third := h.doorsOf(h.rotate(web.Rotation{Feeds: true, Page: true, Password: true}), second)
	if third.feed == second.feed || third.page == second.page || third.calendar != second.calendar {
		t.Error("something else was replaced than asked for")
	}
	h.expect("all replaced: the old ones", first, ok, ok, ok, denied)
	h.expect("all replaced: the new ones", third, ok, ok, ok, http.StatusMultiStatus)

	h.restart()
	for _, d := range []*doors{&first, &second, &third} {
		for _, address := range []*string{&d.page, &d.calendar, &d.feed} {
			parts := strings.SplitN(*address, "/", 4)
			*address = h.base + "/" + parts[3]
		}
	}
	h.clock.forward(week - time.Hour)
	h.expect("nearly a week later: the old ones", first, ok, ok, ok, denied)
	h.clock.forward(time.Hour)
	h.expect("a week later: the old ones", first, gone, gone, gone, denied)
	h.expect("a week later: the new ones", third, ok, ok, ok, http.StatusMultiStatus)
	h.quiet(first, second, third)
}

func TestRotationAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	first := h.doorsOf(h.addresses, doors{})
	second := h.doorsOf(h.rotate(web.Rotation{Feeds: true}), first)
	third := h.doorsOf(h.rotate(web.Rotation{Feeds: true, Now: true}), second)
	for what, d := range map[string]doors{"first": first, "second": second} {
		h.expect(what, d, http.StatusOK, http.StatusOK, http.StatusNotFound, http.StatusMultiStatus)
	}
	h.expect("third", third, http.StatusOK, http.StatusOK, http.StatusOK, http.StatusMultiStatus)
	h.quiet(first, second, third)
}

// TestNothingTellsWhatAnAddressWas compares the answers to an address that was
// never one, to one that was replaced, that was revoked, and that expired.
func TestNothingTellsWhatAnAddressWas(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	ended := map[string]doors{}
	ended["replaced"] = h.doorsOf(h.addresses, doors{})
	h.rotate(web.Rotation{Page: true, Calendars: true, Feeds: true, Password: true, Now: true})
	for _, how := range []string{"expired", "revoked"} {
		a, err := h.app.AddLink(ctx, web.NewLink{Label: how}, h.clock.now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		ended[how] = h.doorsOf(a, doors{})
		h.expect(how+" before", ended[how], 200, 200, 200, 207)
		if how == "revoked" {
			if err := h.app.RevokeLink(ctx, a.Link); err != nil {
				t.Fatal(err)
			}
			h.expect(how, ended[how], 404, 404, 404, 401)
		}
	}
	h.clock.forward(time.Hour)
	never := strings.Repeat("a", 26)
	ended["never"] = doors{
		page: h.base + "/s/" + never, calendar: h.base + "/c/" + never + "/1-events.ics", feed: h.base + "/f/" + never + "/0-news.atom",
		user: "aaaaaaaa", password: "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa",
	}
	said := map[string]string{}
	for how, d := range ended {
		h.expect(how, d, 404, 404, 404, 401)
		for _, address := range []string{d.page, d.calendar, d.feed, d.page + "/feeds.opml", d.page + "/skola.mobileconfig"} {
			h.clock.forward(2 * time.Minute)
			a := h.do(http.MethodGet, address, "")
			a.header.Del("Date")
			path := strings.Split(strings.TrimPrefix(address, h.base), "/")
			path[2] = ""
			what, answer := strings.Join(path, "/"), fmt.Sprint(a.status, a.header, a.body)
			if said[what] == "" {
				said[what] = answer
			}
			if said[what] != answer {
				t.Errorf("%s, %s: the answer differs from the others'", what, how)
			}
		}
	}
}

// pictures are the addresses of pictures and attachments in a feed.
var pictures = regexp.MustCompile(`http://[0-9.:]+/m/[^"'&<> ]+`)

func TestRevokingEndsAllOfIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	first := h.doorsOf(h.addresses, doors{})
	second := h.doorsOf(h.rotate(web.Rotation{Page: true, Calendars: true, Feeds: true}), first)
	picture := pictures.FindString(h.get(second.feed))
	if picture == "" {
		t.Fatal("no letter has a picture")
	}
	h.expect("before", second, 200, 200, 200, 207)
	if a := h.do(http.MethodGet, picture, ""); a.status != http.StatusOK {
		t.Fatalf("the picture: %d", a.status)
	}
	if err := h.app.RevokeLink(t.Context(), h.addresses.Link); err != nil {
		t.Fatal(err)
	}
	h.expect("the new ones", second, 404, 404, 404, 401)
	h.expect("the old ones, in their week", first, 404, 404, 404, 401)
	if a := h.do(http.MethodGet, picture, ""); a.status != http.StatusNotFound {
		t.Errorf("the picture: %d", a.status)
	}
	if _, err := h.app.RotateLink(t.Context(), h.addresses.Link, web.Rotation{Page: true}); err == nil {
		t.Error("a revoked link was given a new address")
	}
}

func TestLinksEndOnTheirDay(t *testing.T) {
	t.Parallel()
	h := open(t)
	a, err := h.app.AddLink(t.Context(), web.NewLink{Label: "En vecka"}, h.clock.now().Add(week))
	if err != nil {
		t.Fatal(err)
	}
	d := h.doorsOf(a, doors{})
	h.addresses = a
	old := d
	d = h.doorsOf(h.rotate(web.Rotation{Calendars: true}), d)
	h.clock.forward(week - time.Hour)
	h.expect("before", d, 200, 200, 200, 207)
	h.clock.forward(time.Hour)
	h.expect("after", d, 404, 404, 404, 401)
	h.expect("after, by the replaced address", old, 404, 404, 404, 401)
	// The guardian lets it go on.
	if err := h.app.ChangeLink(t.Context(), a.Link, web.NewLink{Label: "En vecka"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	h.expect("prolonged", d, 200, 200, 200, 207)
	if err := h.app.ChangeLink(t.Context(), a.Link, web.NewLink{}, h.clock.now().Add(-time.Hour)); err == nil {
		t.Error("a link was ended in the past")
	}
}

func TestLastUsedIsADayAndAFamily(t *testing.T) {
	t.Parallel()
	h := open(t)
	const device = "canary-device/17.5 (21F79)"
	d := h.doorsOf(h.addresses, doors{})
	uses := func() []storage.Use {
		all, err := h.db.LinkUses(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(all, func(u storage.Use) bool { return u.Link != h.addresses.Link })
	}
	h.do(http.MethodGet, d.page, "", "User-Agent", device)
	if got := uses(); len(got) != 0 {
		t.Errorf("looking at the page counts as use: %v", got)
	}
	today := school.DateOf(h.clock.now().In(school.Stockholm()))
	for range 3 {
		h.do(http.MethodGet, d.calendar, "", "User-Agent", "Google-Calendar-Importer "+device)
		h.do(http.MethodGet, d.feed, "", "User-Agent", "NetNewsWire (RSS Reader; "+device+")")
	}
	h.clock.forward(24 * time.Hour)
	h.do(http.MethodOptions, h.base+"/dav/"+d.user+"/", "", "Authorization", basic(d.user, d.password), "User-Agent", "iOS/17.5 (21F79) dataaccessd/1.0 "+device)
	want := []storage.Use{
		{Link: h.addresses.Link, Family: "apple", Day: today.AddDays(1)},
		{Link: h.addresses.Link, Family: "google", Day: today},
		{Link: h.addresses.Link, Family: "reader", Day: today},
	}
	if diff := cmp.Diff(want, uses()); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
	page := h.signedIn(h.base + "/links")
	for _, want := range []string{"i dag (Apple)", "i går (Google)", "i går (nyhetsläsare)"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of links lacks %q", want)
		}
	}
	for what, where := range map[string]string{"log": h.logs.String(), "page": page} {
		if strings.Contains(where, "canary-device") || strings.Contains(where, "21F79") {
			t.Errorf("the %s names a device", what)
		}
	}
}

// once counts what matches, and makes sure that nothing does twice.
func once(t *testing.T, text string, what *regexp.Regexp) int {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range what.FindAllStringSubmatch(text, -1) {
		if seen[m[1]] {
			t.Errorf("%s is there twice", m[1])
		}
		seen[m[1]] = true
	}
	return len(seen)
}

// TestAReceiverComesToEverything goes the way of somebody who was given the
// address of a page.
func TestAReceiverComesToEverything(t *testing.T) {
	t.Parallel()
	h := open(t)
	address, fragment, _ := strings.Cut(h.addresses.Page, "#")
	keys, err := url.ParseQuery(fragment)
	if err != nil || keys.Get("p") != h.addresses.CalDAV.Password {
		t.Fatal("the page's address does not hold the secrets")
	}
	page := h.get(address)
	if got := leaks([]byte(page), []string{keys.Get("c"), keys.Get("f"), keys.Get("p"), h.world.Children()[0].Name}); len(got) > 0 {
		t.Errorf("the page holds %q", got)
	}
	for _, c := range h.addresses.Calendars { // as the page's script puts them together
		if !strings.Contains(page, `data-slug="c/`+c.Slug+`.ics"`) || c.URL != h.base+"/c/"+keys.Get("c")+"/"+c.Slug+".ics" {
			t.Errorf("the page does not lead to %d-%s", c.Child, c.Kind)
		}
	}
	post := func(file string, form url.Values) answer {
		h.clock.forward(time.Minute)
		return h.do(http.MethodPost, address+"/"+file, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	opml := post("feeds.opml", keys)
	if got := regexp.MustCompile(`xmlUrl="([^"]+)"`).FindAllStringSubmatch(opml.body, -1); len(got) != 1 || !strings.HasSuffix(got[0][1], "/0-all.atom") {
		t.Errorf("the list of feeds leads to %d feeds", len(got))
	} else if once(t, h.get(got[0][1]), regexp.MustCompile(`<id>(tag:[^<]+)</id>`)) == 0 {
		t.Error("the listed feed is empty")
	}
	profile := post("skola.mobileconfig", keys)
	var calendars strings.Builder
	for _, c := range h.addresses.Calendars {
		if taken := strings.Contains(profile.body, c.URL); taken == (c.Kind == school.KindDay || c.Kind == school.KindFamily) {
			t.Errorf("the profile takes %d-%s: %t", c.Child, c.Kind, taken)
		} else if taken {
			calendars.WriteString(h.get(c.URL))
		}
	}
	if once(t, calendars.String(), regexp.MustCompile("\r\nUID:([^\r]+)")) < 100 {
		t.Error("the profile's calendars are almost empty")
	}
	if profile.status != http.StatusOK || !strings.Contains(profile.body, h.addresses.Calendars[0].URL) || strings.Contains(profile.body, keys.Get("p")) {
		t.Errorf("the profile: %d", profile.status)
	}
	if a := post("qr.svg", keys); a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the code: %d", a.status)
	}
	other, err := h.app.AddLink(t.Context(), web.NewLink{Label: "En annan"}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	_, fragment, _ = strings.Cut(other.Page, "#")
	foreign, err := url.ParseQuery(fragment)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"feeds.opml", "skola.mobileconfig", "qr.svg"} {
		if a := post(file, foreign); a.status != http.StatusNotFound {
			t.Errorf("%s with another link's secrets: %d", file, a.status)
		}
	}
	// A path that is not quite right is not corrected: that would repeat it.
	for _, wrong := range []string{"//s/", "/s//", "/c//", "/x/../s/"} {
		h.clock.forward(time.Minute)
		a := h.do(http.MethodGet, h.base+wrong+strings.TrimPrefix(address, h.base+"/s/"), "")
		if got := leaks(fmt.Append(nil, a.header, a.body), []string{address[len(h.base)+3:]}); len(got) > 0 || a.status != http.StatusNotFound {
			t.Errorf("%s: %d, the answer repeats %d tokens", wrong, a.status, len(got))
		}
	}
	h.quiet(h.doorsOf(h.addresses, doors{}), h.doorsOf(other, doors{}))
}

// TestAChangedLinkIsFetchedAnew changes a link on the page as a guardian does.
func TestAChangedLinkIsFetchedAnew(t *testing.T) {
	t.Parallel()
	h := open(t)
	d := h.doorsOf(h.addresses, doors{})
	before, home := h.get(d.calendar), "/dav/"+d.user+"/calendars/1-events/"
	token := h.dav("PROPFIND", home, propfind, "0").body
	was, err := h.db.Link(t.Context(), h.addresses.Link)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.forward(time.Hour)
	form := url.Values{
		"label": {"Mormor"}, "child": {"1"}, "kind": {"events", "news"}, "prefix": {"1"}, "language": {"sv"}, "until": {"2027-06-15"},
	}
	resp, err := h.browser().PostForm(h.base+"/links/"+string(h.addresses.Link)+"/edit", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/links" {
		t.Fatalf("changed: %d at %s", resp.StatusCode, resp.Request.URL.Path)
	}
	now, err := h.db.Link(t.Context(), h.addresses.Link)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2027, time.June, 16, 0, 0, 0, 0, school.Stockholm())
	if now.Label != "Mormor" || !now.Options.Prefix || !now.Expires.Equal(end) || now.Generation == was.Generation || !now.OptionsChanged.After(was.OptionsChanged) {
		t.Error("the link is not as the form said")
	}
	after := h.get(d.calendar)
	if first := h.world.Children()[0]; !strings.Contains(after, "SUMMARY:"+school.Child{Name: first.Name}.FirstName()) || after == before {
		t.Error("titles do not begin with the child's name")
	}
	if again := h.dav("PROPFIND", home, propfind, "0").body; again == token {
		t.Error("the sync token is the one from before")
	}
	h.expect("the same addresses", d, 200, 200, 200, 207)
	for _, c := range h.addresses.Calendars {
		h.clock.forward(2 * time.Minute)
		want := http.StatusNotFound
		if c.Child == 1 && c.Kind == school.KindEvents || c.Kind == school.KindFamily {
			want = http.StatusOK
		}
		if a := h.do(http.MethodGet, c.URL, ""); a.status != want {
			t.Errorf("%d-%s out of the new scope: %d, want %d", c.Child, c.Kind, a.status, want)
		}
	}
}
