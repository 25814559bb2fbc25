package document

import (
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/ledongthuc/pdf"
)

// Bounds of a page.
const (
	maxLines   = 1 << 13
	maxStates  = 256     // that are kept to come back to
	maxPainted = 1 << 15 // octets of one text
)

// matrix is a, b, c, d, e and f of ISO 32000-1, 8.3.3.
type matrix [6]float64

func unit() matrix { return matrix{1, 0, 0, 1, 0, 0} }

// under returns what m does, and then n.
func (m matrix) under(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

func (m matrix) moved(x, y float64) matrix { return matrix{1, 0, 0, 1, x, y}.under(m) }

// state is what stands until it is changed, or until an earlier one comes back
// (8.4 and 9.3).
type state struct {
	page    matrix
	font    *font
	size    float64
	letter  float64 // more room behind each letter
	blank   float64 // more room behind each blank
	wide    float64 // how far letters are stretched; 1 is not
	leading float64
	rise    float64
}

// typist writes down what the program of a page paints.
type typist struct {
	state
	open  func(name string) *font
	kept  []state
	text  matrix // where the pen is
	line  matrix // where the line began
	sheet sheet
}

func newTypist(open func(name string) *font) *typist {
	return &typist{state: state{page: unit(), wide: 1}, open: open, text: unit(), line: unit()}
}

// do carries out one operator (annex A).
func (t *typist) do(stack *pdf.Stack, op string) {
	args := make([]pdf.Value, stack.Len())
	for i := len(args) - 1; i >= 0; i-- {
		args[i] = stack.Pop()
	}
	if t.sheet.full() {
		return
	}
	var n matrix
	for i := range min(len(n), len(args)) {
		n[i] = args[i].Float64()
	}
	switch op {
	case "q":
		if len(t.kept) < maxStates {
			t.kept = append(t.kept, t.state)
		}
	case "Q":
		if last := len(t.kept) - 1; last >= 0 {
			t.state, t.kept = t.kept[last], t.kept[:last]
		}
	case "cm":
		t.page = n.under(t.page)
	case "Tc":
		t.letter = n[0]
	case "Tw":
		t.blank = n[0]
	case "Tz":
		t.wide = n[0] / 100
	case "TL":
		t.leading = n[0]
	case "Ts":
		t.rise = n[0]
	case "Tf":
		if len(args) > 1 {
			t.font, t.size = t.open(args[0].Name()), n[1]
		}
	case "BT":
		t.put(unit())
	case "Tm":
		t.put(n)
	case "Td":
		t.put(t.line.moved(n[0], n[1]))
	case "TD":
		t.leading = -n[1]
		t.put(t.line.moved(n[0], n[1]))
	default:
		t.show(op, n, args)
	}
}

// put puts the pen where a line begins.
func (t *typist) put(m matrix) { t.text, t.line = m, m }

// show carries out the operators that paint text.
func (t *typist) show(op string, n matrix, args []pdf.Value) {
	switch op {
	case "T*", "'", "\"":
		t.put(t.line.moved(0, -t.leading))
	case "Tj", "TJ":
	default:
		return
	}
	if op == "\"" {
		t.blank, t.letter = n[0], n[1]
	}
	if len(args) == 0 || op == "T*" {
		return
	}
	v := args[len(args)-1]
	t.paint(v.RawString()) // empty, if it is a list
	for i := range v.Len() {
		if t.sheet.full() {
			return
		}
		one := v.Index(i)
		t.paint(one.RawString())
		t.text = t.text.moved(-one.Float64()/emsPerOne*t.size*t.wide, 0)
	}
}

// paint writes text where the pen is, and moves it on.
func (t *typist) paint(raw string) {
	if raw == "" {
		return
	}
	if t.font == nil {
		t.font = t.open("")
	}
	raw = raw[:min(len(raw), maxPainted)]
	text, width := t.font.read(raw)
	letters, blanks := t.font.spaces(raw)
	width = (width*t.size + t.letter*float64(letters) + t.blank*float64(blanks)) * t.wide
	from := t.text.moved(0, t.rise).under(t.page)
	t.text = t.text.moved(width, 0)
	if text != "" {
		t.sheet.add(text, from, t.text.moved(0, t.rise).under(t.page), t.size)
	}
}

// sheet is the text of a page, line by line as it was painted.
type sheet struct {
	lines []line
	size  int // octets
}

// line is a line of text. Lengths are those of the page.
type line struct {
	b          strings.Builder
	x, y       float64 // where it begins
	endX, endY float64 // where the pen was after its last letter
	dx, dy     float64 // the direction of writing, of length 1
	height     float64 // of its largest letters
	letters    int     // that are not blank
	unknown    int     // of these, those whose meaning is not known
}

func (s *sheet) full() bool { return s.size > 2*maxText || len(s.lines) > maxLines }

// add puts text that was painted from one place to another behind the last
// line, if it continues that, or begins a line.
func (s *sheet) add(text string, from, to matrix, size float64) {
	const gap = 0.18 // between letters, in sizes, when a blank was meant
	s.size += len(text)
	n := line{x: from[4], y: from[5], dx: 1, height: math.Abs(size) * math.Hypot(from[2], from[3])}
	if d := math.Hypot(from[0], from[1]); d > 0 {
		n.dx, n.dy = from[0]/d, from[1]/d
	}
	if len(s.lines) == 0 || !s.lines[len(s.lines)-1].goesOn(&n) {
		s.lines = append(s.lines, n)
	}
	l := &s.lines[len(s.lines)-1]
	ahead := (n.x-l.endX)*l.dx + (n.y-l.endY)*l.dy
	if l.b.Len() > 0 && (ahead > gap*n.height || ahead < -n.height) {
		l.b.WriteByte(' ')
	}
	l.b.WriteString(text)
	l.endX, l.endY, l.height = to[4], to[5], max(l.height, n.height)
	for _, r := range text {
		if r != ' ' {
			l.letters++
		}
		if r == unicode.ReplacementChar {
			l.unknown++
		}
	}
}

// parallel says whether both are written in one direction.
func (l *line) parallel(n *line) bool { return l.dx*n.dx+l.dy*n.dy > 0.98 }

// step is how far away the beginning of another line is, across the direction
// of writing. Up or down is all the same: pages stand on their heads.
func (l *line) step(n *line) float64 { return math.Abs((n.y-l.y)*l.dx - (n.x-l.x)*l.dy) }

// goesOn says whether n stands on the same line, be it raised a little.
func (l *line) goesOn(n *line) bool {
	return l.parallel(n) && l.step(n) < 0.45*max(l.height, n.height)
}

// alike says whether both lines may be of one paragraph.
func (l *line) alike(n *line) bool {
	return l.parallel(n) && max(l.height, n.height) < 1.15*min(l.height, n.height)
}

// spacing is how far the lines of a page's paragraphs are apart, in sizes.
func (s *sheet) spacing() float64 {
	var steps []float64
	for i := 1; i < len(s.lines); i++ {
		l, n := &s.lines[i-1], &s.lines[i]
		if step := l.step(n) / l.height; l.alike(n) && step > 0.7 && step < 1.95 {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		return 1.2
	}
	slices.Sort(steps)
	return min(max(steps[len(steps)/4], 1), 1.5)
}

// write writes paragraphs. Lines of which less than half is understood are
// left out.
func (s *sheet) write(b *strings.Builder) {
	const more = 1.3 // than usual, and a paragraph has ended
	spacing := s.spacing()
	for i := range s.lines {
		l := &s.lines[i]
		if i > 0 {
			b.WriteByte('\n')
			if last := &s.lines[i-1]; !last.alike(l) || last.step(l) > more*spacing*l.height {
				b.WriteByte('\n')
			}
		}
		if 2*l.unknown < max(l.letters, 1) {
			b.WriteString(l.b.String())
		}
	}
}
