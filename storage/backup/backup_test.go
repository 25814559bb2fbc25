package backup_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// TestHolds: a whole backup may lie in the folder of a Write that has failed,
// where its name could not be made durable.
func TestHolds(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	check := func(when string, wanted bool) {
		t.Helper()
		want(t, "Holds "+when, backup.Holds(h.backups, h.Installation()), wanted)
		want(t, "Holds of another installation "+when, backup.Holds(h.backups, "0123456789abcdef"), false)
	}
	check("where no folder is", false)
	away := h.backups + "-away"
	o := h.options("")
	o.Step = func(step string) {
		if step == "sync" { // the disk goes
			if err := os.Rename(h.backups, away); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := backup.Write(t.Context(), o); err == nil {
		t.Error("a backup was made on a disk that went")
	}
	if err := os.Rename(away, h.backups); err != nil {
		t.Fatal(err)
	}
	check("after a Write that failed", true)
	all, err := backup.List(h.backups)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d backups, %v", len(all), err)
	}
	half := filepath.Join(h.backups, ".syncd-"+h.Installation()+"-x.partial")
	if err := os.Rename(all[0].Path, half); err != nil {
		t.Fatal(err)
	}
	check("with half a backup", true)
	if err := os.RemoveAll(half); err != nil {
		t.Fatal(err)
	}
	check("with nothing", false)
}

func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	for name, passphrase := range locks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			before := contentOf(t, h.DB)
			b := h.backUp(passphrase)
			want(t, "folder", names(t, h.backups), []string{"syncd-20261005T060000Z"})
			if b.Protected != (passphrase != "") || b.Installation != h.Installation() || b.Bytes() == 0 {
				t.Errorf("manifest: %+v", b.Manifest)
			}
			clean(t, h.backups)
			modes(t, h.backups)
			h.close()

			// Another machine, without any key: a new one is made.
			other := &home{t: t, data: filepath.Join(t.TempDir(), "data"), keys: h.keys, clock: h.clock}
			keys := h.keys
			var err error
			if passphrase != "" {
				other.keys = storagetest.Keys(t)
				if keys, err = backup.Keys(b, other.keys, func() ([]byte, error) { return []byte(passphrase + "\n"), nil }); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.MkdirAll(other.data, 0o700); err != nil {
				t.Fatal(err)
			}
			facts, err := backup.Verify(t.Context(), b, keys)
			if err != nil || facts.Blobs != 2 || facts.Missing != 0 {
				t.Fatalf("Verify = %+v, %v", facts, err)
			}
			r, err := storage.Restore(t.Context(), storage.RestoreOptions{
				From: b.Path, FromKeys: keys, Dir: other.data, Keys: other.keys, Now: h.clock.Now,
			})
			if err != nil || r.Aside != "" {
				t.Fatalf("Restore = %+v, %v", r, err)
			}
			other.open()
			want(t, "Opened", other.Opened(), storage.Opened{OldState: true})
			want(t, "content", contentOf(t, other.DB), before)
			want(t, "data folder", names(t, other.data), []string{"blobs", "cache.age", "lock", "state.age"})
			clean(t, other.data)
		})
	}
}

// modes fails when others than the owner may look.
func modes(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

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

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedBackup alters each file of a backup in several places, cuts it,
// removes it: it is never taken for good, and what is there stays.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	b := h.backUp("")
	h.close()
	good, data := tree(t, b.Path), tree(t, h.data)
	for _, name := range slices.Sorted(maps.Keys(good)) {
		text := good[name]
		broken := map[string]string{"empty": "", "cut": text[:len(text)/2], "longer": text + "x"}
		for i := range 5 {
			at := i * (len(text) - 1) / 4
			broken["byte "+string(rune('0'+i))] = text[:at] + string(text[at]^1) + text[at+1:]
		}
		for how, bad := range broken {
			write(t, filepath.Join(b.Path, name), bad)
			damaged, err := backup.Open(b.Path)
			if err == nil {
				_, err = backup.Verify(t.Context(), damaged, h.keys)
			}
			if err == nil && (name != backup.ManifestName || how == "empty" || how == "cut") {
				t.Errorf("%s, %s: Verify finds nothing", name, how)
			}
			if name == storage.CacheName || name == storage.StateName {
				if _, err := h.restore(b, true); err == nil {
					t.Errorf("%s, %s: Restore took it", name, how)
				}
			}
			want(t, "data", tree(t, h.data), data)
		}
		if err := os.Remove(filepath.Join(b.Path, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Verify(t.Context(), b, h.keys); err == nil && name != backup.ManifestName {
			t.Errorf("%s missing: Verify finds nothing", name)
		}
		write(t, filepath.Join(b.Path, name), text)
	}
	if _, err := backup.Verify(t.Context(), b, h.keys); err != nil {
		t.Fatal(err)
	}
}

// TestSecondBackup links pictures that are there already, and writes them
// anew where the earlier ones are not whole.
func TestSecondBackup(t *testing.T) {
	t.Parallel()
	for name, passphrase := range locks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secondBackup(t, passphrase)
		})
	}
}

