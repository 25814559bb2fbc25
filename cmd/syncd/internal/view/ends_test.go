package view_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage/storagetest"
)

// TestAddressesSayThatTheyEnd gives a link a last day: for a week before it
// calendars and feeds say so, in the same words each day.
func TestAddressesSayThatTheyEnd(t *testing.T) {
	t.Parallel()
	const note = "Den här adressen slutar fungera lör 17 okt 23:59"
	h := newHouse(t, nil)
	end := day(13).Start(school.Stockholm())
	h.link("l", func(l *school.Link) { l.Expires = end })
	h.link("short", func(l *school.Link) { l.Expires = storagetest.Start().Add(48 * time.Hour) })
	h.link("quiet", func(l *school.Link) { l.Expires, l.Options.Quiet = end, true })
	h.read(nil)
	want(t, "long before", summaries(h.calendar("l", "1-events").ICS), []string{"Utflykt", "Föräldramöte"})
	want(t, "of a link for two days", titles(h.feed("short", "1-news")), []string{"Den här adressen slutar fungera ons 7 okt 07:59", "Veckobrev"})

	h.clock.Add(6*24*time.Hour + time.Hour) // nobody says so: time does it
	h.read(nil)
	first := h.calendar("l", "1-events")
	for _, link := range []string{"l", "quiet"} {
		if got := summaries(h.calendar(link, "1-events").ICS); !slices.Contains(got, note) {
			t.Errorf("%s shows %v", link, got)
		}
		want(t, "feed of "+link, titles(h.feed(link, "0-all")), []string{note, "BarnA: Veckobrev"})
	}
	ics := strings.ReplaceAll(string(first.ICS), "\r\n ", "")
	if !strings.Contains(ics, "DTSTART;VALUE=DATE:20261011\r\nDTEND;VALUE=DATE:20261018\r\n") || !strings.Contains(ics, "Be den som delade den") {
		t.Errorf("the note:\n%s", ics)
	}
	for range 4 {
		h.clock.Add(24 * time.Hour)
		h.read(nil)
		if c := h.calendar("l", "1-events"); c.ICSETag != first.ICSETag {
			t.Fatalf("another day, other octets on %v", h.clock.Now())
		}
	}
	home, err := h.CalDAV().Home(t.Context(), "l")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range home.Collections {
		for _, o := range c.Objects {
			if strings.Contains(string(o.Data), "adressen") {
				t.Errorf("the note stands in CalDAV, in %s", c.Slug)
			}
		}
	}
}
