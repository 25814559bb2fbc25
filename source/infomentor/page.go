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
)

// page is what was found in an HTML page: its forms, and the texts of elements
// with an id.
type page struct {
	forms []form
	ids   map[string]string
}

// form is a form with its fields in the order of the page. Buttons are left
// out: whoever presses one adds it.
type form struct {
	action string // as written, entities decoded
	fields []field
}

type field struct{ name, value string }

// readPage takes an HTML page apart. Any bytes make a page.
func readPage(body []byte) page {
	p := page{ids: map[string]string{}}
	doc, err := html.ParseWithOptions(bytes.NewReader(body), html.ParseOptionEnableScripting(false))
	if err != nil {
		return p
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id := attr(n, "id"); id != "" && len(p.ids) < 5000 {
			p.ids[id] = text(n)
		}
		if n.DataAtom == atom.Form {
			p.forms = append(p.forms, readForm(n))
		}
	}
	return p
}

func readForm(n *html.Node) form {
	f := form{action: strings.TrimSpace(attr(n, "action"))}
	for in := range n.Descendants() {
		if in.Type != html.ElementNode || in.DataAtom != atom.Input || attr(in, "name") == "" {
			continue
		}
		switch strings.ToLower(attr(in, "type")) {
		case "submit", "button", "image", "reset", "file", "checkbox", "radio":
			continue
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
		if f.has(name) {
			return f, true
		}
	}
	return form{}, false
}

func (f form) has(name string) bool {
	return slices.ContainsFunc(f.fields, func(in field) bool { return in.name == name })
}

// set gives a field a value, and adds the field where it is missing.
func (f form) set(name, value string) form {
	f.fields = slices.Clone(f.fields)
	for i, in := range f.fields {
		if in.name == name {
			f.fields[i].value = value
			return f
		}
	}
	f.fields = append(f.fields, field{name, value})
	return f
}

// request returns what a browser sends for the form on a page at from.
func (f form) request(from *url.URL) (fetch.Request, error) {
	to, err := from.Parse(f.action)
	if err != nil {
		return fetch.Request{}, notUnderstood("a form's address is malformed")
	}
	var b strings.Builder
	for i, in := range f.fields {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(in.name) + "=" + url.QueryEscape(in.value))
	}
	return fetch.Request{
		Method: http.MethodPost, URL: to.String(), Body: []byte(b.String()),
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
	host := resp.URL.Hostname()
	if resp.Status != http.StatusOK || host != loginHost && !strings.HasSuffix(host, "."+loginHost) ||
		!bytes.Contains(resp.Body, []byte(relayInput)) {
		return form{}, false
	}
	return readPage(resp.Body).with(relayInput)
}

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
		for _, in := range f.fields {
			m := repeater.FindStringSubmatch(in.name)
			if m == nil {
				continue
			}
			title := p.ids["login_ascx_IdpListRepeater_"+m[1]+"_title"]
			u, err := url.Parse(in.value)
			if title == "" || err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
				continue
			}
			if slices.ContainsFunc(out, func(o municipality) bool { return o.title == title }) {
				continue
			}
			out = append(out, municipality{title: title, entry: in.value})
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
