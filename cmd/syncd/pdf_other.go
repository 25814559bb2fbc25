//go:build !linux

package main

import "syscall"

// Without its parent the process lives until it has used its time.
func pdfAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// boundSystem leaves the memory to the runtime, which only tries to stay below
// its limit: no limit of these systems counts what is written to.
func boundSystem() error { return nil }
