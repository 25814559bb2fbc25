package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"syncd/cmd/syncd/internal/web"
	"syncd/storage/backup"
)

const (
	backupTick  = "*/10 * * * *"
	backupRetry = time.Hour // after a failure
)

// backupLog is how the backups went that are made by themselves.
type backupLog struct {
	mu      sync.Mutex
	waiting time.Time // since when one waits for others; zero: none does
	last    time.Time // when the newest was made
	tried   time.Time
	failed  time.Time // zero: the last attempt went well
	failure web.BackupEnd
}

// keepBackups makes backups when they are due, until ctx ends.
func (a *App) keepBackups(ctx context.Context) error {
	if a.cfg.Backups.Dir == "" {
		return nil
	}
	var first sync.WaitGroup
	defer first.Wait()
	c := cron.New(cron.WithLocation(a.loc), cron.WithLogger(cron.DiscardLogger), cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))
	if _, err := c.AddFunc(backupTick, func() { a.BackupIfDue(ctx) }); err != nil {
		return fmt.Errorf("app: keep backups: %w", err)
	}
	first.Go(func() { a.BackupIfDue(ctx) })
	c.Start()
	defer func() { <-c.Stop().Done() }()
	<-ctx.Done()
	return nil
}

// BackupIfDue makes a backup where backups are made by themselves, unless one
// is young enough, and then removes those that are not kept. How it went is
// told by the status. It waits for whoever else works on backups: a turn that
// was given up would be missed for as long as backups are apart.
func (a *App) BackupIfDue(ctx context.Context) {
	a.backups.wait(a.cfg.Now())
	release, err := a.turn(ctx)
	a.backups.wait(time.Time{})
	if err != nil {
		return // the program stops
	}
	defer release()
	if a.cfg.DB.Wiped() {
		return
	}
	o, now := a.cfg.Backups, a.cfg.Now()
	newest, err := backup.NewestOf(o.Dir, a.cfg.DB.Installation())
	a.backups.mu.Lock()
	if err == nil {
		a.backups.last = newest.Created
	}
	due := a.backups.due(now, o.Every)
	if due {
		a.backups.tried = now
	}
	a.backups.mu.Unlock()
	if !due {
		return
	}
	b, err := a.writeBackup(ctx, o.Dir, o.Passphrase)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		_, err = backup.Prune(o.Dir, a.cfg.DB.Installation(), o.Keep, a.loc)
	}
	a.backups.mu.Lock()
	defer a.backups.mu.Unlock()
	if !b.Created.IsZero() {
		a.backups.last = b.Created
	}
	if err != nil {
		a.backups.failed, a.backups.failure = now, backupEnd(err)
		a.cfg.Log.LogAttrs(ctx, slog.LevelError, "the backup failed", slog.Any("error", err))
		return
	}
	a.backups.failed, a.backups.failure = time.Time{}, ""
	a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "a backup was made", slog.Int("files", len(b.Files)), slog.Int64("bytes", b.Bytes()))
}

// wait says since when a backup waits for its turn; the zero time that it does
// not.
func (l *backupLog) wait(since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting.IsZero() || since.IsZero() {
		l.waiting = since
	}
}

// due reports whether it is time, after the newest backup or, whatever the
// clock says of that, after the last attempt.
func (l *backupLog) due(now time.Time, every time.Duration) bool {
	wait := every
	if !l.failed.IsZero() {
		wait = min(backupRetry, every)
	}
	if !l.tried.IsZero() {
		passed := now.Sub(l.tried)
		return passed >= wait || passed < 0
	}
	// A backup from the future was made by a wrong clock.
	return l.last.IsZero() || l.last.After(now) || now.Sub(l.last) >= every
}

func backupEnd(err error) web.BackupEnd {
	switch {
	case errors.Is(err, backup.ErrNoRoom):
		return web.BackupNoRoom
	case errors.Is(err, backup.ErrPlace), errors.Is(err, fs.ErrNotExist):
		return web.BackupPlace
	case errors.Is(err, fs.ErrPermission):
		return web.BackupDenied
	}
	return web.BackupFault
}

func (a *App) backupView() web.BackupView {
	a.backups.mu.Lock()
	defer a.backups.mu.Unlock()
	v := web.BackupView{
		On: a.cfg.Backups.Dir != "", Last: a.backups.last, Failed: a.backups.failed, Failure: a.backups.failure,
	}
	// One that others keep waiting, such as a disk that hangs, has not failed,
	// and is missing all the same.
	since, now := a.backups.waiting, a.cfg.Now()
	if v.On && v.Failed.IsZero() && !since.IsZero() && now.Sub(since) >= backupRetry && a.backups.due(now, a.cfg.Backups.Every) {
		v.Failed, v.Failure = since, web.BackupFault
	}
	return v
}
