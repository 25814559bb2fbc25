package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/vault"
)

// backupPrefix begins the name of every backup's folder.
const backupPrefix = "syncd-"

// cleanBackups makes in the backups the deletions that they have not seen yet.
// What cannot be changed is named; a folder that is not there now, such as a
// disk that was taken out, is looked at again within the hour, and the others
// are left alone then. A crash at any moment is made up for in the same way. It
// is called by whoever has the turn.
func (a *App) cleanBackups(ctx context.Context) (web.Copies, error) {
	all, err := a.cfg.DB.Cleanups(ctx)
	if err != nil {
		return web.Copies{}, fmt.Errorf("app: clean backups: %w", err)
	}
	if len(all) == 0 {
		return web.Copies{}, nil
	}
	var out web.Copies
	if err := a.cleanPlaces(ctx, all, &out); err != nil {
		return out, fmt.Errorf("app: clean backups: %w", err)
	}
	out.Left = append(out.Left, a.asides()...)
	if out.Changed+len(out.Left) > 0 {
		a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "what was deleted has left the backups",
			slog.Int("changed", out.Changed), slog.Int("not_changed", len(out.Left)))
	}
	return out, nil
}

// cleanPlaces makes deletions in each place that has not seen all of them.
func (a *App) cleanPlaces(ctx context.Context, all []storage.Cleanup, out *web.Copies) error {
	places, err := a.backupPlaces(ctx)
	if err != nil {
		return err
	}
	last := all[len(all)-1].ID
	for _, p := range places {
		todo := p.todo(all)
		if len(todo) == 0 || len(p.paths) == 0 && p.empty() {
			continue
		}
		if len(p.paths) == 0 {
			p.paths = []string{p.dir}
			if err := noted(a.cfg.DB.PutPlace(ctx, p.dir, storage.CopyBackup)); err != nil {
				return err
			}
		}
		if p.away() {
			out.Left = append(out.Left, web.Copy{Path: p.dir, Why: web.CopyAway})
			continue
		}
		again, err := a.cleanPlace(ctx, p.dir, todo, out)
		if err != nil {
			return err
		}
		if again {
			continue
		}
		if err := noted(a.cfg.DB.Cleaned(ctx, last, p.paths...)); err != nil {
			return err
		}
	}
	return noted(a.cfg.DB.Cleaned(ctx, last)) // where there is no place
}

// cleanSoon cleans the backups for whoever waits for the report of a deletion,
// which is done. Where that cannot begin, or fails, it is made up for within
// the hour, and the folders are named.
func (a *App) cleanSoon(ctx context.Context) (out web.Copies, err error) {
	release, err := a.shortTurn(ctx)
	if err == nil {
		defer release()
		if out, err = a.cleanBackups(ctx); err == nil {
			return out, nil
		}
	}
	if ctx.Err() == nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelError, "what was deleted has not left the backups yet", slog.Any("error", err))
	}
	ctx = context.WithoutCancel(ctx) // the report is owed all the same
	all, err := a.cfg.DB.Cleanups(ctx)
	if err != nil {
		return out, fmt.Errorf("app: clean backups: %w", err)
	}
	places, err := a.cfg.DB.Places(ctx)
	if err != nil {
		return out, fmt.Errorf("app: clean backups: %w", err)
	}
	for _, p := range places { // by what is noted: their disk may be what hangs
		named := slices.ContainsFunc(out.Left, func(c web.Copy) bool { return within(p.Path, c.Path) })
		if p.What == storage.CopyBackup && !named && len(all) > 0 && p.Seen < all[len(all)-1].ID {
			out.Left = append(out.Left, web.Copy{Path: p.Path, Why: web.CopyBusy})
		}
	}
	out.Left = append(out.Left, a.asides()...)
	return out, nil
}

// noted passes over what the disk refused: memory has it, and it is written
// when there is room again.
func noted(err error) error {
	if errors.Is(err, vault.ErrNotSaved) {
		return nil
	}
	return err
}

// backupPlace is a folder in which backups may lie.
type backupPlace struct {
	dir   string   // without symbolic links, as far as it is there
	paths []string // by which storage knows it; none: only the options name it
	seen  int64    // as [storage.Place] has it; of several paths the least
}

