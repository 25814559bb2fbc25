package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal returns both ends of a pseudo terminal.
func terminal(t *testing.T) (keyboard, program *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	n, err := unix.IoctlGetUint32(int(keyboard.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return keyboard, program
}

func shows(t *testing.T, f *os.File) bool {
	t.Helper()
	settings, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return settings.Lflag&unix.ECHO != 0
}

// typist waits for the question and then types, or gives up.
type typist struct {
	bytes.Buffer

	asked func()
}

// Write implements io.Writer.
func (w *typist) Write(p []byte) (int, error) {
	if w.asked != nil {
		w.asked()
		w.asked = nil
	}
	return w.Buffer.Write(p)
}

func TestPassphraseIsNotShown(t *testing.T) {
	t.Parallel()
	keyboard, program := terminal(t)
	if !isTerminal(program) || !shows(t, program) {
		t.Fatal("a pseudo terminal is no terminal, or shows nothing to begin with")
	}
	shown := true
	out := &typist{asked: func() {
		shown = shows(t, program)
		fmt.Fprintln(keyboard, "hemligt ord")
	}}
	got, err := askSecret(t.Context(), program, out, "? ")
	if err != nil || string(got) != "hemligt ord" || out.String() != "? \n" {
		t.Errorf("askSecret = %q, %v, asked %q", got, err, out.String())
	}
	if shown || !shows(t, program) {
		t.Errorf("typed characters were shown: %v; afterwards they are: %v", shown, shows(t, program))
	}
}

func TestPassphraseIsGivenUp(t *testing.T) {
	t.Parallel()
	_, program := terminal(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := askSecret(ctx, program, &typist{asked: cancel}, "? "); !errors.Is(err, context.Canceled) {
		t.Errorf("askSecret = %v, want it given up", err)
	}
	if !shows(t, program) {
		t.Error("the terminal stays silent")
	}
	nobody, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nobody.Close() })
	if isTerminal(nobody) {
		t.Error("nothing is taken for a terminal")
	}
}
