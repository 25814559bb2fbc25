// Package storage keeps what syncd knows: children, entries, letters and the
// log of their changes in cache.age, and accounts, sessions, links and
// guardians in state.age. Both are databases of package vault: in RAM, and on
// disk only as sealed files; pictures and attachments are sealed one by one.
// It is the only package that speaks SQL.
//
// A method that changes something returns when the change is on disk. Where
// that fails the error is [vault.ErrNotSaved]: the change stands in RAM, is
// what readers see, and is written with the next change or by [DB.Flush].
// Something that is not there is an error that is [fs.ErrNotExist].
//
// Each file counts its own writes and the highest count that it has seen of
// the other, so that an older copy of one that was put back is noticed when
// the database is opened; see [Opened]. Not noticed are older copies of both
// files at once, and what happened to state.age since cache.age was last
// written. What must not be undone unnoticed (links, passwords) therefore
// writes both files.
//
// A [DB] is safe for concurrent use and starts no goroutine.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"syncd/source/school"
	"syncd/storage/vault"
)

// The names of the two files, and their purposes as SQLite application ids.
const (
	CacheName = "cache.age"
	StateName = "state.age"

	cachePurpose = 0x536B4331 // "SkC1"
	statePurpose = 0x536B5331 // "SkS1"
)

// Options say where the data are and how they are opened.
type Options struct {
	// Dir is the data folder. It is made (0700) where it is missing.
	Dir string
	// Keys open and seal the files; required.
	Keys *vault.Keys
	// Now is the clock; required.
	Now func() time.Time
	// Log receives what is noticed when the data are opened; required.
	Log *slog.Logger
	// MaxBytes bounds each of the two files; 0 means 64 MiB. See [DB.Tight].
	MaxBytes int64
	// Lock is the lock of Dir when the caller has taken it already; nil means
	// that Open takes it. The DB owns it either way, also when Open fails.
	Lock *vault.Lock

	// opener takes the place of [vault.OpenFile] where the seal is measured
	// against plain files; nil otherwise.
	opener func(context.Context, vault.FileOptions) (file, error)
}

// Opened says what was found when the database was opened.
type Opened struct {
	// First: there was nothing; this is a new installation.
	First bool
	// OldCache: cache.age was an older copy of itself. Every account is due,
	// and [DB.Generation] is new.
	OldCache bool
	// OldState: state.age was an older copy of itself. All links are
	// suspended, all sessions and sign-ins dropped. Tell the guardians.
	OldState bool
	// LostCache: cache.age was gone, or of another history. As OldCache; the
	// children keep their numbers.
	LostCache bool
	// LostState: state.age was gone, and with it all accounts and links. The
	// children keep their numbers and identities.
	LostState bool
	// Short counts pictures and files that were so small that they could not be
	// whole. They were put aside, and their letters are read again.
	Short int
}

// DB is the storage of one installation.
type DB struct {
	now      func() time.Time
	log      *slog.Logger
	lock     *vault.Lock
	cache    *book
	state    *book
	blobs    *vault.Blobs
	keys     *vault.Keys
	uidKey   []byte
	logLimit int64
	opened   Opened

	mediaLimit int64 // octets of pictures and files, all together

	always  func(school.ChildNumber) bool // guarded by content; nil: no child
	stepped func(string)                  // tests stop the program here; nil in the program
	wiped   atomic.Bool                   // everything was deleted, and the files are closed

	deriver   Deriver // guarded by content; nil: nothing is derived
	realiased bool    // a join that was cut short was made up for when the files were opened

	derived map[int64]bool // numbers of children that were worked out; guarded by content

	content sync.Mutex   // one Apply, PutRoster or DeleteAccount at a time
	deleted atomic.Int64 // see Deletions
	owed    atomic.Int64 // the write of state.age that cache.age has to have seen, where that failed
}

