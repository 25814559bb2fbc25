package storage_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

// news is a letter published some days before the start.
func news(uid string, days int) school.NewsItem {
	at := storagetest.Start().AddDate(0, 0, -days)
	return school.NewsItem{
		Ref: school.Ref("ref-" + uid), UID: school.UID(uid), Title: "Brev " + uid, HTML: "<p>Hej</p>", Published: at, Modified: at,
	}
}

func since(days int) school.Coverage {
	return school.Coverage{Part: school.PartNews, Since: storagetest.Start().AddDate(0, 0, -days)}
}

func TestLetters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.snapshot(since(100))
	full := news("full", 3)
	full.Author, full.Source, full.Summary, full.URL = "Rektorn", "Skolan", "Kort", "https://example.se/n"
	s.News = []school.NewsItem{news("old", 30), full}
	s.Notices = []school.Notice{{
		UID: "note", Title: "Obs", Text: "Nytt omdöme", Sender: "System", URL: "https://example.se", Sent: storagetest.Start(),
	}}
	if c := h.apply(account, s); c.Added[school.KindNews] != 2 || c.Added[school.KindNotices] != 1 || !c.First {
		t.Fatalf("Changes = %v", counts(c))
	}
	h.reopen()
	expected := []school.Letter{s.Notices[0].Letter(), full.Letter(), s.News[0].Letter()}
	for i := range expected {
		expected[i].Child, expected[i].ChildName = 1, "BarnA"
		expected[i].Updated, expected[i].FirstSeen = storagetest.Start(), storagetest.Start()
	}
	want(t, "Letters", h.letters(), expected)
	for _, test := range []struct {
		children []school.ChildNumber
		kinds    []school.Kind
		limit, n int
	}{
		{nil, nil, 2, 2},
		{[]school.ChildNumber{1}, []school.Kind{school.KindNews}, 0, 2},
		{[]school.ChildNumber{1}, []school.Kind{school.KindNews, school.KindNotices}, 9, 3},
		{[]school.ChildNumber{2}, nil, 0, 0},
		{[]school.ChildNumber{}, nil, 0, 0},
		{nil, []school.Kind{}, 0, 0},
	} {
		got, err := h.Letters(t.Context(), test.children, test.kinds, test.limit)
		if err != nil || len(got) != test.n {
			t.Errorf("Letters(%v, %v, %d) = %d, %v, want %d", test.children, test.kinds, test.limit, len(got), err, test.n)
		}
	}
}

func TestWhenALetterWasUpdated(t *testing.T) {
	t.Parallel()
	start := storagetest.Start()
	for _, test := range []struct {
		name     string
		modified time.Time // of the changed letter, at the school
		want     time.Time
	}{
		{"edited at the school yesterday", start.Add(24 * time.Hour), start.Add(24 * time.Hour)},
		{"the school does not say", start.AddDate(0, 0, -5), start.Add(48 * time.Hour)},
		{"in the future", start.AddDate(1, 0, 0), start.Add(48 * time.Hour)},
		{"edited before it was first seen", start.Add(-time.Hour), start.Add(48 * time.Hour)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			account := storagetest.Account(t, h.DB, "fake", "child")
			s := h.snapshot(since(100))
			s.News = []school.NewsItem{news("n", 5)}
			h.apply(account, s)
			h.clock.Add(48 * time.Hour)
			s.News[0].HTML, s.News[0].Modified = "<p>Nytt</p>", test.modified
			h.apply(account, s)
			got := h.letters()[0]
			if !got.Updated.Equal(test.want) || !got.FirstSeen.Equal(start) {
				t.Errorf("Updated, FirstSeen = %s, %s, want %s", got.Updated, got.FirstSeen, test.want)
			}
		})
	}
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.snapshot(since(100))
	s.News = []school.NewsItem{news("n", 5)}
	s.News[0].Modified = start.AddDate(0, 0, -1)
	h.apply(account, s)
	if got := h.letters()[0].Updated; !got.Equal(start.AddDate(0, 0, -1)) {
		t.Errorf("Updated of a new letter that was edited = %s", got)
	}
}

func TestTouchedLetterWithoutNewContent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.snapshot(since(100))
	s.News = []school.NewsItem{news("n", 5)}
	h.apply(account, s)
	rev, before := h.revision(), h.letters()
	later := storagetest.Start().Add(time.Hour)
	h.clock.Add(2 * time.Hour)
	s.News[0].Modified = later
	if c := h.apply(account, s); c.Any() {
		t.Errorf("Changes = %v", counts(c))
	}
	want(t, "Revision", h.revision(), rev)
	want(t, "Letters", h.letters(), before)
	known, err := h.KnownNews(t.Context(), "fake", "child")
	if err != nil || !known["ref-n"].Equal(later) {
		t.Errorf("KnownNews = %v, %v: it would be read again for ever", len(known), err)
	}
}

