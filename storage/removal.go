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

// Removed is what was removed, in numbers.
type Removed struct {
	Kinds    map[school.Kind]int // entries and letters; under [school.KindChanges] what was told of changes
	Files    int                 // pictures and attached files
	Children []school.ChildNumber
	Log      int // sessions, counts of requests, links that were taken back
}

// Any reports whether anything was removed.
func (r Removed) Any() bool { return len(r.Kinds)+r.Files+len(r.Children)+r.Log > 0 }

// Things returns how many entries, letters and told changes were removed.
func (r Removed) Things() (n int) {
	for _, k := range r.Kinds {
		n += k
	}
	return n
}

// removal takes things out of cache.age, inside one transaction.
type removal struct {
	tx    *sql.Tx
	log   *changeLog
	out   Removed
	blobs []string
}

// remove runs do in one transaction over cache.age and then deletes the files
// of what it removed. A full disk does not stop it: the change then stands in
// memory, and the files that go make room for it.
func (db *DB) remove(ctx context.Context, do func(*removal) error) (Removed, error) {
	var r *removal
	err := db.cache.Update(ctx, func(tx *sql.Tx) error {
		r = &removal{tx: tx, log: db.newChangeLog(tx), out: Removed{Kinds: map[school.Kind]int{}}}
		return errors.Join(do(r), r.log.close(ctx))
	})
	unsaved := errors.Is(err, vault.ErrNotSaved)
	if err != nil && !unsaved {
		return Removed{}, err
	}
	db.step("cache")
	for _, id := range r.blobs {
		if e := db.blobs.Delete(id); e != nil {
			return r.out, errors.Join(err, e)
		}
		db.step("blob")
	}
	if unsaved {
		err = db.cache.Flush(ctx)
	}
	return r.out, err
}

// identity removes all that is kept of a child at one platform.
func (r *removal) identity(ctx context.Context, id identityRow) error {
	for _, k := range append(school.CalendarKinds(), school.KindNews, school.KindNotices, school.KindChanges) {
		if err := r.kind(ctx, id, k); err != nil {
			return err
		}
	}
	n, err := exec(ctx, r.tx, "DELETE FROM profile WHERE identity = ?", id.id)
	if n > 0 && !slices.Contains(r.out.Children, school.ChildNumber(id.number)) {
		r.out.Children = append(r.out.Children, school.ChildNumber(id.number))
	}
	return err
}

// kind removes one kind of a child at one platform, and what is derived from
// it or was told of it.
func (r *removal) kind(ctx context.Context, id identityRow, k school.Kind) error {
	for _, d := range school.DerivedKinds() {
		if d.Origin() == k {
			if err := r.kind(ctx, id, d); err != nil {
				return err
			}
		}
	}
	told := "DELETE FROM difference WHERE identity = ?1 AND (kind = ?2 OR ?2 = 'changes')"
	n, err := exec(ctx, r.tx, told, id.id, k)
	r.count(school.KindChanges, int(n))
	if err != nil || k == school.KindChanges {
		return err
	}
	table := "entry"
	if k.IsFeed() {
		table = "letter"
		if err := r.files(ctx, "l.identity = ? AND l.kind = ?", id.id, k); err != nil {
			return err
		}
	}
	type thing struct {
		uid    school.UID
		hidden bool
	}
	things, err := rows(ctx, r.tx, func(q *sql.Rows, t *thing) error { return q.Scan(&t.uid, &t.hidden) },
		"SELECT uid, hidden FROM "+table+" WHERE identity = ? AND kind = ? ORDER BY uid", id.id, k)
	if err != nil {
		return err
	}
	for _, t := range things {
		if t.hidden {
			continue
		}
		if err := r.log.add(ctx, id.number, k, t.uid, true); err != nil {
			return err
		}
	}
	r.count(k, len(things))
	_, err = r.tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE identity = ? AND kind = ?", id.id, k)
	return err
}

// files notes the files of letters that are about to go.
func (r *removal) files(ctx context.Context, where string, args ...any) error {
	found, err := rows(ctx, r.tx, func(q *sql.Rows, id *string) error { return q.Scan(id) },
		"SELECT m.id FROM media m JOIN letter l ON l.id = m.letter WHERE "+where, args...)
	r.blobs = append(r.blobs, found...)
	r.out.Files += len(found)
	return err
}

