package storage

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"syncd/storage/vault"
)

// Rotate replaces the key: a new one is made, everything is sealed with it,
// and the old one is forgotten. After a crash at any moment the key file opens
// everything, and Rotate may be called again. to names a new key file for a
// key that is not ours to write ([vault.ErrNotManaged]); empty otherwise. UIDs
// and the children's numbers stay. Pictures and files that cannot be read are
// put aside and their letters asked for again; lost is how many there are.
func (db *DB) Rotate(ctx context.Context, to string) (lost int, err error) {
	db.content.Lock()
	defer db.content.Unlock()
	if err := db.keys.BeginRotation(to); err != nil {
		return 0, wrap("rotate", err)
	}
	unreadable, err := db.blobs.Reseal()
	if err := errors.Join(err, db.cache.Reseal(ctx), db.state.Reseal(ctx)); err != nil {
		return 0, wrap("rotate", err)
	}
	if err := db.giveUp(ctx, unreadable); err != nil {
		return 0, wrap("rotate", err)
	}
	return len(unreadable), wrap("rotate", db.keys.EndRotation())
}

// GiveUpUnreadable puts aside the pictures and files that cannot be read, as
// [DB.Rotate] does, and has their letters asked for again; lost is how many
// there are.
func (db *DB) GiveUpUnreadable(ctx context.Context) (lost int, err error) {
	db.content.Lock()
	defer db.content.Unlock()
	unreadable, err := db.blobs.Unreadable()
	if err == nil {
		err = db.giveUp(ctx, unreadable)
	}
	return len(unreadable), wrap("give up unreadable files", err)
}

func (db *DB) giveUp(ctx context.Context, ids []string) error {
	return errors.Join(db.setBlobsAside(ctx, ids), db.askAgain(ctx, ids))
}

// Seals says of every sealed file of a data folder whether the key opens it.
type Seals struct {
	Cache, State error   // nil: it opens; [fs.ErrNotExist]: it is not there
	Blobs        int     // pictures and attachments
	Bad          []error // those of them that do not open
}

// Err returns what is wrong, nil when all that is there opens.
func (s Seals) Err() error {
	errs := slices.Clone(s.Bad)
	for _, err := range []error{s.Cache, s.State} {
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// CheckSeals reads every sealed file of a data folder to its end, and changes
// nothing. Nobody else may be rotating the key of the folder meanwhile.
func CheckSeals(dir string, keys *vault.Keys) (s Seals, err error) {
	s.Cache = keys.VerifyDatabase(filepath.Join(dir, CacheName), cachePurpose)
	s.State = keys.VerifyDatabase(filepath.Join(dir, StateName), statePurpose)
	s.Blobs, s.Bad, err = keys.VerifyBlobs(dir)
	return s, wrap("check seals", err)
}

// CheckSeals is [CheckSeals] of the files of an open database.
func (db *DB) CheckSeals() (Seals, error) {
	db.content.Lock()
	defer db.content.Unlock()
	return CheckSeals(db.Dir(), db.keys)
}
