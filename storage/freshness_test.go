package storage_test

import (
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

func TestFreshness(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child", "unread")
	start := h.clock.Now()
	s := h.events("a")
	s.Covered = append(s.Covered, school.Coverage{Part: school.PartTimetable, Window: window(0, 7)})
	h.apply(account, s)
	h.clock.Add(time.Hour)
	h.apply(account, h.events("a")) // the timetable was not read this time
	if err := h.PutState(t.Context(), account, school.Expired, school.ProblemSignIn); err != nil {
		t.Fatal(err)
	}
	got, err := h.Freshness(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want(t, "Freshness", got, []storage.Freshness{{
		Child: 1, Account: account, Platform: "fake", Kinds: []school.Kind{school.KindDay, school.KindEvents, school.KindKit, school.KindLessons},
		LastSuccess: start.Add(time.Hour), State: school.Expired, Problem: school.ProblemSignIn,
	}})

	// It moves with what a family is told, and with nothing else.
	advised := func() time.Time {
		t.Helper()
		all, err := h.Freshness(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all[0].Advised
	}
	for _, s := range []school.SessionState{school.SigningIn, school.Expired, school.SignedOut} {
		if err := h.PutState(t.Context(), account, s, school.ProblemSignIn); err != nil {
			t.Fatal(err)
		}
		want(t, "Advised in state "+string(s), advised(), time.Time{})
	}
	changed := h.clock.Now()
	o := school.Outcome{State: school.Active, Problem: school.ProblemUnavailable, Finished: h.clock.Now(), NextDue: h.clock.Now()}
	for range 2 {
		if err := h.PutOutcome(t.Context(), account, o); err != nil {
			t.Fatal(err)
		}
		want(t, "Advised after a read", advised(), changed)
		o.Finished = h.clock.Now()
		h.clock.Add(time.Hour)
	}
}

func TestChangedAtSeesDeletions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	changed := func(children []school.ChildNumber, kinds ...school.Kind) time.Time {
		t.Helper()
		at, err := h.ChangedAt(t.Context(), children, kinds)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	want(t, "of nothing", changed(nil), time.Time{})
	h.apply(account, h.events("a", "b"))
	first := changed(nil)
	want(t, "after a first read", first, h.clock.Now())
	h.clock.Add(time.Hour)
	h.apply(account, h.events("a", "b"))
	want(t, "after nothing happened", changed(nil), first)
	h.apply(account, h.events("a"))
	want(t, "after a deletion", changed([]school.ChildNumber{1}, school.KindEvents), h.clock.Now())
	want(t, "of another kind", changed([]school.ChildNumber{1}, school.KindLessons), time.Time{})
	want(t, "of another child", changed([]school.ChildNumber{2}, school.KindEvents), time.Time{})
}

func TestLinksKeepTheirDetail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := school.Link{ID: "detail", Options: school.Options{Detail: school.DetailBusy, History: 365, Quiet: true}}
	if err := h.AddLink(t.Context(), l, storage.Secrets{}); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	got, err := h.Link(t.Context(), l.ID)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "options", got.Options, l.Options)
	got.Options = school.Options{Detail: school.DetailTimes, History: 7}
	if err := h.PutLink(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	put, err := h.Link(t.Context(), l.ID)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "options after a change", put.Options, got.Options)
	if put.Generation == got.Generation {
		t.Error("the generation stayed when the detail changed")
	}
}

func TestLettersKeepTheTextOfTheirFiles(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	snapshot := func(data, text string, edited time.Duration) school.Snapshot {
		s := h.snapshot(school.Coverage{Part: school.PartNews, Since: storagetest.Start().Add(-time.Hour)})
		file := school.Media{Ref: "f", Name: "Brev.pdf", Type: "application/pdf", Text: text}
		if data != "" {
			file.Data = []byte(data)
		}
		s.News = []school.NewsItem{{
			Ref: "n", UID: "n", Title: "Brev", Published: storagetest.Start(), Modified: storagetest.Start().Add(edited), Files: []school.Media{file},
		}}
		return s
	}
	texts := func() string {
		t.Helper()
		l := h.letters()
		if len(l) != 1 || len(l[0].Media) != 1 {
			t.Fatalf("letters = %d", len(l))
		}
		return l[0].Media[0].Text
	}
	h.apply(account, snapshot("pdf", "Ta med matsäck", 0))
	want(t, "text", texts(), "Ta med matsäck")
	h.clock.Add(time.Hour)
	h.apply(account, snapshot("", "", time.Minute)) // the file could not be read this time
	want(t, "text of a file that stays", texts(), "Ta med matsäck")
	h.clock.Add(time.Hour)
	h.apply(account, snapshot("another", "", time.Hour))
	want(t, "text of another file", texts(), "")
}
