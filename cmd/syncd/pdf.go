package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"

	"syncd/source/normalize"
	"syncd/storage/vault"
)

// readPDF is the word with which the program starts itself to read a PDF.
const readPDF = "read-pdf"

// Bounds of the process that reads a PDF.
const (
	pdfTime   = 20 * time.Second // from its start to its end
	pdfCPU    = 15               // seconds
	pdfMemory = 384 << 20        // octets that it may write to and has to itself
	pdfFiles  = 8                // that are open, three of them from the start
	pdfInput  = 64 << 20         // octets; more than any answer that is read
	pdfText   = 256 << 10        // octets; more than is kept
)

var (
	errPDFTime  = errors.New("it took too long")
	errPDFEnded = errors.New("its reader broke off")
	errPDFText  = errors.New("its text is too long")
)

// pdfReader reads PDFs in processes of their own, one at a time: this program,
// started again. What reads them believes the numbers in the file, and when it
// has asked for more memory than there is nothing in the same process can catch
// that. The process gets the file and nothing else, no environment and no
// place on the disk, and bounds itself before it looks at it.
type pdfReader struct {
	time time.Duration
	turn *semaphore.Weighted // of 1
}

func newPDFReader() *pdfReader {
	return &pdfReader{time: pdfTime, turn: semaphore.NewWeighted(1)}
}

// read returns the text of a PDF, empty where it has none. Its errors carry
// nothing of the file.
func (r *pdfReader) read(ctx context.Context, data []byte) (string, error) {
	if err := r.turn.Acquire(ctx, 1); err != nil {
		return "", fmt.Errorf("read PDF: %w", err)
	}
	defer r.turn.Release(1)
	ctx, cancel := context.WithTimeoutCause(ctx, r.time, errPDFTime)
	defer cancel()
	text := &atMost{left: pdfText}
	cmd, err := pdfProcess(ctx)
	if err != nil {
		return "", fmt.Errorf("read PDF: %w", err)
	}
	cmd.Stdin, cmd.Stdout = bytes.NewReader(data), text
	// Where the process ends with its parent, that is the thread that started
	// it: see Pdeathsig.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("read PDF: %w", err)
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case text.left < 0:
		err = errPDFText
	case err != nil:
		err = errPDFEnded // however: the memory, a panic, a signal
	default:
		return text.b.String(), nil
	}
	return "", fmt.Errorf("read PDF: %w", err)
}

// pdfProcess returns the process that reads a PDF, which ctx kills.
func pdfProcess(ctx context.Context) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program) //nolint:gosec // this program itself
	cmd.Args = []string{"syncd", readPDF}
	cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	cmd.Dir = "/"
	cmd.SysProcAttr = pdfAttributes() // a group of its own: who interrupts us does not mean it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	return cmd, nil
}

// atMost keeps what is written, and refuses it all when it is too much.
type atMost struct {
	b    bytes.Buffer
	left int
}

// Write implements [io.Writer].
func (a *atMost) Write(p []byte) (int, error) {
	if a.left -= len(p); a.left < 0 {
		return 0, errPDFText
	}
	return a.b.Write(p)
}

// readPDFCommand is that process: a PDF comes in, its text goes out.
func readPDFCommand(env Env) error {
	if err := errors.Join(boundPDF(), vault.Harden()); err != nil {
		return fmt.Errorf("read PDF: %w", err)
	}
	debug.SetMemoryLimit(pdfMemory / 4 * 3) // the rest is for what no collection helps with
	data, err := io.ReadAll(io.LimitReader(env.In, pdfInput))
	if err != nil {
		return fmt.Errorf("read PDF: %w", err)
	}
	_, err = io.WriteString(env.Out, normalize.TextOfPDF(data))
	return err
}

// boundPDF takes from this process all that it does not need to read a PDF.
func boundPDF() error {
	return errors.Join(
		boundSystem(),
		lower(unix.RLIMIT_CPU, pdfCPU),
		lower(unix.RLIMIT_NOFILE, pdfFiles),
		lower(unix.RLIMIT_FSIZE, 0),
	)
}

// lower lowers a limit for good, unless it is lower already.
func lower(resource, to int) error {
	var now unix.Rlimit
	err := unix.Getrlimit(resource, &now)
	if err == nil {
		now.Max = least(now.Max, to)
		now.Cur = now.Max
		err = unix.Setrlimit(resource, &now)
	}
	if err != nil {
		return fmt.Errorf("limit %d: %w", resource, err)
	}
	return nil
}

// least exists because systems do not agree on the type of a limit.
func least[T int64 | uint64](limit T, to int) T { return min(limit, T(to)) }
