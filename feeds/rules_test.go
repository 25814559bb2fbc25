package feeds_test

import (
	"encoding/json"
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
	out := map[string]*feeds.Feed{"ordinary": feed(), "empty": empty, "a page": page, "with a paper": paper}
	for i, s := range injections() {
		f := hostile(s)
		f.Slug, f.Letters[0].HTML = feed().Slug, "" // it is sanitised before it is stored
		out[fmt.Sprint("hostile ", i)] = f
	}
	return out
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
	for _, l := range a.Links {
		if l.Rel == "self" && l.Href != self {
			t.Errorf("self is %q, asked was %q", l.Href, self)
		}
	}
	for _, e := range a.Entries {
		if !tagURI.MatchString(e.ID) {
			t.Errorf("id %q is no tag", e.ID)
		}
		if updated, published := instant(t, "updated", e.Updated), e.Published; published != "" && instant(t, "published", published).After(updated.Add(24*time.Hour)) {
			t.Errorf("%s was published after it was updated", e.ID)
		}
		htmlRules(t, e.Content.Text)
		for _, l := range e.Links {
			if l.Rel == "enclosure" && !strings.Contains(l.Type, "/") {
				t.Errorf("%s has an enclosure of type %q", e.ID, l.Type)
			}
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
	if strings.Contains(string(data), "<author>") || strings.Contains(string(data), "<managingEditor>") {
		t.Error("an author is no address of mail")
	}
	for _, i := range r.Channel.Items {
		if i.Title == "" || i.Description == "" || i.GUID.Permanent != "false" || !tagURI.MatchString(i.GUID.ID) {
			t.Errorf("item %q: %q, guid %+v", i.Title, i.Description, i.GUID)
		}
		absolute(t, "link", i.Link)
		if _, err := time.Parse(time.RFC1123Z, i.PubDate); err != nil {
			t.Errorf("pubDate: %v", err)
		}
		if len(i.Enclosures) > 1 {
			t.Errorf("%d enclosures", len(i.Enclosures))
		}
		for _, e := range i.Enclosures {
			absolute(t, "enclosure", e.URL)
			if e.Length == "" || !strings.Contains(e.Type, "/") {
				t.Errorf("enclosure %+v", e)
			}
		}
		htmlRules(t, i.Content)
	}
}

// jsonRules are those of the schema of JSON Feed 1.1 that a feed can break.
func jsonRules(t *testing.T, data []byte) {
	t.Helper()
	var f map[string]any
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	known := func(what string, got map[string]any, names string) {
		for name := range got {
			if !strings.Contains(" "+names+" ", " "+name+" ") {
				t.Errorf("%s has %q", what, name)
			}
		}
	}
	known("feed", f, "version title home_page_url feed_url next_url description authors language items")
	items, ok := f["items"].([]any)
	if f["version"] != "https://jsonfeed.org/version/1.1" || f["title"] == "" || !ok {
		t.Errorf("version %v, title %v, items %T", f["version"], f["title"], f["items"])
	}
	for _, i := range items {
		item, ok := i.(map[string]any)
		if id, _ := item["id"].(string); !ok || id == "" {
			t.Errorf("item %v", i)
		}
		known("item", item, "id url title content_html summary image date_published date_modified authors tags attachments")
		for _, name := range []string{"date_published", "date_modified"} {
			if s, ok := item[name].(string); ok {
				instant(t, name, s)
			}
		}
		attachments, _ := item["attachments"].([]any)
		for _, a := range attachments {
			attachment, _ := a.(map[string]any)
			known("attachment", attachment, "url mime_type title size_in_bytes")
			if attachment["url"] == nil || attachment["mime_type"] == nil {
				t.Errorf("attachment %v", attachment)
			}
		}
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
