package storage

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"syncd/source/school"
	"syncd/storage/vault"
)

// Choice is what a guardian deletes, and does not want to be read again.
type Choice struct {
	Child school.ChildNumber // [school.Family]: every child, also those that come later
	Kind  school.Kind        // empty: everything of the child
}

// Unwanted is a [Choice] that was made.
type Unwanted struct {
	Choice

	Since time.Time // whole seconds, UTC
}

// DeletableKinds returns the kinds that can be deleted by themselves, in the
// order in which they are shown. What is derived from a kind goes with it.
func DeletableKinds() []school.Kind {
	return append(school.CalendarKinds(), school.KindNews, school.KindNotices, school.KindChanges)
}

// Delete removes what the choice names and keeps it from being read again
// until [DB.Allow]. Programs are told of it as of other deletions. Both files
// are written, state.age first: a deletion that is cut short after that is
// completed by the next [Open]. A child that is not known is fs.ErrNotExist,
// a choice that names nothing fs.ErrInvalid. On [vault.ErrNotSaved] what was
// removed is returned as well: it is gone from memory.
func (db *DB) Delete(ctx context.Context, c Choice) (Removed, error) {
	db.content.Lock()
	defer db.content.Unlock()
	if c.Child == school.Family && c.Kind == "" || c.Kind != "" && !slices.Contains(DeletableKinds(), c.Kind) {
		return Removed{}, fmt.Errorf("storage: delete: nothing that can be deleted: %w", fs.ErrInvalid)
	}
	ids, err := db.chosen(ctx, c)
	if err != nil {
		return Removed{}, wrap("delete", err)
	}
	db.step("begin")
	unsaved := db.state.Update(ctx, func(tx *sql.Tx) error {
		db.deleted.Add(1) // reads under way know what goes
		return errors.Join(
			putUnwanted(ctx, tx, ids, c.Kind, db.second()), forgetReadings(ctx, tx, c, ids), putCleanup(ctx, tx, Cleanup{Choice: c}))
	})
	if unsaved != nil && !errors.Is(unsaved, vault.ErrNotSaved) {
		return Removed{}, wrap("delete", unsaved)
	}
	db.step("state")
	clear(db.derived)
	out, err := db.remove(ctx, func(r *removal) error {
		if err := putUnwanted(ctx, r.tx, ids, c.Kind, r.log.at); err != nil {
			return err
		}
		return r.choice(ctx, ids, c.Kind)
	})
	if err != nil && !errors.Is(err, vault.ErrNotSaved) {
		return out, wrap("delete", errors.Join(unsaved, err))
	}
	err = errors.Join(err, db.forget(ctx), db.touchState(ctx))
	if unsaved != nil { // the files that went may have made room
		err = errors.Join(err, db.state.Flush(ctx))
	}
	db.step("end")
	return out, wrap("delete", err)
}

// touchState writes state.age for the sake of its memory of cache.age, so that
// an older copy of that is noticed.
func (db *DB) touchState(ctx context.Context) error {
	return db.state.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE meta SET seen = max(seen, ?)", db.cache.durable.Load())
		return err
	})
}

// chosen returns the identities of a choice; 0 stands for all.
func (db *DB) chosen(ctx context.Context, c Choice) (ids []int64, err error) {
	if c.Child == school.Family {
		return []int64{0}, nil
	}
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		ids, err = rows(ctx, tx, func(r *sql.Rows, id *int64) error { return r.Scan(id) },
			"SELECT id FROM member WHERE number = (SELECT coalesce(alias_of, number) FROM child WHERE number = ?) ORDER BY id", c.Child)
		return err
	})
	if err == nil && len(ids) == 0 {
		err = sql.ErrNoRows
	}
	return ids, err
}

