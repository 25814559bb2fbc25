package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/vault"
)

// errWiped ends [App.Run] when there is nothing left to serve.
var errWiped = errors.New("everything was deleted")

// wiping is what a wipe does and cannot do, gathered while the data can still
// be read.
type wiping struct {
	accounts []web.SignedOut
	backups  int        // that were deleted
	left     []web.Copy // backups that could not be
	links    []web.LinkView
	exports  []string // folders
	busy     bool     // others worked on backups for too long, and were not waited for
	done     storage.Wiped
	keyLeft  string   // a key file that is kept by somebody else
	drafts   []string // of keys, beside it
}

// Wipe signs out everywhere, deletes the backups in all folders that are known,
// then the key, then the data, and ends [App.Run]. Cut short at any moment it
// can be run again; from the moment at which the key is gone nothing can be
// opened any more. Whoever works on backups is waited for, but not for ever: a
// disk that hangs keeps its backups, which are named, and nothing else.
func (a *App) wipe(ctx context.Context) (w wiping, err error) {
	if w, err = a.reach(ctx); err != nil {
		return w, err
	}
	accounts, err := a.cfg.DB.Accounts(ctx)
	if err != nil {
		return w, err
	}
	// Held to the end: no backup is written between their deletion and the data's.
	release, err := a.shortTurn(ctx)
	o := storage.WipeOptions{Key: a.cfg.ManagedKey}
	switch {
	case err == nil:
		defer release()
	case errors.Is(err, errBusy):
		w.busy, o.Patience = true, hurry
	default:
		return w, err
	}
	for _, acct := range accounts {
		f, err := a.keeper.Leave(ctx, acct.ID)
		if err != nil {
			a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "sign-out failed", slog.String("account", string(acct.ID)), slog.Any("error", err))
		}
		w.accounts = append(w.accounts, a.signedOut(acct, f))
	}
	if w.busy {
		err = a.leaveBackups(ctx, &w)
	} else {
		err = a.wipeBackups(ctx, &w)
	}
	if err != nil {
		return w, err
	}
	w.done, err = a.cfg.DB.Wipe(o)
	if a.cfg.DB.Wiped() {
		a.wipeOnce.Do(func() { close(a.wiped) })
	}
	return w, err
}

// reach gathers what a report has to name.
func (a *App) reach(ctx context.Context) (w wiping, err error) {
	links, err := a.Links(ctx)
	if err != nil {
		return w, err
	}
	links = slices.DeleteFunc(links, func(l school.Link) bool { return l.LastUsed.IsZero() })
	if w.links, err = a.linkViews(ctx, links); err != nil {
		return w, err
	}
	places, err := a.cfg.DB.Places(ctx)
	if err != nil {
		return w, err
	}
	for _, p := range places {
		if p.What == storage.CopyExport {
			w.exports = append(w.exports, p.Path)
		}
	}
	if path := a.cfg.DB.Keys().Path(); path != a.cfg.ManagedKey {
		w.keyLeft = path
		if w.drafts, err = vault.KeyDrafts(path); err != nil {
			return w, err
		}
	}
	return w, nil
}

// hurry is how long a wipe that was not given the turn waits for whoever
// changes the data.
const hurry = time.Second

// leaveBackups names the folders of backups, by what is noted: nothing is looked
// for on a disk that may hang.
func (a *App) leaveBackups(ctx context.Context, w *wiping) error {
	places, err := a.cfg.DB.Places(ctx)
	if err != nil {
		return err
	}
	for _, p := range places {
		if p.What == storage.CopyBackup {
			w.left = append(w.left, web.Copy{Path: p.Path, Why: web.CopyBusy})
		}
	}
	dir := a.cfg.Backups.Dir
	if dir != "" && !slices.ContainsFunc(w.left, func(c web.Copy) bool { return c.Path == dir }) {
		w.left = append(w.left, web.Copy{Path: dir, Why: web.CopyBusy})
	}
	return nil
}

