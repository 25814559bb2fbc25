package skolplattformen

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"syncd/source"
	"syncd/source/school"
)

// rowLimit is the only value that was ever seen; whether the platform allows
// more is not known. Neither is the choice it makes when there is more.
const rowLimit = 50

// bookingDays is the longest run of days that is asked for at once.
const bookingDays = 366

// builder reads one child into a snapshot.
type builder struct {
	*read

	p      pupil
	listed *listed // the school's calendar where it was read before; else nil
	snap   school.Snapshot

	letterIDs []string // the platform's keys of all letters in the list
}

func newBuilder(r *read, p pupil) *builder {
	return &builder{read: r, p: p, snap: school.Snapshot{
		Platform: ID, Child: p.Child, Taken: r.taken, Skipped: map[school.Part]int{},
	}}
}

// snapshot returns what was read; nil when no part was.
func (b *builder) snapshot() *school.Snapshot {
	if len(b.snap.Covered) == 0 && len(b.snap.News) == 0 && len(b.snap.Skipped) == 0 {
		return nil
	}
	return &b.snap
}

// parts reads the parts that the plan wants, one after the other. A part that
// fails is named in the error and the others are read all the same, unless
// the trouble concerns the session or the child.
func (b *builder) parts(ctx context.Context) error {
	var trouble []error
	for _, part := range parts() {
		if !b.plan.WantsOf(b.p.Ref, part) {
			continue
		}
		err := b.part(ctx, part)
		switch {
		case err == nil, errors.Is(err, source.ErrAbsent):
		case errors.Is(err, source.ErrWrongChild):
			return source.ErrWrongChild
		default:
			trouble = append(trouble, &source.PartError{Child: b.p.Ref, Part: part, Err: err})
			if ends(err) {
				return errors.Join(trouble...)
			}
		}
	}
	return errors.Join(trouble...)
}

func (b *builder) part(ctx context.Context, part school.Part) error {
	switch part {
	case school.PartCalendar:
		return b.calendar(ctx)
	case school.PartSchedule:
		return b.schedule(ctx)
	case school.PartNews:
		return b.news(ctx)
	case school.PartNotices:
		return b.notices(ctx)
	case school.PartMenu:
		return b.menu(ctx)
	case school.PartTimetable, school.PartTasks, school.PartCare:
	}
	return source.ErrAbsent
}

func (b *builder) cover(c school.Coverage) { b.snap.Covered = append(b.snap.Covered, c) }

// skip counts entries that were left out.
func (b *builder) skip(part school.Part, n int) {
	if n > 0 {
		b.snap.Skipped[part] += n
	}
}

func (b *builder) calendar(ctx context.Context) error {
	l := b.listed
	if l == nil {
		fresh := b.list(ctx, b.p)
		l = &fresh
	}
	if l.err != nil {
		return l.err
	}
	prefix := b.p.schoolID
	if prefix == "" {
		prefix = b.p.id()
	}
	events, skipped := translateEvents(l.rows, prefix, school.ScopeSchool)
	b.snap.Calendar = events
	b.skip(school.PartCalendar, l.bad+skipped)
	if w, ok := calendarWindow(events, len(l.rows)+l.bad, b.today, b.plan.Window.To); ok {
		b.cover(school.Coverage{Part: school.PartCalendar, Window: w})
	}
	return nil
}

// calendarWindow is what the list of a school's calendar covers. Whether it
// shows what is over is not known, so it covers nothing before today. A list
// as long as it may be is cut off somewhere: when it is in the order of
// starts it covers the days before its last start, otherwise nothing.
func calendarWindow(events []school.Event, rows int, today, to school.Date) (school.Window, bool) {
	loc := school.Stockholm()
	last, sorted := today, true
	for i, e := range events {
		start, end := e.Span.Bounds(loc)
		if i > 0 {
			before, _ := events[i-1].Span.Bounds(loc)
			sorted = sorted && !start.Before(before)
		}
		if day := school.DateOf(end.In(loc)); day.After(last) {
			last = day
		}
	}
	if rows < rowLimit {
		if to.Before(last.AddDays(1)) {
			to = last.AddDays(1)
		}
		return school.Window{From: today, To: to}, true
	}
	if !sorted || len(events) == 0 {
		return school.Window{}, false
	}
	start, _ := events[len(events)-1].Span.Bounds(loc)
	w := school.Window{From: today, To: school.DateOf(start.In(loc))}
	return w, !w.IsZero()
}

