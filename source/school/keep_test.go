package school_test

import (
	"testing"
	"time"

	"syncd/source/school"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	d := func(y int, m time.Month, day int) school.Date { return school.NewDate(y, m, day) }
	for name, tc := range map[string]struct {
		limit  school.Limit
		last   school.Date
		leaves school.Date
	}{
		"days":                        {60, d(2026, 10, 5), d(2026, 12, 4)},
		"one day":                     {1, d(2026, 12, 31), d(2027, 1, 1)},
		"always":                      {school.LimitNone, d(2026, 10, 5), school.Date{}},
		"no day":                      {60, school.Date{}, school.Date{}},
		"no limit at all":             {-5, d(2026, 10, 5), school.Date{}},
		"autumn of a school year":     {school.LimitYear, d(2026, 10, 5), d(2027, 8, 1)},
		"spring of a school year":     {school.LimitYear, d(2027, 3, 1), d(2027, 8, 1)},
		"its last weeks stay a while": {school.LimitYear, d(2027, 6, 11), d(2027, 8, 10)},
		"August is the next one":      {school.LimitYear, d(2027, 8, 1), d(2028, 8, 1)},
	} {
		if got := tc.limit.Leaves(tc.last); got != tc.leaves {
			t.Errorf("%s: Leaves(%v) = %v, want %v", name, tc.last, got, tc.leaves)
		}
	}
	l := school.DefaultLimits()
	for _, s := range school.Shelves() {
		if limit, ok := l[s]; !ok || !limit.Valid() || limit == school.LimitNone {
			t.Errorf("%s has the limit %d by default", s, limit)
		}
	}
	if len(l) != len(school.Shelves()) {
		t.Errorf("%d limits for %d shelves", len(l), len(school.Shelves()))
	}
	day := d(2026, 10, 5)
	if l.Expired(school.ShelfLessons, day, day.AddDays(59)) || !l.Expired(school.ShelfLessons, day, day.AddDays(60)) {
		t.Error("lessons do not leave on their sixtieth day")
	}
}

func TestEveryKindStandsOnAShelf(t *testing.T) {
	t.Parallel()
	known := school.DefaultLimits()
	for _, k := range append(school.CalendarKinds(), school.FeedKinds()...) {
		_, ok := known[k.Shelf()]
		if holds := k != school.KindAll; ok != holds {
			t.Errorf("%s stands on %q", k, k.Shelf())
		}
	}
	if school.KindDay.Shelf() != school.ShelfLessons || school.KindKit.Shelf() != school.ShelfLessons || school.KindFamily.Shelf() != "" {
		t.Error("derived kinds stand apart from their origin")
	}
}

func TestPlanLeavesOut(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := school.Plan{LettersFrom: from, Unwanted: map[school.Ref][]school.Part{"a": {school.PartNews}}}
	if p.WantsOf("a", school.PartNews) || !p.WantsOf("a", school.PartMenu) || !p.WantsOf("b", school.PartNews) {
		t.Error("WantsOf confuses children or parts")
	}
	for since, want := range map[time.Time]time.Time{{}: {}, from.AddDate(0, 0, -1): from, from.AddDate(0, 0, 1): from.AddDate(0, 0, 1)} {
		if got := p.Since(since); !got.Equal(want) {
			t.Errorf("Since(%v) = %v, want %v", since, got, want)
		}
	}
}
