package vault

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
)

// ErrNotManaged says that the key file is not ours to write: it was put there
// by somebody else, or is protected by a passphrase.
var ErrNotManaged = errors.New("the key file is kept by somebody else")

// A rotation is three steps, and after a crash between any two of them the
// key file opens every sealed file: [Keys.BeginRotation] puts a new key before
// the old ones, every [File] and the [Blobs] are then resealed, and
// [Keys.EndRotation] forgets the old ones.

// BeginRotation makes a new key, which seals from now on, while the old ones
// still open, and writes them all to the key file. to names another key file
// to be made, for keys that are not managed; empty means the present one,
// which must be managed ([ErrNotManaged]). Naming the present one allows it to
// be written, unless it is protected by a passphrase; so a rotation to another
// file that was cut short goes on with that file as the present one. A rotation
// of the present file that was cut short goes on with the key that it made.
func (k *Keys) BeginRotation(to string) error {
	inPlace := to == "" || to == k.Path()
	if to == "" && !k.managed.Load() || inPlace && k.Protected() {
		return &Error{Path: k.Path(), Err: ErrNotManaged, Advice: "name a new key file: syncd key rotate -to FILE"}
	}
	old := k.ring.Load()
	ring := *old
	if !inPlace || !old.unfinished {
		id, err := age.GenerateX25519Identity()
		if err != nil {
			return fmt.Errorf("vault: make key: %w", err)
		}
		ring = keyring{identities: append([]age.Identity{id}, old.identities...), recipient: id.Recipient(), unfinished: true}
	}
	var err error
	if inPlace {
		err = ring.replace(k.Path(), old)
	} else {
		err = ring.create(to)
	}
	if err != nil {
		return fmt.Errorf("vault: begin rotation: %w", err)
	}
	if !inPlace {
		k.path.Store(&to)
		k.protected.Store(false)
	}
	k.managed.Store(true)
	k.ring.Store(&ring)
	return nil
}

// EndRotation forgets all keys but the newest, in RAM and in the key file.
// Copies of sealed files that were made before still need the old ones.
func (k *Keys) EndRotation() error {
	old := k.ring.Load()
	ring := keyring{identities: old.identities[:1:1], recipient: old.recipient}
	if err := ring.replace(k.Path(), old); err != nil {
		return fmt.Errorf("vault: end rotation: %w", err)
	}
	k.ring.Store(&ring)
	return nil
}

// Tidy removes what a crash may have left beside a key file that we manage.
// It is called when the key has opened everything, and no rotation is under
// way.
func (k *Keys) Tidy() error {
	if !k.managed.Load() {
		return nil
	}
	drafts, err := KeyDrafts(k.Path())
	if err != nil {
		return err
	}
	for _, name := range drafts {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("vault: remove left-over key: %w", err)
		}
	}
	return nil
}

// Secret returns the content of the key file as it would be written now: for
// a copy on paper, at the owner's express request, and nothing else.
func (k *Keys) Secret() ([]byte, error) { return k.ring.Load().lines() }

// unfinishedLine stands in a key file while a rotation is under way: the first
// key is the new one, which need not be made again. Of several keys that
// somebody put there nothing is known.
const unfinishedLine = "# syncd: this rotation is not finished; run key rotate again"

// lines returns the content of a key file.
func (r *keyring) lines() ([]byte, error) {
	var out []byte
	if r.unfinished {
		out = append(out, unfinishedLine+"\n"...)
	}
	for _, id := range r.identities {
		s, ok := id.(fmt.Stringer)
		if !ok {
			return nil, errors.New("a key of unknown kind")
		}
		out = append(append(out, s.String()...), '\n')
	}
	return out, nil
}

// create writes a new key file (0600), whole or not at all, and never
// overwrites one.
func (r *keyring) create(path string) (err error) {
	dir := filepath.Dir(path)
	if err := makeFolder(dir); err != nil {
		return fmt.Errorf("make key folder: %w", err)
	}
	tmp, err := r.draft(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeIfThere(tmp)) }()
	// A second name is the way that never overwrites; a file system that
	// knows no second names gets a look before.
	if err := os.Link(tmp, path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make key file: %w", err)
	} else if err != nil {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make key file: %w", errors.Join(err, fs.ErrExist))
		}
		if err := os.Rename(tmp, path); err != nil {
			return fmt.Errorf("make key file: %w", err)
		}
	}
	if err := syncFolder(dir); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// replace writes a key file in place of the one that is there, whole or not
// at all. The one that is there has to hold what it held: old. Where it is a
// link, what the link leads to is replaced.
func (r *keyring) replace(path string, old *keyring) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("find key file: %w", err)
	}
	present, err := readKeyFile(path)
	if err != nil {
		return fmt.Errorf("read key file: %w", err)
	}
	defer clear(present)
	before := keyring{identities: old.identities[:1]}
	first, err := before.lines()
	if err != nil {
		return err
	}
	defer clear(first)
	if !bytes.Contains(present, bytes.TrimSpace(first)) {
		return &Error{Path: path, Err: ErrKeyBroken, Detail: "it is another one than at the start", Advice: "start syncd again, so that it reads the key file"}
	}
	tmp, err := r.draft(path)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(fmt.Errorf("rename key file: %w", err), os.Remove(tmp))
	}
	return syncFolder(filepath.Dir(path))
}

// draft writes the keys to a file of a name that nobody else uses, beside
// where they are to stand. It is durable, or not there.
func (r *keyring) draft(path string) (tmp string, err error) {
	text, err := r.lines()
	if err != nil {
		return "", err
	}
	defer clear(text)
	tmp = path + "." + rand.Text()[:8] + newSuffix
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the key folder
	if err != nil {
		return "", fmt.Errorf("write key file: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("write key file: %w", err), os.Remove(tmp))
	}
	return tmp, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
