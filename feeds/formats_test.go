package feeds_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds"
	"syncd/source/school"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// render returns a feed in a format.
func render(t *testing.T, f *feeds.Feed, format string) []byte {
	t.Helper()
	s := newStore()
	f.Slug = "1-all"
	s.feed = f
	w := serve(t, s, nil).ask(t, http.MethodGet, addresses()[format])
	if w.Code != http.StatusOK {
		t.Fatalf("%s = %d %s", format, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func TestAtom(t *testing.T) {
	t.Parallel()
	data := render(t, feed(), "atom")
	golden(t, "letters.golden.atom", data)
	f := checkAtom(t, data)
	if f.Lang != "sv" || f.ID != feed().ID || f.Title != "Åsa – allt" || f.Deny.Relationship != "deny" || f.Updated != "2026-11-20T15:05:06.782484Z" {
		t.Errorf("feed: %+v", f)
	}
	first := f.Entries[0]
	want := entryIn{
		ID: "tag:syncd.invalid,2026:news/n-1", Title: `Veckobrev v. 47 <&> "klass 5B"`,
		Updated: "2026-11-20T15:05:06.782484Z", Published: "2026-11-20T14:05:06Z", Authors: []string{"Anna Lärare"},
		Links: []linkIn{
			{Rel: "alternate", Type: "text/html", Href: "https://skolplattformen.example/brev/1?a=1&b=2"},
			{Rel: "enclosure", Type: "application/pdf", Href: base + "/m/" + fileID + "/schema.pdf", Title: "schema.pdf", Length: "1234"},
		},
		Categories: []categoryIn{
			{"news", "urn:syncd:kind", "Nyheter"},
			{"Åsa", "urn:syncd:child", "Åsa"},
			{"Björkskolan", "urn:syncd:source", "Björkskolan"},
		},
		Summary: textIn{"text", "Den här veckan …"},
		Content: textIn{"html", letters()[0].HTML +
			`<p><img src="` + base + "/m/" + mediaID + `/fika%20p%C3%A5%20g%C3%A5rden.jpg" alt="Barn &#34;leker&#34;"></p>` +
			`<p><a href="` + base + "/m/" + fileID + `/schema.pdf">schema.pdf</a></p>`},
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if got, want := f.Entries[1].Content.Text, "<p>Rad ett &amp; två<br>Rad &lt;tre&gt;</p>"; got != want {
		t.Errorf("notice = %q, want %q", got, want)
	}
	if got, want := f.Entries[1].Links[0].Href, base+"/#o-1"; got != want {
		t.Errorf("address of a notice without one = %q, want %q", got, want)
	}
	bare := f.Entries[2]
	if bare.ID != "tag:syncd.invalid,1970:news/n-0" || bare.Updated != "2026-08-17T06:00:00.194905Z" || bare.Published != "" || bare.Title != "Åsa – allt" {
		t.Errorf("letter without anything: %+v", bare)
	}
	if strings.Contains(string(data), "secret.jpg") {
		t.Error("media of another link is shown")
	}
}

func TestALetterForSeveralNamesThem(t *testing.T) {
	t.Parallel()
	f := feed()
	f.Names = map[school.UID][]string{"n-1": {"Åsa", "Bo"}}
	e := checkAtom(t, render(t, f, "atom")).Entries[0]
	want := []categoryIn{{"Åsa", "urn:syncd:child", "Åsa"}, {"Bo", "urn:syncd:child", "Bo"}}
	if diff := cmp.Diff(want, e.Categories[1:3]); diff != "" {
		t.Errorf("categories (-want +got):\n%s", diff)
	}
}

func TestPictureShownByTheTextIsNotRepeated(t *testing.T) {
	t.Parallel()
	f := feed()
	f.Letters = f.Letters[:1]
	f.Letters[0].HTML = `<p><img src="` + base + "/m/" + mediaID + `/x.jpg"></p>`
	got := checkAtom(t, render(t, f, "atom")).Entries[0].Content.Text
	if strings.Count(got, mediaID) != 1 {
		t.Errorf("content = %s", got)
	}
}

func TestFeedTimes(t *testing.T) {
	t.Parallel()
	f := &feeds.Feed{ID: "urn:uuid:1", Created: noon().Add(500 * time.Millisecond)}
	if got := checkAtom(t, render(t, f, "atom")); got.Updated != "2026-11-22T11:00:00Z" || got.Title != "1-all" || got.Author != "1-all" {
		t.Errorf("empty feed: %+v", got)
	}
	f = &feeds.Feed{ID: "urn:uuid:1", Created: noon(), Updated: noon().Add(time.Hour), Page: "https://other.example/p"}
	if got := checkAtom(t, render(t, f, "atom")); got.Updated != "2026-11-22T12:00:00Z" || got.Links[1].Href != "https://other.example/p" {
		t.Errorf("emptied feed: %+v", got)
	}
	// Dates that were misread do not reach a subscriber.
	f = feed()
	f.Letters = f.Letters[:1]
	f.Letters[0].Updated = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Letters[0].Published = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	e := checkAtom(t, render(t, f, "atom")).Entries[0]
	if e.Updated != "2026-11-20T14:15:06.782484Z" || e.Published != "" {
		t.Errorf("misread dates: updated %s, published %s", e.Updated, e.Published)
	}
}

func TestRSS(t *testing.T) {
	t.Parallel()
	data := render(t, feed(), "rss")
	golden(t, "letters.golden.rss", data)
	checkText(t, data)
	var f rssIn
	if err := xml.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	atom := checkAtom(t, render(t, feed(), "atom"))
	ch := f.Channel
	if f.Version != "2.0" || ch.Title != atom.Title || ch.Language != "sv" || ch.Description != "Från skolan" ||
		len(ch.Links) != 2 || ch.Links[0].Text != base+"/" || ch.Links[1].Href != base+addresses()["rss"] || ch.Links[1].Rel != "self" {
		t.Errorf("channel: %+v", ch)
	}
	if _, err := time.Parse(time.RFC1123Z, ch.Built); err != nil {
		t.Error(err)
	}
	for i, item := range ch.Items {
		same := atom.Entries[i]
		if item.GUID.ID != same.ID || item.GUID.Permanent != "false" || item.Title != same.Title || item.Content != same.Content.Text || item.Link != same.Links[0].Href || item.Description == "" {
			t.Errorf("item %d: %+v, in Atom %+v", i, item, same)
		}
		if _, err := time.Parse(time.RFC1123Z, item.PubDate); err != nil {
			t.Error(err)
		}
	}
	first := ch.Items[0]
	if first.Creator != "Anna Lärare" || len(first.Categories) != 3 || len(first.Enclosures) != 1 || first.Enclosures[0].Length != "1234" {
		t.Errorf("item: %+v", first)
	}
}

func TestJSONFeed(t *testing.T) {
	t.Parallel()
	data := render(t, feed(), "json")
	golden(t, "letters.golden.json", data)
	checkText(t, data)
	var f map[string]any
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	atom := checkAtom(t, render(t, feed(), "atom"))
	if f["version"] != "https://jsonfeed.org/version/1.1" || f["feed_url"] != base+addresses()["json"] || f["home_page_url"] != base+"/" || f["title"] != atom.Title || f["language"] != "sv" {
		t.Errorf("feed: %v", f)
	}
	jsonRules(t, data)
	items, _ := f["items"].([]any)
	if len(items) != len(atom.Entries) {
		t.Fatalf("%d items", len(items))
	}
	for i, raw := range items {
		item, _ := raw.(map[string]any)
		if item["id"] != atom.Entries[i].ID || item["content_html"] != atom.Entries[i].Content.Text || item["date_modified"] != atom.Entries[i].Updated {
			t.Errorf("item %d: %v", i, item)
		}
	}
	first, _ := items[0].(map[string]any)
	want := []any{map[string]any{"url": base + "/m/" + fileID + "/schema.pdf", "mime_type": "application/pdf", "title": "schema.pdf", "size_in_bytes": 1234.0}}
	if diff := cmp.Diff(want, first["attachments"]); diff != "" {
		t.Errorf("attachments (-want +got):\n%s", diff)
	}
	if err := json.Unmarshal(render(t, &feeds.Feed{ID: "urn:uuid:1"}, "json"), &f); err != nil {
		t.Fatal(err)
	}
	if items, isList := f["items"].([]any); !isList || len(items) != 0 {
		t.Errorf("items of an empty feed: %v", f["items"])
	}
}

// Rendering twice, on another day, gives the same octets; an edited letter
// moves its own time and the feed's and nothing else.
func TestSameLettersSameBytes(t *testing.T) {
	t.Parallel()
	for format := range addresses() {
		if format == "ics" {
			continue
		}
		s := newStore()
		srv := serve(t, s, nil)
		first := srv.ask(t, http.MethodGet, addresses()[format])
		for range 30 {
			srv.now = srv.now.Add(25 * time.Hour)
			s.feed = feed()
			again := srv.ask(t, http.MethodGet, addresses()[format])
			if again.Header().Get("Etag") != first.Header().Get("Etag") || !bytes.Equal(again.Body.Bytes(), first.Body.Bytes()) {
				t.Fatalf("%s: another day, other octets", format)
			}
		}
	}
	edited := feed()
	edited.Letters[1].HTML, edited.Letters[1].Updated = "<p>Ändrat</p>", noon()
	before, after := checkAtom(t, render(t, feed(), "atom")), checkAtom(t, render(t, edited, "atom"))
	want := before
	want.Updated = "2026-11-22T11:00:00.264623Z"
	want.Entries[1].Updated, want.Entries[1].Content.Text = want.Updated, "<p>Ändrat</p>"
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("an edited letter (-want +got):\n%s", diff)
	}
}

// Identifiers stay when the token or the address of the house changes.
func TestIdentifiersSurviveAMove(t *testing.T) {
	t.Parallel()
	s := newStore()
	here := checkAtom(t, serve(t, s, nil).ask(t, http.MethodGet, addresses()["atom"]).Body.Bytes())
	moved := serve(t, &movedStore{s}, func(c *feeds.Config) { c.BaseURL = "http://10.0.0.2:8080/syncd/" })
	there := checkAtom(t, moved.ask(t, http.MethodGet, "/f/ny&nyckel/1-all.atom").Body.Bytes())
	if here.ID != there.ID {
		t.Errorf("feed: %s -> %s", here.ID, there.ID)
	}
	for i := range here.Entries {
		if here.Entries[i].ID != there.Entries[i].ID || here.Entries[i].Updated != there.Entries[i].Updated {
			t.Errorf("entry: %s -> %s", here.Entries[i].ID, there.Entries[i].ID)
		}
	}
	if got, want := there.Links[0].Href, "http://10.0.0.2:8080/syncd/f/ny&nyckel/1-all.atom"; got != want {
		t.Errorf("self = %s, want %s", got, want)
	}
	if got, want := there.Entries[0].Links[1].Href, "http://10.0.0.2:8080/syncd/m/"+fileID+"/schema.pdf"; got != want {
		t.Errorf("enclosure = %s, want %s", got, want)
	}
}

// movedStore accepts every token.
type movedStore struct{ *store }

func (m *movedStore) Feed(context.Context, string, string, int) (*feeds.Feed, error) {
	return m.feed, nil
}

// A feed that is asked for under many addresses keeps few documents.
func TestManyAddresses(t *testing.T) {
	t.Parallel()
	srv := serve(t, &movedStore{newStore()}, nil)
	for i := range 50 {
		path := fmt.Sprintf("/f/token%d/1-all.atom", i)
		got := checkAtom(t, srv.ask(t, http.MethodGet, path).Body.Bytes())
		if got.Links[0].Href != base+path {
			t.Fatalf("self of %s = %s", path, got.Links[0].Href)
		}
	}
}

// A file that is not kept is named in the entry, with the way to the school's
// own letter, in all three formats.
func TestAbsentFiles(t *testing.T) {
	t.Parallel()
	f := feed()
	f.AtSchool = "Öppna hos skolan"
	f.Absent = func(m school.MediaRef) string { return "Filen <" + m.Name + "> är för stor." }
	l := &f.Letters[0]
	l.URL = "https://skola.example/brev?a=1&b=2"
	l.Media = []school.MediaRef{{Name: "film.mp4", Type: "video/mp4", Absent: school.AbsentSize}, {Name: "plats.pdf", Absent: school.AbsentRoom, Text: "Ta med\nmatsäck"}}
	for _, format := range []string{"atom", "rss", "json"} {
		doc := html.UnescapeString(string(render(t, f, format))) // once for the document
		doc = strings.ReplaceAll(doc, `\"`, `"`)
		for _, want := range []string{
			`<p>Filen <film.mp4> är för stor. <a href="https://skola.example/brev?a=1&b=2">Öppna hos skolan</a></p>`,
			`<blockquote><p>Ta med<br>matsäck</p></blockquote>`,
		} {
			if !strings.Contains(html.UnescapeString(doc), want) {
				t.Errorf("%s lacks %q:\n%s", format, want, doc)
			}
		}
		if strings.Contains(doc, "/m//") || strings.Contains(doc, "enclosure") {
			t.Errorf("%s leads to a file that is not there", format)
		}
	}
}
