package e2e_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

// elsewhere lets another platform have shown a child with one event of its own
// and one that the first platform has too, and returns the child's number.
func (h *house) elsewhere(shared school.Entry) school.ChildNumber {
	h.t.Helper()
	ctx := h.t.Context()
	acct, err := h.db.AddAccount(ctx, "elsewhere", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	child := school.Child{Ref: "x", Name: h.world.Children()[0].Name}
	numbers, err := h.db.PutRoster(ctx, acct.ID, acct.Platform, school.Roster{Owner: "o", Children: []school.Child{child}})
	if err != nil {
		h.t.Fatal(err)
	}
	day := school.NewDate(2026, time.December, 3)
	_, err = h.db.Apply(ctx, acct.ID, school.Snapshot{
		Platform: acct.Platform, Child: child, Taken: h.clock.now(),
		Calendar: []school.Event{
			{Item: school.Item{UID: "elsewhere-own", Title: "Bara här", Span: school.AllDay(day, day)}},
			{Item: school.Item{UID: "elsewhere-shared", Title: shared.Title, Span: shared.Span}},
		},
		News: []school.NewsItem{{UID: "elsewhere-letter", Title: "Brev", Published: h.clock.now().Add(-time.Hour)}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return numbers["x"]
}

func (h *house) uidsOf(n school.ChildNumber) map[string]bool {
	h.t.Helper()
	out := map[string]bool{}
	for _, e := range events(h.t, h.calendar(n, school.KindEvents)) {
		out[e.uid] = true
	}
	return out
}

// TestJoinedChild joins what two platforms know of a child: its calendars are
// one, nothing stands in them twice, addresses with the number that is no
// longer used answer as before, and a split brings back what was there.
func TestJoinedChild(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	entries, err := h.db.Entries(ctx, 1, school.KindEvents)
	if err != nil || len(entries) == 0 {
		t.Fatalf("no events: %v", err)
	}
	other := h.elsewhere(entries[len(entries)-1])
	if h.addresses, err = h.app.AddLink(ctx, web.NewLink{Label: "Båda"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	only, err := h.app.AddLink(ctx, web.NewLink{Label: "Bara", Children: []school.ChildNumber{other}}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	first, second := h.uidsOf(1), h.uidsOf(other)
	meals := h.calendar(1, school.KindMeals)
	if len(second) != 2 {
		t.Fatalf("the other platform shows %d events", len(second))
	}
	number := strconv.Itoa(int(other))
	slug := number + "-events"
	home := "/dav/" + h.addresses.CalDAV.User + "/calendars/"

	h.command("child", "join", number, "1")
	if diff := cmp.Diff(first, h.uidsOf(1)); diff != "" {
		t.Errorf("joined, the first platform leads (-want +got):\n%s", diff)
	}
	if got := h.calendar(other, school.KindEvents); got != h.calendar(1, school.KindEvents) {
		t.Error("the other number shows something else")
	}
	if h.calendar(1, school.KindMeals) != meals {
		t.Error("a calendar that only one platform has is another one now")
	}
	if body := h.dav("PROPFIND", home, propfind, "1").body; strings.Contains(body, slug) {
		t.Error("the home still lists the other number")
	}
	a := h.dav("REPORT", home+slug+"/", query, "1")
	if a.status != http.StatusMultiStatus || len(parse(t, a.body).Responses) != len(first) {
		t.Errorf("CalDAV under the other number: %d with %d objects, want %d", a.status, len(parse(t, a.body).Responses), len(first))
	}
	for _, f := range h.addresses.Feeds {
		if f.Child == other {
			h.get(f.URL)
		}
	}
	if len(only.Calendars) == 0 {
		t.Error("the link to the other number had no calendars")
	}
	for _, c := range only.Calendars {
		h.get(c.URL) // a link to the other number is a link to the child
	}

	h.command("child", "lead", "-fill", "1", "events", "skolplattformen")
	want := map[string]bool{}
	for uid := range first {
		want[uid] = true
	}
	for uid := range second {
		if strings.HasPrefix(uid, "elsewhere-own") {
			want[uid] = true
		}
	}
	if diff := cmp.Diff(want, h.uidsOf(1)); diff != "" {
		t.Errorf("filled in, nothing twice (-want +got):\n%s", diff)
	}
	page := h.signedIn(h.base + "/children")
	if !strings.Contains(page, `name="alias" value="`+number+`"`) || !strings.Contains(page, "elsewhere") {
		t.Error("the page does not show what was joined")
	}

	h.command("child", "split", "1", number)
	if diff := cmp.Diff([]map[string]bool{first, second}, []map[string]bool{h.uidsOf(1), h.uidsOf(other)}); diff != "" {
		t.Errorf("split again (-want +got):\n%s", diff)
	}
}
