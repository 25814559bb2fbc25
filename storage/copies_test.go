package storage_test

import (
	"errors"
	"testing"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for path, what := range map[string]storage.CopyKind{"/b": storage.CopyBackup, "/a": storage.CopyExport} {
		if err := h.PutPlace(t.Context(), path, what); err != nil {
			t.Fatal(err)
		}
	}
	h.reopen()
	want(t, "Places", second2(h.Places(t.Context())), []storage.Place{
		{Path: "/a", What: storage.CopyExport, At: storagetest.Start()}, {Path: "/b", What: storage.CopyBackup, At: storagetest.Start()},
	})
}

// TestCleanups: each deletion is noted for the backups until it has been made
// there, and makes the same of a copy; one that holds nothing of it says so.
func TestCleanups(t *testing.T) {
	t.Parallel()
	h, copied := newHouse(t), newHouse(t)
	var account school.AccountID
	for _, house := range []*house{h, copied} {
		account = storagetest.Account(t, house.DB, "fake", "child", "sister")
		house.apply(account, house.events("a", "b"))
	}
	if _, err := h.Delete(t.Context(), storage.Choice{Child: 1, Kind: school.KindEvents}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Delete(t.Context(), storage.Choice{Child: 2}); err != nil {
		t.Fatal(err)
	}
	h.reopen()
	todo := second2(h.Cleanups(t.Context()))
	if len(todo) != 2 || todo[0].Choice.Kind != school.KindEvents || todo[1].Choice.Child != 2 {
		t.Fatalf("Cleanups = %+v", todo)
	}
	if err := copied.Clean(t.Context(), todo); err != nil {
		t.Fatal(err)
	}
	if n := len(copied.entries(1, school.KindEvents)); n != 0 || len(copied.children()) != 1 || len(second2(copied.Cleanups(t.Context()))) != 0 {
		t.Errorf("the copy has %d events, %d children", n, len(copied.children()))
	}
	if err := copied.Clean(t.Context(), append(todo, storage.Cleanup{Account: "unknown"}, storage.Cleanup{Choice: storage.Choice{Child: 9}})); !errors.Is(err, storage.ErrNothing) {
		t.Errorf("Clean again = %v", err)
	}
	if err := copied.Clean(t.Context(), []storage.Cleanup{{Account: account}}); err != nil || len(copied.children()) != 0 {
		t.Errorf("Clean of an account = %v, %d children left", err, len(copied.children()))
	}
	if err := h.Cleaned(t.Context(), todo[0].ID); err != nil || len(second2(h.Cleanups(t.Context()))) != 1 {
		t.Errorf("Cleaned = %v", err)
	}
}
