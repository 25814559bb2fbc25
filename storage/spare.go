package storage

import (
	"context"

	"syncd/source/school"
)

// Spare returns what an account's source wants kept for the time without a
// session, opaque and secret; nil when there is nothing.
func (db *DB) Spare(ctx context.Context, id school.AccountID) (data []byte, err error) {
	data, err = db.opaque(ctx, "spare", id)
	return data, wrap("spare", err)
}

// PutSpare keeps data for the time without a session; empty data forgets it.
// It goes with the account, and with deletions as [DB.PutMemory] has it.
func (db *DB) PutSpare(ctx context.Context, id school.AccountID, deletions int64, data []byte) error {
	return wrap("put spare", db.putOpaque(ctx, "spare", id, deletions, data))
}
