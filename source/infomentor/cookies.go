package infomentor

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// browserCookie is one cookie of an imported browser session.
type browserCookie struct {
	host, path, name, value string
	domain                  bool // for hosts below as well
}

// at is where the cookie was set.
func (c browserCookie) at() *url.URL { return &url.URL{Scheme: "https", Host: c.host, Path: "/"} }

// line is how it was set.
func (c browserCookie) line() string {
	line := c.name + "=" + c.value + "; Path=" + c.path + "; Secure"
	if c.domain {
		line += "; Domain=" + c.host
	}
	return line
}

// maxImport bounds what a guardian can paste.
const maxImport = 256 << 10

// readCookies reads a browser's cookies in one of three forms: a browser's
// Cookie line for the Hub, a cookies.txt file, and the list in JSON that
// browser extensions write. Only the platform's own are taken, and without the
// Hub's own session they are of no use.
func readCookies(text string) ([]browserCookie, bool) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if text == "" || len(text) > maxImport {
		return nil, false
	}
	var out []browserCookie
	switch {
	case strings.HasPrefix(text, "["):
		out = readCookieJSON(text)
	case strings.Contains(text, "\t"):
		out = readCookieFile(text)
	default:
		out = readCookieLine(text)
	}
	out = slices.DeleteFunc(out, func(c browserCookie) bool { return !c.good() })
	ok := slices.ContainsFunc(out, func(c browserCookie) bool { return c.name == "IMHome" && c.host == hubHost })
	return out, ok
}

// good reports whether the cookie is the platform's and can be sent as it is.
func (c browserCookie) good() bool {
	if c.host != loginHost && !strings.HasSuffix(c.host, "."+loginHost) || c.name == "" || !strings.HasPrefix(c.path, "/") {
		return false
	}
	for _, s := range []string{c.name, c.value, c.path} {
		if len(s) > 4096 || strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == ';' || r == 0x7f }) {
			return false
		}
	}
	return !strings.Contains(c.name, "=") && !strings.ContainsAny(c.host, "/:@?# ")
}

// readCookieLine reads "Cookie: a=b; c=d", as a browser shows it for the Hub.
func readCookieLine(text string) []browserCookie {
	if head, rest, ok := strings.Cut(text, ":"); ok && strings.EqualFold(strings.TrimSpace(head), "cookie") {
		text = rest
	}
	var out []browserCookie
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "\n", " "), ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if ok {
			out = append(out, browserCookie{host: hubHost, path: "/", name: strings.TrimSpace(name), value: strings.TrimSpace(value)})
		}
	}
	return out
}

// readCookieFile reads the form of Netscape: host, subdomains, path, secure,
// expiry, name and value, parted by tabs.
func readCookieFile(text string) []browserCookie {
	var out []browserCookie
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimRight(line, "\r\n"), "#HttpOnly_")
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") || len(f) != 7 {
			continue
		}
		out = append(out, browserCookie{
			host: strings.ToLower(strings.TrimPrefix(f[0], ".")), domain: strings.EqualFold(f[1], "TRUE"), path: f[2], name: f[5], value: f[6],
		})
	}
	return out
}

// readCookieJSON reads what browser extensions export.
func readCookieJSON(text string) []browserCookie {
	var in []struct {
		Domain   string `json:"domain"`
		HostOnly *bool  `json:"hostOnly"`
		Path     string `json:"path"`
		Name     string `json:"name"`
		Value    string `json:"value"`
	}
	if json.Unmarshal([]byte(text), &in) != nil {
		return nil
	}
	var out []browserCookie
	for _, c := range in {
		domain := strings.HasPrefix(c.Domain, ".")
		if c.HostOnly != nil {
			domain = !*c.HostOnly
		}
		out = append(out, browserCookie{
			host: strings.ToLower(strings.TrimPrefix(c.Domain, ".")), domain: domain, path: c.Path, name: c.Name, value: c.Value,
		})
	}
	return out
}
