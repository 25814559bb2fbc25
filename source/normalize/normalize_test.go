package normalize_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"syncd/source/normalize"
	"syncd/source/school"
)

var uidForm = regexp.MustCompile(`^[a-z2-7]{26}$`)

func normalizer(tb testing.TB) *normalize.Normalizer {
	tb.Helper()
	n, err := normalize.New(normalize.Config{Key: bytes.Repeat([]byte{7}, normalize.KeySize)})
	if err != nil {
		tb.Fatalf("New: %v", err)
	}
	return n
}

func at(tb testing.TB, s string) time.Time {
	tb.Helper()
	t, err := time.ParseInLocation("2006-01-02 15:04", s, school.Stockholm())
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func timed(tb testing.TB, from, to string) school.Span {
	tb.Helper()
	return school.Timed(at(tb, from), at(tb, to))
}

func event(title string, span school.Span) school.Event {
	return school.Event{Item: school.Item{Ref: "e1", Title: title, Span: span}}
}

func snapshot(events ...school.Event) school.Snapshot {
	return school.Snapshot{
		Platform: "skolplattformen", Child: school.Child{Ref: "c1", Name: "Alva Påhitt"},
		Covered:  []school.Coverage{{Part: school.PartCalendar, Window: school.Window{From: school.NewDate(2026, 1, 1), To: school.NewDate(2027, 1, 1)}}},
		Calendar: events,
	}
}

func TestNewWantsAWholeKey(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := normalize.New(normalize.Config{Key: make([]byte, n)}); err == nil {
			t.Errorf("New with a key of %d bytes = nil error", n)
		}
	}
}

// The ids are what every calendar app remembers. These were computed once and
// never change: not with a new version, not on another machine.
func TestIDsAreForEver(t *testing.T) {
	t.Parallel()
	n := normalizer(t)
	s := snapshot(event("Föräldramöte", timed(t, "2026-11-19 18:00", "2026-11-19 19:30")))
	s.Schedule = []school.Event{{Item: school.Item{Title: "Luciatåg", Span: timed(t, "2026-12-12 09:10", "2026-12-12 10:00")}}}
	s.Menu = []school.Meal{{Item: school.Item{Title: "Soppa", Span: school.AllDay(school.NewDate(2026, 11, 19), school.NewDate(2026, 11, 19))}}}
	s.News = []school.NewsItem{{Ref: "n1", Title: "Brev", Published: at(t, "2026-11-01 12:00")}}
	s.Notices = []school.Notice{{Ref: "m1", Title: "Omdöme", Sent: at(t, "2026-11-01 12:00")}}
	got := n.Snapshot(t.Context(), s)
	for what, tc := range map[string]struct{ got, want school.UID }{
		"event by ref":           {got.Calendar[0].UID, "nkhsqgolvwrzurz3wgx7uezsq4"},
		"booking by natural key": {got.Schedule[0].UID, "pbjx43lqxsmtkntlfg6wucjkue"},
		"meal by date":           {got.Menu[0].UID, "cq6vdfn7mmcywllqxp6ybemf7e"},
		"news":                   {got.News[0].UID, "dftop6cngf7i4or6jhbmimp3vi"},
		"notice":                 {got.Notices[0].UID, "cdfs5kgexlfr5zcptaburijkoe"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: UID = %s, want %s", what, tc.got, tc.want)
		}
	}
}

