package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"syncd/storage"
	"syncd/storage/vault"
)

// Options say what is backed up and where to.
type Options struct {
	DB  *storage.DB // required
	Dir string      // required; the folder in which backups lie
	// Passphrase protects a key made for this backup. Empty: the files are
	// sealed with the installation's own key.
	Passphrase []byte
	Version    string           // of the program
	Now        func() time.Time // required
	// Away are folders beside the data folder that backups cannot lie in: a
	// backup beside its key protects nothing.
	Away []string
	// Step, if set, is told before each step is taken: for tests that end
	// there.
	Step func(string)
}

// Write makes a backup: a copy of everything at one moment, written beside its
// final name, opened again and checked, and renamed. When it fails nothing of
// it is left, unless the process was killed: see [Tidy], which the next Write
// begins with.
func Write(ctx context.Context, o Options) (Backup, error) {
	b, err := o.write(ctx)
	return b, wrap("write", o.Dir, err)
}

func (o *Options) step(name string) {
	if o.Step != nil {
		o.Step(name)
	}
}

func (o *Options) write(ctx context.Context) (b Backup, err error) {
	dir, err := place(o.Dir, append([]string{o.DB.Dir()}, o.Away...))
	if err != nil {
		return b, err
	}
	if err := Tidy(dir, o.DB.Installation()); err != nil {
		return b, err
	}
	before, err := List(dir)
	if err != nil {
		return b, err
	}
	m := Manifest{
		Format: format, ID: strings.ToLower(rand.Text()), Installation: o.DB.Installation(),
		Created: o.Now().UTC().Truncate(time.Second), Revision: 1, Version: o.Version, Protected: len(o.Passphrase) > 0,
	}
	like := ""
	if at := slices.IndexFunc(before, func(b Backup) bool {
		return b.Installation == m.Installation && b.Protected == m.Protected
	}); at >= 0 {
		like = before[at].Path
	}
	if err := o.room(dir, like); err != nil {
		return b, err
	}
	o.step("begin")
	return m.put(ctx, dir, o.step, func(path string) (*vault.Keys, error) {
		keys, like, err := o.keys(path, like)
		if err != nil {
			return nil, err
		}
		o.step("copy")
		s, err := o.DB.Snapshot(ctx, storage.SnapshotOptions{Dir: path, Keys: keys, Like: like})
		m.LeftOut = s.LeftOut
		return keys.First(), err
	})
}

// keys returns the keys that seal the backup, after writing those that are
// kept in it. An earlier backup with the same passphrase lends its key, so that
// pictures are stored once; like is its path, and returned where that is so.
func (o *Options) keys(path, like string) (*vault.Keys, string, error) {
	if len(o.Passphrase) == 0 {
		return o.DB.Keys().Fixed(), like, nil
	}
	own := filepath.Join(path, OwnName)
	if like != "" {
		key := filepath.Join(like, KeyName)
		keys, err := vault.OpenKeys(vault.KeySource{File: key, Passphrase: func() ([]byte, error) { return slices.Clone(o.Passphrase), nil }})
		if err == nil {
			err = errors.Join(copyFile(key, filepath.Join(path, KeyName)), keys.WriteSealed(own, o.DB.Keys()))
			return keys, like, err
		}
	}
	keys, err := vault.GenerateKeys()
	if err != nil {
		return nil, "", err
	}
	if err := keys.WriteProtected(filepath.Join(path, KeyName), o.Passphrase); err != nil {
		return nil, "", err
	}
	return keys, "", keys.WriteSealed(own, o.DB.Keys())
}

