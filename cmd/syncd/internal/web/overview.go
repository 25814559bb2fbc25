package web

import (
	"context"
	"time"

	"syncd/source/school"
)

// OverviewStore is behind the status page.
type OverviewStore interface {
	Overview(ctx context.Context) (Overview, error)
	// ReadNow asks for a read of the account as soon as manners allow. It
	// returns without waiting for the read.
	ReadNow(ctx context.Context, id school.AccountID) error
}

// Overview is everything on the status page.
type Overview struct {
	Accounts []AccountView
	Children []ChildView
	Links    int // living links
}

// AccountView is one account as shown.
type AccountView struct {
	ID       school.AccountID
	Platform school.PlatformID
	Name     string // of the platform, as families know it
	Who      string // the signed-in person's name; may be empty
	State    school.SessionState
	Since    time.Time // when State began; zero when unknown
	Until    time.Time // until when the session is known to last; zero when unknown
	LastRead time.Time // last read that brought anything; zero: never
	NextRead time.Time // zero: none is planned
	Reading  bool      // a read is under way or waits for its turn
	Requests int       // made today
	Budget   int       // allowed a day
	Problem  school.Problem
	// Open is true for a platform without a sign-in (a calendar address): no
	// session is spoken of.
	Open bool
}

// ChildView is one child and what is known about it.
type ChildView struct {
	Number school.ChildNumber
	Name   string
	School string
	Gone   time.Time // when the child was no longer listed; zero: is listed
	Kinds  []KindView
}

// KindView is what was read of one kind.
type KindView struct {
	Kind        school.Kind
	Entries     int
	LastSuccess time.Time // zero: never
	Problem     bool      // the last try failed, what is shown is older
}
