package feeds_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"syncd/feeds"
	"syncd/feeds/icalendar"
	"syncd/source/school"
)

const (
	base          = "https://skola.example"
	calendarToken = "kalendernyckel-abcdefghijk"
	feedToken     = "nyhetsnyckel-abcdefghijklm"
	mediaID       = "bildnyckel-1"
	fileID        = "filnyckel-1"
)

// noon is a moment by day in Stockholm.
func noon() time.Time { return time.Date(2026, time.November, 22, 11, 0, 0, 0, time.UTC) }

// store is a feeds.Store that a test changes at will.
type store struct {
	collection *icalendar.Collection
	feed       *feeds.Feed
	older      []*feeds.Feed // pages 2, 3, …
	media      map[string]school.MediaRef
	data       map[string]string
	err        error // answered to everything
	openErr    error // of opening a picture
	opened     int   // pictures
}

func (s *store) Collection(_ context.Context, token, slug string) (*icalendar.Collection, error) {
	if s.err != nil {
		return nil, s.err
	}
	if token != calendarToken || slug != s.collection.Slug {
		return nil, fmt.Errorf("no such calendar: %w", fs.ErrNotExist)
	}
	return s.collection, nil
}

func (s *store) Feed(_ context.Context, token, slug string, page int) (*feeds.Feed, error) {
	if s.err != nil {
		return nil, s.err
	}
	if token != feedToken || slug != s.feed.Slug || page > len(s.older)+1 {
		return nil, fmt.Errorf("no such feed: %w", fs.ErrNotExist)
	}
	if page > 1 {
		return s.older[page-2], nil
	}
	return s.feed, nil
}

func (s *store) Media(_ context.Context, id string) (ref school.MediaRef, open func() (io.ReadCloser, error), err error) {
	if s.err != nil {
		return school.MediaRef{}, nil, s.err
	}
	ref, found := s.media[id]
	if !found {
		return school.MediaRef{}, nil, fmt.Errorf("no such media: %w", fs.ErrNotExist)
	}
	return ref, func() (io.ReadCloser, error) {
		s.opened++
		if s.openErr != nil {
			return nil, s.openErr
		}
		return io.NopCloser(strings.NewReader(s.data[id])), nil
	}, nil
}

func letters() []school.Letter {
	published := time.Date(2026, time.November, 20, 14, 5, 6, 0, time.UTC)
	return []school.Letter{
		{
			UID: "n-1", Kind: school.KindNews, Child: 1, ChildName: "Åsa", Title: "Veckobrev v. 47 <&> \"klass 5B\"",
			Author: "Anna Lärare", Source: "Björkskolan", Summary: "Den här veckan …",
			HTML: `<h1>Hej!</h1><p>Åk 5 &amp; 6: <a href="https://skola.example.org/x?a=1&amp;b=2">läs mer</a> ]]> 👍</p>`,
			URL:  "https://skolplattformen.example/brev/1?a=1&b=2", Published: published, Updated: published.Add(time.Hour),
			FirstSeen: published.Add(10 * time.Minute),
			Media: []school.MediaRef{
				{ID: "m-1", Name: "fika på gården.jpg", Type: "image/jpeg", Alt: "Barn \"leker\"", Length: 5, Image: true},
				{ID: "m-2", Name: "schema.pdf", Type: "application/pdf", Length: 1234},
				{ID: "m-3", Name: "secret.jpg", Type: "image/jpeg", Image: true}, // not in this link
			},
		},
		{
			UID: "o-1", Kind: school.KindNotices, Child: 2, ChildName: "Bo", Title: "Nytt meddelande", Author: "Unikum",
			Summary: "Rad ett & två\nRad <tre>", Published: published.Add(-48 * time.Hour), Updated: published.Add(-48 * time.Hour),
			FirstSeen: published.Add(-48 * time.Hour),
		},
		{UID: "n-0", Kind: school.KindNews, Child: 1, HTML: "<p>Utan allt</p>"},
	}
}

func feed() *feeds.Feed {
	return &feeds.Feed{
		ID: "urn:uuid:2a0d5e3c-6c07-5a1c-9f0e-0d3e6a9be001", Slug: "1-all", Title: "Åsa – allt", Subtitle: "Från skolan",
		Lang: "sv", Author: "Skolan", Created: time.Date(2026, time.August, 17, 6, 0, 0, 0, time.UTC),
		Letters: letters(),
		Media:   map[string]string{"m-1": mediaID, "m-2": fileID},
		Kinds:   map[school.Kind]string{school.KindNews: "Nyheter", school.KindNotices: "Notiser"},
	}
}

func collection() *icalendar.Collection {
	loc := school.Stockholm()
	day := school.NewDate(2026, time.June, 3)
	list := []school.Entry{
		{UID: "e-1", Kind: school.KindEvents, Title: "Avslutning", Span: school.Timed(day.At(9, 0, loc), day.At(10, 0, loc)), Modified: noon().Add(-time.Hour)},
	}
	c, _ := icalendar.Build(icalendar.Info{Name: "Åsa"}, list, icalendar.Style{}, icalendar.Style{Feed: true})
	c.Slug = "1-events"
	return c
}

func newStore() *store {
	return &store{
		collection: collection(), feed: feed(),
		media: map[string]school.MediaRef{mediaID: letters()[0].Media[0], fileID: letters()[0].Media[1]},
		data:  map[string]string{mediaID: "\xff\xd8\xff\xe0\x00", fileID: strings.Repeat("p", 1234)},
	}
}

// server is a handler under test and what it logged.
type server struct {
	http.Handler
	log *bytes.Buffer
	now time.Time
}

func serve(t *testing.T, s feeds.Store, change func(*feeds.Config)) *server {
	t.Helper()
	srv := &server{log: &bytes.Buffer{}, now: noon()}
	cfg := feeds.Config{
		Store: s, BaseURL: base, Now: func() time.Time { return srv.now },
		Log: slog.New(slog.NewTextHandler(srv.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	h, err := feeds.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv.Handler = h
	return srv
}

// ask sends one request. header is pairs of name and value.
func (s *server) ask(t *testing.T, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func addresses() map[string]string {
	return map[string]string{
		"ics":  "/c/" + calendarToken + "/1-events.ics",
		"atom": "/f/" + feedToken + "/1-all.atom",
		"rss":  "/f/" + feedToken + "/1-all.rss",
		"json": "/f/" + feedToken + "/1-all.json",
	}
}
