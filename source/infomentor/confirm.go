package infomentor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

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
//
// A mark that is not known is never taken from who was selected before: the
// parent may have selected somebody else meanwhile. It is a child's
//
//   - when a notification says so, which names the child in both ways;
//   - when every sibling has another one;
//   - when it is still the same after all answers that lag behind must have
//     come.
//
// It is kept only after the child's last check.
//
// Of a child whose answers bear no mark that is remembered for a week, and the
// home page has to do: nobody would notice answers that lag. So it is where the
// mark does not follow the selection.

// vouchEvery is how many answers are believed from one mark to the next. A
// parent who selects a child elsewhere, and back, within so few requests would
// not be noticed.
const vouchEvery = 4

// settled is how long after a switch, anybody's, the platform may still answer
// about the child that was selected before.
const settled = 2 * time.Minute

// lull is how long a child whose answers bear no mark is left alone after a
// switch, see [read.pause]; one project does so with every child.
const lull = 3 * time.Second

// Marks that are none.
const (
	unmarked im2ID = 0  // the platform does not say whom it answers about
	noModule im2ID = -1 // the child does not have the module that would
)

// vouched reads one child. It returns what it read only when every check says
// that all of it is about this child. again is for the second try, which waits
// where the first gives up.
func (r *read) vouched(ctx context.Context, p pupil, again bool) (*builder, error) {
	if len(r.pupils) > 1 {
		if err := r.settleOn(ctx, p, again); err != nil {
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
		if err := r.stillMarked(ctx, p, true); err != nil {
			return nil, r.whole(p, err)
		}
		if !r.blind() {
			r.state.setMark(p.id, r.mark, r.taken)
		}
	}
	return b, trouble
}

// settleOn selects a child, makes sure of it and notes the mark that its
// answers have to bear.
func (r *read) settleOn(ctx context.Context, p pupil, again bool) error {
	err := r.turnTo(ctx, p)
	if err != nil {
		return err
	}
	if r.mark, err = r.look(ctx, p); err != nil {
		return err
	}
	if !r.sure(p, r.mark) && !r.state.Strangers {
		if err := r.nameMarks(ctx); err != nil {
			return err
		}
	}
	switch {
	case r.sure(p, r.mark):
		return nil
	case r.lags(p, r.mark) && !again:
		r.chosen = ""
		return source.ErrWrongChild // it lags, mostly by one answer or two
	}
	if err := wait(ctx, settled); err != nil {
		return err
	}
	if r.mark, err = r.look(ctx, p); err != nil {
		return err
	}
	known, ok := r.state.Marks[p.id]
	sibling := r.siblings(p, r.mark)
	switch {
	case sibling && r.state.Strangers:
		// Two children have one mark, which nobody but the answers told.
		clear(r.state.Marks)
		r.state.Blind = r.taken.UTC().Truncate(time.Second)
		r.mark = unmarked
	case sibling || ok && r.mark > 0 && known != r.mark:
		// Either we are wrong about the marks or the platform is. They are
		// learned anew, and not from notifications.
		clear(r.state.Marks)
		r.state.Strangers = true
		r.chosen = ""
		return source.ErrWrongChild
	}
	return nil
}

// turnTo selects a child, unless it is selected.
func (r *read) turnTo(ctx context.Context, p pupil) error {
	if r.chosen == p.id {
		return nil
	}
	if err := r.choose(ctx, p); err != nil {
		return err
	}
	if known, ok := r.markOf(p.id); ok && known <= 0 {
		return r.pause(ctx)
	}
	return nil
}

// markOf returns what is known of the mark of a child's answers.
func (r *read) markOf(id pupilID) (im2ID, bool) {
	if r.blind() {
		return unmarked, true
	}
	if known, ok := r.state.Marks[id]; ok {
		return known, true
	}
	b, ok := r.state.Bare[id]
	return b.Mark, ok && lately(b.At, r.taken)
}

// blind reports whether the platform's marks were lately found not to follow
// the selection.
func (r *read) blind() bool { return lately(r.state.Blind, r.taken) }

// sure reports whether answers that bear a mark are about a child: as is
// known, or because they are about none of the siblings.
func (r *read) sure(p pupil, seen im2ID) bool {
	known, ok := r.markOf(p.id)
	if ok && (known > 0 || known == seen) {
		return known == seen
	}
	if seen == unmarked {
		return false
	}
	for _, o := range r.pupils {
		if known, ok := r.markOf(o.id); o.id != p.id && (!ok || known == seen) {
			return false
		}
	}
	return true
}

// lags reports whether answers that bear a mark seem to be about a sibling.
func (r *read) lags(p pupil, seen im2ID) bool {
	_, marked := r.state.Marks[p.id]
	return r.siblings(p, seen) || marked && slices.ContainsFunc(r.pupils, func(o pupil) bool {
		known, ok := r.markOf(o.id)
		return o.id != p.id && ok && known == seen
	})
}

// siblings reports whether a mark is known to be a sibling's.
func (r *read) siblings(p pupil, seen im2ID) bool {
	for id, known := range r.state.Marks {
		if known == seen && id != p.id {
			return true
		}
	}
	return false
}

// nameMarks learns marks from notifications, which name their child by its
// mark and by the id of the home page. That there are none is no trouble.
func (r *read) nameMarks(ctx context.Context) error {
	var w wireNotices
	if err := r.json(ctx, pathNotices, struct{}{}, &w); ends(err) {
		return err
	}
	if rows, _, err := decodeRows[wireNotice](w.Notices); err == nil {
		r.learn(rows)
	}
	return nil
}

// learn takes marks from notifications. A child with two, or two children with
// one, show that these are no marks.
func (r *read) learn(rows []wireNotice) {
	marks := map[pupilID]im2ID{}
	for _, row := range rows {
		i := slices.IndexFunc(r.pupils, func(p pupil) bool { return p.mapping != "" && p.mapping == row.Mapping })
		if i < 0 || row.IM2 <= 0 || r.deleted(r.pupils[i]) {
			continue
		}
		id := r.pupils[i].id
		if known, ok := r.markOf(id); ok && known <= 0 {
			continue // its answers do not bear it
		}
		if before, ok := marks[id]; ok && before != row.IM2 {
			return
		}
		marks[id] = row.IM2
	}
	maps.Copy(marks, r.state.Marks)
	if len(slices.Compact(slices.Sorted(maps.Values(marks)))) == len(marks) {
		r.state.Marks = marks
	}
}

// look sees on the home page that a child is selected and returns the mark of
// the answers. One that was not known before is asked for between two looks at
// the home page.
func (r *read) look(ctx context.Context, p pupil) (im2ID, error) {
	if err := r.lookAtHome(ctx, p); err != nil {
		return 0, err
	}
	seen, err := r.askMark(ctx)
	if err != nil {
		return 0, err
	}
	if known, ok := r.markOf(p.id); !ok || known != seen {
		return seen, r.lookAtHome(ctx, p)
	}
	return seen, nil
}

func (r *read) lookAtHome(ctx context.Context, p pupil) error {
	h, err := r.home(ctx)
	if err != nil {
		return err
	}
	if h.Account.User.ID != r.state.Owner {
		return source.ErrWrongPerson
	}
	r.chosen, r.apps, r.doubted = h.selected(), h.Apps, false
	if r.chosen != p.id {
		return source.ErrWrongChild
	}
	return nil
}

// askMark asks a module whom it answers about, where that would help.
func (r *read) askMark(ctx context.Context) (im2ID, error) {
	switch {
	case r.blind():
		return unmarked, nil
	case !r.module(moduleNews):
		return noModule, nil
	}
	var w wireMark
	err := r.json(ctx, pathCommunication, struct{}{}, &w)
	if errors.Is(err, source.ErrAbsent) {
		return noModule, nil
	}
	if err != nil {
		return 0, fmt.Errorf("whose answers: %w", err)
	}
	return max(w.Consent.Pupil, unmarked), nil
}

// stillMarked makes sure that the answers are still about the child: by the
// mark or, where there is none, by the home page; by both at the end, or where
// the mark alone does not tell.
func (r *read) stillMarked(ctx context.Context, p pupil, atEnd bool) error {
	if r.mark <= 0 && !atEnd {
		return r.lookAtHome(ctx, p)
	}
	ask := r.askMark
	if known, ok := r.state.Marks[p.id]; atEnd || !ok || known != r.mark {
		ask = func(ctx context.Context) (im2ID, error) { return r.look(ctx, p) }
	}
	seen, err := ask(ctx)
	if err != nil {
		return err
	}
	if seen != r.mark {
		r.chosen = ""
		return source.ErrWrongChild
	}
	return nil
}

// stillThere makes sure of the child in the middle of its reading.
func (r *read) stillThere(ctx context.Context, p pupil) error {
	if len(r.pupils) < 2 {
		return nil
	}
	return r.stillMarked(ctx, p, false)
}

// pause gives the platform time after a switch to a child whose answers bear no
// mark, and throws one answer away.
func (r *read) pause(ctx context.Context) error {
	if err := wait(ctx, lull); err != nil {
		return err
	}
	var w wireNotices
	if err := r.json(ctx, pathNotices, struct{}{}, &w); ends(err) {
		return err
	}
	return nil // it is not looked at
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
