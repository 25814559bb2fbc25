package storage

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"syncd/source/school"
)

// Limits returns for how long things are kept: what was chosen, and the
// defaults for the rest.
func (db *DB) Limits(ctx context.Context) (l school.Limits, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		l, err = limits(ctx, tx)
		return err
	})
	return l, wrap("limits", err)
}

func limits(ctx context.Context, tx *sql.Tx) (school.Limits, error) {
	out := school.DefaultLimits()
	_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
		var s school.Shelf
		var l school.Limit
		err := r.Scan(&s, &l)
		if _, known := out[s]; known && l.Valid() {
			out[s] = l
		}
		return err
	}, "SELECT shelf, days FROM keep")
	return out, err
}

// PutLimit stores for how long the things of a shelf are kept. What is kept
// for longer already leaves with the next [DB.Sweep]. An unknown shelf or
// limit is fs.ErrInvalid.
func (db *DB) PutLimit(ctx context.Context, s school.Shelf, l school.Limit) error {
	if !slices.Contains(school.Shelves(), s) || !l.Valid() {
		return fmt.Errorf("storage: put limit: no such shelf or limit: %w", fs.ErrInvalid)
	}
	return wrap("put limit", db.state.Update(ctx, func(tx *sql.Tx) error {
		const query = "INSERT INTO keep (shelf, days) VALUES (?, ?) ON CONFLICT DO UPDATE SET days = excluded.days WHERE days <> excluded.days"
		_, err := tx.ExecContext(ctx, query, s, l)
		return err
	}))
}

// KeepAll names children that no limit applies to; nil: none. It is called
// once, before the first Apply.
func (db *DB) KeepAll(always func(school.ChildNumber) bool) {
	db.content.Lock()
	defer db.content.Unlock()
	db.always = always
}

// LettersFrom returns the time before which letters are kept no longer,
// because of a limit or for lack of room; zero where they are always kept.
func (db *DB) LettersFrom(ctx context.Context) (time.Time, error) {
	l, err := db.Limits(ctx)
	if err != nil {
		return time.Time{}, err
	}
	crowded, err := db.crowded(ctx)
	if err != nil {
		return time.Time{}, wrap("letters from", err)
	}
	var left time.Time
	if crowded > 0 {
		left = instant(crowded + 1)
	}
	today := school.DateOf(db.now().In(school.Stockholm()))
	if l[school.ShelfNews] == school.LimitNone {
		return left, nil
	}
	first := today
	for !l.Expired(school.ShelfNews, first.AddDays(-1), today) {
		first = first.AddDays(-1)
	}
	if start := first.Start(school.Stockholm()); start.After(left) {
		return start, nil
	}
	return left, nil
}

// Leaving is what leaves a shelf next.
type Leaving struct {
	Shelf school.Shelf
	Limit school.Limit
	Kept  int // all that stands there
	// Next is the day on which the next of it leaves, and Count how many do
	// then; the zero Date: nothing does.
	Next  school.Date
	Count int
}

// Leaving tells of each shelf what leaves it when, in the order of
// [school.Shelves]. Things that should have left already, as when a limit was
// lowered a moment ago, leave with the next [DB.Sweep]: today, or tomorrow
// where today's has been or the clock is in doubt.
func (db *DB) Leaving(ctx context.Context) ([]Leaving, error) {
	l, err := db.Limits(ctx)
	if err != nil {
		return nil, err
	}
	found := map[school.Shelf]*Leaving{}
	out := make([]Leaving, len(school.Shelves()))
	for i, s := range school.Shelves() {
		out[i] = Leaving{Shelf: s, Limit: l[s]}
		found[s] = &out[i]
	}
	next, err := db.nextSweep(ctx)
	if err != nil {
		return nil, wrap("leaving", err)
	}
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		all, err := db.aged(ctx, tx)
		for _, a := range all {
			found[a.shelf].count(a.last, next, a.always)
		}
		return err
	})
	if err != nil {
		return nil, wrap("leaving", err)
	}
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		days, err := loggedDays(ctx, tx)
		for _, d := range days {
			found[school.ShelfLog].count(d, next, false)
		}
		return err
	})
	return out, wrap("leaving", err)
}

