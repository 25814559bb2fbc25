package vault

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	blobFolder = "blobs"
	blobHeader = 64 // bytes before the content: purpose and id, so that no file can take another's place
)

// Blobs is a folder of pictures and attachments, one age file each, named by
// a random id. A blob never changes. Inside, 64 bytes that name the purpose
// and the id stand before the content. Safe for concurrent use.
type Blobs struct {
	dir  string
	keys *Keys
}

// OpenBlobs returns the blobs of a data folder, whose folder it makes where
// it is missing (0700).
func OpenBlobs(dir string, keys *Keys) (*Blobs, error) {
	b := &Blobs{dir: filepath.Join(dir, blobFolder), keys: keys}
	if err := makeFolder(b.dir); err != nil {
		return nil, fmt.Errorf("vault: make blob folder: %w", err)
	}
	return b, nil
}

// Put stores what r yields under a new random id and returns the id and the
// number of bytes. The content is streamed. When Put returns nil the blob is
// durable; otherwise nothing is left of it.
func (b *Blobs) Put(r io.Reader) (id string, n int64, err error) {
	id = strings.ToLower(rand.Text())
	err = b.keys.seal(b.path(id), func(w io.Writer) error {
		if _, err := w.Write(header(id)); err != nil {
			return err
		}
		n, err = io.Copy(w, r)
		return err
	})
	if err != nil {
		return "", 0, fmt.Errorf("vault: put blob: %w", err)
	}
	return id, n, nil
}

// Blob is the content of one blob. Each chunk is authenticated before it is
// handed out, the size when it was opened.
type Blob struct {
	*io.SectionReader

	f *os.File
}

// Close ends the reading.
func (b *Blob) Close() error { return b.f.Close() }

// Open returns a blob for reading; the caller closes it. A blob that is not
// there is an error that is [fs.ErrNotExist].
func (b *Blobs) Open(id string) (_ *Blob, err error) {
	if !validID(id) {
		return nil, fmt.Errorf("vault: open blob: %w", fs.ErrNotExist)
	}
	f, err := openSealed(b.path(id))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	r, size, err := b.keys.unseal(f)
	if err != nil {
		return nil, err
	}
	head := make([]byte, blobHeader)
	if size >= blobHeader {
		_, err = r.ReadAt(head, 0)
	}
	if size < blobHeader || (err != nil && !errors.Is(err, io.EOF)) || !bytes.Equal(head, header(id)) {
		return nil, &Error{Path: f.Name(), Err: ErrDamaged, Detail: "it is not the file of this name"}
	}
	return &Blob{SectionReader: io.NewSectionReader(r, blobHeader, size-blobHeader), f: f}, nil
}

// Reseal writes every blob again with the first of the keys. Each is replaced
// whole or not at all; no Put may be under way. Blobs that cannot be read to
// their end stay as they are and are returned: no key makes them readable.
func (b *Blobs) Reseal() (unreadable []string, err error) {
	ids, err := b.IDs()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		switch err := b.reseal(id); {
		case errors.Is(err, ErrDamaged), errors.Is(err, ErrKeyUnfit):
			unreadable = append(unreadable, id)
		case err != nil:
			return nil, err
		}
	}
	return unreadable, nil
}

func (b *Blobs) reseal(id string) (err error) {
	old, err := b.Open(id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, old.Close()) }()
	from := &reader{Reader: old}
	err = b.keys.seal(b.path(id), func(w io.Writer) error {
		if _, err := w.Write(header(id)); err != nil {
			return err
		}
		_, err := io.Copy(w, from)
		return err
	})
	switch {
	case from.failed:
		return damaged(b.path(id), "a part of it was altered")
	case err != nil:
		return fmt.Errorf("vault: reseal blob: %w", err)
	}
	return nil
}

