package vault_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"syncd/storage/vault"
)

func TestBlobs(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newKeys(t)
	b, err := vault.OpenBlobs(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte(canary), 10_000)
	for _, data := range [][]byte{{}, []byte("x"), large} {
		id, n, err := b.Put(iotest.HalfReader(bytes.NewReader(data)))
		if err != nil || n != int64(len(data)) {
			t.Fatalf("Put = %d, %v", n, err)
		}
		if got := content(t, b, id); got != string(data) {
			t.Errorf("content of %d bytes differs", len(data))
		}
		if got := stat(t, filepath.Join(dir, "blobs", id+".age")).Mode().Perm(); got != 0o600 {
			t.Errorf("mode = %o", got)
		}
	}
	scan(t, dir)
	ids, err := b.IDs()
	if err != nil || len(ids) != 3 {
		t.Fatalf("IDs = %v, %v", ids, err)
	}
	r, err := b.Open(ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Seek(0, io.SeekEnd); err != nil {
		t.Error(err)
	}
	mustClose(t, r)
	for range 2 {
		if err := b.Delete(ids[0]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Open(ids[0]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a deleted blob = %v", err)
	}
}

func TestBlobIDsCannotLeaveTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := vault.OpenBlobs(dir, newKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(dir, "abcdefghijklmnopqrstuvw.age")
	write(t, outside, []byte("x"))
	for _, id := range []string{"", "../abcdefghijklmnopqrstuvw", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxy/", strings.Repeat("a", 27)} {
		if _, err := b.Open(id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q) = %v", id, err)
		}
		if err := b.Delete(id); err != nil {
			t.Errorf("Delete(%q) = %v", id, err)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error("a file outside was deleted")
	}
}

func TestFailedPutLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := vault.OpenBlobs(dir, newKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	broken := io.MultiReader(strings.NewReader(strings.Repeat("x", 200_000)), iotest.ErrReader(os.ErrDeadlineExceeded))
	if _, _, err := b.Put(broken); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Put = %v", err)
	}
	if got := names(t, filepath.Join(dir, "blobs")); got != "" {
		t.Errorf("files = %s", got)
	}
	write(t, filepath.Join(dir, "blobs", "abcdefghijklmnopqrstuvwxyz.age.new"), []byte("x"))
	write(t, filepath.Join(dir, "blobs", "README"), []byte("x"))
	if ids, err := b.IDs(); err != nil || len(ids) != 0 {
		t.Errorf("IDs = %v, %v", ids, err)
	}
	if got := names(t, filepath.Join(dir, "blobs")); got != "README" {
		t.Errorf("files = %s", got)
	}
}

func TestDamagedBlobs(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newKeys(t)
	b, err := vault.OpenBlobs(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	put := func(s string) (id, path string) {
		id, _, err := b.Put(strings.NewReader(s))
		if err != nil {
			t.Fatal(err)
		}
		return id, filepath.Join(dir, "blobs", id+".age")
	}
	one, onePath := put(strings.Repeat("a", 200_000))
	_, twoPath := put("b")
	whole := read(t, onePath)
	write(t, onePath, read(t, twoPath))
	if _, err := b.Open(one); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("another blob in its place: %v, want ErrDamaged", err)
	}
	for _, n := range []int{0, 10, 200, len(whole) / 2, len(whole) - 1} {
		write(t, onePath, whole[:n])
		if _, err := b.Open(one); !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("cut to %d bytes: %v, want ErrDamaged", n, err)
		}
	}
	flipped := slices.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	write(t, onePath, flipped)
	r, err := b.Open(one)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, r)
	if _, err := io.Copy(io.Discard, r); err == nil {
		t.Error("an altered piece was handed out")
	}
}

// reseal reseals blobs that can all be read.
func reseal(b *vault.Blobs) error {
	bad, err := b.Reseal()
	if len(bad) > 0 {
		err = errors.Join(err, errors.New("some cannot be read"))
	}
	return err
}

// TestResealNamesWhatCannotBeRead: one damaged picture does not stop the
// others, and stays as it is until somebody sets it aside.
func TestResealNamesWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir, keys := t.TempDir(), newKeys(t)
	b, err := vault.OpenBlobs(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	path := func(id string) string { return filepath.Join(dir, "blobs", id+".age") }
	var ids []string
	for range 5 {
		id, _, err := b.Put(strings.NewReader(strings.Repeat("a", 200_000)))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	write(t, path(ids[0]), nil)
	flipped := read(t, path(ids[1]))
	flipped[len(flipped)/2] ^= 1
	write(t, path(ids[1]), flipped)
	write(t, path(ids[2]), read(t, path(ids[3])))
	for id, cut := range map[string]bool{ids[0]: true, ids[1]: false, ids[3]: false, strings.Repeat("a", 26): true} {
		if got := b.CutShort(id, 200_000); got != cut {
			t.Errorf("CutShort(%s) = %v", id, got)
		}
	}
	bad, err := b.Reseal()
	slices.Sort(bad)
	want := slices.Sorted(slices.Values(ids[:3]))
	if err != nil || !slices.Equal(bad, want) {
		t.Fatalf("Reseal = %v, %v, want %v", bad, err, want)
	}
	if string(read(t, path(ids[1]))) != string(flipped) {
		t.Error("a damaged file was changed")
	}
	for range 2 {
		if err := b.SetAside(bad, "aside"); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, filepath.Join(dir, "aside")); got != want[0]+".age "+want[1]+".age "+want[2]+".age" {
		t.Errorf("aside = %s", got)
	}
	if left, err := b.IDs(); err != nil || len(left) != 2 {
		t.Errorf("IDs = %v, %v", left, err)
	}
	if err := reseal(b); err != nil {
		t.Error(err)
	}
}
