package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"syncd/storage/vault"
)

// TestCutAtEveryChunk cuts a file at each border of its chunks, beside it and
// in the middle of each chunk.
func TestCutAtEveryChunk(t *testing.T) {
	t.Parallel()
	keys, path := newKeys(t), filepath.Join(t.TempDir(), "x.age")
	filled(t, path, keys, 20_000)
	whole := read(t, path)
	payload := bytes.Index(whole, []byte("\n---"))
	payload += 1 + bytes.IndexByte(whole[payload+1:], '\n') + 1 + 16
	var cuts []int
	for at := payload; at < len(whole); at += chunk {
		cuts = append(cuts, at-1, at, at+1, at+chunk/2)
	}
	if len(cuts) < 4*4 {
		t.Fatalf("only %d cuts", len(cuts))
	}
	for _, at := range cuts {
		if at >= len(whole) {
			continue
		}
		write(t, path, whole[:at])
		refused(t, path, keys, vault.ErrDamaged)
	}
}

// TestLinksAndPipesAreRefused puts other things than files where sealed files
// are looked for.
func TestLinksAndPipesAreRefused(t *testing.T) {
	t.Parallel()
	keys, dir := newKeys(t), t.TempDir()
	elsewhere := filepath.Join(dir, "elsewhere.age")
	filled(t, elsewhere, keys, 3)
	blobs, err := vault.OpenBlobs(dir, keys)
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := blobs.Put(strings.NewReader("en bild"))
	if err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join(dir, "blobs", id+".age")
	for name, put := range map[string]func(path string) error{
		"link":          func(path string) error { return os.Symlink(elsewhere, path) },
		"dangling link": func(path string) error { return os.Symlink(filepath.Join(dir, "nowhere"), path) },
		"link to blob":  func(path string) error { return os.Symlink(blob+".away", path) },
		"pipe":          func(path string) error { return exec.CommandContext(t.Context(), "mkfifo", path).Run() },
		"device":        func(path string) error { return os.Symlink("/dev/zero", path) },
		"folder":        func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		path := filepath.Join(dir, name+".age")
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		_, err := vault.OpenFile(t.Context(), vault.FileOptions{Path: path, Purpose: purpose, Keys: keys})
		if !errors.Is(err, vault.ErrDamaged) {
			t.Errorf("%s: OpenFile = %v, want ErrDamaged", name, err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s: it was removed", name)
		}
	}
	if err := os.Rename(blob, blob+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(blob+".away", blob); err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.Open(id); !errors.Is(err, vault.ErrDamaged) {
		t.Errorf("a linked blob: %v, want ErrDamaged", err)
	}
	n, bad, err := keys.VerifyBlobs(dir)
	if n != 1 || len(bad) != 1 || err != nil {
		t.Errorf("VerifyBlobs = %d, %v, %v, want one that is bad", n, bad, err)
	}
}

// TestEveryFlippedBitOfAKeyFile flips each bit of a key file: it is refused,
// or it is the same key still, and no error tells of it.
func TestEveryFlippedBitOfAKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, sealed := filepath.Join(dir, "cache.key"), filepath.Join(dir, "x.age")
	keys, err := vault.OpenKeys(vault.KeySource{Managed: path, Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	filled(t, sealed, keys, 1)
	whole := read(t, path)
	same := 0
	for bit := range 8 * len(whole) {
		b := slices.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		write(t, path, b)
		k, err := vault.OpenKeys(vault.KeySource{Managed: path, Data: dir})
		switch {
		case err == nil && k.VerifyDatabase(sealed, purpose) == nil:
			same++
		case err == nil:
			t.Fatalf("bit %d: another key was taken from a damaged file", bit)
		case !errors.Is(err, vault.ErrKeyBroken):
			t.Fatalf("bit %d: %v, want ErrKeyBroken", bit, err)
		case strings.Contains(err.Error(), string(whole[20:40])):
			t.Fatalf("bit %d: the error quotes the key", bit)
		}
		if !bytes.Equal(read(t, path), b) {
			t.Fatalf("bit %d: the key file was changed", bit)
		}
	}
	if same > 8 {
		t.Errorf("%d flipped bits made no difference; only those of the line's end should", same)
	}
}

// TestKeyOfAnother puts a key file of somebody else, or one that anybody may
// replace, in the managed key's place.
func TestKeyOfAnother(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	source := vault.KeySource{Managed: filepath.Join(dir, "cache.key"), Data: t.TempDir()}
	if _, err := vault.OpenKeys(source); err != nil {
		t.Fatal(err)
	}
	expect := func(what, detail string) {
		t.Helper()
		_, err := vault.OpenKeys(source)
		if !errors.Is(err, vault.ErrKeyBroken) || !strings.Contains(err.Error(), detail) {
			t.Errorf("%s: %v, want ErrKeyBroken, %s", what, err, detail)
		}
		if _, err := vault.OpenKeys(vault.KeySource{File: source.Managed}); err != nil {
			t.Errorf("%s, named by the operator: %v", what, err)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	expect("in a folder that everybody may write", "anybody may replace it")
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.OpenKeys(source); err != nil {
		t.Errorf("in a folder where nobody may replace others' files: %v", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(source.Managed, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		expect("of another user", "belongs to another user")
	}
	if err := os.Remove(source.Managed); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "unplugged"), source.Managed); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.OpenKeys(source); !errors.Is(err, vault.ErrKeyBroken) {
		t.Errorf("a link to a disk that is not there: %v, want ErrKeyBroken", err)
	}
	if got := names(t, dir); got != "cache.key" {
		t.Errorf("files = %s: a key was made behind the link", got)
	}
	if err := os.Remove(source.Managed); err != nil {
		t.Fatal(err)
	}
	if err := exec.CommandContext(t.Context(), "mkfifo", "-m", "600", source.Managed).Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.OpenKeys(source); !errors.Is(err, vault.ErrKeyBroken) {
		t.Errorf("a pipe: %v, want ErrKeyBroken", err)
	}
}

// TestRotationFollowsALink replaces the key where it is, not the link to it.
func TestRotationFollowsALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stick := filepath.Join(dir, "stick")
	source := vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: filepath.Join(dir, "data")}
	if _, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(stick, "my.key"), Data: source.Data}); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Dir(source.Managed), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(stick, "my.key"), source.Managed); err != nil {
		t.Fatal(err)
	}
	keys, err := vault.OpenKeys(source)
	if err != nil {
		t.Fatal(err)
	}
	before := read(t, filepath.Join(stick, "my.key"))
	if err := errors.Join(keys.BeginRotation(""), keys.EndRotation()); err != nil {
		t.Fatal(err)
	}
	if link, err := os.Readlink(source.Managed); err != nil || link != filepath.Join(stick, "my.key") {
		t.Errorf("the link is %q, %v", link, err)
	}
	if bytes.Equal(before, read(t, filepath.Join(stick, "my.key"))) {
		t.Error("the key behind the link is the old one")
	}
	// The stick is gone, or another key lies there: nothing is written.
	if err := os.Rename(stick, stick+"-away"); err != nil {
		t.Fatal(err)
	}
	if err := keys.BeginRotation(""); err == nil {
		t.Error("a rotation went on without its key file")
	}
	if err := os.Mkdir(stick, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(stick, "my.key"), before)
	if err := keys.BeginRotation(""); !errors.Is(err, vault.ErrKeyBroken) {
		t.Errorf("over another key: %v, want ErrKeyBroken", err)
	}
	if !bytes.Equal(before, read(t, filepath.Join(stick, "my.key"))) {
		t.Error("another key was overwritten")
	}
}

