package normalize_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source/normalize"
	"syncd/source/school"
)

func letter(tb testing.TB, l school.NewsItem) school.NewsItem {
	tb.Helper()
	if l.Title == "" {
		l.Title = "Brev"
	}
	if l.Published.IsZero() {
		l.Published = at(tb, "2025-11-14 15:20")
	}
	got := normalizer(tb).Snapshot(tb.Context(), school.Snapshot{News: []school.NewsItem{l}})
	if len(got.News) != 1 {
		tb.Fatalf("the letter was skipped")
	}
	return got.News[0]
}

func TestHTML(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"empty":          {"", ""},
		"nothing in it":  {"<div><p>&#160;</p><p>\u200b</p><br><br></div>", ""},
		"plain text":     {"Hej!\r\n\r\nPå <fredag> & sen", "<p>Hej!</p><p>På &lt;fredag&gt; &amp; sen</p>"},
		"encoded twice":  {"&lt;p&gt;Hej&lt;/p&gt;", "<p>Hej</p>"},
		"loose words":    {"Hej <b>du</b><p>Nu</p>sen", "<p>Hej <b>du</b></p><p>Nu</p><p>sen</p>"},
		"canvas":         {`<div><div data-sp-canvascontrol="" data-sp-canvasdataversion="1.0" data-sp-controldata="&#123;&quot;controlType&quot;&#58;4&#125;"><div data-sp-rte=""><p>Hej!</p><p>På fredag åker vi till skogen.</p></div></div></div>`, "<p>Hej!</p><p>På fredag åker vi till skogen.</p>"},
		"web part":       {`<div data-sp-webpart=""><div data-sp-componentid="">c4bd7b2f-7b6e</div><div data-sp-htmlproperties=""><img data-sp-prop-name="x" src="/a.png"></div></div><div data-sp-webpartdata="">{"controlType":3}</div><p>A</p>`, "<p>A</p>"},
		"spans":          {`<p><span><span style="color:red">Hej</span></span><span> på</span></p>`, "<p>Hej på</p>"},
		"table":          {`<div class="canvasRteResponsiveTable"><table border=1><colgroup><col></colgroup><tbody><tr onclick=x><th colspan="2">Dag</th></tr><tr><td>Fredag</td><td style="x">9&#58;00</td></tr><tr><td></td><td>x</td></tr></tbody></table></div>`, `<table><tbody><tr><th colspan="2">Dag</th></tr><tr><td>Fredag</td><td>9:00</td></tr><tr><td></td><td>x</td></tr></tbody></table>`},
		"link":           {`<a href="https&#58;//example.invalid/karta ">Karta</a>` + "\u200b", `<p><a href="https://example.invalid/karta" rel="noreferrer">Karta</a></p>`},
		"relative links": {`<p><a href="../b.pdf" target=_blank title=x>B</a> <a href="/c">C</a> <a href="#d">D</a></p>`, `<p><a href="https://skola.example/b.pdf" rel="noreferrer">B</a> <a href="https://skola.example/c" rel="noreferrer">C</a> <a href="https://skola.example/a/n#d" rel="noreferrer">D</a></p>`},
		"bad links":      {`<p><a href="javascript:alert(1)">A</a> <a href="data:text/html,x">B</a> <a href="  vbscript:x">C</a> <a>D</a> <a href="java&#10;script:x">E</a><a href="https://x.se"></a></p>`, "<p>A B C D E</p>"},
		"mail and phone": {`<p><a href="mailto:a@b.se">Anna</a> <a href="tel:+468123">ring</a></p>`, `<p><a href="mailto:a@b.se" rel="noreferrer">Anna</a> <a href="tel:+468123" rel="noreferrer">ring</a></p>`},
		"emphasis":       {"<p><strong>OBS </strong>kom<em> i tid</em>!<b> </b><i></i></p>", "<p><strong>OBS</strong> kom <em>i tid</em>!</p>"},
		"breaks":         {"<p><br>A<br><br><br><br>B<br></p>", "<p>A<br/><br/>B</p>"},
		"blocks":         {"<div><div><div>A</div></div>B<h2>C</h2></div>", "<div>A</div><p>B</p><h2>C</h2>"},
		"word":           {`<p class="MsoNormal">A<o:p>&nbsp;</o:p></p><!--[if gte mso 9]><xml>x</xml><![endif]-->`, "<p>A</p>"},
		"pictures":       {`<p>A<img src="https://stranger.example/p.gif" width=1 height=1><img src="/b.png" alt="B"></p>`, "<p>A</p>"},
		"active":         {`<p onclick="x()">A</p><script>alert(1)</script><style>p{}</style><svg><a xlink:href="javascript:x"><text>B</text></a></svg><iframe src="https://x"></iframe><form action="/x"><input value="C"><button>D</button>E</form><object data=x>F</object><math><mtext>G</mtext></math>`, "<p>A</p><div>E</div>"},
		"mutation":       {`<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`, "<p>&#34;&gt;</p>"},
		"template":       {`<p>A</p><template><script>x</script></template><noscript><p title="</noscript><img src=x onerror=y>">`, "<p>A</p><p>&#34;&gt;</p>"},
		"pre":            {"<pre>a\n  b\n</pre>", "<pre>a\n  b\n</pre>"},
		"address":        {"<p>Anna <anna@example.se></p>", "<p>Anna &lt;anna@example.se&gt;</p>"},
		"list":           {"<ul>\n<li>A</li>\n<li><p>B</p></li><li> </li></ul>", "<ul><li>A</li><li><p>B</p></li></ul>"},
		"composed":       {"<p>a<span>\u030a</span></p>", "<p>å</p>"},
		"control":        {"<p>A\x00\x01B\u2028C\u202eD\ufffe</p>", "<p>AB CD</p>"},
	} {
		got := letter(t, school.NewsItem{HTML: tc.in, URL: "https://skola.example/a/n"}).HTML
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestHugeHTML(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"long":     strings.Repeat("<p>Ett stycke & mer.</p>", paragraphs),
		"deep":     strings.Repeat("<div><b>", 5000) + "Botten",
		"pasted":   `<p>A</p><img src="data:image/png;base64,` + strings.Repeat("QUJD", 100_000) + `"><p>B</p>`,
		"nested":   strings.Repeat("<a href=x><table><tr><td>", 300) + "x",
		"amps":     "<p>" + strings.Repeat("&amp;", 50_000) + "lt;</p>",
		"brackets": strings.Repeat("<", 100_000),
	} {
		got := letter(t, school.NewsItem{HTML: in})
		if len(got.HTML) > 512<<10 {
			t.Errorf("%s: %d bytes of HTML", name, len(got.HTML))
		}
		if again := letter(t, got); again.HTML != got.HTML {
			t.Errorf("%s: a second pass changes the HTML", name)
		}
	}
	if got := letter(t, school.NewsItem{HTML: strings.Repeat("<div>", 5000) + "Botten"}); !strings.Contains(got.HTML, "Botten") {
		t.Error("text that is nested deeply was lost")
	}
}

