package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// container runs a script in a root folder of its own, marked as a container's,
// with the program in /bin and a volume at /data. It needs root.
func container(t *testing.T, script string) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"bin", "data", "keys", "tmp", "proc"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, content string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(".dockerenv", "", 0o644)
	program, err := exec.LookPath("syncd")
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, program, filepath.Join(root, "bin", "syncd"))
	// The mounts are seen by this shell only and end with it.
	cmd := exec.CommandContext(t.Context(), interop(t, "unshare"), "-m", "sh", "-c", `
		set -e
		volume=$2
		mount --make-rprivate /
		mount --bind "$1" "$1"
		mount -t proc proc "$1/proc"
		mount --bind "$volume" "$1/data"
		for lib in lib lib64 usr; do # for a program that was linked with them
			[ ! -e "/$lib" ] || { mkdir "$1/$lib" && mount --bind "/$lib" "$1/$lib"; }
		done
		export SYNCD_DATA_DIR=/data SYNCD_KEYS_DIR=/keys SYNCD_LISTEN=127.0.0.1:0 HOME=/
		syncd() { chroot "$root" /bin/syncd "$@" 2>&1 || echo "status $?"; }
		root=$1
		`+script, "sh", root, t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(out), "status") {
		if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" && os.Geteuid() == 0 {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Skipf("no root folder of its own can be made here: %v", err)
	}
	return string(out)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestInteropKeyInTheContainer starts the program where the data lie in a
// volume and the key would not, and then with two volumes, as the compose file
// has it.
func TestInteropKeyInTheContainer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, script string
		want         []string
		made         bool
	}{
		{
			"in its own layer", `syncd account list; ls "$root/keys" "$root/data"`,
			[]string{"a key would not last here", "container's own layer", "hint: mount a volume there", "status 78"},
			false,
		},
		{
			"in memory", `mount -t tmpfs tmpfs "$root/keys"; syncd account list; ls "$root/keys"`,
			[]string{"a key would not last here", "in memory", "status 78"},
			false,
		},
		{
			"that is there already", `syncd demo -listen nowhere -data /tmp/x; cp "$root/tmp/x/keys/cache.key" "$root/keys"; syncd account list`,
			[]string{"a key would not last here", "copy it out first", "status 78"},
			true,
		},
		{
			"with two volumes", `mkdir "$volume/keys"; mount --bind "$volume/keys" "$root/keys"; syncd account list; syncd key check; ls "$root/keys"`,
			[]string{"kind                      managed, keys: 1", "on the same disk", "cache.key"},
			true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out := container(t, test.script)
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not said:\n%s", want, out)
				}
			}
			if strings.Contains(out, "cache.key") != test.made {
				t.Errorf("a key was made: %v, want %v\n%s", !test.made, test.made, out)
			}
		})
	}
}
