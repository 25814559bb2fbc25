package view_test

import (
	"bytes"
	"fmt"
	"maps"
	"testing"
	"time"

	"syncd/feeds/icalendar"
	"syncd/source/normalize"
	"syncd/source/school"
	"syncd/storage"
)

// TestAllIsNoMoreThanTheLinkShows makes links as the guardians' page does: with
// the collections beside the kinds that were chosen.
func TestAllIsNoMoreThanTheLinkShows(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for name, kinds := range map[string][]school.Kind{
		"news":    {school.KindEvents, school.KindFamily, school.KindNews, school.KindAll},
		"changes": {school.KindEvents, school.KindFamily, school.KindChanges, school.KindAll},
		"all":     {school.KindAll},
		"any":     nil,
	} {
		h.link(name, func(l *school.Link) { l.Kinds = kinds })
	}
	h.read(nil)
	h.clock.Add(time.Hour)
	h.read(func(s *school.Snapshot) {
		s.Timetable[20*5+1].Place = "Sal A3"
		s.Calendar[0].Title = "Utflykt till Skansen"
	})
	const (
		letter = "Veckobrev"
		event  = "Utflykt tors 8 okt 09:00 heter nu Utflykt till Skansen"
		lesson = "Matte tis 6 okt 08:00: Sal l100-1 → Sal A3"
	)
	for link, all := range map[string][]string{
		"news":    {letter},
		"changes": {event},
		"all":     {lesson, event, letter},
		"any":     {lesson, event, letter},
	} {
		want(t, link, titles(h.feed(link, "1-all")), all)
		for i := range all {
			all[i] = "BarnA: " + all[i]
		}
		want(t, link+" of the family", titles(h.feed(link, "0-all")), all)
	}
}

