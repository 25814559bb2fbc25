package infomentor

import (
	"context"
	"fmt"

	"syncd/source"
)

var _ source.Pinger = (*adapter)(nil)

// Ping implements [source.Pinger] by the Hub's home page, which is use of the
// session and its only proof in one request.
func (a *adapter) Ping(ctx context.Context, s *source.Session) error {
	if err := a.ping(ctx, s); err != nil {
		return fmt.Errorf("infomentor: ping: %w", err)
	}
	return nil
}

func (a *adapter) ping(ctx context.Context, s *source.Session) error {
	d, err := a.narrow(s)
	if err != nil {
		return err
	}
	h, err := d.home(ctx)
	if err != nil {
		return err
	}
	if h.Account.User.ID != d.state.Owner {
		return source.ErrWrongPerson
	}
	return nil
}
