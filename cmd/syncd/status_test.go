package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/storage/vault"
)

// TestExitStatus holds the statuses that scripts rely on.
func TestExitStatus(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	vars := map[string]string{
		"HOME": dir, "SYNCD_DATA_DIR": filepath.Join(dir, "data"), "SYNCD_KEYS_DIR": filepath.Join(dir, "keys"), "SYNCD_LISTEN": "127.0.0.1:0",
	}
	try := func(args ...string) int {
		var out, errs bytes.Buffer
		return run(t.Context(), args, Env{
			In: &bytes.Buffer{}, Out: &out, Err: &errs, Now: time.Now,
			Lookup: func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		})
	}
	check := func(what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: exit status %d, want %d", what, got, want)
		}
	}
	check("first use", try("account", "list"), app.ExitOK)
	check("unknown command", try("dance"), app.ExitUsage)
	check("unknown account", try("account", "remove", "a0"), app.ExitUsage)
	check("healthcheck without a daemon", try("healthcheck"), app.ExitError)

	lock, err := vault.LockFolder(vars["SYNCD_DATA_DIR"])
	if err != nil {
		t.Fatal(err)
	}
	check("locked", try("status"), app.ExitLocked)
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}

	cache := filepath.Join(vars["SYNCD_DATA_DIR"], "cache.age")
	b, err := os.ReadFile(cache)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cache, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	check("damaged", try("status"), app.ExitData)
	if err := os.WriteFile(cache, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(vars["SYNCD_KEYS_DIR"], "cache.key")); err != nil {
		t.Fatal(err)
	}
	check("key missing", try("status"), app.ExitData)
}

// TestNewerDataAreRefused starts on what a program of the future has left.
func TestNewerDataAreRefused(t *testing.T) {
	t.Parallel()
	r := newRack(t)
	r.copyStored("future")
	before, err := os.ReadFile(filepath.Join(r.data(), "state.age"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"serve", "status"} {
		cmd := r.command(command)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != app.ExitData {
			t.Errorf("%s: %v, want exit status %d", command, err, app.ExitData)
		}
		if !bytes.Contains(out, []byte("newer version")) || !bytes.Contains(out, []byte("syncd: hint: ")) {
			t.Errorf("%s does not say what is wrong and what to do:\n%s", command, out)
		}
	}
	if after, err := os.ReadFile(filepath.Join(r.data(), "state.age")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}
