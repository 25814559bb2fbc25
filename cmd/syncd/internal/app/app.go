// Package app is the composition root: it builds every other package's value,
// connects them, and owns what runs. What pages and commands have in common
// (accounts, logins, links, reads) is done here once.
//
// [App.Run] owns all goroutines. They stop in this order: no new requests,
// then the reads and logins under way, then the caller closes the storage.
package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"syncd/caldav"
	"syncd/cmd/syncd/internal/auth"
	"syncd/cmd/syncd/internal/control"
	"syncd/cmd/syncd/internal/session"
	"syncd/cmd/syncd/internal/syncer"
	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/view"
	"syncd/cmd/syncd/internal/web"
	"syncd/feeds"
	"syncd/feeds/icalendar"
	"syncd/source"
	"syncd/source/normalize"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/vault"
)

// Config is what an App is made of.
type Config struct {
	DB        *storage.DB       // required; the caller closes it after Run
	DataDir   string            // required; where the socket is made
	BaseURL   string            // required; begins every absolute link, no final slash
	Platforms []source.Platform // required; see [Platforms]
	Now       func() time.Time  // required
	Log       *slog.Logger      // required

	Trusted   []netip.Prefix    // proxies that are believed
	TLS       *tls.Config       // nil: none here
	Redirect  net.Listener      // where http is sent on to BaseURL; nil: nowhere
	Transport http.RoundTripper // to the platforms; nil: the internet
	Gap       time.Duration     // between two requests to a host
	// DaysBack and DaysAhead bound the dated things that are asked for, around
	// today; 0 means the syncer's own.
	DaysBack, DaysAhead int
	// StaleAfter is how old an account's data may be before calendars and feeds
	// say so; 0 means the views' own.
	StaleAfter time.Duration
	// SaveEvery is how often what the disk refused is tried again; 0: every
	// minute.
	SaveEvery time.Duration
	// Patience is how long whoever can go on without it, such as a wipe, waits for
	// others who work on backups; 0: ten seconds.
	Patience time.Duration
	// PerMinute is how many calendars and feeds in full one peer is given with
	// one token in a minute; 0: the feeds' own, negative: no end.
	PerMinute int
	// Whole names children whose subscribed calendars are never narrowed; nil:
	// none.
	Whole   func(school.ChildNumber) bool
	Version string
	Key     KeyReport // where the key lies; its keys and seals are looked up when asked for
	Demo    bool      // the family is invented, and pages say so
	// ManagedKey is the path of the key file that the program makes itself, for
	// when everything is deleted; empty: it makes none.
	ManagedKey string
	// Away are folders beside the data folder that hold no backups: the key's.
	Away    []string
	Backups Backups
	// PDF reads the text of a PDF that a school sent, which may be hostile, where
	// that can do no harm: in another process. Its errors are logged and carry
	// nothing of the file. nil: the text of no PDF is read.
	PDF func(ctx context.Context, data []byte) (string, error)
	// Out is where a one-time address is printed when nobody can sign in yet.
	// Never the log. nil: nowhere.
	Out io.Writer
}

// App is the whole program around a storage. Its methods are safe for
// concurrent use.
type App struct {
	cfg     Config
	loc     *time.Location
	auth    *auth.Auth
	norm    *normalize.Normalizer
	manners *syncer.Manners
	keeper  *session.Keeper
	syncer  *syncer.Syncer
	views   *view.Views
	uses    *uses
	handler http.Handler

	backingUp *semaphore.Weighted // of 1, held by whoever writes, changes or removes backups, or replaces the key
	backups   backupLog

	mu      sync.Mutex
	pending map[school.LinkID]secrets // of links whose addresses nobody has seen yet

	wiped    chan struct{} // closed when everything was deleted
	wipeOnce sync.Once
}

