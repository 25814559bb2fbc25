package storage

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"syncd/source/school"
)

// Deriver works out the entries of the derived kinds of a child at one
// platform, see [school.DerivedKinds]. It is pure; the entries have UIDs.
type Deriver func(school.Basis) []school.Entry

// DeriveWith sets how derived entries are worked out; without it there are
// none. It is called once, before the first Apply: each child is worked out
// anew when it is next applied, so that entries made by another version of
// the rules do not stay.
func (db *DB) DeriveWith(d Deriver) {
	db.content.Lock()
	defer db.content.Unlock()
	db.deriver, db.derived = d, map[int64]bool{}
}

// underived reports whether derived entries may not be what they should be.
func (a *applying) underived() bool {
	if a.db.deriver == nil {
		return false
	}
	basis := func(k school.Kind) bool { return k == school.KindLessons || k == school.KindEvents }
	return !a.db.derived[a.id.number] ||
		slices.ContainsFunc(a.entryPuts, func(p entryPut) bool { return basis(p.entry.Kind) }) ||
		slices.ContainsFunc(a.drops, func(k key) bool { return basis(k.kind) })
}

// derive brings the derived entries of the child up to what is kept, inside
// the transaction in which that changed: of all its platforms, because the
// closures of one count for the lessons of another.
func (a *applying) derive(ctx context.Context, tx *sql.Tx, log *changeLog) error {
	type member struct {
		id    int64
		basis school.Basis
	}
	members, err := rows(ctx, tx, func(r *sql.Rows, m *member) error {
		var ref string
		err := r.Scan(&m.id, &m.basis.Platform, &ref)
		m.basis.Child = school.Ref(ref)
		return err
	}, `SELECT i.id, p.platform, p.ref FROM member i JOIN profile p ON p.identity = i.id
		WHERE i.number = ? ORDER BY i.id`, a.id.number)
	if err != nil {
		return err
	}
	for _, m := range members {
		d := &applying{
			db: a.db, limits: a.limits, unwanted: a.unwanted, today: a.today, date: a.date, loc: a.loc, now: a.now, fp: a.fp, id: identityRow{id: m.id, number: a.id.number}, joined: a.joined,
			changes: school.Changes{Added: map[school.Kind]int{}, Changed: map[school.Kind]int{}, Deleted: map[school.Kind]int{}},
		}
		if m.id == a.id.id {
			d.changes = a.changes
		}
		if err := d.deriveFrom(ctx, tx, log, m.basis); err != nil {
			return err
		}
	}
	return nil
}

// deriveFrom does derive's work for one identity.
func (a *applying) deriveFrom(ctx context.Context, tx *sql.Tx, log *changeLog, b school.Basis) (err error) {
	const have = entryRowQuery + " AND kind IN ('day', 'kit')"
	if a.entries, err = entryRows(ctx, tx, have, a.id.id); err != nil {
		return fmt.Errorf("read derived entries: %w", err)
	}
	const lessons = "SELECT uid, kind, all_day, starts, ends, status, title, body FROM entry WHERE identity = ? AND kind = 'lessons'"
	if b.Lessons, err = a.basisEntries(ctx, tx, lessons, a.id.id); err != nil {
		return fmt.Errorf("read lessons: %w", err)
	}
	if len(a.entries)+len(b.Lessons) == 0 {
		return nil
	}
	const days = `SELECT e.uid, e.kind, e.all_day, e.starts, e.ends, e.status, e.title, ''
		FROM entry e JOIN member i ON i.id = e.identity WHERE i.number = ? AND e.kind = 'events' AND e.all_day = 1`
	if b.Days, err = a.basisEntries(ctx, tx, days, a.id.number); err != nil {
		return fmt.Errorf("read days: %w", err)
	}
	for _, e := range a.db.deriver(b) {
		if e.Kind.Origin() == "" || e.UID == "" {
			return fmt.Errorf("an entry of kind %s is not derived, or has no UID", e.Kind)
		}
		if !a.unwanted.kind(a.id.id, e.Kind) {
			a.workEntry(&incoming{entry: e})
		}
	}
	for k, e := range a.entries {
		if !e.seen {
			a.drops = append(a.drops, k)
			a.changes.Deleted[k.kind]++
		}
	}
	slices.SortFunc(a.drops, func(x, y key) int { return strings.Compare(string(x.uid), string(y.uid)) })
	if err := a.writeEntries(ctx, tx, log); err != nil {
		return fmt.Errorf("write derived entries: %w", err)
	}
	return a.writeDrops(ctx, tx, log)
}

func (a *applying) basisEntries(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]school.Entry, error) {
	return rows(ctx, tx, func(r *sql.Rows, e *school.Entry) error {
		var starts, ends int64
		if err := r.Scan(&e.UID, &e.Kind, &e.Span.AllDay, &starts, &ends, &e.Status, &e.Title, &e.Body); err != nil {
			return err
		}
		if e.Span.AllDay {
			e.Span.Days = school.Window{From: dateOf(starts), To: dateOf(ends)}
		} else {
			e.Span.Start, e.Span.End = time.Unix(starts, 0).In(a.loc), time.Unix(ends, 0).In(a.loc)
		}
		return nil
	}, query, args...)
}
