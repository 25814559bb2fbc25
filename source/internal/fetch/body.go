package fetch

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"syncd/source"
)

const (
	// Text and pictures stay far below this ratio; a bomb is near 1000.
	bombRatio = 200
	bombFloor = 1 << 20 // bytes that may come out before the ratio counts
)

// read reads an answer's body to its end, decompressed, and stops as soon as
// it is known to be too large: what is held in memory stays below limit.
func read(resp *http.Response, limit int64) ([]byte, error) {
	in := &counter{r: resp.Body}
	var out io.Reader = in
	switch enc := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); enc {
	case "", "identity":
		if resp.ContentLength > limit {
			return nil, errTooLarge
		}
	case "gzip", "x-gzip":
		zr, err := gzip.NewReader(in)
		if errors.Is(err, io.EOF) && in.n == 0 {
			return []byte{}, nil // an empty body, declared as gzip
		}
		if err != nil {
			return nil, unpacked(err)
		}
		out = zr
	default:
		return nil, fmt.Errorf("%w: unknown content encoding", source.ErrNotUnderstood)
	}
	var buf bytes.Buffer
	chunk := make([]byte, 32<<10)
	for {
		n, err := out.Read(chunk)
		if int64(buf.Len()+n) > limit {
			return nil, errTooLarge
		}
		buf.Write(chunk[:n])
		if out != io.Reader(in) && buf.Len() > bombFloor && int64(buf.Len()) > in.n*bombRatio {
			return nil, fmt.Errorf("%w: answer is a compression bomb", source.ErrNotUnderstood)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, unpacked(err)
		}
	}
	if resp.ContentLength > in.n && !resp.Uncompressed && resp.Request != nil && resp.Request.Method != http.MethodHead {
		return nil, errCutOff
	}
	return append([]byte{}, buf.Bytes()...), nil
}

var (
	errTooLarge = fmt.Errorf("%w: answer is too large", source.ErrNotUnderstood)
	errCutOff   = fmt.Errorf("%w: answer was cut off", source.ErrNotUnderstood)
)

// unpacked names trouble with a body; errors of the connection pass through.
func unpacked(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errCutOff
	}
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return fmt.Errorf("%w: answer cannot be decompressed", source.ErrNotUnderstood)
	}
	return err
}

// counter counts the bytes that came over the wire.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
