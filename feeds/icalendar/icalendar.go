// Package icalendar turns entries into iCalendar (RFC 5545): single calendar
// objects for CalDAV and whole calendars for subscription. It is the only
// place in the program that writes iCalendar; golang-ical does the writing,
// this package decides what and guards what that library does not.
//
// Everything here is a pure function of its arguments. The same entries and
// the same style give the same bytes, whatever the time, the machine or the
// order of the entries, so that an ETag changes only when there is something
// new to see. No text of a school ever stands in a parameter or outside of a
// TEXT or URI value, and an entry that cannot be written is left out and
// named, never the calendar.
package icalendar

import (
	"errors"
	"slices"
	"strings"
	"time"

	"syncd/source/school"
)

// Version names how this package renders. It changes whenever the bytes for
// an unchanged entry change; the caller then moves [Style.NotBefore], because
// some subscribers take an event anew only when its LAST-MODIFIED has grown.
const Version = "2"

// Suffix ends every UID property. It is fixed and names no host, so that the
// identity of an entry survives a move to another machine or address.
const Suffix = "@syncd"

// The components in which an entry is written.
const (
	ComponentEvent = "VEVENT"
	ComponentTask  = "VTODO"
)

// ErrUnrepresentable is wrapped by every error about an entry that iCalendar
// cannot express. The error says which rule was broken and holds nothing of
// the entry's text.
var ErrUnrepresentable = errors.New("not representable in iCalendar")

// Style says how entries are written. The zero Style writes CalDAV objects
// without any word for people.
type Style struct {
	// Options are those of the link; Merged and Day concern the choice of
	// entries and are not looked at here.
	Options school.Options
	// Feed writes for subscription: METHOD:PUBLISH, a task as an all-day event
	// on the day it is due, a called-off entry as Options.Cancelled says. False
	// writes calendar objects, which must not have a METHOD (RFC 4791 4.1): a
	// task is a VTODO, a called-off entry has STATUS:CANCELLED and its plain
	// title.
	Feed bool
	// Words are what is added for people.
	Words Words
	// NotBefore is the earliest DTSTAMP and LAST-MODIFIED: when the link's
	// options, the words or [Version] last changed. Zero: the entries' own
	// times stand.
	NotBefore time.Time
	// Limits bound a calendar that is written with Feed. Zero: none.
	Limits Limits
}

// Limits are how much a subscribed calendar may hold. Google drops a calendar
// as a whole that is larger than a megabyte, so one that would be is narrowed:
// whole ISO weeks are left out, the past four times sooner than what is to
// come, and only when a single week is too much some of its entries.
type Limits struct {
	Bytes   int         // of the whole calendar; 0: any number
	Entries int         // 0: any number
	Today   school.Date // what the narrowed window lies around
}

// Words are what the encoder writes for people, in the language of the link.
// Each may be empty.
type Words struct {
	CancelledPrefix string // before the title of a called-off entry, "INSTÄLLD: "
	DonePrefix      string // before the title of a finished task in a feed, "Klar: "
	Care            string // title of a care time that has none, "Omsorg"
	Untitled        string // title of any other entry that has none
}

// Info describes one calendar.
type Info struct {
	Name        string // display name
	Description string // may be empty
	Color       string // "#RRGGBB"; anything else is left out
	ColorName   string // a CSS3 colour name for RFC 7986 COLOR; anything but lower-case letters is left out
	// Components are what the calendar may hold, ComponentEvent or
	// ComponentTask. Nil: what its objects are.
	Components []string
	Order      int // position among the calendars of a link, from 0
	// Changed is when the calendar last changed in a way that its entries do
	// not show, such as a deletion. Zero: never.
	Changed time.Time
}

// Object is one calendar object resource (RFC 4791 4.1). It is immutable.
type Object struct {
	UID       school.UID
	Name      string // last segment of the resource's path, "<uid>.ics"
	Component string // ComponentEvent or ComponentTask
	ETag      string // strong, without the quotes
	Data      []byte // the whole VCALENDAR; not to be changed
	// Start is when the entry begins and End the first moment after it, both
	// UTC; whole days begin and end at midnight in Stockholm. They are equal
	// for an entry without length. A zero End means that the entry never ends.
	Start, End time.Time
	AllDay     bool
	Modified   time.Time // the LAST-MODIFIED written, UTC
}

