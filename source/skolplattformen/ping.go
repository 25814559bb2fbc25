package skolplattformen

import (
	"context"
	"fmt"

	"syncd/source"
	"syncd/source/internal/fetch"
)

var _ source.Pinger = (*adapter)(nil)

// Ping implements [source.Pinger] by asking who is signed in.
func (a *adapter) Ping(ctx context.Context, s *source.Session) error {
	if err := a.ping(ctx, s); err != nil {
		return fmt.Errorf("skolplattformen: ping: %w", err)
	}
	return nil
}

func (a *adapter) ping(ctx context.Context, s *source.Session) error {
	c, err := fetch.New(a.cfg, fetch.Options{Allow: rules(), MaxBody: maxBody, UserAgent: agent})
	if err != nil {
		return err
	}
	if err := decodeState(s.State(), c.Jar()); err != nil {
		return err
	}
	d := &dialogue{http: c, session: s}
	_, err = d.user(ctx)
	return err
}
