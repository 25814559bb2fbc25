package vault

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Harden keeps this process's memory out of core dumps and away from other
// processes of the same user (ptrace, /proc/PID/mem). The command calls it
// first of all. Both settings work without privileges; an error is worth a
// warning and no reason to stop.
func Harden() error {
	var errs []error
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		errs = append(errs, fmt.Errorf("vault: switch off core dumps: %w", err))
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		errs = append(errs, fmt.Errorf("vault: switch off dumpability: %w", err))
	}
	return errors.Join(errs...)
}
