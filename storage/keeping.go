package storage

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"syncd/source/school"
)

// Keeping returns what a guardian chose about keeping the account's session;
// the zero value where nothing was chosen, also for an account that is not
// there.
func (db *DB) Keeping(ctx context.Context, id school.AccountID) (k school.Keeping, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		var ping, age int64
		var renewal string
		err := tx.QueryRowContext(ctx, "SELECT ping, max_age, renewal FROM keeping WHERE account = ?", id).Scan(&ping, &age, &renewal)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		k.Ping, k.MaxAge = time.Duration(ping)*time.Second, time.Duration(age)*time.Second
		k.Renewal, err = school.ParseRenewal(renewal)
		return err
	})
	return k, wrap("keeping", err)
}

// PutKeeping stores what a guardian chose about keeping the account's session,
// to the second. What [school.Keeping.Check] refuses is refused here too.
func (db *DB) PutKeeping(ctx context.Context, id school.AccountID, k school.Keeping) error {
	if err := k.Check(); err != nil {
		return wrap("put keeping", err)
	}
	return wrap("put keeping", db.state.Update(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT 1 FROM account WHERE id = ?", id).Scan(&n); err != nil {
			return err
		}
		const query = `INSERT INTO keeping (account, ping, max_age, renewal) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET ping = excluded.ping, max_age = excluded.max_age, renewal = excluded.renewal`
		_, err := tx.ExecContext(ctx, query, id, int64(k.Ping.Seconds()), int64(k.MaxAge.Seconds()), k.Renewal.String())
		return err
	}))
}
