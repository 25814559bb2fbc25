package infomentor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/school"
)

// Fetch implements [source.Source].
func (a *adapter) Fetch(ctx context.Context, s *source.Session, plan school.Plan, sink source.Sink) error {
	if err := a.fetch(ctx, s, plan, sink); err != nil {
		return fmt.Errorf("infomentor: fetch: %w", err)
	}
	return nil
}

// pupil is a child with the keys that requests need.
type pupil struct {
	school.Child

	id        pupilID
	mapping   mappingID
	switchURL string // empty where the platform does not say
}

// read is one Fetch.
type read struct {
	*dialogue

	plan   school.Plan
	today  school.Date
	taken  time.Time
	pupils []pupil

	own     pupilID // who was selected when the read began
	chosen  pupilID // who is selected, as far as we know; "" when we do not
	mark    im2ID   // what answers about the child bear that is being read
	apps    []wireApp
	notices notices
	doubted bool // the last switch answered 500: it may not have happened
}

func (a *adapter) fetch(ctx context.Context, s *source.Session, plan school.Plan, sink source.Sink) error {
	d, err := a.narrow(s)
	if err != nil {
		return err
	}
	now := a.cfg.Now()
	if plan.Now.IsZero() {
		plan.Now = now
	}
	h, err := d.home(ctx)
	if err != nil {
		return err
	}
	if h.Account.User.ID != d.state.Owner {
		return source.ErrWrongPerson
	}
	r := &read{
		dialogue: d, plan: plan, taken: now, today: school.DateOf(plan.Now.In(school.Stockholm())),
		pupils: pupilsOf(h, d.state.Phone), own: h.selected(), chosen: h.selected(), apps: h.Apps,
	}
	gone := func(id pupilID) bool { return !slices.ContainsFunc(r.pupils, func(p pupil) bool { return p.id == id }) }
	maps.DeleteFunc(d.state.Marks, func(id pupilID, _ im2ID) bool { return gone(id) })
	maps.DeleteFunc(d.state.Bare, func(id pupilID, _ bare) bool { return gone(id) })
	if err := sink.Roster(ctx, r.roster(h)); err != nil {
		return err
	}
	r.leftover()
	if len(plan.Parts) == 1 && plan.Wants(school.PartNotices) {
		err = r.light(ctx, sink)
	} else {
		err = r.all(ctx, sink)
	}
	if errors.Is(err, errNotSaved) {
		return err
	}
	return errors.Join(err, d.keep(ctx)) // marks that were learned, or that proved wrong
}

func (r *read) roster(h wireHome) school.Roster {
	out := school.Roster{Owner: school.Ref(h.Account.User.ID), OwnerName: personName(h.Account.User.Name)}
	for _, p := range r.pupils {
		out.Children = append(out.Children, p.Child)
	}
	return out
}

// pupilsOf returns the children of the home page. Where that does not say how
// one is selected, the phone's list may: by name, if the name is one child's
// alone.
func pupilsOf(h wireHome, phone []wirePhonePupil) []pupil {
	var out []pupil
	for _, w := range h.Account.Pupils {
		p := pupil{
			Child: school.Child{Ref: school.Ref(w.ID), Name: personName(w.Name)}, id: w.ID, mapping: w.Mapping,
			switchURL: switchURL(deref(w.SwitchURL)),
		}
		if p.switchURL == "" {
			p.switchURL = switchByName(p.Name, h, phone)
		}
		out = append(out, p)
	}
	return out
}

// switchURL accepts an address at the Hub that selects a pupil. It is used as
// it stands: an id of another kind in it is answered, about the wrong child.
func switchURL(addr string) string {
	u, err := url.Parse(addr)
	if err != nil || addr == "" {
		return ""
	}
	base, err := url.Parse(hub + "/")
	if err != nil {
		return ""
	}
	u = base.ResolveReference(u)
	if u.Scheme != "https" || u.Host != hubHost || u.User != nil || len(u.Path) <= len(pathSwitch) ||
		!strings.EqualFold(u.Path[:len(pathSwitch)], pathSwitch) {
		return ""
	}
	return u.String()
}

func switchByName(name string, h wireHome, phone []wirePhonePupil) string {
	same := 0
	for _, w := range h.Account.Pupils {
		if personName(w.Name) == name {
			same++
		}
	}
	var found []switchID
	for _, p := range phone {
		if strings.TrimSpace(p.FirstName+" "+p.LastName) == name {
			found = append(found, p.ID)
		}
	}
	if same != 1 || len(found) != 1 || found[0] <= 0 {
		return ""
	}
	return hub + pathSwitch + strconv.FormatInt(int64(found[0]), 10)
}

// personName turns "Surname, First Middle" round.
func personName(s string) string {
	last, first, ok := strings.Cut(s, ",")
	if !ok {
		return strings.TrimSpace(s)
	}
	return strings.TrimSpace(strings.TrimSpace(first) + " " + strings.TrimSpace(last))
}

// all reads every child, the selected one first, and hands each on as soon as
// everything of it is vouched for.
func (r *read) all(ctx context.Context, sink source.Sink) error {
	if err := r.forget(ctx); err != nil {
		return err
	}
	return r.each(ctx, sink, func(p pupil) (*builder, error) {
		b, err := r.vouched(ctx, p, false)
		if errors.Is(err, source.ErrWrongChild) && !ends(err) {
			b, err = r.vouched(ctx, p, true)
		}
		return b, err
	})
}