// TestDraftsOfKeysAreRemoved is what a crash between two steps leaves.
func TestDraftsOfKeysAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := vault.KeySource{Managed: filepath.Join(dir, "cache.key"), Data: filepath.Join(dir, "data")}
	keys, err := vault.OpenKeys(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cache.key.ABCDEFGH.new", "cache.key.old", "other.new"} {
		write(t, filepath.Join(dir, name), []byte("AGE-SECRET-KEY-1"))
	}
	if err := keys.Tidy(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != "cache.key cache.key.old other.new" {
		t.Errorf("files = %s", got)
	}
	foreign, err := vault.OpenKeys(vault.KeySource{File: source.Managed})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cache.key.ABCDEFGH.new"), nil)
	if err := foreign.Tidy(); err != nil || !strings.Contains(names(t, dir), "ABCDEFGH") {
		t.Errorf("something was removed beside a key that is not ours: %s, %v", names(t, dir), err)
	}
}

// TestTwoFirstStarts has two installations make one key file at once: one of
// them makes it, and neither overwrites the other's.
func TestTwoFirstStarts(t *testing.T) {
	t.Parallel()
	for range 20 {
		dir := t.TempDir()
		source := vault.KeySource{Managed: filepath.Join(dir, "cache.key"), Data: filepath.Join(dir, "data")}
		made := make(chan *vault.Keys, 4)
		for range cap(made) {
			go func() {
				k, err := vault.OpenKeys(source)
				if err != nil {
					k = nil
				}
				made <- k
			}()
		}
		want := string(handedOut(t, made, source.Managed))
		if got := string(read(t, source.Managed)); got != want {
			t.Fatal("a key that was handed out is not the one in the file")
		}
		if got := names(t, dir); got != "cache.key" {
			t.Errorf("files = %s", got)
		}
	}
}

