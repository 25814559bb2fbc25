package view

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"syncd/feeds"
	"syncd/source/school"
)

// maxLetters bounds a feed. Readers keep what they have seen; the newest are
// what a new reader wants.
const maxLetters = 50

// feed answers the feed that a slug names for a link.
func (v *Views) feed(ctx context.Context, l school.Link, slug string) (*feeds.Feed, error) {
	n, k, ok := parseSlug(slug)
	if !ok || !k.IsFeed() {
		return nil, fs.ErrNotExist
	}
	return cachedValue[*feeds.Feed](ctx, v, valueKey{string(l.ID), slug}, func(ctx context.Context, old *cached) (*cached, error) {
		s, err := v.scope(ctx, l)
		if err != nil {
			return nil, err
		}
		parts, ok := s.parts(n, k)
		if !ok || !slices.Contains(s.feedSlugs(), slug) {
			return nil, fs.ErrNotExist
		}
		token, err := v.token(ctx, s, parts)
		if err != nil {
			return nil, err
		}
		if old != nil && old.token == token {
			return old, nil
		}
		f, size, err := v.buildFeed(ctx, s, n, k, parts)
		if err != nil {
			return nil, err
		}
		return &cached{token: token, size: size, value: f}, nil
	})
}

func (v *Views) buildFeed(ctx context.Context, s scope, n school.ChildNumber, k school.Kind, parts []part) (*feeds.Feed, int64, error) {
	children, kinds := split(parts)
	var letters []school.Letter
	if len(parts) > 0 {
		var err error
		if letters, err = v.cfg.Store.Letters(ctx, children, kinds, maxLetters); err != nil {
			return nil, 0, err
		}
	}
	key, err := v.cfg.Store.LinkMediaKey(ctx, s.link.ID)
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
		Created: s.link.Created, Letters: letters, Media: map[string]string{}, Kinds: map[school.Kind]string{},
	}
	if n == school.Family {
		for i := range letters {
			letters[i].Title = letters[i].ChildName + ": " + letters[i].Title
		}
	}
	for _, kind := range school.FeedKinds() {
		f.Kinds[kind] = w.Kind(kind)
	}
	var size int64
	for _, l := range letters {
		size += 3 * int64(len(l.HTML)+len(l.Summary)+512) // once as it is, once or twice rendered
		for _, m := range l.Media {
			f.Media[m.ID] = mediaID(key, m.ID)
		}
	}
	v.mu.Lock()
	for blob, id := range f.Media {
		v.media[id] = mediaHit{link: s.link.ID, blob: blob}
	}
	v.mu.Unlock()
	return f, size, nil
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

// mediaID is what a picture is called in the addresses of one link: nobody
// guesses it, another link's is another one, and it dies with the link.
func mediaID(key [32]byte, blob string) string {
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(blob))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:20]))
}
