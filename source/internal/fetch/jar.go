package fetch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxCookies bounds a jar; the oldest go first.
const maxCookies = 500

// Jar keeps cookies by RFC 6265, for https only, with the public suffix list.
// Names, values and paths are kept byte for byte: quotes, commas, blanks and
// bytes beyond ASCII go back as they came. Cookies without an expiry live
// until they are deleted, also across MarshalBinary, for our sessions are
// meant to outlive the process. A Jar is safe for concurrent use and does
// not print.
type Jar struct {
	now func() time.Time

	mu      sync.Mutex
	cookies []cookie // in the order of creation
	made    uint64
}

// NewJar returns an empty jar whose cookies expire by now.
func NewJar(now func() time.Time) *Jar { return &Jar{now: now} }

// Set takes the Set-Cookie lines of an answer from u. A line that something
// on the way merged from several is taken apart. It returns the cookies that
// were taken, also those that deleted another; their values are as sent.
func (j *Jar) Set(u *url.URL, lines []string) []*http.Cookie {
	if len(lines) == 0 {
		return nil
	}
	now := j.now()
	j.mu.Lock()
	defer j.mu.Unlock()
	var taken []*http.Cookie
	for _, line := range lines {
		for _, one := range split(line) {
			c, ok := parseCookie(one, u, now)
			if !ok {
				continue
			}
			taken = append(taken, c.public())
			j.put(c)
		}
	}
	j.cookies = slices.DeleteFunc(j.cookies, func(c cookie) bool { return c.expired(now) })
	if n := len(j.cookies) - maxCookies; n > 0 {
		j.cookies = slices.Delete(j.cookies, 0, n)
	}
	return taken
}

// put adds c or replaces its predecessor, whose place in the order it takes
// (RFC 6265 section 5.3 step 11).
func (j *Jar) put(c cookie) {
	for i := range j.cookies {
		old := &j.cookies[i]
		if old.name == c.name && old.domain == c.domain && old.path == c.path {
			c.made = old.made
			*old = c
			return
		}
	}
	j.made++
	c.made = j.made
	j.cookies = append(j.cookies, c)
}

// Header returns the Cookie line for a request to u, empty when there is
// none: longer paths first, then older cookies (RFC 6265 section 5.4).
func (j *Jar) Header(u *url.URL) string {
	now, host, path := j.now(), strings.ToLower(u.Hostname()), u.EscapedPath()
	j.mu.Lock()
	defer j.mu.Unlock()
	var send []cookie
	for _, c := range j.cookies {
		if !c.expired(now) && c.belongs(host) && pathMatch(path, c.path) && (!c.secure || u.Scheme == "https") {
			send = append(send, c)
		}
	}
	slices.SortStableFunc(send, func(a, b cookie) int {
		return cmp.Or(cmp.Compare(len(b.path), len(a.path)), cmp.Compare(a.made, b.made))
	})
	var b strings.Builder
	for i, c := range send {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.name)
		b.WriteByte('=')
		b.WriteString(c.value)
	}
	return b.String()
}

// Get returns the value of the cookie called name that would be sent to host,
// whatever its path; of several the one with the longest path.
func (j *Jar) Get(host, name string) (string, bool) {
	now := j.now()
	j.mu.Lock()
	defer j.mu.Unlock()
	var found *cookie
	for i := range j.cookies {
		c := &j.cookies[i]
		if c.name == name && c.belongs(host) && !c.expired(now) && (found == nil || len(c.path) > len(found.path)) {
			found = c
		}
	}
	if found == nil {
		return "", false
	}
	return found.value, true
}

// Delete removes every cookie called name that would be sent to host.
func (j *Jar) Delete(host, name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cookies = slices.DeleteFunc(j.cookies, func(c cookie) bool { return c.name == name && c.belongs(host) })
}

// Clear removes every cookie.
func (j *Jar) Clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cookies = nil
}

