// Package sourcetest is the conformance suite that every adapter of a school
// platform passes: what is put into the platform's fake comes out of the
// adapter, each fault becomes the right sentinel, coverage is honest whatever
// fails, and nothing private is in an error or a log line.
//
// Everything runs in synctest bubbles: hours of waiting cost nothing. The
// clock that adapter and fake see begins at [Case].Now.
package sourcetest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncd/source"
	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// Case is an adapter with its fake.
type Case struct {
	Platform source.Platform
	Settings map[string]string // of the account; may be nil
	// Now is the moment at which each test begins; required.
	Now time.Time
	// World makes the world; nil means [schooltest.Family].
	World func(now time.Time) *schooltest.World
	// Fake makes the platform over a world; required.
	Fake func(w *schooltest.World, now func() time.Time) Fake
	// Login signs a guardian in and returns the session's state. nil for
	// platforms that nobody logs in to.
	Login func(t *testing.T, src source.Source, f Fake, g schooltest.Guardian) []byte
	// Expect returns what the adapter has to make of a child: the world minus
	// what the platform loses, which is said in a comment there. Covered,
	// Taken and Skipped are not compared; order does not count.
	Expect func(w *schooltest.World, c schooltest.Child, plan school.Plan) school.Snapshot
	// Faults are tried one by one.
	Faults []Fault
}

// Fake is what the suite needs of a platform's fake, as functions, because
// fakes differ. Required unless said otherwise.
type Fake struct {
	Transport http.RoundTripper
	// Requests returns how many requests the platform has had.
	Requests func() int
	// Offences returns what a polite client would not have done.
	Offences func() []string
	// MaxParallel returns the most requests that were under way at once.
	MaxParallel func() int
	// Fail makes the n-th request from now on, the first being 1, and that
	// one only, end in trouble that passes by itself.
	Fail func(n int)
	// Stall makes every answer take for ever.
	Stall func()
	// Heal takes back Fail, Stall and every fault.
	Heal func()
	// ExpireAt ends the session at the n-th request from now on in such a way
	// that only a person can renew it. nil for platforms without sessions.
	ExpireAt func(n int)
	// Lapse ends the session in such a way that it can be renewed silently.
	// nil where there is no such thing.
	Lapse func()
	// Own is the fake itself, for Faults.
	Own any
}

// Fault is one thing that a platform can do to us.
type Fault struct {
	Name   string
	Inject func(f Fake)
	// Want is the sentinel that the read's error has to be; nil means that
	// nothing is wrong.
	Want error
	// Wait is what a *source.RateLimitError has to say; Want is not used then.
	Wait time.Duration
	// Parts are the parts that must not be covered for any child; the others
	// must be for every child. Ignored when Nothing is set.
	Parts []school.Part
	// Nothing: no child may be handed on.
	Nothing bool
	// Impolite: the fault leads an honest adapter into an offence.
	Impolite bool
}

// Run tests an adapter.
func Run(t *testing.T, c Case) {
	t.Helper()
	if c.World == nil {
		c.World = schooltest.Family
	}
	for name, test := range map[string]func(*bench){
		"what goes in comes out":         (*bench).roundTrip,
		"known letters are not reread":   (*bench).known,
		"parts that nobody asked for":    (*bench).partsOnly,
		"what nobody wants any more":     (*bench).unwanted,
		"trouble at every request":       (*bench).troubleEverywhere,
		"expiry at every request":        (*bench).expiryEverywhere,
		"silent renewal":                 (*bench).renewal,
		"no session":                     (*bench).noSession,
		"cancellation":                   (*bench).cancellation,
		"two sessions":                   (*bench).twoSessions,
		"sink says no":                   (*bench).sinkSaysNo,
		"session cannot be stored":       (*bench).notStored,
		"budget is used up":              (*bench).budget,
		"settings and clock are checked": (*bench).construction,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.bench(t, test) })
		})
	}
	for _, f := range c.Faults {
		t.Run("fault/"+f.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.bench(t, func(b *bench) { b.fault(f) }) })
		})
	}
}

