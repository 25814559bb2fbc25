package storage_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

// twins are one child at two platforms, with a number for each.
type twins struct {
	*house

	accounts map[school.PlatformID]school.AccountID
}

func newTwins(t *testing.T) *twins {
	t.Helper()
	h := newHouse(t)
	h.DeriveWith(byDay)
	return &twins{h, map[school.PlatformID]school.AccountID{
		"left": storagetest.Account(t, h.DB, "left", "l"), "right": storagetest.Account(t, h.DB, "right", "r"),
	}}
}

func ref(p school.PlatformID) school.Ref { return school.Ref(p[:1]) }

func (w *twins) join(a, b school.ChildNumber) {
	w.t.Helper()
	if keep, err := w.Join(w.t.Context(), a, b); err != nil || keep != min(a, b) {
		w.t.Fatalf("Join = %d, %v", keep, err)
	}
}

func (w *twins) lead(k school.Kind, p school.PlatformID, fill bool) {
	w.t.Helper()
	if err := w.PutLead(w.t.Context(), storage.Lead{Child: 1, Kind: k, Platform: p, Fill: fill}); err != nil {
		w.t.Fatal(err)
	}
}

// read applies events of a platform, each "day title".
func (w *twins) read(p school.PlatformID, events ...string) {
	w.t.Helper()
	s := school.Snapshot{
		Platform: p, Child: school.Child{Ref: ref(p)}, Taken: w.clock.Now(),
		Covered: []school.Coverage{{Part: school.PartCalendar, Window: window(0, 60)}},
	}
	for _, e := range events {
		var n int
		var title string
		if _, err := fmt.Sscan(e, &n, &title); err != nil {
			w.t.Fatal(err)
		}
		s.Calendar = append(s.Calendar, school.Event{Item: school.Item{
			UID: school.UID(fmt.Sprint(p, n, title)), Title: title, Span: school.AllDay(day(n), day(n)),
		}})
	}
	w.apply(w.accounts[p], s)
}

