package app

import (
	"context"
	"time"

	"syncd/cmd/syncd/internal/auth"
	"syncd/cmd/syncd/internal/view"
	"syncd/source/school"
	"syncd/storage"
)

// authStore is the storage as package auth wants it.
type authStore struct {
	*storage.DB

	uses  *uses
	views *view.Views
}

var _ auth.Store = authStore{}

// Link implements auth.LinkStore.
func (s authStore) Link(ctx context.Context, id school.LinkID) (school.Link, error) {
	l, _, err := s.views.Link(ctx, id)
	return l, err
}

// LinkPassword implements auth.LinkStore.
func (s authStore) LinkPassword(ctx context.Context, id school.LinkID) ([32]byte, error) {
	_, password, err := s.views.Link(ctx, id)
	return password, err
}

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
