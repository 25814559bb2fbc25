package feeds

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"html"
	"mime"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"syncd/source/school"
)

// authority stands in every tag URI (RFC 4151). It is fixed and is no host,
// so that identifiers survive a move to another address.
const authority = "syncd.invalid"

// The schemes of categories.
const (
	schemeKind  = "urn:syncd:kind"
	schemeChild = "urn:syncd:child"
	schemeFrom  = "urn:syncd:source"
)

// maxSummary is the length of summaries and of titles made from them, in
// characters.
const maxSummary, maxTitle = 200, 80

// content is a feed as the three formats show it: clean and complete.
type content struct {
	id, title, subtitle, lang, author string
	self, page                        string
	first, previous, next, last       string // other pages of the feed; empty where there is none
	updated                           time.Time
	items                             []item
}

type item struct {
	id, title, url, author string
	summary, html          string
	published, updated     time.Time // published is zero where it is not known
	categories             []category
	files                  []file
	image                  string // address of the first picture
}

type category struct{ scheme, term, label string }

type file struct {
	url, mime, name string
	length          int64
}

// content makes everything that the formats share. base is the address
// before every path, self the one at which the feed was asked for.
func (f *Feed) content(base, self string) content {
	c := content{
		id: f.ID, title: plain(f.Title), subtitle: plain(f.Subtitle), lang: f.Lang,
		self: self, page: cmp.Or(f.Page, base+"/"),
		items: make([]item, 0, len(f.Letters)),
	}
	c.title = cmp.Or(c.title, f.Slug)
	c.author = cmp.Or(person(f.Author), c.title)
	c.first, c.previous, c.next, c.last = f.pages(self)
	c.updated = usable(f.Updated)
	for _, l := range f.Letters {
		i := f.item(l, base, c)
		c.items = append(c.items, i)
		if i.updated.After(c.updated) {
			c.updated = i.updated
		}
	}
	if c.updated.IsZero() {
		c.updated = firstUsable(f.Created)
	}
	return c
}

// pages returns the addresses of the pages beside the one at self.
func (f *Feed) pages(self string) (first, previous, next, last string) {
	bare, _, _ := strings.Cut(self, "?")
	number := max(f.Number, 1)
	if number > 1 {
		first, previous = bare, bare
	}
	if number > 2 {
		previous += "?page=" + strconv.Itoa(number-1)
	}
	if f.More {
		next = bare + "?page=" + strconv.Itoa(number+1)
	}
	if f.Last > 1 {
		last = bare + "?page=" + strconv.Itoa(f.Last)
	}
	return first, previous, next, last
}

// paging returns the links of RFC 5005 3.
func (c content) paging(mediaType string) []atomLink {
	var out []atomLink
	for _, l := range []atomLink{
		{Rel: "first", Href: c.first}, {Rel: "previous", Href: c.previous}, {Rel: "next", Href: c.next}, {Rel: "last", Href: c.last},
	} {
		if l.Href != "" {
			l.Type = mediaType
			out = append(out, l)
		}
	}
	return out
}

// item makes one letter. Its identifier holds no child's number: children
// that are joined change theirs, and every letter would be new again.
func (f *Feed) item(l school.Letter, base string, c content) item {
	i := item{
		id: fmt.Sprintf("tag:%s,%04d:%s/%s", authority,
			firstUsable(l.FirstSeen, l.Published, l.Updated).Year(), l.Kind, l.UID),
		url:       address(l.URL),
		author:    cmp.Or(person(l.Author), person(l.Source)),
		summary:   cut(plain(l.Summary), maxSummary),
		published: published(l),
	}
	i.updated = distinct(firstUsable(l.Updated, l.Published, l.FirstSeen, f.Created), i.id)
	i.title = cmp.Or(plain(l.Title), cut(i.summary, maxTitle), plain(l.Source), c.title)
	if i.url == "" {
		// Readers open something at a click, and take two letters with one
		// address for the same.
		i.url = c.page + "#" + url.PathEscape(string(l.UID))
	}
	kind := string(l.Kind)
	i.categories = []category{{schemeKind, kind, cmp.Or(plain(f.Kinds[l.Kind]), kind)}}
	add := func(scheme, term string) {
		if term = plain(term); term != "" {
			i.categories = append(i.categories, category{scheme: scheme, term: term, label: term})
		}
	}
	names := f.Names[l.UID]
	if names == nil {
		names = []string{l.ChildName}
	}
	for _, name := range names {
		add(schemeChild, name)
	}
	add(schemeFrom, l.Source)
	f.body(&i, l, base)
	return i
}

