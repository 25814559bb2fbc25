package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
	_ "time/tzdata"

	"syncd/cmd/syncd/internal/session"
	"syncd/source"
	"syncd/source/school"
	"syncd/storage"
	"syncd/storage/vault"
)

// The child of TestKilledWhileRotating is this test's own program, told what
// to do by these.
const (
	crashDir  = "SYNCD_TEST_CRASH_DIR"
	crashStep = "SYNCD_TEST_CRASH_STEP"
)

// trip counts the steps of a rotation and kills the process at one of them.
type trip struct {
	at, n int // at 0: never
	log   func(step string)
}

func (t *trip) step(name string) {
	t.n++
	if t.log != nil {
		t.log(name)
	}
	if t.n == t.at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // SIGKILL is on its way
	}
}

// rotating is a platform, in a file that outlives whoever asks, at which each
// renewal uses up the token and hands out another one. A forgiving one takes
// a token again until the one it gave for it was used.
type rotating struct {
	file string
	trip *trip
}

type tokens struct {
	Forgiving bool `json:"forgiving"`
	Good      int  `json:"good"`   // the token that is good
	Last      int  `json:"last"`   // the one before it, good for renewing until Good is used; 0: none
	Reused    int  `json:"reused"` // how often a used-up token came back
	Dead      bool `json:"dead"`   // the session is over
}

func (r *rotating) load() (t tokens, err error) {
	b, err := os.ReadFile(r.file)
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(b, &t)
}

func (r *rotating) save(t tokens) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return os.WriteFile(r.file, b, 0o600)
}

// Fetch is a read: the token is used.
func (r *rotating) Fetch(_ context.Context, s *source.Session, _ school.Plan, _ source.Sink) error {
	r.trip.step("read is asked for")
	t, err := r.load()
	if err != nil {
		return err
	}
	if t.Dead || string(s.State()) != strconv.Itoa(t.Good) {
		return source.ErrSessionExpired
	}
	t.Last = 0
	if err := r.save(t); err != nil {
		return err
	}
	r.trip.step("read is answered")
	return nil
}

// Refresh implements [source.Refresher].
func (r *rotating) Refresh(ctx context.Context, s *source.Session) error {
	r.trip.step("renewal is asked for")
	t, err := r.load()
	if err != nil {
		return err
	}
	switch string(s.State()) {
	case strconv.Itoa(t.Good):
	case strconv.Itoa(t.Last):
		if !t.Forgiving {
			t.Reused++
			return errors.Join(source.ErrSessionExpired, r.save(t))
		}
		t.Good = t.Last // it never arrived: another one is given
	default:
		t.Reused++
		return errors.Join(source.ErrSessionExpired, r.save(t))
	}
	t.Last, t.Good, t.Dead = t.Good, t.Good+10, false
	if err := r.save(t); err != nil {
		return err
	}
	r.trip.step("renewal is answered")
	s.Renewed(source.RungPairing)
	return s.Put(ctx, []byte(strconv.Itoa(t.Good)))
}

// Begin and what follows is a login that ends at once.
func (r *rotating) Begin(context.Context, source.MethodID, source.Answers) (source.Login, error) {
	return r, nil
}

// Poll implements [source.Login].
func (r *rotating) Poll(context.Context) (source.Progress, error) {
	t, err := r.load()
	if err != nil {
		return source.Progress{}, err
	}
	t.Good, t.Last, t.Dead = t.Good+100, 0, false
	return source.Progress{State: source.LoginDone, Session: []byte(strconv.Itoa(t.Good))}, r.save(t)
}

// Answer implements [source.Login].
func (r *rotating) Answer(context.Context, source.Answers) error { return nil }

// Cancel implements [source.Login].
func (r *rotating) Cancel(context.Context) error { return nil }

// steps is a storage in which every write is two steps, before and after.
type steps struct {
	*storage.DB

	trip *trip
}

func (s steps) PutSession(ctx context.Context, id school.AccountID, state []byte) error {
	s.trip.step("session is written")
	err := s.DB.PutSession(ctx, id, state)
	s.trip.step("session was written")
	return err
}

func (s steps) PutState(ctx context.Context, id school.AccountID, st school.SessionState, p school.Problem) error {
	s.trip.step("state is written")
	err := s.DB.PutState(ctx, id, st, p)
	s.trip.step("state was written")
	return err
}

func (s steps) PutStay(ctx context.Context, id school.AccountID, st school.Stay) error {
	s.trip.step("diary is written")
	err := s.DB.PutStay(ctx, id, st)
	s.trip.step("diary was written")
	return err
}

// family is one run of a program over the data in a folder.
type family struct {
	db       *storage.DB
	keeper   *session.Keeper
	platform *rotating
	account  school.AccountID
}

func openFamily(ctx context.Context, dir string, tr *trip) (*family, error) {
	keys, err := vault.OpenKeys(vault.KeySource{Managed: filepath.Join(dir, "keys", "cache.key"), Data: filepath.Join(dir, "data")})
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	f := &family{platform: &rotating{file: filepath.Join(dir, "platform.json"), trip: tr}}
	f.db, err = storage.Open(ctx, storage.Options{Dir: filepath.Join(dir, "data"), Keys: keys, Now: time.Now, Log: log})
	if err != nil {
		return nil, err
	}
	f.keeper, err = session.New(session.Config{
		Store: steps{f.db, tr}, Now: time.Now, Log: log, OwnerHash: func(school.Ref) string { return "x" },
		Sources: func(context.Context, school.AccountID) (source.Source, error) { return f.platform, nil },
	})
	if err != nil {
		return nil, errors.Join(err, f.db.Close())
	}
	accts, err := f.db.Accounts(ctx)
	if err == nil && len(accts) == 0 {
		var a school.Account
		a, err = f.db.AddAccount(ctx, "p", nil)
		accts = append(accts, a)
	}
	if err != nil {
		return nil, errors.Join(err, f.db.Close())
	}
	f.account = accts[0].ID
	return f, nil
}

