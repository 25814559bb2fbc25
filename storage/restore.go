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
	"slices"
	"strings"
	"time"

	"syncd/source/school"
	"syncd/storage/vault"
)

// ReplacedPrefix begins the name of a folder, inside the data folder, that
// holds the data which a restore has replaced.
const ReplacedPrefix = "replaced-"

const (
	partialName = "restore.partial" // being written; worth nothing
	readyName   = "restore.ready"   // whole: it takes the place of the data, whatever happens
	asideName   = "replaced"        // a file in it: the name of the folder for the data before
)

// RestoreOptions say what is restored and where.
type RestoreOptions struct {
	From     string      // a copy that [DB.Snapshot] has written
	FromKeys *vault.Keys // that open it
	Dir      string      // the data folder, whose lock the caller holds; no DB is open on it
	Keys     *vault.Keys // that seal the data from now on
	// Replace allows data to be there already: they are put aside. Without it
	// they are [ErrOccupied].
	Replace bool
	// Place is the folder in which From lies with other backups, and is
	// remembered as one, see [DB.PutPlace]; absolute. Empty: there is none.
	Place string
	Now   func() time.Time
	// Step, if set, is told before each step is taken: for tests that end
	// there.
	Step func(string)
}

// Restored is what a restore did.
type Restored struct {
	Facts

	// Aside is the folder in which the data before are kept; empty where
	// there were none.
	Aside string
	// Deletions counts what guardians have deleted and is deleted in the copy
	// too, as far as the data before could say.
	Deletions int
}

// Restore puts a copy in the place of the data. The copy is checked first,
// written beside the data, checked again, and only then takes their place, by
// renames which the next [Open] takes up where a crash has left them: at every
// moment the data folder opens with all of the data before or all of the copy.
//
// Opened afterwards, the data are an older copy of themselves, see
// [Opened.OldState]: links wait for a guardian's word, sessions at platforms
// are gone. UIDs, children's numbers and sync tokens up to the copy are those
// of the copy. What guardians have deleted since does not come back, and the
// places of other copies are not forgotten, where the data before can still be
// opened to say so.
//
// A copy of another installation never replaces data that can be opened:
// [ErrMismatch]. When Restore fails, the data are as they were.
func Restore(ctx context.Context, o RestoreOptions) (Restored, error) {
	r, err := o.restore(ctx)
	return r, wrap("restore", err)
}

func (o *RestoreOptions) restore(ctx context.Context) (r Restored, err error) {
	if err := finishRestore(o.Dir, o.step); err != nil {
		return r, err
	}
	if r.Facts, err = Check(ctx, o.From, o.FromKeys); err != nil {
		return r, err
	}
	occupied, err := o.occupied(ctx, r.Installation)
	if err != nil {
		return r, err
	}
	var deletions []Cleanup
	if occupied {
		deletions = o.deletions(ctx)
	}
	aside := filepath.Base(freeName(filepath.Join(o.Dir, ReplacedPrefix+stamp(o.Now()))))
	o.step("stage")
	if r.Deletions, err = o.stage(ctx, aside, deletions); err != nil {
		return r, errors.Join(err, os.RemoveAll(filepath.Join(o.Dir, partialName)))
	}
	o.step("commit")
	if err := os.Rename(filepath.Join(o.Dir, partialName), filepath.Join(o.Dir, readyName)); err != nil {
		return r, errors.Join(err, os.RemoveAll(filepath.Join(o.Dir, partialName)))
	}
	if err := vault.SyncFolder(o.Dir); err != nil {
		return r, err
	}
	if occupied {
		r.Aside = filepath.Join(o.Dir, aside)
	}
	return r, finishRestore(o.Dir, o.step)
}

func (o *RestoreOptions) step(name string) {
	if o.Step != nil {
		o.Step(name)
	}
}

// occupied reports whether there are data, and refuses those that may not be
// replaced.
func (o *RestoreOptions) occupied(ctx context.Context, of string) (bool, error) {
	found := false
	for _, name := range []string{CacheName, StateName} {
		_, err := os.Lstat(filepath.Join(o.Dir, name))
		found = found || err == nil
	}
	if !found {
		return false, nil
	}
	if !o.Replace {
		return true, &vault.Error{Path: o.Dir, Err: ErrOccupied, Detail: "nothing was changed"}
	}
	for name, purpose := range map[string]int32{CacheName: cachePurpose, StateName: statePurpose} {
		f, err := openCopy(ctx, filepath.Join(o.Dir, name), purpose, o.Keys)
		if err != nil {
			continue // what cannot be opened is why somebody restores
		}
		_, key, err := checkFile(ctx, f, strings.TrimSuffix(name, ".age"))
		if err := errors.Join(err, f.Close()); err != nil {
			continue
		}
		if installation(key) != of {
			return true, &vault.Error{
				Path: o.From, Err: ErrMismatch, Detail: "it is a copy of another installation; nothing was changed",
				Advice: "restore it into an empty data folder",
			}
		}
	}
	return true, nil
}

// deletions lists what guardians have deleted and which accounts they have
// removed, by the data that are there: by state.age or, where that cannot be
// opened, by what cache.age knows of it.
func (o *RestoreOptions) deletions(ctx context.Context) []Cleanup {
	for _, file := range []struct {
		name    string
		purpose int32
	}{{StateName, statePurpose}, {CacheName, cachePurpose}} {
		f, err := openCopy(ctx, filepath.Join(o.Dir, file.name), file.purpose, o.Keys)
		if err != nil {
			continue
		}
		out := deletionsIn(ctx, f)
		_ = f.Close()
		return out
	}
	return nil
}

