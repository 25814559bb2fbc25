package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/config"
	"syncd/cmd/syncd/internal/text"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/vault"
)

// restoring is one call of the command restore.
type restoring struct {
	call

	cfg     config.Config
	dir     string // of the backup, or of several
	keyFile string // that opens the backup; empty: the installation's own
	replace bool
}

// restore puts a backup in the place of the data. No daemon runs on them: it
// holds the lock.
func restore(ctx context.Context, c call) (err error) {
	r := restoring{call: c}
	set := flag.NewFlagSet("restore", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.BoolVar(&r.replace, "replace", false, "")
	set.StringVar(&r.keyFile, "key", "", "")
	if err := set.Parse(c.args); err != nil || set.NArg() != 1 {
		return usageError("restore [-replace] [-key FILE] DIR")
	}
	r.dir = set.Arg(0)
	if r.cfg, err = config.Load(c.Lookup, c.options); err != nil {
		return err
	}
	if err := vault.Harden(); err != nil {
		fmt.Fprintf(c.Err, "syncd: memory is not protected from dumps: %v\n", err)
	}
	lock, err := vault.LockFolder(r.cfg.DataDir)
	if err != nil {
		return err
	}
	done, err := r.run(ctx)
	if err = errors.Join(err, lock.Close()); err != nil {
		return err
	}
	// Opened once, so that what is wrong is said now; and told by the counts
	// that they are old, the data put the links on hold.
	if err := withApp(ctx, c, r.cfg, newLogger(io.Discard, r.cfg), nil); err != nil {
		return err
	}
	done.tell(c.Out)
	return nil
}

// restored is what there is to say afterwards.
type restored struct {
	created time.Time
	aside   string
	newKey  string
	deleted int
}

func (d *restored) tell(w io.Writer) {
	say := text.TerminalBackup()
	fmt.Fprintf(w, say.Restored+"\n%s\n", d.created.Format(time.RFC3339), say.Links)
	if d.deleted > 0 {
		fmt.Fprintln(w, text.For(text.EN).N(d.deleted, say.Deletions))
	}
	if d.aside != "" {
		fmt.Fprintf(w, say.Aside+"\n", d.aside)
	}
	if d.newKey != "" {
		fmt.Fprintf(w, say.NewKey+"\n", d.newKey)
	}
}

func (r *restoring) run(ctx context.Context) (done restored, err error) {
	b, err := backup.Open(r.dir)
	if err != nil {
		return done, err
	}
	own, err := r.ownKeys(ctx)
	if err != nil {
		return done, err
	}
	from, err := r.backupKeys(ctx, b, own)
	if err != nil {
		return done, err
	}
	if _, err := backup.Verify(ctx, b, from); err != nil {
		return done, err
	}
	if own == nil {
		if own, err = r.makeKeys(ctx); err != nil {
			return done, err
		}
		done.newKey = own.Path()
	}
	// Where it lies is remembered by its actual path, as when it was made.
	place, err := backup.Resolve(filepath.Dir(b.Path))
	if err != nil {
		return done, err
	}
	put, err := storage.Restore(ctx, storage.RestoreOptions{
		From: b.Path, FromKeys: from, Dir: r.cfg.DataDir, Keys: own, Replace: r.replace, Place: place, Now: r.Now,
	})
	done.created, done.aside, done.deleted = b.Created, put.Aside, put.Deletions
	return done, err
}

// ownKeys returns the installation's keys, nil where there are none. It makes
// none: that waits until the backup is known to be good.
func (r *restoring) ownKeys(ctx context.Context) (*vault.Keys, error) {
	s := keySource(ctx, r.call, r.cfg)
	keys, err := vault.FindKeys(s)
	if errors.Is(err, vault.ErrKeyMissing) && s.File == "" {
		return nil, nil //nolint:nilnil // no key yet is not an error
	}
	return keys, err
}

// makeKeys makes the installation's keys on a new machine, or where they are
// lost and the data with them.
func (r *restoring) makeKeys(ctx context.Context) (*vault.Keys, error) {
	if _, err := lasting(ctx, r.call, r.cfg, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	s := keySource(ctx, r.call, r.cfg)
	if r.replace {
		s.Data = filepath.Join(r.cfg.KeysDir, "none") // what is sealed there cannot be opened any more
	}
	keys, err := vault.OpenKeys(s)
	if errors.Is(err, vault.ErrKeyMissing) {
		err = &vault.Error{Path: r.cfg.DataDir, Err: storage.ErrOccupied, Detail: "and their key is missing; nothing was changed"}
	}
	return keys, err
}

// backupKeys returns the keys that open the backup.
func (r *restoring) backupKeys(ctx context.Context, b backup.Backup, own *vault.Keys) (*vault.Keys, error) {
	// The configured passphrase, or what somebody types.
	ask := func() ([]byte, error) {
		if r.cfg.BackupPassphrase != "" {
			return []byte(r.cfg.BackupPassphrase), nil
		}
		return askPassphrase(ctx, r.call)
	}
	if r.keyFile != "" {
		var err error
		if own, err = vault.OpenKeys(vault.KeySource{File: r.keyFile, Passphrase: ask}); err != nil {
			return nil, err
		}
	}
	return backup.Keys(b, own, ask)
}

// askPassphrase reads a passphrase from standard input; a terminal does not
// show it.
func askPassphrase(ctx context.Context, c call) ([]byte, error) {
	if in, ok := c.In.(*os.File); ok && isTerminal(in) {
		return askSecret(ctx, in, c.Err, text.TerminalBackup().Ask)
	}
	return app.ReadPassphrase(c.In)
}

// askNewPassphrase reads a passphrase that is to protect something; on a
// terminal twice, because nobody sees a slip of the finger.
func askNewPassphrase(ctx context.Context, c call) ([]byte, error) {
	first, err := askPassphrase(ctx, c)
	if err != nil {
		return nil, err
	}
	if in, ok := c.In.(*os.File); ok && isTerminal(in) {
		again, err := askSecret(ctx, in, c.Err, text.TerminalBackup().AskAgain)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(first, again) {
			return nil, usageError("the two passphrases differ")
		}
	}
	return first, app.CheckPassphrase(first)
}