// todo returns the deletions that the place has not seen; all are in order.
func (p *backupPlace) todo(all []storage.Cleanup) []storage.Cleanup {
	i := slices.IndexFunc(all, func(c storage.Cleanup) bool { return c.ID > p.seen })
	if i < 0 {
		return nil
	}
	return all[i:]
}

// backupPlaces lists the folders in which backups may lie, each once.
func (a *App) backupPlaces(ctx context.Context) (out []backupPlace, err error) {
	known, err := a.cfg.DB.Places(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range known {
		if p.What != storage.CopyBackup {
			continue
		}
		dir := actual(p.Path)
		if i := slices.IndexFunc(out, func(o backupPlace) bool { return o.dir == dir }); i >= 0 {
			out[i].paths, out[i].seen = append(out[i].paths, p.Path), min(out[i].seen, p.Seen)
			continue
		}
		out = append(out, backupPlace{dir: dir, paths: []string{p.Path}, seen: p.Seen})
	}
	if a.cfg.Backups.Dir == "" {
		return out, nil
	}
	dir := actual(a.cfg.Backups.Dir)
	if !slices.ContainsFunc(out, func(o backupPlace) bool { return o.dir == dir }) {
		out = append(out, backupPlace{dir: dir})
	}
	return out, nil
}

// actual returns the path of a folder without symbolic links, as far as that
// can be told.
func actual(path string) string {
	if found, err := backup.Resolve(path); err == nil {
		return found
	}
	return filepath.Clean(path)
}

// cleanPlace cleans the backups in one folder. again: not all of them could be
// looked at, and later they may.
func (a *App) cleanPlace(ctx context.Context, dir string, all []storage.Cleanup, out *web.Copies) (again bool, err error) {
	if err := backup.Tidy(dir, a.cfg.DB.Installation()); err != nil {
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "a folder of backups cannot be tidied", slog.Any("error", err))
	}
	found, err := backup.List(dir)
	if err != nil {
		out.Left = append(out.Left, web.Copy{Path: dir, Why: web.CopyAway})
		return true, nil //nolint:nilerr // it is named in the report, and tried again
	}
	known := map[string]bool{} // names of folders that are backups
	for _, b := range found {
		known[filepath.Base(b.Path)] = true
		if b.Installation != a.cfg.DB.Installation() {
			continue
		}
		rewritten, err := backup.Rewrite(ctx, backup.RewriteOptions{
			Backup: b, Keys: a.cfg.DB.Keys(), Passphrase: a.cfg.Backups.Passphrase, Now: a.cfg.Now, Log: a.cfg.Log,
		}, func(db *storage.DB) error { return db.Clean(ctx, all) })
		known[filepath.Base(rewritten.Path)] = true // also beside one that could not be removed
		switch {
		case err == nil:
			out.Changed++
		case errors.Is(err, storage.ErrNothing):
			out.Clean++
		case ctx.Err() != nil:
			return true, err
		case errors.Is(err, vault.ErrKeyUnfit), errors.Is(err, vault.ErrPassphrase), errors.Is(err, vault.ErrKeyMissing):
			out.Left = append(out.Left, web.Copy{Path: b.Path, Why: web.CopyKey, Offered: true})
		case errors.Is(err, vault.ErrDamaged), errors.Is(err, storage.ErrNewer), errors.Is(err, storage.ErrMismatch), errors.Is(err, vault.ErrKeyBroken):
			out.Left = append(out.Left, web.Copy{Path: b.Path, Why: web.CopyDamaged, Offered: true})
		default:
			a.cfg.Log.LogAttrs(ctx, slog.LevelError, "a backup could not be changed", slog.Any("error", err))
			out.Left = append(out.Left, web.Copy{Path: b.Path, Why: web.CopyFault, Offered: true})
			again = true
		}
	}
	left, err := unknownBackups(dir, known)
	out.Left = append(out.Left, left...)
	return again, err
}

// unknownBackups lists folders that look like backups and are not whole.
func unknownBackups(dir string, known map[string]bool) (out []web.Copy, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), backupPrefix) && !known[e.Name()] {
			out = append(out, web.Copy{Path: filepath.Join(dir, e.Name()), Why: web.CopyDamaged, Offered: true})
		}
	}
	return out, nil
}

