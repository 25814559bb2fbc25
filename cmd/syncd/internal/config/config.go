// Package config is the operator's configuration: a table of options, read
// from flags and SYNCD_* environment variables, each with a _FILE twin. What a
// family changes (accounts, links, children) is not here but in the sealed
// data. Without any option set the program starts.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Config is the effective configuration, checked and complete.
type Config struct {
	Listen           string         // host:port of the web server
	DataDir          string         // absolute; the sealed files, the lock and the socket
	KeysDir          string         // absolute; the managed key
	KeyFile          string         // a key kept elsewhere; empty: the sources of [Config.KeySources]
	KeyPassphrase    string         // opens a key file that is protected by one; may be empty
	CredentialsDir   string         // systemd's credentials folder; may be empty
	BaseURL          string         // beginning of every absolute link, no final slash
	BackupDir        string         // absolute; where backups are made by themselves; empty: nowhere
	BackupEvery      time.Duration  // how often
	BackupDays       int            // of how many days one is kept
	BackupWeeks      int            // and of how many weeks
	BackupPassphrase string         // protects backups; may be empty
	TrustedProxies   []netip.Prefix // whose X-Forwarded-* headers are believed
	TLSCert          string         // certificate chain, PEM; empty: no TLS here
	TLSKey           string         // its key, PEM
	RedirectListen   string         // host:port at which http is sent on to https; empty: nowhere
	StaleAfter       time.Duration  // how old an account's data may be before calendars and feeds say so
	LogLevel         slog.Level
	LogJSON          bool
}

// MinPassphrase is the shortest passphrase, in bytes, that a backup is
// protected with: whoever finds the backup can guess for ever.
const MinPassphrase = 10

// The bounds of backups that are made by themselves.
const (
	maxEvery = 31 * 24 // hours
	maxDays  = 366
	maxWeeks = 520
)

// Option is one row of the table.
type Option struct {
	Env     string // SYNCD_LISTEN
	Flag    string // listen
	Default string // as shown; what is computed from the environment is described
	Secret  bool   // masked when shown, and not a flag
	Help    string
}

// Options returns the table in the order in which it is shown.
func Options() []Option {
	return []Option{
		{Env: "SYNCD_LISTEN", Flag: "listen", Default: "127.0.0.1:8377", Help: "address and port to listen on"},
		{Env: "SYNCD_BASE_URL", Flag: "base-url", Default: "http:// and the listen address", Help: "how the family's programs reach this machine; begins every link"},
		{Env: "SYNCD_DATA_DIR", Flag: "data-dir", Default: "syncd in the user's data folder", Help: "folder of the sealed data"},
		{Env: "SYNCD_KEYS_DIR", Flag: "keys-dir", Default: "syncd/keys in the user's configuration folder", Help: "folder of the key that opens it; better on another disk"},
		{Env: "SYNCD_KEY_FILE", Flag: "key-file", Default: "", Help: "a key file kept elsewhere, never created by syncd"},
		{Env: "SYNCD_KEY_PASSPHRASE", Secret: true, Default: "", Help: "opens a key file that is protected by a passphrase"},
		{Env: "SYNCD_BACKUP_DIR", Flag: "backup-dir", Default: "", Help: "folder in which the daemon makes backups by itself; best on another disk"},
		{Env: "SYNCD_BACKUP_EVERY", Flag: "backup-every", Default: "24", Help: "hours between two of them"},
		{Env: "SYNCD_BACKUP_DAYS", Flag: "backup-days", Default: "7", Help: "of how many days the newest is kept"},
		{Env: "SYNCD_BACKUP_WEEKS", Flag: "backup-weeks", Default: "4", Help: "and of how many weeks"},
		{Env: "SYNCD_BACKUP_PASSPHRASE", Secret: true, Default: "", Help: "protects backups, so that they open without this machine's key"},
		{Env: "SYNCD_TRUSTED_PROXIES", Flag: "trusted-proxies", Default: "", Help: "addresses of your reverse proxies, as 10.0.0.2 or 172.16.0.0/12, parted by commas"},
		{Env: "SYNCD_TLS_CERT", Flag: "tls-cert", Default: "", Help: "certificate chain (PEM), to serve TLS without a proxy"},
		{Env: "SYNCD_TLS_KEY", Flag: "tls-key", Default: "", Help: "the certificate's key (PEM)"},
		{Env: "SYNCD_REDIRECT_LISTEN", Flag: "redirect-listen", Default: "", Help: "address and port, as :80, at which http is sent on to the https base URL; only with a certificate"},
		{Env: "SYNCD_STALE_AFTER", Flag: "stale-after", Default: "24", Help: "hours without a successful read after which calendars and feeds say so"},
		{Env: "SYNCD_LOG_LEVEL", Flag: "log-level", Default: "info", Help: "debug, info, warn or error"},
		{Env: "SYNCD_LOG_FORMAT", Flag: "log-format", Default: "text", Help: "text for people, json for machines"},
	}
}

