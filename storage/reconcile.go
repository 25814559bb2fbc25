package storage

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"syncd/source/school"
	"syncd/storage/vault"
)

// past is what one file remembers: its own count, the other's, and what
// stands in both.
type past struct {
	writes, seen int64
	uidKey       []byte
	children     []numberRow
	identities   []identityRow
	accounts     []string // of the state
	unwanted     []unwantedRow
	removed      []school.AccountID
}

type numberRow struct {
	number int64
	alias  sql.NullInt64
}

type identityRow struct {
	id     int64
	hash   []byte
	number int64 // under which the child goes
	own    int64 // that it was given
}

// reconcile makes one history of the two files: schema, old copies, lost
// files, the number table. state.age is written first; a crash in between is
// met again, and in the same way, by the next start.
func (db *DB) reconcile(ctx context.Context) error {
	cacheSteps, err := migrations("cache")
	if err != nil {
		return err
	}
	stateSteps, err := migrations("state")
	if err != nil {
		return err
	}
	if err := errors.Join(db.cache.checkVersion(ctx, cacheSteps), db.state.checkVersion(ctx, stateSteps)); err != nil {
		return err
	}
	cache, err := db.cache.past(ctx)
	if err != nil {
		return err
	}
	state, err := db.state.past(ctx)
	if err != nil {
		return err
	}
	if err := db.judge(cache, state); err != nil {
		return err
	}
	conflict := conflicting(cache.identities, state.identities)
	if conflict && !db.opened.OldState {
		db.opened.LostCache = true // of a history that state.age does not know
	}
	if db.blobs, err = vault.OpenBlobs(db.Dir(), db.keys); err != nil {
		return err
	}
	if err := db.saveBlobs(ctx); err != nil {
		return err
	}
	err = db.state.Update(ctx, func(tx *sql.Tx) error {
		if err := migrate(ctx, tx, stateSteps); err != nil {
			return err
		}
		return db.mendState(ctx, tx, cache, conflict)
	})
	if err != nil {
		return err
	}
	if state, err = db.state.past(ctx); err != nil {
		return err
	}
	accounts, err := db.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		state.accounts = append(state.accounts, string(a.ID))
	}
	err = db.cache.Update(ctx, func(tx *sql.Tx) error {
		if err := migrate(ctx, tx, cacheSteps); err != nil {
			return err
		}
		return db.mendCache(ctx, tx, state)
	})
	if err != nil {
		return err
	}
	db.tell(ctx)
	return nil
}

// judge finds out what happened to the files since they were closed.
func (db *DB) judge(cache, state past) error {
	noCache, noState := db.cache.Fresh(), db.state.Fresh()
	if !noCache && !noState && !bytes.Equal(cache.uidKey, state.uidKey) {
		return &vault.Error{
			Path: db.cache.Path(), Err: ErrMismatch, Detail: "nothing was changed",
			Advice: "put back the two files that belong together, or move one of them away",
		}
	}
	switch {
	case noCache && noState:
		db.opened.First = true
		db.uidKey = make([]byte, 32)
		_, _ = rand.Read(db.uidKey)
	case noState:
		db.opened.LostState = true
		db.uidKey = cache.uidKey
	case noCache:
		// A crash of the very first start left none: that is not a loss.
		db.opened.LostCache = state.seen > 0
		db.uidKey = state.uidKey
	default:
		db.opened.OldCache = state.seen > cache.writes
		db.opened.OldState = cache.seen > state.writes
		db.uidKey = state.uidKey
	}
	db.cache.writes.Store(cache.writes)
	db.cache.durable.Store(cache.writes)
	db.cache.seen.Store(cache.seen)
	db.cache.saw.Store(cache.seen)
	db.state.writes.Store(state.writes)
	db.state.durable.Store(state.writes)
	return nil
}

