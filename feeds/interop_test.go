package feeds_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program returns the path of a program, or skips the test. With
// SYNCD_REQUIRE_INTEROP=1 its absence is a failure.
func program(t *testing.T, works func(path string) bool, paths ...string) string {
	t.Helper()
	for _, path := range paths {
		if works(path) {
			return path
		}
	}
	if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" {
		t.Fatalf("none of %v works here", paths)
	}
	t.Skipf("none of %v works here", paths)
	return ""
}

func TestInteropXMLLint(t *testing.T) {
	t.Parallel()
	lint := program(t, func(path string) bool {
		return exec.CommandContext(t.Context(), path, "--version").Run() == nil
	}, "xmllint")
	for _, format := range []string{"atom", "rss"} {
		documents := [][]byte{render(t, feed(), format)}
		for _, s := range injections() {
			documents = append(documents, render(t, hostile(s), format))
		}
		for i, data := range documents {
			cmd := exec.CommandContext(t.Context(), lint, "--noout", "--nonet", "-")
			cmd.Stdin = bytes.NewReader(data)
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("xmllint of %s %d: %v\n%s", format, i, err, out)
			}
		}
	}
}

func TestInteropFeedparser(t *testing.T) {
	t.Parallel()
	python := program(t, func(path string) bool {
		return exec.CommandContext(t.Context(), path, "-c", "import feedparser").Run() == nil
	}, "python3", "/usr/bin/python3")
	for _, format := range []string{"atom", "rss"} {
		cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "read.py"))
		cmd.Stdin = bytes.NewReader(render(t, feed(), format))
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		var got struct {
			Titles []string `json:"titles"`
			IDs    []string `json:"ids"`
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		atom := checkAtom(t, render(t, feed(), "atom"))
		for i, e := range atom.Entries {
			if got.IDs[i] != e.ID {
				t.Errorf("%s: feedparser reads id %s, want %s", format, got.IDs[i], e.ID)
			}
		}
		if len(got.Titles) != len(atom.Entries) {
			t.Errorf("%s: feedparser reads %d entries", format, len(got.Titles))
		}
	}
}
