package e2e_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

// shelf is the whole web server over a storage with a calendar of 1,000
// entries, 50 letters of some pages each, and a picture of 1.5 MB.
type shelf struct {
	db      *storage.DB
	app     *app.App
	handler http.Handler
}

func openShelf(b *testing.B) *shelf {
	b.Helper()
	clock := storagetest.NewClock(storagetest.Start())
	s := &shelf{db: storagetest.OpenAt(b, clock.Now)}
	account := storagetest.Account(b, s.db, "skolplattformen", "child")
	if _, err := s.db.Apply(b.Context(), account, shelfful()); err != nil {
		b.Fatal(err)
	}
	var err error
	if s.app, err = app.New(b.Context(), app.Config{
		DB: s.db, DataDir: b.TempDir(), BaseURL: "https://skola.example", Platforms: app.Platforms(), Now: clock.Now, Log: discard(), PerMinute: -1,
	}); err != nil {
		b.Fatal(err)
	}
	s.handler = s.app.Handler()
	return s
}

func shelfful() school.Snapshot {
	today := school.DateOf(storagetest.Start())
	year := school.Window{From: today.AddDays(-365), To: today.AddDays(365)}
	s := school.Snapshot{
		Platform: "skolplattformen", Child: school.Child{Ref: "child", Name: "BarnA Test"}, Taken: storagetest.Start(),
		Covered: []school.Coverage{
			{Part: school.PartCalendar, Window: year},
			{Part: school.PartNews, Since: storagetest.Start().AddDate(-1, 0, 0)},
		},
	}
	for i := range 1000 {
		start := today.AddDays(i%300-50).At(8+i%8, 20, school.Stockholm())
		s.Calendar = append(s.Calendar, school.Event{Item: school.Item{
			UID: school.UID(fmt.Sprintf("%032x", uint64(i+1)*0x9E3779B97F4A7C15)), Title: "Matematik", Place: "Sal A3", Body: "Anna Lärare\n5B",
			Span: school.Timed(start, start.Add(50*time.Minute)),
		}})
	}
	picture := make([]byte, 1_500_000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(picture)
	for i := range 50 {
		at := storagetest.Start().Add(-time.Duration(i+1) * time.Hour)
		uid := fmt.Sprintf("n%02d", i)
		l := school.NewsItem{
			Ref: school.Ref(uid), UID: school.UID(uid), Title: "Veckobrev " + uid, Author: "Anna Lärare", Published: at, Modified: at,
			HTML: strings.Repeat("<p>Hej alla barn &amp; föräldrar, den här veckan har vi …</p>", 80),
		}
		if i == 0 {
			l.Images = []school.Media{{Ref: "m", Name: "b.jpg", Type: "image/jpeg", Data: picture}}
		}
		s.News = append(s.News, l)
	}
	return s
}

// link makes a link and returns paths of it by what they are.
func (s *shelf) link(b *testing.B) map[string]string {
	b.Helper()
	a, err := s.app.AddLink(b.Context(), web.NewLink{Label: "l"}, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	paths := map[string]string{}
	pathOf := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			b.Fatal(err)
		}
		return u.Path
	}
	for _, c := range a.Calendars {
		if c.Child == 1 && c.Kind == school.KindEvents {
			paths["ics"] = pathOf(c.URL)
		}
	}
	for _, f := range a.Feeds {
		if f.Child == 1 && f.Kind == school.KindNews {
			paths["atom"] = pathOf(f.URL)
		}
	}
	return paths
}

// answer asks the server itself, without a connection.
func (s *shelf) answer(b *testing.B, path, accept string) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", accept)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Header().Get("Etag") == "" {
		b.Fatalf("%d", w.Code)
	}
	return w
}

// BenchmarkServe compares the server with a bare handler that sends the same
// headers and octets, over real connections. Both are asked in turn, request
// by request, so that whatever else the machine does slows both. of-bare is
// our rate over the bare one's.
func BenchmarkServe(b *testing.B) {
	s := openShelf(b)
	paths := s.link(b)
	picture := strings.TrimPrefix(regexp.MustCompile(`https://skola\.example/m/[^"&]+`).FindString(s.answer(b, paths["atom"], "identity").Body.String()), "https://skola.example")
	paths["media"] = picture
	for _, what := range []string{"ics", "atom", "media"} {
		for _, accept := range []string{"identity", "gzip"} {
			if what == "media" && accept == "gzip" {
				continue // pictures are not compressed again
			}
			w := s.answer(b, paths[what], accept)
			body, sent, tag := w.Body.Bytes(), w.Header(), w.Header().Get("Etag")
			bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				maps.Copy(w.Header(), sent)
				if r.Header.Get("If-None-Match") == tag {
					w.Header().Del("Content-Length")
					w.WriteHeader(http.StatusNotModified)
					return
				}
				_, _ = w.Write(body)
			})
			for _, status := range []int{http.StatusOK, http.StatusNotModified} {
				b.Run(fmt.Sprintf("%s-%s/%d", what, accept, status), func(b *testing.B) {
					header := http.Header{"Accept-Encoding": {accept}}
					if status == http.StatusNotModified {
						header.Set("If-None-Match", tag)
					}
					compare(b, s.handler, bare, paths[what], header, status)
				})
			}
		}
	}
}

// compare asks both handlers in turn, over one kept connection each per
// processor.
func compare(b *testing.B, handler, other http.Handler, path string, header http.Header, status int) {
	b.Helper()
	servers := [2]*httptest.Server{httptest.NewServer(handler), httptest.NewServer(other)}
	defer servers[0].Close()
	defer servers[1].Close()
	var mu sync.Mutex
	var all [2][]time.Duration
	b.RunParallel(func(pb *testing.PB) {
		var took [2][]time.Duration
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			for i := range all {
				all[i] = append(all[i], took[i]...)
			}
		}()
		client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
		defer client.CloseIdleConnections()
		for n := 0; pb.Next(); n++ {
			for i := range servers {
				which := (n + i) % 2 // neither is always the first
				start := time.Now()
				if err := fetch(b.Context(), client, servers[which].URL+path, header, status); err != nil {
					b.Error(err)
					return
				}
				took[which] = append(took[which], time.Since(start))
			}
		}
	})
	ours, bare := typical(all[0]), typical(all[1])
	b.ReportMetric(float64(bare)/float64(ours), "of-bare")
	b.ReportMetric(float64(ours)/1e3, "µs-ours")
	b.ReportMetric(float64(bare)/1e3, "µs-bare")
}

// typical is the mean without the slowest and the fastest tenth.
func typical(all []time.Duration) time.Duration {
	slices.Sort(all)
	middle := all[len(all)/10 : len(all)-len(all)/10]
	var sum time.Duration
	for _, d := range middle {
		sum += d
	}
	return sum / time.Duration(max(len(middle), 1))
}

func fetch(ctx context.Context, client *http.Client, address string, header http.Header, status int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	r.Header = header
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	if closed := res.Body.Close(); err == nil {
		err = closed
	}
	if err == nil && res.StatusCode != status {
		err = fmt.Errorf("status %d", res.StatusCode)
	}
	return err
}

// BenchmarkFirstRender makes the calendar of 1,000 entries and the feed of 50
// letters from what is stored, as for the first reader after a change.
func BenchmarkFirstRender(b *testing.B) {
	for _, what := range []string{"ics", "atom"} {
		b.Run(what, func(b *testing.B) {
			s := openShelf(b)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				paths := s.link(b) // for which nothing is rendered yet
				b.StartTimer()
				w := s.answer(b, paths[what], "identity")
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}
