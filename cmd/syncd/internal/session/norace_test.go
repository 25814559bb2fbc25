//go:build !race

package session_test

// simulated is how many days the simulation of a family's use takes.
const simulated = 60
