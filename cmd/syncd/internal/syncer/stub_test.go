package syncer_test

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"syncd/cmd/syncd/internal/syncer"
	"syncd/source"
	"syncd/source/school"
)

const budget = 300

// store keeps accounts and counts in memory. The Fn fields, where set, come
// first.
type store struct {
	mu       sync.Mutex
	accounts []school.Account
	outcomes []school.Outcome
	rosters  int
	applied  []school.Snapshot
	known    map[school.Ref]map[school.Ref]time.Time
	readings []school.Reading
	requests map[school.Date]int

	ApplyFn  func(school.Snapshot) (school.Changes, error)
	RosterFn func(school.Roster) error
	DueFn    func() error
	AddFn    func()
}

func (s *store) Due(_ context.Context, now time.Time) ([]school.Account, error) {
	if s.DueFn != nil {
		if err := s.DueFn(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []school.Account
	for _, a := range s.accounts {
		if !a.NextDue.After(now) {
			due = append(due, a)
		}
	}
	return due, nil
}

func (s *store) Accounts(context.Context) ([]school.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accounts), nil
}

func (s *store) PutOutcome(_ context.Context, id school.AccountID, o school.Outcome) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes = append(s.outcomes, o)
	for i := range s.accounts {
		if a := &s.accounts[i]; a.ID == id {
			a.State, a.Problem, a.NextDue, a.Failures = o.State, o.Problem, o.NextDue, o.Failures
		}
	}
	return nil
}

func (s *store) PutRoster(_ context.Context, _ school.AccountID, _ school.PlatformID, r school.Roster) (map[school.Ref]school.ChildNumber, error) {
	if s.RosterFn != nil {
		if err := s.RosterFn(r); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rosters++
	out := map[school.Ref]school.ChildNumber{}
	for i, c := range r.Children {
		out[c.Ref] = school.ChildNumber(i + 1)
	}
	return out, nil
}

func (s *store) Apply(_ context.Context, _ school.AccountID, snap school.Snapshot) (school.Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ApplyFn != nil {
		c, err := s.ApplyFn(snap)
		if err == nil {
			s.applied = append(s.applied, snap)
		}
		return c, err
	}
	s.applied = append(s.applied, snap)
	return school.Changes{Child: 1, Added: map[school.Kind]int{school.KindEvents: len(snap.Calendar)}}, nil
}

func (s *store) KnownNews(_ context.Context, _ school.PlatformID, child school.Ref) (map[school.Ref]time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[child], nil
}

func (s *store) Readings(context.Context) ([]school.Reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readings, nil
}

func (s *store) Requests(_ context.Context, _ school.AccountID, d school.Date) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[d], nil
}

func (s *store) AddRequests(_ context.Context, _ school.AccountID, d school.Date, n int) error {
	if s.AddFn != nil {
		s.AddFn()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requests == nil {
		s.requests = map[school.Date]int{}
	}
	s.requests[d] += n
	return nil
}

func (s *store) account(id school.AccountID) school.Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.ID == id {
			return a
		}
	}
	return school.Account{}
}

func (s *store) change(id school.AccountID, f func(*school.Account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.accounts {
		if s.accounts[i].ID == id {
			f(&s.accounts[i])
		}
	}
}

// sessions lends out an empty session; an expired one changes the state, as
// the keeper does.
type sessions struct {
	store   *store
	OwnerFn func(school.Roster) error
	UseFn   func()
	HoldFn  func()
}

func (s *sessions) Use(_ context.Context, id school.AccountID, f func(*source.Session) error) error {
	if s.UseFn != nil {
		s.UseFn()
	}
	err := f(source.NewSession([]byte("state"), nil))
	switch source.ProblemOf(err) {
	case school.ProblemSignIn:
		s.store.change(id, func(a *school.Account) { a.State = school.Expired })
	case school.ProblemWrongPerson:
		s.store.change(id, func(a *school.Account) { a.State = school.SignedOut })
	default:
	}
	return err
}

func (s *sessions) CheckOwner(_ context.Context, _ school.AccountID, r school.Roster) error {
	if s.OwnerFn != nil {
		return s.OwnerFn(r)
	}
	return nil
}

func (s *sessions) Hold(_ context.Context, id school.AccountID, f func(school.Account) error) error {
	if s.HoldFn != nil {
		s.HoldFn()
	}
	a := s.store.account(id)
	if a.ID == "" {
		return fs.ErrNotExist
	}
	return f(a)
}

// clean is a normalizer that marks what went through it.
type clean struct{}

func (clean) Snapshot(_ context.Context, s school.Snapshot) school.Snapshot {
	s.Child.School = "cleaned"
	return s
}

func (clean) Roster(r school.Roster) school.Roster { return r }

// platform is a source that answers by FetchFn, or reads two children with a
// few requests each.
type platform struct {
	turn    func(context.Context, string) (func(), error)
	mu      sync.Mutex
	plans   []school.Plan
	running int
	most    int
	pings   []time.Time
	FetchFn func(ctx context.Context, p school.Plan, sink source.Sink) error
	PingFn  func(context.Context) error
}

func (p *platform) Fetch(ctx context.Context, _ *source.Session, plan school.Plan, sink source.Sink) error {
	p.mu.Lock()
	p.plans = append(p.plans, plan)
	p.running++
	p.most = max(p.most, p.running)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.running--
		p.mu.Unlock()
	}()
	if p.FetchFn != nil {
		return p.FetchFn(ctx, plan, sink)
	}
	return p.read(ctx, plan, sink)
}

