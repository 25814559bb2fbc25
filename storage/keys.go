package storage

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"time"
)

// UIDKey returns the key of the installation's keyed hashes, 32 bytes: UIDs,
// owners, whatever must be the same for ever and say nothing. It stands in
// both files. The caller may keep the slice.
func (db *DB) UIDKey(context.Context) ([]byte, error) {
	return bytes.Clone(db.uidKey), nil
}

// Generation returns the random word of cache.age: new when the cache was
// made anew or an older copy of it was put back. It is part of sync tokens.
func (db *DB) Generation(ctx context.Context) (g string, err error) {
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT generation FROM meta").Scan(&g)
	})
	return g, wrap("generation", err)
}

// RendererChanged tells the renderer's version and returns since when it has
// been this one, whole seconds, UTC, and a random word that is new for each
// version: it is part of sync tokens.
func (db *DB) RendererChanged(ctx context.Context, version string) (at time.Time, generation string, err error) {
	at, generation = time.Unix(db.second(), 0).UTC(), rand.Text()
	err = db.state.Update(ctx, func(tx *sql.Tx) error {
		const query = `INSERT INTO renderer (id, version, changed, generation) VALUES (1, ?, ?, ?) ON CONFLICT DO UPDATE
			SET version = excluded.version, changed = excluded.changed, generation = excluded.generation
			WHERE version <> excluded.version`
		if _, err := tx.ExecContext(ctx, query, version, unix(at), generation); err != nil {
			return err
		}
		var changed int64
		err := tx.QueryRowContext(ctx, "SELECT changed, generation FROM renderer").Scan(&changed, &generation)
		at = instant(changed)
		return err
	})
	return at, generation, wrap("renderer changed", err)
}
