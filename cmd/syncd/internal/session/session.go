// Package session keeps the sessions of a family's accounts with their
// platforms: it loads and saves them, lets one reader at a time use them,
// renews them silently where a platform allows it, and walks a person through
// a login. It never starts a login by itself and never shows what a session
// or a login holds.
//
// An account is in one of four states; every change of state is one of these:
//
//	          | Begin      | login done | login ends      | platform | SignOut    | wrong
//	          |            |            | without success | ends it  |            | person
//	----------+------------+------------+-----------------+----------+------------+-----------
//	SignedOut | SigningIn  |            |                 |          | SignedOut  | SignedOut
//	SigningIn | SigningIn  | Active     | as before Begin | SigningIn| SignedOut  | SignedOut
//	Active    | SigningIn  | (new login)|                 | Expired  | SignedOut  | SignedOut
//	Expired   | SigningIn  |            |                 | Expired  | SignedOut  | SignedOut
//
// Where the wrong person's login had replaced a session, that one comes back
// and the account stays Active. "As before Begin" is Active as long as that
// session lives, else Expired. A program that stopped in SigningIn finds its
// accounts again as Active (a session is stored), Expired (somebody was signed
// in before) or SignedOut. Nothing leads from Expired or SignedOut to Active
// but a login; accounts at platforms without a login are always Active.
//
// "Platform ends it" is the end of a ladder that each use of a session climbs:
// the session as it is, used by reads that are due anyway; then one silent
// renewal, in which the source tries re-entry through a sign-in that still
// lives and, where a device was paired, its token; then a person. See [Keeper]
// for each step and what leads on from it. What a platform hands out while
// renewing is on disk before Put returns and so before it is used, by one use
// at a time. A diary notes each session, how it came to be and why it ended.
//
// The package's goroutines are the logins under way. [Keeper.Run] owns them
// and returns when they have stopped. A login whose adapter panics has failed,
// and the program goes on.
package session

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// ErrNoLogin means that no login is under way for the account, or that its
// platform has none.
var ErrNoLogin = errors.New("no login is under way")

// ErrStopped means that the keeper has stopped and starts no login any more.
var ErrStopped = errors.New("logins have stopped")

// errReplaced is what a reader gets that holds on to a session after a login,
// a sign-out or a removal took its place: a late write must not undo them.
var errReplaced = errors.New("session was replaced meanwhile")

// Sessions is where the opaque sessions lie. Session answers an error that is
// fs.ErrNotExist when there is none; PutSession returns when the state would
// survive a power cut.
type Sessions interface {
	Session(ctx context.Context, id school.AccountID) ([]byte, error)
	PutSession(ctx context.Context, id school.AccountID, state []byte) error
	DeleteSession(ctx context.Context, id school.AccountID) error
}

// Memories is where lies, opaque, what sources remember of an account from one
// login to the next; nothing is nil. PutMemory forgets what there is when data
// is empty, and drops data that was found out before the last of the Deletions.
type Memories interface {
	Memory(ctx context.Context, id school.AccountID) ([]byte, error)
	Deletions() int64
	PutMemory(ctx context.Context, id school.AccountID, deletions int64, data []byte) error
}

// Accounts is where the states of the accounts lie.
type Accounts interface {
	Accounts(ctx context.Context) ([]school.Account, error)
	Account(ctx context.Context, id school.AccountID) (school.Account, error)
	PutState(ctx context.Context, id school.AccountID, s school.SessionState, p school.Problem) error
}

// Owners is where the keyed hashes of the accounts' owners lie; "" or an error
// that is fs.ErrNotExist means that nobody has signed in yet.
type Owners interface {
	Owner(ctx context.Context, id school.AccountID) (string, error)
	PutOwner(ctx context.Context, id school.AccountID, owner string) error
}

// Store is what the keeper needs of the storage.
type Store interface {
	Sessions
	Memories
	Accounts
	Owners
	Diary
	Keepings
}

