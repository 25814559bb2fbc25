package view_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/view"
	"syncd/source/school"
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
	calendars, bound := 40, int64(200<<10)
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
	h.crowd(8, 3)
	slugs, _, err := h.Slugs(t.Context(), "l0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 3 {
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
