package school

import "time"

// Status says whether a thing takes place.
type Status string

// The states of an entry.
const (
	StatusConfirmed Status = ""          // takes place
	StatusCancelled Status = "cancelled" // called off, still listed by the school
	StatusTentative Status = "tentative" // proposed
)

// Item holds what all dated things share. Text fields are what the platform
// sent until normalize has cleaned them; afterwards they are plain text in
// NFC without control characters other than newline.
type Item struct {
	Ref    Ref // the platform's own key; empty where it has none
	UID    UID // set by normalize
	Title  string
	Place  string
	Body   string // HTML before normalize, plain text after it
	Span   Span
	Status Status
	URL    string // address of the thing at the school, absolute, may be empty
}

// Event is something in the school's calendar or booked for the child.
type Event struct {
	Item
	// Scope says whose event it is: the school's own list or the child's.
	Scope Scope
	// Busy marks events at which the guardian is expected in person.
	Busy       bool
	Categories []string
}

// Scope says for whom something is meant.
type Scope string

// The scopes.
const (
	ScopeSchool Scope = "school" // everybody at the school
	ScopeGroup  Scope = "group"  // a class or group
	ScopeChild  Scope = "child"  // this child
)

// Lesson is one lesson at one time. Title is the subject.
type Lesson struct {
	Item
	Teacher string
	Group   string
}

// Meal is the lunch of one day. Its Span is that day; Title is the first dish
// and Body the whole menu, one dish a line.
type Meal struct {
	Item
}

// Task is homework or a test. Span holds the day or time at which it is due.
type Task struct {
	Item
	Subject string
	Done    bool
}

// Care is a care time (Title empty), leave or a closing day.
type Care struct {
	Item
}

// Entry is the one thing calendars show, whatever it came from. An Entry is
// plain text, cleaned and complete; storage adds the fields from Child on.
type Entry struct {
	UID        UID
	Kind       Kind
	Title      string
	Place      string
	Body       string // plain text, lines parted by \n
	URL        string
	Span       Span
	Status     Status
	Busy       bool
	Done       bool // tasks only
	Task       bool // shown as a to-do where the protocol has one
	Categories []string

	Child     ChildNumber
	ChildName string    // first name, for titles of merged calendars
	Created   time.Time // first seen, whole seconds, UTC
	Modified  time.Time // content last changed, whole seconds, UTC
	Sequence  int       // grows when time or status changed (RFC 5546 2.1.4)
}

// Entry returns the event as calendars show it.
func (e Event) Entry() Entry {
	out := e.entry(KindEvents)
	out.Busy, out.Categories = e.Busy, e.Categories
	return out
}

// Entry returns the lesson as calendars show it: teacher and group are lines
// of the body, because a calendar property for them would need parameters
// with free text.
func (l Lesson) Entry() Entry {
	out := l.entry(KindLessons)
	for _, line := range []string{l.Teacher, l.Group} {
		if line == "" {
			continue
		}
		if out.Body != "" {
			out.Body = "\n" + out.Body
		}
		out.Body = line + out.Body
	}
	return out
}

// Entry returns the meal as calendars show it.
func (m Meal) Entry() Entry { return m.entry(KindMeals) }

// Entry returns the task as calendars show it.
func (t Task) Entry() Entry {
	out := t.entry(KindHomework)
	out.Task, out.Done = true, t.Done
	if t.Subject != "" {
		out.Categories = []string{t.Subject}
	}
	return out
}

// Entry returns the care time as calendars show it.
func (c Care) Entry() Entry { return c.entry(KindCare) }

func (i Item) entry(k Kind) Entry {
	return Entry{
		UID: i.UID, Kind: k, Title: i.Title, Place: i.Place, Body: i.Body,
		URL: i.URL, Span: i.Span, Status: i.Status,
	}
}