func TestWhatMakesAnotherID(t *testing.T) {
	t.Parallel()
	n := normalizer(t)
	span := timed(t, "2026-11-19 18:00", "2026-11-19 19:30")
	uid := func(change func(*school.Snapshot)) school.UID {
		s := snapshot(event("Möte", span))
		change(&s)
		got := n.Snapshot(t.Context(), s)
		if len(got.Calendar) != 1 {
			t.Fatalf("%d events, want 1", len(got.Calendar))
		}
		return got.Calendar[0].UID
	}
	base := uid(func(*school.Snapshot) {})
	if !uidForm.MatchString(string(base)) {
		t.Errorf("UID = %q, want 26 letters and digits", base)
	}
	for name, change := range map[string]func(*school.Snapshot){
		"a new title": func(s *school.Snapshot) { s.Calendar[0].Title = "Stort möte" },
		"a new time":  func(s *school.Snapshot) { s.Calendar[0].Span = timed(t, "2026-11-20 18:00", "2026-11-20 19:30") },
		"a new name":  func(s *school.Snapshot) { s.Child.Name = "Ella" },
	} {
		if got := uid(change); got != base {
			t.Errorf("%s: another UID for the same ref", name)
		}
	}
	for name, change := range map[string]func(*school.Snapshot){
		"sibling":  func(s *school.Snapshot) { s.Child.Ref = "c2" },
		"platform": func(s *school.Snapshot) { s.Platform = "infomentor" },
		"ref":      func(s *school.Snapshot) { s.Calendar[0].Ref = "e2" },
		"shifted":  func(s *school.Snapshot) { s.Child.Ref, s.Calendar[0].Ref = "c1e", "1" },
		"no ref":   func(s *school.Snapshot) { s.Calendar[0].Ref = "" },
	} {
		if got := uid(change); got == base {
			t.Errorf("%s: the same UID", name)
		}
	}
}

func TestDuplicates(t *testing.T) {
	t.Parallel()
	n := normalizer(t)
	a := event("Möte", timed(t, "2026-11-19 18:00", "2026-11-19 19:30"))
	b := event("Möte", timed(t, "2026-11-26 18:00", "2026-11-26 19:30"))
	same := n.Snapshot(t.Context(), snapshot(a, a, a))
	if len(same.Calendar) != 1 || same.Skipped != nil {
		t.Errorf("three times the same: %d events, skipped %v; want 1, none", len(same.Calendar), same.Skipped)
	}
	one, two := n.Snapshot(t.Context(), snapshot(a, b)), n.Snapshot(t.Context(), snapshot(b, a))
	if diff := cmp.Diff(one, two, raw()...); diff != "" {
		t.Errorf("another order of the input changes the result (-one +two):\n%s", diff)
	}
	if len(one.Calendar) != 2 || one.Calendar[0].UID == one.Calendar[1].UID {
		t.Errorf("one id for two things: %d events, want 2 with ids of their own", len(one.Calendar))
	}
	if first := n.Snapshot(t.Context(), snapshot(a)); one.Calendar[0].UID != first.Calendar[0].UID {
		t.Error("the first of two under one id has another UID than alone")
	}
	// A booking that is listed in the school's calendar too is one event.
	both := snapshot(a)
	both.Schedule = []school.Event{a}
	if got := n.Snapshot(t.Context(), both); len(got.Calendar) != 1 || len(got.Schedule) != 0 {
		t.Errorf("the same event in two parts: %d + %d, want 1 + 0", len(got.Calendar), len(got.Schedule))
	}
}

