//go:build race

package storage_test

// slow says that the race detector is on: processes that are killed, and
// passphrases, take too long then. The plain run has them.
const slow = true
