package panics_test

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"syncd/cmd/syncd/internal/panics"
)

// caught returns what is told of a panic in a call with an argument.
func caught(f func(string)) (where slog.Attr) {
	defer func() {
		if recover() != nil {
			where = panics.Where()
		}
	}()
	f("Kanariefågel")
	return slog.Attr{}
}

func throw(s string) { panic("about " + s) }

func index(s string) { _ = strings.Fields(s)[len(s)] }

func deep(s string) {
	if len(s) < 10_000 {
		deep(s + s[:1])
	}
	throw(s)
}

func TestWhere(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`^/?[^ ]+\.(go|s):[0-9]+$`)
	for name, f := range map[string]func(string){"panic": throw, "runtime": index, "deep": deep} {
		a := caught(f)
		if a.Key != "stack" || !strings.Contains(a.Value.String(), "panics_test.go:") {
			t.Errorf("%s: %s does not say where", name, a)
		}
		lines := strings.Split(a.Value.String(), " < ")
		if len(lines) > 64 {
			t.Errorf("%s: %d lines", name, len(lines))
		}
		for _, l := range lines {
			if !line.MatchString(l) {
				t.Errorf("%s: %q is more than a file and a line", name, l)
			}
		}
	}
}
