// Package panics says what a log may know of a panic: where it happened, never
// what it carried. It owns no goroutine and imports the standard library only.
package panics

import (
	"log/slog"
	"runtime"
	"strconv"
	"strings"
)

// deepest bounds the calls that are named.
const deepest = 64

// Where returns, as the attribute "stack", the files and lines of the calls
// that led to a panic, the innermost first. It is called by the deferred
// function that recovers. Neither the panic's value nor the arguments of a call
// are in it: both may hold what somebody wrote.
func Where() slog.Attr {
	pcs := make([]uintptr, deepest)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var out []string
	for {
		f, more := frames.Next()
		if f.File != "" {
			out = append(out, f.File+":"+strconv.Itoa(f.Line))
		}
		if !more {
			return slog.String("stack", strings.Join(out, " < "))
		}
	}
}
