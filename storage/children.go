package storage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"syncd/source/school"
	"syncd/storage/vault"
)

// Child is a child as the family knows it: one number, and one identity for
// each platform that shows it. It prints without anything private.
type Child struct {
	Number     school.ChildNumber
	Name       string // as the platform of the first identity writes it
	School     string // may be empty
	Identities []Identity
	// Aliases are the numbers of children that were joined to this one.
	Aliases []school.ChildNumber
	// Gone is when the last platform stopped listing the child; zero while
	// one does. The entries stay.
	Gone time.Time
}

// Identity is a child as one platform knows it.
type Identity struct {
	Platform school.PlatformID
	Ref      school.Ref
	Accounts []school.AccountID // that list the child now
	Gone     time.Time          // zero while an account lists it
}

// String implements [fmt.Stringer]: the number only.
func (c Child) String() string { return fmt.Sprintf("child %d", c.Number) }

// Format implements [fmt.Formatter], so that no verb shows more than the number.
func (c Child) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer]: the number only.
func (c Child) LogValue() slog.Value { return slog.IntValue(int(c.Number)) }

// Has reports whether n is the child's number or an alias of it.
func (c Child) Has(n school.ChildNumber) bool { return c.Number == n || slices.Contains(c.Aliases, n) }

// FirstName returns the first word of the name, or the name itself.
func (c Child) FirstName() string { return school.Child{Name: c.Name}.FirstName() }

// Children lists the children that are known, gone ones too, by number.
func (db *DB) Children(ctx context.Context) (out []Child, err error) {
	type row struct {
		identity int64
		child    Child
	}
	var found []row
	listed := map[int64][]school.AccountID{}
	aliases := map[school.ChildNumber][]school.ChildNumber{}
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		found, err = rows(ctx, tx, func(r *sql.Rows, v *row) error {
			var i Identity
			var gone int64
			err := r.Scan(&v.identity, &v.child.Number, &i.Platform, &i.Ref, &v.child.Name, &v.child.School, &gone)
			i.Gone = instant(gone)
			v.child.Identities = []Identity{i}
			return err
		}, `SELECT p.identity, i.number, p.platform, p.ref, p.name, p.school, p.gone
			FROM profile p JOIN member i ON i.id = p.identity ORDER BY i.number, p.gone <> 0, p.identity`)
		if err != nil {
			return err
		}
		_, err = rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var a school.AccountID
			var identity int64
			err := r.Scan(&a, &identity)
			listed[identity] = append(listed[identity], a)
			return err
		}, "SELECT account, identity FROM roster WHERE listed <> 0 ORDER BY account")
		if err != nil {
			return err
		}
		_, err = rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var alias, number school.ChildNumber
			err := r.Scan(&alias, &number)
			aliases[number] = append(aliases[number], alias)
			return err
		}, "SELECT number, alias_of FROM child WHERE alias_of IS NOT NULL ORDER BY number")
		return err
	})
	for _, v := range found {
		v.child.Identities[0].Accounts = listed[v.identity]
		if n := len(out); n > 0 && out[n-1].Number == v.child.Number {
			out[n-1].Identities = append(out[n-1].Identities, v.child.Identities[0])
			continue
		}
		v.child.Aliases = aliases[v.child.Number]
		v.child.Gone = v.child.Identities[0].Gone // present identities come first
		out = append(out, v.child)
	}
	return out, wrap("children", err)
}

// PutRoster stores which children an account lists, by a complete roster, and
// returns their numbers. Of a child that was deleted for good ([DB.Delete])
// nothing is stored. A child that was never seen gets the next number; a
// child that no account lists any more is Gone from then on.
func (db *DB) PutRoster(
	ctx context.Context, account school.AccountID, platform school.PlatformID, r school.Roster,
) (map[school.Ref]school.ChildNumber, error) {
	db.content.Lock()
	defer db.content.Unlock()
	if _, err := db.Account(ctx, account); err != nil {
		return nil, err
	}
	deleted, err := db.unwanted(ctx)
	if err != nil {
		return nil, wrap("put roster", err)
	}
	var ids []identityRow
	err = db.state.Update(ctx, func(tx *sql.Tx) (err error) {
		ids, err = db.giveNumbers(ctx, tx, platform, r.Children)
		return err
	})
	if err != nil && !errors.Is(err, vault.ErrNotSaved) {
		return nil, wrap("put roster", err)
	}
	err = errors.Join(err, db.cache.Update(ctx, func(tx *sql.Tx) error {
		return db.putRoster(ctx, tx, account, platform, r.Children, ids, deleted)
	}))
	if err != nil && !errors.Is(err, vault.ErrNotSaved) {
		return nil, wrap("put roster", err)
	}
	numbers := make(map[school.Ref]school.ChildNumber, len(ids))
	for i, c := range r.Children {
		numbers[c.Ref] = school.ChildNumber(ids[i].number)
	}
	return numbers, wrap("put roster", err)
}

// giveNumbers returns the identity of each child, made where it is new.
func (db *DB) giveNumbers(
	ctx context.Context, tx *sql.Tx, platform school.PlatformID, children []school.Child,
) ([]identityRow, error) {
	out := make([]identityRow, 0, len(children))
	for _, c := range children {
		row := identityRow{hash: db.identityHash(platform, c.Ref)}
		err := tx.QueryRowContext(ctx, "SELECT id, number, own FROM member WHERE hash = ?", row.hash).Scan(&row.id, &row.number, &row.own)
		if errors.Is(err, sql.ErrNoRows) {
			err = newNumber(ctx, tx, &row)
		}
		if err != nil {
			return nil, fmt.Errorf("give number: %w", err)
		}
		out = append(out, row)
	}
	return out, nil
}

