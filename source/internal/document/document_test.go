package document_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"syncd/source/internal/document"
)

// archive returns a zip of names and contents.
func archive(tb testing.TB, files ...string) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

const wordBody = `<?xml version="1.0" encoding="UTF-8"?>
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>
<w:p><w:r><w:t>Hej alla </w:t></w:r><w:r><w:t>föräldrar &amp; barn!</w:t></w:r></w:p>
<w:p><w:r><w:t>Rad ett</w:t><w:br/><w:t>rad</w:t><w:tab/><w:t>två</w:t></w:r><w:del><w:r><w:delText>borta</w:delText><w:t>borta</w:t></w:r></w:del></w:p>
<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Måndag</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Idrott</w:t></w:r></w:p></w:tc></w:tr>
<w:tr><w:tc><w:p><w:r><w:t>Tisdag</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Utflykt</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
<w:p><w:r><w:t>Slut</w:t></w:r></w:p></w:body></w:document>`

const wordText = "Hej alla föräldrar & barn!\n\nRad ett\nrad två\n\nMåndag | Idrott\nTisdag | Utflykt\n\nSlut"

// paper returns a PDF of objects, the first of which is the catalog.
func paper(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, a := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

func stream(content string) string {
	return fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content)
}

func packed(content []byte) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write(content)
	_ = z.Close()
	return fmt.Sprintf("<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream", b.Len(), b.String())
}

const (
	catalog = "<< /Type /Catalog /Pages 2 0 R >>"
	latin   = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
	page    = "<< /Type /Page /Parent 2 0 R /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>"
)

func letterPDF() []byte {
	one := "BT /F1 12 Tf 14 TL 1 0 0 1 72 700 Tm (Hej alla f\\366r\\344ldrar!) Tj T* [(Ta med mats\\344ck) -300 (p\\345 ) 20 (tors) 10 (dag.)] TJ ET\n" +
		"BT /F1 12 Tf 1 0 0 1 72 600 Tm (V\\344nligen) Tj 60 0 Td (Anna) Tj ET"
	return paper(catalog, "<< /Type /Pages /Kids [5 0 R 6 0 R] /Count 2 >>", latin,
		packed([]byte(one)), fmt.Sprintf(page, 4), fmt.Sprintf(page, 7), stream("BT /F1 12 Tf 72 700 Td (Sida 2) ' ET"))
}

const letterText = "Hej alla föräldrar!\nTa med matsäck på torsdag.\n\nVänligen Anna\n\nSida 2"

// text reads a document of either type.
func text(kind string, data []byte) string {
	if kind == "application/pdf" {
		return document.TextOfPDF(data)
	}
	return document.Text(kind, data)
}

