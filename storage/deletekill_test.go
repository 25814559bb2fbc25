package storage_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// removals are what is cut short in TestKilledRemoval.
func removals() map[string]func(context.Context, *storage.DB, school.AccountID) error {
	return map[string]func(context.Context, *storage.DB, school.AccountID) error{
		"child": func(ctx context.Context, db *storage.DB, _ school.AccountID) error {
			_, err := db.Delete(ctx, storage.Choice{Child: 1})
			return err
		},
		"kind": func(ctx context.Context, db *storage.DB, _ school.AccountID) error {
			_, err := db.Delete(ctx, storage.Choice{Kind: school.KindNews})
			return err
		},
		"account": func(ctx context.Context, db *storage.DB, id school.AccountID) error {
			_, err := db.DeleteAccount(ctx, id)
			return err
		},
		"sweep": func(ctx context.Context, db *storage.DB, _ school.AccountID) error {
			_, err := db.Sweep(ctx)
			return err
		},
	}
}

// removeAndDie is what the killed process does: it ends itself, by SIGKILL, at
// the n-th step.
func removeAndDie(ctx context.Context, root, what string, n int) int {
	if what == "wipe" {
		return wipeAndDie(ctx, root, n)
	}
	keys, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(root, "keys", "cache.key"), Data: filepath.Join(root, "data")})
	if err != nil {
		return 78
	}
	clock := storagetest.NewClock(storagetest.Start().Add(3 * time.Hour))
	if what == "sweep" {
		clock.Add(400 * 24 * time.Hour)
	}
	db, err := storage.Open(ctx, storage.Options{Dir: filepath.Join(root, "data"), Keys: keys, Now: clock.Now, Log: discard()})
	if err != nil {
		return 78
	}
	accounts, err := db.Accounts(ctx)
	if err != nil || len(accounts) != 1 {
		return 1
	}
	if what == "sweep" { // the clock is believed on the second day
		if _, err := db.Sweep(ctx); err != nil {
			return 1
		}
		clock.Add(24 * time.Hour)
	}
	storage.SetStep(db, func(string) {
		if n--; n == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	})
	if removals()[what](ctx, db, accounts[0].ID) != nil || db.Close() != nil {
		return 1
	}
	return 0
}

// TestKilledRemoval kills the process at each step of each removal. Before the
// first write nothing has happened; after it the next start completes the
// deletion, and so does the next sweep: nothing half removed is ever shown, and
// nothing stays under the seal.
func TestKilledRemoval(t *testing.T) {
	t.Parallel()
	if slow {
		t.Skip("runs without the race detector")
	}
	for what := range removals() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				root := t.TempDir()
				h, source := keyed(t, root)
				lively(t, h)
				h.close()
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), "STORAGE_TEST_REMOVE="+what, "STORAGE_TEST_STEP="+strconv.Itoa(n), "STORAGE_TEST_CHILD="+root)
				err := cmd.Run()
				killed := cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == -1
				if err != nil && !killed {
					t.Fatalf("step %d: %v", n, err)
				}
				checkRemoval(t, h, source, what, n)
				if !killed {
					if n < 4 {
						t.Fatalf("only %d steps", n-1)
					}
					return
				}
			}
		})
	}
}

func checkRemoval(t *testing.T, h *house, source vault.KeySource, what string, n int) {
	t.Helper()
	scan(t, source.Data)
	h.open()
	want(t, fmt.Sprint("Opened after step ", n), h.Opened(), storage.Opened{})
	if what == "sweep" {
		for _, days := range []int{402, 1, 1} {
			h.clock.Add(time.Duration(days) * 24 * time.Hour)
			if _, err := h.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	events, letters := len(h.entries(1, school.KindEvents)), len(h.letters())
	untouched := events == 60 && letters == 6 && h.blobs() == 5
	if todo := second2(h.Cleanups(t.Context())); what != "sweep" && (len(todo) == 0) != untouched {
		t.Errorf("step %d: %d deletions have to be made in the backups", n, len(todo))
	}
	switch what {
	case "kind":
		if (n != 1 || !untouched) && (events != 60 || letters != 1 || h.blobs() != 0) {
			t.Errorf("step %d: %d events, %d letters, %d files", n, events, letters, h.blobs())
		}
	case "sweep":
		if events+letters+h.blobs() != 0 {
			t.Errorf("step %d: %d events, %d letters, %d files", n, events, letters, h.blobs())
		}
	default:
		if (n != 1 || !untouched) && (events+letters+h.blobs() != 0 || remnants(t, source) != 0) {
			t.Errorf("step %d: %d events, %d letters, %d files, %d remnants", n, events, letters, h.blobs(), remnants(t, source))
		}
	}
	h.close()
}
