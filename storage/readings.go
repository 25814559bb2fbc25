package storage

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"syncd/source/school"
)

// Readings tells for each child and kind how much is kept and since when it
// is certain: LastSuccess is the oldest of the last successful reads of the
// parts and platforms that feed the kind, or the one it is derived from, each
// as far as it ever succeeded.
// Ordered by child, then kind.
func (db *DB) Readings(ctx context.Context) ([]school.Reading, error) {
	found := map[scope]school.Reading{}
	numbers := map[int64]school.ChildNumber{}
	err := db.cache.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var v school.Reading
			err := r.Scan(&v.Child, &v.Kind, &v.Entries)
			found[scope{v.Child, v.Kind}] = v
			return err
		}, `SELECT i.number, t.kind, count(*) FROM (SELECT identity, kind FROM entry WHERE hidden = 0 UNION ALL SELECT identity, kind FROM letter WHERE hidden = 0) t
			JOIN member i ON i.id = t.identity GROUP BY 1, 2`)
		if err != nil {
			return err
		}
		_, err = rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var id int64
			var n school.ChildNumber
			err := r.Scan(&id, &n)
			numbers[id] = n
			return err
		}, "SELECT i.id, i.number FROM member i JOIN profile p ON p.identity = i.id")
		return err
	})
	if err != nil {
		return nil, wrap("readings", err)
	}
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var id, at int64
			var part school.Part
			if err := r.Scan(&id, &part, &at); err != nil {
				return err
			}
			child, ok := numbers[id]
			if !ok {
				return nil
			}
			key := scope{child, part.Kind()}
			v := found[key]
			v.Child, v.Kind = key.child, key.kind
			if t := instant(at); v.LastSuccess.IsZero() || t.Before(v.LastSuccess) {
				v.LastSuccess = t
			}
			found[key] = v
			return nil
		}, "SELECT identity, part, at FROM reading")
		return err
	})
	for at, v := range found {
		if origin := at.kind.Origin(); origin != "" {
			v.LastSuccess = found[scope{at.child, origin}].LastSuccess
			found[at] = v
		}
	}
	out := make([]school.Reading, 0, len(found))
	for _, v := range found {
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b school.Reading) int {
		return cmp.Or(cmp.Compare(a.Child, b.Child), cmp.Compare(a.Kind, b.Kind))
	})
	return out, wrap("readings", err)
}

// Stock is how much of one kind is stored.
type Stock struct {
	Kind           school.Kind
	Count          int
	Oldest, Newest school.Date // of the things themselves: first day, or day of publishing
}

// Stored counts what cache.age holds of each kind, over all children, with
// what another platform's leads over hides; ordered by kind. Kinds of which
// nothing is stored are left out.
func (db *DB) Stored(ctx context.Context) (out []Stock, err error) {
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, s *Stock) error {
			var oldest, newest int64
			err := r.Scan(&s.Kind, &s.Count, &oldest, &newest)
			s.Oldest, s.Newest = dateOf(oldest), dateOf(newest)
			return err
		}, `SELECT kind, count(*), min(day), max(day) FROM (SELECT kind, day FROM entry UNION ALL SELECT kind, published / 86400 FROM letter)
			GROUP BY 1 ORDER BY 1`)
		return err
	})
	return out, wrap("stored", err)
}
