package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"syncd/caldav"
	"syncd/cmd/syncd/internal/text"
	"syncd/feeds/icalendar"
	"syncd/source/school"
	"syncd/storage"
)

// collection answers the calendar that a slug names for a link.
func (v *Views) collection(ctx context.Context, l school.Link, slug string) (*icalendar.Collection, error) {
	n, k, ok := parseSlug(slug)
	if !ok || !k.IsCalendar() {
		return nil, fs.ErrNotExist
	}
	b, err := v.both(ctx, l, slug, n, k)
	if errors.Is(err, fs.ErrNotExist) {
		if other, ok := v.alias(ctx, n); ok {
			b, err = v.both(ctx, l, slugOf(other, k), other, k)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		b, err = v.emptied(ctx, l, n, k)
	}
	return b.subscribed, err
}

// emptied answers an empty calendar in the place of one that a guardian
// deleted: a program that subscribes to it and met an error would go on
// showing what it has. Where nothing was deleted it is fs.ErrNotExist.
func (v *Views) emptied(ctx context.Context, l school.Link, n school.ChildNumber, k school.Kind) (both, error) {
	p, err := v.deleted(ctx, l, n, k)
	if err != nil {
		return both{}, err
	}
	return v.buildCalendar(ctx, p)
}

// deleted is the plan of what a guardian deleted of a child; fs.ErrNotExist
// where it was not, or the link never showed it.
func (v *Views) deleted(ctx context.Context, l school.Link, n school.ChildNumber, k school.Kind) (plan, error) {
	all, err := v.cfg.Store.Unwanted(ctx)
	if err != nil {
		return plan{}, err
	}
	p := plan{number: n, kind: k, now: v.cfg.Now().In(v.loc)}
	for _, u := range all {
		switch {
		case n == school.Family && lost(l, k, u.Choice): // the last of what the link showed
			p.parts = append(p.parts, part{u.Child, cmp.Or(u.Kind, school.KindEvents)})
		case n != school.Family && (u.Child == n || u.Child == school.Family) && (u.Kind == "" || u.Kind == k || u.Kind == k.Origin()):
			p.parts = []part{{n, k}}
		}
	}
	if len(p.parts) == 0 || !l.Shows(n, k) || !atDetail(l, k) {
		return plan{}, fs.ErrNotExist
	}
	if p.scope, err = v.scope(ctx, l); err != nil {
		return plan{}, err
	}
	p.reach = slices.Concat(p.scope.reach(n, k), p.parts)
	p.token, err = v.token(ctx, p.scope, p.reach)
	return p, err
}

// lost reports whether a choice took something from the family's calendar or
// feed of kind k that a link shows.
func lost(l school.Link, k school.Kind, c storage.Choice) bool {
	if c.Kind == "" {
		return l.Shows(c.Child, k)
	}
	return k == school.KindFamily && c.Kind.IsCalendar() && l.Shows(c.Child, c.Kind) && atDetail(l, c.Kind)
}

// both is a calendar as it is subscribed and as CalDAV has it, where nothing
// changes with time alone.
type both struct{ subscribed, dav *icalendar.Collection }

func (v *Views) both(ctx context.Context, l school.Link, slug string, n school.ChildNumber, k school.Kind) (both, error) {
	return cachedValue[both](ctx, v, keyOf(l, slug), func(ctx context.Context, old *cached) (*cached, error) {
		p, err := v.plan(ctx, l, n, k)
		if err != nil {
			return nil, err
		}
		if old != nil && old.token == p.all {
			same := *old
			same.until = p.until
			return &same, nil
		}
		v.building.Lock()
		defer v.building.Unlock()
		b, err := v.buildCalendar(ctx, p)
		if err != nil {
			return nil, err
		}
		return &cached{token: p.all, until: p.until, size: b.size(), value: b}, nil
	})
}

// size is what both take together, in bytes.
func (b both) size() int64 {
	size := b.dav.Size()
	if b.subscribed != b.dav {
		size += int64(len(b.subscribed.ICS))
	}
	return size
}

// plan is a calendar as it has to be now.
type plan struct {
	scope  scope
	number school.ChildNumber
	kind   school.Kind
	parts  []part
	reach  []part // what may ever stand in it: its token and its date are about these
	notes  []note
	now    time.Time // in Stockholm
	token  string    // of its objects
	all    string    // changes when anything does, also what is only subscribed
	until  time.Time // when it has to be looked at again
}

func (v *Views) plan(ctx context.Context, l school.Link, n school.ChildNumber, k school.Kind) (p plan, err error) {
	p = plan{number: n, kind: k, now: v.cfg.Now().In(v.loc)}
	if p.scope, err = v.scope(ctx, l); err != nil {
		return p, err
	}
	slug := slugOf(n, k)
	parts, ok := p.scope.parts(n, k)
	if !ok || !slices.Contains(p.scope.calendarSlugs(), slug) {
		return p, fs.ErrNotExist
	}
	p.parts, p.reach = parts, p.scope.reach(n, k)
	if p.token, err = v.token(ctx, p.scope, p.reach); err != nil {
		return p, err
	}
	if p.notes, p.until, err = v.notes(ctx, p.scope, slug, p.parts, p.now); err != nil {
		return p, err
	}
	monday := school.DateOf(p.now).Monday()
	if next := monday.AddDays(7).Start(v.loc); p.until.IsZero() || next.Before(p.until) {
		p.until = next // windows move
	}
	marks := []string{p.token, monday.String()}
	for _, part := range p.parts {
		marks = append(marks, slugOf(part.child, part.kind))
	}
	for _, note := range p.notes {
		marks = append(marks, note.mark(p.now))
	}
	p.all = strings.Join(marks, " ")
	return p, nil
}

// cachedValue answers a value that is known to be current, or has check bring
// it up to date; many who ask for the same value at once wait for one check.
// check is given what is there, nil if nothing, and may return it.
func cachedValue[T any](ctx context.Context, v *Views, key valueKey, check func(context.Context, *cached) (*cached, error)) (T, error) {
	var none T
	epoch := v.epoch.Load()
	v.mu.Lock()
	old, ok := v.values.get(key)
	v.mu.Unlock()
	if ok && old.current(epoch, v.cfg.Now()) {
		return as[T](old.value)
	}
	// One who gives up does not take the value from those who wait with it.
	got, err, _ := v.build.Do(key.link+"/"+key.slug+"/"+strconv.FormatInt(epoch, 10), func() (any, error) {
		fresh, err := check(context.WithoutCancel(ctx), old)
		if err != nil {
			return nil, err
		}
		current := *fresh
		current.key, current.epoch = key, epoch
		v.mu.Lock()
		v.values.put(&current)
		v.mu.Unlock()
		return current.value, nil
	})
	if err != nil {
		return none, err
	}
	return as[T](got)
}

func as[T any](value any) (T, error) {
	t, ok := value.(T)
	if !ok {
		return t, fmt.Errorf("view: value is a %T", value)
	}
	return t, nil
}

// token is the sync token and CTag of a calendar: it changes exactly when an
// entry in it or anything else that its bytes depend on changes.
func (v *Views) token(ctx context.Context, s scope, parts []part) (string, error) {
	children, kinds := split(parts)
	generation, err := v.generation(ctx, s, children)
	if err != nil {
		return "", err
	}
	rev, err := v.cfg.Store.Revision(ctx, children, kinds)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s%s:%d-%s", tokenPrefix, generation, rev.Seq, rev.Mark), nil
}

const tokenPrefix = "urn:syncd:sync:" //nolint:gosec // a sync token is no credential

// parseToken reads what token wrote. Whatever is not of that form is no token
// of ours.
func parseToken(token string) (generation string, rev storage.Revision, ok bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok {
		return "", rev, false
	}
	generation, rest, ok = strings.Cut(rest, ":")
	number, mark, dash := strings.Cut(rest, "-")
	seq, err := strconv.ParseInt(number, 10, 64)
	if !ok || !dash || err != nil || seq < 0 {
		return "", rev, false
	}
	return generation, storage.Revision{Seq: seq, Mark: mark}, true
}

// home answers the CalDAV home of a link: its calendars, nothing twice.
func (v *Views) home(ctx context.Context, l school.Link) (*caldav.Home, error) {
	return cachedValue[*caldav.Home](ctx, v, keyOf(l, "home"), func(ctx context.Context, _ *cached) (*cached, error) {
		s, err := v.scope(ctx, l)
		if err != nil {
			return nil, err
		}
		// A home holds on to its calendars, so their size is its own too.
		size := int64(1024)
		home := &caldav.Home{DisplayName: words(l).Calendar.Family}
		for _, slug := range s.homeSlugs() {
			n, k, _ := parseSlug(slug)
			b, err := v.both(ctx, l, slug, n, k)
			if err != nil {
				return nil, err
			}
			home.Collections = append(home.Collections, b.dav)
			size += b.dav.Size()
		}
		return &cached{size: size, value: home}, nil
	})
}

func (v *Views) buildCalendar(ctx context.Context, p plan) (both, error) {
	s := p.scope
	w := words(s.link)
	options := s.link.Options
	options.Prefix = (options.Prefix || p.number == school.Family) && options.Detail != school.DetailBusy
	children, kinds := split(p.reach)
	info := v.info(s, p.number, p.kind, p.parts)
	var err error
	if info.Changed, err = v.cfg.Store.ChangedAt(ctx, children, kinds); err != nil {
		return both{}, err
	}
	var entries, subscribed []school.Entry
	window := v.window(s.link, p.now)
	for _, part := range p.parts {
		got, err := v.cfg.Store.Entries(ctx, part.child, part.kind)
		if err != nil {
			return both{}, err
		}
		if part.kind == school.KindKit {
			got = bring(got, w)
		}
		got = reduce(got, options.Detail, w)
		entries = append(entries, got...)
		if daily(part.kind) && !v.cfg.Whole(part.child) {
			got = slices.DeleteFunc(slices.Clone(got), func(e school.Entry) bool { return !window.Overlaps(e.Span, v.loc) })
		}
		subscribed = append(subscribed, got...)
	}
	object := icalendar.Style{Options: options, Words: encoderWords(w, p.kind), NotBefore: v.floor(s.link)}
	feed := object
	feed.Feed = true
	dav, skipped := icalendar.Build(info, entries, object, feed)
	dav.Slug, dav.Token = slugOf(p.number, p.kind), p.token
	b := both{dav, dav}
	var moved time.Time
	if len(subscribed) < len(entries) {
		moved = school.DateOf(p.now).Monday().Start(v.loc)
	}
	for _, note := range p.notes {
		subscribed = append(subscribed, note.entry(w, v.cfg.BaseURL, p.now))
	}
	guard := !slices.ContainsFunc(children, v.cfg.Whole)
	if guard {
		feed.Limits = icalendar.Limits{Bytes: maxICS, Entries: maxEntries, Today: school.DateOf(p.now)}
	}
	if !moved.IsZero() || len(p.notes) > 0 || guard && (dav.Entries > maxEntries || len(dav.ICS) > maxICS) {
		b.subscribed, _ = dav.Subscribed(subscribed, feed, moved)
		b.dav = dav.Packed() // few ask for all of it at once
	}
	v.report(ctx, s.link, b.subscribed, len(skipped))
	return b, nil
}

// report logs what a guardian may want to know of a calendar.
func (v *Views) report(ctx context.Context, l school.Link, c *icalendar.Collection, skipped int) {
	name := []slog.Attr{slog.String("link", string(l.ID)), slog.String("calendar", c.Slug)}
	if skipped > 0 {
		v.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "entries cannot be written as iCalendar", append(name, slog.Int("count", skipped))...)
	}
	if size := sizeOf(c); size.Large {
		v.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "a calendar is almost too large for some programs",
			append(name, slog.Int("bytes", size.Bytes), slog.Int("entries", size.Entries), slog.Bool("narrowed", !size.Window.IsZero()))...)
	}
}

