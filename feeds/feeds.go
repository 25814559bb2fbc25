// Package feeds serves what a family subscribes to by secret address:
// calendars as iCalendar, letters as Atom, RSS and JSON Feed, and the pictures
// and files that belong to the letters.
//
// The address is the permission. No other proof is looked at, and an address
// that never existed, has expired or was revoked gives the same answer. Every
// answer comes from values that were made when something changed; a
// subscriber never causes a request to a school, and a school that fails is
// never seen here.
//
// Documents are a pure function of what is in them: identifiers and times
// come from the letters, so that an unchanged feed is the same octets for
// ever. The package starts no goroutine.
package feeds

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// Store is where the documents come from. Every method answers an error that
// is [io/fs.ErrNotExist] for a token, slug or id that is unknown, has expired
// or was revoked, without a way to tell which. Tokens are as they stand in the
// address; a store looks them up by their hash.
type Store interface {
	// Collection returns the calendar that a slug, "1-events", names for the
	// holder of a calendars token.
	Collection(ctx context.Context, token, slug string) (*icalendar.Collection, error)
	// Feed returns the feed that a slug, "1-news", names for the holder of a
	// feeds token. The same value is returned until something in it changes,
	// because it keeps its rendered documents. Page 1 holds the newest letters;
	// a page behind the last one is not there.
	Feed(ctx context.Context, token, slug string, page int) (*Feed, error)
	// Media returns what is known of a picture or file, by the id it has in a
	// link's addresses, and open, which opens it; the caller closes the reader.
	Media(ctx context.Context, id string) (ref school.MediaRef, open func() (io.ReadCloser, error), err error)
}

// Config is what [New] needs.
type Config struct {
	Store   Store
	BaseURL string // what every absolute address begins with, without a final slash
	Now     func() time.Time
	Log     *slog.Logger
	// Peer is the address from which a request came, to slow down those who
	// guess addresses or ask without end; the zero Addr where it is not known.
	// Nil: the other end of the connection, which behind a proxy is the proxy.
	Peer func(*http.Request) netip.Addr
	// PerMinute is how many calendars and feeds in full one peer is given with
	// one token in a minute; 304 and HEAD are free. 0: 600; negative: no end.
	PerMinute int
	// Used is told of each calendar and feed that is served, 304 included;
	// token is as in the address. Nil: nobody is told.
	Used func(ctx context.Context, token string)
	// CacheBytes bounds the calendars that are kept ready to be sent, their
	// bodies and compressed forms together. 0: 48 MiB.
	CacheBytes int64
}

// defaultCacheBytes holds more than a hundred calendars of 400 kB; the bodies
// are shared with the store.
const defaultCacheBytes = 48 << 20

// New returns the handler for /c/{token}/{slug}.ics,
// /f/{token}/{slug}.atom, .rss and .json, and /m/{media}/{name}. It answers
// every other path as an unknown one.
func New(cfg Config) (http.Handler, error) {
	if cfg.Store == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("feeds: new: Store, Now and Log are required")
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" ||
		base.RawQuery != "" || base.Fragment != "" || base.User != nil {
		return nil, errors.New("feeds: new: BaseURL is not an http or https address")
	}
	if cfg.CacheBytes < 0 {
		return nil, fmt.Errorf("feeds: new: CacheBytes is %d", cfg.CacheBytes)
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = defaultCacheBytes
	}
	if cfg.Peer == nil {
		cfg.Peer = remoteHost
	}
	if cfg.PerMinute == 0 {
		cfg.PerMinute = answersPerMinute
	}
	if cfg.Used == nil {
		cfg.Used = func(context.Context, string) {}
	}
	return &handler{
		store: cfg.Store, base: strings.TrimRight(cfg.BaseURL, "/"), now: cfg.Now, log: cfg.Log,
		peer: cfg.Peer, used: cfg.Used, loc: school.Stockholm(),
		misses: newLimiter[netip.Addr](missesPerMinute), answers: newLimiter[reader](cfg.PerMinute), seed: maphash.MakeSeed(), packed: newPacker(cfg.CacheBytes),
		shared: newHeaders(),
	}, nil
}

func remoteHost(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero Addr where it is none
	return at.Addr()
}
