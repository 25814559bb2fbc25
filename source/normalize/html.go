package normalize

import (
	stdhtml "html"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/unicode/norm"
)

// policy is the last word on what HTML a subscriber gets: a handful of
// elements, no attribute but the address of a link and the size of a table
// cell, no picture (pictures that were read are the letter's Media; all others
// would need the school's session or tell a stranger who reads).
func policy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "div", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd",
		"b", "strong", "i", "em", "u", "s", "sub", "sup", "blockquote", "pre", "code",
		"table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("colspan", "rowspan").Matching(cellSize).OnElements("td", "th")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.AllowURLSchemes("https", "http", "mailto", "tel")
	p.RequireNoReferrerOnLinks(true)
	return p
}

var cellSize = regexp.MustCompile(`^[1-9][0-9]?$`)

// safeHTML returns harmless, tidy HTML of a letter, "" for an empty one; text
// without any markup becomes paragraphs. base resolves relative addresses.
func (n *Normalizer) safeHTML(raw string, base *url.URL) string {
	const rounds = 4
	raw = capRaw(raw)
	if !hasMarkup(raw) {
		if raw = decode(raw); !hasMarkup(raw) {
			return paragraphs(plain(raw))
		}
	}
	// One round is enough for what people write. What still changes after a
	// few is not worth its markup.
	s := raw
	for range rounds {
		next, err := n.round(s, base)
		if err != nil || len(next) > maxHTML {
			break
		}
		if next == s {
			return s
		}
		s = next
	}
	return paragraphs(plain(s))
}

func (n *Normalizer) round(s string, base *url.URL) (string, error) {
	nodes, err := parse(shield(s))
	if err != nil {
		return "", err
	}
	t := tidier{base: base}
	var out []*html.Node
	for _, c := range nodes {
		out = append(out, t.node(c)...)
	}
	var b strings.Builder
	for _, c := range blocks(out) {
		if err := html.Render(&b, c); err != nil {
			return "", err
		}
	}
	return n.policy.Sanitize(b.String()), nil
}

// paragraphs writes clean text as HTML, as much as maxHTML holds.
func paragraphs(text string) string {
	var b strings.Builder
	for p := range strings.SplitSeq(text, "\n") {
		if p == "" {
			continue
		}
		p = "<p>" + stdhtml.EscapeString(p) + "</p>"
		if b.Len()+len(p) > maxHTML {
			break
		}
		b.WriteString(p)
	}
	return b.String()
}

// tidier builds a new tree of what is allowed.
type tidier struct {
	base *url.URL
	pre  bool
}

// node returns what becomes of n: nothing, itself, or its children.
func (t *tidier) node(n *html.Node) []*html.Node {
	switch n.Type {
	case html.TextNode:
		return textNode(t.inlineText(n.Data))
	case html.ElementNode:
		if !control(n) {
			return t.element(n)
		}
	case html.ErrorNode, html.DocumentNode, html.CommentNode, html.DoctypeNode, html.RawNode:
	}
	return nil
}

func (t *tidier) element(n *html.Node) []*html.Node {
	if n.Namespace != "" || roleOf(n) == dropped {
		return nil
	}
	switch n.DataAtom {
	case atom.Br, atom.Hr:
		return []*html.Node{element(n.DataAtom)}
	case atom.A, atom.B, atom.Strong, atom.I, atom.Em, atom.U, atom.S, atom.Sub, atom.Sup, atom.Code:
		return t.phrase(n)
	case atom.Table, atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Ul, atom.Ol, atom.Dl:
		return t.frame(n)
	case atom.Td, atom.Th, atom.Li, atom.Dt, atom.Dd, atom.Caption, atom.Blockquote:
		return t.holder(n)
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Pre:
		return t.leaf(n, n.DataAtom)
	default:
		if roleOf(n) == inline {
			return t.children(n)
		}
		return t.leaf(n, atom.Div)
	}
}

func (t *tidier) children(n *html.Node) []*html.Node {
	if n.DataAtom == atom.Pre {
		was := t.pre
		t.pre = true
		defer func() { t.pre = was }()
	}
	var out []*html.Node
	for c := range n.ChildNodes() {
		out = append(out, t.node(c)...)
	}
	return out
}

// phrase keeps an element that marks words. Blanks at its ends go outside; one
// that marks nothing is gone.
func (t *tidier) phrase(n *html.Node) []*html.Node {
	kids := merge(t.children(n))
	if len(kids) == 0 {
		return nil
	}
	e := element(n.DataAtom)
	if n.DataAtom == atom.A {
		to := address(attr(n, "href"), t.base)
		if to == "" {
			return kids
		}
		e.Attr = []html.Attribute{{Key: "href", Val: to}}
	}
	var before, after []*html.Node
	if first := kids[0]; first.Type == html.TextNode && strings.HasPrefix(first.Data, " ") {
		before = textNode(" ")
		first.Data = strings.TrimLeft(first.Data, " ")
	}
	if last := kids[len(kids)-1]; last.Type == html.TextNode && strings.HasSuffix(last.Data, " ") {
		after = textNode(" ")
		last.Data = strings.TrimRight(last.Data, " ")
	}
	kids = merge(kids)
	if len(kids) > 0 && filled(kids) {
		adopt(e, kids)
		before = append(before, e)
	} else {
		before = append(before, kids...)
	}
	return append(before, after...)
}

// frame keeps an element that holds only certain others.
func (t *tidier) frame(n *html.Node) []*html.Node {
	var kids []*html.Node
	for _, k := range t.children(n) {
		if k.Type == html.ElementNode {
			kids = append(kids, k)
		}
	}
	if len(kids) == 0 {
		return nil
	}
	e := element(n.DataAtom)
	adopt(e, kids)
	return []*html.Node{e}
}

