package storage_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage/storagetest"
)

func TestKeeping(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	account := storagetest.Account(t, h.DB, "fake", "child")
	keeping := func() school.Keeping {
		t.Helper()
		k, err := h.Keeping(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	want(t, "at first", keeping(), school.Keeping{})
	for _, k := range []school.Keeping{
		{Ping: 30 * time.Minute, MaxAge: 72 * time.Hour, Renewal: school.Renewal{Set: true, Hour: 19, Minute: 30}},
		{Ping: time.Hour, MaxAge: 24 * time.Hour},
		{Renewal: school.Renewal{Set: true, Daily: true, Hour: 7}},
		{},
	} {
		if err := h.PutKeeping(t.Context(), account, k); err != nil {
			t.Fatal(err)
		}
		h.reopen()
		want(t, "after a restart", keeping(), k)
	}
	kept := school.Keeping{Ping: time.Hour, MaxAge: time.Hour}
	if err := h.PutKeeping(t.Context(), account, kept); err != nil {
		t.Fatal(err)
	}
	if err := h.PutKeeping(t.Context(), account, school.Keeping{Ping: time.Second}); !errors.Is(err, school.ErrPing) {
		t.Errorf("PutKeeping = %v, want %v", err, school.ErrPing)
	}
	want(t, "after a refusal", keeping(), kept)
	if err := h.PutKeeping(t.Context(), "nobody", kept); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("PutKeeping of nobody's account = %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := h.DeleteAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	want(t, "of an account that is gone", keeping(), school.Keeping{})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, err := h.AddAccount(t.Context(), "fake", map[string]string{"one": "yes"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []map[string]string{{"one": "no", "två": "\"å\""}, nil, {"one": "yes"}} {
		if err := h.PutSettings(t.Context(), a.ID, s); err != nil {
			t.Fatal(err)
		}
		h.reopen()
		got, err := h.Account(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "settings", got.Settings, s)
	}
	if err := h.PutSettings(t.Context(), "nobody", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("PutSettings of nobody's account = %v, want %v", err, fs.ErrNotExist)
	}
}