// Ping is one request that answers by PingFn.
func (p *platform) Ping(ctx context.Context, _ *source.Session) error {
	if err := p.request(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	p.pings = append(p.pings, time.Now())
	p.mu.Unlock()
	if p.PingFn != nil {
		return p.PingFn(ctx)
	}
	return nil
}

func (p *platform) Begin(context.Context, source.MethodID, source.Answers) (source.Login, error) {
	panic("stub: nobody begins a login here")
}

// request asks for a turn and counts as one request.
func (p *platform) request(ctx context.Context) error {
	if p.turn == nil {
		return nil
	}
	done, err := p.turn(ctx, "school.example")
	if err != nil {
		return err
	}
	done()
	return nil
}

func (p *platform) read(ctx context.Context, plan school.Plan, sink source.Sink) error {
	if err := p.request(ctx); err != nil {
		return err
	}
	if err := sink.Roster(ctx, roster()); err != nil {
		return err
	}
	for _, c := range roster().Children {
		snap := school.Snapshot{Platform: "p", Child: c}
		for _, part := range school.Parts() {
			if !plan.Wants(part) {
				continue
			}
			if err := p.request(ctx); err != nil {
				return err
			}
			snap.Covered = append(snap.Covered, school.Coverage{Part: part, Window: plan.Window})
		}
		if err := sink.Snapshot(ctx, snap); err != nil {
			return err
		}
	}
	return nil
}

func roster() school.Roster {
	return school.Roster{Owner: "anna", Children: []school.Child{{Ref: "c1", Name: "Kanariefågel"}, {Ref: "c2", Name: "Kanariefågel"}}}
}

func (p *platform) seen() []school.Plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.plans)
}

// rig is a syncer over stubs, inside a synctest bubble. Chance always gives
// one half: no jitter.
type rig struct {
	*syncer.Syncer

	store    *store
	sessions *sessions
	platform *platform
	manners  *syncer.Manners
	log      *bytes.Buffer
	told     []school.AccountID
	parts    []school.Part
}

func parts() []school.Part {
	return []school.Part{school.PartCalendar, school.PartSchedule, school.PartMenu, school.PartNews, school.PartNotices}
}

// newRig makes a rig whose one account, a1, was never read. It sleeps until
// local time when in the bubble's year 2000, in which 10 January is a Monday.
func newRig(t *testing.T, when string, p *platform, change ...func(*syncer.Config)) *rig {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", when, school.Stockholm())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(at))
	r := &rig{store: &store{}, platform: p, log: new(bytes.Buffer), parts: parts()}
	r.sessions = &sessions{store: r.store}
	r.store.accounts = []school.Account{{ID: "a1", Platform: "p", State: school.Active, Created: at, Since: at, NextDue: at}}
	r.start(t, change...)
	return r
}

// start makes a new syncer over what is stored, as a restart does.
func (r *rig) start(t *testing.T, change ...func(*syncer.Config)) {
	t.Helper()
	half := func() float64 { return 0.5 }
	m, err := syncer.NewManners(syncer.MannersConfig{Store: r.store, Now: time.Now, Random: half})
	if err != nil {
		t.Fatalf("NewManners: %v", err)
	}
	r.manners = m
	r.platform.turn = m.Turn("a1", budget)
	cfg := syncer.Config{
		Store: r.store, Sessions: r.sessions, Normalizer: clean{}, Manners: m, Now: time.Now, Random: half,
		Sources:   func(context.Context, school.AccountID) (source.Source, error) { return r.platform, nil },
		Parts:     func(school.PlatformID) []school.Part { return r.parts },
		Committed: func(_ context.Context, id school.AccountID, _ school.Changes) { r.told = append(r.told, id) },
		Log:       slog.New(slog.NewTextHandler(r.log, nil)),
	}
	for _, f := range change {
		f(&cfg)
	}
	r.Syncer, err = syncer.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
}

// run runs the syncer for d and waits until it has stopped.
func (r *rig) run(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := r.Run(ctx); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

func (r *rig) sync(t *testing.T) syncer.Result {
	t.Helper()
	rep, err := r.SyncNow(t.Context(), "a1")
	if err != nil || len(rep.Results) != 1 {
		t.Fatalf("SyncNow = %d results, %v", len(rep.Results), err)
	}
	return rep.Results[0]
}
