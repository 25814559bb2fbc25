package view_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"syncd/feeds"
	"syncd/source/school"
	"syncd/storage/storagetest"
)

const staleTitle = "Skolans uppgifter är från mån 5 okt 08:00"

func TestNotesComeAndGoByThemselves(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.link("quiet", func(l *school.Link) { l.Options.Quiet = true })
	h.read(nil)
	fresh := h.calendar("l", "1-events")
	feed, home := h.feed("l", "1-news"), h.home()
	h.clock.Add(23 * time.Hour)
	if c := h.calendar("l", "1-events"); c != fresh {
		t.Error("something changed before the data were old")
	}
	if err := h.PutState(t.Context(), h.account, school.Expired, school.ProblemSignIn); err != nil {
		t.Fatal(err)
	}
	h.Invalidate()

	h.clock.Add(2 * time.Hour) // nobody says so: time does it
	first := h.calendar("l", "1-events")
	ics := strings.ReplaceAll(string(first.ICS), "\r\n ", "")
	for _, want := range []string{
		"SUMMARY:" + staleTitle, "DTSTART;VALUE=DATE:20261006\r\n", "DTEND;VALUE=DATE:20261007\r\n", "TRANSP:TRANSPARENT",
		"Logga in igen med din legitimation", "URL:" + baseURL + "/",
	} {
		if !strings.Contains(ics, want) {
			t.Errorf("the calendar lacks %q:\n%s", want, ics)
		}
	}
	want(t, "CalDAV while the data are old", h.home(), home)
	want(t, "Last-Modified", first.Modified, storagetest.Start().Add(24*time.Hour))
	want(t, "the feed", titles(h.feed("l", "1-news")), []string{staleTitle, "Veckobrev"})
	want(t, "lessons", summaries(h.calendar("l", "1-lessons").ICS), []string{"Matte", staleTitle})
	want(t, "quiet", summaries(h.calendar("quiet", "1-events").ICS), []string{"Utflykt", "Föräldramöte"})
	want(t, "quiet feed", titles(h.feed("quiet", "1-news")), []string{"Veckobrev"})

	uid := h.feed("l", "1-news").Letters[0].UID
	last, changes := first, 0
	for range 12 {
		h.clock.Add(4 * time.Hour)
		h.Invalidate()
		c := h.calendar("l", "1-events")
		if c.ICSETag != last.ICSETag {
			changes++
			if !c.Modified.After(last.Modified) {
				t.Error("the note moved, Last-Modified did not")
			}
		}
		last = c
		if l := h.feed("l", "1-news").Letters; len(l) != 2 || l[0].UID != uid || !l[0].Updated.Equal(l[0].Published) {
			t.Errorf("the note in the feed is another one: %+v", l[0])
		}
	}
	want(t, "changes in two days", changes, 2)
	if n := strings.Count(string(last.ICS), "SUMMARY:Skolans"); n != 1 || !strings.Contains(string(last.ICS), "VALUE=DATE:20261008") {
		t.Errorf("%d notes, on another day than today", n)
	}

	h.read(nil) // as before
	again := h.calendar("l", "1-events")
	want(t, "after a successful read", again.ICSETag, fresh.ICSETag)
	want(t, "the feed after a successful read", titles(h.feed("l", "1-news")), titles(feed))
	h.clock.Add(25 * time.Hour)
	if l := h.feed("l", "1-news").Letters; len(l) != 2 || l[0].UID == uid {
		t.Error("the next incident is the same one")
	}
}

func TestNotesStandOnlyWhereTheDataAreOld(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.read(nil)
	if err := h.PutState(t.Context(), h.account, school.Active, school.ProblemNone); err != nil {
		t.Fatal(err)
	}
	h.readOther(h.account)
	h.clock.Add(20 * time.Hour)
	h.readOther(h.account)
	h.clock.Add(5 * time.Hour)
	want(t, "of the child that was not read", summaries(h.calendar("l", "1-events").ICS), []string{staleTitle, "Utflykt", "Föräldramöte"})
	want(t, "of the child that was read", summaries(h.calendar("l", "2-events").ICS), []string{"Kalas"})
	family := summaries(h.calendar("l", "0-family").ICS)
	if !slices.Contains(family, staleTitle) {
		t.Errorf("the family's calendar has %v", family)
	}
	want(t, "the problem without one", strings.Contains(strings.ReplaceAll(string(h.calendar("l", "1-events").ICS), "\r\n ", ""), "Plattformen svarar inte"), true)
}

