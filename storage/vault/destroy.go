package vault

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Abandon closes the file for good, after the Update under way: nothing is
// written any more, though others still hold it. The age file stays.
func (f *File) Abandon() error {
	f.write.Lock()
	defer f.write.Unlock()
	return f.Close()
}

// DestroyKeyFile overwrites a key file and removes it, and what an interrupted
// rotation left beside it. One that is not there is no error. Overwriting
// reaches the bytes on a plain disk only: flash memory and file systems that
// copy on write may keep the old ones for a while.
func DestroyKeyFile(path string) error {
	drafts, err := KeyDrafts(path)
	if err != nil {
		return err
	}
	for _, name := range append(drafts, path) {
		if err := overwrite(name); err != nil {
			return fmt.Errorf("vault: destroy key: %w", err)
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("vault: destroy key: %w", err)
		}
	}
	err = syncFolder(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// KeyDrafts lists what an interrupted rotation or first start left beside a key
// file: files of ours that hold its keys. None where the folder is missing, or
// another user's that may not be listed.
func KeyDrafts(path string) (drafts []string, err error) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("vault: look for left-over keys: %w", err)
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), base+".")
		if ok && strings.HasSuffix("."+rest, newSuffix) {
			drafts = append(drafts, filepath.Join(dir, e.Name()))
		}
	}
	return drafts, nil
}

// overwrite fills a plain file with random bytes, in place.
func overwrite(name string) error {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0) //nolint:gosec // the operator names the key folder
	if err != nil {
		return err
	}
	noise := make([]byte, min(info.Size(), maxKeyFile))
	_, _ = rand.Read(noise)
	_, err = f.WriteAt(noise, 0)
	return errors.Join(err, f.Sync(), f.Close())
}
