package app

import (
	"context"
	"sync"

	"syncd/cmd/syncd/internal/auth"
	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
	"syncd/storage"
)

// uses notes on which day which family of programs used a link: nothing finer
// is ever kept. It remembers what it wrote, so that the many requests of a day
// cost a look into a map. Safe for concurrent use.
type uses struct {
	db *storage.DB

	mu   sync.Mutex
	seen map[use]school.Date
}

type use struct {
	link   school.LinkID
	client text.Client
}

func newUses(db *storage.DB) *uses { return &uses{db: db, seen: map[use]school.Date{}} }

func (u *uses) note(ctx context.Context, id school.LinkID, day school.Date) error {
	key := use{id, auth.ClientFrom(ctx)}
	u.mu.Lock()
	known := u.seen[key] == day
	u.mu.Unlock()
	if known {
		return nil
	}
	if err := u.db.TouchLink(ctx, id, string(key.client), day); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen[key] = day
	return nil
}

// viewStore is the storage as package view wants it.
type viewStore struct {
	*storage.DB

	uses *uses
}

// TouchLink implements view.LinkStore.
func (s viewStore) TouchLink(ctx context.Context, id school.LinkID, day school.Date) error {
	return s.uses.note(ctx, id, day)
}

// TouchLink implements auth.LinkStore.
func (s authStore) TouchLink(ctx context.Context, id school.LinkID, day school.Date) error {
	return s.uses.note(ctx, id, day)
}
