package syncer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// Counts is where the number of requests per account and day lies. It has no
// place for an account that is not there: [fs.ErrNotExist].
type Counts interface {
	Requests(ctx context.Context, id school.AccountID, day school.Date) (int, error)
	AddRequests(ctx context.Context, id school.AccountID, day school.Date, n int) error
}

// MannersConfig is what [Manners] needs.
type MannersConfig struct {
	Store Counts           // required
	Now   func() time.Time // required
	// Gap is the pause between the end of one request to a host and the start
	// of the next, made up to half as long again by chance. 0: no pause.
	Gap time.Duration
	// Location is the zone in which a day begins; nil means Europe/Stockholm.
	Location *time.Location
	// Random returns numbers in [0, 1); nil means math/rand/v2.
	Random func() float64
}

// DefaultGap is the pause between two requests to a school's host.
const DefaultGap = 1500 * time.Millisecond

// saveEvery is how many requests may be forgotten when the power fails.
const saveEvery = 25

// Manners lets the requests of all accounts take their turns: one at a time
// per host, a pause between two, a budget per account and day. Its methods
// are safe for concurrent use.
type Manners struct {
	cfg MannersConfig

	mu     sync.Mutex
	hosts  map[string]*host
	counts map[school.AccountID]*count
}

// host is one host's queue. Requests of reads hold polite from their pause on
// and slot while under way; requests of a login need the slot only, so that a
// person never waits for a pause.
type host struct {
	polite chan struct{}
	slot   chan struct{}
	next   time.Time // earliest start of the next read; guarded by polite
}

// count is what is known of one account's day; guarded by Manners.mu, its
// store calls by saving.
type count struct {
	saving  sync.Mutex
	day     school.Date
	stored  int // what the store knows of day
	unsaved int
	total   int // since the program started
}

// NewManners returns manners without any memory but the store's.
func NewManners(c MannersConfig) (*Manners, error) {
	if c.Store == nil || c.Now == nil || c.Gap < 0 {
		return nil, errors.New("syncer: new manners: Store and Now are required, Gap is not negative")
	}
	if c.Location == nil {
		c.Location = school.Stockholm()
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	return &Manners{cfg: c, hosts: make(map[string]*host), counts: make(map[school.AccountID]*count)}, nil
}

// Turn returns the [source.Config] Turn of an account's reads. It answers
// [source.ErrBudget] once budget requests were made on a day; 0 means no
// limit.
func (m *Manners) Turn(id school.AccountID, budget int) func(ctx context.Context, name string) (func(), error) {
	return func(ctx context.Context, name string) (func(), error) {
		if err := m.count(ctx, id, budget); err != nil {
			return nil, fmt.Errorf("syncer: turn of %s: %w", id, err)
		}
		h := m.host(name)
		if err := take(ctx, h.polite); err != nil {
			return nil, fmt.Errorf("syncer: turn of %s: %w", id, err)
		}
		if err := m.pause(ctx, h); err != nil {
			<-h.polite
			return nil, fmt.Errorf("syncer: turn of %s: %w", id, err)
		}
		return sync.OnceFunc(func() {
			<-h.slot
			pause := time.Duration(float64(m.cfg.Gap) * (1 + m.cfg.Random()/2))
			h.next = m.cfg.Now().Add(pause)
			<-h.polite
		}), nil
	}
}

// Attended returns the Turn of a login: a person waits, and a QR code is good
// for a second. Requests are still made one at a time per host and counted,
// but without a pause and beyond any budget; a login has its own limits.
func (m *Manners) Attended(id school.AccountID) func(ctx context.Context, name string) (func(), error) {
	return func(ctx context.Context, name string) (func(), error) {
		if err := m.count(ctx, id, 0); err != nil {
			return nil, fmt.Errorf("syncer: turn of %s: %w", id, err)
		}
		h := m.host(name)
		if err := take(ctx, h.slot); err != nil {
			return nil, fmt.Errorf("syncer: turn of %s: %w", id, err)
		}
		return sync.OnceFunc(func() { <-h.slot }), nil
	}
}

func take(ctx context.Context, c chan<- struct{}) error {
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pause waits until the host's next read may start and takes its slot.
func (m *Manners) pause(ctx context.Context, h *host) error {
	if left := h.next.Sub(m.cfg.Now()); left > 0 {
		t := time.NewTimer(left)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return take(ctx, h.slot)
}

func (m *Manners) host(name string) *host {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.hosts[name]
	if h == nil {
		h = &host{polite: make(chan struct{}, 1), slot: make(chan struct{}, 1)}
		m.hosts[name] = h
	}
	return h
}

// count counts one request, unless budget says no.
func (m *Manners) count(ctx context.Context, id school.AccountID, budget int) error {
	c, err := m.today(ctx, id)
	if err != nil {
		return err
	}
	m.mu.Lock()
	if budget > 0 && c.stored+c.unsaved >= budget {
		m.mu.Unlock()
		return source.ErrBudget
	}
	c.unsaved++
	c.total++
	full := c.unsaved >= saveEvery
	m.mu.Unlock()
	if !full {
		return nil
	}
	return m.locked(ctx, id, c)
}

// locked is save for callers that do not hold c.saving.
func (m *Manners) locked(ctx context.Context, id school.AccountID, c *count) error {
	c.saving.Lock()
	defer c.saving.Unlock()
	return m.save(ctx, id, c)
}

// today returns the account's count, on the present day.
func (m *Manners) today(ctx context.Context, id school.AccountID) (*count, error) {
	m.mu.Lock()
	c := m.counts[id]
	if c == nil {
		c = &count{}
		m.counts[id] = c
	}
	m.mu.Unlock()

	c.saving.Lock()
	defer c.saving.Unlock()
	day := school.DateOf(m.cfg.Now().In(m.cfg.Location))
	m.mu.Lock()
	same := c.day == day
	m.mu.Unlock()
	if same {
		return c, nil
	}
	if err := m.save(ctx, id, c); err != nil { // what is left of the day before
		return nil, err
	}
	n, err := m.cfg.Store.Requests(ctx, id, day)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.day, c.stored = day, n
	return c, nil
}

// save stores what is not stored yet; the caller holds c.saving. What an
// account that was removed meanwhile has made, signing out last of all, counts
// no more.
func (m *Manners) save(ctx context.Context, id school.AccountID, c *count) error {
	m.mu.Lock()
	day, n := c.day, c.unsaved
	m.mu.Unlock()
	if n == 0 {
		return nil
	}
	if err := m.cfg.Store.AddRequests(ctx, id, day, n); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.unsaved -= n
	c.stored += n
	return nil
}

// Requests returns the requests that the account made on the present day,
// those of logins included.
func (m *Manners) Requests(ctx context.Context, id school.AccountID) (int, error) {
	c, err := m.today(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("syncer: requests of %s: %w", id, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return c.stored + c.unsaved, nil
}

// Save stores the counts of all accounts that are not stored yet.
func (m *Manners) Save(ctx context.Context) error {
	m.mu.Lock()
	counts := make(map[school.AccountID]*count, len(m.counts))
	for id, c := range m.counts {
		if c.unsaved > 0 {
			counts[id] = c
		}
	}
	m.mu.Unlock()
	var errs []error
	for id, c := range counts {
		if err := m.locked(ctx, id, c); err != nil {
			errs = append(errs, fmt.Errorf("syncer: save requests of %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// Made returns the requests made for an account since the program started,
// those of logins included.
func (m *Manners) Made(id school.AccountID) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.counts[id]; c != nil {
		return c.total
	}
	return 0
}
