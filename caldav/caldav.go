// Package caldav is a read-only CalDAV server (RFC 4791) over calendars that
// somebody else builds.
//
// A handler in front speaks the protocol from stored bytes: it knows the URL
// scheme, holds one table of properties from which every answer is made, and
// filters. go-webdav's handler stands behind it for the objects that need
// recurrences worked out (calendar-data with expand, limit-recurrence-set or
// limit-freebusy-set): each goes through it, and comes back into an answer with
// the same properties as any other. Whatever can be answered with stored bytes is answered
// with stored bytes, and an answer that was given is kept, by what was asked
// and by the sync tokens that it is about, so that asking again costs nothing.
//
// What belongs to another link does not exist: it is answered with 404, and a
// write refused there says the same whether its target exists or not.
//
// It writes nothing, starts no goroutine, does not check passwords, and never
// puts a title, a request's text or a Go error into an answer or a log line.
package caldav

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// Store hands out calendars. What it returns is immutable and is read by
// several requests at once. Two collections with the same token, ICSETag and
// Info are the same: answers about one are given about the other. One without
// a token has no state that it could be known by. Every method answers an error that is
// fs.ErrNotExist for a link, a slug or an object that does not exist.
type Store interface {
	// Home returns all calendars of a link in the order in which they are
	// shown.
	Home(ctx context.Context, link school.LinkID) (*Home, error)
	// Collection returns one calendar of a link.
	Collection(ctx context.Context, link school.LinkID, slug string) (*icalendar.Collection, error)
	// Changes says what happened to a calendar since it had the sync token
	// given. It answers an error that is [ErrToken] for a token that was never
	// this calendar's, lies in the future, or is too old to tell.
	Changes(ctx context.Context, link school.LinkID, slug, token string) (*Delta, error)
}

// Home is the set of calendars of one link.
type Home struct {
	DisplayName string // of the link, for people; may be empty
	Collections []*icalendar.Collection
}

// Delta leads from a sync token to Collection.Token.
type Delta struct {
	// Collection is the state that the delta leads to: the very value of which
	// Changed names objects, so that no change can fall between the two.
	Collection *icalendar.Collection
	// Changed names the objects made or changed since; one that Collection no
	// longer holds counts as removed.
	Changed []string
	// Removed names the objects that are gone. One that was made and removed
	// since may be among them.
	Removed []string
}

// ErrToken is what [Store.Changes] wraps for a sync token that it cannot or
// must not continue from. The client is told to begin again (RFC 6578, 3.2,
// DAV:valid-sync-token).
var ErrToken = errors.New("sync token is not valid here")

// Config is what [New] needs. All fields are required but Prefix.
type Config struct {
	Store Store
	// Prefix is the path of the root, "/dav/" if empty. It begins and ends in
	// a slash. The handler also answers OPTIONS, PROPFIND and REPORT on "/".
	Prefix string
	// Link says which link the request was authenticated as; without one the
	// answer is 401.
	Link func(context.Context) (school.LinkID, bool)
	Log  *slog.Logger
	// Now is the clock. It dates (DTSTAMP) what has to be written anew and has
	// no date of its own; nothing else depends on it.
	Now func() time.Time
}

// defaultPrefix is where the server stands unless it is told otherwise.
const defaultPrefix = "/dav/"

// New returns the handler. It may be used by any number of requests at once.
func New(c Config) (http.Handler, error) {
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	switch {
	case c.Store == nil, c.Link == nil, c.Log == nil, c.Now == nil:
		return nil, errors.New("caldav: new: Store, Link, Log and Now are required")
	case !strings.HasPrefix(c.Prefix, "/") || !strings.HasSuffix(c.Prefix, "/") || c.Prefix == "/":
		return nil, errors.New("caldav: new: Prefix must begin and end in a slash and be more than one")
	}
	return newHandler(c), nil
}

// WellKnown returns the handler of /.well-known/caldav (RFC 6764, 5): a 301 to
// prefix for every method. It belongs outside of authentication.
func WellKnown(prefix string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", prefix)
		w.Header().Set("Cache-Control", "max-age=3600")
		w.WriteHeader(http.StatusMovedPermanently)
	})
}
