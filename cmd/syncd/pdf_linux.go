package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func pdfAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// boundSystem bounds the memory: what is private and written to, so that what
// the runtime reserves and never touches does not count. Where a container has
// less than that, this process is the one that has to go.
func boundSystem() error {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) // there may be no /proc
	return lower(unix.RLIMIT_DATA, pdfMemory)
}
