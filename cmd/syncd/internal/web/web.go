// Package web serves the guardians' pages (status, sign-in to the school
// platforms, links, privacy) and the page of a link's receiver.
//
// Pages are rendered here on the server from embedded templates and work
// without JavaScript; one small script keeps a QR code fresh and, on the
// receiver's page, fills in addresses whose secrets only the browser knows. The package
// stores nothing, makes no request and knows no word of its own: data and
// actions come from a [Store], sentences from package text. What it keeps in
// memory are the addresses of a new link, for a quarter of an hour, because
// nobody can look them up afterwards. It owns no goroutine.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// Store is the data and the actions behind the pages. Every method may answer
// fs.ErrNotExist for an id that is not there; the page is then 404.
type Store interface {
	OverviewStore
	AccountStore
	KeepingStore
	LoginStore
	ChildStore
	LinkStore
	AddressStore
	SubscriberStore
	PrivacyStore
	ShelfStore
	ExportStore
}

// Config is what New needs.
type Config struct {
	Store Store            // required
	Doors Doors            // required
	Now   func() time.Time // required
	Log   *slog.Logger     // required
	// BaseURL is the address under which people know the program, without a
	// final slash; required.
	BaseURL string
	// Guardian tells who is signed in; required.
	Guardian func(context.Context) (school.GuardianID, bool)
	// Protected tells whether nobody on the way can read the request; required.
	Protected func(*http.Request) bool
	// Peer names who sent a request, to slow down those who guess addresses of
	// subscribers' pages. Nil: the network address of the connection.
	Peer func(*http.Request) string
	// Platforms are what an account can be added for, in the order shown.
	Platforms []source.Platform
	// Version is shown at the foot of each page; may be empty.
	Version string
	// Demo says on each page that the family is invented.
	Demo bool
}

// Doors are the ways in and out for guardians. Errors are told apart by what
// they are: fs.ErrPermission is a wrong user name or password, fs.ErrNotExist
// a one-time address that is not good (any more), an error with
// Wait() time.Duration asks to come back later, and fs.ErrInvalid with
// Field() string ("user" or "password") refuses a choice.
type Doors interface {
	// SignIn checks the password and sets the browser's cookie.
	SignIn(w http.ResponseWriter, r *http.Request, user, password string) error
	// SignOut ends the browser's sign-in and takes its cookie away.
	SignOut(w http.ResponseWriter, r *http.Request) error
	// Accept uses up a one-time address, sets user name and password and signs
	// the browser in.
	Accept(w http.ResponseWriter, r *http.Request, token, user, password string) error
}

// server is the handler behind New.
type server struct {
	Config
	words  words
	pages  pages
	assets assets
	shown  *shown
	misses *limiter
	base   *url.URL
	zone   *time.Location
}

// New returns the handler of every page, under "/". It refuses form posts from
// other sites, sets its own security headers and answers 404 and 405 itself.
// Requests must have passed through whatever answers Config.Guardian.
func New(c Config) (http.Handler, error) {
	if c.Store == nil || c.Doors == nil || c.Now == nil || c.Log == nil || c.Guardian == nil || c.Protected == nil {
		return nil, errors.New("web: new: Store, Doors, Now, Log, Guardian and Protected are required")
	}
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, errors.New("web: new: BaseURL is not an http or https address")
	}
	s := &server{Config: c, base: base, words: newWords(), shown: newShown(c.Now), misses: newLimiter(), zone: school.Stockholm()}
	if s.assets, err = newAssets(); err != nil {
		return nil, fmt.Errorf("web: new: %w", err)
	}
	if s.pages, err = newPages(); err != nil {
		return nil, fmt.Errorf("web: new: %w", err)
	}
	// A proxy may rewrite Host, so the address people know is named as well.
	cross := http.NewCrossOriginProtection()
	if err := cross.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		return nil, fmt.Errorf("web: new: %w", err)
	}
	cross.SetDenyHandler(s.handle(s.crossSite))
	return secure(http.MaxBytesHandler(s.areas(cross.Handler(s.routes())), maxForm)), nil
}

// areas parts the subscribers' pages from the guardians'.
func (s *server) areas(guardians http.Handler) http.Handler {
	visitors := s.handle(s.subscribers)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, subscriberPrefix) {
			visitors(w, r)
			return
		}
		guardians.ServeHTTP(w, r)
	})
}

// maxForm is the size of the largest form, a browser's exported cookies.
const maxForm = 256 << 10

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	open := func(pattern string, h handler) { mux.HandleFunc(pattern, s.handle(h)) }
	own := func(pattern string, h handler) { mux.HandleFunc(pattern, s.handle(s.guarded(h))) }

	open("GET /{$}", s.home)
	open("GET /signin", s.signInPage)
	open("POST /signin", s.signIn)
	open("POST /signout", s.signOut)
	open("GET /welcome/{token}", s.welcomePage)
	open("POST /welcome/{token}", s.welcome)
	open("POST /language", s.language)
	open("GET /static/{file}", s.static)
	open("GET /favicon.ico", s.favicon)
	open("/", s.nothing)

	own("GET /accounts/new", s.newAccountPage)
	own("POST /accounts", s.addAccount)
	own("POST /accounts/{id}/read", s.readNow)
	own("GET /accounts/{id}/remove", s.removeAccountPage)
	own("POST /accounts/{id}/remove", s.removeAccount)
	own("GET /accounts/{id}/session", s.keepPage)
	own("POST /accounts/{id}/session", s.keep)
	own("POST /accounts/{id}/settings", s.configure)
	own("GET /accounts/{id}/login", s.loginPage)
	own("POST /accounts/{id}/login", s.beginLogin)
	own("GET /accounts/{id}/login/state", s.loginState)
	own("POST /accounts/{id}/login/answer", s.answerLogin)
	own("POST /accounts/{id}/login/cancel", s.cancelLogin)

	own("GET /children", s.childrenPage)
	own("POST /children/join", s.joinChildren)
	own("POST /children/split", s.splitChild)
	own("POST /children/lead", s.leadKind)

	own("GET /links", s.linksPage)
	own("GET /links/new", s.newLinkPage)
	own("POST /links/first", s.firstAddresses)
	own("POST /links", s.addLink)
	own("GET /links/{id}/addresses", s.addressesPage)
	own("POST /links/{id}/addresses/hide", s.hideAddresses)
	own("GET /links/{id}/revoke", s.revokePage)
	own("POST /links/{id}/revoke", s.revoke)
	own("POST /links/{id}/confirm", s.confirm)
	own("GET /links/{id}/edit", s.editLinkPage)
	own("POST /links/{id}/edit", s.editLink)
	own("GET /links/{id}/rotate", s.rotatePage)
	own("POST /links/{id}/rotate", s.rotate)

	own("GET /privacy", s.privacyPage)
	s.keepRoutes(own)
	own("POST /privacy/export", s.export)
	return mux
}
