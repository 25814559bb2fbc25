package faketest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault changes answers of a platform.
type Fault struct {
	// Path is the end of the paths that it concerns, in any case; "" is all.
	Path string
	// Skip is how many matching requests go well first.
	Skip int
	// Times is how many answers are changed then; 0 means all.
	Times int
	// Change changes the answer; required. It is called one at a time.
	Change func(*Answer)
}

// Faults are what is wrong with a platform. The zero value is a platform that
// is well. Safe for concurrent use.
type Faults struct {
	mu   sync.Mutex
	list []*Fault
}

// Inject adds a fault. Of several that match a request all change the answer,
// in the order of injection.
func (fs *Faults) Inject(f Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = append(fs.list, &f)
}

// Heal takes all faults away.
func (fs *Faults) Heal() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = nil
}

// Spoil changes an answer by the faults that concern its request.
func (fs *Faults) Spoil(r *http.Request, a *Answer) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.list {
		switch {
		case !HasSuffixFold(r.URL.Path, f.Path), f.Times < 0:
			continue
		case f.Skip > 0:
			f.Skip--
			continue
		case f.Times == 1:
			f.Times = -1 // used up
		case f.Times > 1:
			f.Times--
		}
		f.Change(a)
	}
}

// HasSuffixFold reports whether s ends in suffix, in any case.
func HasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// Status answers with another status and an HTML page. Header names and
// values follow in pairs.
func Status(code int, header ...string) func(*Answer) {
	return func(a *Answer) {
		*a = *Page(code, "<html><body><h1>"+http.StatusText(code)+"</h1></body></html>")
		for i := 0; i+1 < len(header); i += 2 {
			a.Header.Set(header[i], header[i+1])
		}
	}
}

// Body answers 200 with this body and media type in place of the right one.
func Body(contentType, body string) func(*Answer) {
	return func(a *Answer) {
		a.Status, a.Body, a.Stream = http.StatusOK, []byte(body), nil
		a.Header.Set("Content-Type", contentType)
	}
}

// HTML answers 200 with a page that is not a sign-in page.
func HTML() func(*Answer) {
	return Body("text/html; charset=utf-8", "<!DOCTYPE html><html><head><title>Driftinformation</title></head><body><p>Just nu uppdaterar vi.</p></body></html>")
}

// Empty answers 200 without a body.
func Empty() func(*Answer) { return Body("application/json; charset=utf-8", "") }

// CutOff announces the whole body and sends half of it.
func CutOff() func(*Answer) {
	return func(a *Answer) {
		a.Missing = len(a.Body) - len(a.Body)/2
		a.Body = a.Body[:len(a.Body)/2]
	}
}

// Truncate sends half of the body as if it were the whole.
func Truncate() func(*Answer) {
	return func(a *Answer) { a.Body = a.Body[:len(a.Body)/2] }
}

// Huge sends valid JSON with n letters between head and tail.
func Huge(n int64, head, tail string) func(*Answer) {
	return func(a *Answer) {
		a.Stream = io.MultiReader(strings.NewReader(head), io.LimitReader(letters{}, n), strings.NewReader(tail))
	}
}

// Bomb sends n bytes of JSON, rounded up to whole MiB, compressed to about a
// thousandth.
func Bomb(n int64) func(*Answer) {
	return func(a *Answer) {
		// One MiB, over and over again: packed data may be put end to end.
		a.Body = bytes.Repeat(squeeze(bytes.Repeat([]byte{'a'}, 1<<20)), int((n+1<<20-1)>>20))
		a.Header.Set("Content-Encoding", "gzip")
	}
}

// Gzip compresses the body as a server does for clients that ask for it.
func Gzip() func(*Answer) {
	return func(a *Answer) {
		a.Body = squeeze(a.Body)
		a.Header.Set("Content-Encoding", "gzip")
	}
}

func squeeze(data []byte) []byte {
	var out bytes.Buffer
	zw := gzip.NewWriter(&out)
	_, _ = zw.Write(data) // cannot fail: a buffer takes every byte
	_ = zw.Close()
	return out.Bytes()
}

// Slow lets the answer take this long.
func Slow(d time.Duration) func(*Answer) { return func(a *Answer) { a.Delay = d } }

// Break ends the connection in place of an answer.
func Break() func(*Answer) { return func(a *Answer) { a.Break = true } }

// Set gives every field of this name another value, at any depth.
func Set(field string, value any) func(*Answer) {
	return rewrite(func(m map[string]any) {
		if _, ok := m[field]; ok {
			m[field] = value
		}
	})
}

// Drop leaves every field of this name out, at any depth.
func Drop(field string) func(*Answer) {
	return rewrite(func(m map[string]any) { delete(m, field) })
}

// Extra adds unknown fields to every object.
func Extra() func(*Answer) {
	return rewrite(func(m map[string]any) {
		m["Zusatz"] = map[string]any{"Id": "x", "Data": []any{nil, 1.5, "y"}}
		m["odata.metadata"] = nil
	})
}

// RetryAfter answers 429 and asks for a pause.
func RetryAfter(d time.Duration) func(*Answer) {
	return Status(http.StatusTooManyRequests, "Retry-After", strconv.Itoa(int(d/time.Second)))
}

// rewrite changes every object of a JSON body; what is not JSON stays.
func rewrite(change func(map[string]any)) func(*Answer) {
	return func(a *Answer) {
		dec := json.NewDecoder(bytes.NewReader(a.Body))
		dec.UseNumber()
		var v any
		if dec.Decode(&v) != nil {
			return
		}
		walk(v, change)
		if body, err := json.Marshal(v); err == nil {
			a.Body = body
		}
	}
}

func walk(v any, change func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			walk(inner, change)
		}
		change(v)
	case []any:
		for _, inner := range v {
			walk(inner, change)
		}
	}
}

// letters is an endless text.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	const block = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	n := 0
	for n < len(p) {
		n += copy(p[n:], block)
	}
	return n, nil
}