// Children of one account are read one after the other. When the account's
// data get old that is one incident, and one note; its identity stays while
// the younger data become old too.
func TestOneNoteForAllChildrenOfAnAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.read(nil)
	h.clock.Add(70 * time.Second)
	h.readOther(h.account)
	if err := h.PutState(t.Context(), h.account, school.Expired, school.ProblemSignIn); err != nil {
		t.Fatal(err)
	}
	h.Invalidate()
	notes := func(what string) school.UID {
		t.Helper()
		n := 0
		for line := range strings.SplitSeq(string(h.calendar("l", "0-family").ICS), "\r\n") {
			if strings.HasPrefix(line, "SUMMARY:Skolans uppgifter") {
				n++
			}
		}
		want(t, what+": notes in the family's calendar", n, 1)
		letters := slices.DeleteFunc(slices.Clone(h.feed("l", "0-all").Letters), func(l school.Letter) bool {
			return !strings.HasPrefix(l.Title, "Skolans uppgifter")
		})
		want(t, what+": notes in the family's feed", titles(&feeds.Feed{Letters: letters}), []string{staleTitle})
		return letters[0].UID
	}
	h.clock.Add(24*time.Hour - 70*time.Second)
	first := notes("the first child")
	h.clock.Add(70 * time.Second)
	want(t, "the note's identity", notes("both"), first)
	want(t, "of the child that was read later", summaries(h.calendar("l", "2-events").ICS), []string{"Skolans uppgifter är från mån 5 okt 08:01", "Kalas"})

	// Another guardian's account brings the same children, in another order.
	if err := h.PutState(t.Context(), storagetest.Account(t, h.DB, "fake", "other", "child"), school.Expired, school.ProblemSignIn); err != nil {
		t.Fatal(err)
	}
	h.Invalidate()
	notes("two guardians")
}

// When the platform was silent and then ends the session, the note says
// something else, and programs that look at dates alone must see that.
func TestNotesMoveWhenTheirWordsChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	h.link("l", nil)
	h.read(nil)
	put := func(s school.SessionState, p school.Problem) {
		t.Helper()
		if err := h.PutState(t.Context(), h.account, s, p); err != nil {
			t.Fatal(err)
		}
		h.Invalidate()
	}
	sequence := func(ics []byte) int {
		t.Helper()
		_, event, _ := strings.Cut(string(ics), "UID:note-")
		_, event, _ = strings.Cut(event, "SEQUENCE:")
		digits, _, _ := strings.Cut(event, "\r\n")
		n, err := strconv.Atoi(digits)
		if err != nil {
			t.Fatalf("the note has no sequence: %v", err)
		}
		return n
	}
	put(school.Active, school.ProblemUnavailable)
	h.clock.Add(26 * time.Hour)
	silent, letter := h.calendar("l", "1-events"), h.feed("l", "1-news").Letters[0]

	h.clock.Add(time.Hour)
	put(school.Active, school.ProblemNone) // says the same
	want(t, "when the words stay", h.calendar("l", "1-events").ICSETag, silent.ICSETag)
	want(t, "the feed when the words stay", h.feed("l", "1-news").Letters[0], letter)

	h.clock.Add(time.Minute)
	changed := h.clock.Now()
	put(school.Expired, school.ProblemSignIn)
	h.clock.Add(time.Minute)
	over, news := h.calendar("l", "1-events"), h.feed("l", "1-news")
	if !strings.Contains(strings.ReplaceAll(string(over.ICS), "\r\n ", ""), "Logga in igen med din legitimation") {
		t.Error("the note does not say what to do now")
	}
	want(t, "Last-Modified", over.Modified, changed)
	if a, b := sequence(silent.ICS), sequence(over.ICS); b <= a {
		t.Errorf("SEQUENCE went from %d to %d", a, b)
	}
	want(t, "identity in the feed", news.Letters[0].UID, letter.UID)
	want(t, "updated in the feed", news.Letters[0].Updated, changed)
	want(t, "published in the feed", news.Letters[0].Published, letter.Published)

	day := sequence(over.ICS)
	h.clock.Add(24 * time.Hour)
	if n := sequence(h.calendar("l", "1-events").ICS); n <= day {
		t.Errorf("the next day SEQUENCE went from %d to %d", day, n)
	}
}
