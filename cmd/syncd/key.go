package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/config"
	"syncd/cmd/syncd/internal/control"
	"syncd/cmd/syncd/internal/text"
	"syncd/storage"
	"syncd/storage/vault"
)

// keyCommand checks, shows or replaces the key. A daemon that holds the data
// checks and replaces it; none is asked to show it, because a key never
// travels.
func keyCommand(ctx context.Context, c call) error {
	cfg, err := config.Load(c.Lookup, c.options)
	if err != nil {
		return err
	}
	var verb string
	if len(c.args) > 0 {
		verb = c.args[0]
	}
	switch verb {
	case "show":
		if len(c.args) > 1 {
			return usageError("key show: %d words too many", len(c.args)-1)
		}
		return showKey(ctx, c, cfg)
	case "check":
		err := inDaemon(ctx, c, cfg, append([]string{c.name}, c.args...))
		if !errors.Is(err, control.ErrNoDaemon) {
			return err
		}
		if len(c.args) > 1 {
			return usageError("key check: %d words too many", len(c.args)-1)
		}
		return checkKey(ctx, c, cfg)
	case "rotate":
		return rotateKey(ctx, c, cfg)
	}
	return usageError("key: say one of check, show, rotate")
}

// checkKey looks at key and data without changing anything, also where the
// daemon would not start.
func checkKey(ctx context.Context, c call, cfg config.Config) (err error) {
	if err := vault.Harden(); err != nil {
		fmt.Fprintf(c.Err, "syncd: hint: %v\n", err)
	}
	if _, err := os.Stat(cfg.DataDir); err == nil {
		lock, err := vault.LockFolder(cfg.DataDir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, lock.Close()) }()
	}
	keys, err := vault.FindKeys(keySource(ctx, c, cfg))
	if err != nil {
		return err
	}
	place, err := whereKept(cfg.KeysDir)
	if err != nil {
		return err
	}
	report := keyReport(cfg, keys, place)
	if report.Seals, err = storage.CheckSeals(cfg.DataDir, keys); err != nil {
		return err
	}
	return report.Print(c.Out)
}

// showKey prints the key, to a terminal or another program only: a file would
// keep it, and the system's journal would.
func showKey(ctx context.Context, c call, cfg config.Config) error {
	if out, ok := c.Out.(*os.File); ok {
		info, err := out.Stat()
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() || info.Mode()&fs.ModeSocket != 0 {
			return usageError("key show prints to a terminal or a pipe only; for a file, copy the key file")
		}
	}
	if err := vault.Harden(); err != nil {
		fmt.Fprintf(c.Err, "syncd: hint: %v\n", err)
	}
	keys, err := vault.FindKeys(keySource(ctx, c, cfg))
	if err != nil {
		return err
	}
	secret, err := keys.Secret()
	if err != nil {
		return err
	}
	defer clear(secret)
	fmt.Fprintf(c.Err, "%s\n", text.KeyTerminal().Show)
	_, err = c.Out.Write(secret)
	return err
}

// rotateKey replaces the key. With -to FILE it goes to another file; when that
// exists because an earlier rotation to it was cut short, the rotation goes on.
func rotateKey(ctx context.Context, c call, cfg config.Config) error {
	var to string
	set := flag.NewFlagSet("key rotate", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&to, "to", "", "")
	if err := set.Parse(c.args[1:]); err != nil || set.NArg() > 0 {
		return usageError("key rotate [-to FILE]")
	}
	args := []string{c.name, "rotate"}
	if to != "" {
		var err error
		if to, err = filepath.Abs(to); err != nil {
			return err
		}
		args = append(args, "-to", to)
	}
	err := inDaemon(ctx, c, cfg, args)
	if !errors.Is(err, control.ErrNoDaemon) {
		return err
	}
	if to != "" && opens(ctx, c, cfg, to) {
		cfg.KeyFile = to
	}
	return here(ctx, c, cfg, args)
}

