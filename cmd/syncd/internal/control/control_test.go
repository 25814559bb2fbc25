package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/control"
)

func serve(t *testing.T, dir string, run control.Run) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := control.Listen(dir, run, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, dir) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, control.SocketName)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
}

func echo(_ context.Context, args []string, s control.Streams) int {
	in, _ := io.ReadAll(s.In)
	fmt.Fprintf(s.Out, "%s|%s", strings.Join(args, ","), in)
	fmt.Fprintf(s.Err, "problem")
	return 7
}

func TestCall(t *testing.T) {
	t.Parallel()
	long := filepath.Join(t.TempDir(), strings.Repeat("en-mapp-med-långt-namn/", 12))
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"short": t.TempDir(), "long": long} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A socket left over from a process that was killed.
			if err := os.WriteFile(filepath.Join(dir, control.SocketName), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			serve(t, dir, echo)
			info, err := os.Stat(filepath.Join(dir, control.SocketName))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Fatalf("socket: %v, %v", info, err)
			}
			var out, errs bytes.Buffer
			status, err := control.Call(t.Context(), dir, []string{"link", "add"}, true,
				control.Streams{In: strings.NewReader("hej"), Out: &out, Err: &errs})
			if err != nil || status != 7 {
				t.Fatalf("Call = %d, %v", status, err)
			}
			if out.String() != "link,add|hej" || errs.String() != "problem" {
				t.Errorf("out %q, err %q", out.String(), errs.String())
			}
		})
	}
}

func TestCallWithoutDaemon(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := control.Call(t.Context(), dir, nil, false, control.Streams{}); !errors.Is(err, control.ErrNoDaemon) {
		t.Errorf("no socket: Call = %v, want ErrNoDaemon", err)
	}
	if err := os.WriteFile(filepath.Join(dir, control.SocketName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Call(t.Context(), dir, nil, false, control.Streams{}); !errors.Is(err, control.ErrNoDaemon) {
		t.Errorf("stale socket: Call = %v, want ErrNoDaemon", err)
	}
}

func TestCommandEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	started, ended := make(chan struct{}), make(chan struct{})
	serve(t, dir, func(ctx context.Context, _ []string, _ control.Streams) int {
		close(started)
		<-ctx.Done()
		close(ended)
		return 1
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	if _, err := control.Call(ctx, dir, nil, false, control.Streams{Out: io.Discard, Err: io.Discard}); !errors.Is(err, context.Canceled) {
		t.Errorf("Call = %v, want context.Canceled", err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the command went on without its caller")
	}
}
