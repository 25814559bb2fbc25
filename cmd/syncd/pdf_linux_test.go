package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childOf waits for a process that another has started.
func childOf(t *testing.T, parent int) int {
	t.Helper()
	started := regexp.MustCompile(fmt.Sprintf(`^(\d+) \(.*\) \w %d `, parent))
	for range 600 {
		all, err := filepath.Glob("/proc/[0-9]*/stat")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range all {
			stat, err := os.ReadFile(name)
			if err != nil {
				continue // it has ended
			}
			var pid int
			if m := started.FindSubmatch(stat); m != nil {
				if _, err := fmt.Sscan(string(m[1]), &pid); err == nil {
					return pid
				}
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no process was started")
	return 0
}

// TestPDFProcessAsTheSystemSeesIt looks at a process that reads, which has
// bounds, nothing of ours, and a group of its own; and kills its parent, with
// which it goes.
func TestPDFProcessAsTheSystemSeesIt(t *testing.T) {
	t.Parallel()
	_ = reader(t)
	parent := exec.CommandContext(t.Context(), onlyReads)
	parent.Env = append(os.Environ(), "SYNCD_KEY_FILE=/secret")
	parent.Stdin = bytes.NewReader(endless())
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	child := childOf(t, parent.Process.Pid)
	var limits []byte
	bounds := []string{
		"Max cpu time +15 +15 +seconds", "Max file size +0 +0 +bytes", "Max data size +402653184 +402653184 +bytes",
		"Max core file size +0 +0 +bytes", "Max open files +8 +8 +files",
	}
	bounded := func() bool {
		limits, _ = os.ReadFile(fmt.Sprintf("/proc/%d/limits", child))
		for _, b := range bounds {
			if !regexp.MustCompile(b).Match(limits) {
				return false
			}
		}
		return true
	}
	for range 500 { // it is on its way
		if bounded() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !bounded() {
		t.Errorf("limits:\n%s", limits)
	}
	if group, err := syscall.Getpgid(child); err != nil || group != child {
		t.Errorf("its group is %d, %v", group, err)
	}
	if env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", child)); err == nil && strings.Contains(string(env), "SYNCD") {
		t.Errorf("environment %q", env) // who is not root may not look, and need not
	}
	if err := errors.Join(parent.Process.Kill(), syscall.Kill(child, 0)); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for range 500 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the process outlived its parent")
}
