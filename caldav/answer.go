package caldav

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// An XML answer below minGzip goes out as it is; one above flushAt is sent in
// pieces of about that size, so that memory stays flat.
const (
	minGzip = 1 << 10
	flushAt = 64 << 10
)

// pools keep what answers are made with between requests.
type pools struct {
	buffers sync.Pool // of *[]byte
	writers sync.Pool // of *gzip.Writer
}

func newPools() *pools {
	return &pools{
		buffers: sync.Pool{New: func() any { b := make([]byte, 0, flushAt+8<<10); return &b }},
		writers: sync.Pool{New: func() any {
			// BestSpeed is a valid level, the only thing that can be wrong.
			z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
			return z
		}},
	}
}

// answer is a multistatus answer under way: writers append to b and call more now and
// then; close sends the rest. A client that went away is noticed in err.
type answer struct {
	w      http.ResponseWriter
	pools  *pools
	packed bool // the client takes gzip
	b      []byte
	buf    *[]byte
	zip    *gzip.Writer
	sent   bool
	err    error
}

// answer begins a multistatus answer. Headers of the caller's own must be set before
// the first call of more.
func (h *handler) answer(w http.ResponseWriter, r *http.Request) *answer {
	buf, ok := h.pools.buffers.Get().(*[]byte)
	if !ok {
		buf = new([]byte)
	}
	return &answer{
		w: w, pools: h.pools, buf: buf, b: (*buf)[:0],
		packed: acceptsGzip(r.Header.Values("Accept-Encoding")),
	}
}

// more sends what has come together if it is much.
func (a *answer) more() {
	if len(a.b) >= flushAt {
		a.flush(false)
	}
}

// close sends the rest and gives the buffers back. The answer must not be used
// afterwards.
func (a *answer) close() {
	a.flush(true)
	if a.zip != nil {
		if err := a.zip.Close(); a.err == nil {
			a.err = err
		}
		a.zip.Reset(nil)
		a.pools.writers.Put(a.zip)
	}
	if cap(a.b) <= 4*flushAt {
		*a.buf = a.b[:0]
		a.pools.buffers.Put(a.buf)
	}
}

func (a *answer) flush(last bool) {
	if !a.sent {
		a.header(last)
		a.sent = true
	}
	if a.err == nil {
		if a.zip != nil {
			_, a.err = a.zip.Write(a.b)
		} else {
			_, a.err = a.w.Write(a.b)
		}
	}
	a.b = a.b[:0]
}

func (a *answer) header(last bool) {
	hd := a.w.Header()
	hd.Set("Content-Type", "application/xml; charset=utf-8")
	hd.Add("Vary", "Accept-Encoding")
	if a.packed && len(a.b) >= minGzip {
		a.zip, _ = a.pools.writers.Get().(*gzip.Writer)
	}
	switch {
	case a.zip != nil:
		a.zip.Reset(a.w)
		hd.Set("Content-Encoding", "gzip")
	case last:
		hd.Set("Content-Length", strconv.Itoa(len(a.b)))
	}
	a.w.WriteHeader(http.StatusMultiStatus)
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3).
func acceptsGzip(values []string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			coding, params, _ := strings.Cut(part, ";")
			coding = strings.TrimSpace(coding)
			if !strings.EqualFold(coding, "gzip") && coding != "*" {
				continue
			}
			q, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			if !found {
				return true
			}
			f, err := strconv.ParseFloat(q, 64)
			return err == nil && f > 0
		}
	}
	return false
}
