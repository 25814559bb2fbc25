package caldav_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"syncd/caldav"
	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// link is the link that every test is signed in as.
const link school.LinkID = "l1"

// memory is a store that tests change. Each change of a calendar gives it a
// new state; tokens name states by number.
type memory struct {
	mu     sync.Mutex
	name   string
	slugs  []string
	states map[string][]*icalendar.Collection // by slug, the newest last
	err    error                              // answered by every method if set
}

func newMemory() *memory {
	return &memory{name: "Familjen", states: map[string][]*icalendar.Collection{}}
}

// put gives the calendar slug a new state.
func (m *memory) put(slug string, c *icalendar.Collection) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := *c
	next.Slug = slug
	next.Token = fmt.Sprintf("urn:syncd:sync:g1:%s-%d", slug, len(m.states[slug])+1)
	if !slices.Contains(m.slugs, slug) {
		m.slugs = append(m.slugs, slug)
	}
	m.states[slug] = append(m.states[slug], &next)
}

func (m *memory) drop(slug string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slugs = slices.DeleteFunc(m.slugs, func(s string) bool { return s == slug })
}

func (m *memory) Home(_ context.Context, id school.LinkID) (*caldav.Home, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	if id != link {
		return nil, fs.ErrNotExist
	}
	home := &caldav.Home{DisplayName: m.name}
	for _, slug := range m.slugs {
		states := m.states[slug]
		home.Collections = append(home.Collections, states[len(states)-1])
	}
	return home, nil
}

func (m *memory) Collection(_ context.Context, id school.LinkID, slug string) (*icalendar.Collection, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	if id != link || !slices.Contains(m.slugs, slug) {
		return nil, fmt.Errorf("memory: collection: %w", fs.ErrNotExist)
	}
	states := m.states[slug]
	return states[len(states)-1], nil
}

func (m *memory) Changes(ctx context.Context, id school.LinkID, slug, token string) (*caldav.Delta, error) {
	now, err := m.Collection(ctx, id, slug)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.states[slug], func(c *icalendar.Collection) bool { return c.Token == token })
	if i < 0 {
		return nil, fmt.Errorf("memory: changes: %w", caldav.ErrToken)
	}
	was := m.states[slug][i]
	d := &caldav.Delta{Collection: now}
	for _, o := range now.Objects {
		if old, ok := was.Object(o.Name); !ok || old.ETag != o.ETag {
			d.Changed = append(d.Changed, o.Name)
		}
	}
	for _, o := range was.Objects {
		if _, ok := now.Object(o.Name); !ok {
			d.Removed = append(d.Removed, o.Name)
		}
	}
	return d, nil
}

// at returns a wall-clock time in Stockholm.
func at(month time.Month, day, hour, minute int) time.Time {
	return time.Date(2026, month, day, hour, minute, 0, 0, school.Stockholm())
}

func stamp() time.Time { return time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC) }

// event returns an entry with a time.
func event(uid, title string, start, end time.Time) school.Entry {
	return school.Entry{
		UID: school.UID(uid), Kind: school.KindEvents, Title: title, Span: school.Timed(start, end),
		Created: stamp(), Modified: stamp(), Child: 1,
	}
}

// whole returns an entry of whole days.
func whole(uid, title string, first, last school.Date) school.Entry {
	e := event(uid, title, time.Time{}, time.Time{})
	e.Span = school.AllDay(first, last)
	return e
}

// task returns a to-do that is due on a day.
func task(uid, title string, due school.Date) school.Entry {
	e := whole(uid, title, due, due)
	e.Kind, e.Task = school.KindHomework, true
	return e
}

// build renders entries as the program does.
func build(tb testing.TB, info icalendar.Info, entries ...school.Entry) *icalendar.Collection {
	tb.Helper()
	c, skipped := icalendar.Build(info, entries, icalendar.Style{}, icalendar.Style{Feed: true})
	if len(skipped) > 0 {
		tb.Fatalf("Build left out %d entries", len(skipped))
	}
	return c
}

// family fills a store with a small family's calendars.
func family(tb testing.TB) *memory {
	tb.Helper()
	m := newMemory()
	meeting := event("e-meeting", "Föräldramöte, \"åk 3\"; ta med <penna> & papper", at(11, 24, 18, 0), at(11, 24, 19, 30))
	meeting.Place, meeting.Body, meeting.Busy = "Aulan", "Välkomna!\nKaffe finns.", true
	m.put("1-events", build(tb, icalendar.Info{Name: "Matte: skolan", Description: "Från skolan", Color: "#1F77B4", Order: 1},
		meeting,
		event("e-june", "Skolavslutning", at(6, 11, 9, 0), at(6, 11, 10, 0)),
		whole("e-closed", "Studiedag", school.NewDate(2026, 11, 27), school.NewDate(2026, 11, 27)),
		whole("e-break", "Jullov", school.NewDate(2026, 12, 21), school.NewDate(2027, 1, 8)),
	))
	m.put("1-homework", build(tb, icalendar.Info{
		Name: "Matte: läxor", Color: "#FF7F0E", Order: 2, Components: []string{icalendar.ComponentTask},
	},
		task("t-glosor", "Glosor kap. 4", school.NewDate(2026, 11, 25)),
	))
	m.put("2-events", build(tb, icalendar.Info{Name: "Alva: skolan", Color: "#2CA02C", Order: 3}))
	return m
}

// server returns the handler over a store, as the program mounts it.
func server(tb testing.TB, store caldav.Store, log *slog.Logger) http.Handler {
	tb.Helper()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h, err := caldav.New(caldav.Config{
		Store: store, Log: log,
		Link: func(context.Context) (school.LinkID, bool) { return link, true },
		Now:  stamp,
	})
	if err != nil {
		tb.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/.well-known/caldav", caldav.WellKnown("/dav/"))
	mux.Handle("/.well-known/caldav/", caldav.WellKnown("/dav/"))
	mux.Handle("/", h)
	return mux
}

// do sends a request with header lines "Name: value".
func do(tb testing.TB, h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, path, strings.NewReader(body))
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
