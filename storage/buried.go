package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"syncd/source/school"
)

// bury notes in one of the files that accounts were removed.
func bury(ctx context.Context, tx *sql.Tx, ids ...school.AccountID) error {
	for _, id := range ids {
		if _, err := tx.ExecContext(ctx, "INSERT INTO removed (account) VALUES (?) ON CONFLICT DO NOTHING", id); err != nil {
			return fmt.Errorf("note what was removed: %w", err)
		}
	}
	return nil
}

// bury notes in both files that accounts were removed, of which nothing is
// there.
func (db *DB) bury(ctx context.Context, ids []school.AccountID) error {
	do := func(tx *sql.Tx) error { return bury(ctx, tx, ids...) }
	return errors.Join(db.state.Update(ctx, do), db.cache.Update(ctx, do))
}

// buried reads from one of the files which accounts were removed; none where
// its schema is older.
func buried(ctx context.Context, tx *sql.Tx) ([]school.AccountID, error) {
	var known bool
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'removed'").Scan(&known); err != nil || !known {
		return nil, err
	}
	return rows(ctx, tx, func(r *sql.Rows, id *school.AccountID) error { return r.Scan(id) }, "SELECT account FROM removed ORDER BY account")
}

// mergeBuried adds to state.age what cache.age knows of removed accounts, and
// removes those that an older copy or a crash has left, from the backups too.
func mergeBuried(ctx context.Context, tx *sql.Tx, ids []school.AccountID) error {
	known, err := buried(ctx, tx)
	if err != nil {
		return fmt.Errorf("remove what was removed: %w", err)
	}
	for _, id := range ids {
		if slices.Contains(known, id) {
			continue
		}
		if err := errors.Join(bury(ctx, tx, id), putCleanup(ctx, tx, Cleanup{Account: id})); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM account WHERE id = ?", id); err != nil {
			return fmt.Errorf("remove what was removed: %w", err)
		}
	}
	return nil
}
