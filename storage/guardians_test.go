package storage_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"syncd/storage"
)

func TestGuardians(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	for _, user := range []string{"åsa", "bo"} {
		if err := h.PutGuardian(ctx, storage.Guardian{User: user, Hash: "h-" + user}); err != nil {
			t.Fatal(err)
		}
	}
	h.reopen()
	all, err := h.Guardians(ctx)
	if err != nil || len(all) != 2 || all[0].User != "bo" || all[0].ID == "" || all[0].ID == all[1].ID {
		t.Fatalf("Guardians = %v, %v", all, err)
	}
	bo := all[0]
	token, until := [32]byte{1}, h.clock.Now().Add(time.Hour)
	for hash, g := range map[[32]byte]storage.Guardian{token: bo, {2}: all[1]} {
		if err := h.PutSignIn(ctx, hash, g.ID, until); err != nil {
			t.Fatal(err)
		}
	}
	if g, expires, err := h.SignIn(ctx, token); err != nil || g != bo || !expires.Equal(until) {
		t.Errorf("SignIn = %v, %s, %v", g, expires, err)
	}
	gone := func(what string, hash [32]byte) {
		t.Helper()
		if _, _, err := h.SignIn(ctx, hash); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: SignIn = %v, want ErrNotExist", what, err)
		}
	}
	// The same password again ends nothing, a new one the sign-ins.
	if err := h.PutGuardian(ctx, bo); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.SignIn(ctx, token); err != nil {
		t.Errorf("SignIn = %v", err)
	}
	if err := h.PutGuardian(ctx, storage.Guardian{User: "bo", Hash: "ny"}); err != nil {
		t.Fatal(err)
	}
	gone("new password", token)
	if g, err := h.Guardian(ctx, "bo"); err != nil || g.ID != bo.ID || g.Hash != "ny" {
		t.Errorf("Guardian = %v, %v", g, err)
	}
	if _, err := h.Guardian(ctx, "Bo"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Guardian = %v, want ErrNotExist", err)
	}
	if err := h.PutSignIn(ctx, token, bo.ID, until); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteSignIn(ctx, token); err != nil {
		t.Fatal(err)
	}
	gone("signed out", token)
	if err := h.DeleteSignIns(ctx, all[1].ID); err != nil {
		t.Fatal(err)
	}
	gone("signed out everywhere", [32]byte{2})
	if err := h.PutSignIn(ctx, token, bo.ID, until); err != nil {
		t.Fatal(err)
	}
	h.clock.Add(time.Hour)
	gone("expired", token)
	if err := h.PutSignIn(ctx, [32]byte{3}, bo.ID, h.clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteGuardian(ctx, bo.ID); err != nil {
		t.Fatal(err)
	}
	gone("deleted", [32]byte{3})
	if err := h.DeleteGuardian(ctx, bo.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("DeleteGuardian = %v, want ErrNotExist", err)
	}
}

func TestInvites(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	now := h.clock.Now()
	put := func(n byte) {
		t.Helper()
		if err := h.PutInvite(ctx, [32]byte{n}, now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	put(1)
	put(2) // a new one ends the one before
	for _, test := range []struct {
		name string
		hash [32]byte
		at   time.Time
		good bool
	}{
		{"replaced", [32]byte{1}, now, false},
		{"unknown", [32]byte{9}, now, false},
		{"good", [32]byte{2}, now.Add(time.Hour - time.Second), true},
		{"used", [32]byte{2}, now, false},
	} {
		if err := h.Invite(ctx, test.hash, test.at); (err == nil) != test.good {
			t.Errorf("%s: Invite = %v", test.name, err)
		}
		if err := h.TakeInvite(ctx, test.hash, test.at); (err == nil) != test.good || (err != nil && !errors.Is(err, storage.ErrUsed)) {
			t.Errorf("%s: TakeInvite = %v", test.name, err)
		}
	}
	put(3)
	if err := h.Invite(ctx, [32]byte{3}, now.Add(time.Hour)); !errors.Is(err, storage.ErrUsed) {
		t.Errorf("expired: Invite = %v", err)
	}
	if err := h.TakeInvite(ctx, [32]byte{3}, now.Add(time.Hour)); !errors.Is(err, storage.ErrUsed) {
		t.Errorf("expired: TakeInvite = %v", err)
	}
}
