package document

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ledongthuc/pdf"
)

const (
	maxCodes  = 1 << 17 // of all fonts of a file
	emsPerOne = 1000    // widths are in thousandths of the size
)

// font is how the codes of a font are read and how wide they are.
type font struct {
	composite bool             // two octets for each code
	encoding  pdf.TextEncoding // nil: what the codes mean is not told
	widths    map[int]float64
	width     float64 // of all others
	measured  bool    // widths are known, not guessed
	slim      bool    // guess less
	scale     float64 // of the widths
}

// openFont reads a font, which may be none at all.
func (p *paper) openFont(f pdf.Font) *font {
	t := &font{composite: f.V.Key("Subtype").Name() == "Type0", widths: map[int]float64{}, scale: 1.0 / emsPerOne}
	words := f.V.Key("ToUnicode")
	if measure(words, maxFont) < maxFont {
		t.encoding = f.Encoder()
	}
	if t.composite {
		// Its codes are numbers of shapes. Where nothing says what those mean, or
		// what says it was not understood, the library hands on the numbers.
		identity := f.V.Key("Encoding").Name() == "Identity-H"
		if identity && words.Kind() != pdf.Stream || t.encoding != nil && !utf8.ValidString(t.encoding.Decode("\xff\xff")) {
			t.encoding = nil
		}
		if below := f.V.Key("DescendantFonts").Index(0); identity && below.Kind() == pdf.Dict {
			t.measured, t.width = true, emsPerOne
			if w := below.Key("DW"); !w.IsNull() {
				t.width = w.Float64()
			}
			p.readRanges(t, below.Key("W"))
		}
		return t
	}
	if m := f.V.Key("FontMatrix"); f.V.Key("Subtype").Name() == "Type3" && m.Len() > 0 {
		t.scale = m.Index(0).Float64()
	}
	widths := f.V.Key("Widths")
	t.measured, t.width = widths.Len() > 0, f.V.Key("FontDescriptor").Key("MissingWidth").Float64()
	if !t.measured && strings.HasPrefix(f.BaseFont(), "Courier") {
		t.measured, t.width = true, 0.6*emsPerOne
	}
	t.slim = strings.HasPrefix(f.BaseFont(), "Times")
	for i := range min(widths.Len(), 256) {
		t.widths[f.FirstChar()+i] = widths.Index(i).Float64()
	}
	return t
}

// readRanges reads the widths of a composite font (ISO 32000-1, 9.7.4.3).
func (p *paper) readRanges(t *font, list pdf.Value) {
	for i := 0; i+1 < list.Len(); {
		first := int(list.Index(i).Int64())
		if each := list.Index(i + 1); each.Kind() == pdf.Array {
			for j := range min(each.Len(), p.codes) {
				p.codes--
				t.widths[first+j] = each.Index(j).Float64()
			}
			i += 2
			continue
		}
		last, w := int(list.Index(i+1).Int64()), list.Index(i+2).Float64()
		for code := max(first, 0); code <= min(last, 0xffff) && p.codes > 0; code++ {
			p.codes--
			t.widths[code] = w
		}
		i += 3
	}
}

// read returns what a text says, and by how much it moves the pen, in sizes.
func (t *font) read(raw string) (text string, width float64) {
	switch {
	case t.encoding != nil:
		text = legible(t.encoding.Decode(raw))
	case !t.composite:
		text = legible(strings.ToValidUTF8(raw, "\uFFFD"))
	}
	if !t.measured {
		for _, r := range text {
			width += guess(r)
		}
		if t.slim {
			width *= 0.9
		}
		return text, width
	}
	step := 1
	if t.composite {
		step = 2
	}
	for ; len(raw) >= step; raw = raw[step:] {
		code := int(raw[0])
		if t.composite {
			code = code<<8 | int(raw[1])
		}
		w, ok := t.widths[code]
		if !ok {
			w = t.width
		}
		width += w * t.scale
	}
	return text, width
}

// spaces returns how many letters a text has, and how many of them are blanks
// that a page may make wider.
func (t *font) spaces(raw string) (letters, blanks int) {
	if t.composite {
		return len(raw) / 2, 0
	}
	return len(raw), strings.Count(raw, " ")
}

// guess is about how wide a letter is in most fonts, in sizes.
func guess(r rune) float64 {
	switch {
	case strings.ContainsRune("ijlI.,:;'|!", r):
		return 0.25
	case strings.ContainsRune(" ftr()[]/-", r):
		return 0.31
	case strings.ContainsRune("mMwW%@—", r):
		return 0.86
	case unicode.IsUpper(r):
		return 0.7
	}
	return 0.54
}

// legible drops what is no writing: control characters and those of private
// use, but for the dots before the lines of a list, and takes apart ligatures.
func legible(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case r == 0xf0b7:
			b.WriteRune('•')
		case 0xfb00 <= r && r <= 0xfb04:
			b.WriteString([]string{"ff", "fi", "fl", "ffi", "ffl"}[r-0xfb00])
		case r == 0xfeff, unicode.IsControl(r), unicode.Is(unicode.Co, r):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
