package backup_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

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