// choice removes a kind, or everything, of identities; 0 stands for all.
func (r *removal) choice(ctx context.Context, ids []int64, kind school.Kind) error {
	for _, id := range ids {
		where := "id = ?"
		if id == 0 {
			where = "id > ?"
		}
		found, err := members(ctx, r.tx, where, id)
		if err != nil {
			return err
		}
		for _, m := range found {
			if kind == "" {
				err = r.identity(ctx, m)
			} else {
				err = r.kind(ctx, m, kind)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// putUnwanted notes a choice in one of the files. The whole child takes the
// place of its single kinds.
func putUnwanted(ctx context.Context, tx *sql.Tx, ids []int64, kind school.Kind, now int64) error {
	for _, id := range ids {
		if kind == "" {
			if _, err := tx.ExecContext(ctx, "DELETE FROM unwanted WHERE identity = ? AND kind <> ''", id); err != nil {
				return fmt.Errorf("note the choice: %w", err)
			}
		}
		const query = "INSERT INTO unwanted (identity, kind, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
		if _, err := tx.ExecContext(ctx, query, id, kind, now); err != nil {
			return fmt.Errorf("note the choice: %w", err)
		}
	}
	return nil
}

// forgetReadings removes from state.age when it was read what is gone, which
// platform led in it, and what sources keep for themselves.
func forgetReadings(ctx context.Context, tx *sql.Tx, c Choice, ids []int64) error {
	for _, p := range school.Parts() {
		if c.Kind != "" && p.Kind() != c.Kind {
			continue
		}
		for _, id := range ids {
			const query = "DELETE FROM reading WHERE part = ?1 AND (identity = ?2 OR ?2 = 0)"
			if _, err := tx.ExecContext(ctx, query, p, id); err != nil {
				return fmt.Errorf("forget readings: %w", err)
			}
		}
	}
	if c.Kind == "" || c.Kind == school.KindEvents {
		// It names children; the next read with a session makes it anew,
		// without those who were deleted.
		if _, err := tx.ExecContext(ctx, "DELETE FROM spare"); err != nil {
			return fmt.Errorf("forget what is read without a session: %w", err)
		}
	}
	// So does what sources remember; the next read may ask for more once.
	if _, err := tx.ExecContext(ctx, "DELETE FROM memory"); err != nil {
		return fmt.Errorf("forget what sources remember: %w", err)
	}
	if c.Kind != "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM lead WHERE child = ?", c.Child)
	return err
}

// Allow takes a [Choice] back: what it names is read again with the next read
// of its accounts, all of which are due. Whoever allows a child allows its
// single kinds too. A choice that was not made is fs.ErrNotExist.
func (db *DB) Allow(ctx context.Context, c Choice) error {
	db.content.Lock()
	defer db.content.Unlock()
	ids, err := db.chosen(ctx, c)
	if err != nil {
		return wrap("allow", err)
	}
	do := func(tx *sql.Tx) error {
		n := int64(0)
		for _, id := range ids {
			gone, err := exec(ctx, tx, "DELETE FROM unwanted WHERE identity = ?1 AND (kind = ?2 OR ?2 = '')", id, c.Kind)
			if err != nil {
				return err
			}
			n += gone
		}
		return must(n, nil)
	}
	err = db.state.Update(ctx, func(tx *sql.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE account SET next_due = 0")
		return err
	})
	if err != nil && !errors.Is(err, vault.ErrNotSaved) {
		return wrap("allow", err)
	}
	clear(db.derived)
	return wrap("allow", errors.Join(err, db.cache.Update(ctx, do)))
}

// Unwanted lists the choices that stand, by child and kind.
func (db *DB) Unwanted(ctx context.Context) (out []Unwanted, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, u *Unwanted) error {
			var since int64
			err := r.Scan(&u.Child, &u.Kind, &since)
			u.Since = instant(since)
			return err
		}, `SELECT coalesce(m.number, 0), u.kind, max(u.since) FROM unwanted u LEFT JOIN member m ON m.id = u.identity
			GROUP BY 1, 2`)
		return err
	})
	order := DeletableKinds()
	slices.SortFunc(out, func(a, b Unwanted) int {
		return cmp.Or(cmp.Compare(a.Child, b.Child), cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)))
	})
	return out, wrap("unwanted", err)
}

// UnwantedParts returns what is not to be read of a child.
func (db *DB) UnwantedParts(ctx context.Context, platform school.PlatformID, child school.Ref) (out []school.Part, err error) {
	u, err := db.unwanted(ctx)
	if err != nil || len(u) == 0 {
		return nil, wrap("unwanted parts", err)
	}
	var id int64
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT id FROM identity WHERE hash = ?", db.identityHash(platform, child)).Scan(&id)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, wrap("unwanted parts", err)
	}
	for _, p := range school.Parts() {
		if u.kind(id, p.Kind()) {
			out = append(out, p)
		}
	}
	return out, nil
}

// unwanted are all choices, by identity.
type unwanted map[int64]map[school.Kind]bool

// all reports whether nothing of an identity is wanted.
func (u unwanted) all(id int64) bool { return u[id][""] }

// kind reports whether a kind of an identity is not wanted, by itself, with
// what it is derived from, or with the whole child.
func (u unwanted) kind(id int64, k school.Kind) bool {
	if o := k.Origin(); o != "" && u.kind(id, o) {
		return true
	}
	return u[id][k] || u[id][""] || u[0][k]
}

func (db *DB) unwanted(ctx context.Context) (u unwanted, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		found, err := unwantedRows(ctx, tx)
		u = unwanted{}
		for _, f := range found {
			if u[f.identity] == nil {
				u[f.identity] = map[school.Kind]bool{}
			}
			u[f.identity][f.kind] = true
		}
		return err
	})
	return u, err
}

