package backup_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// TestRestoreOverData puts a backup back over data that went on.
func TestRestoreOverData(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	before := contentOf(t, h.DB)
	b := h.backUp("")
	// Afterwards: an event more, a link revoked, another made.
	h.clock.Add(time.Hour)
	s := storagetest.Snapshot(25)
	if _, err := h.Apply(t.Context(), h.account, s); err != nil {
		t.Fatal(err)
	}
	err := errors.Join(h.RevokeLink(t.Context(), "l1"), h.AddLink(t.Context(), school.Link{ID: "l3"}, secrets(3)))
	if err != nil {
		t.Fatal(err)
	}
	later := contentOf(t, h.DB)
	if later.Revision == before.Revision {
		t.Fatal("nothing happened")
	}
	h.close()
	files := tree(t, h.data)

	if _, err := h.restore(b, false); !errors.Is(err, storage.ErrOccupied) {
		t.Fatalf("Restore over data = %v, want ErrOccupied", err)
	}
	want(t, "data after a refusal", tree(t, h.data), files)

	r, err := h.restore(b, true)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "what was there is kept", tree(t, r.Aside), files)
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{OldState: true})
	want(t, "content", contentOf(t, h.DB), before)
	for id, revoked := range map[school.LinkID]bool{"l1": false, "l2": true} {
		l, err := h.Link(t.Context(), id)
		if err != nil || l.Live(h.clock.Now()) || l.Revoked.IsZero() == revoked {
			t.Errorf("link %s revived silently: %+v, %v", id, l, err)
		}
	}
	if _, _, err := h.ChangesSince(t.Context(), nil, nil, before.Revision); err != nil {
		t.Errorf("a token from before the backup: %v", err)
	}
	if _, _, err := h.ChangesSince(t.Context(), nil, nil, later.Revision); !errors.Is(err, storage.ErrRevision) {
		t.Errorf("a token from after the backup: %v, want ErrRevision", err)
	}
	// The same again happens: the later token is still none.
	if _, err := h.Apply(t.Context(), h.account, s); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.ChangesSince(t.Context(), nil, nil, later.Revision); !errors.Is(err, storage.ErrRevision) {
		t.Errorf("a token from after the backup, met again: %v, want ErrRevision", err)
	}
	// A guardian's word lasts.
	l, err := h.Link(t.Context(), "l1")
	l.Suspended = time.Time{}
	if err := errors.Join(err, h.PutLink(t.Context(), l), h.Close()); err != nil {
		t.Fatal(err)
	}
	h.open()
	want(t, "Opened again", h.Opened(), storage.Opened{})
	if l, _ := h.Link(t.Context(), "l1"); !l.Live(h.clock.Now()) {
		t.Error("the confirmed link does not live")
	}
}

// TestRestoreBringsNothingDeletedBack restores a backup that was out of reach
// when things were deleted.
func TestRestoreBringsNothingDeletedBack(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	b := h.backUp("")
	ctx := t.Context()
	_, err := h.Delete(ctx, storage.Choice{Child: 1, Kind: school.KindNews})
	accounts, e := h.Accounts(ctx)
	if err := errors.Join(err, e); err != nil || len(accounts) != 2 {
		t.Fatal(accounts, err)
	}
	other := accounts[0].ID
	if other == h.account {
		other = accounts[1].ID
	}
	if _, err := h.DeleteAccount(ctx, other); err != nil {
		t.Fatal(err)
	}
	h.close()
	r, err := h.restore(b, true)
	if err != nil || r.Deletions != 2 {
		t.Fatalf("Restore = %+v, %v", r, err)
	}
	clean(t, h.data)
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{OldState: true})
	got := contentOf(t, h.DB)
	if len(got.Pictures) != 0 || len(got.Letters) != 0 || len(got.Entries) != 1 || len(got.Entries[0]) != 20 {
		t.Errorf("what is left: %d letters, %d pictures, %d children", len(got.Letters), len(got.Pictures), len(got.Entries))
	}
	if n := names(t, filepath.Join(h.data, storage.BlobsName)); len(n) != 0 {
		t.Errorf("%d pictures are left", len(n))
	}
	if left, err := h.Cleanups(ctx); err != nil || len(left) != 2 {
		t.Errorf("Cleanups = %v, %v: the backup itself still holds it", left, err)
	}
	u, err := h.Unwanted(ctx)
	if err != nil || len(u) != 1 {
		t.Errorf("Unwanted = %v, %v", u, err)
	}
}