// put writes one backup into dir: under a passing name, by fill, which returns
// the one key that opens all of it; checked; then under its own.
func (m *Manifest) put(ctx context.Context, dir string, step func(string), fill func(path string) (*vault.Keys, error)) (_ Backup, err error) {
	tmp := filepath.Join(dir, "."+prefix+m.Installation+"-"+m.Created.Format(stamp)+partial)
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return Backup{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	keys, err := fill(tmp)
	if err != nil {
		return Backup{}, err
	}
	step("manifest")
	facts, err := storage.Check(ctx, tmp, keys)
	if err != nil {
		return Backup{}, fmt.Errorf("what was written is not good: %w", err)
	}
	if facts.Missing != m.LeftOut || facts.Installation != m.Installation {
		return Backup{}, &vault.Error{Path: tmp, Err: vault.ErrDamaged, Detail: "what was written is not what was read"}
	}
	m.Cache, m.State = facts.Cache, facts.State
	if err := m.write(tmp); err != nil {
		return Backup{}, err
	}
	step("rename")
	name, err := m.name(dir)
	if err != nil {
		return Backup{}, err
	}
	b := Backup{Path: filepath.Join(dir, name), Manifest: *m}
	if err := os.Rename(tmp, b.Path); err != nil {
		return Backup{}, err
	}
	step("sync")
	return b, vault.SyncFolder(dir)
}

// Verify opens a backup with its keys (see [Keys]) and looks at every byte: the
// files are as they were written, decrypt, belong together and hold
// consistent data that this program can read. It writes nothing.
func Verify(ctx context.Context, b Backup, keys *vault.Keys) (storage.Facts, error) {
	if err := checkFiles(b); err != nil {
		return storage.Facts{}, wrap("verify", b.Path, advised(err))
	}
	facts, err := storage.Check(ctx, b.Path, keys)
	if err == nil && facts.Missing > b.LeftOut {
		err = &vault.Error{Path: b.Path, Err: vault.ErrDamaged, Detail: "pictures are missing or altered"}
	}
	return facts, wrap("verify", b.Path, advised(err))
}

// RewriteOptions say which backup is changed.
type RewriteOptions struct {
	Backup Backup
	// Keys are the installation's own; they open its backups with a
	// passphrase too, see [Keys].
	Keys *vault.Keys
	// Passphrase opens a backup that has one and is older than the
	// installation's key. May be empty.
	Passphrase []byte
	Now        func() time.Time // required
	Log        *slog.Logger     // required
	// Step is as in [Options].
	Step func(string)
}

// Rewrite changes the data in a backup: it is copied beside itself, opened as
// a database (and brought up to this version's schema), changed, checked, and
// put in the place of the old one as its next revision, which is then removed
// for good. A crash at any moment leaves a whole backup: the old one, the new
// one, or for a while both, of which [List] names the new one and [Tidy]
// removes the old. When change fails, or anything else, the backup is as it
// was. The new one is sealed with the first of the keys alone, whatever opened
// the old one and whatever becomes of the keys meanwhile. A backup that the keys
// do not open is [vault.ErrKeyUnfit] or [vault.ErrPassphrase]; one that is not
// whole [vault.ErrDamaged].
func Rewrite(ctx context.Context, o RewriteOptions, change func(*storage.DB) error) (Backup, error) {
	b, err := o.rewrite(ctx, change)
	return b, wrap("rewrite", o.Backup.Path, err)
}

func (o *RewriteOptions) rewrite(ctx context.Context, change func(*storage.DB) error) (Backup, error) {
	step := func(name string) {
		if o.Step != nil {
			o.Step(name)
		}
	}
	var passphrase func() ([]byte, error)
	if len(o.Passphrase) > 0 {
		passphrase = func() ([]byte, error) { return slices.Clone(o.Passphrase), nil }
	}
	own := o.Keys.Fixed()
	keys, err := Keys(o.Backup, own, passphrase)
	if err != nil {
		return Backup{}, err
	}
	if _, err := Verify(ctx, o.Backup, keys); err != nil {
		return Backup{}, err
	}
	dir := filepath.Dir(o.Backup.Path)
	if err := Tidy(dir, o.Backup.Installation); err != nil {
		return Backup{}, err
	}
	m := o.Backup.Manifest
	m.Revision++
	step("begin")
	b, err := m.put(ctx, dir, step, func(path string) (*vault.Keys, error) {
		step("copy")
		if err := copyFiles(o.Backup, path); err != nil {
			return nil, err
		}
		step("change")
		if err := o.change(ctx, path, keys, change); err != nil {
			return nil, err
		}
		step("reseal")
		if err := o.reseal(ctx, path, keys, own.First()); err != nil {
			return nil, err
		}
		facts, err := storage.Check(ctx, path, keys.First())
		if err == nil && facts.Missing > o.Backup.LeftOut {
			err = errPictures
		}
		m.LeftOut = facts.Missing
		return keys.First(), err
	})
	if err != nil {
		return Backup{}, err
	}
	step("remove")
	return b, Remove(o.Backup)
}

func (o *RewriteOptions) change(ctx context.Context, path string, keys *vault.Keys, change func(*storage.DB) error) (err error) {
	db, err := storage.Open(ctx, storage.Options{Dir: path, Keys: keys, Now: o.Now, Log: o.Log})
	if err != nil {
		return err
	}
	err = change(db)
	if err := errors.Join(err, db.Flush(ctx), db.Close()); err != nil {
		return err
	}
	return os.Remove(filepath.Join(path, vault.LockName))
}

// errPictures ends a rewriting after which pictures are missing that the backup
// has: the backup itself is not damaged.
var errPictures = errors.New("pictures were lost while it was rewritten; it stays as it was")

// reseal makes one key open everything in a copy of the backup, as it will be
// when the others are dropped, and the installation's the file that holds that
// key; all of it durably.
func (o *RewriteOptions) reseal(ctx context.Context, path string, keys, own *vault.Keys) error {
	if err := storage.ResealOthers(ctx, path, keys); err != nil {
		return err
	}
	if o.Backup.Protected {
		name := filepath.Join(path, OwnName)
		if _, err := vault.OpenSealedKeys(name, own); err != nil {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err := keys.WriteSealed(name, own); err != nil {
				return err
			}
		}
	}
	return vault.SyncFolder(filepath.Join(path, storage.BlobsName))
}

// copyFiles copies a backup's sealed files; pictures, which never change, get
// a second name where the disk can do that.
func copyFiles(b Backup, to string) error {
	if err := os.MkdirAll(filepath.Join(to, storage.BlobsName), 0o700); err != nil {
		return err
	}
	for _, f := range b.Files {
		if !filepath.IsLocal(f.Name) {
			return &vault.Error{Path: b.Path, Err: vault.ErrDamaged, Detail: "the manifest names a file elsewhere"}
		}
		from, into := filepath.Join(b.Path, f.Name), filepath.Join(to, f.Name)
		if strings.HasPrefix(f.Name, storage.BlobsName+"/") && os.Link(from, into) == nil {
			continue
		}
		if err := copyFile(from, into); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from) //nolint:gosec // a file of the backup
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // beside the backup
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// NewestOf returns the installation's newest backup in a folder; none is
// [fs.ErrNotExist].
func NewestOf(dir, installation string) (Backup, error) {
	all, err := List(dir)
	if err != nil {
		return Backup{}, err
	}
	for _, b := range all {
		if b.Installation == installation {
			return b, nil
		}
	}
	return Backup{}, wrap("newest", dir, fs.ErrNotExist)
}
