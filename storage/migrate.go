package storage

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"syncd/storage/vault"
)

// migrationFiles hold each file's schema, one step a file: NNNN_words.sql
// brings version NNNN-1 to NNNN. A new database runs all of them.
//
//go:embed migrations
var migrationFiles embed.FS

// migrations returns the steps of one of the two files, in order.
func migrations(name string) ([]string, error) {
	dir := path.Join("migrations", name)
	entries, err := migrationFiles.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, path.Join(dir, e.Name()))
	}
	slices.Sort(names)
	steps := make([]string, len(names))
	for i, n := range names {
		b, err := fs.ReadFile(migrationFiles, n)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		steps[i] = string(b)
	}
	return steps, nil
}

// migrate brings the schema up to the last step, inside tx.
func migrate(ctx context.Context, tx *sql.Tx, steps []string) error {
	have, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	for i := have; i < len(steps); i++ {
		if _, err := tx.ExecContext(ctx, steps[i]); err != nil {
			return fmt.Errorf("migrate to version %d: %w", i+1, err)
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", i+1)); err != nil {
			return fmt.Errorf("migrate to version %d: %w", i+1, err)
		}
	}
	return nil
}

// checkVersion refuses a database that a newer program has written.
func (b *book) checkVersion(ctx context.Context, steps []string) error {
	return b.View(ctx, func(tx *sql.Tx) error {
		have, err := schemaVersion(ctx, tx)
		if err != nil {
			return err
		}
		if have > len(steps) {
			return &vault.Error{
				Path: b.Path(), Err: ErrNewer,
				Detail: fmt.Sprintf("version %d, this program knows %d; nothing was changed", have, len(steps)),
				Advice: "start the newer version of syncd again",
			}
		}
		return nil
	})
}

func schemaVersion(ctx context.Context, tx *sql.Tx) (v int, err error) {
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return v, nil
}
