package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/config"
	"syncd/cmd/syncd/internal/demo"
	"syncd/cmd/syncd/internal/text"
	"syncd/source"
	"syncd/source/school"
)

// demoFile is demo.json.
type demoFile = demo.File[app.ICSJSON, app.FeedJSON, app.CalDAVJSON]

// demoCommand starts everything with an invented family, against platforms in
// the same process.
func demoCommand(ctx context.Context, c call) (err error) {
	var listen, dir string
	var scale int
	set := flag.NewFlagSet("demo", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&listen, "listen", "127.0.0.1:8377", "")
	set.StringVar(&dir, "data", "", "")
	set.IntVar(&scale, "scale", 0, "")
	if err := set.Parse(c.args); err != nil || set.NArg() > 0 || scale < 0 {
		return usageError("demo [-listen ADDR] [-data DIR] [-scale N]")
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "syncd-demo"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	cfg := config.Config{
		Listen: listen, DataDir: filepath.Join(dir, "data"), KeysDir: filepath.Join(dir, "keys"),
		KeyFile: "", LogLevel: slog.LevelInfo,
	}
	log := newLogger(c.Err, cfg)
	c.demo = true
	return withApp(ctx, c, cfg, log, func(ctx context.Context, ac app.Config) error {
		var previous demoFile
		known, err := demo.Take(dir, &previous)
		if err != nil {
			return err
		}
		if !known {
			previous = demoFile{}
		}
		return runDemo(ctx, c, ac, demoRun{listen: listen, dir: dir, scale: scale, previous: previous})
	})
}

type demoRun struct {
	listen, dir string
	scale       int
	previous    demoFile // of an earlier demo on the same folder; may be zero
}

func runDemo(ctx context.Context, c call, ac app.Config, d demoRun) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", d.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	family := demo.New(c.Now, d.scale)
	ac.BaseURL = config.DefaultBaseURL(ln.Addr().String(), false)
	ac.Transport, ac.Gap, ac.Demo = family.Transport(), 0, true
	ac.PerMinute = -1 // whoever measures the demo is no runaway reader
	if d.scale > 0 {
		ac.DaysBack, ac.DaysAhead = yearDays, yearDays
		ac.Whole = func(n school.ChildNumber) bool { return n >= family.Last() }
	}
	a, err := app.New(ctx, ac)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Run(ctx, ln) })
	group.Go(func() error {
		if err := prepareDemo(ctx, c, a, family, d); ctx.Err() == nil {
			return err
		}
		return nil // stopped while getting ready
	})
	return group.Wait()
}

// yearDays is more than a year before and after now.
const yearDays = 372

// prepareDemo signs the family in, reads, makes the link and writes demo.json.
func prepareDemo(ctx context.Context, c call, a *app.App, family *demo.Family, d demoRun) error {
	file := demoFile{BaseURL: a.BaseURL(), Web: d.previous.Web}
	if file.Web.Password == "" {
		file.Web = demo.Web{User: demo.User, Password: a.NewPassword()}
	}
	if err := a.SetGuardian(ctx, file.Web.User, file.Web.Password); err != nil {
		return err
	}
	for _, login := range family.Logins() {
		if err := a.Join(ctx, login.Platform, login.Settings, source.BankIDQR); err != nil {
			return err
		}
	}
	if err := a.JoinByName(ctx, family.Both()); err != nil {
		return err
	}
	old := app.AddressesJSON{ICS: d.previous.ICS, Feeds: d.previous.Feeds, CalDAV: d.previous.CalDAV}
	addresses, err := a.Readdress(ctx, old)
	if err != nil {
		return err
	}
	file.CalDAV, file.ICS, file.Feeds = addresses.CalDAV, addresses.ICS, addresses.Feeds
	if err := demo.Write(d.dir, file); err != nil {
		return err
	}
	printDemo(c.Out, d.dir, file)
	return nil
}

func printDemo(w io.Writer, dir string, f demoFile) {
	say := text.Terminal()
	fmt.Fprintf(w, "%s\n\n  %s\n  user %s, password %s\n\n", say.DemoReady, f.BaseURL, f.Web.User, f.Web.Password)
	if len(f.ICS) > 0 {
		fmt.Fprintf(w, "  calendar  %s\n", f.ICS[0].URL)
	}
	if len(f.Feeds) > 0 {
		fmt.Fprintf(w, "  feed      %s\n", f.Feeds[0].URL)
	}
	fmt.Fprintf(w, "  CalDAV    %s  user %s, password %s\n\n", f.CalDAV.URL, f.CalDAV.User, f.CalDAV.Password)
	fmt.Fprintf(w, "All addresses are in %s. %s\n", filepath.Join(dir, demo.FileName), say.DemoEnds)
}
