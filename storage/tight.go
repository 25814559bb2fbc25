package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"syncd/source/school"
	"syncd/storage/vault"
)

// How much of its limit cache.age may use, in per cent.
const (
	tightPercent = 75 // it is told: long before anything happens
	leavePercent = 90 // the oldest letters leave,
	staysPercent = 80 // until so much is used
)

// leaveAtOnce is how many letters leave before it is measured again.
const leaveAtOnce = 4

// Tight reports whether cache.age comes near its limit: what is kept for long
// should be kept for shorter, before letters begin to leave by themselves.
func (db *DB) Tight(ctx context.Context) (bool, error) {
	size, limit, err := db.Size(ctx)
	return size*100 >= limit*tightPercent, err
}

// Apply brings what is kept about one child up to a snapshot, in one
// transaction. The snapshot is normalised: texts clean, UIDs set. The child
// must be on the roster of the account ([DB.PutRoster]); else nothing is
// stored and the error is [fs.ErrNotExist].
//
// What is new is added, what differs in anything that is shown is changed,
// and what the snapshot covers and does not show is deleted: of a dated part
// what begins inside the covered window, of an undated one what was published
// since. When much would disappear at once it is kept until a second read,
// taken later, misses the same things; Changes.Held lists the kinds. What
// nobody changed keeps every byte: applying the same snapshot again writes
// nothing to cache.age.
//
// What a guardian deleted for good ([DB.Delete]) is left out, and so is what
// is kept no longer ([DB.Limits]). Where there is no room the oldest letters
// make some; where they cannot, nothing is stored and the error is
// [vault.ErrFull].
//
// On [vault.ErrNotSaved] the changes are returned as well: they are made.
func (db *DB) Apply(ctx context.Context, account school.AccountID, s school.Snapshot) (school.Changes, error) {
	db.content.Lock()
	defer db.content.Unlock()
	c, err := db.apply(ctx, account, s)
	if errors.Is(err, vault.ErrFull) {
		left, e := db.relieve(ctx, staysPercent)
		if e != nil || left == 0 {
			return c, errors.Join(err, e)
		}
		c, err = db.apply(ctx, account, s)
	}
	if err != nil {
		return c, err
	}
	size, limit, err := db.Size(ctx)
	if err == nil && size*100 >= limit*leavePercent {
		_, err = db.relieve(ctx, staysPercent)
	}
	return c, wrap("apply", err)
}

// relieve removes the oldest letters, whosever they are, until no more than
// so many per cent of the limit are used, and returns how many it removed.
func (db *DB) relieve(ctx context.Context, percent int64) (left int, err error) {
	_, limit, err := db.Size(ctx)
	if err != nil {
		return 0, err
	}
	out, err := db.remove(ctx, func(r *removal) error {
		for {
			used, err := usedBytes(ctx, r.tx)
			if err != nil || used*100 <= limit*percent {
				return err
			}
			more, err := r.oldestLetters(ctx, leaveAtOnce)
			if err != nil || !more {
				return err
			}
		}
	})
	left = out.Things()
	if left > 0 {
		db.log.LogAttrs(ctx, slog.LevelWarn, "no room: the oldest letters have left", slog.Int("letters", left), slog.Int64("limit", limit))
	}
	if errors.Is(err, vault.ErrNotSaved) {
		err = nil // made in memory; what is applied next is saved with it, or says so
	}
	return left, wrap("make room", err)
}

// usedBytes is how large the file will be when the transaction has ended.
func usedBytes(ctx context.Context, tx *sql.Tx) (n int64, err error) {
	const query = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
	if err := tx.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return 0, fmt.Errorf("measure the file: %w", err)
	}
	return n, nil
}

// oldestLetters removes up to n letters, and reports whether there were any.
// Those published at the same time as the last one are not taken in again
// either, nor are older ones.
func (r *removal) oldestLetters(ctx context.Context, n int) (bool, error) {
	type old struct {
		aged

		published int64
	}
	letters, err := rows(ctx, r.tx, func(q *sql.Rows, o *old) error {
		return q.Scan(&o.row, &o.owner.id, &o.owner.number, &o.kind, &o.uid, &o.hidden, &o.published)
	}, `SELECT l.id, m.id, m.number, l.kind, l.uid, l.hidden, l.published FROM letter l JOIN member m ON m.id = l.identity
		ORDER BY l.published, l.id LIMIT ?`, n)
	if err != nil || len(letters) == 0 {
		return false, err
	}
	for _, o := range letters {
		if err := r.one(ctx, o.aged); err != nil {
			return false, fmt.Errorf("remove the oldest letters: %w", err)
		}
	}
	_, err = r.tx.ExecContext(ctx, "UPDATE meta SET crowded = max(crowded, ?)", letters[len(letters)-1].published)
	return true, err
}

// crowded returns up to when the letters were published that have left for
// lack of room, seconds; 0: none.
func (db *DB) crowded(ctx context.Context) (at int64, err error) {
	err = db.cache.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT crowded FROM meta").Scan(&at)
	})
	return at, err
}
