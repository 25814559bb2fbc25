// Package backup writes verified copies of a data folder into a folder that
// the guardian names, lists, checks, changes and restores them, and removes
// the oldest.
//
// Each backup is a folder of its own, named by its time:
//
//	syncd-20261122T031500Z/
//	    cache.age state.age blobs/*.age   the data, sealed
//	    backup.json                       what belongs to it; no word about anybody
//	    backup.key own.age                only with a passphrase, see below
//
// Without a passphrase the files are sealed with the installation's own key,
// and who wants them back needs a copy of that key. With one they are sealed
// with a key of their own, the same for all backups with one passphrase:
// backup.key holds it, protected by the passphrase, and own.age holds it for the installation itself, which must be
// able to remove from its backups what is deleted. Either way the files open
// with the age program alone.
//
// A backup is written under a name that begins with a dot, synced, opened
// again and checked, and then renamed: a folder without that dot is whole. One
// that is changed ([Rewrite]) becomes a new folder with a higher revision, and
// the old one goes when the new one is whole. Functions that write are called
// by one process at a time for each installation: whoever holds the data
// folder's lock.
package backup

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"syncd/storage/vault"
)

// The names inside a backup, beside those of the data.
const (
	ManifestName = "backup.json"
	KeyName      = "backup.key" // protected by the passphrase
	OwnName      = "own.age"    // the same key, for the installation itself

	prefix  = "syncd-"
	partial = ".partial"
	stamp   = "20060102T150405Z"
)

// What a backup or its folder can be refused for; beside what packages vault
// and storage say.
var (
	// ErrNoBackup: there is no backup of this program.
	ErrNoBackup = errors.New("there is no backup here")
	// ErrPlace: the folder is one in which no copies of the data may lie.
	ErrPlace = errors.New("this is no place for copies of the data")
	// ErrNoRoom: the disk is full.
	ErrNoRoom = errors.New("there is no room on the disk")
)

