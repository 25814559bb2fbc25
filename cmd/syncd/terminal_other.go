//go:build !linux

package main

import "golang.org/x/sys/unix"

// How a terminal's settings are asked for and set.
const (
	termiosGet = unix.TIOCGETA
	termiosSet = unix.TIOCSETA
)
