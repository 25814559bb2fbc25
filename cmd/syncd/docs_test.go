package main

import (
	"io/fs"
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

// TestClaimsNameTheirTests reads the documents block by block: what SECURITY.md
// says, and each heading and promise of the README, names tests, and each test
// that a document names is there.
func TestClaimsNameTheirTests(t *testing.T) {
	t.Parallel()
	tests := testsOfTheTree(t)
	name := regexp.MustCompile(`\bTest[A-Z][A-Za-z0-9_]*(/[a-z][a-z0-9]*)?`)
	for _, doc := range []string{"README.md", "SECURITY.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		for _, n := range name.FindAllString(read(t, doc), -1) {
			if !tests[n] {
				t.Errorf("%s names %s, which is not there", doc, n)
			}
		}
	}
	claims := 0
	for _, block := range blocks(read(t, "SECURITY.md")) {
		if unproven(block) {
			continue
		}
		claims++
		if !name.MatchString(block) {
			t.Errorf("SECURITY.md: no test is named for: %s", block)
		}
	}
	if claims < 30 {
		t.Errorf("only %d claims were found in SECURITY.md", claims)
	}
	readme := read(t, "README.md")
	_, proofs, ok := strings.Cut(readme, "\n## What proves it\n")
	if !ok {
		t.Fatal("README.md does not say what proves it")
	}
	var wanted []string
	for _, m := range regexp.MustCompile(`(?m)^##+ (.*)$`).FindAllStringSubmatch(readme, -1) {
		wanted = append(wanted, m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^(\d+)\. `).FindAllStringSubmatch(readme, -1) {
		wanted = append(wanted, "Line "+m[1])
	}
	for _, w := range wanted {
		switch w {
		case "Limits", "Legal position", "More", "What proves it", "Privacy in ten lines": // no promises, or by the line
			continue
		}
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(w) + `[:, |].*$`).FindString(proofs)
		if !name.MatchString(row) {
			t.Errorf("README.md names no test for %q", w)
		}
	}
}

// unproven are the blocks of SECURITY.md that promise nothing, or name what is
// not protected.
func unproven(block string) bool {
	for _, begin := range []string{
		"#", "| threat |", "| --- |", "| where |", "| `", "| a backup, `", "| what is said",
		"The question this project", "Please report",
	} {
		if strings.HasPrefix(block, begin) {
			return true
		}
	}
	return false
}

// blocks parts a document into paragraphs, items of lists and rows of tables.
func blocks(doc string) (out []string) {
	for part := range strings.SplitSeq(doc, "\n\n") {
		for line := range strings.SplitSeq(strings.TrimSpace(part), "\n") {
			if len(out) > 0 && strings.HasPrefix(line, "  ") || !strings.HasPrefix(line, "- ") && !strings.HasPrefix(line, "|") && line != firstLine(part) {
				out[len(out)-1] += " " + strings.TrimSpace(line)
				continue
			}
			out = append(out, line)
		}
	}
	return out
}

func firstLine(part string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(part), "\n")
	return line
}

// testsOfTheTree are all tests, and the scripts as "TestScripts/name".
func testsOfTheTree(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(t \*testing\.T\)`)
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case filepath.Ext(path) == ".txtar":
			out["TestScripts/"+strings.TrimSuffix(d.Name(), ".txtar")] = true
		case strings.HasSuffix(path, "_test.go"):
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range declared.FindAllSubmatch(b, -1) {
				out[string(m[1])] = true
			}
		}
		return nil
	})
	if err != nil || len(out) < 100 {
		t.Fatalf("%d tests, %v", len(out), err)
	}
	return out
}

// TestComposeForbidsSwap holds what SECURITY.md says of the shipped file.
func TestComposeForbidsSwap(t *testing.T) {
	t.Parallel()
	file := read(t, "docker-compose.yml")
	limit := func(name string) string {
		m := regexp.MustCompile(`(?m)^ +` + name + `: *([0-9]+[kmg])`).FindStringSubmatch(file)
		if m == nil {
			t.Fatalf("docker-compose.yml sets no %s", name)
		}
		return m[1]
	}
	if m, s := limit("mem_limit"), limit("memswap_limit"); m != s {
		t.Errorf("mem_limit %s, memswap_limit %s: the difference may be swapped", m, s)
	}
}
