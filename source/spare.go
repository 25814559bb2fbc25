package source

import (
	"context"

	"syncd/source/school"
)

// Sparer is a [Source] that can still read a little when its session is over.
type Sparer interface {
	Source

	// Spare returns what FetchSpare needs, made from a session that works:
	// opaque and secret, to be kept sealed. nil when there is nothing, or when
	// the account's settings do not ask for it; what is kept has to be
	// forgotten then.
	Spare(s *Session) []byte
	// FetchSpare reads what can be read with a spare alone, without a session
	// and without signing in. sink.Roster is told which children there are,
	// all of them named by an earlier Fetch, by their Refs only. Snapshots cover
	// nothing, so that nothing is deleted, and hold only what is new or has
	// moved since that Fetch. Its errors are those of Fetch; [ErrAbsent] when
	// the spare is none.
	FetchSpare(ctx context.Context, spare []byte, plan school.Plan, sink Sink) error
}
