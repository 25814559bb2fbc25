package auth

import (
	"sync"
	"time"
)

const (
	throttleKeys   = 2048             // more peers than that at once: the one longest quiet is forgotten
	throttleMemory = 15 * time.Minute // a count starts anew after so long without a failure
)

// throttle counts failures by key, in bounded memory.
type throttle struct {
	now func() time.Time

	mu   sync.Mutex
	seen map[string]failures
}

type failures struct {
	count int
	last  time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, seen: make(map[string]failures)}
}

// fail counts a failure and returns how many there were lately.
func (t *throttle) fail(key string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	f, known := t.current(key, now)
	if !known && len(t.seen) >= throttleKeys {
		t.makeRoom(now)
	}
	f = failures{count: f.count + 1, last: now}
	t.seen[key] = f
	return f.count
}

// wait returns how long the next try has to wait when the first free failures
// cost nothing and each further one doubles the pause, up to most.
func (t *throttle) wait(key string, free int, most time.Duration) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	f, _ := t.current(key, now)
	if f.count < free {
		return 0
	}
	pause := most
	if n := f.count - free; n < 20 {
		pause = min(most, time.Second<<n)
	}
	return max(0, pause-now.Sub(f.last))
}

// clear forgets a key after a success.
func (t *throttle) clear(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.seen, key)
}

func (t *throttle) current(key string, now time.Time) (failures, bool) {
	f, ok := t.seen[key]
	if ok && now.Sub(f.last) >= throttleMemory {
		return failures{}, true
	}
	return f, ok
}

// makeRoom drops everything that no longer counts, and the one that has been
// quiet for longest when all of it does.
func (t *throttle) makeRoom(now time.Time) {
	var oldest string
	var at time.Time
	for key, f := range t.seen {
		if now.Sub(f.last) >= throttleMemory {
			delete(t.seen, key)
			continue
		}
		if oldest == "" || f.last.Before(at) {
			oldest, at = key, f.last
		}
	}
	if len(t.seen) >= throttleKeys {
		delete(t.seen, oldest)
	}
}
