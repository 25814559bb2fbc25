package session_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/session"
	"syncd/source"
	"syncd/source/school"
)

func TestIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := active()
		r := start(t, s, signsIn())
		r.login(t)
		idle := func() bool {
			t.Helper()
			ids, err := r.Idle(t.Context(), time.Now())
			if err != nil || len(ids) > 1 || len(ids) == 1 && ids[0] != id {
				t.Errorf("Idle = %v, %v", ids, err)
			}
			return len(ids) == 1
		}
		time.Sleep(2 * time.Hour)
		if idle() {
			t.Error("idle although nobody wanted it")
		}
		s.keep = school.Keeping{Ping: 30 * time.Minute, MaxAge: 24 * time.Hour}
		if !idle() {
			t.Error("not idle after two hours")
		}
		if err := r.Use(t.Context(), id, func(*source.Session) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if idle() {
			t.Error("idle right after a use")
		}
		time.Sleep(29 * time.Minute)
		if idle() {
			t.Error("idle after 29 minutes")
		}
		time.Sleep(time.Minute)
		if !idle() {
			t.Error("not idle after half an hour")
		}
		time.Sleep(21*time.Hour + 29*time.Minute)
		if !idle() {
			t.Error("too old a minute too soon")
		}
		time.Sleep(time.Minute)
		if idle() {
			t.Error("kept for longer than wanted")
		}
		r.login(t)
		time.Sleep(time.Hour)
		if !idle() {
			t.Error("a new sign-in is as old as the one before")
		}
		r.platform.RefreshFn = nil
		if err := r.Use(t.Context(), id, func(*source.Session) error { return source.ErrSessionExpired }); err == nil {
			t.Error("a dead session works")
		}
		time.Sleep(time.Hour)
		if idle() {
			t.Error("nobody is signed in")
		}
	})
}

// What lives on by renewals alone is as old as the person's own sign-in; where
// the diary does not reach back so far, too old.
func TestSignedIn(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.October, 5, 6, 0, 0, 0, time.UTC)
	stays := []school.Stay{
		{Began: at.Add(6 * time.Hour), Rung: school.RungPairing},
		{Began: at.Add(3 * time.Hour), Rung: school.RungReentry},
		{Began: at, Rung: school.RungPerson},
		{Began: at.Add(-time.Hour), Rung: school.RungPerson},
	}
	if got := session.SignedIn(stays); !got.Equal(at) {
		t.Errorf("signed in at %v, want %v", got, at)
	}
	if got := session.SignedIn(stays[:2]); !got.IsZero() {
		t.Errorf("signed in at %v, want unknown", got)
	}
	if got := session.SignedIn(slices.Clone(stays[:0])); !got.IsZero() {
		t.Errorf("signed in at %v, want unknown", got)
	}
}
