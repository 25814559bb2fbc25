//go:build !race

package infomentor_test

const (
	// rounds is how many reads are tried, each of three children: more than
	// ten thousand random interleavings of switches, answers and lies.
	rounds   = 3400
	pairDays = 21
	killStep = 1
)
