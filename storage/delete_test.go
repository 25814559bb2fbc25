package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// keyed is a house whose key stands in a file, so that tests and other
// processes can look under the seal.
func keyed(t *testing.T, root string) (*house, vault.KeySource) {
	t.Helper()
	source := vault.KeySource{Managed: filepath.Join(root, "keys", "cache.key"), Data: filepath.Join(root, "data")}
	keys, err := vault.OpenKeys(source)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, dir: source.Data, keys: keys, clock: storagetest.NewClock(storagetest.Start())}
	h.open()
	return h, source
}

// ofChild are the canaries that come from a school.
func ofChild() []string {
	c := canaries()
	var out []string
	for _, what := range []string{
		"name", "school", "ref", "title", "place", "body", "url", "category", "letter", "author", "source", "summary", "html",
		"picture", "alt", "file", "notice",
	} {
		// What tells it from what a family writes itself: "TITLE-DW".
		word := strings.TrimPrefix(c[what], "Sädesärla-")
		out = append(out, strings.TrimSuffix(word, "-åkerväg"))
	}
	return out
}

// remnants counts pieces of what a school brought under the seals of a folder.
func remnants(t *testing.T, source vault.KeySource) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(source.Data, "blobs", "*.age"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, filepath.Join(source.Data, storage.CacheName), filepath.Join(source.Data, storage.StateName)) {
		img := unsealed(t, name, source.Managed)
		for _, c := range ofChild() {
			n += bytes.Count(img, []byte(c))
		}
	}
	return n
}

// lively fills a house, and leaves changes behind that are told.
func lively(t *testing.T, h *house) school.AccountID {
	t.Helper()
	for round := range 2 {
		if err := live(t.Context(), h.DB, round, h.clock.Now()); err != nil {
			t.Fatal(err)
		}
		h.clock.Add(time.Hour)
	}
	all, err := h.Accounts(t.Context())
	if err != nil || len(all) != 1 || len(h.told()) == 0 || h.blobs() != 5 {
		t.Fatalf("%d accounts, %v; %d changes told, %d files", len(all), err, len(h.told()), h.blobs())
	}
	return all[0].ID
}

// TestDeletedChildLeavesNothing looks under the seal: no name, no title, no
// text of a change, no free page, no file. The next read brings nothing back
// and tells of nothing, until the guardian allows the child again.
func TestDeletedChildLeavesNothing(t *testing.T) {
	t.Parallel()
	h, source := keyed(t, t.TempDir())
	account := lively(t, h)
	if n := remnants(t, source); n < 1000 {
		t.Fatalf("the control finds %d pieces", n)
	}
	for _, put := range []func(context.Context, school.AccountID, int64, []byte) error{h.PutSpare, h.PutMemory} {
		if err := put(t.Context(), account, 0, []byte(canaries()["ref"])); err != nil {
			t.Fatal(err)
		}
	}
	before := h.revision()
	got, err := h.Delete(t.Context(), storage.Choice{Child: 1})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "Removed", got, storage.Removed{
		Kinds: map[school.Kind]int{school.KindEvents: 60, school.KindNews: 5, school.KindNotices: 1, school.KindChanges: got.Kinds[school.KindChanges]},
		Files: 5, Children: []school.ChildNumber{1},
	})
	nothing := func(when string) {
		t.Helper()
		if n := remnants(t, source); n > 0 || h.blobs() > 0 || len(h.children()) > 0 || len(h.letters())+len(h.told()) > 0 {
			t.Errorf("%s: %d remnants, %d files, %d children, %d letters, %v", when, n, h.blobs(), len(h.children()), len(h.letters()), h.told())
		}
	}
	nothing("deleted")
	for _, put := range []func(context.Context, school.AccountID, int64, []byte) error{h.PutSpare, h.PutMemory} {
		if err := put(t.Context(), account, 0, []byte(canaries()["ref"])); err != nil { // a read that began before
			t.Fatal(err)
		}
	}
	nothing("deleted while a read is under way")
	changes, _, err := h.ChangesSince(t.Context(), nil, nil, before)
	if err != nil || len(changes) != 66 || slices.ContainsFunc(changes, func(c storage.Change) bool { return !c.Deleted }) {
		t.Errorf("programs hear of %d changes, %v; want 66 deletions", len(changes), err)
	}

	for _, again := range []func(){func() {}, h.reopen} {
		again()
		h.clock.Add(time.Hour)
		if err := live(t.Context(), h.DB, 7, h.clock.Now()); err != nil {
			t.Fatal(err)
		}
		nothing("read again")
		if readings := second2(h.Readings(t.Context())); len(readings) > 0 {
			t.Errorf("readings %v", readings)
		}
	}
	want(t, "Unwanted", second2(h.Unwanted(t.Context())), []storage.Unwanted{
		{Choice: storage.Choice{Child: 1}, Since: storagetest.Start().Add(2 * time.Hour)},
	})
	want(t, "parts", second2(h.UnwantedParts(t.Context(), "fake", school.Ref(canaries()["ref"]))), school.Parts())
	want(t, "parts of another child", second2(h.UnwantedParts(t.Context(), "fake", "other")), []school.Part(nil))

	h.clock.Add(time.Hour)
	if err := h.Allow(t.Context(), storage.Choice{Child: 1}); err != nil {
		t.Fatal(err)
	}
	if acct := second2(h.Account(t.Context(), account)); acct.NextDue.After(h.clock.Now()) {
		t.Error("the account is not due")
	}
	if err := live(t.Context(), h.DB, 8, h.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := h.children(); len(got) != 1 || got[0].Number != 1 || len(h.entries(1, school.KindEvents)) != 60 || len(h.told()) > 0 {
		t.Errorf("allowed again: %v, %d events, %v", got, len(h.entries(1, school.KindEvents)), h.told())
	}
	if err := h.Allow(t.Context(), storage.Choice{Child: 1}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Allow twice = %v", err)
	}
}