// body adds the full text, the pictures that it does not show by itself and
// the files. Files are linked from the text as well, because few readers show
// enclosures that are not sound.
func (f *Feed) body(i *item, l school.Letter, base string) {
	var b strings.Builder
	b.WriteString(clean(l.HTML))
	if l.HTML == "" && l.Summary != "" {
		b.WriteString(paragraphs(strings.TrimSpace(clean(l.Summary))))
	}
	for _, m := range l.Media {
		if m.Absent != school.AbsentNot {
			b.WriteString(f.absent(m, address(l.URL)))
			continue
		}
		id := f.Media[m.ID]
		if id == "" {
			continue
		}
		name := mediaName(m)
		path := "/m/" + url.PathEscape(id) + "/"
		href := base + path + url.PathEscape(name)
		shown := strings.Contains(l.HTML, path)
		switch {
		case m.Image && i.image == "":
			i.image = href
		case !m.Image:
			i.files = append(i.files, file{url: href, mime: mediaType(m.Type), name: name, length: m.Length})
		}
		switch {
		case shown:
		case m.Image:
			fmt.Fprintf(&b, `<p><img src="%s" alt="%s"></p>`, html.EscapeString(href), html.EscapeString(oneLine(m.Alt)))
		default:
			fmt.Fprintf(&b, `<p><a href="%s">%s</a></p>`, html.EscapeString(href), html.EscapeString(name))
		}
		if text := strings.TrimSpace(clean(m.Text)); text != "" {
			b.WriteString("<blockquote>" + paragraphs(text) + "</blockquote>")
		}
	}
	if b.Len() == 0 {
		// An entry without any text looks broken.
		b.WriteString(paragraphs(i.title))
	}
	i.html = b.String()
}

// absent says that a picture or file is not kept here, and leads to the letter
// at the school where it has an address. What is written in the file is known
// all the same if there was no room for it.
func (f *Feed) absent(m school.MediaRef, letter string) string {
	if f.Absent == nil {
		return ""
	}
	said := html.EscapeString(oneLine(f.Absent(m)))
	if letter != "" && f.AtSchool != "" {
		said += fmt.Sprintf(` <a href="%s">%s</a>`, html.EscapeString(letter), html.EscapeString(oneLine(f.AtSchool)))
	}
	said = "<p>" + said + "</p>"
	if text := strings.TrimSpace(clean(m.Text)); text != "" {
		said += "<blockquote>" + paragraphs(text) + "</blockquote>"
	}
	return said
}

// published is when a letter was published, the zero time when that is not
// known. One that says that it comes from the future was published when it was
// first seen.
func published(l school.Letter) time.Time {
	t, seen := usable(l.Published), usable(l.FirstSeen)
	if !seen.IsZero() && t.After(seen.Add(clockSkew)) {
		return seen
	}
	return t
}

// clockSkew is how far the school's clock may be ahead of ours.
const clockSkew = 10 * time.Minute

// distinct adds a fraction of a second that follows from the identifier. A
// first read sees all letters in the same second, and readers that sort by
// this time want no two alike. It depends on nothing else, so that a letter
// does not change when others come.
func distinct(t time.Time, id string) time.Time {
	sum := sha256.Sum256([]byte(id))
	return t.Add(time.Duration(binary.BigEndian.Uint64(sum[:8])%1e6) * time.Microsecond)
}