// TestOnceHoldsNothingTwice takes all at once what a link offers to programs
// that do: each thing is there, and there once, and a letter that both
// siblings got is one.
func TestOnceHoldsNothingTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	norm, err := normalize.New(normalize.Config{Key: bytes.Repeat([]byte{1}, normalize.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	h.DeriveWith(norm.Derive)
	letters := []school.Kind{school.KindNews, school.KindNotices, school.KindChanges}
	for name, change := range map[string]func(*school.Link){
		"any":      nil,
		"day":      func(l *school.Link) { l.Options.Day = true },
		"only day": func(l *school.Link) { l.Kinds = []school.Kind{school.KindDay, school.KindFamily} },
		"merged":   func(l *school.Link) { l.Options.Merged = true },
		"parts":    func(l *school.Link) { l.Options.Merged, l.Kinds = true, append(letters, school.KindEvents) },
		"one":      func(l *school.Link) { l.Children = []school.ChildNumber{1} },
		"one's":    func(l *school.Link) { l.Children, l.Kinds = []school.ChildNumber{1}, letters },
		"busy":     func(l *school.Link) { l.Options.Detail = school.DetailBusy },
	} {
		h.link(name, change)
	}
	read := func(change func(*school.Snapshot)) {
		h.read(change)
		s := h.snapshot(change)
		s.Child = school.Child{Ref: "other", Name: "BarnB Test"}
		for i := range s.Timetable {
			s.Timetable[i].UID = "o" + s.Timetable[i].UID
		}
		for i := range s.Calendar {
			s.Calendar[i].UID = "o" + s.Calendar[i].UID
		}
		s.News[0].UID = "o" + s.News[0].UID
		if _, err := h.Apply(t.Context(), h.account, s); err != nil {
			t.Fatal(err)
		}
		h.Invalidate()
	}
	h.link("later", nil)
	h.read(nil)
	if _, feeds, err := h.Once(t.Context(), "later"); err != nil || len(feeds) != 1 || feeds[0].Slug != "0-all" {
		t.Errorf("a list of feeds that siblings are to join: %v, %v", feeds, err)
	}
	read(nil)
	h.clock.Add(time.Hour)
	read(func(s *school.Snapshot) { s.Calendar[0].Title = "Utflykt till Skansen" })

	for link, expected := range map[string][2][]string{
		"any":      {{"1-events", "1-lessons", "2-events", "2-lessons"}, {"0-all"}},
		"day":      {{"1-events", "1-day", "2-events", "2-day"}, {"0-all"}},
		"only day": {{"1-day", "2-day"}, {}},
		"merged":   {{"0-family"}, {"0-all"}},
		"parts":    {{"1-events", "2-events"}, {"0-news", "0-notices", "0-changes"}},
		"one":      {{"1-events", "1-lessons"}, {"1-all"}},
		"one's":    {{}, {"1-news", "1-notices", "1-changes"}},
		"busy":     {{"1-events", "1-lessons", "2-events", "2-lessons"}, {}},
		"later":    {{"1-events", "1-lessons", "2-events", "2-lessons"}, {"0-all"}}, // made when there was one child
	} {
		calendars, feeds, err := h.Once(t.Context(), school.LinkID(link))
		if err != nil {
			t.Fatal(err)
		}
		got, seen := [2][]string{{}, {}}, map[string]string{}
		once := func(id, slug string) {
			if other, ok := seen[id]; ok {
				t.Errorf("%s: %s is in %s and in %s", link, id, other, slug)
			}
			seen[id] = slug
		}
		for _, c := range calendars {
			got[0] = append(got[0], c.Slug)
			for uid := range blocks(t, h.calendar(link, c.Slug).ICS) {
				once(uid, c.Slug)
			}
		}
		for _, f := range feeds {
			got[1] = append(got[1], f.Slug)
			for _, l := range h.feed(link, f.Slug).Letters {
				once(string(l.UID), f.Slug)
				if l.Kind == school.KindNews {
					once(l.HTML, f.Slug)
				}
			}
		}
		want(t, "all at once of "+link, got, expected)
	}
}

func holds(c *icalendar.Collection) (token string, names []string) {
	for _, o := range c.Objects {
		names = append(names, o.Name)
	}
	return c.Token, names
}

func TestFamilyHearsOfWhatWasDeleted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*school.Link){
		"all": func(l *school.Link) { l.Options.Merged = true },
		"one": func(l *school.Link) { l.Options.Merged, l.Children = true, []school.ChildNumber{1} },
		"by kind": func(l *school.Link) {
			l.Options.Merged, l.Kinds = true, append(school.CalendarKinds(), school.KindFamily)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, nil)
			h.link("l", change)
			h.read(nil)
			read, all := holds(h.dav("0-family"))
			subscribed := len(blocks(t, h.calendar("l", "0-family").ICS))
			if len(all) != 252 {
				t.Fatalf("%d objects, want the lessons and the events", len(all))
			}
			hear := func(what string, choice storage.Choice, left, subscribed int) {
				t.Helper()
				h.clock.Add(time.Hour)
				from, before := holds(h.dav("0-family"))
				modified := h.dav("0-family").Modified
				if _, err := h.Delete(t.Context(), choice); err != nil {
					t.Fatal(err)
				}
				h.Invalidate()
				token, names := holds(h.dav("0-family"))
				want(t, what+": objects left", len(names), left)
				want(t, what+": entries subscribed", len(blocks(t, h.calendar("l", "0-family").ICS)), subscribed)
				if token == from || !h.dav("0-family").Modified.After(modified) {
					t.Errorf("%s: token %s of %v, before it %s", what, token, h.dav("0-family").Modified, from)
				}
				for since, had := range map[string][]string{from: before, read: all} {
					d, err := h.CalDAV().Changes(t.Context(), "l", "0-family", since)
					if err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					want(t, what+": told to be removed", len(d.Removed), len(had)-left)
				}
				fresh := h.again()
				again, same := holds(fresh.dav("0-family"))
				want(t, what+": token after a start", again, token)
				want(t, what+": objects after a start", same, names)
			}
			hear("lessons", storage.Choice{Child: 1, Kind: school.KindLessons}, 2, 2)
			if err := h.Allow(t.Context(), storage.Choice{Child: 1, Kind: school.KindLessons}); err != nil {
				t.Fatal(err)
			}
			h.clock.Add(time.Hour)
			h.read(nil)
			if _, names := holds(h.dav("0-family")); len(names) != len(all) {
				t.Errorf("%d objects after it was allowed, want %d", len(names), len(all))
			}
			hear("events of every child", storage.Choice{Child: school.Family, Kind: school.KindEvents}, 250, subscribed-2)
			// With the last kind the collection goes; what is subscribed is empty.
			if _, err := h.Delete(t.Context(), storage.Choice{Child: 1, Kind: school.KindLessons}); err != nil {
				t.Fatal(err)
			}
			h.Invalidate()
			want(t, "calendars without anything", h.home(), []string(nil))
			want(t, "entries subscribed without anything", len(blocks(t, h.calendar("l", "0-family").ICS)), 0)
		})
	}
}

