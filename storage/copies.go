package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"syncd/source/school"
)

// CopyKind says what lies in a [Place].
type CopyKind string

// The kinds of copies.
const (
	CopyBackup CopyKind = "backup"
	CopyExport CopyKind = "export" // plain files, out of our hands
)

// Place is a folder into which copies of the data were written.
type Place struct {
	Path string // absolute
	What CopyKind
	At   time.Time // when last; whole seconds, UTC
}

// PutPlace remembers that a copy was written into a folder.
func (db *DB) PutPlace(ctx context.Context, path string, what CopyKind) error {
	return wrap("put place", db.state.Update(ctx, func(tx *sql.Tx) error {
		const query = `INSERT INTO place (path, what, at) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET what = excluded.what, at = excluded.at`
		_, err := tx.ExecContext(ctx, query, path, what, db.second())
		return err
	}))
}

// Places lists the folders into which copies were written, by path.
func (db *DB) Places(ctx context.Context) (out []Place, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, p *Place) error {
			var at int64
			err := r.Scan(&p.Path, &p.What, &at)
			p.At = instant(at)
			return err
		}, "SELECT path, what, at FROM place ORDER BY path")
		return err
	})
	return out, wrap("places", err)
}

// Cleanup is a deletion that has yet to be made in the backups: of a choice,
// or of an account.
type Cleanup struct {
	ID      int64
	Choice  Choice
	Account school.AccountID // empty: Choice counts
}

// Cleanups lists the deletions that have yet to be made in the backups, the
// oldest first.
func (db *DB) Cleanups(ctx context.Context) (out []Cleanup, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, c *Cleanup) error {
			return r.Scan(&c.ID, &c.Choice.Child, &c.Choice.Kind, &c.Account)
		}, "SELECT id, child, kind, account FROM cleanup ORDER BY id")
		return err
	})
	return out, wrap("cleanups", err)
}

// Cleaned says that the deletions up to an id have been made in all backups.
func (db *DB) Cleaned(ctx context.Context, upTo int64) error {
	return wrap("cleaned", db.state.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM cleanup WHERE id <= ?", upTo)
		return err
	}))
}

func putCleanup(ctx context.Context, tx *sql.Tx, c Cleanup) error {
	const query = "INSERT INTO cleanup (child, kind, account) VALUES (?, ?, ?)"
	if _, err := tx.ExecContext(ctx, query, c.Choice.Child, c.Choice.Kind, c.Account); err != nil {
		return fmt.Errorf("note what has to leave the backups: %w", err)
	}
	return nil
}

// ErrNothing means that there was nothing to be deleted.
var ErrNothing = errors.New("there was nothing to delete")

// Clean makes deletions in a database that is a backup. When it holds nothing
// of what they name the error is [ErrNothing], and the backup may stay as it
// is.
func (db *DB) Clean(ctx context.Context, all []Cleanup) error {
	found, last := false, int64(0)
	for _, c := range all {
		out, err := db.clean(ctx, c)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // unknown then
		case err != nil:
			return err
		}
		found = found || out.Any() || c.Account != ""
	}
	if !found {
		return ErrNothing
	}
	done, err := db.Cleanups(ctx)
	for _, c := range done {
		last = c.ID
	}
	return errors.Join(err, db.Cleaned(ctx, last))
}

func (db *DB) clean(ctx context.Context, c Cleanup) (Removed, error) {
	if c.Account != "" {
		return db.DeleteAccount(ctx, c.Account)
	}
	return db.Delete(ctx, c.Choice)
}
