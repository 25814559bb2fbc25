// Package control lets a command that finds a daemon running on the same data
// have its work done there: the command's words travel over a Unix socket in
// the data folder, the daemon runs the same code that the command would have
// run, and what it prints comes back as it is printed. Whoever may open the
// socket (mode 0600) may do everything the command line can.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// SocketName is the socket's name in the data folder.
const SocketName = "syncd.sock"

// ErrNoDaemon says that nothing answers on the data folder's socket.
var ErrNoDaemon = errors.New("control: no daemon is running on this data")

// Streams are the three standard streams of a command.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run runs a command and returns its exit status.
type Run func(ctx context.Context, args []string, s Streams) int

const maxRequest = 1 << 20

type request struct {
	Args  []string `json:"args"`
	Input []byte   `json:"input"`
}

// frame is one piece of an answer; a frame with Exit set is the last.
type frame struct {
	Out  []byte `json:"out,omitempty"`
	Err  []byte `json:"err,omitempty"`
	Exit *int   `json:"exit,omitempty"`
}

// Server listens on a data folder's socket.
type Server struct {
	ln  *net.UnixListener
	run Run
	log *slog.Logger
}

// Listen opens the socket in dir. The caller holds the lock on dir, so a
// socket that is still there is left over from a process that has ended, and
// is removed.
func Listen(dir string, run Run, log *slog.Logger) (*Server, error) {
	path := filepath.Join(dir, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control: remove old socket: %w", err)
	}
	var ln *net.UnixListener
	err := withShortPath(dir, func(short string) error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		if err != nil {
			return err
		}
		l.SetUnlinkOnClose(false)
		ln = l
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("control: listen: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, fmt.Errorf("control: protect socket: %w", errors.Join(err, ln.Close()))
	}
	return &Server{ln: ln, run: run, log: log}, nil
}

// Serve answers commands until ctx ends, then waits for those under way,
// whose own context ends with ctx, and removes the socket.
func (s *Server) Serve(ctx context.Context, dir string) error {
	stop := context.AfterFunc(ctx, func() { _ = s.ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := s.ln.AcceptUnix()
		if err != nil {
			if ctx.Err() != nil {
				return os.Remove(filepath.Join(dir, SocketName))
			}
			return fmt.Errorf("control: accept: %w", err)
		}
		wg.Go(func() { s.serve(ctx, conn) })
	}
}

func (s *Server) serve(ctx context.Context, conn *net.UnixConn) {
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var req request
	if err := json.NewDecoder(io.LimitReader(conn, maxRequest)).Decode(&req); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "command was not understood")
		return
	}
	// The other side says nothing more; when its end closes, it has gone.
	go func() {
		_, _ = conn.Read(make([]byte, 1))
		cancel()
	}()
	var mu sync.Mutex
	enc := json.NewEncoder(conn)
	send := func(f frame) error {
		mu.Lock()
		defer mu.Unlock()
		return enc.Encode(f)
	}
	status := s.run(ctx, req.Args, Streams{
		In:  bytes.NewReader(req.Input),
		Out: writer(func(p []byte) error { return send(frame{Out: p}) }),
		Err: writer(func(p []byte) error { return send(frame{Err: p}) }),
	})
	if err := send(frame{Exit: &status}); err != nil {
		s.log.LogAttrs(ctx, slog.LevelDebug, "command went away before its answer")
	}
}

// Call has the daemon on dir run a command and copies what it prints.
// ErrNoDaemon means that there is none, and nothing was read from s.In.
func Call(ctx context.Context, dir string, args []string, needInput bool, s Streams) (int, error) {
	var conn *net.UnixConn
	err := withShortPath(dir, func(short string) error {
		d := net.Dialer{Timeout: 5 * time.Second}
		c, err := d.DialContext(ctx, "unix", short)
		if err != nil {
			return err
		}
		uc, ok := c.(*net.UnixConn)
		if !ok {
			return errors.New("not a unix socket")
		}
		conn = uc
		return nil
	})
	if err != nil {
		return 0, ErrNoDaemon
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	req := request{Args: args}
	if needInput {
		if req.Input, err = io.ReadAll(io.LimitReader(s.In, maxRequest/2)); err != nil {
			return 0, fmt.Errorf("control: read input: %w", err)
		}
	}
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return 0, fmt.Errorf("control: send command: %w", err)
	}
	return receive(ctx, conn, s)
}

func receive(ctx context.Context, conn io.Reader, s Streams) (int, error) {
	dec := json.NewDecoder(conn)
	for {
		var f frame
		if err := dec.Decode(&f); err != nil {
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			return 0, fmt.Errorf("control: the daemon ended before the command did: %w", err)
		}
		if _, err := s.Out.Write(f.Out); err != nil {
			return 0, fmt.Errorf("control: write: %w", err)
		}
		if _, err := s.Err.Write(f.Err); err != nil {
			return 0, fmt.Errorf("control: write: %w", err)
		}
		if f.Exit != nil {
			return *f.Exit, nil
		}
	}
}

type writer func([]byte) error

func (w writer) Write(p []byte) (int, error) {
	if err := w(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// withShortPath calls f with a name of dir's socket that fits into a socket
// address (some 100 bytes) however long dir's own name is: through a symbolic
// link in a fresh private folder, which is gone again when f has returned.
func withShortPath(dir string, f func(path string) error) (err error) {
	direct := filepath.Join(dir, SocketName)
	if len(direct) < 100 {
		return f(direct)
	}
	tmp, err := os.MkdirTemp("", "syncd")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	link := filepath.Join(tmp, "d")
	if err := os.Symlink(dir, link); err != nil {
		return err
	}
	return f(filepath.Join(link, SocketName))
}
