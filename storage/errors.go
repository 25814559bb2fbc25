package storage

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
)

// What storage refuses. Something that is not there is [fs.ErrNotExist];
// what is wrong with files and keys is told by package vault.
var (
	// ErrNewer: the data were written by a newer version of the program.
	ErrNewer = errors.New("the data were written by a newer version")
	// ErrMismatch: cache.age and state.age come from different installations.
	ErrMismatch = errors.New("cache and state belong to different installations")
	// ErrOccupied: there are data where a copy was to be restored.
	ErrOccupied = errors.New("there are data already")
	// ErrRevision: the revision is not one that this history knows.
	ErrRevision = errors.New("revision is unknown")
	// ErrTwoChildren: two numbers are one child already, or one account lists
	// both, which makes them two.
	ErrTwoChildren = fmt.Errorf("these cannot be joined: %w", fs.ErrInvalid)
	// ErrNoLead: the platform does not show the child, or the kind follows
	// another one.
	ErrNoLead = fmt.Errorf("this platform cannot lead here: %w", fs.ErrInvalid)
	// ErrUsed: the one-time address was used, has expired or never was.
	ErrUsed = fmt.Errorf("one-time address is not good (any more): %w", fs.ErrNotExist)
)

// wrap adds the operation to an error, and makes the driver's "no rows" the
// error that everybody can test for.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = fs.ErrNotExist
	}
	return fmt.Errorf("storage: %s: %w", op, err)
}
