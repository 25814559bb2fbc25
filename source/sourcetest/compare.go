package sourcetest

import (
	"cmp"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// expected returns what the adapter has to make of the child behind a
// snapshot; ok is false when the guardian's world has no such child.
func (b *bench) expected(s school.Snapshot, plan school.Plan) (school.Snapshot, bool) {
	for _, c := range b.world.Children() {
		want := b.c.Expect(b.world, c, plan)
		if want.Child.Ref == s.Child.Ref {
			return want, true
		}
	}
	return school.Snapshot{}, false
}

// diff compares all that two snapshots hold.
func diff(want, got school.Snapshot) string {
	return gocmp.Diff(contentOf(want), contentOf(got), cmpopts.EquateEmpty())
}

// content is what is compared of a snapshot, in a fixed order.
type content struct {
	Platform school.PlatformID
	Child    child
	Calendar []school.Event
	Schedule []school.Event
	Lessons  []school.Lesson
	Menu     []school.Meal
	News     []school.NewsItem
	Notices  []school.Notice
	Tasks    []school.Task
	Care     []school.Care
}

// child has the fields of a [school.Child], which does not print.
type child struct {
	Ref, Name, School string
	Stages            []string
}

func contentOf(s school.Snapshot) content {
	return content{
		Platform: s.Platform,
		Child:    child{Ref: string(s.Child.Ref), Name: s.Child.Name, School: s.Child.School, Stages: s.Child.Stages},
		Calendar: sorted(s.Calendar, func(e school.Event) school.Item { return e.Item }),
		Schedule: sorted(s.Schedule, func(e school.Event) school.Item { return e.Item }),
		Lessons:  sorted(s.Timetable, func(l school.Lesson) school.Item { return l.Item }),
		Menu:     sorted(s.Menu, func(m school.Meal) school.Item { return m.Item }),
		Tasks:    sorted(s.Tasks, func(t school.Task) school.Item { return t.Item }),
		Care:     sorted(s.Care, func(c school.Care) school.Item { return c.Item }),
		News:     sortedBy(s.News, func(a, b school.NewsItem) int { return cmp.Compare(a.Ref, b.Ref) }),
		Notices:  sortedBy(s.Notices, func(a, b school.Notice) int { return cmp.Compare(a.Ref, b.Ref) }),
	}
}

func sorted[T any](list []T, item func(T) school.Item) []T {
	loc := school.Stockholm()
	return sortedBy(list, func(a, b T) int {
		i, j := item(a), item(b)
		si, _ := i.Span.Bounds(loc)
		sj, _ := j.Span.Bounds(loc)
		return cmp.Or(si.Compare(sj), strings.Compare(i.Title, j.Title), cmp.Compare(i.Ref, j.Ref))
	})
}

func sortedBy[T any](list []T, order func(a, b T) int) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, order)
	return list
}

// honest checks that whatever a read covers is really all there: nothing may
// be missing that a reader of the coverage would delete. It holds under every
// fault.
func (b *bench) honest(k *catch, plan school.Plan) {
	b.t.Helper()
	for _, s := range k.snapshots {
		want, ok := b.expected(s, plan)
		if !ok {
			b.t.Error("a snapshot is about a child that nobody knows")
			continue
		}
		b.about(s, want)
		for _, c := range s.Covered {
			if s.Skipped[c.Part] > 0 {
				continue // coverage is withheld where something was skipped
			}
			if n := missing(c, want, s); n > 0 {
				b.t.Errorf("part %s is covered though %d entries of it are missing", c.Part, n)
			}
		}
	}
}

// about checks that everything in a snapshot belongs to its child.
func (b *bench) about(got, want school.Snapshot) {
	b.t.Helper()
	strangers := outside(titles(want), titles(got))
	for _, c := range b.world.Children() {
		other := b.c.Expect(b.world, c, school.Plan{Now: b.now(), Window: everything()})
		if other.Child.Ref == want.Child.Ref {
			continue
		}
		if n := len(strangers) - len(outside(titles(other), strangers)); n > 0 {
			b.t.Errorf("%d entries of another child were handed on", n)
		}
	}
}

