package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// window is what the program asks for: 30 days back, 400 ahead.
func window() school.Window {
	today := school.DateOf(now().In(school.Stockholm()))
	return school.Window{From: today.AddDays(-30), To: today.AddDays(401)}
}

// when is a time span in words that do not depend on who wrote it.
func when(start, end time.Time, allDay bool) string {
	if allDay {
		return start.Format(time.DateOnly) + " to " + end.Format(time.DateOnly)
	}
	loc := school.Stockholm()
	return start.In(loc).Format("2006-01-02 15:04") + " to " + end.In(loc).Format("2006-01-02 15:04")
}

// key names an event by its canary word, which no cleaning changes, and its
// time.
func key(w *schooltest.World, title string, start, end time.Time, allDay bool) string {
	return canary(w, title) + " " + when(start, end, allDay)
}

// canary is the one plain word of the world's that the beginning of a text
// holds; long texts are cut.
func canary(w *schooltest.World, text string) string {
	if r := []rune(text); len(r) > 150 {
		text = string(r[:150])
	}
	for _, c := range w.Canaries() {
		plain := !strings.ContainsFunc(c, func(r rune) bool { return r < 'A' || r > 'z' })
		if plain && strings.Contains(text, c) {
			return c
		}
	}
	return "?"
}

// expected lists what a child's school calendar holds, as a person reads it in
// the world, as far as it is kept: not of school years that are over.
func expected(w *schooltest.World, c schooltest.Child) []string {
	loc := school.Stockholm()
	var out []string
	add := func(e school.Event) {
		start, end := e.Span.Bounds(loc)
		last := school.DateOf(end.Add(-time.Second))
		if school.DefaultLimits().Expired(school.ShelfEvents, last, school.DateOf(now())) {
			return
		}
		out = append(out, key(w, e.Title, start, end, e.Span.AllDay))
	}
	for _, e := range w.SchoolOf(c).Calendar {
		add(e)
	}
	for _, e := range c.Schedule {
		if window().Overlaps(e.Span, loc) && !c.NoSchedule {
			add(e)
		}
	}
	slices.Sort(out)
	return out
}

// served lists what a child's school serves, as far as it is shown: a
// preschool's menu begins with this week, and its dishes stand in one line.
func served(w *schooltest.World, c schooltest.Child) []event {
	loc := school.Stockholm()
	today := school.DateOf(now().In(loc))
	s := w.SchoolOf(c)
	var out []event
	for _, m := range s.Menu {
		if s.Preschool && m.Date.Before(today.Monday()) || school.DefaultLimits().Expired(school.ShelfMeals, m.Date, today) {
			continue
		}
		if s.Preschool {
			m.Dishes = []string{strings.Join(m.Dishes, ", ")}
		}
		out = append(out, event{
			title: m.Dishes[0], body: strings.Join(m.Dishes, "\n"), allDay: true,
			start: m.Date.Start(loc), end: m.Date.AddDays(1).Start(loc),
		})
	}
	return out
}

// worded writes events with their day and every word of their texts.
func worded(list []event) []string {
	var out []string
	for _, e := range list {
		out = append(out, when(e.start, e.end, e.allDay)+": "+e.title+"\n"+e.body)
	}
	slices.Sort(out)
	return out
}

func received(w *schooltest.World, list []event) []string {
	var out []string
	for _, e := range list {
		out = append(out, key(w, e.title, e.start, e.end, e.allDay))
	}
	slices.Sort(out)
	return out
}

// queried fetches a child's calendar by CalDAV.
func (h *house) queried(n school.ChildNumber, k school.Kind) []event {
	h.t.Helper()
	var out []event
	for _, r := range parse(h.t, h.dav("REPORT", h.calendarPath(fmt.Sprintf("%d-%s", n, k)), query, "1").body).Responses {
		for _, data := range r.Data {
			out = append(out, events(h.t, data)...)
		}
	}
	return out
}

// TestEveryEventOnce compares what a subscriber gets, in either protocol, with
// the world: every event and every meal once, at the right child, at the right
// hour in summer and in winter, whole days on the right days.
func TestEveryEventOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	months := map[time.Month]bool{}
	for i, c := range h.world.Children() {
		n := school.ChildNumber(i + 1)
		want := expected(h.world, c)
		ics := events(t, h.calendar(n, school.KindEvents))
		if diff := cmp.Diff(want, received(h.world, ics)); diff != "" {
			t.Errorf("child %d by ICS (-world +received):\n%s", n, diff)
		}
		if diff := cmp.Diff(want, received(h.world, h.queried(n, school.KindEvents))); diff != "" {
			t.Errorf("child %d by CalDAV (-world +received):\n%s", n, diff)
		}
		menu := worded(served(h.world, c))
		if len(menu) < 20 {
			t.Errorf("child %d: the world serves on %d days: the comparison says little", n, len(menu))
		}
		meals := events(t, h.calendar(n, school.KindMeals))
		if diff := cmp.Diff(menu, worded(meals)); diff != "" {
			t.Errorf("child %d, meals by ICS (-world +received):\n%s", n, diff)
		}
		if diff := cmp.Diff(menu, worded(h.queried(n, school.KindMeals))); diff != "" {
			t.Errorf("child %d, meals by CalDAV (-world +received):\n%s", n, diff)
		}
		for _, e := range ics {
			months[e.start.Month()] = true
		}
		seen := map[string]bool{}
		for _, e := range slices.Concat(ics, meals) {
			if seen[e.uid] {
				t.Errorf("child %d: UID %s comes twice", n, e.uid)
			}
			seen[e.uid] = true
		}
	}
	for _, m := range []time.Month{time.June, time.December} {
		if !months[m] {
			t.Errorf("no event in %s: the comparison says nothing about its hour; months %v", m, slices.Sorted(maps.Keys(months)))
		}
	}
}

// TestLettersArrive compares the feeds with the world.
func TestLettersArrive(t *testing.T) {
	t.Parallel()
	h := open(t)
	for i, c := range h.world.Children() {
		for _, f := range h.addresses.Feeds {
			if f.Child != school.ChildNumber(i+1) || f.Kind != school.KindNews {
				continue
			}
			body := h.get(f.URL)
			if got := strings.Count(body, "<entry"); got != len(c.Letters) {
				t.Errorf("child %d: %d letters, want %d", i+1, got, len(c.Letters))
			}
			for _, l := range c.Letters {
				if word := canary(h.world, l.Title); !strings.Contains(body, word) {
					t.Errorf("child %d: the letter with %q is missing", i+1, word)
				}
			}
		}
	}
}

// TestPictureOpensWithoutSession follows a letter's picture as a feed reader
// would: with nothing but the address.
func TestPictureOpensWithoutSession(t *testing.T) {
	t.Parallel()
	h := open(t)
	body := h.get(h.addresses.Feeds[0].URL)
	_, rest, ok := strings.Cut(body, h.base+"/m/")
	if !ok {
		t.Fatal("no picture in the family's feed")
	}
	end := strings.IndexAny(rest, `"&`)
	address := h.base + "/m/" + rest[:end]
	a := h.do("GET", address, "")
	if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "image/") {
		t.Fatalf("GET picture = %d %s", a.status, a.header.Get("Content-Type"))
	}
	if err := h.app.RevokeLink(t.Context(), h.addresses.Link); err != nil {
		t.Fatal(err)
	}
	if a := h.do("GET", address, ""); a.status != 404 {
		t.Errorf("GET picture of a revoked link = %d, want 404", a.status)
	}
}
