package view

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"syncd/feeds"
	"syncd/source/school"
)

const (
	pageLetters = 50 // letters on one page of a feed; readers keep what they have seen
	maxPages    = 20
)

// feed answers a page of the feed that a slug names for a link.
func (v *Views) feed(ctx context.Context, l school.Link, slug string, page int) (*feeds.Feed, error) {
	n, k, ok := parseSlug(slug)
	if !ok || !k.IsFeed() || page > maxPages {
		return nil, fs.ErrNotExist
	}
	f, err := v.feedOf(ctx, l, n, k, page)
	if errors.Is(err, fs.ErrNotExist) {
		if other, ok := v.alias(ctx, n); ok {
			f, err = v.feedOf(ctx, l, other, k, page)
		}
	}
	if errors.Is(err, fs.ErrNotExist) && page == 1 {
		return v.emptiedFeed(ctx, l, n, k)
	}
	return f, err
}

// emptiedFeed is emptied for a feed.
func (v *Views) emptiedFeed(ctx context.Context, l school.Link, n school.ChildNumber, k school.Kind) (*feeds.Feed, error) {
	p, err := v.deleted(ctx, l, n, k)
	if err != nil {
		return nil, err
	}
	f, _, err := v.buildFeed(ctx, p, 1)
	return f, err
}

func (v *Views) feedOf(ctx context.Context, l school.Link, n school.ChildNumber, k school.Kind, page int) (*feeds.Feed, error) {
	key := keyOf(l, fmt.Sprintf("%s/%d", slugOf(n, k), page))
	return cachedValue[*feeds.Feed](ctx, v, key, func(ctx context.Context, old *cached) (*cached, error) {
		p, err := v.feedPlan(ctx, l, n, k, page)
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
		f, size, err := v.buildFeed(ctx, p, page)
		if err != nil {
			return nil, err
		}
		return &cached{token: p.all, until: p.until, size: size, value: f}, nil
	})
}

func (v *Views) feedPlan(ctx context.Context, l school.Link, n school.ChildNumber, k school.Kind, page int) (p plan, err error) {
	p = plan{number: n, kind: k, now: v.cfg.Now().In(v.loc)}
	if p.scope, err = v.scope(ctx, l); err != nil {
		return p, err
	}
	slug := slugOf(n, k)
	parts, ok := p.scope.parts(n, k)
	if !ok || !slices.Contains(p.scope.feedSlugs(), slug) {
		return p, fs.ErrNotExist
	}
	p.parts = parts
	if p.token, err = v.token(ctx, p.scope, p.parts); err != nil {
		return p, err
	}
	marks := []string{p.token}
	if told(p.parts) {
		children, _ := split(p.parts)
		mark, err := v.cfg.Store.Told(ctx, children)
		if err != nil {
			return p, err
		}
		marks = append(marks, mark)
	}
	if page > 1 { // notes stand on the first
		p.all = strings.Join(marks, " ")
		return p, nil
	}
	if p.notes, p.until, err = v.notes(ctx, p.scope, slug, p.parts, p.now); err != nil {
		return p, err
	}
	for _, note := range p.notes {
		marks = append(marks, fmt.Sprint(note.uid, "/", note.problem, "/", note.changed.Unix()))
	}
	p.all = strings.Join(marks, " ")
	return p, nil
}

// told reports whether changes stand in a feed of these parts.
func told(parts []part) bool {
	return slices.ContainsFunc(parts, func(p part) bool { return p.kind == school.KindChanges })
}

