package storage_test

import (
	"slices"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage/storagetest"
)

func TestDiary(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	diary := func() []school.Stay {
		t.Helper()
		d, err := h.Diary(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	put := func(s school.Stay) {
		t.Helper()
		if err := h.PutStay(t.Context(), account, s); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "at first", len(diary()), 0)
	at := h.clock.Now()
	open := school.Stay{Began: at, Used: at, Rung: school.RungPerson}
	put(open)
	open.Used, open.Requests = at.Add(time.Hour+time.Millisecond), 12
	put(open)
	want(t, "one that lives", diary(), []school.Stay{open})
	open.Ended, open.Cause = at.Add(3*time.Hour), school.EndIdle
	put(open)
	next := school.Stay{Began: open.Ended, Used: open.Ended, Rung: school.RungReentry}
	put(next)
	h.reopen()
	want(t, "after a restart", diary(), []school.Stay{next, open})
	for n := range 250 {
		at := at.Add(time.Duration(n+10) * time.Hour)
		put(school.Stay{Began: at, Used: at, Rung: school.RungReentry, Ended: at, Cause: school.EndUnknown})
	}
	d := diary()
	want(t, "lines kept", len(d), 200)
	if !slices.IsSortedFunc(d, func(a, b school.Stay) int { return b.Began.Compare(a.Began) }) || !d[0].Began.Equal(at.Add(259*time.Hour)) {
		t.Error("the newest are not kept, or do not stand first")
	}
	if _, err := h.DeleteAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	want(t, "of an account that is gone", len(diary()), 0)
	if err := h.PutStay(t.Context(), account, next); err == nil {
		t.Error("a line was stored for an account that is not there")
	}
}
