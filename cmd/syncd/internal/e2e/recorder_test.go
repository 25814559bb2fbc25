package e2e_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// recorder passes requests to the platform on and remembers the cookies and
// tokens in them, which must not be seen anywhere else.
type recorder struct {
	next http.RoundTripper

	mu   sync.Mutex
	seen map[string]bool
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	for _, line := range req.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, "; ") {
			if _, value, ok := strings.Cut(pair, "="); ok {
				r.note(value)
			}
		}
	}
	for name, values := range req.Header {
		if strings.EqualFold(name, "x-xsrf-token") {
			r.note(values[0])
		}
	}
	r.mu.Unlock()
	return r.next.RoundTrip(req)
}

// note remembers a value that is long enough not to be found by chance.
func (r *recorder) note(value string) {
	if len(value) >= 12 {
		r.seen[value] = true
	}
}

func (r *recorder) values() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.seen))
}
