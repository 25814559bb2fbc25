//go:build !race

package infomentor_test

const (
	// rounds is how many reads are tried, each a random interleaving of
	// switches, answers and lies.
	rounds   = 10_000
	children = 3
	pairDays = 21
	killStep = 1
)
