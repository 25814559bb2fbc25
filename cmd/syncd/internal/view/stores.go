package view

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"syncd/caldav"
	"syncd/feeds"
	"syncd/feeds/icalendar"
	"syncd/source/school"
	"syncd/storage"
)

// Feeds answers subscribers with a token; it implements feeds.Store.
type Feeds struct{ v *Views }

var _ feeds.Store = Feeds{}

// Feeds returns the view of those who come with a token in the address.
func (v *Views) Feeds() Feeds { return Feeds{v} }

// Collection implements feeds.Store.
func (f Feeds) Collection(ctx context.Context, token, slug string) (*icalendar.Collection, error) {
	l, err := f.v.linkOf(ctx, storage.TokenCalendars, f.v.cfg.Hash(token))
	if err != nil {
		return nil, err
	}
	return f.v.collection(ctx, l, slug)
}

// Feed implements feeds.Store.
func (f Feeds) Feed(ctx context.Context, token, slug string, page int) (*feeds.Feed, error) {
	l, err := f.v.linkOf(ctx, storage.TokenFeeds, f.v.cfg.Hash(token))
	if err != nil {
		return nil, err
	}
	return f.v.feed(ctx, l, slug, page)
}

// Media implements feeds.Store. The id is one that a feed of a living link
// was given.
func (f Feeds) Media(ctx context.Context, id string) (ref school.MediaRef, open func() (io.ReadCloser, error), err error) {
	hit, err := f.v.mediaHit(ctx, id)
	if err != nil {
		return school.MediaRef{}, nil, err
	}
	if _, err := f.v.link(ctx, hit.link); err != nil {
		return school.MediaRef{}, nil, err
	}
	return hit.ref, func() (io.ReadCloser, error) {
		_, body, err := f.v.cfg.Store.Media(ctx, hit.ref.ID)
		return body, err
	}, nil
}

// Used notes the use of a link by the token in an address, whichever of the
// two kinds it is.
func (f Feeds) Used(ctx context.Context, token string) {
	hash := f.v.cfg.Hash(token)
	uses := []storage.TokenUse{storage.TokenCalendars, storage.TokenFeeds}
	for _, use := range uses {
		// It was looked up a moment ago, under the one use that it has; to ask
		// storage for the other one would cost more than the answer.
		if l, ok := f.v.remembered(use, hash); ok {
			f.v.Used(ctx, l)
			return
		}
	}
	for _, use := range uses {
		if l, err := f.v.linkOf(ctx, use, hash); err == nil {
			f.v.Used(ctx, l)
			return
		}
	}
}

// CalDAV answers programs that signed in with a link's app password; it
// implements caldav.Store.
type CalDAV struct{ v *Views }

var _ caldav.Store = CalDAV{}

// CalDAV returns the view of those who come with an app password.
func (v *Views) CalDAV() CalDAV { return CalDAV{v} }

// Home implements caldav.Store.
func (c CalDAV) Home(ctx context.Context, id school.LinkID) (*caldav.Home, error) {
	l, err := c.v.link(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.v.home(ctx, l)
}

// Collection implements caldav.Store. Only calendars of the home are there.
func (c CalDAV) Collection(ctx context.Context, id school.LinkID, slug string) (*icalendar.Collection, error) {
	home, err := c.Home(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, col := range home.Collections {
		if col.Slug == slug {
			return col, nil
		}
	}
	// Under the number of a child that was joined to another one the same
	// calendar goes on, though no home lists it any more.
	if n, k, ok := parseSlug(slug); ok {
		if other, ok := c.v.alias(ctx, n); ok {
			col, err := c.Collection(ctx, id, slugOf(other, k))
			if err != nil {
				return nil, err
			}
			same := *col
			same.Slug = slug
			return &same, nil
		}
	}
	return nil, fs.ErrNotExist
}

// Changes implements caldav.Store.
func (c CalDAV) Changes(ctx context.Context, id school.LinkID, slug, token string) (*caldav.Delta, error) {
	col, err := c.Collection(ctx, id, slug)
	if err != nil {
		return nil, err
	}
	delta := &caldav.Delta{Collection: col}
	if token == col.Token {
		return delta, nil
	}
	generation, rev, ok := parseToken(token)
	if current, _, _ := parseToken(col.Token); !ok || generation != current {
		return nil, caldav.ErrToken
	}
	l, err := c.v.link(ctx, id)
	if err != nil {
		return nil, err
	}
	s, err := c.v.scope(ctx, l)
	if err != nil {
		return nil, err
	}
	n, k, _ := parseSlug(slug)
	if other, ok := c.v.alias(ctx, n); ok {
		n = other
	}
	children, kinds := split(s.reach(n, k))
	rows, _, err := c.v.cfg.Store.ChangesSince(ctx, children, kinds, rev)
	switch {
	case errors.Is(err, storage.ErrRevision):
		return nil, caldav.ErrToken
	case err != nil:
		return nil, err
	}
	seen := map[string]bool{}
	for _, row := range rows {
		name := string(row.UID) + ".ics"
		if seen[name] {
			continue
		}
		seen[name] = true
		// A row may be younger than the collection; what counts is what the
		// collection holds, and the younger rows come again with the next token.
		if _, ok := col.Object(name); ok {
			delta.Changed = append(delta.Changed, name)
		} else {
			delta.Removed = append(delta.Removed, name)
		}
	}
	return delta, nil
}
