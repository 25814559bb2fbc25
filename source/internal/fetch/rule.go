package fetch

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"

	"syncd/source"
)

// Rule allows requests. All three parts must match.
type Rule struct {
	Method string // "GET", "POST"
	Host   string // exact, in lower case, without a port
	// Path is compared with the path as sent, exactly, or by its beginning
	// when it ends in "*". ASCII case does not count, as on the platforms'
	// servers. The query plays no part. A path with dot segments never
	// matches.
	Path string
}

func (r Rule) check() error {
	switch {
	case r.Method == "" || r.Method != strings.ToUpper(r.Method):
		return errors.New("method is missing or not in capitals")
	case r.Host == "" || r.Host != strings.ToLower(r.Host) || strings.ContainsAny(r.Host, "/:@ "):
		return errors.New("host is missing or malformed")
	case !strings.HasPrefix(r.Path, "/"):
		return errors.New("path does not begin with a slash")
	}
	return nil
}

func (r Rule) matches(method, host, path string) bool {
	if r.Method != method || r.Host != host {
		return false
	}
	if prefix, ok := strings.CutSuffix(r.Path, "*"); ok {
		return len(path) >= len(prefix) && equalFold(path[:len(prefix)], prefix)
	}
	return equalFold(path, r.Path)
}

// equalFold compares without regard to the case of ASCII letters only.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// parse reads an address as it will be sent. It is refused unless it is
// plain https on the standard port.
func parse(raw string) (*url.URL, error) {
	u, err := url.Parse(clean(raw))
	if err != nil {
		// The error holds the address, so it is cut.
		return nil, fmt.Errorf("%w: address is malformed", ErrNotAllowed)
	}
	u.Fragment, u.RawFragment = "", ""
	switch {
	case u.Scheme != "https":
		return nil, fmt.Errorf("%w: not https", ErrNotAllowed)
	case u.Opaque != "" || u.Hostname() == "" || u.User != nil:
		return nil, fmt.Errorf("%w: address is malformed", ErrNotAllowed)
	case u.Port() != "" && u.Port() != "443":
		return nil, fmt.Errorf("%w: not the standard port", ErrNotAllowed)
	}
	u.Host = strings.ToLower(u.Host)
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// clean percent-encodes the bytes that cannot stand in a request line and
// leaves every other byte alone: a signed address must arrive as it was
// issued. The sets are those of the WHATWG URL standard, and "|", "^" and "\"
// in paths, which Go would encode itself, undoing other bytes' encoding.
func clean(raw string) string {
	const hex = "0123456789ABCDEF"
	raw = strings.Trim(raw, " \t\r\n\f")
	raw, _, _ = strings.Cut(raw, "#")
	var b strings.Builder
	inQuery := false
	for i := range len(raw) {
		ch := raw[i]
		if ch == '?' {
			inQuery = true
		}
		if ch <= ' ' || ch >= 0x7f || strings.IndexByte(`"<>`, ch) >= 0 ||
			(!inQuery && strings.IndexByte("`{}|^\\", ch) >= 0) {
			b.WriteByte('%')
			b.WriteByte(hex[ch>>4])
			b.WriteByte(hex[ch&15])
			continue
		}
		b.WriteByte(ch)
	}
	return b.String()
}

// dotted reports whether a path has "." or ".." segments, however written.
func dotted(u *url.URL) bool {
	for s := range strings.FieldsFuncSeq(u.Path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if s == "." || s == ".." {
			return true
		}
	}
	return false
}

// rule finds the rule that allows a request.
func (c *Client) rule(method string, u *url.URL) (Rule, bool) {
	if dotted(u) {
		return Rule{}, false
	}
	path := u.EscapedPath()
	for _, r := range c.allow {
		if r.matches(method, u.Hostname(), path) {
			return r, true
		}
	}
	return Rule{}, false
}

// speakable returns how a host that no rule allows is named in errors: in
// full beside the hosts we know, otherwise by its registrable domain only.
func (c *Client) speakable(host string) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return "an unknown host"
	}
	for _, r := range c.allow {
		if d, err := publicsuffix.EffectiveTLDPlusOne(r.Host); err == nil && d == domain {
			return host
		}
	}
	return domain
}

// resolve gives the address that a reference found on page stands for. An
// absolute one is taken as it stands.
func resolve(page *url.URL, ref string) (string, error) {
	ref = strings.Trim(ref, " \t\r\n\f")
	if i := strings.Index(ref, "://"); i > 0 && !strings.ContainsAny(ref[:i], "/?#") {
		return ref, nil
	}
	u, err := url.Parse(clean(ref))
	if err != nil {
		return "", fmt.Errorf("%w: redirect is malformed", source.ErrNotUnderstood)
	}
	return page.ResolveReference(u).String(), nil
}