// Env looks up an environment variable, as [os.LookupEnv] does.
type Env func(name string) (string, bool)

// Load reads the configuration: a flag wins over the environment, which wins
// over the default. flags holds values by [Option.Flag]; it may be nil. All
// that is wrong is reported at once.
func Load(env Env, flags map[string]string) (Config, error) {
	l := loader{env: env, flags: flags, values: map[string]string{}}
	for _, o := range Options() {
		l.read(o)
	}
	c := l.config()
	if err := errors.Join(l.errs...); err != nil {
		return Config{}, fmt.Errorf("config: %w", err)
	}
	return c, nil
}

type loader struct {
	env    Env
	flags  map[string]string
	values map[string]string
	errs   []error
}

func (l *loader) fail(format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf(format, args...))
}

func (l *loader) read(o Option) {
	if v, ok := l.flags[o.Flag]; ok && o.Flag != "" {
		l.values[o.Env] = v
		return
	}
	value, set := l.env(o.Env)
	file, fromFile := l.env(o.Env + "_FILE")
	switch {
	case set && fromFile:
		l.fail("%s and %s_FILE are both set; leave one out", o.Env, o.Env)
	case fromFile:
		b, err := os.ReadFile(file) //nolint:gosec // the operator names the file
		if err != nil {
			l.fail("%s_FILE: %w", o.Env, err)
			return
		}
		l.values[o.Env] = strings.TrimSpace(string(b))
	case set:
		l.values[o.Env] = strings.TrimSpace(value)
	}
}

func (l *loader) or(name, def string) string {
	if v := l.values[name]; v != "" {
		return v
	}
	return def
}

