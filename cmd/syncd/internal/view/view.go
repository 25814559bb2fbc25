// Package view holds what subscribers read: for each link an immutable value
// per calendar and per feed, rendered once and shared by every reader until
// something in it changes.
//
// A value is built on first use or, by [Views.Warm], when a read has brought
// something. Storage is asked whether anything changed only after somebody
// called [Views.Invalidate]; an unchanged calendar is then the same value as
// before, byte for byte. Values that were not used for longest leave when
// their bytes together exceed a bound, and one is built at a time. Safe for
// concurrent use; the package owns no goroutine. It renders with
// feeds/icalendar and package feeds and knows of storage what its [Store]
// says.
package view

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
	"syncd/storage"
)

// Store is what views are built from; *storage.DB implements it.
type Store interface {
	LinkStore
	ContentStore
	HistoryStore
}

// LinkStore knows the links.
type LinkStore interface {
	Links(ctx context.Context) ([]school.Link, error)
	Link(ctx context.Context, id school.LinkID) (school.Link, error)
	LinkByToken(ctx context.Context, use storage.TokenUse, hash [32]byte) (school.Link, error)
	LinkPassword(ctx context.Context, id school.LinkID) ([32]byte, error)
	LinkMediaKey(ctx context.Context, id school.LinkID) ([32]byte, error)
	// TouchLink notes that the link was used on a day. It is called for every
	// document that is served.
	TouchLink(ctx context.Context, id school.LinkID, day school.Date) error
}

// ContentStore knows what was read.
type ContentStore interface {
	Children(ctx context.Context) ([]storage.Child, error)
	Readings(ctx context.Context) ([]school.Reading, error)
	Entries(ctx context.Context, child school.ChildNumber, kind school.Kind) ([]school.Entry, error)
	Letters(ctx context.Context, children []school.ChildNumber, kinds []school.Kind, limit int) ([]school.Letter, error)
	CountLetters(ctx context.Context, children []school.ChildNumber, kinds []school.Kind) (int, error)
	Revision(ctx context.Context, children []school.ChildNumber, kinds []school.Kind) (storage.Revision, error)
	ChangesSince(ctx context.Context, children []school.ChildNumber, kinds []school.Kind, from storage.Revision) ([]storage.Change, storage.Revision, error)
	Generation(ctx context.Context) (string, error)
	Media(ctx context.Context, id string) (school.MediaRef, io.ReadCloser, error)
}

// HistoryStore knows what happened, and how old things are.
type HistoryStore interface {
	Differences(ctx context.Context, children []school.ChildNumber, limit int) ([]school.Difference, error)
	Told(ctx context.Context, children []school.ChildNumber) (string, error)
	ChangedAt(ctx context.Context, children []school.ChildNumber, kinds []school.Kind) (time.Time, error)
	Freshness(ctx context.Context) ([]storage.Freshness, error)
	Unwanted(ctx context.Context) ([]storage.Unwanted, error)
}

// Config is what New needs.
type Config struct {
	Store   Store
	BaseURL string // for the feeds' own page
	Now     func() time.Time
	Log     *slog.Logger
	// Hash is how a token of an address is looked up.
	Hash func(token string) [32]byte
	// Renderer is the generation of the renderer, new when its version
	// changed, and Since when that was.
	Renderer string
	Since    time.Time
	// FeedID is the namespace of feed ids: the same on every machine that the
	// data is restored to, and not secret.
	FeedID [16]byte
	// MaxBytes bounds the rendered bytes that are kept; 0 means 48 MiB.
	MaxBytes int64
	// StaleAfter is how long an account's data may be old before calendars and
	// feeds say so; 0 means 24 hours.
	StaleAfter time.Duration
	// Whole names children whose subscribed calendars show everything that is
	// kept: no window, no limit of size. nil: none.
	Whole func(school.ChildNumber) bool
}

// Views builds and keeps the values.
type Views struct {
	cfg   Config
	loc   *time.Location
	epoch atomic.Int64
	build singleflight.Group

	building sync.Mutex // one value is built at a time: its parts take more room than it will

	mu     sync.Mutex
	values *lru
	tokens map[tokenKey]tokenHit
	links  map[school.LinkID]linkHit
	media  map[string]mediaHit
	warmed int64 // epoch at which media were last listed
}

type tokenKey struct {
	use  storage.TokenUse
	hash [32]byte
}

type tokenHit struct {
	epoch int64
	link  school.Link
}

type linkHit struct {
	epoch    int64
	link     school.Link
	password [32]byte
}

type mediaHit struct {
	link school.LinkID
	ref  school.MediaRef // without its text
}

const (
	defaultMaxBytes   = 48 << 20
	defaultStaleAfter = 24 * time.Hour
)