// schedule asks for the child's own bookings, a year at a time. A child
// without a schedule makes the platform fail in a way of its own.
func (b *builder) schedule(ctx context.Context) error {
	w := b.plan.Window
	if w.IsZero() {
		return source.ErrAbsent // nothing was asked for
	}
	loc := school.Stockholm()
	var all []school.Event
	for from := w.From; from.Before(w.To); from = from.AddDays(bookingDays) {
		to := from.AddDays(bookingDays)
		if w.To.Before(to) {
			to = w.To
		}
		data, _, err := b.get(ctx, pathSchedule, url.Values{
			"childId": {b.p.id()}, "startDate": {from.String()}, "endDate": {to.AddDays(-1).String()},
		})
		if errors.Is(err, errTaskCanceled) {
			return source.ErrAbsent
		}
		if err != nil {
			return err
		}
		rows, bad, err := decodeRows[wireEvent](data)
		if err != nil {
			return err
		}
		events, skipped := translateBookings(rows)
		b.skip(school.PartSchedule, bad+skipped)
		for _, e := range events {
			// What reaches over from the year before was in its answer, and
			// what lies outside was not asked for.
			start, _ := e.Span.Bounds(loc)
			overlap := school.Window{From: from, To: to}.Overlaps(e.Span, loc)
			if overlap && (from == w.From || !start.Before(from.Start(loc))) {
				all = append(all, e)
			}
		}
	}
	b.snap.Schedule = all
	b.cover(school.Coverage{Part: school.PartSchedule, Window: w})
	return nil
}

// notices are asked for by the child's other id, which the server heeds
// whatever child is selected.
func (b *builder) notices(ctx context.Context) error {
	if b.p.sdsID == "" {
		return source.ErrAbsent
	}
	data, _, err := b.get(ctx, pathNotices, url.Values{"childId": {b.p.sdsID}})
	if err != nil {
		return err
	}
	rows, bad, err := decodeRows[wireNotice](data)
	if err != nil {
		return err
	}
	notices, skipped := translateNotices(rows)
	b.snap.Notices = notices
	b.skip(school.PartNotices, bad+skipped)
	c := school.Coverage{Part: school.PartNotices}
	if len(notices) > 0 {
		c.Since = notices[len(notices)-1].Sent
	}
	b.cover(c)
	return nil
}

// menu asks which form the school's menu has, and then for that.
func (b *builder) menu(ctx context.Context) error {
	data, err := b.tagged(ctx, b.p, pathMenuChoice, url.Values{})
	if err != nil {
		return fmt.Errorf("choice: %w", err)
	}
	var choice string
	if err := decode(data, &choice); err != nil {
		return fmt.Errorf("choice: %w", err)
	}
	var meals []school.Meal
	var skipped int
	if choice == "rss" {
		meals, skipped, err = b.menuRSS(ctx)
	} else {
		meals, skipped, err = b.menuList(ctx)
	}
	if err != nil {
		return err
	}
	b.snap.Menu = meals
	b.skip(school.PartMenu, skipped)
	b.cover(school.Coverage{Part: school.PartMenu, Window: menuWindow(meals)})
	return nil
}

func (b *builder) menuRSS(ctx context.Context) ([]school.Meal, int, error) {
	data, err := b.tagged(ctx, b.p, pathMenuRSS, url.Values{})
	if err != nil {
		return nil, 0, err
	}
	rows, bad, err := decodeRows[wireMeal](data)
	if err != nil {
		return nil, 0, err
	}
	meals, skipped := menuFromRSS(rows, b.today)
	return meals, bad + skipped, nil
}

func (b *builder) menuList(ctx context.Context) ([]school.Meal, int, error) {
	data, err := b.tagged(ctx, b.p, pathMenuList, url.Values{})
	if err != nil {
		return nil, 0, err
	}
	var list wireMenu
	if err := decode(data, &list); err != nil {
		return nil, 0, err
	}
	rows, bad, err := decodeRows[wireWeek](list.Menus)
	if err != nil {
		return nil, 0, err
	}
	meals, skipped := menuFromList(string(list.Selected), rows, b.today)
	return meals, bad + skipped, nil
}
