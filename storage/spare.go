package storage

import (
	"context"
	"database/sql"
	"errors"

	"syncd/source/school"
)

// Spare returns what an account's source wants kept for the time without a
// session, opaque and secret; nil when there is nothing.
func (db *DB) Spare(ctx context.Context, id school.AccountID) (data []byte, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT data FROM spare WHERE account = ?", id).Scan(&data)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return data, wrap("spare", err)
}

// PutSpare keeps data for the time without a session; empty data forgets it.
// It goes with the account, and with deletions as [DB.PutMemory] has it.
func (db *DB) PutSpare(ctx context.Context, id school.AccountID, deletions int64, data []byte) error {
	return wrap("put spare", db.state.Update(ctx, func(tx *sql.Tx) error {
		if len(data) == 0 {
			_, err := tx.ExecContext(ctx, "DELETE FROM spare WHERE account = ?", id)
			return err
		}
		if deletions != db.deleted.Load() {
			return nil
		}
		const query = `INSERT INTO spare (account, data) SELECT id, ? FROM account WHERE id = ?
			ON CONFLICT DO UPDATE SET data = excluded.data WHERE data IS NOT excluded.data`
		_, err := tx.ExecContext(ctx, query, data, id)
		return err
	}))
}