func TestLetters(t *testing.T) {
	t.Parallel()
	published, modified := at(t, "2025-11-14 15:20"), at(t, "2025-11-14 15:42")
	got := letter(t, school.NewsItem{
		Ref: "n", Title: " Friluftsdag \u200b", Author: "Lärare\u00a0Påhittad", Source: "<i>Exempelskolan</i>",
		Summary: "Hej!På fredag åker vi till skogen.Ta med 3,5 dl,Mössa. Se www.skola.Se/a.B och a.B@x.se kl.9.30...",
		HTML:    "<p>Hej!</p>", Published: published.UTC(), Modified: modified.UTC(),
		Images: []school.Media{{Name: `..\..\Bild "1".JPEG`, Type: "IMAGE/jpeg; charset=x", Alt: " a\nb"}, {Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\n")}},
		Files:  []school.Media{{Name: "Vecko/brev: v%2e47?.pdf", Type: "application/pdf"}, {Name: "...", Type: "?"}, {Name: strings.Repeat("långt", 100) + ".pdf"}},
	})
	if want := "Hej! På fredag åker vi till skogen. Ta med 3,5 dl, Mössa. Se www.skola.Se/a.B och a.B@x.se kl.9.30..."; got.Summary != want {
		t.Errorf("Summary = %q, want %q", got.Summary, want)
	}
	if !got.Published.Equal(published) || !got.Modified.Equal(modified) || got.Published.Location().String() != school.Zone {
		t.Errorf("times = %v, %v", got.Published, got.Modified)
	}
	if got.Title != "Friluftsdag" || got.Author != "Lärare Påhittad" || got.Source != "Exempelskolan" {
		t.Errorf("texts = %q, %q, %q", got.Title, got.Author, got.Source)
	}
	var names []string
	for _, m := range append(got.Images, got.Files...) {
		names = append(names, m.Name+" "+m.Type)
	}
	want := []string{
		"Bild -1.JPEG image/jpeg", "image.png image/png", "brev- v-2e47.pdf application/pdf", "file application/octet-stream",
		strings.Repeat("långt", 17) + "lång.pdf application/octet-stream",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("media (-want +got):\n%s", diff)
	}
	if got.Images[0].Alt != "a b" || len(got.Images[1].Data) != 8 {
		t.Errorf("alt = %q, data = %v", got.Images[0].Alt, got.Images[1].Data)
	}
}

func TestSummaryFromBody(t *testing.T) {
	t.Parallel()
	got := letter(t, school.NewsItem{HTML: "<h2>Rubrik</h2><p>" + strings.Repeat("Ett ord till. ", 50) + "</p>"})
	if n := len([]rune(got.Summary)); n > 200 || n < 180 || !strings.HasPrefix(got.Summary, "Rubrik Ett ord") || !strings.HasSuffix(got.Summary, "…") {
		t.Errorf("Summary = %q (%d)", got.Summary, n)
	}
}

func TestLetterTimes(t *testing.T) {
	t.Parallel()
	n := normalizer(t)
	early, late := at(t, "2025-11-14 15:20"), at(t, "2025-11-15 15:20")
	in := school.Snapshot{
		News: []school.NewsItem{
			{Ref: "old", Title: "A", Published: early, Modified: early.Add(-time.Hour)},
			{Ref: "new", Title: "B", Modified: late},
			{Ref: "none", Title: "C"},
			{Ref: "never", Title: "D", Published: time.Unix(-1e10, 0)},
		},
		Notices:   []school.Notice{{Ref: "1", Text: "Nytt omdöme", Sent: early}, {Ref: "2", Title: "Utan tid"}, {Ref: "3", Sent: late}},
		Unchanged: []school.Ref{"x", "new", "x"},
		Covered:   []school.Coverage{{Part: school.PartNews}, {Part: school.PartNotices}},
	}
	got := n.Snapshot(t.Context(), in)
	if len(got.News) != 2 || got.News[0].Ref != "new" || got.News[1].Ref != "old" {
		t.Fatalf("%d letters, want the new one, then the old one", len(got.News))
	}
	if !got.News[0].Published.Equal(late) || !got.News[1].Modified.Equal(early) {
		t.Errorf("a missing date is not the other one: %v, %v", got.News[0].Published, got.News[1].Modified)
	}
	if len(got.Notices) != 1 || got.Notices[0].Title != "Nytt omdöme" {
		t.Errorf("notices = %d, want the one that is whole", len(got.Notices))
	}
	if diff := cmp.Diff(map[school.Part]int{school.PartNews: 2, school.PartNotices: 2}, got.Skipped); diff != "" {
		t.Errorf("Skipped (-want +got):\n%s", diff)
	}
	if len(got.Covered) != 0 {
		t.Errorf("Covered = %v, want nothing", got.Covered)
	}
	if len(got.Unchanged) != 1 || got.Unchanged[0] != "x" {
		t.Errorf("%d unchanged, want the one that was not read", len(got.Unchanged))
	}
}

// The text of PDFs is read by whom the program names, for the context in which
// the letter was read.
func TestPDFIsReadBySomebodyElse(t *testing.T) {
	t.Parallel()
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "ours")
	var got []string
	n, err := normalize.New(normalize.Config{Key: make([]byte, normalize.KeySize), PDF: func(ctx context.Context, data []byte) string {
		got = append(got, fmt.Sprint(ctx.Value(key{}), " ", string(data)))
		return "Ta med\u00a0 matsäck\u202e"
	}})
	if err != nil {
		t.Fatal(err)
	}
	in := school.Snapshot{News: []school.NewsItem{{Title: "Brev", Published: at(t, "2025-11-14 15:20"), Files: []school.Media{
		{Name: "a.txt", Type: "text/plain", Data: []byte("%PDF-1.4\n")}, {Name: "b.pdf", Type: "application/pdf", Data: []byte("Hej")}, {Name: "c.pdf", Type: "application/pdf"},
	}}}}
	files := n.Snapshot(ctx, in).News[0].Files
	if files[0].Text != "Ta med matsäck" || files[0].Type != "application/pdf" || files[1].Text+files[2].Text != "" {
		t.Errorf("files = %+v", files)
	}
	if len(got) != 1 || got[0] != "ours %PDF-1.4\n" {
		t.Errorf("read were %q", got)
	}
	if files := letter(t, in.News[0]).Files; files[0].Text != "" || string(files[0].Data) != "%PDF-1.4\n" {
		t.Errorf("without anybody to read it: %+v", files[0])
	}
}

func TestMediaAreWhatTheyAre(t *testing.T) {
	t.Parallel()
	var word bytes.Buffer
	z := zip.NewWriter(&word)
	w, err := z.Create("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(w, "<d><p><t>Ta med\u00a0 matsäck\u202e</t></p></d>")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	const docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	got := letter(t, school.NewsItem{
		Title: "Brev",
		Images: []school.Media{
			{Name: "a.png", Type: "image/png", Data: []byte("\xff\xd8\xff\xfe\x00\x06plats\xff\xd9")},
			{Name: "b.png", Type: "image/png", Data: []byte("<script>alert(1)</script>")},
			{Name: "c.png", Type: "image/png"},
		},
		Files: []school.Media{
			{Name: "d.pdf", Type: "application/pdf", Data: word.Bytes()},
			{Name: "e.txt", Type: "text/plain", Data: []byte("<html>")},
			{Name: "f.odt", Type: "application/vnd.oasis.opendocument.text", Data: []byte("PK\x03\x04")},
			{Name: "g.svg", Type: "image/svg+xml", Data: []byte("<svg onload='alert(1)'/>")},
		},
	})
	type seen struct {
		Name, Type, Text string
		Read             bool
	}
	var all []seen
	for _, m := range append(got.Images, got.Files...) {
		all = append(all, seen{m.Name, m.Type, m.Text, m.Data != nil})
	}
	want := []seen{
		{"a.png", "image/jpeg", "", true},
		{"b.png", "application/octet-stream", "", false},
		{"c.png", "image/png", "", false},
		{"d.pdf", docx, "Ta med matsäck", true},
		{"e.txt", "application/octet-stream", "", true},
		{"f.odt", "application/octet-stream", "", true},
		{"g.svg", "text/plain", "", true}, // never shown in place
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("media (-want +got):\n%s", diff)
	}
	if bytes.Contains(got.Images[0].Data, []byte("plats")) {
		t.Error("the picture says where it was taken")
	}
}