// Len returns how many cookies have not expired.
func (j *Jar) Len() int {
	now := j.now()
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for i := range j.cookies {
		if !j.cookies[i].expired(now) {
			n++
		}
	}
	return n
}

// String implements [fmt.Stringer]: how many cookies, and none of them.
func (j *Jar) String() string { return fmt.Sprintf("[%d cookies]", j.Len()) }

// Format implements [fmt.Formatter], so that no verb shows a cookie.
func (j *Jar) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, j.String()) }

// LogValue implements [slog.LogValuer] without showing a cookie.
func (j *Jar) LogValue() slog.Value { return slog.StringValue(j.String()) }

const jarVersion = 1

// storedJar is the written form. Bytes are base64: foreign text need not be
// UTF-8, which JSON would quietly repair.
type storedJar struct {
	Version int            `json:"v"`
	Cookies []storedCookie `json:"c"`
}

type storedCookie struct {
	Name     []byte `json:"n"`
	Value    []byte `json:"v"`
	Domain   string `json:"d"`
	Path     []byte `json:"p"`
	HostOnly bool   `json:"h,omitempty"`
	Secure   bool   `json:"s,omitempty"`
	HTTPOnly bool   `json:"o,omitempty"`
	Expires  *int64 `json:"e,omitempty"` // Unix seconds; nil: until deleted
}

// MarshalBinary implements [encoding.BinaryMarshaler]. The same cookies give
// the same bytes. They are secrets in the clear.
func (j *Jar) MarshalBinary() ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := storedJar{Version: jarVersion, Cookies: []storedCookie{}}
	for _, c := range j.cookies {
		s := storedCookie{
			Name: []byte(c.name), Value: []byte(c.value), Domain: c.domain, Path: []byte(c.path),
			HostOnly: c.hostOnly, Secure: c.secure, HTTPOnly: c.httpOnly,
		}
		if c.persistent {
			s.Expires = new(c.expires.Unix())
		}
		out.Cookies = append(out.Cookies, s)
	}
	data, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("fetch: marshal jar: %w", err)
	}
	return data, nil
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler]: it replaces what
// the jar holds. Data that no jar wrote is an error and changes nothing.
func (j *Jar) UnmarshalBinary(data []byte) error {
	var in storedJar
	if err := json.Unmarshal(data, &in); err != nil {
		return errors.New("fetch: unmarshal jar: malformed") // err may quote the data
	}
	if in.Version != jarVersion {
		return errors.New("fetch: unmarshal jar: unknown version")
	}
	if len(in.Cookies) > maxCookies {
		return errors.New("fetch: unmarshal jar: too many cookies")
	}
	fresh := &Jar{now: j.now}
	for _, s := range in.Cookies {
		c, ok := s.cookie()
		if !ok {
			return errors.New("fetch: unmarshal jar: malformed cookie")
		}
		fresh.put(c)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cookies, j.made = fresh.cookies, fresh.made
	return nil
}

func (s storedCookie) cookie() (cookie, bool) {
	c := cookie{
		name: string(s.Name), value: string(s.Value), domain: s.Domain, path: string(s.Path),
		hostOnly: s.HostOnly, secure: s.Secure, httpOnly: s.HTTPOnly,
	}
	if s.Expires != nil {
		c.persistent, c.expires = true, time.Unix(*s.Expires, 0).UTC()
	}
	ok := c.name != "" && len(c.name)+len(c.value) <= maxCookie && strings.HasPrefix(c.path, "/") &&
		c.domain != "" && ascii(c.domain) && c.domain == strings.ToLower(c.domain) &&
		sendable(c.name) && !strings.Contains(c.name, "=") && sendable(c.value) && sendable(c.path)
	return c, ok
}

// sendable reports whether s can stand in a Cookie line.
func sendable(s string) bool {
	for i := range len(s) {
		if b := s[i]; (b < ' ' && b != '\t') || b == 0x7f || b == ';' {
			return false
		}
	}
	return s == trim(s)
}
