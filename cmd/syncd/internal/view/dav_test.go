package view_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncd/caldav"
	"syncd/cmd/syncd/internal/view"
	"syncd/feeds/icalendar"
	"syncd/source/school"
	"syncd/storage"
)

// asked counts the questions to the storage, and may hold up the one for
// entries.
type asked struct {
	view.Store

	all, entries atomic.Int64
	hold         chan struct{}
}

func (a *asked) Link(ctx context.Context, id school.LinkID) (school.Link, error) {
	a.all.Add(1)
	return a.Store.Link(ctx, id)
}

func (a *asked) Children(ctx context.Context) ([]storage.Child, error) {
	a.all.Add(1)
	return a.Store.Children(ctx)
}

func (a *asked) Entries(ctx context.Context, child school.ChildNumber, kind school.Kind) ([]school.Entry, error) {
	a.all.Add(1)
	if kind == school.KindEvents {
		a.entries.Add(1)
		if a.hold != nil {
			<-a.hold
		}
	}
	return a.Store.Entries(ctx, child, kind)
}

func (a *asked) Revision(ctx context.Context, children []school.ChildNumber, kinds []school.Kind) (storage.Revision, error) {
	a.all.Add(1)
	return a.Store.Revision(ctx, children, kinds)
}

func (a *asked) ChangesSince(ctx context.Context, children []school.ChildNumber, kinds []school.Kind, from storage.Revision) ([]storage.Change, storage.Revision, error) {
	a.all.Add(1)
	return a.Store.ChangesSince(ctx, children, kinds, from)
}

func (a *asked) Generation(ctx context.Context) (string, error) {
	a.all.Add(1)
	return a.Store.Generation(ctx)
}

func (a *asked) Freshness(ctx context.Context) ([]storage.Freshness, error) {
	a.all.Add(1)
	return a.Store.Freshness(ctx)
}

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct {
	header http.Header
	status int
}

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (w *nowhere) WriteHeader(status int)      { w.status = status }

// TestUnchangedPollsCostTheSame polls a calendar of 10 and one of 1,000
// entries: the storage is not asked, and what is allocated does not grow.
func TestUnchangedPollsCostTheSame(t *testing.T) {
	const path = "/dav/l/calendars/1-events/"
	const state = `<propfind xmlns="DAV:" xmlns:s="http://calendarserver.org/ns/"><prop><sync-token/><s:getctag/></prop></propfind>`
	allocs := map[string][2]float64{}
	for i, n := range []int{10, 1000} {
		var store *asked
		h := newHouse(t, func(c *view.Config) {
			store = &asked{Store: c.Store}
			c.Store = store
		})
		h.link("l", nil)
		h.read(func(s *school.Snapshot) {
			s.Calendar = nil
			for j := range n {
				s.Calendar = append(s.Calendar, school.Event{Item: item(fmt.Sprint("x", j), "Pass", j%300, 9)})
			}
		})
		handler, err := caldav.New(caldav.Config{
			Store: h.CalDAV(), Log: slog.New(slog.DiscardHandler), Now: h.clock.Now,
			Link: func(context.Context) (school.LinkID, bool) { return "l", true },
		})
		if err != nil {
			t.Fatal(err)
		}
		c := h.dav("1-events")
		if len(c.Objects) != n {
			t.Fatalf("%d objects, want %d", len(c.Objects), n)
		}
		sync := `<sync-collection xmlns="DAV:"><sync-token>` + c.Token + `</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`
		for name, ask := range map[string]struct {
			method, path, body, match string
			want                      int
		}{
			"ctag":         {"PROPFIND", path, state, "", 207},
			"sync":         {"REPORT", path, sync, "", 207},
			"listing":      {"PROPFIND", path, "", "", 207},
			"home":         {"PROPFIND", "/dav/l/calendars/", "", "", 207},
			"object, same": {"GET", path + c.Objects[0].Name, "", `"` + c.Objects[0].ETag + `"`, 304},
			"whole, same":  {"GET", path, "", `"` + c.ICSETag + `"`, 304},
		} {
			body := strings.NewReader(ask.body)
			r := httptest.NewRequestWithContext(t.Context(), ask.method, ask.path, body)
			r.Header.Set("Depth", "1")
			if ask.match != "" {
				r.Header.Set("If-None-Match", ask.match)
			}
			w := &nowhere{header: http.Header{}}
			poll := func() {
				clear(w.header)
				body.Reset(ask.body)
				handler.ServeHTTP(w, r)
			}
			poll()
			before := store.all.Load()
			pair := allocs[name]
			pair[i] = testing.AllocsPerRun(50, poll)
			allocs[name] = pair
			if w.status != ask.want {
				t.Errorf("%s of %d = %d, want %d", name, n, w.status, ask.want)
			}
			if questions := store.all.Load() - before; questions != 0 {
				t.Errorf("%s of %d: the storage was asked %d times", name, n, questions)
			}
		}
	}
	for name, pair := range allocs {
		if pair[0] != pair[1] || pair[1] > 40 {
			t.Errorf("%s: %v allocations for 10 and for 1,000 entries, want few and the same", name, pair)
		}
	}
}

// dav is a calendar as CalDAV shows it to the link "l".
func (h *house) dav(slug string) *icalendar.Collection {
	h.t.Helper()
	c, err := h.CalDAV().Collection(h.t.Context(), "l", slug)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// TestFirstRequestsBuildOnce has many ask for a calendar that nobody has asked
// for yet, by CalDAV and by address: it is built once, and they get the same.
func TestFirstRequestsBuildOnce(t *testing.T) {
	t.Parallel()
	var store *asked
	h := newHouse(t, func(c *view.Config) {
		store = &asked{Store: c.Store, hold: make(chan struct{})}
		c.Store = store
	})
	h.link("l", nil)
	h.read(nil)
	var all, begun sync.WaitGroup
	answers := make([]*icalendar.Collection, 40)
	begun.Add(len(answers))
	for i := range answers {
		all.Go(func() {
			begun.Done()
			var err error
			if i%2 == 0 {
				answers[i], err = h.CalDAV().Collection(t.Context(), "l", "1-events")
			} else {
				answers[i], err = h.Feeds().Collection(t.Context(), "l", "1-events")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	begun.Wait()
	time.Sleep(20 * time.Millisecond) // most of them are waiting now; those who are late find it built
	close(store.hold)
	all.Wait()
	if n := store.entries.Load(); n != 1 {
		t.Errorf("the entries were read %d times, want once", n)
	}
	for i, c := range answers {
		if c != answers[0] {
			t.Errorf("answer %d is another value than the first", i)
		}
	}
}
