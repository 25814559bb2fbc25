package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"
)

// oneThread has the program's main line stay on one thread, for tests that
// count its system calls.
const oneThread = "SYNCD_TEST_ONE_THREAD"

// onlyReads is a program that has a PDF read and does nothing else.
const onlyReads = "syncd-reads-pdf"

func readsOnePDF() {
	data, err := io.ReadAll(os.Stdin)
	if err == nil {
		_, err = newPDFReader().read(context.Background(), data)
	}
	fmt.Fprintln(os.Stdout, err)
}

// TestMain lets scripts run the real program, as processes of their own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"syncd": func() {
		if os.Getenv(oneThread) != "" {
			runtime.LockOSThread()
		}
		main()
	}, onlyReads: readsOnePDF})
}

// TestScripts runs one script per subcommand, see testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			port, err := freePort()
			if err != nil {
				return err
			}
			e.Vars = append(e.Vars,
				"HOME="+e.WorkDir, "SYNCD_LISTEN=127.0.0.1:"+port,
				"SYNCD_DATA_DIR="+filepath.Join(e.WorkDir, "data"), "SYNCD_KEYS_DIR="+filepath.Join(e.WorkDir, "keys"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready": ready, "flip": flip, "samefile": sameFile, "samemode": sameMode, "status": status, "lockkey": lockKey, "flipbackup": flipBackup, "until": until,
		},
	})
}

// nextPort counts through ports below those that systems give out by
// themselves (32768 and up), so that nobody is given one while its daemon is
// not there: between two starts of a script, say.
var nextPort atomic.Int32

func freePort() (string, error) {
	var last error
	for range 100 {
		port := strconv.Itoa(10000 + (os.Getpid()*97+int(nextPort.Add(1)))%20000)
		ln, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			return port, ln.Close()
		}
		last = err
	}
	return "", last
}

// ready waits until the daemon of the script serves.
func ready(ts *testscript.TestScript, _ bool, _ []string) {
	for range 1200 {
		resp, err := http.Get("http://" + ts.Getenv("SYNCD_LISTEN") + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("the daemon did not get ready")
}

// flip changes one bit of a file: flip FILE OFFSET, from the end if negative.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	ts.Check(os.WriteFile(path, b, 0o600))
}

// until runs syncd again and again, for a minute at most, until its output
// matches: until PATTERN ARGUMENT...
func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	for range 600 {
		if ts.Exec("syncd", args[1:]...) == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s never said %q", args[1], args[0])
}

// flipBackup changes one bit of a file in the newest backup of a folder.
func flipBackup(ts *testscript.TestScript, _ bool, args []string) {
	found, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "syncd-*", args[1]))
	ts.Check(err)
	if len(found) == 0 {
		ts.Fatalf("no backup holds %s", args[1])
	}
	flip(ts, false, []string{found[len(found)-1], "-20"})
}

// sameFile compares a file with a copy that was made before, byte for byte and
// in its time of change; or, with one argument, makes the copy.
func sameFile(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	b, err := os.ReadFile(path)
	ts.Check(err)
	now := fmt.Sprintf("%s %x", info.ModTime(), b)
	memory := path + ".remembered"
	if old, err := os.ReadFile(memory); err == nil {
		if string(old) != now {
			ts.Fatalf("%s was changed", args[0])
		}
		return
	}
	ts.Check(os.WriteFile(memory, []byte(now), 0o600))
}

// sameMode checks a file's permissions: samemode 600 FILE.
func sameMode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[0] {
		ts.Fatalf("mode of %s = %s, want %s", args[1], got, args[0])
	}
}

// lockKey locks a key file with a passphrase, as age -p does, but quickly:
// lockkey FILE LOCKED PASSPHRASE.
func lockKey(ts *testscript.TestScript, _ bool, args []string) {
	key, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	lock, err := age.NewScryptRecipient(args[2])
	ts.Check(err)
	lock.SetWorkFactor(10)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, lock)
	ts.Check(err)
	_, err = w.Write(key)
	ts.Check(errors.Join(err, w.Close(), os.WriteFile(ts.MkAbs(args[1]), out.Bytes(), 0o600)))
}

// status runs a program to its end and checks its exit status: status 78
// syncd serve. What it prints can be matched as after exec.
func status(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}
