package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// isTerminal reports whether somebody can be asked there.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), termiosGet)
	return err == nil
}

// askSecret asks for a line on a terminal that does not show what is typed.
// Who gives up instead gets the terminal back as it was.
func askSecret(ctx context.Context, in *os.File, out io.Writer, question string) (answer []byte, err error) {
	before, err := unix.IoctlGetTermios(int(in.Fd()), termiosGet)
	if err != nil {
		return nil, fmt.Errorf("look at terminal: %w", err)
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(int(in.Fd()), termiosSet, &silent); err != nil {
		return nil, fmt.Errorf("silence terminal: %w", err)
	}
	defer func() { err = errors.Join(err, unix.IoctlSetTermios(int(in.Fd()), termiosSet, before)) }()
	fmt.Fprintf(out, "%s", question)
	defer fmt.Fprintln(out)
	typed := make(chan []byte, 1)
	failed := make(chan error, 1)
	// A terminal cannot be read with a deadline: the reader is left behind
	// when the program ends.
	go func() {
		line, err := bufio.NewReader(in).ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			failed <- err
			return
		}
		typed <- bytes.TrimRight(line, "\r\n")
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-failed:
		return nil, fmt.Errorf("read passphrase: %w", err)
	case answer := <-typed:
		return answer, nil
	}
}
