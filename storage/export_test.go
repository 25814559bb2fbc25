package storage

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"

	"syncd/storage/vault"
)

// StatePurpose lets tests open state.age as a newer program would.
const StatePurpose = statePurpose

// SetLogLimit shortens the change log, which tests could not fill otherwise.
func SetLogLimit(db *DB, n int64) { db.logLimit = n }

// SetMediaLimit narrows the room for pictures and files, which tests should
// not fill otherwise.
func SetMediaLimit(db *DB, n int64) { db.mediaLimit = n }

// SetVersion pretends that a newer program has written the file: package
// storage is the only one that may speak SQL.
func SetVersion(ctx context.Context, f *vault.File, version int) error {
	return f.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
		return err
	})
}

// Schema lists what both files of an open database are made of.
func Schema(ctx context.Context, db *DB) (out []string, err error) {
	for _, b := range []*book{db.cache, db.state} {
		err := b.View(ctx, func(tx *sql.Tx) error {
			more, err := rows(ctx, tx, func(r *sql.Rows, s *string) error { return r.Scan(s) },
				"SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")
			out = append(out, more...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Versions returns how many steps the schemas of cache and state have.
func Versions() (cache, state int) {
	c, err := migrations("cache")
	if err != nil {
		panic(err)
	}
	s, err := migrations("state")
	if err != nil {
		panic(err)
	}
	return len(c), len(s)
}

// WriteVersion makes the two files of an installation as a program of earlier
// schemas would have: with the first steps only, and what the statements add.
func WriteVersion(ctx context.Context, dir string, keys *vault.Keys, cache, state int, cacheSQL, stateSQL string) error {
	for _, f := range []struct {
		name    string
		purpose int32
		steps   int
		sql     string
	}{{CacheName, cachePurpose, cache, cacheSQL}, {StateName, statePurpose, state, stateSQL}} {
		steps, err := migrations(strings.TrimSuffix(f.name, ".age"))
		if err != nil {
			return err
		}
		file, err := vault.OpenFile(ctx, vault.FileOptions{Path: filepath.Join(dir, f.name), Purpose: f.purpose, Keys: keys})
		if err != nil {
			return err
		}
		err = file.Update(ctx, func(tx *sql.Tx) error {
			if err := migrate(ctx, tx, steps[:f.steps]); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, f.sql)
			return err
		})
		if err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}

// SetStep has a function called between the durable writes of a removal, so
// that a test can end the program there.
func SetStep(db *DB, f func(string)) { db.stepped = f }

// HoldContent takes the lock of whoever changes or copies the data, as one does
// that hangs on a disk, until release.
func HoldContent(db *DB) (release func()) {
	db.content.Lock()
	return db.content.Unlock
}
