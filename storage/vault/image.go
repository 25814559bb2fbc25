package vault

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"

	"modernc.org/sqlite"
)

// The places in an SQLite file's header (sqlite.org/fileformat2.html, 1.3).
const (
	headerSize      = 100
	headerMagic     = "SQLite format 3\x00"
	offsetCounter   = 24 // file change counter, 4 bytes
	offsetPurpose   = 68 // application id, 4 bytes
	offsetValidFor  = 92 // version-valid-for number, 4 bytes
	headerFieldSize = 4
)

// fingerprint tells one image from another. The two counters that every
// transaction moves do not count, so that a change that changed nothing is
// not written.
func fingerprint(img []byte) [32]byte {
	if len(img) < headerSize {
		return sha256.Sum256(img)
	}
	h := sha256.New()
	h.Write(img[:offsetCounter])
	h.Write(img[offsetCounter+headerFieldSize : offsetValidFor])
	h.Write(img[offsetValidFor+headerFieldSize:])
	return [32]byte(h.Sum(nil))
}

// readImage opens the age file at path and returns the database in it, after
// its purpose has been checked; nil where there is no file.
func (k *Keys) readImage(path string, purpose int32) (_ []byte, err error) {
	f, err := openSealed(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, size, err := k.unseal(f)
	if err != nil {
		return nil, err
	}
	if size < headerSize {
		return nil, damaged(path, "it is too short")
	}
	img := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), img); err != nil {
		clear(img)
		return nil, damaged(path, "a part of it was altered")
	}
	switch {
	case string(img[:len(headerMagic)]) != headerMagic:
		clear(img)
		return nil, damaged(path, "it holds no database")
	case binary.BigEndian.Uint32(img[offsetPurpose:]) != uint32(purpose): //nolint:gosec // the same 32 bits
		clear(img)
		return nil, damaged(path, "it is a file of another purpose")
	}
	return img, nil
}

// VerifyDatabase reads the sealed database at path to its end, without opening
// it. Errors are [ErrKeyUnfit], [ErrDamaged], [ErrDenied] and
// [fs.ErrNotExist]. Nothing is changed.
func (k *Keys) VerifyDatabase(path string, purpose int32) error {
	img, err := k.readImage(path, purpose)
	clear(img)
	if err == nil && img == nil {
		return fs.ErrNotExist
	}
	return err
}

// fill copies the image into the RAM database called dsn. A connection that
// deserializes keeps a database of its own, hence the backup through a second.
func fill(ctx context.Context, img []byte, dsn string) (err error) {
	private, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, private.Close()) }()
	conn, err := private.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(c any) error {
		from, ok := c.(interface {
			Deserialize(buf []byte) error
			NewBackup(dst string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the driver cannot load an image")
		}
		if err := from.Deserialize(img); err != nil {
			return err
		}
		backup, err := from.NewBackup(dsn)
		if err != nil {
			return err
		}
		_, err = backup.Step(-1)
		return errors.Join(err, backup.Finish())
	})
}

// image returns a copy of the database as a file would hold it.
func (f *File) image(ctx context.Context) (img []byte, err error) {
	f.rw.RLock()
	defer f.rw.RUnlock()
	if err := f.pin.PingContext(ctx); err != nil {
		return nil, err
	}
	err = f.pin.Raw(func(c any) error {
		from, ok := c.(interface{ Serialize() ([]byte, error) })
		if !ok {
			return errors.New("the driver cannot write an image")
		}
		img, err = from.Serialize()
		return err
	})
	return img, err
}
