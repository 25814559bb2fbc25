// Package htmlform reads the forms of HTML pages as a browser would submit
// them: by a script, without a button.
package htmlform

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Form is a form with its fields in the order of the page. Buttons are left
// out: whoever presses one adds it.
type Form struct {
	Method string // "GET", "POST"
	Action string // as written, entities decoded
	Fields []Field
}

// Field is what a form sends under a name.
type Field struct{ Name, Value string }

// Elements calls f with each element of a page, in its order. Any bytes make a
// page.
func Elements(body []byte, f func(*html.Node)) {
	doc, err := html.ParseWithOptions(bytes.NewReader(body), html.ParseOptionEnableScripting(false))
	if err != nil {
		return
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			f(n)
		}
	}
}

// Read reads the form that n is.
func Read(n *html.Node) Form {
	f := Form{Method: http.MethodGet, Action: strings.TrimSpace(Attr(n, "action"))}
	if strings.EqualFold(Attr(n, "method"), http.MethodPost) {
		f.Method = http.MethodPost
	}
	for in := range n.Descendants() {
		if in.Type != html.ElementNode || in.DataAtom != atom.Input || Attr(in, "name") == "" {
			continue
		}
		switch strings.ToLower(Attr(in, "type")) {
		case "submit", "button", "image", "reset", "file":
			continue // a script that submits a form sends none of these
		case "checkbox", "radio":
			if !slices.ContainsFunc(in.Attr, func(a html.Attribute) bool { return a.Key == "checked" }) {
				continue
			}
		}
		f.Fields = append(f.Fields, Field{Name: Attr(in, "name"), Value: Attr(in, "value")})
	}
	return f
}

// Attr returns an attribute of an element; empty where it has none.
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Has reports whether the form has a field of this name.
func (f Form) Has(name string) bool {
	return slices.ContainsFunc(f.Fields, func(in Field) bool { return in.Name == name })
}

// Encode writes the fields in their order, which url.Values would not.
func (f Form) Encode() string {
	var b strings.Builder
	for i, in := range f.Fields {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(in.Name) + "=" + url.QueryEscape(in.Value))
	}
	return b.String()
}
