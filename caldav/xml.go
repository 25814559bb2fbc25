package caldav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
)

// The namespaces of the elements that the handler knows.
const (
	nsDAV   = "DAV:"
	nsCal   = "urn:ietf:params:xml:ns:caldav"
	nsCS    = "http://calendarserver.org/ns/"
	nsApple = "http://apple.com/ns/ical/"
	nsXML   = "http://www.w3.org/XML/1998/namespace"
)

// What a request body may hold. The deepest request of a known client has nine
// levels. A multiget may be longer than anything else: some programs ask for
// all objects of a calendar at once, and 20,000 of them fit.
const (
	maxBody     = 1 << 20
	maxMultiget = 8 << 20
	maxDepth    = 64
	maxElements = 1 << 15
	maxHrefs    = 40_000
	maxRun      = 64 << 10 // bytes without a "<"
	maxBindings = 256      // namespace declarations in scope at one place
)

// The errors of [parseXML]. What exactly was wrong is nobody's business: the
// text of a request is private.
var (
	errMalformed = errors.New("request body is not acceptable XML")
	errTooLong   = errors.New("request body is too long")
	errTooMany   = errors.New("request body has too many elements")
)

// meter passes a body on until it is too long: as a whole, or from one "<" to
// the next, so that nobody need keep more than that in memory.
type meter struct {
	r    io.Reader
	left int
	run  int
	err  error
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.r.Read(p)
	m.left -= n
	for rest := p[:n]; ; {
		i := bytes.IndexByte(rest, '<')
		if i < 0 {
			m.run += len(rest)
			break
		}
		if m.run+i > maxRun {
			m.run += i
			break
		}
		m.run, rest = 0, rest[i+1:]
	}
	if m.left < 0 || m.run > maxRun {
		m.err = errTooLong
		return 0, m.err
	}
	return n, err
}

// element is one element of a request, its namespace resolved. The order of
// children is kept; comments and processing instructions are dropped.
type element struct {
	name     xml.Name
	attrs    []xml.Attr // without prefix only; no request uses others
	text     []byte     // all character data directly inside
	children []*element
}

// is reports whether e is named local in namespace space; a nil e is not.
func (e *element) is(space, local string) bool {
	return e != nil && e.name.Local == local && e.name.Space == space
}

// child returns the first child of that name, or nil.
func (e *element) child(space, local string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.is(space, local) {
			return c
		}
	}
	return nil
}

// attr returns the value of an attribute.
func (e *element) attr(local string) (string, bool) {
	for _, a := range e.attrs {
		if a.Name.Local == local {
			return a.Value, true
		}
	}
	return "", false
}

// trimmed returns the character data without surrounding white space.
func (e *element) trimmed() string { return string(bytes.TrimSpace(e.text)) }

// binding is one namespace declaration in scope.
type binding struct{ prefix, space string }

// treeParser builds the tree out of raw tokens. It resolves namespaces itself,
// because encoding/xml passes undeclared prefixes through as if they were
// namespaces.
type treeParser struct {
	root     *element
	open     []openElement
	bindings []binding
	left     int // elements still allowed
	many     bool
	seen     bool // something other than white space
}

type openElement struct {
	el       *element
	raw      xml.Name // as written, to be met by the end tag
	bindings int      // declarations in scope outside of it
}

// parseXML reads a whole request body, and no more of it than it takes to see
// what is wrong. It refuses document type declarations, entities other than
// the five of XML, encodings other than UTF-8 and UTF-16 (RFC 4918, 19),
// undeclared prefixes, and everything beyond the limits above, which are
// counted in UTF-8. A body of white space gives no tree.
func parseXML(body io.Reader) (*element, error) {
	body, wide := plainText(body)
	m := &meter{r: body, left: maxBody}
	d := xml.NewDecoder(m)
	if wide {
		d.CharsetReader = declaredWide
	}
	p := treeParser{left: maxElements}
	for {
		tok, err := d.RawToken()
		if m.err != nil {
			return nil, m.err
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errMalformed
		}
		outside := p.root == nil
		ok := p.token(tok)
		if outside && p.root.is(nsCal, "calendar-multiget") {
			m.left += maxMultiget - maxBody
			p.left = maxHrefs
		}
		if p.many {
			return nil, errTooMany
		}
		if !ok {
			return nil, errMalformed
		}
	}
	if len(p.open) > 0 || p.root == nil && p.seen {
		return nil, errMalformed
	}
	return p.root, nil
}

// token takes the next token; false says that it cannot stand where it does.
func (p *treeParser) token(tok xml.Token) bool {
	switch t := tok.(type) {
	case xml.StartElement:
		p.seen = true
		return p.start(t)
	case xml.EndElement:
		return p.end(t)
	case xml.CharData:
		p.seen = p.seen || len(bytes.TrimSpace(t)) > 0
		return p.text(t)
	case xml.Directive:
		return false
	}
	p.seen = true
	return true
}

func (p *treeParser) start(t xml.StartElement) bool {
	p.left--
	p.many = p.left < 0
	if p.many || len(p.open) >= maxDepth || len(p.open) == 0 && p.root != nil {
		return false
	}
	outer := len(p.bindings)
	el := &element{}
	for _, a := range t.Attr {
		switch {
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			p.bindings = append(p.bindings, binding{"", a.Value})
		case a.Name.Space == "xmlns":
			if a.Value == "" || a.Name.Local == "xmlns" || a.Name.Local == "xml" {
				return false
			}
			p.bindings = append(p.bindings, binding{a.Name.Local, a.Value})
		case a.Name.Space == "" && !strings.Contains(a.Name.Local, ":"):
			el.attrs = append(el.attrs, a)
		}
	}
	if len(p.bindings) > maxBindings {
		return false
	}
	space, ok := p.resolve(t.Name.Space)
	if !ok || strings.Contains(t.Name.Local, ":") {
		return false
	}
	el.name = xml.Name{Space: space, Local: t.Name.Local}
	if n := len(p.open); n > 0 {
		parent := p.open[n-1].el
		parent.children = append(parent.children, el)
	} else {
		p.root = el
	}
	p.open = append(p.open, openElement{el, t.Name, outer})
	return true
}

func (p *treeParser) end(t xml.EndElement) bool {
	n := len(p.open)
	if n == 0 || p.open[n-1].raw != t.Name {
		return false
	}
	p.bindings = p.bindings[:p.open[n-1].bindings]
	p.open = p.open[:n-1]
	return true
}

func (p *treeParser) text(t xml.CharData) bool {
	n := len(p.open)
	if n == 0 {
		return len(bytes.TrimSpace(bytes.TrimPrefix(t, []byte("\ufeff")))) == 0 // a byte order mark
	}
	el := p.open[n-1].el
	el.text = append(el.text, t...)
	return true
}

func (p *treeParser) resolve(prefix string) (string, bool) {
	for _, b := range slices.Backward(p.bindings) {
		if b.prefix == prefix {
			return b.space, true
		}
	}
	switch prefix {
	case "":
		return "", true
	case "xml":
		return nsXML, true
	}
	return "", false
}
