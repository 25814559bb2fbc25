package normalize

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"syncd/source/school"
)

// Derive works out the entries of the derived kinds: one of [school.KindDay]
// for each school day, and one of [school.KindKit] for each day on which
// something is to be brought.
//
// A day goes from the first to the last lesson that takes place, and its title
// is just that: "08:20-14:10". A kit is a whole-day entry on the day itself,
// so that it is true whenever it is read and stands on top of tomorrow for
// whoever packs in the evening. Its title names the subjects as the school
// writes them; its body has a line for each of these lessons and what the
// school says about bringing things. Neither is there when the school is
// closed, and lessons that are called off count for nothing.
//
// It is pure: the same basis gives the same entries in the same order, and
// the ids depend on platform, child, kind and day only.
func (n *Normalizer) Derive(b school.Basis) []school.Entry {
	home := closures(b.Days)
	days := make(map[school.Date][]school.Entry)
	for _, l := range b.Lessons {
		if l.Span.AllDay || l.Status == school.StatusCancelled {
			continue
		}
		d := school.DateOf(l.Span.Start.In(n.loc))
		if !home[d] {
			days[d] = append(days[d], l)
		}
	}
	p := &pass{n: n, platform: b.Platform, child: b.Child}
	out := make([]school.Entry, 0, len(days))
	for d, lessons := range days {
		slices.SortStableFunc(lessons, func(x, y school.Entry) int {
			return cmp.Or(compare(x, y), strings.Compare(string(x.UID), string(y.UID)))
		})
		out = append(out, p.schoolDay(d, lessons))
		if kit, ok := p.kit(d, lessons); ok {
			out = append(out, kit)
		}
	}
	slices.SortFunc(out, func(x, y school.Entry) int {
		return cmp.Or(strings.Compare(string(x.Kind), string(y.Kind)), compare(x, y))
	})
	return out
}

func (p *pass) schoolDay(d school.Date, lessons []school.Entry) school.Entry {
	span := lessons[0].Span
	for _, l := range lessons {
		if l.Span.End.After(span.End) {
			span.End = l.Span.End
		}
	}
	span.Start, span.End = span.Start.In(p.n.loc), span.End.In(p.n.loc)
	return school.Entry{
		UID: p.uid(school.KindDay, "", d.String()), Kind: school.KindDay,
		Title: clock(span, "-"), Span: span,
	}
}

func clock(s school.Span, dash string) string {
	return s.Start.Format("15:04") + dash + s.End.Format("15:04")
}

func (p *pass) kit(d school.Date, lessons []school.Entry) (school.Entry, bool) {
	var subjects, body []string
	for _, l := range lessons {
		said := bringLines(l.Body)
		if !needsKit(l.Title) && len(said) == 0 {
			continue
		}
		if !slices.Contains(subjects, l.Title) {
			subjects = append(subjects, l.Title)
		}
		span := school.Timed(l.Span.Start.In(p.n.loc), l.Span.End.In(p.n.loc))
		body = append(append(body, clock(span, "–")+" "+l.Title), said...)
	}
	if len(subjects) == 0 {
		return school.Entry{}, false
	}
	return school.Entry{
		UID: p.uid(school.KindKit, "", d.String()), Kind: school.KindKit,
		Title: capRunes(strings.Join(subjects, ", "), maxTitle), Body: capBytes(strings.Join(body, "\n"), maxBody),
		Span: school.AllDay(d, d),
	}, true
}

// words splits a text into its words, in lower case. A hyphen parts words, so
// that "Hem- och konsumentkunskap" has none that is only half.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// needsKit reports whether a subject is one for which Swedish schools ask
// pupils to bring something: sports, swimming, crafts, cooking, skating.
// Whole words count, and the last part of compounds; theory needs nothing.
func needsKit(subject string) bool {
	all := words(subject)
	if slices.ContainsFunc(all, func(w string) bool { return strings.HasPrefix(w, "teori") || w == "teoretisk" }) {
		return false
	}
	return slices.ContainsFunc(all, kitWord)
}

