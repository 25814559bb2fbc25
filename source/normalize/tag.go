package normalize

import "strings"

// hasMarkup reports whether there is a tag of a known element in s, a comment
// or a declaration; "<anna@example.org>" and "3 < 4" are text.
func hasMarkup(s string) bool {
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return false
		}
		s = s[i:]
		if tagLength(s) > 0 {
			return true
		}
		s = s[1:]
	}
}

// stripTags puts a blank in the place of each tag.
func stripTags(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		s = s[i:]
		if n := tagLength(s); n > 0 {
			b.WriteByte(' ')
			s = s[n:]
		} else {
			b.WriteByte('<')
			s = s[1:]
		}
	}
}

// shield escapes each "<" that begins no tag of a known element, so that the
// parser does not take "<anna@example.org>" for one.
func shield(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		s = s[i:]
		if beginsTag(s) {
			b.WriteByte('<')
		} else {
			b.WriteString("&lt;")
		}
		s = s[1:]
	}
}

// tagLength returns the length of the tag with which s begins; 0 for none.
func tagLength(s string) int {
	if !beginsTag(s) {
		return 0
	}
	if strings.HasPrefix(s, "<!--") {
		return len("<!--")
	}
	if i := strings.IndexAny(s[1:], "<>"); i >= 0 && s[1+i] == '>' {
		return i + 2
	}
	return 0
}

// beginsTag reports whether s, which begins with "<", begins with a tag of a
// known element, a comment or a declaration, whole or not.
func beginsTag(s string) bool {
	s = s[1:]
	if strings.HasPrefix(s, "!") || strings.HasPrefix(s, "?") {
		return true
	}
	s = strings.TrimPrefix(s, "/")
	const longest = 24
	end := 0
	for end < len(s) && end <= longest && isNameByte(s[end]) {
		end++
	}
	if end == 0 || end > longest || end == len(s) || strings.IndexByte(" \t\r\n\f/>", s[end]) < 0 {
		return false
	}
	name := strings.ToLower(s[:end])
	// Word's "o:p" and the like.
	return isElement(name) || strings.IndexByte(name, ':') > 0 && !strings.HasSuffix(name, ":")
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ':' || c == '-'
}

// isElement knows the elements of HTML, those of old included.
func isElement(name string) bool {
	switch name {
	case "a", "abbr", "acronym", "address", "applet", "area", "article", "aside", "audio",
		"b", "base", "bdi", "bdo", "big", "blockquote", "body", "br", "button",
		"canvas", "caption", "center", "cite", "code", "col", "colgroup",
		"data", "datalist", "dd", "del", "details", "dfn", "dialog", "dir", "div", "dl", "dt",
		"em", "embed", "fieldset", "figcaption", "figure", "font", "footer", "form", "frame", "frameset",
		"h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html",
		"i", "iframe", "image", "img", "input", "ins", "kbd", "label", "legend", "li", "link", "listing",
		"main", "map", "mark", "math", "menu", "meta", "meter", "nav", "nobr", "noembed", "noframes", "noscript",
		"object", "ol", "optgroup", "option", "output", "p", "param", "picture", "plaintext", "pre", "progress",
		"q", "rp", "rt", "ruby", "s", "samp", "script", "section", "select", "slot", "small", "source", "span",
		"strike", "strong", "style", "sub", "summary", "sup", "svg",
		"table", "tbody", "td", "template", "textarea", "tfoot", "th", "thead", "time", "title", "tr", "track", "tt",
		"u", "ul", "var", "video", "wbr", "xml", "xmp":
		return true
	}
	return false
}