func (v *Views) info(s scope, n school.ChildNumber, k school.Kind, parts []part) icalendar.Info {
	w := words(s.link)
	who := w.Calendar.Family
	if c, ok := s.child(n); ok {
		who = firstName(c)
	}
	color := colorOf(n)
	if s.link.Options.Detail == school.DetailBusy {
		return icalendar.Info{
			Name: w.Subscribed.Busy, Color: color.hex, ColorName: color.name, Order: orderOf(n, k), Components: components(parts),
		}
	}
	return icalendar.Info{
		Name: w.Calendar.Name.With(who, w.Kind(k)), Description: w.Calendar.Description.With(who, w.Kind(k)),
		Color: color.hex, ColorName: color.name, Order: orderOf(n, k), Components: components(parts),
	}
}

// components are what a calendar may hold; clients ask before they look.
func components(parts []part) []string {
	out := []string{icalendar.ComponentEvent}
	if !slices.ContainsFunc(parts, func(p part) bool { return p.kind == school.KindHomework }) {
		return out
	}
	if len(parts) == 1 {
		return []string{icalendar.ComponentTask}
	}
	return append(out, icalendar.ComponentTask)
}

type color struct{ name, hex string }

// colorOf gives each child a colour of its own, so that a family can tell
// them apart at a glance; a program may let its user change it.
func colorOf(n school.ChildNumber) color {
	palette := []color{
		{"slategray", "#708090"},
		{"steelblue", "#4682B4"},
		{"seagreen", "#2E8B57"},
		{"chocolate", "#D2691E"},
		{"mediumpurple", "#9370DB"},
		{"crimson", "#DC143C"},
		{"darkcyan", "#008B8B"},
		{"goldenrod", "#DAA520"},
	}
	if n == school.Family {
		return palette[0]
	}
	return palette[1+(int(n)-1)%(len(palette)-1)]
}

func orderOf(n school.ChildNumber, k school.Kind) int {
	return int(n)*10 + slices.Index(school.CalendarKinds(), k) + 1
}

func encoderWords(w *text.Words, k school.Kind) icalendar.Words {
	return icalendar.Words{
		CancelledPrefix: w.Calendar.Cancelled, DonePrefix: w.Subscribed.Done, Care: w.One(school.KindCare), Untitled: w.Kind(k),
	}
}