func (r *removal) count(k school.Kind, n int) {
	if n > 0 {
		r.out.Kinds[k] += n
	}
}

// one removes one aged thing.
func (r *removal) one(ctx context.Context, a aged) error {
	query := "DELETE FROM entry WHERE id = ?"
	switch {
	case a.shelf == school.ShelfGone:
		return r.identity(ctx, a.owner)
	case a.kind == school.KindChanges:
		query = "DELETE FROM difference WHERE id = ?"
	case a.kind.IsFeed():
		query = "DELETE FROM letter WHERE id = ?"
		if err := r.files(ctx, "l.id = ?", a.row); err != nil {
			return err
		}
	}
	n, err := exec(ctx, r.tx, query, a.row)
	if err != nil || n == 0 { // gone with a child already
		return err
	}
	r.count(a.kind, 1)
	if a.hidden || a.kind == school.KindChanges {
		return nil
	}
	return r.log.add(ctx, a.owner.number, a.kind, a.uid, true)
}

// picture removes one picture of a letter that stays. The letter is not news
// for that: only what is kept of it to compare with changes.
func (r *removal) picture(ctx context.Context, a aged, fp *printer) error {
	n, err := exec(ctx, r.tx, "DELETE FROM media WHERE id = ?", a.blob)
	if err != nil || n == 0 {
		return err
	}
	r.blobs = append(r.blobs, a.blob)
	r.out.Files++
	if err := reprint(ctx, r.tx, a.row, fp); err != nil || a.hidden {
		return err
	}
	return r.log.add(ctx, a.owner.number, a.kind, a.uid, false)
}

// reprint makes the fingerprint of a letter anew after one of its pictures or
// files has left.
func reprint(ctx context.Context, tx *sql.Tx, letter int64, fp *printer) error {
	var l school.Letter
	var published int64
	const read = "SELECT kind, title, author, source, url, summary, html, published FROM letter WHERE id = ?"
	err := tx.QueryRowContext(ctx, read, letter).Scan(&l.Kind, &l.Title, &l.Author, &l.Source, &l.URL, &l.Summary, &l.HTML, &published)
	if err != nil {
		return err
	}
	l.Published = instant(published)
	media, err := rows(ctx, tx, func(q *sql.Rows, m *mediaRow) error {
		return q.Scan(&m.Image, &m.Length, &m.hash, &m.Name, &m.Type, &m.Alt, &m.Text, &m.Absent)
	}, "SELECT image, length, hash, name, type, alt, text, reason FROM ("+allMedia+") WHERE letter = ? ORDER BY position", letter)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE letter SET print = ? WHERE id = ?", []byte(fp.letter(&l, media)), letter)
	return err
}

// forget removes from state.age what it remembers of things that are gone from
// cache.age: which of them wait for a second read.
func (db *DB) forget(ctx context.Context) error {
	kept := map[int64]map[key]bool{}
	err := db.cache.View(ctx, func(tx *sql.Tx) error {
		_, err := rows(ctx, tx, func(r *sql.Rows, _ *struct{}) error {
			var id int64
			var k key
			err := r.Scan(&id, &k.kind, &k.uid)
			if kept[id] == nil {
				kept[id] = map[key]bool{}
			}
			kept[id][k] = true
			return err
		}, "SELECT identity, kind, uid FROM entry UNION ALL SELECT identity, kind, uid FROM letter")
		return err
	})
	if err != nil {
		return err
	}
	return db.state.Update(ctx, func(tx *sql.Tx) error {
		type held struct {
			id int64
			key
		}
		all, err := rows(ctx, tx, func(r *sql.Rows, h *held) error { return r.Scan(&h.id, &h.kind, &h.uid) },
			"SELECT identity, kind, uid FROM held")
		if err != nil {
			return err
		}
		for _, h := range all {
			if kept[h.id][h.key] {
				continue
			}
			const query = "DELETE FROM held WHERE identity = ? AND kind = ? AND uid = ?"
			if _, err := tx.ExecContext(ctx, query, h.id, h.kind, h.uid); err != nil {
				return fmt.Errorf("forget: %w", err)
			}
		}
		return nil
	})
}