// file is one database: a [vault.File], but for measurements.
type file interface {
	Fresh() bool
	Path() string
	Update(ctx context.Context, do func(tx *sql.Tx) error) error
	View(ctx context.Context, do func(tx *sql.Tx) error) error
	Flush(ctx context.Context) error
	Reseal(ctx context.Context) error
	Unsaved() error
	Size(ctx context.Context) (size, limit int64, err error)
	Close() error
}

// book is one of the two files, with the counts that betray old copies.
type book struct {
	file

	writes  atomic.Int64 // of the database in RAM
	durable atomic.Int64 // of the file on disk
	seen    atomic.Int64 // of the other file's, as noted in RAM
	saw     atomic.Int64 // the same on disk
	other   *book
}

// Open takes the lock, opens both files and brings them up to date. Errors of
// package vault and [ErrNewer], [ErrMismatch] mean that nothing was changed.
func Open(ctx context.Context, o Options) (_ *DB, err error) {
	db := &DB{now: o.Now, log: o.Log, lock: o.Lock, keys: o.Keys, logLimit: logLimit, mediaLimit: mediaLimit}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.release())
		}
	}()
	if o.Dir == "" || o.Keys == nil || o.Now == nil || o.Log == nil {
		return nil, errors.New("storage: open: Dir, Keys, Now and Log are required")
	}
	if db.lock == nil {
		if db.lock, err = vault.LockFolder(o.Dir); err != nil {
			return nil, fmt.Errorf("storage: open: %w", err)
		}
	}
	if err := finishRestore(o.Dir, func(string) {}); err != nil {
		return nil, fmt.Errorf("storage: open: finish a restore: %w", err)
	}
	db.cache, db.state = &book{}, &book{}
	db.cache.other, db.state.other = db.state, db.cache
	if err := db.cache.open(ctx, filepath.Join(o.Dir, CacheName), cachePurpose, o); err != nil {
		return nil, fmt.Errorf("storage: open: %w", err)
	}
	if err := db.state.open(ctx, filepath.Join(o.Dir, StateName), statePurpose, o); err != nil {
		return nil, fmt.Errorf("storage: open: %w", err)
	}
	if err := db.reconcile(ctx); err != nil {
		return nil, fmt.Errorf("storage: open: %w", err)
	}
	if err := db.endJoins(ctx); err != nil {
		return nil, fmt.Errorf("storage: open: %w", err)
	}
	if err := db.endDeletions(ctx); err != nil {
		return nil, fmt.Errorf("storage: open: %w", err)
	}
	if err := db.tidyBlobs(ctx); err != nil {
		return nil, fmt.Errorf("storage: open: %w", err)
	}
	if err := o.Keys.Tidy(); err != nil {
		return nil, fmt.Errorf("storage: open: %w", err)
	}
	if err := db.payDebt(ctx); err != nil {
		return nil, fmt.Errorf("storage: open: %w", err)
	}
	return db, nil
}

// Opened returns what was found when the database was opened.
func (db *DB) Opened() Opened { return db.opened }

// Unsaved returns why a file on disk is older than the data in RAM, or does
// not know of a change in the other that must not be undone unnoticed; nil when
// all is saved.
func (db *DB) Unsaved() error {
	err := errors.Join(db.cache.Unsaved(), db.state.Unsaved())
	if err == nil && db.owes() {
		return &vault.Error{
			Path: db.cache.Path(), Err: vault.ErrNotSaved, Detail: "it has not seen the last change of links or passwords",
			Advice: "it is tried again by itself",
		}
	}
	return err
}

// owes reports whether a change of links or passwords is in state.age, or to
// be, and cache.age does not know.
func (db *DB) owes() bool { return db.owed.Load() > db.cache.saw.Load() }

// Flush writes what could not be written earlier. Without such a thing it
// does nothing.
func (db *DB) Flush(ctx context.Context) error {
	if err := errors.Join(db.state.Flush(ctx), db.cache.Flush(ctx)); err != nil {
		return fmt.Errorf("storage: flush: %w", err)
	}
	if db.owes() {
		return db.touchCache(ctx, "flush")
	}
	return nil
}

