package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	maxKeyFile    = 64 << 10 // bytes; a key is 75, a post-quantum key about 2,000
	maxScryptLogN = 22       // work factor that we are willing to pay: about 4 GiB is refused above it
	redacted      = "[redacted]"
)

// Keys open and seal the files of one installation. The first key of the file
// seals, all of them open. Safe for concurrent use. It prints as [redacted].
type Keys struct {
	ring    atomic.Pointer[keyring] // replaced as a whole by rotation
	path    string
	created bool
	loose   bool
	managed bool // the key file is ours to write
}

func newKeys(ring keyring, path string) *Keys {
	k := &Keys{path: path}
	k.ring.Store(&ring)
	return k
}

// keyring is what a key file holds.
type keyring struct {
	identities []age.Identity
	recipient  age.Recipient // of the first; never written anywhere
}

// add appends a key.
func (r *keyring) add(line string) error {
	var id age.Identity
	var recipient age.Recipient
	if strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1") {
		hybrid, err := age.ParseHybridIdentity(line)
		if err != nil {
			return err
		}
		id, recipient = hybrid, hybrid.Recipient()
	} else {
		plain, err := age.ParseX25519Identity(line)
		if err != nil {
			return err
		}
		id, recipient = plain, plain.Recipient()
	}
	r.identities = append(r.identities, id)
	if r.recipient == nil {
		r.recipient = recipient
	}
	return nil
}

// KeySource says where a key is looked for; the first place that has one wins.
type KeySource struct {
	// File is the key file that the operator named; empty for none. It is
	// never made, and it is an error if it does not exist.
	File string
	// Candidates are places where a service manager may have put one
	// ($CREDENTIALS_DIRECTORY/cache.key, /run/secrets/cache_key). The first
	// that exists is used.
	Candidates []string
	// Managed is where a key is made when there is none anywhere; empty for
	// nowhere. Its folder should not be the data folder.
	Managed string
	// Data is the data folder. A key is made only if no sealed file is there:
	// a key that was lost or not mounted must never be replaced by a new one.
	Data string
	// Passphrase is asked for when the key file is protected by one. May be
	// nil, which means that there is none.
	Passphrase func() ([]byte, error)
}

// OpenKeys finds and reads the key, or makes the managed one. Errors are
// [ErrKeyMissing], [ErrKeyBroken] and [ErrPassphrase].
func OpenKeys(s KeySource) (*Keys, error) {
	if s.File != "" {
		if _, err := os.Stat(s.File); errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{Path: s.File, Err: ErrKeyMissing, Advice: "put the key file there, or correct its path"}
		}
		return readKeys(s.File, s.Passphrase, false)
	}
	for _, path := range s.Candidates {
		if _, err := os.Stat(path); err == nil {
			return readKeys(path, s.Passphrase, false)
		}
	}
	if s.Managed == "" {
		return nil, &Error{Path: s.Data, Err: ErrKeyMissing, Advice: "name a key file"}
	}
	_, err := os.Lstat(s.Managed)
	if err == nil {
		return readKeys(s.Managed, s.Passphrase, true)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("vault: look for key: %w", err)
	}
	sealed, err := firstSealed(s.Data)
	if err != nil {
		return nil, err
	}
	if sealed != "" {
		return nil, &Error{
			Path: s.Managed, Err: ErrKeyMissing, Detail: sealed + " exists",
			Advice: "put the key back, or move the sealed files away to begin anew",
		}
	}
	return createKeys(s.Managed)
}

// GenerateKeys returns a new key that stands in no file.
func GenerateKeys() (*Keys, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("vault: make key: %w", err)
	}
	return newKeys(keyring{[]age.Identity{id}, id.Recipient()}, ""), nil
}

// Path returns the key file, empty for a key that stands in none.
func (k *Keys) Path() string { return k.path }

// Created reports whether the key file was made just now: the moment to say
// that it should be copied somewhere else.
func (k *Keys) Created() bool { return k.created }

// Loose reports whether others than the owner may read the key file, which is
// refused where we manage it and only worth a warning elsewhere.
func (k *Keys) Loose() bool { return k.loose }

// String implements [fmt.Stringer] without showing a key.
func (*Keys) String() string { return redacted }

// GoString implements [fmt.GoStringer] without showing a key.
func (*Keys) GoString() string { return redacted }

// Format implements [fmt.Formatter], so that no verb shows a key.
func (*Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements [slog.LogValuer] without showing a key.
func (*Keys) LogValue() slog.Value { return slog.StringValue(redacted) }

// firstSealed returns the path of some sealed file in dir, empty if none.
func firstSealed(dir string) (string, error) {
	for _, pattern := range []string{"*.age", filepath.Join(blobFolder, "*.age")} {
		found, err := filepath.Glob(filepath.Join(globEscape(dir), pattern))
		if err != nil {
			return "", fmt.Errorf("vault: look for sealed files: %w", err)
		}
		if len(found) > 0 {
			return found[0], nil
		}
	}
	return "", nil
}

func globEscape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func createKeys(path string) (*Keys, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("vault: make key: %w", err)
	}
	ring := keyring{[]age.Identity{id}, id.Recipient()}
	if err := ring.create(path); err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	k := newKeys(ring, path)
	k.created, k.managed = true, true
	return k, nil
}

func readKeys(path string, passphrase func() ([]byte, error), managed bool) (*Keys, error) {
	broken := func(detail string) error {
		return &Error{Path: path, Err: ErrKeyBroken, Detail: detail, Advice: "put back a copy of the key file"}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, broken("it cannot be read")
	}
	loose := info.Mode().Perm()&0o077 != 0
	switch {
	case info.IsDir():
		return nil, broken("it is a folder")
	case info.Size() > maxKeyFile:
		return nil, broken("it is too large")
	case managed && loose:
		return nil, &Error{
			Path: path, Err: ErrKeyBroken, Detail: "others may read it",
			Advice: "make it readable by its owner alone: chmod 600",
		}
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the operator names the key file
	if err != nil {
		return nil, broken("it cannot be read")
	}
	defer clear(raw)
	text, err := unwrapKeyFile(path, raw, passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	ring, err := parseKeyring(text)
	if err != nil {
		return nil, broken(err.Error())
	}
	k := newKeys(ring, path)
	k.loose, k.managed = loose, managed && bytes.Equal(text, raw)
	return k, nil
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
	return ring, nil
}
