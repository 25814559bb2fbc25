package feeds_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds"
)

func TestPages(t *testing.T) {
	t.Parallel()
	s := newStore()
	s.feed.More, s.feed.Last = true, 3
	for n := 2; n <= 3; n++ {
		f := feed()
		f.Number, f.More, f.Last, f.Letters = n, n == 2, 3, f.Letters[1:2]
		s.older = append(s.older, f)
	}
	srv := serve(t, s, nil)
	bare := base + addresses()["atom"]
	for query, want := range map[string]map[string]string{
		"":             {"self": bare, "next": bare + "?page=2", "last": bare + "?page=3"},
		"?page=1":      {"self": bare, "next": bare + "?page=2", "last": bare + "?page=3"},
		"?page=x":      {"self": bare, "next": bare + "?page=2", "last": bare + "?page=3"},
		"?v=2&page=-1": {"self": bare, "next": bare + "?page=2", "last": bare + "?page=3"},
		"?page=2":      {"self": bare + "?page=2", "first": bare, "previous": bare, "next": bare + "?page=3", "last": bare + "?page=3"},
		"?v=1&page=3":  {"self": bare + "?page=3", "first": bare, "previous": bare + "?page=2", "last": bare + "?page=3"},
	} {
		got := map[string]string{}
		for _, l := range checkAtom(t, srv.ask(t, http.MethodGet, addresses()["atom"]+query).Body.Bytes()).Links {
			if l.Rel != "alternate" {
				got[l.Rel] = l.Href
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: links (-want +got):\n%s", query, d)
		}
	}
	if w := srv.ask(t, http.MethodGet, addresses()["atom"]+"?page=4"); w.Code != http.StatusNotFound {
		t.Errorf("a page behind the last one answered %d", w.Code)
	}
	var j struct {
		NextURL string `json:"next_url"`
		FeedURL string `json:"feed_url"`
	}
	if err := json.Unmarshal(srv.ask(t, http.MethodGet, addresses()["json"]+"?page=2").Body.Bytes(), &j); err != nil {
		t.Fatal(err)
	}
	if want := base + addresses()["json"]; j.NextURL != want+"?page=3" || j.FeedURL != want+"?page=2" {
		t.Errorf("JSON Feed: next_url %q, feed_url %q", j.NextURL, j.FeedURL)
	}
	rss := srv.ask(t, http.MethodGet, addresses()["rss"]+"?page=2").Body.String()
	for _, want := range []string{`rel="self"`, `rel="previous"`, `rel="next"`, `rel="first"`, `rel="last"`} {
		if strings.Count(rss, "<atom:link "+want) != 1 {
			t.Errorf("RSS has no atom:link %s:\n%s", want, rss[:900])
		}
	}
}

func TestTextOfFilesStandsInTheLetter(t *testing.T) {
	t.Parallel()
	f := feed()
	f.Letters[0].Media[1].Text = "Ta med:\nmatsäck & <vatten>\n\n\nKl. 8.20\x00"
	got := checkAtom(t, render(t, f, "atom")).Entries[0].Content.Text
	const want = `</a></p><blockquote><p>Ta med:<br>matsäck &amp; &lt;vatten&gt;</p><p>Kl. 8.20</p></blockquote>`
	if !strings.Contains(got, want) {
		t.Errorf("content = %s\nwant in it %s", got, want)
	}
}

func TestOPML(t *testing.T) {
	t.Parallel()
	in := []feeds.Outline{
		{Group: "Familjen", Title: "Allt", URL: base + "/f/t/0-all.atom", Page: base + "/", Lang: "sv"},
		{Group: "Åsa \"A\"", Title: "Brev\r\n& nytt", URL: base + "/f/t/1-news.atom"},
		{Group: "Familjen", Title: "Ändringar", URL: base + "/f/t/0-changes.atom"},
		{Title: "Ensam", URL: base + "/f/t/2-news.atom"},
	}
	data, err := feeds.OPML("syncd <skola>", in)
	if err != nil {
		t.Fatal(err)
	}
	checkText(t, data)
	type outline struct {
		Text     string    `xml:"text,attr"`
		Type     string    `xml:"type,attr"`
		URL      string    `xml:"xmlUrl,attr"`
		Page     string    `xml:"htmlUrl,attr"`
		Outlines []outline `xml:"outline"`
	}
	var got struct {
		Version  string    `xml:"version,attr"`
		Title    string    `xml:"head>title"`
		Outlines []outline `xml:"body>outline"`
	}
	if err := xml.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := []outline{
		{Text: "Familjen", Outlines: []outline{
			{Text: "Allt", Type: "rss", URL: in[0].URL, Page: in[0].Page},
			{Text: "Ändringar", Type: "rss", URL: in[2].URL},
		}},
		{Text: `Åsa "A"`, Outlines: []outline{{Text: "Brev & nytt", Type: "rss", URL: in[1].URL}}},
		{Text: "Ensam", Type: "rss", URL: in[3].URL},
	}
	if d := cmp.Diff(want, got.Outlines); d != "" || got.Version != "2.0" || got.Title != "syncd <skola>" {
		t.Errorf("version %q, title %q (-want +got):\n%s", got.Version, got.Title, d)
	}
	if _, err := feeds.OPML("x", []feeds.Outline{{Title: "y", URL: "javascript:alert(1)"}}); err == nil {
		t.Error("an address that is none was accepted")
	}
}