// Error says what is wrong with which folder, and what to do.
type Error struct {
	Path   string // empty: Err says it
	Err    error
	Detail string // may be empty
	Advice string // may be empty
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Err.Error()
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Detail != "" {
		s += " (" + e.Detail + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint returns what to do about it; may be empty.
func (e *Error) Hint() string { return e.Advice }

// wrap adds the operation, and says of a full disk what it is.
func wrap(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("backup: %s: %w", op, Explain(path, err))
}

// Explain says of a full disk, and of a folder that may not be written to,
// what to do; other errors stay as they are.
func Explain(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &Error{
			Path: path, Err: fmt.Errorf("%w: %w", ErrNoRoom, err), Detail: "nothing unfinished was left there",
			Advice: "make room on that disk, or name a folder on another one",
		}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		if _, ok := errors.AsType[*Error](err); !ok {
			return &Error{Path: path, Err: err, Advice: "the folder must belong to the user that runs syncd"}
		}
	}
	return err
}

// advised adds what to do to an error about a backup's content, which says
// itself what is wrong.
func advised(err error) error {
	switch {
	case errors.Is(err, vault.ErrDamaged):
		return &Error{Err: err, Advice: "this backup cannot be used; try another one"}
	case errors.Is(err, vault.ErrKeyUnfit), errors.Is(err, vault.ErrKeyMissing):
		return &Error{Err: err, Advice: "name the key file of the installation that made it: restore -key FILE"}
	}
	return err
}

// Backup is one backup, as its manifest describes it. That can be altered by
// anyone who can write to the folder: only [Verify] knows.
type Backup struct {
	Path string // of its folder
	Manifest
}

// Bytes is the size of all its files.
func (b *Backup) Bytes() (n int64) {
	for _, f := range b.Files {
		n += f.Size
	}
	return n
}

var folderName = regexp.MustCompile(`^syncd-\d{8}T\d{6}Z(-r\d+)?$`)

// List returns the backups in a folder, of any installation, the newest
// first. Of one that was changed only the newest revision counts. What is not
// whole and what is not ours is passed over. A folder that does not exist is
// [fs.ErrNotExist].
func List(dir string) ([]Backup, error) {
	all, err := list(dir)
	if err != nil {
		return nil, wrap("list", dir, err)
	}
	return slices.DeleteFunc(all, func(b Backup) bool { return superseded(b, all) }), nil
}

func list(dir string) ([]Backup, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []Backup
	for _, e := range entries {
		if !e.IsDir() || !folderName.MatchString(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		m, err := readManifest(path)
		if err != nil {
			continue
		}
		out = append(out, Backup{Path: path, Manifest: m})
	}
	slices.SortFunc(out, func(a, b Backup) int {
		return cmp.Or(b.Created.Compare(a.Created), strings.Compare(b.Path, a.Path)) // of one second the later has the later name
	})
	return out, nil
}

// superseded reports whether there is a newer revision of the same backup.
func superseded(b Backup, all []Backup) bool {
	return slices.ContainsFunc(all, func(o Backup) bool { return o.ID == b.ID && o.Revision > b.Revision })
}

// Open returns the backup in a folder, or the newest one of those that a
// folder holds. Several installations in one folder are [ErrNoBackup] with a
// word about it: the guardian has to name one.
func Open(path string) (Backup, error) {
	m, err := readManifest(path)
	if err == nil {
		return Backup{Path: path, Manifest: m}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Backup{}, wrap("open", path, advised(err))
	}
	found, err := List(path)
	if err != nil {
		return Backup{}, err
	}
	if len(found) == 0 {
		return Backup{}, wrap("open", path, &Error{
			Path: path, Err: ErrNoBackup, Advice: "name the folder of one backup, or the one in which they lie",
		})
	}
	for _, b := range found {
		if b.Installation != found[0].Installation {
			return Backup{}, wrap("open", path, &Error{
				Path: path, Err: ErrNoBackup, Detail: "but several, of more than one installation", Advice: "name the folder of one backup",
			})
		}
	}
	return found[0], nil
}

// Keys returns the keys that open a backup: own, the installation's, which may
// be nil; or, for a backup with a passphrase, its key, which own opens or the
// passphrase does. passphrase is asked only when own does not do; it may be
// nil. Errors are those of package vault.
func Keys(b Backup, own *vault.Keys, passphrase func() ([]byte, error)) (*vault.Keys, error) {
	switch {
	case !b.Protected && own == nil:
		return nil, wrap("open", b.Path, advised(&vault.Error{Path: b.Path, Err: vault.ErrKeyMissing}))
	case !b.Protected:
		return own, nil
	}
	if own != nil {
		if k, err := vault.OpenSealedKeys(filepath.Join(b.Path, OwnName), own); err == nil {
			return k, nil
		}
	}
	keys, err := vault.OpenKeys(vault.KeySource{File: filepath.Join(b.Path, KeyName), Passphrase: passphrase})
	return keys, wrap("open", b.Path, err)
}

// Place prepares the folder in which backups lie, as [Write] does, and returns
// its path without symbolic links: for whoever has to remember it before
// anything lies there. away is as in [Options], with the data folder.
func Place(dir string, away []string) (string, error) {
	actual, err := place(dir, away)
	return actual, wrap("prepare", dir, err)
}

// place prepares the folder in which backups lie, and refuses those in which
// they cannot. It is made if only itself is missing: a disk that is not
// mounted must not be taken for an empty one.
func place(dir string, away []string) (string, error) {
	if err := Outside(dir, away); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		advice := ""
		if errors.Is(err, fs.ErrNotExist) {
			advice = "the folder above it does not exist: is the disk mounted?"
		}
		return "", &Error{Path: dir, Err: err, Advice: advice}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", &Error{Path: dir, Err: ErrPlace, Detail: "it is not a folder"}
	}
	return resolve(dir)
}

// Outside refuses a folder that is or lies in one of others; it need not
// exist: [ErrPlace].
func Outside(dir string, others []string) error {
	here, err := resolve(dir)
	if err != nil {
		return err
	}
	for _, other := range others {
		there, err := resolve(other)
		if err != nil {
			return err
		}
		if here == there || strings.HasPrefix(here, there+string(filepath.Separator)) {
			return &Error{
				Path: dir, Err: ErrPlace, Detail: "it lies inside " + other,
				Advice: "name a folder outside, best on another disk",
			}
		}
	}
	return nil
}

// Resolve returns the absolute path of a folder without symbolic links, as far
// as it exists.
func Resolve(dir string) (string, error) {
	actual, err := resolve(dir)
	return actual, wrap("resolve", dir, err)
}

func resolve(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	actual, err := filepath.EvalSymlinks(abs)
	if err == nil || abs == filepath.Dir(abs) || !errors.Is(err, fs.ErrNotExist) {
		return actual, err
	}
	above, err := resolve(filepath.Dir(abs))
	return filepath.Join(above, filepath.Base(abs)), err
}

// Tidy removes from a folder what interrupted work of the installation left
// there: unfinished folders, and revisions that a newer one has replaced. A
// folder that does not exist is tidy.
func Tidy(dir, installation string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return wrap("tidy", dir, err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "."+prefix+installation) && strings.HasSuffix(e.Name(), partial) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return wrap("tidy", dir, err)
			}
		}
	}
	all, err := list(dir)
	if err != nil {
		return wrap("tidy", dir, err)
	}
	for _, b := range all {
		if b.Installation == installation && superseded(b, all) {
			if err := Remove(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// Remove deletes a backup. It is renamed first, so that nothing half deleted
// looks whole.
func Remove(b Backup) error {
	dying := filepath.Join(filepath.Dir(b.Path), "."+prefix+b.Installation+"-"+filepath.Base(b.Path)+partial)
	if err := os.RemoveAll(dying); err != nil {
		return wrap("remove", b.Path, err)
	}
	if err := os.Rename(b.Path, dying); err != nil {
		return wrap("remove", b.Path, err)
	}
	return wrap("remove", b.Path, errors.Join(vault.SyncFolder(filepath.Dir(b.Path)), os.RemoveAll(dying)))
}

// Keep says how many backups are kept.
type Keep struct {
	Days  int // the newest of each of so many days
	Weeks int // and the newest of each of so many weeks
}

// Prune removes the installation's backups that Keep does not name, and
// returns them. The newest always stays. Days and weeks (ISO 8601) are those
// of loc; those without a backup do not count.
func Prune(dir, installation string, keep Keep, loc *time.Location) (removed []Backup, err error) {
	all, err := List(dir)
	if err != nil {
		return nil, err
	}
	days, weeks := map[string]bool{}, map[string]bool{}
	first := true
	for _, b := range all {
		if b.Installation != installation {
			continue
		}
		day := b.Created.In(loc).Format(time.DateOnly)
		year, w := b.Created.In(loc).ISOWeek()
		week := fmt.Sprintf("%d-%d", year, w)
		stays := first
		if !days[day] && len(days) < keep.Days {
			days[day], stays = true, true
		}
		if !weeks[week] && len(weeks) < keep.Weeks {
			weeks[week], stays = true, true
		}
		first = false
		if stays {
			continue
		}
		if err := Remove(b); err != nil {
			return removed, err
		}
		removed = append(removed, b)
	}
	return removed, nil
}

// Holds reports whether anything of an installation's backups lies in a folder,
// whole or not. What cannot be told is taken to lie there.
func Holds(dir, installation string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		if strings.HasPrefix(e.Name(), "."+prefix+installation) {
			return true
		}
		if !strings.HasPrefix(e.Name(), prefix) {
			return false
		}
		m, err := readManifest(filepath.Join(dir, e.Name()))
		return err != nil || m.Installation == installation
	})
}