func TestUnchangedLettersStay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.snapshot(since(10))
	s.News = []school.NewsItem{news("a", 1), news("b", 2), news("c", 3), news("ancient", 40)}
	h.apply(account, s)
	known, err := h.KnownNews(t.Context(), "fake", "child")
	if err != nil || len(known) != 4 || !known["ref-a"].Equal(storagetest.Start().AddDate(0, 0, -1)) {
		t.Fatalf("KnownNews = %d, %v", len(known), err)
	}
	for _, who := range []struct {
		platform school.PlatformID
		ref      school.Ref
	}{{"fake", "stranger"}, {"other", "child"}} {
		if known, err := h.KnownNews(t.Context(), who.platform, who.ref); err != nil || len(known) != 0 {
			t.Errorf("KnownNews of another = %d, %v", len(known), err)
		}
	}
	next := h.snapshot(since(10))
	next.Unchanged = []school.Ref{"ref-a", "ref-b"}
	want(t, "Changes", counts(h.apply(account, next)), map[string]map[school.Kind]int{"deleted": {school.KindNews: 1}})
	var left []string
	for _, l := range h.letters() {
		left = append(left, string(l.UID))
	}
	want(t, "left", left, []string{"a", "b", "ancient"})
	next.Unchanged, next.Covered = nil, []school.Coverage{{Part: school.PartNews}, {Part: school.PartCalendar, Window: window(-9, 9)}}
	if c := h.apply(account, next); c.Any() {
		t.Errorf("without Since: %v", counts(c))
	}
}

func TestMassDisappearanceOfLetters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.snapshot(since(100))
	for i := range 10 {
		s.News = append(s.News, news(fmt.Sprint(i), i))
	}
	h.apply(account, s)
	for _, deleted := range []int{0, 10} {
		h.clock.Add(time.Hour)
		c := h.apply(account, h.snapshot(since(100)))
		if c.Deleted[school.KindNews] != deleted || (len(c.Held) > 0) != (deleted == 0) {
			t.Fatalf("deleted %v, held %v", c.Deleted, c.Held)
		}
	}
}

