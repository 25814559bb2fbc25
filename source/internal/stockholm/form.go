package stockholm

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"syncd/source/internal/fetch"
)

// page is what was found in an HTML page: its forms, its links and whether
// it submits a form by itself.
type page struct {
	forms  []form
	links  []string // href as written, entities decoded
	onload bool     // the page submits its first form by itself
}

// form is a form with its fields in the order of the page.
type form struct {
	method string // "GET", "POST"
	action string // as written, entities decoded
	fields []field
}

type field struct{ name, value string }

// submitting matches a script that does nothing but submit a form.
var submitting = regexp.MustCompile(`^\s*(?:window\.onload\s*=\s*function\s*\(\)\s*\{\s*)?document(?:\.[\w.]+(?:\[['"\w]+\])?|\[['"\w]+\])(?:\(['"][\w-]+['"]\))?\.submit\(\);?\s*\}?;?\s*$`)

// readPage takes an HTML page apart. Any bytes make a page; those of a JSON
// answer make one without forms.
func readPage(body []byte) page {
	var p page
	doc, err := html.ParseWithOptions(bytes.NewReader(body), html.ParseOptionEnableScripting(false))
	if err != nil {
		return p
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		p.take(n)
	}
	return p
}

func (p *page) take(n *html.Node) {
	switch n.DataAtom {
	case atom.Body:
		p.onload = p.onload || strings.Contains(attr(n, "onload"), "submit")
	case atom.Script:
		p.onload = p.onload || (n.FirstChild != nil && submitting.MatchString(n.FirstChild.Data))
	case atom.A:
		if href := attr(n, "href"); href != "" {
			p.links = append(p.links, href)
		}
	case atom.Form:
		p.forms = append(p.forms, readForm(n))
	default: // nothing that leads anywhere
	}
}

func readForm(n *html.Node) form {
	f := form{method: http.MethodGet, action: strings.TrimSpace(attr(n, "action"))}
	if strings.EqualFold(attr(n, "method"), http.MethodPost) {
		f.method = http.MethodPost
	}
	for in := range n.Descendants() {
		if in.Type != html.ElementNode || in.DataAtom != atom.Input || attr(in, "name") == "" {
			continue
		}
		switch strings.ToLower(attr(in, "type")) {
		case "submit", "button", "image", "reset", "file":
			continue // a script that submits a form sends none of these
		case "checkbox", "radio":
			if !has(in, "checked") {
				continue
			}
		}
		f.fields = append(f.fields, field{name: attr(in, "name"), value: attr(in, "value")})
	}
	return f
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// saml returns the form that carries a SAML message.
func (p page) saml() (form, bool) {
	for _, f := range p.forms {
		if f.has("SAMLResponse") || f.has("SAMLRequest") {
			return f, true
		}
	}
	return form{}, false
}

// auto returns the form that the page submits by itself.
func (p page) auto() (form, bool) {
	if p.onload && len(p.forms) > 0 {
		return p.forms[0], true
	}
	return form{}, false
}

// chooser returns the link or form by which a page leads to a method.
func (p page) chooser(f family) (link string, through form, found bool) {
	for _, l := range p.links {
		if strings.Contains(l, f.start) {
			return l, form{}, true
		}
	}
	for _, through := range p.forms {
		if strings.Contains(through.action, f.start) {
			return "", through, true
		}
	}
	return "", form{}, false
}

func (f form) has(name string) bool {
	return slices.ContainsFunc(f.fields, func(in field) bool { return in.name == name })
}

// request returns what a browser sends for the form on a page at from. An
// absolute action is not touched: it may be signed.
func (f form) request(from *url.URL) (fetch.Request, error) {
	to, err := follow(from, f.action)
	if err != nil {
		return fetch.Request{}, err
	}
	body := f.encode()
	if f.method == http.MethodGet {
		to, _, _ = strings.Cut(to, "?")
		return fetch.Request{URL: to + "?" + body, Follow: true}, nil
	}
	return fetch.Request{
		Method: http.MethodPost,
		URL:    to,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Body:   []byte(body),
		Follow: true,
	}, nil
}

// encode writes the fields in their order, which url.Values would not.
func (f form) encode() string {
	var b strings.Builder
	for i, in := range f.fields {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(in.name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(in.value))
	}
	return b.String()
}

// follow gives the address that a reference on a page stands for; an absolute
// one as it stands.
func follow(from *url.URL, ref string) (string, error) {
	ref = strings.TrimSpace(ref)
	if strings.HasPrefix(ref, "https://") {
		return ref, nil
	}
	u, err := url.Parse(ref)
	if err != nil {
		return "", notUnderstood("reference on a page is malformed")
	}
	return from.ResolveReference(u).String(), nil
}