// deletionsIn reads deletions from one of the files. What its schema is too
// old for was not done either.
func deletionsIn(ctx context.Context, f file) (out []Cleanup) {
	db := &DB{state: &book{file: f}}
	add := func(c Cleanup) {
		c.ID = 0
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	waiting, _ := db.Cleanups(ctx)
	for _, c := range waiting {
		add(c)
	}
	choices, _ := db.Unwanted(ctx)
	for _, u := range choices {
		add(Cleanup{Choice: u.Choice})
	}
	_ = f.View(ctx, func(tx *sql.Tx) error {
		accounts, err := buried(ctx, tx)
		for _, id := range accounts {
			add(Cleanup{Account: id})
		}
		return err
	})
	return out
}

// clean makes the deletions in the copy, and returns how many it had something
// of. They stay noted there, so that they are made in its own backups too, and
// in what is restored later.
func (o *RestoreOptions) clean(ctx context.Context, dir string, deletions []Cleanup) (n int, err error) {
	if len(deletions) == 0 {
		return 0, nil
	}
	db, err := Open(ctx, Options{Dir: dir, Keys: o.Keys, Now: o.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	var strangers []school.AccountID
	for _, c := range deletions {
		_, e := db.clean(ctx, c)
		switch {
		case e == nil:
			n++
		case !errors.Is(e, fs.ErrNotExist):
			err = errors.Join(err, e)
		case c.Account != "":
			strangers = append(strangers, c.Account)
		}
	}
	if err := errors.Join(err, db.bury(ctx, strangers), db.Close()); err != nil {
		return 0, err
	}
	return n, os.Remove(filepath.Join(dir, vault.LockName))
}

// stage writes the copy beside the data, and returns how many deletions it has
// made in it.
func (o *RestoreOptions) stage(ctx context.Context, aside string, deletions []Cleanup) (deleted int, err error) {
	dir := filepath.Join(o.Dir, partialName)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, err
	}
	f, err := openFolder(ctx, o.From, o.FromKeys)
	if err != nil {
		return 0, err
	}
	_, err = copyFolder(ctx, f, SnapshotOptions{Dir: dir, Keys: o.Keys})
	if err = errors.Join(err, f.close()); err != nil {
		return 0, err
	}
	o.step("delete")
	if deleted, err = o.clean(ctx, dir, deletions); err != nil {
		return 0, err
	}
	if err := o.notePlaces(ctx, dir); err != nil {
		return 0, err
	}
	o.step("age")
	if err := grow(ctx, dir, o.Keys); err != nil {
		return 0, err
	}
	if err := os.WriteFile(filepath.Join(dir, asideName), []byte(aside), 0o600); err != nil {
		return 0, err
	}
	o.step("check")
	if _, err := Check(ctx, dir, o.Keys); err != nil {
		return 0, err
	}
	return deleted, syncFile(filepath.Join(dir, asideName))
}

func syncFile(path string) error {
	f, err := os.Open(path) //nolint:gosec // inside the data folder
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return vault.SyncFolder(filepath.Dir(path))
}

// grow makes cache.age remember a newer state.age than the one beside it: what
// was done to links since the copy was made is not known, and opening must
// take this one for the old one it is.
func grow(ctx context.Context, dir string, keys *vault.Keys) (err error) {
	f, err := openFolder(ctx, dir, keys)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	var writes int64
	err = f.state.View(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "SELECT writes FROM meta").Scan(&writes)
	})
	if err != nil {
		return err
	}
	return f.cache.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE meta SET seen = max(seen, ?) + 1", writes)
		return err
	})
}

// finishRestore removes what an interrupted restore left unfinished, or takes
// the steps that it still owed. The folder is locked.
func finishRestore(dir string, step func(string)) error {
	if err := os.RemoveAll(filepath.Join(dir, partialName)); err != nil {
		return err
	}
	ready := filepath.Join(dir, readyName)
	aside, err := os.ReadFile(filepath.Join(ready, asideName)) //nolint:gosec // inside the data folder
	if errors.Is(err, fs.ErrNotExist) {
		return os.RemoveAll(ready) // of which this file goes last
	}
	if err != nil {
		return err
	}
	name := string(aside)
	if !strings.HasPrefix(name, ReplacedPrefix) || filepath.Base(name) != name {
		return &vault.Error{Path: ready, Err: vault.ErrDamaged, Detail: "it does not say where the data before go"}
	}
	for _, part := range []string{CacheName, StateName, BlobsName} {
		if err := takePlace(dir, part, name, step); err != nil {
			return fmt.Errorf("put %s in its place: %w", part, err)
		}
	}
	step("clear")
	if err := os.Remove(filepath.Join(ready, asideName)); err != nil {
		return err
	}
	if err := os.RemoveAll(ready); err != nil {
		return err
	}
	return vault.SyncFolder(dir)
}

// takePlace moves one part of the restored data to its place, and what is
// there aside: into the folder that was meant for it or, where that has such a
// part already, into one of its own. Nothing that was put aside is replaced.
func takePlace(dir, part, aside string, step func(string)) error {
	from, to := filepath.Join(dir, readyName, part), filepath.Join(dir, part)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil // it was done before
	}
	if _, err := os.Lstat(to); err == nil {
		keep := filepath.Join(dir, aside)
		if _, err := os.Lstat(filepath.Join(keep, part)); err == nil { //nolint:gosec // a plain name, see finishRestore
			keep = freeName(keep)
		}
		if err := os.Mkdir(keep, 0o700); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // a plain name, see finishRestore
			return err
		}
		step("aside " + part)
		if err := os.Rename(to, filepath.Join(keep, part)); err != nil { //nolint:gosec // as above
			return err
		}
		if err := vault.SyncFolder(keep); err != nil {
			return err
		}
	}
	step("place " + part)
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return vault.SyncFolder(dir)
}
