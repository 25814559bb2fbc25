package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"syncd/source/school"
	"syncd/storage/vault"
)

// jumpDays is by how many days the clock may go on between two sweeps before
// it is doubted, for a day. What left because of a wrong clock would not come
// back.
const (
	jumpDays  = 7
	doubtTime = 24 * time.Hour
)

// Sweep removes what has been kept for as long as the limits say, and what
// nobody needs any more: entries and letters leave calendars and feeds as
// deletions, and the next read does not bring them back. It may be called at
// any time and does its work once a day. When the clock has gone on by more
// than a week since the last time it waits for 24 hours more, so that a clock
// which was wrong for some hours costs nothing; a first sweep and one after a
// long time switched off therefore come a day late. On
// [vault.ErrNotSaved] what was removed is returned as well: it is gone from
// memory, and from the disk as soon as that takes the change.
func (db *DB) Sweep(ctx context.Context) (Removed, error) {
	db.content.Lock()
	defer db.content.Unlock()
	today := school.DateOf(db.now().In(school.Stockholm()))
	ready, err := db.sweepDay(ctx, today)
	if err != nil || !ready {
		return Removed{}, wrap("sweep", err)
	}
	out, err := db.sweep(ctx, today)
	if err != nil {
		return out, wrap("sweep", err)
	}
	err = db.state.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE swept SET day = ?, doubt = 0", dayNumber(today))
		return err
	})
	return out, wrap("sweep", err)
}

// sweepDay reports whether today's sweep is due and the clock can be believed.
func (db *DB) sweepDay(ctx context.Context, today school.Date) (ready bool, err error) {
	now := db.second()
	err = db.state.Update(ctx, func(tx *sql.Tx) error {
		var day, doubt int64
		err := tx.QueryRowContext(ctx, "SELECT day, doubt FROM swept").Scan(&day, &doubt)
		if errors.Is(err, sql.ErrNoRows) {
			_, err = tx.ExecContext(ctx, "INSERT INTO swept (id, day, doubt) VALUES (1, 0, ?)", now)
			return err
		}
		if err != nil {
			return err
		}
		var waits bool
		if ready, waits = sweepNow(dayNumber(today), day, doubt, now); ready || waits {
			return nil
		}
		_, err = tx.ExecContext(ctx, "UPDATE swept SET doubt = ?", now)
		return err
	})
	return ready, err
}

// sweepNow tells from the day of the last sweep, and since when the clock has
// been in doubt, whether today's is due. waits: it is not, and nothing has to
// be noted. Days since 1970-01-01, and seconds.
func sweepNow(today, day, doubt, now int64) (ready, waits bool) {
	switch {
	case today == day:
		return false, true
	case today > day && today <= day+jumpDays:
		return true, false
	case doubt == 0:
		return false, false
	}
	waited := time.Duration(now-doubt) * time.Second
	return waited >= doubtTime && waited <= doubtTime+jumpDays*24*time.Hour, waited >= 0 && waited < doubtTime
}

// nextSweep returns the day of the next sweep: today until it has been.
func (db *DB) nextSweep(ctx context.Context) (school.Date, error) {
	var day, doubt int64
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT day, doubt FROM swept").Scan(&day, &doubt)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	now, loc := db.now(), school.Stockholm()
	today := school.DateOf(now.In(loc))
	switch ready, waits := sweepNow(dayNumber(today), day, doubt, now.Unix()); {
	case err != nil || ready:
		return today, err
	case waits && day != dayNumber(today):
		return school.DateOf(instant(doubt).Add(doubtTime).In(loc)), nil
	}
	return today.AddDays(1), nil
}

func (db *DB) sweep(ctx context.Context, today school.Date) (Removed, error) {
	l, err := db.Limits(ctx)
	if err != nil {
		return Removed{}, err
	}
	fp := newPrinter()
	out, err := db.remove(ctx, func(r *removal) error {
		all, err := db.aged(ctx, r.tx)
		if err != nil {
			return err
		}
		for _, a := range all {
			if a.always || !l.Expired(a.shelf, a.last, today) {
				continue
			}
			if a.shelf == school.ShelfPictures {
				err = r.picture(ctx, a, fp)
			} else {
				err = r.one(ctx, a)
			}
			if err != nil {
				return fmt.Errorf("remove what was kept for long enough: %w", err)
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, vault.ErrNotSaved) {
		return out, err
	}
	logged, e := db.sweepState(ctx, l, today)
	out.Log = logged
	return out, errors.Join(err, e, db.forget(ctx))
}

// sweepState removes from state.age what was logged long enough ago, and
// tokens and sign-ins that are over.
func (db *DB) sweepState(ctx context.Context, l school.Limits, today school.Date) (n int, err error) {
	first := int64(0) // day from which on the log stays
	if limit := l[school.ShelfLog]; limit != school.LimitNone {
		d := today
		for !l.Expired(school.ShelfLog, d.AddDays(-1), today) {
			d = d.AddDays(-1)
		}
		first = dayNumber(d)
	}
	now := db.second()
	err = db.state.Update(ctx, func(tx *sql.Tx) error {
		for _, s := range []struct {
			query string
			arg   int64
			count bool
		}{
			{"DELETE FROM stay WHERE ended <> 0 AND ended < ?", first * 86400 * 1000, true},
			{"DELETE FROM requests WHERE day < ?", first, true},
			{"DELETE FROM link WHERE revoked <> 0 AND revoked < ?", first * 86400, true},
			{"DELETE FROM replaced WHERE until <= ?", now, false},
			{"DELETE FROM sign_in WHERE expires <= ?", now, false},
			{"DELETE FROM invite WHERE expires <= ?", now, false},
		} {
			gone, err := exec(ctx, tx, s.query, s.arg)
			if err != nil {
				return fmt.Errorf("shorten the log: %w", err)
			}
			if s.count {
				n += int(gone)
			}
		}
		return nil
	})
	return n, err
}

// expired reports whether a thing that a read brings is kept no longer, so
// that it is not taken in again.
func (a *applying) expired(k school.Kind, last school.Date) bool {
	if a.db.always != nil && a.db.always(school.ChildNumber(a.id.number)) {
		return false
	}
	return a.limits.Expired(k.Shelf(), last, a.date)
}

// expiredEntry is expired for a span.
func (a *applying) expiredEntry(k school.Kind, s school.Span) bool {
	if s.AllDay {
		return a.expired(k, s.Days.To.AddDays(-1))
	}
	return a.expired(k, school.DateOf(s.End.In(a.loc)))
}

// expiredLetter is expired for a moment.
func (a *applying) expiredLetter(k school.Kind, published time.Time) bool {
	return published.Unix() <= a.leftUntil || a.expired(k, school.DateOf(published.In(a.loc)))
}

// expiredPictures reports whether the pictures of a letter are kept no longer.
func (a *applying) expiredPictures(published time.Time) bool {
	return a.limits.Expired(school.ShelfPictures, school.DateOf(published.In(a.loc)), a.date) &&
		(a.db.always == nil || !a.db.always(school.ChildNumber(a.id.number)))
}
