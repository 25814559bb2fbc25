package main

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateEvery is how often the files of a certificate are looked at, at
// the most.
const certificateEvery = 10 * time.Second

// certificate is the pair of files with which syncd ends TLS. They are read
// again when one of them has changed, so that a renewal needs no restart; a new
// pair that cannot be read leaves the old one in use. Safe for concurrent use.
type certificate struct {
	cert, key string // paths
	now       func() time.Time
	log       *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate // nil: none was read yet
	looked time.Time
	seen   [2]stamp // of the files of pair
	failed [2]stamp // of files that could not be read, so that it is said once
}

// stamp tells one state of a file from another.
type stamp struct {
	changed time.Time
	size    int64
}

// get returns the present pair; it has the form of [tls.Config.GetCertificate].
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if since := now.Sub(c.looked); c.pair != nil && since >= 0 && since < certificateEvery {
		return c.pair, nil
	}
	c.looked = now
	seen := [2]stamp{stampOf(c.cert), stampOf(c.key)}
	if c.pair != nil && seen == c.seen {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		if c.pair == nil {
			return nil, err
		}
		// Files that are being replaced do not match for a moment, or may not be
		// read yet.
		if seen != c.failed {
			c.log.Warn("the new certificate cannot be used; the old one stays", slog.Any("error", err))
		}
		c.failed = seen
		return c.pair, nil
	}
	if c.pair != nil {
		c.log.Info("the certificate was read again")
	}
	c.pair, c.seen, c.failed = &pair, seen, [2]stamp{}
	return c.pair, nil
}

// stampOf is zero for a file that is not there.
func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}
