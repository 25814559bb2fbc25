package school_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
)

func item() school.Item {
	day := school.NewDate(2026, time.November, 24)
	return school.Item{
		UID: "u", Ref: "7", Title: "Matte", Place: "Sal A3", Body: "Ta med linjal", Span: school.AllDay(day, day),
		Status: school.StatusCancelled, URL: "https://skola.example/7",
	}
}

func TestEntriesShowWhatWasRead(t *testing.T) {
	t.Parallel()
	base := school.Entry{
		UID: "u", Title: "Matte", Place: "Sal A3", Body: "Ta med linjal", URL: "https://skola.example/7",
		Span: item().Span, Status: school.StatusCancelled,
	}
	with := func(k school.Kind, change func(*school.Entry)) school.Entry {
		e := base
		e.Kind = k
		change(&e)
		return e
	}
	for name, tc := range map[string]struct{ got, want school.Entry }{
		"event": {
			school.Event{Item: item(), Busy: true, Categories: []string{"möte"}}.Entry(),
			with(school.KindEvents, func(e *school.Entry) { e.Busy, e.Categories = true, []string{"möte"} }),
		},
		"lesson": {
			school.Lesson{Item: item(), Teacher: "EEX", Group: "7B"}.Entry(),
			with(school.KindLessons, func(e *school.Entry) { e.Body = "7B\nEEX\nTa med linjal" }),
		},
		"meal": {school.Meal{Item: item()}.Entry(), with(school.KindMeals, func(*school.Entry) {})},
		"care": {school.Care{Item: item()}.Entry(), with(school.KindCare, func(*school.Entry) {})},
		"task": {
			school.Task{Item: item(), Subject: "Matte", Done: true}.Entry(),
			with(school.KindHomework, func(e *school.Entry) { e.Task, e.Done, e.Categories = true, true, []string{"Matte"} }),
		},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLettersShowWhatWasRead(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	news := school.NewsItem{UID: "n", Title: "Veckobrev", Author: "EEX", Summary: "Hej", HTML: "<p>Hej</p>", Published: sent, Modified: sent.Add(time.Hour)}.Letter()
	if news.Kind != school.KindNews || news.Title != "Veckobrev" || news.HTML != "<p>Hej</p>" || !news.Updated.Equal(sent.Add(time.Hour)) {
		t.Errorf("news item as letter: kind %s, updated %s", news.Kind, news.Updated)
	}
	notice := school.Notice{UID: "m", Title: "Omdöme", Text: "Nytt omdöme", Sender: "Unikum", Sent: sent}.Letter()
	if notice.Kind != school.KindNotices || notice.Summary != "Nytt omdöme" || notice.Author != "Unikum" || notice.HTML != "" || !notice.Published.Equal(sent) {
		t.Errorf("notice as letter: kind %s, published %s", notice.Kind, notice.Published)
	}
}

func TestFacesDifferWhereAPersonWouldNotice(t *testing.T) {
	t.Parallel()
	e := school.Lesson{Item: item()}.Entry()
	face := e.Looks("text")
	if !face.Same(e.Looks("text")) {
		t.Error("a face differs from itself")
	}
	moved, other := e, e
	moved.Span = school.AllDay(school.NewDate(2026, time.November, 25), school.NewDate(2026, time.November, 25))
	other.Place = "Sal B12"
	for name, f := range map[string]school.Face{"time": moved.Looks("text"), "place": other.Looks("text"), "text": e.Looks("other")} {
		if face.Same(f) {
			t.Errorf("another %s is not noticed", name)
		}
	}
}

func TestPlansAndSnapshots(t *testing.T) {
	t.Parallel()
	if !(school.Plan{}).Wants(school.PartNews) {
		t.Error("a plan without parts does not want everything")
	}
	p := school.Plan{Parts: []school.Part{school.PartMenu}}
	if !p.Wants(school.PartMenu) || p.Wants(school.PartNews) {
		t.Error("a plan wants other parts than its own")
	}
	s := school.Snapshot{Covered: []school.Coverage{{Part: school.PartMenu}}}
	if _, ok := s.Covers(school.PartMenu); !ok {
		t.Error("what was read is not covered")
	}
	if _, ok := s.Covers(school.PartNews); ok {
		t.Error("what was not read is covered")
	}
	if (school.Changes{}).Any() || !(school.Changes{Deleted: map[school.Kind]int{school.KindNews: 1}}).Any() {
		t.Error("Any does not say whether there are changes")
	}
}

func TestDaysAndSpans(t *testing.T) {
	t.Parallel()
	d := school.NewDate(2026, time.December, 31)
	if got := fmt.Sprint(d, d.AddDays(1)); got != "2026-12-31 2027-01-01" {
		t.Errorf("days = %s", got)
	}
	if year, week := d.ISOWeek(); year != 2026 || week != 53 {
		t.Errorf("ISOWeek = %d, %d", year, week)
	}
	if !d.Before(d.AddDays(1)) || !d.AddDays(1).After(d) || d.Compare(d) != 0 || d.IsZero() || !(school.Date{}).IsZero() {
		t.Error("days are not in order")
	}
	w := school.Window{From: d, To: d.AddDays(2)}
	if !w.Contains(d) || w.Contains(d.AddDays(2)) || w.IsZero() || !(school.Window{}).IsZero() {
		t.Error("a window holds other days than its own")
	}
	loc := school.Stockholm()
	span := school.Timed(d.At(8, 0, loc), d.At(9, 0, loc))
	if !span.Equal(school.Timed(d.At(8, 0, loc).UTC(), d.At(9, 0, loc).UTC())) || span.Equal(school.AllDay(d, d)) {
		t.Error("spans are compared by their zones")
	}
}

// TestClosedSets looks for repetitions and for members that are none.
func TestClosedSets(t *testing.T) {
	t.Parallel()
	sets := map[string][]string{}
	for _, p := range school.Problems() {
		sets["problems"] = append(sets["problems"], string(p))
	}
	for _, r := range school.Rungs() {
		sets["rungs"] = append(sets["rungs"], string(r))
	}
	for _, c := range school.EndCauses() {
		sets["causes"] = append(sets["causes"], string(c))
	}
	for _, d := range school.Details() {
		sets["details"] = append(sets["details"], "detail "+string(d))
	}
	for _, k := range school.DerivedKinds() {
		sets["derived"] = append(sets["derived"], string(k))
		if k.Origin() == "" {
			t.Errorf("%s is derived from nothing", k)
		}
	}
	if school.KindEvents.Origin() != "" {
		t.Error("events are derived")
	}
	for name, members := range sets {
		seen := map[string]bool{"": true}
		for _, m := range members {
			if seen[m] {
				t.Errorf("%s: %q is empty or comes twice", name, m)
			}
			seen[m] = true
		}
	}
	stay := school.Stay{Began: time.Unix(0, 0), Used: time.Unix(90, 0)}
	if stay.Lasted() != 90*time.Second {
		t.Errorf("Lasted = %s", stay.Lasted())
	}
	if got := (school.Child{Name: " Åsa-Maj Ek"}).FirstName(); got != "Åsa-Maj" {
		t.Errorf("FirstName = %q", got)
	}
}
