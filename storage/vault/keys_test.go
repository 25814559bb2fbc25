package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"syncd/storage/vault"
)

func TestManagedKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: filepath.Join(dir, "data")}
	k, err := vault.OpenKeys(source)
	if err != nil {
		t.Fatal(err)
	}
	if !k.Created() || k.Path() != source.Managed {
		t.Errorf("Created, Path = %v, %q", k.Created(), k.Path())
	}
	first := read(t, source.Managed)
	if !bytes.HasPrefix(first, []byte("AGE-SECRET-KEY-1")) || bytes.Contains(first, []byte("age1")) {
		t.Error("the key file holds something else than a key")
	}
	for path, want := range map[string]os.FileMode{source.Managed: 0o600, filepath.Dir(source.Managed): 0o700} {
		if got := stat(t, path).Mode().Perm(); got != want {
			t.Errorf("mode of %s = %o, want %o", filepath.Base(path), got, want)
		}
	}
	again, err := vault.OpenKeys(source)
	if err != nil || again.Created() {
		t.Fatalf("second OpenKeys = %v, %v", again, err)
	}
	if !bytes.Equal(first, read(t, source.Managed)) {
		t.Error("the key was replaced")
	}
}

func TestNoKeyIsMadeBesideSealedFiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"cache.age", "state.age", "blobs/abcdefghijklmnopqrstuvwxyz.age"} {
		dir := filepath.Join(t.TempDir(), "odd [name]*")
		data := filepath.Join(dir, "data")
		if err := os.MkdirAll(filepath.Dir(filepath.Join(data, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(data, name), []byte("x"))
		_, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: data})
		if !errors.Is(err, vault.ErrKeyMissing) {
			t.Errorf("%s: OpenKeys = %v, want ErrKeyMissing", name, err)
		}
		if !strings.Contains(fmt.Sprint(err), filepath.Join(data, name)) {
			t.Errorf("%v does not name what exists", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "keys")); err == nil {
			t.Errorf("%s: a key folder was made", name)
		}
	}
}

func TestKeySourcesInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	paths := map[string]string{}
	for _, name := range []string{"named", "first", "second", "managed"} {
		paths[name] = filepath.Join(dir, name)
		id, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		write(t, paths[name], []byte(id.String()+"\n"))
	}
	source := vault.KeySource{
		File: paths["named"], Candidates: []string{filepath.Join(dir, "none"), paths["first"], paths["second"]},
		Managed: paths["managed"], Data: dir,
	}
	for _, step := range []struct {
		want string
		then func()
	}{
		{"named", func() { source.File = "" }},
		{"first", func() { _ = os.Remove(paths["first"]) }},
		{"second", func() { source.Candidates = nil }},
		{"managed", func() {}},
	} {
		k, err := vault.OpenKeys(source)
		if err != nil || k.Path() != paths[step.want] {
			t.Fatalf("OpenKeys = %v, %v, want the key called %s", k, err, step.want)
		}
		step.then()
	}
	if _, err := vault.OpenKeys(vault.KeySource{File: filepath.Join(dir, "gone"), Managed: paths["managed"]}); !errors.Is(err, vault.ErrKeyMissing) {
		t.Errorf("a named key that is gone: %v, want ErrKeyMissing", err)
	}
	if _, err := vault.OpenKeys(vault.KeySource{Data: dir}); !errors.Is(err, vault.ErrKeyMissing) {
		t.Errorf("no source at all: %v, want ErrKeyMissing", err)
	}
}

