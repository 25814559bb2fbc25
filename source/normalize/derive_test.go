package normalize_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"syncd/source/school"
)

func lesson(title string, span school.Span, more ...func(*school.Entry)) school.Entry {
	e := school.Entry{UID: school.UID(title), Kind: school.KindLessons, Title: title, Span: span}
	for _, f := range more {
		f(&e)
	}
	return e
}

func cancelled(e *school.Entry) { e.Status = school.StatusCancelled }

func saying(s string) func(*school.Entry) { return func(e *school.Entry) { e.Body = s } }

func wholeDay(title string, first, last school.Date) school.Entry {
	return school.Entry{Kind: school.KindEvents, Title: title, Span: school.AllDay(first, last)}
}

// derived names what was derived: kind, first day, title.
func derived(tb testing.TB, lessons, days []school.Entry) []string {
	tb.Helper()
	var out []string
	for _, e := range normalizer(tb).Derive(school.Basis{Platform: "p", Child: "c", Lessons: lessons, Days: days}) {
		start, _ := e.Span.Bounds(school.Stockholm())
		out = append(out, string(e.Kind)+" "+school.DateOf(start).String()+" "+e.Title)
	}
	return out
}

func TestDerive(t *testing.T) {
	t.Parallel()
	thursday := school.NewDate(2026, 11, 26)
	maths := lesson("Matematik", timed(t, "2026-11-26 08:20", "2026-11-26 09:10"))
	sports := lesson("Idrott och hälsa 1", timed(t, "2026-11-26 09:20", "2026-11-26 10:20"))
	craft := lesson("Textilslöjd", timed(t, "2026-11-26 13:00", "2026-11-26 14:10"))
	for name, tc := range map[string]struct {
		lessons, days []school.Entry
		want          []string
	}{
		"nothing":  {},
		"no kit":   {lessons: []school.Entry{maths}, want: []string{"day 2026-11-26 08:20-09:10"}},
		"a day":    {lessons: []school.Entry{craft, maths, sports}, want: []string{"day 2026-11-26 08:20-14:10", "kit 2026-11-26 Idrott och hälsa 1, Textilslöjd"}},
		"twice":    {lessons: []school.Entry{craft, lesson("Textilslöjd", timed(t, "2026-11-26 11:00", "2026-11-26 12:10"))}, want: []string{"day 2026-11-26 11:00-14:10", "kit 2026-11-26 Textilslöjd"}},
		"a longer": {lessons: []school.Entry{lesson("Utflykt", timed(t, "2026-11-26 08:00", "2026-11-26 15:00")), maths}, want: []string{"day 2026-11-26 08:00-15:00"}},
		"last lesson called off": {
			lessons: []school.Entry{maths, sports, lesson("Slöjd", craft.Span, cancelled)},
			want:    []string{"day 2026-11-26 08:20-10:20", "kit 2026-11-26 Idrott och hälsa 1"},
		},
		"all called off":   {lessons: []school.Entry{lesson("Slöjd", craft.Span, cancelled)}},
		"whole-day lesson": {lessons: []school.Entry{lesson("Idrott", school.AllDay(thursday, thursday))}},
		"closed":           {lessons: []school.Entry{maths, sports}, days: []school.Entry{wholeDay("Studiedag", thursday, thursday)}},
		"closed for a week": {
			lessons: []school.Entry{maths, sports}, days: []school.Entry{wholeDay("Höstlov v. 48", thursday.Monday(), thursday.Monday().AddDays(4))},
		},
		"closure called off": {
			lessons: []school.Entry{maths},
			days:    []school.Entry{func() school.Entry { e := wholeDay("Studiedag", thursday, thursday); cancelled(&e); return e }()},
			want:    []string{"day 2026-11-26 08:20-09:10"},
		},
		"closed the day after": {
			lessons: []school.Entry{maths}, days: []school.Entry{wholeDay("Lov", thursday.AddDays(1), thursday.AddDays(1))},
			want: []string{"day 2026-11-26 08:20-09:10"},
		},
		"closed for a year": {
			lessons: []school.Entry{maths}, days: []school.Entry{wholeDay("Lov", thursday, thursday.AddDays(364))},
			want: []string{"day 2026-11-26 08:20-09:10"},
		},
		"the school's own words": {
			lessons: []school.Entry{lesson("Biologi", maths.Span, saying("Vi ses i skogen.\nTa med gummistövlar!"))},
			want:    []string{"day 2026-11-26 08:20-09:10", "kit 2026-11-26 Biologi"},
		},
		"in summer time": {
			lessons: []school.Entry{lesson("Idrott", timed(t, "2026-10-23 00:10", "2026-10-23 01:00"))},
			want:    []string{"day 2026-10-23 00:10-01:00", "kit 2026-10-23 Idrott"},
		},
	} {
		if diff := cmp.Diff(tc.want, derived(t, tc.lessons, tc.days), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestKitBodyAndSpan(t *testing.T) {
	t.Parallel()
	l := lesson("Idrott och hälsa", timed(t, "2026-11-26 09:20", "2026-11-26 10:20"), saying("Sal 3\nTa med ombyte."))
	got := normalizer(t).Derive(school.Basis{Platform: "p", Child: "c", Lessons: []school.Entry{l}})
	if len(got) != 2 {
		t.Fatalf("derived %d entries, want 2", len(got))
	}
	day := school.NewDate(2026, 11, 26)
	want := school.Entry{
		Kind: school.KindKit, Title: "Idrott och hälsa", Body: "09:20–10:20 Idrott och hälsa\nTa med ombyte.", Span: school.AllDay(day, day),
	}
	if diff := cmp.Diff(want, got[1], cmpopts.IgnoreFields(school.Entry{}, "UID")); diff != "" {
		t.Errorf("kit (-want +got):\n%s", diff)
	}
	if !uidForm.MatchString(string(got[0].UID)) || !uidForm.MatchString(string(got[1].UID)) || got[0].UID == got[1].UID {
		t.Errorf("ids are %q and %q", got[0].UID, got[1].UID)
	}
}

func TestSubjectsThatNeedKit(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]bool{
		"Idrott och hälsa": true, "IDROTT": true, "Idh 4B": true, "Specialidrott": true, "Gymnastik": true, "Simning": true,
		"Slöjd": true, "Trä- och metallslöjd": true, "Textilslöjd grupp 2": true, "Hemkunskap": true,
		"Hem- och konsumentkunskap": true, "HKK": true, "Skridskor": true,
		"Idrott (teori)": false, "Idrott, teoriprov": false, "Slöjdsalens städning": false, "Idrottshistoria": false,
		"Matematik": false, "Svenska": false, "Badrumsprojekt": false, "Simulering": false, "": false,
	} {
		got := derived(t, []school.Entry{lesson(title, timed(t, "2026-11-26 09:20", "2026-11-26 10:20"))}, nil)
		if has := len(got) == 2; has != want {
			t.Errorf("%q: kit = %t, want %t", title, has, want)
		}
	}
}

func TestWhatClosesASchool(t *testing.T) {
	t.Parallel()
	day := school.NewDate(2026, 11, 26)
	lessons := []school.Entry{lesson("Idrott", timed(t, "2026-11-26 09:20", "2026-11-26 10:20"))}
	for title, want := range map[string]bool{
		"Studiedag": true, "STUDIEDAG (fritids öppet)": true, "Lov": true, "Höstlov": true, "Sportlovet": true, "Jullov!": true,
		"Lovdag": true, "Skolan är stängd": true, "Stängt": true, "Planeringsdag": true, "Elevledigt, skolfri dag": true,
		"Planeringsdag fritids": false, "Fritidshemmet stängt": false, "Sista dagen före jullov": false,
		"Första skoldagen efter sommarlovet": false, "Lovskola": false, "Anmälan till lov": false, "Studiedag åk 7-9": false,
		"Höstlovsdisko": false, "Glovers konsert": false, "Lovisas dag": false, "Föräldramöte": false,
	} {
		got := derived(t, lessons, []school.Entry{wholeDay(title, day, day)})
		if closed := len(got) == 0; closed != want {
			t.Errorf("%q: closed = %t, want %t", title, closed, want)
		}
	}
}

// One week's lessons more or less leave all other days as they are, and the
// order in which lessons come does not matter.
func TestDeriveIsByDay(t *testing.T) {
	t.Parallel()
	n := normalizer(t)
	var all []school.Entry
	monday := school.NewDate(2026, 11, 23)
	for d := range 28 {
		for h, title := range []string{"Matematik", "Idrott", "Slöjd"} {
			day := monday.AddDays(d)
			all = append(all, lesson(title, school.Timed(day.At(8+h, 0, school.Stockholm()), day.At(9+h, 0, school.Stockholm()))))
		}
	}
	derive := func(l []school.Entry) []school.Entry {
		return n.Derive(school.Basis{Platform: "p", Child: "c", Lessons: l})
	}
	whole := derive(all)
	shuffled := slices.Clone(all)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if diff := cmp.Diff(whole, derive(shuffled)); diff != "" {
		t.Errorf("another order (-before +after):\n%s", diff)
	}
	var parts []school.Entry
	parts = append(parts, derive(all[:21])...)
	parts = append(parts, derive(all[21:])...)
	byUID := cmpopts.SortSlices(func(a, b school.Entry) bool { return a.UID < b.UID })
	if diff := cmp.Diff(whole, parts, byUID); diff != "" {
		t.Errorf("week by week (-whole +parts):\n%s", diff)
	}
	if other := n.Derive(school.Basis{Platform: "p", Child: "d", Lessons: all}); other[0].UID == whole[0].UID {
		t.Error("another child's day has the same id")
	}
}
