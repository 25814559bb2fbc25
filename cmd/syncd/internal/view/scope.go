package view

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"syncd/source/school"
	"syncd/storage"
)

// scope is what a link shows right now: children, and per child the kinds of
// which anything was ever read.
type scope struct {
	link     school.Link
	children []storage.Child
	kinds    map[school.ChildNumber][]school.Kind // in the order of school.CalendarKinds, then FeedKinds
}

func (v *Views) scope(ctx context.Context, l school.Link) (scope, error) {
	all, err := v.cfg.Store.Children(ctx)
	if err != nil {
		return scope{}, err
	}
	read, err := v.everRead(ctx)
	if err != nil {
		return scope{}, err
	}
	l = resolved(l, all)
	s := scope{link: l, kinds: map[school.ChildNumber][]school.Kind{}}
	for _, c := range all {
		if l.Children != nil && !slices.Contains(l.Children, c.Number) {
			continue
		}
		s.children = append(s.children, c)
		for _, k := range slices.Concat(school.CalendarKinds(), []school.Kind{school.KindNews, school.KindNotices}) {
			if read[part{c.Number, k}] && l.Shows(c.Number, k) && atDetail(l, k) {
				s.kinds[c.Number] = append(s.kinds[c.Number], k)
			}
		}
	}
	return s, nil
}

// atDetail reports whether a kind has anything to show at the link's level of
// detail: letters have no times, and at what is not a time nobody is busy.
func atDetail(l school.Link, k school.Kind) bool {
	switch l.Options.Detail {
	case school.DetailFull:
		return true
	case school.DetailTimes:
		return !k.IsFeed()
	case school.DetailBusy:
		return k == school.KindEvents || k == school.KindLessons || k == school.KindDay || k == school.KindCare || k == school.KindFamily
	}
	return false
}

// everRead answers of which kinds of which child anything was ever read. A
// calendar that has become empty stays; one that never held anything would
// only clutter programs that switch on all they find.
func (v *Views) everRead(ctx context.Context) (map[part]bool, error) {
	readings, err := v.cfg.Store.Readings(ctx)
	if err != nil {
		return nil, err
	}
	read := map[part]bool{}
	for _, r := range readings {
		ever := r.Entries > 0
		if !ever {
			rev, err := v.cfg.Store.Revision(ctx, []school.ChildNumber{r.Child}, []school.Kind{r.Kind})
			if err != nil {
				return nil, err
			}
			ever = rev.Seq > 0
		}
		read[part{r.Child, r.Kind}] = ever
	}
	return read, nil
}

// calendarSlugs lists every calendar of the link as ICS: each child's kinds,
// and the family's.
func (s scope) calendarSlugs() []string {
	var out []string
	for _, c := range s.children {
		for _, k := range s.kinds[c.Number] {
			if k.IsCalendar() {
				out = append(out, slugOf(c.Number, k))
			}
		}
	}
	if len(out) > 0 && s.link.Shows(school.Family, school.KindFamily) {
		out = append(out, slugOf(school.Family, school.KindFamily))
	}
	return out
}

// homeSlugs lists the calendars of the link's CalDAV home, where nothing may
// appear twice: the family calendar or the children's, lessons or days.
func (s scope) homeSlugs() []string {
	if s.link.Options.Merged && s.link.Shows(school.Family, school.KindFamily) {
		family := slugOf(school.Family, school.KindFamily)
		if !slices.Contains(s.calendarSlugs(), family) {
			return nil // nothing was ever read, or all of it was deleted
		}
		return []string{family}
	}
	var out []string
	for _, c := range s.children {
		for _, k := range s.shown(c.Number) {
			out = append(out, slugOf(c.Number, k))
		}
	}
	return out
}

