package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"syncd/source/school"
)

// Media returns a stored picture or file and its content, which the caller
// closes. The content is read piece by piece and each piece is authenticated;
// it also implements [io.ReadSeeker]. The id is the one in [school.MediaRef],
// not the one in a link's addresses.
func (db *DB) Media(ctx context.Context, id string) (school.MediaRef, io.ReadCloser, error) {
	var ref school.MediaRef
	err := db.cache.View(ctx, func(tx *sql.Tx) error {
		const query = "SELECT id, name, type, alt, length, image FROM media WHERE id = ?"
		return tx.QueryRowContext(ctx, query, id).Scan(&ref.ID, &ref.Name, &ref.Type, &ref.Alt, &ref.Length, &ref.Image)
	})
	if err != nil {
		return school.MediaRef{}, nil, wrap("media", err)
	}
	blob, err := db.blobs.Open(id)
	if err != nil {
		return school.MediaRef{}, nil, wrap("media", err)
	}
	return ref, blob, nil
}

// tidyBlobs removes files that no letter knows, which an interrupted change
// may leave, and asks for letters whose files are gone, or so small that they
// cannot be whole, to be read again.
func (db *DB) tidyBlobs(ctx context.Context) error {
	files, err := db.blobs.IDs()
	if err != nil {
		return err
	}
	known, err := db.knownBlobs(ctx)
	if err != nil {
		return err
	}
	var orphans, short []string
	missing := maps.Clone(known)
	for _, id := range files {
		row, ok := known[id]
		switch {
		case !ok:
			orphans = append(orphans, id)
		case db.blobs.CutShort(id, row.length):
			short = append(short, id)
		default:
			delete(missing, id)
		}
	}
	if err := errors.Join(db.deleteBlobs(orphans), db.setBlobsAside(ctx, short)); err != nil {
		return err
	}
	db.opened.Short = len(short)
	return db.askAgain(ctx, slices.Collect(maps.Keys(missing)))
}

// knownBlobs are the pictures and files that letters have.
func (db *DB) knownBlobs(ctx context.Context) (map[string]blobRow, error) {
	known := map[string]blobRow{}
	err := db.cache.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, b *blobRow) error {
			err := r.Scan(&b.id, &b.length)
			known[b.id] = *b
			return err
		}, "SELECT id, length FROM media")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list media: %w", err)
	}
	return known, nil
}

// askAgain has the letters of pictures and files that are gone read again.
func (db *DB) askAgain(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return db.cache.Update(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			const query = "UPDATE letter SET modified = NULL WHERE id = (SELECT letter FROM media WHERE id = ?) AND modified IS NOT NULL"
			if _, err := tx.ExecContext(ctx, query, id); err != nil {
				return fmt.Errorf("ask for letter again: %w", err)
			}
		}
		return nil
	})
}

func (db *DB) deleteBlobs(ids []string) error {
	var errs []error
	for _, id := range ids {
		errs = append(errs, db.blobs.Delete(id))
	}
	return errors.Join(errs...)
}
