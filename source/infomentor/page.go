package infomentor

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"syncd/source/internal/fetch"
	"syncd/source/internal/htmlform"
)

// page is what was found in an HTML page: its forms, and the texts of elements
// with an id.
type page struct {
	forms []form
	ids   map[string]string
}

// form is a form of a page.
type form struct{ htmlform.Form }

// readPage takes an HTML page apart. Any bytes make a page.
func readPage(body []byte) page {
	p := page{ids: map[string]string{}}
	htmlform.Elements(body, func(n *html.Node) {
		if id := htmlform.Attr(n, "id"); id != "" && len(p.ids) < 5000 {
			p.ids[id] = text(n)
		}
		if n.DataAtom == atom.Form {
			p.forms = append(p.forms, form{htmlform.Read(n)})
		}
	})
	return p
}

// text returns the text directly inside an element.
func text(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// with returns the page's form that has a field; false when there is none.
func (p page) with(name string) (form, bool) {
	for _, f := range p.forms {
		if f.Has(name) {
			return f, true
		}
	}
	return form{}, false
}

// set gives a field a value, and adds the field where it is missing.
func (f form) set(name, value string) form {
	f.Fields = slices.Clone(f.Fields)
	for i, in := range f.Fields {
		if in.Name == name {
			f.Fields[i].Value = value
			return f
		}
	}
	f.Fields = append(f.Fields, htmlform.Field{Name: name, Value: value})
	return f
}

// request returns what a browser sends for the form on a page at from.
func (f form) request(from *url.URL) (fetch.Request, error) {
	to, err := from.Parse(f.Action)
	if err != nil {
		return fetch.Request{}, notUnderstood("a form's address is malformed")
	}
	return fetch.Request{
		Method: http.MethodPost, URL: to.String(), Body: []byte(f.Encode()),
		Header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"},
			"Origin":       {"https://" + from.Host}, "Referer": {"https://" + from.Host + "/"},
		},
	}, nil
}

// Names of fields.
const (
	relayInput = "oauth_token"
	nameInput  = "login_ascx$txtNotandanafn"
	keyInput   = "login_ascx$txtLykilord"
	noPIN      = "aDontActivatePin"
)

// relayForm returns the form by which one of the platform's hosts hands a
// login on to the next.
func relayForm(resp *fetch.Response) (form, bool) {
	if resp.Status != http.StatusOK || !isOwn(resp.URL.Hostname()) || !bytes.Contains(resp.Body, []byte(relayInput)) {
		return form{}, false
	}
	return readPage(resp.Body).with(relayInput)
}

// isOwn reports whether a host is one of the platform's own.
func isOwn(host string) bool { return host == loginHost || strings.HasSuffix(host, "."+loginHost) }

// loginForm returns the form for user name and password.
func loginForm(resp *fetch.Response) (form, bool) {
	if resp.Status != http.StatusOK || !bytes.Contains(resp.Body, []byte("txtNotandanafn")) {
		return form{}, false
	}
	return readPage(resp.Body).with(nameInput)
}

// municipality is one entry of the list on the login page.
type municipality struct{ title, entry string }

// repeater is the name of a list entry's address field.
var repeater = regexp.MustCompile(`^login_ascx\$IdpListRepeater\$(ctl\d{2,4})\$url$`)

// municipalities reads the list of the login page: those whose sign-in begins
// at the platform itself, in the order of the page.
func municipalities(p page) []municipality {
	var out []municipality
	for _, f := range p.forms {
		for _, in := range f.Fields {
			m := repeater.FindStringSubmatch(in.Name)
			if m == nil {
				continue
			}
			title := p.ids["login_ascx_IdpListRepeater_"+m[1]+"_title"]
			u, err := url.Parse(in.Value)
			if title == "" || err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
				continue
			}
			if slices.ContainsFunc(out, func(o municipality) bool { return o.title == title }) {
				continue
			}
			out = append(out, municipality{title: title, entry: in.Value})
		}
	}
	return out
}

// homeMark is what the home page's data is assigned to.
const homeMark = "IMHome.home.homeData"

// findHome decodes what the home page assigns to homeData; false when it
// assigns nothing that is an object.
func findHome(body []byte) (wireHome, bool) {
	rest := body
	for {
		_, after, ok := bytes.Cut(rest, []byte(homeMark))
		if !ok {
			return wireHome{}, false
		}
		rest = after
		value, ok := bytes.CutPrefix(bytes.TrimLeft(after, " \t\r\n"), []byte("="))
		value = bytes.TrimLeft(value, " \t\r\n")
		if !ok || len(value) == 0 || value[0] != '{' {
			continue
		}
		var h wireHome
		if json.NewDecoder(bytes.NewReader(value)).Decode(&h) != nil {
			return wireHome{}, false
		}
		return h, true
	}
}
