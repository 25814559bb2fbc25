package vault

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite"
)

const (
	defaultMaxBytes = 64 << 20
	pageSize        = 4096
	readers         = 3
	codeFull        = 13 // SQLITE_FULL
)

// FileOptions say which file is opened and how.
type FileOptions struct {
	Path string // of the age file; its folder exists and is locked
	// Purpose is the SQLite application id. A file of another purpose that
	// was put in this one's place is refused.
	Purpose int32
	Keys    *Keys
	// MaxBytes bounds the database; 0 means 64 MiB. An Update that would
	// exceed it is undone and answers [ErrFull].
	MaxBytes int64
	// Stamp, if set, runs at the end of each Update that changed something,
	// in the same transaction.
	Stamp func(ctx context.Context, tx *sql.Tx) error
	// Saved, if set, is called whenever the state of the last Update has
	// become durable, before the next Update begins. It must be quick.
	Saved func()
}

// File is one SQLite database in RAM that is kept on disk as one age file.
// Safe for concurrent use: any number of Views, one Update at a time.
type File struct {
	opts  FileOptions
	fresh bool

	pin    *sql.Conn // keeps the RAM database alive; serializes
	pool   *sql.DB   // the pin and the one writer
	reader *sql.DB

	write sync.Mutex   // one Update or Flush at a time
	rw    sync.RWMutex // readers beside the transaction of an Update

	saved   [32]byte // fingerprint of the image on disk
	health  sync.Mutex
	unsaved error
}

// OpenFile reads the file into RAM, or begins an empty database where there
// is no file; nothing is written before the first Update that changes
// something. Errors are [ErrKeyUnfit] and [ErrDamaged], and the file is
// untouched then. The caller holds the folder's lock.
func OpenFile(ctx context.Context, o FileOptions) (_ *File, err error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	img, err := o.Keys.readImage(o.Path, o.Purpose)
	if err != nil {
		return nil, err
	}
	defer clear(img)
	f := &File{opts: o, fresh: img == nil}
	name := "file:/" + rand.Text()
	if err := f.connect(ctx, name); err != nil {
		return nil, errors.Join(fmt.Errorf("vault: open %s: %w", filepath.Base(o.Path), err), f.Close())
	}
	if f.fresh {
		_, err = f.pin.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", o.Purpose))
	} else {
		f.saved = fingerprint(img)
		err = fill(ctx, img, name+parameters(""))
	}
	if err != nil {
		return nil, errors.Join(damaged(o.Path, "it holds no database: "+err.Error()), f.Close())
	}
	// The file opened well, so what an interrupted write left beside it may go.
	_ = os.Remove(o.Path + newSuffix)
	return f, nil
}

// Fresh reports whether there was no file when it was opened.
func (f *File) Fresh() bool { return f.fresh }

// Path returns the path of the age file.
func (f *File) Path() string { return f.opts.Path }

// Update runs do in a transaction. When it returns nil, what do changed is
// durable on disk. An error of do undoes everything. [ErrNotSaved] means that
// the change was made in RAM and could not be written: it is visible to
// Views, and the next Update or Flush tries again. An Update that changes
// nothing writes nothing. do must not call the File's own methods.
func (f *File) Update(ctx context.Context, do func(tx *sql.Tx) error) error {
	f.write.Lock()
	defer f.write.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("vault: update: %w", err)
	}
	changed, err := f.transact(ctx, do)
	if err != nil {
		return err
	}
	if !changed && f.Unsaved() == nil {
		return nil
	}
	return f.flush(ctx)
}

// View runs do over one consistent state of the database, which it cannot
// change. It holds up Updates, so do is short: it reads rows and returns. do
// must not call the File's own methods.
func (f *File) View(ctx context.Context, do func(tx *sql.Tx) error) (err error) {
	f.rw.RLock()
	defer f.rw.RUnlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("vault: view: %w", err)
	}
	// The transaction ends here and not when ctx does, so that none is left
	// behind when the lock is given back; do uses its own ctx.
	tx, err := f.reader.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("vault: view: %w", err)
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	return do(tx)
}

// Flush writes what an earlier Update could not. Without such a thing it does
// nothing.
func (f *File) Flush(ctx context.Context) error {
	f.write.Lock()
	defer f.write.Unlock()
	if f.Unsaved() == nil {
		return nil
	}
	return f.flush(ctx)
}

// Reseal writes the file again with the first of the keys, whether the
// database has changed or not.
func (f *File) Reseal(ctx context.Context) error {
	f.write.Lock()
	defer f.write.Unlock()
	f.saved = [32]byte{}
	return f.flush(ctx)
}

// Unsaved returns why the file on disk is older than the database in RAM, nil
// if it is not.
func (f *File) Unsaved() error {
	f.health.Lock()
	defer f.health.Unlock()
	return f.unsaved
}