func (l *loader) config() Config {
	c := Config{
		Listen:           l.or("SYNCD_LISTEN", "127.0.0.1:8377"),
		KeyFile:          l.values["SYNCD_KEY_FILE"],
		KeyPassphrase:    l.values["SYNCD_KEY_PASSPHRASE"],
		BackupPassphrase: l.values["SYNCD_BACKUP_PASSPHRASE"],
		TLSCert:          l.values["SYNCD_TLS_CERT"],
		TLSKey:           l.values["SYNCD_TLS_KEY"],
		RedirectListen:   l.values["SYNCD_REDIRECT_LISTEN"],
	}
	c.CredentialsDir, _ = l.env("CREDENTIALS_DIRECTORY")
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		l.fail("SYNCD_LISTEN: %q is not host:port", c.Listen)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		l.fail("SYNCD_TLS_CERT and SYNCD_TLS_KEY belong together")
	}
	c.DataDir = l.dir("SYNCD_DATA_DIR", "XDG_DATA_HOME", ".local/share", "syncd")
	c.KeysDir = l.dir("SYNCD_KEYS_DIR", "XDG_CONFIG_HOME", ".config", "syncd/keys")
	for name, path := range map[string]string{"SYNCD_KEYS_DIR": c.KeysDir, "SYNCD_KEY_FILE": c.KeyFile} {
		if c.DataDir != "" && path != "" && within(c.DataDir, path) {
			l.fail("%s must not lie in SYNCD_DATA_DIR: a copy of the data must not hold its key", name)
		}
	}
	if l.values["SYNCD_BACKUP_DIR"] != "" {
		c.BackupDir = l.dir("SYNCD_BACKUP_DIR", "", "", "")
	}
	c.BackupEvery = l.hours("SYNCD_BACKUP_EVERY", 24, 1, maxEvery)
	c.BackupDays = l.count("SYNCD_BACKUP_DAYS", 7, maxDays)
	c.BackupWeeks = l.count("SYNCD_BACKUP_WEEKS", 4, maxWeeks)
	if p := c.BackupPassphrase; p != "" && len(p) < MinPassphrase {
		l.fail("SYNCD_BACKUP_PASSPHRASE must have at least %d characters", MinPassphrase)
	}
	c.BaseURL = l.baseURL(c)
	l.redirect(c)
	c.TrustedProxies = l.proxies()
	c.StaleAfter = l.hours("SYNCD_STALE_AFTER", 24, minStale, maxStale)
	if err := c.LogLevel.UnmarshalText([]byte(l.or("SYNCD_LOG_LEVEL", "info"))); err != nil {
		l.fail("SYNCD_LOG_LEVEL: %q is none of debug, info, warn, error", l.values["SYNCD_LOG_LEVEL"])
	}
	switch f := l.or("SYNCD_LOG_FORMAT", "text"); f {
	case "text":
	case "json":
		c.LogJSON = true
	default:
		l.fail("SYNCD_LOG_FORMAT: %q is neither text nor json", f)
	}
	return c
}

// within reports whether a path is a folder or lies below it.
func within(dir, path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(dir, abs)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// dir answers an absolute folder: as set, or below the user's own folders as
// the XDG base directory specification lays them out.
func (l *loader) dir(name, xdg, fallback, below string) string {
	if v := l.values[name]; v != "" {
		abs, err := filepath.Abs(v)
		if err != nil {
			l.fail("%s: %w", name, err)
		}
		return abs
	}
	base, ok := l.env(xdg)
	if !ok || !filepath.IsAbs(base) {
		home, ok := l.env("HOME")
		if !ok || home == "" {
			l.fail("%s is not set, and without HOME there is no default for it", name)
			return ""
		}
		base = filepath.Join(home, fallback)
	}
	return filepath.Join(base, below)
}

// count reads a number from 0 to most.
func (l *loader) count(name string, def, most int) int {
	v := l.or(name, strconv.Itoa(def))
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > most {
		l.fail("%s: %q is not a number from 0 to %d", name, v, most)
	}
	return n
}

func (l *loader) baseURL(c Config) string {
	v := l.values["SYNCD_BASE_URL"]
	if v == "" {
		return DefaultBaseURL(c.Listen, c.TLSCert != "")
	}
	u, err := url.Parse(strings.TrimRight(v, "/"))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" ||
		u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		l.fail("SYNCD_BASE_URL: %q is not of the form https://host or https://host:port", v)
		return ""
	}
	return u.String()
}

// ErrRedirect refuses to send http on to https where syncd does not serve https.
var ErrRedirect = errors.New("SYNCD_REDIRECT_LISTEN needs a certificate in SYNCD_TLS_CERT and SYNCD_TLS_KEY and an https address in SYNCD_BASE_URL")

func (l *loader) redirect(c Config) {
	if c.RedirectListen == "" {
		return
	}
	if _, _, err := net.SplitHostPort(c.RedirectListen); err != nil {
		l.fail("SYNCD_REDIRECT_LISTEN: %q is not host:port", c.RedirectListen)
	}
	if c.TLSCert == "" || l.values["SYNCD_BASE_URL"] == "" || !strings.HasPrefix(c.BaseURL, "https://") {
		l.errs = append(l.errs, ErrRedirect)
	}
}

