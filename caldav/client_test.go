package caldav_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds/icalendar"
)

var update = flag.Bool("update", false, "write the golden answers anew")

// TestClients replays what each client sends, in its own words, and compares
// the answers with those on file.
func TestClients(t *testing.T) {
	t.Parallel()
	requests, err := filepath.Glob("testdata/*/*.req")
	if err != nil || len(requests) == 0 {
		t.Fatalf("no requests found: %v", err)
	}
	store := family(t)
	h := server(t, store, nil)
	mask := masker(t, store)
	for _, file := range requests {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".req"), func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, readRequest(t, file))
			got := mask.Replace(answerText(w))
			golden := strings.TrimSuffix(file, ".req") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// readRequest reads a request file: request line, headers, empty line, body.
func readRequest(t *testing.T, file string) *http.Request {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(raw), "\n\n")
	lines := strings.Split(strings.TrimRight(head, "\n"), "\n")
	method, path, ok := strings.Cut(lines[0], " ")
	if !ok {
		t.Fatalf("%s: bad request line", file)
	}
	body = strings.TrimSuffix(body, "\n")
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// answerText writes an answer down, its headers sorted by net/http.
func answerText(w *httptest.ResponseRecorder) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d\n", w.Code)
	header := w.Header().Clone()
	header.Del("Content-Length")
	_ = header.Write(&b) // a buffer takes every write
	b.WriteString("\n")
	b.Write(w.Body.Bytes())
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

// masker puts names in the place of what the encoder decides: ETags, lengths
// and the escaped bytes of objects. That those bytes are the stored ones is
// what makes the name appear.
func masker(t *testing.T, m *memory) *strings.Replacer {
	t.Helper()
	home, err := m.Home(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, c := range home.Collections {
		pairs = append(pairs, c.ICSETag, "[etag of "+c.Slug+"]")
		for _, o := range c.Objects {
			pairs = append(
				pairs, escaped(o), "[data of "+o.Name+"]", o.ETag, "[etag of "+o.Name+"]",
				fmt.Sprintf("<D:getcontentlength>%d<", len(o.Data)), "<D:getcontentlength>[length]<",
				strings.ReplaceAll(string(o.Data), "\r\n", "\n"), "[data of "+o.Name+"]\n",
			)
		}
	}
	return strings.NewReplacer(pairs...)
}

// escaped is the XML form in which an object's bytes must come: the carriage
// returns as references, so that a parser gives back exactly what is stored.
func escaped(o icalendar.Object) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "\r", "&#13;").Replace(string(o.Data))
}
