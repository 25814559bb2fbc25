package vault

import "errors"

// Fixed returns the keys as they are now: a rotation that begins or ends
// meanwhile changes nothing about them. For work that has to be sealed with one
// key from beginning to end.
func (k *Keys) Fixed() *Keys {
	return newKeys(*k.ring.Load(), k.Path())
}

// First returns the key that seals, alone and fixed as with [Keys.Fixed]. It
// opens nothing that the others have sealed.
func (k *Keys) First() *Keys {
	ring := k.ring.Load()
	return newKeys(keyring{identities: ring.identities[:1:1], recipient: ring.recipient}, k.Path())
}

// ResealOthers writes the blobs again that another key than the first opens.
// Each is replaced whole or not at all, and a second name of the old one
// elsewhere keeps what it was; no Put may be under way. Blobs that no key opens,
// or that are not whole, stay as they are.
func (b *Blobs) ResealOthers() error {
	ids, err := b.IDs()
	if err != nil {
		return err
	}
	first := &Blobs{dir: b.dir, keys: b.keys.First()}
	for _, id := range ids {
		blob, err := first.Open(id)
		if err == nil {
			err = blob.Close()
		}
		if errors.Is(err, ErrKeyUnfit) {
			err = b.resealWhole(id)
		}
		if err != nil && !errors.Is(err, ErrKeyUnfit) && !errors.Is(err, ErrDamaged) {
			return err
		}
	}
	return nil
}

// resealWhole is reseal of a blob that may be altered: [ErrDamaged] then.
func (b *Blobs) resealWhole(id string) error {
	if err := b.verify(id); err != nil {
		return err
	}
	return b.reseal(id)
}
