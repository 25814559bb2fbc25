package document

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

// textOfDOCX reads the text of a document of Word (ECMA-376 part 1, 17):
// paragraphs, and tables with a line for each row.
func textOfDOCX(data []byte) string {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return ""
	}
	for i, f := range z.File {
		if i >= maxFiles {
			return ""
		}
		if f.Name != "word/document.xml" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return ""
		}
		defer r.Close()
		// The size that an archive claims is not believed.
		return textOfWord(io.LimitReader(r, maxContent))
	}
	return ""
}

// textOfWord keeps what was read before an error.
func textOfWord(r io.Reader) string {
	d := xml.NewDecoder(r)
	d.Strict = false
	var b strings.Builder
	w := word{b: &b}
	for b.Len() < 2*maxText {
		token, err := d.RawToken()
		if err != nil {
			break
		}
		switch t := token.(type) {
		case xml.StartElement:
			w.start(t.Name.Local)
		case xml.EndElement:
			w.end(t.Name.Local)
		case xml.CharData:
			if w.text && !w.gone {
				b.Write(t)
			}
		}
	}
	return b.String()
}

// word is where in a document of Word the reader stands.
type word struct {
	b     *strings.Builder
	text  bool // in w:t
	gone  bool // in something that was deleted, or is there twice
	cells int  // cells of the row that were begun; 0 outside of rows
}

func (w *word) start(name string) {
	switch name {
	case "t":
		w.text = true
	case "tab":
		w.b.WriteByte(' ')
	case "br", "cr":
		w.b.WriteByte('\n')
	case "del", "Fallback":
		w.gone = true
	case "tr":
		w.cells = 1
	case "tc":
		if w.cells > 1 {
			w.b.WriteString(" | ")
		}
		w.cells++
	}
}

func (w *word) end(name string) {
	switch name {
	case "t":
		w.text = false
	case "del", "Fallback":
		w.gone = false
	case "p":
		if w.cells > 0 {
			w.b.WriteByte(' ')
			return
		}
		w.b.WriteString("\n\n")
	case "tr":
		w.cells = 0
		w.b.WriteByte('\n')
	case "tbl":
		w.b.WriteByte('\n')
	}
}
