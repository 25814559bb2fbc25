package config_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/config"
)

func env(vars map[string]string) config.Env {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func TestLoadWithoutAnything(t *testing.T) {
	t.Parallel()
	c, err := config.Load(env(map[string]string{"HOME": "/home/anna"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]string{
		"Listen":  {c.Listen, "127.0.0.1:8377"},
		"DataDir": {c.DataDir, "/home/anna/.local/share/syncd"},
		"KeysDir": {c.KeysDir, "/home/anna/.config/syncd/keys"},
		"BaseURL": {c.BaseURL, "http://127.0.0.1:8377"},
		"Managed": {c.ManagedKey(), "/home/anna/.config/syncd/keys/cache.key"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s = %q, want %q", name, pair[0], pair[1])
		}
	}
	if c.StaleAfter != 24*time.Hour {
		t.Errorf("StaleAfter = %v", c.StaleAfter)
	}
	if c.LogLevel != slog.LevelInfo || c.LogJSON {
		t.Errorf("logging = %v, json %v", c.LogLevel, c.LogJSON)
	}
}

func TestLoadSources(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(secret, []byte("korrekt häst\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(env(map[string]string{
		"HOME": "/h", "SYNCD_LISTEN": ":1", "SYNCD_KEY_PASSPHRASE_FILE": secret,
		"SYNCD_TRUSTED_PROXIES": "10.0.0.2, 172.16.0.9/12,::1", "SYNCD_BASE_URL": "https://skola.example/",
		"CREDENTIALS_DIRECTORY": "/run/credentials/syncd", "SYNCD_LOG_FORMAT": "json", "SYNCD_LOG_LEVEL": "debug", "SYNCD_STALE_AFTER": "36",
	}), map[string]string{"listen": ":2"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":2" {
		t.Errorf("Listen = %q: a flag must win over the environment", c.Listen)
	}
	if c.KeyPassphrase != "korrekt häst" {
		t.Error("the passphrase was not read from its file without the line end")
	}
	if c.StaleAfter != 36*time.Hour {
		t.Errorf("StaleAfter = %v", c.StaleAfter)
	}
	if got := len(c.TrustedProxies); got != 3 || c.TrustedProxies[1].String() != "172.16.0.0/12" {
		t.Errorf("TrustedProxies = %v", c.TrustedProxies)
	}
	if c.BaseURL != "https://skola.example" {
		t.Errorf("BaseURL = %q", c.BaseURL)
	}
	if got := c.KeySources(); len(got) != 2 || got[0] != "/run/credentials/syncd/cache.key" {
		t.Errorf("KeySources = %v", got)
	}
	for _, line := range c.Dump() {
		if strings.Contains(line.Value, "häst") {
			t.Errorf("Dump shows a secret in %s", line.Env)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, vars := range map[string]map[string]string{
		"no home":              {},
		"listen":               {"HOME": "/h", "SYNCD_LISTEN": "8377"},
		"base url with path":   {"HOME": "/h", "SYNCD_BASE_URL": "https://x/y"},
		"base url no scheme":   {"HOME": "/h", "SYNCD_BASE_URL": "x.example"},
		"proxy":                {"HOME": "/h", "SYNCD_TRUSTED_PROXIES": "caddy"},
		"hours in words":       {"HOME": "/h", "SYNCD_STALE_AFTER": "24h"},
		"stale each night":     {"HOME": "/h", "SYNCD_STALE_AFTER": "11"},
		"stale never":          {"HOME": "/h", "SYNCD_STALE_AFTER": "1441"},
		"level":                {"HOME": "/h", "SYNCD_LOG_LEVEL": "loud"},
		"format":               {"HOME": "/h", "SYNCD_LOG_FORMAT": "xml"},
		"certificate alone":    {"HOME": "/h", "SYNCD_TLS_CERT": "/c"},
		"redirect no port":     {"HOME": "/h", "SYNCD_TLS_CERT": "/c", "SYNCD_TLS_KEY": "/k", "SYNCD_BASE_URL": "https://x", "SYNCD_REDIRECT_LISTEN": "80"},
		"key below data":       {"HOME": "/h", "SYNCD_DATA_DIR": "/d", "SYNCD_KEYS_DIR": "/d/keys"},
		"key file in data":     {"HOME": "/h", "SYNCD_DATA_DIR": "/d", "SYNCD_KEY_FILE": "/d/x/my.key"},
		"one folder":           {"HOME": "/h", "SYNCD_DATA_DIR": "/d", "SYNCD_KEYS_DIR": "/d"},
		"twin and value":       {"HOME": "/h", "SYNCD_LISTEN": ":1", "SYNCD_LISTEN_FILE": "/x"},
		"twin that is missing": {"HOME": "/h", "SYNCD_KEY_PASSPHRASE_FILE": "/nonexistent/pass"},
	} {
		if c, err := config.Load(env(vars), nil); err == nil {
			t.Errorf("%s: Load = %+v, want an error", name, c)
		}
	}
}

func TestRedirectNeedsTLS(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		vars map[string]string
		ok   bool
	}{
		"all of it":      {map[string]string{"SYNCD_TLS_CERT": "/c", "SYNCD_TLS_KEY": "/k", "SYNCD_BASE_URL": "https://x.example"}, true},
		"no certificate": {map[string]string{"SYNCD_BASE_URL": "https://x.example"}, false},
		"http":           {map[string]string{"SYNCD_TLS_CERT": "/c", "SYNCD_TLS_KEY": "/k", "SYNCD_BASE_URL": "http://x.example"}, false},
		"no base URL":    {map[string]string{"SYNCD_TLS_CERT": "/c", "SYNCD_TLS_KEY": "/k"}, false},
	} {
		test.vars["HOME"], test.vars["SYNCD_REDIRECT_LISTEN"] = "/h", ":80"
		c, err := config.Load(env(test.vars), nil)
		if test.ok && (err != nil || c.RedirectListen != ":80") || !test.ok && !errors.Is(err, config.ErrRedirect) {
			t.Errorf("%s: Load = %q, %v", name, c.RedirectListen, err)
		}
	}
}

func TestDefaultBaseURL(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"0.0.0.0:80": "http://localhost:80", ":8377": "http://localhost:8377", "[::1]:9": "http://[::1]:9", "[::]:9": "http://localhost:9",
	} {
		if got := config.DefaultBaseURL(listen, false); got != want {
			t.Errorf("DefaultBaseURL(%q) = %q, want %q", listen, got, want)
		}
	}
}
