// Package auth decides who is asking: a guardian in front of a browser, or a
// calendar program with a link's app password.
//
// It hashes guardians' passwords, makes and takes one-time addresses, keeps
// browser sign-ins, checks app passwords and makes every token of the program.
// It stores nothing itself and keeps no secret: the [Store] is given hashes
// only. It refuses app passwords on requests that anybody on the way could
// have read ([Protected]). It owns no goroutine.
package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"syncd/source/school"
)

// Store is what has to be remembered.
type Store interface {
	GuardianStore
	InviteStore
	SignInStore
	LinkStore
}

// GuardianStore keeps the people who may use the pages.
type GuardianStore interface {
	// Guardian returns the guardian with that user name, fs.ErrNotExist if
	// there is none.
	Guardian(ctx context.Context, user string) (Guardian, error)
	// PutGuardian adds g, or replaces the one with the same ID.
	PutGuardian(ctx context.Context, g Guardian) error
}

// InviteStore keeps one-time addresses by the hash of their token.
type InviteStore interface {
	PutInvite(ctx context.Context, hash [32]byte, expires time.Time) error
	// TakeInvite uses the address up. It answers fs.ErrNotExist when there is
	// none, when it was used before and when it expired before now; of two
	// calls at the same time one is refused.
	TakeInvite(ctx context.Context, hash [32]byte, now time.Time) error
}

// SignInStore keeps browser sign-ins by the hash of their token.
type SignInStore interface {
	// PutSignIn adds a sign-in or moves its expiry.
	PutSignIn(ctx context.Context, hash [32]byte, guardian school.GuardianID, expires time.Time) error
	// SignIn returns whose sign-in it is, fs.ErrNotExist if there is none.
	// An expired one may still be returned.
	SignIn(ctx context.Context, hash [32]byte) (school.GuardianID, time.Time, error)
	DeleteSignIn(ctx context.Context, hash [32]byte) error
	// DeleteSignIns ends every sign-in of one guardian.
	DeleteSignIns(ctx context.Context, guardian school.GuardianID) error
}

// LinkStore answers for links. It is asked once per CalDAV request.
type LinkStore interface {
	// Link returns the link, fs.ErrNotExist if there is none.
	Link(ctx context.Context, id school.LinkID) (school.Link, error)
	// LinkPassword returns the SHA-256 of the link's app password.
	LinkPassword(ctx context.Context, id school.LinkID) ([32]byte, error)
	// TouchLink notes that the link was used on that day. It is called for
	// every request.
	TouchLink(ctx context.Context, id school.LinkID, day school.Date) error
}

// Guardian is a person who signs in to the pages.
type Guardian struct {
	ID   school.GuardianID
	User string // as [Auth.Accept] normalised it: lower case, NFC
	Hash string // Argon2id in PHC form; never leaves the process
}

// String implements [fmt.Stringer] without the name and the hash.
func (g Guardian) String() string { return string(g.ID) }

// Format implements [fmt.Formatter], so that no verb shows more than the id.
func (g Guardian) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, string(g.ID)) }

// LogValue implements [slog.LogValuer]: the id only.
func (g Guardian) LogValue() slog.Value { return slog.StringValue(string(g.ID)) }

// Config is what New needs.
type Config struct {
	Store   Store            // required
	Now     func() time.Time // required
	Log     *slog.Logger     // required
	BaseURL string           // required: scheme, host and no final slash
	// Trusted are the proxies whose X-Forwarded-For and X-Forwarded-Proto are
	// believed; may be nil.
	Trusted []netip.Prefix
}

// Auth checks passwords, sign-ins and app passwords. It is safe for
// concurrent use.
type Auth struct {
	store   Store
	now     func() time.Time
	log     *slog.Logger
	base    *url.URL
	trusted []netip.Prefix
	zone    *time.Location

	hasher  *hasher
	people  *throttle // guardians' passwords and one-time addresses, by peer and by user
	devices *throttle // app passwords, by peer and link
	slow    chan struct{}
}

// New checks the configuration. It starts nothing.
func New(c Config) (*Auth, error) {
	if c.Store == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("auth: new: Store, Now and Log are required")
	}
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, errors.New("auth: new: BaseURL is not an http or https address")
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	return &Auth{
		store: c.Store, now: c.Now, log: c.Log, base: base, trusted: c.Trusted, zone: school.Stockholm(),
		hasher:  newHasher(),
		people:  newThrottle(c.Now),
		devices: newThrottle(c.Now),
		slow:    make(chan struct{}, slowAnswers),
	}, nil
}
