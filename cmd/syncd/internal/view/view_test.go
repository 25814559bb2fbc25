package view_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/view"
	"syncd/source/school"
	"syncd/storage/storagetest"
)

func TestDailyThingsAreAWindowOfWeeks(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.link("archive", func(l *school.Link) { l.Options.History = 100 })
	h.read(nil)
	span := func(link string) (first, last school.Date) {
		c := h.calendar(link, "1-lessons")
		var days []school.Date
		for line := range strings.SplitSeq(string(c.ICS), "\r\n") {
			if s, ok := strings.CutPrefix(line, "DTSTART;TZID=Europe/Stockholm:"); ok {
				at, err := time.Parse("20060102T150405", s)
				if err != nil {
					t.Fatal(err)
				}
				days = append(days, school.DateOf(at))
			}
		}
		return slices.MinFunc(days, school.Date.Compare), slices.MaxFunc(days, school.Date.Compare)
	}
	first, last := span("l")
	want(t, "window", []school.Date{first, last}, []school.Date{day(-28), day(16*7 + 4)})
	first, _ = span("archive")
	want(t, "history of 100 days begins", first, day(-105))
	if n := len(h.calendar("l", "1-lessons").Objects); n != 250 {
		t.Errorf("CalDAV has %d lessons, want all 250", n)
	}
	want(t, "events have no window", h.calendar("l", "1-events").Entries, 2)

	// Bytes change once a week, and then so does Last-Modified.
	before, changes, home := h.calendar("l", "1-lessons"), 0, h.home()
	for range 21 * 4 {
		h.clock.Add(6 * time.Hour)
		h.read(nil) // nothing new
		c := h.calendar("l", "1-lessons")
		if c.ICSETag == before.ICSETag {
			if !c.Modified.Equal(before.Modified) {
				t.Fatalf("Last-Modified moved from %v to %v without a change", before.Modified, c.Modified)
			}
			continue
		}
		changes++
		if local := h.clock.Now().In(school.Stockholm()); local.Weekday() != time.Monday || !c.Modified.After(before.Modified) {
			t.Errorf("changed on %v, Last-Modified %v after %v", local, c.Modified, before.Modified)
		}
		want(t, "CalDAV when the window of ICS moved", h.home(), home)
		before = c
	}
	want(t, "changes in three weeks", changes, 3)
}

func TestWholeChildrenHaveNoWindow(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *view.Config) { c.Whole = func(n school.ChildNumber) bool { return n == 1 } })
	h.link("l", nil)
	h.read(func(s *school.Snapshot) {
		for i := range 1200 {
			s.Calendar = append(s.Calendar, school.Event{Item: item(fmt.Sprint("x", i), "Pass", i%300, 9)})
		}
	})
	want(t, "lessons", h.calendar("l", "1-lessons").Entries, 250)
	want(t, "events", h.calendar("l", "1-events").Entries, 1202)
	want(t, "family", h.calendar("l", "0-family").Entries, 1452)
}

func TestLargeCalendarsAreNarrowedAndSaySo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	grow := func(n int) func(s *school.Snapshot) {
		return func(s *school.Snapshot) {
			for i := range n {
				s.Calendar = append(s.Calendar, school.Event{Item: item(fmt.Sprint("x", i), "Pass", i%700-350, 9)})
			}
		}
	}
	sizes := func() map[string]view.Size {
		t.Helper()
		all, err := h.Sizes(t.Context(), "l")
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]view.Size{}
		for _, s := range all {
			out[s.Slug] = s
			if s.Entries > 1000 || s.Bytes > 1_000_000 {
				t.Errorf("%s holds more than Google takes: %+v", s.Slug, s)
			}
		}
		return out
	}
	h.read(nil)
	if s := sizes()["1-events"]; s.Large || !s.Window.IsZero() || s.Entries != 2 || s.Bytes != len(h.calendar("l", "1-events").ICS) {
		t.Errorf("a small calendar: %+v", s)
	}
	h.clock.Add(time.Hour)
	h.read(grow(950))
	if s := sizes()["1-events"]; !s.Large || !s.Window.IsZero() || s.Entries != 952 {
		t.Errorf("a calendar of 952 entries: %+v", s)
	}
	h.clock.Add(time.Hour)
	h.read(grow(1500))
	s := sizes()["1-events"]
	if !s.Large || s.Window.IsZero() || s.Entries > 1000 || s.Bytes > 1_000_000 || len(h.calendar("l", "1-events").Objects) != 1502 {
		t.Errorf("a calendar of 1502 entries: %+v", s)
	}
	if log := h.log.String(); !strings.Contains(log, "narrowed=true") || strings.Contains(log, "BarnA") || strings.Contains(log, "Pass") {
		t.Errorf("log:\n%s", log)
	}
}

