package app

import (
	"context"
	"time"

	"syncd/cmd/syncd/internal/auth"
	"syncd/source/school"
	"syncd/storage"
)

// authStore is the storage as package auth wants it.
type authStore struct {
	*storage.DB

	uses *uses
}

var _ auth.Store = authStore{}

// Guardian implements auth.GuardianStore.
func (s authStore) Guardian(ctx context.Context, user string) (auth.Guardian, error) {
	g, err := s.DB.Guardian(ctx, user)
	return auth.Guardian{ID: g.ID, User: g.User, Hash: g.Hash}, err
}

// PutGuardian implements auth.GuardianStore.
func (s authStore) PutGuardian(ctx context.Context, g auth.Guardian) error {
	return s.DB.PutGuardian(ctx, storage.Guardian{ID: g.ID, User: g.User, Hash: g.Hash})
}

// SignIn implements auth.SignInStore.
func (s authStore) SignIn(ctx context.Context, hash [32]byte) (school.GuardianID, time.Time, error) {
	g, expires, err := s.DB.SignIn(ctx, hash)
	return g.ID, expires, err
}
