package vault

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
	"golang.org/x/sys/unix"
)

const newSuffix = ".new"

// seal writes one age file in place of path: to path.new first, which is
// synced to the disk and renamed. When it returns nil the file is durable;
// otherwise the old file is as it was and path.new is gone.
func (k *Keys) seal(path string, write func(io.Writer) error) (err error) {
	tmp := path + newSuffix
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove left-over file: %w", err)
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the data folder
	if err != nil {
		return fmt.Errorf("make new file: %w", err)
	}
	closed := false
	defer func() {
		if err == nil {
			return
		}
		if !closed {
			_ = f.Close()
		}
		_ = os.Remove(tmp)
	}()
	w, err := age.Encrypt(f, k.ring.Load().recipient)
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if err := write(w); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	closed = true
	if err := f.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes a rename or a new name in dir durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator names the folder
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		err = nil // a network or foreign file system that knows no such thing
	}
	if err := errors.Join(err, d.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

// makeFolder makes a folder (0700) and those above it where they are missing,
// and makes that durable.
func makeFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	above := filepath.Dir(dir)
	if above != dir {
		if err := makeFolder(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// A folder that may be written in but not be listed cannot be synced.
	if err := syncFolder(above); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// openSealed opens a sealed file for reading. A link is refused: the next
// write would put a file in its place, and what it led to would stay.
func openSealed(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) //nolint:gosec // the operator names the data folder
	switch {
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.EMLINK):
		return nil, damaged(path, "it is a symbolic link")
	case err != nil:
		return nil, denied(path, fmt.Errorf("vault: open: %w", err))
	}
	return f, nil
}

// unseal opens the age file f. The size that it returns is authenticated,
// every chunk is when it is read. Errors are [ErrKeyUnfit] and [ErrDamaged].
func (k *Keys) unseal(f *os.File) (io.ReaderAt, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("vault: look at file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, damaged(f.Name(), "it is not a file")
	}
	if info.Size() == 0 {
		return nil, 0, damaged(f.Name(), "it is empty")
	}
	r, size, err := age.DecryptReaderAt(f, info.Size(), k.ring.Load().identities...)
	if err != nil {
		if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
			return nil, 0, &Error{
				Path: f.Name(), Err: ErrKeyUnfit, Detail: "nothing was changed",
				Advice: "put back the key that belongs to it",
			}
		}
		return nil, 0, damaged(f.Name(), "it is not a whole sealed file")
	}
	return r, size, nil
}
