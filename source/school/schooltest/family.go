package schooltest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"syncd/source/school"
)

// Personal numbers of the two guardians, from the range that the tax agency
// keeps free for tests.
const (
	FirstGuardian  = "189001019802"
	SecondGuardian = "189001029819"
)

// Family returns the invented family with a year of data around now. School
// weeks lie on both sides of now whatever the season: holidays are placed by
// their distance from now, only the nights of the clock changes are where
// the calendar has them. The first guardian may read all three children, the
// second the first two.
func Family(now time.Time) *World {
	now = now.In(school.Stockholm()).Truncate(time.Second)
	b := &builder{now: now, monday: school.DateOf(now).Monday(), loc: school.Stockholm()}
	children := []Child{b.pupil(), b.preschooler(), b.elder()}
	schools := []School{
		b.school("Ekbladsskolan Höjdarna", children[0].School, false),
		b.school("Förskolan Månkrumeluren", children[1].School, true),
		b.school("Gråsparvsgården 7–9", children[2].School, false),
	}
	b.shared(&children[0], &children[2])
	// What came later goes last: words that texts already have stay theirs.
	b.schoolday(&children[0])
	b.schoolday(&children[2])
	children[0].Care = b.care(6)
	children[1].Care = b.care(7)
	children[1].Log = b.log(children[1])
	schools[0].Files = []File{{Of: schools[0].Calendar[len(schools[0].Calendar)/2].Ref, Media: b.document("Dagordning")}}
	return &World{
		now: now, children: children, schools: schools, words: b.words,
		guardians: []Guardian{
			{
				PersonalNumber: FirstGuardian, FirstName: "Torgunnhild", LastName: "Ärlebäck-Påhittsson",
				Email:    "torgunnhild.arleback@example.invalid",
				Children: []string{children[0].Key, children[1].Key, children[2].Key},
			},
			{
				PersonalNumber: SecondGuardian, FirstName: "Dagfinnulv", LastName: "Påhittsson",
				Email:    "dagfinnulv.pahittsson@example.invalid",
				Children: []string{children[0].Key, children[1].Key},
			},
		},
	}
}

// Scale adds one more child, numbered last, whose only calendar is events: n
// bookings spread evenly from 364 days before now to 364 days after it, each
// with a title of its own.
func (w *World) Scale(n int) {
	const days = 364
	from := w.now.AddDate(0, 0, -days).Truncate(time.Minute)
	minutes := 2 * days * 24 * 60
	c := Child{
		Key: guid("scale child"), SecondKey: guid("scale child, second"), Name: "Stordatalina Ärlebäck-Påhittsson",
		Class: "9Z", Stages: []string{"GR"}, School: guid("scale school"), Schedule: make([]school.Event, 0, n),
	}
	for i := range n {
		start := from.Add(time.Duration(i*minutes/n) * time.Minute)
		c.Schedule = append(c.Schedule, school.Event{
			Item: school.Item{
				Title: fmt.Sprintf("Stordatapass %06d", i+1), Place: "Stordatasalen",
				Span: school.Timed(start, start.Add(30*time.Minute)),
			},
			Scope: school.ScopeChild,
		})
	}
	w.AddChild(c, School{Key: c.School, Name: "Stordataskolan"})
}

// builder lays out a world; every text that it makes holds a canary word.
type builder struct {
	now    time.Time
	monday school.Date // of the week of now
	loc    *time.Location
	words  []string
}

// word returns a word that was not used before, in ASCII so that no encoding
// and no normalisation changes it.
func (b *builder) word() string {
	first := []string{
		"Ekorr", "Kvarn", "Humle", "Lodjurs", "Trast", "Hermelin", "Sparv", "Korp", "Skogs", "Murmel", "Fasan", "Rosen",
		"Gladan", "Vinter", "Havtorns", "Lingon", "Blomster", "Klocke", "Svalan", "Tussilago", "Orrspel", "Gryning", "Mosse", "Bofink",
	}
	second := []string{
		"lunden", "hagen", "dalen", "stigen", "berget", "viken", "udden", "backen", "torpet", "holmen", "parken", "kullen",
		"skogen", "fallet", "bruket", "gruvan", "ladan", "bron", "marken", "sjon", "heden", "klippan", "rondellen", "kajen",
	}
	n := len(b.words)
	w := first[n%len(first)] + second[(n/len(first)+n)%len(second)]
	b.words = append(b.words, w)
	return w
}

