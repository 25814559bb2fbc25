package e2e_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
	"syncd/storage"
)

// post sends a form as the signed-in guardian and returns the page behind it.
func (h *house) post(path string, form url.Values) string {
	h.t.Helper()
	resp, err := h.browser().PostForm(h.base+path, form)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		h.t.Fatalf("POST %s = %d, %v", path, resp.StatusCode, err)
	}
	return string(b)
}

// TestDeletedChild deletes a child on the page, from the question to the
// phone: its calendars leave the home, what was subscribed is empty, sync hears
// of each deletion, pictures and letters are gone, other children are as they
// were, and reading on changes nothing until the guardian allows the child.
func TestDeletedChild(t *testing.T) {
	t.Parallel()
	h := open(t)
	name := h.world.Children()[0].Name
	first, _, _ := strings.Cut(name, " ")
	before := h.everything()
	if len(events(t, h.calendar(1, school.KindEvents))) == 0 || !strings.Contains(before["feed 0-all.atom"], first) {
		t.Fatal("nothing is there to be deleted")
	}
	only, err := h.app.AddLink(t.Context(), web.NewLink{Label: "Bara", Children: []school.ChildNumber{1}}, time.Time{})
	if err != nil || len(only.Calendars) == 0 || len(only.Feeds) == 0 {
		t.Fatalf("link = %v", err)
	}
	page := h.signedIn(h.base + "/keep")
	if !strings.Contains(page, `href="/keep/delete/1"`) {
		t.Fatal("the page does not offer it")
	}
	if question := h.signedIn(h.base + "/keep/delete/1"); !strings.Contains(question, `class="danger"`) {
		t.Fatal("nobody asks")
	}
	report := h.post("/keep/delete", url.Values{"child": {"1"}, "kind": {""}})
	if !strings.Contains(report, "Raderat") || !strings.Contains(report, "/links/"+string(only.Link)+"/revoke") {
		t.Errorf("the report is not complete:\n%s", report)
	}
	// A link that shows this child only goes on answering, with nothing.
	for _, c := range only.Calendars {
		if a := h.do(http.MethodGet, c.URL, ""); a.status != http.StatusOK || strings.Contains(a.body, "BEGIN:VEVENT") {
			t.Errorf("its calendar of %s: %d", c.Kind, a.status)
		}
	}
	for _, f := range only.Feeds {
		if a := h.do(http.MethodGet, f.URL, ""); a.status != http.StatusOK || strings.Contains(a.body, "<entry>") {
			t.Errorf("its feed of %s: %d", f.Kind, a.status)
		}
	}
	a := h.do("PROPFIND", h.base+"/dav/"+only.CalDAV.User+"/calendars/", propfind, "Depth", "1", "Authorization", basic(only.CalDAV.User, only.CalDAV.Password))
	if a.status != http.StatusMultiStatus || len(hrefs(t, a.body)) != 1 {
		t.Errorf("its home: %d\n%s", a.status, a.body)
	}
	gone := func(when string) {
		t.Helper()
		if strings.Contains(h.signedIn(h.base+"/"), name) || strings.Contains(h.signedIn(h.base+"/keep"), name) {
			t.Errorf("%s: the name is on a page", when)
		}
		for what, body := range h.everything() {
			if strings.Contains(body, first) {
				t.Errorf("%s: %s says %s", when, what, first)
			}
			if other := before[what]; strings.HasPrefix(what, "ics 2-") && body != other {
				t.Errorf("%s: %s of the other child has changed", when, what)
			}
		}
		for _, k := range []school.Kind{school.KindEvents, school.KindMeals} {
			if n := len(events(t, h.calendar(1, k))); n > 0 {
				t.Errorf("%s: %d %s are subscribed", when, n, k)
			}
		}
		for _, slug := range h.slugs() {
			if strings.HasPrefix(slug, "1-") {
				t.Errorf("%s: the home lists %s", when, slug)
			}
		}
		for _, m := range media(before["feed 0-all.atom"]) {
			if a := h.do(http.MethodGet, h.base+m, ""); a.status == http.StatusOK && !strings.Contains(h.everything()["feed 0-all.atom"], m) {
				t.Errorf("%s: a picture is served", when)
			}
		}
	}
	gone("deleted")
	h.mustRead()
	gone("read again")
	requests := len(h.fake.Requests())
	h.mustRead()
	fewer := len(h.fake.Requests()) - requests
	h.restart()
	h.mustRead()
	gone("restarted")

	if page := h.signedIn(h.base + "/keep"); !strings.Contains(page, `action="/keep/allow"`) {
		t.Fatal("the page does not offer to read it again")
	}
	h.post("/keep/allow", url.Values{"child": {"1"}, "kind": {""}})
	requests = len(h.fake.Requests())
	h.mustRead()
	if all := len(h.fake.Requests()) - requests; fewer >= all {
		t.Errorf("%d requests for a family without the child, %d with it", fewer, all)
	}
	if n := len(events(t, h.calendar(1, school.KindEvents))); n == 0 {
		t.Error("nothing came back")
	}
}

