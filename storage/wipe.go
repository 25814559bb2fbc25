package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"syncd/storage/vault"
)

// WipeOptions say what is wiped.
type WipeOptions struct {
	Dir string // the data folder; the caller holds its lock
	// Key is the key file that goes first: without it nothing that is left by
	// a crash can be opened. Empty: the key is kept by somebody else.
	Key string
	// Patience is how long [DB.Wipe] waits for whoever changes or copies the data;
	// then it goes on all the same. 0: as long as it takes.
	Patience time.Duration
	// Step is called between the removals; for tests, may be nil.
	Step func(name string)
}

// Wiped is what a wipe has removed.
type Wiped struct {
	Key    bool     // there was a key file, and it is gone
	Sealed int      // sealed files: the two databases, and copies that were put aside
	Blobs  int      // pictures and attachments
	Left   []string // paths in the data folder that are not the program's own
}

// Wipe deletes everything in the data folder, the key file first. The database
// is of no use afterwards: every method fails, and nothing is written any more.
// The lock is kept until [DB.Close].
func (db *DB) Wipe(o WipeOptions) (Wiped, error) {
	if db.holdContent(o.Patience) {
		defer db.content.Unlock()
	}
	var errs []error
	for _, b := range []*book{db.cache, db.state} {
		if f, ok := b.file.(*vault.File); ok {
			errs = append(errs, f.Abandon())
		}
	}
	db.wiped.Store(true)
	o.Dir = db.Dir()
	out, err := Wipe(o)
	return out, errors.Join(err, errors.Join(errs...))
}

// holdContent takes the lock on the content, and reports whether it was to be
// had in time; 0 means as long as it takes.
func (db *DB) holdContent(patience time.Duration) bool {
	if patience <= 0 {
		db.content.Lock()
		return true
	}
	end, again := time.NewTimer(patience), time.NewTicker(10*time.Millisecond)
	defer end.Stop()
	defer again.Stop()
	for !db.content.TryLock() {
		select {
		case <-end.C:
			return false
		case <-again.C:
		}
	}
	return true
}

// Wiped reports whether everything was deleted.
func (db *DB) Wiped() bool { return db.wiped.Load() }

// Wipe deletes everything that the program has made in a data folder, whether
// it can be opened or not, and the key file first. What is not its own stays
// and is listed. It may be called again after a crash.
func Wipe(o WipeOptions) (out Wiped, err error) {
	step := func(name string) {
		if o.Step != nil {
			o.Step(name)
		}
	}
	step("begin")
	if o.Key != "" {
		_, err := os.Lstat(o.Key)
		out.Key = err == nil
		if err := vault.DestroyKeyFile(o.Key); err != nil {
			return out, fmt.Errorf("storage: wipe: %w", err)
		}
		step("key")
	}
	entries, err := os.ReadDir(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("storage: wipe: %w", err)
	}
	// The databases last: as long as one of them is there, and no key, nothing
	// begins anew.
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int { return last(a) - last(b) })
	for _, e := range entries {
		path := filepath.Join(o.Dir, e.Name())
		switch what := ours(e.Name()); what {
		case ownSealed:
			out.Sealed++
			err = os.Remove(path)
		case ownFolder:
			n := countSealed(path)
			if e.Name() == BlobsName {
				out.Blobs += n
			} else {
				out.Sealed += n
			}
			err = os.RemoveAll(path)
		case ownLock:
			continue
		case ownNot:
			out.Left = append(out.Left, path)
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return out, fmt.Errorf("storage: wipe: %w", err)
		}
		step(e.Name())
	}
	if err := vault.SyncFolder(o.Dir); err != nil {
		return out, fmt.Errorf("storage: wipe: %w", err)
	}
	step("end")
	return out, nil
}

func last(e fs.DirEntry) int {
	if e.Name() == CacheName || e.Name() == StateName {
		return 1
	}
	return 0
}

type own int

const (
	ownNot    own = iota
	ownSealed     // a sealed file, whole or not
	ownFolder     // of sealed files
	ownLock       // goes with the process
)

// ours tells what the program has made by its name in the data folder.
func ours(name string) own {
	switch {
	case name == vault.LockName, strings.HasSuffix(name, ".sock"):
		return ownLock
	case name == BlobsName, name == partialName, name == readyName, strings.HasPrefix(name, ReplacedPrefix),
		strings.HasPrefix(name, BlobsName+UnreadableMark), strings.HasPrefix(name, readyName+UnreadableMark):
		return ownFolder
	case strings.HasPrefix(name, CacheName), strings.HasPrefix(name, StateName):
		return ownSealed // also .new and .unreadable-TIME
	}
	return ownNot
}

func countSealed(dir string) (n int) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(filepath.Base(path), ".age") {
			n++
		}
		return nil // what cannot be counted is removed all the same
	})
	return n
}
