package vault

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	for _, name := range []string{path + newSuffix, path} {
		if err := overwrite(name); err != nil {
			return fmt.Errorf("vault: destroy key: %w", err)
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("vault: destroy key: %w", err)
		}
	}
	err := syncFolder(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
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
