package backup

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"syncd/storage"
)

// spare is how many times the two files must have room beside a backup: the
// data may lie on the same disk and have to be saved meanwhile.
const spare = 2

// room refuses to begin what the disk has no room for: pictures that stand in
// the backup at like, and are linked, do not count. A disk that does not say
// how much room it has is taken to have enough.
func (o *Options) room(dir, like string) error {
	need := int64(0)
	for _, name := range []string{storage.CacheName, storage.StateName} {
		if info, err := os.Stat(filepath.Join(o.DB.Dir(), name)); err == nil {
			need += (1 + spare) * info.Size()
		}
	}
	blobs, err := os.ReadDir(filepath.Join(o.DB.Dir(), storage.BlobsName))
	if err != nil {
		return err
	}
	for _, e := range blobs {
		if like != "" {
			if _, err := os.Lstat(filepath.Join(like, storage.BlobsName, e.Name())); err == nil {
				continue
			}
		}
		if info, err := e.Info(); err == nil {
			need += info.Size()
		}
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil || disk.Blocks == 0 {
		return nil //nolint:nilerr // it will be seen
	}
	free := int64(disk.Bavail) * int64(disk.Bsize) //nolint:gosec,unconvert // no disk is that large; types differ from system to system
	if free < need {
		return fmt.Errorf("%d bytes are needed, %d are free: %w", need, free, syscall.ENOSPC)
	}
	return nil
}