// Config is what a [Keeper] needs.
type Config struct {
	// Store is required.
	Store Store
	// Sources makes an account's source; required. It is asked each time, so
	// that changed settings count from the next use on.
	Sources func(context.Context, school.AccountID) (source.Source, error)
	// Logins makes the source that a login runs on, where it differs: a person
	// is waiting, so its requests keep no pause between them. nil: Sources.
	Logins func(context.Context, school.AccountID) (source.Source, error)
	// OwnerHash turns a platform's key for a person into what may be kept;
	// required, see normalize.Normalizer.OwnerHash.
	OwnerHash func(school.Ref) string
	// Signed is told of each login that ended well, after its session was
	// stored; may be nil. It must not block for long.
	Signed func(context.Context, school.AccountID)
	// Requests returns how many requests were made for an account since some
	// fixed time, for the diary; nil: they are not counted.
	Requests func(school.AccountID) int
	// Now is the clock; required.
	Now func() time.Time
	// Log is required.
	Log *slog.Logger
}

// Keeper keeps sessions. All its methods are safe for concurrent use.
//
// Each [Keeper.Use] is one way up this ladder, from live on. It reads: at this
// step, when this is what it came to, go on with that.
//
//	        | works   | over   | trouble | replaced
//	--------+---------+--------+---------+---------
//	live    | done    | renew  | done    | live
//	renew   | renewed | person | done    | live
//	renewed | done    | person | done    | live
//	person  | done    | done   | done    | done
//
// Live is the session as it is, lent to a read that is due anyway. Renew is one
// try to get another one without a person: by re-entry, where the platform's
// or the city's sign-in still lives, then by pairing. Renewed lends out what
// that brought. Person ends the use: the account is Expired, somebody is asked
// to log in, and nothing more is asked of the platform until then. Done is the
// answer, whatever it is.
//
// Works means that the step did what it should; over that the session has
// expired, or cannot be renewed; trouble is anything else, which says nothing
// about the session; replaced is that a login or a sign-out took the session's
// place meanwhile. That is told once in a use: afterwards it counts as over or
// trouble. So a session that dies costs one renewal and at most three turns of
// the caller's reads, also where another program keeps ending it.
type Keeper struct {
	cfg     Config
	start   chan func(context.Context) // logins and farewells on their way to Run
	running chan struct{}              // closed when Run takes them
	stopped chan struct{}              // closed when Run has returned

	mu       sync.Mutex
	accounts map[school.AccountID]*account
}

// account is what the keeper remembers of one account.
type account struct {
	busy chan struct{} // holds a token while a session is used

	// write is held while the session or the state is written, so that the
	// two agree. Taken before Keeper.mu, never inside it.
	write sync.Mutex
	// generation counts logins and sign-outs; guarded by write.
	generation uint64
	// before is the session that a login replaced, until it is known whose the
	// new one is; guarded by write.
	before []byte

	login *login // under way, or ended a moment ago; guarded by Keeper.mu
}

// New returns a keeper. It starts nothing; see [Keeper.Run].
func New(c Config) (*Keeper, error) {
	if c.Store == nil || c.Sources == nil || c.OwnerHash == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("session: new: Store, Sources, OwnerHash, Now and Log are required")
	}
	if c.Logins == nil {
		c.Logins = c.Sources
	}
	if c.Signed == nil {
		c.Signed = func(context.Context, school.AccountID) {}
	}
	if c.Requests == nil {
		c.Requests = func(school.AccountID) int { return 0 }
	}
	c.Log = c.Log.With(slog.String("component", "session"))
	return &Keeper{
		cfg:      c,
		start:    make(chan func(context.Context)),
		running:  make(chan struct{}),
		stopped:  make(chan struct{}),
		accounts: make(map[school.AccountID]*account),
	}, nil
}

// Run brings the states of interrupted logins in order and then owns the
// goroutines of logins until ctx ends: it cancels those under way at the
// platform and returns nil when all have stopped. It is called once.
func (k *Keeper) Run(ctx context.Context) error {
	defer close(k.stopped)
	if err := k.recover(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before it began; the next start finds the same
		}
		return err
	}
	var logins sync.WaitGroup
	defer logins.Wait()
	close(k.running)
	for {
		select {
		case <-ctx.Done():
			return nil
		case login := <-k.start:
			logins.Go(func() { login(ctx) })
		}
	}
}

func (k *Keeper) account(id school.AccountID) *account {
	k.mu.Lock()
	defer k.mu.Unlock()
	a := k.accounts[id]
	if a == nil {
		a = &account{busy: make(chan struct{}, 1)}
		k.accounts[id] = a
	}
	return a
}
