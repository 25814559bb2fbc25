//go:build race

package sourcetest

// The race detector makes a read ten times as slow, and what it looks for
// shows in any read: the tests that repeat one question at every request ask
// it at every stride-th, and read fewer weeks. The plain run asks everywhere.
const (
	stride   = 13
	daysBack = 8
	daysOn   = 30
)
