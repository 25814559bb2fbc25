package export

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/storage/vault"
)

// UnfinishedName is a file that stands in the folder of an export until all of
// it is written.
const UnfinishedName = "UNFINISHED.txt"

// ErrNotEmpty says that there is something in the folder already.
var ErrNotEmpty = errors.New("the folder is not empty")

// ErrLeft says that an export has failed and that a part of it is still there.
var ErrLeft = errors.New("a part of the export could not be removed")

// ToFolder writes an export into a folder, which is empty or does not exist
// (its parent does). Files are for their owner alone (0600). When it fails,
// what it wrote is removed, or the error is [ErrLeft] too; when the process is
// killed, [UnfinishedName] stays and [IndexName] is missing.
func ToFolder(ctx context.Context, dir string, c Config) (sum Summary, err error) {
	made, err := empty(dir)
	if err != nil {
		return sum, fmt.Errorf("export: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return sum, fmt.Errorf("export: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f := folder{root}
	if sum, err = f.fill(ctx, dir, c); err == nil {
		return sum, nil
	}
	if e := f.clear(); e != nil {
		err = errors.Join(err, fmt.Errorf("export: %w: %w", ErrLeft, e))
	}
	if made {
		err = errors.Join(err, os.Remove(dir))
	}
	return sum, err
}

// empty makes sure that there is an empty folder, and reports whether it was
// made.
func empty(dir string) (made bool, err error) {
	err = os.Mkdir(dir, 0o700)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name() != "lost+found" { // of an empty disk
			return false, ErrNotEmpty
		}
	}
	return false, nil
}

// folder is a folder on a disk that takes the files of an export.
type folder struct{ root *os.Root }

func (f folder) fill(ctx context.Context, dir string, c Config) (Summary, error) {
	if c.Begin != nil {
		if err := c.Begin(); err != nil {
			return Summary{}, err
		}
	}
	unfinished := text.For(text.SV).Export.Unfinished + "\n" + text.For(text.EN).Export.Unfinished
	if err := f.root.WriteFile(UnfinishedName, []byte(unfinished), 0o600); err != nil {
		return Summary{}, fmt.Errorf("export: %w", err)
	}
	sum, err := Write(ctx, f, c)
	if err != nil {
		return sum, err
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || d.Name() == "lost+found" {
			return err
		}
		return vault.SyncFolder(path)
	})
	if err != nil {
		return sum, fmt.Errorf("export: %w", err)
	}
	if err := f.root.Remove(UnfinishedName); err != nil {
		return sum, fmt.Errorf("export: %w", err)
	}
	return sum, vault.SyncFolder(dir)
}

// clear removes what an export has written; the sign that it is not finished
// goes last.
func (f folder) clear() error {
	var errs []error
	for _, name := range []string{IndexName, DataName, "calendars", "letters", UnfinishedName} {
		errs = append(errs, f.root.RemoveAll(name))
	}
	return errors.Join(errs...)
}

// Create implements [Files].
func (f folder) Create(name string) (io.WriteCloser, error) {
	if dir := path.Dir(name); dir != "." {
		if err := f.root.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return durable{file}, nil
}

// durable is a file that is on the disk when it is closed.
type durable struct{ *os.File }

// Close implements [io.Closer].
func (d durable) Close() error { return errors.Join(d.Sync(), d.File.Close()) }

// ToZip writes an export as a zip archive. One that was cut off does not open:
// the list of its files comes last.
func ToZip(ctx context.Context, w io.Writer, c Config) (Summary, error) {
	z := zip.NewWriter(w)
	sum, err := Write(ctx, archive{z, c.Now}, c)
	if err != nil {
		return sum, err
	}
	if err := z.Close(); err != nil {
		return sum, fmt.Errorf("export: %w", err)
	}
	return sum, nil
}

type archive struct {
	z   *zip.Writer
	now time.Time
}

// Create implements [Files].
func (a archive) Create(name string) (io.WriteCloser, error) {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: a.now}
	h.SetMode(0o600)
	w, err := a.z.CreateHeader(h)
	return entry{w}, err
}

// entry is a file of an archive, which ends by itself.
type entry struct{ io.Writer }

// Close implements [io.Closer].
func (entry) Close() error { return nil }
