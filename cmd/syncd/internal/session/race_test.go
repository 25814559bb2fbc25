//go:build race

package session_test

// simulated is how many days the simulation of a family's use takes under the
// race detector, which makes each ten times as slow: what it looks for shows
// in the first ones.
const simulated = 3
