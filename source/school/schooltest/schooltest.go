// Package schooltest invents a family: two guardians, three children at three
// schools and a year of their calendars, menus, letters and notices, laid
// around a given moment. Platform fakes render it in their own wire formats,
// the demo serves it and tests compare with it.
//
// It speaks in school's words and knows no platform. Everything in it is made
// up, and every private text in it holds a word of [World.Canaries], so that a
// test can search what must not hold private text. It starts no goroutine and
// never imports "testing", because the demo is built from it too.
package schooltest

import (
	"slices"
	"sync"
	"time"

	"syncd/source/school"
)

// World is the invented family at one moment. All methods are safe for
// concurrent use. What they return is shared and never changes: the Edit
// methods replace, they do not write in place.
type World struct {
	now time.Time

	mu        sync.RWMutex
	guardians []Guardian
	schools   []School
	children  []Child
	words     []string // canary words used in texts
}

// Guardian is a person who can sign in.
type Guardian struct {
	PersonalNumber string // twelve digits, of the range reserved for tests
	FirstName      string
	LastName       string
	Email          string
	Children       []string // keys of the children this person may read
}

// Name returns first and last name.
func (g Guardian) Name() string { return g.FirstName + " " + g.LastName }

// School is a school or preschool with what it publishes to everybody.
type School struct {
	Key       string // GUID in upper case
	Name      string
	Preschool bool
	// Calendar is the school's own list, in the order of its starts. Refs are
	// small decimal numbers, unique within this school only; one is empty.
	Calendar []school.Event
	Menu     []Menu // by date
	Files    []File // of events of the calendar
}

// Menu is what is served on one day.
type Menu struct {
	Date   school.Date
	Dishes []string // at least one
}

// Meal returns the menu in school's words: the first dish is the title, all
// dishes are the body, one a line.
func (m Menu) Meal() school.Meal {
	meal := school.Meal{Item: school.Item{Title: m.Dishes[0], Span: school.AllDay(m.Date, m.Date)}}
	for i, dish := range m.Dishes {
		if i > 0 {
			meal.Body += "\n"
		}
		meal.Body += dish
	}
	return meal
}

// Child is a child with what the school publishes about it alone.
type Child struct {
	Key       string // GUID in upper case
	SecondKey string // another GUID, by which some endpoints of some platforms know the child
	Name      string // first and last name
	Class     string
	Stages    []string // "FS" preschool, "GR" compulsory school, "F" leisure-time centre
	School    string   // key
	// NoSchedule marks a child for whom a platform keeps no bookings and fails
	// in its own way when it is asked for them.
	NoSchedule bool
	Schedule   []school.Event    // bookings, without Refs, in the order of their starts
	Letters    []school.NewsItem // Refs are GUIDs; the same letter may go to two children
	Notices    []school.Notice   // Refs are GUIDs

	// What follows not every platform has. Refs are decimal numbers.
	Lessons  []school.Lesson   // by start, without Refs
	Tasks    []school.Task     // by due time
	Meetings []school.Event    // booked with a teacher, whose name is the title
	Care     []school.Care     // by date, without Refs; leave is called off and has no title
	Log      []school.NewsItem // the preschool's or class's own blog
	Files    []File            // of letters
}

// Preschool reports whether the child is at a preschool.
func (c Child) Preschool() bool { return slices.Contains(c.Stages, "FS") }

// Now returns the moment around which the world was laid, in Stockholm.
func (w *World) Now() time.Time { return w.now }

// Guardians returns everybody who can sign in, the account holder of demos
// and tests first.
func (w *World) Guardians() []Guardian {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.guardians
}

// Guardian returns the guardian with this personal number.
func (w *World) Guardian(personalNumber string) (Guardian, bool) {
	return find(w.Guardians(), func(g Guardian) bool { return g.PersonalNumber == personalNumber })
}

// Schools returns all schools.
func (w *World) Schools() []School {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.schools
}

// School returns the school with this key.
func (w *World) School(key string) (School, bool) {
	return find(w.Schools(), func(s School) bool { return s.Key == key })
}

// Children returns all children in the order in which platforms list them.
func (w *World) Children() []Child {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.children
}

// Child returns the child with this key.
func (w *World) Child(key string) (Child, bool) {
	return find(w.Children(), func(c Child) bool { return c.Key == key })
}

// ChildrenOf returns the children that a guardian may read, in their order;
// none for an unknown personal number.
func (w *World) ChildrenOf(personalNumber string) []Child {
	g, ok := w.Guardian(personalNumber)
	if !ok {
		return nil
	}
	var out []Child
	for _, c := range w.Children() {
		if slices.Contains(g.Children, c.Key) {
			out = append(out, c)
		}
	}
	return out
}

// SchoolOf returns the child's school.
func (w *World) SchoolOf(c Child) School {
	s, _ := w.School(c.School)
	return s
}

func find[T any](list []T, match func(T) bool) (T, bool) {
	if i := slices.IndexFunc(list, match); i >= 0 {
		return list[i], true
	}
	var none T
	return none, false
}