// each reads and hands on child by child. At the end, and when ctx has ended or
// the sink said no, the parent's own selection is put back; after trouble that
// concerns the whole session it is left to the next read.
func (r *read) each(ctx context.Context, sink source.Sink, readOne func(pupil) (*builder, error)) error {
	var trouble []error
	for _, p := range r.order() {
		if r.unwanted(p) {
			continue
		}
		b, err := readOne(p)
		trouble = append(trouble, err)
		if ctx.Err() != nil {
			break
		}
		if err := b.deliverTo(ctx, sink); err != nil {
			trouble = append(trouble, err)
			if errors.Is(err, errNotSaved) {
				return errors.Join(trouble...)
			}
			break
		}
		if ends(err) {
			return errors.Join(trouble...)
		}
	}
	return errors.Join(append(trouble, r.restore(ctx))...)
}

// forget lets go of what is remembered of children and parts that
// nobody wants any more: names of files, addresses, marks of letters; of a
// child of whom nothing is wanted, also its own marks and modules.
func (r *read) forget(ctx context.Context) error {
	m := &r.state.memory
	size := func() int {
		return len(m.Files) + len(m.Letters) + len(m.Noticed) + len(m.Addresses) + len(m.Shown) + len(m.Marks) + len(m.Bare) + len(m.Absent)
	}
	before := size()
	for _, p := range r.pupils {
		if r.deleted(p) {
			m.drop(p.id)
		}
		for _, part := range r.plan.Unwanted[p.Ref] {
			switch part {
			case school.PartCalendar:
				delete(m.Addresses, p.id)
				delete(m.Shown, p.id)
				maps.DeleteFunc(m.Files, func(_ string, n fileNote) bool { return n.Pupil == p.id || n.Pupil == "" })
			case school.PartNews:
				maps.DeleteFunc(m.Letters, func(ref school.Ref, _ mark) bool { return strings.HasPrefix(string(ref), string(p.Ref)+"/") })
			case school.PartNotices:
				delete(m.Noticed, p.id)
			default: // nothing of the others is remembered
			}
		}
	}
	if size() == before {
		return nil
	}
	return r.keep(ctx)
}

// deleted reports whether nothing of a child is wanted, by this read or any.
func (r *read) deleted(p pupil) bool {
	return !slices.ContainsFunc(parts(), func(part school.Part) bool { return !slices.Contains(r.plan.Unwanted[p.Ref], part) })
}

// unwanted reports whether nothing at all is to be read of a child.
func (r *read) unwanted(p pupil) bool {
	return !slices.ContainsFunc(parts(), func(part school.Part) bool { return r.plan.WantsOf(p.Ref, part) })
}

// deliverTo hands a child on and remembers what later reads need. Of one of
// whom nothing could be read it remembers what is not there.
func (b *builder) deliverTo(ctx context.Context, sink source.Sink) error {
	if b == nil {
		return nil
	}
	if !b.empty() {
		if err := sink.Snapshot(ctx, b.snap); err != nil {
			return err
		}
	}
	return b.remember(ctx)
}

// order puts the selected child first.
func (r *read) order() []pupil {
	var out []pupil
	for _, p := range r.pupils {
		if p.id == r.chosen {
			out = append(out, p)
		}
	}
	for _, p := range r.pupils {
		if p.id != r.chosen {
			out = append(out, p)
		}
	}
	return out
}

// goodbye is for putting the parent's selection back when ctx has ended.
const goodbye = 3 * time.Second

// restore selects whom the parent had selected, whatever became of ctx. What
// does not work, or may not have worked, is left to the next read.
func (r *read) restore(ctx context.Context) error {
	own := r.state.Lent.Own
	if own == "" {
		return nil
	}
	if ctx.Err() != nil {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		ctx = late
	}
	for _, p := range r.pupils {
		if p.id == own && r.chosen != own {
			if err := r.choose(ctx, p); err != nil {
				return fmt.Errorf("restore selection: %w", err)
			}
		}
	}
	if r.doubted {
		return nil
	}
	r.state.Lent = lent{}
	return r.save(ctx)
}

// leftover finds the selection that a read before this one could not put back.
// Whoever selected somebody else since then has chosen anew.
func (r *read) leftover() {
	if r.state.Lent.Ours != r.own {
		r.state.Lent = lent{}
	}
}

// choose asks the platform to select a child and believes nothing: 500 was
// seen where the switch had happened, and 302 where it had not.
func (r *read) choose(ctx context.Context, p pupil) error {
	if p.switchURL == "" {
		return notUnderstood("select child: no way to select it")
	}
	if r.state.Lent.Own == "" {
		r.state.Lent.Own = r.own
	}
	if p.id != r.state.Lent.Own {
		r.state.Lent.Ours = p.id // who is selected still, should the way back fail
	}
	if err := r.save(ctx); err != nil { // before, for afterwards nobody may know
		return err
	}
	r.chosen, r.doubted = "", false
	// Without X-Requested-With, which makes the platform answer 500.
	resp, err := r.send(ctx, fetch.Request{URL: p.switchURL, Header: http.Header{"Referer": {hub + "/"}}})
	if err != nil {
		return fmt.Errorf("select child: %w", err)
	}
	switch v := judge(resp); {
	case v == over:
		return fmt.Errorf("select child: %w", source.ErrSessionExpired)
	case resp.Status == http.StatusInternalServerError, resp.Status == http.StatusFound && v == strange,
		resp.Status == http.StatusOK && len(resp.Body) > 0 && v != unavailable:
		r.chosen, r.doubted = p.id, resp.Status == http.StatusInternalServerError // as it says; who asks for data looks again
		return nil
	}
	return fmt.Errorf("select child: %w", r.settleSwitch(ctx, resp))
}

// settleSwitch tells why a switch was turned down.
func (r *read) settleSwitch(ctx context.Context, resp *fetch.Response) error {
	if err := r.settle(ctx, resp); err != nil && !errors.Is(err, source.ErrAbsent) {
		return err
	}
	return notUnderstood("switch was turned down")
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
