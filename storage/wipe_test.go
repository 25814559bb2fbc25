package storage_test

import (
	"context"
	"errors"
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

// left lists what lies below a folder.
func left(t *testing.T, root string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// leaveTraces fills a folder with what a life leaves there beside the data.
func leaveTraces(t *testing.T, dir string, more ...string) {
	t.Helper()
	for _, name := range append(more, "state.age.unreadable-20260101T000000Z", "replaced-20260101T000000Z/cache.age") {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWipeWithoutPatience: whoever holds the data, such as a copy to a disk that
// hangs, is not waited for where that is said; otherwise he is.
func TestWipeWithoutPatience(t *testing.T) {
	t.Parallel()
	h, source := keyed(t, t.TempDir())
	release := storage.HoldContent(h.DB)
	got, err := h.Wipe(storage.WipeOptions{Key: source.Managed, Patience: time.Millisecond})
	if err != nil || !got.Key || !h.Wiped() {
		t.Errorf("Wipe = %+v, %v", got, err)
	}
	want(t, "what is left", left(t, h.dir), []string{"lock"})
	release()

	h, source = keyed(t, t.TempDir())
	time.AfterFunc(50*time.Millisecond, storage.HoldContent(h.DB))
	got, err = h.Wipe(storage.WipeOptions{Key: source.Managed, Patience: time.Minute})
	if err != nil || !got.Key {
		t.Errorf("Wipe = %+v, %v", got, err)
	}
}

func TestWipe(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	h, source := keyed(t, root)
	account := lively(t, h)
	leaveTraces(t, h.dir, "cache.age.new", "restore.partial/state.age", "restore.ready/blobs/x.age", "blobs/aaaaaaaaaaaaaaaaaaaaaaaaaa.age.new")
	if err := os.WriteFile(h.path("mitt.txt"), []byte("mitt"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := h.Wipe(storage.WipeOptions{Key: source.Managed})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "Wiped", got, storage.Wiped{Key: true, Sealed: 7, Blobs: 6, Left: []string{h.path("mitt.txt")}})
	// Nobody who still holds the database can make it rise again.
	for what, err := range map[string]error{
		"Apply": second(h.Apply(t.Context(), account, h.events("a"))), "PutSession": h.PutSession(t.Context(), account, []byte("x")),
		"Children": second(h.Children(t.Context())), "Delete": second(h.Delete(t.Context(), storage.Choice{Child: 1})),
		"Sweep": second(h.Sweep(t.Context())),
	} {
		if err == nil {
			t.Errorf("%s works on", what)
		}
	}
	_ = h.Flush(t.Context())
	h.close()
	want(t, "left", left(t, root), []string{"lock", "mitt.txt"})
}

// wipeAndDie is what the killed process does.
func wipeAndDie(ctx context.Context, root string, n int) int {
	keys, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(root, "keys", "cache.key"), Data: filepath.Join(root, "data")})
	if err != nil {
		return 78
	}
	db, err := storage.Open(ctx, storage.Options{
		Dir: filepath.Join(root, "data"), Keys: keys, Now: storagetest.NewClock(storagetest.Start().Add(3 * time.Hour)).Now, Log: discard(),
	})
	if err != nil {
		return 78
	}
	_, err = db.Wipe(storage.WipeOptions{Key: filepath.Join(root, "keys", "cache.key"), Step: func(string) {
		if n--; n == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}})
	if err = errors.Join(err, db.Close()); err != nil {
		return 1
	}
	return 0
}

// TestKilledWipe kills a wipe at each of its steps. Before the first removal
// everything is as it was; after it the key is gone, nothing can be opened any
// more and nothing begins anew by itself; and a wipe that is run again, which
// needs no key, leaves nothing.
func TestKilledWipe(t *testing.T) {
	t.Parallel()
	if slow {
		t.Skip("runs without the race detector")
	}
	for n := 1; ; n++ {
		root := t.TempDir()
		h, source := keyed(t, root)
		lively(t, h)
		h.close()
		leaveTraces(t, filepath.Join(root, "data"))
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "STORAGE_TEST_REMOVE=wipe", "STORAGE_TEST_STEP="+strconv.Itoa(n), "STORAGE_TEST_CHILD="+root)
		err := cmd.Run()
		killed := cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == -1
		if err != nil && !killed {
			t.Fatalf("step %d: %v", n, err)
		}
		if !killed {
			if n < 7 {
				t.Fatalf("only %d steps", n-1)
			}
			return
		}
		scan(t, source.Data)
		if n == 1 {
			h.open()
			want(t, "events", len(h.entries(1, school.KindEvents)), 60)
			h.close()
		}
		if _, err := os.Stat(source.Managed); n > 1 && !os.IsNotExist(err) {
			t.Errorf("step %d: the key is there: %v", n, err)
		}
		if n > 1 && len(left(t, root)) > 1 {
			if _, err := vault.OpenKeys(source); !errors.Is(err, vault.ErrKeyMissing) {
				t.Errorf("step %d: OpenKeys = %v", n, err)
			}
		}
		if _, err := storage.Wipe(storage.WipeOptions{Dir: source.Data, Key: source.Managed}); err != nil {
			t.Fatalf("step %d: again: %v", n, err)
		}
		want(t, fmt.Sprint("left after step ", n), left(t, root), []string{"lock"})
	}
}
