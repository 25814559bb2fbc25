package schooltest_test

import (
	"bytes"
	"image/jpeg"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// seasons are moments all over the year, the nights of the clock changes and
// both ends of an ISO year among them.
func seasons() []time.Time {
	out := []time.Time{
		time.Date(2026, time.March, 29, 0, 30, 0, 0, time.UTC),
		time.Date(2026, time.October, 25, 0, 30, 0, 0, time.UTC),
		time.Date(2026, time.December, 31, 23, 30, 0, 0, time.UTC),
		time.Date(2027, time.January, 3, 12, 0, 0, 0, time.UTC),
		time.Date(2028, time.February, 29, 12, 0, 0, 0, time.UTC),
	}
	for m := time.January; m <= time.December; m++ {
		out = append(out, time.Date(2026, m, 11, 9, 20, 0, 0, time.UTC))
	}
	return out
}

func TestFamilyIsRichWhateverTheSeason(t *testing.T) {
	t.Parallel()
	loc := school.Stockholm()
	for _, now := range seasons() {
		w := schooltest.Family(now)
		soon := school.Window{From: school.DateOf(now.In(loc)), To: school.DateOf(now.In(loc)).AddDays(14)}
		all, before := 0, 0
		for _, c := range w.Children() {
			s := w.SchoolOf(c)
			if len(s.Calendar) >= 50 {
				t.Errorf("%s: %d rows in a calendar, want fewer than 50", now, len(s.Calendar))
			}
			near := 0
			for _, e := range slices.Concat(s.Calendar, c.Schedule, meals(s)) {
				all++
				if soon.Overlaps(e.Span, loc) {
					near++
				}
				if start, _ := e.Span.Bounds(loc); start.Before(now) {
					before++
				}
			}
			if near < 10 {
				t.Errorf("%s: child has %d entries in the next 14 days, want 10", now, near)
			}
		}
		if all < 200 || before < 40 {
			t.Errorf("%s: %d entries, %d of them past; want 200 and 40", now, all, before)
		}
	}
}

// meals returns a school's menu in the shape of events, to count them alike.
func meals(s schooltest.School) []school.Event {
	var out []school.Event
	for _, m := range s.Menu {
		out = append(out, school.Event{Item: m.Meal().Item})
	}
	return out
}

func TestFamilyHasWhatPlatformsSend(t *testing.T) {
	t.Parallel()
	w := schooltest.Family(time.Date(2026, time.November, 22, 8, 0, 0, 0, time.UTC))
	var letters, pictures, edited, cancelled, preschoolers, shared int
	seen := map[school.Ref]bool{}
	for _, c := range w.Children() {
		if c.Preschool() {
			preschoolers++
		}
		for _, n := range c.Letters {
			if seen[n.Ref] {
				shared++
			}
			seen[n.Ref] = true
			if len(n.HTML) > 40 {
				letters++
			}
			if n.Modified.After(n.Published) {
				edited++
			}
			for _, m := range n.Images {
				if _, err := jpeg.Decode(bytes.NewReader(m.Data)); err != nil {
					t.Errorf("picture is no JPEG: %v", err)
				}
				pictures++
			}
		}
		for _, e := range c.Schedule {
			if e.Status == school.StatusCancelled {
				cancelled++
			}
			if e.Ref != "" {
				t.Errorf("booking has an id")
			}
		}
	}
	if letters < 5 || pictures != 1 || edited != 1 || shared != 1 || cancelled != 4 || preschoolers != 1 {
		t.Errorf("letters %d, pictures %d, edited %d, shared %d, cancelled %d, preschoolers %d",
			letters, pictures, edited, shared, cancelled, preschoolers)
	}
	if got := len(w.ChildrenOf(schooltest.SecondGuardian)); got != 2 {
		t.Errorf("second guardian sees %d children, want 2", got)
	}
	if got := w.ChildrenOf("nobody"); got != nil {
		t.Errorf("nobody sees %d children", len(got))
	}
}

func TestFamilyIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.June, 3, 8, 0, 0, 0, time.UTC)
	a, b := schooltest.Family(now), schooltest.Family(now)
	if diff := cmp.Diff(a.Schools(), b.Schools()); diff != "" {
		t.Errorf("schools differ (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(a.Canaries(), b.Canaries()); diff != "" {
		t.Errorf("canaries differ (-first +second):\n%s", diff)
	}
}

func TestEveryPrivateTextHoldsACanary(t *testing.T) {
	t.Parallel()
	w := schooltest.Family(time.Date(2026, time.November, 22, 8, 0, 0, 0, time.UTC))
	canaries := w.Canaries()
	for _, c := range canaries {
		if len(c) < 8 {
			t.Errorf("canary %q is shorter than 8 bytes", c)
		}
	}
	check := func(text string) {
		t.Helper()
		if text != "" && !slices.ContainsFunc(canaries, func(c string) bool { return strings.Contains(text, c) }) {
			t.Errorf("%q holds no canary", text)
		}
	}
	once := map[string]bool{}
	for _, s := range w.Schools() {
		check(s.Name)
		for _, e := range s.Calendar {
			check(e.Title)
			if once[e.Title] {
				t.Errorf("title %q stands twice", e.Title)
			}
			once[e.Title] = true
		}
		for _, m := range s.Menu {
			check(m.Meal().Title)
			check(m.Meal().Body)
		}
	}
	for _, c := range w.Children() {
		check(c.Name)
		for _, e := range c.Schedule {
			check(e.Title)
			check(e.Body)
		}
		for _, n := range c.Letters {
			check(n.Title)
			check(n.HTML)
			check(n.Summary)
			check(n.Author)
		}
		for _, n := range c.Notices {
			check(n.Text)
		}
	}
}

