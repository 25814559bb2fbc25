package storage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"syncd/storage/vault"
)

// BlobsName is the folder of pictures and attachments in a data folder and in
// every copy of one.
const BlobsName = "blobs"

// SnapshotOptions say where a copy of the data goes.
type SnapshotOptions struct {
	Dir  string      // of the copy; exists and is empty
	Keys *vault.Keys // that seal the copy; they may be the data's own
	// Like is an earlier copy on the same disk: pictures that stand there
	// unchanged, sealed with the first of Keys, are not written a second time
	// but linked. Empty: there is none.
	Like string
}

// Snapshot is what a copy holds.
type Snapshot struct {
	Blobs int // pictures and attachments
	// LeftOut counts those that the data know of and do not have, or not
	// whole. Whoever opens the copy asks for them again.
	LeftOut int
}

// Dir returns the data folder.
func (db *DB) Dir() string { return filepath.Dir(db.cache.Path()) }

// Keys returns the keys that seal the data.
func (db *DB) Keys() *vault.Keys { return db.keys }

// Installation returns the name by which copies of the same installation know
// each other: 16 hexadecimal digits that say nothing else.
func (db *DB) Installation() string { return installation(db.uidKey) }

func installation(uidKey []byte) string {
	h := hmac.New(sha256.New, uidKey)
	h.Write([]byte("syncd installation"))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Snapshot writes a copy of everything, as it stands at one moment, into an
// empty folder: both files and the blobs, each durable. Readers and small
// changes go on meanwhile; what schools bring waits until the blobs are
// copied, and so does what deletes. When it fails, the folder holds a part.
func (db *DB) Snapshot(ctx context.Context, o SnapshotOptions) (Snapshot, error) {
	db.content.Lock()
	defer db.content.Unlock()
	cache, sealed := db.cache.file.(*vault.File)
	state, both := db.state.file.(*vault.File)
	if !sealed || !both {
		return Snapshot{}, errors.New("storage: snapshot: the data are not sealed")
	}
	s, err := copyFolder(ctx, folder{cache: cache, state: state, blobs: db.blobs}, o)
	return s, wrap("snapshot", err)
}

// folder is an open data folder, or an open copy of one.
type folder struct {
	cache, state *vault.File
	blobs        *vault.Blobs
}

// openFolder opens the files of a copy as they are. Nothing is brought up to
// date and nothing is written.
func openFolder(ctx context.Context, dir string, keys *vault.Keys) (f folder, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.cache, err = openCopy(ctx, filepath.Join(dir, CacheName), cachePurpose, keys); err != nil {
		return f, err
	}
	if f.state, err = openCopy(ctx, filepath.Join(dir, StateName), statePurpose, keys); err != nil {
		return f, err
	}
	f.blobs, err = vault.OpenBlobs(dir, keys)
	return f, err
}

func openCopy(ctx context.Context, path string, purpose int32, keys *vault.Keys) (*vault.File, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, &vault.Error{Path: path, Err: vault.ErrDamaged, Detail: "it is missing"}
	}
	return vault.OpenFile(ctx, vault.FileOptions{Path: path, Purpose: purpose, Keys: keys})
}

func (f folder) close() error {
	var errs []error
	for _, file := range []*vault.File{f.cache, f.state} {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}

// blobRow is what the cache says of a picture or attachment.
type blobRow struct {
	id     string
	length int64
	hash   []byte
}

func (f folder) blobRows(ctx context.Context) (out []blobRow, err error) {
	err = f.cache.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, b *blobRow) error { return r.Scan(&b.id, &b.length, &b.hash) },
			"SELECT id, length, hash FROM media ORDER BY id")
		return err
	})
	return out, err
}

// copyFolder writes both files and the blobs that the cache knows.
func copyFolder(ctx context.Context, f folder, o SnapshotOptions) (s Snapshot, err error) {
	known, err := f.blobRows(ctx)
	if err != nil {
		return s, err
	}
	err = vault.SealCopies(ctx, o.Keys,
		vault.Copy{File: f.cache, Path: filepath.Join(o.Dir, CacheName)},
		vault.Copy{File: f.state, Path: filepath.Join(o.Dir, StateName)})
	if err != nil {
		return s, err
	}
	to, err := vault.OpenBlobs(o.Dir, o.Keys)
	if err != nil {
		return s, err
	}
	for _, b := range known {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if o.Like != "" && linkBlob(b, o) {
			s.Blobs++
			continue
		}
		err := f.blobs.CopyTo(b.id, to)
		switch {
		case err == nil:
			s.Blobs++
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, vault.ErrDamaged), errors.Is(err, vault.ErrKeyUnfit):
			s.LeftOut++
		default:
			return s, err
		}
	}
	return s, vault.SyncFolder(filepath.Join(o.Dir, BlobsName))
}

