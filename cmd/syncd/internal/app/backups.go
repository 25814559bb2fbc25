package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"syncd/cmd/syncd/internal/config"
	"syncd/cmd/syncd/internal/text"
	"syncd/storage"
	"syncd/storage/backup"
)

// Backups say how backups are made.
type Backups struct {
	Dir   string        // where they are made by themselves; empty: nowhere
	Every time.Duration // how often; required with Dir
	Keep  backup.Keep   // how many stay
	// Passphrase protects them where no other is given; empty: they are sealed
	// with the installation's own key.
	Passphrase []byte
}

// Backup writes a backup of everything into a folder. Without a passphrase it
// is sealed with the installation's own key. It waits until whoever else works
// on backups is done, as long as ctx lets it.
func (a *App) Backup(ctx context.Context, dir string, passphrase []byte) (backup.Backup, error) {
	release, err := a.turn(ctx)
	if err != nil {
		return backup.Backup{}, fmt.Errorf("app: backup: %w", err)
	}
	defer release()
	if a.cfg.DB.Wiped() {
		return backup.Backup{}, fmt.Errorf("app: backup: %w", errWiped)
	}
	return a.writeBackup(ctx, dir, passphrase)
}

// writeBackup is called by whoever has the turn.
func (a *App) writeBackup(ctx context.Context, dir string, passphrase []byte) (b backup.Backup, err error) {
	if dir, err = backup.Place(dir, append([]string{a.cfg.DataDir}, a.cfg.Away...)); err != nil {
		return b, err
	}
	// What is deleted later has to leave this one too, also when a crash comes
	// now, and when it is restored elsewhere.
	undo, err := a.putPlace(ctx, dir, storage.CopyBackup)
	if err != nil {
		return b, err
	}
	b, err = backup.Write(ctx, backup.Options{
		DB: a.cfg.DB, Dir: dir, Passphrase: passphrase, Version: a.cfg.Version, Now: a.cfg.Now, Away: a.cfg.Away,
	})
	switch {
	case err == nil && a.cfg.DB.Wiped(): // which has not waited for it
		return backup.Backup{}, errors.Join(errWiped, backup.Remove(b))
	case err == nil:
		return b, nil
	case backup.Holds(dir, a.cfg.DB.Installation()): // also one that is whole, if only its name may not be durable
		return b, err
	}
	return b, errors.Join(err, undo())
}

// putPlace remembers a folder before a copy is written into it. undo forgets it
// again when nothing was left there, unless it was known before; it is never
// nil.
func (a *App) putPlace(ctx context.Context, dir string, what storage.CopyKind) (undo func() error, err error) {
	undo = func() error { return nil }
	before, err := a.cfg.DB.Places(ctx)
	if err != nil {
		return undo, err
	}
	if err := noted(a.cfg.DB.PutPlace(ctx, dir, what)); err != nil {
		return undo, err
	}
	if !slices.ContainsFunc(before, func(p storage.Place) bool { return p.Path == dir && p.What == what }) {
		undo = func() error { return noted(a.cfg.DB.ForgetPlace(context.WithoutCancel(ctx), dir, what)) }
	}
	return undo, nil
}

// passphraseFlag is the flag of commands that read a passphrase from standard
// input.
const passphraseFlag = "passphrase"

// NamesPath reports whether a word of a command is a path, which means
// something in the folder in which the command was called; before is the word
// that stands before it.
func NamesPath(name, before, word string) bool {
	if word == "" || strings.HasPrefix(word, "-") {
		return false
	}
	return (name == "backup" || name == "export") && strings.TrimLeft(before, "-") != languageFlag ||
		name == "delete" && before == "copy"
}

// languageFlag is the flag of commands that write in a language.
const languageFlag = "language"

// AsksPassphrase reports whether a command reads one line from standard input:
// a passphrase, which is asked for without showing it.
func AsksPassphrase(args []string) bool {
	return len(args) > 0 && args[0] == "backup" &&
		(slices.Contains(args, "-"+passphraseFlag) || slices.Contains(args, "--"+passphraseFlag))
}

// ReadPassphrase reads a line.
func ReadPassphrase(in io.Reader) ([]byte, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxPassphrase)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

const maxPassphrase = 4 << 10

// CheckPassphrase refuses a passphrase that protects nothing.
func CheckPassphrase(p []byte) error {
	if len(p) < config.MinPassphrase {
		return usageError("the passphrase must have at least %d characters", config.MinPassphrase)
	}
	return nil
}

func (c command) backup(ctx context.Context, args []string) error {
	var list, check, protect bool
	words, err := flags("backup", args, func(f *flag.FlagSet) {
		f.BoolVar(&list, "list", false, "")
		f.BoolVar(&check, "check", false, "")
		f.BoolVar(&protect, passphraseFlag, false, "")
	})
	if err != nil {
		return err
	}
	if len(words) != 1 || (list && check) || (protect && (list || check)) {
		return usageError("backup: name one folder, with -list, -check or -passphrase if wished")
	}
	switch {
	case list:
		return c.backupList(words[0])
	case check:
		return c.backupCheck(ctx, words[0])
	}
	passphrase := c.cfg.Backups.Passphrase
	if protect {
		if passphrase, err = ReadPassphrase(c.In); err != nil {
			return err
		}
		if err := CheckPassphrase(passphrase); err != nil {
			return err
		}
	}
	b, err := c.Backup(ctx, words[0], passphrase)
	if err != nil {
		return err
	}
	c.print("%s\n", b.Path)
	say := text.TerminalBackup()
	c.print(say.Made+"\n", len(b.Files), megabytes(b.Bytes()))
	if b.LeftOut > 0 {
		c.print(say.LeftOut+"\n", b.LeftOut)
	}
	if b.Protected {
		c.print("%s\n", say.Protected)
	} else {
		c.print("%s\n", say.OwnKey)
	}
	return nil
}

func (c command) backupList(dir string) error {
	all, err := backup.List(dir)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for _, b := range all {
		key, whose := "own key", "this installation"
		if b.Protected {
			key = passphraseFlag
		}
		if b.Installation != c.cfg.DB.Installation() {
			whose = "another installation"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", filepath.Base(b.Path), b.Created.Format(time.RFC3339), megabytes(b.Bytes()), key, whose)
	}
	return w.Flush()
}

func (c command) backupCheck(ctx context.Context, dir string) error {
	b, err := backup.Open(dir)
	if err != nil {
		return err
	}
	keys, err := backup.Keys(b, c.cfg.DB.Keys(), nil)
	if err != nil {
		return err
	}
	facts, err := backup.Verify(ctx, b, keys)
	if err != nil {
		return err
	}
	c.print("%s\n", b.Path)
	c.print(text.TerminalBackup().Good+"\n", b.Created.Format(time.RFC3339), facts.Blobs)
	return nil
}

func megabytes(n int64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/1e6), ".0") + " MB"
}
