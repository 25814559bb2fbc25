package icalendar

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Limits of text values. Summaries are counted in characters because people
// read them, the others in octets because programs store them.
const (
	maxSummary     = 200
	maxPlace       = 300
	maxCategory    = 80
	maxDescription = 8 << 10
	maxURI         = 2048
)

// text makes foreign text safe as a TEXT value, over several lines. The
// library escapes backslash, comma, semicolon and newline and lets everything
// else through, so: valid UTF-8 in NFC, every kind of line break is \n, no
// control characters and none that XML forbids, no runs of blanks (folding
// them makes lines of nothing but blanks, which careless programs drop), at
// most two line breaks in a row, no blank at the ends of a line.
func text(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	var b strings.Builder
	b.Grow(len(s))
	breaks, blank := 0, false
	wasCR := false
	for _, r := range s {
		switch {
		case r == '\n' && wasCR:
		case r == '\n' || r == '\r' || r == '\v' || r == '\f' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			breaks, blank = breaks+1, false
		case r == '\t' || unicode.Is(unicode.Zs, r):
			blank = true
		case !printable(r):
		default:
			separate(&b, breaks, blank)
			breaks, blank = 0, false
			b.WriteRune(r)
		}
		wasCR = r == '\r'
	}
	// A dropped character may have stood between two that compose.
	return norm.NFC.String(b.String())
}

// separate writes what was between two visible characters.
func separate(b *strings.Builder, breaks int, blank bool) {
	switch {
	case b.Len() == 0:
	case breaks > 0:
		b.WriteString("\n\n"[:min(breaks, 2)])
	case blank:
		b.WriteByte(' ')
	}
}

// printable reports whether a character may stand in a value: no control
// character, no byte order mark, and nothing outside the Char production of
// XML 1.0, because calendar objects travel inside XML.
func printable(r rune) bool {
	return !unicode.IsControl(r) && r != '\uFEFF' && r != '\uFFFE' && r != '\uFFFF'
}

// line is text on one line: line breaks become sep.
func line(s, sep string) string {
	parts := strings.FieldsFunc(text(s), func(r rune) bool { return r == '\n' })
	return strings.Join(parts, sep)
}

// cutRunes shortens s to at most n characters, the last one an ellipsis.
func cutRunes(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	at := 0
	for range n - 1 {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return ellipsis(s[:at])
}

// cutBytes shortens s to at most n octets, the last character an ellipsis.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	at := n - len("…")
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	return ellipsis(s[:at])
}

// ellipsis ends a shortened text. What was cut may leave half of a sequence
// that joins characters, which is not to join the ellipsis.
func ellipsis(s string) string {
	return strings.TrimRight(s, " \n\u200d") + "…"
}

// uri makes a foreign address safe as a URI value, which the library writes
// as it is: an absolute address of a few known schemes without a password in
// it, only of characters that RFC 3986 allows. Anything else gives "".
func uri(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.User != nil {
		return ""
	}
	switch u.Scheme {
	case "https", "http":
		if u.Host == "" {
			return ""
		}
	case "mailto", "tel":
		if u.Opaque == "" {
			return ""
		}
	default:
		return ""
	}
	out := escapeURI(u.String())
	if _, err := url.Parse(out); err != nil || len(out) > maxURI {
		return "" // too long, or a host of characters that no host has
	}
	return out
}

// escapeURI percent-encodes the octets that a URI never holds. net/url leaves
// queries and opaque parts as they were.
func escapeURI(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
