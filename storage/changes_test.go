package storage_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

func (h *house) since(children []school.ChildNumber, ks []school.Kind, from storage.Revision) (list []string, to storage.Revision) {
	h.t.Helper()
	changes, to, err := h.ChangesSince(h.t.Context(), children, ks, from)
	if err != nil {
		h.t.Fatalf("ChangesSince: %v", err)
	}
	for _, c := range changes {
		s := fmt.Sprintf("%d-%s %s", c.Child, c.Kind, c.UID)
		if c.Deleted {
			s += " deleted"
		}
		list = append(list, s)
	}
	return list, to
}

func TestRevisionsAreOfAScope(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := storagetest.Account(t, h.DB, "fake", "child", "sister")
	one, two := []school.ChildNumber{1}, []school.ChildNumber{2}
	events, meals := []school.Kind{school.KindEvents}, []school.Kind{school.KindMeals}
	rev := func(c []school.ChildNumber, k []school.Kind) storage.Revision {
		t.Helper()
		r, err := h.Revision(t.Context(), c, k)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	zero := storage.Revision{}
	if rev(nil, nil) != zero {
		t.Error("a new database has a revision")
	}
	s := h.events("a", "b")
	s.Menu = []school.Meal{{Item: school.Item{UID: "soup", Span: school.AllDay(day(1), day(1))}}}
	h.apply(a, s)
	r1 := rev(one, events)
	if r1 == zero || rev(two, nil) != zero || rev(one, meals) == r1 || rev(nil, nil) != rev(one, meals) || rev(one, nil) != rev(nil, nil) {
		t.Errorf("revisions %v, %v, %v", r1, rev(one, meals), rev(nil, nil))
	}
	sister := h.events("x")
	sister.Child.Ref = "sister"
	h.apply(a, sister)
	if rev(one, events) != r1 || rev(one, meals) == rev(nil, nil) || rev(nil, nil) != rev(two, events) {
		t.Error("a change of one child moved the other's revision")
	}
	if rev([]school.ChildNumber{}, nil) != zero || rev(nil, []school.Kind{}) != zero {
		t.Error("an empty scope has a revision")
	}

	list, to := h.since(nil, nil, zero)
	want(t, "from the beginning", list, []string{"1-events a", "1-events b", "1-meals soup", "2-events x"})
	want(t, "leads to", to, rev(nil, nil))
	list, _ = h.since(one, nil, zero)
	want(t, "one child", list, []string{"1-events a", "1-events b", "1-meals soup"})
	list, to = h.since(one, events, r1)
	if list != nil || to != r1 {
		t.Errorf("nothing happened: %v, %v", list, to)
	}

	// Changed twice and then deleted: one tombstone.
	for _, title := range []string{"ett", "två"} {
		s.Calendar[0].Title = title
		h.apply(a, s)
	}
	s.Calendar = s.Calendar[1:]
	h.apply(a, s)
	list, to = h.since(one, events, r1)
	want(t, "changed and deleted", list, []string{"1-events a deleted"})
	s.Calendar = append(s.Calendar, event("a", 1))
	h.apply(a, s)
	list, _ = h.since(one, events, r1)
	want(t, "and back", list, []string{"1-events a"})
	list, _ = h.since(one, events, to)
	want(t, "and back", list, []string{"1-events a"})
}

func TestUnknownRevisionsAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := storagetest.Account(t, h.DB, "fake", "child")
	s := h.events("a")
	s.Menu = []school.Meal{{Item: school.Item{UID: "soup", Span: school.AllDay(day(1), day(1))}}}
	h.apply(a, s)
	r := h.revision()
	for name, from := range map[string]storage.Revision{
		"another mark": {Seq: r.Seq, Mark: "0000000000000000"}, "no mark": {Seq: r.Seq}, "later": {Seq: r.Seq + 1, Mark: r.Mark},
		"negative": {Seq: -1, Mark: r.Mark}, "mark only": {Mark: r.Mark},
	} {
		if _, _, err := h.ChangesSince(t.Context(), nil, nil, from); !errors.Is(err, storage.ErrRevision) {
			t.Errorf("%s: ChangesSince = %v, want ErrRevision", name, err)
		}
	}
	if _, _, err := h.ChangesSince(t.Context(), nil, []school.Kind{school.KindEvents}, r); !errors.Is(err, storage.ErrRevision) {
		t.Errorf("a revision of another calendar: %v, want ErrRevision", err)
	}
}

func TestRevisionsAfterARestore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := storagetest.Account(t, h.DB, "fake", "child")
	h.apply(a, h.events("a"))
	before := h.revision()
	h.close()
	cache, state := h.keep(storage.CacheName), h.keep(storage.StateName)
	h.open()
	h.apply(a, h.events("a", "b"))
	handedOut := h.revision()
	h.close()
	h.back(storage.CacheName, cache)
	h.back(storage.StateName, state)
	h.open()
	h.apply(a, h.events("a", "c"))
	if now := h.revision(); now.Seq != handedOut.Seq || now.Mark == handedOut.Mark {
		t.Fatalf("Revision = %v, before the restore %v", now, handedOut)
	}
	if _, _, err := h.ChangesSince(t.Context(), nil, nil, handedOut); !errors.Is(err, storage.ErrRevision) {
		t.Errorf("a revision from after the backup: %v, want ErrRevision", err)
	}
	list, _ := h.since(nil, nil, before)
	want(t, "from the backup's own", list, []string{"1-events c"})
}

// TestLongLog fills the log beyond its limit. Scopes that did not change for
// long must keep their revision; what lies before the horizon is refused.
func TestLongLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	storage.SetLogLimit(h.DB, 500)
	a := storagetest.Account(t, h.DB, "fake", "child")
	s := h.events("quiet", "still")
	h.apply(a, s)
	events := []school.Kind{school.KindEvents}
	quiet, _ := h.Revision(t.Context(), nil, events)
	first := h.revision()
	timetable := school.Coverage{Part: school.PartTimetable, Window: window(-1, 1000)}
	busy := h.snapshot(timetable)
	for i := range 90 {
		busy.Timetable = append(busy.Timetable, lesson(fmt.Sprintf("l%d", i), i, 8))
	}
	var revisions []storage.Revision
	for round := range 7 {
		h.clock.Add(time.Minute)
		for i := range busy.Timetable {
			busy.Timetable[i].Title = fmt.Sprint(round)
		}
		h.apply(a, busy)
		revisions = append(revisions, h.revision())
	}
	if now, _ := h.Revision(t.Context(), nil, events); now != quiet {
		t.Errorf("the quiet calendar's revision moved from %v to %v", quiet, now)
	}
	if list, to := h.since(nil, events, quiet); list != nil || to != quiet {
		t.Errorf("the quiet calendar changed: %v", list)
	}
	if list, _ := h.since(nil, nil, revisions[5]); len(list) != 90 {
		t.Errorf("%d changes since the last round, want 90", len(list))
	}
	for name, from := range map[string]storage.Revision{"first": first, "zero": {}, "second round": revisions[1]} {
		if _, _, err := h.ChangesSince(t.Context(), nil, nil, from); !errors.Is(err, storage.ErrRevision) {
			t.Errorf("%s: %v, want ErrRevision", name, err)
		}
	}
	if _, _, err := h.ChangesSince(t.Context(), nil, events, storage.Revision{}); !errors.Is(err, storage.ErrRevision) {
		t.Errorf("the quiet calendar from zero: %v, want ErrRevision", err)
	}
	h.apply(a, h.events("quiet"))
	list, _ := h.since(nil, events, quiet)
	want(t, "after the horizon", list, []string{"1-events still deleted"})
}
