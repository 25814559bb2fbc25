package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"syncd/cmd/syncd/internal/text"
	"syncd/storage"
	"syncd/storage/vault"
)

// KeyReport is what "syncd key check" tells: where the key is and what it
// opens. No part of a key is in it.
type KeyReport struct {
	Keys    *vault.Keys
	Place   text.KeyPlace
	Disk    Disk
	Seals   storage.Seals
	Swap    []string // where memory may be swapped to in the clear
	Unnamed bool     // the key lies in a container's volume without a name
}

// Disk says whether key and data lie on one file system.
type Disk int

// What can be known about it.
const (
	DiskUnknown Disk = iota
	DiskSame
	DiskApart
)

// Print writes the report and returns what is wrong, nil when the key opens
// everything.
func (r KeyReport) Print(out io.Writer) error {
	say := text.KeyTerminal()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "key\t%s\n", r.Keys.Path())
	fmt.Fprintf(w, "kind\t%s, keys: %d\n", r.Place, r.Keys.Count())
	for _, f := range []struct {
		name string
		err  error
	}{{storage.CacheName, r.Seals.Cache}, {storage.StateName, r.Seals.State}} {
		fmt.Fprintf(w, "%s\t%s\n", f.name, sealState(f.err))
	}
	fmt.Fprintf(w, "pictures and attachments\t%d, %d of them do not open\n", r.Seals.Blobs, len(r.Seals.Bad))
	if err := w.Flush(); err != nil {
		return err
	}
	notes := []struct {
		holds bool
		words string
	}{
		{r.Keys.Count() > 1, say.CutShort},
		{r.Keys.Loose(), say.Loose},
		{r.Unnamed, say.Unnamed},
		{r.Disk == DiskSame && !r.Keys.Protected(), say.SameDisk},
		{r.Disk == DiskApart, say.Apart},
	}
	if len(r.Swap) > 0 {
		fmt.Fprintf(out, "\n%s\n", say.Swapped.With(strings.Join(r.Swap, ", ")))
	}
	for _, n := range notes {
		if n.holds {
			fmt.Fprintf(out, "\n%s\n", n.words)
		}
	}
	return r.Seals.Err()
}

func sealState(err error) string {
	switch {
	case err == nil:
		return "opens"
	case errors.Is(err, fs.ErrNotExist):
		return "not there yet"
	case errors.Is(err, vault.ErrKeyUnfit):
		return "another key's"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read"
	}
	return "damaged"
}

// key works on the installation's key. "show" is not here: a key never goes
// through the daemon's socket.
func (c command) key(ctx context.Context, args []string) error {
	v, rest, err := verb("key", args, "check", "rotate")
	if err != nil {
		return err
	}
	var to string
	words, err := flags("key", rest, func(f *flag.FlagSet) {
		if v == "rotate" {
			f.StringVar(&to, "to", "", "")
		}
	})
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usageError("key %s: %d words too many", v, len(words))
	}
	if v == "rotate" {
		return c.keyRotate(ctx, to)
	}
	seals, err := c.cfg.DB.CheckSeals()
	if err != nil {
		return err
	}
	report := c.cfg.Key
	report.Keys, report.Seals = c.cfg.DB.Keys(), seals
	return report.Print(c.Out)
}

func (c command) keyRotate(ctx context.Context, to string) error {
	keys := c.cfg.DB.Keys()
	if err := c.keyTarget(to); err != nil {
		return err
	}
	protected := keys.Protected()
	// A backup that is being written or changed is sealed with one key to its end.
	release, err := c.turn(ctx)
	if err != nil {
		return fmt.Errorf("key rotate: %w", err)
	}
	defer release()
	lost, err := c.cfg.DB.Rotate(ctx, to)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			return usageError("key rotate: %s exists already; name a file that is to be made", to)
		}
		return err
	}
	say := text.KeyTerminal()
	c.print("%s\n", say.Rotated.With(keys.Path()))
	if to != "" {
		c.print("%s\n", say.Swap.With(keys.Path()))
	}
	if protected {
		c.print("%s\n", say.Open)
	}
	if lost > 0 {
		c.print("%s\n", say.Unreadable.With(strconv.Itoa(lost)))
	}
	return nil
}

// keyTarget refuses files to which no key may be written.
func (c command) keyTarget(to string) error {
	if to == "" {
		return nil
	}
	if !filepath.IsAbs(to) {
		return usageError("key rotate: -to needs an absolute path")
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(to))
	if err != nil {
		folder = filepath.Dir(to)
	}
	if within(c.cfg.DataDir, folder) || within(c.cfg.DataDir, filepath.Dir(to)) {
		return usageError("key rotate: the key must not lie in the data folder, which copies take along")
	}
	return nil
}

// within reports whether path is dir or lies below it.
func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
