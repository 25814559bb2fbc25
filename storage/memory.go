package storage

import (
	"context"
	"database/sql"
	"errors"

	"syncd/source/school"
)

// Memory returns what an account's source remembers from one login to the
// next, opaque; nil when there is nothing.
func (db *DB) Memory(ctx context.Context, id school.AccountID) (data []byte, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT data FROM memory WHERE account = ?", id).Scan(&data)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return data, wrap("memory", err)
}

// PutMemory keeps what is to be remembered; empty data forgets it. It outlives
// the session and goes with the account, and with every deletion, for it names
// children.
func (db *DB) PutMemory(ctx context.Context, id school.AccountID, data []byte) error {
	return wrap("put memory", db.state.Update(ctx, func(tx *sql.Tx) error {
		if len(data) == 0 {
			_, err := tx.ExecContext(ctx, "DELETE FROM memory WHERE account = ?", id)
			return err
		}
		const query = `INSERT INTO memory (account, data) SELECT id, ? FROM account WHERE id = ?
			ON CONFLICT DO UPDATE SET data = excluded.data WHERE data IS NOT excluded.data`
		_, err := tx.ExecContext(ctx, query, data, id)
		return err
	}))
}