// day returns the day in the week so many weeks from now's week.
func (b *builder) day(week int, weekday time.Weekday) school.Date {
	return b.monday.AddDays(7*week + (int(weekday)+6)%7)
}

func (b *builder) timed(d school.Date, fromHour, fromMinute, toHour, toMinute int) school.Span {
	return school.Timed(d.At(fromHour, fromMinute, b.loc), d.At(toHour, toMinute, b.loc))
}

// clockChanges returns the two or three Sundays nearest to now on which the
// clocks change, oldest first.
func (b *builder) clockChanges() []school.Date {
	var out []school.Date
	today := school.DateOf(b.now)
	for d := today.AddDays(-186); d.Before(today.AddDays(186)); d = d.AddDays(1) {
		if d.AddDays(1).Start(b.loc).Sub(d.Start(b.loc)) != 24*time.Hour {
			out = append(out, d)
		}
	}
	return out
}

func (b *builder) pupil() Child {
	c := Child{
		Key: guid("child 1"), SecondKey: guid("child 1, second"), Name: "Alvhildura Ärlebäck-Påhittsson",
		Class: "4B", Stages: []string{"GR", "F"}, School: guid("school 1"),
	}
	c.Schedule = b.schedule()
	c.Letters = []school.NewsItem{
		b.canvasLetter(c), b.pictureLetter(c), b.tableLetter(c), b.editedLetter(c), b.emptyLetter(c),
	}
	c.Notices = b.notices(c, "Elevdokumentation", "Unikum")
	return c
}

func (b *builder) preschooler() Child {
	c := Child{
		Key: guid("child 2"), SecondKey: guid("child 2, second"), Name: "Bonifatius Påhittsson",
		Class: "Blåklockan", Stages: []string{"FS"}, School: guid("school 2"), NoSchedule: true,
	}
	c.Letters = []school.NewsItem{b.oddLetter(c), b.plainLetter(c, 2), b.plainLetter(c, 19)}
	c.Notices = b.notices(c, "Unikum")
	return c
}

func (b *builder) elder() Child {
	// The name is decomposed on purpose: A and ring above are two characters.
	c := Child{
		Key: guid("child 3"), SecondKey: guid("child 3, second"), Name: "Cornelia-A\u030asa D’Ärlebäck",
		Class: "8A", Stages: []string{"GR"}, School: guid("school 3"),
	}
	c.Schedule = b.schedule()
	c.Letters = []school.NewsItem{b.plainLetter(c, 1), b.plainLetter(c, 33)}
	c.Notices = b.notices(c, "Elevdokumentation")
	return c
}

// shared sends one letter to two children.
func (b *builder) shared(a, c *Child) {
	n := b.plainLetter(*a, 9)
	n.Source = "Stockholms stad"
	a.Letters = append(a.Letters, n)
	c.Letters = append(c.Letters, n)
}

// guid makes the same GUID from the same words, in upper case.
func guid(words ...string) string {
	h := sha256.Sum256([]byte("schooltest\x00" + strings.Join(words, "\x00")))
	return fmt.Sprintf("%X-%X-%X-%X-%X", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// Canaries returns the words and texts of the world that are private: nothing
// but the answers to a family's own subscribers may hold one of them. Each is
// at least eight bytes long and no part of what the program says by itself.
// Words in texts are ASCII; names are as the platform writes them.
func (w *World) Canaries() []string {
	w.mu.RLock()
	defer w.mu.RUnlock()
	out := slices.Clone(w.words)
	for _, g := range w.guardians {
		out = append(out, g.PersonalNumber, g.FirstName, g.LastName, g.Name(), g.Email)
	}
	for _, s := range w.schools {
		out = append(out, s.Key, s.Name)
		for _, e := range s.Calendar {
			out = append(out, e.Title)
		}
		for _, m := range s.Menu {
			out = append(out, m.Dishes...)
		}
	}
	for _, c := range w.children {
		first, last, _ := strings.Cut(c.Name, " ")
		out = append(out, c.Key, c.SecondKey, c.Name, first, last, strings.ToLower(c.Key), strings.ToLower(c.SecondKey))
		for _, e := range c.Schedule {
			out = append(out, e.Title)
		}
		for _, n := range c.Letters {
			out = append(out, string(n.Ref), n.Title, n.Author)
		}
		for _, n := range c.Notices {
			out = append(out, string(n.Ref), n.Title, n.Text)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(s string) bool { return len(s) < 8 })
}
