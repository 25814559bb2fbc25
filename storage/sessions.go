package storage

import (
	"context"
	"database/sql"

	"syncd/source/school"
)

// Session returns the state of the account's session at its platform, opaque
// bytes; [fs.ErrNotExist] when there is none.
func (db *DB) Session(ctx context.Context, id school.AccountID) (state []byte, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT state FROM session WHERE account = ?", id).Scan(&state)
	})
	return state, wrap("session", err)
}

// PutSession stores the state of the account's session. When it returns nil
// the state is on disk: a rotated token may be used from then on.
func (db *DB) PutSession(ctx context.Context, id school.AccountID, state []byte) error {
	if state == nil {
		state = []byte{}
	}
	return wrap("put session", db.state.Update(ctx, func(tx *sql.Tx) error {
		const query = `INSERT INTO session (account, state) VALUES (?, ?)
			ON CONFLICT DO UPDATE SET state = excluded.state WHERE state IS NOT excluded.state`
		_, err := tx.ExecContext(ctx, query, id, state)
		return err
	}))
}

// DeleteSession forgets the account's session. None is no error.
func (db *DB) DeleteSession(ctx context.Context, id school.AccountID) error {
	return wrap("delete session", db.state.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM session WHERE account = ?", id)
		return err
	}))
}
