// Package source is the contract between the program and a school platform.
//
// An adapter is one package below this one. It reads one platform in that
// platform's own words and hands on [school.Snapshot] values; it writes
// nothing at the school, keeps nothing between calls but what it puts into
// the [Session] and its memory, starts no goroutine that outlives a call, and never logs or
// returns a name, a title, a token or a body. Everything goes out through
// source/internal/fetch.
package source

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"syncd/source/school"
)

// Source reads one platform for one account.
type Source interface {
	// Fetch reads what plan asks for. It calls sink.Roster once, before any
	// child is read, and sink.Snapshot once for each child as soon as that
	// child has been read; an error from either ends the read and is returned.
	//
	// What could not be read is left out of a snapshot's Covered and reported
	// in the returned error, as [*PartError] values joined with [errors.Join];
	// the other parts and children are still read, unless the trouble
	// concerns the whole session ([ErrSessionExpired], [ErrBlocked],
	// [*RateLimitError], [ErrBudget]). A child list that cannot be read
	// completely is an error and no child is read at all.
	//
	// Fetch updates s whenever the platform rotates its cookies, before it
	// goes on. It is called once at a time per session.
	Fetch(ctx context.Context, s *Session, plan school.Plan, sink Sink) error
}

// Sink takes what a read brings, as it comes. Its methods are called one at a
// time.
type Sink interface {
	// Roster is told who is signed in and which children there are. An error
	// (the wrong person signed in) ends the read before any child is read.
	Roster(ctx context.Context, r school.Roster) error
	// Snapshot is handed one child. It is stored when Snapshot returns nil.
	Snapshot(ctx context.Context, s school.Snapshot) error
}

// Session is the state of a login as the adapter wrote it: cookies, tokens,
// whatever it needs. Nobody else looks into it. Not safe for concurrent use.
//
// Beside it lies what the adapter remembers of the account from one login to
// the next, see [Session.Remember].
type Session struct {
	state  []byte
	put    func(context.Context, []byte) error
	memory []byte
	keep   func(context.Context, []byte) error
	rung   Rung
}

// NewSession returns a session over state, nil for none. Each Put calls put,
// which returns when the new state is safely stored; put may be nil in tests.
func NewSession(state []byte, put func(context.Context, []byte) error) *Session {
	return &Session{state: state, put: put}
}

// State returns the state last put; nil means that there is no session. The
// caller does not change it.
func (s *Session) State() []byte { return s.state }

// Put replaces the state and returns when it is safely stored. An adapter
// calls it as soon as the platform hands out something new and before it is
// used. On error the old state stays.
func (s *Session) Put(ctx context.Context, state []byte) error {
	if s.put != nil {
		if err := s.put(ctx, state); err != nil {
			return err
		}
	}
	s.state = state
	return nil
}

// WithMemory gives the session what earlier ones of the account remembered,
// nil for nothing, and returns it. Each Remember calls keep, which returns when
// the new memory is safely stored; keep may be nil in tests.
func (s *Session) WithMemory(memory []byte, keep func(context.Context, []byte) error) *Session {
	s.memory, s.keep = memory, keep
	return s
}

// Memory returns what was last remembered, by this session or an earlier one of
// the account; nil when that is nothing. The caller does not change it. Who
// signed in then need not be who is signed in now: what is remembered has to
// say whose it is.
func (s *Session) Memory() []byte { return s.memory }

// Remember replaces the memory and returns when it is safely stored: what saves
// requests later and cannot be asked for again, but no key to anything that
// ends with the session. It is kept when the session ends, and forgotten when
// somebody signs out or deletes something. It may be lost, or be older than
// what was stored of the children; that may cost requests and nothing else. So
// it is where something was deleted since the session was opened: that is no
// error, and nothing is stored. On error the old memory stays.
func (s *Session) Remember(ctx context.Context, memory []byte) error {
	if s.keep != nil {
		if err := s.keep(ctx, memory); err != nil {
			return err
		}
	}
	s.memory = memory
	return nil
}

// Renewed notes the way in which a [Refresher] renewed the session; without
// it, it was [RungReentry]. It is kept in the diary, nothing else depends on it.
func (s *Session) Renewed(by Rung) { s.rung = by }

// Rung returns what Renewed noted last.
func (s *Session) Rung() Rung {
	if s.rung == "" {
		return RungReentry
	}
	return s.rung
}

// String implements [fmt.Stringer] without showing the state.
func (*Session) String() string { return school.Redacted }

// GoString implements [fmt.GoStringer] without showing the state.
func (*Session) GoString() string { return school.Redacted }

// LogValue implements [slog.LogValuer] without showing the state.
func (*Session) LogValue() slog.Value { return slog.StringValue(school.Redacted) }

// Platform describes a platform to the rest of the program.
type Platform struct {
	ID       school.PlatformID
	Name     string // as families know it; a proper name, not translated
	Settings []Field
	Logins   []Method // none, one or several
	Parts    []school.Part
	// Announced are those of Parts of which notices say when something in them
	// is new (see school.Snapshot.Announced), so that they need not be read as
	// often; none for most platforms.
	Announced []school.Part
	Hosts     []string // every host that is contacted, for the privacy page
	Budget    int      // requests per account and day
	New       func(Config) (Source, error)
}

// Config is what every adapter is given.
type Config struct {
	// Settings are the account's answers to Platform.Settings; may be nil.
	Settings map[string]string
	// Transport carries every request; nil means http.DefaultTransport. Tests
	// and the demo set it to a fake. Adapters wrap it with fetch.New.
	Transport http.RoundTripper
	// Now is the clock; required.
	Now func() time.Time
	// Log receives the dialogue at debug level, without bodies; required.
	Log *slog.Logger
	// Turn, if set, is asked before each request. It waits until it is this
	// account's turn at the host (one request at a time per host in the whole
	// program, with a pause between two) and counts the request; it answers
	// [ErrBudget] when the day's requests are used up. done is called when the
	// answer has been read. nil means one request at a time per host for this
	// source alone, without a pause.
	Turn func(ctx context.Context, host string) (done func(), err error)
}
