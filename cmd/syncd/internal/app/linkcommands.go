package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

func (c command) link(ctx context.Context, args []string) error {
	v, rest, err := verb("link", args, "add", "list", "set", "rotate", "revoke")
	if err != nil {
		return err
	}
	switch v {
	case "add":
		return c.linkAdd(ctx, rest)
	case "list":
		return c.linkList(ctx, rest)
	case "set":
		return c.linkSet(ctx, rest)
	case "rotate":
		return c.linkRotate(ctx, rest)
	}
	if len(rest) != 1 {
		return usageError("link revoke: name one link")
	}
	if err := c.RevokeLink(ctx, school.LinkID(rest[0])); err != nil {
		return c.explain(err, "link")
	}
	c.print("link %s is revoked\n", rest[0])
	return nil
}

func (c command) linkAdd(ctx context.Context, args []string) error {
	var asJSON bool
	n := linkFlags{loc: c.loc}
	n.Options.Language = string(text.SV)
	words, err := flags("link add", args, func(f *flag.FlagSet) {
		n.declare(f)
		f.BoolVar(&asJSON, "json", false, "")
	})
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usageError("link add: %d words too many", len(words))
	}
	made, err := c.AddLink(ctx, n.NewLink, n.expires)
	if err != nil {
		return c.explain(err, "child")
	}
	return c.showAddresses(made, asJSON)
}

// linkSet changes what its flags name and leaves the rest as it is.
func (c command) linkSet(ctx context.Context, args []string) error {
	n := linkFlags{loc: c.loc}
	if len(args) > 0 {
		l, err := c.linkThere(ctx, school.LinkID(args[0]))
		if err != nil {
			return c.explain(err, "link")
		}
		n.NewLink, n.expires = choiceOf(l), l.Expires
	}
	words, err := flags("link set", args, n.declare)
	if err != nil {
		return err
	}
	if len(words) != 1 || words[0] != args[0] {
		return usageError("link set: name one link, then what to change")
	}
	if err := c.ChangeLink(ctx, school.LinkID(words[0]), n.NewLink, n.expires); err != nil {
		return c.explain(err, "child")
	}
	c.print("link %s is changed\n", words[0])
	return nil
}

// linkRotate replaces the secrets that its flags name, all where they name
// none.
func (c command) linkRotate(ctx context.Context, args []string) error {
	var asJSON bool
	var r web.Rotation
	words, err := flags("link rotate", args, func(f *flag.FlagSet) {
		f.BoolVar(&r.Page, "page", false, "")
		f.BoolVar(&r.Calendars, "calendars", false, "")
		f.BoolVar(&r.Feeds, "feeds", false, "")
		f.BoolVar(&r.Password, "password", false, "")
		f.BoolVar(&r.Now, "now", false, "")
		f.BoolVar(&asJSON, "json", false, "")
	})
	if err != nil {
		return err
	}
	if len(words) != 1 {
		return usageError("link rotate: name one link")
	}
	if !r.Any() {
		r.Page, r.Calendars, r.Feeds, r.Password = true, true, true, true
	}
	made, err := c.RotateLink(ctx, school.LinkID(words[0]), r)
	if err != nil {
		return c.explain(err, "link")
	}
	return c.showAddresses(made, asJSON)
}

// linkFlags are the flags that say what a link shows, how and until when. Each
// changes what was there before.
type linkFlags struct {
	web.NewLink

	expires time.Time
	loc     *time.Location
}

// The flags' words for [school.CancelledPrefix] and [school.DetailFull], which
// are empty.
const (
	cancelledPrefix = "prefix"
	detailFull      = "full"
)

func (n *linkFlags) declare(f *flag.FlagSet) {
	f.StringVar(&n.Label, "label", n.Label, "")
	f.Func("children", "", n.setChildren)
	f.Func("kinds", "", n.setKinds)
	f.Func("expires", "", n.setExpires)
	f.Func("cancelled", "", n.setCancelled)
	f.Func("language", "", n.setLanguage)
	f.Func("detail", "", n.setDetail)
	f.Func("history", "", n.setHistory)
	f.BoolVar(&n.Options.Quiet, "quiet", n.Options.Quiet, "")
	f.BoolVar(&n.Options.Prefix, "prefix", n.Options.Prefix, "")
	f.BoolVar(&n.Options.Merged, "merged", n.Options.Merged, "")
	f.BoolVar(&n.Options.Day, "day", n.Options.Day, "")
	f.BoolVar(&n.Options.UTC, "utc", n.Options.UTC, "")
}

