package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/config"
	"syncd/cmd/syncd/internal/control"
	"syncd/cmd/syncd/internal/text"
	"syncd/storage"
	"syncd/storage/vault"
)

// wipe deletes everything that the program has made: in the daemon that holds
// the data, which ends then, or here. Data that cannot be opened are deleted
// all the same.
func wipe(ctx context.Context, c call) error {
	cfg, err := config.Load(c.Lookup, c.options)
	if err != nil {
		return err
	}
	if len(c.args) == 0 {
		if err := sure(c); err != nil {
			return err
		}
	}
	args := append([]string{c.name}, c.args...)
	err = inDaemon(ctx, c, cfg, args)
	if !errors.Is(err, control.ErrNoDaemon) {
		return err
	}
	if !anything(cfg) {
		fmt.Fprintln(c.Out, text.TerminalWipe().Nothing)
		return nil
	}
	err = here(ctx, c, cfg, args)
	if len(c.args) > 0 || !app.Unusable(err) {
		return err
	}
	return wipeUnopened(c, cfg)
}

// sure asks whoever sits at a terminal. A script has said what it wants.
func sure(c call) error {
	in, ok := c.In.(*os.File)
	if !ok || !isTerminal(in) {
		return nil
	}
	say := text.TerminalWipe()
	fmt.Fprintf(c.Err, "%s", say.Ask)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer: %w", err)
	}
	if strings.TrimSpace(line) != say.Word {
		return errors.New(say.NotSaid)
	}
	return nil
}

// anything reports whether there is a key or a data folder.
func anything(cfg config.Config) bool {
	for _, path := range []string{cfg.ManagedKey(), cfg.DataDir} {
		if _, err := os.Lstat(path); err == nil {
			return true
		}
	}
	return false
}

// wipeUnopened deletes data that nobody can open any more.
func wipeUnopened(c call, cfg config.Config) error {
	lock, err := vault.LockFolder(cfg.DataDir)
	if err != nil {
		return err
	}
	done, err := storage.Wipe(storage.WipeOptions{Dir: cfg.DataDir, Key: cfg.ManagedKey()})
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	if err := unlock(cfg, lock.Close); err != nil {
		return err
	}
	say := text.TerminalWipe()
	app.PrintWiped(c.Out, done)
	fmt.Fprintf(c.Out, "\n%s\n", say.Unopened)
	if cfg.KeyFile != "" {
		fmt.Fprintf(c.Out, say.KeyLeft+"\n", cfg.KeyFile)
		drafts, err := vault.KeyDrafts(cfg.KeyFile)
		if err != nil {
			return err
		}
		for _, path := range drafts {
			fmt.Fprintf(c.Out, say.Draft+"\n", path)
		}
	}
	fmt.Fprintln(c.Out, say.Done)
	return nil
}

// unlock removes what the lock left of an emptied data folder, and folders in
// which nothing is left. The lock file goes while it is still held: whoever
// comes next makes another.
func unlock(cfg config.Config, release func() error) error {
	for _, name := range []string{vault.LockName, control.SocketName} {
		if err := os.Remove(filepath.Join(cfg.DataDir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, release())
		}
	}
	err := release()
	for _, dir := range []string{cfg.DataDir, cfg.KeysDir} {
		_ = os.Remove(dir) // a mount point stays, and so does what is not empty
	}
	return err
}
