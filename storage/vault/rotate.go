package vault

import (
	"errors"
	"fmt"
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
// which must be managed ([ErrNotManaged]).
func (k *Keys) BeginRotation(to string) error {
	if to == "" && !k.managed {
		return &Error{Path: k.path, Err: ErrNotManaged, Advice: "name a new key file to rotate to"}
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return fmt.Errorf("vault: make key: %w", err)
	}
	ring := keyring{identities: append([]age.Identity{id}, k.ring.Load().identities...), recipient: id.Recipient()}
	if to == "" {
		err = ring.replace(k.path)
	} else {
		err = ring.create(to)
	}
	if err != nil {
		return fmt.Errorf("vault: begin rotation: %w", err)
	}
	if to != "" {
		k.path, k.managed = to, true
	}
	k.ring.Store(&ring)
	return nil
}

// EndRotation forgets all keys but the newest, in RAM and in the key file.
// Copies of sealed files that were made before still need the old ones.
func (k *Keys) EndRotation() error {
	old := k.ring.Load()
	ring := keyring{identities: old.identities[:1:1], recipient: old.recipient}
	if err := ring.replace(k.path); err != nil {
		return fmt.Errorf("vault: end rotation: %w", err)
	}
	k.ring.Store(&ring)
	return nil
}

// lines returns the content of a key file.
func (r *keyring) lines() ([]byte, error) {
	var out []byte
	for _, id := range r.identities {
		s, ok := id.(fmt.Stringer)
		if !ok {
			return nil, errors.New("a key of unknown kind")
		}
		out = append(append(out, s.String()...), '\n')
	}
	return out, nil
}

// create writes a new key file (0600) and never overwrites one.
func (r *keyring) create(path string) error {
	text, err := r.lines()
	if err != nil {
		return err
	}
	defer clear(text)
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make key folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the key folder
	if err != nil {
		return fmt.Errorf("make key file: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = syncFolder(dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write key file: %w", err), os.Remove(path))
	}
	return nil
}

// replace writes a key file in place of the one that is there, whole or not
// at all.
func (r *keyring) replace(path string) error {
	tmp := path + newSuffix
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove left-over key file: %w", err)
	}
	if err := r.create(tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(fmt.Errorf("rename key file: %w", err), os.Remove(tmp))
	}
	return syncFolder(filepath.Dir(path))
}
