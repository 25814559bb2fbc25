package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	"syncd/source/school"
)

// What a platform can do to us: a closed list. Adapters wrap these with what
// they know (an operation, a path pattern, a field's name), never with what
// the platform sent.
var (
	// ErrSessionExpired: the session is over. Rung by rung the program tries
	// to renew it; in the end a person has to log in.
	ErrSessionExpired = errors.New("session has expired")
	// ErrRefused: the platform knows who asks and will not answer.
	ErrRefused = errors.New("platform refused")
	// ErrBlocked: the answer looks like deliberate blocking (403, captcha).
	// Everything stops and rests for long.
	ErrBlocked = errors.New("platform seems to block")
	// ErrUnavailable: network or server trouble that passes by itself.
	ErrUnavailable = errors.New("platform is unavailable")
	// ErrNotUnderstood: the answer does not have the shape that was expected.
	ErrNotUnderstood = errors.New("answer was not understood")
	// ErrWrongChild: the platform answered for another child than was asked
	// for. The answer was thrown away.
	ErrWrongChild = errors.New("answer is about another child")
	// ErrWrongPerson: another person than the account's owner is signed in.
	ErrWrongPerson = errors.New("another person is signed in")
	// ErrBudget: the account's requests of the day are used up.
	ErrBudget = errors.New("request budget is used up")
	// ErrAnswer: an answer to a login's question is missing or cannot be
	// right. Nothing was sent; asking again helps.
	ErrAnswer = errors.New("answer is missing or malformed")
	// ErrAbsent: this child has no such part. Not a fault: the part is simply
	// not there, and nothing is deleted for it.
	ErrAbsent = errors.New("part is not there for this child")
)

// RateLimitError says that the platform asked to wait.
type RateLimitError struct {
	RetryAfter time.Duration // how long, from now; 0 when it did not say
}

// Error implements error.
func (e *RateLimitError) Error() string {
	return fmt.Sprintf("platform asks to wait %s", e.RetryAfter)
}

// PartError says which part of a read failed. It names no child: the number
// under which a child is known is added by whoever knows it.
type PartError struct {
	Child school.Ref // empty where no single child is concerned; never printed
	Part  school.Part
	Err   error
}

// Error implements error.
func (e *PartError) Error() string { return fmt.Sprintf("part %s: %v", e.Part, e.Err) }

// Unwrap returns the cause.
func (e *PartError) Unwrap() error { return e.Err }

// ProblemOf maps an error from a source to what the family is told. An error
// that no sentinel explains is a fault of our own. Of several joined errors
// the gravest counts: the one that needs a person comes first.
func ProblemOf(err error) school.Problem {
	if err == nil {
		return school.ProblemNone
	}
	if _, ok := errors.AsType[*RateLimitError](err); ok {
		return school.ProblemRate
	}
	for _, m := range problemOrder() {
		if errors.Is(err, m.err) {
			return m.problem
		}
	}
	return school.ProblemInternal
}

type problemMapping struct {
	err     error
	problem school.Problem
}

func problemOrder() []problemMapping {
	return []problemMapping{
		{ErrWrongPerson, school.ProblemWrongPerson},
		{ErrSessionExpired, school.ProblemSignIn},
		{ErrBlocked, school.ProblemBlocked},
		{ErrRefused, school.ProblemRefused},
		{ErrBudget, school.ProblemBudget},
		{ErrWrongChild, school.ProblemWrongChild},
		{ErrNotUnderstood, school.ProblemNotUnderstood},
		{ErrUnavailable, school.ProblemUnavailable},
		{context.DeadlineExceeded, school.ProblemUnavailable},
		{context.Canceled, school.ProblemUnavailable},
		{ErrAbsent, school.ProblemNone},
	}
}