func (db *DB) mendState(ctx context.Context, tx *sql.Tx, cache past, conflict bool) error {
	if db.state.Fresh() {
		// Counting goes on above whatever the lost file had reached.
		const query = "INSERT INTO meta (id, writes, seen, uid_key) VALUES (1, ?, ?, ?)"
		if _, err := tx.ExecContext(ctx, query, cache.seen, cache.writes, db.uidKey); err != nil {
			return fmt.Errorf("begin state: %w", err)
		}
	}
	if db.opened.OldState {
		if err := db.distrustState(ctx, tx, cache, conflict); err != nil {
			return err
		}
	}
	if err := db.askForAll(ctx, tx); err != nil {
		return err
	}
	if err := errors.Join(mergeBuried(ctx, tx, cache.removed), db.notify(ctx, tx)); err != nil {
		return err
	}
	if conflict && !db.opened.OldState {
		return nil // the cache's numbers are those of another history
	}
	if db.state.Fresh() || db.opened.OldState {
		// What was deleted since stays deleted.
		if err := mergeUnwanted(ctx, tx, cache.unwanted, false); err != nil {
			return err
		}
	}
	return mergeNumbers(ctx, tx, cache, db.state.Fresh() || db.opened.OldState)
}

// askForAll makes all accounts due where the cache is not the one that was
// left: what is not there any more was not read.
func (db *DB) askForAll(ctx context.Context, tx *sql.Tx) error {
	if !db.opened.OldCache && !db.opened.LostCache {
		return nil
	}
	for _, query := range []string{"DELETE FROM reading", "DELETE FROM held", "UPDATE account SET next_due = 0 WHERE next_due <> 0"} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("ask for a full sync: %w", err)
		}
	}
	return nil
}

// distrustState takes from an old state.age what may have been ended since.
func (db *DB) distrustState(ctx context.Context, tx *sql.Tx, cache past, conflict bool) error {
	now := db.second()
	steps := []struct {
		query string
		args  []any
	}{
		{"UPDATE meta SET writes = ?", []any{cache.seen}},
		{"UPDATE link SET suspended = ? WHERE revoked = 0 AND suspended = 0", []any{now}},
		{"DELETE FROM session", nil},
		{"UPDATE account SET state = 'expired', problem = 'sign-in', since = ?1, advised = ?1 WHERE state IN ('active', 'signing-in')", []any{now}},
		{"DELETE FROM sign_in", nil},
		{"DELETE FROM invite", nil},
	}
	for _, s := range steps {
		if _, err := tx.ExecContext(ctx, s.query, s.args...); err != nil {
			return fmt.Errorf("distrust old state: %w", err)
		}
	}
	if !conflict {
		return nil
	}
	for _, query := range []string{"DELETE FROM identity", "DELETE FROM child", "DELETE FROM reading", "DELETE FROM held"} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("distrust old state: %w", err)
		}
	}
	return nil
}

func (db *DB) mendCache(ctx context.Context, tx *sql.Tx, state past) error {
	switch {
	case db.cache.Fresh():
		const query = "INSERT INTO meta (id, writes, seen, uid_key, generation) VALUES (1, ?, ?, ?, ?)"
		if _, err := tx.ExecContext(ctx, query, state.seen, state.writes, db.uidKey, rand.Text()); err != nil {
			return fmt.Errorf("begin cache: %w", err)
		}
	case db.opened.LostCache:
		const query = `DELETE FROM change; DELETE FROM media; DELETE FROM absent; DELETE FROM letter; DELETE FROM entry;
			DELETE FROM roster; DELETE FROM profile; DELETE FROM identity; DELETE FROM child; UPDATE meta SET crowded = 0`
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("empty cache: %w", err)
		}
		fallthrough
	case db.opened.OldCache:
		const query = "UPDATE meta SET writes = max(writes, ?), generation = ?"
		if _, err := tx.ExecContext(ctx, query, state.seen, rand.Text()); err != nil {
			return fmt.Errorf("renew cache: %w", err)
		}
	}
	if db.opened.OldState || db.opened.LostState {
		if err := adopt(ctx, tx, state); err != nil {
			return err
		}
	}
	if err := errors.Join(mergeUnwanted(ctx, tx, state.unwanted, true), bury(ctx, tx, state.removed...)); err != nil {
		return err
	}
	before, err := aliases(ctx, tx)
	if err != nil {
		return err
	}
	if err := mergeNumbers(ctx, tx, state, true); err != nil {
		return err
	}
	after, err := aliases(ctx, tx)
	if err != nil || before == after || db.cache.Fresh() {
		return err
	}
	// A join or its undoing was cut short: what the log says of these
	// children is not the whole story, and what is shown has to be decided.
	db.realiased = true
	if _, err := tx.ExecContext(ctx, "UPDATE meta SET generation = ?", rand.Text()); err != nil {
		return fmt.Errorf("renew cache: %w", err)
	}
	return nil
}

