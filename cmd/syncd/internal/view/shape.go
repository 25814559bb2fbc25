package view

import (
	"context"
	"fmt"
	"slices"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// What a subscribed calendar may be. Google drops one of more than a megabyte
// or a thousand and some entries as a whole, without a word.
const (
	maxICS     = 1_000_000 // octets
	maxEntries = 1_000

	largeICS     = 700_000 // octets from which on a guardian is told
	largeEntries = 900
)

// How far subscribed calendars of daily things reach, in ISO weeks beside the
// present one.
const (
	weeksBack  = 4
	weeksAhead = 16
)

// daily reports whether a kind has something on every school day, so that its
// subscribed calendar is a window that moves once a week. CalDAV shows all
// that is kept.
func daily(k school.Kind) bool {
	switch k {
	case school.KindLessons, school.KindDay, school.KindCare, school.KindMeals, school.KindKit:
		return true
	case school.KindEvents, school.KindHomework, school.KindFamily,
		school.KindNews, school.KindNotices, school.KindChanges, school.KindAll:
		return false
	}
	return false
}

// window is what a link shows of daily things.
func (v *Views) window(l school.Link, now time.Time) school.Window {
	monday := school.DateOf(now).Monday()
	from := monday.AddDays(-7 * weeksBack)
	if asked := school.DateOf(now).AddDays(-l.Options.History).Monday(); asked.Before(from) {
		from = asked
	}
	return school.Window{From: from, To: monday.AddDays(7 * (weeksAhead + 1))}
}

// reduce leaves of entries what the level of detail shows.
func reduce(in []school.Entry, d school.Detail, w *text.Words) []school.Entry {
	if d == school.DetailFull {
		return in
	}
	out := make([]school.Entry, 0, len(in))
	for _, e := range in {
		e.Title, e.Place, e.Body, e.URL, e.Categories = w.One(e.Kind), "", "", "", nil
		if d == school.DetailBusy {
			if e.Status == school.StatusCancelled {
				continue
			}
			e.Title, e.ChildName, e.Busy = w.Subscribed.Busy, "", true
		}
		out = append(out, e)
	}
	return out
}

// Size is how large a subscribed calendar is.
type Size struct {
	Slug    string
	Bytes   int
	Entries int
	// Large says that it comes near to what some services take: tell before
	// it is narrowed.
	Large bool
	// Window is what it was narrowed to, whole ISO weeks. Zero: it was not.
	Window school.Window
}

// Sizes tells how large the link's subscribed calendars are.
func (v *Views) Sizes(ctx context.Context, id school.LinkID) ([]Size, error) {
	l, err := v.link(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("view: sizes: %w", err)
	}
	s, err := v.scope(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("view: sizes: %w", err)
	}
	var out []Size
	for _, slug := range s.calendarSlugs() {
		c, err := v.collection(ctx, l, slug)
		if err != nil {
			return nil, fmt.Errorf("view: sizes: %w", err)
		}
		out = append(out, sizeOf(c))
	}
	return out, nil
}

func sizeOf(c *icalendar.Collection) Size {
	s := Size{Slug: c.Slug, Bytes: len(c.ICS), Entries: c.Entries, Window: c.Window}
	s.Large = s.Bytes > largeICS || s.Entries > largeEntries || !s.Window.IsZero()
	return s
}

// latest is the last of some times.
func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}
