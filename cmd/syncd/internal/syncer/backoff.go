package syncer

import (
	"errors"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// longestWait bounds what a platform may ask for with Retry-After.
const longestWait = 7 * 24 * time.Hour

// backoff returns when to try again after the failures-th failure in a row
// (1 is the first), which was err and is known as p.
//
//	unavailable                        5 min, 15 min, 1 h, 3 h, then every 6 h
//	internal, not saved, wrong child   15 min, 1 h, 3 h, then every 6 h
//	rate                               what the platform asks for, else 1 h, 3 h, 6 h
//	not understood                     6 h
//	refused, blocked                   24 h
//	budget                             the next midnight
//	held, none                         the normal interval
//	sign-in, wrong person              the normal interval; nothing is read before
//	                                   somebody has signed in
//
// Each wait is up to a fifth longer by chance and never ends in the night.
func (s schedule) backoff(now time.Time, p school.Problem, failures int, err error) time.Time {
	const unit = time.Hour
	var wait time.Duration
	switch p {
	case school.ProblemNone, school.ProblemHeld, school.ProblemSignIn, school.ProblemWrongPerson, school.ProblemBackup,
		school.ProblemOldCache, school.ProblemLostCache, school.ProblemOldState, school.ProblemLostState:
		return s.next(now)
	case school.ProblemUnavailable:
		wait = step(failures, 5*time.Minute, 15*time.Minute, unit, 3*unit, 6*unit)
	case school.ProblemInternal, school.ProblemNotSaved, school.ProblemFull, school.ProblemWrongChild:
		wait = step(failures, 15*time.Minute, unit, 3*unit, 6*unit)
	case school.ProblemRate:
		wait = step(failures, unit, 3*unit, 6*unit)
		if e, ok := errors.AsType[*source.RateLimitError](err); ok && e.RetryAfter > 0 {
			wait = min(e.RetryAfter, longestWait)
		}
	case school.ProblemNotUnderstood:
		wait = 6 * unit
	case school.ProblemRefused, school.ProblemBlocked:
		wait = 24 * unit
	case school.ProblemBudget:
		midnight := school.DateOf(now.In(s.loc)).AddDays(1).Start(s.loc)
		return s.awake(now, midnight)
	}
	wait += time.Duration(float64(wait) * spread * s.random())
	return s.rested(now.Add(wait))
}

// rested moves t out of the night, never forward.
func (s schedule) rested(t time.Time) time.Time { return s.awake(t, t) }

func step(failures int, waits ...time.Duration) time.Duration {
	return waits[min(max(failures, 1), len(waits))-1]
}