// wipeBackups deletes the installation's backups in all folders that are known.
// Whoever calls it has the turn.
func (a *App) wipeBackups(ctx context.Context, w *wiping) error {
	places, err := a.backupPlaces(ctx)
	if err != nil {
		return err
	}
	for _, p := range places {
		dir := p.dir
		if err := backup.Tidy(dir, a.cfg.DB.Installation()); err != nil {
			a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "a folder of backups cannot be tidied", slog.Any("error", err))
		}
		found, err := backup.List(dir)
		if err != nil || p.away() {
			w.left = append(w.left, web.Copy{Path: dir, Why: web.CopyAway})
			continue
		}
		known := map[string]bool{}
		for _, b := range found {
			if b.Installation != a.cfg.DB.Installation() {
				known[baseOf(b.Path)] = true
				continue
			}
			if err := backup.Remove(b); err != nil {
				w.left = append(w.left, web.Copy{Path: b.Path, Why: web.CopyFault})
				known[baseOf(b.Path)] = true
				continue
			}
			w.backups++
		}
		unknown, err := unknownBackups(dir, known)
		if err != nil {
			return err
		}
		w.left = append(w.left, unknown...)
	}
	return nil
}

func baseOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// wipe is the command.
func (c command) wipe(ctx context.Context, args []string) error {
	var dry bool
	words, err := flags("wipe", args, func(f *flag.FlagSet) { f.BoolVar(&dry, "n", false, "") })
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usageError("wipe: %d words too many", len(words))
	}
	if dry {
		return c.wipeWould(ctx)
	}
	w, err := c.App.wipe(ctx)
	if err != nil {
		return err
	}
	say := text.TerminalWipe()
	for _, s := range w.accounts {
		c.printFarewell(s)
	}
	if w.backups > 0 {
		c.print("deleted %d backups\n", w.backups)
	}
	PrintWiped(c.Out, w.done)
	c.printReach(w)
	c.print("%s\n", say.Done)
	return nil
}

// PrintWiped says what was deleted in the data folder.
func PrintWiped(w interface{ Write(p []byte) (int, error) }, done storage.Wiped) {
	say := text.TerminalWipe()
	if done.Key {
		fmt.Fprintf(w, "%s\n", say.Key)
	}
	fmt.Fprintf(w, say.Files+"\n", done.Sealed, done.Blobs)
	for _, path := range done.Left {
		fmt.Fprintf(w, say.Foreign+"\n", path)
	}
}

// wipeWould says what a wipe would delete and what it would not reach.
func (c command) wipeWould(ctx context.Context) error {
	w, err := c.reach(ctx)
	if err != nil {
		return err
	}
	places, err := c.backupPlaces(ctx)
	if err != nil {
		return err
	}
	c.print("%s\n", text.TerminalWipe().Would)
	if w.keyLeft == "" {
		c.print("  %s\n", c.cfg.ManagedKey)
	}
	c.print("  %s\n", c.cfg.DataDir)
	for _, p := range places {
		found, err := backup.List(p.dir)
		if err != nil || p.away() {
			w.left = append(w.left, web.Copy{Path: p.dir, Why: web.CopyAway})
			continue
		}
		for _, b := range found {
			if b.Installation == c.cfg.DB.Installation() {
				c.print("  %s\n", b.Path)
			}
		}
	}
	c.printReach(w)
	return nil
}

func (c command) printFarewell(s web.SignedOut) {
	say := text.TerminalKeep()
	switch {
	case s.Told:
		c.print("signed out at %s\n", s.Name)
	case s.Untold:
		c.print("%s: %s\n", s.Name, say.Untold)
	case s.Mute:
		c.print("%s: %s\n", s.Name, say.Mute)
	}
}

// printReach names the copies that are out of reach.
func (c command) printReach(w wiping) {
	say := text.TerminalWipe()
	c.print("\n%s\n", say.Reach)
	if w.busy {
		c.print("  %s\n", say.Busy)
	}
	for _, l := range w.left {
		c.print("  %s (%s)\n", l.Path, l.Why)
	}
	if w.keyLeft != "" {
		c.print("  "+say.KeyLeft+"\n", w.keyLeft)
	}
	for _, path := range w.drafts {
		c.print("  "+say.Draft+"\n", path)
	}
	for _, path := range w.exports {
		c.print("  "+say.Export+"\n", path)
	}
	for _, l := range w.links {
		var who []string
		for _, u := range l.Uses {
			who = append(who, text.For(text.EN).Client(u.Client))
		}
		c.print("  "+say.Link+"\n", l.Label, strings.Join(who, ", "))
	}
	for _, line := range say.Always {
		c.print("  %s\n", line)
	}
}