// New builds everything. It starts nothing and makes no request.
func New(ctx context.Context, cfg Config) (*App, error) {
	if cfg.DB == nil || cfg.DataDir == "" || cfg.BaseURL == "" || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("app: new: DB, DataDir, BaseURL, Now and Log are required")
	}
	if cfg.Backups.Dir != "" && cfg.Backups.Every <= 0 {
		return nil, errors.New("app: new: how often backups are made is required")
	}
	a := &App{cfg: cfg, loc: school.Stockholm(), pending: map[school.LinkID]secrets{}, wiped: make(chan struct{}), uses: newUses(cfg.DB), backingUp: semaphore.NewWeighted(1)}
	for _, build := range []func(context.Context) error{a.buildEngine, a.buildViews, a.buildHandler} {
		if err := build(ctx); err != nil {
			return nil, fmt.Errorf("app: new: %w", err)
		}
	}
	return a, nil
}

// buildEngine makes what reads the schools.
func (a *App) buildEngine(ctx context.Context) error {
	key, err := a.cfg.DB.UIDKey(ctx)
	if err != nil {
		return err
	}
	if a.norm, err = normalize.New(normalize.Config{Key: key, Location: a.loc, PDF: a.textOfPDF}); err != nil {
		return err
	}
	a.cfg.DB.DeriveWith(a.norm.Derive)
	a.cfg.DB.KeepAll(a.cfg.Whole)
	if a.manners, err = syncer.NewManners(syncer.MannersConfig{
		Store: a.cfg.DB, Now: a.cfg.Now, Gap: a.cfg.Gap, Location: a.loc,
	}); err != nil {
		return err
	}
	if a.keeper, err = session.New(session.Config{
		Store: a.cfg.DB, Sources: a.source, Logins: a.loginSource, OwnerHash: a.norm.OwnerHash,
		Signed:   func(_ context.Context, id school.AccountID) { a.syncer.Wake(id) },
		Requests: a.manners.Made, Now: a.cfg.Now, Log: a.cfg.Log,
	}); err != nil {
		return err
	}
	a.syncer, err = syncer.New(syncer.Config{
		Store: a.cfg.DB, Sessions: a.keeper, Normalizer: a.norm, Sources: a.source, Parts: a.parts, Announced: a.announced,
		Manners: a.manners, Now: a.cfg.Now, Log: a.cfg.Log, Location: a.loc,
		DaysBack: a.cfg.DaysBack, DaysAhead: a.cfg.DaysAhead, Idle: a.keeper.Idle, Spares: a.cfg.DB,
		Unwanted: a.cfg.DB.UnwantedParts, LettersFrom: a.cfg.DB.LettersFrom, Hourly: a.tidy,
		Committed: func(context.Context, school.AccountID, school.Changes) { a.views.Invalidate() },
	})
	return err
}

// textOfPDF reads a PDF. One that cannot be read has no text: the family opens
// the file itself.
func (a *App) textOfPDF(ctx context.Context, data []byte) string {
	if a.cfg.PDF == nil {
		return ""
	}
	text, err := a.cfg.PDF(ctx, data)
	if err != nil {
		if ctx.Err() == nil {
			a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "the text of a file was not read", slog.Any("error", err))
		}
		return ""
	}
	return text
}

// buildViews makes what subscribers read.
func (a *App) buildViews(ctx context.Context) error {
	since, renderer, err := a.cfg.DB.RendererChanged(ctx, icalendar.Version)
	if err != nil {
		return err
	}
	key, err := a.cfg.DB.UIDKey(ctx)
	if err != nil {
		return err
	}
	namespace := sha256.Sum256(append([]byte("feed ids\x00"), key...))
	a.views, err = view.New(view.Config{
		Store: viewStore{a.cfg.DB, a.uses}, BaseURL: a.cfg.BaseURL, Now: a.cfg.Now, Log: a.cfg.Log, Hash: auth.HashToken,
		Renderer: renderer, Since: since, FeedID: [16]byte(namespace[:16]), Whole: a.cfg.Whole,
		StaleAfter: a.cfg.StaleAfter,
	})
	return err
}

