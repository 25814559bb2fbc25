package vault_test

import (
	"golang.org/x/sys/unix"

	"syncd/storage/vault"
)

// hardened is run by a child: what it changes concerns the whole process.
func hardened() int {
	if vault.Harden() != nil {
		return 1
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &limit) != nil || limit.Cur != 0 || limit.Max != 0 {
		return 2
	}
	if on, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || on != 0 {
		return 3
	}
	return 0
}