func (n *linkFlags) setChildren(list string) error {
	n.Children = nil
	if list == "all" {
		return nil
	}
	for field := range fields(list) {
		number, err := strconv.Atoi(field)
		if err != nil || number < 1 {
			return errors.New("it takes numbers parted by commas, or all")
		}
		n.Children = append(n.Children, school.ChildNumber(number))
	}
	return nil
}

func (n *linkFlags) setKinds(list string) error {
	n.Kinds = nil
	if list == "all" {
		return nil
	}
	for field := range fields(list) {
		n.Kinds = append(n.Kinds, school.Kind(field))
	}
	return nil
}

func (n *linkFlags) setExpires(day string) error {
	if day == "never" {
		n.expires = time.Time{}
		return nil
	}
	d, err := school.ParseDate(day)
	if err != nil {
		return errors.New("it takes the last day as 2027-06-15, or never")
	}
	n.expires = d.AddDays(1).Start(n.loc)
	return nil
}

func (n *linkFlags) setCancelled(style string) error {
	switch style {
	case cancelledPrefix:
		n.Options.Cancelled = school.CancelledPrefix
	case string(school.CancelledStatus), string(school.CancelledDrop):
		n.Options.Cancelled = school.Cancelled(style)
	default:
		return errors.New("it is prefix, status or drop")
	}
	return nil
}

func (n *linkFlags) setDetail(level string) error {
	d := school.Detail(level)
	if level == detailFull {
		d = school.DetailFull
	}
	if level == "" || !slices.Contains(school.Details(), d) {
		return errors.New("it is full, times or busy")
	}
	n.Options.Detail = d
	return nil
}

func (n *linkFlags) setHistory(days string) error {
	number, err := strconv.Atoi(days)
	if err != nil || number < 0 || number > web.MaxHistory {
		return fmt.Errorf("it takes a number of days, at most %d", web.MaxHistory)
	}
	n.Options.History = number
	return nil
}

func (n *linkFlags) setLanguage(tag string) error {
	l, ok := text.Parse(tag)
	if !ok {
		return errors.New("it is sv or en")
	}
	n.Options.Language = string(l)
	return nil
}

func fields(list string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for f := range strings.SplitSeq(list, ",") {
			if f = strings.TrimSpace(f); f != "" && !yield(f) {
				return
			}
		}
	}
}

func (c command) linkList(ctx context.Context, args []string) error {
	var asJSON bool
	words, err := flags("link list", args, func(f *flag.FlagSet) { f.BoolVar(&asJSON, "json", false, "") })
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usageError("link list: %d words too many", len(words))
	}
	links, err := c.Links(ctx)
	if err != nil {
		return err
	}
	views, err := c.linkViews(ctx, links)
	if err != nil {
		return err
	}
	if asJSON {
		return c.printJSON(jsonLinks(links, views))
	}
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for i, l := range links {
		var by []string
		for _, u := range views[i].Uses {
			by = append(by, string(u.Client))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.ID, l.Label, stamp(l.Created), stamp(l.LastUsed), strings.Join(by, ","))
	}
	return w.Flush()
}

func (c command) showAddresses(a web.Addresses, asJSON bool) error {
	if asJSON {
		return c.printJSON(jsonAddresses(a))
	}
	c.printAddresses(a)
	return nil
}

func (c command) printAddresses(a web.Addresses) {
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for _, cal := range a.Calendars {
		fmt.Fprintf(w, "%d\t%s\t%s\n", cal.Child, cal.Kind, cal.URL)
	}
	for _, f := range a.Feeds {
		fmt.Fprintf(w, "%d\t%s\t%s\n", f.Child, f.Kind, f.URL)
	}
	if a.CalDAV.Password != "" {
		fmt.Fprintf(w, "CalDAV\tserver\t%s\n\tuser\t%s\n\tpassword\t%s\n", a.CalDAV.URL, a.CalDAV.User, a.CalDAV.Password)
	}
	if a.Page != "" {
		fmt.Fprintf(w, "page\t%s\n", a.Page)
	}
	_ = w.Flush()
	if !a.Overlap.IsZero() {
		c.print("\n%s %s\n", c.say.OldUntil, stamp(a.Overlap))
	}
	c.print("\n%s\n", c.say.ShownOnce)
}
