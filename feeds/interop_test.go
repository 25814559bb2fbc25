package feeds_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"syncd/feeds"
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

// counting counts the statuses of answers by path.
type counting struct {
	http.Handler
	mu   sync.Mutex
	seen map[string]map[int]int
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := httptest.NewRecorder()
	c.Handler.ServeHTTP(rec, r)
	c.mu.Lock()
	if c.seen[r.URL.Path] == nil {
		c.seen[r.URL.Path] = map[int]int{}
	}
	c.seen[r.URL.Path][rec.Code]++
	c.mu.Unlock()
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(rec.Code)
	_, _ = w.Write(rec.Body.Bytes())
}

// subscribe starts a server of which a reader can subscribe to the feeds.
func subscribe(t *testing.T) (*counting, string) {
	t.Helper()
	c := &counting{seen: map[string]map[int]int{}}
	srv := httptest.NewUnstartedServer(c)
	t.Cleanup(srv.Close)
	address := "http://" + srv.Listener.Addr().String()
	c.Handler = serve(t, newStore(), func(cfg *feeds.Config) { cfg.BaseURL = address })
	srv.Start()
	return c, address
}

// check expects each feed to have been sent once and confirmed once.
func (c *counting) check(t *testing.T, formats ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range formats {
		if got, want := c.seen[addresses()[f]], map[int]int{200: 1, 304: 1}; !maps.Equal(got, want) {
			t.Errorf("%s: answers %v, want %v", f, got, want)
		}
	}
}

func TestInteropFeedparserReadsTwice(t *testing.T) {
	t.Parallel()
	python := program(t, func(path string) bool {
		return exec.CommandContext(t.Context(), path, "-c", "import feedparser").Run() == nil
	}, "python3", "/usr/bin/python3")
	c, url := subscribe(t)
	for _, f := range []string{"atom", "rss"} {
		cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "twice.py"), url+addresses()[f])
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", f, err, out)
		}
	}
	c.check(t, "atom", "rss")
}

func TestInteropNewsboatReadsAgain(t *testing.T) {
	t.Parallel()
	newsboat := program(t, func(path string) bool {
		return exec.CommandContext(t.Context(), path, "-v").Run() == nil
	}, "newsboat")
	c, url := subscribe(t)
	dir := t.TempDir()
	urls, cache := filepath.Join(dir, "urls"), filepath.Join(dir, "cache.db")
	if err := os.WriteFile(urls, []byte(url+addresses()["atom"]+"\n"+url+addresses()["rss"]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(words ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), newsboat, append([]string{"-q", "-u", urls, "-c", cache, "-C", os.DevNull, "-x"}, words...)...)
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("newsboat %v: %v\n%s", words, err, out)
		}
		return string(out)
	}
	run("reload")
	if got := run("print-unread"); !strings.HasPrefix(got, "3 ") {
		t.Errorf("newsboat has %q, want the three letters once, from both feeds", got)
	}
	// Until its version 2.36 newsboat forgets the tag of the very first answer.
	run("reload")
	run("reload")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range []string{"atom", "rss"} {
		if got := c.seen[addresses()[f]]; got[304] == 0 || got[200]+got[304] != 3 {
			t.Errorf("%s: answers %v, want the last one to be 304", f, got)
		}
	}
}