func kitWord(w string) bool {
	switch w {
	case "idrott", "idrotten", "idh", "idr", "gymnastik", "gympa", "gympan", "jumpa",
		"simning", "sim", "simskola", "simhall", "simhallen", "bad", "badhus", "badhuset",
		"slöjd", "slöjden", "slj", "hemkunskap", "konsumentkunskap", "hkk",
		"skridskor", "skridsko", "skidor", "skidåkning", "friluftsdag", "friluftsliv":
		return true
	}
	// "textilslöjd", "specialidrott", "babysimning"; not "slöjdsal".
	for _, last := range []string{"slöjd", "idrott", "simning", "gymnastik"} {
		if strings.HasSuffix(w, last) {
			return true
		}
	}
	return false
}

// bringLines returns the lines of a lesson's text that ask to bring something.
func bringLines(body string) []string {
	var out []string
	for l := range strings.SplitSeq(body, "\n") {
		all := words(l)
		for i, w := range all {
			if w == "medtag" || w == "medtages" || i+1 < len(all) && all[i+1] == "med" && (w == "ta" || w == "tag") {
				out = append(out, l)
				break
			}
		}
	}
	return out
}

// closures returns the days on which the school is closed.
func closures(events []school.Entry) map[school.Date]bool {
	out := make(map[school.Date]bool)
	for _, e := range events {
		if !e.Span.AllDay || e.Status == school.StatusCancelled || !closes(e.Title) || e.Span.Days.From.DaysUntil(e.Span.Days.To) > maxClosure {
			continue
		}
		for d := e.Span.Days.From; d.Before(e.Span.Days.To); d = d.AddDays(1) {
			out[d] = true
		}
	}
	return out
}

// maxClosure is the longest run of days, a summer, that is taken for one.
const maxClosure = 100

// closes reports whether the title of a whole-day event says that the whole
// school is closed. In doubt it does not: an entry too many does less harm
// than a child without sports clothes.
func closes(title string) bool {
	all := words(title)
	if slices.ContainsFunc(all, partial) {
		return false
	}
	if slices.ContainsFunc(all, closed) {
		return true
	}
	return slices.ContainsFunc(all, shut) && !slices.ContainsFunc(all, beside)
}

// closed reports whether a word alone says that pupils are at home.
func closed(w string) bool {
	switch w {
	case "studiedag", "studiedagar", "studiedagen", "lov", "lovet", "lovdag", "lovdagar", "lovdagen",
		"skolfri", "skolfritt", "helgdag":
		return true
	}
	return holiday(w)
}

// shut reports whether a word says that something is closed, which is the
// school unless something beside it is named.
func shut(w string) bool {
	switch w {
	case "stängd", "stängt", "ledig", "ledigt", "kompetensutvecklingsdag", "kompetensutvecklingsdagar",
		"planeringsdag", "planeringsdagar":
		return true
	}
	return false
}

func beside(w string) bool {
	switch w {
	case "fritids", "fritidshem", "fritidshemmet", "fritidsklubb", "klubben", "expedition", "expeditionen",
		"matsal", "matsalen", "bibliotek", "biblioteket", "förskola", "förskolan", "kök", "köket":
		return true
	}
	return false
}

// holiday reports whether a word is the name of a school holiday.
func holiday(w string) bool {
	for _, name := range []string{"höst", "jul", "sport", "vinter", "påsk", "sommar", "november", "februari", "läs", "vår"} {
		if rest, ok := strings.CutPrefix(w, name); ok && (rest == "lov" || rest == "lovet") {
			return true
		}
	}
	return false
}

// partial reports whether a word says that an event is about the days around
// a closure, or about some of the pupils only.
func partial(w string) bool {
	switch w {
	case "före", "innan", "inför", "efter", "sista", "första", "åk", "årskurs", "årskurser", "klass", "klasser",
		"förskoleklass", "lovskola", "anmälan", "ansökan":
		return true
	}
	return false
}
