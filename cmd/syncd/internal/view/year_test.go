//go:build !race

package view_test

import (
	"fmt"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage/storagetest"
)

// TestAYearOfThreeChildren has six lessons a day and more for each of three
// children, and an archive asked for: no calendar is larger than Google takes,
// and what is nearest stands in each. Nothing here happens at the same time, and
// under the race detector it takes a minute.
func TestAYearOfThreeChildren(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.link("archive", func(l *school.Link) { l.Options.History = 365 })
	third := storagetest.Account(t, h.DB, "again", "x")
	for i, c := range []struct {
		account  school.AccountID
		platform school.PlatformID
		ref      school.Ref
	}{{h.account, "fake", "child"}, {h.account, "fake", "other"}, {third, "again", "x"}} {
		s := h.snapshot(func(s *school.Snapshot) {
			s.Platform, s.Child.Ref, s.News = c.platform, c.ref, nil
			one := s.Timetable
			for n := 1; n < 6; n++ {
				for _, l := range one {
					l.UID += school.UID(fmt.Sprint("-", n))
					l.Span = school.Timed(l.Span.Start.Add(time.Duration(n)*time.Hour), l.Span.End.Add(time.Duration(n)*time.Hour))
					s.Timetable = append(s.Timetable, l)
				}
			}
			for n := range s.Timetable {
				s.Timetable[n].UID += school.UID(fmt.Sprint("-c", i))
			}
		})
		if _, err := h.Apply(t.Context(), c.account, s); err != nil {
			t.Fatal(err)
		}
	}
	h.Invalidate()
	for _, link := range []school.LinkID{"l", "archive"} {
		sizes, err := h.Sizes(t.Context(), link)
		if err != nil || len(sizes) != 7 { // two of each child, and the family's
			t.Fatalf("%s: %d calendars, %v", link, len(sizes), err)
		}
		for _, s := range sizes {
			if s.Entries == 0 || s.Entries > 1000 || s.Bytes > 1_000_000 || s.Large != (s.Entries > 900 || s.Bytes > 700_000 || !s.Window.IsZero()) {
				t.Errorf("%s: %+v", link, s)
			}
			if family := s.Slug == "0-family"; family && (s.Window.IsZero() || !s.Window.Contains(day(0)) || !s.Window.Contains(day(4))) {
				t.Errorf("%s: the family's calendar shows %v", link, s.Window)
			}
		}
	}
}
