package auth

import (
	"fmt"
	"io/fs"
	"time"
)

// What can be said to a person who wants in. Each is one of io/fs's errors, so
// that a page can tell them apart without importing this package.
var (
	// ErrWrong: user name or password is wrong; which of them is not said.
	ErrWrong = fmt.Errorf("user name or password is wrong: %w", fs.ErrPermission)
	// ErrUsed: the one-time address does not exist, was used or is too old;
	// which of them is not said.
	ErrUsed = fmt.Errorf("one-time address is not valid: %w", fs.ErrNotExist)
)

// BusyError asks to come back later: too many wrong passwords, or too many
// passwords being checked at this moment.
type BusyError struct{ After time.Duration }

// Error implements error.
func (e *BusyError) Error() string { return fmt.Sprintf("asked to wait %s", e.After) }

// Wait returns after how long the next try makes sense; always positive.
func (e *BusyError) Wait() time.Duration { return e.After }

// ChoiceError says that a chosen user name or password will not do. It is
// fs.ErrInvalid.
type ChoiceError struct{ Of string } // [ChoiceUser] or [ChoicePassword]

// What a ChoiceError is about.
const (
	ChoiceUser     = "user"
	ChoicePassword = "password"
)

// Error implements error.
func (e *ChoiceError) Error() string { return "chosen " + e.Of + " will not do" }

// Field returns which of the two answers is meant.
func (e *ChoiceError) Field() string { return e.Of }

// Unwrap returns fs.ErrInvalid.
func (*ChoiceError) Unwrap() error { return fs.ErrInvalid }
