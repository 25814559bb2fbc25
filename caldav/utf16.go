package caldav

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// plainText returns a body in UTF-8, and whether it came in UTF-16: with a byte
// order mark, or beginning with a "<" of two bytes (XML 1.0, appendix F.1).
func plainText(body io.Reader) (_ io.Reader, wide bool) {
	var head [2]byte
	n, err := io.ReadFull(body, head[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return &failing{err}, false
	}
	whole := io.MultiReader(bytes.NewReader(head[:n]), body)
	switch head {
	case [2]byte{0xFE, 0xFF}:
		return &wideReader{r: body, order: binary.BigEndian}, true
	case [2]byte{0xFF, 0xFE}:
		return &wideReader{r: body, order: binary.LittleEndian}, true
	case [2]byte{0, '<'}:
		return &wideReader{r: whole, order: binary.BigEndian}, true
	case [2]byte{'<', 0}:
		return &wideReader{r: whole, order: binary.LittleEndian}, true
	}
	return whole, false
}

// declaredWide passes a body on that was UTF-16, is UTF-8 by now, and says of
// itself what it was.
func declaredWide(label string, body io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf-16", "utf-16be", "utf-16le":
		return body, nil
	}
	return nil, errMalformed
}

// failing is a body that cannot be read.
type failing struct{ err error }

// Read implements io.Reader.
func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// wideReader turns UTF-16 into UTF-8 as it is read. Half a character is
// errMalformed.
type wideReader struct {
	r     io.Reader
	order binary.ByteOrder
	in    [1024]byte
	held  int    // bytes of in that wait for more
	out   []byte // not read yet
	err   error
}

// Read implements io.Reader.
func (w *wideReader) Read(p []byte) (int, error) {
	for len(w.out) == 0 {
		if w.err != nil {
			return 0, w.err
		}
		w.fill()
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// fill takes what comes next of the body.
func (w *wideReader) fill() {
	n, err := w.r.Read(w.in[w.held:])
	data := w.in[:w.held+n]
	w.out = w.out[:0]
	for len(data) >= 2 {
		r, size := rune(w.order.Uint16(data)), 2
		if utf16.IsSurrogate(r) {
			if len(data) < 4 && err == nil {
				break
			}
			if size = min(4, len(data)); size == 4 {
				r = utf16.DecodeRune(r, rune(w.order.Uint16(data[2:])))
			}
			if size < 4 || r == utf8.RuneError {
				w.err = errMalformed
				return
			}
		}
		w.out = utf8.AppendRune(w.out, r)
		data = data[size:]
	}
	w.held = copy(w.in[:], data)
	if w.err = err; errors.Is(err, io.EOF) && w.held > 0 {
		w.err = errMalformed
	}
}
