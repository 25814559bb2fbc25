package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/config"
	"syncd/cmd/syncd/internal/text"
	"syncd/storage"
	"syncd/storage/vault"
)

// reset puts what cannot be used aside, under a name of its own, and makes
// what it can from the rest: a lost cache is read again, a lost state takes
// the children's numbers from the cache. Pictures and files go aside with the
// cache, which alone knows whose they are; beside a good cache those that cannot
// be read, and their letters are read again. It deletes nothing, and changes
// nothing where everything opens.
func reset(ctx context.Context, c call) error {
	if len(c.args) > 0 {
		return usageError("reset takes no arguments")
	}
	cfg, err := config.Load(c.Lookup, c.options)
	if err != nil {
		return err
	}
	files := []string{filepath.Join(cfg.DataDir, storage.CacheName), filepath.Join(cfg.DataDir, storage.StateName)}
	changed := false
	var lost int
	var lostErr error // names no file that stands in the way
	for range len(files) + 1 {
		err = withApp(ctx, c, cfg, newLogger(io.Discard, cfg), func(ctx context.Context, ac app.Config) error {
			lost, lostErr = ac.DB.GiveUpUnreadable(ctx)
			lost += ac.DB.Opened().Short
			return nil
		})
		bad := unusable(err, files)
		blobs := filepath.Join(cfg.DataDir, storage.BlobsName)
		if there, err := os.ReadDir(blobs); slices.Contains(bad, files[0]) && (len(there) > 0 || err != nil) {
			bad = append(bad, blobs)
		}
		if len(bad) == 0 {
			break
		}
		for _, path := range bad {
			aside, err := storage.SetAside(path, c.Now())
			if err != nil {
				return err
			}
			if aside != "" {
				changed = true
				fmt.Fprintf(c.Out, "%s is now %s\n", path, filepath.Base(aside))
			}
		}
	}
	if err = errors.Join(err, lostErr); err != nil {
		return err
	}
	switch {
	case lost > 0:
		fmt.Fprintln(c.Out, text.KeyTerminal().Unreadable.With(strconv.Itoa(lost)))
	case !changed:
		fmt.Fprintln(c.Out, "the data can be used; nothing was changed")
	}
	return nil
}

// unusable answers which of the files stand in the way: the one that an error
// names, or all when the key that they were made for is gone, or they do not
// belong together. None where a key that somebody else keeps is not there:
// another one would not be made.
func unusable(err error, files []string) []string {
	v, named := errors.AsType[*vault.Error](err)
	switch {
	case errors.Is(err, vault.ErrKeyMissing):
		if named && v.Detail != "" { // something sealed is there
			return files
		}
	case errors.Is(err, storage.ErrMismatch):
		return files
	case errors.Is(err, vault.ErrKeyUnfit), errors.Is(err, vault.ErrDamaged), errors.Is(err, storage.ErrNewer):
		if named && filepath.Dir(v.Path) == filepath.Dir(files[0]) {
			return []string{v.Path}
		}
		return files
	}
	return nil
}
