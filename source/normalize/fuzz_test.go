package normalize_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/text/unicode/norm"

	"syncd/source/school"
)

func FuzzText(f *testing.F) {
	for _, s := range []string{
		"", "Matte", "Rad\r\nett\u2028två\x00", "M\xffö", "&amp;amp;lt;b&amp;gt;", "&&#97;mp;lt;p>", "<p>Hej</p>", "a\u030a\u0301", "<anna@example.se>",
		"&lt;p&gt;<b", "Hej!På", "\u202ea\u2066", "مدرسة\u200f", "👩\u200d🏫", "<a href='https://x.se/?a=&lt;'>x</a>", "<pre>\n\n a</pre>", "&#0;&#xd800;&#x110000;",
		"<table><td>a<td>b", "<li>a<li><ul><li>b",
	} {
		f.Add(s)
	}
	n := normalizer(f)
	f.Fuzz(func(t *testing.T, s string) {
		e := event(s+"x", school.AllDay(school.NewDate(2026, 6, 3), school.NewDate(2026, 6, 3)))
		e.Place, e.Body, e.URL, e.Categories = s, s, s, []string{s}
		once := n.Snapshot(t.Context(), snapshot(e))
		if len(once.Calendar) == 0 {
			return
		}
		got := once.Calendar[0]
		for _, text := range append([]string{got.Title, got.Place, got.Body, got.URL}, got.Categories...) {
			if !utf8.ValidString(text) || !norm.NFC.IsNormalString(text) {
				t.Errorf("%+q is not valid and composed", text)
			}
			if strings.ContainsFunc(text, func(r rune) bool {
				return r != '\n' && unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r == 0x2028
			}) {
				t.Errorf("%+q has control characters", text)
			}
		}
		if strings.Contains(got.Title+got.Place, "\n") || utf8.RuneCountInString(got.Title) > 200 || len(got.Body) > 8192 {
			t.Errorf("limits are not kept: %d, %d, %d", len(got.Title), len(got.Place), len(got.Body))
		}
		twice := n.Snapshot(t.Context(), once).Calendar[0]
		if twice.Title != got.Title || twice.Place != got.Place || twice.Body != got.Body || twice.URL != got.URL || twice.UID != got.UID || !slices.Equal(twice.Categories, got.Categories) {
			t.Errorf("a second pass changes %+q to %+q", []string{got.Title, got.Place, got.Body, got.URL}, []string{twice.Title, twice.Place, twice.Body, twice.URL})
		}
	})
}

func FuzzHTML(f *testing.F) {
	for _, s := range []string{
		"", "<p>Hej</p>", "<script>x</script>", "<img src=x onerror=y>", "<svg><style><a id='</style><img src=1 onerror=x>'>", "<a href=javascript:x>a</a>",
		"<a href=' https&#58;//x.se '>a</a>", "<table><tr><td><table><a>", "<p><b><i><p></b></i>", "<form><math><mtext></form><form><mglyph><style></math><img src onerror=x>",
		"<noscript><p title='</noscript><img src=x onerror=x>'>", "<pre>\n\n<b> a", "<div data-sp-x>{}</div>", "<o:p>x</o:p>", "<!--><img>-->", "<strong> a </strong>", "<a><a><a>",
		"&lt;script&gt;x&lt;/script&gt;", "<p>a<span>\u030a", "<title><a></title>", "<frameset><p>", "<select><p>a</select>", "</p></br>", "0<A:A!>", "<h1><h2><ul><p><li>",
	} {
		f.Add(s)
	}
	n := normalizer(f)
	f.Fuzz(func(t *testing.T, s string) {
		l := school.NewsItem{Title: "x", HTML: s, Published: at(t, "2025-11-14 15:20"), URL: "https://skola.example/a/b"}
		once := n.Snapshot(t.Context(), school.Snapshot{News: []school.NewsItem{l}}).News[0]
		if err := harmless(once.HTML); err != nil {
			t.Errorf("%q: %v", once.HTML, err)
		}
		twice := n.Snapshot(t.Context(), school.Snapshot{News: []school.NewsItem{once}}).News[0]
		if twice.HTML != once.HTML || twice.Summary != once.Summary {
			t.Errorf("a second pass changes %q\nto %q", once.HTML+" | "+once.Summary, twice.HTML+" | "+twice.Summary)
		}
	})
}

// harmless reads s with a tokenizer of its own and looks at every tag.
func harmless(s string) error {
	if strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
		return fmt.Errorf("control character")
	}
	allowed := strings.Fields("p div br hr h1 h2 h3 h4 h5 h6 ul ol li dl dt dd b strong i em u s sub sup blockquote pre code table caption thead tbody tfoot tr td th a")
	z := html.NewTokenizer(strings.NewReader(s))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return nil
		case html.CommentToken, html.DoctypeToken:
			return fmt.Errorf("comment or doctype")
		case html.TextToken, html.EndTagToken:
			continue
		case html.StartTagToken, html.SelfClosingTagToken:
		}
		tok := z.Token()
		if !slices.Contains(allowed, tok.Data) {
			return fmt.Errorf("element %s", tok.Data)
		}
		for _, a := range tok.Attr {
			switch {
			case tok.Data == "a" && a.Key == "href":
				scheme, _, _ := strings.Cut(a.Val, ":")
				if !slices.Contains([]string{"https", "http", "mailto", "tel"}, scheme) {
					return fmt.Errorf("address %q", a.Val)
				}
			case tok.Data == "a" && a.Key == "rel" && a.Val == "noreferrer":
			case (tok.Data == "td" || tok.Data == "th") && (a.Key == "colspan" || a.Key == "rowspan"):
			default:
				return fmt.Errorf("attribute %s of %s", a.Key, tok.Data)
			}
		}
	}
}

func FuzzUID(f *testing.F) {
	f.Add("c1", "e1", "c", "1e1")
	f.Add("", "", "", "x")
	f.Add("/..", "%00", "/", "..%00")
	n := normalizer(f)
	f.Fuzz(func(t *testing.T, child1, ref1, child2, ref2 string) {
		uid := func(child, ref string) school.UID {
			s := snapshot(event("Möte", school.AllDay(school.NewDate(2026, 6, 3), school.NewDate(2026, 6, 3))))
			s.Child.Ref, s.Calendar[0].Ref = school.Ref(child), school.Ref(ref)
			return n.Snapshot(t.Context(), s).Calendar[0].UID
		}
		a, b := uid(child1, ref1), uid(child2, ref2)
		if !uidForm.MatchString(string(a)) {
			t.Errorf("UID = %q", a)
		}
		if same := child1 == child2 && ref1 == ref2; same != (a == b) {
			t.Errorf("(%q, %q) and (%q, %q): %s and %s", child1, ref1, child2, ref2, a, b)
		}
	})
}