// onceFeeds lists the feeds that somebody takes who takes all at once, so that
// no letter comes twice: those of the one child, or of the family, where what
// siblings got alike stands once; the feed of everything, or where the link
// has none, each of its kinds.
func (s scope) onceFeeds() []string {
	n := school.Family
	if len(s.link.Children) == 1 && len(s.children) == 1 { // of all children there may be more later
		n = s.children[0].Number
	}
	var out []string
	for _, slug := range s.feedSlugs() {
		number, k, _ := parseSlug(slug)
		switch {
		case number != n:
		case k == school.KindAll:
			return []string{slug}
		default:
			out = append(out, slug)
		}
	}
	return out
}

// shown are a child's calendar kinds of which something was read, without
// those that another one repeats.
func (s scope) shown(n school.ChildNumber) []school.Kind {
	return slices.DeleteFunc(s.single(n), func(k school.Kind) bool { return !slices.Contains(s.kinds[n], k) })
}

// single are the calendar kinds that the link may show of a child, without
// those that another one of them repeats. What was read makes no difference:
// lessons must not give place to days, and take it again, while programs look.
func (s scope) single(n school.ChildNumber) []school.Kind {
	all := slices.DeleteFunc(school.CalendarKinds(), func(k school.Kind) bool {
		return !s.link.Shows(n, k) || !atDetail(s.link, k)
	})
	twin, other := school.KindDay, school.KindLessons
	if s.link.Options.Day {
		twin, other = other, twin
	}
	repeated := slices.Contains(all, other)
	return slices.DeleteFunc(all, func(k school.Kind) bool { return repeated && k == twin })
}

// feedSlugs lists every feed of the link: the feeds of each child, also when
// nothing was ever read for one, and the family's.
func (s scope) feedSlugs() []string {
	var out []string
	numbers := []school.ChildNumber{school.Family}
	for _, c := range s.children {
		numbers = append(numbers, c.Number)
	}
	for _, n := range numbers {
		for _, k := range school.FeedKinds() {
			if s.link.Shows(n, k) && atDetail(s.link, k) {
				out = append(out, slugOf(n, k))
			}
		}
	}
	return out
}

// child answers a child in scope.
func (s scope) child(n school.ChildNumber) (storage.Child, bool) {
	i := slices.IndexFunc(s.children, func(c storage.Child) bool { return c.Number == n })
	if i < 0 {
		return storage.Child{}, false
	}
	return s.children[i], true
}

// part is one child's kind inside a calendar or feed.
type part struct {
	child school.ChildNumber
	kind  school.Kind
}

// parts answers what stands in the calendar or feed that a slug names, and
// whether the link shows such a one at all.
func (s scope) parts(n school.ChildNumber, k school.Kind) ([]part, bool) {
	if n != school.Family {
		if _, ok := s.child(n); !ok || !s.link.Shows(n, k) || k == school.KindFamily {
			return nil, false
		}
		if k == school.KindAll {
			return s.letters(n), true
		}
		return []part{{n, k}}, true
	}
	if !s.link.Shows(n, k) || k.IsCalendar() && k != school.KindFamily {
		return nil, false
	}
	var out []part
	for _, c := range s.children {
		if k == school.KindAll {
			out = append(out, s.letters(c.Number)...)
			continue
		}
		if k != school.KindFamily {
			out = append(out, part{c.Number, k})
			continue
		}
		for _, kind := range s.shown(c.Number) {
			out = append(out, part{c.Number, kind})
		}
	}
	return out, true
}

// reach answers all that may ever stand in the calendar or feed that a slug
// names, whether or not any of it was read: what was deleted, too, leaves by
// its changes. It holds what parts answers, in the same way each time.
func (s scope) reach(n school.ChildNumber, k school.Kind) []part {
	if n != school.Family || k != school.KindFamily {
		parts, _ := s.parts(n, k)
		return parts
	}
	var out []part
	for _, c := range s.children {
		for _, kind := range s.single(c.Number) {
			out = append(out, part{c.Number, kind})
		}
	}
	return out
}

