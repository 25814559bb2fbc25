package school

import (
	"slices"
	"time"
)

// Link is what a guardian hands to one subscriber: what it shows and how. Its
// secrets are kept apart from it, and only as hashes.
type Link struct {
	ID       LinkID
	Label    string        // chosen by the guardian, "Mormors iPad"; private
	Children []ChildNumber // nil: all, also those that come later
	Kinds    []Kind        // calendar and feed kinds; nil: all
	Options  Options
	// OptionsChanged is when Options or the scope last changed, whole seconds,
	// UTC; calendars of the link are never older than it.
	OptionsChanged time.Time
	// Generation is a random word, new whenever Options or the scope change;
	// it is part of every sync token.
	Generation string

	Created time.Time
	Expires time.Time // zero: never
	Revoked time.Time // zero: not revoked
	// Suspended is when the link was put on hold because older data were put
	// back under syncd; zero: not suspended. A guardian confirms it.
	Suspended time.Time
	LastUsed  time.Time // precise to the day; zero: never
}

// Options say how a link shows things. The zero value is the default.
type Options struct {
	Prefix    bool      // each title begins with the child's first name
	Cancelled Cancelled // how called-off entries look in ICS
	Language  string    // of the words that syncd adds: "sv" (also when empty) or "en"
	Merged    bool      // CalDAV shows one family calendar in place of one per child and kind
	Day       bool      // CalDAV shows KindDay in place of KindLessons
	UTC       bool      // times are written in UTC, for programs that cannot read time zones
	Detail    Detail    // how much of each entry is shown; with less than all of it there are no letters
	History   int       // days back that subscribed calendars of daily things reach; 0: four weeks
	Quiet     bool      // subscribed calendars and feeds do not say that the data are old
}

// Detail says how much of an entry a link shows.
type Detail string

// The levels.
const (
	DetailFull  Detail = ""      // all of it
	DetailTimes Detail = "times" // when, and of which kind: nothing that the school wrote
	DetailBusy  Detail = "busy"  // only that there is something: no kind, no child
)

// Details returns the levels, the fullest first.
func Details() []Detail { return []Detail{DetailFull, DetailTimes, DetailBusy} }

// Cancelled says how called-off entries look in a subscribed calendar.
type Cancelled string

// The styles.
const (
	CancelledPrefix Cancelled = ""       // stays, confirmed, its title prefixed
	CancelledStatus Cancelled = "status" // STATUS:CANCELLED, which some services remove
	CancelledDrop   Cancelled = "drop"   // is left out
)

// Live reports whether the link may be used at time now.
func (l Link) Live(now time.Time) bool {
	return l.Revoked.IsZero() && l.Suspended.IsZero() && (l.Expires.IsZero() || now.Before(l.Expires))
}

// Shows reports whether the link's scope holds kind k of child n. Family asks
// for a calendar over all children in scope, which every scope allows.
func (l Link) Shows(n ChildNumber, k Kind) bool {
	if n != Family && l.Children != nil && !slices.Contains(l.Children, n) {
		return false
	}
	return l.Kinds == nil || slices.Contains(l.Kinds, k)
}