// handedOut drains the keys, checks that all are the same, and returns them.
func handedOut(t *testing.T, made chan *vault.Keys, path string) []byte {
	t.Helper()
	var first []byte
	created := 0
	for range cap(made) {
		k := <-made
		if k == nil {
			continue // it came second, and says so
		}
		secret, err := k.Secret()
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, secret) {
			t.Fatalf("two keys for %s", path)
		}
		first = secret
		if k.Created() {
			created++
		}
	}
	if created != 1 {
		t.Fatalf("%d keys were made", created)
	}
	return first
}

// TestInteropRotationOnAFullDisk fills the disk in the middle of a rotation:
// all opens as before, and when there is room it goes on.
func TestInteropRotationOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", data).Run(); err != nil {
		if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" && os.Geteuid() == 0 {
			t.Fatalf("mount: %v", err)
		}
		t.Skip("a small file system cannot be mounted here")
	}
	t.Cleanup(func() { _ = exec.CommandContext(context.Background(), "umount", data).Run() })
	source := vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: data}
	keys, err := vault.OpenKeys(source)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(data, "x.age")
	f := open(t, path, keys)
	exec1(t, f, schema, "INSERT INTO t VALUES (1, hex(randomblob(500000)))")
	blobs, err := vault.OpenBlobs(data, keys)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range 3 {
		id, _, err := blobs.Put(bytes.NewReader(make([]byte, 300_000)))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	write(t, filepath.Join(data, "ballast"), make([]byte, 1_000_000))
	err = errors.Join(keys.BeginRotation(""), f.Reseal(t.Context()), reseal(blobs))
	if !errors.Is(err, vault.ErrNotSaved) {
		t.Fatalf("rotation on a full disk = %v, want ErrNotSaved", err)
	}
	again, err := vault.OpenKeys(source)
	if err != nil || again.Count() != 2 || again.VerifyDatabase(path, purpose) != nil {
		t.Fatalf("%d keys, %v: the key file does not open what is there", again.Count(), err)
	}
	if n, bad, err := again.VerifyBlobs(data); n != len(ids) || len(bad) > 0 || err != nil {
		t.Errorf("VerifyBlobs = %d, %v, %v", n, bad, err)
	}
	if err := os.Remove(filepath.Join(data, "ballast")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Reseal(t.Context()), reseal(blobs), keys.EndRotation()); err != nil {
		t.Fatal(err)
	}
	again, err = vault.OpenKeys(source)
	if err != nil || again.Count() != 1 || again.VerifyDatabase(path, purpose) != nil {
		t.Errorf("when there is room: %d keys, %v", again.Count(), err)
	}
}

// TestPostQuantumKeys seals, rotates and shows a key of the other kind.
func TestPostQuantumKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	source := vault.KeySource{Managed: filepath.Join(dir, "cache.key"), Data: dir}
	write(t, source.Managed, []byte(id.String()+"\r\n"))
	keys, err := vault.OpenKeys(source)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x.age")
	filled(t, path, keys, 3)
	if secret, err := keys.Secret(); err != nil || strings.TrimSpace(string(secret)) != id.String() {
		t.Errorf("Secret is another key, %v", err)
	}
	f := open(t, path, keys)
	if err := errors.Join(keys.BeginRotation(""), f.Reseal(t.Context()), keys.EndRotation()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, f)
	if keys, err = vault.OpenKeys(source); err != nil {
		t.Fatal(err)
	}
	if got := query(t, open(t, path, keys), "SELECT count(*) FROM t"); got != "3" || strings.Contains(fmt.Sprint(keys), "AGE") {
		t.Errorf("rows = %s", got)
	}
}

// TestDraftsGoWithTheKey leaves what a power cut leaves beside a key file: no
// copy of the key survives it, under whatever name it was written.
func TestDraftsGoWithTheKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "cache.key")
	if _, err := vault.OpenKeys(vault.KeySource{Managed: path, Data: dir}); err != nil {
		t.Fatal(err)
	}
	ours := []string{path + ".ABCDEFGH.new", path + ".new"}
	for _, name := range append(ours, path+".copy", filepath.Join(dir, "mine.key.ABCDEFGH.new")) {
		write(t, name, read(t, path))
	}
	if got, err := vault.KeyDrafts(path); err != nil || !slices.Equal(got, ours) {
		t.Errorf("KeyDrafts = %v, %v, want %v", got, err, ours)
	}
	for range 2 {
		if err := vault.DestroyKeyFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, dir); got != "cache.key.copy mine.key.ABCDEFGH.new" {
		t.Errorf("files = %s", got)
	}
}
