package stockholm

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"syncd/source/internal/fetch"
	"syncd/source/internal/htmlform"
)

// page is what was found in an HTML page: its forms, its links and whether
// it submits a form by itself.
type page struct {
	forms  []form
	links  []string // href as written, entities decoded
	onload bool     // the page submits its first form by itself
}

// form is a form of a page.
type form struct{ htmlform.Form }

// submitting matches a script that does nothing but submit a form.
var submitting = regexp.MustCompile(`^\s*(?:window\.onload\s*=\s*function\s*\(\)\s*\{\s*)?document(?:\.[\w.]+(?:\[['"\w]+\])?|\[['"\w]+\])(?:\(['"][\w-]+['"]\))?\.submit\(\);?\s*\}?;?\s*$`)

// readPage takes an HTML page apart. Any bytes make a page; those of a JSON
// answer make one without forms.
func readPage(body []byte) page {
	var p page
	htmlform.Elements(body, p.take)
	return p
}

func (p *page) take(n *html.Node) {
	switch n.DataAtom {
	case atom.Body:
		p.onload = p.onload || strings.Contains(htmlform.Attr(n, "onload"), "submit")
	case atom.Script:
		p.onload = p.onload || (n.FirstChild != nil && submitting.MatchString(n.FirstChild.Data))
	case atom.A:
		if href := htmlform.Attr(n, "href"); href != "" {
			p.links = append(p.links, href)
		}
	case atom.Form:
		p.forms = append(p.forms, form{htmlform.Read(n)})
	default: // nothing that leads anywhere
	}
}

// saml returns the form that carries a SAML message.
func (p page) saml() (form, bool) {
	for _, f := range p.forms {
		if f.Has("SAMLResponse") || f.Has("SAMLRequest") {
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
		if strings.Contains(through.Action, f.start) {
			return "", through, true
		}
	}
	return "", form{}, false
}

// request returns what a browser sends for the form on a page at from. An
// absolute action is not touched: it may be signed.
func (f form) request(from *url.URL) (fetch.Request, error) {
	to, err := follow(from, f.Action)
	if err != nil {
		return fetch.Request{}, err
	}
	body := f.Encode()
	if f.Method == http.MethodGet {
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
