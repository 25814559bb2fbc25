//go:build !linux

package vault

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Harden keeps this process's memory out of core dumps. The command calls it
// first of all; an error is worth a warning and no reason to stop.
func Harden() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("vault: switch off core dumps: %w", err)
	}
	return nil
}