func TestOverlappingLessonsSurvive(t *testing.T) {
	t.Parallel()
	span := timed(t, "2026-11-19 09:00", "2026-11-19 10:00")
	s := snapshot()
	for _, g := range []string{"Grupp 1", "Grupp 2"} {
		s.Timetable = append(s.Timetable, school.Lesson{Item: school.Item{Title: "Matte", Span: span}, Group: g})
	}
	got := normalizer(t).Snapshot(t.Context(), s)
	if len(got.Timetable) != 2 || got.Timetable[0].UID == got.Timetable[1].UID {
		t.Errorf("two groups at one time: %d lessons, want 2 with ids of their own", len(got.Timetable))
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	day := school.NewDate
	utc := time.Date(2021, 5, 27, 22, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		in   school.Span
		want school.Span
		bad  bool
	}{
		"as it is":                      {in: timed(t, "2026-06-03 08:10", "2026-06-03 09:00"), want: timed(t, "2026-06-03 08:10", "2026-06-03 09:00")},
		"00:00 to 23:59":                {in: timed(t, "2026-06-03 00:00", "2026-06-03 23:59"), want: school.AllDay(day(2026, 6, 3), day(2026, 6, 3))},
		"to 23:59:59 days later":        {in: school.Timed(at(t, "2026-06-03 00:00"), at(t, "2026-06-05 23:59").Add(59*time.Second)), want: school.AllDay(day(2026, 6, 3), day(2026, 6, 5))},
		"midnight to midnight":          {in: timed(t, "2026-06-03 00:00", "2026-06-04 00:00"), want: school.AllDay(day(2026, 6, 3), day(2026, 6, 3))},
		"23 hours of the spring change": {in: timed(t, "2026-03-29 00:00", "2026-03-30 00:00"), want: school.AllDay(day(2026, 3, 29), day(2026, 3, 29))},
		"25 hours of the autumn change": {in: timed(t, "2026-10-25 00:00", "2026-10-25 23:59"), want: school.AllDay(day(2026, 10, 25), day(2026, 10, 25))},
		"midnight written in UTC":       {in: school.Timed(utc, utc.Add(24*time.Hour)), want: school.AllDay(day(2021, 5, 28), day(2021, 5, 28))},
		"midnight without length":       {in: timed(t, "2026-06-03 00:00", "2026-06-03 00:00"), want: timed(t, "2026-06-03 00:00", "2026-06-03 00:00")},
		"midnight to noon":              {in: timed(t, "2026-06-03 00:00", "2026-06-04 12:00"), want: timed(t, "2026-06-03 00:00", "2026-06-04 12:00")},
		"no end":                        {in: school.Span{Start: at(t, "2026-06-03 08:10")}, want: timed(t, "2026-06-03 08:10", "2026-06-03 08:10")},
		"whole days":                    {in: school.AllDay(day(2026, 6, 3), day(2026, 6, 4)), want: school.AllDay(day(2026, 6, 3), day(2026, 6, 4))},
		"no start":                      {in: school.Span{End: at(t, "2026-06-03 08:10")}, bad: true},
		"nothing":                       {bad: true},
		"no days":                       {in: school.Span{AllDay: true}, bad: true},
		"days backwards":                {in: school.AllDay(day(2026, 6, 4), day(2026, 6, 2)), bad: true},
		"end before start":              {in: timed(t, "2026-06-03 09:00", "2026-06-03 08:10"), bad: true},
		"year 1":                        {in: school.Timed(time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), at(t, "2026-06-03 08:10")), bad: true},
		"year 2999":                     {in: timed(t, "2999-06-03 08:10", "2999-06-03 09:00"), bad: true},
		"days in 1899":                  {in: school.AllDay(day(1899, 12, 30), day(1899, 12, 30)), bad: true},
	} {
		got := normalizer(t).Snapshot(t.Context(), snapshot(event("Möte", tc.in)))
		if tc.bad {
			if len(got.Calendar) != 0 || got.Skipped[school.PartCalendar] != 1 || len(got.Covered) != 0 {
				t.Errorf("%s: %d events, skipped %v, covered %v; want it skipped and nothing covered", name, len(got.Calendar), got.Skipped, got.Covered)
			}
			continue
		}
		if len(got.Calendar) != 1 {
			t.Errorf("%s: skipped", name)
			continue
		}
		span := got.Calendar[0].Span
		if !span.Equal(tc.want) {
			t.Errorf("%s: span = %+v, want %+v", name, span, tc.want)
		}
		if !span.AllDay && span.Start.Location().String() != school.Zone {
			t.Errorf("%s: zone = %s, want %s", name, span.Start.Location(), school.Zone)
		}
	}
}

