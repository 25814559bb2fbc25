package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/session"
	"syncd/source"
	"syncd/source/school"
)

const id school.AccountID = "a1"

// store keeps one account in memory. The Fn fields, where set, come first.
type store struct {
	mu      sync.Mutex
	acct    school.Account
	state   []byte
	owner   string
	memory  []byte
	gone    int64                 // deletions
	states  []school.SessionState // every state that was put
	stays   []school.Stay         // the newest first
	others  []school.Stay         // of a second account at the platform
	keep    school.Keeping
	PutFn   func([]byte) error
	StateFn func() error
}

func newStore(s school.SessionState) *store {
	return &store{acct: school.Account{ID: id, Platform: "p", State: s}}
}

func (s *store) Accounts(context.Context) ([]school.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []school.Account{s.acct, {ID: "a2", Platform: "p"}, {ID: "a3", Platform: "q"}}, nil
}

func (s *store) Account(_ context.Context, a school.AccountID) (school.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a != id {
		return school.Account{}, fs.ErrNotExist
	}
	return s.acct, nil
}

func (s *store) PutState(ctx context.Context, _ school.AccountID, st school.SessionState, p school.Problem) error {
	if s.StateFn != nil {
		if err := s.StateFn(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acct.State, s.acct.Problem = st, p
	s.states = append(s.states, st)
	return nil
}

func (s *store) Session(context.Context, school.AccountID) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == nil {
		return nil, fmt.Errorf("stub: %w", fs.ErrNotExist)
	}
	return bytes.Clone(s.state), nil
}

func (s *store) PutSession(ctx context.Context, _ school.AccountID, state []byte) error {
	if s.PutFn != nil {
		if err := s.PutFn(state); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = bytes.Clone(state)
	return nil
}

func (s *store) DeleteSession(context.Context, school.AccountID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = nil
	return nil
}

func (s *store) Memory(context.Context, school.AccountID) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.memory), nil
}

func (s *store) Deletions() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

// remove deletes something of what is stored of the children.
func (s *store) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory = nil
	s.gone++
}

func (s *store) PutMemory(_ context.Context, _ school.AccountID, deletions int64, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(data) == 0 || deletions == s.gone {
		s.memory = bytes.Clone(data)
	}
	return nil
}

func (s *store) Owner(context.Context, school.AccountID) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owner, nil
}

func (s *store) PutOwner(_ context.Context, _ school.AccountID, owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner = owner
	return nil
}

func (s *store) Diary(_ context.Context, a school.AccountID) ([]school.Stay, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a != id {
		return slices.Clone(s.others), nil
	}
	return slices.Clone(s.stays), nil
}

func (s *store) PutStay(_ context.Context, _ school.AccountID, st school.Stay) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.stays, func(o school.Stay) bool { return o.Began.Equal(st.Began) })
	if i < 0 {
		s.stays = slices.Insert(s.stays, 0, st)
	} else {
		s.stays[i] = st
	}
	return nil
}

func (s *store) Keeping(_ context.Context, a school.AccountID) (school.Keeping, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a != id {
		return school.Keeping{}, nil
	}
	return s.keep, nil
}

func (s *store) diary() []school.Stay {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stays)
}

func (s *store) get() (school.SessionState, school.Problem, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acct.State, s.acct.Problem, string(s.state)
}

// platform is a source with a login that answers by script.
type platform struct {
	mu        sync.Mutex
	begun     int
	polls     int
	cancelled int
	refreshed int
	answers   []source.Answers
	orders    []source.MethodID

	BeginFn   func(context.Context) error
	PollFn    func(ctx context.Context, n int) (source.Progress, error) // n counts from 1
	AnswerFn  func() error
	CancelFn  func() error
	RefreshFn func(context.Context, *source.Session) error
}

func (p *platform) Fetch(context.Context, *source.Session, school.Plan, source.Sink) error {
	return errors.New("stub: nobody fetches here")
}

func (p *platform) Begin(ctx context.Context, m source.MethodID, _ source.Answers) (source.Login, error) {
	p.mu.Lock()
	p.begun++
	p.polls = 0
	p.orders = append(p.orders, m)
	p.mu.Unlock()
	if p.BeginFn != nil {
		if err := p.BeginFn(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *platform) Poll(ctx context.Context) (source.Progress, error) {
	p.mu.Lock()
	p.polls++
	n := p.polls
	p.mu.Unlock()
	if p.PollFn == nil {
		return source.Progress{State: source.LoginScan, QR: fmt.Sprint("frame ", n)}, nil
	}
	return p.PollFn(ctx, n)
}

func (p *platform) Answer(_ context.Context, in source.Answers) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers = append(p.answers, in)
	if p.AnswerFn != nil {
		return p.AnswerFn()
	}
	return nil
}

func (p *platform) Cancel(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancelled++
	if p.CancelFn != nil {
		return p.CancelFn()
	}
	return ctx.Err()
}

func (p *platform) Refresh(ctx context.Context, s *source.Session) error {
	p.mu.Lock()
	p.refreshed++
	p.mu.Unlock()
	if p.RefreshFn == nil {
		return source.ErrSessionExpired
	}
	return p.RefreshFn(ctx, s)
}

func (p *platform) counts() (begun, polls, cancelled, refreshed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun, p.polls, p.cancelled, p.refreshed
}

// plain is a source without a login.
type plain struct{}

func (plain) Fetch(context.Context, *source.Session, school.Plan, source.Sink) error { return nil }

// rig is a keeper over stubs, running in a synctest bubble.
type rig struct {
	*session.Keeper

	store    *store
	platform *platform
	log      *bytes.Buffer
	signed   []school.AccountID
	requests func() int
	wrong    time.Duration // of the clock
	stop     func()
}

// start runs a keeper; it must be called inside a bubble.
func start(t *testing.T, s *store, p *platform) *rig {
	t.Helper()
	return startWith(t, s, p, p)
}

// startWith is start for a source that is more than a platform.
func startWith(t *testing.T, s *store, src source.Source, p *platform) *rig {
	t.Helper()
	r := &rig{store: s, platform: p, log: new(bytes.Buffer), requests: func() int { return 0 }}
	k, err := session.New(session.Config{
		Store: s, OwnerHash: func(ref school.Ref) string { return "hash of " + string(ref) },
		Now:      func() time.Time { return time.Now().Add(r.wrong) },
		Requests: func(school.AccountID) int { return r.requests() },
		Sources:  func(context.Context, school.AccountID) (source.Source, error) { return src, nil },
		Signed:   func(_ context.Context, a school.AccountID) { r.signed = append(r.signed, a) },
		Log:      slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	r.Keeper = k
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	t.Cleanup(r.stop)
	synctest.Wait()
	return r
}

func (r *rig) wantState(t *testing.T, s school.SessionState, p school.Problem, sess string) {
	t.Helper()
	gotS, gotP, gotSess := r.store.get()
	if gotS != s || gotP != p || gotSess != sess {
		t.Errorf("account is (%s, %q, session %q), want (%s, %q, %q)", gotS, gotP, gotSess, s, p, sess)
	}
}

// look asks for the login once a second, as a page does, for d.
func (r *rig) look(d time.Duration) source.Progress {
	var p source.Progress
	for range int(d / time.Second) {
		p, _ = r.Login(id)
		time.Sleep(time.Second)
		synctest.Wait()
	}
	return p
}
