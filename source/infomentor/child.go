package infomentor

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"syncd/source"
	"syncd/source/school"
)

// builder reads one child into a snapshot.
type builder struct {
	*read

	p     pupil
	snap  school.Snapshot
	since int // answers since the child was last vouched for

	tasks map[string]bool     // ids of the tasks that were read; nil when they were not
	fresh map[school.Ref]mark // what was read of letters

	present, absent []school.Part // what was found to be there, and not
	names           map[string]fileNote
	addr            string // the official calendar address
	noticed         noticed
	shown           *shownList
}

func newBuilder(r *read, p pupil) *builder {
	return &builder{read: r, p: p, names: map[string]fileNote{}, snap: school.Snapshot{
		Platform: ID, Child: p.Child, Taken: r.taken, Skipped: map[school.Part]int{},
	}}
}

// empty reports whether no part was read at all.
func (b *builder) empty() bool {
	return len(b.snap.Covered) == 0 && len(b.snap.News) == 0 && len(b.snap.Skipped) == 0
}

// remember keeps what later reads need, once the child is vouched for and
// stored.
func (b *builder) remember(ctx context.Context) error {
	for _, part := range b.present {
		delete(b.state.Absent[b.p.id], part)
	}
	for _, part := range b.absent {
		b.state.setAbsent(b.p.id, part, b.taken)
	}
	if len(b.state.Files) > 500 {
		clear(b.state.Files)
	}
	maps.Copy(b.state.Files, b.names)
	if b.addr != "" {
		b.state.Addresses[b.p.id] = b.addr
	}
	if b.shown != nil {
		b.state.Shown[b.p.id] = *b.shown
	}
	if !b.noticed.At.IsZero() {
		b.state.Noticed[b.p.id] = b.noticed
	}
	if _, ok := b.snap.Covers(school.PartNews); ok {
		b.state.rememberLetters(b.p, b.snap, b.fresh)
	}
	return b.keep(ctx)
}

// parts reads the parts that the plan wants, one after the other. A part that
// fails is named in the error and the others are read all the same, unless
// the trouble concerns the session or the child. One that is not there is
// remembered and not asked for again soon.
func (b *builder) parts(ctx context.Context) error {
	var trouble []error
	for _, part := range parts() {
		if !b.plan.WantsOf(b.p.Ref, part) || !b.has(part) {
			continue
		}
		err := b.part(ctx, part)
		switch {
		case err == nil:
			b.present = append(b.present, part)
		case errors.Is(err, source.ErrWrongChild):
			return source.ErrWrongChild
		case errors.Is(err, source.ErrAbsent):
			b.absent = append(b.absent, part)
		default:
			trouble = append(trouble, &source.PartError{Child: b.p.Ref, Part: part, Err: err})
			if ends(err) {
				return errors.Join(trouble...)
			}
		}
	}
	return errors.Join(trouble...)
}

// has reports whether a child may have a part, as far as is known: the home
// page lists the modules of the selected pupil, mostly.
func (b *builder) has(part school.Part) bool {
	if b.state.absent(b.p.id, part, b.taken) || slices.Contains(b.absent, part) {
		return false
	}
	switch part {
	case school.PartCalendar:
		return b.module("calendarv2")
	case school.PartTimetable:
		return b.module("timetable")
	case school.PartCare:
		return b.module("timeregistration")
	case school.PartTasks:
		return b.module("task")
	case school.PartNews:
		return b.module(moduleNews) || b.log()
	case school.PartSchedule, school.PartNotices:
		return true // no module's name is known for them
	case school.PartMenu:
	}
	return false
}

// moduleNews is the home page's name of the module that holds the news and
// says whom it answers about.
const moduleNews = "communication"

// module reports whether the home page lists a module, or lists none at all.
func (r *read) module(name string) bool {
	return len(r.apps) == 0 || slices.ContainsFunc(r.apps, func(a wireApp) bool { return strings.EqualFold(a.CodeName, name) })
}

