package backup_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/storagetest"
)

// smallDisk mounts a file system of two megabytes.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", dir).Run(); err != nil {
		if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" && os.Geteuid() == 0 {
			t.Fatalf("mount: %v", err)
		}
		t.Skip("a small file system cannot be mounted here")
	}
	t.Cleanup(func() { _ = exec.CommandContext(context.Background(), "umount", dir).Run() })
	return dir
}

// large stores a picture of 1.7 megabytes.
func (h *home) large() {
	h.t.Helper()
	a := storagetest.Account(h.t, h.DB, "large", "child")
	s := storagetest.Snapshot(1)
	s.Platform = "large"
	at := storagetest.Start()
	noise := make([]byte, 1_700_000)
	_, _ = rand.Read(noise)
	s.News = []school.NewsItem{{
		Ref: "n", UID: "n-large", Title: "Brev", HTML: "<p>Hej</p>", Published: at, Modified: at,
		Images: []school.Media{{Ref: "i", Name: "bild.jpg", Type: "image/jpeg", Data: noise}},
	}}
	if _, err := h.Apply(h.t.Context(), a, s); err != nil {
		h.t.Fatal(err)
	}
	h.big = a
}

// shrink removes it again.
func (h *home) shrink() {
	h.t.Helper()
	if _, err := h.DeleteAccount(h.t.Context(), h.big); err != nil {
		h.t.Fatal(err)
	}
}

func TestInteropDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	h := newHome(t)
	h.backups = filepath.Join(disk, "backups")
	first := h.backUp("")
	h.large()
	full := h.options("")
	full.Step = func(step string) {
		if step == "begin" {
			t.Error("a backup was begun that has no room")
		}
	}
	if _, err := backup.Write(t.Context(), full); !errors.Is(err, backup.ErrNoRoom) {
		t.Fatalf("Write without room = %v, want ErrNoRoom", err)
	}
	want(t, "folder", names(t, h.backups), []string{filepath.Base(first.Path)})

	// Room that goes while it is written.
	h.shrink()
	full.Step = func(step string) {
		if step == "copy" {
			filler := make([]byte, 2<<20)
			_ = os.WriteFile(filepath.Join(disk, "filler"), filler, 0o600)
		}
	}
	if _, err := backup.Write(t.Context(), full); !errors.Is(err, backup.ErrNoRoom) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Write on a full disk = %v, want ErrNoRoom", err)
	}
	want(t, "folder", names(t, h.backups), []string{filepath.Base(first.Path)})
	h.verify(first)
	if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
		t.Fatal(err)
	}
	h.large()
	if h.Unsaved() != nil {
		t.Error("the data suffer from a full backup disk")
	}

	// A restore for which the data's disk is too small leaves the data.
	h.backups = filepath.Join(t.TempDir(), "roomy")
	b := h.backUp("")
	data := filepath.Join(disk, "data")
	if err := os.Rename(first.Path, filepath.Join(disk, "kept")); err != nil {
		t.Fatal(err)
	}
	copyTree(t, filepath.Join(disk, "kept"), data)
	before := tree(t, data)
	h.close()
	h.data = data
	if _, err := h.restore(b, true); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Restore on a full disk = %v, want ENOSPC", err)
	}
	want(t, "data", tree(t, data), before)
	h.open()
	want(t, "Opened", h.Opened(), storage.Opened{})
}
