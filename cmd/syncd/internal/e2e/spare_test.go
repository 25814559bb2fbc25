package e2e_test

import (
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/school"
)

// TestCalendarGoesOnWithoutASession lets a session end whose guardian wanted
// the school's calendar kept up to date all the same: what moves, moves in the
// family's calendar under the UID that it had, what is new comes, nothing goes,
// and the pages say what stands still.
func TestCalendarGoesOnWithoutASession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	fake := infomentortest.New(h.world, infomentortest.Options{Now: h.clock.now})
	phone := fake.SSO().Phone()
	phone.Auto(infomentortest.Persons(h.world)[0], 0)
	h.recorder.next = fake
	h.start()
	ctx := t.Context()
	if err := h.app.Join(ctx, "infomentor", map[string]string{infomentor.SettingCalendarAddress: "yes"}, source.BankIDQR); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.addresses, err = h.app.AddLink(ctx, web.NewLink{Label: "Prov"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	child := h.world.Children()[0]
	today := school.DateOf(h.clock.now().In(school.Stockholm()))
	add := func(title string, days int) school.Ref {
		at := today.AddDays(days).At(18, 0, school.Stockholm())
		return h.world.AddEvent(child.School, school.Event{Item: school.Item{Title: title, Span: school.Timed(at, at.Add(time.Hour))}})
	}
	moving, leaving := add("Föräldramöte som flyttas", 9), add("Möte som utgår", 10)
	h.clock.forward(20 * time.Minute)
	h.mustRead()
	before := events(t, h.calendar(1, school.KindEvents))

	phone.Auto(nobody(), 0)
	fake.KillAll()
	h.clock.forward(20 * time.Minute)
	if p := h.read(); p != school.ProblemSignIn {
		t.Fatalf("problem = %q, want %q", p, school.ProblemSignIn)
	}
	to := today.AddDays(11).At(19, 30, school.Stockholm())
	h.world.MoveEvent(child.School, moving, school.Timed(to, to.Add(time.Hour)))
	h.world.RemoveEvent(child.School, leaving)
	add("Kom till utan inloggning", 12)
	h.clock.forward(time.Hour)
	if p := h.read(); p != school.ProblemSignIn {
		t.Errorf("problem = %q: somebody has to sign in as before", p)
	}

	after := events(t, h.calendar(1, school.KindEvents))
	if len(after) != len(before)+1 {
		t.Errorf("%d events, before the session's end there were %d and one came", len(after), len(before))
	}
	for _, was := range before {
		i := slices.IndexFunc(after, func(e event) bool { return e.uid == was.uid })
		if i < 0 {
			t.Error("an event has left, or has another UID")
			continue
		}
		if strings.Contains(was.title, "Föräldramöte som flyttas") && !after[i].start.Equal(to) {
			t.Errorf("the event that moved is at %v, want %v", after[i].start, to)
		}
	}
	sv := text.For(text.SV)
	lead, _, _ := strings.Cut(string(sv.Spare.Since), "%s")
	if page := h.signedIn(h.base + "/"); !strings.Contains(page, lead) {
		t.Error("the status page does not say what is read without a session")
	}
	for _, c := range h.world.Children() {
		if secret := path.Base(infomentortest.SubscriptionURI(c)); strings.Contains(h.logs.String(), secret) {
			t.Error("a calendar's address is in the log")
		}
	}
}
