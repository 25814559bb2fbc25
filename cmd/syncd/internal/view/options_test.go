package view_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/feeds"
	"syncd/source/school"
)

// blocks are the events of a calendar by their UIDs.
func blocks(t *testing.T, ics []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, block := range strings.Split(strings.ReplaceAll(string(ics), "\r\n ", ""), "BEGIN:VEVENT\r\n")[1:] {
		block, _, _ = strings.Cut(block, "END:VEVENT\r\n")
		out[lineOf(block, "UID")] = block
	}
	return out
}

// lineOf is the rest of the first line of that name.
func lineOf(block, name string) string {
	for line := range strings.SplitSeq(block, "\r\n") {
		if rest, ok := strings.CutPrefix(line, name); ok && strings.ContainsAny(rest[:1], ":;") {
			return rest[1:]
		}
	}
	return ""
}

// TestOneLessonTouchesOneEvent moves a lesson: of all events of the calendar
// one changes, and of the others not a byte. A changed option moves them all.
func TestOneLessonTouchesOneEvent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.read(nil)
	before := blocks(t, h.calendar("l", "1-lessons").ICS)
	h.clock.Add(time.Hour)
	h.read(func(s *school.Snapshot) { s.Timetable[20*5+1].Place = "Sal A3" })
	after := blocks(t, h.calendar("l", "1-lessons").ICS)
	var changed []string
	for uid, block := range after {
		if before[uid] != block {
			changed = append(changed, uid)
		}
	}
	want(t, "events that changed", changed, []string{"l100-1@syncd"})
	want(t, "events", len(after), len(before))
	if was, is := lineOf(before["l100-1@syncd"], "LAST-MODIFIED"), lineOf(after["l100-1@syncd"], "LAST-MODIFIED"); is <= was {
		t.Errorf("LAST-MODIFIED was %s, is %s", was, is)
	}

	h.clock.Add(time.Hour)
	l, err := h.DB.Link(t.Context(), "l")
	if err != nil {
		t.Fatal(err)
	}
	l.Options.Prefix = true
	if err := h.PutLink(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	h.Invalidate()
	for uid, block := range blocks(t, h.calendar("l", "1-lessons").ICS) {
		if lineOf(block, "LAST-MODIFIED") <= lineOf(after[uid], "LAST-MODIFIED") || !strings.Contains(block, "SUMMARY:BarnA: Matte") {
			t.Fatalf("%s did not move with the option:\n%s", uid, block)
		}
	}
}

// TestOptionsOfALink sets each option alone and looks at a calendar.
func TestOptionsOfALink(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for name, change := range map[string]func(*school.Link){
		"plain":    nil,
		"prefix":   func(l *school.Link) { l.Options.Prefix = true },
		"status":   func(l *school.Link) { l.Options.Cancelled = school.CancelledStatus },
		"drop":     func(l *school.Link) { l.Options.Cancelled = school.CancelledDrop },
		"utc":      func(l *school.Link) { l.Options.UTC = true },
		"english":  func(l *school.Link) { l.Options.Language = "en" },
		"merged":   func(l *school.Link) { l.Options.Merged = true },
		"kinds":    func(l *school.Link) { l.Kinds = []school.Kind{school.KindEvents} },
		"children": func(l *school.Link) { l.Children = []school.ChildNumber{2} },
	} {
		h.link(name, change)
	}
	h.read(func(s *school.Snapshot) {
		s.Calendar[0].Status = school.StatusCancelled
		s.Timetable = nil
	})
	trip := func(link string) string { return blocks(t, h.calendar(link, "1-events").ICS)["e1@syncd"] }
	for link, lines := range map[string]map[string]string{
		"plain":   {"SUMMARY": "Inställt: Utflykt", "STATUS": "CONFIRMED", "DTSTART": "TZID=Europe/Stockholm:20261008T090000"},
		"prefix":  {"SUMMARY": "BarnA: Inställt: Utflykt"},
		"status":  {"SUMMARY": "Inställt: Utflykt", "STATUS": "CANCELLED"},
		"drop":    {"SUMMARY": "", "STATUS": ""},
		"utc":     {"DTSTART": "20261008T070000Z"},
		"english": {"SUMMARY": "Cancelled: Utflykt"},
	} {
		for name, value := range lines {
			want(t, link+" "+name, lineOf(trip(link), name), value)
		}
	}
	slugs := func(link string) (out []string) {
		calendars, letters, err := h.Slugs(t.Context(), school.LinkID(link))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range append(calendars, letters...) {
			out = append(out, s.Slug)
		}
		return out
	}
	want(t, "kinds", slugs("kinds"), []string{"1-events"})
	if all := slugs("children"); slices.ContainsFunc(all, func(s string) bool { return strings.HasPrefix(s, "1-") }) {
		t.Errorf("another child's: %v", all)
	}
	for link, home := range map[string][]string{"plain": {"1-events"}, "merged": {"0-family"}} {
		got, err := h.CalDAV().Home(t.Context(), school.LinkID(link))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range got.Collections {
			names = append(names, c.Slug)
		}
		want(t, "home of "+link, names, home)
	}
}

