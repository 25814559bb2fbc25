package storage_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// TestPlaces: backups and an export in one folder are two places, and a place
// that is used again is the same one.
func TestPlaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, p := range []storage.Place{
		{Path: "/b", What: storage.CopyBackup},
		{Path: "/a", What: storage.CopyExport},
		{Path: "/b", What: storage.CopyExport},
		{Path: "/b", What: storage.CopyBackup},
	} {
		if err := h.PutPlace(t.Context(), p.Path, p.What); err != nil {
			t.Fatal(err)
		}
	}
	h.reopen()
	at := storagetest.Start()
	want(t, "Places", second2(h.Places(t.Context())), []storage.Place{
		{Path: "/a", What: storage.CopyExport, At: at}, {Path: "/b", What: storage.CopyBackup, At: at}, {Path: "/b", What: storage.CopyExport, At: at},
	})
	if err := h.ForgetPlace(t.Context(), "/b", storage.CopyExport); err != nil {
		t.Fatal(err)
	}
	if err := h.ForgetPlace(t.Context(), "/b", storage.CopyExport); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ForgetPlace again = %v, want ErrNotExist", err)
	}
	want(t, "Places", second2(h.Places(t.Context())), []storage.Place{
		{Path: "/a", What: storage.CopyExport, At: at}, {Path: "/b", What: storage.CopyBackup, At: at},
	})
}