func TestKeyFileContents(t *testing.T) {
	t.Parallel()
	one, _ := age.GenerateX25519Identity()
	two, _ := age.GenerateX25519Identity()
	pq, _ := age.GenerateHybridIdentity()
	for _, test := range []struct {
		name, text string
		ok         bool
	}{
		{"one", one.String(), true},
		{"two", one.String() + "\n" + two.String() + "\n", true},
		{"comments", "# made today\n\n" + one.String() + "\n# end\n", true},
		{"CRLF", one.String() + "\r\n" + two.String() + "\r\n", true},
		{"BOM", "\ufeff" + one.String() + "\n", true},
		{"post-quantum", pq.String() + "\n", true},
		{"empty", "", false},
		{"only a comment", "# nothing\n", false},
		{"public key", one.Recipient().String() + "\n", false},
		{"cut off", one.String()[:60] + "\n", false},
		{"second one broken", one.String() + "\nAGE-SECRET-KEY-1BROKEN\n", false},
		{"broken post-quantum", "AGE-SECRET-KEY-PQ-1BROKEN\n", false},
		{"not text", "\x00\xff\x00", false},
		{"too large", strings.Repeat("#\n", 40_000) + one.String(), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "cache.key")
			write(t, path, []byte(test.text))
			k, err := vault.OpenKeys(vault.KeySource{Managed: path})
			if test.ok {
				if err != nil {
					t.Fatal(err)
				}
				filled(t, filepath.Join(filepath.Dir(path), "x.age"), k, 3)
				return
			}
			if !errors.Is(err, vault.ErrKeyBroken) {
				t.Fatalf("OpenKeys = %v, want ErrKeyBroken", err)
			}
			if e, ok := errors.AsType[*vault.Error](err); !ok || e.Hint() == "" || !strings.Contains(err.Error(), path) {
				t.Errorf("%v has no hint or no path", err)
			}
			if strings.Contains(err.Error(), "KEY-1") || strings.Contains(err.Error(), "age1") {
				t.Errorf("%v quotes the key", err)
			}
		})
	}
}

func TestKeyFileModes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "cache.key")
	if _, err := vault.OpenKeys(vault.KeySource{Managed: path, Data: dir}); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o444, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.OpenKeys(vault.KeySource{Managed: path}); !errors.Is(err, vault.ErrKeyBroken) {
			t.Errorf("managed key with mode %o: %v, want ErrKeyBroken", mode, err)
		}
		k, err := vault.OpenKeys(vault.KeySource{File: path})
		if err != nil || !k.Loose() {
			t.Errorf("named key with mode %o: %v, want it loose", mode, err)
		}
	}
	if _, err := vault.OpenKeys(vault.KeySource{Managed: dir}); !errors.Is(err, vault.ErrKeyBroken) {
		t.Error("a folder was taken for a key")
	}
	link := filepath.Join(dir, "secret")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.OpenKeys(vault.KeySource{Candidates: []string{link}}); err != nil {
		t.Errorf("a secret that is a symbolic link: %v", err)
	}
}

func TestPassphrase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, _ := age.GenerateX25519Identity()
	lock, err := age.NewScryptRecipient("hemligt ord")
	if err != nil {
		t.Fatal(err)
	}
	lock.SetWorkFactor(10)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, lock)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(w, id.String())
	mustClose(t, w)
	var armoured bytes.Buffer
	a := armor.NewWriter(&armoured)
	if _, err := a.Write(sealed.Bytes()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, a)

	for name, content := range map[string][]byte{"binary": sealed.Bytes(), "armoured": armoured.Bytes()} {
		path := filepath.Join(dir, name)
		write(t, path, content)
		phrase := func(s string) func() ([]byte, error) { return func() ([]byte, error) { return []byte(s), nil } }
		if _, err := vault.OpenKeys(vault.KeySource{File: path, Passphrase: phrase("hemligt ord\n")}); err != nil {
			t.Errorf("%s: right passphrase: %v", name, err)
		}
		for what, ask := range map[string]func() ([]byte, error){"none": nil, "wrong": phrase("fel ord"), "empty": phrase("")} {
			if _, err := vault.OpenKeys(vault.KeySource{File: path, Passphrase: ask}); !errors.Is(err, vault.ErrPassphrase) {
				t.Errorf("%s: %s passphrase: %v, want ErrPassphrase", name, what, err)
			}
		}
		_, err := vault.OpenKeys(vault.KeySource{File: path, Passphrase: func() ([]byte, error) { return nil, os.ErrClosed }})
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: error of the terminal: %v", name, err)
		}
		write(t, path, content[:len(content)-20])
		if _, err := vault.OpenKeys(vault.KeySource{File: path, Passphrase: phrase("hemligt ord")}); !errors.Is(err, vault.ErrKeyBroken) {
			t.Errorf("%s: cut off: %v, want ErrKeyBroken", name, err)
		}
	}
}

func TestKeysPrintNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "cache.key")
	k, err := vault.OpenKeys(vault.KeySource{Managed: path, Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", slog.Any("keys", k))
	all := fmt.Sprintf("%v %+v %#v %s %d %x", k, k, k, k, k, k) + k.String() + k.GoString() + log.String()
	secret := strings.TrimSpace(string(read(t, path)))
	if strings.Contains(all, secret[16:]) || strings.Contains(all, "0x") {
		t.Errorf("printed %q", all)
	}
}
