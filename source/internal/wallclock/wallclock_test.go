package wallclock_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"syncd/source/internal/wallclock"
	"syncd/source/school"
)

func TestDay(t *testing.T) {
	t.Parallel()
	for in, want := range map[[3]string]school.Date{
		{"14", "november", "2025"}: school.NewDate(2025, 11, 14),
		{"1", "Maj", "2026"}:       school.NewDate(2026, 5, 1),
		{"29", "februari", "2024"}: school.NewDate(2024, 2, 29),
		{"29", "februari", "2025"}: {},
		{"31", "juni", "2025"}:     {},
		{"0", "juni", "2025"}:      {},
		{"14", "may", "2025"}:      {},
		{"x", "maj", "2025"}:       {},
		{"1", "maj", ""}:           {},
	} {
		got, ok := wallclock.Day(in[0], in[1], in[2])
		if ok != (want != school.Date{}) || ok && got != want {
			t.Errorf("Day(%q) = %v, %v, want %v", in, got, ok, want)
		}
	}
}

// The clock on the wall runs backwards once a year.
func TestSpanInTheHourThatComesTwice(t *testing.T) {
	t.Parallel()
	day := school.NewDate(2026, 10, 25)
	start, ok1 := wallclock.At(day, "02", "30")
	end, ok2 := wallclock.At(day, "02", "10")
	if !ok1 || !ok2 {
		t.Fatal("no times")
	}
	if s, ok := wallclock.Span(start, end); !ok || s.End.Sub(s.Start) != 40*time.Minute {
		t.Errorf("Span = %v, %v, want forty minutes", s, ok)
	}
	other := school.NewDate(2026, 10, 26)
	start, _ = wallclock.At(other, "02", "30")
	end, _ = wallclock.At(other, "02", "10")
	if _, ok := wallclock.Span(start, end); ok {
		t.Error("a span runs backwards on another day")
	}
	for _, bad := range [][2]string{{"24", "00"}, {"8", "60"}, {"x", "1"}, {"1", ""}, {"-1", "0"}} {
		if _, ok := wallclock.At(day, bad[0], bad[1]); ok {
			t.Errorf("At(%q) is a time", bad)
		}
	}
}
