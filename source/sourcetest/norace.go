//go:build !race

package sourcetest

// Every request and the whole window: see race.go.
const (
	stride   = 1
	daysBack = 30
	daysOn   = 400
)
