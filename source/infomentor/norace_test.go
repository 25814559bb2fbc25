//go:build !race

package infomentor_test

// rounds is how many reads are tried, each of three children: more than ten
// thousand random interleavings of switches, answers and lies.
const rounds = 3400
