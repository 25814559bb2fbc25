package sourcetest

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// cancellation: when ctx ends, Fetch returns within a second.
func (b *bench) cancellation() {
	s := b.login(b.first())
	b.fake.Stall()
	ctx, cancel := context.WithTimeout(b.t.Context(), 5*time.Second)
	defer cancel()
	began := b.now()
	k, err := b.fetch(ctx, s, b.plan())
	if took := b.now().Sub(began); took > 6*time.Second {
		b.t.Errorf("Fetch went on for %s after ctx had ended", took-5*time.Second)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		b.t.Errorf("Fetch = %v, want %v", err, context.DeadlineExceeded)
	}
	if len(k.snapshots) > 0 {
		b.t.Error("a child was handed on though nothing was answered")
	}
	b.fake.Heal()
}

// twoSessions: one source serves two people and mixes nothing up.
func (b *bench) twoSessions() {
	guardians := b.world.Guardians()
	if b.c.Login == nil || len(guardians) < 2 {
		b.t.Skip("there are no two people")
	}
	sessions := []*source.Session{b.login(guardians[0]), b.login(guardians[1])}
	owners := make([]school.Ref, 2)
	for round := range 2 {
		for i, s := range sessions {
			plan := b.plan()
			k, err := b.fetch(b.t.Context(), s, plan)
			if err != nil {
				b.t.Fatalf("Fetch of guardian %d = %v", i+1, err)
			}
			var got []school.Ref
			for _, snap := range k.snapshots {
				got = append(got, snap.Child.Ref)
			}
			if want := b.refs(guardians[i], plan); !slices.Equal(got, want) {
				b.t.Errorf("guardian %d read %d children, want the own %d", i+1, len(got), len(want))
			}
			if round > 0 && k.roster.Owner != owners[i] {
				b.t.Errorf("guardian %d is another person the second time", i+1)
			}
			owners[i] = k.roster.Owner
		}
	}
	if owners[0] == owners[1] {
		b.t.Error("two people have the same owner's key")
	}
}

// sinkSaysNo: an error of the sink ends the read and comes back.
func (b *bench) sinkSaysNo() {
	s := b.login(b.first())
	no := errors.New("no")
	k := &catch{t: b.t, refuseRoster: no}
	before := b.fake.Requests()
	if err := b.src.Fetch(b.t.Context(), s, b.plan(), k); !errors.Is(err, no) || len(k.snapshots) > 0 {
		b.t.Errorf("Fetch = %v with %d children handed on after the roster was refused", err, len(k.snapshots))
	}
	if n := b.fake.Requests() - before; n > 5 {
		b.t.Errorf("%d requests before the roster was refused", n)
	}
	k = &catch{t: b.t, refuseSnapshot: no}
	if err := b.src.Fetch(b.t.Context(), s, b.plan(), k); !errors.Is(err, no) || len(k.snapshots) != 1 {
		b.t.Errorf("Fetch = %v with %d children handed on after the first was refused", err, len(k.snapshots))
	}
}

// notStored: a session that cannot be stored ends the read.
func (b *bench) notStored() {
	state := b.login(b.first()).State()
	if state == nil || b.fake.Lapse == nil {
		b.t.Skip("sessions do not change")
	}
	full := errors.New("disk is full")
	s := source.NewSession(state, func(context.Context, []byte) error { return full })
	b.fake.Lapse()
	r, ok := b.src.(source.Refresher)
	if !ok {
		b.t.Skip("sessions cannot be renewed silently")
	}
	if err := r.Refresh(b.t.Context(), s); !errors.Is(err, full) {
		b.t.Errorf("Refresh = %v, want %v", err, full)
	}
	if !slices.Equal(s.State(), state) {
		b.t.Error("the state changed though it was not stored")
	}
}

// budget: when the requests of the day are used up, the read ends there.
func (b *bench) budget() {
	s := b.login(b.first())
	left := 6
	b.turn = func(context.Context, string) (func(), error) {
		if left == 0 {
			return nil, source.ErrBudget
		}
		left--
		return func() {}, nil
	}
	before := b.fake.Requests()
	if _, err := b.fetch(b.t.Context(), s, b.plan()); !errors.Is(err, source.ErrBudget) {
		b.t.Errorf("Fetch = %v, want %v", err, source.ErrBudget)
	}
	if n := b.fake.Requests() - before; n > 6 {
		b.t.Errorf("%d requests with a budget of 6", n)
	}
}

// construction: a source is not made without clock and log, and the
// description of the platform is whole.
func (b *bench) construction() {
	if _, err := b.c.Platform.New(source.Config{Log: slog.New(slog.DiscardHandler)}); err == nil {
		b.t.Error("New without a clock is no error")
	}
	if _, err := b.c.Platform.New(source.Config{Now: b.now}); err == nil {
		b.t.Error("New without a log is no error")
	}
	p := b.c.Platform
	if p.ID == "" || p.Name == "" || len(p.Parts) == 0 || len(p.Hosts) == 0 || p.Budget <= 0 {
		b.t.Error("the description of the platform is not whole")
	}
	if _, ok := b.src.(source.Authenticator); ok != (len(p.Logins) > 0) {
		b.t.Errorf("%d ways to log in, Authenticator implemented: %v", len(p.Logins), ok)
	}
}
