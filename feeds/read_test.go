package feeds_test

import (
	"encoding/xml"
	"net/url"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

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
