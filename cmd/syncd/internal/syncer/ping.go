package syncer

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"syncd/source"
	"syncd/source/school"
)

// idle returns the accounts to ping at this tick: those whose sessions would
// be idle for too long by the next one and that are not read before it. An
// account at which something failed is left to the schedule of reads.
func (s *Syncer) idle(ctx context.Context, due []school.Account) []school.AccountID {
	if s.cfg.Idle == nil {
		return nil
	}
	soon := s.cfg.Now().Add(tickEvery)
	ids, err := s.cfg.Idle(ctx, soon)
	if err == nil && len(ids) > 0 {
		var all []school.Account
		all, err = s.cfg.Store.Accounts(ctx)
		ids = slices.DeleteFunc(ids, func(id school.AccountID) bool {
			if slices.ContainsFunc(due, func(a school.Account) bool { return a.ID == id }) {
				return true
			}
			i := slices.IndexFunc(all, func(a school.Account) bool { return a.ID == id })
			return i < 0 || all[i].Failures > 0 || !all[i].NextDue.After(soon)
		})
	}
	if err != nil {
		if ctx.Err() == nil {
			s.cfg.Log.LogAttrs(ctx, slog.LevelError, "idle sessions could not be found", slog.Any("error", err))
		}
		return nil
	}
	return ids
}

// ping makes one request so that the account's session does not end for want
// of use. That it went well is not recorded: nothing was read. Trouble is, as
// that of a read.
func (s *Syncer) ping(ctx context.Context, r *run) Result {
	acct := r.acct
	res := Result{Account: acct.ID, Platform: acct.Platform, NextDue: acct.NextDue}
	m, err := s.remember(ctx, acct)
	if err != nil {
		res.Problem, res.Err = problemOf(err), fmt.Errorf("syncer: ping %s: %w", acct.ID, err)
		return res
	}
	err = s.oneRequest(ctx, acct.ID)
	res.Requests = s.requests(r)
	if err == nil || ctx.Err() != nil {
		return res
	}
	save := context.WithoutCancel(ctx)
	res.Problem, res.Err = problemOf(err), fmt.Errorf("syncer: ping %s: %w", acct.ID, err)
	if err := s.record(save, r, m, &res); err != nil {
		s.cfg.Log.LogAttrs(ctx, slog.LevelError, "ping was not recorded", slog.String("account", string(acct.ID)), slog.Any("error", err))
	}
	s.report(save, res, r)
	return res
}

func (s *Syncer) oneRequest(ctx context.Context, id school.AccountID) error {
	src, err := s.cfg.Sources(ctx, id)
	if err != nil {
		return err
	}
	p, ok := src.(source.Pinger)
	if !ok {
		return nil
	}
	return s.cfg.Sessions.Use(ctx, id, func(sess *source.Session) error { return p.Ping(ctx, sess) })
}
