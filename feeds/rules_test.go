package feeds_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"syncd/feeds"
	"syncd/source/school"
)

// tagURI is the form of RFC 4151.
var tagURI = regexp.MustCompile(`^tag:[A-Za-z0-9.@-]+,\d{4}(-\d\d(-\d\d)?)?:[A-Za-z0-9/._~!$&'()*+,;=:@?%-]+$`)

// corpus are feeds of all kinds: ordinary, empty, a later page, and hostile.
func corpus() map[string]*feeds.Feed {
	empty := feed()
	empty.Letters, empty.Media = nil, nil
	page := feed()
	page.Number, page.More = 3, true
	paper := feed()
	paper.Letters[0].Media[1].Text = "Ta med\n\nmatsäck"
	out := map[string]*feeds.Feed{
		"ordinary": feed(), "empty": empty, "a page": page, "with a paper": paper, "a first read": firstRead(), "odd": odd(),
	}
	for i, s := range injections() {
		f := hostile(s)
		f.Slug, f.Letters[0].HTML = feed().Slug, "" // it is sanitised before it is stored
		out[fmt.Sprint("hostile ", i)] = f
	}
	return out
}

// firstRead is a feed all of whose letters were seen in the same second.
func firstRead() *feeds.Feed {
	f := feed()
	f.Letters = nil
	for i := range 50 {
		l := feed().Letters[i%2]
		l.UID, l.Updated = school.UID(fmt.Sprintf("n-%d", i)), noon()
		f.Letters = append(f.Letters, l)
	}
	return f
}

// odd is a feed of what platforms really do.
func odd() *feeds.Feed {
	f := feed()
	f.Title, f.Subtitle = "Klass 5A&5B", "</b> &copy; &amp; &#38;"
	l := f.Letters[0]
	l.UID, l.Title, l.Author, l.Source = "odd", "Klass 5A&5B: <b>R&D</b> &lt;br&gt; \uFFFD", "Anna Lärare <anna@skola.example>", "Skola & Co"
	l.Summary, l.URL = "Ta med A&4 <i>mat</i> &nbsp;", "https://skola.example/x[1]?a[]=2&b={3}|4#d[5]"
	l.Published = noon().AddDate(1, 0, 0) // comes from the future
	l.FirstSeen = noon()
	f.Letters = append(f.Letters, l, school.Letter{
		UID: "nothing", Kind: school.KindNews, Title: "Bara en rubrik", Published: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	return f
}

// TestRulesOfTheValidator holds every feed to what the W3C Feed Validator
// calls an error or a warning, as far as it applies to what is written here.
func TestRulesOfTheValidator(t *testing.T) {
	t.Parallel()
	for name, f := range corpus() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			s.feed = f
			srv := serve(t, s, nil)
			for format, kind := range map[string]string{"atom": "application/atom+xml", "rss": "application/rss+xml", "json": "application/feed+json"} {
				w := srv.ask(t, http.MethodGet, addresses()[format])
				if got := w.Header().Get("Content-Type"); got != kind+"; charset=utf-8" {
					t.Errorf("%s: Content-Type %q", format, got)
				}
				checkText(t, w.Body.Bytes())
				if strings.ContainsRune(w.Body.String(), '\uFFFD') {
					t.Errorf("%s: a character was lost", format)
				}
				switch format {
				case "atom":
					atomRules(t, f, w.Body.Bytes())
				case "rss":
					rssRules(t, f, w.Body.Bytes())
				case "json":
					jsonRules(t, w.Body.Bytes())
				}
			}
		})
	}
}

func atomRules(t *testing.T, f *feeds.Feed, data []byte) {
	t.Helper()
	a := checkAtom(t, data)
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(a.ID) || a.Lang != "sv" {
		t.Errorf("id %q, lang %q", a.ID, a.Lang)
	}
	self := base + addresses()["atom"]
	if f.Number > 1 {
		self += "?page=3"
	}
	links := map[string]bool{}
	for _, l := range a.Links {
		uri(t, "link", l.Href)
		if l.Rel == "self" && l.Href != self {
			t.Errorf("self is %q, asked was %q", l.Href, self)
		}
		if links[l.Rel+" "+l.Type] {
			t.Errorf("two links %s of type %s", l.Rel, l.Type)
		}
		links[l.Rel+" "+l.Type] = true
	}
	plainLines(t, data)
	plainText(t, "title", a.Title)
	plainText(t, "author", a.Author)
	if a.Subtitle != "" {
		plainText(t, "subtitle", a.Subtitle)
	}
	plausible(t, "feed", instant(t, "updated", a.Updated))
	updated := map[string]bool{}
	for _, e := range a.Entries {
		if updated[e.Updated] {
			t.Errorf("two entries were updated at %s", e.Updated)
		}
		updated[e.Updated] = true
		atomEntryRules(t, e)
	}
}

func atomEntryRules(t *testing.T, e entryIn) {
	t.Helper()
	if !tagURI.MatchString(e.ID) {
		t.Errorf("id %q is no tag", e.ID)
	}
	plausible(t, e.ID, instant(t, "updated", e.Updated))
	if e.Published != "" {
		plausible(t, e.ID, instant(t, "published", e.Published))
	}
	plainText(t, "title", e.Title)
	for _, name := range e.Authors {
		plainText(t, "author", name)
	}
	if e.Summary.Text != "" {
		plainText(t, "summary", e.Summary.Text)
	}
	for _, c := range e.Categories {
		plainText(t, "label", c.Label)
		uri(t, "scheme", c.Scheme)
	}
	if strings.TrimSpace(e.Content.Text) == "" {
		t.Errorf("%s has no content", e.ID)
	}
	htmlRules(t, e.Content.Text)
	for _, l := range e.Links {
		uri(t, "link", l.Href)
		if !mediaType.MatchString(l.Type) {
			t.Errorf("%s has a link of type %q", e.ID, l.Type)
		}
		if l.Rel == "enclosure" {
			plainText(t, "title of a link", l.Title)
			if strings.Trim(l.Length, "0123456789") != "" {
				t.Errorf("an enclosure of length %q", l.Length)
			}
		}
	}
}

