package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"syncd/cmd/syncd/internal/config"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDocumentsAgree compares the options that documents name with the table,
// both ways, and the commands of the README with those that exist.
func TestDocumentsAgree(t *testing.T) {
	t.Parallel()
	var known []string
	for _, o := range config.Options() {
		known = append(known, o.Env)
	}
	names := regexp.MustCompile(`SYNCD_[A-Z][A-Z_]*[A-Z]`)
	for _, doc := range []string{"README.md", "SECURITY.md", "docker-compose.yml", "Dockerfile"} {
		for _, name := range names.FindAllString(read(t, doc), -1) {
			if !slices.Contains(known, name) && !slices.Contains(known, strings.TrimSuffix(name, "_FILE")) {
				t.Errorf("%s names %s, which is no option", doc, name)
			}
		}
	}
	readme := read(t, "README.md")
	for _, name := range known {
		if !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("README.md does not name %s", name)
		}
	}
	for _, c := range commands() {
		if !strings.Contains(readme, "syncd "+c.name) && !strings.Contains(readme, "`"+c.name+"`") {
			t.Errorf("README.md does not name the command %s", c.name)
		}
	}
	for _, m := range regexp.MustCompile("`syncd ([a-z]+)").FindAllStringSubmatch(readme, -1) {
		if m[1] != "help" && !slices.ContainsFunc(commands(), func(c command) bool { return c.name == m[1] }) {
			t.Errorf("README.md names the command %s, which is not there", m[1])
		}
	}
}
