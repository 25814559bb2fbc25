package view

import (
	"context"
	"slices"

	"syncd/source/school"
	"syncd/storage"
)

// resolved returns the link with the numbers in its scope by which children
// go now: a link to a child that was joined to another one shows that one.
func resolved(l school.Link, children []storage.Child) school.Link {
	if l.Children == nil {
		return l
	}
	out := make([]school.ChildNumber, 0, len(l.Children))
	for _, n := range l.Children {
		if i := slices.IndexFunc(children, func(c storage.Child) bool { return c.Has(n) }); i >= 0 {
			n = children[i].Number
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	l.Children = out
	return l
}

// alias answers the number by which a child goes that was joined to another
// one. It is asked for numbers that are nobody's own only, so it may be slow.
func (v *Views) alias(ctx context.Context, n school.ChildNumber) (school.ChildNumber, bool) {
	children, err := v.cfg.Store.Children(ctx)
	if err != nil {
		return 0, false
	}
	for _, c := range children {
		if slices.Contains(c.Aliases, n) {
			return c.Number, true
		}
	}
	return 0, false
}