func (b *builder) part(ctx context.Context, part school.Part) error {
	switch part {
	case school.PartNotices:
		return b.readNotices(ctx)
	case school.PartTasks:
		return b.readTasks(ctx)
	case school.PartCalendar:
		return b.readCalendar(ctx)
	case school.PartSchedule:
		return b.readMeetings(ctx)
	case school.PartNews:
		return b.readNews(ctx)
	case school.PartCare:
		return b.readCare(ctx)
	case school.PartTimetable:
		return b.readTimetable(ctx)
	case school.PartMenu:
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

// vouch is called before each request about the child.
func (b *builder) vouch(ctx context.Context) error {
	if b.since < vouchEvery {
		b.since++
		return nil
	}
	b.since = 1
	return b.stillThere(ctx, b.p)
}

// query asks about the child with a body in JSON.
func (b *builder) query(ctx context.Context, path string, in, out any) error {
	if err := b.vouch(ctx); err != nil {
		return err
	}
	return b.json(ctx, path, in, out)
}

// chunkDays is the longest run of days that the calendar is asked for at
// once.
const chunkDays = 62

// weeks returns the Mondays of the weeks from back before today to ahead after
// it that touch the plan's window.
func (r *read) weeks(back, ahead int) []school.Date {
	var out []school.Date
	for n := -back; n <= ahead; n++ {
		monday := r.today.Monday().AddDays(7 * n)
		if monday.Before(r.plan.Window.To) && r.plan.Window.From.Before(monday.AddDays(7)) {
			out = append(out, monday)
		}
	}
	return out
}

// readTimetable reads week by week. The list that comes with the page itself
// is not used: it ignores what was asked and ends after five days.
func (b *builder) readTimetable(ctx context.Context) error {
	weeks := b.weeks(weeksBack, weeksAhead)
	if len(weeks) == 0 {
		return nil
	}
	var lessons []school.Lesson
	skipped := 0
	for _, monday := range weeks {
		if err := b.vouch(ctx); err != nil {
			return err
		}
		var data json.RawMessage
		in := url.Values{
			"UTCOffset": {strconv.Itoa(utcOffset(monday))}, "start": {monday.String()}, "end": {monday.AddDays(6).String()},
		}
		if err := b.form(ctx, pathTimetable, in, &data); err != nil {
			return err
		}
		rows, bad, err := decodeRows[wireLesson](data)
		if err != nil {
			return err
		}
		more, n := translateLessons(rows, school.Window{From: monday, To: monday.AddDays(7)})
		lessons = append(lessons, more...)
		skipped += bad + n
	}
	b.snap.Timetable = lessons
	b.skip(school.PartTimetable, skipped)
	b.cover(school.Coverage{Part: school.PartTimetable, Window: school.Window{From: weeks[0], To: weeks[len(weeks)-1].AddDays(7)}})
	return nil
}

// Weeks of care times around today that are read.
const (
	careBack  = 1
	careAhead = 6
)

// readCare reads week by week. What an answer covers it says itself: it may
// be about the week after the one that was asked for.
func (b *builder) readCare(ctx context.Context) error {
	var care []school.Care
	var windows []school.Window
	for _, monday := range b.weeks(careBack, careAhead) {
		in := struct {
			Date string `json:"date"`
			Next bool   `json:"showNextWeekIfNoMoreSchoolDays"`
		}{monday.String() + "T00:00:00", true}
		var w wireWeek
		if err := b.query(ctx, pathCare, in, &w); err != nil {
			return err
		}
		window, days, skipped, err := translateWeek(w)
		if err != nil {
			return err
		}
		if slices.Contains(windows, window) {
			continue
		}
		windows = append(windows, window)
		b.skip(school.PartCare, skipped)
		care = append(care, days...)
	}
	b.snap.Care = care
	for _, w := range windows {
		b.cover(school.Coverage{Part: school.PartCare, Window: w})
	}
	return nil
}

const (
	taskPage  = 20
	taskPages = 20
)

// readTasks reads all pages. What is done or over may leave the list at any
// time, so it covers from today on.
func (b *builder) readTasks(ctx context.Context) error {
	var tasks []school.Task
	ids := map[string]bool{}
	for page := 1; ; page++ {
		if page > taskPages {
			return notUnderstood("tasks do not come to an end")
		}
		in := struct {
			Page int `json:"page"`
			Size int `json:"pageSize"`
		}{page, taskPage}
		var w wireTasks
		if err := b.query(ctx, pathTasks, in, &w); err != nil {
			return err
		}
		rows, bad, err := decodeRows[wireTask](w.Items)
		if err != nil {
			return err
		}
		b.skip(school.PartTasks, bad)
		fresh := 0
		for _, row := range rows {
			if ids[string(row.ID)] {
				continue
			}
			ids[string(row.ID)] = true
			fresh++
			t, ok, skipped := translateTask(row)
			if ok {
				tasks = append(tasks, t)
			} else if skipped {
				b.skip(school.PartTasks, 1)
			}
		}
		if !w.More || fresh == 0 {
			break
		}
	}
	b.tasks, b.snap.Tasks = ids, tasks
	if w := (school.Window{From: b.today, To: b.plan.Window.To}); !w.IsZero() {
		b.cover(school.Coverage{Part: school.PartTasks, Window: w})
	}
	return nil
}

// readMeetings reads the meetings that are booked. How to ask for a second
// page is not known, so a list that has one covers nothing.
func (b *builder) readMeetings(ctx context.Context) error {
	var w wireMeetings
	if err := b.query(ctx, pathMeetings, struct{}{}, &w); err != nil {
		return err
	}
	rows, bad, err := decodeRows[wireMeeting](w.Rows)
	if err != nil {
		return err
	}
	word := ""
	for _, a := range b.apps {
		if strings.EqualFold(a.CodeName, "meeting") {
			word = strings.TrimSpace(a.Title)
		}
	}
	events, skipped := translateMeetings(rows, word)
	b.snap.Schedule = events
	b.skip(school.PartSchedule, bad+skipped)
	if window := (school.Window{From: b.today, To: b.plan.Window.To}); w.Pages <= 1 && !window.IsZero() {
		b.cover(school.Coverage{Part: school.PartSchedule, Window: window})
	}
	return nil
}
