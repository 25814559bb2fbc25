package vault

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// The places in an SQLite file's header (sqlite.org/fileformat2.html, 1.3).
const (
	headerSize      = 100
	headerMagic     = "SQLite format 3\x00"
	offsetPageSize  = 16 // 2 bytes
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

// fill copies the image, page by page, into the RAM database called dsn. No
// connection deserializes it: that one would keep a database of its own, and
// the allocator under SQLite keeps what was freed. For the same reason the
// last page is written first: a database that grows bit by bit leaves a block
// behind each time that it doubles. The first page comes at the very end. It
// holds the schema, which SQLite may read again before each statement, and
// finds malformed while pages that it names are missing.
func fill(ctx context.Context, img []byte, dsn string) (err error) {
	pages := len(img) / pageSize
	if pages*pageSize != len(img) || binary.BigEndian.Uint16(img[offsetPageSize:]) != pageSize {
		return errors.New("its pages have another size")
	}
	to, err := sql.Open("sqlite", dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	to.SetMaxOpenConns(1)
	if pages > 1 {
		if err := putPages(ctx, to, img, pages); err != nil {
			return err
		}
	}
	rest := make([]int, 0, pages)
	for i := 2; i < pages; i++ {
		rest = append(rest, i)
	}
	return putPages(ctx, to, img, append(rest, 1)...)
}

// putPages writes pages of the image, in the order given, at once.
func putPages(ctx context.Context, to *sql.DB, img []byte, numbers ...int) (err error) {
	tx, err := to.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
			return
		}
		err = tx.Commit()
	}()
	put, err := tx.PrepareContext(ctx, "INSERT INTO sqlite_dbpage (pgno, data) VALUES (?, ?)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, put.Close()) }()
	for _, i := range numbers {
		if _, err := put.ExecContext(ctx, i, img[(i-1)*pageSize:i*pageSize]); err != nil {
			return fmt.Errorf("page %d of %d: %w", i, len(img)/pageSize, err)
		}
	}
	return nil
}

// image returns a copy of the database as a file would hold it. It is read
// page by page: the driver's own way takes a second copy from the allocator
// under SQLite, which keeps what was freed.
func (f *File) image(ctx context.Context) (img []byte, err error) {
	f.rw.RLock()
	defer f.rw.RUnlock()
	var pages int
	if err := f.pin.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		return nil, err
	}
	img = make([]byte, 0, pages*pageSize)
	rows, err := f.pin.QueryContext(ctx, "SELECT data FROM sqlite_dbpage ORDER BY pgno")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var page sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&page); err != nil {
			return nil, err
		}
		img = append(img, page...)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(img) != pages*pageSize {
		return nil, errors.New("the database has changed while it was read")
	}
	return img, nil
}
