package web

import (
	"context"
	"time"

	"syncd/source/school"
)

// LinkStore is behind the page of links.
type LinkStore interface {
	// Links returns the living links, the newest first.
	Links(ctx context.Context) ([]LinkView, error)
	// Scope returns what a link may show: the children, and the kinds of which
	// anything can come.
	Scope(ctx context.Context) (Scope, error)
	// AddLink makes a link. Its addresses are shown this once.
	AddLink(ctx context.Context, n NewLink) (Addresses, error)
	// RevokeLink ends all of a link's addresses and its app password at once.
	RevokeLink(ctx context.Context, id school.LinkID) error
}

// Scope is what there is to choose from.
type Scope struct {
	Children []ChildView // Kinds may be nil
	Kinds    []school.Kind
}

// LinkView is a link as listed.
type LinkView struct {
	ID       school.LinkID
	Label    string
	Children []string      // names in scope; nil: all
	Kinds    []school.Kind // nil: all
	Created  time.Time
	LastUsed time.Time // precise to the day; zero: never
	Expires  time.Time // zero: never
}

// NewLink is what a guardian chose.
type NewLink struct {
	Label    string
	Children []school.ChildNumber // nil: all, also those that come later
	Kinds    []school.Kind        // nil: all
	Options  school.Options
}

// Addresses are everything that a new link opens. They hold secrets.
type Addresses struct {
	Link      school.LinkID
	Label     string
	Calendars []CalendarAddress
	Feeds     []FeedAddress
	CalDAV    CalDAVAddress
}

// CalendarAddress is one subscribable calendar.
type CalendarAddress struct {
	Child school.ChildNumber // 0: the whole family
	Name  string             // the child's first name, empty for the family
	Kind  school.Kind
	URL   string // absolute, ends in .ics
}

// FeedAddress is one feed.
type FeedAddress struct {
	Child  school.ChildNumber
	Name   string
	Kind   school.Kind
	URL    string // absolute
	Format string // "atom"
}

// CalDAVAddress is what a CalDAV program is told.
type CalDAVAddress struct {
	URL      string // absolute, of the whole server: base URL + /dav/
	User     string
	Password string // as shown, in groups of four
}
