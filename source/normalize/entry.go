package normalize

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"syncd/source/school"
)

// shown is what dated things have in common after cleaning.
type shown interface{ Entry() school.Entry }

// dated cleans the entries of one part: each by fix, which returns the entry's
// natural key and whether it is usable, then ids, duplicates and order. Two
// entries under one id are one if they show the same; else the second gets an
// id of its own that depends on both contents only.
func dated[T shown](p *pass, part school.Part, in []T, fix func(*T) ([]string, bool), item func(*T) *school.Item) []T {
	type keyed struct {
		v       T
		natural []string
	}
	good := make([]keyed, 0, len(in))
	for _, v := range in {
		natural, ok := fix(&v)
		if !ok {
			p.skip(part)
			continue
		}
		good = append(good, keyed{v, natural})
	}
	slices.SortStableFunc(good, func(a, b keyed) int {
		return cmp.Or(compare(a.v.Entry(), b.v.Entry()), strings.Compare(string(item(&a.v).Ref), string(item(&b.v).Ref)))
	})
	kind := part.Kind()
	if p.entries[kind] == nil {
		p.entries[kind] = make(map[school.UID]school.Entry, len(good))
	}
	var out []T
	for _, g := range good {
		it := item(&g.v)
		first := p.uid(kind, it.Ref, g.natural...)
		it.UID = first
		if p.place(p.entries[kind], it, g.v.Entry, first, g.natural) {
			out = append(out, g.v)
		}
	}
	return out
}

// place gives it an id that is free among taken; false when the same entry is
// there already.
func (p *pass) place(taken map[school.UID]school.Entry, it *school.Item, entry func() school.Entry, first school.UID, natural []string) bool {
	e := entry()
	for n := 2; ; n++ {
		other, ok := taken[it.UID]
		if !ok {
			taken[it.UID] = e
			return true
		}
		if same(e, other) {
			return false
		}
		it.UID = p.again(first, n, natural)
	}
}

// same reports whether two entries show the same.
func same(a, b school.Entry) bool {
	if !a.Span.Equal(b.Span) {
		return false
	}
	a.UID, b.UID, a.Span, b.Span = "", "", school.Span{}, school.Span{}
	return reflect.DeepEqual(a, b)
}

// compare orders entries by time, then by what they show.
func compare(a, b school.Entry) int {
	as, ae := bounds(a.Span)
	bs, be := bounds(b.Span)
	return cmp.Or(
		as.Compare(bs), ae.Compare(be),
		strings.Compare(a.Title, b.Title), strings.Compare(a.Place, b.Place), strings.Compare(a.Body, b.Body),
		strings.Compare(a.URL, b.URL), strings.Compare(string(a.Status), string(b.Status)),
		slices.Compare(a.Categories, b.Categories), compareBool(a.Busy, b.Busy), compareBool(a.Done, b.Done),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// bounds is good for sorting: whole days come before what begins on them.
func bounds(s school.Span) (start, end time.Time) { return s.Bounds(time.UTC) }

// item cleans what all dated things share, without the title's stand-in.
func (p *pass) item(it *school.Item) bool {
	it.Title = line(it.Title, maxTitle)
	it.Place = line(it.Place, maxLine)
	it.Body = lines(it.Body, maxBody)
	it.URL = webURL(it.URL, nil)
	it.Status = status(it.Status)
	span, ok := p.n.span(it.Span)
	it.Span = span
	return ok
}

func status(s school.Status) school.Status {
	switch s {
	case school.StatusCancelled, school.StatusTentative:
		return s
	case school.StatusConfirmed:
	}
	return school.StatusConfirmed
}

// title gives an entry without a title the first of others that is not empty.
func title(it *school.Item, others ...string) bool {
	for _, s := range append(others, it.Place, it.Body) {
		if it.Title != "" {
			break
		}
		first, _, _ := strings.Cut(s, "\n")
		it.Title = line(first, maxTitle)
	}
	return it.Title != ""
}

// natural is the key of entries that are told apart by time and title.
func natural(it school.Item, more ...string) []string {
	start, end := when(it.Span)
	return append([]string{start, end, it.Title}, more...)
}

func (p *pass) event(e *school.Event) ([]string, bool) {
	ok := p.item(&e.Item) && title(&e.Item)
	e.Categories = categories(e.Categories)
	return natural(e.Item), ok
}

func (p *pass) lesson(l *school.Lesson) ([]string, bool) {
	l.Teacher, l.Group = line(l.Teacher, maxLine), line(l.Group, maxLine)
	ok := p.item(&l.Item) && title(&l.Item, l.Group, l.Teacher)
	return natural(l.Item, l.Group), ok
}

func (p *pass) meal(m *school.Meal) ([]string, bool) {
	ok := p.item(&m.Item) && title(&m.Item, m.Body)
	return []string{p.day(m.Span)}, ok
}

func (p *pass) task(t *school.Task) ([]string, bool) {
	t.Subject = line(t.Subject, maxLine)
	ok := p.item(&t.Item) && title(&t.Item, t.Subject)
	return natural(t.Item, t.Subject), ok
}

// care is the one thing that needs no title: the time says it all. A day's
// care keeps its id when its hours change.
func (p *pass) care(c *school.Care) ([]string, bool) {
	ok := p.item(&c.Item)
	return []string{p.day(c.Span), c.Title}, ok
}

// categories returns them cleaned, sorted, each once.
func categories(in []string) []string {
	var out []string
	for _, c := range in {
		if c = line(c, maxLine); c != "" {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
