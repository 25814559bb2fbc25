package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

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
// may leave, and asks for letters whose files are gone to be read again.
func (db *DB) tidyBlobs(ctx context.Context) error {
	files, err := db.blobs.IDs()
	if err != nil {
		return err
	}
	known := map[string]int64{}
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var id string
			var letter int64
			err := r.Scan(&id, &letter)
			known[id] = letter
			return err
		}, "SELECT id, letter FROM media")
		return err
	})
	if err != nil {
		return fmt.Errorf("list media: %w", err)
	}
	var orphans []string
	for _, id := range files {
		if _, ok := known[id]; !ok {
			orphans = append(orphans, id)
		}
		delete(known, id)
	}
	if err := db.deleteBlobs(orphans); err != nil || len(known) == 0 {
		return err
	}
	return db.cache.Update(ctx, func(tx *sql.Tx) error {
		for _, letter := range known {
			const query = "UPDATE letter SET modified = NULL WHERE id = ? AND modified IS NOT NULL"
			if _, err := tx.ExecContext(ctx, query, letter); err != nil {
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