// letters are the parts of a child's feed of everything: what else the link
// shows of feeds, and all there is where it names none of it.
func (s scope) letters(n school.ChildNumber) []part {
	all := slices.DeleteFunc(school.FeedKinds(), func(k school.Kind) bool { return k == school.KindAll })
	named := slices.ContainsFunc(all, func(k school.Kind) bool { return slices.Contains(s.link.Kinds, k) })
	var out []part
	for _, k := range all {
		if !named || s.link.Shows(n, k) {
			out = append(out, part{n, k})
		}
	}
	return out
}

func split(parts []part) (children []school.ChildNumber, kinds []school.Kind) {
	for _, p := range parts {
		if !slices.Contains(children, p.child) {
			children = append(children, p.child)
		}
		if !slices.Contains(kinds, p.kind) {
			kinds = append(kinds, p.kind)
		}
	}
	return children, kinds
}

// generation names everything beside the entries that the bytes of a calendar
// of some children depend on: the cache it comes from, the renderer, the link's
// options and the names in it. A sync token of another generation is worth
// nothing.
func (v *Views) generation(ctx context.Context, s scope, children []school.ChildNumber) (string, error) {
	cache, err := v.cfg.Store.Generation(ctx)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, field := range []string{cache, v.cfg.Renderer, s.link.Generation, s.link.Options.Language} {
		fmt.Fprintf(h, "%d:%s", len(field), field)
	}
	for _, c := range s.children {
		if slices.Contains(children, c.Number) {
			fmt.Fprintf(h, "%d:%d:%s", c.Number, len(c.Name), c.Name)
		}
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:10])), nil
}

// floor is the time before which nothing of the link was last changed.
func (v *Views) floor(l school.Link) time.Time {
	if l.OptionsChanged.After(v.cfg.Since) {
		return l.OptionsChanged
	}
	return v.cfg.Since
}

func slugOf(n school.ChildNumber, k school.Kind) string {
	return strconv.Itoa(int(n)) + "-" + string(k)
}

// parseSlug reads "1-events". Only the one spelling that slugOf writes is
// accepted.
func parseSlug(slug string) (school.ChildNumber, school.Kind, bool) {
	number, kind, ok := strings.Cut(slug, "-")
	if !ok {
		return 0, "", false
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || slugOf(school.ChildNumber(n), school.Kind(kind)) != slug {
		return 0, "", false
	}
	return school.ChildNumber(n), school.Kind(kind), true
}

// Slug is one calendar or feed of a link.
type Slug struct {
	Child school.ChildNumber
	Name  string // the child's first name, empty for the family
	Kind  school.Kind
	Slug  string // "1-events"
}

// Slugs lists the calendars and the feeds that a link has as addresses. It
// answers fs.ErrNotExist for a link that is not there or not living.
func (v *Views) Slugs(ctx context.Context, id school.LinkID) (calendars, letters []Slug, err error) {
	s, err := v.scopeOf(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("view: slugs: %w", err)
	}
	return s.describe(s.calendarSlugs()), s.describe(s.feedSlugs()), nil
}

// Once lists those of a link's calendars and feeds that hold all that it shows
// and nothing twice, for programs that take all at once. Errors are those of
// [Views.Slugs].
func (v *Views) Once(ctx context.Context, id school.LinkID) (calendars, letters []Slug, err error) {
	s, err := v.scopeOf(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("view: once: %w", err)
	}
	return s.describe(s.homeSlugs()), s.describe(s.onceFeeds()), nil
}

func (v *Views) scopeOf(ctx context.Context, id school.LinkID) (scope, error) {
	l, err := v.link(ctx, id)
	if err != nil {
		return scope{}, err
	}
	return v.scope(ctx, l)
}

func (s scope) describe(slugs []string) []Slug {
	out := make([]Slug, 0, len(slugs))
	for _, slug := range slugs {
		n, k, _ := parseSlug(slug)
		c, _ := s.child(n)
		out = append(out, Slug{Child: n, Name: firstName(c), Kind: k, Slug: slug})
	}
	return out
}

func firstName(c storage.Child) string { return school.Child{Name: c.Name}.FirstName() }
