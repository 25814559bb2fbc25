package document

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/ledongthuc/pdf"
)

// Bounds of what is read of a PDF.
const (
	maxPages = 100
	maxNodes = 1000     // of the tree of pages
	maxDepth = 20       // of that tree
	maxReads = 64 << 20 // octets that the library may ask for, again and again
	maxFont  = 1 << 20  // octets of a font's table of characters
)

// TextOfPDF reads the text of a PDF (ISO 32000) in the order in which it is
// painted, which for letters is the order in which it is read. What has no
// text, because it was scanned or because its fonts do not say what their
// shapes mean, has none here.
//
// The library below believes the numbers in the file. What is bounded here is
// what its interface lets be bounded; a file may still make it ask for more
// memory than there is, which ends the process, or go on for ever. So this is
// called in a process that nobody misses, with limits of its own.
func TextOfPDF(data []byte) string { return tidy(textOfPDF(data)) }

func textOfPDF(data []byte) (text string) {
	if !bytes.HasPrefix(data, []byte("%PDF-")) {
		return ""
	}
	p := &paper{left: maxContent, codes: maxCodes}
	// The library panics at what it does not understand; what was read before
	// is kept.
	defer func() {
		if recover() != nil {
			text = p.b.String()
		}
	}()
	source := &bounded{data: bytes.NewReader(data), left: maxReads}
	r, err := pdf.NewReader(source, int64(len(data)))
	if err != nil {
		return ""
	}
	p.walk(r.Trailer().Key("Root").Key("Pages"), 0)
	return p.b.String()
}

// bounded ends a document that has itself read over and over.
type bounded struct {
	data *bytes.Reader
	left int64
}

var errTooMuch = errors.New("document: read too much")

// ReadAt implements [io.ReaderAt].
func (b *bounded) ReadAt(p []byte, at int64) (int, error) {
	if b.left -= int64(len(p)) + 64; b.left < 0 {
		return 0, errTooMuch
	}
	return b.data.ReadAt(p, at)
}

// paper is a PDF that is being read.
type paper struct {
	b     strings.Builder
	pages int
	nodes int
	left  int64 // octets that pages may still unpack to
	codes int   // whose width fonts may still tell
}

// walk reads the pages below a node of the tree, in order.
func (p *paper) walk(node pdf.Value, depth int) {
	p.nodes++
	if depth > maxDepth || p.nodes > maxNodes || p.pages >= maxPages || p.b.Len() > maxText {
		return
	}
	if node.Key("Type").Name() == "Page" {
		p.pages++
		p.page(pdf.Page{V: node})
		p.b.WriteString("\n\n")
		return
	}
	kids := node.Key("Kids")
	for i := range min(kids.Len(), maxNodes) {
		p.walk(kids.Index(i), depth+1)
	}
}

// page reads one page, unless it unpacks to more than is left.
func (p *paper) page(page pdf.Page) {
	open := map[string]*font{}
	t := newTypist(func(name string) *font {
		if open[name] == nil {
			open[name] = p.openFont(page.Font(name))
		}
		return open[name]
	})
	defer func() {
		_ = recover() // the next page may be better
		t.sheet.write(&p.b)
	}()
	contents := page.V.Key("Contents")
	p.left -= measure(contents, p.left)
	if p.left <= 0 {
		return
	}
	pdf.Interpret(contents, t.do)
}

// measure returns how much a stream, or several in a row, unpack to, at most
// limit. A row within a row, which may be itself, is beyond every limit.
func measure(v pdf.Value, limit int64) int64 {
	if v.Kind() != pdf.Array {
		return measureStream(v, limit)
	}
	var sum int64
	for i := range min(v.Len(), maxNodes) {
		if one := v.Index(i); one.Kind() == pdf.Array {
			return limit
		} else if sum += measureStream(one, limit-sum); sum >= limit {
			break
		}
	}
	return sum
}

func measureStream(v pdf.Value, limit int64) int64 {
	if v.Kind() != pdf.Stream {
		return 0
	}
	r := v.Reader()
	defer r.Close()
	n, _ := io.Copy(io.Discard, io.LimitReader(r, limit))
	return n
}