// Size returns the size of the database in bytes, and its limit.
func (f *File) Size(ctx context.Context) (size, limit int64, err error) {
	err = f.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").Scan(&size)
	})
	return size, f.opts.MaxBytes, err
}

// Close lets go of the database. What is not durable by then is lost, so a
// File whose Unsaved is not nil should be flushed first.
func (f *File) Close() error {
	var errs []error
	if f.reader != nil {
		errs = append(errs, f.reader.Close())
	}
	if f.pin != nil {
		errs = append(errs, f.pin.Close())
	}
	if f.pool != nil {
		errs = append(errs, f.pool.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("vault: close: %w", err)
	}
	return nil
}

// parameters returns the query part of the data source name: temporary tables
// in RAM, deleted rows overwritten, freed pages given back.
func parameters(more string) string {
	return "?vfs=memdb&_pragma=busy_timeout(5000)&_pragma=temp_store(2)&_pragma=foreign_keys(1)" +
		"&_pragma=secure_delete(1)&_pragma=auto_vacuum(1)" + more
}

func (f *File) connect(ctx context.Context, name string) error {
	var err error
	limit := fmt.Sprintf("&_pragma=max_page_count(%d)&_pragma=cache_size(-512)&_txlock=immediate", f.opts.MaxBytes/pageSize)
	if f.pool, err = sql.Open("sqlite", name+parameters(limit)); err != nil {
		return err
	}
	f.pool.SetMaxOpenConns(2)
	f.pool.SetMaxIdleConns(2)
	if f.pin, err = f.pool.Conn(ctx); err != nil {
		return err
	}
	if f.reader, err = sql.Open("sqlite", name+parameters("&_pragma=query_only(1)&_pragma=cache_size(-512)")); err != nil {
		return err
	}
	f.reader.SetMaxOpenConns(readers)
	f.reader.SetMaxIdleConns(readers)
	return f.pin.PingContext(ctx)
}

// transact runs do alone and reports whether anything changed.
func (f *File) transact(ctx context.Context, do func(tx *sql.Tx) error) (changed bool, err error) {
	f.rw.Lock()
	defer f.rw.Unlock()
	// See View for why the transaction does not end with ctx.
	tx, err := f.pool.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return false, fmt.Errorf("vault: update: %w", err)
	}
	done := false
	defer func() {
		if !done {
			err = errors.Join(full(err), tx.Rollback())
		}
	}()
	before, err := counters(ctx, tx)
	if err != nil {
		return false, err
	}
	if err := do(tx); err != nil {
		return false, err
	}
	after, err := counters(ctx, tx)
	if err != nil {
		return false, err
	}
	if changed = before != after; changed && f.opts.Stamp != nil {
		if err := f.opts.Stamp(ctx, tx); err != nil {
			return false, err
		}
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("vault: commit: %w", err)
	}
	done = true
	return changed, nil
}

// counters returns numbers that move when rows, the schema or its version do.
func counters(ctx context.Context, tx *sql.Tx) (n [3]int64, err error) {
	const query = "SELECT total_changes(), schema_version, user_version FROM pragma_schema_version, pragma_user_version"
	if err := tx.QueryRowContext(ctx, query).Scan(&n[0], &n[1], &n[2]); err != nil {
		return n, fmt.Errorf("vault: count changes: %w", err)
	}
	return n, nil
}

// full adds ErrFull to what SQLite says when the size limit is reached.
func full(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == codeFull {
		return fmt.Errorf("vault: %w: %w", ErrFull, err)
	}
	return err
}

// flush writes the database if it differs from what is on disk.
func (f *File) flush(ctx context.Context) error {
	err := f.save(context.WithoutCancel(ctx))
	if err != nil {
		err = &Error{
			Path: f.opts.Path, Err: fmt.Errorf("%w: %w", ErrNotSaved, err),
			Advice: "make room on the disk; it is tried again by itself",
		}
	}
	f.health.Lock()
	f.unsaved = err
	f.health.Unlock()
	if err == nil && f.opts.Saved != nil {
		f.opts.Saved()
	}
	return err
}

func (f *File) save(ctx context.Context) error {
	img, err := f.image(ctx)
	if err != nil {
		return err
	}
	defer clear(img)
	if len(img) < headerSize || string(img[:len(headerMagic)]) != headerMagic {
		return errors.New("what is in memory is no database") // never in place of one that is
	}
	mark := fingerprint(img)
	if mark == f.saved {
		return nil
	}
	err = f.opts.Keys.seal(f.opts.Path, func(w io.Writer) error {
		_, err := w.Write(img)
		return err
	})
	if err != nil {
		return err
	}
	f.saved = mark
	return nil
}
