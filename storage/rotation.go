package storage

import (
	"context"
	"database/sql"
	"time"

	"syncd/source/school"
)

// PutSecrets replaces the link's secrets: rotation. To rotate one of them,
// put what [DB.Secrets] returned with that one changed. A token that differs
// from the one before opens the link until then beside the new one; a time
// that is not ahead, such as the zero one, ends it at once, and with it every
// earlier one of the same use. The password ends at once in any case. Both
// files are written. A revoked link gets none: [fs.ErrNotExist].
func (db *DB) PutSecrets(ctx context.Context, id school.LinkID, s Secrets, until time.Time) error {
	return db.both(ctx, "put secrets", func(tx *sql.Tx) error {
		old, err := secretsOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM replaced WHERE until <= ?", db.second()); err != nil {
			return err
		}
		for _, change := range []struct {
			use      TokenUse
			old, now [32]byte
		}{{TokenPage, old.Page, s.Page}, {TokenCalendars, old.Calendars, s.Calendars}, {TokenFeeds, old.Feeds, s.Feeds}} {
			if change.old == change.now {
				continue
			}
			if err := db.replace(ctx, tx, id, change.use, change.old, until); err != nil {
				return err
			}
		}
		if err := must(exec(ctx, tx, "DELETE FROM secrets WHERE link = ?", id)); err != nil {
			return err
		}
		return putSecrets(ctx, tx, id, s)
	})
}

// replace keeps a token good until then, or ends it with all before it.
func (db *DB) replace(ctx context.Context, tx *sql.Tx, id school.LinkID, use TokenUse, old [32]byte, until time.Time) error {
	if !until.After(db.now()) {
		_, err := tx.ExecContext(ctx, "DELETE FROM replaced WHERE link = ? AND use = ?", id, use)
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO replaced (hash, use, link, until) VALUES (?, ?, ?, ?)", old[:], use, id, unix(until))
	return err
}

// linkByReplaced returns the link that a replaced token still opens, expiring
// with the token.
func (db *DB) linkByReplaced(ctx context.Context, use TokenUse, hash [32]byte) (school.Link, error) {
	var id school.LinkID
	var until int64
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		const query = "SELECT link, until FROM replaced WHERE hash = ? AND use = ?"
		return tx.QueryRowContext(ctx, query, hash[:], use).Scan(&id, &until)
	})
	if err != nil {
		return school.Link{}, wrap("link by token", err)
	}
	l, err := db.Link(ctx, id)
	if end := instant(until); err == nil && (l.Expires.IsZero() || end.Before(l.Expires)) {
		l.Expires = end
	}
	return l, err
}

// Overlaps returns, for each link of which replaced tokens are still good,
// when the last of them ends.
func (db *DB) Overlaps(ctx context.Context) (map[school.LinkID]time.Time, error) {
	out := map[school.LinkID]time.Time{}
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		found, err := rows(ctx, tx, func(r *sql.Rows, o *overlap) error { return r.Scan(&o.link, &o.until) },
			"SELECT link, max(until) FROM replaced WHERE until > ? GROUP BY link", db.second())
		for _, o := range found {
			out[o.link] = instant(o.until)
		}
		return err
	})
	return out, wrap("overlaps", err)
}

type overlap struct {
	link  school.LinkID
	until int64
}

// Use is on which day a family of programs last used a link.
type Use struct {
	Link   school.LinkID
	Family string // from the caller's closed list
	Day    school.Date
}

// TouchLink remembers that a family of programs used the link on a day. It is
// written once for each day and family.
func (db *DB) TouchLink(ctx context.Context, id school.LinkID, family string, day school.Date) error {
	number := dayNumber(day)
	known := int64(-1)
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		const query = `SELECT coalesce((SELECT day FROM client WHERE link = ?1 AND family = ?2), -1) FROM link WHERE id = ?1`
		return tx.QueryRowContext(ctx, query, id, family).Scan(&known)
	})
	if err != nil || known >= number {
		return wrap("touch link", err)
	}
	return wrap("touch link", db.state.Update(ctx, func(tx *sql.Tx) error {
		const query = `INSERT INTO client (link, family, day) VALUES (?, ?, ?)
			ON CONFLICT (link, family) DO UPDATE SET day = max(day, excluded.day)`
		if _, err := tx.ExecContext(ctx, query, id, family, number); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE link SET last_used = max(last_used, ?) WHERE id = ?", number*86400, id)
		return err
	}))
}

// LinkUses returns which families of programs used which link, the latest
// first.
func (db *DB) LinkUses(ctx context.Context) (out []Use, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, u *Use) error {
			var day int64
			err := r.Scan(&u.Link, &u.Family, &day)
			u.Day = dateOf(day)
			return err
		}, "SELECT link, family, day FROM client ORDER BY link, day DESC, family")
		return err
	})
	return out, wrap("link uses", err)
}