// What the validator takes for an address, and for a media type.
var (
	uriForm   = regexp.MustCompile(`^[a-zA-Z][0-9a-zA-Z+.-]*:(//)?[0-9a-zA-Z;/?:@&=+$.\-_!~*'()%,#]+$`)
	mediaType = regexp.MustCompile(`^[^\s()<>,;:\\"/\[\]?=]+/[^\s()<>,;:\\"/\[\]?=]+$`)
	endTag    = regexp.MustCompile(`</\w+>`)
	mail      = regexp.MustCompile(`<[^<>\s]+@[^<>\s]+>`)
)

func uri(t *testing.T, what, s string) {
	t.Helper()
	if !uriForm.MatchString(s) {
		t.Errorf("%s %q is no address", what, s)
	}
}

// plausible refuses times before 1990 and from the future.
func plausible(t *testing.T, what string, at time.Time) {
	t.Helper()
	if at.Year() < 1990 || at.After(noon().Add(10*time.Minute)) {
		t.Errorf("%s: implausible time %v", what, at)
	}
}

// plainText refuses what looks like markup in a plain text.
func plainText(t *testing.T, what, s string) {
	t.Helper()
	if s == "" || s != strings.TrimSpace(s) || endTag.MatchString(s) || mail.MatchString(s) {
		t.Errorf("%s %.60q is blank, or looks like HTML", what, s)
	}
}

// plainLines checks that in plain texts "&" and "<" are written by their
// numbers, without which the validator takes what follows for markup.
func plainLines(t *testing.T, data []byte) {
	t.Helper()
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "<link>") {
			continue // an address alone
		}
		name, _, _ := strings.Cut(strings.Trim(line, "<"), ">")
		name, _, _ = strings.Cut(name, " ")
		if strings.Contains(" title subtitle summary description name dc:creator category link ", " "+name+" ") &&
			(strings.Contains(line, "&amp;") || strings.Contains(line, "&lt;")) {
			t.Errorf("markup in %.80s", line)
		}
	}
}

func rssRules(t *testing.T, f *feeds.Feed, data []byte) {
	t.Helper()
	var r rssIn
	if err := xml.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if r.Version != "2.0" || r.Channel.Title == "" || r.Channel.Description == "" || r.Channel.Language != "sv" {
		t.Errorf("channel %q, %q, %q of RSS %q", r.Channel.Title, r.Channel.Description, r.Channel.Language, r.Version)
	}
	if _, err := time.Parse(time.RFC1123Z, r.Channel.Built); err != nil {
		t.Errorf("lastBuildDate: %v", err)
	}
	self := 0
	for _, l := range r.Channel.Links {
		if l.Rel == "self" {
			self++
		}
	}
	if self != 1 || len(r.Channel.Items) != len(f.Letters) {
		t.Errorf("%d links to itself, %d items", self, len(r.Channel.Items))
	}
	plainLines(t, data)
	plainText(t, "title", r.Channel.Title)
	plainText(t, "description", r.Channel.Description)
	if first, last := strings.Index(string(data), "<item>"), strings.LastIndex(string(data), "<atom:link"); first >= 0 && last > first {
		t.Error("something of the channel stands after an item")
	}
	if strings.Contains(string(data), "<author>") || strings.Contains(string(data), "<managingEditor>") {
		t.Error("an author is no address of mail")
	}
	guids := map[string]bool{}
	for _, i := range r.Channel.Items {
		if guids[i.GUID.ID] {
			t.Errorf("guid %q twice", i.GUID.ID)
		}
		guids[i.GUID.ID] = true
		plainText(t, "title", i.Title)
		htmlRules(t, i.Description)
		for _, c := range i.Categories {
			plainText(t, "category", c)
		}
		uri(t, "link", i.Link)
		if i.Title == "" || i.Description == "" || i.GUID.Permanent != "false" || !tagURI.MatchString(i.GUID.ID) {
			t.Errorf("item %q: %q, guid %+v", i.Title, i.Description, i.GUID)
		}
		absolute(t, "link", i.Link)
		at, err := time.Parse(time.RFC1123Z, i.PubDate)
		if err != nil {
			t.Errorf("pubDate: %v", err)
		}
		plausible(t, "pubDate", at)
		if len(i.Enclosures) > 1 {
			t.Errorf("%d enclosures", len(i.Enclosures))
		}
		for _, e := range i.Enclosures {
			uri(t, "enclosure", e.URL)
			if strings.Trim(e.Length, "0123456789") != "" || e.Length == "" || !mediaType.MatchString(e.Type) {
				t.Errorf("enclosure %+v", e)
			}
		}
		htmlRules(t, i.Content)
	}
}

// htmlRules forbid what the validator calls dangerous or relative.
func htmlRules(t *testing.T, s string) {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(s))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return
		}
		token := z.Token()
		switch token.Data {
		case "script", "style", "iframe", "object", "embed", "form", "meta", "link", "base":
			if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
				t.Errorf("content holds <%s>", token.Data)
			}
		}
		for _, a := range token.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("content holds the attribute %s", a.Key)
			}
			if a.Key == "href" || a.Key == "src" {
				if u, err := url.Parse(a.Val); err != nil || !u.IsAbs() || u.Scheme == "javascript" || u.Scheme == "data" {
					t.Errorf("content holds %s=%q", a.Key, a.Val)
				}
			}
		}
	}
}
