package storage

import (
	"context"
	"database/sql"
	"encoding/json"
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

// PutSettings stores what a guardian chose of the platform's settings for an
// account, in the place of what was there.
func (db *DB) PutSettings(ctx context.Context, id school.AccountID, settings map[string]string) error {
	text, err := encodeSettings(settings)
	if err != nil {
		return wrap("put settings", err)
	}
	return wrap("put settings", db.state.Update(ctx, func(tx *sql.Tx) error {
		return must(exec(ctx, tx, "UPDATE account SET settings = ? WHERE id = ?", text, id))
	}))
}

// encodeSettings writes settings as a JSON object, nothing for none.
func encodeSettings(settings map[string]string) (string, error) {
	if len(settings) == 0 {
		return "", nil
	}
	b, err := json.Marshal(settings)
	return string(b), err
}
