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

// read reads the body of an answer to a request by method to its end,
// decompressed, and stops as soon as it is known to be too large: no more than
// limit is ever taken into memory. It never returns nil for an empty body.
func read(resp *http.Response, method string, limit int64) ([]byte, error) {
	in := &counter{r: resp.Body}
	data := []byte{}
	var err error
	switch enc := strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Encoding"))); enc {
	case "", "identity":
		if resp.ContentLength > limit {
			return nil, ErrTooLarge
		}
		data, err = drain(in, limit, nil)
	case "gzip", "x-gzip":
		var zr *gzip.Reader
		zr, err = gzip.NewReader(in)
		if errors.Is(err, io.EOF) && in.n == 0 {
			err = nil // an empty body, declared as gzip
		} else if err == nil {
			data, err = drain(zr, limit, in)
		}
	default:
		return nil, fmt.Errorf("%w: unknown content encoding", source.ErrNotUnderstood)
	}
	if err != nil {
		return nil, unpacked(err)
	}
	if resp.ContentLength > in.n && !resp.Uncompressed && method != http.MethodHead {
		return nil, errCutOff
	}
	return data, nil
}

// drain reads out to its end. What is unpacked from packed, if that is not
// nil, may not be out of all proportion to it.
func drain(out io.Reader, limit int64, packed *counter) ([]byte, error) {
	var buf bytes.Buffer
	chunk := make([]byte, 32<<10)
	for {
		n, err := out.Read(chunk)
		if int64(buf.Len()+n) > limit {
			return nil, ErrTooLarge
		}
		buf.Write(chunk[:n])
		if packed != nil && buf.Len() > bombFloor && int64(buf.Len()) > packed.n*bombRatio {
			return nil, errBomb
		}
		if errors.Is(err, io.EOF) {
			return append([]byte{}, buf.Bytes()...), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// ErrTooLarge is an answer with more bytes than the client reads; it is
// [source.ErrNotUnderstood].
var ErrTooLarge = fmt.Errorf("%w: answer is too large", source.ErrNotUnderstood)

var (
	errCutOff = fmt.Errorf("%w: answer was cut off", source.ErrUnavailable) // by the network; the next try brings all of it
	errBomb   = fmt.Errorf("%w: answer is a compression bomb", source.ErrNotUnderstood)
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
