package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// TestDaemonLeavesNoCore looks at the running daemon as the system sees it.
func TestDaemonLeavesNoCore(t *testing.T) {
	t.Parallel()
	r := newRack(t)
	cmd := r.command("serve")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("serve: %v", err)
		}
	}()
	for range 600 {
		if _, err := os.Stat(filepath.Join(r.data(), "syncd.sock")); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	limits, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "limits"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^Max core file size +0 +0 +bytes`).Match(limits) {
		t.Errorf("the daemon may leave a core file:\n%s", limits)
	}
}