func TestOneBadEntryLosesNoOther(t *testing.T) {
	t.Parallel()
	good := event("Möte", timed(t, "2026-06-03 08:10", "2026-06-03 09:00"))
	bad := event("Trasigt", school.Span{})
	s := snapshot(bad, good)
	s.Covered = append(s.Covered, school.Coverage{Part: school.PartMenu})
	s.Skipped = map[school.Part]int{school.PartNews: 2}
	got := normalizer(t).Snapshot(t.Context(), s)
	if len(got.Calendar) != 1 {
		t.Errorf("%d events, want the good one", len(got.Calendar))
	}
	want := map[school.Part]int{school.PartNews: 2, school.PartCalendar: 1}
	if diff := cmp.Diff(want, got.Skipped); diff != "" {
		t.Errorf("Skipped (-want +got):\n%s", diff)
	}
	if _, ok := got.Covers(school.PartCalendar); ok {
		t.Error("a part with a skipped entry is covered: what was skipped would be deleted")
	}
	if _, ok := got.Covers(school.PartMenu); !ok {
		t.Error("another part lost its coverage")
	}
	if s.Skipped[school.PartCalendar] != 0 || len(s.Covered) != 2 {
		t.Error("the input was changed")
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	span := timed(t, "2026-06-03 08:10", "2026-06-03 09:00")
	for name, tc := range map[string]struct{ title, place, body, want string }{
		"from the place":    {"\u200b ", "Aulan", "Text", "Aulan"},
		"from the body":     {"", " ", "<p>Första raden</p><p>Andra</p>", "Första raden"},
		"no tags":           {"<b>Matte</b> & NO", "", "", "Matte & NO"},
		"entities":          {"Matte &amp;amp; &oslash;vning", "", "", "Matte & øvning"},
		"comparison":        {"3 < 4 och 5>2", "", "", "3 < 4 och 5>2"},
		"one line":          {"Rad\r\nett\u2028två\x00", "", "", "Rad ett två"},
		"composed":          {"Ko\u0308ra a\u030a", "", "", "Köra å"},
		"turned around":     {"a\u202egnp.exe\u2066b\u2069", "", "", "agnp.exeb"},
		"arabic keeps mark": {"مدرسة\u200f (A)", "", "", "مدرسة\u200f (A)"},
		"latin loses mark":  {"A\u200f\u200eB", "", "", "AB"},
		"emoji keeps joint": {"👩\u200d🏫 Möte", "", "", "👩\u200d🏫 Möte"},
		"bad bytes":         {"M\xffö\xc3te", "", "", "Möte"},
		"nbsp":              {"\u00a0A\u00a0\u3000 B\ufeff", "", "", "A B"},
	} {
		e := event(tc.title, span)
		e.Place, e.Body = tc.place, tc.body
		got := normalizer(t).Snapshot(t.Context(), snapshot(e))
		if len(got.Calendar) != 1 || got.Calendar[0].Title != tc.want {
			t.Errorf("%s: %+q, want %+q", name, titles(got), tc.want)
		}
	}
	if got := normalizer(t).Snapshot(t.Context(), snapshot(event("\u200b", span))); len(got.Calendar) != 0 || got.Skipped[school.PartCalendar] != 1 {
		t.Errorf("an entry without anything to call it by: %+q, want it skipped", titles(got))
	}
	s := snapshot()
	s.Care = []school.Care{{Item: school.Item{Span: span}}}
	if got := normalizer(t).Snapshot(t.Context(), s); len(got.Care) != 1 || got.Care[0].Title != "" {
		t.Error("a care time without a title was lost or given one")
	}
}

func titles(s school.Snapshot) []string {
	var out []string
	for _, e := range s.Calendar {
		out = append(out, e.Title)
	}
	return out
}

func TestCaps(t *testing.T) {
	t.Parallel()
	span := timed(t, "2026-06-03 08:10", "2026-06-03 09:00")
	e := event(strings.Repeat("å", 10_000), span)
	e.Body = strings.Repeat("Ett ord till. ", 2000)
	e.Place = strings.Repeat("👩\u200d🏫", 500)
	got := normalizer(t).Snapshot(t.Context(), snapshot(e)).Calendar[0]
	if n := len([]rune(got.Title)); n != 200 || !strings.HasSuffix(got.Title, "å…") {
		t.Errorf("title has %d runes and ends in %q, want 200 and an ellipsis", n, got.Title[len(got.Title)-6:])
	}
	if len(got.Body) > 8192 || !strings.HasSuffix(got.Body, "…") || strings.HasSuffix(got.Body, " …") {
		t.Errorf("body has %d bytes and ends in %q", len(got.Body), got.Body[len(got.Body)-20:])
	}
	if r := []rune(got.Place); r[len(r)-2] != '🏫' {
		t.Errorf("place is cut inside a character: %+q", string(r[len(r)-4:]))
	}
}

func TestBody(t *testing.T) {
	t.Parallel()
	span := timed(t, "2026-06-03 08:10", "2026-06-03 09:00")
	for name, tc := range map[string]struct{ in, want string }{
		"plain":         {"Rad ett\r\nRad två\n\n\n\nRad tre ", "Rad ett\nRad två\n\nRad tre"},
		"paragraphs":    {"<div><p>Hej!</p><p>På\n fredag&nbsp;åker <b>vi </b>ut.</p></div>", "Hej!\n\nPå fredag åker vi ut."},
		"lists":         {"<p>Ta med:</p><ul><li>matsäck</li><li><p>regnkläder</p></li></ul><ol><li>a<li>b</ol>Slut", "Ta med:\n\n- matsäck\n- regnkläder\n\n1. a\n2. b\n\nSlut"},
		"links":         {`<a href=" https&#58;//example.se/karta ">Karta</a>, <a href="https://example.se/">example.se</a>, <a href="mailto:a@b.se">Anna</a>, <a href="javascript:alert(1)">x</a>`, "Karta (https://example.se/karta), example.se, Anna (a@b.se), x"},
		"tables":        {"<table><tr><td>Fredag</td><td>9&#58;00</td></tr><tr><td></td><td><p>Mat<br>sal</p></td></tr></table>", "Fredag | 9:00\nMat sal"},
		"script":        {"<p>A</p><script>alert('B')</script><style>p{}</style><!-- C -->", "A"},
		"sharepoint":    {`<div data-sp-canvascontrol="" data-sp-controldata="&#123;&quot;controlType&quot;&#58;4&#125;"><div data-sp-componentid="">c4bd7b2f</div><div data-sp-rte=""><p>Hej</p></div></div>`, "Hej"},
		"encoded twice": {"&lt;p&gt;Hej&lt;/p&gt;&lt;p&gt;Då&lt;/p&gt;", "Hej\n\nDå"},
		"an address":    {"Skriv till Anna <anna@example.se> om 3 < 4", "Skriv till Anna <anna@example.se> om 3 < 4"},
		"address in p":  {"<p>Anna <anna@example.se></p>", "Anna <anna@example.se>"},
		"query":         {"https://example.se/?a=1&copy=2&lt=3", "https://example.se/?a=1&copy=2&lt=3"},
		"word":          {"<p>Hej<o:p></o:p></p><p class=MsoNormal>\uf0b7 ett<o:p>&nbsp;</o:p></p>", "Hej\n\n• ett"},
		"breaks":        {"A<br><br><br><br>B<br/>C", "A\n\nB\nC"},
		"pre":           {"<pre>a  b\n c</pre>", "a b\nc"},
	} {
		e := event("T", span)
		e.Body = tc.in
		if got := normalizer(t).Snapshot(t.Context(), snapshot(e)).Calendar[0].Body; got != tc.want {
			t.Errorf("%s: body = %q, want %q", name, got, tc.want)
		}
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	span := timed(t, "2026-06-03 08:10", "2026-06-03 09:00")
	for in, want := range map[string]string{
		"https://example.se/a?b=c#d":             "https://example.se/a?b=c#d",
		" HTTPS://Example.se/ ":                  "https://example.se/",
		"https://x/\r\nATTENDEE:mailto:a@b.se":   "https://x/ATTENDEE:mailto:a@b.se",
		"https://user:secret@example.se/":        "https://example.se/",
		"https://åäö.se/å?q=å\"<":                "https://xn--4cab6c.se/%C3%A5?q=%C3%A5%22%3C",
		"https ://example.se":                    "https://example.se",
		"https://example.se:8443/":               "https://example.se:8443/",
		"javascript:alert(1)":                    "",
		"/relative":                              "",
		"//example.se/":                          "",
		"mailto:a@b.se":                          "",
		"data:text/html,x":                       "",
		"https://":                               "",
		"http:example.se":                        "",
		"":                                       "",
		"https://a/" + strings.Repeat("x", 3000): "",
		"https://ex\u202eample.se/":              "https://example.se/",
		"java\nscript:alert(1)":                  "",
	} {
		e := event("T", span)
		e.URL = in
		if got := normalizer(t).Snapshot(t.Context(), snapshot(e)).Calendar[0].URL; got != want {
			t.Errorf("URL of %q = %q, want %q", in, got, want)
		}
	}
}

func TestRoster(t *testing.T) {
	t.Parallel()
	in := school.Roster{Owner: " o\u200b ", OwnerName: " Anna\u00a0Påhitt", Children: []school.Child{
		{Ref: "1", Name: "Alva\r\nPåhitt "}, {Ref: "1", Name: "Alva"}, {Ref: "2", Name: "<b>Bo</b>", School: "A &amp; B"},
	}}
	want := school.Roster{Owner: " o\u200b ", OwnerName: "Anna Påhitt", Children: []school.Child{
		{Ref: "1", Name: "Alva Påhitt"}, {Ref: "2", Name: "Bo", School: "A & B"},
	}}
	if diff := cmp.Diff(want, normalizer(t).Roster(in)); diff != "" {
		t.Errorf("Roster (-want +got):\n%s", diff)
	}
}

func TestOwnerHash(t *testing.T) {
	t.Parallel()
	n := normalizer(t)
	a, b := n.OwnerHash("191212121212"), n.OwnerHash("191212121213")
	if a == b || a != n.OwnerHash("191212121212") || strings.Contains(a, "1912") || len(a) != 26 {
		t.Errorf("OwnerHash = %q, %q", a, b)
	}
	other, err := normalize.New(normalize.Config{Key: make([]byte, normalize.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	if other.OwnerHash("191212121212") == a {
		t.Error("OwnerHash does not depend on the key")
	}
}

// raw are the options that compare snapshots in full; their own formatting
// hides everything.
func raw() []cmp.Option {
	return []cmp.Option{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })}
}

// Whatever a platform sends: a second pass changes nothing.
func TestSecondPassChangesNothing(t *testing.T) {
	t.Parallel()
	n := normalizer(t)
	for seed := range uint64(seeds) {
		s := randomSnapshot(rand.New(rand.NewPCG(seed, 1)))
		once := n.Snapshot(t.Context(), s)
		if diff := cmp.Diff(once, n.Snapshot(t.Context(), once), raw()...); diff != "" {
			t.Fatalf("seed %d: second pass (-first +second):\n%s", seed, diff)
		}
		if diff := cmp.Diff(once, n.Snapshot(t.Context(), shuffled(s, rand.New(rand.NewPCG(seed, 2)))), raw()...); diff != "" {
			t.Fatalf("seed %d: another order of the input (-one +other):\n%s", seed, diff)
		}
	}
}

func shuffled(s school.Snapshot, r *rand.Rand) school.Snapshot {
	shuffle(r, &s.Calendar)
	shuffle(r, &s.Schedule)
	shuffle(r, &s.Timetable)
	shuffle(r, &s.Menu)
	shuffle(r, &s.Tasks)
	shuffle(r, &s.Care)
	shuffle(r, &s.News)
	shuffle(r, &s.Notices)
	shuffle(r, &s.Unchanged)
	shuffle(r, &s.Covered)
	return s
}

func shuffle[T any](r *rand.Rand, s *[]T) {
	c := append([]T(nil), *s...)
	r.Shuffle(len(c), func(i, j int) { c[i], c[j] = c[j], c[i] })
	*s = c
}

var words = []string{
	"Hej", "på", "fredag", "<b>", "</b>", "<p>", "</p>", "&amp;", "&amp;amp;lt;", "&lt;p&gt;", "<br>", "\r\n", "\n", " ", "\u200b", "\u2028",
	"å", "a\u030a", "\u0301", "👩\u200d🏫", "<script>x</script>", "<a href=\"/x\">", "</a>", "<table><tr><td>", "</table>", "http://x.se/?a=1&copy=2",
	"\x00", "\xff", "\u202e", "مدرسة", "<li>", "<ul>", "</div>", "<div data-sp-rte=\"\">", "<", ">", "&", ";", "Hej!På", "i.Ta", "www.x.se.Om", "\t", "<o:p>", "<pre>", "</pre>",
	"<strong> ", " </strong>", "<em>", "</em>", "<h2>", "<!--", "-->", "&#58;", "<img src=x onerror=y>",
}

func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	for range r.IntN(n) {
		b.WriteString(words[r.IntN(len(words))])
		if r.IntN(2) == 0 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func randomItem(r *rand.Rand) school.Item {
	start := time.Date(2026, 1+time.Month(r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(2)*30, 0, r.IntN(1000), time.UTC)
	span := school.Timed(start, start.Add(time.Duration(r.IntN(100)-5)*30*time.Minute))
	if r.IntN(4) == 0 {
		d := school.DateOf(start)
		span = school.AllDay(d, d.AddDays(r.IntN(4)-1))
	}
	it := school.Item{Title: randomText(r, 5), Place: randomText(r, 3), Body: randomText(r, 60), Span: span, URL: randomText(r, 3)}
	if r.IntN(3) > 0 {
		it.Ref = school.Ref(fmt.Sprint(r.IntN(6)))
	}
	return it
}

func randomSnapshot(r *rand.Rand) school.Snapshot {
	s := school.Snapshot{Platform: "p", Child: school.Child{Ref: "c", Name: randomText(r, 4)}, Taken: time.Unix(1e9, 5)}
	for range r.IntN(6) {
		s.Calendar = append(s.Calendar, school.Event{Item: randomItem(r), Categories: []string{randomText(r, 2), "b", "a"}})
		s.Schedule = append(s.Schedule, school.Event{Item: randomItem(r), Busy: r.IntN(2) == 0})
		s.Timetable = append(s.Timetable, school.Lesson{Item: randomItem(r), Teacher: randomText(r, 3), Group: randomText(r, 2)})
		s.Menu = append(s.Menu, school.Meal{Item: randomItem(r)})
		s.Tasks = append(s.Tasks, school.Task{Item: randomItem(r), Subject: randomText(r, 2)})
		s.Care = append(s.Care, school.Care{Item: randomItem(r)})
		it := randomItem(r)
		s.News = append(s.News, school.NewsItem{
			Ref: it.Ref, Title: it.Title, Summary: randomText(r, 30), HTML: randomText(r, 200), URL: "https://skola.example/" + it.URL,
			Published: it.Span.Start, Modified: it.Span.End, Images: []school.Media{{Name: randomText(r, 4), Type: "image/png; x=y", Alt: it.Place}},
		})
		s.Notices = append(s.Notices, school.Notice{Ref: it.Ref, Title: it.Title, Text: it.Body, Sent: it.Span.Start})
		s.Unchanged = append(s.Unchanged, it.Ref, "z", "y")
	}
	for _, p := range school.Parts() {
		s.Covered = append(s.Covered, school.Coverage{Part: p})
	}
	return s
}