func TestText(t *testing.T) {
	t.Parallel()
	docx := archive(t, "[Content_Types].xml", "<x/>", "word/document.xml", wordBody)
	for name, c := range map[string]struct {
		data       []byte
		kind, text string
	}{
		"word":       {docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", wordText},
		"pdf":        {letterPDF(), "application/pdf", letterText},
		"words":      {[]byte("Hej"), "text/plain", ""},
		"calendar":   {[]byte("BEGIN:VCALENDAR\r\n"), "text/calendar", ""},
		"page":       {[]byte("<html><script>alert(1)</script>"), "application/octet-stream", ""},
		"drawing":    {[]byte(`<?xml version="1.0"?><svg onload="alert(1)"/>`), "application/octet-stream", ""},
		"nothing":    {nil, "text/plain", ""},
		"sheet":      {archive(t, "xl/workbook.xml", "x"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ""},
		"slides":     {archive(t, "ppt/presentation.xml", "x"), "application/vnd.openxmlformats-officedocument.presentationml.presentation", ""},
		"archive":    {archive(t, "a.txt", "x"), "application/zip", ""},
		"old word":   {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"), "application/msword", ""},
		"rich text":  {[]byte(`{\rtf1 hej}`), "application/rtf", ""},
		"iPhone":     {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"), "image/heic", ""},
		"film":       {[]byte("\x00\x00\x00\x18ftypqt  \x00\x00\x00\x00"), "video/mp4", ""},
		"broken zip": {append([]byte("PK\x03\x04"), make([]byte, 40)...), "application/octet-stream", ""},
	} {
		if got := document.Type(c.data); got != c.kind {
			t.Errorf("%s: Type = %q, want %q", name, got, c.kind)
		}
		if got := text(c.kind, c.data); got != c.text {
			t.Errorf("%s: Text = %q, want %q", name, got, c.text)
		}
	}
}

// Everything here ends, with what could be read. What ends the process that
// reads it is in the tests of the command, which reads in another.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	zeros := bytes.Repeat([]byte(" "), 16<<20)
	many := "<< /Type /Pages /Count 1000000 /Kids [" + strings.Repeat("5 0 R ", 100_000) + "] >>"
	bomb := "BT /F1 12 Tf " + strings.Repeat("(x) Tj ", 10)
	docx := func(body []byte) []byte { return archive(t, "word/document.xml", string(body)) }
	for name, c := range map[string]struct {
		kind string
		data []byte
		min  int // octets of text that are found all the same
	}{
		"docx: 16 MB of blanks":   {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", docx(append([]byte("<d><t>hej"), zeros...)), 3},
		"docx: a million depths":  {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", docx(bytes.Repeat([]byte("<p>"), 1<<20)), 0},
		"docx: entities":          {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", docx([]byte(`<!DOCTYPE x [<!ENTITY a "aa">]><p><t>hej &a;</t></p>`)), 0},
		"docx: cut short":         {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", docx([]byte(wordBody[:500])), 10},
		"pdf: a million pages":    {"application/pdf", paper(catalog, many, latin, stream(bomb+"ET"), fmt.Sprintf(page, 4)), 100},
		"pdf: 16 MB on a page":    {"application/pdf", paper(catalog, "<< /Type /Pages /Kids [5 0 R] /Count 1 >>", latin, packed(zeros), fmt.Sprintf(page, 4)), 0},
		"pdf: pages of pages":     {"application/pdf", paper(catalog, "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9 >>"), 0},
		"pdf: contents of itself": {"application/pdf", paper(catalog, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Page /Contents [3 0 R 4 0 R] >>", "[4 0 R 4 0 R]"), 0},
		"pdf: length of itself":   {"application/pdf", paper(catalog, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Page /Contents 4 0 R >>", "<< /Length 4 0 R >>\nstream\nBT ET\nendstream"), 0},
		"pdf: cut short":          {"application/pdf", letterPDF()[:400], 0},
		"pdf: nothing":            {"application/pdf", []byte("%PDF-1.7\n%%EOF"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := text(c.kind, c.data)
			if len(got) < c.min || len(got) > 64<<10 {
				t.Errorf("%d octets of text, want at least %d: %.80q", len(got), c.min, got)
			}
		})
	}
}

func TestLongTextIsCutAtALine(t *testing.T) {
	t.Parallel()
	body := "<d>" + strings.Repeat("<p><t>"+strings.Repeat("ord ", 25)+"</t></p>", 2000) + "</d>"
	got := document.Text("application/vnd.openxmlformats-officedocument.wordprocessingml.document", archive(t, "word/document.xml", body))
	if len(got) > 64<<10 || len(got) < 60<<10 || !strings.HasSuffix(got, "ord") {
		t.Errorf("%d octets that end in %q", len(got), got[len(got)-20:])
	}
}

// exif is TIFF data with an orientation and a position.
func exif(orientation byte) string {
	return "MM\x00*\x00\x00\x00\x08" +
		"\x00\x03" +
		"\x01\x0f\x00\x02\x00\x00\x00\x04ACME" +
		"\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(orientation) + "\x00\x00" +
		"\x88\x25\x00\x04\x00\x00\x00\x01\x00\x00\x00\x32" +
		"\x00\x00\x00\x00" +
		"\x00\x01\x00\x02\x00\x05\x00\x00\x00\x03\x00\x00\x00\x44" + "\x00\x00\x00\x00" +
		"LATITUDE LATITUDE LATITU"
}

func photo(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for i := range 40 {
		m.Set(i, i%30, color.RGBA{R: uint8(6 * i), A: 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func segment(mark byte, payload string) string {
	n := len(payload) + 2
	return string([]byte{0xff, mark, byte(n >> 8), byte(n)}) + payload
}

func TestStripJPEG(t *testing.T) {
	t.Parallel()
	plain := photo(t)
	secrets := segment(0xe1, "Exif\x00\x00"+exif(6)) + segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>LATITUDE</x:xmpmeta>") +
		segment(0xed, "Photoshop 3.0\x00LATITUDE") + segment(0xfe, "LATITUDE") + segment(0xe2, "MPF\x00LATITUDE")
	profile := segment(0xe2, "ICC_PROFILE\x00\x01\x01färger")
	tagged := append([]byte(string(plain[:2])+secrets+profile), plain[2:]...)
	tagged = append(tagged, "LATITUDE of the film behind the picture"...)
	got := document.Strip("image/jpeg", tagged)
	if bytes.Contains(got, []byte("LATITU")) || bytes.Contains(got, []byte("ACME")) {
		t.Error("the picture still says where it was taken")
	}
	if !bytes.Contains(got, []byte("färger")) {
		t.Error("the colour profile is gone")
	}
	if !bytes.Contains(got, []byte("\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06")) {
		t.Error("the picture does not say any more how it is to be turned")
	}
	want, err := jpeg.Decode(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(got))
	if err != nil || m.Bounds() != want.Bounds() || m.At(7, 7) != want.At(7, 7) {
		t.Errorf("the picture changed: %v", err)
	}
	if again := document.Strip("image/jpeg", got); !bytes.Equal(again, got) {
		t.Error("a second pass changed it")
	}
	if same := document.Strip("image/jpeg", plain); !bytes.Equal(same, plain) {
		t.Error("a picture without anything to hide changed")
	}
}

func TestStripOtherPictures(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	chunk := func(name, data string) string {
		return string([]byte{0, 0, 0, byte(len(data))}) + name + data + "CRC!"
	}
	tagged := b.String()[:33] + chunk("eXIf", exif(1)) + chunk("tEXt", "Comment\x00LATITUDE") + b.String()[33:]
	if got := document.Strip("image/png", []byte(tagged)); !bytes.Equal(got, b.Bytes()) {
		t.Errorf("PNG: %d octets, want the %d of the picture", len(got), b.Len())
	}

	riff := func(chunks string) string {
		return "RIFF" + string([]byte{byte(len(chunks) + 4), 0, 0, 0}) + "WEBP" + chunks
	}
	webp := riff("VP8X\x0a\x00\x00\x00\x1c\x00\x00\x00\x03\x00\x00\x03\x00\x00" + "VP8L\x03\x00\x00\x00abc\x00" + "EXIF\x08\x00\x00\x00LATITUDE")
	want := riff("VP8X\x0a\x00\x00\x00\x10\x00\x00\x00\x03\x00\x00\x03\x00\x00" + "VP8L\x03\x00\x00\x00abc\x00")
	if got := string(document.Strip("image/webp", []byte(webp))); got != want {
		t.Errorf("WebP: %q, want %q", got, want)
	}

	heic := "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00 picture Exif\x00\x00" + exif(6) + " more <x:xmpmeta>LATITUDE</x:xmpmeta> picture"
	got := string(document.Strip("image/heic", []byte(heic)))
	if len(got) != len(heic) || strings.Contains(got, "LATITU") {
		t.Errorf("HEIC: %q", got)
	}
	if !strings.Contains(got, "\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06") || !strings.HasPrefix(got, heic[:30]) {
		t.Errorf("HEIC: more than the position is gone: %q", got)
	}
}

func FuzzDocuments(f *testing.F) {
	f.Add(letterPDF())
	f.Add(archive(f, "word/document.xml", wordBody))
	f.Add([]byte("\xff\xd8" + segment(0xe1, "Exif\x00\x00"+exif(6)) + "\xff\xda\x00\x02data\xff\xd9"))
	f.Add([]byte("RIFF\x10\x00\x00\x00WEBPEXIF\x03\x00\x00\x00abc\x00"))
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x00IEND1234"))
	f.Add([]byte("\x00\x00\x00\x18ftypheicExif\x00\x00" + exif(3)))
	f.Add([]byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00" + little(exif(3))))
	f.Add([]byte(film()))
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00\x21\xff\x0bNETSCAPE2.0\x00\x21\xfe\x01a\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01a\x00;"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		kind := document.Type(data)
		if text := document.Text(kind, data); len(text) > 64<<10 {
			t.Errorf("%d octets of text", len(text))
		}
		for _, k := range []string{kind, "image/jpeg", "image/png", "image/gif", "image/webp", "image/heic", "video/mp4"} {
			once := document.Strip(k, data)
			if len(once) > len(data)+40 {
				t.Errorf("%s: %d octets became %d", k, len(data), len(once))
			}
			if again := document.Strip(k, once); !bytes.Equal(again, once) {
				t.Errorf("%s: a second pass changed %q to %q", k, once, again)
			}
		}
		if !bytes.Equal(before, data) {
			t.Error("the input was changed")
		}
	})
}
