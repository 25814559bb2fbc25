package caldav

import (
	"encoding/xml"
	"unicode/utf8"
)

// The fixed parts of an answer. The four prefixes are declared once, on the
// outermost element.
const (
	xmlHeader   = `<?xml version="1.0" encoding="utf-8"?>` + "\n"
	declared    = ` xmlns:D="DAV:" xmlns:C="` + nsCal + `" xmlns:CS="` + nsCS + `" xmlns:I="` + nsApple + `"`
	statusOpen  = xmlHeader + `<D:multistatus` + declared + ">\n"
	statusClose = "</D:multistatus>\n"

	responseOpen  = "<D:response><D:href>"
	hrefClose     = "</D:href>"
	responseClose = "</D:response>\n"
	propOpen      = "<D:propstat><D:prop>"
	propOK        = "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
	propMissing   = "</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>"
	gone          = "<D:status>HTTP/1.1 404 Not Found</D:status>"
)

// special has a bit for each character below 64 that [appendText] cannot copy:
// controls other than tab and line feed, and markup.
const special uint64 = (1<<32-1)&^(1<<'\t'|1<<'\n') | 1<<'"' | 1<<'&' | 1<<'<' | 1<<'>'

// appendText appends s as character data: markup is escaped, a carriage return
// is written as a reference so that it survives the reader's line-end
// handling, and what XML cannot hold becomes U+FFFD.
func appendText[T string | []byte](b []byte, s T) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && (c >= 64 || special>>c&1 == 0) {
			i++
			continue
		}
		esc, width := escape(s[i:])
		if esc != "" {
			b = append(b, s[from:i]...)
			b = append(b, esc...)
			from = i + width
		}
		i += width
	}
	return append(b, s[from:]...)
}

// escape says what to write for the first character of s, nothing if it may
// stay, and how long it is.
func escape[T string | []byte](s T) (string, int) {
	switch s[0] {
	case '&':
		return "&amp;", 1
	case '<':
		return "&lt;", 1
	case '>':
		return "&gt;", 1
	case '"':
		return "&#34;", 1
	case '\r':
		return "&#13;", 1
	}
	r, width := decodeRune(s)
	if r < 0x20 || r == 0xFFFE || r == 0xFFFF || r == utf8.RuneError && width == 1 {
		return "\uFFFD", width
	}
	return "", width
}

// decodeRune looks at one character of either kind of text.
func decodeRune[T string | []byte](s T) (rune, int) {
	if len(s) > utf8.UTFMax {
		s = s[:utf8.UTFMax]
	}
	return utf8.DecodeRuneInString(string(s))
}

// prefixOf returns the prefix under which a namespace is declared.
func prefixOf(space string) (string, bool) {
	switch space {
	case nsDAV:
		return "D:", true
	case nsCal:
		return "C:", true
	case nsCS:
		return "CS:", true
	case nsApple:
		return "I:", true
	}
	return "", false
}

// appendTag appends an element without content, in whatever namespace.
func appendTag(b []byte, n xml.Name) []byte {
	b = append(b, '<')
	if p, ok := prefixOf(n.Space); ok {
		b = append(b, p...)
		b = append(b, n.Local...)
		return append(b, "/>"...)
	}
	b = append(b, n.Local...)
	b = append(b, ` xmlns="`...)
	b = appendText(b, n.Space)
	return append(b, `"/>`...)
}

// appendHref appends a DAV:href element. Paths made by [paths] hold no markup;
// hrefs that repeat what a client sent may.
func appendHref(b []byte, href string) []byte {
	b = append(b, "<D:href>"...)
	b = appendText(b, href)
	return append(b, hrefClose...)
}
