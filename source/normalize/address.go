package normalize

import (
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

const maxURL = 2000 // bytes

// webURL returns s as an absolute http or https address, or "".
func webURL(s string, base *url.URL) string {
	u := address(s, base)
	if strings.HasPrefix(u, "http") {
		return u
	}
	return ""
}

// address returns s as an absolute address of a kind that a letter may link
// to (https, http, mailto, tel), resolved against base if that is not nil,
// without a password in it and in ASCII; "" for anything else.
func address(s string, base *url.URL) string {
	s = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' || invisible(r, false) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(capRaw(s), ""))
	s = strings.TrimSpace(decode(s))
	u, err := url.Parse(s)
	if err != nil {
		if u, err = url.Parse(strings.Join(strings.Fields(s), "")); err != nil {
			return ""
		}
	}
	if s == "" {
		return ""
	}
	if base != nil {
		u = base.ResolveReference(u)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch u.Scheme {
	case "http", "https":
		host, err := idna.Lookup.ToASCII(u.Hostname())
		if err != nil || host == "" || u.Opaque != "" || strings.Contains(host, "%") {
			return ""
		}
		u.User = nil
		u.Host = host + u.Host[len(u.Host)-len(portOf(u)):]
	case "mailto":
		if !strings.Contains(u.Opaque, "@") {
			return ""
		}
	case "tel":
		if !strings.ContainsAny(u.Opaque, "0123456789") {
			return ""
		}
	default:
		return ""
	}
	out := ascii(u.String())
	if len(out) > maxURL {
		return ""
	}
	return out
}

// portOf returns the port of u with its colon, or "".
func portOf(u *url.URL) string {
	if u.Port() == "" {
		return ""
	}
	return ":" + u.Port()
}

// ascii escapes every byte that RFC 3986 does not allow in an address.
func ascii(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			strings.IndexByte("-._~:/?#[]@!$&'()*+,;=%", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