// media lists the paths of pictures in a feed.
func media(feed string) (out []string) {
	for _, part := range strings.Split(feed, "/m/")[1:] {
		end := strings.IndexAny(part, `"<'& `)
		if end > 0 {
			out = append(out, "/m/"+part[:end])
		}
	}
	return out
}

// TestKindIsDeletedForEverybody deletes letters by command, and finds them in
// no feed, no file and no blob.
func TestKindIsDeletedForEverybody(t *testing.T) {
	t.Parallel()
	h := open(t)
	if n := len(media(h.everything()["feed 0-news.atom"])); n == 0 {
		t.Fatal("no letter has a picture")
	}
	out := h.command("delete", "kind", "news")
	if !strings.Contains(out, "news") || !strings.Contains(out, "pictures and files") {
		t.Errorf("the report: %s", out)
	}
	h.mustRead()
	letters, err := h.db.Letters(t.Context(), nil, []school.Kind{school.KindNews}, 0)
	if err != nil || len(letters) > 0 {
		t.Errorf("%d letters, %v", len(letters), err)
	}
	for what, body := range h.everything() {
		if strings.HasPrefix(what, "feed 0-news") && strings.Contains(body, "<entry>") {
			t.Errorf("%s has entries", what)
		}
	}
}

// TestWhatWasKeptLongEnoughLeavesThePhone: limits are set on the page, days
// pass, and a calendar program hears of it by sync.
func TestWhatWasKeptLongEnoughLeavesThePhone(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.post("/keep", url.Values{"meals": {"1"}, "news": {"7"}})
	leaving := func() (n int) {
		all, err := h.db.Leaving(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			if l.Shelf == school.ShelfMeals {
				n = l.Kept
			}
		}
		return n
	}
	meals := leaving()
	phone := h.replica("1-meals")
	phone.sync(0)
	had := len(phone.etags)
	if had == 0 || meals == 0 {
		t.Fatalf("the phone has %d of %d meals", had, meals)
	}
	for range 4 {
		h.clock.forward(25 * time.Hour)
		if _, err := h.db.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.restart() // a start looks after it too
	if told, refused := phone.sync(0); told == 0 || refused || len(phone.etags) >= had || leaving() >= meals {
		t.Errorf("the phone was told of %d (refused: %v), has %d of %d meals; %d of %d are kept", told, refused, len(phone.etags), had, leaving(), meals)
	}
	phone.check("days later")
	left := leaving()
	h.mustRead()
	if leaving() > left {
		t.Errorf("%d meals after the next read, %d before", leaving(), left)
	}
	from, err := h.db.LettersFrom(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	letters, err := h.db.Letters(t.Context(), nil, []school.Kind{school.KindNews}, 0)
	for _, l := range letters {
		if l.Published.Before(from) {
			t.Errorf("a letter of %s is back, %v", l.Published.Format(time.DateOnly), err)
		}
	}
}

// TestRemovedAccountLeavesNothing, and the report says what became of the
// session.
func TestRemovedAccountLeavesNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	report := h.post("/accounts/"+string(h.account)+"/remove", nil)
	if !strings.Contains(report, text.For(text.SV).Keep.Mute.With("Skolplattformen")) {
		t.Errorf("the report does not say what became of the session:\n%s", report)
	}
	children, err := h.db.Children(t.Context())
	if err != nil || len(children) > 0 {
		t.Errorf("%d children left, %v", len(children), err)
	}
	if _, err := h.db.Delete(t.Context(), storage.Choice{Child: 1}); err != nil {
		t.Errorf("a number without a child cannot be kept from coming back: %v", err)
	}
}
