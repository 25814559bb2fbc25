package app

import (
	"context"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"slices"

	"syncd/cmd/syncd/internal/export"
	"syncd/cmd/syncd/internal/text"
	"syncd/storage"
	"syncd/storage/backup"
)

func (a *App) exportConfig(l text.Lang) export.Config {
	return export.Config{Store: a.cfg.DB, Words: text.For(l), Now: a.cfg.Now(), Version: a.cfg.Version}
}

// Export writes everything as ordinary files, unencrypted, into an empty
// folder.
func (a *App) Export(ctx context.Context, dir string, l text.Lang) (export.Summary, error) {
	if err := backup.Outside(dir, append([]string{a.cfg.DataDir}, a.cfg.Away...)); err != nil {
		return export.Summary{}, err
	}
	c, undo := a.exportConfig(l), func() error { return nil }
	// It is in the clear: whoever deletes everything is reminded of it, also of
	// half an export.
	c.Begin = func() (err error) {
		undo, err = a.putPlace(ctx, dir, storage.CopyExport)
		return err
	}
	sum, err := export.ToFolder(ctx, dir, c)
	switch {
	case errors.Is(err, export.ErrNotEmpty):
		err = &backup.Error{Path: dir, Err: err, Advice: text.TerminalBackup().NotEmpty}
	case err != nil && vacant(dir): // what is left has to be remembered
		err = errors.Join(err, undo())
	}
	return sum, backup.Explain(dir, err)
}

// vacant reports whether a folder is not there, or nothing of an export can be
// in it.
func vacant(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != "lost+found" })
}

// Export implements web.ExportStore.
func (p pages) Export(ctx context.Context, w io.Writer, l text.Lang) error {
	_, err := export.ToZip(ctx, w, p.exportConfig(l))
	return err
}

func (c command) export(ctx context.Context, args []string) error {
	lang := string(text.SV)
	words, err := flags("export", args, func(f *flag.FlagSet) { f.StringVar(&lang, languageFlag, lang, "") })
	if err != nil {
		return err
	}
	l, known := text.Parse(lang)
	if len(words) != 1 || !known {
		return usageError("export: name one empty folder, with -language sv or en if wished")
	}
	sum, err := c.Export(ctx, words[0], l)
	if err != nil {
		return err
	}
	say := text.TerminalBackup()
	c.print("%s\n", words[0])
	c.print(say.Exported+"\n", sum.Calendars, sum.Entries, sum.Letters, sum.Media)
	if sum.LeftOut > 0 {
		c.print(say.Lost+"\n", sum.LeftOut)
	}
	c.print("%s\n", say.Open)
	return nil
}
