package document_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"syncd/source/internal/document"
)

// onePage returns a PDF of a page with a program, and of objects, the first of
// which has the number 5 and is the page's font.
func onePage(program string, objects ...string) []byte {
	all := append([]string{
		catalog, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>", stream(program),
	}, objects...)
	return paper(all...)
}

// A letter as Chrome prints it to a file: the axis points down, letters are
// numbers of shapes, and every other word begins at a place of its own. The
// octets of its font are blank.
func TestPrintedLetter(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/letter.pdf")
	if err != nil {
		t.Fatal(err)
	}
	want := `Veckobrev för klass 3B

Hej alla vårdnadshavare! På måndag åker vi till Skansen. Barnen ska ha med sig matsäck, regnkläder
och en vattenflaska, och vi samlas på skolgården klockan åtta.

Glöm inte att anmäla frånvaro i god tid om någon är sjuk. Ring eller skriv före klockan halv åtta, så vet
vi vilka som kommer.

Schema nästa vecka

Dag Vad Ta med

Måndag Utflykt till Skansen Matsäck

Onsdag Idrott Ombyte och handduk

Fredag Läsläxa Bok

Att tänka på

Märk alla kläder med namn.
Cykelhjälm är ett krav för den som cyklar.

Vänliga hälsningar
Anna Exempel`
	if got := document.TextOfPDF(data); got != want {
		t.Errorf("got %s", got)
	}
}

const (
	shapes = "<< /Type /Font /Subtype /Type0 /BaseFont /ABCDEF+Arial /Encoding /Identity-H /DescendantFonts [<< /Subtype /CIDFontType2 >>] %s >>"
	latinW = "<< /Type /Font /Subtype /TrueType /Encoding /WinAnsiEncoding /FirstChar 32 /LastChar 255 /Widths [%s] >>"
)

// words is a table of what shapes mean.
func words(s string) string {
	return packed([]byte("1 begincodespacerange <0000> <ffff> endcodespacerange\n" + s))
}

