package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
)

// TestUnchangedWorldChangesNothing reads an unchanged world again, later and
// after a restart: not one byte of any answer and no file may change.
func TestUnchangedWorldChangesNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	before, files, base := h.sent(), h.files(), h.base
	if len(before) < 20 || len(files) < 2 {
		t.Fatalf("only %d answers and %d files to compare", len(before), len(files))
	}
	h.clock.forward(25 * time.Hour)
	h.mustRead()
	if diff := cmp.Diff(before, h.sent()); diff != "" {
		t.Errorf("after a second read, a day later (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(files, h.files()); diff != "" {
		t.Errorf("files after a second read, a day later (-before +after):\n%s", diff)
	}
	h.restart()
	h.mustRead()
	after := h.sent()
	if h.base != base { // somebody else has taken the port
		for name := range h.feeds() {
			for _, as := range []string{", as sent", ", gzip"} {
				delete(before, name+as)
				delete(after, name+as)
			}
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(files, h.files()); diff != "" {
		t.Errorf("files after a restart (-before +after):\n%s", diff)
	}
}

// uids returns the objects of the first child's events calendar.
func (h *house) uids() map[string]string {
	h.t.Helper()
	out := map[string]string{}
	for _, r := range parse(h.t, h.dav("REPORT", "/dav/"+h.addresses.CalDAV.User+"/calendars/1-events/", query, "1").body).Responses {
		for _, data := range r.Data {
			out[events(h.t, data)[0].uid] = data
		}
	}
	return out
}

func difference(before, after map[string]string) (added, changed, removed []string) {
	for uid, data := range after {
		if old, ok := before[uid]; !ok {
			added = append(added, uid)
		} else if old != data {
			changed = append(changed, uid)
		}
	}
	for uid := range before {
		if _, ok := after[uid]; !ok {
			removed = append(removed, uid)
		}
	}
	return added, changed, removed
}

// TestMoveWithIDChangesOneEntry moves an event that the platform knows by an
// id: the same entry, at another time, and nothing else.
func TestMoveWithIDChangesOneEntry(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.world.Children()[0]
	before, all := h.uids(), h.everything()
	var moved school.Event
	for _, e := range h.world.SchoolOf(c).Calendar {
		if e.Ref != "" && !e.Span.AllDay && e.Span.Start.After(now()) {
			moved = e
			break
		}
	}
	if !h.world.MoveEvent(c.School, moved.Ref, school.Timed(moved.Span.Start.Add(time.Hour), moved.Span.End.Add(time.Hour))) {
		t.Fatal("the world has no event to move")
	}
	h.clock.forward(time.Hour)
	h.mustRead()
	added, changed, removed := difference(before, h.uids())
	if len(added) != 0 || len(changed) != 1 || len(removed) != 0 {
		t.Fatalf("added %v, changed %v, removed %v; want one change", added, changed, removed)
	}
	got := h.uids()[changed[0]]
	if !strings.Contains(got, "SEQUENCE:1") {
		t.Errorf("SEQUENCE did not grow:\n%s", got)
	}
	for name, answer := range h.everything() {
		touched := strings.Contains(name, "1-events") || strings.Contains(name, "0-family") || name == "home"
		for _, feed := range []string{"0-changes", "0-all", "1-changes", "1-all"} {
			touched = touched || strings.Contains(name, feed)
		}
		if same := answer == all[name]; same == touched {
			t.Errorf("%s: changed = %v, want %v", name, !same, touched)
		}
	}
}

// TestMoveWithoutIDIsDeletionAndAddition moves a booking that the platform
// gives no id: nobody can know that it is the same one.
func TestMoveWithoutIDIsDeletionAndAddition(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.world.Children()[0]
	before := h.uids()
	i := slices.IndexFunc(c.Schedule, func(e school.Event) bool { return e.Span.Start.After(now()) })
	e := c.Schedule[i]
	if !h.world.MoveBooking(c.Key, e.Title, school.Timed(e.Span.Start.Add(24*time.Hour), e.Span.End.Add(24*time.Hour))) {
		t.Fatal("the world has no booking to move")
	}
	h.mustRead()
	added, changed, removed := difference(before, h.uids())
	if len(added) != 1 || len(changed) != 0 || len(removed) != 1 {
		t.Fatalf("added %v, changed %v, removed %v; want one addition and one removal", added, changed, removed)
	}
}

// TestMassDisappearanceIsHeld empties a school's calendar: nothing leaves the
// phones until a second read agrees.
func TestMassDisappearanceIsHeld(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.world.Children()[0]
	before := h.uids()
	h.world.EditChild(c.Key, func(c *schooltestChild) { c.Schedule = nil })
	for _, e := range slices.Clone(h.world.SchoolOf(c).Calendar) {
		if e.Ref != "" {
			h.world.RemoveEvent(c.School, e.Ref)
		}
	}
	h.clock.forward(time.Hour)
	if p := h.read(); p != school.ProblemHeld {
		t.Errorf("problem = %q, want %q", p, school.ProblemHeld)
	}
	if added, changed, removed := difference(before, h.uids()); len(added)+len(changed) > 0 || len(removed) > len(before)/3 {
		t.Errorf("after one read: added %d, changed %d, removed %d of %d", len(added), len(changed), len(removed), len(before))
	}
	h.clock.forward(time.Hour)
	h.mustRead()
	if _, _, removed := difference(before, h.uids()); len(removed) < len(before)/2 {
		t.Errorf("after a second read that agrees: removed %d of %d", len(removed), len(before))
	}
}

// TestExpiryKeepsCalendars ends all sessions: every calendar stays as it is,
// the account says that somebody has to sign in, and nothing starts a login.
func TestExpiryKeepsCalendars(t *testing.T) {
	t.Parallel()
	h := open(t)
	before := h.everything()
	orders := h.orders()
	h.fake.SSO().Phone().Auto(nobody(), 0)
	h.fake.KillAll()
	h.clock.forward(time.Hour)
	if p := h.read(); p != school.ProblemSignIn {
		t.Errorf("problem = %q, want %q", p, school.ProblemSignIn)
	}
	acct, err := h.db.Account(t.Context(), h.account)
	if err != nil || acct.State != school.Expired {
		t.Errorf("account = %s, %v; want expired", acct.State, err)
	}
	if diff := cmp.Diff(before, h.everything()); diff != "" {
		t.Errorf("calendars changed (-before +after):\n%s", diff)
	}
	if got := h.orders(); got != orders {
		t.Errorf("%d orders were started without a person", got-orders)
	}
	page := h.signedIn(h.base + "/")
	if !strings.Contains(page, "/accounts/"+string(h.account)+"/login") {
		t.Error("the status page does not lead to the sign-in")
	}
}

// TestSilentReentry ends the platform's session only: the city's own sign-in
// lets the program in again, without a person and without an order.
func TestSilentReentry(t *testing.T) {
	t.Parallel()
	h := open(t)
	before, orders := h.everything(), h.orders()
	h.fake.SSO().Phone().Auto(nobody(), 0)
	h.fake.KillSessions()
	h.clock.forward(time.Hour)
	h.mustRead()
	if diff := cmp.Diff(before, h.everything()); diff != "" {
		t.Errorf("calendars changed (-before +after):\n%s", diff)
	}
	if got := h.orders(); got != orders {
		t.Errorf("%d orders were started without a person", got-orders)
	}
}

// TestRestartNeedsNoSignIn restarts the program: the session lives on.
func TestRestartNeedsNoSignIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	orders := h.orders()
	h.restart()
	h.fake.SSO().Phone().Auto(nobody(), 0)
	h.mustRead()
	if got := h.orders(); got != orders {
		t.Errorf("%d orders after a restart, want %d", got, orders)
	}
}

// orders counts the logins that were started at the city.
func (h *house) orders() int {
	n := 0
	for _, r := range h.fake.SSO().Requests() {
		if strings.Contains(r, "initialize=") || strings.Contains(r, "action=init") {
			n++
		}
	}
	return n
}
