package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"syncd/source/school"
	"syncd/storage/vault"
)

// CopyKind says what lies in a [Place].
type CopyKind string

// The kinds of copies.
const (
	CopyBackup CopyKind = "backup"
	CopyExport CopyKind = "export" // plain files, out of our hands
)

// Place is a folder into which copies of the data were written. One that holds
// backups and an export is two places.
type Place struct {
	Path string // absolute
	What CopyKind
	At   time.Time // when a copy was last begun; whole seconds, UTC
	Seen int64     // of backups: the last [Cleanup] that was made there; 0: none
}

// PutPlace remembers that a copy is about to be written into a folder: before
// the first byte of it is there, so that no crash makes it a copy that nobody
// knows of. On [vault.ErrNotSaved] memory has it, and a backup that is made now.
func (db *DB) PutPlace(ctx context.Context, path string, what CopyKind) error {
	return db.putPlaces(ctx, Place{Path: path, What: what, At: instant(db.second())})
}

// putPlaces remembers places. What is known of one already stays, but for a
// later time.
func (db *DB) putPlaces(ctx context.Context, all ...Place) error {
	return wrap("put place", db.state.Update(ctx, func(tx *sql.Tx) error {
		const query = `INSERT INTO place (path, what, at, seen) VALUES (?, ?, ?, 0)
			ON CONFLICT DO UPDATE SET at = max(at, excluded.at)`
		for _, p := range all {
			if _, err := tx.ExecContext(ctx, query, p.Path, p.What, unix(p.At)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// ForgetPlace forgets a place. Copies that are there stay as they are, and what
// is deleted does not leave them any more. One that is not known is
// fs.ErrNotExist.
func (db *DB) ForgetPlace(ctx context.Context, path string, what CopyKind) error {
	return wrap("forget place", db.state.Update(ctx, func(tx *sql.Tx) error {
		if err := must(exec(ctx, tx, "DELETE FROM place WHERE path = ? AND what = ?", path, what)); err != nil {
			return err
		}
		return endCleanups(ctx, tx)
	}))
}

// Places lists the folders into which copies were written, by path.
func (db *DB) Places(ctx context.Context) (out []Place, err error) {
	err = db.state.View(ctx, func(tx *sql.Tx) error {
		out, err = rows(ctx, tx, func(r *sql.Rows, p *Place) error {
			var at int64
			err := r.Scan(&p.Path, &p.What, &at, &p.Seen)
			p.At = instant(at)
			return err
		}, "SELECT path, what, at, seen FROM place ORDER BY path, what")
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

// Cleaned says that the deletions up to an id have been made in the backups of
// the places with these paths, which may be none. Those that have been made in
// all places are forgotten.
func (db *DB) Cleaned(ctx context.Context, upTo int64, paths ...string) error {
	return wrap("cleaned", db.state.Update(ctx, func(tx *sql.Tx) error {
		for _, path := range paths {
			const query = "UPDATE place SET seen = max(seen, ?) WHERE path = ? AND what = ?"
			if _, err := tx.ExecContext(ctx, query, upTo, path, CopyBackup); err != nil {
				return err
			}
		}
		return endCleanups(ctx, tx)
	}))
}

// endCleanups forgets the deletions that have been made in all backups.
func endCleanups(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM cleanup WHERE NOT EXISTS
		(SELECT 1 FROM place WHERE what = ? AND seen < cleanup.id)`, CopyBackup)
	return err
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
// is. They stay noted in it: when it is restored, other backups may not have
// seen them.
func (db *DB) Clean(ctx context.Context, all []Cleanup) error {
	found := false
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
	return nil
}

func (db *DB) clean(ctx context.Context, c Cleanup) (Removed, error) {
	if c.Account != "" {
		return db.DeleteAccount(ctx, c.Account)
	}
	return db.Delete(ctx, c.Choice)
}

// places lists what the copy that is restored has to know beside its own
// places: where it lies, and the places of the data that are there, if they can
// be opened.
func (o *RestoreOptions) places(ctx context.Context) (out []Place, err error) {
	if o.Place != "" {
		out = append(out, Place{Path: o.Place, What: CopyBackup, At: o.Now()})
	}
	f, err := openCopy(ctx, filepath.Join(o.Dir, StateName), statePurpose, o.Keys)
	if err != nil {
		return out, nil //nolint:nilerr // there are none, or they are why somebody restores
	}
	before, err := placesIn(ctx, f)
	return append(out, before...), errors.Join(err, f.Close())
}

// placesIn lists the places in data of any schema. The first ones had no table
// of them; any other fault means that they are not known.
func placesIn(ctx context.Context, f file) (out []Place, err error) {
	err = f.View(ctx, func(tx *sql.Tx) error {
		var tables int
		const query = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'place'"
		if err := tx.QueryRowContext(ctx, query).Scan(&tables); err != nil || tables == 0 {
			return err
		}
		out, err = rows(ctx, tx, func(r *sql.Rows, p *Place) error {
			var at int64
			err := r.Scan(&p.Path, &p.What, &at)
			p.At = instant(at)
			return err
		}, "SELECT path, what, at FROM place ORDER BY path, what")
		return err
	})
	return out, wrap("places of the data before", err)
}

// notePlaces makes the copy in dir remember the places.
func (o *RestoreOptions) notePlaces(ctx context.Context, dir string) error {
	places, err := o.places(ctx)
	if err != nil || len(places) == 0 {
		return err
	}
	db, err := Open(ctx, Options{Dir: dir, Keys: o.Keys, Now: o.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if err := errors.Join(db.putPlaces(ctx, places...), db.Close()); err != nil {
		return err
	}
	return os.Remove(filepath.Join(dir, vault.LockName))
}