func (h *house) media(id string) string {
	h.t.Helper()
	_, r, err := h.Media(h.t.Context(), id)
	if err != nil {
		h.t.Fatalf("Media: %v", err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

func (h *house) blobs() int {
	h.t.Helper()
	files, err := os.ReadDir(h.path("blobs"))
	if err != nil {
		h.t.Fatal(err)
	}
	return len(files)
}

func TestMedia(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.snapshot(since(100))
	n := news("n", 1)
	n.Images = []school.Media{
		{Ref: "i1", Name: "ett.jpg", Type: "image/jpeg", Alt: "En älg", Data: []byte("bild 1")},
		{Ref: "i2", Name: "två.jpg", Type: "image/jpeg", Data: []byte("bild 2")},
		{Ref: "unread", Name: "tre.jpg", Type: "image/jpeg"},
	}
	n.Files = []school.Media{{Ref: "f", Name: "matsedel.pdf", Type: "application/pdf", Data: []byte{}}}
	s.News = []school.NewsItem{n}
	h.apply(account, s)
	got := h.letters()[0].Media
	want(t, "Media", got, []school.MediaRef{
		{Name: "ett.jpg", Type: "image/jpeg", Alt: "En älg", Length: 6, Image: true},
		{Name: "två.jpg", Type: "image/jpeg", Length: 6, Image: true},
		{Name: "tre.jpg", Type: "image/jpeg", Image: true, Absent: school.AbsentUnread},
		{Name: "matsedel.pdf", Type: "application/pdf"},
	}, cmpopts.IgnoreFields(school.MediaRef{}, "ID"))
	if h.media(got[0].ID) != "bild 1" || h.media(got[1].ID) != "bild 2" || h.media(got[3].ID) != "" {
		t.Error("content differs")
	}

	// One picture is new, one was not read this time, the text changed.
	s.News[0].HTML = "<p>Nytt</p>"
	s.News[0].Images[0].Data = []byte("bild 1, bättre")
	s.News[0].Images[1].Data = nil
	if c := h.apply(account, s); c.Changed[school.KindNews] != 1 {
		t.Fatalf("Changes = %v", counts(c))
	}
	now := h.letters()[0].Media
	if len(now) != 4 || now[0].ID == got[0].ID || now[1].ID != got[1].ID || now[3].ID != got[3].ID || now[1].Length != 6 {
		t.Errorf("Media = %v, was %v", now, got)
	}
	if h.media(now[0].ID) != "bild 1, bättre" || h.media(now[1].ID) != "bild 2" || h.blobs() != 3 {
		t.Errorf("content differs, or %d files", h.blobs())
	}
	if _, _, err := h.Media(t.Context(), got[0].ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Media of a picture that was replaced = %v", err)
	}
	h.reopen()
	if h.blobs() != 3 || h.media(now[1].ID) != "bild 2" {
		t.Error("pictures were lost in a restart")
	}
	h.apply(account, h.snapshot(since(100)))
	if len(h.letters()) != 0 || h.blobs() != 0 {
		t.Errorf("%d letters, %d files left", len(h.letters()), h.blobs())
	}
}

func TestLostAndOrphanedMedia(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.snapshot(since(100))
	s.News = []school.NewsItem{news("n", 1), news("m", 2)}
	s.News[0].Images = []school.Media{{Ref: "i", Data: []byte("bild")}}
	h.apply(account, s)
	id := h.letters()[0].Media[0].ID
	stray := h.keep("blobs/" + id + ".age")
	h.close()
	if err := os.Remove(h.path("blobs/" + id + ".age")); err != nil {
		t.Fatal(err)
	}
	h.back("blobs/abcdefghijklmnopqrstuvwxyz.age", stray)
	h.back("blobs/abcdefghijklmnopqrstuvwxyz.age.new", stray)
	h.open()
	if h.blobs() != 0 {
		t.Errorf("%d files left that no letter knows", h.blobs())
	}
	if _, _, err := h.Media(t.Context(), id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Media of a lost file = %v", err)
	}
	known, err := h.KnownNews(t.Context(), "fake", "child")
	if _, ok := known["ref-n"]; err != nil || ok || len(known) != 1 {
		t.Errorf("KnownNews = %d, %v: the letter would not be read again", len(known), err)
	}
	file := h.inode(storage.CacheName)
	h.reopen()
	if !os.SameFile(file, h.inode(storage.CacheName)) {
		t.Error("each start writes the cache")
	}
	h.apply(account, s)
	if got := h.media(h.letters()[0].Media[0].ID); got != "bild" {
		t.Errorf("content = %q", got)
	}
	if known, _ := h.KnownNews(t.Context(), "fake", "child"); len(known) != 2 {
		t.Error("the letter is read again for ever")
	}
}

// What a letter brings and cannot be kept stands beside what is kept, with the
// reason, in its place; that costs no write while nothing changes, and goes
// when the file is read after all.
func TestAbsentMedia(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	s := h.snapshot(since(100))
	n := news("n", 1)
	n.Files = []school.Media{
		{Ref: "1", Name: "film.mp4", Type: "video/mp4", Absent: school.AbsentSize},
		{Ref: "2", Name: "brev.pdf", Type: "application/pdf", Data: []byte("pdf")},
		{Ref: "3", Name: "lista.pdf", Type: "application/pdf", Absent: school.AbsentNumber},
	}
	s.News = []school.NewsItem{n}
	h.apply(account, s)
	expected := []school.MediaRef{
		{Name: "film.mp4", Type: "video/mp4", Absent: school.AbsentSize},
		{Name: "brev.pdf", Type: "application/pdf", Length: 3},
		{Name: "lista.pdf", Type: "application/pdf", Absent: school.AbsentNumber},
	}
	want(t, "Media", h.letters()[0].Media, expected, cmpopts.IgnoreFields(school.MediaRef{}, "ID"))
	if got := h.letters()[0].Media; got[0].ID != "" || got[1].ID == "" {
		t.Errorf("ids are %q and %q", got[0].ID, got[1].ID)
	}

	file := h.inode(storage.CacheName)
	h.clock.Add(time.Hour)
	if c := h.apply(account, s); c.Any() || !os.SameFile(file, h.inode(storage.CacheName)) {
		t.Errorf("the same once more = %v, or was written", counts(c))
	}
	h.reopen()
	want(t, "Media after a restart", h.letters()[0].Media, expected, cmpopts.IgnoreFields(school.MediaRef{}, "ID"))

	s.News[0].Files[0].Data, s.News[0].Files[1].Data = []byte("film"), nil
	if c := h.apply(account, s); c.Changed[school.KindNews] != 1 {
		t.Errorf("Changes = %v", counts(c))
	}
	expected[0].Absent, expected[0].Length = school.AbsentNot, 4
	want(t, "Media that were read after all", h.letters()[0].Media, expected, cmpopts.IgnoreFields(school.MediaRef{}, "ID"))

	// The letter goes, and so does the word about its files.
	h.apply(account, h.snapshot(since(100)))
	s.News[0].Files = nil
	h.apply(account, s)
	if got := h.letters()[0].Media; len(got) != 0 {
		t.Errorf("Media of a new letter = %v", got)
	}
}
