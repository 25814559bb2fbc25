package normalize

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// role is what an element does to the text in it.
type role int

const (
	inline    role = iota // nothing
	block                 // stands on lines of its own
	paragraph             // the same, with an empty line around it
	dropped               // is left out with all that is in it
)

func roleOf(n *html.Node) role {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template, atom.Noscript, atom.Noembed, atom.Noframes,
		atom.Iframe, atom.Object, atom.Embed, atom.Applet, atom.Svg, atom.Math, atom.Canvas, atom.Audio, atom.Video,
		atom.Select, atom.Textarea, atom.Button, atom.Input, atom.Datalist, atom.Meter, atom.Progress, atom.Link,
		atom.Meta, atom.Base, atom.Img, atom.Image, atom.Picture, atom.Source, atom.Track, atom.Param, atom.Map,
		atom.Area, atom.Frame, atom.Frameset, atom.Colgroup, atom.Col, atom.Xmp, atom.Plaintext:
		return dropped
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Dl, atom.Table,
		atom.Blockquote, atom.Pre, atom.Hr, atom.Figure, atom.Listing:
		return paragraph
	case atom.Div, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main, atom.Nav, atom.Aside, atom.Li,
		atom.Dt, atom.Dd, atom.Tr, atom.Td, atom.Th, atom.Thead, atom.Tbody, atom.Tfoot, atom.Caption, atom.Center,
		atom.Address, atom.Figcaption, atom.Form, atom.Fieldset, atom.Legend, atom.Details, atom.Summary, atom.Body,
		atom.Html, atom.Menu, atom.Dir, atom.Option, atom.Optgroup:
		return block
	default:
		return inline
	}
}

// parse reads a fragment of HTML as it stands in a page's body.
func parse(s string) ([]*html.Node, error) {
	return html.ParseFragment(strings.NewReader(s), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
}

// toText returns the text of HTML: paragraphs parted by an empty line, list
// items with bullets, the cells of a table row in one line, the addresses of
// links in brackets.
func toText(s string) string {
	nodes, err := parse(shield(s))
	if err != nil { // nested beyond reason
		return stripTags(s)
	}
	var w textWriter
	for _, n := range nodes {
		w.node(n)
	}
	return w.b.String()
}

// textWriter writes text with as many line breaks as the blocks around it
// want, and no more.
type textWriter struct {
	b      strings.Builder
	breaks int  // wanted before the next word
	blank  bool // wanted before the next word
	bullet bool // just written: its first block stays on the line
	lists  []int
	pre    bool
}

func (w *textWriter) want(breaks int) {
	if !w.bullet {
		w.breaks = max(w.breaks, breaks)
	}
}

func (w *textWriter) text(s string) {
	if w.pre {
		for i, l := range strings.Split(s, "\n") {
			if i > 0 {
				w.breaks++
			}
			w.words(l)
		}
		return
	}
	w.words(s)
}

func (w *textWriter) words(s string) {
	words := strings.Fields(s)
	if len(words) == 0 {
		w.blank = w.blank || s != ""
		return
	}
	w.blank = w.blank || strings.TrimLeft(s, " \t\r\n\f\u00a0") != s
	w.flush()
	w.b.WriteString(strings.Join(words, " "))
	w.blank = strings.TrimRight(s, " \t\r\n\f\u00a0") != s
}

func (w *textWriter) flush() {
	switch {
	case w.b.Len() == 0:
	case w.breaks > 0:
		w.b.WriteString(strings.Repeat("\n", min(w.breaks, 2)))
	case w.blank:
		w.b.WriteByte(' ')
	}
	w.breaks, w.blank, w.bullet = 0, false, false
}

func (w *textWriter) node(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		w.text(n.Data)
	case html.ElementNode:
		if !control(n) {
			w.element(n)
		}
	case html.ErrorNode, html.DocumentNode, html.CommentNode, html.DoctypeNode, html.RawNode:
	}
}

func (w *textWriter) children(n *html.Node) {
	for c := range n.ChildNodes() {
		w.node(c)
	}
}

func (w *textWriter) element(n *html.Node) {
	if n.DataAtom == atom.Br {
		w.bullet = false
		w.breaks++
		return
	}
	r := roleOf(n)
	if r == dropped {
		return
	}
	around := int(r) // inline 0, block 1, paragraph 2
	if (n.DataAtom == atom.Ul || n.DataAtom == atom.Ol) && len(w.lists) > 0 {
		around = 1
	}
	w.want(around)
	switch n.DataAtom {
	case atom.A:
		w.link(n)
	case atom.Ul, atom.Ol, atom.Menu, atom.Dir:
		w.lists = append(w.lists, 0)
		w.children(n)
		w.lists = w.lists[:len(w.lists)-1]
	case atom.Li:
		w.item(n)
	case atom.Tr:
		w.row(n)
	case atom.Pre:
		was := w.pre
		w.pre = true
		w.children(n)
		w.pre = was
	default:
		w.children(n)
	}
	w.bullet = false
	w.want(around)
}

func (w *textWriter) item(n *html.Node) {
	mark := "-"
	if last := len(w.lists) - 1; last >= 0 && n.Parent != nil && n.Parent.DataAtom == atom.Ol {
		w.lists[last]++
		mark = strconv.Itoa(w.lists[last]) + "."
	}
	if textOf(n) == "" {
		return
	}
	w.flush()
	w.b.WriteString(mark)
	w.blank, w.bullet = true, true
	w.children(n)
}

func (w *textWriter) row(n *html.Node) {
	var cells []string
	for c := range n.ChildNodes() {
		if c.Type != html.ElementNode {
			continue
		}
		var cell textWriter
		cell.children(c)
		if t := strings.Join(strings.Fields(cell.b.String()), " "); t != "" {
			cells = append(cells, t)
		}
	}
	w.words(strings.Join(cells, " | "))
}

func (w *textWriter) link(n *html.Node) {
	before := w.b.Len()
	w.children(n)
	to := address(attr(n, "href"), nil)
	if to == "" {
		return
	}
	shown := strings.TrimSpace(w.b.String()[before:])
	bare := strings.TrimPrefix(strings.TrimPrefix(to, "mailto:"), "tel:")
	switch {
	case shown == "":
		w.words(bare)
	case strings.HasPrefix(to, "tel:"), strings.Contains(shown, bare), trimWeb(shown) == trimWeb(bare):
	default:
		w.blank = true
		w.words("(" + bare + ")")
	}
}

// trimWeb returns an address as people write it.
func trimWeb(s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(s), "https://"), "http://")
	return strings.TrimSuffix(strings.TrimPrefix(s, "www."), "/")
}

// textOf returns all text below n as one line.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(clean(b.String()))
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == name {
			return a.Val
		}
	}
	return ""
}

// control reports whether n is one of SharePoint's elements that hold data
// for its editor instead of text.
func control(n *html.Node) bool {
	for _, a := range n.Attr {
		switch {
		case a.Key == "data-sp-componentid", a.Key == "data-sp-htmlproperties":
			return true
		case strings.HasPrefix(a.Key, "data-sp-"):
			if t := textOf(n); strings.HasPrefix(t, "{") && strings.HasSuffix(t, "}") {
				return true
			}
		}
	}
	return false
}
