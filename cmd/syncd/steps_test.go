package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/storagetest"
	"syncd/storage/vault"
)

// interop returns the path of a program that a test needs, and skips the test
// where it is missing, unless all have to be there.
func interop(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" {
		t.Fatalf("%s is missing", program)
	}
	t.Skipf("%s is not installed", program)
	return ""
}

// traced returns strace with options before a command of the rack.
func (r *rack) traced(options []string, args ...string) *exec.Cmd {
	r.t.Helper()
	cmd := r.command(args...)
	// strace counts each thread's calls by themselves.
	cmd.Env = append(cmd.Env, oneThread+"=1", "TMPDIR="+r.t.TempDir())
	strace := interop(r.t, "strace")
	cmd.Args = slices.Concat([]string{strace, "-f"}, options, []string{"--", cmd.Path}, args)
	cmd.Path = strace
	return cmd
}

// small fills the rack with one account, a child and two pictures.
func (r *rack) small() {
	r.t.Helper()
	keys, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(r.dir, "keys", "cache.key"), Data: r.data()})
	if err != nil {
		r.t.Fatal(err)
	}
	db, err := storage.Open(r.t.Context(), storage.Options{Dir: r.data(), Keys: keys, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	a := storagetest.Account(r.t, db, "skolplattformen", "child")
	s := storagetest.Snapshot(20)
	s.Platform = "skolplattformen"
	s.Covered = append(s.Covered, school.Coverage{Part: school.PartNews, Since: storagetest.Start().AddDate(-1, 0, 0)})
	for i := range 2 {
		id := fmt.Sprint("n", i)
		s.News = append(s.News, school.NewsItem{
			UID: school.UID(id), Ref: school.Ref(id), Title: "Brev", Published: storagetest.Start(), Images: []school.Media{{Ref: "i", Data: []byte(id)}},
		})
	}
	_, err = db.Apply(r.t.Context(), a, s)
	if err = errors.Join(err, db.Close()); err != nil {
		r.t.Fatal(err)
	}
	r.must("status") // makes the first link
}

// try runs a command and returns what it printed and its exit status.
func (r *rack) try(args ...string) (string, int) {
	r.t.Helper()
	var out bytes.Buffer
	cmd := r.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// eachStep runs a command again and again from the same beginning, and kills
// it at its first, second, third ... call that changes what is on the disk,
// until it comes to its end. after looks at what each of them left. There are
// so many files at least that take another's place.
func (r *rack) eachStep(begin string, renames int, after func(step string), args ...string) {
	r.t.Helper()
	var err error
	if r.binary, err = exec.LookPath("syncd"); err != nil { // which heeds oneThread
		r.t.Fatal(err)
	}
	kills := map[string]int{}
	for _, call := range []string{"renameat", "fsync", "linkat"} {
		for n := 1; ; n++ {
			if err := os.RemoveAll(r.dir); err != nil {
				r.t.Fatal(err)
			}
			if out, err := exec.CommandContext(r.t.Context(), "cp", "-a", begin, r.dir).CombinedOutput(); err != nil {
				r.t.Fatalf("%v\n%s", err, out)
			}
			var out bytes.Buffer
			cmd := r.traced([]string{"-qq", "-o", os.DevNull, "-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n)}, args...)
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			if err == nil {
				break
			}
			if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != -1 {
				r.t.Fatalf("%s %d: %v\n%s", call, n, err, out.String())
			}
			kills[call]++
			after(fmt.Sprintf("killed at %s %d", call, n))
		}
	}
	r.t.Logf("killed at %v", kills)
	if kills["renameat"] < renames || kills["fsync"] < 2*renames {
		r.t.Errorf("only few steps were seen: %v", kills)
	}
}

// TestInteropRotationKilledAtEveryStep kills the program at every call with
// which a rotation changes the disk. The key file opens everything each time,
// and the rotation can be done again.
func TestInteropRotationKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	r := newRack(t)
	interop(t, "strace")
	begin := filepath.Join(t.TempDir(), "begin")
	r.small()
	if err := os.Rename(r.dir, begin); err != nil {
		t.Fatal(err)
	}
	whole := func(options ...string) bool {
		t.Helper()
		out, status := r.try(append(options, "key", "check")...)
		return status == 0 && strings.Contains(out, "2, 0 of them do not open")
	}
	t.Run("in place", func(t *testing.T) {
		r := *r
		r.t = t
		r.eachStep(begin, 6, func(step string) {
			if !whole() {
				out, _ := r.try("key", "check")
				t.Fatalf("%s: the key does not open everything:\n%s", step, out)
			}
			if out := r.must("account", "list"); !strings.Contains(out, "skolplattformen") {
				t.Errorf("%s: accounts: %s", step, out)
			}
			if names, err := filepath.Glob(filepath.Join(r.dir, "keys", "*")); err != nil || len(names) != 1 {
				t.Errorf("%s: keys: %v, %v: a draft of a key was left", step, names, err)
			}
			r.must("key", "rotate")
			if out := r.must("key", "check"); !strings.Contains(out, "keys: 1\n") {
				t.Errorf("%s, and rotated again: %s", step, out)
			}
		}, "key", "rotate")
	})
	t.Run("to another file", func(t *testing.T) {
		r := *r
		r.t = t
		mine, to := filepath.Join(begin, "keys", "cache.key"), filepath.Join(r.dir, "new", "new.key")
		r.eachStep(begin, 5, func(step string) {
			if !whole("-key-file", mine) && !whole("-key-file", to) {
				t.Fatalf("%s: neither key opens everything", step)
			}
			r.must("-key-file", mine, "key", "rotate", "-to", to)
			if out := r.must("-key-file", to, "key", "check"); !strings.Contains(out, "keys: 1\n") {
				t.Errorf("%s, and said again: %s", step, out)
			}
		}, "-key-file", mine, "key", "rotate", "-to", to)
	})
}

// TestInteropFirstStartKilledAtEveryStep does the same to the very first start.
func TestInteropFirstStartKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	r := newRack(t)
	interop(t, "strace")
	r.eachStep(t.TempDir(), 3, func(step string) {
		if out, status := r.try("account", "list"); status != 0 {
			t.Fatalf("%s: the next start ends with %d:\n%s", step, status, out)
		}
		if out := r.must("key", "check"); !strings.Contains(out, "keys: 1\n") {
			t.Errorf("%s: %s", step, out)
		}
	}, "account", "list")
}

// TestInteropFilesOpenedForWriting lists, as the system sees it, what the
// program opens for writing: in its first start, and while it reads a school,
// sorts and is asked. Nothing but sealed files that are to take another's
// place, the lock, the socket, and the key, whose folder is another.
func TestInteropFilesOpenedForWriting(t *testing.T) {
	t.Parallel()
	r := newRack(t)
	interop(t, "strace")
	trace := filepath.Join(t.TempDir(), "trace")
	// With -D the program itself is our child, and gets the signal.
	cmd := r.traced([]string{"-D", "-y", "-s", "4096", "-o", trace, "-e", "trace=open,openat,creat,renameat,renameat2,linkat,bind"},
		"demo", "-listen", "127.0.0.1:0", "-data", r.dir, "-scale", "3000")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := filepath.Join(r.dir, "demo.json")
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			break
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			t.Fatalf("the demo did not get ready:\n%s", out.String())
		}
	}
	if text, status := r.try("status"); status != 0 {
		t.Errorf("status: %s", text)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	written := opened(ended(t, trace, cmd.Process.Pid))
	allowed := regexp.MustCompile(`^(/dev/null|/dev/tty|/dev/ptmx|/sys/.*|/proc/.*|` + regexp.QuoteMeta(r.dir) +
		`/(demo\.json(\.\w+)?|keys/cache\.key\.\w+\.new|data/(lock|(cache|state)\.age\.new|blobs/[a-z2-7]{26}\.age\.new)))$`)
	counts := os.Getenv("GOCOVERDIR") // where a counted test writes what it reached
	for _, path := range written {
		if !allowed.MatchString(path) && (counts == "" || filepath.Dir(path) != counts) {
			t.Errorf("%s was opened for writing", path)
		}
	}
	for _, must := range []string{"data/lock", "data/cache.age.new", "data/state.age.new"} {
		if !slices.Contains(written, filepath.Join(r.dir, must)) {
			t.Errorf("%s was not seen: the list is not whole: %q", must, written)
		}
	}
	t.Logf("opened for writing: %q", written)
}

// ended returns what strace wrote, when it has seen the program's end. The
// processes that the program has started end before.
func ended(t *testing.T, trace string, pid int) string {
	t.Helper()
	end := regexp.MustCompile(fmt.Sprintf(`(?m)^%d +\+\+\+ exited with 0 \+\+\+`, pid))
	for range 200 {
		calls, err := os.ReadFile(trace)
		if err != nil {
			t.Fatal(err)
		}
		if end.Match(calls) {
			return string(calls)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("strace did not see the program's end")
	return ""
}

// opened returns the paths that strace saw opened for writing.
func opened(calls string) (paths []string) {
	open := regexp.MustCompile(`(?m)\b(?:openat\(AT_FDCWD(?:<[^>]*>)?, |open\(|creat\()"([^"]*)"(.*)$`)
	for _, m := range open.FindAllStringSubmatch(calls, -1) {
		if regexp.MustCompile(`O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE|creat`).MatchString(m[2]) && !slices.Contains(paths, m[1]) {
			paths = append(paths, m[1])
		}
	}
	return paths
}