// TestRestoreRemembersPlaces: whoever deletes something after a restore has to
// find the backup that was restored, and the copies that were made since.
func TestRestoreRemembersPlaces(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	ctx := t.Context()
	at := storagetest.Start()
	if err := h.PutPlace(ctx, "/before", storage.CopyBackup); err != nil {
		t.Fatal(err)
	}
	b := h.backUp("")
	if _, err := h.Delete(ctx, storage.Choice{Child: 1, Kind: school.KindNews}); err != nil {
		t.Fatal(err)
	}
	if err := h.Cleaned(ctx, 1, "/before"); err != nil {
		t.Fatal(err)
	}
	h.clock.Add(time.Hour)
	for path, what := range map[string]storage.CopyKind{"/before": storage.CopyBackup, "/since": storage.CopyBackup, "/plain": storage.CopyExport} {
		if err := h.PutPlace(ctx, path, what); err != nil {
			t.Fatal(err)
		}
	}
	h.close()
	h.clock.Add(time.Hour)
	options := func(dir string) storage.RestoreOptions {
		return storage.RestoreOptions{
			From: b.Path, FromKeys: h.keys, Dir: dir, Keys: h.keys, Replace: true, Place: h.backups, Now: h.clock.Now,
		}
	}
	elsewhere := &home{t: t, data: filepath.Join(t.TempDir(), "data"), keys: h.keys, clock: h.clock}
	if err := os.MkdirAll(elsewhere.data, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		home   *home
		places []storage.Place
		left   int
	}{
		"over data": {h, []storage.Place{
			{Path: "/before", What: storage.CopyBackup, At: at.Add(time.Hour)},
			{Path: "/plain", What: storage.CopyExport, At: at.Add(time.Hour)},
			{Path: "/since", What: storage.CopyBackup, At: at.Add(time.Hour)},
			{Path: h.backups, What: storage.CopyBackup, At: at.Add(2 * time.Hour)},
		}, 1},
		"another machine": {elsewhere, []storage.Place{
			{Path: "/before", What: storage.CopyBackup, At: at}, {Path: h.backups, What: storage.CopyBackup, At: at.Add(2 * time.Hour)},
		}, 0},
	} {
		if _, err := storage.Restore(ctx, options(tc.home.data)); err != nil {
			t.Fatal(name, err)
		}
		tc.home.open()
		want(t, name+": Opened", tc.home.Opened(), storage.Opened{OldState: true})
		got, err := tc.home.Places(ctx)
		if err != nil {
			t.Fatal(name, err)
		}
		want(t, name+": Places", got, tc.places)
		left, err := tc.home.Cleanups(ctx)
		if err != nil || len(left) != tc.left {
			t.Errorf("%s: Cleanups = %v, %v, want %d", name, left, err, tc.left)
		}
		for _, c := range left {
			for _, p := range got {
				if p.What == storage.CopyBackup && p.Seen >= c.ID {
					t.Errorf("%s: %s does not hear of the deletion", name, p.Path)
				}
			}
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	plain, locked := h.backUp(""), h.backUp("lösenord nog")
	h.close()
	files := tree(t, h.data)
	stranger := newHome(t)
	foreign := stranger.backUp("")
	stranger.close()
	unchanged := func(t *testing.T) {
		t.Helper()
		want(t, "data", tree(t, h.data), files)
	}
	t.Run("another installation", func(t *testing.T) {
		_, err := storage.Restore(t.Context(), storage.RestoreOptions{
			From: foreign.Path, FromKeys: stranger.keys, Dir: h.data, Keys: h.keys, Replace: true, Now: h.clock.Now,
		})
		if !errors.Is(err, storage.ErrMismatch) {
			t.Errorf("Restore = %v, want ErrMismatch", err)
		}
		unchanged(t)
	})
	t.Run("another key", func(t *testing.T) {
		_, err := storage.Restore(t.Context(), storage.RestoreOptions{
			From: plain.Path, FromKeys: stranger.keys, Dir: h.data, Keys: h.keys, Replace: true, Now: h.clock.Now,
		})
		if !errors.Is(err, vault.ErrKeyUnfit) {
			t.Errorf("Restore = %v, want ErrKeyUnfit", err)
		}
		unchanged(t)
	})
	t.Run("passphrase", func(t *testing.T) {
		for _, f := range []func() ([]byte, error){nil, func() ([]byte, error) { return []byte("fel"), nil }} {
			if _, err := backup.Keys(locked, stranger.keys, f); !errors.Is(err, vault.ErrPassphrase) {
				t.Errorf("Keys = %v, want ErrPassphrase", err)
			}
		}
		if _, err := backup.Keys(locked, h.keys, nil); err != nil {
			t.Errorf("the installation's own key does not open it: %v", err)
		}
	})
	t.Run("not a backup", func(t *testing.T) {
		empty := t.TempDir()
		for _, path := range []string{empty, h.data} {
			if _, err := backup.Open(path); !errors.Is(err, backup.ErrNoBackup) {
				t.Errorf("Open = %v, want ErrNoBackup", err)
			}
		}
		if _, err := backup.Open(filepath.Join(empty, "away")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open = %v, want ErrNotExist", err)
		}
	})
	t.Run("of the future", func(t *testing.T) {
		dir := t.TempDir()
		text := strings.Replace(tree(t, plain.Path)[backup.ManifestName], `"syncd_backup": 1`, `"syncd_backup": 2`, 1)
		write(t, filepath.Join(dir, backup.ManifestName), text)
		if _, err := backup.Open(dir); !errors.Is(err, storage.ErrNewer) {
			t.Errorf("Open = %v, want ErrNewer", err)
		}
	})
}
