package school

import "time"

// Account is a guardian's login at a platform.
type Account struct {
	ID       AccountID
	Platform PlatformID
	Settings map[string]string // the platform's settings; may be nil
	Created  time.Time
	State    SessionState
	Since    time.Time // when State began
	NextDue  time.Time // earliest time of the next read
	Failures int       // reads that failed in a row
	Problem  Problem   // what the last read ran into; ProblemNone if nothing
}

// SessionState is where an account stands with its platform.
type SessionState string

// The states of a session, see package session for the transitions.
const (
	SignedOut SessionState = "signed-out" // no login was ever finished, or the guardian signed out
	SigningIn SessionState = "signing-in" // a person is in the middle of a login
	Active    SessionState = "active"     // the session works, as far as we know
	Expired   SessionState = "expired"    // the platform ended it; a person is needed
)

// Advice is what a family has to know of an account in this state whose last
// read ran into p, where its data are old: that somebody has to sign in, or
// else the problem; where there is none, that the platform does not answer.
func (s SessionState) Advice(p Problem) Problem {
	switch {
	case s == Expired || s == SignedOut:
		return ProblemSignIn
	case p == ProblemNone:
		return ProblemUnavailable
	}
	return p
}

// Problem is what can go wrong with an account, as far as a family has to
// know: a closed set.
type Problem string

// The problems.
const (
	ProblemNone          Problem = ""
	ProblemSignIn        Problem = "sign-in"        // the session is over; a person has to sign in
	ProblemWrongPerson   Problem = "wrong-person"   // somebody else than the account's owner signed in
	ProblemRefused       Problem = "refused"        // the platform will not let this account read
	ProblemBlocked       Problem = "blocked"        // looks like deliberate blocking; long rest
	ProblemRate          Problem = "rate"           // asked to wait
	ProblemUnavailable   Problem = "unavailable"    // network or server trouble; tried again by itself
	ProblemNotUnderstood Problem = "not-understood" // the answer has a new shape; a new version is needed
	ProblemWrongChild    Problem = "wrong-child"    // the platform answered for another child; discarded
	ProblemHeld          Problem = "held"           // much disappeared at once; waiting for a second look
	ProblemBudget        Problem = "budget"         // the day's request budget is used up
	ProblemNotSaved      Problem = "not-saved"      // the cache could not be written
	ProblemFull          Problem = "full"           // what is kept comes near its limit; the oldest letters leave first
	ProblemOldCache      Problem = "old-cache"      // cache.age was an older copy; being read again
	ProblemLostCache     Problem = "lost-cache"     // cache.age was lost; being read again
	ProblemOldState      Problem = "old-state"      // state.age was an older copy; links wait, sessions are gone
	ProblemLostState     Problem = "lost-state"     // state.age was lost, and with it accounts and links
	ProblemBackup        Problem = "backup"         // the last backup failed; of the daemon, not of an account
	ProblemInternal      Problem = "internal"       // a fault of our own
)

// Problems returns every problem except [ProblemNone].
func Problems() []Problem {
	return []Problem{
		ProblemSignIn, ProblemWrongPerson, ProblemRefused, ProblemBlocked, ProblemRate,
		ProblemUnavailable, ProblemNotUnderstood, ProblemWrongChild, ProblemHeld, ProblemBudget,
		ProblemNotSaved, ProblemFull, ProblemOldCache, ProblemLostCache, ProblemOldState, ProblemLostState,
		ProblemBackup, ProblemInternal,
	}
}

// Outcome is the result of one run of reads for an account, as kept and shown.
type Outcome struct {
	State    SessionState
	Problem  Problem
	Finished time.Time
	NextDue  time.Time
	Failures int
	Requests int // made in this run
}

// Reading says when a part of a child was last read with success.
type Reading struct {
	Child       ChildNumber
	Kind        Kind
	Entries     int
	LastSuccess time.Time // zero: never
}