func TestDetail(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for _, d := range school.Details() {
		h.link("l"+string(d), func(l *school.Link) { l.Options.Detail = d })
	}
	h.link("prefixed", func(l *school.Link) { l.Options.Detail, l.Options.Prefix = school.DetailTimes, true })
	h.read(func(s *school.Snapshot) {
		s.Covered = append(s.Covered, school.Coverage{Part: school.PartTasks, Window: s.Covered[0].Window})
		s.Tasks = []school.Task{{Item: item("t1", "Glosor", 2, 8), Subject: "Engelska"}}
	})
	want(t, "full", summaries(h.calendar("l", "1-events").ICS), []string{"Utflykt", "Föräldramöte"})
	want(t, "times", summaries(h.calendar("ltimes", "1-events").ICS), []string{"Skolan"})
	want(t, "times of homework", summaries(h.calendar("ltimes", "1-homework").ICS), []string{"Läxa eller prov"})
	want(t, "times with a name", summaries(h.calendar("prefixed", "1-lessons").ICS), []string{"BarnA: Lektion"})
	want(t, "busy", summaries(h.calendar("lbusy", "1-lessons").ICS), []string{"Upptagen"})
	want(t, "busy family", summaries(h.calendar("lbusy", "0-family").ICS), []string{"Upptagen"})
	for link, word := range map[string]string{"ltimes": "", "lbusy": "BarnA"} {
		calendars, letters, err := h.Slugs(t.Context(), school.LinkID(link))
		if err != nil || len(letters) != 0 {
			t.Errorf("%s has feeds %v, %v", link, letters, err)
		}
		for _, slug := range calendars {
			c := h.calendar(link, slug.Slug)
			var all strings.Builder
			all.WriteString(c.Name + c.Description + string(c.ICS))
			for _, o := range c.Objects {
				all.WriteString(string(o.Data))
			}
			for _, secret := range []string{"Matte", "Utflykt", "Föräldramöte", "Glosor", "Engelska", "Sal ", "Text ", "Lärare", word} {
				if secret != "" && strings.Contains(all.String(), secret) {
					t.Errorf("%s %s shows %q", link, slug.Slug, secret)
				}
			}
		}
		if _, err := h.Feeds().Feed(t.Context(), link, "1-news", 1); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: letters answered %v", link, err)
		}
	}
	if _, err := h.Feeds().Collection(t.Context(), "lbusy", "1-homework"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("homework of one who is only busy: %v", err)
	}
	if ics := string(h.calendar("lbusy", "1-lessons").ICS); strings.Contains(ics, "TRANSPARENT") {
		t.Error("busy times are free")
	}
}

func TestPagesOfLetters(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.read(func(s *school.Snapshot) {
		for i := range 120 {
			at := storagetest.Start().Add(-time.Duration(i+2) * time.Hour)
			uid := fmt.Sprintf("p%03d", i)
			s.News = append(s.News, school.NewsItem{Ref: school.Ref(uid), UID: school.UID(uid), Title: uid, HTML: "<p>x</p>", Published: at, Modified: at})
		}
	})
	var all []string
	for page := 1; ; page++ {
		f, err := h.Feeds().Feed(t.Context(), "l", "1-news", page)
		if errors.Is(err, fs.ErrNotExist) {
			want(t, "pages", page-1, 3)
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		want(t, "more", f.More, page < 3)
		want(t, "last page", f.Last, 3)
		all = append(all, titles(f)...)
	}
	if len(all) != 121 || !slices.IsSorted(all[1:]) {
		t.Errorf("%d letters on all pages", len(all))
	}
}

func TestMediaDieWithWhatShowsThem(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.link("calendars", func(l *school.Link) { l.Kinds = []school.Kind{school.KindEvents} })
	h.link("all", func(l *school.Link) { l.Kinds = []school.Kind{school.KindAll} })
	h.read(nil)
	open := func(id string) error {
		ref, content, err := h.Feeds().Media(t.Context(), id)
		if err != nil {
			return err
		}
		body, err := content()
		if err != nil {
			return err
		}
		defer body.Close()
		b, err := io.ReadAll(body)
		if string(b) != "bild" || ref.Name != "b.jpg" {
			t.Errorf("media %q, %+v", b, ref)
		}
		return err
	}
	ids := map[string]string{}
	for _, link := range []string{"l", "all"} {
		f := h.feed(link, "1-all")
		if len(f.Letters) != 1 || len(f.Media) != 1 {
			t.Fatalf("%s: %d letters, %d media", link, len(f.Letters), len(f.Media))
		}
		for _, id := range f.Media {
			ids[link] = id
			if err := open(id); err != nil {
				t.Errorf("media of %s: %v", link, err)
			}
		}
	}
	if ids["l"] == ids["all"] {
		t.Error("two links have the same media id")
	}
	if err := open("unknown"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unknown media: %v", err)
	}
	if err := h.RevokeLink(t.Context(), "l"); err != nil {
		t.Fatal(err)
	}
	h.Invalidate()
	if err := open(ids["l"]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("media of a revoked link: %v", err)
	}
	h.clock.Add(time.Hour)
	h.read(func(s *school.Snapshot) { s.News = nil })
	if err := open(ids["all"]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("media of a letter that is gone: %v", err)
	}
}

func TestDeletionsMoveLastModified(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.read(nil)
	calendar, feed := h.calendar("l", "1-events"), h.feed("l", "1-news")
	h.clock.Add(time.Hour)
	h.read(func(s *school.Snapshot) { s.Calendar, s.News = s.Calendar[:1], nil })
	want(t, "calendar", h.calendar("l", "1-events").Modified, h.clock.Now())
	want(t, "feed", h.feed("l", "1-news").Updated, h.clock.Now())
	if calendar.Modified.Equal(h.clock.Now()) || feed.Updated.Equal(h.clock.Now()) {
		t.Error("nothing moved")
	}
}
