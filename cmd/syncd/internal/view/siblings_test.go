package view_test

import (
	"io"
	"slices"
	"testing"
	"time"

	"syncd/feeds"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

// sibling reads the letters of the second child.
func (h *house) sibling(letters ...school.NewsItem) {
	h.t.Helper()
	s := school.Snapshot{
		Platform: "fake", Child: school.Child{Ref: "other", Name: "BarnB Test"}, Taken: h.clock.Now(),
		Covered: []school.Coverage{{Part: school.PartNews, Since: storagetest.Start().AddDate(-1, 0, 0)}}, News: letters,
	}
	if _, err := h.Apply(h.t.Context(), h.account, s); err != nil {
		h.t.Fatal(err)
	}
	h.Invalidate()
}

// TestALetterToSiblingsIsOne sends the same letter to two children: in the
// family's feeds it is one, named for both, with the identifier it had.
func TestALetterToSiblingsIsOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.link("second", func(l *school.Link) { l.Children = []school.ChildNumber{2} })
	h.read(nil)
	alone := h.feed("l", "0-news").Letters[0]
	want(t, "before the sibling was read", alone.Title, "BarnA: Veckobrev")

	h.clock.Add(time.Minute)
	same := h.snapshot(nil).News[0]
	same.Ref, same.UID = "o1", "o1"
	changed := same
	changed.Ref, changed.UID, changed.HTML = "o2", "o2", "<p>Hej 3B</p>"
	h.sibling(same, changed)
	for _, slug := range []string{"0-news", "0-all"} {
		f := h.feed("l", slug)
		want(t, slug, titles(f), []string{"BarnA och BarnB: Veckobrev", "BarnB: Veckobrev"})
		both := f.Letters[0]
		if both.UID != alone.UID || !both.Updated.Equal(alone.Updated) {
			t.Errorf("%s: the letter is another one than before its copy came: %s, %v", slug, both.UID, both.Updated)
		}
		want(t, slug+", names", f.Names, map[school.UID][]string{both.UID: {"BarnA", "BarnB"}})
		for _, m := range both.Media {
			h.open(f, m)
		}
	}
	want(t, "of the first child", titles(h.feed("l", "1-news")), []string{"Veckobrev"})
	want(t, "of the second child", titles(h.feed("l", "2-news")), []string{"Veckobrev", "Veckobrev"})
	want(t, "of a link to the second child", titles(h.feed("second", "0-news")), []string{"BarnB: Veckobrev", "BarnB: Veckobrev"})

	// The copy is edited: the letters part.
	h.clock.Add(time.Hour)
	same.HTML = "<p>Hej då</p>"
	h.sibling(same, changed)
	want(t, "after one was edited", h.feed("l", "0-news").Letters[0].UID, alone.UID)
	want(t, "titles after one was edited", titles(h.feed("l", "0-news")), []string{"BarnA: Veckobrev", "BarnB: Veckobrev", "BarnB: Veckobrev"})
}

// open reads a picture as a subscriber of the feed does.
func (h *house) open(f *feeds.Feed, m school.MediaRef) {
	h.t.Helper()
	_, open, err := h.Feeds().Media(h.t.Context(), f.Media[m.ID])
	if err != nil {
		h.t.Errorf("picture: %v", err)
		return
	}
	body, err := open()
	if err != nil {
		h.t.Errorf("picture: %v", err)
		return
	}
	defer body.Close()
	if data, err := io.ReadAll(body); err != nil || string(data) != "bild" {
		h.t.Errorf("picture %q, %v", data, err)
	}
}

// TestPagesHoldNoCopies fills more than a page with letters to both children.
func TestPagesHoldNoCopies(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	var letters []school.NewsItem
	for i := range 70 {
		l := h.snapshot(nil).News[0]
		l.Published = l.Published.Add(-time.Duration(i) * time.Hour)
		l.Modified, l.Images = l.Published, nil
		letters = append(letters, l)
	}
	named := func(prefix string) []school.NewsItem {
		out := slices.Clone(letters)
		for i := range out {
			out[i].UID = school.UID(prefix + "-" + string(rune('a'+i/26)) + string(rune('a'+i%26)))
			out[i].Ref = school.Ref(out[i].UID)
		}
		return out
	}
	h.read(func(s *school.Snapshot) { s.News = named("a") })
	h.sibling(named("b")...)
	seen := map[school.UID]bool{}
	for page, count := range []int{50, 20} {
		f, err := h.Feeds().Feed(t.Context(), "l", "0-news", page+1)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "letters on a page", len(f.Letters), count)
		want(t, "more", f.More, page == 0)
		for _, l := range f.Letters {
			if seen[l.UID] || len(f.Names[l.UID]) != 2 {
				t.Errorf("page %d: %s stands twice, or is for %v", page+1, l.UID, f.Names[l.UID])
			}
			seen[l.UID] = true
		}
	}
}

// TestPicturesOfAJoinedChild gives a link to one child, which then is joined
// to another one: its letters still show their pictures.
func TestPicturesOfAJoinedChild(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	second := storagetest.Account(t, h.DB, "again", "x")
	h.link("l", func(l *school.Link) { l.Children = []school.ChildNumber{3} })
	s := h.snapshot(func(s *school.Snapshot) { s.Platform, s.Child.Ref = "again", "x" })
	if _, err := h.Apply(t.Context(), second, s); err != nil {
		t.Fatal(err)
	}
	h.read(func(s *school.Snapshot) { s.News = nil })
	for _, when := range []string{"before", "after"} {
		f := h.feed("l", "0-news")
		if len(f.Letters) != 1 || len(f.Letters[0].Media) != 1 {
			t.Fatalf("%s: %d letters", when, len(f.Letters))
		}
		h.open(f, f.Letters[0].Media[0])
		if when == "before" {
			if n, err := h.Join(t.Context(), 1, 3); err != nil || n != 1 {
				t.Fatalf("join: %d, %v", n, err)
			}
			if err := h.PutLead(t.Context(), storage.Lead{Child: 1, Kind: school.KindNews, Platform: "again"}); err != nil {
				t.Fatal(err)
			}
			h.Invalidate()
		}
	}
}
