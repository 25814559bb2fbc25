package feeds

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"sync"
)

// A format is one of the three languages of feeds.
type format int

const (
	formatAtom format = iota
	formatRSS
	formatJSON
)

// formatOf returns the format that an extension names and whether there is one.
func formatOf(extension string) (format, bool) {
	switch extension {
	case "atom":
		return formatAtom, true
	case "rss":
		return formatRSS, true
	case "json":
		return formatJSON, true
	}
	return 0, false
}

// documentKey names a document of a feed. The address is part of it because a
// feed says where it was found, and during a change of token two addresses
// are good.
type documentKey struct {
	format format
	self   string
}

// maxDocuments bounds what one feed keeps.
const maxDocuments = 12

// document returns the feed in a format, rendered once.
func (f *Feed) document(as format, base, self string) (*document, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Number > 1 {
		self += "?page=" + strconv.Itoa(f.Number)
	}
	key := documentKey{format: as, self: self}
	if d, found := f.documents[key]; found {
		return d, nil
	}
	c := f.content(base, self)
	var body []byte
	var contentType string
	var err error
	switch as {
	case formatAtom:
		contentType = typeAtom
		body, err = c.atom()
	case formatRSS:
		contentType = typeRSS
		body, err = c.rss()
	case formatJSON:
		contentType = typeJSON
		body, err = c.json()
	}
	if err != nil {
		return nil, fmt.Errorf("feeds: render: %w", err)
	}
	sum := sha256.Sum256(body)
	d := newDocument(contentType+"; charset=utf-8", base64.RawURLEncoding.EncodeToString(sum[:15]), c.updated, body)
	d.packed = sync.OnceValue(func() packed { return compress(body) })
	if f.documents == nil || len(f.documents) >= maxDocuments {
		f.documents = make(map[documentKey]*document)
	}
	f.documents[key] = d
	return d, nil
}

// holdsPlain reports whether a line begins with an element that holds plain
// text, or an attribute with it. The library writes each on a line of its own.
func holdsPlain(line []byte) bool {
	line, opened := bytes.CutPrefix(bytes.TrimLeft(line, " "), []byte("<"))
	end := bytes.IndexAny(line, " >")
	if !opened || end < 0 {
		return false
	}
	switch string(line[:end]) {
	case "title", "subtitle", "summary", "description", "name", "dc:creator", "category", "atom:link":
		return true
	case "link":
		return line[end] == ' ' // in RSS it is an address alone
	}
	return false
}

// cautious writes "&" and "<" in plain text by their numbers, as the profile of
// RSS wants it: readers that unpack a title twice then do so the least often.
// The meaning stays the same.
func cautious(doc []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(doc))
	for line := range bytes.Lines(doc) {
		if holdsPlain(line) {
			line = bytes.ReplaceAll(line, []byte("&amp;"), []byte("&#x26;"))
			line = bytes.ReplaceAll(line, []byte("&lt;"), []byte("&#x3C;"))
		}
		out.Write(line)
	}
	return out.Bytes()
}
