//go:build race

package infomentor_test

// Under the race detector a read takes ten times as long, and what it looks
// for shows in the first ones. The plain run takes the numbers of norace_test.go.
const (
	children = 2   // of the family whose reads are spoilt one by one
	rounds   = 240 // reads of a platform that lies
	pairDays = 4   // days as a paired phone
	killStep = 5   // of the steps at which a process is killed, one in so many
)