// asides lists what a restore or a reset has put aside in the data folder.
func (a *App) asides() (out []web.Copy) {
	entries, err := os.ReadDir(a.cfg.DataDir)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if isAside(e.Name()) {
			out = append(out, web.Copy{Path: filepath.Join(a.cfg.DataDir, e.Name()), Why: web.CopyAside, Offered: true})
		}
	}
	return out
}

func isAside(name string) bool {
	return strings.HasPrefix(name, storage.ReplacedPrefix) || strings.Contains(name, storage.UnreadableMark)
}

// RemoveCopy deletes a backup, or something that was put aside, which could
// not be changed. A path that is none of these is fs.ErrNotExist.
func (a *App) RemoveCopy(ctx context.Context, path string) error {
	release, err := a.turn(ctx)
	if err != nil {
		return fmt.Errorf("app: remove copy: %w", err)
	}
	defer release()
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	if dir == filepath.Clean(a.cfg.DataDir) && isAside(name) {
		if _, err := os.Lstat(path); err != nil {
			return fmt.Errorf("app: remove copy: %w", err)
		}
		return os.RemoveAll(path)
	}
	places, err := a.backupPlaces(ctx)
	if err != nil {
		return fmt.Errorf("app: remove copy: %w", err)
	}
	dir = actual(dir)
	i := slices.IndexFunc(places, func(p backupPlace) bool { return p.dir == dir })
	if i < 0 || !strings.HasPrefix(name, backupPrefix) {
		return fmt.Errorf("app: remove copy: no backup of ours: %w", fs.ErrNotExist)
	}
	b := backup.Backup{Path: filepath.Join(dir, name)}
	b.Installation = a.cfg.DB.Installation()
	if err := backup.Remove(b); err != nil {
		return fmt.Errorf("app: remove copy: %w", err)
	}
	if p := places[i]; p.empty() { // not because its disk is away
		err = a.forget(ctx, p)
	}
	if err != nil {
		return fmt.Errorf("app: remove copy: %w", err)
	}
	return nil
}

// ForgetPlace forgets a folder of backups that cannot be reached: copies there
// keep what was deleted and is to be deleted. A path that is no such folder is
// fs.ErrNotExist; one that can be reached, from which what was deleted leaves by
// itself, [web.ErrReached]. It waits for nobody: no file is changed.
func (a *App) ForgetPlace(ctx context.Context, path string) error {
	places, err := a.backupPlaces(ctx)
	if err != nil {
		return fmt.Errorf("app: forget place: %w", err)
	}
	dir := actual(path)
	i := slices.IndexFunc(places, func(p backupPlace) bool { return p.dir == dir && len(p.paths) > 0 })
	if i < 0 {
		return fmt.Errorf("app: forget place: no folder of backups: %w", fs.ErrNotExist)
	}
	if !places[i].away() {
		return &backup.Error{Path: path, Err: web.ErrReached, Advice: text.TerminalKeep().Reached}
	}
	if err := a.forget(ctx, places[i]); err != nil {
		return fmt.Errorf("app: forget place: %w", err)
	}
	a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "a folder of backups that cannot be reached was forgotten")
	return nil
}

// forget forgets a folder by all names that storage has for it.
func (a *App) forget(ctx context.Context, p backupPlace) error {
	for _, path := range p.paths {
		if err := noted(a.cfg.DB.ForgetPlace(ctx, path, storage.CopyBackup)); err != nil {
			return err
		}
	}
	return nil
}

// away reports whether the folder cannot be read now. One that is empty although
// backups were written into it is taken for that of a disk which is not mounted.
func (p *backupPlace) away() bool {
	_, err := os.ReadDir(p.dir)
	return err != nil || len(p.paths) > 0 && p.empty()
}

// empty reports whether the folder is there and nothing lies in it.
func (p *backupPlace) empty() bool {
	entries, err := os.ReadDir(p.dir)
	return err == nil && len(entries) == 0
}

// awayPlaces lists the folders that have to be reached before what was deleted
// has left all backups.
func (a *App) awayPlaces(ctx context.Context) (out []web.Copy, err error) {
	all, err := a.cfg.DB.Cleanups(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	places, err := a.backupPlaces(ctx)
	for _, p := range places {
		if len(p.todo(all)) > 0 && p.away() {
			out = append(out, web.Copy{Path: p.dir, Why: web.CopyAway})
		}
	}
	return out, err
}
