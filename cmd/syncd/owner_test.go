package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"syncd/cmd/syncd/internal/app"
)

// TestFilesOfAnotherUser starts the program as a user to whom the files do not
// belong, as after a copy by root: it says whose affair that is, and changes
// nothing.
func TestFilesOfAnotherUser(t *testing.T) {
	t.Parallel()
	base, err := os.MkdirTemp("", "syncd-owner") //nolint:usetesting // t.TempDir is for its owner's eyes only
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("syncd")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(base, "syncd")
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, content, 0o755); err != nil {
		t.Fatal(err)
	}
	data, keys := filepath.Join(base, "data"), filepath.Join(base, "keys")
	start := func(stranger bool) (string, int) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary, "account", "list")
		cmd.Env = append(os.Environ(), "HOME="+base, "SYNCD_DATA_DIR="+data, "SYNCD_KEYS_DIR="+keys, "SYNCD_LISTEN=127.0.0.1:0")
		if stranger && os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return out.String(), cmd.ProcessState.ExitCode()
	}
	if out, status := start(false); status != app.ExitOK {
		t.Fatalf("first start: %d\n%s", status, out)
	}
	mode := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(what, path string) {
		t.Helper()
		out, status := start(true)
		if status != app.ExitData || !strings.Contains(out, path) || !strings.Contains(out, "syncd: hint: the folders and files must belong to the user that runs syncd") {
			t.Errorf("%s: exit status %d, want %d and what to do:\n%s", what, status, app.ExitData, out)
		}
	}
	shut := func(path string) {
		t.Helper()
		if os.Geteuid() != 0 { // without another user the owner's own rights are taken
			mode(path, 0)
		}
	}
	shut(data)
	refused("the data folder", data)
	mode(data, 0o777)
	mode(filepath.Join(data, "lock"), 0o666)
	shut(keys)
	refused("the key folder", keys)
	mode(keys, 0o755)
	shut(filepath.Join(keys, "cache.key"))
	refused("the key", "cache.key")
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Join(keys, "cache.key"), 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	mode(filepath.Join(keys, "cache.key"), 0o600)
	shut(filepath.Join(data, "cache.age"))
	refused("a sealed file", "cache.age")
	mode(filepath.Join(data, "cache.age"), 0o600)
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Join(keys, "cache.key"), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	if out, status := start(false); status != app.ExitOK {
		t.Errorf("as they belong: %d\n%s", status, out)
	}
}