func newNumber(ctx context.Context, tx *sql.Tx, row *identityRow) error {
	const child = "INSERT INTO child (number) SELECT coalesce(max(number), 0) + 1 FROM child RETURNING number"
	if err := tx.QueryRowContext(ctx, child).Scan(&row.number); err != nil {
		return err
	}
	row.own = row.number
	const identity = "INSERT INTO identity (hash, number) VALUES (?, ?) RETURNING id"
	return tx.QueryRowContext(ctx, identity, row.hash, row.number).Scan(&row.id)
}

func (db *DB) identityHash(platform school.PlatformID, ref school.Ref) []byte {
	h := hmac.New(sha256.New, db.uidKey)
	_, _ = io.WriteString(h, "identity\x00"+string(platform)+"\x00"+string(ref))
	return h.Sum(nil)
}

func (db *DB) putRoster(
	ctx context.Context, tx *sql.Tx, account school.AccountID, platform school.PlatformID,
	children []school.Child, ids []identityRow, deleted unwanted,
) error {
	log := db.newChangeLog(tx)
	listed := make([]int64, 0, len(ids))
	for i, c := range children {
		listed = append(listed, ids[i].id)
		if err := mergeNumbers(ctx, tx, past{children: []numberRow{{number: ids[i].own}}, identities: ids[i : i+1]}, false); err != nil {
			return err
		}
		if deleted.all(ids[i].id) {
			continue // its name is not kept either
		}
		if err := putProfile(ctx, tx, log, platform, c, ids[i]); err != nil {
			return fmt.Errorf("put profile: %w", err)
		}
		const member = `INSERT INTO roster (account, identity, listed) VALUES (?, ?, 1)
			ON CONFLICT DO UPDATE SET listed = 1 WHERE listed = 0`
		if _, err := tx.ExecContext(ctx, member, account, ids[i].id); err != nil {
			return fmt.Errorf("put member: %w", err)
		}
	}
	present, err := list(listed)
	if err != nil {
		return err
	}
	const left = `UPDATE roster SET listed = 0
		WHERE account = ? AND listed = 1 AND identity NOT IN (SELECT value FROM json_each(?))`
	if _, err := tx.ExecContext(ctx, left, account, present); err != nil {
		return fmt.Errorf("note who left: %w", err)
	}
	if err := noteGone(ctx, tx, db.second()); err != nil {
		return err
	}
	return log.close(ctx)
}

// noteGone sets and clears when children were last listed by anyone.
func noteGone(ctx context.Context, tx *sql.Tx, now int64) error {
	const gone = `UPDATE profile SET gone = ?
		WHERE gone = 0 AND NOT EXISTS (SELECT 1 FROM roster r WHERE r.identity = profile.identity AND r.listed = 1)`
	if _, err := tx.ExecContext(ctx, gone, now); err != nil {
		return fmt.Errorf("note who is gone: %w", err)
	}
	const back = `UPDATE profile SET gone = 0
		WHERE gone <> 0 AND EXISTS (SELECT 1 FROM roster r WHERE r.identity = profile.identity AND r.listed = 1)`
	if _, err := tx.ExecContext(ctx, back); err != nil {
		return fmt.Errorf("note who is back: %w", err)
	}
	return nil
}

// putProfile stores name and school. A new first name stands in titles, so
// everything of the child has changed with it.
func putProfile(
	ctx context.Context, tx *sql.Tx, log *changeLog, platform school.PlatformID, c school.Child, id identityRow,
) error {
	var before string
	err := tx.QueryRowContext(ctx, "SELECT name FROM profile WHERE identity = ?", id.id).Scan(&before)
	if errors.Is(err, sql.ErrNoRows) {
		const query = "INSERT INTO profile (identity, platform, ref, name, school, gone) VALUES (?, ?, ?, ?, ?, 0)"
		_, err = tx.ExecContext(ctx, query, id.id, platform, string(c.Ref), c.Name, c.School)
		return err
	}
	if err != nil {
		return err
	}
	const query = "UPDATE profile SET name = ?1, school = ?2 WHERE identity = ?3 AND (name <> ?1 OR school <> ?2)"
	if _, err := tx.ExecContext(ctx, query, c.Name, c.School, id.id); err != nil {
		return err
	}
	if (Child{Name: before}).FirstName() == c.FirstName() {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "UPDATE entry SET modified = max(modified, ?) WHERE identity = ?", log.at, id.id); err != nil {
		return err
	}
	return log.all(ctx, id, false)
}

// accounts removes from cache.age the rosters of accounts that are not known,
// and what only they had brought.
func (r *removal) accounts(ctx context.Context, known []school.AccountID) error {
	list, err := list(append([]school.AccountID{}, known...))
	if err != nil {
		return err
	}
	orphans, err := rows(ctx, r.tx, func(q *sql.Rows, v *identityRow) error {
		return q.Scan(&v.id, &v.number)
	}, `SELECT DISTINCT i.id, i.number FROM roster r JOIN member i ON i.id = r.identity
		WHERE r.account NOT IN (SELECT value FROM json_each(?1)) AND NOT EXISTS
		(SELECT 1 FROM roster o WHERE o.identity = r.identity AND o.account IN (SELECT value FROM json_each(?1)))`, list)
	if err != nil {
		return err
	}
	for _, o := range orphans {
		if err := r.identity(ctx, o); err != nil {
			return err
		}
	}
	const query = "DELETE FROM roster WHERE account NOT IN (SELECT value FROM json_each(?))"
	if n, err := exec(ctx, r.tx, query, list); err != nil || n == 0 {
		return err
	}
	return noteGone(ctx, r.tx, r.log.at)
}
