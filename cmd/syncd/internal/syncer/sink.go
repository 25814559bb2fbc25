package syncer

import (
	"context"
	"fmt"
	"slices"

	"syncd/source"
	"syncd/source/school"
)

// sink takes what one job reads.
type sink struct {
	s *Syncer
	r *run
	m *memory
}

// Roster implements [source.Sink]: the right person, then the children.
func (k *sink) Roster(ctx context.Context, roster school.Roster) error {
	cfg, acct := k.s.cfg, k.r.acct
	if err := cfg.Sessions.CheckOwner(ctx, acct.ID, roster); err != nil {
		return err
	}
	numbers, err := cfg.Store.PutRoster(ctx, acct.ID, acct.Platform, cfg.Normalizer.Roster(roster))
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSaved, err)
	}
	k.m.meet(numbers)
	for _, c := range roster.Children {
		known, err := cfg.Store.KnownNews(ctx, acct.Platform, c.Ref)
		if err != nil {
			return fmt.Errorf("%w: %w", errNotSaved, err)
		}
		for ref, modified := range known {
			if !k.m.again(ref) {
				k.r.plan.KnownNews[ref] = modified
			}
		}
		unwanted, err := cfg.Unwanted(ctx, acct.Platform, c.Ref)
		if err != nil {
			return fmt.Errorf("%w: %w", errNotSaved, err)
		}
		if len(unwanted) > 0 {
			k.r.plan.Unwanted[c.Ref] = unwanted
		}
	}
	return nil
}

// Snapshot implements [source.Sink]: cleaned, committed, told.
func (k *sink) Snapshot(ctx context.Context, snap school.Snapshot) error {
	cfg, acct := k.s.cfg, k.r.acct
	if !k.m.knows(snap.Child.Ref) {
		return fmt.Errorf("snapshot of a child that is not in the list: %w", source.ErrWrongChild)
	}
	snap = cfg.Normalizer.Snapshot(ctx, snap)
	if err := ctx.Err(); err != nil {
		return err // what was cleaned in a hurry may lack the text of a file
	}
	if err := k.missing(ctx, snap); err != nil {
		return err
	}
	changes, err := cfg.Store.Apply(ctx, acct.ID, snap)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSaved, err)
	}
	k.r.stored = k.r.stored || len(snap.Covered) > 0
	k.r.changes = append(k.r.changes, changes)
	k.r.held = append(k.r.held, changes.Held...)
	k.r.news = append(k.r.news, snap.Announced...)
	for _, n := range snap.Skipped {
		k.r.skipped += n
	}
	cfg.Committed(ctx, acct.ID, changes)
	return nil
}

// missing notes letters that the adapter did not read because a sibling has
// them, though this child has not: they are read in full the next time.
func (k *sink) missing(ctx context.Context, snap school.Snapshot) error {
	if len(snap.Unchanged) == 0 {
		return nil
	}
	known, err := k.s.cfg.Store.KnownNews(ctx, k.r.acct.Platform, snap.Child.Ref)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSaved, err)
	}
	k.m.reread(slices.DeleteFunc(slices.Clone(snap.Unchanged), func(r school.Ref) bool {
		_, ok := known[r]
		return ok
	}))
	return nil
}
