package feeds_test

import (
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strings"
	"testing"
	"time"

	"syncd/feeds"
	"syncd/source/school"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://x.example/å ä?q=å&r=\"<":                "https://x.example/%C3%A5%20%C3%A4?q=%C3%A5&r=%22%3C",
		" http://x.example ":                             "http://x.example",
		"https://u:p@x.example/":                         base + "/#n-1",
		"ftp://x.example/":                               base + "/#n-1",
		"mailto:a@x.example":                             base + "/#n-1",
		"/brev/1":                                        base + "/#n-1",
		"https://x.example/" + strings.Repeat("x", 3000): base + "/#n-1",
		"": base + "/#n-1",
	} {
		f := feed()
		f.Letters = f.Letters[:1]
		f.Letters[0].URL = in
		if got := checkAtom(t, render(t, f, "atom")).Entries[0].Links[0].Href; got != want {
			t.Errorf("address %.40q = %q, want %q", in, got, want)
		}
	}
}

func TestNamesOfFiles(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"brev.pdf": "brev.pdf", "../a/b\\c.pdf": "-a-b-c.pdf", ".htaccess": "htaccess", "..": "media", "": "media",
		"a\r\nb\u202e.pdf":                 "a b\u202e.pdf",
		strings.Repeat("å", 300) + ".docx": strings.Repeat("å", 63) + "…" + strings.Repeat("å", 11) + ".docx",
	} {
		f := feed()
		f.Letters = f.Letters[:1]
		f.Letters[0].Media[1].Name = in
		link := checkAtom(t, render(t, f, "atom")).Entries[0].Links[1]
		if link.Title != want || link.Href != base+"/m/"+fileID+"/"+url.PathEscape(want) {
			t.Errorf("file %.40q is %q at %s, want %q", in, link.Title, link.Href, want)
		}
	}
}

func injections() []string {
	return []string{
		"a\rb", "a\r\nb", "a\x00b", "a\x0b\x0cb", "a\u2028b\u2029c", "a\u0085b", "\ufeffa", "a\x1b[31mb\x7f",
		"</content></entry>", "]]>", "<![CDATA[x]]>", "&amp;&#0;&lt;script&gt;", "<script>alert(1)</script>", `"><x y="`, "a\tb",
		"👩‍👩‍👧‍👦", "\u202eabc", "\xff\xfe\xc3(", "\ufffe\uffff", "   ", "{{.}}", "javascript:alert(1)", "data:text/html,x", "//host/x", "/relative",
		"https://user:secret@x.example/", "https://x.example/\r\nX: y", "https://x.example/å ä?q=å\u2028", strings.Repeat("å", 10<<10), strings.Repeat("word ", 4000),
	}
}

// hostile returns a feed with s in every field of text.
func hostile(s string) *feeds.Feed {
	return &feeds.Feed{
		ID: feed().ID, Title: s, Subtitle: s, Author: s, Lang: "sv", Created: noon(),
		Letters: []school.Letter{{
			UID: "n-1", Kind: school.KindNews, ChildName: s, Title: s, Author: s, Source: s, Summary: s, HTML: s, URL: s,
			Published: noon(), Updated: noon(), FirstSeen: noon(),
			Media: []school.MediaRef{{ID: "m-1", Name: s, Type: s, Alt: s, Image: true}, {ID: "m-2", Name: s, Type: s, Alt: s, Length: -1}},
		}, {UID: "o-1", Kind: school.KindNotices, Summary: s}},
		Media: map[string]string{"m-1": mediaID, "m-2": fileID},
		Kinds: map[school.Kind]string{school.KindNews: s},
	}
}

func TestInjections(t *testing.T) {
	t.Parallel()
	for _, s := range injections() {
		f := checkAtom(t, render(t, hostile(s), "atom"))
		if len(f.Entries) != 2 {
			t.Errorf("text %.40q: %d entries", s, len(f.Entries))
		}
		for _, l := range f.Entries[0].Links {
			if !strings.HasPrefix(l.Href, "http://") && !strings.HasPrefix(l.Href, "https://") || l.Rel == "alternate" && strings.Contains(l.Href, "secret") {
				t.Errorf("text %.40q is an address: %q", s, l.Href)
			}
		}
		if text := f.Entries[1].Content.Text; strings.Contains(strings.ReplaceAll(strings.NewReplacer("<p>", "", "</p>", "", "<br>", "").Replace(text), " ", ""), "<") {
			t.Errorf("text %.40q of a notice is HTML: %.80q", s, text)
		}
		var r rssIn
		data := render(t, hostile(s), "rss")
		checkText(t, data)
		if err := xml.Unmarshal(data, &r); err != nil || len(r.Channel.Items) != 2 {
			t.Errorf("text %.40q: rss: %v, %d items", s, err, len(r.Channel.Items))
		}
		var j struct {
			Items []json.RawMessage `json:"items"`
		}
		data = render(t, hostile(s), "json")
		checkText(t, data)
		if err := json.Unmarshal(data, &j); err != nil || len(j.Items) != 2 {
			t.Errorf("text %.40q: json: %v, %d items", s, err, len(j.Items))
		}
	}
}

func FuzzFeed(f *testing.F) {
	for _, s := range injections() {
		f.Add(s[:min(len(s), 200)], int64(1780467600))
	}
	f.Fuzz(func(t *testing.T, s string, at int64) {
		feed := hostile(s)
		feed.Letters[0].Updated = time.Unix(at, 0)
		feed.Letters[0].FirstSeen = time.Unix(-at, 0)
		if got := checkAtom(t, render(t, feed, "atom")); len(got.Entries) != 2 {
			t.Errorf("%d entries", len(got.Entries))
		}
		var r rssIn
		if err := xml.Unmarshal(render(t, feed, "rss"), &r); err != nil || len(r.Channel.Items) != 2 {
			t.Errorf("rss: %v", err)
		}
		if !json.Valid(render(t, feed, "json")) {
			t.Error("not JSON")
		}
	})
}
