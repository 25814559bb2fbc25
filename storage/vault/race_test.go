//go:build race

package vault_test

// flipStep thins out the flipped bits where the race detector makes each of
// them twenty times as slow; the plain run takes every byte.
const flipStep = 11
