package view_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/view"
	"syncd/feeds"
	"syncd/feeds/icalendar"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

// house is a storage with views over it, and one child that was read.
type house struct {
	*storage.DB
	*view.Views

	t       *testing.T
	clock   *storagetest.Clock
	account school.AccountID
	log     *bytes.Buffer
	cfg     view.Config
}

// plainStore is the storage as package app hands it to views.
type plainStore struct{ *storage.DB }

func (s plainStore) TouchLink(ctx context.Context, id school.LinkID, day school.Date) error {
	return s.DB.TouchLink(ctx, id, "other", day)
}

const baseURL = "https://skola.example"

func hash(token string) [32]byte { return sha256.Sum256([]byte(token)) }

func newHouse(t *testing.T, change func(*view.Config)) *house {
	t.Helper()
	h := &house{t: t, clock: storagetest.NewClock(storagetest.Start()), log: &bytes.Buffer{}}
	h.DB = storagetest.OpenAt(t, h.clock.Now)
	h.KeepAll(func(school.ChildNumber) bool { return true }) // what is kept for how long is not the views' affair
	h.account = storagetest.Account(t, h.DB, "fake", "child", "other")
	cfg := view.Config{
		Store: plainStore{h.DB}, BaseURL: baseURL, Now: h.clock.Now, Log: slog.New(slog.NewTextHandler(h.log, nil)), Hash: hash,
		Renderer: "r", FeedID: [16]byte{1},
	}
	if change != nil {
		change(&cfg)
	}
	h.cfg = cfg
	h.Views = h.again().Views
	return h
}

// again returns the house with views that have built nothing yet, as after a
// start.
func (h *house) again() *house {
	h.t.Helper()
	v, err := view.New(h.cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	fresh := *h
	fresh.Views = v
	return &fresh
}

// link makes a link whose tokens are its name.
func (h *house) link(name string, change func(*school.Link)) {
	h.t.Helper()
	l := school.Link{ID: school.LinkID(name), Label: name}
	if change != nil {
		change(&l)
	}
	if err := h.AddLink(h.t.Context(), l, linkSecrets(name)); err != nil {
		h.t.Fatal(err)
	}
	h.Invalidate()
}

// linkSecrets are those of a link whose tokens are its name.
func linkSecrets(name string) storage.Secrets {
	return storage.Secrets{Page: hash(name + "-p"), Calendars: hash(name), Feeds: hash(name), Password: hash(name), Media: hash(name + "-m")}
}

// day is a day counted from the clock's first day, a Monday.
func day(n int) school.Date {
	return school.DateOf(storagetest.Start().In(school.Stockholm())).AddDays(n)
}

func item(uid, title string, d, hour int) school.Item {
	start := day(d).At(hour, 0, school.Stockholm())
	return school.Item{UID: school.UID(uid), Title: title, Place: "Sal " + uid, Body: "Text " + uid, Span: school.Timed(start, start.Add(time.Hour))}
}

// snapshot is what the school shows of the child: a timetable of a year, some
// events and a letter.
func (h *house) snapshot(change func(*school.Snapshot)) school.Snapshot {
	year := school.Window{From: day(-365), To: day(365)}
	s := school.Snapshot{
		Platform: "fake", Child: school.Child{Ref: "child", Name: "BarnA Test"}, Taken: h.clock.Now(),
		Covered: []school.Coverage{
			{Part: school.PartCalendar, Window: year},
			{Part: school.PartTimetable, Window: year},
			{Part: school.PartNews, Since: storagetest.Start().AddDate(-1, 0, 0)},
		},
	}
	for w := -20; w < 30; w++ {
		for d := range 5 {
			s.Timetable = append(s.Timetable, school.Lesson{
				Item: item(fmt.Sprintf("l%d-%d", w+100, d), "Matte", 7*w+d, 8), Teacher: "Lärare",
			})
		}
	}
	s.Calendar = []school.Event{{Item: item("e1", "Utflykt", 3, 9)}, {Item: item("e2", "Föräldramöte", 200, 18), Busy: true}}
	s.News = []school.NewsItem{{
		Ref: "n1", UID: "n1", Title: "Veckobrev", HTML: "<p>Hej</p>", Published: storagetest.Start().Add(-time.Hour),
		Modified: storagetest.Start().Add(-time.Hour), Images: []school.Media{{Ref: "m", Name: "b.jpg", Type: "image/jpeg", Data: []byte("bild")}},
	}}
	if change != nil {
		change(&s)
	}
	return s
}

func (h *house) read(change func(*school.Snapshot)) {
	h.t.Helper()
	if _, err := h.Apply(h.t.Context(), h.account, h.snapshot(change)); err != nil {
		h.t.Fatal(err)
	}
	h.Invalidate()
}

// readOther reads a second child, which has one event.
func (h *house) readOther(account school.AccountID) {
	h.t.Helper()
	s := school.Snapshot{
		Platform: "fake", Child: school.Child{Ref: "other", Name: "BarnB Test"}, Taken: h.clock.Now(),
		Covered:  []school.Coverage{{Part: school.PartCalendar, Window: school.Window{From: day(-10), To: day(10)}}},
		Calendar: []school.Event{{Item: item("o", "Kalas", 4, 9)}},
	}
	if _, err := h.Apply(h.t.Context(), account, s); err != nil {
		h.t.Fatal(err)
	}
	h.Invalidate()
}

func (h *house) calendar(link, slug string) *icalendar.Collection {
	h.t.Helper()
	c, err := h.Feeds().Collection(h.t.Context(), link, slug)
	if err != nil {
		h.t.Fatalf("%s of %s: %v", slug, link, err)
	}
	return c
}

// home is what CalDAV shows of the link "l": token, date and tags of each calendar.
func (h *house) home() []string {
	h.t.Helper()
	home, err := h.CalDAV().Home(h.t.Context(), "l")
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, c := range home.Collections {
		out = append(out, fmt.Sprint(c.Slug, c.Token, c.Modified, c.ICSETag, len(c.Objects), c.Name))
	}
	return out
}

func (h *house) feed(link, slug string) *feeds.Feed {
	h.t.Helper()
	f, err := h.Feeds().Feed(h.t.Context(), link, slug, 1)
	if err != nil {
		h.t.Fatalf("%s of %s: %v", slug, link, err)
	}
	return f
}

// summaries are the titles in a calendar, in its order, each once.
func summaries(ics []byte) []string {
	out := []string{}
	for line := range strings.SplitSeq(string(ics), "\r\n") {
		if s, ok := strings.CutPrefix(line, "SUMMARY:"); ok && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func titles(f *feeds.Feed) []string {
	out := []string{}
	for _, l := range f.Letters {
		out = append(out, l.Title)
	}
	return out
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
