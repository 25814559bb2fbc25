package storage

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"syncd/source/school"
)

// arranged reports whether things of a kind are kept, so that one platform may
// lead in it.
func arranged(k school.Kind) bool {
	return slices.Contains(school.CalendarKinds(), k) || k == school.KindNews || k == school.KindNotices
}

// shape is one thing of a joined child, with what tells whether another one
// repeats it.
type shape struct {
	row    int64
	uid    school.UID
	day    int64
	title  string
	hidden bool
}

// arrange decides of everything that is kept of a child what is shown. Of a
// child at one platform that is all of it. Where several platforms bring a
// kind, the leading one's things are shown; the others' only where the
// guardian lets them fill in, and then only what does not repeat what is
// shown. What changes is logged, so that programs hear of it.
func arrange(ctx context.Context, tx *sql.Tx, log *changeLog, child int64, l leading) error {
	type member struct {
		id       int64
		platform school.PlatformID
	}
	all, err := rows(ctx, tx, func(r *sql.Rows, m *member) error { return r.Scan(&m.id, &m.platform) },
		"SELECT m.id, p.platform FROM member m JOIN profile p ON p.identity = m.id WHERE m.number = ? ORDER BY m.id", child)
	if err != nil {
		return fmt.Errorf("arrange: %w", err)
	}
	for _, kind := range append(school.CalendarKinds(), school.KindNews, school.KindNotices) {
		decided := kind
		if o := kind.Origin(); o != "" {
			decided = o
		}
		things := make(map[int64][]shape, len(all))
		for _, m := range all {
			if things[m.id], err = shapes(ctx, tx, m.id, kind); err != nil {
				return fmt.Errorf("arrange: %w", err)
			}
		}
		rank := func(m member) int {
			switch {
			case len(things[m.id]) == 0 && !l.read[m.id][decided]:
				return 2 // has never brought any of it
			case l.leads[decided].Platform == m.platform:
				return 0
			}
			return 1
		}
		order := slices.Clone(all)
		slices.SortStableFunc(order, func(a, b member) int { return rank(a) - rank(b) })
		s := shown{child: child, kind: kind, taken: map[string]bool{}}
		for i, m := range order {
			if err := s.add(ctx, tx, log, things[m.id], i == 0, i == 0 || l.leads[decided].Fill); err != nil {
				return fmt.Errorf("arrange: %w", err)
			}
		}
	}
	return nil
}

func shapes(ctx context.Context, tx *sql.Tx, identity int64, kind school.Kind) ([]shape, error) {
	query := "SELECT id, uid, day, title, hidden FROM entry WHERE identity = ? AND kind = ? ORDER BY day, starts, uid"
	if kind.IsFeed() {
		query = "SELECT id, uid, published / 86400, title, hidden FROM letter WHERE identity = ? AND kind = ? ORDER BY published, uid"
	}
	return rows(ctx, tx, func(r *sql.Rows, s *shape) error {
		return r.Scan(&s.row, &s.uid, &s.day, &s.title, &s.hidden)
	}, query, identity, kind)
}

// shown is what is shown of one kind of a child.
type shown struct {
	child int64
	kind  school.Kind
	taken map[string]bool // keys of what is shown of the platforms before
}

// add shows the things of one platform: of the first all of them, of others
// none or, when they fill in, what does not repeat any of those before.
func (s *shown) add(ctx context.Context, tx *sql.Tx, log *changeLog, things []shape, first, fill bool) error {
	var keys []string
	for _, t := range things {
		key := s.key(t)
		hide := !first && (!fill || s.taken[key])
		if !hide {
			keys = append(keys, key)
		}
		if hide == t.hidden {
			continue
		}
		query := "UPDATE entry SET hidden = ? WHERE id = ?"
		if s.kind.IsFeed() {
			query = "UPDATE letter SET hidden = ? WHERE id = ?"
		}
		if _, err := tx.ExecContext(ctx, query, number(hide), t.row); err != nil {
			return err
		}
		if err := log.add(ctx, s.child, s.kind, t.uid, hide); err != nil {
			return err
		}
	}
	for _, k := range keys {
		s.taken[k] = true
	}
	return nil
}

// key is the same for two things that say the same: of what makes up a day,
// the day; of everything else the day and the title.
func (s *shown) key(t shape) string {
	switch s.kind {
	case school.KindLessons, school.KindDay, school.KindKit, school.KindMeals, school.KindCare:
		return fmt.Sprint(t.day)
	case school.KindEvents, school.KindHomework, school.KindFamily,
		school.KindNews, school.KindNotices, school.KindChanges, school.KindAll:
	}
	return fmt.Sprint(t.day, " ", strings.ToLower(strings.Join(strings.Fields(t.title), " ")))
}
