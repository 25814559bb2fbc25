package storage

import (
	"context"
	"database/sql"
	"fmt"

	"syncd/storage/vault"
)

// StatePurpose lets tests open state.age as a newer program would.
const StatePurpose = statePurpose

// SetLogLimit shortens the change log, which tests could not fill otherwise.
func SetLogLimit(db *DB, n int64) { db.logLimit = n }

// SetVersion pretends that a newer program has written the file: package
// storage is the only one that may speak SQL.
func SetVersion(ctx context.Context, f *vault.File, version int) error {
	return f.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
		return err
	})
}