// buildHandler makes what listens.
func (a *App) buildHandler(context.Context) error {
	var err error
	if a.auth, err = auth.New(auth.Config{
		Store: authStore{a.cfg.DB, a.uses, a.views}, Now: a.cfg.Now, Log: a.cfg.Log, BaseURL: a.cfg.BaseURL, Trusted: a.cfg.Trusted,
	}); err != nil {
		return err
	}
	dav, err := caldav.New(caldav.Config{
		Store: a.views.CalDAV(), Prefix: davPrefix, Link: auth.LinkFrom, Log: a.cfg.Log, Now: a.cfg.Now,
	})
	if err != nil {
		return err
	}
	subscribed, err := feeds.New(feeds.Config{
		Store: a.views.Feeds(), BaseURL: a.cfg.BaseURL, Now: a.cfg.Now, Log: a.cfg.Log,
		Peer: func(r *http.Request) netip.Addr { return auth.Peer(r, a.cfg.Trusted) },
		Used: a.views.Feeds().Used, PerMinute: a.cfg.PerMinute,
	})
	if err != nil {
		return err
	}
	pages, err := web.New(web.Config{
		Store: pages{a}, Doors: a.auth, Now: a.cfg.Now, Log: a.cfg.Log, BaseURL: a.cfg.BaseURL,
		Guardian: auth.GuardianFrom, Platforms: a.cfg.Platforms, Version: a.cfg.Version, Demo: a.cfg.Demo,
		Protected: func(r *http.Request) bool { return auth.Protected(r, a.cfg.Trusted) },
		Peer:      func(r *http.Request) string { return auth.Peer(r, a.cfg.Trusted).String() },
	})
	if err != nil {
		return err
	}
	a.handler = a.routes(auth.Clients(a.auth.Basic(dav)), auth.Clients(subscribed), a.auth.Guardian(pages))
	return nil
}

// Handler returns the whole web server: every address of the program.
func (a *App) Handler() http.Handler { return a.handler }

// Run serves on ln and reads the schools until ctx ends, and returns nil when
// all of it has stopped and everything is on the disk. It is called once; not beside [App.RunCommand].
func (a *App) Run(ctx context.Context, ln net.Listener) error {
	if err := a.welcome(ctx); err != nil {
		return fmt.Errorf("app: run: %w", err)
	}
	ctl, err := control.Listen(a.cfg.DataDir, a.Command, a.cfg.Log)
	if err != nil {
		return fmt.Errorf("app: run: %w", err)
	}
	// The engine ends after the servers: who still reads gets an answer.
	engine, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	back, engine := errgroup.WithContext(engine)
	back.Go(func() error { return a.keeper.Run(engine) })
	back.Go(func() error { return a.syncer.Run(engine) })
	back.Go(func() error { return a.keepSaved(engine) })
	back.Go(func() error { return giveBack(engine) })
	back.Go(func() error { return a.keepBackups(engine) })

	front, serving := errgroup.WithContext(ctx)
	front.Go(func() error { return ctl.Serve(serving, a.cfg.DataDir) })
	front.Go(func() error { return a.serve(serving, ln, a.handler, a.cfg.TLS) })
	if a.cfg.Redirect != nil {
		front.Go(func() error { return a.serve(serving, a.cfg.Redirect, sentOn(a.cfg.BaseURL), nil) })
	}
	front.Go(func() error { // an engine that fails takes the servers with it
		select {
		case <-a.wiped:
			return errWiped
		case <-engine.Done():
			return context.Cause(engine)
		case <-serving.Done():
			return nil
		}
	})
	err = front.Wait()
	stopEngine()
	if err = errors.Join(err, back.Wait()); a.cfg.DB.Wiped() {
		return nil // what still tried to write has failed, as it should
	}
	if err = errors.Join(err, a.saveLast(context.WithoutCancel(ctx))); err != nil {
		return fmt.Errorf("app: run: %w", err)
	}
	return nil
}

// saveLast writes what is not on the disk yet, before the caller closes the
// storage. What cannot be written then is lost, and said to be.
func (a *App) saveLast(ctx context.Context) error {
	counts := a.manners.Save(ctx)
	if errors.Is(counts, vault.ErrNotSaved) {
		counts = nil // it is in memory, and flushed with the rest
	}
	err := a.cfg.DB.Flush(ctx)
	if err == nil {
		return counts
	}
	a.cfg.Log.LogAttrs(ctx, slog.LevelError, "what was not saved is lost", slog.Any("error", err))
	return errors.Join(&vault.Error{
		Path: a.cfg.DataDir, Err: err, Detail: "what was changed last is lost",
		Advice: "make room on the disk, or let it be written to, and start again; look through the links and what was changed last",
	}, counts)
}