type unwantedRow struct {
	identity int64
	kind     school.Kind
	since    int64
}

// unwantedRows reads the choices of one of the files; none where its schema
// is older.
func unwantedRows(ctx context.Context, tx *sql.Tx) ([]unwantedRow, error) {
	var known bool
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'unwanted'").Scan(&known); err != nil || !known {
		return nil, err
	}
	return rows(ctx, tx, func(r *sql.Rows, u *unwantedRow) error { return r.Scan(&u.identity, &u.kind, &u.since) },
		"SELECT identity, kind, since FROM unwanted ORDER BY identity, kind")
}

// mergeUnwanted adds choices to one of the files. only: others go.
func mergeUnwanted(ctx context.Context, tx *sql.Tx, all []unwantedRow, only bool) error {
	have, err := unwantedRows(ctx, tx)
	if err != nil {
		return fmt.Errorf("merge choices: %w", err)
	}
	for _, u := range have {
		if !only || slices.ContainsFunc(all, func(o unwantedRow) bool { return o.identity == u.identity && o.kind == u.kind }) {
			continue
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM unwanted WHERE identity = ? AND kind = ?", u.identity, u.kind); err != nil {
			return fmt.Errorf("merge choices: %w", err)
		}
	}
	for _, u := range all {
		if err := putUnwantedRow(ctx, tx, u); err != nil {
			return err
		}
	}
	return nil
}

func putUnwantedRow(ctx context.Context, tx *sql.Tx, u unwantedRow) error {
	const query = "INSERT INTO unwanted (identity, kind, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
	if _, err := tx.ExecContext(ctx, query, u.identity, u.kind, u.since); err != nil {
		return fmt.Errorf("merge choices: %w", err)
	}
	return nil
}

// endDeletions completes what was cut short between the two files: deletions
// that state.age knows of, and the removal of accounts that it no longer has.
func (db *DB) endDeletions(ctx context.Context) error {
	u, err := db.unwanted(ctx)
	if err != nil {
		return fmt.Errorf("complete deletions: %w", err)
	}
	accounts, err := db.Accounts(ctx)
	if err != nil {
		return err
	}
	known := make([]school.AccountID, 0, len(accounts))
	for _, a := range accounts {
		known = append(known, a.ID)
	}
	out, err := db.remove(ctx, func(r *removal) error {
		for id, kinds := range u {
			for k := range kinds {
				if err := r.choice(ctx, []int64{id}, k); err != nil {
					return err
				}
			}
		}
		return r.accounts(ctx, known)
	})
	if err != nil || !out.Any() {
		return err
	}
	return db.forget(ctx)
}

// restrict loads what is not to be kept.
func (a *applying) restrict(ctx context.Context) (err error) {
	a.date = school.DateOf(a.db.now().In(a.loc))
	if a.limits, err = a.db.Limits(ctx); err != nil {
		return err
	}
	if a.leftUntil, err = a.db.crowded(ctx); err != nil {
		return err
	}
	a.unwanted, err = a.db.unwanted(ctx)
	return err
}

// deleted reports whether the child was deleted, and its number.
func (a *applying) deleted(ctx context.Context) (n school.ChildNumber, ok bool) {
	if len(a.unwanted) == 0 {
		return 0, false
	}
	var id int64
	err := a.db.state.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT id, number FROM member WHERE hash = ?", a.id.hash).Scan(&id, &n)
	})
	return n, err == nil && a.unwanted.all(id)
}

// prune leaves out of the snapshot what is not wanted: as if it had not been
// read.
func (a *applying) prune() {
	off := func(p school.Part) bool { return a.unwanted.kind(a.id.id, p.Kind()) }
	s := a.s
	s.Covered = slices.DeleteFunc(slices.Clone(s.Covered), func(c school.Coverage) bool { return off(c.Part) })
	for _, p := range school.Parts() {
		if !off(p) {
			continue
		}
		switch p {
		case school.PartCalendar:
			s.Calendar = nil
		case school.PartSchedule:
			s.Schedule = nil
		case school.PartTimetable:
			s.Timetable = nil
		case school.PartMenu:
			s.Menu = nil
		case school.PartNews:
			s.News, s.Unchanged = nil, nil
		case school.PartNotices:
			s.Notices = nil
		case school.PartTasks:
			s.Tasks = nil
		case school.PartCare:
			s.Care = nil
		}
	}
}

// step lets a test end the program between two durable writes.
func (db *DB) step(name string) {
	if db.stepped != nil {
		db.stepped(name)
	}
}
