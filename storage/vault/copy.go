package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
)

// Copy says which file is copied and where to.
type Copy struct {
	File *File
	Path string // of the age file that is written; its folder exists
}

// SealCopies writes copies of files, all as they stand in RAM at one moment
// between two Updates, sealed with keys. What an Update could not save is in
// the copies. Each copy is written whole and durable or not at all; Updates
// wait only until the images are taken.
func SealCopies(ctx context.Context, keys *Keys, copies ...Copy) error {
	images, err := imagesOf(ctx, copies)
	defer func() {
		for _, img := range images {
			clear(img)
		}
	}()
	if err != nil {
		return fmt.Errorf("vault: copy: %w", err)
	}
	for i, c := range copies {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("vault: copy: %w", err)
		}
		err := keys.seal(c.Path, func(w io.Writer) error {
			_, err := w.Write(images[i])
			return err
		})
		if err != nil {
			return fmt.Errorf("vault: copy %s: %w", filepath.Base(c.Path), err)
		}
	}
	return nil
}

func imagesOf(ctx context.Context, copies []Copy) ([][]byte, error) {
	for _, c := range copies {
		c.File.write.Lock()
		defer c.File.write.Unlock()
	}
	images := make([][]byte, len(copies))
	for i, c := range copies {
		var err error
		if images[i], err = c.File.image(ctx); err != nil {
			return images, err
		}
	}
	return images, nil
}

// CopyTo writes one blob under the same id into other blobs, sealed with
// their keys. It is streamed, and durable when CopyTo returns nil. One that is
// not there is [fs.ErrNotExist], an altered one [ErrDamaged].
func (b *Blobs) CopyTo(id string, to *Blobs) (err error) {
	from, err := b.Open(id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	broken := false
	err = to.keys.seal(to.path(id), func(w io.Writer) error {
		if _, err := w.Write(header(id)); err != nil {
			return err
		}
		_, err := io.Copy(w, &noting{r: from, failed: &broken})
		return err
	})
	switch {
	case err == nil:
		return nil
	case broken:
		return damaged(b.path(id), "a part of it was altered")
	}
	return fmt.Errorf("vault: copy blob: %w", err)
}

// noting tells apart which side of a copy failed.
type noting struct {
	r      io.Reader
	failed *bool
}

// Read implements [io.Reader].
func (n *noting) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		*n.failed = true
	}
	return k, err
}

// ScryptLogN is the work factor that protects key files which this program
// writes: about 64 MiB and 0.15 s, which small machines can pay too.
const ScryptLogN = 16

// WriteProtected writes the keys to a new key file (0600) that is protected
// by a passphrase, as an age file of which other age programs ask the
// passphrase too. It never overwrites a file.
func (k *Keys) WriteProtected(path string, passphrase []byte) error {
	lock, err := age.NewScryptRecipient(strings.TrimRight(string(passphrase), "\r\n"))
	if err != nil {
		return &Error{Path: path, Err: ErrPassphrase, Detail: "none was given"}
	}
	lock.SetWorkFactor(ScryptLogN)
	if err := k.writeSealed(path, lock); err != nil {
		return fmt.Errorf("vault: write protected key file: %w", err)
	}
	return nil
}

// WriteSealed writes the keys to a new key file (0600) that other keys open;
// see [OpenSealedKeys]. It never overwrites a file.
func (k *Keys) WriteSealed(path string, by *Keys) error {
	if err := k.writeSealed(path, by.ring.Load().recipient); err != nil {
		return fmt.Errorf("vault: write sealed key file: %w", err)
	}
	return nil
}

func (k *Keys) writeSealed(path string, to age.Recipient) error {
	text, err := k.ring.Load().lines()
	if err != nil {
		return err
	}
	defer clear(text)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return createFile(path, out.Bytes())
}

// createFile writes a new file (0600), durably.
func createFile(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// OpenSealedKeys reads a key file that [Keys.WriteSealed] has written. Errors
// are [ErrKeyUnfit] and [ErrDamaged].
func OpenSealedKeys(path string, by *Keys) (_ *Keys, err error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("vault: open sealed key file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, size, err := by.unseal(f)
	if err != nil {
		return nil, err
	}
	if size > maxKeyFile {
		return nil, damaged(path, "it is too large")
	}
	text := make([]byte, size)
	defer clear(text)
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), text); err != nil {
		return nil, damaged(path, "a part of it was altered")
	}
	ring, err := parseKeyring(text)
	if err != nil {
		return nil, damaged(path, "it holds no key")
	}
	return newKeys(ring, path), nil
}

// SyncFolder makes new names and renames in a folder durable.
func SyncFolder(dir string) error { return syncFolder(dir) }
