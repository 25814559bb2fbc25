//go:build race

package infomentor_test

// rounds is how many reads are tried under the race detector, which makes each
// ten times as slow: what it looks for shows in the first ones.
const rounds = 240
