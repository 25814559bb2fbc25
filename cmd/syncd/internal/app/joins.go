package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"text/tabwriter"

	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
	"syncd/storage"
)

// Joined implements web.ChildStore.
func (p pages) Joined(ctx context.Context) ([]web.JoinedView, error) {
	children, err := p.cfg.DB.Children(ctx)
	if err != nil {
		return nil, err
	}
	leads, err := p.cfg.DB.Leads(ctx)
	if err != nil {
		return nil, err
	}
	brought, err := p.cfg.DB.Brought(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]web.JoinedView, 0, len(children))
	for _, c := range children {
		v := web.JoinedView{Number: c.Number, Name: c.Name, School: c.School, Aliases: c.Aliases}
		for _, i := range c.Identities {
			v.Platforms = append(v.Platforms, p.name(i.Platform).Name)
		}
		for _, k := range slices.Concat(school.CalendarKinds(), []school.Kind{school.KindNews, school.KindNotices}) {
			if l, ok := p.leadView(c.Number, k, brought, leads); ok {
				v.Kinds = append(v.Kinds, l)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// leadView describes a kind of a child; false where one platform at most has
// brought it, or it follows another kind.
func (a *App) leadView(n school.ChildNumber, k school.Kind, brought []storage.Brought, leads []storage.Lead) (web.LeadView, bool) {
	v := web.LeadView{Kind: k}
	for _, b := range brought {
		if b.Child != n || b.Kind != k || k.Origin() != "" {
			continue
		}
		if name := a.name(b.Platform); !slices.Contains(v.Platforms, name) {
			v.Platforms = append(v.Platforms, name)
		}
	}
	if len(v.Platforms) < 2 {
		return v, false
	}
	v.Leader = v.Platforms[0].ID
	for _, l := range leads {
		if l.Child == n && l.Kind == k {
			v.Leader, v.Fill = l.Platform, l.Fill
		}
	}
	return v, true
}

func (a *App) name(id school.PlatformID) web.PlatformName {
	platform, ok := a.platform(id)
	if !ok {
		return web.PlatformName{ID: id, Name: string(id)}
	}
	return web.PlatformName{ID: id, Name: platform.Name}
}

// JoinChildren says that two children are one; see [storage.DB.Join].
func (a *App) JoinChildren(ctx context.Context, x, y school.ChildNumber) error {
	if _, err := a.cfg.DB.Join(ctx, x, y); err != nil {
		return fmt.Errorf("app: join children %d and %d: %w", x, y, err)
	}
	a.views.Invalidate()
	return nil
}

// SplitChild takes back that y is the same child as x.
func (a *App) SplitChild(ctx context.Context, x, y school.ChildNumber) error {
	if err := a.cfg.DB.Split(ctx, x, y); err != nil {
		return fmt.Errorf("app: split child %d: %w", x, err)
	}
	a.views.Invalidate()
	return nil
}

// LeadKind says which platform leads in a kind of a joined child, and whether
// the others fill in.
func (a *App) LeadKind(ctx context.Context, n school.ChildNumber, k school.Kind, p school.PlatformID, fill bool) error {
	if err := a.cfg.DB.PutLead(ctx, storage.Lead{Child: n, Kind: k, Platform: p, Fill: fill}); err != nil {
		return fmt.Errorf("app: lead of child %d: %w", n, err)
	}
	a.views.Invalidate()
	return nil
}

// canonical answers the numbers by which children go now, each once; nil
// stays nil.
func (a *App) canonical(ctx context.Context, numbers []school.ChildNumber) ([]school.ChildNumber, error) {
	children, err := a.cfg.DB.Children(ctx)
	if err != nil || numbers == nil {
		return nil, err
	}
	out := []school.ChildNumber{}
	for _, n := range numbers {
		if i := slices.IndexFunc(children, func(c storage.Child) bool { return c.Has(n) }); i >= 0 {
			n = children[i].Number
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out, nil
}

// child lists, joins and splits children. Names are the guardian's to see, so
// the list is not for scripts.
func (c command) child(ctx context.Context, args []string) error {
	v, rest, err := verb("child", args, "list", "join", "split", "lead")
	if err != nil {
		return err
	}
	switch v {
	case "list":
		return c.childList(ctx, rest)
	case "lead":
		return c.childLead(ctx, rest)
	}
	if len(rest) != 2 {
		return usageError("child %s: name two children by their numbers", v)
	}
	x, errX := strconv.Atoi(rest[0])
	y, errY := strconv.Atoi(rest[1])
	if errX != nil || errY != nil {
		return usageError("child %s: a child is named by its number", v)
	}
	a, b := school.ChildNumber(x), school.ChildNumber(y)
	if v == "split" {
		if err := c.SplitChild(ctx, a, b); err != nil {
			return c.explain(err, "joined child")
		}
		c.print("child %d is a child of its own again\n", b)
		return nil
	}
	if err := c.JoinChildren(ctx, a, b); err != nil {
		return c.explain(err, "child")
	}
	c.print("child %d is now child %d as well\n", min(a, b), max(a, b))
	return nil
}

func (c command) childList(ctx context.Context, args []string) error {
	if len(args) > 0 {
		return usageError("child list: %d words too many", len(args))
	}
	children, err := pages{c.App}.Joined(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for _, v := range children {
		fmt.Fprintf(w, "%d\t%s\t%v\n", v.Number, v.Name, v.Platforms)
		for _, n := range v.Aliases {
			fmt.Fprintf(w, "\talso %d\t\n", n)
		}
		for _, k := range v.Kinds {
			fill := "others hidden"
			if k.Fill {
				fill = "others fill in"
			}
			fmt.Fprintf(w, "\t%s\t%s leads, %s\n", k.Kind, k.Leader, fill)
		}
	}
	return w.Flush()
}

func (c command) childLead(ctx context.Context, args []string) error {
	var fill bool
	words, err := flags("child lead", args, func(f *flag.FlagSet) { f.BoolVar(&fill, "fill", false, "") })
	if err != nil {
		return err
	}
	if len(words) != 3 {
		return usageError("child lead: name a child, a kind and a platform")
	}
	n, err := strconv.Atoi(words[0])
	if err != nil {
		return usageError("child lead: a child is named by its number")
	}
	err = c.LeadKind(ctx, school.ChildNumber(n), school.Kind(words[1]), school.PlatformID(words[2]), fill)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
		return c.explain(err, "child")
	case err != nil:
		return err
	}
	c.print("%s leads in %s of child %d\n", words[2], words[1], n)
	return nil
}
