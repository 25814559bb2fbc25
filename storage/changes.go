package storage

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"syncd/source/school"
)

const (
	markLength = 8      // bytes of a change's random mark
	logLimit   = 50_000 // changes listed at most; half of them stay when there are more
)

// Revision is where the content of some calendars or feeds stands: the newest
// row of the change log that concerns them. Zero: nothing has ever happened.
type Revision struct {
	Seq  int64
	Mark string // random, hexadecimal
}

// Change is the newest thing that happened to one entry or letter.
type Change struct {
	UID     school.UID
	Child   school.ChildNumber
	Kind    school.Kind
	Deleted bool
	Seq     int64
	Mark    string
}

// Revision returns the newest change among the children and kinds; nil means
// all of them. The mark is random: after a backup was put back, revisions
// that were handed out later are not met again.
func (db *DB) Revision(ctx context.Context, children []school.ChildNumber, kinds []school.Kind) (rev Revision, err error) {
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		rev, err = revision(ctx, tx, children, kinds)
		return err
	})
	return rev, wrap("revision", err)
}

// ChangesSince lists what happened among the children and kinds (nil: all)
// after from, in its order and the newest for each UID only, and the revision
// that this leads to. [ErrRevision] means that from is not of this history or
// of another scope, or lies before what is remembered: list everything and go
// on from [DB.Revision]. The zero Revision is where a scope stands in which
// nothing has ever happened.
func (db *DB) ChangesSince(
	ctx context.Context, children []school.ChildNumber, kinds []school.Kind, from Revision,
) (out []Change, to Revision, err error) {
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		if to, err = revision(ctx, tx, children, kinds); err != nil {
			return err
		}
		scope, err := scopes(ctx, tx, children, kinds)
		if err != nil {
			return err
		}
		if err := knownRevision(ctx, tx, scope, from); err != nil {
			return err
		}
		if to == from {
			return nil
		}
		for _, s := range scope {
			found, err := rows(ctx, tx, func(r *sql.Rows, c *Change) error {
				var mark []byte
				err := r.Scan(&c.Seq, &c.UID, &c.Deleted, &mark)
				c.Child, c.Kind, c.Mark = s.child, s.kind, hex.EncodeToString(mark)
				return err
			}, "SELECT seq, uid, deleted, mark FROM change WHERE child = ? AND kind = ? AND seq > ? ORDER BY seq", s.child, s.kind, from.Seq)
			if err != nil {
				return err
			}
			out = append(out, newest(found)...)
		}
		slices.SortFunc(out, func(a, b Change) int { return cmp.Compare(a.Seq, b.Seq) })
		return nil
	})
	if err != nil {
		return nil, Revision{}, wrap("changes since", err)
	}
	return out, to, nil
}

// newest keeps of each UID the last of changes that are in order.
func newest(in []Change) []Change {
	last := make(map[school.UID]int64, len(in))
	for _, c := range in {
		last[c.UID] = c.Seq
	}
	return slices.DeleteFunc(in, func(c Change) bool { return last[c.UID] != c.Seq })
}

// scope is one child and one kind, the unit of the change log.
type scope struct {
	child school.ChildNumber
	kind  school.Kind
}

// scopes returns every combination; nil stands for all.
func scopes(ctx context.Context, tx *sql.Tx, children []school.ChildNumber, kinds []school.Kind) ([]scope, error) {
	if children == nil {
		found, err := rows(ctx, tx, func(r *sql.Rows, n *school.ChildNumber) error { return r.Scan(n) },
			"SELECT number FROM child ORDER BY number")
		if err != nil {
			return nil, err
		}
		children = found
	}
	if kinds == nil {
		kinds = append(school.CalendarKinds(), school.FeedKinds()...)
	}
	out := make([]scope, 0, len(children)*len(kinds))
	for _, c := range children {
		for _, k := range kinds {
			out = append(out, scope{c, k})
		}
	}
	return out, nil
}

func revision(ctx context.Context, tx *sql.Tx, children []school.ChildNumber, kinds []school.Kind) (rev Revision, err error) {
	scope, err := scopes(ctx, tx, children, kinds)
	if err != nil {
		return Revision{}, err
	}
	for _, s := range scope {
		var seq int64
		var mark []byte
		const query = "SELECT seq, mark FROM change WHERE child = ? AND kind = ? ORDER BY seq DESC LIMIT 1"
		err := tx.QueryRowContext(ctx, query, s.child, s.kind).Scan(&seq, &mark)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return Revision{}, err
		}
		if seq > rev.Seq {
			rev = Revision{Seq: seq, Mark: hex.EncodeToString(mark)}
		}
	}
	return rev, nil
}

