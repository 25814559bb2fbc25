package storage_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	start := storagetest.Start()
	a, err := h.AddAccount(t.Context(), "fake", map[string]string{"municipality": "Ås"})
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Add(time.Second)
	b := h.account("other")
	want(t, "Account", a, school.Account{
		ID: a.ID, Platform: "fake", Settings: map[string]string{"municipality": "Ås"}, Created: start,
		State: school.SignedOut, Since: start, NextDue: start,
	})
	h.reopen()
	all, err := h.Accounts(t.Context())
	if err != nil || len(all) != 2 || all[1].ID != b || all[1].Settings != nil {
		t.Fatalf("Accounts = %v, %v", all, err)
	}
	want(t, "Accounts", all[0], a)

	h.clock.Add(time.Hour)
	now := h.clock.Now()
	outcome := school.Outcome{State: school.Active, Problem: school.ProblemHeld, Finished: now, NextDue: now.Add(time.Hour), Failures: 2, Requests: 9}
	if err := h.PutOutcome(t.Context(), a.ID, outcome); err != nil {
		t.Fatal(err)
	}
	if err := h.AddRequests(t.Context(), a.ID, day(0), 9); err != nil {
		t.Fatal(err)
	}
	got, err := h.Account(t.Context(), a.ID)
	if err != nil || got.State != school.Active || !got.Since.Equal(now) || got.Problem != school.ProblemHeld || got.Failures != 2 {
		t.Errorf("Account = %+v, %v", got, err)
	}
	want(t, "Outcome", second2(h.Outcome(t.Context(), a.ID)), outcome)
	want(t, "no Outcome", second2(h.Outcome(t.Context(), b)), school.Outcome{State: school.SignedOut, NextDue: all[1].NextDue})

	h.clock.Add(time.Minute)
	if err := h.PutState(t.Context(), a.ID, school.Active, school.ProblemNone); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.Account(t.Context(), a.ID); !got.Since.Equal(now) || got.Problem != school.ProblemNone {
		t.Errorf("Since moved to %s though the state did not change", got.Since)
	}
	if err := h.PutState(t.Context(), a.ID, school.Expired, school.ProblemSignIn); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.Account(t.Context(), a.ID); !got.Since.Equal(h.clock.Now()) || got.State != school.Expired {
		t.Errorf("State, Since = %s, %s", got.State, got.Since)
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b, c := h.account("fake"), h.account("fake"), h.account("fake")
	now := h.clock.Now()
	for id, due := range map[school.AccountID]time.Time{a: now.Add(-time.Minute), b: now.Add(time.Second), c: now.Add(-time.Hour)} {
		if err := h.PutDue(t.Context(), id, due); err != nil {
			t.Fatal(err)
		}
	}
	due, err := h.Due(t.Context(), now)
	if err != nil || len(due) != 2 || due[0].ID != c || due[1].ID != a {
		t.Errorf("Due = %v, %v", due, err)
	}
}

func TestRequestsAndOwner(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.account("fake"), h.account("fake")
	for range 3 {
		if err := h.AddRequests(t.Context(), a, day(0), 2); err != nil {
			t.Fatal(err)
		}
	}
	count := func(id school.AccountID, d int) int { return second2(h.Requests(t.Context(), id, day(d))) }
	if count(a, 0) != 6 || count(a, 1) != 0 || count(b, 0) != 0 {
		t.Errorf("Requests = %d, %d, %d", count(a, 0), count(a, 1), count(b, 0))
	}
	if err := h.AddRequests(t.Context(), a, day(61), 1); err != nil || count(a, 0) != 0 || count(a, 61) != 1 {
		t.Errorf("old counts stay: %d, %v", count(a, 0), err)
	}
	if owner, err := h.Owner(t.Context(), a); owner != "" || err != nil {
		t.Errorf("Owner = %q, %v", owner, err)
	}
	if err := h.PutOwner(t.Context(), a, "hash"); err != nil {
		t.Fatal(err)
	}
	if owner, err := h.Owner(t.Context(), a); owner != "hash" || err != nil {
		t.Errorf("Owner = %q, %v", owner, err)
	}
}

func TestUnknownAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	for what, err := range map[string]error{
		"Account":       second(h.Account(ctx, "x")),
		"Outcome":       second(h.Outcome(ctx, "x")),
		"PutOutcome":    h.PutOutcome(ctx, "x", school.Outcome{}),
		"PutState":      h.PutState(ctx, "x", school.Active, ""),
		"PutDue":        h.PutDue(ctx, "x", time.Time{}),
		"PutOwner":      h.PutOwner(ctx, "x", "y"),
		"Owner":         second(h.Owner(ctx, "x")),
		"Session":       second(h.Session(ctx, "x")),
		"DeleteAccount": second(h.DeleteAccount(ctx, "x")),
		"PutRoster":     second(h.PutRoster(ctx, "x", "fake", school.Roster{})),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s = %v, want ErrNotExist", what, err)
		}
	}
	if h.PutSession(ctx, "x", nil) == nil || h.AddRequests(ctx, "x", day(0), 1) == nil {
		t.Error("something was stored for an account that is not there")
	}
}