// New returns views over the store. Nothing is built yet.
func New(cfg Config) (*Views, error) {
	if cfg.Store == nil || cfg.Now == nil || cfg.Log == nil || cfg.Hash == nil || cfg.Renderer == "" {
		return nil, errors.New("view: new: Store, Now, Log, Hash and Renderer are required")
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	if cfg.StaleAfter == 0 {
		cfg.StaleAfter = defaultStaleAfter
	}
	if cfg.Whole == nil {
		cfg.Whole = func(school.ChildNumber) bool { return false }
	}
	v := &Views{
		cfg: cfg, loc: school.Stockholm(), values: newLRU(cfg.MaxBytes),
		tokens: map[tokenKey]tokenHit{}, links: map[school.LinkID]linkHit{}, media: map[string]mediaHit{}, warmed: -1,
	}
	return v, nil
}

// Invalidate says that storage may have changed: content, links or children.
// Values are checked, and built anew where needed, when they are next asked
// for. Time alone changes a few: they are checked when it does.
func (v *Views) Invalidate() { v.epoch.Add(1) }

// Warm builds every value of every living link, so that the first reader
// after a change does not wait.
func (v *Views) Warm(ctx context.Context) error {
	links, err := v.cfg.Store.Links(ctx)
	if err != nil {
		return fmt.Errorf("view: warm: %w", err)
	}
	for _, l := range links {
		if !l.Live(v.cfg.Now()) {
			continue
		}
		s, err := v.scope(ctx, l)
		if err != nil {
			return fmt.Errorf("view: warm %s: %w", l.ID, err)
		}
		for _, slug := range s.calendarSlugs() {
			if _, err := v.collection(ctx, l, slug); err != nil {
				return fmt.Errorf("view: warm %s %s: %w", l.ID, slug, err)
			}
		}
		for _, slug := range s.feedSlugs() {
			if _, err := v.feed(ctx, l, slug, 1); err != nil {
				return fmt.Errorf("view: warm %s %s: %w", l.ID, slug, err)
			}
		}
	}
	return nil
}

// link answers the living link with that id.
func (v *Views) link(ctx context.Context, id school.LinkID) (school.Link, error) {
	l, _, err := v.Link(ctx, id)
	if err != nil {
		return school.Link{}, err
	}
	if !l.Live(v.cfg.Now()) {
		return school.Link{}, fs.ErrNotExist
	}
	return l, nil
}

// Link answers a link and the hash of its app password; fs.ErrNotExist when it
// is not there or was taken back. Every CalDAV request asks: the answer is
// remembered until [Views.Invalidate], an error is not.
func (v *Views) Link(ctx context.Context, id school.LinkID) (school.Link, [32]byte, error) {
	epoch := v.epoch.Load()
	v.mu.Lock()
	hit, ok := v.links[id]
	v.mu.Unlock()
	if ok && hit.epoch == epoch {
		return hit.link, hit.password, nil
	}
	l, err := v.cfg.Store.Link(ctx, id)
	if err != nil {
		return school.Link{}, [32]byte{}, err
	}
	password, err := v.cfg.Store.LinkPassword(ctx, id)
	if err != nil {
		return school.Link{}, [32]byte{}, err
	}
	v.mu.Lock()
	v.links[id] = linkHit{epoch: epoch, link: l, password: password}
	v.mu.Unlock()
	return l, password, nil
}

// linkOf answers the living link to which a token leads. Known tokens are
// remembered until something changes; unknown ones never.
func (v *Views) linkOf(ctx context.Context, use storage.TokenUse, hash [32]byte) (school.Link, error) {
	epoch := v.epoch.Load()
	key := tokenKey{use: use, hash: hash}
	v.mu.Lock()
	hit, ok := v.tokens[key]
	v.mu.Unlock()
	if !ok || hit.epoch != epoch {
		l, err := v.cfg.Store.LinkByToken(ctx, use, hash)
		if err != nil {
			return school.Link{}, err
		}
		hit = tokenHit{epoch: epoch, link: l}
		v.mu.Lock()
		v.tokens[key] = hit
		v.mu.Unlock()
	}
	if !hit.link.Live(v.cfg.Now()) {
		return school.Link{}, fs.ErrNotExist
	}
	return hit.link, nil
}

// remembered answers the link to which a token led at the last look, whatever
// happened since.
func (v *Views) remembered(use storage.TokenUse, hash [32]byte) (school.Link, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	hit, ok := v.tokens[tokenKey{use: use, hash: hash}]
	return hit.link, ok
}

// Used notes that a link was used today. A failure to note it is no reason to
// refuse the answer.
func (v *Views) Used(ctx context.Context, l school.Link) {
	today := school.DateOf(v.cfg.Now().In(v.loc))
	if err := v.cfg.Store.TouchLink(ctx, l.ID, today); err != nil {
		v.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "use of a link was not noted", slog.String("link", string(l.ID)), slog.Any("error", err))
	}
}

// words are in the link's language, Swedish where it names none.
func words(l school.Link) *text.Words {
	lang, _ := text.Parse(l.Options.Language)
	return text.For(lang)
}
