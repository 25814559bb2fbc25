package view_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/view"
	"syncd/feeds"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

// shelf is a whole server of calendars, feeds and pictures over a storage
// with a calendar of 1,000 entries, 50 letters of some pages each, and a
// picture of 1.5 MB.
type shelf struct {
	db        *storage.DB
	views     *view.Views
	handler   http.Handler
	addresses map[string]string // of the link "l", by what they are
}

func openShelf(b *testing.B) *shelf {
	b.Helper()
	clock := storagetest.NewClock(storagetest.Start())
	db := storagetest.OpenAt(b, clock.Now)
	account := storagetest.Account(b, db, "fake", "child")
	log := slog.New(slog.DiscardHandler)
	v, err := view.New(view.Config{
		Store: plainStore{db}, BaseURL: baseURL, Now: clock.Now, Log: log, Hash: hash, Renderer: "r", FeedID: [16]byte{1},
	})
	if err != nil {
		b.Fatal(err)
	}
	h := &house{DB: db, Views: v, clock: clock, account: account}
	if err := db.AddLink(b.Context(), school.Link{ID: "l", Label: "l"}, linkSecrets("l")); err != nil {
		b.Fatal(err)
	}
	s := h.snapshot(nil)
	s.Calendar, s.Timetable, s.News = nil, nil, nil
	for i := range 1000 {
		s.Calendar = append(s.Calendar, school.Event{Item: item(fmt.Sprintf("e%04d", i), "Matematik", i%300-50, 8+i%8)})
	}
	picture := make([]byte, 1_500_000)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(picture)
	for i := range 50 {
		at := storagetest.Start().Add(-time.Duration(i+1) * time.Hour)
		uid := fmt.Sprintf("n%02d", i)
		l := school.NewsItem{
			Ref: school.Ref(uid), UID: school.UID(uid), Title: "Veckobrev " + uid, Author: "Anna Lärare", Published: at, Modified: at,
			HTML: string(bytes.Repeat([]byte("<p>Hej alla barn &amp; föräldrar, den här veckan har vi …</p>"), 80)),
		}
		if i == 0 {
			l.Images = []school.Media{{Ref: "m", Name: "b.jpg", Type: "image/jpeg", Data: picture}}
		}
		s.News = append(s.News, l)
	}
	if _, err := db.Apply(b.Context(), account, s); err != nil {
		b.Fatal(err)
	}
	handler, err := feeds.New(feeds.Config{
		Store: v.Feeds(), BaseURL: baseURL, Now: clock.Now, Log: log, Used: v.Feeds().Used,
	})
	if err != nil {
		b.Fatal(err)
	}
	f, err := v.Feeds().Feed(b.Context(), "l", "1-news", 1)
	if err != nil || len(f.Letters) != 50 || len(f.Media) != 1 {
		b.Fatalf("%d letters, %v", len(f.Letters), err)
	}
	addresses := map[string]string{"ics": "/c/l/1-events.ics", "atom": "/f/l/1-news.atom"}
	for _, id := range f.Media {
		addresses["media"] = "/m/" + id + "/b.jpg"
	}
	return &shelf{db, v, handler, addresses}
}

// BenchmarkServe compares the server with a bare handler that sends the same
// headers and octets, over real connections. Both are asked in turn, request
// by request, so that whatever else the machine does slows both. of-bare is
// our rate over the bare one's.
func BenchmarkServe(b *testing.B) {
	s := openShelf(b)
	handler, addresses := s.handler, s.addresses
	for _, what := range []string{"ics", "atom", "media"} {
		for _, accept := range []string{"identity", "gzip"} {
			if what == "media" && accept == "gzip" {
				continue // pictures are not compressed again
			}
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, addresses[what], nil)
			r.Header.Set("Accept-Encoding", accept)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			body, sent, tag := w.Body.Bytes(), w.Header(), w.Header().Get("Etag")
			if w.Code != http.StatusOK || tag == "" {
				b.Fatalf("%s: %d", what, w.Code)
			}
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
					compare(b, handler, bare, addresses[what], header, status)
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
			for n := 0; b.Loop(); n++ {
				// Another link has rendered nothing yet.
				b.StopTimer()
				name := fmt.Sprintf("l%d", n)
				if err := s.db.AddLink(b.Context(), school.Link{ID: school.LinkID(name), Label: name}, linkSecrets(name)); err != nil {
					b.Fatal(err)
				}
				s.views.Invalidate()
				path := strings.Replace(s.addresses[what], "/l/", "/"+name+"/", 1)
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
				w := httptest.NewRecorder()
				b.StartTimer()
				s.handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatalf("%d", w.Code)
				}
				b.SetBytes(int64(w.Body.Len()))
			}
		})
	}
}