// linkBlob gives a blob of an earlier copy a second name, if it is whole, sealed
// with the key that seals this copy, and the disk can do that.
func linkBlob(b blobRow, o SnapshotOptions) bool {
	name := filepath.Join(BlobsName, b.id+".age")
	if _, err := os.Stat(filepath.Join(o.Like, name)); err != nil {
		return false
	}
	earlier, err := vault.OpenBlobs(o.Like, o.Keys.First())
	if err != nil || !whole(earlier, b) {
		return false
	}
	return os.Link(filepath.Join(o.Like, name), filepath.Join(o.Dir, name)) == nil
}

// whole reports whether a blob is there and is what the cache knows.
func whole(blobs *vault.Blobs, b blobRow) bool {
	r, err := blobs.Open(b.id)
	if err != nil {
		return false
	}
	defer func() { _ = r.Close() }()
	h := sha256.New()
	n, err := io.Copy(h, r)
	return err == nil && n == b.length && subtle.ConstantTimeCompare(h.Sum(nil), b.hash) == 1
}

// ResealOthers writes again with the first of the keys what of a copy another one
// of them opens, so that the first alone opens all of it. Nobody has the copy
// open. Blobs that no key opens stay as they are.
func ResealOthers(ctx context.Context, dir string, keys *vault.Keys) (err error) {
	f, err := openFolder(ctx, dir, keys)
	if err != nil {
		return wrap("reseal", err)
	}
	defer func() { err = errors.Join(err, f.close()) }()
	first := keys.First()
	for _, file := range []struct {
		*vault.File

		purpose int32
	}{{f.cache, cachePurpose}, {f.state, statePurpose}} {
		err := first.VerifyDatabase(file.Path(), file.purpose)
		if errors.Is(err, vault.ErrKeyUnfit) {
			err = file.Reseal(ctx)
		}
		if err != nil {
			return wrap("reseal", err)
		}
	}
	return wrap("reseal", f.blobs.ResealOthers())
}

// Facts are what [Check] finds out about a copy.
type Facts struct {
	Installation   string // see [DB.Installation]
	Cache, State   int    // versions of the two schemas
	Blobs, Missing int    // pictures and attachments that are whole, and that are not
}

// Check opens a copy of the data and looks at every byte: both files decrypt,
// belong together, and are consistent databases that this program can read;
// each picture is what the cache says. It writes nothing. Errors are those of
// package vault, [ErrNewer] and [ErrMismatch]; blobs that are missing or not
// whole are counted and are no error.
func Check(ctx context.Context, dir string, keys *vault.Keys) (facts Facts, err error) {
	f, err := openFolder(ctx, dir, keys)
	if err != nil {
		return facts, wrap("check", err)
	}
	defer func() { err = errors.Join(err, f.close()) }()
	facts, err = f.check(ctx)
	return facts, wrap("check", err)
}

func (f folder) check(ctx context.Context) (facts Facts, err error) {
	var cacheKey, stateKey []byte
	if facts.Cache, cacheKey, err = checkFile(ctx, f.cache, "cache"); err != nil {
		return facts, err
	}
	if facts.State, stateKey, err = checkFile(ctx, f.state, "state"); err != nil {
		return facts, err
	}
	if subtle.ConstantTimeCompare(cacheKey, stateKey) != 1 {
		return facts, &vault.Error{Path: f.cache.Path(), Err: ErrMismatch, Detail: "nothing was changed"}
	}
	facts.Installation = installation(cacheKey)
	known, err := f.blobRows(ctx)
	if err != nil {
		return facts, err
	}
	for _, b := range known {
		if err := ctx.Err(); err != nil {
			return facts, err
		}
		if whole(f.blobs, b) {
			facts.Blobs++
		} else {
			facts.Missing++
		}
	}
	return facts, nil
}

// checkFile looks into one database and returns its schema version and the
// key of its installation.
func checkFile(ctx context.Context, file *vault.File, name string) (version int, uidKey []byte, err error) {
	steps, err := migrations(name)
	if err != nil {
		return 0, nil, err
	}
	b := &book{file: file}
	if err := b.checkVersion(ctx, steps); err != nil {
		return 0, nil, err
	}
	broken := func(what string) error {
		return &vault.Error{Path: file.Path(), Err: vault.ErrDamaged, Detail: what}
	}
	err = file.View(ctx, func(tx *sql.Tx) error {
		var verdict string
		if err := tx.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil || verdict != "ok" {
			return broken("it is not a consistent database")
		}
		var strays int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM pragma_foreign_key_check").Scan(&strays); err != nil || strays > 0 {
			return broken("it holds rows that belong to nothing")
		}
		if version, err = schemaVersion(ctx, tx); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT uid_key FROM meta").Scan(&uidKey); err != nil {
			return broken("it is not complete")
		}
		return nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("look into %s: %w", filepath.Base(file.Path()), err)
	}
	return version, uidKey, nil
}
