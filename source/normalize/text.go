package normalize

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxRaw bounds the work that one foreign text can cause, in bytes.
const maxRaw = 2 << 20

// line returns s as clean text of one line and at most limit runes.
func line(s string, limit int) string {
	return capRunes(strings.Join(strings.Fields(plain(capRaw(s))), " "), limit)
}

// lines returns s as clean text that may have several lines and at most limit
// bytes. HTML becomes plain text.
func lines(s string, limit int) string {
	return capBytes(plain(capRaw(s)), limit)
}

func capRaw(s string) string {
	if len(s) > maxRaw {
		s = s[:maxRaw]
	}
	return s
}

// plain makes clean text of foreign text that may or may not be HTML, may
// have entities in it and may have been encoded once too often. What it
// returns it would return unchanged.
func plain(s string) string {
	const rounds = 8
	s = clean(s)
	for range rounds {
		if hasMarkup(s) {
			s = clean(toText(s))
			continue
		}
		decoded := clean(decode(s))
		if decoded == s {
			return s
		}
		s = decoded
	}
	// Somebody plays. Break up what is left, so that nothing more is decoded.
	return clean(strings.NewReplacer("&", " ", "<", " ").Replace(s))
}

var (
	entity = regexp.MustCompile(`&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)
	// nested matches an ampersand that was encoded again and again.
	nested = regexp.MustCompile(`(?i)&(?:amp;|#0*38;|#x0*26;)+`)
)

// decode resolves character references that end in a semicolon, also where
// they were encoded several times. A query string ("?a=1&copy=2") is not one.
func decode(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	s = nested.ReplaceAllString(s, "&")
	return entity.ReplaceAllStringFunc(s, html.UnescapeString)
}

// clean returns s in valid UTF-8 and NFC, with \n as the only control
// character, no invisible characters but the joiners that scripts and emoji
// need, single blanks, no blank at the ends of lines, and at most one empty
// line between two others.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "")
	rtl := strings.ContainsFunc(s, rightToLeft)
	var b strings.Builder
	b.Grow(len(s))
	cr := false
	for _, r := range s {
		switch {
		case r == '\n' && cr: // CRLF
		case r == '\n', r == '\r', r == '\v', r == '\f', r == 0x85, r == 0x2028, r == 0x2029:
			b.WriteByte('\n')
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case r == 0xF0B7: // a bullet in Word's symbol font
			b.WriteRune('•')
		case !invisible(r, rtl):
			b.WriteRune(r)
		}
		cr = r == '\r'
	}
	return collapse(norm.NFC.String(b.String()))
}

// invisible reports whether r has no business in a text: control and format
// characters, among them those that turn the direction of what follows.
// Direction marks stay in text that has right-to-left letters in it, where
// they do no more than place a neutral character.
func invisible(r rune, rtl bool) bool {
	switch {
	case r == 0x200C, r == 0x200D: // joiners
		return false
	case r == 0x200E, r == 0x200F, r == 0x061C: // LRM, RLM, ALM
		return !rtl
	case r >= 0xFDD0 && r <= 0xFDEF, r&0xFFFE == 0xFFFE: // not characters
		return true
	case r >= 0xE000 && r <= 0xF8FF, r >= 0xF0000: // private use: nobody can show it
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs) || r == 0x034F || r == 0x115F || r == 0x1160 || r == 0x3164 || r == 0xFFA0
}

func rightToLeft(r rune) bool {
	return r >= 0x0590 && unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}

// collapse tidies blanks and empty lines.
func collapse(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	blank, newlines := false, 0
	for _, r := range s {
		switch r {
		case ' ':
			blank = true
			continue
		case '\n':
			blank = false
			newlines++
			continue
		}
		switch {
		case b.Len() == 0: // leading blanks and lines
		case newlines > 0:
			b.WriteString("\n\n"[:min(newlines, 2)])
		case blank:
			b.WriteByte(' ')
		}
		blank, newlines = false, 0
		b.WriteRune(r)
	}
	return b.String()
}

const ellipsis = "…"

// capRunes shortens s to at most limit runes, the ellipsis included.
func capRunes(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	at := 0
	for range limit - 1 {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return cut(s, at)
}

// capBytes shortens s to at most limit bytes, the ellipsis included.
func capBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return cut(s, limit-len(ellipsis))
}

// cut shortens s to at most at bytes and adds an ellipsis: after a word, if
// there is one near, else not inside of what is shown as one character.
func cut(s string, at int) string {
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	if i := strings.LastIndexAny(s[:at], " \n"); i > at*3/4 {
		return strings.TrimRight(s[:i], " \n") + ellipsis
	}
	for back := 0; at > 0 && back < 16; back++ {
		next, _ := utf8.DecodeRuneInString(s[at:])
		last, size := utf8.DecodeLastRuneInString(s[:at])
		if last != 0x200D && next != 0x200D && !unicode.Is(unicode.M, next) && (next < 0x1F3FB || next > 0x1F3FF) {
			break
		}
		at -= size
	}
	return strings.TrimRight(s[:at], " \n") + ellipsis
}
