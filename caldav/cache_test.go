package caldav_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"syncd/caldav"
	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// counting counts the questions about changes, which are asked only when an
// answer is made, and may hold them up.
type counting struct {
	caldav.Store

	asked atomic.Int64
	hold  chan struct{}
	err   error
}

func (c *counting) Changes(ctx context.Context, id school.LinkID, slug, token string) (*caldav.Delta, error) {
	c.asked.Add(1)
	if c.hold != nil {
		<-c.hold
	}
	if c.err != nil {
		return nil, c.err
	}
	return c.Store.Changes(ctx, id, slug, token)
}

// aged is a family whose first calendar has changed once, and the body of a
// sync from before.
func aged(tb testing.TB) (m *memory, body string) {
	tb.Helper()
	m = family(tb)
	c, err := m.Collection(tb.Context(), link, "1-events")
	if err != nil {
		tb.Fatal(err)
	}
	m.put("1-events", build(tb, c.Info, event("e-new", "Nytt", at(11, 30, 8, 0), at(11, 30, 9, 0))))
	return m, syncBody(c.Token, "")
}

// TestAnswersAreKept asks again and again, many at once and one after the
// other: one answer is made.
func TestAnswersAreKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, body := aged(t)
		store := &counting{Store: m, hold: make(chan struct{})}
		h := server(t, store, nil)
		var all sync.WaitGroup
		answers := make([]string, 20)
		for i := range answers {
			all.Go(func() { answers[i] = do(t, h, "REPORT", events, body).Body.String() })
		}
		// One who gives up leaves the others waiting.
		ctx, cancel := context.WithCancel(t.Context())
		left := httptest.NewRecorder()
		all.Go(func() {
			r := httptest.NewRequestWithContext(ctx, "REPORT", events, strings.NewReader(body))
			h.ServeHTTP(left, r)
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(store.hold)
		all.Wait()
		if n := store.asked.Load(); n != 1 {
			t.Errorf("%d answers were made for the same question at the same time, want 1", n)
		}
		for i, a := range answers {
			if a != answers[0] || strings.Count(a, "<D:response>") != 5 {
				t.Fatalf("answer %d = %s, want %s", i, a, answers[0])
			}
		}
		if left.Code != http.StatusServiceUnavailable && left.Body.String() != answers[0] {
			t.Errorf("who gave up got %d", left.Code)
		}
		if got := do(t, h, "REPORT", events, body).Body.String(); got != answers[0] || store.asked.Load() != 1 {
			t.Errorf("asked again: another answer was made, %s", got)
		}
		// Another preference, encoding or depth is another question.
		for _, header := range []string{"Prefer: return=minimal", "Accept-Encoding: gzip", "Depth: 1"} {
			n := store.asked.Load()
			do(t, h, "REPORT", events, body, header)
			do(t, h, "REPORT", events, body, header)
			if got := store.asked.Load() - n; got != 1 {
				t.Errorf("%s: %d answers were made, want 1", header, got)
			}
		}
	})
}

// TestFailuresAreNotKept has the making of an answer fail: everybody who waits
// tries for himself, and who comes later too.
func TestFailuresAreNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, body := aged(t)
		store := &counting{Store: m, hold: make(chan struct{}), err: context.DeadlineExceeded}
		h := server(t, store, nil)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if w := do(t, h, "REPORT", events, body); w.Code != http.StatusInternalServerError {
					t.Errorf("status = %d, want 500", w.Code)
				}
			})
		}
		synctest.Wait()
		close(store.hold)
		all.Wait()
		if n := store.asked.Load(); n != 3 {
			t.Errorf("%d tries, want 3", n)
		}
		store.err = nil
		if w := do(t, h, "REPORT", events, body); w.Code != 207 {
			t.Errorf("afterwards = %d, want 207", w.Code)
		}
	})
}

// fixed is a store of one calendar that the test replaces as it likes.
type fixed struct {
	caldav.Store

	col  *icalendar.Collection
	name string
}