// knownRevision checks that from is a row of the scope and that nothing that
// happened there since was dropped from the log.
func knownRevision(ctx context.Context, tx *sql.Tx, scope []scope, from Revision) error {
	var horizon int64
	if err := tx.QueryRowContext(ctx, "SELECT horizon FROM meta").Scan(&horizon); err != nil {
		return err
	}
	known := from == Revision{}
	for _, s := range scope {
		// Of each scope the newest row up to the horizon is kept, so a row
		// there betrays what may be missing.
		var between int64
		const dropped = "SELECT count(*) FROM change WHERE child = ? AND kind = ? AND seq > ? AND seq <= ?"
		if err := tx.QueryRowContext(ctx, dropped, s.child, s.kind, from.Seq, horizon).Scan(&between); err != nil {
			return err
		}
		if between > 0 {
			return ErrRevision
		}
		if known {
			continue
		}
		var mark []byte
		const row = "SELECT mark FROM change WHERE child = ? AND kind = ? AND seq = ?"
		err := tx.QueryRowContext(ctx, row, s.child, s.kind, from.Seq).Scan(&mark)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		known = err == nil && hex.EncodeToString(mark) == from.Mark
	}
	if !known {
		return ErrRevision
	}
	return nil
}

// changeLog appends to the change log inside one transaction.
type changeLog struct {
	tx    *sql.Tx
	at    int64
	limit int64
	stmt  *sql.Stmt
	seq   int64
	mark  []byte
}

func (db *DB) newChangeLog(tx *sql.Tx) *changeLog {
	return &changeLog{tx: tx, at: db.second(), limit: db.logLimit}
}

func (l *changeLog) begin(ctx context.Context) (err error) {
	if l.stmt != nil {
		return nil
	}
	if err := l.tx.QueryRowContext(ctx, "SELECT seq FROM meta").Scan(&l.seq); err != nil {
		return fmt.Errorf("begin change log: %w", err)
	}
	l.mark = make([]byte, markLength)
	_, _ = rand.Read(l.mark)
	const query = "INSERT INTO change (child, kind, seq, uid, deleted, mark, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
	l.stmt, err = l.tx.PrepareContext(ctx, query)
	return err
}

func (l *changeLog) add(ctx context.Context, child int64, kind school.Kind, uid school.UID, deleted bool) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	l.seq++
	if _, err := l.stmt.ExecContext(ctx, child, kind, l.seq, uid, number(deleted), l.mark, l.at); err != nil {
		return fmt.Errorf("log change: %w", err)
	}
	return nil
}

// all logs a change of everything that is shown of an identity.
func (l *changeLog) all(ctx context.Context, id identityRow, deleted bool) error {
	type thing struct {
		kind school.Kind
		uid  school.UID
	}
	things, err := rows(ctx, l.tx, func(r *sql.Rows, t *thing) error { return r.Scan(&t.kind, &t.uid) },
		"SELECT kind, uid FROM entry WHERE identity = ?1 AND hidden = 0 UNION ALL SELECT kind, uid FROM letter WHERE identity = ?1 AND hidden = 0", id.id)
	if err != nil {
		return err
	}
	for _, t := range things {
		if err := l.add(ctx, id.number, t.kind, t.uid, deleted); err != nil {
			return err
		}
	}
	return nil
}

// close stores where the log stands, and drops its oldest rows when it has
// become too long.
func (l *changeLog) close(ctx context.Context) error {
	if l.stmt == nil {
		return nil
	}
	err := l.stmt.Close()
	if _, e := l.tx.ExecContext(ctx, "UPDATE meta SET seq = ?", l.seq); e != nil {
		return errors.Join(err, e)
	}
	return errors.Join(err, l.shorten(ctx))
}

func (l *changeLog) shorten(ctx context.Context) error {
	var n int64
	if err := l.tx.QueryRowContext(ctx, "SELECT seq - horizon FROM meta").Scan(&n); err != nil || n <= l.limit {
		return err
	}
	horizon := l.seq - l.limit/2
	const drop = `DELETE FROM change WHERE seq <= ?1 AND seq < (SELECT max(c.seq) FROM change c
		WHERE c.child = change.child AND c.kind = change.kind AND c.seq <= ?1)`
	if _, err := l.tx.ExecContext(ctx, drop, horizon); err != nil {
		return fmt.Errorf("shorten change log: %w", err)
	}
	_, err := l.tx.ExecContext(ctx, "UPDATE meta SET horizon = ?", horizon)
	return err
}
