package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"syncd/source/school"
	"syncd/storage/vault"
)

const accountColumns = "id, platform, settings, created, state, since, next_due, failures, problem"

// Accounts lists all accounts, oldest first.
func (db *DB) Accounts(ctx context.Context) ([]school.Account, error) {
	return db.accounts(ctx, "accounts", "SELECT "+accountColumns+" FROM account ORDER BY created, id")
}

// Account returns one account.
func (db *DB) Account(ctx context.Context, id school.AccountID) (school.Account, error) {
	found, err := db.accounts(ctx, "account", "SELECT "+accountColumns+" FROM account WHERE id = ?", id)
	if err == nil && len(found) == 0 {
		err = wrap("account", sql.ErrNoRows)
	}
	if err != nil {
		return school.Account{}, err
	}
	return found[0], nil
}

// Due lists the accounts whose next read is not later than now, the longest
// overdue first, whatever the state of their sessions.
func (db *DB) Due(ctx context.Context, now time.Time) ([]school.Account, error) {
	return db.accounts(ctx, "due",
		"SELECT "+accountColumns+" FROM account WHERE next_due <= ? ORDER BY next_due, id", now.Unix())
}

// AddAccount makes an account, signed out and due at once. Its id is random
// and says nothing about the person.
func (db *DB) AddAccount(
	ctx context.Context, platform school.PlatformID, settings map[string]string,
) (school.Account, error) {
	now := time.Unix(db.second(), 0).UTC()
	a := school.Account{
		ID:       school.AccountID("a" + strings.ToLower(rand.Text()[:10])),
		Platform: platform, Settings: settings, Created: now, State: school.SignedOut, Since: now, NextDue: now,
	}
	text, err := encodeSettings(settings)
	if err != nil {
		return school.Account{}, wrap("add account", err)
	}
	err = db.state.Update(ctx, func(tx *sql.Tx) error {
		const query = "INSERT INTO account (" + accountColumns + ", finished, owner) VALUES (?, ?, ?, ?, ?, ?, ?, 0, '', 0, '')"
		_, err := tx.ExecContext(ctx, query, a.ID, platform, text, unix(now), a.State, unix(now), unix(now))
		return err
	})
	if err != nil {
		return school.Account{}, wrap("add account", err)
	}
	return a, nil
}

// DeleteAccount removes an account with its session and, of what is kept
// about children, all that no other account has brought: their names,
// entries, letters and files. The children's numbers stay reserved, as a
// keyed hash, for when they come back, and so does the account's id, so that
// no older copy of either file brings it back. Both are written, state.age
// first: a removal that is cut short after that is completed by the next
// [Open]. On [vault.ErrNotSaved] what was removed is returned as well: it is
// gone from memory.
func (db *DB) DeleteAccount(ctx context.Context, id school.AccountID) (Removed, error) {
	db.content.Lock()
	defer db.content.Unlock()
	if _, err := db.Account(ctx, id); err != nil {
		return Removed{}, err
	}
	clear(db.derived)
	db.step("begin")
	unsaved := db.state.Update(ctx, func(tx *sql.Tx) error {
		return errors.Join(must(exec(ctx, tx, "DELETE FROM account WHERE id = ?", id)),
			bury(ctx, tx, id), putCleanup(ctx, tx, Cleanup{Account: id}), settle(ctx, tx))
	})
	if unsaved != nil && !errors.Is(unsaved, vault.ErrNotSaved) {
		return Removed{}, wrap("delete account", unsaved)
	}
	db.step("state")
	left, err := db.Accounts(ctx)
	if err != nil {
		return Removed{}, wrap("delete account", err)
	}
	known := make([]school.AccountID, 0, len(left))
	for _, a := range left {
		known = append(known, a.ID)
	}
	out, err := db.remove(ctx, func(r *removal) error { return errors.Join(bury(ctx, r.tx, id), r.accounts(ctx, known)) })
	if err != nil && !errors.Is(err, vault.ErrNotSaved) {
		return out, wrap("delete account", err)
	}
	err = errors.Join(err, db.forgetChildren(ctx), db.forget(ctx), db.touchState(ctx))
	children, e := db.Children(ctx)
	err = errors.Join(err, e)
	for _, c := range children {
		if len(c.Aliases) > 0 { // another platform may have led
			err = errors.Join(err, db.rearrange(ctx, c.Number))
		}
	}
	if unsaved != nil { // the files that went may have made room
		err = errors.Join(err, db.state.Flush(ctx))
	}
	db.step("end")
	return out, wrap("delete account", err)
}

// forgetChildren removes when it was read from state.age, of children of whom
// nothing is kept.
func (db *DB) forgetChildren(ctx context.Context) error {
	var kept []int64
	err := db.cache.View(ctx, func(tx *sql.Tx) (err error) {
		kept, err = rows(ctx, tx, func(r *sql.Rows, id *int64) error { return r.Scan(id) }, "SELECT identity FROM profile")
		return err
	})
	if err != nil {
		return err
	}
	known, err := list(append([]int64{}, kept...))
	if err != nil {
		return err
	}
	return db.state.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM reading WHERE identity NOT IN (SELECT value FROM json_each(?))", known)
		return err
	})
}

