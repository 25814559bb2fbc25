package infomentor

import (
	"context"
	"errors"
	"fmt"

	"syncd/source"
)

// The right child. The Hub answers about the pupil who is selected in its
// session, and most answers do not name anybody. A child is therefore read in
// one go:
//
//   - select it, and see on the home page that it is selected;
//   - ask a module whom it answers about (its mark, an id of another kind) and
//     compare with what is known of this child and of the siblings;
//   - read, and ask for the mark again after every few answers and at the end,
//     when the home page is looked at once more.
//
// Whatever does not agree makes the whole child be thrown away and read once
// more; the second time it is given up until the next read. A child without
// siblings needs none of this.

// vouchEvery is how many answers are believed from one mark to the next. A
// parent who selects a child elsewhere, and back, within so few requests would
// not be noticed.
const vouchEvery = 4

// vouched reads one child. It returns what it read only when every check says
// that all of it is about this child.
func (r *read) vouched(ctx context.Context, p pupil) (*builder, error) {
	if len(r.pupils) > 1 {
		if err := r.settleOn(ctx, p); err != nil {
			return nil, r.whole(p, err)
		}
	}
	b := newBuilder(r, p)
	trouble := b.parts(ctx)
	if trouble != nil && ends(trouble) && len(r.pupils) > 1 {
		return nil, trouble // the last check cannot be made
	}
	if errors.Is(trouble, source.ErrWrongChild) {
		return nil, r.whole(p, source.ErrWrongChild)
	}
	if len(r.pupils) > 1 {
		if err := r.confirm(ctx, p); err != nil {
			return nil, r.whole(p, err)
		}
	}
	return b, trouble
}

// settleOn selects a child and makes sure of it.
func (r *read) settleOn(ctx context.Context, p pupil) error {
	if r.chosen != p.id {
		if err := r.choose(ctx, p); err != nil {
			return err
		}
	}
	return r.confirm(ctx, p)
}

// confirm looks at the home page and at the mark.
func (r *read) confirm(ctx context.Context, p pupil) error {
	if err := r.lookAtHome(ctx, p); err != nil {
		return err
	}
	return r.lookAtMark(ctx, p)
}

func (r *read) lookAtHome(ctx context.Context, p pupil) error {
	h, err := r.home(ctx)
	if err != nil {
		return err
	}
	if h.Account.User.ID != r.state.Owner {
		return source.ErrWrongPerson
	}
	r.chosen, r.apps = h.selected(), h.Apps
	if r.chosen != p.id {
		return source.ErrWrongChild
	}
	return nil
}

// lookAtMark asks a module whom it answers about. A mark that was never seen
// is learned: from a child who has been selected all the time, or when that of
// the child selected before is known, so that it cannot be that one's. One
// that differs from what is known makes everything known be forgotten, to be
// learned anew with the next read.
func (r *read) lookAtMark(ctx context.Context, p pupil) error {
	var w wireMark
	err := r.json(ctx, pathCommunication, struct{}{}, &w)
	if errors.Is(err, source.ErrAbsent) {
		return nil // the home page has to do
	}
	if err != nil {
		return fmt.Errorf("whose answers: %w", err)
	}
	seen := w.Consent.Pupil
	if seen == 0 {
		return nil
	}
	sibling := false
	for id, known := range r.state.Marks {
		sibling = sibling || known == seen && id != p.id
	}
	known, ok := r.state.Marks[p.id]
	_, sure := r.state.Marks[r.before]
	switch {
	case sibling && r.switched:
	case sibling, ok && known != seen:
		clear(r.state.Marks) // either we are wrong about it or the platform is
	case ok:
		return nil
	case !r.switched || sure:
		r.state.Marks[p.id] = seen
		return nil
	}
	r.chosen = ""
	return source.ErrWrongChild
}

// stillThere makes sure of the child in the middle of its reading: by the
// mark where there is one, else by the home page.
func (r *read) stillThere(ctx context.Context, p pupil) error {
	if len(r.pupils) < 2 {
		return nil
	}
	if _, ok := r.state.Marks[p.id]; ok {
		return r.lookAtMark(ctx, p)
	}
	return r.lookAtHome(ctx, p)
}
