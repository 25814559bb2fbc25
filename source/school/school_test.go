package school_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"syncd/source/school"
)

func TestPrivateValuesDoNotPrint(t *testing.T) {
	t.Parallel()
	const canary = "Kanariefågel"
	child := school.Child{Ref: canary, Name: canary, School: canary}
	roster := school.Roster{Owner: canary, OwnerName: canary, Children: []school.Child{child}}
	snap := school.Snapshot{Child: child, News: []school.NewsItem{{Title: canary}}}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, v := range []any{child, &child, roster, &roster, snap, &snap, school.Ref(canary)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, canary) {
				t.Errorf("Sprintf(%q, %T) = %q, shows private text", verb, v, got)
			}
		}
		logger.LogAttrs(t.Context(), slog.LevelInfo, "value", slog.Any("v", v))
	}
	if strings.Contains(log.String(), canary) {
		t.Errorf("log shows private text: %s", log.String())
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	loc := school.Stockholm()
	sunday := school.NewDate(2026, time.March, 29)
	if got, want := sunday.Monday(), school.NewDate(2026, time.March, 23); got != want {
		t.Errorf("Monday(%v) = %v, want %v", sunday, got, want)
	}
	if got := school.NewDate(2026, time.March, 23).Monday(); got != school.NewDate(2026, time.March, 23) {
		t.Errorf("Monday of a Monday = %v", got)
	}
	if got := sunday.At(2, 30, loc).Format(time.RFC3339); got != "2026-03-29T03:30:00+02:00" {
		t.Errorf("02:30 in the hour that is left out = %s", got)
	}
	if got := school.NewDate(2026, time.October, 25).At(2, 30, loc).Format(time.RFC3339); got != "2026-10-25T02:30:00+02:00" {
		t.Errorf("02:30 in the hour that comes twice = %s", got)
	}
	if got, want := sunday.DaysUntil(sunday.AddDays(400)), 400; got != want {
		t.Errorf("DaysUntil = %d, want %d", got, want)
	}
	for _, bad := range []string{"", "2026-02-30", "0000-01-01", "2026-1-1", "x"} {
		if d, err := school.ParseDate(bad); err == nil {
			t.Errorf("ParseDate(%q) = %v, want an error", bad, d)
		}
	}
}

func TestWindowOverlaps(t *testing.T) {
	t.Parallel()
	loc := school.Stockholm()
	day := school.NewDate(2026, time.June, 3)
	w := school.Window{From: day, To: day.AddDays(1)}
	for name, tc := range map[string]struct {
		span school.Span
		want bool
	}{
		"inside":             {school.Timed(day.At(8, 0, loc), day.At(9, 0, loc)), true},
		"ends at its start":  {school.Timed(day.AddDays(-1).At(23, 0, loc), day.At(0, 0, loc)), false},
		"begins at its end":  {school.Timed(day.AddDays(1).At(0, 0, loc), day.AddDays(1).At(1, 0, loc)), false},
		"without length":     {school.Timed(day.At(0, 0, loc), day.At(0, 0, loc)), true},
		"that day":           {school.AllDay(day, day), true},
		"days around it":     {school.AllDay(day.AddDays(-1), day.AddDays(1)), true},
		"the day before it":  {school.AllDay(day.AddDays(-1), day.AddDays(-1)), false},
		"across both limits": {school.Timed(day.AddDays(-1).At(0, 0, loc), day.AddDays(2).At(0, 0, loc)), true},
	} {
		if got := w.Overlaps(tc.span, loc); got != tc.want {
			t.Errorf("%s: Overlaps = %v, want %v", name, got, tc.want)
		}
	}
}

func TestEveryPartAndKindHasAPlace(t *testing.T) {
	t.Parallel()
	for _, p := range school.Parts() {
		if k := p.Kind(); !k.IsCalendar() && !k.IsFeed() {
			t.Errorf("part %s goes into %q, which is no kind", p, k)
		}
	}
	for _, k := range school.CalendarKinds() {
		if !k.IsCalendar() || k.IsFeed() {
			t.Errorf("kind %s is not a calendar only", k)
		}
	}
	for _, k := range school.FeedKinds() {
		if k.IsCalendar() || !k.IsFeed() {
			t.Errorf("kind %s is not a feed only", k)
		}
	}
}

func TestLinkScope(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 7, 20, 0, 0, time.UTC)
	l := school.Link{Children: []school.ChildNumber{2}, Kinds: []school.Kind{school.KindEvents}}
	if !l.Shows(2, school.KindEvents) || l.Shows(1, school.KindEvents) || l.Shows(2, school.KindNews) {
		t.Error("scope is not children x kinds")
	}
	if !(school.Link{}).Shows(7, school.KindNews) {
		t.Error("an empty scope is not everything")
	}
	if !l.Live(now) {
		t.Error("a new link is not live")
	}
	for _, dead := range []school.Link{{Revoked: now}, {Expires: now}} {
		if dead.Live(now) {
			t.Errorf("%+v is live", dead)
		}
	}
}
