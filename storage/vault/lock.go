package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// LockName is the name of the lock file inside a data folder. It is empty and
// stays after the end of the process.
const LockName = "lock"

// Lock is the right to work in a folder. It ends with the process, however
// that ends.
type Lock struct {
	f      *os.File
	path   string
	closed atomic.Bool
}

// LockFolder takes the lock of a data folder, which it makes (0700) where it
// is missing. [ErrLocked] means that another process, or another Lock of this
// one, has it. It is taken before anything in the folder is read.
func LockFolder(dir string) (*Lock, error) {
	if err := makeFolder(dir); err != nil {
		return nil, denied(dir, fmt.Errorf("vault: make data folder: %w", err))
	}
	path := filepath.Join(dir, LockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600) //nolint:gosec // the operator names the data folder
	if err != nil {
		return nil, denied(path, fmt.Errorf("vault: open lock: %w", err))
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &Error{Path: dir, Err: ErrLocked, Advice: "stop the other syncd, or give this one a data folder of its own"}
		}
		return nil, fmt.Errorf("vault: lock %s: %w", path, err)
	}
	return &Lock{f: f, path: dir}, nil
}

// Folder returns the folder that is locked.
func (l *Lock) Folder() string { return l.path }

// Close gives the lock back. A second Close does nothing.
func (l *Lock) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	// Said aloud: a child process that was just forked holds the same open
	// file until it begins its own program, and with it the lock.
	err := unix.Flock(int(l.f.Fd()), unix.LOCK_UN)
	if err = errors.Join(err, l.f.Close()); err != nil {
		return fmt.Errorf("vault: unlock: %w", err)
	}
	return nil
}
