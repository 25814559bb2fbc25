// Package school is the vocabulary of the program: children, what their
// schools publish about them, and how a calendar or a feed shows it.
//
// It is a leaf. It imports the standard library only and knows no HTTP, no
// SQL and no iCalendar, so that every other package can speak it. Values are
// plain data and safe to copy; slices inside a value are never changed after
// the value was handed on. Anything that could identify a person prints as an
// id or as [redacted] through slog and fmt (see [Child] and [Ref]).
package school

import (
	"log/slog"
	"sync"
	"time"
)

// Zone is the IANA name of the time zone in which Swedish schools publish
// wall-clock times.
const Zone = "Europe/Stockholm"

// Stockholm returns the location of [Zone]. The zone database is linked into
// the program (time/tzdata in cmd/syncd), so this only fails in a program
// that neither links nor finds it; it then answers a fixed +01:00 zone, which
// tests of the daemon rule out.
func Stockholm() *time.Location { return stockholm() }

// stockholm loads the zone once: reading it from the database takes a tenth
// of a millisecond, and every date of every entry needs it.
//
//nolint:gochecknoglobals // a constant that has to be loaded
var stockholm = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation(Zone)
	if err != nil {
		return time.FixedZone("CET", 3600)
	}
	return loc
})

// Redacted is what takes the place of a private value in logs and errors.
const Redacted = "[redacted]"

// PlatformID names a school platform: "skolplattformen", "infomentor".
type PlatformID string

// AccountID names one guardian's login at one platform. Made by storage, it
// says nothing about the person and may appear in logs.
type AccountID string

// GuardianID names a person who signs in to syncd's own pages.
type GuardianID string

// LinkID names a link: what a guardian hands to one subscriber. It is the
// path segment and user name of the link's CalDAV principal and is not secret.
type LinkID string

// UID is the public identity of an entry, letter or notice: a keyed hash, the
// same for the same thing for ever, without any part that a person or a
// platform chose. It is safe in file names, URLs and iCalendar UIDs: lower-case
// letters, digits and "-" only.
type UID string

// ChildNumber is the number under which a child appears in addresses: given
// once, never reused. 0 stands for the whole family (all children of a link).
type ChildNumber int

// Family is the child number of calendars and feeds that hold every child.
const Family ChildNumber = 0

// Ref is a platform's own key for a thing (a child, an event, a letter). It is
// foreign text: it may hold anything and never leaves the process. It prints
// as [Redacted].
type Ref string

// String implements [fmt.Stringer] without showing the key.
func (Ref) String() string { return Redacted }

// GoString implements [fmt.GoStringer] without showing the key.
func (Ref) GoString() string { return Redacted }

// LogValue implements [slog.LogValuer] without showing the key.
func (Ref) LogValue() slog.Value { return slog.StringValue(Redacted) }
