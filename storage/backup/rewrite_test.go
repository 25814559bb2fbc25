package backup_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

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
