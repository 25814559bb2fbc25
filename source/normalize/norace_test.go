//go:build !race

package normalize_test

const (
	seeds      = 150
	paragraphs = 40_000
)
