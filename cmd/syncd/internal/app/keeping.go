package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"syncd/cmd/syncd/internal/web"
	"syncd/source"
	"syncd/source/school"
)

// Keep stores what a guardian chose about keeping an account's session, and
// says how long its pings go on where that was left open. What will not do, or
// not at this platform, is fs.ErrInvalid.
func (a *App) Keep(ctx context.Context, id school.AccountID, k school.Keeping) error {
	if err := a.keep(ctx, id, k); err != nil {
		return fmt.Errorf("app: keep: %w", err)
	}
	return nil
}

func (a *App) keep(ctx context.Context, id school.AccountID, k school.Keeping) error {
	acct, err := a.cfg.DB.Account(ctx, id)
	if err != nil {
		return err
	}
	p, _ := a.platform(acct.Platform)
	if k != (school.Keeping{}) && len(p.Logins) == 0 {
		return fmt.Errorf("%s has no sign-in: %w", acct.Platform, fs.ErrInvalid)
	}
	if k.Ping == 0 {
		k.MaxAge = 0
	} else {
		if !a.pings(ctx, id) {
			return fmt.Errorf("%s has nothing to ping: %w", acct.Platform, fs.ErrInvalid)
		}
		if k.MaxAge == 0 {
			k.MaxAge = school.UsualMaxAge
		}
	}
	if err := k.Check(); err != nil {
		return fmt.Errorf("%w: %w", err, fs.ErrInvalid)
	}
	if err := a.cfg.DB.PutKeeping(ctx, id, k); err != nil {
		return err
	}
	a.views.Invalidate() // calendars tell of a planned sign-in
	return nil
}

// pings reports whether an account's sessions can be kept by pings.
func (a *App) pings(ctx context.Context, id school.AccountID) bool {
	src, err := a.source(ctx, id)
	if err != nil {
		return false
	}
	_, ok := src.(source.Pinger)
	return ok
}

// keepingView is what was chosen about an account's session, and whether a
// planned sign-in is due.
func (a *App) keepingView(ctx context.Context, acct school.Account, signedIn time.Time) (web.KeepingView, error) {
	k, err := a.cfg.DB.Keeping(ctx, acct.ID)
	if err != nil {
		return web.KeepingView{}, err
	}
	now := a.cfg.Now()
	v := web.KeepingView{Keeping: k, Pings: a.pings(ctx, acct.ID), Next: k.Renewal.Next(now, a.loc)}
	if acct.State == school.Active {
		v.Asked, _ = k.Renewal.Asks(now, signedIn, a.loc)
	}
	return v, nil
}

// accountSet changes what holds for an account; what is not named stays.
func (c command) accountSet(ctx context.Context, args []string) error {
	given := map[string]string{}
	words, err := flags("account set", args, func(f *flag.FlagSet) {
		for _, name := range []string{"ping", "max-age", "sign-in"} {
			f.Func(name, "", func(s string) error {
				given[name] = strings.TrimSpace(s)
				return nil
			})
		}
	})
	if err != nil {
		return err
	}
	if len(words) == 0 || len(words) == 1 && len(given) == 0 {
		return usageError("account set: name one account and what to set: SETTING=VALUE, -ping, -max-age, -sign-in")
	}
	settings, err := pairs("account set", words[1:])
	if err != nil {
		return err
	}
	id := school.AccountID(words[0])
	if _, err := c.cfg.DB.Account(ctx, id); err != nil {
		return c.explain(err, "account")
	}
	k, err := c.cfg.DB.Keeping(ctx, id)
	if err != nil {
		return err
	}
	if err := change(&k, given); err != nil {
		return err
	}
	if err := c.Configure(ctx, id, settings); err != nil {
		return c.explain(err, "account")
	}
	if err := c.Keep(ctx, id, k); err != nil {
		return c.explain(err, "account")
	}
	if k, err = c.cfg.DB.Keeping(ctx, id); err != nil {
		return err
	}
	acct, err := c.cfg.DB.Account(ctx, id)
	if err != nil {
		return err
	}
	c.print("%s: %s", id, keepingLine(k))
	p, _ := c.platform(acct.Platform)
	for _, name := range web.Choices(p) {
		if v := acct.Settings[name]; v != "" {
			c.print(", %s %s", name, v)
		}
	}
	c.print("\n")
	return nil
}

// off is the word for what is not wanted.
const off = "off"

func change(k *school.Keeping, given map[string]string) error {
	lasting := func(name string, to *time.Duration) error {
		s, ok := given[name]
		switch {
		case !ok:
			return nil
		case s == off && name == "ping":
			*to = 0
			return nil
		}
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return usageError("account set: -%s is a length of time like 30m or 72h", name)
		}
		*to = d
		return nil
	}
	if err := errors.Join(lasting("ping", &k.Ping), lasting("max-age", &k.MaxAge)); err != nil {
		return err
	}
	if _, ok := given["max-age"]; ok && k.Ping == 0 {
		return usageError("account set: -max-age says how long pings go on; say -ping too")
	}
	s, ok := given["sign-in"]
	if !ok {
		return nil
	}
	switch s {
	case off:
		s = ""
	case "":
		return usageError("account set: %v", school.ErrRenewal)
	}
	r, err := school.ParseRenewal(s)
	if err != nil {
		return usageError("account set: %v", err)
	}
	k.Renewal = r
	return nil
}

// keepingLine says what was chosen, for a terminal.
func keepingLine(k school.Keeping) string {
	ping, plan := off, off
	if k.Ping != 0 {
		ping = fmt.Sprintf("%s for %s after a sign-in", k.Ping, k.MaxAge)
	}
	if k.Renewal.Set {
		plan = k.Renewal.String()
	}
	return "ping " + ping + ", planned sign-in " + plan
}

// keepingJSON is what scripts are told of it; absent where nothing was chosen.
type keepingJSON struct {
	Ping   int    `json:"ping_seconds"` // 0: never
	MaxAge int    `json:"max_age_seconds"`
	SignIn string `json:"planned_sign_in,omitempty"` // "sunday 19:30"
	Next   string `json:"next_planned_sign_in,omitempty"`
	Asked  string `json:"asks_to_sign_in_since,omitempty"` // it is time, though the session lives
}

func jsonKeeping(v web.KeepingView) *keepingJSON {
	if v.Keeping == (school.Keeping{}) {
		return nil
	}
	return &keepingJSON{
		Ping: int(v.Ping.Seconds()), MaxAge: int(v.MaxAge.Seconds()), SignIn: v.Renewal.String(), Next: jsonTime(v.Next), Asked: jsonTime(v.Asked),
	}
}
