package web

import (
	"context"

	"syncd/source"
	"syncd/source/school"
)

// LoginStore is behind the sign-in to a platform. All tabs and programs that
// look at an account see the same login; there is one at a time.
type LoginStore interface {
	// BeginLogin starts a login and returns when the first state is known or
	// soon after. One that is under way is taken over when its method is the
	// same and given up otherwise.
	BeginLogin(ctx context.Context, id school.AccountID, method source.MethodID, in source.Answers) error
	// Login returns how far the login is and keeps it alive; it may be called
	// as often as one likes. ok is false when there is none. A finished one
	// stays for some minutes, so that its end can be read.
	Login(ctx context.Context, id school.AccountID) (v LoginView, ok bool)
	// AnswerLogin brings what Progress.Ask asked for.
	AnswerLogin(ctx context.Context, id school.AccountID, in source.Answers) error
	// CancelLogin gives the login up. Harmless when there is none.
	CancelLogin(ctx context.Context, id school.AccountID) error
}

// LoginView is a login under way, or one that just ended.
type LoginView struct {
	Method   source.MethodID
	Progress source.Progress
	// Problem is why the session was not accepted although the person signed
	// in (another person than the account's owner); usually none.
	Problem school.Problem
}