func TestTokensOfOthersStay(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.link("m", func(l *school.Link) { l.Options.Merged = true })
	h.read(nil)
	tokens := func() (one, family string) {
		t.Helper()
		h.Invalidate()
		home, err := h.CalDAV().Home(t.Context(), "m")
		if err != nil {
			t.Fatal(err)
		}
		return h.dav("1-events").Token, home.Collections[0].Token
	}
	one, family := tokens()
	for _, tc := range []struct {
		what, first, second, third string
		touched                    bool
	}{
		{"another child has another name", "BarnA Test", "BarnX Test", "", false},
		{"another child came", "BarnA Test", "BarnX Test", "BarnC Test", false},
		{"the child has another name", "BarnY Test", "BarnX Test", "BarnC Test", true},
	} {
		roster := school.Roster{Owner: "owner", Children: []school.Child{{Ref: "child", Name: tc.first}, {Ref: "other", Name: tc.second}}}
		if tc.third != "" {
			roster.Children = append(roster.Children, school.Child{Ref: "third", Name: tc.third})
		}
		if _, err := h.PutRoster(t.Context(), h.account, "fake", roster); err != nil {
			t.Fatal(err)
		}
		again, merged := tokens()
		want(t, tc.what+": the calendar's token is another one", again != one, tc.touched)
		want(t, tc.what+": the family's token is another one", merged != family, true)
		one, family = again, merged
	}
}

// TestFamilyOfDaysHearsOfAll follows a family's calendar that shows days where
// no lesson gives one yet: a program that keeps up by changes alone has what
// one has that asks anew, and one token never stands for two contents.
func TestFamilyOfDaysHearsOfAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	norm, err := normalize.New(normalize.Config{Key: bytes.Repeat([]byte{1}, normalize.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	h.DeriveWith(norm.Derive)
	h.link("l", func(l *school.Link) { l.Options.Merged, l.Options.Day = true, true })
	had, token, contents := map[string]string{}, "", map[string]string{}
	cancelled := func(s *school.Snapshot) {
		for i := range s.Timetable {
			s.Timetable[i].Status = school.StatusCancelled
		}
	}
	for _, step := range []struct {
		what   string
		change func(*school.Snapshot)
	}{
		{"every lesson is called off", cancelled},
		{"they are called otherwise", func(s *school.Snapshot) {
			cancelled(s)
			for i := range s.Timetable {
				s.Timetable[i].Title += " B"
			}
		}},
		{"half of them are gone", func(s *school.Snapshot) { cancelled(s); s.Timetable = s.Timetable[:len(s.Timetable)/2] }},
		{"they are held after all", nil},
		{"and called off again", cancelled},
	} {
		h.clock.Add(time.Hour)
		h.read(step.change)
		h.read(step.change) // what much is missing is believed the second time
		c := h.dav("0-family")
		now := map[string]string{}
		for _, o := range c.Objects {
			now[o.Name] = o.ETag
		}
		if token != "" {
			d, err := h.CalDAV().Changes(t.Context(), "l", "0-family", token)
			if err != nil {
				t.Fatalf("%s: %v", step.what, err)
			}
			for _, name := range d.Removed {
				delete(had, name)
			}
			for _, name := range d.Changed {
				had[name] = now[name]
			}
		} else {
			had = maps.Clone(now)
		}
		token = c.Token
		want(t, step.what+": what a program has", had, now)
		if all := fmt.Sprint(now); contents[token] != "" && contents[token] != all {
			t.Errorf("%s: the token is an older one's", step.what)
		} else {
			contents[token] = all
		}
		again, same := holds(h.again().dav("0-family"))
		_, names := holds(c)
		want(t, step.what+": token after a start", again, token)
		want(t, step.what+": objects after a start", same, names)
	}
}
