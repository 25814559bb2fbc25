package fetch_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"syncd/source"
	"syncd/source/internal/fetch"
)

func gz(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBodies(t *testing.T) {
	t.Parallel()
	text := []byte(strings.Repeat("Läxa till fredag. ", 500))
	packed := gz(t, text)
	damaged := bytes.Clone(packed)
	damaged[len(damaged)-6]++ // in the checksum
	broken := bytes.Clone(packed)
	for i := 12; i < 40; i++ {
		broken[i] = 0xff
	}
	const limit = 20000
	for _, tc := range []struct {
		name     string
		encoding string
		body     []byte
		length   int64 // 0: that of body
		want     []byte
		err      error
	}{
		{"plain", "", text, 0, text, nil},
		{"identity", "identity", text, 0, text, nil},
		{"empty", "", nil, 0, []byte{}, nil},
		{"gzip", "gzip", packed, 0, text, nil},
		{"x-gzip", "X-GZIP", packed, 0, text, nil},
		{"two members", "gzip", append(gz(t, []byte("a")), gz(t, []byte("b"))...), 0, []byte("ab"), nil},
		{"empty gzip", "gzip", nil, 0, []byte{}, nil},
		{"at the limit", "", bytes.Repeat([]byte("x"), limit), 0, bytes.Repeat([]byte("x"), limit), nil},
		{"unknown length", "", text, -1, text, nil},
		{"one too large", "", bytes.Repeat([]byte("x"), limit+1), 0, nil, source.ErrNotUnderstood},
		{"too large, length unknown", "", bytes.Repeat([]byte("x"), limit+1), -1, nil, source.ErrNotUnderstood},
		{"too large unpacked", "gzip", gz(t, bytes.Repeat([]byte("x"), limit+1)), 0, nil, source.ErrNotUnderstood},
		{"cut off", "", text, int64(len(text)) + 1, nil, source.ErrUnavailable},
		{"gzip cut off", "gzip", packed[:len(packed)-9], 0, nil, source.ErrUnavailable},
		{"gzip head cut off", "gzip", packed[:5], 0, nil, source.ErrUnavailable},
		{"not gzip", "gzip", text, 0, nil, source.ErrNotUnderstood},
		{"damaged gzip", "gzip", damaged, 0, nil, source.ErrNotUnderstood},
		{"broken gzip", "gzip", broken, 0, nil, source.ErrNotUnderstood},
		{"brotli", "br", text, 0, nil, source.ErrNotUnderstood},
		{"both", "gzip, gzip", packed, 0, nil, source.ErrNotUnderstood},
	} {
		s := newSetup(func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, http.Header{"Content-Encoding": {tc.encoding}}, string(tc.body))
			if tc.length != 0 {
				resp.ContentLength = tc.length
			}
			return resp, nil
		})
		s.o.MaxBody = limit
		resp, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/"})
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: Do() = %v, want %v", tc.name, err, tc.err)
			continue
		}
		if err == nil && (resp.Body == nil || !bytes.Equal(resp.Body, tc.want)) {
			t.Errorf("%s: %d bytes, want %d", tc.name, len(resp.Body), len(tc.want))
		}
	}
}

// counted counts what is taken from a body.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (*counted) Close() error { return nil }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestHugeAnswersAreNotRead(t *testing.T) {
	t.Parallel()
	bomb := bytes.Repeat(gz(t, make([]byte, 1<<20)), 100) // one member after the other
	for name, tc := range map[string]struct {
		encoding string
		body     io.Reader
		length   int64
		most     int64 // bytes that may be taken
	}{
		"announced":   {"", io.LimitReader(zeros{}, 100<<20), 100 << 20, 0},
		"unannounced": {"", zeros{}, -1, 17 << 20},
		"bomb":        {"gzip", bytes.NewReader(bomb), int64(len(bomb)), 64 << 10},
	} {
		body := &counted{r: tc.body}
		s := newSetup(func(r *http.Request) (*http.Response, error) {
			resp := answer(r, 200, http.Header{"Content-Encoding": {tc.encoding}}, "")
			resp.Body, resp.ContentLength = body, tc.length
			return resp, nil
		})
		_, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/"})
		if !errors.Is(err, source.ErrNotUnderstood) {
			t.Errorf("%s: Do() = %v, want ErrNotUnderstood", name, err)
		}
		if body.n > tc.most {
			t.Errorf("%s: %d bytes were taken, want at most %d", name, body.n, tc.most)
		}
	}
}