func (v *Views) buildFeed(ctx context.Context, p plan, page int) (*feeds.Feed, int64, error) {
	s, n, k := p.scope, p.number, p.kind
	children, kinds := split(p.parts)
	letters, names, err := v.letters(ctx, s, n, p.parts, page*pageLetters+1)
	if err != nil {
		return nil, 0, err
	}
	more := len(letters) > page*pageLetters
	last, err := v.lastPage(ctx, p, len(letters), more)
	if err != nil {
		return nil, 0, err
	}
	letters = letters[min((page-1)*pageLetters, len(letters)):min(page*pageLetters, len(letters))]
	if page > 1 && len(letters) == 0 {
		return nil, 0, fs.ErrNotExist
	}
	key, err := v.cfg.Store.LinkMediaKey(ctx, s.link.ID)
	if err != nil {
		return nil, 0, err
	}
	changed, err := v.cfg.Store.ChangedAt(ctx, children, kinds)
	if err != nil {
		return nil, 0, err
	}
	w := words(s.link)
	who := w.Calendar.Family
	if c, ok := s.child(n); ok {
		who = firstName(c)
	}
	f := &feeds.Feed{
		ID: v.feedID(slugOf(n, k)), Slug: slugOf(n, k), Title: w.Calendar.Letters.With(who, w.Kind(k)), Lang: string(w.Lang),
		Created: s.link.Created, Updated: latest(changed, v.floor(s.link)), Number: page, More: more && page < maxPages, Last: last,
		Media: map[string]string{}, Names: names, Kinds: map[school.Kind]string{},
		Absent: w.AbsentMedia, AtSchool: w.Subscribed.AtSchool,
	}
	for _, note := range p.notes {
		f.Letters = append(f.Letters, note.letter(w, v.cfg.BaseURL))
	}
	f.Letters = append(f.Letters, letters...)
	for _, kind := range school.FeedKinds() {
		f.Kinds[kind] = w.Kind(kind)
	}
	var size int64
	for _, l := range f.Letters {
		size += 3 * int64(len(l.HTML)+len(l.Summary)+512) // once as it is, once or twice rendered
		for _, m := range l.Media {
			size += 3 * int64(len(m.Text))
			if m.Absent == school.AbsentNot {
				f.Media[m.ID] = mediaID(key, m.ID)
			}
		}
	}
	return f, size, nil
}

// lastPage is the number of the last page of a feed of which n letters were
// found, and more where there are more; 0: that would take too long to tell.
func (v *Views) lastPage(ctx context.Context, p plan, n int, more bool) (int, error) {
	if more && p.number == school.Family && len(p.scope.children) > 1 {
		return 0, nil // what siblings got alike stands once: all of it would have to be read
	}
	if more {
		var err error
		if n, err = v.count(ctx, p.scope, p.parts); err != nil {
			return 0, err
		}
	}
	return (min(n, maxPages*pageLetters) + pageLetters - 1) / pageLetters, nil
}

// count is how many letters, notices and changes the parts hold.
func (v *Views) count(ctx context.Context, s scope, parts []part) (int, error) {
	children, kinds := split(parts)
	n, err := v.cfg.Store.CountLetters(ctx, children, kinds)
	if err != nil || !told(parts) {
		return n, err
	}
	differences, err := v.cfg.Store.Differences(ctx, children, 0)
	return n + len(tell(words(s.link), shownBy(s.link, differences))), err
}

// letters are the newest letters, notices and changes of the parts, at most
// limit of them, and whom those of the family are for that are for several.
func (v *Views) letters(
	ctx context.Context, s scope, n school.ChildNumber, parts []part, limit int,
) (letters []school.Letter, names map[school.UID][]string, err error) {
	children, kinds := split(parts)
	if len(children) == 0 {
		return nil, nil, nil
	}
	stored := slices.DeleteFunc(kinds, func(k school.Kind) bool { return k == school.KindChanges })
	if len(stored) > 0 {
		// Of the family's letters as many may be copies as there are siblings.
		if letters, err = v.cfg.Store.Letters(ctx, children, stored, limit*len(children)); err != nil {
			return nil, nil, err
		}
	}
	if told(parts) {
		differences, err := v.cfg.Store.Differences(ctx, children, 0)
		if err != nil {
			return nil, nil, err
		}
		letters = append(letters, tell(words(s.link), shownBy(s.link, differences))...)
		slices.SortStableFunc(letters, func(a, b school.Letter) int {
			return cmp.Or(b.Published.Compare(a.Published), strings.Compare(string(a.Kind), string(b.Kind)))
		})
	}
	if n == school.Family {
		letters, names = s.merged(letters, words(s.link))
	}
	return letters[:min(limit, len(letters))], names, nil
}

// feedID is the name-based UUID (RFC 9562 5.5 in form, SHA-256 in place of
// SHA-1, hence version 8) of a feed. It depends on what the feed holds, not on
// the link or its tokens: a replaced address is the same feed to a reader.
func (v *Views) feedID(slug string) string {
	h := sha256.New()
	h.Write(v.cfg.FeedID[:])
	h.Write([]byte(slug))
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
