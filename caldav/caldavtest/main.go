// Command caldavtest serves calendars out of a folder by CalDAV, for
// conformance suites and other people's clients:
//
//	go run ./caldav/caldavtest -dir DIR -listen ADDR -user NAME:PASSWORD [-user …] [-backdoor ADDR]
//
// It is the daemon's own handler over a store in memory, so that what a suite
// finds here holds there. The store is filled from DIR/<user>/<calendar>/*.ics:
// any iCalendar, one calendar object in each file, of any component. A file
// "displayname" or "color" beside them says what the calendar is called and
// how it is shown. Nothing is written back.
//
// Clients find it by Basic authentication at the address printed, over plain
// HTTP: it is made for tests on one machine. Over the back door, without a
// password and on a listener of its own, a test changes what is there:
//
//	PUT, DELETE /<user>/<calendar>/<name>.ics
//	MKCALENDAR  /<user>/<calendar>
package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"syncd/caldav"
	"syncd/source/school"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], time.Now, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "caldavtest:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	dir, listen, backdoor string
	passwords             map[string]string // by user
}

func parseArgs(args []string, stderr io.Writer) (options, error) {
	o := options{passwords: map[string]string{}}
	user := func(s string) error {
		name, password, ok := strings.Cut(s, ":")
		if !ok || name == "" || strings.ContainsAny(name, `/\`) || name == "." || name == ".." {
			return errors.New("a user is NAME:PASSWORD")
		}
		o.passwords[name] = password
		return nil
	}
	flags := flag.NewFlagSet("caldavtest", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.dir, "dir", "", "`folder` with <user>/<calendar>/*.ics; none: no calendars")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` to serve CalDAV on")
	flags.StringVar(&o.backdoor, "backdoor", "", "`address` to let tests change calendars on; none: no such door")
	flags.Func("user", "`NAME:PASSWORD` of somebody who may sign in; may be repeated", user)
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for _, rest := range flags.Args() {
		if err := user(rest); err != nil {
			return o, err
		}
	}
	if len(o.passwords) == 0 {
		return o, errors.New("at least one -user is needed")
	}
	return o, nil
}

// run serves until ctx ends. What it serves where is written to stdout.
func run(ctx context.Context, args []string, now func() time.Time, stdout, stderr io.Writer) error {
	o, err := parseArgs(args, stderr)
	if err != nil {
		return err
	}
	s := newStore(now)
	for name := range o.passwords {
		s.addUser(name)
	}
	if o.dir != "" {
		if err := s.load(os.DirFS(o.dir)); err != nil {
			return err
		}
	}
	dav, err := s.handler(o.passwords, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return err
	}
	doors := []door{{"caldav", o.listen, "/dav/", dav}}
	if o.backdoor != "" {
		doors = append(doors, door{"backdoor", o.backdoor, "/", s.backdoor()})
	}
	return serve(ctx, stdout, doors)
}

// door is one listener with what stands behind it.
type door struct {
	name, address, path string
	handler             http.Handler
}

func serve(ctx context.Context, stdout io.Writer, doors []door) error {
	failed := make(chan error, len(doors))
	var servers []*http.Server
	for _, d := range doors {
		var lc net.ListenConfig
		ln, err := lc.Listen(ctx, "tcp", d.address)
		if err != nil {
			return errors.Join(err, shutdown(ctx, servers))
		}
		fmt.Fprintf(stdout, "%s http://%s%s\n", d.name, ln.Addr(), d.path)
		srv := &http.Server{Handler: d.handler, ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, srv)
		go func() { failed <- srv.Serve(ln) }()
	}
	select {
	case <-ctx.Done():
		return shutdown(ctx, servers)
	case err := <-failed:
		return errors.Join(err, shutdown(ctx, servers))
	}
}

func shutdown(ctx context.Context, servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var errs []error
	for _, srv := range servers {
		errs = append(errs, srv.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

type userKey struct{}

// handler returns what the public door shows: the daemon's handler behind
// Basic authentication.
func (s *store) handler(passwords map[string]string, log *slog.Logger) (http.Handler, error) {
	dav, err := caldav.New(caldav.Config{
		Store: s, Log: log, Now: s.now,
		Link: func(ctx context.Context) (school.LinkID, bool) {
			id, ok := ctx.Value(userKey{}).(school.LinkID)
			return id, ok
		},
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/.well-known/caldav", caldav.WellKnown("/dav/"))
	mux.Handle("/.well-known/caldav/", caldav.WellKnown("/dav/"))
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth()
		want, ok := passwords[name]
		if !ok || subtle.ConstantTimeCompare([]byte(password), []byte(want)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="caldavtest", charset="UTF-8"`)
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
			return
		}
		dav.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, school.LinkID(name))))
	}))
	return mux, nil
}

// maxObject is the largest object that the back door takes.
const maxObject = 16 << 20

// backdoor returns what the back door shows.
func (s *store) backdoor() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /{user}/{calendar}/{name}", func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxObject))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		created, err := s.put(r.PathValue("user"), r.PathValue("calendar"), r.PathValue("name"), data)
		status := http.StatusNoContent
		if created {
			status = http.StatusCreated
		}
		done(w, status, err)
	})
	mux.HandleFunc("DELETE /{user}/{calendar}/{name}", func(w http.ResponseWriter, r *http.Request) {
		done(w, http.StatusNoContent, s.remove(r.PathValue("user"), r.PathValue("calendar"), r.PathValue("name")))
	})
	mux.HandleFunc("MKCALENDAR /{user}/{calendar}", func(w http.ResponseWriter, r *http.Request) {
		done(w, http.StatusCreated, s.make(r.PathValue("user"), r.PathValue("calendar")))
	})
	mux.HandleFunc("MKCALENDAR /{user}/{calendar}/{$}", func(w http.ResponseWriter, r *http.Request) {
		done(w, http.StatusCreated, s.make(r.PathValue("user"), r.PathValue("calendar")))
	})
	return mux
}

// done answers at the back door; a test may know everything.
func done(w http.ResponseWriter, status int, err error) {
	switch {
	case err == nil:
		w.WriteHeader(status)
	case errors.Is(err, errUnknown):
		http.Error(w, err.Error(), http.StatusNotFound)
	case errors.Is(err, errExists):
		http.Error(w, err.Error(), http.StatusMethodNotAllowed)
	default:
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}
