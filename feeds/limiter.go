package feeds

import (
	"sync"
	"time"
)

// missesPerMinute is how many addresses that lead nowhere one peer may try.
const missesPerMinute = 10

// maxPeers bounds the memory of a limiter.
const maxPeers = 4096

// limiter counts misses per peer in windows of a minute that begin with the
// first one. Safe for concurrent use.
type limiter struct {
	limit int
	mu    sync.Mutex
	peers map[string]window
}

type window struct {
	ends  time.Time
	count int
}

func newLimiter(limit int) *limiter {
	return &limiter{limit: limit, peers: map[string]window{}}
}

// miss counts one miss and returns how long the peer has to wait, 0 while it
// is below the limit.
func (l *limiter) miss(peer string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, found := l.peers[peer]
	if !found || !now.Before(w.ends) {
		if !found && len(l.peers) >= maxPeers {
			l.forget(now)
		}
		w = window{ends: now.Add(time.Minute)}
	}
	w.count++
	l.peers[peer] = w
	if w.count <= l.limit {
		return 0
	}
	return w.ends.Sub(now)
}

// forget makes room: what is over goes, or everything when nothing is.
func (l *limiter) forget(now time.Time) {
	for peer, w := range l.peers {
		if !now.Before(w.ends) {
			delete(l.peers, peer)
		}
	}
	if len(l.peers) >= maxPeers {
		clear(l.peers)
	}
}
