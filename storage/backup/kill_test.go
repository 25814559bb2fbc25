package backup_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// TestMain lets the test binary play the process that is killed.
func TestMain(m *testing.M) {
	if role := os.Getenv("BACKUP_TEST_CHILD"); role != "" {
		if err := child(context.Background(), role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child does one thing and kills itself at the step that it was told.
func child(ctx context.Context, role string) error {
	data, key, backups := os.Getenv("DATA"), os.Getenv("KEY"), os.Getenv("BACKUPS")
	left, err := strconv.Atoi(os.Getenv("STEP"))
	if err != nil {
		return err
	}
	step := func(string) {
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	keys, err := vault.OpenKeys(vault.KeySource{File: key})
	if err != nil {
		return err
	}
	now := storagetest.NewClock(storagetest.Start()).Now
	switch role {
	case "write":
		db, err := storage.Open(ctx, storage.Options{Dir: data, Keys: keys, Now: now, Log: discard()})
		if err != nil {
			return err
		}
		_, err = backup.Write(ctx, backup.Options{
			DB: db, Dir: backups, Now: now, Step: step,
		})
		return errors.Join(err, db.Close())
	case "restore":
		lock, err := vault.LockFolder(data)
		if err != nil {
			return err
		}
		b, err := backup.Open(backups)
		if err != nil {
			return err
		}
		_, err = storage.Restore(ctx, storage.RestoreOptions{
			From: b.Path, FromKeys: keys, Dir: data, Keys: keys, Replace: true, Place: backups, Now: now, Step: step,
		})
		return errors.Join(err, lock.Close())
	case "rewrite":
		b, err := backup.Open(backups)
		if err != nil {
			return err
		}
		_, err = backup.Rewrite(ctx, backup.RewriteOptions{Backup: b, Keys: keys, Now: now, Log: discard(), Step: step},
			func(db *storage.DB) error {
				_, err := db.DeleteAccount(ctx, school.AccountID(os.Getenv("ACCOUNT")))
				return err
			})
		return err
	}
	return errors.New("no such role")
}

// run lets a child do its work until the step, and reports whether it was
// killed there; false means that it was done before.
func (h *home) run(role string, step int) bool {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "BACKUP_TEST_CHILD="+role, "DATA="+h.data, "KEY="+h.key, "BACKUPS="+h.backups,
		"STEP="+strconv.Itoa(step), "ACCOUNT="+string(h.account))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return false
	}
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		if s, ok := e.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			return true
		}
	}
	h.t.Fatalf("%s, step %d: %v: %s", role, step, err, out)
	return false
}

// copyTree makes to a copy of from.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	for name, text := range tree(t, from) {
		write(t, filepath.Join(to, name), text)
	}
}

func TestKilledBackup(t *testing.T) {
	t.Parallel()
	if slow {
		t.Skip("runs without the race detector")
	}
	h := newHome(t)
	before := contentOf(t, h.DB)
	h.close()
	steps := 0
	for h.run("write", steps+1) {
		steps++
		clean(t, filepath.Dir(h.data))
		all, err := backup.List(h.backups)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range all {
			h.verify(b)
		}
		h.open()
		want(t, "content", contentOf(t, h.DB), before)
		h.close()
	}
	if steps < 4 {
		t.Fatalf("%d steps", steps)
	}
	for _, n := range names(t, h.backups) {
		if strings.HasPrefix(n, ".") {
			t.Errorf("%s was left", n)
		}
	}
	if all, err := backup.List(h.backups); err != nil || len(all) < 1 {
		t.Fatalf("List = %v, %v", paths(all), err)
	}
}

func (h *home) verify(b backup.Backup) {
	h.t.Helper()
	keys, err := backup.Keys(b, h.keys, nil)
	if err == nil {
		_, err = backup.Verify(h.t.Context(), b, keys)
	}
	if err != nil {
		h.t.Fatalf("%s: %v", b.Path, err)
	}
}

// TestKilledRestore ends a restore before each of its steps. Whatever is
// opened then is all of the data before or all of the backup.
func TestKilledRestore(t *testing.T) {
	t.Parallel()
	if slow {
		t.Skip("runs without the race detector")
	}
	h := newHome(t)
	saved := contentOf(t, h.DB)
	h.backUp("")
	if _, err := h.Apply(t.Context(), h.account, storagetest.Snapshot(25)); err != nil {
		t.Fatal(err)
	}
	later := contentOf(t, h.DB)
	h.close()
	start := filepath.Join(t.TempDir(), "start")
	copyTree(t, h.data, start)
	for _, twice := range []bool{false, true} { // killed again while the steps are made up for
		old, fresh, step := 0, 0, 1
		if twice {
			step = 5 // before that nothing is made up for
		}
		for ; ; step++ {
			copyTree(t, start, h.data)
			if !h.run("restore", step) {
				break
			}
			if twice {
				h.run("restore", 1)
			}
			clean(t, h.data)
			h.open()
			got := contentOf(t, h.DB)
			switch {
			case reflect.DeepEqual(got, later):
				old++
				if fresh > 0 && !twice {
					t.Errorf("step %d: the data before came back", step)
				}
				want(t, "Opened", h.Opened(), storage.Opened{})
			case reflect.DeepEqual(got, saved):
				fresh++
				want(t, "Opened", h.Opened(), storage.Opened{OldState: true})
			default:
				t.Fatalf("step %d: a mixture of the two", step)
			}
			h.close()
			for _, n := range names(t, h.data) {
				if strings.HasPrefix(n, "restore.") {
					t.Errorf("step %d: %s was left", step, n)
				}
			}
		}
		if old < 3 && !twice || fresh < 5 {
			t.Errorf("%d steps before, %d steps after", old, fresh)
		}
	}
}

// TestKilledRewrite ends a rewriting before each of its steps. There is always
// one whole backup, and once it was done again nothing of the account is left.
func TestKilledRewrite(t *testing.T) {
	t.Parallel()
	if slow {
		t.Skip("runs without the race detector")
	}
	h := newHome(t)
	h.backUp("")
	h.close()
	start := filepath.Join(t.TempDir(), "start")
	copyTree(t, h.backups, start)
	for step := 1; ; step++ {
		copyTree(t, start, h.backups)
		killed := h.run("rewrite", step)
		all, err := backup.List(h.backups)
		if err != nil || len(all) != 1 {
			t.Fatalf("step %d: List = %v, %v", step, paths(all), err)
		}
		h.verify(all[0])
		clean(t, h.backups)
		if !killed {
			if step < 5 {
				t.Errorf("%d steps", step)
			}
			break
		}
		if all[0].Revision == 1 {
			h.run("rewrite", 1000)
		} else if err := backup.Tidy(h.backups, all[0].Installation); err != nil {
			t.Fatal(err)
		}
		want(t, "folder", names(t, h.backups), []string{"syncd-20261005T060000Z-r2"})
		if n := len(names(t, filepath.Join(h.backups, "syncd-20261005T060000Z-r2", storage.BlobsName))); n != 1 {
			t.Errorf("step %d: %d pictures are left", step, n)
		}
	}
}
