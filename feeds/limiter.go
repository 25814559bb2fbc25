package feeds

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

const (
	// missesPerMinute is how many addresses that lead nowhere one peer may try.
	missesPerMinute = 10
	// answersPerMinute is how many documents in full one peer is given with one
	// token: many times what a family's programs ask for when all begin at once.
	answersPerMinute = 600
)

// maxPeers bounds the memory of a limiter.
const maxPeers = 4096

// limiter counts what somebody does in windows of a minute that begin with the
// first time. Safe for concurrent use; it allocates nothing for those whom it
// knows.
type limiter[K comparable] struct {
	limit int
	mu    sync.Mutex
	known map[K]window
}

type window struct {
	ends  time.Time
	count int
}

func newLimiter[K comparable](limit int) *limiter[K] {
	return &limiter[K]{limit: limit, known: map[K]window{}}
}

// count counts one and returns how long who did it has to wait, 0 while it is
// below the limit.
func (l *limiter[K]) count(who K, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, found := l.known[who]
	if !found || !now.Before(w.ends) {
		if !found && len(l.known) >= maxPeers {
			l.forget(now)
		}
		w = window{ends: now.Add(time.Minute)}
	}
	w.count++
	l.known[who] = w
	if w.count <= l.limit {
		return 0
	}
	return w.ends.Sub(now)
}

// forget makes room: what is over goes, or everything when nothing is.
func (l *limiter[K]) forget(now time.Time) {
	for who, w := range l.known {
		if !now.Before(w.ends) {
			delete(l.known, who)
		}
	}
	if len(l.known) >= maxPeers {
		clear(l.known)
	}
}

// reader is somebody with a token, of which only a hash is remembered.
type reader struct {
	token uint64
	peer  netip.Addr
}

func (h *handler) reader(token string, peer netip.Addr) reader {
	return reader{token: maphash.String(h.seed, token), peer: peer}
}
