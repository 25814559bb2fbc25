package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"syncd/storage/vault"
)

// UnreadableMark stands in the names of files and folders, inside the data
// folder, that were put aside because they could not be used where they were.
const UnreadableMark = ".unreadable-"

// SetAside gives a file or folder of a data folder, which the caller has
// locked and nobody has open, a name beside it that nothing else has, and
// returns that. What is not there has none: empty.
func SetAside(path string, now time.Time) (string, error) {
	aside := freeName(path + UnreadableMark + stamp(now))
	err := os.Rename(path, aside)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("storage: set aside: %w", err)
	}
	return aside, wrap("set aside", vault.SyncFolder(filepath.Dir(path)))
}

// stamp is a moment as a part of a file's name, to the second.
func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// freeName returns a path that nothing has, which may be the one given. The
// folder is locked.
func freeName(path string) string {
	free := path
	for n := 2; ; n++ {
		if _, err := os.Lstat(free); err != nil { //nolint:gosec // inside the data folder
			return free
		}
		free = fmt.Sprintf("%s-%d", path, n)
	}
}

// setBlobsAside puts blobs away that may be worth something to somebody, in a
// folder of their own.
func (db *DB) setBlobsAside(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	name := filepath.Base(freeName(filepath.Join(db.Dir(), BlobsName+UnreadableMark+stamp(db.now()))))
	if err := db.blobs.SetAside(ids, name); err != nil {
		return err
	}
	db.log.LogAttrs(ctx, slog.LevelWarn, "pictures and files were put aside", slog.Int("files", len(ids)), slog.String("folder", name))
	return nil
}

// saveBlobs puts aside what the cache does not know, where the cache is not
// the one that was left: that one may come back. It is called before anything
// is written, so that the next start does it again where it was cut short.
func (db *DB) saveBlobs(ctx context.Context) error {
	emptied := db.cache.Fresh() || db.opened.LostCache
	if !emptied && !db.opened.OldCache {
		return nil
	}
	files, err := db.blobs.IDs()
	if err != nil {
		return err
	}
	known := map[string]blobRow{}
	if !emptied {
		if known, err = db.knownBlobs(ctx); err != nil {
			return err
		}
	}
	var strays []string
	for _, id := range files {
		if _, ok := known[id]; !ok {
			strays = append(strays, id)
		}
	}
	return db.setBlobsAside(ctx, strays)
}
