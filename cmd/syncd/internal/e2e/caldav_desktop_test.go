package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// desktop lets a whole calendar program in, without a window: it finds every
// calendar from the bare host and takes each for read-only, fetches, syncs a
// change and a deletion, and does not manage to write. These programs are large,
// so the test runs only where SYNCD_DESKTOP is set (make interop).
func desktop(t *testing.T, refusal, script string, command ...string) {
	t.Helper()
	if os.Getenv("SYNCD_DESKTOP") == "" {
		t.Skip("SYNCD_DESKTOP is not set")
	}
	const python = "/usr/bin/python3" // the one that Debian's packages are for
	for _, program := range append([]string{python}, command...) {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("GSETTINGS_BACKEND", "memory")
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"} {
		dir := filepath.Join(home, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, dir)
	}
	h := open(t)
	m := h.meter()
	wanted := fmt.Sprint(len(h.there(h.calendarPath("1-events"))))
	args := append(append([]string{filepath.Join("testdata", "desktop", script)}, h.credentials(m.URL)...), wanted)
	if len(command) > 0 && command[0] == "dbus-run-session" {
		h.converse(m, h.foreign(command[0], append([]string{"--", python}, args...)...), refusal)
		return
	}
	h.converse(m, h.foreign(python, args...), refusal)
}

// TestDesktopEvolution needs evolution-data-server, gir1.2-ecal-2.0,
// gir1.2-edataserver-1.2, python3-gi and dbus-daemon.
func TestDesktopEvolution(t *testing.T) {
	desktop(t, "read-only", "evolution.py", "dbus-run-session")
}

// TestDesktopThunderbird needs thunderbird.
func TestDesktopThunderbird(t *testing.T) {
	desktop(t, "refused", "thunderbird.py", "thunderbird")
}
