package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"syncd/source/school"
	"syncd/storage/vault"
)

// Lead says which platform leads in a kind of a child that several platforms
// show, and whether the others add what it does not have.
type Lead struct {
	Child    school.ChildNumber
	Kind     school.Kind
	Platform school.PlatformID
	Fill     bool
}

// Brought is what one platform has brought of one kind of a child.
type Brought struct {
	Child    school.ChildNumber
	Kind     school.Kind
	Platform school.PlatformID
	Entries  int // that are kept
	Shown    int // of these
}

// Join makes one child of two, which is a guardian's word and nobody's guess.
// The smaller number stays and is returned; the other becomes an alias of it.
// What both platforms bring is kept apart, see [DB.PutLead]. Numbers that are
// not there are fs.ErrNotExist; [ErrTwoChildren] refuses two that one account
// lists side by side.
func (db *DB) Join(ctx context.Context, a, b school.ChildNumber) (school.ChildNumber, error) {
	db.content.Lock()
	defer db.content.Unlock()
	keep, gone, err := db.joinable(ctx, int64(a), int64(b))
	if err != nil {
		return 0, wrap("join", err)
	}
	alias := sql.NullInt64{Int64: keep, Valid: true}
	err = db.realias(ctx, func(tx *sql.Tx) error {
		const query = "UPDATE child SET alias_of = ?1 WHERE number = ?2 OR alias_of = ?2"
		_, err := tx.ExecContext(ctx, query, alias, gone)
		return err
	}, "number = ?", gone, keep)
	return school.ChildNumber(keep), wrap("join", err)
}

// Split undoes a [DB.Join]: b, an alias of a, is a child of its own again,
// with the number, the entries and the letters that it had. If it is no alias
// of a, the error is fs.ErrNotExist.
func (db *DB) Split(ctx context.Context, a, b school.ChildNumber) error {
	db.content.Lock()
	defer db.content.Unlock()
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		var n int64
		return tx.QueryRowContext(ctx, "SELECT number FROM child WHERE number = ? AND alias_of = ?", b, a).Scan(&n)
	})
	if err == nil {
		err = db.realias(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE child SET alias_of = NULL WHERE number = ?", b)
			return err
		}, "own = ?", int64(b), int64(a), int64(b))
	}
	return wrap("split", err)
}

// joinable resolves aliases and answers which number stays and which goes.
func (db *DB) joinable(ctx context.Context, a, b int64) (keep, gone int64, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		for _, n := range []*int64{&a, &b} {
			if err := tx.QueryRowContext(ctx, "SELECT coalesce(alias_of, number) FROM child WHERE number = ?", *n).Scan(n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	if a == b {
		return 0, 0, ErrTwoChildren
	}
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		for _, n := range []int64{a, b} {
			var known int64
			if err := tx.QueryRowContext(ctx, "SELECT p.identity FROM profile p JOIN member m ON m.id = p.identity WHERE m.number = ?", n).Scan(&known); err != nil {
				return err
			}
		}
		var both int64
		const query = `SELECT count(*) FROM roster x JOIN member mx ON mx.id = x.identity
			JOIN roster y ON y.account = x.account JOIN member my ON my.id = y.identity
			WHERE x.listed = 1 AND y.listed = 1 AND mx.number = ? AND my.number = ?`
		if err := tx.QueryRowContext(ctx, query, a, b).Scan(&both); err != nil || both == 0 {
			return err
		}
		return ErrTwoChildren
	})
	return min(a, b), max(a, b), err
}

// realias changes aliases in both files and logs that what belongs to the
// identities that where selects has gone from one child's calendars and come
// into another's. Afterwards the numbers are arranged.
func (db *DB) realias(ctx context.Context, change func(*sql.Tx) error, where string, selects int64, numbers ...int64) error {
	if err := db.state.Update(ctx, change); err != nil && !errors.Is(err, vault.ErrNotSaved) {
		return err
	}
	clear(db.derived)
	leading := make([]leading, len(numbers))
	for i, n := range numbers {
		var err error
		if leading[i], err = db.leading(ctx, n); err != nil {
			return err
		}
	}
	return db.cache.Update(ctx, func(tx *sql.Tx) error {
		log := db.newChangeLog(tx)
		moved, err := members(ctx, tx, where, selects)
		if err != nil {
			return err
		}
		if err := log.members(ctx, moved, true); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		for i, n := range numbers {
			if err := arrange(ctx, tx, log, n, leading[i]); err != nil {
				return err
			}
		}
		return errors.Join(log.members(ctx, moved, false), log.close(ctx))
	})
}

// members logs a change of all that is shown of identities, under the numbers
// by which they go now.
func (l *changeLog) members(ctx context.Context, moved []identityRow, deleted bool) error {
	for _, m := range moved {
		now, err := members(ctx, l.tx, "id = ?", m.id)
		if err != nil {
			return err
		}
		if err := l.all(ctx, now[0], deleted); err != nil {
			return err
		}
	}
	return nil
}