func TestDeleteRefuses(t *testing.T) {
	t.Parallel()
	h, _ := keyed(t, t.TempDir())
	lively(t, h)
	for c, is := range map[storage.Choice]error{
		{}: fs.ErrInvalid, {Child: 1, Kind: "family"}: fs.ErrInvalid, {Child: 1, Kind: "all"}: fs.ErrInvalid,
		{Child: 1, Kind: "betyg"}: fs.ErrInvalid, {Child: 9}: fs.ErrNotExist, {Child: 9, Kind: school.KindNews}: fs.ErrNotExist,
	} {
		if _, err := h.Delete(t.Context(), c); !errors.Is(err, is) {
			t.Errorf("Delete(%+v) = %v, want %v", c, err, is)
		}
	}
	if n := len(h.entries(1, school.KindEvents)); n != 60 {
		t.Errorf("%d events left", n)
	}
}

// everyKind is a snapshot with something of every part.
func (h *house) everyKind(title string) school.Snapshot {
	s := h.snapshot()
	for _, p := range school.Parts() {
		s.Covered = append(s.Covered, school.Coverage{Part: p, Window: window(-30, 100), Since: h.clock.Now().AddDate(-1, 0, 0)})
	}
	it := func(uid string, d int) school.Item {
		i := item(uid, d, 9)
		i.Title = title + uid
		return i
	}
	s.Calendar = []school.Event{{Item: it("calendar", 3)}}
	s.Schedule = []school.Event{{Item: it("schedule", 4)}}
	for d := range 3 {
		s.Timetable = append(s.Timetable, school.Lesson{Item: it(fmt.Sprint("lesson", d), d)})
	}
	s.Menu = []school.Meal{{Item: it("meal", 2)}}
	s.Tasks = []school.Task{{Item: it("task", 5)}}
	s.Care = []school.Care{{Item: it("care", 6)}}
	n := news("news", 1)
	n.Ref, n.Title, n.Files = "n", title+"news", []school.Media{{Ref: "f", Name: "b.pdf", Data: []byte("fil")}}
	s.News = []school.NewsItem{n}
	s.Notices = []school.Notice{{Ref: "m", UID: "notice", Title: title + "notice", Sent: h.clock.Now().Add(-time.Hour)}}
	return s
}

// kept counts what is kept of a child by kind, derived kinds and told changes
// among it.
func (h *house) keptOf(n school.ChildNumber) map[school.Kind]int {
	h.t.Helper()
	out := map[school.Kind]int{}
	for _, k := range school.CalendarKinds() {
		if c := len(h.entries(n, k)); c > 0 {
			out[k] = c
		}
	}
	for _, l := range h.letters() {
		if l.Child == n {
			out[l.Kind]++
		}
	}
	if c := len(h.told(n)); c > 0 {
		out[school.KindChanges] = c
	}
	return out
}

