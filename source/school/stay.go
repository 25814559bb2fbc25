package school

import "time"

// Rung is a way in which a session came to be: a step of the ladder that
// package session climbs.
type Rung string

// The rungs, from the lowest up.
const (
	RungReentry Rung = "reentry" // silently, through the city's or platform's own sign-in that still lived
	RungPairing Rung = "pairing" // by a token that the platform gave a paired device
	RungPerson  Rung = "person"  // a person signed in
)

// Rungs returns every rung, from the lowest up.
func Rungs() []Rung { return []Rung{RungReentry, RungPairing, RungPerson} }

// EndCause says why a session ended, as far as that can be told from outside.
type EndCause string

// The causes.
const (
	EndNone      EndCause = ""           // it lives
	EndIdle      EndCause = "idle"       // nothing was read for a while before
	EndAbsolute  EndCause = "absolute"   // in use, at an age at which one had ended before
	EndRestart   EndCause = "restart"    // in use, together with others or at a time of day at which one had ended before
	EndSignedOut EndCause = "signed-out" // by a guardian, or because the wrong person had signed in
	EndReplaced  EndCause = "replaced"   // a person signed in anew while it lived
	EndUnknown   EndCause = "unknown"    // in use, for the first time in this way
)

// EndCauses returns every cause except [EndNone].
func EndCauses() []EndCause {
	return []EndCause{EndIdle, EndAbsolute, EndRestart, EndSignedOut, EndReplaced, EndUnknown}
}

// Stay is one session at a platform from its start to its end: a line of an
// account's diary. It says nothing about the person.
type Stay struct {
	Began time.Time // UTC
	Rung  Rung      // how it came to be
	Used  time.Time // when the platform last answered in it; Began at first
	// Ended is when its end was noticed, zero while it lives.
	Ended    time.Time
	Cause    EndCause
	Requests int // made in it, those of its login not counted
}

// Lasted is for how long the session is known to have lived: until the
// platform last answered in it.
func (s Stay) Lasted() time.Duration { return s.Used.Sub(s.Began) }