// aliases writes down which child goes by which number.
func aliases(ctx context.Context, tx *sql.Tx) (out string, err error) {
	const query = `SELECT coalesce(group_concat(number || '-' || alias_of), '')
		FROM (SELECT number, alias_of FROM child WHERE alias_of IS NOT NULL ORDER BY number)`
	if err := tx.QueryRowContext(ctx, query).Scan(&out); err != nil {
		return "", fmt.Errorf("read aliases: %w", err)
	}
	return out, nil
}

// adopt makes the cache remember the count of a state that is not the one it
// knew, and forget the accounts that this one does not have.
func adopt(ctx context.Context, tx *sql.Tx, state past) error {
	if _, err := tx.ExecContext(ctx, "UPDATE meta SET seen = ?", state.writes); err != nil {
		return fmt.Errorf("note the state: %w", err)
	}
	known, err := list(append([]string{}, state.accounts...))
	if err != nil {
		return err
	}
	const query = "DELETE FROM roster WHERE account NOT IN (SELECT value FROM json_each(?))"
	if _, err := tx.ExecContext(ctx, query, known); err != nil {
		return fmt.Errorf("forget accounts: %w", err)
	}
	return nil
}

// tell logs what was found, once for each start.
func (db *DB) tell(ctx context.Context) {
	for _, p := range db.opened.found() {
		db.log.LogAttrs(ctx, slog.LevelWarn, "data folder is not as it was left", slog.String("found", string(p)))
	}
}

// past reads what the file remembers; nothing where it is new.
func (b *book) past(ctx context.Context) (p past, err error) {
	err = b.View(ctx, func(tx *sql.Tx) error {
		if v, err := schemaVersion(ctx, tx); err != nil || v == 0 {
			return err
		}
		err := tx.QueryRowContext(ctx, "SELECT writes, seen, uid_key FROM meta").Scan(&p.writes, &p.seen, &p.uidKey)
		if err != nil {
			return err
		}
		p.children, err = rows(ctx, tx, func(r *sql.Rows, n *numberRow) error {
			return r.Scan(&n.number, &n.alias)
		}, "SELECT number, alias_of FROM child ORDER BY number")
		if err != nil {
			return err
		}
		p.identities, err = rows(ctx, tx, func(r *sql.Rows, i *identityRow) error {
			return r.Scan(&i.id, &i.hash, &i.own)
		}, "SELECT id, hash, number FROM identity ORDER BY id")
		if err != nil {
			return err
		}
		if p.unwanted, err = unwantedRows(ctx, tx); err != nil {
			return err
		}
		p.removed, err = buried(ctx, tx)
		return err
	})
	if err != nil {
		return past{}, fmt.Errorf("read history: %w", err)
	}
	return p, nil
}

// conflicting reports whether two number tables cannot be of one history.
func conflicting(a, b []identityRow) bool {
	byID := make(map[int64]string, len(a))
	byHash := make(map[string]int64, len(a))
	for _, r := range a {
		byID[r.id] = string(r.hash)
		byHash[string(r.hash)] = r.id
	}
	for _, r := range b {
		if h, ok := byID[r.id]; ok && h != string(r.hash) {
			return true
		}
		if id, ok := byHash[string(r.hash)]; ok && id != r.id {
			return true
		}
	}
	return false
}

// mergeNumbers adds to the file what p knows of the number table. Rows that
// are there already stay as they are; only who goes by whose number is taken
// from p where it knows better.
func mergeNumbers(ctx context.Context, tx *sql.Tx, p past, better bool) error {
	for _, c := range p.children {
		const query = "INSERT INTO child (number, alias_of) VALUES (?, NULL) ON CONFLICT DO NOTHING"
		if _, err := tx.ExecContext(ctx, query, c.number); err != nil {
			return fmt.Errorf("merge numbers: %w", err)
		}
	}
	for _, c := range p.children {
		if !better {
			break
		}
		const query = "UPDATE child SET alias_of = ?1 WHERE number = ?2 AND alias_of IS NOT ?1"
		if _, err := tx.ExecContext(ctx, query, c.alias, c.number); err != nil {
			return fmt.Errorf("merge numbers: %w", err)
		}
	}
	for _, i := range p.identities {
		const query = "INSERT INTO identity (id, hash, number) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
		if _, err := tx.ExecContext(ctx, query, i.id, i.hash, i.own); err != nil {
			return fmt.Errorf("merge numbers: %w", err)
		}
	}
	return nil
}