// TestDeletedKind deletes each kind of one child, and of all: only that kind
// goes, with what is derived from it and was told of it; the other child keeps
// its own; the next reads bring nothing of it.
func TestDeletedKind(t *testing.T) {
	t.Parallel()
	for _, kind := range storage.DeletableKinds() {
		for _, child := range []school.ChildNumber{1, school.Family} {
			t.Run(fmt.Sprint(kind, child), func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				h.DeriveWith(byDay)
				account := storagetest.Account(t, h.DB, "fake", "child", "sister")
				read := func(title string) {
					for _, ref := range []school.Ref{"child", "sister"} {
						h.clock.Add(time.Hour)
						s := h.everyKind(title)
						s.Child.Ref = ref
						h.apply(account, s)
					}
				}
				read("Ett ")
				read("Två ")
				before, sister := h.keptOf(1), h.keptOf(2)
				if len(before) < 9 {
					t.Fatalf("before: %v", before)
				}
				got, err := h.Delete(t.Context(), storage.Choice{Child: child, Kind: kind})
				if err != nil || kind != school.KindKit && !got.Any() {
					t.Fatalf("Delete = %+v, %v", got, err)
				}
				check := func(when string, n school.ChildNumber, was map[school.Kind]int) {
					t.Helper()
					now := h.keptOf(n)
					for k, c := range was {
						gone := k == kind || k.Origin() == kind
						if k != school.KindChanges && (gone && now[k] != 0 || !gone && now[k] != c) {
							t.Errorf("%s, child %d: %d of %s, were %d", when, n, now[k], k, c)
						}
					}
					for _, d := range second2(h.Differences(t.Context(), []school.ChildNumber{n}, 0)) {
						if d.Kind == kind || kind == school.KindChanges {
							t.Errorf("%s, child %d: a change of %s is told", when, n, d.Kind)
						}
					}
				}
				check("deleted", 1, before)
				if child == school.Family {
					check("deleted", 2, sister)
				} else {
					want(t, "the sister's", h.keptOf(2), sister)
				}
				read("Tre ")
				h.reopen()
				h.DeriveWith(byDay)
				read("Fyra ")
				check("read again", 1, before)
				for _, r := range second2(h.Readings(t.Context())) {
					if r.Kind == kind && (r.Child == 1 || child == school.Family) {
						t.Errorf("a reading of child %d stands", r.Child)
					}
				}
				if err := h.Allow(t.Context(), storage.Choice{Child: child, Kind: kind}); err != nil {
					t.Fatal(err)
				}
				read("Fem ")
				now := h.keptOf(1)
				delete(now, school.KindChanges)
				delete(before, school.KindChanges)
				want(t, "allowed again", now, before)
			})
		}
	}
}

// TestJoinedChildIsDeletedWhole deletes a child that two platforms show.
func TestJoinedChildIsDeletedWhole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, two := storagetest.Account(t, h.DB, "fake", "child"), storagetest.Account(t, h.DB, "other", "same")
	h.apply(one, h.events("a", "b"))
	other := h.events("c")
	other.Platform, other.Child.Ref = "other", "same"
	h.apply(two, other)
	if _, err := h.Join(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	got, err := h.Delete(t.Context(), storage.Choice{Child: 2}) // by the number that it lost
	if err != nil || got.Kinds[school.KindEvents] != 3 || len(h.children()) != 0 {
		t.Fatalf("Delete = %+v, %v; %d children left", got, err, len(h.children()))
	}
	h.apply(two, other)
	if len(h.children()) != 0 {
		t.Error("half of it came back")
	}
}

// TestDeletionOnAFullDisk: what was deleted is gone from memory at once, the
// files that go make room, and the disk follows as soon as it can.
func TestDeletionOnAFullDisk(t *testing.T) {
	t.Parallel()
	h, source := keyed(t, t.TempDir())
	lively(t, h)
	if err := os.Rename(h.dir, h.dir+"2"); err != nil { // nothing can be written
		t.Fatal(err)
	}
	got, err := h.Delete(t.Context(), storage.Choice{Child: 1})
	if !errors.Is(err, vault.ErrNotSaved) || got.Kinds[school.KindEvents] != 60 || h.Unsaved() == nil {
		t.Fatalf("Delete = %+v, %v", got, err)
	}
	if len(h.children())+len(h.letters()) > 0 {
		t.Error("it is still shown")
	}
	if err := os.Rename(h.dir+"2", h.dir); err != nil {
		t.Fatal(err)
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.reopen() // collects files that were not there to be deleted
	if n := remnants(t, source); n > 0 || len(h.children()) > 0 || h.blobs() > 0 {
		t.Errorf("%d remnants, %d children, %d files", n, len(h.children()), h.blobs())
	}
}

// TestDeletionSurvivesOldCopies: an older copy of either file that is put back
// does not bring back what was deleted.
func TestDeletionSurvivesOldCopies(t *testing.T) {
	t.Parallel()
	for _, name := range []string{storage.CacheName, storage.StateName} {
		h, source := keyed(t, t.TempDir())
		lively(t, h)
		h.close()
		old := h.keep(name)
		h.open()
		if _, err := h.Delete(t.Context(), storage.Choice{Child: 1}); err != nil {
			t.Fatal(err)
		}
		h.close()
		h.back(name, old)
		h.open()
		if o := h.Opened(); !o.OldCache && !o.OldState {
			t.Errorf("%s: %+v", name, o)
		}
		h.clock.Add(time.Hour)
		if err := live(t.Context(), h.DB, 9, h.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if n := remnants(t, source); n > 0 || len(h.children()) > 0 {
			t.Errorf("%s put back: %d remnants, %d children", name, n, len(h.children()))
		}
		h.close()
	}
}
