package e2e_test

import (
	"strings"
	"testing"
	"time"

	"syncd/source/school"
)

// TestOldDataSaySo sets after how many hours the note about old data comes,
// and lets them pass: it stands in calendars and feeds until the next read.
func TestOldDataSaySo(t *testing.T) {
	t.Parallel()
	const note = "Skolans uppgifter"
	h := newHouse(t)
	h.stale = 12 * time.Hour
	h.start()
	h.join()
	says := func() (calendar, feed int) {
		for _, f := range h.addresses.Feeds {
			if f.Child == 1 && f.Kind == school.KindNews {
				feed = strings.Count(h.get(f.URL), "<title>"+note)
			}
		}
		return strings.Count(h.calendar(1, school.KindEvents), "SUMMARY:"+note), feed
	}
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 0}, {11 * time.Hour, 0}, {2 * time.Hour, 1}, {24 * time.Hour, 1}} {
		h.clock.forward(step.pass)
		if calendar, feed := says(); calendar != step.want || feed != step.want {
			t.Errorf("%v later: %d notes in the calendar, %d in the feed, want %d", step.pass, calendar, feed, step.want)
		}
	}
	h.mustRead()
	if calendar, feed := says(); calendar+feed != 0 {
		t.Errorf("after a read: %d notes in the calendar, %d in the feed", calendar, feed)
	}
}
