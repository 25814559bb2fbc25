package skolplattformen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/school"
)

// Fetch implements [source.Source].
func (a *adapter) Fetch(ctx context.Context, s *source.Session, plan school.Plan, sink source.Sink) error {
	if err := a.fetch(ctx, s, plan, sink); err != nil {
		return fmt.Errorf("skolplattformen: fetch: %w", err)
	}
	return nil
}

// read is one Fetch.
type read struct {
	*dialogue

	plan  school.Plan
	today school.Date
	taken time.Time

	pupils []pupil
	// mixed is set in families with a preschool child, or a child that might
	// be one: the server then answers about the selected child.
	mixed bool
}

func (a *adapter) fetch(ctx context.Context, s *source.Session, plan school.Plan, sink source.Sink) error {
	c, err := fetch.New(a.cfg, fetch.Options{Allow: rules(), MaxBody: maxBody, UserAgent: agent})
	if err != nil {
		return err
	}
	if err := decodeState(s.State(), c.Jar()); err != nil {
		return err
	}
	now := a.cfg.Now()
	if plan.Now.IsZero() {
		plan.Now = now
	}
	r := &read{
		dialogue: &dialogue{http: c, session: s}, plan: plan, taken: now,
		today: school.DateOf(plan.Now.In(school.Stockholm())),
	}
	user, err := r.user(ctx)
	if err != nil {
		return err
	}
	if err := r.home(ctx); err != nil {
		return err
	}
	if err := r.children(ctx); err != nil {
		return fmt.Errorf("children: %w", err)
	}
	if err := sink.Roster(ctx, r.roster(user)); err != nil {
		return err
	}
	return r.all(ctx, sink)
}

func (r *read) children(ctx context.Context) error {
	data, _, err := r.get(ctx, pathChildren, nil)
	if err != nil {
		return err
	}
	rows, skipped, err := decodeRows[wireChild](data)
	if err != nil {
		return err
	}
	r.pupils, err = translateChildren(rows, skipped)
	for _, p := range r.pupils {
		r.mixed = r.mixed || !p.beyond()
	}
	return err
}

func (r *read) roster(u wireUser) school.Roster {
	out := school.Roster{Owner: owner(u), OwnerName: ownerName(u)}
	for _, p := range r.pupils {
		out.Children = append(out.Children, p.Child)
	}
	return out
}

// all reads every child and hands each on as soon as it is whole. What went
// wrong with one child does not keep the others from being read, unless it
// concerns the whole session.
func (r *read) all(ctx context.Context, sink source.Sink) error {
	if r.mixed {
		return r.mixedFamily(ctx, sink)
	}
	var trouble []error
	for _, p := range r.pupils {
		if r.unwanted(p) {
			continue
		}
		b := newBuilder(r, p)
		err := b.parts(ctx)
		if errors.Is(err, source.ErrWrongChild) {
			trouble = append(trouble, r.whole(p, source.ErrWrongChild))
			continue
		}
		trouble = append(trouble, err)
		if ctx.Err() != nil {
			break
		}
		if err := hand(ctx, sink, b.snapshot()); err != nil {
			return errors.Join(append(trouble, err)...)
		}
		if ends(err) {
			break
		}
	}
	return errors.Join(trouble...)
}

// unwanted reports whether nothing at all is to be read of a child.
func (r *read) unwanted(p pupil) bool {
	return !slices.ContainsFunc(parts(), func(part school.Part) bool { return r.plan.WantsOf(p.Ref, part) })
}

func hand(ctx context.Context, sink source.Sink, snap *school.Snapshot) error {
	if snap == nil {
		return nil
	}
	return sink.Snapshot(ctx, *snap)
}

// mixedFamily reads every child with the checks of confirm.go, each a second
// time when there is doubt. It hands on all of them or none: a server that was
// caught answering about a sibling is not believed about the others either,
// and when the session ends on the way the last check cannot be made.
func (r *read) mixedFamily(ctx context.Context, sink source.Sink) error {
	var trouble []error
	var all []held
	doubt := false
	for _, p := range r.pupils {
		if r.unwanted(p) {
			continue
		}
		h, err := r.vouched(ctx, p)
		if errors.Is(err, source.ErrWrongChild) && !ends(err) {
			h, err = r.vouched(ctx, p)
		}
		switch {
		case ends(err):
			return errors.Join(append(trouble, err)...)
		case h.snap == nil && err != nil:
			doubt = doubt || errors.Is(err, source.ErrWrongChild)
			trouble = append(trouble, r.whole(p, err))
		default:
			trouble = append(trouble, err)
			all = append(all, h)
		}
	}
	doubt = doubt || doubtful(all)
	for _, h := range all {
		if doubt {
			trouble = append(trouble, r.whole(h.p, source.ErrWrongChild))
			continue
		}
		if err := hand(ctx, sink, h.snap); err != nil {
			return errors.Join(append(trouble, err)...)
		}
	}
	return errors.Join(trouble...)
}

// whole says of every part that it failed, where a child was not read at all.
func (r *read) whole(p pupil, err error) error {
	var out []error
	for _, part := range parts() {
		if r.plan.WantsOf(p.Ref, part) {
			out = append(out, &source.PartError{Child: p.Ref, Part: part, Err: err})
		}
	}
	return errors.Join(out...)
}
