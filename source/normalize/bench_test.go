package normalize_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"syncd/source/school"
)

// One child's year: 1,000 entries and 50 letters of some length.
func BenchmarkSnapshot(b *testing.B) {
	n := normalizer(b)
	s := school.Snapshot{Platform: "p", Child: school.Child{Ref: "c"}}
	start := at(b, "2026-01-07 08:10")
	for i := range 1000 {
		from := start.AddDate(0, 0, i/3).Add(time.Duration(i%3) * time.Hour)
		s.Calendar = append(s.Calendar, school.Event{Item: school.Item{
			Ref: school.Ref(fmt.Sprint(i)), Title: fmt.Sprintf("Händelse %d för årskurs 7", i), Place: "Aulan",
			Body: "<p>Samling i <b>matsalen</b>.</p><p>Ta med matsäck &amp; regnkläder.</p>", Span: school.Timed(from, from.Add(time.Hour)),
		}})
	}
	body := strings.Repeat(`<div data-sp-rte=""><p><span><span>Hej!</span></span> På fredag åker vi.</p><table><tr><td>Fredag</td><td>9&#58;00</td></tr></table><p><a href="https&#58;//example.invalid/karta">Karta</a></p></div>`, 20)
	for i := range 50 {
		s.News = append(s.News, school.NewsItem{Ref: school.Ref(fmt.Sprint(i)), Title: "Veckobrev", HTML: body, Published: start.AddDate(0, 0, i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := n.Snapshot(b.Context(), s); len(got.Calendar) != 1000 || len(got.News) != 50 {
			b.Fatalf("%d entries, %d letters", len(got.Calendar), len(got.News))
		}
	}
}
