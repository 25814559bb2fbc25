package vault

import (
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
)

const (
	maxKeyFile    = 64 << 10 // bytes; a key is 75, a post-quantum key about 2,000
	maxScryptLogN = 22       // work factor that we are willing to pay: about 4 GiB is refused above it
	redacted      = "[redacted]"
)

// Keys open and seal the files of one installation. The first key of the file
// seals, all of them open. Safe for concurrent use. It prints as [redacted].
type Keys struct {
	ring      atomic.Pointer[keyring] // replaced as a whole by rotation
	path      atomic.Pointer[string]  // where they stand; moves when a rotation goes to another file
	created   bool
	loose     bool
	protected atomic.Bool // by a passphrase, so that we cannot write it
	managed   atomic.Bool // the key file is ours to write
}

func newKeys(ring keyring, path string) *Keys {
	k := &Keys{}
	k.path.Store(&path)
	k.ring.Store(&ring)
	return k
}

// keyring is what a key file holds.
type keyring struct {
	identities []age.Identity
	recipient  age.Recipient // of the first; never written anywhere
	unfinished bool          // the first is that of a rotation under way
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

// OpenKeys finds and reads the key, or makes the managed one where there is
// nothing yet: no key and no sealed file. Errors are [ErrKeyMissing],
// [ErrKeyBroken], [ErrPassphrase] and [ErrDenied].
func OpenKeys(s KeySource) (*Keys, error) {
	k, err := FindKeys(s)
	if !errors.Is(err, errNoneYet) {
		return k, err
	}
	return createKeys(s.Managed)
}

// errNoneYet is the part of [ErrKeyMissing] in which nothing is lost: there
// is no sealed file either.
var errNoneYet = errors.New("there are no data yet")

// FindKeys is [OpenKeys] without ever making a key.
func FindKeys(s KeySource) (*Keys, error) {
	if s.File != "" {
		if _, err := os.Stat(s.File); errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{Path: s.File, Err: ErrKeyMissing, Advice: "put the key file there, or correct its path"}
		}
		return readKeys(s.File, s.Passphrase, false)
	}
	for _, path := range s.Candidates {
		// One that is there and may not be looked at is not passed over: the
		// wrong key would be used, or a new one made.
		if _, err := os.Stat(path); err == nil || errors.Is(err, fs.ErrPermission) {
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
		return nil, denied(s.Managed, fmt.Errorf("vault: look for key: %w", err))
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
	return nil, &Error{Path: s.Managed, Err: fmt.Errorf("%w: %w", ErrKeyMissing, errNoneYet), Advice: "the first start of syncd makes it"}
}

// GenerateKeys returns a new key that stands in no file.
func GenerateKeys() (*Keys, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("vault: make key: %w", err)
	}
	return newKeys(keyring{identities: []age.Identity{id}, recipient: id.Recipient()}, ""), nil
}

// Path returns the key file, empty for a key that stands in none.
func (k *Keys) Path() string { return *k.path.Load() }

// Count returns how many keys there are: one, unless a rotation is under way
// or was cut short, or somebody put several into the file.
func (k *Keys) Count() int { return len(k.ring.Load().identities) }

// Protected reports whether the key file is locked with a passphrase.
func (k *Keys) Protected() bool { return k.protected.Load() }

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
	for _, folder := range []string{dir, filepath.Join(dir, blobFolder)} {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil { // what cannot be seen may be there
			return "", denied(folder, fmt.Errorf("vault: look for sealed files: %w", err))
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".age") {
				return filepath.Join(folder, e.Name()), nil
			}
		}
	}
	return "", nil
}

func createKeys(path string) (*Keys, error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("vault: make key: %w", err)
	}
	ring := keyring{identities: []age.Identity{id}, recipient: id.Recipient()}
	if err := ring.create(path); err != nil {
		return nil, denied(path, fmt.Errorf("vault: %w", err))
	}
	k := newKeys(ring, path)
	k.created = true
	k.managed.Store(true)
	return k, nil
}
