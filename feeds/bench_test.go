package feeds_test

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"syncd/feeds"
	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// big returns a store with a calendar of 1,000 entries and a feed of 50
// letters of some pages each.
func big() *store {
	s := newStore()
	loc := school.Stockholm()
	var list []school.Entry
	for i := range 1000 {
		start := school.NewDate(2026, time.August, 17+i/6).At(8+i%6, 20, loc)
		list = append(list, school.Entry{
			UID: school.UID(fmt.Sprintf("%032x", uint64(i+1)*0x9E3779B97F4A7C15)), Kind: school.KindLessons, Title: "Matematik",
			Place: "Sal A3", Body: "Anna Lärare\n5B", Span: school.Timed(start, start.Add(50*time.Minute)), Modified: noon(),
		})
	}
	s.collection, _ = icalendar.Build(icalendar.Info{Name: "Åsa"}, list, icalendar.Style{}, icalendar.Style{Feed: true})
	s.collection.Slug = "1-events"
	s.feed = bigFeed()
	return s
}

func bigFeed() *feeds.Feed {
	f := feed()
	var letters []school.Letter
	for i := range 50 {
		l := f.Letters[0]
		l.UID = school.UID(fmt.Sprintf("n-%d", i))
		l.HTML = fmt.Sprintf("<p>Brev %d</p>", i) + strings.Repeat("<p>Hej alla barn &amp; föräldrar, den här veckan har vi …</p>", 80)
		letters = append(letters, l)
	}
	f.Letters = letters
	return f
}

func BenchmarkFirstRender(b *testing.B) {
	for _, format := range []string{"atom", "rss", "json"} {
		b.Run(format, func(b *testing.B) {
			s := newStore()
			h, err := feeds.New(feeds.Config{Store: s, BaseURL: base, Now: noon, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.feed = bigFeed()
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, addresses()[format], nil))
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}

// BenchmarkServe compares the handler with one that knows nothing but the
// same headers and octets, over real connections.
func BenchmarkServe(b *testing.B) {
	h, err := feeds.New(feeds.Config{Store: big(), BaseURL: base, Now: noon, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	for _, format := range []string{"ics", "atom"} {
		for _, accept := range []string{"identity", "gzip"} {
			path := addresses()[format]
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
			r.Header.Set("Accept-Encoding", accept)
			h.ServeHTTP(w, r)
			body, sent, tag := w.Body.Bytes(), w.Header(), w.Header().Get("Etag")
			bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				maps.Copy(w.Header(), sent)
				if r.Header.Get("If-None-Match") == tag {
					w.WriteHeader(http.StatusNotModified)
					return
				}
				_, _ = w.Write(body)
			})
			for name, handler := range map[string]http.Handler{"syncd": h, "bare": bare} {
				for _, want := range []int{http.StatusOK, http.StatusNotModified} {
					b.Run(fmt.Sprintf("%s-%s/%d/%s", format, accept, want, name), func(b *testing.B) {
						header := http.Header{"Accept-Encoding": {accept}}
						if want == http.StatusNotModified {
							header.Set("If-None-Match", tag)
						}
						get(b, handler, path, header, want)
					})
				}
			}
		}
	}
}

// get asks for a path over one kept connection per processor.
func get(b *testing.B, handler http.Handler, path string, header http.Header, want int) {
	b.Helper()
	srv := httptest.NewServer(handler)
	defer srv.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
		defer client.CloseIdleConnections()
		for pb.Next() {
			r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, srv.URL+path, http.NoBody)
			if err != nil {
				b.Error(err)
				return
			}
			r.Header = header
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != want {
				b.Errorf("%d, %v", res.StatusCode, err)
				return
			}
		}
	})
}