func TestJoinedChildIsOne(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	w.read("left", "1 Lov", "2 Bad")
	w.read("right", "1 lov", "3 Fest")
	w.apply(w.accounts["right"], w.timetable("right", "r", 4, 6, "Idrott"))
	w.join(2, 1)
	children, err := w.Children(t.Context())
	if err != nil || len(children) != 1 || len(children[0].Identities) != 2 || !children[0].Has(2) {
		t.Fatalf("children = %+v, %v", children, err)
	}
	events := func() []string { return uids(w.entries(1, school.KindEvents)) }
	want(t, "the first platform leads", events(), []string{"left1Lov", "left2Bad"})
	want(t, "who alone brings something leads in it", len(w.entries(1, school.KindLessons)), 2)
	want(t, "and in what is derived from it", len(w.entries(1, school.KindDay)), 2)
	want(t, "the other number", len(w.entries(2, school.KindEvents)), 0)

	w.lead(school.KindEvents, "left", true)
	want(t, "filled in, nothing twice", events(), []string{"left1Lov", "left2Bad", "right3Fest"})
	w.lead(school.KindEvents, "right", false)
	want(t, "the other one leads", events(), []string{"right1lov", "right3Fest"})
	w.read("left", "1 Lov", "2 Bad", "9 Extra")
	want(t, "what follows stays hidden", events(), []string{"right1lov", "right3Fest"})
	w.reopen()
	want(t, "after a restart", events(), []string{"right1lov", "right3Fest"})
	brought, err := w.Brought(t.Context())
	want(t, "Brought", brought[1:3], []storage.Brought{
		{Child: 1, Kind: school.KindEvents, Platform: "left", Entries: 3}, {Child: 1, Kind: school.KindEvents, Platform: "right", Entries: 2, Shown: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := w.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(stored, func(s storage.Stock) bool { return s.Kind == school.KindEvents })
	want(t, "what is hidden is stored all the same", stored[i], storage.Stock{Kind: school.KindEvents, Count: 5, Oldest: day(1), Newest: day(9)})
	told, err := w.Differences(t.Context(), []school.ChildNumber{1}, 0)
	if err != nil || len(told) != 0 {
		t.Errorf("told of hidden entries: %v, %v", told, err)
	}

	// A removed platform leaves the other one in sight.
	if _, err := w.DeleteAccount(t.Context(), w.accounts["right"]); err != nil {
		t.Fatal(err)
	}
	want(t, "without the leading platform", events(), []string{"left1Lov", "left2Bad", "left9Extra"})
}

// A program that dies between the two files has joined, or split, all the
// same: the next start makes up for what cache.age has missed.
func TestJoinCutShort(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	w.read("left", "1 Lov")
	w.read("right", "1 Lov", "2 Fest")
	generation := func() string {
		t.Helper()
		g, err := w.Generation(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	for _, step := range []struct {
		do          func()
		first, then []string
	}{
		{func() { w.join(1, 2) }, []string{"left1Lov"}, []string{}},
		{func() {
			if err := w.Split(t.Context(), 1, 2); err != nil {
				t.Fatal(err)
			}
		}, []string{"left1Lov"}, []string{"right1Lov", "right2Fest"}},
	} {
		before, g := w.keep(storage.CacheName), generation()
		step.do()
		w.close()
		w.back(storage.CacheName, before)
		w.open()
		want(t, "Opened", w.Opened(), storage.Opened{})
		want(t, "events of the first", uids(w.entries(1, school.KindEvents)), step.first)
		want(t, "events of the second", uids(w.entries(2, school.KindEvents)), step.then)
		if generation() == g {
			t.Error("programs are not told to look at everything again")
		}
		w.reopen()
		want(t, "opened again", uids(w.entries(1, school.KindEvents)), step.first)
	}
}

func TestJoinRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	storagetest.Account(t, h.DB, "left", "a", "b")
	storagetest.Account(t, h.DB, "right", "c")
	storagetest.Account(t, h.DB, "third", "d")
	for _, tc := range []struct {
		a, b school.ChildNumber
		want error
	}{
		{1, 2, storage.ErrTwoChildren}, {1, 1, storage.ErrTwoChildren}, {1, 9, fs.ErrNotExist}, {0, 1, fs.ErrNotExist},
	} {
		if _, err := h.Join(t.Context(), tc.a, tc.b); !errors.Is(err, tc.want) {
			t.Errorf("Join(%d, %d) = %v, want %v", tc.a, tc.b, err, tc.want)
		}
	}
	if err := h.Split(t.Context(), 1, 3); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Split of what was not joined = %v", err)
	}
	for _, n := range []school.ChildNumber{3, 4} {
		if keep, err := h.Join(t.Context(), 2, n); err != nil || keep != 2 {
			t.Errorf("Join(2, %d) = %d, %v", n, keep, err)
		}
	}
	if _, err := h.Join(t.Context(), 1, 4); !errors.Is(err, storage.ErrTwoChildren) {
		t.Errorf("Join by an alias of a sibling = %v", err)
	}
	for name, l := range map[string]storage.Lead{
		"derived":  {Child: 2, Kind: school.KindKit, Platform: "left"},
		"platform": {Child: 2, Kind: school.KindEvents, Platform: "fourth"},
		"feed":     {Child: 2, Kind: school.KindAll, Platform: "left"},
	} {
		if err := h.PutLead(t.Context(), l); !errors.Is(err, storage.ErrNoLead) || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: PutLead = %v", name, err)
		}
	}
	if err := h.PutLead(t.Context(), storage.Lead{Child: 3, Kind: school.KindEvents, Platform: "right"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("PutLead of an alias = %v", err)
	}
	// The roster goes on giving the number that the child goes by.
	numbers, err := h.PutRoster(t.Context(), accountOf(t, h, "right"), "right", school.Roster{Children: []school.Child{{Ref: "c"}}})
	want(t, "numbers", numbers, map[school.Ref]school.ChildNumber{"c": 2})
	if err != nil {
		t.Fatal(err)
	}
}

func accountOf(t *testing.T, h *house, p school.PlatformID) school.AccountID {
	t.Helper()
	all, err := h.Accounts(t.Context())
	i := slices.IndexFunc(all, func(a school.Account) bool { return a.Platform == p })
	if err != nil || i < 0 {
		t.Fatalf("no account at %s: %v", p, err)
	}
	return all[i].ID
}

// reader is a calendar program that follows one calendar by its changes.
type reader struct {
	child school.ChildNumber
	kind  school.Kind
	rev   storage.Revision
	has   map[string]bool
}

func (r *reader) follow(h *house) {
	h.t.Helper()
	changes, rev, err := h.ChangesSince(h.t.Context(), []school.ChildNumber{r.child}, []school.Kind{r.kind}, r.rev)
	shown := map[string]bool{}
	for _, e := range h.entries(r.child, r.kind) {
		shown[string(e.UID)] = true
	}
	if errors.Is(err, storage.ErrRevision) {
		h.t.Errorf("child %d, %s: the revision was forgotten", r.child, r.kind)
		return
	}
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range changes {
		if c.Deleted {
			delete(r.has, string(c.UID))
		} else {
			r.has[string(c.UID)] = true
		}
	}
	r.rev = rev
	want(h.t, fmt.Sprintf("what a program has of %d-%s", r.child, r.kind), r.has, shown)
}

// TestJoinAndSplitLoseNothing does many things at random to one child at two
// platforms. Whatever was done: everything is kept, nothing is shown twice,
// what leads is shown whole, and a program that follows the changes has what
// is shown.
func TestJoinAndSplitLoseNothing(t *testing.T) {
	t.Parallel()
	seeds := uint64(6)
	if slow {
		seeds = 2
	}
	for seed := range seeds {
		w := newTwins(t)
		random := rand.New(rand.NewPCG(seed, 1))
		kept := map[school.PlatformID][]string{}
		joined := false
		leader, fill := school.PlatformID("left"), false
		var readers []*reader
		for _, n := range []school.ChildNumber{1, 2} {
			for _, k := range []school.Kind{school.KindEvents, school.KindLessons, school.KindDay} {
				readers = append(readers, &reader{child: n, kind: k, has: map[string]bool{}})
			}
		}
		for range 40 {
			w.clock.Add(time.Hour)
			p := []school.PlatformID{"left", "right"}[random.IntN(2)]
			switch random.IntN(6) {
			case 0, 1:
				kept[p] = nil
				for n := range 20 {
					if random.IntN(3) > 0 {
						kept[p] = append(kept[p], fmt.Sprintf("%d %s", n, []string{"Lov", "lov", "Bad"}[random.IntN(3)]))
					}
				}
				for range 2 { // what vanished in a mass is gone after two reads
					w.clock.Add(time.Hour)
					w.read(p, kept[p]...)
				}
			case 2:
				from := random.IntN(20)
				w.apply(w.accounts[p], w.timetable(p, ref(p), from, from+3, []string{"Matematik", "Idrott"}[random.IntN(2)]))
			case 3:
				if !joined {
					w.join(1, 2)
					joined = true
				}
			case 4:
				if joined {
					if err := w.Split(t.Context(), 1, 2); err != nil {
						t.Fatal(err)
					}
					joined = false
				}
			case 5:
				if joined {
					leader, fill = p, random.IntN(2) == 0
					w.lead(school.KindEvents, leader, fill)
					w.lead(school.KindLessons, leader, fill)
				}
			}
			for _, r := range readers {
				r.follow(w.house)
			}
			w.check(joined, leader, fill, kept)
		}
	}
}

// check compares what is shown of events with what the platforms brought.
func (w *twins) check(joined bool, leader school.PlatformID, fill bool, kept map[school.PlatformID][]string) {
	w.t.Helper()
	of := func(p school.PlatformID) []string {
		var out []string
		for _, e := range kept[p] {
			out = append(out, string(p)+strings.ReplaceAll(e, " ", ""))
		}
		slices.Sort(out)
		return out
	}
	shown := map[school.PlatformID][]string{}
	for _, n := range []school.ChildNumber{1, 2} {
		days := map[string]bool{}
		for _, e := range w.entries(n, school.KindEvents) {
			p := school.PlatformID("left")
			if strings.HasPrefix(string(e.UID), "right") {
				p = "right"
			}
			shown[p] = append(shown[p], string(e.UID))
			key := fmt.Sprint(e.Span.Days.From, strings.ToLower(e.Title))
			if days[key] {
				w.t.Errorf("child %d: %s is shown twice", n, key)
			}
			days[key] = true
		}
		var lessons []int
		for _, e := range w.entries(n, school.KindLessons) {
			lessons = append(lessons, day(0).DaysUntil(school.DateOf(e.Span.Start)))
		}
		if !slices.Equal(lessons, slices.Compact(slices.Clone(lessons))) {
			w.t.Errorf("child %d: two timetables on one day: %v", n, lessons)
		}
	}
	brought, err := w.Brought(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range []school.PlatformID{"left", "right"} {
		slices.Sort(shown[p])
		n := 0
		for _, b := range brought {
			if b.Platform == p && b.Kind == school.KindEvents {
				n += b.Entries
			}
		}
		if n != len(kept[p]) {
			w.t.Errorf("%s: %d events are kept, want %d", p, n, len(kept[p]))
		}
		if !joined || p == leader && len(kept[p]) > 0 {
			want(w.t, "shown of "+string(p), slices.Equal(shown[p], of(p)), true)
		}
	}
	other := school.PlatformID("left")
	if leader == other {
		other = "right"
	}
	if joined && !fill && len(kept[leader]) > 0 && len(shown[other]) > 0 {
		w.t.Errorf("%s fills in though it must not: %v", other, shown[other])
	}
}