func members(ctx context.Context, tx *sql.Tx, where string, arg int64) ([]identityRow, error) {
	return rows(ctx, tx, func(r *sql.Rows, m *identityRow) error {
		return r.Scan(&m.id, &m.number, &m.own)
	}, "SELECT id, number, own FROM member WHERE "+where+" ORDER BY id", arg)
}

// PutLead stores which platform leads in a kind of a joined child, and at once
// shows that one's entries and hides the others', or what of theirs repeats
// them. Without a Lead the platform leads that was there first. Derived kinds
// follow what they are derived from and have no Lead: fs.ErrInvalid, as for a
// platform that does not show the child.
func (db *DB) PutLead(ctx context.Context, l Lead) error {
	db.content.Lock()
	defer db.content.Unlock()
	children, err := db.Children(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(children, func(c Child) bool { return c.Number == l.Child })
	if i < 0 {
		return wrap("put lead", sql.ErrNoRows)
	}
	if !slices.ContainsFunc(children[i].Identities, func(i Identity) bool { return i.Platform == l.Platform }) || !arranged(l.Kind) || l.Kind.Origin() != "" {
		return wrap("put lead", ErrNoLead)
	}
	err = db.state.Update(ctx, func(tx *sql.Tx) error {
		const query = `INSERT INTO lead (child, kind, platform, fill) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET platform = excluded.platform, fill = excluded.fill`
		_, err := tx.ExecContext(ctx, query, l.Child, l.Kind, l.Platform, number(l.Fill))
		return err
	})
	if err != nil {
		return wrap("put lead", err)
	}
	return wrap("put lead", db.rearrange(ctx, l.Child))
}

// rearrange brings what is shown of a child in line with what is stored about
// it; the caller holds content.
func (db *DB) rearrange(ctx context.Context, n school.ChildNumber) error {
	leading, err := db.leading(ctx, int64(n))
	if err != nil {
		return err
	}
	return db.cache.Update(ctx, func(tx *sql.Tx) error {
		log := db.newChangeLog(tx)
		return errors.Join(arrange(ctx, tx, log, int64(n), leading), log.close(ctx))
	})
}

// endJoins decides what is shown of every child, where a join or its undoing
// was cut short between the two files.
func (db *DB) endJoins(ctx context.Context) error {
	if !db.realiased {
		return nil
	}
	children, err := db.Children(ctx)
	for _, c := range children {
		err = errors.Join(err, db.rearrange(ctx, c.Number))
	}
	return err
}

// Leads lists what was stored by [DB.PutLead], by child and kind.
func (db *DB) Leads(ctx context.Context) (out []Lead, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, l *Lead) error {
			return r.Scan(&l.Child, &l.Kind, &l.Platform, &l.Fill)
		}, "SELECT child, kind, platform, fill FROM lead ORDER BY child, kind")
		return err
	})
	return out, wrap("leads", err)
}

// Brought tells how much each platform has brought of each kind of each child,
// by child, kind and age of the identity.
func (db *DB) Brought(ctx context.Context) (out []Brought, err error) {
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, b *Brought) error {
			return r.Scan(&b.Child, &b.Kind, &b.Platform, &b.Entries, &b.Shown)
		}, `SELECT m.number, t.kind, p.platform, count(*), sum(1 - t.hidden)
			FROM (SELECT identity, kind, hidden FROM entry UNION ALL SELECT identity, kind, hidden FROM letter) t
			JOIN member m ON m.id = t.identity JOIN profile p ON p.identity = m.id
			GROUP BY m.number, t.kind, m.id ORDER BY m.number, t.kind, m.id`)
		return err
	})
	return out, wrap("brought", err)
}

// leading is what arrange has to know of state.age about one child.
type leading struct {
	leads map[school.Kind]Lead
	read  map[int64]map[school.Kind]bool // by identity: kinds that were ever read
}

func (db *DB) leading(ctx context.Context, child int64) (leading, error) {
	out := leading{leads: map[school.Kind]Lead{}, read: map[int64]map[school.Kind]bool{}}
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, l *Lead) error {
			err := r.Scan(&l.Kind, &l.Platform, &l.Fill)
			out.leads[l.Kind] = *l
			return err
		}, "SELECT kind, platform, fill FROM lead WHERE child = ?", child)
		if err != nil {
			return fmt.Errorf("read leads: %w", err)
		}
		_, err = rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var id int64
			var part school.Part
			err := r.Scan(&id, &part)
			if out.read[id] == nil {
				out.read[id] = map[school.Kind]bool{}
			}
			out.read[id][part.Kind()] = true
			return err
		}, "SELECT r.identity, r.part FROM reading r JOIN member m ON m.id = r.identity WHERE m.number = ?", child)
		return err
	})
	return out, err
}

// leading is what arrange has to know when a snapshot is applied, which counts
// as read already.
func (a *applying) leading(ctx context.Context) (leading, error) {
	if !a.joined {
		return leading{}, nil
	}
	out, err := a.db.leading(ctx, a.id.number)
	if out.read[a.id.id] == nil {
		out.read[a.id.id] = map[school.Kind]bool{}
	}
	for _, c := range a.s.Covered {
		out.read[a.id.id][c.Part.Kind()] = true
	}
	return out, err
}
