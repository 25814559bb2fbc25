// Package web serves the guardians' pages: status, sign-in to the school
// platforms, links, privacy.
//
// Pages are rendered here on the server from embedded templates and work
// without JavaScript; one small script keeps a QR code fresh. The package
// stores nothing, makes no request and knows no word of its own: data and
// actions come from a [Store], sentences from package text. What it keeps in
// memory are the addresses of a new link, for a quarter of an hour, because
// nobody can look them up afterwards. It owns no goroutine.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// Store is the data and the actions behind the pages. Every method may answer
// fs.ErrNotExist for an id that is not there; the page is then 404.
type Store interface {
	OverviewStore
	AccountStore
	LoginStore
	LinkStore
	PrivacyStore
}

// Config is what New needs.
type Config struct {
	Store Store            // required
	Doors Doors            // required
	Now   func() time.Time // required
	Log   *slog.Logger     // required
	// BaseURL is the address under which people know the program, without a
	// final slash; required.
	BaseURL string
	// Guardian tells who is signed in; required.
	Guardian func(context.Context) (school.GuardianID, bool)
	// Protected tells whether nobody on the way can read the request; required.
	Protected func(*http.Request) bool
	// Platforms are what an account can be added for, in the order shown.
	Platforms []source.Platform
	// Version is shown at the foot of each page; may be empty.
	Version string
	// Demo says on each page that the family is invented.
	Demo bool
}

// Doors are the ways in and out for guardians. Errors are told apart by what
// they are: fs.ErrPermission is a wrong user name or password, fs.ErrNotExist
// a one-time address that is not good (any more), an error with
// Wait() time.Duration asks to come back later, and fs.ErrInvalid with
// Field() string ("user" or "password") refuses a choice.
type Doors interface {
	// SignIn checks the password and sets the browser's cookie.
	SignIn(w http.ResponseWriter, r *http.Request, user, password string) error
	// SignOut ends the browser's sign-in and takes its cookie away.
	SignOut(w http.ResponseWriter, r *http.Request) error
	// Accept uses up a one-time address, sets user name and password and signs
	// the browser in.
	Accept(w http.ResponseWriter, r *http.Request, token, user, password string) error
}
