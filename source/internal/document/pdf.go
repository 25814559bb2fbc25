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

// textOfPDF reads the text of a PDF (ISO 32000) in the order in which it is
// painted, which for letters is the order in which it is read. What has no
// text, because it was scanned, has none here.
func textOfPDF(data []byte) (text string) {
	if !bytes.HasPrefix(data, []byte("%PDF-")) {
		return ""
	}
	p := &paper{left: maxContent}
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
	defer func() {
		_ = recover() // the next page may be better
	}()
	contents := page.V.Key("Contents")
	p.left -= measure(contents, p.left)
	if p.left <= 0 {
		return
	}
	fonts := map[string]pdf.TextEncoding{}
	for _, name := range page.Fonts() {
		font := page.Font(name)
		if measure(font.V.Key("ToUnicode"), maxFont) < maxFont {
			fonts[name] = font.Encoder()
		}
	}
	t := &typist{b: &p.b, fonts: fonts}
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

// typist writes down what a page paints: a line wherever the painting goes to
// another height.
type typist struct {
	b       *strings.Builder
	fonts   map[string]pdf.TextEncoding
	enc     pdf.TextEncoding
	leading float64
	lineY   float64 // where the current line began
	penY    float64 // where the last text was painted
	begun   bool
	moved   bool // sideways since then
}

// do carries out one operator (ISO 32000-1, annex A).
func (t *typist) do(stack *pdf.Stack, op string) {
	args := make([]pdf.Value, stack.Len())
	for i := len(args) - 1; i >= 0; i-- {
		args[i] = stack.Pop()
	}
	number := func(i int) float64 {
		if i >= len(args) {
			return 0
		}
		return args[i].Float64()
	}
	switch op {
	case "Tf":
		if len(args) > 0 {
			t.enc = t.fonts[args[0].Name()]
		}
	case "TL":
		t.leading = number(0)
	case "BT":
		t.lineY, t.moved = 0, true
	case "Tm":
		t.lineY, t.moved = number(5), true
	case "Td", "TD":
		if op == "TD" {
			t.leading = -number(1)
		}
		t.lineY += number(1)
		t.moved = t.moved || number(0) != 0
	case "T*":
		t.lineY -= t.leading
	case "'", "\"":
		t.lineY -= t.leading
		t.show(args)
	case "Tj":
		t.show(args)
	case "TJ":
		t.spaced(args)
	}
}

// show writes the last argument.
func (t *typist) show(args []pdf.Value) {
	if len(args) > 0 {
		t.write(args[len(args)-1].RawString())
	}
}

// gap is how far apart letters are, in thousandths of their size, when a
// blank was meant.
const gap = 180

// spaced writes an array of texts and distances.
func (t *typist) spaced(args []pdf.Value) {
	if len(args) == 0 {
		return
	}
	list := args[0]
	for i := range list.Len() {
		switch v := list.Index(i); v.Kind() {
		case pdf.String:
			t.write(v.RawString())
		case pdf.Integer, pdf.Real:
			if v.Float64() < -gap {
				t.b.WriteByte(' ')
			}
		default: // nothing else stands there
		}
	}
}

func (t *typist) write(raw string) {
	s := raw
	if t.enc != nil {
		s = t.enc.Decode(raw)
	}
	if s == "" || t.b.Len() > 2*maxText {
		return
	}
	switch down := t.penY - t.lineY; {
	case !t.begun:
	case down > 1.8*max(t.leading, 12) || down < -1:
		t.b.WriteString("\n\n")
	case down > 1:
		t.b.WriteByte('\n')
	case t.moved:
		t.b.WriteByte(' ')
	}
	t.begun, t.moved, t.penY = true, false, t.lineY
	t.b.WriteString(strings.ToValidUTF8(s, "\uFFFD"))
}
