package feeds

import (
	"bytes"
	"strconv"

	gorilla "github.com/gorilla/feeds"
)

// The library's structs lack what a valid and complete Atom feed needs
// (several links, categories with terms, languages), so they are embedded and
// what is missing shadows their fields.
type atomFeed struct {
	gorilla.AtomFeed

	Lang        string          `xml:"xml:lang,attr,omitempty"`
	Access      string          `xml:"xmlns:access,attr"`
	Links       []atomLink      `xml:"link"`
	Restriction atomRestriction `xml:"access:restriction"`
	Entries     []*atomEntry    `xml:"entry"`
}

type atomEntry struct {
	gorilla.AtomEntry

	Links      []atomLink           `xml:"link"`
	Categories []atomCategory       `xml:"category"`
	Authors    []gorilla.AtomPerson `xml:"author"`
	Summary    *atomText            `xml:"summary"`
	Content    *atomText            `xml:"content"`
}

type atomLink struct {
	Rel    string `xml:"rel,attr"`
	Type   string `xml:"type,attr,omitempty"`
	Href   string `xml:"href,attr"`
	Title  string `xml:"title,attr,omitempty"`
	Length string `xml:"length,attr,omitempty"`
}

type atomCategory struct {
	Term   string `xml:"term,attr"`
	Scheme string `xml:"scheme,attr"`
	Label  string `xml:"label,attr"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

// atomRestriction asks services that list feeds to leave this one out.
type atomRestriction struct {
	Relationship string `xml:"relationship,attr"`
}

// FeedXml implements the library's XmlFeed.
//
//nolint:staticcheck // the name is the library's
func (f *atomFeed) FeedXml() any { return f }

const typeAtom = "application/atom+xml"

// atom renders the feed as Atom (RFC 4287).
func (c content) atom() ([]byte, error) {
	f := &atomFeed{
		AtomFeed: gorilla.AtomFeed{
			Xmlns: "http://www.w3.org/2005/Atom", Title: c.title, Id: c.id,
			Updated: stamp(c.updated), Subtitle: c.subtitle,
			Author: &gorilla.AtomAuthor{AtomPerson: gorilla.AtomPerson{Name: c.author}},
		},
		Lang:   c.lang,
		Access: "http://www.bloglines.com/about/specs/fac-1.0",
		Links: []atomLink{
			{Rel: "self", Type: typeAtom, Href: c.self},
			{Rel: "alternate", Type: "text/html", Href: c.page},
		},
		Restriction: atomRestriction{Relationship: "deny"},
	}
	f.Links = append(f.Links, c.paging(typeAtom)...)
	for _, i := range c.items {
		f.Entries = append(f.Entries, i.atom())
	}
	var b bytes.Buffer
	if err := gorilla.WriteXML(f, &b); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return cautious(b.Bytes()), nil
}

func (i item) atom() *atomEntry {
	e := &atomEntry{
		AtomEntry: gorilla.AtomEntry{Title: i.title, Id: i.id, Updated: stamp(i.updated)},
		Links:     []atomLink{{Rel: "alternate", Type: "text/html", Href: i.url}},
		Content:   &atomText{Type: "html", Text: i.html},
	}
	if !i.published.IsZero() {
		e.Published = stamp(i.published)
	}
	if i.author != "" {
		e.Authors = []gorilla.AtomPerson{{Name: i.author}}
	}
	if i.summary != "" {
		e.Summary = &atomText{Type: "text", Text: i.summary}
	}
	for _, k := range i.categories {
		e.Categories = append(e.Categories, atomCategory{Term: k.term, Scheme: k.scheme, Label: k.label})
	}
	for _, a := range i.files {
		link := atomLink{Rel: "enclosure", Type: a.mime, Href: a.url, Title: a.name}
		if a.length > 0 {
			link.Length = strconv.FormatInt(a.length, 10)
		}
		e.Links = append(e.Links, link)
	}
	return e
}
