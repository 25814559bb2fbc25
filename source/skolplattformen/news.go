package skolplattformen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/school"
)

// newLetters is how many letters are read in full for one child in one read.
// Older ones follow with the next reads.
const newLetters = 60

// news reads the list of letters and the full text of those that are new or
// were edited.
func (b *builder) news(ctx context.Context) error {
	letters, complete, err := b.archive(ctx)
	if err != nil {
		return err
	}
	var trouble []error
	for _, l := range letters {
		if l.Published.Before(b.plan.LettersFrom) {
			continue
		}
		if known, ok := b.plan.KnownNews[l.Ref]; ok && sameSecond(known, l.Modified) {
			b.snap.Unchanged = append(b.snap.Unchanged, l.Ref)
			continue
		}
		if len(b.snap.News)+len(trouble) >= newLetters {
			complete = false
			continue
		}
		item, err := b.letter(ctx, l)
		if err != nil {
			// A server that does not bring one letter is not asked for the
			// others: the next read does, and the other parts have their turn.
			if ends(err) || errors.Is(err, source.ErrWrongChild) || errors.Is(err, source.ErrUnavailable) {
				return errors.Join(append(trouble, err)...)
			}
			trouble = append(trouble, err)
			continue
		}
		b.snap.News = append(b.snap.News, item)
	}
	if err := errors.Join(trouble...); err != nil {
		return err
	}
	c := school.Coverage{Part: school.PartNews}
	if complete {
		c.Since = b.plan.Since(oldest(letters))
	}
	b.cover(c)
	return nil
}

// archive reads the list, newest change first; complete is false when a
// letter of it could not be read.
func (b *builder) archive(ctx context.Context) (letters []letter, complete bool, err error) {
	data, err := b.tagged(ctx, b.p, pathArchive, url.Values{"bannerImageLimit": {"5000"}})
	if err != nil {
		return nil, false, fmt.Errorf("list: %w", err)
	}
	var list wireArchive
	if err := decode(data, &list); err != nil {
		return nil, false, fmt.Errorf("list: %w", err)
	}
	rows, bad, err := decodeRows[wireNews](list.NewsItems)
	if err != nil {
		return nil, false, fmt.Errorf("list: %w", err)
	}
	letters, skipped := translateLetters(rows, b.p)
	// The same letter may stand twice in a list.
	seen := map[school.Ref]bool{}
	letters = slices.DeleteFunc(letters, func(l letter) bool {
		again := seen[l.Ref]
		seen[l.Ref] = true
		return again
	})
	for _, l := range letters {
		b.letterIDs = append(b.letterIDs, l.id)
	}
	b.skip(school.PartNews, bad+skipped)
	return letters, bad+skipped == 0, nil
}

// letter reads one letter in full, with its picture.
func (b *builder) letter(ctx context.Context, listed letter) (school.NewsItem, error) {
	data, err := b.tagged(ctx, b.p, pathArticle, url.Values{"newsItemId": {listed.id}})
	if err != nil {
		return school.NewsItem{}, fmt.Errorf("article: %w", err)
	}
	var article wireArticle
	if err := decode(data, &article); err != nil {
		return school.NewsItem{}, fmt.Errorf("article: %w", err)
	}
	if article.Item == nil {
		return school.NewsItem{}, fmt.Errorf("article: %w", notUnderstood("CurrentNewsItem is missing"))
	}
	if article.Item.ID != listed.id {
		return school.NewsItem{}, fmt.Errorf("article: %w", source.ErrWrongChild)
	}
	full, ok := translateLetter(*article.Item, b.p)
	if !ok {
		full = listed // its dates are as good
		full.HTML = deref(article.Item.Body)
	}
	// What the list says decides whether a letter is read again, so the
	// list's moment is kept.
	full.Published, full.Modified = listed.Published, listed.Modified
	if full.HTML == "" {
		full.HTML = listed.HTML
	}
	if full.picture() == "" {
		full.banner, full.alt = listed.banner, listed.alt
	}
	if err := b.banner(ctx, &full); err != nil {
		return school.NewsItem{}, err
	}
	return full.NewsItem, nil
}

// banner reads the letter's picture, for a subscriber has no session that
// would. One that cannot be read is named, and costs the letter nothing.
func (b *builder) banner(ctx context.Context, l *letter) error {
	name := l.picture()
	if name == "" {
		return nil
	}
	resp, err := b.do(ctx, fetch.Request{URL: origin + base + pathBanner + "?" + url.Values{"url": {name}}.Encode()})
	switch {
	case errors.Is(err, fetch.ErrTooLarge):
		l.Images = append(l.Images, l.media(nil, "", school.AbsentSize))
		return nil
	case errors.Is(err, source.ErrNotUnderstood):
		l.Images = append(l.Images, l.media(nil, "", school.AbsentUnread))
		return nil
	case err != nil:
		return fmt.Errorf("picture: %w", err)
	case resp.Status == http.StatusUnauthorized, redirected(resp), signInPage(resp.Body):
		return fmt.Errorf("picture: %w", source.ErrSessionExpired)
	case resp.Status == http.StatusNotFound:
		return nil // the school has none either
	}
	mediaType := http.DetectContentType(resp.Body)
	if resp.Status == http.StatusOK && slices.Contains([]string{"image/jpeg", "image/png", "image/gif", "image/webp"}, mediaType) {
		l.Images = append(l.Images, l.media(resp.Body, mediaType, school.AbsentNot))
	} else {
		l.Images = append(l.Images, l.media(nil, "", school.AbsentUnread))
	}
	return nil
}

// sameSecond compares instants as precisely as they are stored.
func sameSecond(a, b time.Time) bool {
	return a.Truncate(time.Second).Equal(b.Truncate(time.Second))
}

// oldest is the moment from which on the list is complete.
func oldest(letters []letter) time.Time {
	var since time.Time
	for _, l := range letters {
		if since.IsZero() || l.Published.Before(since) {
			since = l.Published
		}
	}
	return since
}