// TestFeedsMoveWithTheirOptions asks as a reader does that knows dates alone:
// after the link's language changed it gets the feed in the new one.
func TestFeedsMoveWithTheirOptions(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.read(nil)
	handler, err := feeds.New(feeds.Config{Store: h.Feeds(), BaseURL: baseURL, Now: h.clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, since string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		if since != "" {
			r.Header.Set("If-Modified-Since", since)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	paths := []string{"/f/l/1-news.atom", "/f/l/1-news.rss", "/f/l/0-all.json", "/c/l/1-events.ics"}
	since := map[string]string{}
	for _, path := range paths {
		since[path] = get(path, "").Header().Get("Last-Modified")
	}
	h.clock.Add(time.Hour)
	h.Invalidate()
	for _, path := range paths {
		want(t, path+" as it was", get(path, since[path]).Code, http.StatusNotModified)
	}
	l, err := h.DB.Link(t.Context(), "l")
	if err != nil {
		t.Fatal(err)
	}
	l.Options.Language = "en"
	if err := h.PutLink(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	h.Invalidate()
	h.clock.Add(time.Hour)
	for _, path := range paths {
		w := get(path, since[path])
		want(t, path+" in another language", w.Code, http.StatusOK)
		want(t, path+": Last-Modified", w.Header().Get("Last-Modified"), h.clock.Now().Add(-time.Hour).Format(http.TimeFormat))
	}
}

// TestAbsentFilesAreSaid reads a letter with a file that was too large: its
// entry says so and leads to the school, and nothing is served in its place.
func TestAbsentFilesAreSaid(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.link("en", func(l *school.Link) { l.Options.Language = "en" })
	h.read(func(s *school.Snapshot) {
		s.News[0].URL = "https://skola.example/brev/1"
		s.News[0].Files = []school.Media{{Ref: "f", Name: "film.mp4", Type: "video/mp4", Absent: school.AbsentSize}}
	})
	handler, err := feeds.New(feeds.Config{Store: h.Feeds(), BaseURL: baseURL, Now: h.clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for path, said := range map[string]string{
		"/f/l/1-news.json":  `Filen ”film.mp4” finns hos skolan men kunde inte hämtas hit: den är för stor. <a href=\"https://skola.example/brev/1\">Öppna hos skolan</a>`,
		"/f/en/0-news.json": `The file “film.mp4” is at the school but could not be fetched here: it is too large. <a href=\"https://skola.example/brev/1\">Open at the school</a>`,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if !strings.Contains(w.Body.String(), said) {
			t.Errorf("%s does not say %q:\n%s", path, said, w.Body)
		}
	}
	want(t, "files that are served", len(h.feed("l", "1-news").Media), 1)
}

// TestCareIsCalledByOneWord reads care times, which have no title of their own:
// an entry is called what one of them is, and not as the calendar is.
func TestCareIsCalledByOneWord(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.link("en", func(l *school.Link) { l.Options.Language = "en" })
	h.read(func(s *school.Snapshot) {
		s.Covered = append(s.Covered, school.Coverage{Part: school.PartCare, Window: school.Window{From: day(0), To: day(7)}})
		s.Care = []school.Care{{Item: item("c", "", 1, 7)}}
	})
	want(t, "in Swedish", summaries(h.calendar("l", "1-care").ICS), []string{"Omsorg"})
	want(t, "in English", summaries(h.calendar("en", "1-care").ICS), []string{"Care"})
}
