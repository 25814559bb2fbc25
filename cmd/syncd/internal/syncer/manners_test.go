package syncer_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/syncer"
	"syncd/source"
	"syncd/source/school"
)

func manners(t *testing.T, s *store, gap time.Duration) *syncer.Manners {
	t.Helper()
	m, err := syncer.NewManners(syncer.MannersConfig{Store: s, Now: time.Now, Gap: gap, Random: func() float64 { return 0.5 }})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOneRequestAtATimePerHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := manners(t, &store{}, time.Second)
		var mu sync.Mutex
		inside, most := map[string]int{}, map[string]int{}
		var starts []time.Time
		var all sync.WaitGroup
		for i := range 6 {
			id := school.AccountID([]string{"a1", "a2"}[i%2])
			for _, host := range []string{"x", "y"} {
				all.Go(func() {
					done, err := m.Turn(id, 0)(t.Context(), host)
					if err != nil {
						t.Errorf("Turn = %v", err)
						return
					}
					mu.Lock()
					inside[host]++
					most[host] = max(most[host], inside[host])
					if host == "x" {
						starts = append(starts, time.Now())
					}
					mu.Unlock()
					time.Sleep(2 * time.Second)
					mu.Lock()
					inside[host]--
					mu.Unlock()
					done()
					done() // harmless
				})
			}
		}
		all.Wait()
		if most["x"] != 1 || most["y"] != 1 {
			t.Errorf("%v requests at once, want 1 per host", most)
		}
		for i := 1; i < len(starts); i++ {
			if d := starts[i].Sub(starts[i-1]); d != 2*time.Second+1250*time.Millisecond {
				t.Errorf("start %d is %s after the one before, want 2 s and a pause of 1.25 s", i, d)
			}
		}
	})
}

// A person who looks at a QR code does not wait for pauses, nor are reads put
// off for ever by the login's polls.
func TestLoginDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := manners(t, &store{}, 10*time.Second)
		began := time.Now()
		for range 30 {
			done, err := m.Attended("a1")(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			done()
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("30 polls took %s", d)
		}
		turn := m.Turn("a2", 0)
		for range 2 {
			done, err := turn(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			done()
		}
		if d := time.Since(began); d != 12500*time.Millisecond {
			t.Errorf("two reads after the polls took %s, want one pause", d)
		}
		if n, err := m.Requests(t.Context(), "a1"); n != 30 || err != nil {
			t.Errorf("Requests = %d, %v; want the login's 30", n, err)
		}
	})
}

func TestBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		m := manners(t, s, 0)
		turn := m.Turn("a1", 60)
		spend := func(turn func(context.Context, string) (func(), error)) (n int) {
			for {
				done, err := turn(t.Context(), "x")
				if errors.Is(err, source.ErrBudget) {
					return n
				}
				if err != nil {
					t.Fatal(err)
				}
				done()
				n++
			}
		}
		today := school.DateOf(time.Now().In(school.Stockholm()))
		if n := spend(turn); n != 60 {
			t.Errorf("%d requests, want 60", n)
		}
		if n := s.requests[today]; n != 50 {
			t.Errorf("%d requests stored, want 50: every 25th saves", n)
		}
		if _, err := m.Turn("a2", 60)(t.Context(), "x"); err != nil {
			t.Errorf("another account: %v", err)
		}
		if _, err := m.Attended("a1")(t.Context(), "z"); err != nil {
			t.Errorf("a login beyond the budget: %v", err)
		}
		if err := m.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := spend(manners(t, s, 0).Turn("a1", 60)); n != 0 {
			t.Errorf("%d requests after a restart, want none", n)
		}
		time.Sleep(24 * time.Hour)
		m = manners(t, s, 0)
		if n := spend(m.Turn("a1", 60)); n != 60 {
			t.Errorf("%d requests on the next day, want 60", n)
		}
		time.Sleep(24 * time.Hour)
		if n := spend(m.Turn("a1", 60)); n != 60 {
			t.Errorf("%d requests on the day after, want 60", n)
		}
		if n := s.requests[today.AddDays(1)]; n != 60 {
			t.Errorf("%d requests stored of the day before, want 60", n)
		}
	})
}

func TestTurnCanBeGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := manners(t, &store{}, time.Minute)
		turn := m.Turn("a1", 0)
		done, err := turn(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turn(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) { // behind another request
			t.Errorf("Turn = %v, want that it gave up", err)
		}
		if _, err := m.Attended("a1")(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Attended = %v, want that it gave up", err)
		}
		done()
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turn(ctx, "x"); !errors.Is(err, context.DeadlineExceeded) { // in the pause
			t.Errorf("Turn = %v, want that it gave up", err)
		}
		if done, err = turn(t.Context(), "x"); err != nil {
			t.Errorf("Turn after others gave up = %v", err)
		} else {
			done()
		}
	})
}

// A store that panics keeps no count locked.
func TestSaveAfterAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{AddFn: func() { panic("stub") }}
		m := manners(t, s, 0)
		done, err := m.Turn("a1", 0)(t.Context(), "x")
		if err != nil {
			t.Fatalf("Turn = %v", err)
		}
		done()
		func() {
			defer func() { _ = recover() }()
			t.Errorf("Save = %v, want that it panics", m.Save(t.Context()))
		}()
		s.AddFn = nil
		if err := m.Save(t.Context()); err != nil {
			t.Errorf("Save = %v", err)
		}
		if n, err := m.Requests(t.Context(), "a1"); n != 1 || err != nil || len(s.requests) != 1 {
			t.Errorf("Requests = %d, %v; want the one, stored", n, err)
		}
	})
}
