// Package syncer reads the accounts when they are due: it decides when, keeps
// the manners, hands what was read through normalize to the storage, and
// records how it went.
//
// A cron tick every five minutes asks the storage which accounts are due; the
// due times are stored, so that neither a restart nor an outage costs a
// request. At most one job runs per account and two in all. A job has no time
// limit but its account's budget of requests (see [Manners]); each child is
// committed as soon as it was read.
//
// Where a guardian wants it, a tick also pings the sessions that would end for
// want of use: one request each, out of the same budget, whatever the hour.
//
// [Syncer.Run] owns the goroutines of cron and of the jobs that it starts and
// returns when they have stopped; jobs of [Syncer.SyncNow] belong to its
// caller. A job that panics is recorded as [school.ProblemInternal] and runs
// again later.
package syncer

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// Queue says which accounts there are and takes the result of each job.
type Queue interface {
	Due(ctx context.Context, now time.Time) ([]school.Account, error)
	Accounts(ctx context.Context) ([]school.Account, error)
	PutOutcome(ctx context.Context, id school.AccountID, o school.Outcome) error
}

// Cache takes what was read.
type Cache interface {
	PutRoster(ctx context.Context, id school.AccountID, p school.PlatformID, r school.Roster) (map[school.Ref]school.ChildNumber, error)
	Apply(ctx context.Context, id school.AccountID, s school.Snapshot) (school.Changes, error)
	KnownNews(ctx context.Context, p school.PlatformID, child school.Ref) (map[school.Ref]time.Time, error)
	Readings(ctx context.Context) ([]school.Reading, error)
}

// Spares keeps what sources want for the time without a session, sealed.
type Spares interface {
	// Spare returns what is kept of an account; nil when nothing is.
	Spare(ctx context.Context, id school.AccountID) ([]byte, error)
	// Deletions returns how often something of the children was deleted.
	Deletions() int64
	// PutSpare keeps data, unless it was found out before the last of the
	// deletions; empty data forgets what was kept.
	PutSpare(ctx context.Context, id school.AccountID, deletions int64, data []byte) error
}

// Store is what the syncer needs of the storage.
type Store interface {
	Queue
	Cache
}

// Sessions lends out sessions and knows whose they are; see package session.
type Sessions interface {
	Use(ctx context.Context, id school.AccountID, f func(*source.Session) error) error
	CheckOwner(ctx context.Context, id school.AccountID, r school.Roster) error
	// Hold calls f with the account as stored while its state cannot change.
	Hold(ctx context.Context, id school.AccountID, f func(school.Account) error) error
}

// Normalizer makes what was read fit to be shown; see package normalize.
type Normalizer interface {
	Snapshot(ctx context.Context, s school.Snapshot) school.Snapshot
	Roster(r school.Roster) school.Roster
}

// Config is what a [Syncer] needs. Everything down to Log is required.
type Config struct {
	Store      Store
	Sessions   Sessions
	Normalizer Normalizer
	// Sources makes an account's source, its Turn taken from Manners.
	Sources func(context.Context, school.AccountID) (source.Source, error)
	// Parts are what a platform has to read; nil for an unknown platform.
	Parts func(school.PlatformID) []school.Part
	// Announced are those of the parts whose changes the platform's notices
	// announce, which are therefore read less often; nil: none are.
	Announced func(school.PlatformID) []school.Part
	// Manners counts and spaces the requests.
	Manners *Manners
	Now     func() time.Time
	Log     *slog.Logger

	// DaysBack and DaysAhead bound the dated things that are asked for, around
	// today; 0 means 30 back and 400 ahead.
	DaysBack, DaysAhead int
	// Location is the zone of the schedule; nil means Europe/Stockholm.
	Location *time.Location
	// Committed is told of each child that was committed, before the next one
	// is read; may be nil. It must not fail and not block for long.
	Committed func(context.Context, school.AccountID, school.Changes)
	// Spares keeps what a [source.Sparer] reads by while nobody is signed in;
	// nil: nothing is read then.
	Spares Spares
	// Idle returns the accounts whose sessions, by that moment, want a request
	// only so that they do not end for want of use; nil: none ever do.
	Idle func(ctx context.Context, by time.Time) ([]school.AccountID, error)
	// Unwanted are the parts that are not to be read of a child, LettersFrom is
	// the time before which no letter is read; nil: everything is wanted.
	Unwanted    func(context.Context, school.PlatformID, school.Ref) ([]school.Part, error)
	LettersFrom func(context.Context) (time.Time, error)
	// Hourly is called by [Syncer.Run] at its begin and once an hour, for what
	// has to be looked after whether anything is read or not; may be nil.
	Hourly func(context.Context)
	// Random returns numbers in [0, 1) that spread the reads of all
	// installations over the clock; nil means math/rand/v2.
	Random func() float64
}