// bench is one test's set-up: a world, its fake and a source over it.
type bench struct {
	t     *testing.T
	c     Case
	now   func() time.Time
	world *schooltest.World
	fake  Fake
	src   source.Source
	log   *safeBuffer
	turn  func(context.Context, string) (func(), error)

	canaries []string
	impolite bool // offences do not count
}

func (c Case) bench(t *testing.T, test func(*bench)) {
	t.Helper()
	b := &bench{t: t, c: c, log: &safeBuffer{}, now: clock(c.Now)}
	b.world = c.World(c.Now)
	b.canaries = b.world.Canaries()
	b.fake = c.Fake(b.world, b.now)
	var err error
	if b.src, err = c.Platform.New(b.config()); err != nil {
		t.Fatalf("New = %v", err)
	}
	test(b)
	if got := b.fake.Offences(); len(got) > 0 && !b.impolite {
		t.Errorf("the adapter was impolite: %q", got)
	}
	if got := b.fake.MaxParallel(); got > 1 {
		t.Errorf("%d requests were under way at once, want one at a time", got)
	}
	b.private("log", b.log.String())
}

// clock returns a clock that shows start now and goes on with the bubble's.
func clock(start time.Time) func() time.Time {
	began := time.Now() //nolint:forbidigo // the bubble's clock
	return func() time.Time {
		return start.Add(time.Since(began)) //nolint:forbidigo // the bubble's clock
	}
}

func (b *bench) config() source.Config {
	return source.Config{
		Settings: b.c.Settings, Transport: b.fake.Transport, Now: b.now,
		Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Turn: func(ctx context.Context, host string) (func(), error) {
			if b.turn == nil {
				return func() {}, nil
			}
			return b.turn(ctx, host)
		},
	}
}

// private fails the test when a text holds something private.
func (b *bench) private(what, text string) {
	b.t.Helper()
	for _, canary := range b.canaries {
		if strings.Contains(text, canary) {
			b.t.Errorf("%s holds private text %q", what, canary)
		}
	}
}

// login returns a session of a guardian.
func (b *bench) login(g schooltest.Guardian) *source.Session {
	b.t.Helper()
	if b.c.Login == nil {
		return source.NewSession(nil, nil)
	}
	return source.NewSession(b.c.Login(b.t, b.src, b.fake, g), nil)
}

func (b *bench) first() schooltest.Guardian { return b.world.Guardians()[0] }

// plan asks for everything.
func (b *bench) plan() school.Plan { return b.around(30, 400) }

// brief is the plan of tests that read over and over again.
func (b *bench) brief() school.Plan { return b.around(daysBack, daysOn) }

func (b *bench) around(back, ahead int) school.Plan {
	today := school.DateOf(b.now().In(school.Stockholm()))
	return school.Plan{Now: b.now(), Window: school.Window{From: today.AddDays(-back), To: today.AddDays(ahead)}}
}

// fetch reads and looks at what must hold for every read.
func (b *bench) fetch(ctx context.Context, s *source.Session, plan school.Plan) (*catch, error) {
	b.t.Helper()
	k := &catch{t: b.t}
	err := b.src.Fetch(ctx, s, plan, k)
	if err != nil {
		b.private("error", err.Error())
	}
	if len(k.snapshots) > 0 && k.roster == nil {
		b.t.Error("a child was handed on before the roster")
	}
	b.honest(k, plan)
	return k, err
}

// catch is a sink that keeps everything.
type catch struct {
	t         *testing.T
	roster    *school.Roster
	snapshots []school.Snapshot

	refuseRoster, refuseSnapshot error
}

// Roster implements [source.Sink].
func (k *catch) Roster(_ context.Context, r school.Roster) error {
	if k.roster != nil {
		k.t.Error("the roster was handed on twice")
	}
	if r.Owner == "" {
		k.t.Error("the roster has no owner")
	}
	k.roster = &r
	return k.refuseRoster
}

// Snapshot implements [source.Sink].
func (k *catch) Snapshot(_ context.Context, s school.Snapshot) error {
	for _, o := range k.snapshots {
		if o.Child.Ref == s.Child.Ref {
			k.t.Error("a child was handed on twice")
		}
	}
	k.snapshots = append(k.snapshots, s)
	return k.refuseSnapshot
}

// safeBuffer is a buffer that several goroutines may write to.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns what was written.
func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
