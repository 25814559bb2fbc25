package storage

import (
	"context"
	"database/sql"
	"time"

	"syncd/source/school"
)

// maxStays bounds the diary of one account.
const maxStays = 200

// Diary returns the account's sessions, the newest first; 200 at most are
// kept. Times are precise to the millisecond. An account that is not there
// has none.
func (db *DB) Diary(ctx context.Context, id school.AccountID) (out []school.Stay, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, s *school.Stay) error {
			var began, used, ended int64
			err := r.Scan(&began, &s.Rung, &used, &ended, &s.Cause, &s.Requests)
			s.Began, s.Used = time.UnixMilli(began).UTC(), time.UnixMilli(used).UTC()
			if ended != 0 {
				s.Ended = time.UnixMilli(ended).UTC()
			}
			return err
		}, "SELECT began, rung, used, ended, cause, requests FROM stay WHERE account = ? ORDER BY began DESC", id)
		return err
	})
	return out, wrap("diary", err)
}

// PutStay stores a line of the account's diary in the place of the one that
// began at the same time.
func (db *DB) PutStay(ctx context.Context, id school.AccountID, s school.Stay) error {
	ended := int64(0)
	if !s.Ended.IsZero() {
		ended = s.Ended.UnixMilli()
	}
	return wrap("put stay", db.state.Update(ctx, func(tx *sql.Tx) error {
		const query = `INSERT INTO stay (account, began, rung, used, ended, cause, requests) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET rung = excluded.rung, used = excluded.used, ended = excluded.ended,
				cause = excluded.cause, requests = excluded.requests`
		_, err := tx.ExecContext(ctx, query, id, s.Began.UnixMilli(), s.Rung, s.Used.UnixMilli(), ended, s.Cause, s.Requests)
		if err != nil {
			return err
		}
		const drop = `DELETE FROM stay WHERE account = ?1 AND began NOT IN
			(SELECT began FROM stay WHERE account = ?1 ORDER BY began DESC LIMIT ?2)`
		_, err = tx.ExecContext(ctx, drop, id, maxStays)
		return err
	}))
}