// saveEvery is how often what a full disk refused is tried again, unless
// [Config.SaveEvery] says otherwise.
const saveEvery = time.Minute

// keepSaved writes what could not be written, as soon as it can be, until ctx
// ends. Until then the status says that something is not saved.
func (a *App) keepSaved(ctx context.Context) error {
	t := time.NewTicker(cmp.Or(a.cfg.SaveEvery, saveEvery))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if a.cfg.DB.Unsaved() == nil {
			continue
		}
		if err := a.cfg.DB.Flush(ctx); err != nil {
			a.cfg.Log.LogAttrs(ctx, slog.LevelError, "data in memory are not saved", slog.Any("error", err))
			continue
		}
		a.views.Invalidate()
		a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "what was not saved is saved now")
	}
}

// stopTime is how long requests under way may take when the program stops.
const stopTime = 10 * time.Second

func (a *App) serve(ctx context.Context, ln net.Listener, handler http.Handler, tlsConfig *tls.Config) error {
	srv := &http.Server{
		Handler: handler, TLSConfig: tlsConfig,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(a.cfg.Log.Handler(), slog.LevelDebug),
	}
	done := make(chan error, 1)
	go func() {
		if tlsConfig != nil {
			done <- srv.ServeTLS(ln, "", "")
			return
		}
		done <- srv.Serve(ln)
	}()
	a.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "serving", slog.String("address", ln.Addr().String()))
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		return errors.Join(srv.Close(), <-ignoreClosed(done))
	}
	return <-ignoreClosed(done)
}

// ignoreClosed hands on an error unless it only says that the server was
// stopped as asked.
func ignoreClosed(done <-chan error) <-chan error {
	out := make(chan error, 1)
	err := <-done
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	out <- err
	return out
}

// RunCommand runs one command on data that no daemon holds, with a keeper of
// its own for logins.
func (a *App) RunCommand(ctx context.Context, args []string, s control.Streams) int {
	background, stop := context.WithCancel(ctx)
	var keeper sync.WaitGroup
	keeper.Go(func() {
		if err := a.keeper.Run(background); err != nil {
			a.cfg.Log.LogAttrs(ctx, slog.LevelError, "logins ended", slog.Any("error", err))
		}
	})
	status := a.Command(ctx, args, s)
	stop()
	keeper.Wait()
	if a.cfg.DB.Wiped() {
		return status
	}
	if err := a.saveLast(context.WithoutCancel(ctx)); err != nil && status == ExitOK {
		return Fail(s.Err, err)
	}
	return status
}

// welcome prints a one-time address when there is no guardian yet, and says
// what stands in the way of phones.
func (a *App) welcome(ctx context.Context) error {
	if a.hint() {
		a.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "no way for app passwords from other machines",
			slog.String("hint", text.Terminal().Unprotected))
	}
	known, err := a.cfg.DB.Guardians(ctx)
	if err != nil || len(known) > 0 || a.cfg.Out == nil {
		return err
	}
	return a.Invite(ctx, a.cfg.Out)
}

func (a *App) hint() bool { return a.cfg.TLS == nil && len(a.cfg.Trusted) == 0 && !a.cfg.Demo }

// Invite prints a new one-time address for a guardian.
func (a *App) Invite(ctx context.Context, w io.Writer) error {
	address, err := a.auth.Invite(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n%s\n", text.Terminal().OneTime, address)
	return err
}

// platform answers the description of a platform.
func (a *App) platform(id school.PlatformID) (source.Platform, bool) {
	i := slices.IndexFunc(a.cfg.Platforms, func(p source.Platform) bool { return p.ID == id })
	if i < 0 {
		return source.Platform{}, false
	}
	return a.cfg.Platforms[i], true
}

func (a *App) parts(id school.PlatformID) []school.Part {
	p, _ := a.platform(id)
	return p.Parts
}

func (a *App) announced(id school.PlatformID) []school.Part {
	p, _ := a.platform(id)
	return p.Announced
}
