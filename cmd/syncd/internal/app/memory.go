package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Memory is given back so often, when so many bytes were used meanwhile.
const (
	tidyEvery = 10 * time.Second
	tidyFrom  = 4 << 20
)

// giveBack hands memory that a start, a read or the building of calendars has
// used back to the system, until ctx ends: the machine is small and has other
// things to do. Where little was used since the last time it does nothing.
func giveBack(ctx context.Context) error {
	t := time.NewTicker(tidyEvery)
	defer t.Stop()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var last uint64
	for {
		metrics.Read(sample)
		if n := sample[0].Value.Uint64(); n-last >= tidyFrom {
			last = n
			debug.FreeOSMemory()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}
