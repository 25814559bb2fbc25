package feeds_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"syncd/feeds"
	"syncd/source/school"
)

// bigFeed has 50 letters of some pages each.
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