func secondBackup(t *testing.T, passphrase string) {
	t.Helper()
	h := newHome(t)
	first := h.backUp(passphrase)
	h.clock.Add(time.Hour)
	second := h.backUp(passphrase)
	blobs := names(t, filepath.Join(first.Path, storage.BlobsName))
	inode := func(b backup.Backup, name string) os.FileInfo {
		info, err := os.Stat(filepath.Join(b.Path, storage.BlobsName, name))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	for _, name := range blobs {
		if !os.SameFile(inode(first, name), inode(second, name)) {
			t.Errorf("%s was written twice", name)
		}
	}
	write(t, filepath.Join(second.Path, storage.BlobsName, blobs[0]), "skadad")
	h.clock.Add(time.Hour)
	third := h.backUp(passphrase)
	h.verify(third)
	if os.SameFile(inode(second, blobs[0]), inode(third, blobs[0])) {
		t.Error("a damaged picture was taken over")
	}
	if passphrase == "" {
		return
	}
	h.clock.Add(time.Hour)
	other := h.backUp(passphrase + " 2")
	if os.SameFile(inode(third, blobs[0]), inode(other, blobs[0])) {
		t.Error("another passphrase opens the old key")
	}
	keys, err := backup.Keys(other, nil, func() ([]byte, error) { return []byte(passphrase + " 2"), nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Verify(t.Context(), other, keys); err != nil {
		t.Errorf("Verify = %v", err)
	}
	if _, err := backup.Verify(t.Context(), third, keys); !errors.Is(err, vault.ErrKeyUnfit) {
		t.Errorf("Verify with the new key = %v, want ErrKeyUnfit", err)
	}
}

// TestThingsThatAreNoFiles puts folders, links and pipes in the places of a
// backup's files: none is followed or waited for.
func TestThingsThatAreNoFiles(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	b := h.backUp("")
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	for _, name := range []string{storage.CacheName, storage.StateName, backup.ManifestName, storage.BlobsName} {
		path := filepath.Join(b.Path, name)
		if err := os.Rename(path, elsewhere); err != nil {
			t.Fatal(err)
		}
		for how, put := range map[string]func() error{
			"folder": func() error { return os.Mkdir(path, 0o700) },
			"link":   func() error { return os.Symlink(elsewhere, path) },
			"pipe":   func() error { return syscall.Mkfifo(path, 0o600) },
		} {
			if err := put(); err != nil {
				t.Fatal(err)
			}
			got, err := backup.Open(b.Path)
			if err == nil {
				_, err = backup.Verify(t.Context(), got, h.keys)
			}
			if !errors.Is(err, vault.ErrDamaged) {
				t.Errorf("%s as a %s: %v, want ErrDamaged", name, how, err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Rename(elsewhere, path); err != nil {
			t.Fatal(err)
		}
	}
	h.verify(b)
}

// TestPicturesThatAreGone shows that a picture which the data lost does not
// stand in the way of backups.
func TestPicturesThatAreGone(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	blobs := names(t, filepath.Join(h.data, storage.BlobsName))
	if err := os.Remove(filepath.Join(h.data, storage.BlobsName, blobs[0])); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(h.data, storage.BlobsName, blobs[1]), "skadad")
	b := h.backUp("")
	if b.LeftOut != 2 {
		t.Errorf("LeftOut = %d, want 2", b.LeftOut)
	}
	if _, err := backup.Verify(t.Context(), b, h.keys); err != nil {
		t.Errorf("Verify = %v", err)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(h.data, link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for dir, target := range map[string]error{
		h.data:                                 backup.ErrPlace,
		filepath.Join(h.data, "backups"):       backup.ErrPlace,
		filepath.Join(link, "backups"):         backup.ErrPlace,
		filepath.Dir(h.key):                    backup.ErrPlace,
		file:                                   backup.ErrPlace,
		filepath.Join(t.TempDir(), "not", "x"): fs.ErrNotExist,
	} {
		o := h.options("")
		o.Dir = dir
		if _, err := backup.Write(t.Context(), o); !errors.Is(err, target) {
			t.Errorf("Write into %s = %v, want %v", dir, err, target)
		}
	}
	// Of two that were made in one second the later is the newest.
	o := h.options("")
	o.Dir = t.TempDir()
	for range 3 {
		b, err := backup.Write(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if newest, err := backup.Open(o.Dir); err != nil || newest.ID != b.ID {
			t.Errorf("the newest is %s, %v", newest.Path, err)
		}
	}
	// A folder with other things in it is fine; they stay.
	write(t, filepath.Join(h.backups, "semester.txt"), "Öland")
	write(t, filepath.Join(h.backups, "syncd-20200101T000000Z", "anteckning.txt"), "inte vår")
	h.backUp("")
	all, err := backup.List(h.backups)
	if err != nil || len(all) != 1 {
		t.Errorf("List = %v, %v", paths(all), err)
	}
	if _, err := backup.Prune(h.backups, h.Installation(), backup.Keep{}, time.UTC); err != nil {
		t.Fatal(err)
	}
	want(t, "folder", names(t, h.backups), []string{"semester.txt", "syncd-20200101T000000Z", "syncd-20261005T060000Z"})
}

func TestPrune(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	other := newHome(t)
	o := other.options("")
	o.Dir = h.backups
	start := storagetest.Start()
	for _, hours := range []int{0, 12, 24, 156, 168, 312, 324, 336} {
		h.clock.Add(start.Add(time.Duration(hours) * time.Hour).Sub(h.clock.Now()))
		h.backUp("")
	}
	if _, err := backup.Write(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	removed, err := backup.Prune(h.backups, h.Installation(), backup.Keep{Days: 3, Weeks: 3}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	left, err := backup.List(h.backups)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "left", paths(left), []string{
		"syncd-20261005T060001Z", // the other installation's, made at the same second as the first
		"syncd-20261011T180000Z", "syncd-20261012T060000Z", "syncd-20261018T180000Z", "syncd-20261019T060000Z",
	})
	if len(removed)+len(left) != 9 {
		t.Errorf("%d removed, %d left", len(removed), len(left))
	}
	newest, err := backup.NewestOf(h.backups, h.Installation())
	if err != nil || filepath.Base(newest.Path) != "syncd-20261019T060000Z" {
		t.Errorf("NewestOf = %s, %v", newest.Path, err)
	}
	// Keep nothing: the newest stays.
	if _, err := backup.Prune(h.backups, h.Installation(), backup.Keep{}, time.UTC); err != nil {
		t.Fatal(err)
	}
	if left, _ := backup.List(h.backups); len(left) != 2 {
		t.Errorf("left: %v", paths(left))
	}
	for _, b := range left {
		if b.Installation == h.Installation() {
			if _, err := os.Stat(b.Path); err == nil && b.Path != newest.Path {
				t.Errorf("%s is still there", b.Path)
			}
		}
	}
}

// TestRewrite removes an account from backups: nothing of it is left there,
// the rest is.
func TestRewrite(t *testing.T) {
	t.Parallel()
	for name, passphrase := range locks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			b := h.backUp(passphrase)
			o := backup.RewriteOptions{Backup: b, Keys: h.keys, Now: h.clock.Now, Log: discard()}
			failed := errors.New("nej")
			if _, err := backup.Rewrite(t.Context(), o, func(*storage.DB) error { return failed }); !errors.Is(err, failed) {
				t.Errorf("Rewrite = %v", err)
			}
			want(t, "folder", names(t, h.backups), []string{"syncd-20261005T060000Z"})
			if _, err := h.DeleteAccount(t.Context(), h.account); err != nil {
				t.Fatal(err)
			}
			n, err := backup.Rewrite(t.Context(), o, func(db *storage.DB) error {
				_, err := db.DeleteAccount(t.Context(), h.account)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			want(t, "folder", names(t, h.backups), []string{"syncd-20261005T060000Z-r2"})
			keys, err := backup.Keys(n, h.keys, nil)
			if err != nil {
				t.Fatal(err)
			}
			facts, err := backup.Verify(t.Context(), n, keys)
			if err != nil || facts.Blobs != 1 || len(names(t, filepath.Join(n.Path, storage.BlobsName))) != 1 {
				t.Errorf("Verify = %+v, %v", facts, err)
			}
			h.close()
			if _, err := h.restore(n, true); err != nil {
				t.Fatal(err)
			}
			h.open()
			if got := contentOf(t, h.DB); len(got.Children) != 1 || len(got.Pictures) != 1 || got.Pictures[0] != picture {
				t.Errorf("what is left: %+v", got.Children)
			}
			// A new key opens it by the passphrase alone.
			rotated := backup.RewriteOptions{Backup: n, Keys: storagetest.Keys(t), Now: h.clock.Now, Log: discard()}
			if _, err := backup.Rewrite(t.Context(), rotated, func(*storage.DB) error { return nil }); err == nil {
				t.Error("a strange key rewrote it")
			}
			rotated.Passphrase = []byte(passphrase)
			if _, err := backup.Rewrite(t.Context(), rotated, func(*storage.DB) error { return nil }); (err == nil) != (passphrase != "") {
				t.Errorf("Rewrite with the passphrase = %v", err)
			}
		})
	}
}

// TestTwoKeys writes and changes backups while the key file holds two keys, a new
// one before the old: each opens with the first alone, which is all that is left
// when the old one is dropped.
func TestTwoKeys(t *testing.T) {
	t.Parallel()
	for name, passphrase := range locks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			ctx := t.Context()
			first := h.backUp(passphrase)
			if err := h.keys.BeginRotation(""); err != nil {
				t.Fatal(err)
			}
			h.clock.Add(time.Hour)
			second := h.backUp(passphrase)
			// A change of one of the two files.
			rewritten, err := backup.Rewrite(ctx, backup.RewriteOptions{Backup: first, Keys: h.keys, Now: h.clock.Now, Log: discard()},
				func(db *storage.DB) error { return db.PutDue(ctx, h.account, h.clock.Now()) })
			if err != nil {
				t.Fatal(err)
			}
			if err := h.keys.EndRotation(); err != nil {
				t.Fatal(err)
			}
			for _, b := range []backup.Backup{second, rewritten} {
				keys, err := backup.Keys(b, h.keys, nil)
				if err != nil {
					t.Errorf("%s: Keys = %v", filepath.Base(b.Path), err)
					continue
				}
				facts, err := backup.Verify(ctx, b, keys)
				if err != nil || facts.Blobs != 2 || facts.Missing != 0 || b.LeftOut != 0 {
					t.Errorf("%s, with the new key alone: Verify = %+v, %v; LeftOut = %d", filepath.Base(b.Path), facts, err, b.LeftOut)
				}
				clean(t, b.Path)
			}
		})
	}
}

// TestRotationDuringRewrite lets a rotation begin and end while a backup is
// rewritten: nothing is lost, and all of it is sealed with one key.
func TestRotationDuringRewrite(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	ctx := t.Context()
	b, before := h.backUp(""), h.keys.Fixed()
	n, err := backup.Rewrite(ctx, backup.RewriteOptions{Backup: b, Keys: h.keys, Now: h.clock.Now, Log: discard()}, func(db *storage.DB) error {
		_, err := h.Rotate(ctx, "")
		return errors.Join(db.PutDue(ctx, h.account, h.clock.Now()), err)
	})
	if err != nil {
		t.Fatal(err)
	}
	if facts, err := backup.Verify(ctx, n, before); err != nil || facts.Blobs != 2 || n.LeftOut != 0 {
		t.Errorf("Verify = %+v, %v; LeftOut = %d", facts, err, n.LeftOut)
	}
	if _, err := backup.Verify(ctx, n, h.keys); !errors.Is(err, vault.ErrKeyUnfit) {
		t.Errorf("Verify with the new key = %v, want ErrKeyUnfit", err)
	}
}

// TestRewriteLosesNoPictures: a rewriting after which pictures are missing is
// given up, and the backup is not called damaged.
func TestRewriteLosesNoPictures(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	ctx := t.Context()
	b := h.backUp("")
	_, err := backup.Rewrite(ctx, backup.RewriteOptions{Backup: b, Keys: h.keys, Now: h.clock.Now, Log: discard()}, func(db *storage.DB) error {
		blobs := filepath.Join(db.Dir(), storage.BlobsName)
		return os.Remove(filepath.Join(blobs, names(t, blobs)[0]))
	})
	if err == nil || errors.Is(err, vault.ErrDamaged) {
		t.Errorf("Rewrite = %v, want an error about itself", err)
	}
	want(t, "folder", names(t, h.backups), []string{filepath.Base(b.Path)})
	h.verify(b)
}
