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

// appendText appends s as character data: markup is escaped, a carriage return
// is written as a reference so that it survives the reader's line-end
// handling, and what XML cannot hold becomes U+FFFD.
func appendText[T string | []byte](b []byte, s T) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '&' && c != '<' && c != '>' && c != '"' || c == '\n' || c == '\t' {
			i++
			continue
		}
		var esc string
		width := 1
		switch c {
		case '&':
			esc = "&amp;"
		case '<':
			esc = "&lt;"
		case '>':
			esc = "&gt;"
		case '"':
			esc = "&#34;"
		case '\r':
			esc = "&#13;"
		default:
			var r rune
			r, width = decodeRune(s[i:])
			if r != utf8.RuneError && r >= 0x20 && r != 0xFFFE && r != 0xFFFF || width == 3 && r == utf8.RuneError {
				i += width
				continue
			}
			esc = "\uFFFD"
		}
		b = append(b, s[from:i]...)
		b = append(b, esc...)
		i += width
		from = i
	}
	return append(b, s[from:]...)
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
