package feeds

import (
	"bytes"
	"encoding/json"
)

// The library's JSON Feed does not follow the specification, so the structs
// are our own: https://www.jsonfeed.org/version/1.1/.
type jsonFeed struct {
	Version     string       `json:"version"`
	Title       string       `json:"title"`
	HomePage    string       `json:"home_page_url"`
	FeedURL     string       `json:"feed_url"`
	NextURL     string       `json:"next_url,omitempty"`
	Description string       `json:"description,omitempty"`
	Authors     []jsonAuthor `json:"authors,omitempty"`
	Language    string       `json:"language,omitempty"`
	Items       []jsonItem   `json:"items"` // never null
}

type jsonAuthor struct {
	Name string `json:"name"`
}

type jsonItem struct {
	ID          string           `json:"id"`
	URL         string           `json:"url"`
	Title       string           `json:"title"`
	HTML        string           `json:"content_html"`
	Summary     string           `json:"summary,omitempty"`
	Image       string           `json:"image,omitempty"`
	Published   string           `json:"date_published,omitempty"`
	Modified    string           `json:"date_modified"`
	Authors     []jsonAuthor     `json:"authors,omitempty"`
	Tags        []string         `json:"tags,omitempty"`
	Attachments []jsonAttachment `json:"attachments,omitempty"`
}

type jsonAttachment struct {
	URL    string `json:"url"`
	Type   string `json:"mime_type"`
	Title  string `json:"title,omitempty"`
	Length int64  `json:"size_in_bytes,omitempty"`
}

const typeJSON = "application/feed+json"

// json renders the feed as JSON Feed 1.1.
func (c content) json() ([]byte, error) {
	f := jsonFeed{
		Version: "https://jsonfeed.org/version/1.1",
		Title:   c.title, HomePage: c.page, FeedURL: c.self, NextURL: c.next, Description: c.subtitle,
		Authors: []jsonAuthor{{Name: c.author}}, Language: c.lang,
		Items: make([]jsonItem, 0, len(c.items)),
	}
	for _, i := range c.items {
		f.Items = append(f.Items, i.json())
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(f); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (i item) json() jsonItem {
	e := jsonItem{
		ID: i.id, URL: i.url, Title: i.title, HTML: i.html, Summary: i.summary,
		Image: i.image, Modified: stamp(i.updated),
	}
	if !i.published.IsZero() {
		e.Published = stamp(i.published)
	}
	if i.author != "" {
		e.Authors = []jsonAuthor{{Name: i.author}}
	}
	for _, k := range i.categories {
		e.Tags = append(e.Tags, k.label)
	}
	for _, a := range i.files {
		e.Attachments = append(e.Attachments, jsonAttachment{
			URL: a.url, Type: a.mime, Title: a.name, Length: max(a.length, 0),
		})
	}
	return e
}