func TestTextOfPages(t *testing.T) {
	t.Parallel()
	wide := fmt.Sprintf(latinW, strings.Repeat("500 ", 224))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"shapes without meaning":  {onePage("BT /F1 12 Tf 72 700 Td <002B0048004D> Tj ET", fmt.Sprintf(shapes, "")), ""},
		"an empty table":          {onePage("BT /F1 12 Tf 72 700 Td <002B0048004D> Tj ET", fmt.Sprintf(shapes, "/ToUnicode 6 0 R"), words("")), ""},
		"a table of nothing":      {onePage("BT /F1 12 Tf 72 700 Td <002B0048004D> Tj ET", fmt.Sprintf(shapes, "/ToUnicode 6 0 R"), words("1 beginbfrange <0000> <ffff> [] endbfrange 1 beginbfchar <002b> <0000> <0048> <e048> endbfchar")), ""},
		"a table of one letter":   {onePage("BT /F1 12 Tf 72 700 Td <002B0048004D0048> Tj ET", fmt.Sprintf(shapes, "/ToUnicode 6 0 R"), words("1 beginbfchar <002b> <0048> endbfchar")), ""},
		"a table without one":     {onePage("BT /F1 12 Tf 72 700 Td <002B0048004D> Tj ET", fmt.Sprintf(shapes, "/ToUnicode 6 0 R"), words("2 beginbfchar <002b> <0048> <0048> <0065> endbfchar")), "He\uFFFD"},
		"shapes beside words":     {onePage("BT /F1 12 Tf 72 700 Td <002B0048> Tj /F2 12 Tf 0 -14 Td (Hej) Tj ET", fmt.Sprintf(shapes, "")), "Hej"},
		"shapes with meaning":     {onePage("BT /F1 12 Tf 72 700 Td <002B0048004D000300B6> Tj ET", fmt.Sprintf(shapes, "/ToUnicode 6 0 R"), words("1 beginbfrange <0024> <005d> <0041> endbfrange 2 beginbfchar <0003> <00a0> <00b6> <00f6> endbfchar")), "Hej ö"},
		"ligatures and dots":      {onePage("BT /F1 12 Tf 72 700 Td <000100020003> Tj ET", fmt.Sprintf(shapes, "/ToUnicode 6 0 R"), words("3 beginbfchar <0001> <f0b7> <0002> <fb01> <0003> <0066006C> endbfchar")), "•fifl"},
		"axis down in the page":   {onePage("1 0 0 -1 0 842 cm BT /F1 12 Tf 1 0 0 -1 72 100 Tm (ett) Tj 1 0 0 -1 72 114 Tm (tv\\345) Tj 1 0 0 -1 72 142 Tm (tre) Tj ET", latin), "ett\ntvå\n\ntre"},
		"axis down in the text":   {onePage("BT /F1 12 Tf 1 0 0 -1 72 100 Tm (ett) Tj 0 14 Td (tv\\345) Tj 0 28 Td (tre) Tj ET", latin), "ett\ntvå\n\ntre"},
		"axis down, small units":  {onePage("q .24 0 0 -.24 0 792 cm q 3.125 0 0 3.125 0 0 cm BT /F1 16 Tf 1 0 0 -1 8 50 Tm (ett) Tj ET BT /F1 16 Tf 1 0 0 -1 8 69 Tm (tv\\345) Tj ET Q BT /F1 50 Tf 1 0 0 -1 8 350 Tm (tre) Tj ET Q", latin), "ett\ntvå\n\ntre"},
		"sideways":                {onePage("BT /F1 12 Tf 0 1 -1 0 100 72 Tm (ett) Tj 0 -14 Td (tv\\345) Tj 0 -28 Td (tre) Tj ET", latin), "ett\ntvå\n\ntre"},
		"one and a half lines":    {onePage("BT /F1 12 Tf 22 TL 72 700 Td (ett) Tj T* (tv\\345) Tj T* (tre) Tj 0 -40 Td (fyra) Tj ET", latin), "ett\ntvå\ntre\n\nfyra"},
		"paragraphs of Word":      {onePage("BT /F1 11 Tf 72 700 Td (ett) Tj 0 -14.5 Td (tv\\345) Tj 0 -22.5 Td (tre) Tj 0 -14.5 Td (fyra) Tj ET", latin), "ett\ntvå\n\ntre\nfyra"},
		"a raised letter":         {onePage("BT /F1 12 Tf 72 700 Td (10 m) Tj /F1 7 Tf 4 Ts (2) Tj 0 Ts /F1 12 Tf ( stort) Tj ET", latin), "10 m2 stort"},
		"a heading":               {onePage("BT /F1 24 Tf 72 700 Td (Brev) Tj /F1 12 Tf 0 -20 Td (Hej) Tj ET", latin), "Brev\n\nHej"},
		"letter by letter":        {onePage("BT /F1 12 Tf 72 700 Td (M) Tj 6 0 Td (\\345) Tj 6 0 Td (n) Tj 6 0 Td (d) Tj 6 0 Td (a) Tj 6 0 Td (g) Tj 9 0 Td (8) Tj ET", wide), "Måndag 8"},
		"letter by letter, guess": {onePage("BT /F1 12 Tf 72 700 Td (M) Tj 9.996 0 Td (\\345) Tj 6.672 0 Td (n) Tj 6.672 0 Td (d) Tj 6.672 0 Td (a) Tj 6.672 0 Td (g) Tj 10 0 Td (8) Tj ET", latin), "Måndag 8"},
		"letter by letter, Tm":    {onePage("BT /F1 1 Tf 12 0 0 12 72 700 Tm (H) Tj 12 0 0 12 78 700 Tm (e) Tj 12 0 0 12 84 700 Tm (j) Tj 12 0 0 12 93 700 Tm (du) Tj ET", wide), "Hej du"},
		"letter by letter, shape": {onePage("BT /F1 10 Tf 72 700 Td <0001> Tj 9 0 Td <0002> Tj 3 0 Td <0001> Tj ET", "<< /Subtype /Type0 /Encoding /Identity-H /ToUnicode 6 0 R /DescendantFonts [<< /DW 900 /W [2 [300] 7 9 100] >>] >>", words("2 beginbfchar <0001> <006d> <0002> <0069> endbfchar")), "mim"},
		"letter by letter, Times": {onePage("BT /F1 12 Tf 72 700 Td (n) Tj 6 0 Td (a) Tj 5.328 0 Td (r) Tj 3.996 0 Td (e) Tj 8.328 0 Td (v) Tj 6 0 Td (i) Tj ET", "<< /Subtype /Type1 /BaseFont /Times-Roman >>"), "nare vi"},
		"spread":                  {onePage("BT /F1 12 Tf 6 Tc 72 700 Td (H) Tj 12 0 Td (e) Tj 12 0 Td (j) Tj ET", wide), "Hej"},
		"in one list":             {onePage("BT /F1 12 Tf 72 700 Td [(H) 20 (e) -20 (j) -300 (d) 10 (u)] TJ ET", latin), "Hej du"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := document.TextOfPDF(c.data); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// FuzzPages reads pages of any program and fonts of any table of letters, in
// files that are sound: what the library makes of files that are not is another
// process's affair. For the same reason large numbers are left out, and a text
// of digits is closed at the end: the library looks for its end for ever.
func FuzzPages(f *testing.F) {
	f.Add("BT /F1 12 Tf 72 700 Td (Hej) Tj ET", "")
	f.Add("q 1 0 0 -1 0 842 cm BT /F1 12 Tf 1 0 0 -1 72 100 Tm <002B0048> Tj 0 -14 Td [(x) -300 <0048>] TJ T* ET Q", "1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfrange <0024> <005d> <0041> endbfrange")
	f.Add("BT /F1 12 Tf 2 Ts 50 Tz (a) ' 1 2 (b) \" /F2 1 Tf (c) Tj ET", "1 beginbfchar <78> <4e00> endbfchar")
	large := regexp.MustCompile(`[0-9]{5}`)
	f.Fuzz(func(t *testing.T, program, table string) {
		if len(table) > 4096 || large.MatchString(table) {
			t.Skip()
		}
		for _, font := range []string{"<< /Type /Font /Subtype /TrueType /ToUnicode 6 0 R >>", fmt.Sprintf(shapes, "/ToUnicode 6 0 R")} {
			got := document.TextOfPDF(onePage(program+"\n>", font, packed([]byte(table+"\n>"))))
			if len(got) > 64<<10 || !utf8.ValidString(got) || strings.Contains(got, "\n\n\n") {
				t.Errorf("%d octets of text: %.80q", len(got), got)
			}
		}
	})
}
