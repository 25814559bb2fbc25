package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/cmd/syncd/internal/config"
	"syncd/cmd/syncd/internal/control"
	"syncd/cmd/syncd/internal/syncer"
	"syncd/storage"
	"syncd/storage/backup"
	"syncd/storage/vault"
)

// serve runs the daemon. Flags may stand behind its name too.
func serve(ctx context.Context, c call) error {
	more, rest, err := parseOptions(c.args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return err
	}
	if err != nil || len(rest) > 0 {
		return usageError("serve takes options only")
	}
	maps.Copy(c.options, more)
	cfg, err := config.Load(c.Lookup, c.options)
	if err != nil {
		return err
	}
	log := newLogger(c.Err, cfg)
	tlsConfig, err := loadTLS(cfg, c.Now, log)
	if err != nil {
		return err
	}
	return withApp(ctx, c, cfg, log, func(ctx context.Context, ac app.Config) error {
		ac.TLS, ac.Out = tlsConfig, c.Out
		var lc net.ListenConfig
		if cfg.RedirectListen != "" {
			if ac.Redirect, err = lc.Listen(ctx, "tcp", cfg.RedirectListen); err != nil {
				return fmt.Errorf("listen: redirects: %w", err)
			}
		}
		a, err := app.New(ctx, ac)
		if err != nil {
			return err
		}
		ln, err := lc.Listen(ctx, "tcp", cfg.Listen)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		return a.Run(ctx, ln)
	})
}

// data runs a command that works on the data: in the daemon that holds them,
// or, where there is none, here.
func data(ctx context.Context, c call) error {
	cfg, err := config.Load(c.Lookup, c.options)
	if err != nil {
		return err
	}
	args, err := absolute(c.name, c.args)
	if err != nil {
		return err
	}
	if app.AsksPassphrase(args) {
		passphrase, err := askNewPassphrase(ctx, c)
		if err != nil {
			return err
		}
		c.In = bytes.NewReader(passphrase)
	}
	err = inDaemon(ctx, c, cfg, args)
	if errors.Is(err, control.ErrNoDaemon) {
		return here(ctx, c, cfg, args)
	}
	return err
}

// inDaemon has the daemon that holds the data run a command.
// [control.ErrNoDaemon]: there is none.
func inDaemon(ctx context.Context, c call, cfg config.Config, args []string) error {
	status, err := control.Call(ctx, cfg.DataDir, args, app.NeedsInput(args), control.Streams{In: c.In, Out: c.Out, Err: c.Err})
	if err == nil && status != app.ExitOK {
		return statusError(status)
	}
	return err
}

// here runs a command in this process, on data that no daemon holds.
func here(ctx context.Context, c call, cfg config.Config, args []string) error {
	return withApp(ctx, c, cfg, newLogger(io.Discard, cfg), func(ctx context.Context, ac app.Config) error {
		a, err := app.New(ctx, ac)
		if err != nil {
			return err
		}
		if status := a.RunCommand(ctx, args, control.Streams{In: c.In, Out: c.Out, Err: c.Err}); status != app.ExitOK {
			return statusError(status)
		}
		return nil
	})
}

// absolute puts a command's name before its words. Paths among them mean the
// same in a daemon that was started elsewhere.
func absolute(name string, words []string) ([]string, error) {
	args := []string{name}
	for i, w := range words {
		if app.NamesPath(name, args[i], w) {
			var err error
			if w, err = filepath.Abs(w); err != nil {
				return nil, err
			}
		}
		args = append(args, w)
	}
	return args, nil
}

// withApp takes the lock, finds the key, opens the data, and closes them when
// f has returned. Without f it only tries whether the data can be used.
func withApp(ctx context.Context, c call, cfg config.Config, log *slog.Logger, f func(context.Context, app.Config) error) (err error) {
	if err := vault.Harden(); err != nil {
		log.LogAttrs(ctx, slog.LevelWarn, "memory is not protected from dumps", slog.Any("error", err))
	}
	lock, err := vault.LockFolder(cfg.DataDir)
	if err != nil {
		return err
	}
	place, err := lasting(ctx, c, cfg, log)
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	keys, err := vault.OpenKeys(keySource(ctx, c, cfg))
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	tellKeys(ctx, log, keys)
	db, err := storage.Open(ctx, storage.Options{Dir: cfg.DataDir, Keys: keys, Now: c.Now, Log: log, Lock: lock})
	if err != nil {
		return err
	}
	defer func() {
		if db.Wiped() {
			err = errors.Join(err, unlock(cfg, db.Close))
			return
		}
		err = errors.Join(err, db.Close())
	}()
	if f == nil {
		return nil
	}
	return f(ctx, app.Config{
		DB: db, DataDir: cfg.DataDir, BaseURL: cfg.BaseURL, Platforms: app.Platforms(), Now: c.Now, Log: log,
		Trusted: cfg.TrustedProxies, StaleAfter: cfg.StaleAfter, Gap: syncer.DefaultGap, Version: buildVersion(),
		Key:        keyReport(cfg, keys, place),
		ManagedKey: cfg.ManagedKey(), PDF: newPDFReader().read,
		Away: []string{filepath.Dir(keys.Path())}, Backups: app.Backups{
			Dir: cfg.BackupDir, Every: cfg.BackupEvery, Keep: backup.Keep{Days: cfg.BackupDays, Weeks: cfg.BackupWeeks},
			Passphrase: []byte(cfg.BackupPassphrase),
		},
	})
}

func loadTLS(cfg config.Config, now func() time.Time, log *slog.Logger) (*tls.Config, error) {
	if cfg.TLSCert == "" {
		return nil, nil //nolint:nilnil // no TLS here is not an error
	}
	c := &certificate{cert: cfg.TLSCert, key: cfg.TLSKey, now: now, log: log}
	if _, err := c.get(nil); err != nil { // a start that cannot work says so at once
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}, nil
}

func newLogger(w io.Writer, cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// healthcheck asks the daemon that the configuration describes whether it
// serves, for containers that have no other program to ask with.
func healthcheck(ctx context.Context, c call) error {
	cfg, err := config.Load(c.Lookup, c.options)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return err
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme, client := "http", &http.Client{Timeout: 5 * time.Second}
	if cfg.TLSCert != "" {
		// It is this machine that is asked, by address; no name to verify.
		scheme = "https"
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // see above
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return errors.New("nothing answers on " + cfg.Listen)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", cfg.Listen, resp.StatusCode)
	}
	fmt.Fprintln(c.Out, "ok")
	return nil
}