// holder keeps an element that holds words or blocks, empty table cells too.
func (t *tidier) holder(n *html.Node) []*html.Node {
	kids := t.children(n)
	if mixed(kids) {
		kids = blocks(kids)
	} else {
		kids = trim(kids)
	}
	cell := n.DataAtom == atom.Td || n.DataAtom == atom.Th
	if len(kids) == 0 && !cell {
		return nil
	}
	e := element(n.DataAtom)
	if cell {
		for _, name := range []string{"colspan", "rowspan"} {
			if v := attr(n, name); cellSize.MatchString(v) && v != "1" {
				e.Attr = append(e.Attr, html.Attribute{Key: name, Val: v})
			}
		}
	}
	adopt(e, kids)
	return []*html.Node{e}
}

// leaf keeps an element of words under name; around blocks it is not needed.
func (t *tidier) leaf(n *html.Node, name atom.Atom) []*html.Node {
	kids := t.children(n)
	if mixed(kids) {
		return blocks(kids)
	}
	if kids = trim(kids); len(kids) == 0 {
		return nil
	}
	e := element(name)
	adopt(e, kids)
	return []*html.Node{e}
}

// inlineText cleans the text of one node; its ends keep one blank.
func (t *tidier) inlineText(s string) string {
	s = decode(s)
	rtl := strings.ContainsFunc(s, rightToLeft)
	var b strings.Builder
	blank := false
	for _, r := range strings.ToValidUTF8(s, "") {
		switch {
		case t.pre && r == '\n':
			b.WriteByte('\n')
			blank = false
		case r == ' ', r == '\t', r == '\n', r == '\r', r == '\f', r == '\v', r == 0x85, r == 0xA0, r == 0x2028, r == 0x2029, r == 0x3000, r >= 0x2000 && r <= 0x200A, r == 0x202F, r == 0x205F, r == 0x1680:
			if !blank || t.pre {
				b.WriteByte(' ')
			}
			blank = true
		case r == 0xF0B7:
			b.WriteRune('•')
			blank = false
		case !invisible(r, rtl):
			b.WriteRune(r)
			blank = false
		}
	}
	return norm.NFC.String(b.String())
}

func element(a atom.Atom) *html.Node {
	return &html.Node{Type: html.ElementNode, DataAtom: a, Data: a.String()}
}

func textNode(s string) []*html.Node {
	if s == "" {
		return nil
	}
	return []*html.Node{{Type: html.TextNode, Data: s}}
}

func adopt(e *html.Node, kids []*html.Node) {
	for _, k := range kids {
		e.AppendChild(k)
	}
}

func isBlock(n *html.Node) bool { return n.Type == html.ElementNode && roleOf(n) != inline }

func isBreak(n *html.Node) bool { return n.DataAtom == atom.Br }

func isBlank(n *html.Node) bool {
	return n.Type == html.TextNode && strings.Trim(n.Data, " \n") == ""
}

// mixed reports whether there is a block among nodes.
func mixed(nodes []*html.Node) bool { return slices.ContainsFunc(nodes, isBlock) }

// filled reports whether nodes hold anything but blanks and line breaks.
func filled(nodes []*html.Node) bool {
	return slices.ContainsFunc(nodes, func(n *html.Node) bool { return !isBlank(n) && !isBreak(n) })
}

// blocks puts each run of words between blocks into a paragraph.
func blocks(nodes []*html.Node) []*html.Node {
	var out, words []*html.Node
	end := func() {
		if words = trim(words); len(words) > 0 {
			p := element(atom.P)
			adopt(p, words)
			out = append(out, p)
		}
		words = nil
	}
	for _, n := range nodes {
		if isBlock(n) {
			end()
			out = append(out, n)
			continue
		}
		words = append(words, n)
	}
	end()
	return out
}

// merge joins neighbouring texts, with single blanks between them.
func merge(nodes []*html.Node) []*html.Node {
	var out []*html.Node
	for _, n := range nodes {
		if n.Type == html.TextNode && n.Data == "" {
			continue
		}
		if last := len(out) - 1; last >= 0 && n.Type == html.TextNode && out[last].Type == html.TextNode {
			left := out[last].Data
			if strings.HasSuffix(left, " ") {
				left = strings.TrimRight(left, " ") + " "
				n.Data = strings.TrimLeft(n.Data, " ")
			}
			out[last].Data = norm.NFC.String(left + n.Data)
			continue
		}
		out = append(out, n)
	}
	return out
}

// trim takes blanks and line breaks off the ends of a run of words, blanks
// off each line break, and leaves at most two line breaks in a row.
func trim(nodes []*html.Node) []*html.Node {
	nodes = merge(nodes)
	for i, n := range nodes {
		if n.Type != html.TextNode {
			continue
		}
		if i == 0 || isBreak(nodes[i-1]) {
			n.Data = strings.TrimLeft(n.Data, " ")
		}
		if i+1 == len(nodes) || isBreak(nodes[i+1]) {
			n.Data = strings.TrimRight(n.Data, " ")
		}
	}
	var out []*html.Node
	breaks := 0
	for _, n := range nodes {
		switch {
		case n.Type == html.TextNode && n.Data == "":
		case !isBreak(n):
			breaks = 0
			out = append(out, n)
		case len(out) > 0 && breaks < 2:
			breaks++
			out = append(out, n)
		}
	}
	for len(out) > 0 && isBreak(out[len(out)-1]) {
		out = out[:len(out)-1]
	}
	if !filled(out) {
		return nil
	}
	return out
}
