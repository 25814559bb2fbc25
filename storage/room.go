package storage

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"

	"syncd/source/school"
)

// mediaLimit is how many octets of pictures and files are kept together. What
// letters bring beyond it takes the place of what the oldest ones brought; the
// letters themselves stay.
const mediaLimit = 2 << 30

// room is how much of the limit is used.
type room struct {
	used   int64
	oldest int64 // when the oldest letter with media was published
}

func roomOf(ctx context.Context, tx *sql.Tx) (r room, err error) {
	const query = "SELECT coalesce(sum(m.length), 0), coalesce(min(l.published), 0) FROM media m JOIN letter l ON l.id = m.letter"
	err = tx.QueryRowContext(ctx, query).Scan(&r.used, &r.oldest)
	return r, err
}

// takes reports whether a file of a letter has a place: there is room, or an
// older letter's have to make some.
func (r room) takes(size, published, limit int64) bool {
	return r.used+size <= limit || published > r.oldest
}

// makeRoom drops files of the oldest letters until what is left is within the
// limit, notes that they are absent, and that those letters have changed.
func (a *applying) makeRoom(ctx context.Context, tx *sql.Tx, log *changeLog) error {
	r, err := roomOf(ctx, tx)
	if err != nil || r.used <= a.db.mediaLimit {
		return err
	}
	type file struct {
		id     string
		letter int64
		length int64
		number int64
		kind   school.Kind
		uid    school.UID
		hidden bool
	}
	files, err := rows(ctx, tx, func(r *sql.Rows, f *file) error {
		return r.Scan(&f.id, &f.letter, &f.length, &f.number, &f.kind, &f.uid, &f.hidden)
	}, `SELECT m.id, l.id, m.length, i.number, l.kind, l.uid, l.hidden FROM media m JOIN letter l ON l.id = m.letter
		JOIN member i ON i.id = l.identity ORDER BY l.published, l.id, m.position`)
	if err != nil {
		return fmt.Errorf("list media: %w", err)
	}
	told := map[key]bool{}
	for _, f := range files {
		if r.used <= a.db.mediaLimit {
			break
		}
		const query = `INSERT INTO absent (letter, position, image, ref, name, type, alt, text, reason)
			SELECT letter, position, image, ref, name, type, alt, text, ?2 FROM media WHERE id = ?1;
			DELETE FROM media WHERE id = ?1`
		if _, err := tx.ExecContext(ctx, query, f.id, school.AbsentRoom); err != nil {
			return fmt.Errorf("drop media: %w", err)
		}
		if err := reprint(ctx, tx, f.letter, a.fp); err != nil {
			return fmt.Errorf("drop media: %w", err)
		}
		r.used -= f.length
		a.oldBlobs = append(a.oldBlobs, f.id)
		a.crowded++
		if k := (key{f.kind, f.uid}); !f.hidden && !told[k] {
			told[k] = true
			if err := log.add(ctx, f.number, f.kind, f.uid, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellOfRoom logs that pictures or files had no place.
func (a *applying) tellOfRoom(ctx context.Context) {
	if a.crowded == 0 {
		return
	}
	a.db.log.LogAttrs(ctx, slog.LevelWarn, "no room for pictures and files of the oldest letters",
		slog.Int("files", a.crowded), slog.Int64("limit", a.db.mediaLimit))
}
