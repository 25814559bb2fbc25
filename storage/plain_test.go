package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	_ "modernc.org/sqlite" // as vault registers it

	"syncd/storage/vault"
)

// OpenPlain is [Open] over plain SQLite files on the disk, with a write-ahead
// log that is synced at each commit: what the seal is measured against. It
// runs the same code above them.
func OpenPlain(ctx context.Context, o Options) (*DB, error) {
	o.opener = openPlain
	return Open(ctx, o)
}

// plain is a [file] that is not sealed.
type plain struct {
	o     vault.FileOptions
	fresh bool
	rw    sync.RWMutex // as vault keeps readers from an Update
	db    *sql.DB
	read  *sql.DB
}

func openPlain(ctx context.Context, o vault.FileOptions) (file, error) {
	o.Path = strings.TrimSuffix(o.Path, ".age") + ".db"
	_, err := os.Stat(o.Path)
	p := &plain{o: o, fresh: err != nil}
	const pragmas = "?_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	if p.db, err = sql.Open("sqlite", "file:"+o.Path+pragmas+"&_txlock=immediate"); err != nil {
		return nil, err
	}
	p.db.SetMaxOpenConns(1)
	if p.read, err = sql.Open("sqlite", "file:"+o.Path+pragmas+"&_pragma=query_only(1)"); err != nil {
		return nil, err
	}
	p.read.SetMaxOpenConns(3)
	p.read.SetMaxIdleConns(3)
	return p, p.db.PingContext(ctx)
}

func (p *plain) Fresh() bool                  { return p.fresh }
func (p *plain) Path() string                 { return p.o.Path }
func (p *plain) Flush(context.Context) error  { return nil }
func (p *plain) Reseal(context.Context) error { return nil }
func (p *plain) Unsaved() error               { return nil }
func (p *plain) Close() error                 { return errors.Join(p.read.Close(), p.db.Close()) }
func (p *plain) View(ctx context.Context, do func(tx *sql.Tx) error) (err error) {
	p.rw.RLock()
	defer p.rw.RUnlock()
	tx, err := p.read.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	return do(tx)
}

func (p *plain) Size(context.Context) (size, limit int64, err error) {
	info, err := os.Stat(p.o.Path)
	if err != nil {
		return 0, 0, err
	}
	return info.Size(), p.o.MaxBytes, nil
}

func (p *plain) Update(ctx context.Context, do func(tx *sql.Tx) error) error {
	p.rw.Lock()
	defer p.rw.Unlock()
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	before, err := changes(ctx, tx)
	if err == nil {
		err = do(tx)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	after, err := changes(ctx, tx)
	if err == nil && after != before {
		err = p.o.Stamp(ctx, tx)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if after == before {
		return tx.Rollback()
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	p.o.Saved()
	return nil
}

func changes(ctx context.Context, tx *sql.Tx) (s string, err error) {
	var total, schema int64
	err = tx.QueryRowContext(ctx, "SELECT total_changes(), schema_version FROM pragma_schema_version").Scan(&total, &schema)
	return fmt.Sprint(total, schema), err
}
