// Package vault keeps SQLite databases and files on disk only as age files.
//
// A [File] is a whole SQLite database that lives in RAM. Each committed
// change is written as one age-encrypted file that takes the place of the one
// before it, so that nothing in the clear ever reaches a disk, and a file that
// was altered in any byte does not open. A [Blobs] folder keeps pictures and
// attachments, one age file each. [Keys] come from a key file that other age
// programs can use too: `age -d -i cache.key cache.age` gives the database.
//
// What it does not do: it notices no file that was replaced by an older copy
// of itself as a whole (package storage does), and it does not hide sizes or
// times of writing. One process at a time works in a folder, see [LockFolder].
// The package starts no goroutine.
package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// What can be wrong with a folder, a key or a sealed file. They come wrapped
// in an [*Error] that carries the path and, where there is one, a hint.
var (
	// ErrLocked: another process works in the folder.
	ErrLocked = errors.New("another process uses this folder")
	// ErrKeyMissing: there are sealed files and no key, or the operator named
	// a key file that does not exist. Nothing was made.
	ErrKeyMissing = errors.New("the key is missing")
	// ErrKeyBroken: the key file exists and holds no usable key, or everybody
	// on the machine may read it.
	ErrKeyBroken = errors.New("the key file cannot be used")
	// ErrDenied: the user that runs the program may not read or write the
	// file or folder. It is an [fs.ErrPermission].
	ErrDenied = fmt.Errorf("the user that runs syncd may not use it: %w", fs.ErrPermission)
	// ErrKeyFleeting: the key would lie where it does not last, such as the
	// layer of a container. Nothing was made.
	ErrKeyFleeting = errors.New("a key would not last here")
	// ErrPassphrase: the key file is protected and the passphrase is missing
	// or wrong.
	ErrPassphrase = errors.New("the passphrase of the key file is missing or wrong")
	// ErrKeyUnfit: the key is in order and does not open the file.
	ErrKeyUnfit = errors.New("the key does not open this file")
	// ErrDamaged: the file was altered, cut off, or is not what it should be.
	ErrDamaged = errors.New("the file is damaged")
	// ErrNotSaved: the change is in RAM and not on disk; see [File.Unsaved].
	ErrNotSaved = errors.New("not saved")
	// ErrFull: the database has reached its size limit; nothing was changed.
	ErrFull = errors.New("the database has reached its size limit")
)

// Error says what is wrong with which file or folder. No key and no content
// ever stands in it.
type Error struct {
	Path   string // the file or folder concerned
	Err    error  // one of the sentinels of this package, or what the system said
	Detail string // what exactly, may be empty
	Advice string // what to do, may be empty
}

// Error implements error.
func (e *Error) Error() string {
	s := fmt.Sprintf("vault: %s: %v", e.Path, e.Err)
	if e.Detail != "" {
		s += " (" + e.Detail + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint returns what to do about it, empty where we do not know better. It is
// one English sentence without the path of anything that could identify a
// person.
func (e *Error) Hint() string { return e.Advice }

func damaged(path, detail string) error {
	return &Error{
		Path: path, Err: ErrDamaged, Detail: detail + "; nothing was changed",
		Advice: "put back a copy of the file, or move it away to begin anew",
	}
}

// denied makes an error that says that something may not be read or written
// an [ErrDenied]; others stay as they are.
func denied(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return &Error{Path: path, Err: ErrDenied, Advice: "the folders and files must belong to the user that runs syncd"}
	}
	return err
}
