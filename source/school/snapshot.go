package school

import (
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Part is one kind of reading that an adapter does for a child. Several parts
// may feed one calendar kind (the school's calendar and the child's bookings
// are both events); each is covered, and deleted from, by itself.
type Part string

// The parts.
const (
	PartCalendar  Part = "calendar"  // the school's calendar
	PartSchedule  Part = "schedule"  // meetings and bookings of the child
	PartTimetable Part = "timetable" // lessons
	PartMenu      Part = "menu"
	PartNews      Part = "news"
	PartNotices   Part = "notices"
	PartTasks     Part = "tasks"
	PartCare      Part = "care"
)

// Parts returns every part in a fixed order.
func Parts() []Part {
	return []Part{PartCalendar, PartSchedule, PartTimetable, PartMenu, PartNews, PartNotices, PartTasks, PartCare}
}

// Kind returns the calendar or feed kind into which the part goes.
func (p Part) Kind() Kind {
	switch p {
	case PartCalendar, PartSchedule:
		return KindEvents
	case PartTimetable:
		return KindLessons
	case PartMenu:
		return KindMeals
	case PartNews:
		return KindNews
	case PartNotices:
		return KindNotices
	case PartTasks:
		return KindHomework
	case PartCare:
		return KindCare
	}
	return ""
}

// Plan is what a read is asked for.
type Plan struct {
	Now    time.Time // the moment that "today" is derived from
	Window Window    // dated things outside it are not asked for
	Parts  []Part    // nil means all that the platform has
	// KnownNews are letters that are stored already, by Ref, with the
	// modification time that was stored: an adapter need not read the full
	// text of an unchanged letter again, and lists it in Snapshot.Unchanged.
	// May be nil.
	KnownNews map[Ref]time.Time
	// LettersFrom is the time before which letters are kept no longer: they are
	// left out, and never read in full. Zero: all are wanted.
	LettersFrom time.Time
	// Unwanted are the parts that are not to be read of a child, nil or without
	// it: none. As KnownNews it may be filled when the roster is handed on.
	Unwanted map[Ref][]Part
}

// Wants reports whether the plan asks for part p.
func (p Plan) Wants(part Part) bool {
	if p.Parts == nil {
		return true
	}
	return slices.Contains(p.Parts, part)
}

// WantsOf reports whether the plan asks for part p of a child.
func (p Plan) WantsOf(child Ref, part Part) bool {
	return p.Wants(part) && !slices.Contains(p.Unwanted[child], part)
}

// Since returns from when on a list of letters is complete that would be since
// a time if the plan wanted all letters.
func (p Plan) Since(all time.Time) time.Time {
	if !all.IsZero() && all.Before(p.LettersFrom) {
		return p.LettersFrom
	}
	return all
}

// Coverage says that a part was read, completely, inside a window. Only what
// is covered and missing is deleted.
type Coverage struct {
	Part Part
	// Window is what was really read, which may be less or more than what was
	// asked for. Undated parts (news, notices) leave it zero: they are covered
	// from Since on.
	Window Window
	// Since is the oldest published instant for which an undated part's list
	// is complete; zero means that nothing may be deleted.
	Since time.Time
}

// Snapshot is what one platform showed about one child in one read. What is
// not in Covered was not read and says nothing.
type Snapshot struct {
	Platform PlatformID
	Child    Child
	Taken    time.Time
	Covered  []Coverage

	Calendar  []Event // PartCalendar
	Schedule  []Event // PartSchedule
	Timetable []Lesson
	Menu      []Meal
	News      []NewsItem
	Unchanged []Ref // letters that are still listed as in Plan.KnownNews
	Notices   []Notice
	Tasks     []Task
	Care      []Care

	// Announced are parts in which, as the platform's notices say, something
	// is new since the read before. They may have been read along or not.
	Announced []Part
	// Skipped counts entries that were left out because one field could not
	// be understood; the rest of the part is complete all the same. An entry
	// that was skipped is not deleted: the part's coverage is withheld by
	// normalize when Skipped is not zero for it.
	Skipped map[Part]int
}

// Covers returns the coverage of part p and whether there is one.
func (s Snapshot) Covers(p Part) (Coverage, bool) {
	for _, c := range s.Covered {
		if c.Part == p {
			return c, true
		}
	}
	return Coverage{}, false
}

// String implements [fmt.Stringer] without showing content.
func (s Snapshot) String() string {
	return fmt.Sprintf("snapshot of %s, %d parts", s.Platform, len(s.Covered))
}

// Format implements [fmt.Formatter], so that no verb shows content.
func (s Snapshot) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.String()) }

// LogValue implements [slog.LogValuer] without showing content.
func (s Snapshot) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Changes is what applying a snapshot did. Counts are per kind; nothing
// changed means that no byte of any answer changed.
type Changes struct {
	Child                   ChildNumber
	Added, Changed, Deleted map[Kind]int
	// Held lists kinds whose mass disappearance waits for a second read that
	// agrees.
	Held []Kind
	// First is true when nothing had been stored for the child before: the
	// flood of a first run is not news.
	First bool
}

// Any reports whether anything was added, changed or deleted.
func (c Changes) Any() bool {
	return len(c.Added)+len(c.Changed)+len(c.Deleted) > 0
}