func (f *family) read(ctx context.Context) error {
	return f.keeper.Use(ctx, f.account, func(s *source.Session) error {
		return f.platform.Fetch(ctx, s, school.Plan{}, nil)
	})
}

// prepare signs in, and lets the platform forget the session; the token lives.
func prepare(t *testing.T, dir string, forgiving bool) {
	t.Helper()
	f, err := openFamily(t.Context(), dir, &trip{})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		f.platform.save(tokens{Forgiving: forgiving, Good: 1, Dead: true}),
		f.db.PutSession(t.Context(), f.account, []byte("1")),
		f.db.PutOwner(t.Context(), f.account, "x"),
		f.db.PutState(t.Context(), f.account, school.Active, school.ProblemNone),
		f.db.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// TestCrashChild is the child's whole life: one read, for which the session
// has to be renewed.
func TestCrashChild(t *testing.T) {
	t.Parallel()
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("runs as a child only")
	}
	at, err := strconv.Atoi(os.Getenv(crashStep))
	if err != nil {
		t.Fatal(err)
	}
	f, err := openFamily(t.Context(), dir, &trip{at: at})
	if err != nil {
		t.Fatal(err)
	}
	t.Fatalf("the child lived on: %v", f.read(t.Context()))
}

// rehearse counts the steps of the rotation, which no token may survive twice.
func rehearse(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	prepare(t, dir, false)
	var names []string
	f, err := openFamily(t.Context(), dir, &trip{log: func(s string) { names = append(names, s) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.db.Close() })
	if err := f.read(t.Context()); err != nil {
		t.Fatalf("read: %v", err)
	}
	if got, err := f.platform.load(); err != nil || got.Reused != 0 {
		t.Fatalf("%d tokens were used twice, %v", got.Reused, err)
	}
	return names
}

// TestKilledWhileRotating kills the program at each step of a read for which
// the token has to be rotated, and starts it again. At a forgiving platform
// nobody is ever asked to sign in; at a strict one only where the platform had
// used up the token and its answer was not on disk yet, which nobody can help.
// Either way what is stored is one whole token, and a login leads on.
func TestKilledWhileRotating(t *testing.T) {
	t.Parallel()
	names := rehearse(t)
	if len(names) < 8 {
		t.Fatalf("only %d steps: %q", len(names), names)
	}
	for _, forgiving := range []bool{true, false} {
		if forgiving && testing.Short() {
			continue // the strict one asks for more
		}
		lost := 0
		for i, name := range names {
			dir := t.TempDir()
			prepare(t, dir, forgiving)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$")
			cmd.Env = append(os.Environ(), crashDir+"="+dir, crashStep+"="+strconv.Itoa(i+1))
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Success() || exit.Exited() {
				t.Fatalf("step %d, %s: the child was not killed: %v\n%s", i+1, name, err, out)
			}
			if again(t, dir, name) {
				continue
			}
			lost++
			if forgiving || name != "renewal is answered" && name != "session is written" {
				t.Errorf("step %d, %s, forgiving %t: somebody has to sign in", i+1, name, forgiving)
			}
		}
		if !forgiving && lost == 0 {
			t.Error("a strict platform forgave a token that was used twice")
		}
	}
}

// again starts the program after a kill and reports whether it reads without
// a person. Where it does not, it signs in.
func again(t *testing.T, dir, name string) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	f, err := openFamily(ctx, dir, &trip{})
	if err != nil {
		t.Fatalf("%s: open: %v", name, err)
	}
	done := make(chan error, 1)
	go func() { done <- f.keeper.Run(ctx) }()
	defer func() {
		cancel()
		if err := errors.Join(<-done, f.db.Close()); err != nil {
			t.Errorf("%s: stop: %v", name, err)
		}
	}()
	state, err := f.db.Session(ctx, f.account)
	if _, bad := strconv.Atoi(string(state)); err != nil || bad != nil {
		t.Errorf("%s: the stored session is %q, %v", name, state, err)
	}
	err = f.read(ctx)
	acct, accountErr := f.db.Account(ctx, f.account)
	if accountErr != nil {
		t.Fatal(accountErr)
	}
	if err == nil {
		if acct.State != school.Active {
			t.Errorf("%s: read, though the account is %s", name, acct.State)
		}
		return true
	}
	_, sessionErr := f.db.Session(ctx, f.account)
	if !errors.Is(err, source.ErrSessionExpired) || acct.State != school.Expired || !errors.Is(sessionErr, fs.ErrNotExist) {
		t.Errorf("%s: read = %v, account %s, session %v", name, err, acct.State, sessionErr)
	}
	if err := f.keeper.Begin(ctx, f.account, source.BankIDQR, nil); err != nil {
		t.Fatalf("%s: begin: %v", name, err)
	}
	for range 100 {
		if p, _ := f.keeper.Login(f.account); p.State.Final() {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := f.read(ctx); err != nil {
		t.Errorf("%s: after a login: %v", name, err)
	}
	return false
}