// Unreadable lists the blobs that cannot be read to their end: no key makes
// them readable. Nothing of them is changed; no Put may be under way.
func (b *Blobs) Unreadable() (ids []string, err error) {
	all, err := b.IDs()
	if err != nil {
		return nil, err
	}
	for _, id := range all {
		switch err := b.verify(id); {
		case errors.Is(err, ErrDamaged), errors.Is(err, ErrKeyUnfit):
			ids = append(ids, id)
		case err != nil:
			return nil, err
		}
	}
	return ids, nil
}

// reader tells errors of reading from those of writing.
type reader struct {
	io.Reader

	failed bool
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.failed = r.failed || err != nil && !errors.Is(err, io.EOF)
	return n, err
}

// SetAside moves blobs into a folder of that name in the data folder, which is
// made (0700) where it is missing. One that is not there is no error. When it
// returns nil the move is durable.
func (b *Blobs) SetAside(ids []string, name string) error {
	folder := filepath.Join(filepath.Dir(b.dir), name)
	if err := makeFolder(folder); err != nil {
		return fmt.Errorf("vault: set blobs aside: %w", err)
	}
	for _, id := range ids {
		if err := os.Rename(b.path(id), filepath.Join(folder, id+".age")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("vault: set blobs aside: %w", err)
		}
	}
	if err := errors.Join(syncFolder(folder), syncFolder(b.dir)); err != nil {
		return fmt.Errorf("vault: set blobs aside: %w", err)
	}
	return nil
}

// CutShort reports whether a blob of so many octets is missing or its file too
// small to hold them, by what the system says of the file alone.
func (b *Blobs) CutShort(id string, octets int64) bool {
	info, err := os.Lstat(b.path(id))
	return err != nil || info.Size() < blobHeader+octets
}

// VerifyBlobs reads every blob of a data folder to its end, and returns how
// many there are and what is wrong with those that do not open. One that goes
// meanwhile does not count. Nothing is changed.
func (k *Keys) VerifyBlobs(dir string) (n int, bad []error, err error) {
	b := &Blobs{dir: filepath.Join(dir, blobFolder), keys: k}
	names, err := os.ReadDir(b.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, nil, denied(b.dir, fmt.Errorf("vault: list blobs: %w", err))
	}
	for _, e := range names {
		id, ok := strings.CutSuffix(e.Name(), ".age")
		if !ok || !validID(id) {
			continue
		}
		switch err := b.verify(id); {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			bad = append(bad, err)
		}
		n++
	}
	return n, bad, nil
}

func (b *Blobs) verify(id string) (err error) {
	blob, err := b.Open(id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	if _, err := io.Copy(io.Discard, blob); err != nil {
		return damaged(b.path(id), "a part of it was altered")
	}
	return nil
}

// Delete removes a blob. One that is not there is no error.
func (b *Blobs) Delete(id string) error {
	if !validID(id) {
		return nil
	}
	if err := os.Remove(b.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("vault: delete blob: %w", err)
	}
	return nil
}

// IDs lists the blobs that are there, and removes what an interrupted Put
// left behind: no Put may be under way.
func (b *Blobs) IDs() ([]string, error) {
	names, err := os.ReadDir(b.dir)
	if err != nil {
		return nil, fmt.Errorf("vault: list blobs: %w", err)
	}
	var ids []string
	for _, e := range names {
		name := e.Name()
		if strings.HasSuffix(name, ".age"+newSuffix) {
			if err := os.Remove(filepath.Join(b.dir, name)); err != nil {
				return nil, fmt.Errorf("vault: remove left-over blob: %w", err)
			}
			continue
		}
		if id, ok := strings.CutSuffix(name, ".age"); ok && validID(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (b *Blobs) path(id string) string { return filepath.Join(b.dir, id+".age") }

func header(id string) []byte {
	return fmt.Appendf(nil, "%-63s\n", "syncd blob 1 "+id)
}

// validID reports whether id is one that Put makes: 26 letters and digits.
func validID(id string) bool {
	if len(id) != 26 {
		return false
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
