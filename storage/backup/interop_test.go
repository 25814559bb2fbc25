package backup_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// byHand returns the commands that the README gives for reading a backup
// without this program.
func byHand(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		if strings.Contains(block[1], "age -d") {
			return block[1]
		}
	}
	t.Fatal("README.md says nothing of reading by hand")
	return ""
}

// TestInteropByHand runs the README's commands in a backup, with the programs
// of the system, and finds everything. age asks for a passphrase on a terminal
// only, so one is pretended.
func TestInteropByHand(t *testing.T) {
	t.Parallel()
	if slow {
		t.Skip("runs without the race detector")
	}
	for _, program := range []string{"age", "sqlite3", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" {
				t.Fatalf("%s is missing", program)
			}
			t.Skipf("%s is not installed", program)
		}
	}
	script := byHand(t)
	for name, passphrase := range locks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			b := h.backUp(passphrase)
			h.close()
			key := h.key
			if passphrase != "" {
				key = "backup.key"
			}
			commands := "set -euo pipefail\n" + strings.Replace(script, "KEY=cache.key", "KEY='"+key+"'", 1)
			out := pretend(t, b.Path, commands, passphrase)
			for _, found := range []string{"ok\n", "Händelse 3", "Brev|<p>Hej</p>"} {
				if !strings.Contains(out, found) {
					t.Errorf("%s\nthe output lacks %q", out, found)
				}
			}
			var pictures []string
			for _, text := range tree(t, filepath.Join(b.Path, "pictures")) {
				pictures = append(pictures, text)
			}
			if len(pictures) != 2 || pictures[0] != picture && pictures[1] != picture {
				t.Errorf("pictures: %q", pictures)
			}
			if _, ok := tree(t, b.Path)["state.db"]; !ok {
				t.Error("state.age was not opened")
			}
		})
	}
}

// pretend runs commands in a terminal that types the passphrase whenever it is
// asked.
func pretend(t *testing.T, dir, commands, passphrase string) string {
	t.Helper()
	const terminal = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "-c", os.environ["COMMANDS"]])
seen = b""
answered = 0
while True:
    try:
        got = os.read(fd, 4096)
    except OSError:
        break
    if not got:
        break
    seen += got
    while seen.count(b"assphrase") > answered and seen.rstrip().endswith(b":"):
        answered = seen.count(b"assphrase")
        os.write(fd, os.environ["PHRASE"].encode() + b"\n")
sys.stdout.buffer.write(seen)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
`
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute) // scrypt takes its time on a busy machine
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", "-c", terminal)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "COMMANDS="+commands, "PHRASE="+passphrase, "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v", out, err)
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}
