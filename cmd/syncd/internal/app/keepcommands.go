package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
	"syncd/storage"
)

// keep lists and sets for how long things are kept.
func (c command) keep(ctx context.Context, args []string) error {
	v, rest, err := verb("keep", args, "list", "set")
	if err != nil {
		return err
	}
	if v == "set" {
		return c.keepSet(ctx, rest)
	}
	var asJSON bool
	words, err := flags("keep list", rest, func(f *flag.FlagSet) { f.BoolVar(&asJSON, "json", false, "") })
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usageError("keep list: %d words too many", len(words))
	}
	all, err := c.cfg.DB.Leaving(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return c.printJSON(jsonLeaving(all))
	}
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for _, l := range all {
		next := "-"
		if !l.Next.IsZero() {
			next = fmt.Sprintf("%d leave on %s", l.Count, l.Next)
		}
		fmt.Fprintf(w, "%s\t%s\t%d kept\t%s\n", l.Shelf, limitWord(l.Limit), l.Kept, next)
	}
	return w.Flush()
}

func (c command) keepSet(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return usageError("keep set: name one of %s, and a number of days, year or always", shelfNames())
	}
	l, ok := parseLimit(args[1])
	if !ok {
		return usageError("keep set: %q is not a number of days up to %d, year or always", args[1], school.MaxLimit)
	}
	s := school.Shelf(args[0])
	if !slices.Contains(school.Shelves(), s) {
		return usageError("keep set: there is no %q; there are %s", args[0], shelfNames())
	}
	if err := c.PutLimit(ctx, s, l); err != nil {
		return err
	}
	c.print("%s: %s\n", s, limitWord(l))
	return nil
}

func shelfNames() string {
	var out []string
	for _, s := range school.Shelves() {
		out = append(out, string(s))
	}
	return strings.Join(out, ", ")
}

// limitWord writes a limit as scripts and parseLimit read it.
func limitWord(l school.Limit) string {
	switch l {
	case school.LimitNone:
		return "always"
	case school.LimitYear:
		return "year"
	}
	return strconv.Itoa(int(l))
}

func parseLimit(s string) (school.Limit, bool) {
	switch s {
	case "always":
		return school.LimitNone, true
	case "year":
		return school.LimitYear, true
	}
	n, err := strconv.Atoi(s)
	return school.Limit(n), err == nil && n > 0 && school.Limit(n).Valid()
}

// leavingJSON is what leaves a shelf next.
type leavingJSON struct {
	Shelf school.Shelf `json:"what"`
	Limit string       `json:"keep"` // days, "year" or "always"
	Kept  int          `json:"kept"`
	Next  string       `json:"next,omitempty"` // the day on which some of it leaves
	Count int          `json:"leaving,omitempty"`
}

func jsonLeaving(all []storage.Leaving) []leavingJSON {
	out := []leavingJSON{}
	for _, l := range all {
		v := leavingJSON{Shelf: l.Shelf, Limit: limitWord(l.Limit), Kept: l.Kept, Count: l.Count}
		if !l.Next.IsZero() {
			v.Next = l.Next.String()
		}
		out = append(out, v)
	}
	return out
}

// delete deletes for good, lists what was, and takes that back.
func (c command) delete(ctx context.Context, args []string) error {
	v, rest, err := verb("delete", args, "child", "kind", "list", "allow", "copy")
	if err != nil {
		return err
	}
	if v == "copy" {
		return c.deleteCopy(ctx, rest)
	}
	if v == "list" {
		return c.deleteList(ctx, rest)
	}
	choice, err := parseChoice(v, rest)
	if err != nil {
		return err
	}
	if v == "allow" {
		if err := c.Allow(ctx, choice); err != nil {
			return c.explain(err, "deletion")
		}
		c.print("%s is read again with the next read\n", choiceWord(choice))
		return nil
	}
	report, err := c.Delete(ctx, choice)
	if err != nil {
		return c.explain(err, "child or kind")
	}
	c.printReport(report)
	c.print("%s\n", text.TerminalKeep().NotAgain)
	return nil
}

func (c command) deleteCopy(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return usageError("delete copy: name one backup, something put aside, or a folder that is away, by its path")
	}
	err := c.ForgetPlace(ctx, args[0])
	if err == nil {
		c.print("%s\n", text.TerminalKeep().Forgotten.With(args[0]))
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = c.RemoveCopy(ctx, args[0])
	}
	if err != nil {
		return c.explain(err, "copy")
	}
	c.print("deleted %s\n", args[0])
	return nil
}

func (c command) deleteList(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return usageError("delete list: %d words too many", len(args))
	}
	all, err := c.cfg.DB.Unwanted(ctx)
	if err != nil {
		return err
	}
	for _, u := range all {
		c.print("%s, since %s\n", choiceWord(u.Choice), stamp(u.Since))
	}
	return nil
}

// parseChoice reads "child N [KIND]" and "kind KIND"; behind "allow" either.
func parseChoice(v string, words []string) (storage.Choice, error) {
	if v == "allow" && len(words) > 0 {
		v, words = words[0], words[1:]
	}
	switch {
	case v == "kind" && len(words) == 1:
		return storage.Choice{Kind: school.Kind(words[0])}, nil
	case v == "child" && (len(words) == 1 || len(words) == 2):
		n, err := strconv.Atoi(words[0])
		if err != nil || n <= 0 {
			return storage.Choice{}, usageError("delete: a child is named by its number")
		}
		c := storage.Choice{Child: school.ChildNumber(n)}
		if len(words) == 2 {
			c.Kind = school.Kind(words[1])
		}
		return c, nil
	}
	return storage.Choice{}, usageError("delete: say child NUMBER [KIND] or kind KIND, behind allow to take it back")
}

func choiceWord(c storage.Choice) string {
	switch {
	case c.Child == school.Family:
		return fmt.Sprintf("%s of every child", c.Kind)
	case c.Kind == "":
		return fmt.Sprintf("child %d", c.Child)
	}
	return fmt.Sprintf("%s of child %d", c.Kind, c.Child)
}

// printReport says what was removed, a line for each.
func (c command) printReport(r web.Report) {
	say := text.TerminalKeep()
	for _, k := range storage.DeletableKinds() {
		if n := r.Removed.Kinds[k]; n > 0 {
			c.print("removed %d %s\n", n, k)
		}
	}
	if r.Removed.Files > 0 {
		c.print("removed %d pictures and files\n", r.Removed.Files)
	}
	for _, n := range r.Removed.Children {
		c.print("removed the name of child %d\n", n)
	}
	for _, s := range r.Accounts {
		c.printFarewell(s)
	}
	if !r.Removed.Any() {
		c.print("%s\n", say.Nothing)
	}
	for _, l := range r.Links {
		c.print("link %s shows nothing any more; syncd link revoke %s ends it\n", l.ID, l.ID)
	}
	if n := r.Copies.Changed; n > 0 {
		c.print("removed from %d backups\n", n)
	}
	for _, left := range r.Copies.Left {
		c.print("still in %s (%s)\n", left.Path, left.Why)
		if left.Why == web.CopyBusy {
			c.print("  %s\n", say.Later)
		}
		if left.Away() {
			c.print("  %s\n", say.Forget.With(left.Path))
		}
		if left.Offered {
			c.print("  syncd delete copy %s deletes it\n", left.Path)
		}
	}
	if r.Unsaved {
		fmt.Fprintf(c.Err, "syncd: hint: %s\n", say.Unsaved)
	}
}
