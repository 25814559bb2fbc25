package view_test

import (
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// A planned sign-in is asked for in calendars and feeds for as long as it is
// due, once, without any link but that of the status page; it goes when
// somebody has signed in, or by itself.
func TestPlannedSignInIsAskedForInBand(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.link("quiet", func(l *school.Link) { l.Options.Quiet = true })
	h.read(nil)
	signIn := func() {
		t.Helper()
		at := h.clock.Now()
		if err := h.PutStay(t.Context(), h.account, school.Stay{Began: at, Used: at, Rung: school.RungPerson}); err != nil {
			t.Fatal(err)
		}
		h.Invalidate()
	}
	if err := h.PutState(t.Context(), h.account, school.Active, school.ProblemNone); err != nil {
		t.Fatal(err)
	}
	signIn()
	plan, err := school.ParseRenewal("sunday 19:30")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.PutKeeping(t.Context(), h.account, school.Keeping{Renewal: plan}); err != nil {
		t.Fatal(err)
	}
	h.Invalidate()
	sv := text.For(text.SV)
	asks := sv.Keeping.Asked.With(sv.Moment(plan))
	asked := func(link string) (calendar, feed int) {
		t.Helper()
		ics := strings.ReplaceAll(string(h.calendar(link, "1-events").ICS), "\r\n ", "")
		for _, l := range h.feed(link, "1-news").Letters {
			if l.Title == asks {
				feed++
			}
			for _, bad := range []string{"bankid:", "autostart", "/login"} {
				if strings.Contains(l.Summary+l.URL, bad) || strings.Contains(ics, bad) {
					t.Errorf("the note holds %q", bad)
				}
			}
		}
		return strings.Count(ics, "SUMMARY:"+asks), feed
	}
	at := func(s string) {
		t.Helper()
		to, err := time.ParseInLocation("2006-01-02 15:04", s, school.Stockholm())
		if err != nil {
			t.Fatal(err)
		}
		for h.clock.Now().Before(to) { // the data stay fresh
			h.clock.Add(min(20*time.Hour, to.Sub(h.clock.Now())))
			h.read(nil)
		}
	}
	for _, tc := range []struct {
		at   string
		want int
	}{{"2026-10-11 19:29", 0}, {"2026-10-11 19:31", 1}, {"2026-10-12 19:29", 1}, {"2026-10-12 19:31", 0}, {"2026-10-18 19:40", 1}} {
		at(tc.at)
		if c, f := asked("l"); c != tc.want || f != tc.want {
			t.Errorf("%s: asked %d times in the calendar and %d in the feed, want %d", tc.at, c, f, tc.want)
		}
		if c, f := asked("quiet"); c != 0 || f != 0 {
			t.Errorf("%s: a quiet link asks", tc.at)
		}
	}
	// Time alone brings it and takes it away.
	signIn()
	if c, f := asked("l"); c != 0 || f != 0 {
		t.Error("asked although somebody has signed in")
	}
	at("2026-10-25 18:00")
	before, _ := asked("l")
	h.clock.Add(2 * time.Hour)
	after, _ := asked("l")
	if before != 0 || after != 1 {
		t.Errorf("asked %d times before the moment and %d after it, want 0 and 1", before, after)
	}
	if err := h.PutState(t.Context(), h.account, school.Expired, school.ProblemSignIn); err != nil {
		t.Fatal(err)
	}
	h.Invalidate()
	if c, f := asked("l"); c != 0 || f != 0 {
		t.Error("somebody is told that a dead session still works")
	}
}