func everything() school.Window {
	return school.Window{From: school.NewDate(1900, 1, 1), To: school.NewDate(2200, 1, 1)}
}

// titles returns what an entry of a snapshot is known by.
func titles(s school.Snapshot) []string {
	var out []string
	for _, e := range slices.Concat(s.Calendar, s.Schedule) {
		out = append(out, e.Title)
	}
	for _, m := range s.Menu {
		out = append(out, m.Title)
	}
	for _, l := range s.Timetable {
		out = append(out, l.Title)
	}
	for _, n := range s.News {
		out = append(out, n.Title)
	}
	for _, n := range s.Notices {
		out = append(out, n.Text)
	}
	return out
}

// outside returns what of list is not in set.
func outside(set, list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(set, s) })
}

// missing counts what coverage c promises and got does not have.
func missing(c school.Coverage, want, got school.Snapshot) int {
	switch c.Part {
	case school.PartCalendar:
		return missingItems(c, items(want.Calendar, event), items(got.Calendar, event))
	case school.PartSchedule:
		return missingItems(c, items(want.Schedule, event), items(got.Schedule, event))
	case school.PartMenu:
		return missingItems(c, items(want.Menu, meal), items(got.Menu, meal))
	case school.PartTimetable:
		return missingItems(c, items(want.Timetable, lesson), items(got.Timetable, lesson))
	case school.PartTasks:
		return missingItems(c, items(want.Tasks, task), items(got.Tasks, task))
	case school.PartCare:
		return missingItems(c, items(want.Care, care), items(got.Care, care))
	case school.PartNews:
		return missingLetters(c, want, got)
	case school.PartNotices:
		return missingNotices(c, want, got)
	}
	return 0
}

func event(e school.Event) school.Item   { return e.Item }
func meal(m school.Meal) school.Item     { return m.Item }
func lesson(l school.Lesson) school.Item { return l.Item }
func task(t school.Task) school.Item     { return t.Item }
func care(c school.Care) school.Item     { return c.Item }

func items[T any](list []T, item func(T) school.Item) []school.Item {
	out := make([]school.Item, 0, len(list))
	for _, e := range list {
		out = append(out, item(e))
	}
	return out
}

func missingItems(c school.Coverage, want, got []school.Item) int {
	loc := school.Stockholm()
	n := 0
	for _, w := range want {
		same := func(g school.Item) bool { return g.Title == w.Title && g.Span.Equal(w.Span) && g.Ref == w.Ref }
		if c.Window.Overlaps(w.Span, loc) && !slices.ContainsFunc(got, same) {
			n++
		}
	}
	return n
}

func missingLetters(c school.Coverage, want, got school.Snapshot) int {
	n := 0
	for _, w := range want.News {
		listed := slices.Contains(got.Unchanged, w.Ref) ||
			slices.ContainsFunc(got.News, func(g school.NewsItem) bool { return g.Ref == w.Ref })
		if !c.Since.IsZero() && !w.Published.Before(c.Since) && !listed {
			n++
		}
	}
	return n
}

func missingNotices(c school.Coverage, want, got school.Snapshot) int {
	n := 0
	for _, w := range want.Notices {
		listed := slices.ContainsFunc(got.Notices, func(g school.Notice) bool { return g.Ref == w.Ref })
		if !c.Since.IsZero() && !w.Sent.Before(c.Since) && !listed {
			n++
		}
	}
	return n
}

// refs returns the keys of the children a guardian may read, as the adapter
// has to write them.
func (b *bench) refs(g schooltest.Guardian, plan school.Plan) []school.Ref {
	var out []school.Ref
	for _, c := range b.world.ChildrenOf(g.PersonalNumber) {
		out = append(out, b.c.Expect(b.world, c, plan).Child.Ref)
	}
	return out
}
