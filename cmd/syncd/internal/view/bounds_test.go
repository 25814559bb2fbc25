package view_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncd/caldav"
	"syncd/cmd/syncd/internal/view"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

// crowd makes a family of so many children with a calendar of ten events each,
// and so many links over all of them.
func (h *house) crowd(children, links int) {
	h.t.Helper()
	refs := make([]school.Ref, children)
	for i := range refs {
		refs[i] = school.Ref(fmt.Sprintf("c%03d", i))
	}
	account := storagetest.Account(h.t, h.DB, "many", refs...)
	for _, ref := range refs {
		s := storagetest.Snapshot(10)
		s.Platform, s.Child = "many", school.Child{Ref: ref, Name: "Barn" + string(ref)}
		for i := range s.Calendar {
			s.Calendar[i].UID = school.UID(fmt.Sprintf("%s-%d", ref, i))
		}
		if _, err := h.Apply(h.t.Context(), account, s); err != nil {
			h.t.Fatal(err)
		}
	}
	for i := range links {
		h.link(fmt.Sprintf("l%d", i), func(l *school.Link) { l.Kinds = []school.Kind{school.KindEvents} })
	}
}

// TestBoundHoldsForManyCalendars reads many calendars over ten links, by CalDAV
// and as ICS: 200 each in the long form, which `make torture` runs. What is kept stays under the bound, homes with all that they
// hold on to included, and what is used all the time stays longest.
func TestBoundHoldsForManyCalendars(t *testing.T) {
	t.Parallel()
	calendars, bound := 15, int64(80<<10)
	if os.Getenv("SYNCD_TORTURE") != "" {
		calendars, bound = 200, 1<<20
	}
	h := newHouse(t, func(c *view.Config) { c.MaxBytes = bound })
	h.crowd(calendars, 10)
	check := func(when string) {
		t.Helper()
		if counted, held := view.Held(h.Views); counted > bound || held > bound {
			t.Fatalf("%s: %d bytes are kept, counted as %d; the bound is %d", when, held, counted, bound)
		}
	}
	slugs, _, err := h.Slugs(t.Context(), "l0")
	if err != nil || len(slugs) < calendars {
		t.Fatalf("%d calendars, %v", len(slugs), err)
	}
	loved := h.calendar("l0", slugs[0].Slug)
	total := int64(0)
	for i := range 10 {
		link := fmt.Sprintf("l%d", i)
		for _, s := range slugs {
			total += 2 * int64(len(h.calendar(link, s.Slug).ICS))
			if h.calendar("l0", slugs[0].Slug) != loved {
				t.Fatalf("%s %s: the calendar that is used all the time was built anew", link, s.Slug)
			}
		}
		check("ICS of " + link)
	}
	if total < 2*bound {
		t.Fatalf("all of it is %d bytes: the bound of %d was not tested", total, bound)
	}
	if h.calendar("l0", slugs[1].Slug); h.calendar("l0", slugs[0].Slug) != loved {
		t.Error("the calendar that is used all the time left")
	}
	for i := range 10 {
		home, err := h.CalDAV().Home(t.Context(), school.LinkID(fmt.Sprintf("l%d", i)))
		if err != nil || len(home.Collections) < calendars {
			t.Fatalf("home of l%d: %v", i, err)
		}
		check(fmt.Sprintf("home of l%d", i))
	}
}

// slowStore notices how many calendars are built at the same time.
type slowStore struct {
	plainStore

	now, most atomic.Int64
}

// Entries implements view.ContentStore.
func (s *slowStore) Entries(ctx context.Context, n school.ChildNumber, k school.Kind) ([]school.Entry, error) {
	s.most.Store(max(s.most.Load(), s.now.Add(1)))
	defer s.now.Add(-1)
	time.Sleep(5 * time.Millisecond)
	return s.plainStore.Entries(ctx, n, k)
}

// TestOneBuilderAtATime has many ask for different calendars at once.
func TestOneBuilderAtATime(t *testing.T) {
	t.Parallel()
	store := &slowStore{}
	h := newHouse(t, func(c *view.Config) {
		if s, ok := c.Store.(plainStore); ok {
			store.plainStore = s
		}
		c.Store = store
	})
	h.crowd(4, 2)
	slugs, _, err := h.Slugs(t.Context(), "l0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 2 {
		link := fmt.Sprintf("l%d", i)
		for _, s := range slugs {
			wg.Go(func() {
				if _, err := h.Feeds().Collection(t.Context(), link, s.Slug); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if _, err := h.CalDAV().Home(t.Context(), school.LinkID(link)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most := store.most.Load(); most != 1 {
		t.Errorf("%d calendars were built at the same time", most)
	}
}

// forgetfulStore has forgotten what happened up to some change, as the log
// does beyond its horizon.
type forgetfulStore struct {
	plainStore

	horizon *atomic.Int64
}

// ChangesSince implements view.ContentStore.
func (s forgetfulStore) ChangesSince(
	ctx context.Context, children []school.ChildNumber, kinds []school.Kind, from storage.Revision,
) ([]storage.Change, storage.Revision, error) {
	if from.Seq < s.horizon.Load() {
		return nil, storage.Revision{}, fmt.Errorf("storage: changes since: %w", storage.ErrRevision)
	}
	return s.plainStore.ChangesSince(ctx, children, kinds, from)
}

// TestBoundOfTheChangeLog changes a calendar until the log forgets the oldest
// changes: a sync token from before is refused, one from after goes on, and a
// calendar that stood still keeps its own. In the long form the log forgets by
// itself.
func TestBoundOfTheChangeLog(t *testing.T) {
	t.Parallel()
	events, rounds, horizon := 20, 3, &atomic.Int64{}
	long := os.Getenv("SYNCD_TORTURE") != ""
	if long {
		events, rounds = 4500, 12
	}
	h := newHouse(t, func(c *view.Config) {
		if s, ok := c.Store.(plainStore); ok {
			c.Store = forgetfulStore{s, horizon}
		}
	})
	h.link("l", nil)
	busy := func(round int) func(*school.Snapshot) {
		return func(s *school.Snapshot) {
			for i := range events {
				s.Calendar = append(s.Calendar, school.Event{Item: item(fmt.Sprint("x", i), fmt.Sprint("Pass ", round), i%300, 9)})
			}
		}
	}
	token := func(slug string) string { return h.calendar("l", slug).Token }
	h.read(busy(0))
	first, still := token("1-events"), token("1-lessons")
	var late string
	for round := 1; round < rounds; round++ {
		h.clock.Add(time.Hour)
		h.read(busy(round))
		if round == rounds-2 {
			late = token("1-events")
			rev, err := h.Revision(t.Context(), nil, []school.Kind{school.KindEvents})
			if err != nil {
				t.Fatal(err)
			}
			if !long {
				horizon.Store(rev.Seq)
			}
		}
	}
	for name, test := range map[string]struct {
		slug, token string
		want        error
		changed     int
	}{
		"from before the horizon":    {"1-events", first, caldav.ErrToken, 0},
		"from after it":              {"1-events", late, nil, events},
		"of a calendar without news": {"1-lessons", still, nil, 0},
	} {
		delta, err := h.CalDAV().Changes(t.Context(), "l", test.slug, test.token)
		if !errors.Is(err, test.want) || err == nil && len(delta.Changed) != test.changed {
			t.Errorf("%s: Changes = %+v, %v, want %d changes, %v", name, delta, err, test.changed, test.want)
		}
	}
}
