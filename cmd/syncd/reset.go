package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"syncd/cmd/syncd/internal/config"
	"syncd/storage"
	"syncd/storage/vault"
)

// reset puts what cannot be used aside, under a name of its own, and makes
// what it can from the rest: a lost cache is read again, a lost state takes
// the children's numbers from the cache. It deletes nothing, and changes
// nothing where everything opens.
func reset(ctx context.Context, c call) error {
	if len(c.args) > 0 {
		return usageError("reset takes no arguments")
	}
	cfg, err := config.Load(c.Lookup, c.options)
	if err != nil {
		return err
	}
	suffix := ".unreadable-" + c.Now().UTC().Format("20060102T150405Z")
	files := []string{filepath.Join(cfg.DataDir, storage.CacheName), filepath.Join(cfg.DataDir, storage.StateName)}
	changed := false
	for range len(files) + 1 {
		err = withApp(ctx, c, cfg, newLogger(io.Discard, cfg), nil)
		bad := unusable(err, files)
		if len(bad) == 0 {
			break
		}
		for _, path := range bad {
			moved, err := setAside(path, suffix)
			if err != nil {
				return err
			}
			if moved {
				changed = true
				fmt.Fprintf(c.Out, "%s is now %s\n", path, filepath.Base(path)+suffix)
			}
		}
	}
	if err == nil && !changed {
		fmt.Fprintln(c.Out, "the data can be used; nothing was changed")
	}
	return err
}

// unusable answers which of the files stand in the way: the one that an error
// names, or all when the key that they were made for is gone or another one.
func unusable(err error, files []string) []string {
	switch {
	case errors.Is(err, vault.ErrKeyMissing), errors.Is(err, vault.ErrKeyUnfit), errors.Is(err, storage.ErrMismatch):
		return files
	case errors.Is(err, vault.ErrDamaged), errors.Is(err, storage.ErrNewer):
		if v, ok := errors.AsType[*vault.Error](err); ok {
			for _, path := range files {
				if path == v.Path {
					return []string{path}
				}
			}
		}
		return files
	}
	return nil
}

func setAside(path, suffix string) (bool, error) {
	err := os.Rename(path, path+suffix)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