// opens reports whether a key file opens all that is there, as one does to
// which a rotation was cut short. What is damaged opens with no key.
func opens(ctx context.Context, c call, cfg config.Config, keyFile string) bool {
	cfg.KeyFile = keyFile
	keys, err := vault.FindKeys(keySource(ctx, c, cfg))
	if err != nil {
		return false
	}
	seals, err := storage.CheckSeals(cfg.DataDir, keys)
	seals.Bad = slices.DeleteFunc(seals.Bad, func(err error) bool { return errors.Is(err, vault.ErrDamaged) })
	return err == nil && seals.Err() == nil && (seals.Cache == nil || seals.State == nil)
}

// keySource says where the key is looked for.
func keySource(ctx context.Context, c call, cfg config.Config) vault.KeySource {
	return vault.KeySource{
		File: cfg.KeyFile, Candidates: cfg.KeySources(), Managed: cfg.ManagedKey(), Data: cfg.DataDir, Passphrase: passphrase(ctx, c, cfg),
	}
}

// passphrase answers the configured passphrase or, on a terminal, asks for it;
// nil where neither can be.
func passphrase(ctx context.Context, c call, cfg config.Config) func() ([]byte, error) {
	if cfg.KeyPassphrase != "" {
		return func() ([]byte, error) { return []byte(cfg.KeyPassphrase), nil }
	}
	in, ok := c.In.(*os.File)
	if !ok || !isTerminal(in) {
		return nil
	}
	return func() ([]byte, error) { return askSecret(ctx, in, c.Err, text.KeyTerminal().Passphrase) }
}

// tellKeys logs what the operator should know of the key. Never the key.
func tellKeys(ctx context.Context, log *slog.Logger, keys *vault.Keys) {
	path := slog.String("path", keys.Path())
	if keys.Created() {
		log.LogAttrs(ctx, slog.LevelInfo, "a key was made; keep a copy of it somewhere else", path)
	}
	if keys.Loose() {
		log.LogAttrs(ctx, slog.LevelWarn, "other users of this machine may read the key file", path)
	}
	if keys.Count() > 1 {
		log.LogAttrs(ctx, slog.LevelInfo, "the key file holds several keys; if a rotation was cut short, run key rotate again",
			path, slog.Int("keys", keys.Count()))
	}
}

// keyReport says where the key lies, without looking at what it opens.
func keyReport(cfg config.Config, keys *vault.Keys, p place) app.KeyReport {
	return app.KeyReport{
		Keys: keys, Place: keyPlace(cfg, keys), Disk: disk(cfg.DataDir, keys.Path()),
		Unnamed: p == placeUnnamed && keys.Path() == cfg.ManagedKey(), Swap: swaps(),
	}
}

func keyPlace(cfg config.Config, keys *vault.Keys) text.KeyPlace {
	path := keys.Path()
	switch {
	case keys.Protected():
		return text.KeyPassphrase
	case path == cfg.ManagedKey():
		return text.KeyManaged
	case cfg.KeyFile != "":
		return text.KeyFile
	case cfg.CredentialsDir != "" && filepath.Dir(path) == filepath.Clean(cfg.CredentialsDir):
		return text.KeyCredential
	}
	return text.KeySecret
}

// disk compares the file systems of two paths, as far as can be seen: on one
// and the same, whoever takes the disk has both.
func disk(a, b string) app.Disk {
	var device [2]uint64
	for i, path := range []string{a, b} {
		info, err := os.Stat(path)
		if err != nil {
			return app.DiskUnknown
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return app.DiskUnknown
		}
		device[i] = uint64(stat.Dev) //nolint:unconvert // its type differs from system to system
	}
	if device[0] == device[1] {
		return app.DiskSame
	}
	return app.DiskApart
}

// usesManagedKey reports whether no other source has a key.
func usesManagedKey(cfg config.Config) bool {
	return cfg.KeyFile == "" && !slices.ContainsFunc(cfg.KeySources(), func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}
