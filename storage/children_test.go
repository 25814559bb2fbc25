package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
)

func (h *house) account(platform school.PlatformID) school.AccountID {
	h.t.Helper()
	a, err := h.AddAccount(h.t.Context(), platform, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return a.ID
}

// roster lists children by key; their names are "Barn <key>".
func (h *house) roster(a school.AccountID, p school.PlatformID, refs ...school.Ref) map[school.Ref]school.ChildNumber {
	h.t.Helper()
	r := school.Roster{Owner: "o"}
	for _, ref := range refs {
		r.Children = append(r.Children, school.Child{Ref: ref, Name: "Barn " + string(ref), School: "Skolan"})
	}
	got, err := h.PutRoster(h.t.Context(), a, p, r)
	if err != nil {
		h.t.Fatalf("PutRoster: %v", err)
	}
	return got
}

func (h *house) children() []storage.Child {
	h.t.Helper()
	c, err := h.Children(h.t.Context())
	if err != nil {
		h.t.Fatalf("Children: %v", err)
	}
	return c
}

type numbers = map[school.Ref]school.ChildNumber

func TestNumbersAreGivenOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.account("fake")
	want(t, "first", h.roster(a, "fake", "x", "y"), numbers{"x": 1, "y": 2})
	want(t, "order does not matter", h.roster(a, "fake", "y", "x"), numbers{"x": 1, "y": 2})
	want(t, "a third", h.roster(a, "fake", "z", "x", "y"), numbers{"x": 1, "y": 2, "z": 3})
	want(t, "same key elsewhere", h.roster(h.account("other"), "other", "x"), numbers{"x": 4})
	h.reopen()
	want(t, "twice in one list", h.roster(a, "fake", "x", "x"), numbers{"x": 1})
	h.clock.Add(time.Hour)
	want(t, "nobody", h.roster(a, "fake"), numbers{})
	if c := h.children(); len(c) != 4 || c[0].Gone.IsZero() || !c[3].Gone.IsZero() {
		t.Errorf("%d children, gone %v", len(c), c[0].Gone)
	}
	want(t, "back", h.roster(a, "fake", "z"), numbers{"z": 3})
	want(t, "a new one", h.roster(a, "fake", "new"), numbers{"new": 5})
	got := h.children()[4]
	want(t, "Child", []any{got.Number, got.Name, got.School, got.FirstName()}, []any{school.ChildNumber(5), "Barn new", "Skolan", "Barn"})
	want(t, "Identity", got.Identities, []storage.Identity{{Platform: "fake", Ref: "new", Accounts: []school.AccountID{a}}})
}

func TestGoneWhenNoAccountListsTheChild(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, two := h.account("fake"), h.account("fake")
	h.roster(one, "fake", "child", "sister")
	h.roster(two, "fake", "child")
	s := h.events("a")
	s.Child.Name = "Barn child"
	h.apply(one, s)
	file, rev := h.inode(storage.CacheName), h.revision()
	h.roster(one, "fake", "child", "sister")
	if now := h.inode(storage.CacheName); !now.ModTime().Equal(file.ModTime()) {
		t.Error("an unchanged roster wrote the cache")
	}
	gone := func() bool { return !h.children()[0].Gone.IsZero() }
	h.roster(one, "fake", "sister")
	if gone() {
		t.Error("gone though the other guardian lists the child")
	}
	if _, err := h.Apply(t.Context(), one, s); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Apply by the account that lost the child = %v", err)
	}
	h.clock.Add(time.Hour)
	h.roster(two, "fake")
	if c := h.children(); !c[0].Gone.Equal(h.clock.Now()) || !c[1].Gone.IsZero() {
		t.Errorf("Gone = %s, %s", c[0].Gone, c[1].Gone)
	}
	want(t, "entries stay", uids(h.entries(1, school.KindEvents)), []string{"a"})
	want(t, "Revision", h.revision(), rev)
	want(t, "returns", h.roster(two, "fake", "child"), numbers{"child": 1})
	if gone() {
		t.Error("still gone")
	}
}

func TestRenamedChild(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.account("fake")
	put := func(name string) {
		t.Helper()
		r := school.Roster{Owner: "o", Children: []school.Child{{Ref: "child", Name: name}}}
		if _, err := h.PutRoster(t.Context(), a, "fake", r); err != nil {
			t.Fatal(err)
		}
	}
	put("Anna Ek")
	s := h.events("a", "b")
	s.News = []school.NewsItem{news("n", 1)}
	h.apply(a, s)
	rev := h.revision()
	put("Anna Alm")
	if h.revision() != rev || h.children()[0].Name != "Anna Alm" {
		t.Error("a new last name is shown nowhere, and should change nothing")
	}
	h.clock.Add(time.Hour)
	put("Åsa Alm")
	list, _, err := h.ChangesSince(t.Context(), nil, nil, rev)
	if err != nil || len(list) != 3 {
		t.Errorf("%d changes, %v, want all three", len(list), err)
	}
	for _, e := range h.entries(1, school.KindEvents) {
		if e.ChildName != "Åsa" || !e.Modified.Equal(h.clock.Now()) || e.Sequence != 0 {
			t.Errorf("ChildName, Modified, Sequence = %s, %s, %d", e.ChildName, e.Modified, e.Sequence)
		}
	}
}

func TestDeleteAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mine, shared := h.account("fake"), h.account("fake")
	h.roster(mine, "fake", "child", "both")
	h.roster(shared, "fake", "both")
	s := h.events("a", "b")
	s.News = []school.NewsItem{news("n", 1)}
	s.News[0].Images = []school.Media{{Data: []byte("bild")}}
	s.Covered = append(s.Covered, since(9))
	h.apply(mine, s)
	s.Child.Ref = "both"
	h.apply(mine, s)
	if err := h.PutSession(t.Context(), mine, []byte("kaka")); err != nil {
		t.Fatal(err)
	}
	if err := h.AddRequests(t.Context(), mine, day(0), 3); err != nil {
		t.Fatal(err)
	}
	rev, _ := h.Revision(t.Context(), []school.ChildNumber{1}, nil)
	if _, err := h.DeleteAccount(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"Account": second(h.Account(t.Context(), mine)), "Session": second(h.Session(t.Context(), mine)),
		"Owner": second(h.Owner(t.Context(), mine)), "DeleteAccount": second(h.DeleteAccount(t.Context(), mine)),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a deleted account = %v", what, err)
		}
	}
	if n, err := h.Requests(t.Context(), mine, day(0)); n != 0 || err != nil {
		t.Errorf("Requests = %d, %v", n, err)
	}
	if c := h.children(); len(c) != 1 || c[0].Number != 2 || !c[0].Gone.IsZero() {
		t.Errorf("Children = %v", c)
	}
	if got := h.entries(1, school.KindEvents); got != nil {
		t.Errorf("entries left: %v", uids(got))
	}
	want(t, "the shared child's", uids(h.entries(2, school.KindEvents)), []string{"a", "b"})
	if len(h.letters()) != 1 || h.blobs() != 1 {
		t.Errorf("%d letters, %d files left, want the shared child's", len(h.letters()), h.blobs())
	}
	list, _, err := h.ChangesSince(t.Context(), []school.ChildNumber{1}, nil, rev)
	if err != nil || len(list) != 3 || !list[0].Deleted || !list[2].Deleted {
		t.Errorf("ChangesSince = %v, %v, want three tombstones", list, err)
	}
	readings, err := h.Readings(t.Context())
	for _, r := range readings {
		if r.Child != 2 || err != nil {
			t.Errorf("Reading of child %d, %v", r.Child, err)
		}
	}
	// The number waits for the child.
	want(t, "back", h.roster(h.account("fake"), "fake", "stranger", "child"), numbers{"stranger": 3, "child": 1})
}

func second[T any](_ T, err error) error { return err }

func TestReadings(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.account("fake")
	h.roster(a, "fake", "child")
	if r, err := h.Readings(t.Context()); err != nil || len(r) != 0 {
		t.Errorf("Readings = %v, %v", r, err)
	}
	schedule := school.Coverage{Part: school.PartSchedule, Window: window(-9, 9)}
	s := h.events("a", "b")
	s.Covered = append(s.Covered, schedule, since(9))
	h.apply(a, s)
	early := h.clock.Now()
	h.clock.Add(time.Hour)
	h.apply(a, h.snapshot(schedule, since(9)))
	want(t, "Readings", second2(h.Readings(t.Context())), []school.Reading{
		{Child: 1, Kind: school.KindEvents, Entries: 2, LastSuccess: early}, // the calendar is as old as its oldest part
		{Child: 1, Kind: school.KindNews, LastSuccess: h.clock.Now()},
	})
	// A read that was taken earlier and arrives later moves nothing back.
	s.Taken = early
	h.apply(a, s)
	if r := second2(h.Readings(t.Context())); !r[1].LastSuccess.Equal(h.clock.Now()) {
		t.Errorf("LastSuccess = %s", r[1].LastSuccess)
	}
}

func second2[T any](v T, _ error) T { return v }

func TestChildrenPrintNothing(t *testing.T) {
	t.Parallel()
	c := storage.Child{Number: 3, Name: "Kurt Hemlig", Identities: []storage.Identity{{Ref: "20150101-1234"}}}
	s := storage.Secrets{Page: [32]byte{0xAB, 0xCD}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("child", c), slog.Any("secrets", s))
	all := fmt.Sprintf("%v %+v %#v %s", c, c, c, c) + fmt.Sprintf("%v %+v %#v %x", s, s, s, s) + log.String()
	for _, secret := range []string{"Kurt", "Hemlig", "2015", "abcd", "171 205", "0xab"} {
		if strings.Contains(all, secret) {
			t.Errorf("%q printed in %s", secret, all)
		}
	}
	if !strings.Contains(all, "child 3") {
		t.Errorf("the number is missing in %s", all)
	}
}