// Size returns the size of cache.age's database in bytes, and its limit.
func (db *DB) Size(ctx context.Context) (size, limit int64, err error) {
	size, limit, err = db.cache.Size(ctx)
	return size, limit, wrap("size", err)
}

// Close closes both files and gives the lock back. What is unsaved then is
// lost: see [DB.Flush].
func (db *DB) Close() error {
	return db.release()
}

func (db *DB) release() error {
	var errs []error
	for _, b := range []*book{db.cache, db.state} {
		if b != nil && b.file != nil && !db.wiped.Load() {
			errs = append(errs, b.Close())
		}
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
	}
	return errors.Join(errs...)
}

func (b *book) open(ctx context.Context, path string, purpose int32, o Options) error {
	if o.opener == nil {
		o.opener = func(ctx context.Context, fo vault.FileOptions) (file, error) { return vault.OpenFile(ctx, fo) }
	}
	f, err := o.opener(ctx, vault.FileOptions{
		Path: path, Purpose: purpose, Keys: o.Keys, MaxBytes: o.MaxBytes,
		Stamp: b.stamp,
		Saved: func() {
			b.durable.Store(b.writes.Load())
			b.saw.Store(b.seen.Load())
		},
	})
	if err != nil {
		return err
	}
	b.file = f
	return nil
}

// stamp ends each transaction that changed something. Of the other file only
// what is on its disk counts as seen: a crash then never looks like an old copy.
func (b *book) stamp(ctx context.Context, tx *sql.Tx) error {
	var writes, seen int64
	err := tx.QueryRowContext(ctx,
		"UPDATE meta SET writes = writes + 1, seen = max(seen, ?) RETURNING writes, seen", b.other.durable.Load(),
	).Scan(&writes, &seen)
	if err != nil {
		return fmt.Errorf("count the write: %w", err)
	}
	b.writes.Store(writes)
	b.seen.Store(seen)
	return nil
}

// touchCache writes cache.age for the sake of its memory of state.age.
func (db *DB) touchCache(ctx context.Context, op string) error {
	return wrap(op, db.cache.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE meta SET seen = max(seen, ?)", db.state.durable.Load())
		return err
	}))
}

// both changes state.age and then writes cache.age too, for changes that must
// not be undone unnoticed by putting back an old state.age. state.age notes
// that cache.age has to know: where that could not be written, [DB.Flush] or
// the next [Open] makes up for it.
func (db *DB) both(ctx context.Context, op string, do func(tx *sql.Tx) error) error {
	var owed int64
	err := db.state.Update(ctx, func(tx *sql.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		if err := settle(ctx, tx); err != nil {
			return err
		}
		// The stamp that ends the transaction counts one on.
		return tx.QueryRowContext(ctx, "UPDATE meta SET owed = writes + 1 RETURNING owed").Scan(&owed)
	})
	switch {
	case err == nil: // half done is not done, whoever waits for it
		err = db.touchCache(context.WithoutCancel(ctx), op)
	case errors.Is(err, vault.ErrNotSaved):
		err = wrap(op, err)
	default:
		return wrap(op, err)
	}
	if err != nil {
		db.owe(owed)
	}
	return err
}

// owe remembers until when cache.age has to know of state.age.
func (db *DB) owe(writes int64) {
	for {
		have := db.owed.Load()
		if have >= writes || db.owed.CompareAndSwap(have, writes) {
			return
		}
	}
}

// payDebt writes cache.age where a program that ended could not any more.
func (db *DB) payDebt(ctx context.Context) error {
	var owed int64
	err := db.state.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT owed FROM meta").Scan(&owed)
	})
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	db.owe(owed)
	if !db.owes() {
		return nil
	}
	if err := db.touchCache(ctx, "open"); err != nil && !errors.Is(err, vault.ErrNotSaved) {
		return err
	}
	return nil // else it is unsaved, and said to be
}

// second returns the clock's time in whole seconds.
func (db *DB) second() int64 { return db.now().Unix() }
