//go:build race

package normalize_test

// The race detector makes everything ten times as slow; the plain run takes
// the numbers of norace_test.go.
const (
	seeds      = 25     // random snapshots
	paragraphs = 25_000 // of the longest letter, more than are kept
)
