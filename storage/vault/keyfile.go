package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// readKeys reads a key file. One that we manage has to be a file of our own
// that nobody else may read; one that was put there by somebody else may be a
// link or a pipe, and who may read it is only worth a warning.
func readKeys(path string, passphrase func() ([]byte, error), managed bool) (*Keys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if detail, advice := misplaced(path, info); detail != "" && managed || info.IsDir() {
		return nil, &Error{Path: path, Err: ErrKeyBroken, Detail: detail, Advice: advice}
	}
	raw, err := readKeyFile(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer clear(raw)
	if len(raw) > maxKeyFile {
		return nil, keyBroken(path, "it is too large")
	}
	text, err := unwrapKeyFile(path, raw, passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	ring, err := parseKeyring(text)
	if err != nil {
		return nil, keyBroken(path, err.Error())
	}
	k := newKeys(ring, path)
	k.loose = info.Mode().Perm()&0o077 != 0
	k.protected.Store(!bytes.Equal(text, raw))
	k.managed.Store(managed && !k.protected.Load())
	return k, nil
}

func keyBroken(path, detail string) error {
	return &Error{Path: path, Err: ErrKeyBroken, Detail: detail, Advice: "put back a copy of the key file"}
}

// unreadable says why a key file that is there cannot be read.
func unreadable(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return denied(path, err)
	}
	return keyBroken(path, "it cannot be read")
}

// misplaced says what is wrong with a key file as one that we manage, and
// what to do; nothing where it is as it should be.
func misplaced(path string, info fs.FileInfo) (detail, advice string) {
	owner := func(i fs.FileInfo) int {
		if s, ok := i.Sys().(*syscall.Stat_t); ok {
			return int(s.Uid)
		}
		return os.Geteuid()
	}
	folder, err := os.Stat(filepath.Dir(path))
	switch {
	case info.IsDir():
		return "it is a folder", "put back a copy of the key file"
	case !info.Mode().IsRegular():
		return "it is not a file", "put back a copy of the key file"
	case info.Mode().Perm()&0o077 != 0:
		return "others may read it", "make it readable by its owner alone: chmod 600"
	case owner(info) != os.Geteuid() && owner(info) != 0:
		return "it belongs to another user", "give it to the user that runs syncd: chown"
	case err == nil && folder.Mode().Perm()&0o002 != 0 && folder.Mode()&fs.ModeSticky == 0:
		return "anybody may replace it", "let only its owner write in the folder: chmod 700"
	}
	return "", ""
}

// readKeyFile returns the content of a key file, and one byte too many of a
// file that is too large.
func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the key file
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	return raw, errors.Join(err, f.Close())
}

// unwrapKeyFile opens a key file that is itself an age file sealed with a
// passphrase, and returns others as they are.
func unwrapKeyFile(path string, raw []byte, passphrase func() ([]byte, error)) ([]byte, error) {
	var src io.Reader = bytes.NewReader(raw)
	trimmed := bytes.TrimSpace(raw)
	switch {
	case bytes.HasPrefix(trimmed, []byte(armor.Header)):
		src = armor.NewReader(bytes.NewReader(trimmed))
	case bytes.HasPrefix(raw, []byte("age-encryption.org/")):
	default:
		return bytes.Clone(raw), nil
	}
	wrong := func(detail string) error {
		return &Error{
			Path: path, Err: ErrPassphrase, Detail: detail,
			Advice: "give the passphrase in a file of its own, or start on a terminal",
		}
	}
	if passphrase == nil {
		return nil, wrong("none was given")
	}
	phrase, err := passphrase()
	if err != nil {
		return nil, fmt.Errorf("vault: ask for passphrase: %w", err)
	}
	defer clear(phrase)
	id, err := age.NewScryptIdentity(strings.TrimRight(string(phrase), "\r\n"))
	if err != nil {
		return nil, wrong("none was given")
	}
	id.SetMaxWorkFactor(maxScryptLogN)
	opened, err := age.Decrypt(src, id)
	if err != nil {
		if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
			return nil, wrong("it does not fit")
		}
		return nil, &Error{Path: path, Err: ErrKeyBroken, Detail: "its protection is damaged", Advice: "put back a copy of the key file"}
	}
	text, err := io.ReadAll(io.LimitReader(opened, maxKeyFile))
	if err != nil {
		return nil, &Error{Path: path, Err: ErrKeyBroken, Detail: "its protection is damaged", Advice: "put back a copy of the key file"}
	}
	return text, nil
}

// parseKeyring reads one key a line. Empty lines, comments, a byte order mark
// and Windows line ends are allowed. Errors never quote a line.
func parseKeyring(text []byte) (keyring, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var ring keyring
	n := 0
	for line := range bytes.Lines(text) {
		n++
		s := strings.TrimSpace(string(line))
		ring.unfinished = ring.unfinished || s == unfinishedLine && n == 1
		if s == "" || strings.HasPrefix(s, "#") {
			continue
		}
		if ring.add(s) != nil { // what it says could quote the key
			return keyring{}, fmt.Errorf("line %d is not a key", n)
		}
	}
	if ring.recipient == nil {
		return keyring{}, errors.New("it holds no key")
	}
	ring.unfinished = ring.unfinished && len(ring.identities) > 1
	return ring, nil
}
