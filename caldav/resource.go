package caldav

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// kind is what a path leads to.
type kind uint8

const (
	kindRoot kind = iota
	kindPrincipal
	kindHome
	kindCalendar
	kindObject
	kindCount
)

// kinds is a set of kinds.
type kinds uint8

func kindsOf(list ...kind) kinds {
	var s kinds
	for _, k := range list {
		s |= 1 << k
	}
	return s
}

func (s kinds) has(k kind) bool { return s&(1<<k) != 0 }

// collection reports whether resources of this kind have members, and so end
// in a slash.
func (k kind) collection() bool { return k != kindObject }

// homeSegment is the fixed path segment between a principal and its calendars.
const homeSegment = "calendars"

// target is a path taken apart. What it names need not exist.
type target struct {
	kind  kind
	link  school.LinkID
	slug  string
	name  string // of the object
	exact bool   // the path was written as it should be: slash at the end or not
	bare  bool   // the path was "/", outside of the prefix
}

// paths is the only place that knows the URL scheme:
//
//	{prefix}                              root
//	{prefix}{link}/                       principal
//	{prefix}{link}/calendars/             home
//	{prefix}{link}/calendars/{slug}/      calendar
//	{prefix}{link}/calendars/{slug}/{name} object
type paths struct{ prefix string }

func (p paths) root() string { return p.prefix }

func (p paths) principal(link school.LinkID) string {
	return p.prefix + escapeSegment(string(link)) + "/"
}

func (p paths) home(link school.LinkID) string {
	return p.principal(link) + homeSegment + "/"
}

func (p paths) calendar(link school.LinkID, slug string) string {
	return p.home(link) + escapeSegment(slug) + "/"
}

// of returns the one spelling of a target's path. For an object that is the
// calendar's path and the escaped name.
func (p paths) of(t target) string {
	switch t.kind {
	case kindRoot:
		if t.bare {
			return "/"
		}
		return p.root()
	case kindPrincipal:
		return p.principal(t.link)
	case kindHome:
		return p.home(t.link)
	case kindCalendar:
		return p.calendar(t.link, t.slug)
	case kindObject, kindCount:
	}
	return p.calendar(t.link, t.slug) + escapeSegment(t.name)
}

// parse takes a path apart that is still percent-encoded. Each segment is
// decoded exactly once; dot segments, empty segments, encoded slashes, control
// characters and broken escapes lead nowhere.
func (p paths) parse(escaped string) (target, bool) {
	if escaped == "/" {
		return target{kind: kindRoot, exact: true, bare: true}, true
	}
	rest, ok := strings.CutPrefix(escaped, p.prefix)
	if !ok {
		if rest, ok = p.cutEscaped(escaped); !ok {
			return target{}, false
		}
	}
	if rest == "" {
		return target{kind: kindRoot, exact: strings.HasSuffix(escaped, "/")}, true
	}
	rest, slash := strings.CutSuffix(rest, "/")
	segments := strings.SplitN(rest, "/", 5)
	for i, s := range segments {
		if segments[i], ok = unescapeSegment(s); !ok {
			return target{}, false
		}
	}
	t := target{link: school.LinkID(segments[0])}
	switch n := len(segments); {
	case n > 4, n > 1 && segments[1] != homeSegment:
		return target{}, false
	case n == 4:
		t.kind, t.slug, t.name = kindObject, segments[2], segments[3]
	case n == 3:
		t.kind, t.slug = kindCalendar, segments[2]
	case n == 2:
		t.kind = kindHome
	default:
		t.kind = kindPrincipal
	}
	t.exact = slash == t.kind.collection()
	return t, true
}

// cutEscaped cuts the prefix off a path in which it is written with escapes
// that it does not need.
func (p paths) cutEscaped(escaped string) (rest string, ok bool) {
	rest = escaped
	for want := range strings.SplitSeq(strings.Trim(p.prefix, "/"), "/") {
		if rest, ok = strings.CutPrefix(rest, "/"); !ok {
			return "", false
		}
		segment, _, _ := strings.Cut(rest, "/")
		if got, ok := unescapeSegment(segment); !ok || got != want {
			return "", false
		}
		rest = rest[len(segment):]
	}
	return strings.TrimPrefix(rest, "/"), true
}

// member takes an href out of a request body and says which object of the
// calendar at base (a path ending in a slash) it names. The href may be an
// absolute path or a whole URL; its host is not looked at, because a proxy may
// have changed ours.
func (p paths) member(base, href string) (name string, ok bool) {
	if rest, found := strings.CutPrefix(href, base); found {
		return unescapeSegment(rest)
	}
	u, err := url.Parse(href)
	if err != nil {
		return "", false
	}
	t, ok := p.parse(u.EscapedPath())
	if !ok || t.kind != kindObject || p.calendar(t.link, t.slug) != base {
		return "", false
	}
	return t.name, true
}

// unescapeSegment decodes one path segment once.
func unescapeSegment(s string) (string, bool) {
	if strings.IndexByte(s, '%') >= 0 {
		var err error
		if s, err = url.PathUnescape(s); err != nil {
			return "", false
		}
	}
	if s == "" || s == "." || s == ".." || len(s) > 255 || !utf8.ValidString(s) {
		return "", false
	}
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == 0x7f || c == '/' || c == '\\' || c == '?' || c == '#' {
			return "", false
		}
	}
	return s, true
}

// escapeSegment writes one path segment in the one spelling that is used
// everywhere: all but unreserved characters (RFC 3986, 2.3) and "@" escaped.
// The result holds no XML markup.
func escapeSegment(s string) string {
	n := 0
	for n < len(s) && unreserved(s[n]) {
		n++
	}
	if n == len(s) {
		return s
	}
	const hex = "0123456789ABCDEF"
	b := make([]byte, n, len(s)+32)
	copy(b, s)
	for ; n < len(s); n++ {
		if c := s[n]; unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' ||
		c == '-' || c == '.' || c == '_' || c == '~' || c == '@'
}

// resource is something that exists, with what its properties need.
type resource struct {
	target
	home *Home                 // root, principal, home
	cal  *icalendar.Collection // calendar, object
	obj  *icalendar.Object     // object

	// worked says that a report wants recurrences worked out, and data is what
	// that gave; nil if nothing is left of the object.
	worked bool
	data   []byte
}

// content is what of an object there is to send.
func (r *resource) content() []byte {
	if r.worked {
		return r.data
	}
	return r.obj.Data
}
