package feeds

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"html"
	"strconv"
	"time"

	gorilla "github.com/gorilla/feeds"
)

type rssDocument struct {
	XMLName xml.Name    `xml:"rss"`
	Version string      `xml:"version,attr"`
	Content string      `xml:"xmlns:content,attr"`
	DC      string      `xml:"xmlns:dc,attr"`
	Atom    string      `xml:"xmlns:atom,attr"`
	Channel *rssChannel `xml:"channel"`
}

type rssChannel struct {
	gorilla.RssFeed

	Links []atomLink `xml:"atom:link"`
	Items []*rssItem `xml:"item"`
}

type rssItem struct {
	gorilla.RssItem

	Creator    string        `xml:"dc:creator,omitempty"`
	Categories []rssCategory `xml:"category"`
}

type rssCategory struct {
	Domain string `xml:"domain,attr"`
	Text   string `xml:",chardata"`
}

// FeedXml implements the library's XmlFeed.
//
//nolint:staticcheck // the name is the library's
func (d *rssDocument) FeedXml() any { return d }

const typeRSS = "application/rss+xml"

// rss renders the feed as RSS 2.0.
func (c content) rss() ([]byte, error) {
	channel := &rssChannel{
		RssFeed: gorilla.RssFeed{
			Title: c.title, Link: c.page, Language: c.lang,
			LastBuildDate: c.updated.Format(time.RFC1123Z),
		},
		Links: append([]atomLink{{Rel: "self", Type: typeRSS, Href: c.self}}, c.paging(typeRSS)...),
	}
	channel.Description = c.subtitle
	if channel.Description == "" {
		channel.Description = c.title
	}
	for _, i := range c.items {
		channel.Items = append(channel.Items, i.rss())
	}
	d := &rssDocument{
		Version: "2.0",
		Content: "http://purl.org/rss/1.0/modules/content/",
		DC:      "http://purl.org/dc/elements/1.1/",
		Atom:    "http://www.w3.org/2005/Atom",
		Channel: channel,
	}
	var b bytes.Buffer
	if err := gorilla.WriteXML(d, &b); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return cautious(b.Bytes()), nil
}

func (i item) rss() *rssItem {
	e := &rssItem{
		RssItem: gorilla.RssItem{
			// A description is HTML, the summary plain text.
			Title: i.title, Link: i.url, Description: html.EscapeString(cmp.Or(i.summary, i.title)),
			Content: &gorilla.RssContent{Content: i.html},
			Guid:    &gorilla.RssGuid{Id: i.id, IsPermaLink: "false"},
			PubDate: i.updated.Format(time.RFC1123Z),
		},
		Creator: i.author,
	}
	if !i.published.IsZero() {
		e.PubDate = i.published.Format(time.RFC1123Z)
	}
	for _, k := range i.categories {
		e.Categories = append(e.Categories, rssCategory{Domain: k.scheme, Text: k.label})
	}
	// One enclosure is what readers of RSS expect; the text links them all.
	if len(i.files) > 0 {
		a := i.files[0]
		e.Enclosure = &gorilla.RssEnclosure{
			Url: a.url, Type: a.mime, Length: strconv.FormatInt(max(a.length, 0), 10),
		}
	}
	return e
}
