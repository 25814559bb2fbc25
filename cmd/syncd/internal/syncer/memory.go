package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// memory is what the program remembers of one account between jobs; what it
// needs after a restart comes from the stored readings.
type memory struct {
	mu       sync.Mutex
	due      map[school.Part]time.Time // when a part is to be read again; absent: at once
	wide     map[school.Part]time.Time // when a part was last read with all its dates
	tries    map[school.Part]int       // failures of a part in a row
	children map[school.Ref]bool       // nil: no job has seen the list yet
	letters  map[school.Ref]bool       // to be read in full though they are known
	tried    time.Time                 // when it was last read without a session
	spared   time.Time                 // when that last went well
	hurried  bool                      // the last job came early, because something was announced
}

// remember returns the account's memory, made from what is stored when there
// is none yet.
func (s *Syncer) remember(ctx context.Context, acct school.Account) (*memory, error) {
	s.mu.Lock()
	m := s.memory[acct.ID]
	s.mu.Unlock()
	if m != nil {
		return m, nil
	}
	m = &memory{
		due:     make(map[school.Part]time.Time),
		wide:    make(map[school.Part]time.Time),
		tries:   make(map[school.Part]int),
		letters: make(map[school.Ref]bool),
	}
	if acct.NextDue.After(acct.Since) { // else it was not read yet: everything is due
		readings, err := s.cfg.Store.Readings(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNotSaved, err)
		}
		m.seed(s.cfg.Parts(acct.Platform), s.cfg.Announced(acct.Platform), readings, acct.Since)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory[acct.ID] = m
	return m, nil
}

// seed makes parts that were read since the session began due by their
// rhythm. Which account a reading came from is not stored; the newest counts.
func (m *memory) seed(parts, announced []school.Part, readings []school.Reading, since time.Time) {
	for _, p := range parts {
		var last time.Time
		for _, r := range readings {
			if r.Kind == p.Kind() && r.LastSuccess.After(last) {
				last = r.LastSuccess
			}
		}
		if !last.IsZero() && !last.Before(since) {
			m.due[p] = last.Add(rhythm(p, slices.Contains(announced, p)))
		}
	}
}

// parts returns those of all that are due; nil, which is everything, when the
// platform's parts are not known.
func (m *memory) parts(all []school.Part, now time.Time, everything bool) []school.Part {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(all), func(p school.Part) bool {
		return !everything && m.due[p].After(now.Add(slack))
	})
}

// wants reports whether one of the parts was not read with all its dates for
// a day.
func (m *memory) wants(parts []school.Part, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(parts, func(p school.Part) bool { return dated(p) && now.Sub(m.wide[p]) >= wideRhythm })
}

// hurry makes parts due at once that were announced and not read along, with
// all their dates where they have any, and reports whether there are any. It
// does so once: a platform that announces something with every answer is read
// at the normal pace.
func (m *memory) hurry(announced, read []school.Part, wide bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	announced = slices.DeleteFunc(slices.Clone(announced), func(p school.Part) bool {
		return slices.Contains(read, p) && (wide || !dated(p))
	})
	for _, p := range announced {
		delete(m.due, p)
		delete(m.wide, p) // it may be far off
	}
	m.hurried = len(announced) > 0 && !m.hurried
	return m.hurried
}

// earliest returns when the first of all parts that are remembered is due.
func (m *memory) earliest(read []school.Part) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	var first time.Time
	for _, p := range read {
		if m.due[p].IsZero() {
			return time.Time{}
		}
	}
	for _, due := range m.due {
		if first.IsZero() || due.Before(first) {
			first = due
		}
	}
	return first
}

// meet remembers the children; one more than before makes everything due.
func (m *memory) meet(numbers map[school.Ref]school.ChildNumber) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fresh := false
	children := make(map[school.Ref]bool, len(numbers))
	for ref := range numbers {
		children[ref] = true
		fresh = fresh || m.children != nil && !m.children[ref]
	}
	m.children = children
	if fresh {
		clear(m.due)
		clear(m.wide)
	}
}

func (m *memory) knows(child school.Ref) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.children[child]
}

func (m *memory) again(letter school.Ref) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.letters[letter]
}

func (m *memory) reread(letters []school.Ref) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range letters {
		m.letters[l] = true
	}
}

// learn sets when each part that was asked for is due again; some are
// announced by others.
func (m *memory) learn(sched schedule, now time.Time, announced []school.Part, r *run, res *Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ends(res.Problem) || !r.stored && failed(res.Problem) {
		return // nothing was learnt about the parts
	}
	bad := make(map[school.Part]error)
	for _, e := range partErrors(res.Err) {
		if !errors.Is(e, source.ErrAbsent) {
			bad[e.Part] = errors.Join(bad[e.Part], e.Err)
		}
	}
	for _, p := range r.plan.Parts {
		switch err := bad[p]; {
		case err != nil:
			m.tries[p]++
			m.due[p] = sched.backoff(now, source.ProblemOf(err), m.tries[p], err)
		case slices.Contains(r.held, p.Kind()):
			delete(m.due, p)
		default:
			delete(m.tries, p)
			m.due[p] = now.Add(rhythm(p, slices.Contains(announced, p)))
			if r.wide {
				m.wide[p] = now
			}
		}
	}
}

// partErrors returns every [*source.PartError] in err's tree.
func partErrors(err error) []*source.PartError {
	switch e := err.(type) { //nolint:errorlint // walks the tree itself, node by node
	case *source.PartError:
		return []*source.PartError{e}
	case interface{ Unwrap() []error }:
		var all []*source.PartError
		for _, err := range e.Unwrap() {
			all = append(all, partErrors(err)...)
		}
		return all
	case interface{ Unwrap() error }:
		return partErrors(e.Unwrap())
	}
	return nil
}