// DefaultBaseURL derives the beginning of links from a listening address; a
// server that listens everywhere is reached as localhost.
func DefaultBaseURL(listen string, tls bool) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); host == "" || (err == nil && ip.IsUnspecified()) {
		host = "localhost"
	}
	scheme := "http"
	if tls {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

func (l *loader) proxies() []netip.Prefix {
	var out []netip.Prefix
	for field := range strings.SplitSeq(l.values["SYNCD_TRUSTED_PROXIES"], ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		if p, err := netip.ParsePrefix(field); err == nil {
			out = append(out, p.Masked())
			continue
		}
		a, err := netip.ParseAddr(field)
		if err != nil {
			l.fail("SYNCD_TRUSTED_PROXIES: %q is neither an address nor a network", field)
			continue
		}
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	return out
}

// Between the last read of an evening and the first of the morning lie many
// hours, so that a note after fewer than minStale would come every night;
// after two months it would tell nobody anything.
const minStale, maxStale = 12, 1440

// hours answers a whole number of hours within bounds.
func (l *loader) hours(name string, def, least, most int) time.Duration {
	n, err := strconv.Atoi(l.or(name, strconv.Itoa(def)))
	if err != nil || n < least || n > most {
		l.fail("%s: %q is not a number of hours from %d to %d", name, l.values[name], least, most)
		return 0
	}
	return time.Duration(n) * time.Hour
}

// KeySources lists the key files in the order in which they are looked for:
// named by the operator, systemd's credential, docker's secret. The managed
// key in [Config.KeysDir] comes last and alone is ever created.
func (c Config) KeySources() []string {
	if c.KeyFile != "" {
		return []string{c.KeyFile}
	}
	var out []string
	if c.CredentialsDir != "" {
		out = append(out, filepath.Join(c.CredentialsDir, "cache.key"))
	}
	return append(out, "/run/secrets/cache_key")
}

// ManagedKey is the path of the key that syncd makes by itself.
func (c Config) ManagedKey() string { return filepath.Join(c.KeysDir, "cache.key") }

// Line is one line of the effective configuration.
type Line struct{ Env, Value string }

// Dump returns the effective configuration with secrets masked.
func (c Config) Dump() []Line {
	proxies := make([]string, len(c.TrustedProxies))
	for i, p := range c.TrustedProxies {
		proxies[i] = p.String()
	}
	format := "text"
	if c.LogJSON {
		format = "json"
	}
	values := map[string]string{
		"SYNCD_LISTEN": c.Listen, "SYNCD_BASE_URL": c.BaseURL, "SYNCD_DATA_DIR": c.DataDir,
		"SYNCD_KEYS_DIR": c.KeysDir, "SYNCD_KEY_FILE": c.KeyFile, "SYNCD_KEY_PASSPHRASE": c.KeyPassphrase,
		"SYNCD_BACKUP_DIR": c.BackupDir, "SYNCD_BACKUP_EVERY": strconv.Itoa(int(c.BackupEvery.Hours())),
		"SYNCD_BACKUP_DAYS": strconv.Itoa(c.BackupDays), "SYNCD_BACKUP_WEEKS": strconv.Itoa(c.BackupWeeks),
		"SYNCD_BACKUP_PASSPHRASE": c.BackupPassphrase,
		"SYNCD_TRUSTED_PROXIES":   strings.Join(proxies, ","), "SYNCD_TLS_CERT": c.TLSCert,
		"SYNCD_TLS_KEY": c.TLSKey, "SYNCD_REDIRECT_LISTEN": c.RedirectListen, "SYNCD_STALE_AFTER": strconv.Itoa(int(c.StaleAfter.Hours())), "SYNCD_LOG_LEVEL": strings.ToLower(c.LogLevel.String()), "SYNCD_LOG_FORMAT": format,
	}
	var out []Line
	for _, o := range Options() {
		v := values[o.Env]
		if o.Secret && v != "" {
			v = "********"
		}
		out = append(out, Line{Env: o.Env, Value: v})
	}
	return out
}