func (f *fixed) Home(context.Context, school.LinkID) (*caldav.Home, error) {
	return &caldav.Home{DisplayName: f.name, Collections: []*icalendar.Collection{f.col}}, nil
}

func (f *fixed) Collection(context.Context, school.LinkID, string) (*icalendar.Collection, error) {
	return f.col, nil
}

// TestKeptUntilSomethingChanges changes one thing at a time that an answer
// depends on.
func TestKeptUntilSomethingChanges(t *testing.T) {
	t.Parallel()
	f := &fixed{name: "Familjen"}
	base := icalendar.Collection{
		Info: icalendar.Info{Name: "a", Description: "b", Color: "#000000", Order: 1, Components: []string{"VEVENT"}}, Slug: "1-events",
		Token: "urn:t:1", ICSETag: "x", Objects: []icalendar.Object{raw("o", "VEVENT", comp("VEVENT", "DTSTART:20261124T100000Z"))},
	}
	f.col = &base
	h := server(t, f, nil)
	for _, path := range []string{"/dav/l1/calendars/", events} {
		for what, change := range map[string]func(*icalendar.Collection){
			"token":       func(c *icalendar.Collection) { c.Token = "urn:t:2" },
			"name":        func(c *icalendar.Collection) { c.Name = "aa" },
			"description": func(c *icalendar.Collection) { c.Description = "bb" },
			"color":       func(c *icalendar.Collection) { c.Color = "#111111" },
			"order":       func(c *icalendar.Collection) { c.Order = 2 },
			"components":  func(c *icalendar.Collection) { c.Components = []string{"VTODO"} },
			"ICS":         func(c *icalendar.Collection) { c.ICSETag = "y" },
		} {
			next := base
			f.col = &base
			const all = `<propfind xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:i="http://apple.com/ns/ical/"><allprop/><include>` +
				`<sync-token/><c:calendar-description/><i:calendar-color/><i:calendar-order/><c:supported-calendar-component-set/></include></propfind>`
			before := do(t, h, "PROPFIND", path, all, "Depth: 1").Body.String()
			change(&next)
			f.col = &next
			if after := do(t, h, "PROPFIND", path, all, "Depth: 1").Body.String(); after == before {
				t.Errorf("%s: the answer is the same after another %s", path, what)
			}
		}
	}
	f.col = &base
	before := do(t, h, "PROPFIND", "/dav/l1/", "").Body.String()
	f.name = "De andra"
	if after := do(t, h, "PROPFIND", "/dav/l1/", "").Body.String(); after == before || !strings.Contains(after, f.name) {
		t.Errorf("after another name of the home: %s", after)
	}
	// What a calendar's reports say of the home changes with the home.
	const name = `<prop><displayname/></prop>`
	for what, body := range map[string]string{
		"expand-property":           `<expand-property xmlns="DAV:"><property name="owner"><property name="displayname"/></property></expand-property>`,
		"acl-principal-prop-set":    `<acl-principal-prop-set xmlns="DAV:">` + name + `</acl-principal-prop-set>`,
		"principal-property-search": `<principal-property-search xmlns="DAV:"><apply-to-principal-collection-set/><property-search><prop><displayname/></prop><match></match></property-search>` + name + `</principal-property-search>`,
	} {
		for _, path := range []string{"/dav/l1/", events, events + "o.ics"} {
			if what == "principal-property-search" && strings.HasSuffix(path, ".ics") {
				continue // not asked of objects
			}
			for _, f.name = range []string{"Vi", "Ni"} {
				if got := do(t, h, "REPORT", path, body).Body.String(); !strings.Contains(got, "<D:displayname>"+f.name+"<") {
					t.Errorf("%s of %s after the home is called %s: %s", what, path, f.name, got)
				}
			}
		}
	}
	// Without a token nothing is known of a calendar, and nothing is kept.
	base.Token = ""
	do(t, h, "PROPFIND", events, "")
	base.Name = "changed in place"
	if got := do(t, h, "PROPFIND", events, "").Body.String(); !strings.Contains(got, base.Name) {
		t.Errorf("a calendar without a token was kept: %s", got)
	}
}