func TestClockChangesAreInTheWorld(t *testing.T) {
	t.Parallel()
	for _, now := range seasons() {
		w := schooltest.Family(now)
		var across int
		var twice bool
		for _, e := range w.Schools()[0].Calendar {
			_, a := e.Span.Start.Zone()
			_, b := e.Span.End.Zone()
			if !e.Span.AllDay && a != b {
				across++
			}
			twice = twice || strings.HasPrefix(e.Title, "Stjärnskådning")
		}
		if across < 2 || !twice {
			t.Errorf("%s: %d events across a clock change, one in the hour that comes twice: %v", now, across, twice)
		}
	}
}

func TestScale(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 22, 8, 0, 0, 0, time.UTC)
	for _, n := range []int{0, 1, 7, 5000} {
		w := schooltest.Family(now)
		w.Scale(n)
		children := w.Children()
		c := children[len(children)-1]
		titles := map[string]bool{}
		for _, e := range c.Schedule {
			titles[e.Title] = true
			if e.Span.Start.Before(now.AddDate(-1, 0, 0)) || e.Span.End.After(now.AddDate(1, 0, 0)) {
				t.Fatalf("Scale(%d): event outside the year before and after now", n)
			}
		}
		if len(children) != 4 || len(titles) != n || len(c.Schedule) != n || len(w.SchoolOf(c).Calendar) != 0 {
			t.Errorf("Scale(%d): %d children, %d events, %d titles", n, len(children), len(c.Schedule), len(titles))
		}
		if got := len(w.ChildrenOf(schooltest.FirstGuardian)); got != 4 {
			t.Errorf("Scale(%d): first guardian sees %d children, want 4", n, got)
		}
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 22, 8, 0, 0, 0, time.UTC)
	loc := school.Stockholm()
	w := schooltest.Family(now)
	c := w.Children()[0]
	old := w.SchoolOf(c).Calendar
	day := school.NewDate(2026, time.December, 1)
	at := school.Timed(day.At(9, 0, loc), day.At(10, 0, loc))
	ref := w.AddEvent(c.School, school.Event{Item: school.Item{Title: "Nyhet", Span: at}})
	if ref == "" || len(w.SchoolOf(c).Calendar) != len(old)+1 {
		t.Fatalf("AddEvent returned %q, calendar has %d rows", string(ref), len(w.SchoolOf(c).Calendar))
	}
	if !w.MoveEvent(c.School, ref, school.AllDay(day, day)) || !w.RemoveEvent(c.School, ref) {
		t.Error("the event that was added cannot be moved and removed")
	}
	if w.MoveEvent(c.School, ref, at) || w.RemoveEvent(c.School, ref) || w.RemoveEvent("nowhere", ref) {
		t.Error("an event that is not there was moved or removed")
	}
	if diff := cmp.Diff(old, w.SchoolOf(c).Calendar); diff != "" {
		t.Errorf("calendar after adding and removing (-before +after):\n%s", diff)
	}

	booking := c.Schedule[0].Title
	if !w.CancelBooking(c.Key, booking) || !w.MoveBooking(c.Key, booking, at) || !w.AddBooking(c.Key, school.Event{Item: school.Item{Title: "Mer", Span: at}}) {
		t.Error("a booking cannot be changed")
	}
	if c.Schedule[0].Status != school.StatusConfirmed {
		t.Error("a value that was handed out has changed")
	}
	if !w.RemoveBooking(c.Key, booking) || w.RemoveBooking(c.Key, booking) {
		t.Error("RemoveBooking removes not exactly once")
	}

	shared := c.Letters[len(c.Letters)-1].Ref
	if !w.EditLetter(shared, now, func(n *school.NewsItem) { n.Title = "Ändrad" }) || w.EditLetter("x", now, func(*school.NewsItem) {}) {
		t.Error("EditLetter does not find what is there, or finds what is not")
	}
	for _, i := range []int{0, 2} {
		letters := w.Children()[i].Letters
		if got := letters[len(letters)-1]; got.Title != "Ändrad" || !got.Modified.Equal(now) {
			t.Errorf("child %d: shared letter was not edited", i)
		}
	}
	w.RemoveLetter(shared)
	if got := len(w.Children()[0].Letters); got != len(c.Letters)-1 {
		t.Errorf("%d letters after removing one of %d", got, len(c.Letters))
	}
	if w.AddLetter(c.Key, school.NewsItem{Title: "Brev", Published: now}) == "" || w.AddNotice(c.Key, school.Notice{Text: "Notis", Sent: now}) == "" {
		t.Error("a letter or a notice was given no id")
	}
	if !w.SetMenu(c.School, day, "Soppa", "Bröd") || !w.SetMenu(c.School, day) {
		t.Error("the menu cannot be set")
	}
	w.EditGuardian(schooltest.SecondGuardian, func(g *schooltest.Guardian) { g.Children = g.Children[:1] })
	w.RemoveChild(c.Key)
	if _, ok := w.Child(c.Key); ok || len(w.ChildrenOf(schooltest.SecondGuardian)) != 0 {
		t.Error("the child is still there after it was removed")
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	w := schooltest.Family(time.Date(2026, time.November, 22, 8, 0, 0, 0, time.UTC))
	c := w.Children()[0]
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				ref := w.AddEvent(c.School, school.Event{Item: school.Item{Title: "Parallellt"}})
				_ = w.Canaries()
				w.RemoveEvent(c.School, ref)
			}
		})
	}
	wg.Wait()
	if got, want := len(w.SchoolOf(c).Calendar), len(schooltest.Family(w.Now()).Schools()[0].Calendar); got != want {
		t.Errorf("%d rows after all was removed again, want %d", got, want)
	}
}
