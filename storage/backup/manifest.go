package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"syncd/storage"
	"syncd/storage/vault"
)

// format is the version of the layout of a backup.
const format = 1

// Manifest says what belongs to a backup. It lies beside the sealed files in
// the clear and holds nothing about anybody: random words, times, sizes.
type Manifest struct {
	Format       int       `json:"syncd_backup"`
	ID           string    `json:"id"`           // random, the same in every revision
	Installation string    `json:"installation"` // see [storage.DB.Installation]
	Created      time.Time `json:"created"`      // of the data in it; whole seconds, UTC
	Revision     int       `json:"revision"`     // grows when something is deleted from it
	Version      string    `json:"version"`      // of the program
	Protected    bool      `json:"protected"`    // by a passphrase
	Cache        int       `json:"cache_schema"`
	State        int       `json:"state_schema"`
	LeftOut      int       `json:"left_out"` // pictures that the data did not have either
	Files        []File    `json:"files"`    // all but the manifest, by name
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"` // with a slash below blobs
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // of the sealed file
}

// maxManifest is more than a manifest of 100,000 pictures takes.
const maxManifest = 32 << 20

// readManifest reads the manifest of a folder. [fs.ErrNotExist] means that
// there is none.
func readManifest(dir string) (m Manifest, err error) {
	path := filepath.Join(dir, ManifestName)
	broken := func(detail string) error {
		return &vault.Error{Path: path, Err: vault.ErrDamaged, Detail: detail}
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return m, broken("it is not a file")
	}
	f, err := os.Open(path) //nolint:gosec // the operator names the folder
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := json.NewDecoder(io.LimitReader(f, maxManifest)).Decode(&m); err != nil {
		return m, broken("it is no manifest of a backup")
	}
	switch {
	case m.Format > format:
		return m, &vault.Error{Path: path, Err: storage.ErrNewer, Advice: "use the version of syncd that made it, or a newer one"}
	case m.Format != format, m.ID == "", m.Installation == "", m.Revision < 1:
		return m, broken("it is no manifest of a backup")
	}
	return m, nil
}

// write makes the manifest of a folder: of the files that lie there.
func (m *Manifest) write(dir string) error {
	var err error
	if m.Files, err = files(dir); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, ManifestName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return vault.SyncFolder(dir)
}

// files lists the sealed files of a folder with their hashes.
func files(dir string) ([]File, error) {
	out := []File{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || name == ManifestName {
			return err
		}
		if !d.Type().IsRegular() {
			return &vault.Error{Path: path, Err: vault.ErrDamaged, Detail: "it is not a file"}
		}
		f, err := hashFile(path)
		f.Name = filepath.ToSlash(name)
		out = append(out, f)
		return err
	})
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

func hashFile(path string) (out File, err error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the folder
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	out.Size, err = io.Copy(h, f)
	out.SHA256 = hex.EncodeToString(h.Sum(nil))
	return out, err
}

// checkFiles compares a backup's files with its manifest. It needs no key.
func checkFiles(b Backup) error {
	have, err := files(b.Path)
	if err != nil {
		return err
	}
	for _, f := range b.Files {
		at := slices.IndexFunc(have, func(h File) bool { return h.Name == f.Name })
		switch {
		case at < 0:
			return &vault.Error{Path: filepath.Join(b.Path, f.Name), Err: vault.ErrDamaged, Detail: "it is missing"}
		case have[at] != f:
			return &vault.Error{Path: filepath.Join(b.Path, f.Name), Err: vault.ErrDamaged, Detail: "it is not as it was written"}
		}
	}
	for _, name := range []string{storage.CacheName, storage.StateName} {
		if !slices.ContainsFunc(b.Files, func(f File) bool { return f.Name == name }) {
			return &vault.Error{Path: filepath.Join(b.Path, name), Err: vault.ErrDamaged, Detail: "the manifest does not name it"}
		}
	}
	return nil
}

// name returns a folder name that is free in dir.
func (m *Manifest) name(dir string) (string, error) {
	at := m.Created
	for range 1000 {
		name := prefix + at.Format(stamp)
		if m.Revision > 1 {
			name += fmt.Sprintf("-r%d", m.Revision)
		}
		if _, err := os.Lstat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
		at = at.Add(time.Second)
	}
	return "", errors.New("no name is free")
}