// Collection is one calendar with everything that is served from it. Made by
// [Build]; the maker fills in Slug and Token, and from then on it is
// immutable and safe for concurrent use.
type Collection struct {
	Info

	Slug     string    // "1-events"
	Token    string    // sync token and CTag, urn:syncd:sync:…
	Modified time.Time // when any of it last changed, as the styles and Info say, UTC; zero: unknown
	Objects  []Object  // sorted by Name, no Name twice
	ICS      []byte    // the whole calendar for subscription; not to be changed
	ICSETag  string    // strong, without the quotes
	Entries  int       // in ICS
	// Window is what ICS was narrowed to, because all of it would be more than
	// the limits allow. Zero: nothing was left out for that.
	Window school.Window

	packed []byte // see Packed
}

// Object returns the object called name and whether there is one.
func (c *Collection) Object(name string) (Object, bool) {
	i, found := slices.BinarySearchFunc(c.Objects, name, func(o Object, name string) int {
		return strings.Compare(o.Name, name)
	})
	if !found {
		return Object{}, false
	}
	return c.Objects[i], true
}

// Encode writes one entry as a calendar of its own. Its error wraps
// [ErrUnrepresentable]. A called-off entry is written in every style, also
// where [Calendar] leaves it out.
func Encode(e school.Entry, s Style) (Object, error) {
	return newEncoder(s).object(e)
}

// Calendar writes all entries as one calendar, sorted by start and UID. It
// returns the UIDs of those that had to be left out, because they cannot be
// written or because an entry with the same UID stands already; called-off
// entries that the options leave out are not among them. info.Components and
// info.Order are not written.
func Calendar(info Info, entries []school.Entry, s Style) ([]byte, []school.UID) {
	out := newEncoder(s).calendar(info, entries)
	return out.data, out.skipped
}

// Build makes the collection of entries, its objects in style object and the
// subscribed calendar in style feed. It returns the UIDs of the entries that
// are missing from either, each once, sorted; those that limits leave out are
// not among them.
func Build(info Info, entries []school.Entry, object, feed Style) (*Collection, []school.UID) {
	c := &Collection{Info: info, Objects: make([]Object, 0, len(entries))}
	c.Modified = later(utcSecond(info.Changed), utcSecond(feed.NotBefore))
	enc := newEncoder(object)
	var skipped []school.UID
	for _, e := range entries {
		o, err := enc.object(e)
		if err != nil {
			skipped = append(skipped, e.UID)
			continue
		}
		c.Objects = append(c.Objects, o)
		c.Modified = later(c.Modified, o.Modified)
	}
	slices.SortStableFunc(c.Objects, func(a, b Object) int {
		return strings.Compare(a.Name, b.Name)
	})
	c.Objects = slices.CompactFunc(c.Objects, func(a, b Object) bool { return a.Name == b.Name })
	if c.Components == nil {
		c.Components = components(c.Objects)
	}
	c, missing := c.Subscribed(entries, feed, time.Time{})
	skipped = append(skipped, missing...)
	slices.Sort(skipped)
	return c, slices.Compact(skipped)
}

// Subscribed returns the collection with another subscribed calendar, written
// of entries: fewer than the objects, where it is a window, or more, where a
// note stands in it. changed is when it last changed in a way that these
// entries do not show; zero: never. The collection itself stays as it is.
func (c *Collection) Subscribed(entries []school.Entry, feed Style, changed time.Time) (*Collection, []school.UID) {
	out := newEncoder(feed).calendar(c.Info, entries)
	other := *c
	other.ICS, other.ICSETag = out.data, etag(out.data)
	other.Entries, other.Window = out.entries, out.window
	other.Modified = later(later(c.Modified, utcSecond(changed)), out.modified)
	return &other, out.skipped
}

// components returns what objects are, events before tasks; an empty calendar
// holds events.
func components(objects []Object) []string {
	var events, tasks bool
	for _, o := range objects {
		events = events || o.Component == ComponentEvent
		tasks = tasks || o.Component == ComponentTask
	}
	switch {
	case events && tasks:
		return []string{ComponentEvent, ComponentTask}
	case tasks:
		return []string{ComponentTask}
	}
	return []string{ComponentEvent}
}