// large is a store with one calendar of n events.
func large(tb testing.TB, n int) *memory {
	tb.Helper()
	var entries []school.Entry
	for i := range n {
		start := at(1, 1, 8, 0).AddDate(0, 0, i%365)
		e := event(fmt.Sprintf("e%031d", i), "Matematik", start, start.Add(1<<40))
		e.Body = "Räkna vidare i kapitel 4; ta med räknedosa."
		entries = append(entries, e)
	}
	m := newMemory()
	m.put("1-events", build(tb, icalendar.Info{Name: "Matte: skolan"}, entries...))
	return m
}

// TestKeptCostsNothing measures what an answer that is kept takes: the same
// for ten objects and for a thousand.
func TestKeptCostsNothing(t *testing.T) {
	var allocs [2]float64
	for i, n := range []int{10, 1000} {
		h := server(t, large(t, n), nil)
		w := &blank{header: http.Header{}}
		r := httptest.NewRequestWithContext(t.Context(), "PROPFIND", events, nil)
		r.Header.Set("Depth", "1")
		allocs[i] = testing.AllocsPerRun(100, func() {
			clear(w.header)
			h.ServeHTTP(w, r)
		})
	}
	if allocs[0] != allocs[1] || allocs[1] > 8 {
		t.Errorf("%v allocations for 10 and 1,000 objects, want a few and the same", allocs)
	}
}

// TestKeptIsBounded asks a thousand different questions with long answers.
func TestKeptIsBounded(t *testing.T) {
	h := server(t, large(t, 1000), nil)
	w := &blank{header: http.Header{}}
	ask := func(i int) {
		r := httptest.NewRequestWithContext(t.Context(), "PROPFIND", events, strings.NewReader(fmt.Sprintf(`<propfind xmlns="DAV:"><prop><getetag/><x%d/></prop></propfind>`, i)))
		r.Header.Set("Depth", "1")
		h.ServeHTTP(w, r)
	}
	ask(0)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 100 {
		ask(i)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 12<<20 {
		t.Errorf("%d MiB are kept, want at most 12", grown>>20)
	}
	runtime.KeepAlive(h)
}

// TestLongAnswers asks for more than is kept, twice at the same time.
func TestLongAnswers(t *testing.T) {
	t.Parallel()
	h := server(t, large(t, 3000), nil)
	body := strings.Replace(queryBody("", ""), "<D:getetag/>", "<D:getetag/><C:calendar-data/>", 1)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if ms := decode(t, do(t, h, "REPORT", events, body)); len(ms.Responses) != 3000 {
				t.Errorf("%d responses, want 3000", len(ms.Responses))
			}
		})
	}
	all.Wait()
}

// TestWholeCalendarByName asks for 20,000 objects by name in one request, as
// some programs do. What the answer takes is not held in memory.
func TestWholeCalendarByName(t *testing.T) {
	const n = 20_000
	h := server(t, large(t, n), nil)
	hrefs := make([]string, n)
	for i := range hrefs {
		hrefs[i] = fmt.Sprintf("%se%031d.ics", events, i)
	}
	body := multigetBody("<D:getetag/><C:calendar-data/>", hrefs...)
	w := &tally{blank: blank{header: http.Header{}}}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "REPORT", events, strings.NewReader(body)))
	runtime.ReadMemStats(&after)
	if w.objects != n {
		t.Errorf("%d objects came, want %d", w.objects, n)
	}
	grown := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d MiB asked with %d MiB, %d MiB allocated", w.bytes>>20, len(body)>>20, grown>>20)
	if grown > 24<<20 {
		t.Errorf("%d MiB were allocated, want what the request itself takes", grown>>20)
	}
}

// tally counts what is written.
type tally struct {
	blank

	bytes, objects int
}

func (w *tally) Write(p []byte) (int, error) {
	w.bytes += len(p)
	w.objects += bytes.Count(p, []byte("<D:response>"))
	return len(p), nil
}
