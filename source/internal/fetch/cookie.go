package fetch

import (
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// maxCookie bounds name and value together. SiteMinder's own cookies reach
// four kilobytes.
const maxCookie = 16 << 10

// cookie is one cookie as RFC 6265 section 5.3 keeps it. Name, value and path
// are bytes, not text.
type cookie struct {
	name, value string
	domain      string // lower case, no leading dot
	path        string
	hostOnly    bool
	secure      bool
	httpOnly    bool
	persistent  bool
	expires     time.Time // UTC, whole seconds; zero unless persistent
	made        uint64    // order of creation
}

func (c *cookie) expired(now time.Time) bool { return c.persistent && !c.expires.After(now) }

func (c *cookie) belongs(host string) bool {
	return c.domain == host || (!c.hostOnly && domainMatch(host, c.domain))
}

func (c *cookie) public() *http.Cookie {
	pub := &http.Cookie{ //nolint:gosec // reports what a platform set; it sets nothing
		Name: c.name, Value: c.value, Path: c.path,
		Secure: c.secure, HttpOnly: c.httpOnly,
	}
	if !c.hostOnly {
		pub.Domain = c.domain
	}
	if c.persistent {
		pub.Expires = c.expires
	}
	return pub
}

// split takes apart Set-Cookie values that something on the way merged into
// one line. A comma separates two cookies only among a cookie's attributes
// and only where a new "name=" follows: the comma of an Expires date is
// followed by a day, and a comma inside a value is left alone, for no browser
// would split there either.
func split(line string) []string {
	var out []string
	start := 0
	attributes := false
	for i := range len(line) {
		switch line[i] {
		case ';':
			attributes = true
		case ',':
			if attributes && named(line[i+1:]) {
				out = append(out, line[start:i])
				start, attributes = i+1, false
			}
		}
	}
	return append(out, line[start:])
}

// named reports whether s begins with blanks, a token and "=".
func named(s string) bool {
	s = strings.TrimLeft(s, " \t")
	for i := range len(s) {
		if s[i] == '=' {
			return i > 0
		}
		if !tokenByte(s[i]) {
			return false
		}
	}
	return false
}

func tokenByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

// attributes of a Set-Cookie line, before they are judged.
type attributes struct {
	domain, path     string
	maxAge           string
	expires          time.Time
	secure, httpOnly bool
}

// parseCookie reads one Set-Cookie line from u by RFC 6265 sections 5.2 and
// 5.3. It answers false for what a browser would ignore too.
func parseCookie(line string, u *url.URL, now time.Time) (cookie, bool) {
	if strings.IndexFunc(line, func(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }) >= 0 {
		return cookie{}, false
	}
	pair, rest, _ := strings.Cut(line, ";")
	name, value, ok := strings.Cut(pair, "=")
	name, value = trim(name), trim(value)
	if !ok || name == "" || len(name)+len(value) > maxCookie {
		return cookie{}, false
	}
	a := parseAttributes(rest)
	c := cookie{name: name, value: value, secure: a.secure, httpOnly: a.httpOnly, path: a.path}
	if c.path == "" {
		c.path = defaultPath(u)
	}
	if c.domain, c.hostOnly, ok = cookieDomain(a.domain, u.Hostname()); !ok {
		return cookie{}, false
	}
	if strings.HasPrefix(name, "__Secure-") && !c.secure ||
		strings.HasPrefix(name, "__Host-") && (!c.secure || !c.hostOnly || c.path != "/") {
		return cookie{}, false
	}
	switch {
	case a.maxAge != "":
		c.persistent, c.expires = true, expiry(a.maxAge, now)
	case !a.expires.IsZero():
		c.persistent, c.expires = true, a.expires
	}
	return c, true
}

func parseAttributes(rest string) attributes {
	var a attributes
	for rest != "" {
		var av string
		av, rest, _ = strings.Cut(rest, ";")
		name, value, _ := strings.Cut(av, "=")
		name, value = strings.ToLower(trim(name)), trim(value)
		switch name {
		case "domain":
			a.domain = strings.ToLower(strings.TrimPrefix(value, "."))
		case "path":
			a.path = ""
			if strings.HasPrefix(value, "/") {
				a.path = value
			}
		case "max-age":
			if digits := strings.TrimPrefix(value, "-"); digits != "" && strings.Trim(digits, "0123456789") == "" {
				a.maxAge = value
			}
		case "expires":
			if t, ok := cookieDate(value); ok {
				a.expires = t
			}
		case "secure":
			a.secure = true
		case "httponly":
			a.httpOnly = true
		}
	}
	return a
}

func trim(s string) string { return strings.Trim(s, " \t") }

// expiry reads Max-Age, which is digits with perhaps a minus.
func expiry(maxAge string, now time.Time) time.Time {
	const most = 400 * 24 * 3600 // as browsers bound it
	n, err := strconv.ParseInt(maxAge, 10, 64)
	if err != nil {
		n = math.MaxInt64
		if maxAge[0] == '-' {
			n = 0
		}
	}
	if n <= 0 {
		return time.Unix(0, 0).UTC()
	}
	return time.Unix(now.Unix()+min(n, most), 0).UTC()
}

// cookieDomain judges a Domain attribute set by host: a cookie for a public
// suffix or for somebody else is refused.
func cookieDomain(domain, host string) (to string, hostOnly, ok bool) {
	host = strings.ToLower(host)
	if domain == "" || domain == host && net.ParseIP(host) != nil {
		return host, true, true
	}
	if strings.HasSuffix(domain, ".") || !ascii(domain) || net.ParseIP(host) != nil {
		return "", false, false
	}
	if suffix, _ := publicsuffix.PublicSuffix(domain); suffix == domain {
		return host, true, domain == host
	}
	return domain, false, domainMatch(host, domain)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// domainMatch is RFC 6265 section 5.1.3; hosts that are addresses never get
// here with a domain other than themselves.
func domainMatch(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// defaultPath is RFC 6265 section 5.1.4.
func defaultPath(u *url.URL) string {
	path := u.EscapedPath()
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return "/"
	}
	return path[:i]
}

// pathMatch is RFC 6265 section 5.1.4.
func pathMatch(path, prefix string) bool {
	if path == "" {
		path = "/"
	}
	return path == prefix ||
		strings.HasPrefix(path, prefix) && (strings.HasSuffix(prefix, "/") || path[len(prefix)] == '/')
}
