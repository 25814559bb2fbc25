package feeds_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds"
	"syncd/source/school"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// render returns a feed in a format.
func render(t *testing.T, f *feeds.Feed, format string) []byte {
	t.Helper()
	s := newStore()
	f.Slug = "1-all"
	s.feed = f
	w := serve(t, s, nil).ask(t, http.MethodGet, addresses()[format])
	if w.Code != http.StatusOK {
		t.Fatalf("%s = %d %s", format, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// The shape of an Atom feed as a reader sees it.
type atomIn struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang     string      `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
	ID       string      `xml:"id"`
	Title    string      `xml:"title"`
	Subtitle string      `xml:"subtitle"`
	Updated  string      `xml:"updated"`
	Author   string      `xml:"author>name"`
	Links    []linkIn    `xml:"http://www.w3.org/2005/Atom link"`
	Deny     restriction `xml:"http://www.bloglines.com/about/specs/fac-1.0 restriction"`
	Entries  []entryIn   `xml:"entry"`
}

type restriction struct {
	Relationship string `xml:"relationship,attr"`
}

type entryIn struct {
	ID         string       `xml:"id"`
	Title      string       `xml:"title"`
	Updated    string       `xml:"updated"`
	Published  string       `xml:"published"`
	Authors    []string     `xml:"author>name"`
	Links      []linkIn     `xml:"link"`
	Categories []categoryIn `xml:"category"`
	Summary    textIn       `xml:"summary"`
	Content    textIn       `xml:"content"`
}

type linkIn struct {
	Rel    string `xml:"rel,attr"`
	Type   string `xml:"type,attr"`
	Href   string `xml:"href,attr"`
	Title  string `xml:"title,attr"`
	Length string `xml:"length,attr"`
}

type categoryIn struct {
	Term   string `xml:"term,attr"`
	Scheme string `xml:"scheme,attr"`
	Label  string `xml:"label,attr"`
}

type textIn struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// checkAtom parses a feed and checks what a validator would.
func checkAtom(t *testing.T, data []byte) atomIn {
	t.Helper()
	checkText(t, data)
	var f atomIn
	if err := xml.Unmarshal(data, &f); err != nil {
		t.Fatalf("atom: %v\n%s", err, data)
	}
	absolute(t, "feed id", f.ID)
	instant(t, "feed updated", f.Updated)
	if f.Title == "" || f.Author == "" {
		t.Error("atom: feed without title or author")
	}
	rels := map[string]int{}
	for _, l := range f.Links {
		absolute(t, "feed link", l.Href)
		rels[l.Rel]++
	}
	if rels["self"] != 1 || rels["alternate"] != 1 {
		t.Errorf("atom: links %v", rels)
	}
	seen := map[string]bool{}
	for _, e := range f.Entries {
		absolute(t, "entry id", e.ID)
		if seen[e.ID] {
			t.Errorf("atom: id %s twice", e.ID)
		}
		seen[e.ID] = true
		if e.Title == "" {
			t.Errorf("atom: %s has no title", e.ID)
		}
		if updated := instant(t, "entry updated", e.Updated); updated.After(instant(t, "feed updated", f.Updated)) {
			t.Errorf("atom: %s is younger than the feed", e.ID)
		}
		if e.Published != "" {
			instant(t, "entry published", e.Published)
		}
		if e.Content.Type != "html" || utf8.RuneCountInString(e.Summary.Text) > 200 {
			t.Errorf("atom: %s: content %q, summary of %d characters", e.ID, e.Content.Type, utf8.RuneCountInString(e.Summary.Text))
		}
		alternates := 0
		for _, l := range e.Links {
			absolute(t, "entry link", l.Href)
			if l.Rel == "alternate" {
				alternates++
			}
		}
		if alternates != 1 {
			t.Errorf("atom: %s has %d alternates", e.ID, alternates)
		}
		for _, c := range e.Categories {
			if c.Term == "" || c.Scheme == "" {
				t.Errorf("atom: %s has a category %+v", e.ID, c)
			}
		}
	}
	return f
}

func checkText(t *testing.T, data []byte) {
	t.Helper()
	if !utf8.Valid(data) {
		t.Error("not valid UTF-8")
	}
	for _, r := range string(data) {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\uFFFE' || r == '\uFFFF' {
			t.Errorf("character %U in a feed", r)
			return
		}
	}
}

func absolute(t *testing.T, what, s string) {
	t.Helper()
	if u, err := url.Parse(s); err != nil || !u.IsAbs() {
		t.Errorf("%s %q is not absolute: %v", what, s, err)
	}
}

func instant(t *testing.T, what, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return at
}

func TestAtom(t *testing.T) {
	t.Parallel()
	data := render(t, feed(), "atom")
	golden(t, "letters.golden.atom", data)
	f := checkAtom(t, data)
	if f.Lang != "sv" || f.ID != feed().ID || f.Title != "Åsa – allt" || f.Deny.Relationship != "deny" || f.Updated != "2026-11-20T15:05:06Z" {
		t.Errorf("feed: %+v", f)
	}
	first := f.Entries[0]
	want := entryIn{
		ID: "tag:syncd.invalid,2026:news/n-1", Title: `Veckobrev v. 47 <&> "klass 5B"`,
		Updated: "2026-11-20T15:05:06Z", Published: "2026-11-20T14:05:06Z", Authors: []string{"Anna Lärare"},
		Links: []linkIn{
			{Rel: "alternate", Type: "text/html", Href: "https://skolplattformen.example/brev/1?a=1&b=2"},
			{Rel: "enclosure", Type: "application/pdf", Href: base + "/m/" + fileID + "/schema.pdf", Title: "schema.pdf", Length: "1234"},
		},
		Categories: []categoryIn{
			{"news", "urn:syncd:kind", "Nyheter"},
			{"Åsa", "urn:syncd:child", "Åsa"},
			{"Björkskolan", "urn:syncd:source", "Björkskolan"},
		},
		Summary: textIn{"text", "Den här veckan …"},
		Content: textIn{"html", letters()[0].HTML +
			`<p><img src="` + base + "/m/" + mediaID + `/fika%20p%C3%A5%20g%C3%A5rden.jpg" alt="Barn &#34;leker&#34;"></p>` +
			`<p><a href="` + base + "/m/" + fileID + `/schema.pdf">schema.pdf</a></p>`},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if got, want := f.Entries[1].Content.Text, "<p>Rad ett &amp; två<br>Rad &lt;tre&gt;</p>"; got != want {
		t.Errorf("notice = %q, want %q", got, want)
	}
	if got, want := f.Entries[1].Links[0].Href, base+"/#o-1"; got != want {
		t.Errorf("address of a notice without one = %q, want %q", got, want)
	}
	bare := f.Entries[2]
	if bare.ID != "tag:syncd.invalid,1970:news/n-0" || bare.Updated != "2026-08-17T06:00:00Z" || bare.Published != "" || bare.Title != "Åsa – allt" {
		t.Errorf("letter without anything: %+v", bare)
	}
	if strings.Contains(string(data), "secret.jpg") {
		t.Error("media of another link is shown")
	}
}

func TestPictureShownByTheTextIsNotRepeated(t *testing.T) {
	t.Parallel()
	f := feed()
	f.Letters = f.Letters[:1]
	f.Letters[0].HTML = `<p><img src="` + base + "/m/" + mediaID + `/x.jpg"></p>`
	got := checkAtom(t, render(t, f, "atom")).Entries[0].Content.Text
	if strings.Count(got, mediaID) != 1 {
		t.Errorf("content = %s", got)
	}
}

func TestFeedTimes(t *testing.T) {
	t.Parallel()
	f := &feeds.Feed{ID: "urn:uuid:1", Created: noon().Add(500 * time.Millisecond)}
	if got := checkAtom(t, render(t, f, "atom")); got.Updated != "2026-11-22T11:00:00Z" || got.Title != "1-all" || got.Author != "1-all" {
		t.Errorf("empty feed: %+v", got)
	}
	f = &feeds.Feed{ID: "urn:uuid:1", Created: noon(), Updated: noon().Add(time.Hour), Page: "https://other.example/p"}
	if got := checkAtom(t, render(t, f, "atom")); got.Updated != "2026-11-22T12:00:00Z" || got.Links[1].Href != "https://other.example/p" {
		t.Errorf("emptied feed: %+v", got)
	}
	// Dates that were misread do not reach a subscriber.
	f = feed()
	f.Letters = f.Letters[:1]
	f.Letters[0].Updated = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Letters[0].Published = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	e := checkAtom(t, render(t, f, "atom")).Entries[0]
	if e.Updated != "2026-11-20T14:15:06Z" || e.Published != "" {
		t.Errorf("misread dates: updated %s, published %s", e.Updated, e.Published)
	}
}

// The shape of an RSS feed as a reader sees it.
type rssIn struct {
	XMLName xml.Name   `xml:"rss"`
	Version string     `xml:"version,attr"`
	Channel rssChannel `xml:"channel"`
}

type rssChannel struct {
	Title       string    `xml:"title"`
	Links       []linkRSS `xml:"link"`
	Description string    `xml:"description"`
	Language    string    `xml:"language"`
	Built       string    `xml:"lastBuildDate"`
	Items       []rssItem `xml:"item"`
}

type linkRSS struct {
	XMLName xml.Name `xml:"link"`
	Href    string   `xml:"href,attr"`
	Rel     string   `xml:"rel,attr"`
	Text    string   `xml:",chardata"`
}

type rssItem struct {
	Title       string         `xml:"title"`
	Link        string         `xml:"link"`
	Description string         `xml:"description"`
	Content     string         `xml:"http://purl.org/rss/1.0/modules/content/ encoded"`
	Creator     string         `xml:"http://purl.org/dc/elements/1.1/ creator"`
	Categories  []string       `xml:"category"`
	PubDate     string         `xml:"pubDate"`
	GUID        rssGUID        `xml:"guid"`
	Enclosures  []rssEnclosure `xml:"enclosure"`
}

type rssGUID struct {
	ID        string `xml:",chardata"`
	Permanent string `xml:"isPermaLink,attr"`
}

type rssEnclosure struct {
	URL    string `xml:"url,attr"`
	Type   string `xml:"type,attr"`
	Length string `xml:"length,attr"`
}

func TestRSS(t *testing.T) {
	t.Parallel()
	data := render(t, feed(), "rss")
	golden(t, "letters.golden.rss", data)
	checkText(t, data)
	var f rssIn
	if err := xml.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	atom := checkAtom(t, render(t, feed(), "atom"))
	ch := f.Channel
	if f.Version != "2.0" || ch.Title != atom.Title || ch.Language != "sv" || ch.Description != "Från skolan" ||
		len(ch.Links) != 2 || ch.Links[0].Text != base+"/" || ch.Links[1].Href != base+addresses()["rss"] || ch.Links[1].Rel != "self" {
		t.Errorf("channel: %+v", ch)
	}
	if _, err := time.Parse(time.RFC1123Z, ch.Built); err != nil {
		t.Error(err)
	}
	for i, item := range ch.Items {
		same := atom.Entries[i]
		if item.GUID.ID != same.ID || item.GUID.Permanent != "false" || item.Title != same.Title || item.Content != same.Content.Text || item.Link != same.Links[0].Href || item.Description == "" {
			t.Errorf("item %d: %+v, in Atom %+v", i, item, same)
		}
		if _, err := time.Parse(time.RFC1123Z, item.PubDate); err != nil {
			t.Error(err)
		}
	}
	first := ch.Items[0]
	if first.Creator != "Anna Lärare" || len(first.Categories) != 3 || len(first.Enclosures) != 1 || first.Enclosures[0].Length != "1234" {
		t.Errorf("item: %+v", first)
	}
}

func TestJSONFeed(t *testing.T) {
	t.Parallel()
	data := render(t, feed(), "json")
	golden(t, "letters.golden.json", data)
	checkText(t, data)
	var f map[string]any
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	atom := checkAtom(t, render(t, feed(), "atom"))
	if f["version"] != "https://jsonfeed.org/version/1.1" || f["feed_url"] != base+addresses()["json"] || f["home_page_url"] != base+"/" || f["title"] != atom.Title || f["language"] != "sv" {
		t.Errorf("feed: %v", f)
	}
	allowed := map[string]bool{}
	for name := range strings.FieldsSeq("id url title content_html summary image date_published date_modified authors tags attachments") {
		allowed[name] = true
	}
	items, _ := f["items"].([]any)
	if len(items) != len(atom.Entries) {
		t.Fatalf("%d items", len(items))
	}
	for i, raw := range items {
		item, _ := raw.(map[string]any)
		for name := range item {
			if !allowed[name] {
				t.Errorf("item %d has %q", i, name)
			}
		}
		if item["id"] != atom.Entries[i].ID || item["content_html"] != atom.Entries[i].Content.Text || item["date_modified"] != atom.Entries[i].Updated {
			t.Errorf("item %d: %v", i, item)
		}
	}
	first, _ := items[0].(map[string]any)
	want := []any{map[string]any{"url": base + "/m/" + fileID + "/schema.pdf", "mime_type": "application/pdf", "title": "schema.pdf", "size_in_bytes": 1234.0}}
	if diff := cmp.Diff(want, first["attachments"]); diff != "" {
		t.Errorf("attachments (-want +got):\n%s", diff)
	}
	if err := json.Unmarshal(render(t, &feeds.Feed{ID: "urn:uuid:1"}, "json"), &f); err != nil {
		t.Fatal(err)
	}
	if items, isList := f["items"].([]any); !isList || len(items) != 0 {
		t.Errorf("items of an empty feed: %v", f["items"])
	}
}

// Rendering twice, on another day, gives the same octets; an edited letter
// moves its own time and the feed's and nothing else.
func TestSameLettersSameBytes(t *testing.T) {
	t.Parallel()
	for format := range addresses() {
		if format == "ics" {
			continue
		}
		s := newStore()
		srv := serve(t, s, nil)
		first := srv.ask(t, http.MethodGet, addresses()[format])
		for range 30 {
			srv.now = srv.now.Add(25 * time.Hour)
			s.feed = feed()
			again := srv.ask(t, http.MethodGet, addresses()[format])
			if again.Header().Get("Etag") != first.Header().Get("Etag") || !bytes.Equal(again.Body.Bytes(), first.Body.Bytes()) {
				t.Fatalf("%s: another day, other octets", format)
			}
		}
	}
	edited := feed()
	edited.Letters[1].HTML, edited.Letters[1].Updated = "<p>Ändrat</p>", noon()
	before, after := checkAtom(t, render(t, feed(), "atom")), checkAtom(t, render(t, edited, "atom"))
	want := before
	want.Updated = "2026-11-22T11:00:00Z"
	want.Entries[1].Updated, want.Entries[1].Content.Text = "2026-11-22T11:00:00Z", "<p>Ändrat</p>"
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("an edited letter (-want +got):\n%s", diff)
	}
}

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

// Identifiers stay when the token or the address of the house changes.
func TestIdentifiersSurviveAMove(t *testing.T) {
	t.Parallel()
	s := newStore()
	here := checkAtom(t, serve(t, s, nil).ask(t, http.MethodGet, addresses()["atom"]).Body.Bytes())
	moved := serve(t, &movedStore{s}, func(c *feeds.Config) { c.BaseURL = "http://10.0.0.2:8080/syncd/" })
	there := checkAtom(t, moved.ask(t, http.MethodGet, "/f/ny&nyckel/1-all.atom").Body.Bytes())
	if here.ID != there.ID {
		t.Errorf("feed: %s -> %s", here.ID, there.ID)
	}
	for i := range here.Entries {
		if here.Entries[i].ID != there.Entries[i].ID || here.Entries[i].Updated != there.Entries[i].Updated {
			t.Errorf("entry: %s -> %s", here.Entries[i].ID, there.Entries[i].ID)
		}
	}
	if got, want := there.Links[0].Href, "http://10.0.0.2:8080/syncd/f/ny&nyckel/1-all.atom"; got != want {
		t.Errorf("self = %s, want %s", got, want)
	}
	if got, want := there.Entries[0].Links[1].Href, "http://10.0.0.2:8080/syncd/m/"+fileID+"/schema.pdf"; got != want {
		t.Errorf("enclosure = %s, want %s", got, want)
	}
}

// movedStore accepts every token.
type movedStore struct{ *store }

func (m *movedStore) Feed(context.Context, string, string) (*feeds.Feed, error) { return m.feed, nil }

// A feed that is asked for under many addresses keeps few documents.
func TestManyAddresses(t *testing.T) {
	t.Parallel()
	srv := serve(t, &movedStore{newStore()}, nil)
	for i := range 50 {
		path := fmt.Sprintf("/f/token%d/1-all.atom", i)
		got := checkAtom(t, srv.ask(t, http.MethodGet, path).Body.Bytes())
		if got.Links[0].Href != base+path {
			t.Fatalf("self of %s = %s", path, got.Links[0].Href)
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

// program returns the path of a program, or skips the test. With
// SYNCD_REQUIRE_INTEROP=1 its absence is a failure.
func program(t *testing.T, works func(path string) bool, paths ...string) string {
	t.Helper()
	for _, path := range paths {
		if works(path) {
			return path
		}
	}
	if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" {
		t.Fatalf("none of %v works here", paths)
	}
	t.Skipf("none of %v works here", paths)
	return ""
}

func TestInteropXMLLint(t *testing.T) {
	t.Parallel()
	lint := program(t, func(path string) bool {
		return exec.CommandContext(t.Context(), path, "--version").Run() == nil
	}, "xmllint")
	for _, format := range []string{"atom", "rss"} {
		documents := [][]byte{render(t, feed(), format)}
		for _, s := range injections() {
			documents = append(documents, render(t, hostile(s), format))
		}
		for i, data := range documents {
			cmd := exec.CommandContext(t.Context(), lint, "--noout", "--nonet", "-")
			cmd.Stdin = bytes.NewReader(data)
			if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("xmllint of %s %d: %v\n%s", format, i, err, out)
			}
		}
	}
}

func TestInteropFeedparser(t *testing.T) {
	t.Parallel()
	python := program(t, func(path string) bool {
		return exec.CommandContext(t.Context(), path, "-c", "import feedparser").Run() == nil
	}, "python3", "/usr/bin/python3")
	for _, format := range []string{"atom", "rss"} {
		cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "read.py"))
		cmd.Stdin = bytes.NewReader(render(t, feed(), format))
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		var got struct {
			Titles []string `json:"titles"`
			IDs    []string `json:"ids"`
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		atom := checkAtom(t, render(t, feed(), "atom"))
		for i, e := range atom.Entries {
			if got.IDs[i] != e.ID {
				t.Errorf("%s: feedparser reads id %s, want %s", format, got.IDs[i], e.ID)
			}
		}
		if len(got.Titles) != len(atom.Entries) {
			t.Errorf("%s: feedparser reads %d entries", format, len(got.Titles))
		}
	}
}