// TestCleanupsOfPlaces: a deletion waits for the places that have not seen it,
// and for nobody else.
func TestCleanupsOfPlaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	storagetest.Account(t, h.DB, "fake", "child", "sister")
	for _, path := range []string{"/here", "/away", "/gone"} {
		if err := h.PutPlace(ctx, path, storage.CopyBackup); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.PutPlace(ctx, "/here", storage.CopyExport); err != nil { // nothing waits for that
		t.Fatal(err)
	}
	seen := func() map[string]int64 {
		out := map[string]int64{}
		for _, p := range second2(h.Places(ctx)) {
			if p.What == storage.CopyBackup {
				out[p.Path] = p.Seen
			}
		}
		return out
	}
	left := func() (ids []int64) {
		for _, c := range second2(h.Cleanups(ctx)) {
			ids = append(ids, c.ID)
		}
		return ids
	}
	for _, kind := range []school.Kind{school.KindEvents, school.KindMeals} {
		if _, err := h.Delete(ctx, storage.Choice{Child: 1, Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		what string
		do   func() error
		seen map[string]int64
		left []int64
	}{
		{"one place", func() error { return h.Cleaned(ctx, 2, "/here") }, map[string]int64{"/here": 2, "/away": 0, "/gone": 0}, []int64{1, 2}},
		{"an older number", func() error { return h.Cleaned(ctx, 1, "/here", "/away") }, map[string]int64{"/here": 2, "/away": 1, "/gone": 0}, []int64{1, 2}},
		{"a place that is used again", func() error { return h.PutPlace(ctx, "/away", storage.CopyBackup) }, map[string]int64{"/here": 2, "/away": 1, "/gone": 0}, []int64{1, 2}},
		{"one that is forgotten", func() error { return h.ForgetPlace(ctx, "/gone", storage.CopyBackup) }, map[string]int64{"/here": 2, "/away": 1}, []int64{2}},
		{"the last", func() error { return h.Cleaned(ctx, 2, "/away") }, map[string]int64{"/here": 2, "/away": 2}, nil},
		{"another deletion", func() error {
			_, err := h.Delete(ctx, storage.Choice{Child: 2})
			return err
		}, map[string]int64{"/here": 2, "/away": 2}, []int64{3}},
	} {
		if err := step.do(); err != nil {
			t.Fatal(step.what, err)
		}
		h.reopen()
		want(t, "seen after "+step.what, seen(), step.seen)
		want(t, "left after "+step.what, left(), step.left)
	}
}

// TestCleanupsWithoutPlaces: where there are no backups nothing has to leave
// them.
func TestCleanupsWithoutPlaces(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	storagetest.Account(t, h.DB, "fake", "child")
	if _, err := h.Delete(t.Context(), storage.Choice{Child: 1}); err != nil {
		t.Fatal(err)
	}
	if err := h.Cleaned(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	want(t, "Cleanups", len(second2(h.Cleanups(t.Context()))), 0)
}

// TestCleanups: each deletion is noted for the backups until it has been made
// there, and makes the same of a copy, which notes it for the others when it is
// restored; one that holds nothing of it says so.
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
	if n := len(copied.entries(1, school.KindEvents)); n != 0 || len(copied.children()) != 1 || len(second2(copied.Cleanups(t.Context()))) != 2 {
		t.Errorf("the copy has %d events, %d children", n, len(copied.children()))
	}
	if err := copied.Clean(t.Context(), append(todo, storage.Cleanup{Account: "unknown"}, storage.Cleanup{Choice: storage.Choice{Child: 9}})); !errors.Is(err, storage.ErrNothing) {
		t.Errorf("Clean again = %v", err)
	}
	if err := copied.Clean(t.Context(), []storage.Cleanup{{Account: account}}); err != nil || len(copied.children()) != 0 {
		t.Errorf("Clean of an account = %v, %d children left", err, len(copied.children()))
	}
}

// oldData makes a data folder whose state.age has taken so many steps, and is
// then changed by statements.
func oldData(t *testing.T, keys *vault.Keys, steps int, more string) *house {
	t.Helper()
	h := &house{t: t, dir: filepath.Join(t.TempDir(), "data"), keys: keys, clock: storagetest.NewClock(storagetest.Start())}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cacheSteps, _ := storage.Versions()
	cacheSQL, stateSQL := begun()
	if err := storage.WriteVersion(t.Context(), h.dir, h.keys, cacheSteps, steps, cacheSQL, stateSQL+more); err != nil {
		t.Fatal(err)
	}
	return h
}

const (
	placeStep = 6 // the first that knows places
	placeRow  = `INSERT INTO place (path, what, at) VALUES ('/b', 'backup', 5), ('/a', 'export', 5);`
	// unreleasedPlaces is what step 6 made for a while.
	unreleasedPlaces = `DROP TABLE place; CREATE TABLE place (path TEXT NOT NULL, what TEXT NOT NULL, at INTEGER NOT NULL, seen INTEGER NOT NULL,
		PRIMARY KEY (path, what)) STRICT, WITHOUT ROWID;
		INSERT INTO place VALUES ('/b', 'backup', 5, 3), ('/a', 'export', 5, 0);`
)

// oldPlaces are data of each schema that knew places before each saw deletions
// by itself, and of the one that was there between.
func oldPlaces(t *testing.T, keys *vault.Keys) map[string]*house {
	t.Helper()
	_, steps := storage.Versions()
	out := map[string]*house{"unreleased": oldData(t, keys, steps-1, unreleasedPlaces)}
	for n := placeStep; n < steps; n++ {
		out[fmt.Sprintf("step %d", n)] = oldData(t, keys, n, placeRow)
	}
	return out
}

// TestPlacesOfEarlierSchemas: places that earlier programs have noted are known
// still, in the schema that a new file has, and take part in what comes later.
func TestPlacesOfEarlierSchemas(t *testing.T) {
	t.Parallel()
	schema := second2(storage.Schema(t.Context(), newHouse(t).DB))
	for name, h := range oldPlaces(t, storagetest.Keys(t)) {
		h.open()
		want(t, "schema of "+name, second2(storage.Schema(t.Context(), h.DB)), schema)
		places := second2(h.Places(t.Context()))
		if len(places) != 2 || places[0].Path != "/a" || places[1].Path != "/b" || places[1].Seen != 0 {
			t.Errorf("%s: Places = %+v", name, places)
		}
		if err := errors.Join(h.PutPlace(t.Context(), "/b", storage.CopyBackup), h.PutPlace(t.Context(), "/b", storage.CopyExport), h.Cleaned(t.Context(), 2, "/b")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRestoreKeepsPlacesOfEarlierSchemas: a copy that takes the place of data
// which an earlier program has written knows their places. Data that had none
// stand in nobody's way; places that cannot be read do.
func TestRestoreKeepsPlacesOfEarlierSchemas(t *testing.T) {
	t.Parallel()
	keys := storagetest.Keys(t)
	copied := oldData(t, keys, 1, "")
	copied.open()
	from := copied.copyOut()
	for name, h := range oldPlaces(t, keys) {
		if _, err := h.restore(from); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		h.open()
		if places := second2(h.Places(t.Context())); len(places) != 2 || places[0].Path != "/a" || places[1].Path != "/b" {
			t.Errorf("%s: Places = %+v", name, places)
		}
	}
	before := oldData(t, keys, placeStep-1, "")
	if _, err := before.restore(from); err != nil {
		t.Errorf("over data without places: %v", err)
	}
	odd := oldData(t, keys, placeStep, "ALTER TABLE place RENAME COLUMN path TO folder;")
	kept := odd.keep(storage.StateName)
	if _, err := odd.restore(from); err == nil || !strings.Contains(err.Error(), "places") {
		t.Errorf("over data whose places cannot be read: %v", err)
	}
	want(t, "state.age after a restore that failed", string(odd.keep(storage.StateName)) == string(kept), true)
}