// Syncer reads accounts. Its methods are safe for concurrent use.
type Syncer struct {
	cfg   Config
	slots chan struct{} // holds a token per running job
	woken chan struct{} // holds a token when wake is not empty

	mu     sync.Mutex
	wake   map[school.AccountID]bool // to be read at once
	rising map[school.AccountID]bool // a goroutine of Run is about it
	jobs   map[school.AccountID]*job
	memory map[school.AccountID]*memory
}

// Report is the result of [Syncer.SyncNow], one Result per account, in the
// order of the storage.
type Report struct {
	Results []Result
}

// OK reports whether every account was read without a problem.
func (r Report) OK() bool {
	for _, res := range r.Results {
		if res.Problem != school.ProblemNone {
			return false
		}
	}
	return true
}

// Result says how one account's job went.
type Result struct {
	Account  school.AccountID
	Platform school.PlatformID
	Problem  school.Problem // ProblemNone: everything that was asked for was read
	Changes  []school.Changes
	Requests int
	NextDue  time.Time
	// Err is what Problem was made of; it names ids only.
	Err error
}

// ErrUnknownAccount means that there is no such account.
var ErrUnknownAccount = errors.New("no such account")

// errNotSaved marks errors of the storage, which are no fault of a platform.
var errNotSaved = errors.New("not saved")

const (
	jobsAtOnce = 2
	tick       = "*/5 * * * *"
	hourly     = "@hourly"
	tickEvery  = 5 * time.Minute
)

// New returns a syncer. It starts nothing; see [Syncer.Run].
func New(c Config) (*Syncer, error) {
	if c.Store == nil || c.Sessions == nil || c.Normalizer == nil || c.Sources == nil || c.Parts == nil ||
		c.Manners == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("syncer: new: Store, Sessions, Normalizer, Sources, Parts, Manners, Now and Log are required")
	}
	if c.Location == nil {
		c.Location = school.Stockholm()
	}
	if c.DaysBack == 0 {
		c.DaysBack = daysBack
	}
	if c.DaysAhead == 0 {
		c.DaysAhead = daysAhead
	}
	if c.Announced == nil {
		c.Announced = func(school.PlatformID) []school.Part { return nil }
	}
	if c.Committed == nil {
		c.Committed = func(context.Context, school.AccountID, school.Changes) {}
	}
	if c.Unwanted == nil {
		c.Unwanted = func(context.Context, school.PlatformID, school.Ref) ([]school.Part, error) { return nil, nil }
	}
	if c.LettersFrom == nil {
		c.LettersFrom = func(context.Context) (time.Time, error) { return time.Time{}, nil }
	}
	if c.Hourly == nil {
		c.Hourly = func(context.Context) {}
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	c.Log = c.Log.With(slog.String("component", "syncer"))
	return &Syncer{
		cfg:    c,
		slots:  make(chan struct{}, jobsAtOnce),
		woken:  make(chan struct{}, 1),
		wake:   make(map[school.AccountID]bool),
		rising: make(map[school.AccountID]bool),
		jobs:   make(map[school.AccountID]*job),
		memory: make(map[school.AccountID]*memory),
	}, nil
}