// What is kept for the time without a session, and what is remembered from one
// to the next, outlives it and goes with the account.
func TestSpares(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	type account = school.AccountID
	for name, row := range map[string]struct {
		get func(context.Context, account) ([]byte, error)
		put func(context.Context, account, []byte) error
	}{
		"spare":  {func(ctx context.Context, a account) ([]byte, error) { return h.Spare(ctx, a) }, func(ctx context.Context, a account, b []byte) error { return h.PutSpare(ctx, a, h.Deletions(), b) }},
		"memory": {func(ctx context.Context, a account) ([]byte, error) { return h.Memory(ctx, a) }, func(ctx context.Context, a account, b []byte) error { return h.PutMemory(ctx, a, h.Deletions(), b) }},
	} {
		a := h.account("fake")
		get := func(want string) {
			t.Helper()
			h.reopen()
			if got, err := row.get(t.Context(), a); err != nil || string(got) != want {
				t.Errorf("%s = %q, %v, want %q", name, got, err, want)
			}
		}
		get("")
		for _, data := range []string{"ett", "två\x00", "", "tre"} {
			if err := row.put(t.Context(), a, []byte(data)); err != nil {
				t.Fatal(err)
			}
			get(data)
		}
		file := h.inode(storage.StateName)
		if err := row.put(t.Context(), a, []byte("tre")); err != nil || !os.SameFile(file, h.inode(storage.StateName)) {
			t.Errorf("%s: the same was written again (%v)", name, err)
		}
		if err := h.DeleteSession(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		get("tre")
		if _, err := h.DeleteAccount(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		get("")
		if err := row.put(t.Context(), a, []byte("fyra")); err != nil {
			t.Errorf("%s of an account that is gone is put: %v", name, err)
		}
		get("")
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.account("fake")
	if _, err := h.Session(t.Context(), a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Session = %v, want ErrNotExist", err)
	}
	for _, state := range []string{"ett", "två\x00", ""} {
		if err := h.PutSession(t.Context(), a, []byte(state)); err != nil {
			t.Fatal(err)
		}
		h.reopen()
		got, err := h.Session(t.Context(), a)
		if err != nil || string(got) != state {
			t.Errorf("Session = %q, %v", got, err)
		}
	}
	if err := h.PutSession(t.Context(), a, []byte("tre")); err != nil {
		t.Fatal(err)
	}
	file := h.inode(storage.StateName)
	if err := h.PutSession(t.Context(), a, []byte("tre")); err != nil || !os.SameFile(file, h.inode(storage.StateName)) {
		t.Errorf("the same session was written again (%v)", err)
	}
	for range 2 {
		if err := h.DeleteSession(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Session(t.Context(), a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Session = %v, want ErrNotExist", err)
	}
}

func TestRendererAndKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	at, g1, err := h.RendererChanged(ctx, "1")
	if err != nil || !at.Equal(storagetest.Start()) || g1 == "" {
		t.Fatalf("RendererChanged = %s, %q, %v", at, g1, err)
	}
	h.clock.Add(time.Hour)
	h.reopen()
	if at, g, err := h.RendererChanged(ctx, "1"); err != nil || !at.Equal(storagetest.Start()) || g != g1 {
		t.Errorf("the same version: %s, %q, %v", at, g, err)
	}
	if at, g, err := h.RendererChanged(ctx, "2"); err != nil || !at.Equal(h.clock.Now()) || g == g1 {
		t.Errorf("a new version: %s, %q, %v", at, g, err)
	}
	key, err := h.UIDKey(ctx)
	if err != nil || len(key) != 32 {
		t.Fatalf("UIDKey = %d bytes, %v", len(key), err)
	}
	clear(key)
	if again, _ := h.UIDKey(ctx); string(again) == string(key) {
		t.Error("the caller can change the key")
	}
	g, err := h.Generation(ctx)
	h.reopen()
	if again, _ := h.Generation(ctx); err != nil || g == "" || again != g {
		t.Errorf("Generation = %q, then %q, %v", g, again, err)
	}
}

// TestRequestsOfAnAccountThatIsGone counts what is made while it is removed.
func TestRequestsOfAnAccountThatIsGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.account("fake")
	for _, n := range []int{2, 3} {
		if err := h.AddRequests(t.Context(), a, day(1), n); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := h.Requests(t.Context(), a, day(1)); n != 5 || err != nil {
		t.Errorf("Requests = %d, %v", n, err)
	}
	if _, err := h.DeleteAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := h.AddRequests(t.Context(), a, day(1), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("AddRequests = %v, want ErrNotExist", err)
	}
}
