package feeds

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// Outline is one feed in a list of subscriptions.
type Outline struct {
	Group string // outlines of a group stand together, "Åsa"; empty: on their own
	Title string
	URL   string // absolute address of the feed, with its secret
	Page  string // absolute address of a page for people; may be empty
	Lang  string // BCP 47; may be empty
}

type opml struct {
	XMLName  xml.Name      `xml:"opml"`
	Version  string        `xml:"version,attr"`
	Title    string        `xml:"head>title"`
	Outlines []opmlOutline `xml:"body>outline"`
}

type opmlOutline struct {
	Text     string        `xml:"text,attr"`
	Title    string        `xml:"title,attr,omitempty"`
	Type     string        `xml:"type,attr,omitempty"`
	URL      string        `xml:"xmlUrl,attr,omitempty"`
	Page     string        `xml:"htmlUrl,attr,omitempty"`
	Lang     string        `xml:"language,attr,omitempty"`
	Outlines []opmlOutline `xml:"outline"`
}

// OPML returns a list of subscriptions as OPML 2.0, text/x-opml, in the order
// of the outlines, each group where its first one is. It is as secret as the
// addresses in it.
func OPML(title string, outlines []Outline) ([]byte, error) {
	doc := opml{Version: "2.0", Title: oneLine(title)}
	groups := map[string]int{}
	for _, o := range outlines {
		one := opmlOutline{
			Text: oneLine(o.Title), Title: oneLine(o.Title), Type: "rss",
			URL: address(o.URL), Page: address(o.Page), Lang: o.Lang,
		}
		if one.URL == "" {
			return nil, fmt.Errorf("feeds: opml: a feed has no absolute address")
		}
		group := oneLine(o.Group)
		if group == "" {
			doc.Outlines = append(doc.Outlines, one)
			continue
		}
		at, found := groups[group]
		if !found {
			at = len(doc.Outlines)
			groups[group] = at
			doc.Outlines = append(doc.Outlines, opmlOutline{Text: group})
		}
		doc.Outlines[at].Outlines = append(doc.Outlines[at].Outlines, one)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("feeds: opml: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
