package session

// step is where a use of a session stands on the ladder.
type step int

const (
	live    step = iota // with the session as it is
	renew               // without a person: re-entry, then pairing, as the platform has them
	renewed             // with the session that renewing brought
	person              // somebody has to log in; the platform is not asked again
	done                // answered, whatever the answer
)

// event is what a step came to.
type event int

const (
	works    event = iota // it did what it should
	over                  // the session has expired, or cannot be renewed
	trouble               // anything else: it says nothing about the session
	replaced              // a login or a sign-out took the session's place meanwhile
	events
)

// next is the ladder of [Keeper]: what follows when a step comes to an event.
// Replaced is told once in a use; see climb.
func next(at step, e event) step {
	table := map[step][events]step{
		live:    {works: done, over: renew, trouble: done, replaced: live},
		renew:   {works: renewed, over: person, trouble: done, replaced: live},
		renewed: {works: done, over: person, trouble: done, replaced: live},
	}
	row, ok := table[at]
	if !ok {
		return done
	}
	return row[e]
}