// PutOutcome stores how a run of reads ended. The account's Since moves only
// when its state changes. The requests of the run are not added to the day's
// count here: see [DB.AddRequests].
func (db *DB) PutOutcome(ctx context.Context, id school.AccountID, o school.Outcome) error {
	return wrap("put outcome", db.state.Update(ctx, func(tx *sql.Tx) error {
		if err := putState(ctx, tx, id, o.State, o.Problem, db.second()); err != nil {
			return err
		}
		const query = "UPDATE account SET finished = ?, next_due = ?, failures = ? WHERE id = ?"
		return errors.Join(must(exec(ctx, tx, query, unix(o.Finished), unix(o.NextDue), o.Failures, id)), settle(ctx, tx))
	}))
}

// PutState stores where an account stands with its platform, and why.
func (db *DB) PutState(ctx context.Context, id school.AccountID, s school.SessionState, p school.Problem) error {
	return wrap("put state", db.state.Update(ctx, func(tx *sql.Tx) error {
		return putState(ctx, tx, id, s, p, db.second())
	}))
}

// putState changes state and problem, and notes when that changed what a
// family has to be told.
func putState(ctx context.Context, tx *sql.Tx, id school.AccountID, s school.SessionState, p school.Problem, now int64) error {
	var state school.SessionState
	var problem school.Problem
	err := tx.QueryRowContext(ctx, "SELECT state, problem FROM account WHERE id = ?", id).Scan(&state, &problem)
	if err != nil {
		return err
	}
	const query = `UPDATE account SET since = iif(state = ?1, since, ?2), state = ?1, problem = ?3,
		advised = iif(?4, ?2, advised) WHERE id = ?5`
	return must(exec(ctx, tx, query, s, now, p, state.Advice(problem) != s.Advice(p), id))
}

// PutDue stores when an account is to be read next.
func (db *DB) PutDue(ctx context.Context, id school.AccountID, due time.Time) error {
	return wrap("put due", db.state.Update(ctx, func(tx *sql.Tx) error {
		return must(exec(ctx, tx, "UPDATE account SET next_due = ? WHERE id = ?", unix(due), id))
	}))
}

// Outcome returns how the account's last run of reads ended. Finished is zero
// when there was none; Requests are those of the run's day.
func (db *DB) Outcome(ctx context.Context, id school.AccountID) (school.Outcome, error) {
	var o school.Outcome
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		var finished, due int64
		const query = "SELECT state, problem, finished, next_due, failures FROM account WHERE id = ?"
		err := tx.QueryRowContext(ctx, query, id).Scan(&o.State, &o.Problem, &finished, &due, &o.Failures)
		o.Finished, o.NextDue = instant(finished), instant(due)
		if err != nil || finished == 0 {
			return err
		}
		o.Requests, err = requests(ctx, tx, id, school.DateOf(o.Finished.In(school.Stockholm())))
		return err
	})
	return o, wrap("outcome", err)
}

// Owner returns the keyed hash of the person whose account it is, as the
// caller put it; empty until then.
func (db *DB) Owner(ctx context.Context, id school.AccountID) (owner string, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT owner FROM account WHERE id = ?", id).Scan(&owner)
	})
	return owner, wrap("owner", err)
}

// PutOwner stores whose account it is: a keyed hash that the caller makes
// with [DB.UIDKey], never the person's own key.
func (db *DB) PutOwner(ctx context.Context, id school.AccountID, owner string) error {
	return wrap("put owner", db.state.Update(ctx, func(tx *sql.Tx) error {
		return must(exec(ctx, tx, "UPDATE account SET owner = ? WHERE id = ?", owner, id))
	}))
}

// Requests returns how many requests the account made on a day.
func (db *DB) Requests(ctx context.Context, id school.AccountID, day school.Date) (n int, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		n, err = requests(ctx, tx, id, day)
		return err
	})
	return n, wrap("requests", err)
}

func requests(ctx context.Context, tx *sql.Tx, id school.AccountID, day school.Date) (n int, err error) {
	const query = "SELECT coalesce(sum(count), 0) FROM requests WHERE account = ? AND day = ?"
	err = tx.QueryRowContext(ctx, query, id, dayNumber(day)).Scan(&n)
	return n, err
}

// AddRequests adds n to the account's requests of a day. Counts older than
// sixty days are forgotten. An account that is not there, such as one that was
// removed since, is [fs.ErrNotExist].
func (db *DB) AddRequests(ctx context.Context, id school.AccountID, day school.Date, n int) error {
	return wrap("add requests", db.state.Update(ctx, func(tx *sql.Tx) error {
		const query = `INSERT INTO requests (account, day, count) SELECT id, ?, ? FROM account WHERE id = ?
			ON CONFLICT DO UPDATE SET count = count + excluded.count`
		if err := must(exec(ctx, tx, query, dayNumber(day), n, id)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM requests WHERE account = ? AND day < ?", id, dayNumber(day)-60)
		return err
	}))
}

func (db *DB) accounts(ctx context.Context, op, query string, args ...any) (out []school.Account, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, scanAccount, query, args...)
		return err
	})
	return out, wrap(op, err)
}

func scanAccount(r *sql.Rows, a *school.Account) error {
	var settings string
	var created, since, due int64
	err := r.Scan(&a.ID, &a.Platform, &settings, &created, &a.State, &since, &due, &a.Failures, &a.Problem)
	if err != nil {
		return err
	}
	a.Created, a.Since, a.NextDue = instant(created), instant(since), instant(due)
	if settings == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(settings), &a.Settings); err != nil {
		return fmt.Errorf("decode settings: %w", err)
	}
	return nil
}