// stamp writes a time as RFC 3339 does, its fraction only where there is one.
func stamp(t time.Time) string {
	if t.Nanosecond() == 0 {
		return t.Format(time.RFC3339)
	}
	return t.Format("2006-01-02T15:04:05.000000Z07:00")
}

// paragraphs is plain text as HTML: an empty line parts paragraphs.
func paragraphs(s string) string {
	var b strings.Builder
	for p := range strings.SplitSeq(html.EscapeString(s), "\n\n") {
		if p = strings.Trim(p, "\n"); p != "" {
			b.WriteString("<p>" + strings.ReplaceAll(p, "\n", "<br>") + "</p>")
		}
	}
	return b.String()
}

// mediaName is the last segment of an address; it is only for people.
func mediaName(m school.MediaRef) string {
	name := strings.TrimLeft(strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' {
			return '-'
		}
		return r
	}, oneLine(m.Name)), ".")
	if runes := []rune(name); len(runes) > maxTitle {
		// The end says what kind of file it is.
		name = string(runes[:maxTitle-17]) + "…" + string(runes[len(runes)-16:])
	}
	return cmp.Or(name, "media")
}

// mediaType returns a media type without parameters, or the one that says
// nothing.
func mediaType(s string) string {
	t, _, err := mime.ParseMediaType(s)
	if err != nil || !strings.Contains(t, "/") {
		return "application/octet-stream"
	}
	return t
}

// maxAddress is the length beyond which an address is not one.
const maxAddress = 2048

// address returns an absolute web address without a password in it, in the
// characters of RFC 3986, or "".
func address(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	var b strings.Builder
	s = u.String()
	authorityEnds := strings.Index(s, u.Host) + len(u.Host)
	for at, c := range []byte(s) {
		// net/url leaves the query as it was, and brackets, which belong around
		// the number of a host only.
		if c <= ' ' || c >= utf8.RuneSelf || strings.IndexByte("\"<>\\^`{|}\x7f", c) >= 0 ||
			at >= authorityEnds && (c == '[' || c == ']') {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	if b.Len() > maxAddress {
		return ""
	}
	if _, err := url.Parse(b.String()); err != nil {
		return "" // a host of characters that no host has
	}
	return b.String()
}

// clean drops what XML 1.0 cannot hold and turns every kind of line break
// into \n.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\v' || r == '\f' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			return '\n'
		case r == '\uFFFD': // what somebody lost before us
			return '?'
		case unicode.IsControl(r) || r == '\uFEFF' || r == '\uFFFE' || r == '\uFFFF':
			return -1
		}
		return r
	}, s)
}

// oneLine is clean text on one line, without runs of blanks.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// An end tag, or an address of mail, inside a plain text.
var (
	endTag = regexp.MustCompile(`</(\w+>)`)
	mailIn = regexp.MustCompile(`\s*<[^<>@\s]+@[^<>@\s]+>`)
)

// plain is text on one line that cannot be taken for markup: some readers try.
func plain(s string) string { return endTag.ReplaceAllString(oneLine(s), "</ $1") }

// person is a name without the address of mail that some platforms add.
func person(s string) string { return plain(mailIn.ReplaceAllString(oneLine(s), "")) }

// cut shortens s to n characters, the last one an ellipsis.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	return strings.TrimRight(string(runes[:n-1]), " \u200d") + "…"
}

// usable returns t in UTC to the second, or the zero time when t is zero or
// so far off that it must come from a misread date.
func usable(t time.Time) time.Time {
	if t.Year() < 1990 || t.Year() > 2199 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// firstUsable returns the first usable time, or the beginning of Unix time:
// never the present, which would change a document by itself.
func firstUsable(times ...time.Time) time.Time {
	for _, t := range times {
		if t = usable(t); !t.IsZero() {
			return t
		}
	}
	return time.Unix(0, 0).UTC()
}
