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
	data, err = db.opaque(ctx, "memory", id)
	return data, wrap("memory", err)
}

// Deletions returns how often something was deleted since the files were
// opened. What was found out before one of them may be about what is gone.
func (db *DB) Deletions() int64 { return db.deleted.Load() }

// PutMemory keeps what is to be remembered; empty data forgets it. It outlives
// the session and goes with the account, and with every deletion, for it names
// children: what was found out when there had been fewer [DB.Deletions] than now
// is dropped, and that is no error.
func (db *DB) PutMemory(ctx context.Context, id school.AccountID, deletions int64, data []byte) error {
	return wrap("put memory", db.putOpaque(ctx, "memory", id, deletions, data))
}

// opaque returns an account's row of a table of what sources keep; nil when
// there is none.
func (db *DB) opaque(ctx context.Context, table string, id school.AccountID) (data []byte, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT data FROM "+table+" WHERE account = ?", id).Scan(&data)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return data, err
}

// putOpaque writes an account's row of such a table, as [DB.PutMemory] has it.
func (db *DB) putOpaque(ctx context.Context, table string, id school.AccountID, deletions int64, data []byte) error {
	return db.state.Update(ctx, func(tx *sql.Tx) error {
		if len(data) == 0 {
			_, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE account = ?", id) //nolint:gosec // the table is ours
			return err
		}
		if deletions != db.deleted.Load() {
			return nil
		}
		const rest = ` (account, data) SELECT id, ? FROM account WHERE id = ?
			ON CONFLICT DO UPDATE SET data = excluded.data WHERE data IS NOT excluded.data`
		_, err := tx.ExecContext(ctx, "INSERT INTO "+table+rest, data, id) //nolint:gosec // the table is ours
		return err
	})
}