// count counts a thing by its last day; nothing leaves before the next sweep.
func (l *Leaving) count(last, next school.Date, always bool) {
	l.Kept++
	if always {
		return
	}
	leaves := l.Limit.Leaves(last)
	switch {
	case leaves.IsZero():
		return
	case leaves.Before(next):
		leaves = next
	}
	switch {
	case l.Next.IsZero(), leaves.Before(l.Next):
		l.Next, l.Count = leaves, 1
	case leaves == l.Next:
		l.Count++
	}
}

// aged is one thing that leaves a shelf after its last day.
type aged struct {
	shelf  school.Shelf
	kind   school.Kind
	row    int64  // of entry, letter, difference or profile
	blob   string // of a picture
	owner  identityRow
	uid    school.UID
	hidden bool
	last   school.Date
	always bool // no limit applies to the child
}

// aged lists everything in cache.age that has a limit.
func (db *DB) aged(ctx context.Context, tx *sql.Tx) (out []aged, err error) {
	loc := school.Stockholm()
	for _, q := range []struct {
		query string
		scan  func(*sql.Rows, *aged) error
	}{
		{"SELECT t.id, m.id, m.number, t.kind, t.uid, t.hidden, t.all_day, t.ends FROM entry t JOIN member m ON m.id = t.identity", func(r *sql.Rows, a *aged) error {
			var allDay bool
			var ends int64
			err := r.Scan(&a.row, &a.owner.id, &a.owner.number, &a.kind, &a.uid, &a.hidden, &allDay, &ends)
			a.shelf, a.last = a.kind.Shelf(), lastDay(allDay, ends, loc)
			return err
		}},
		{"SELECT t.id, m.id, m.number, t.kind, t.uid, t.hidden, t.published FROM letter t JOIN member m ON m.id = t.identity", func(r *sql.Rows, a *aged) error {
			var at int64
			err := r.Scan(&a.row, &a.owner.id, &a.owner.number, &a.kind, &a.uid, &a.hidden, &at)
			a.shelf, a.last = a.kind.Shelf(), school.DateOf(time.Unix(at, 0).In(loc))
			return err
		}},
		{"SELECT p.id, t.id, m.id, m.number, t.kind, t.uid, t.hidden, t.published FROM media p JOIN letter t ON t.id = p.letter JOIN member m ON m.id = t.identity WHERE p.image = 1", func(r *sql.Rows, a *aged) error {
			var at int64
			err := r.Scan(&a.blob, &a.row, &a.owner.id, &a.owner.number, &a.kind, &a.uid, &a.hidden, &at)
			a.shelf, a.last = school.ShelfPictures, school.DateOf(time.Unix(at, 0).In(loc))
			return err
		}},
		{"SELECT t.id, m.id, m.number, t.at FROM difference t JOIN member m ON m.id = t.identity", func(r *sql.Rows, a *aged) error {
			var at int64
			err := r.Scan(&a.row, &a.owner.id, &a.owner.number, &at)
			a.shelf, a.kind, a.last = school.ShelfChanges, school.KindChanges, school.DateOf(time.Unix(at, 0).In(loc))
			return err
		}},
		{"SELECT m.id, m.number, m.own, t.gone FROM profile t JOIN member m ON m.id = t.identity WHERE t.gone <> 0", func(r *sql.Rows, a *aged) error {
			var at int64
			err := r.Scan(&a.owner.id, &a.owner.number, &a.owner.own, &at)
			a.shelf, a.last = school.ShelfGone, school.DateOf(time.Unix(at, 0).In(loc))
			return err
		}},
	} {
		found, err := rows(ctx, tx, q.scan, q.query)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	for i := range out {
		out[i].always = db.always != nil && db.always(school.ChildNumber(out[i].owner.number))
	}
	return out, nil
}

// lastDay is the last day on which an entry is, from its end.
func lastDay(allDay bool, ends int64, loc *time.Location) school.Date {
	if allDay {
		return dateOf(ends - 1)
	}
	return school.DateOf(time.Unix(ends, 0).In(loc))
}

// loggedDays lists the days of what is logged in state.age: sessions that
// ended, counts of requests, links that were taken back.
func loggedDays(ctx context.Context, tx *sql.Tx) ([]school.Date, error) {
	const query = `SELECT ended / 86400000 FROM stay WHERE ended <> 0 UNION ALL SELECT day FROM requests
		UNION ALL SELECT revoked / 86400 FROM link WHERE revoked <> 0`
	return rows(ctx, tx, func(r *sql.Rows, d *school.Date) error {
		var day int64
		err := r.Scan(&day)
		*d = dateOf(day)
		return err
	}, query)
}
