// Package skolplattformen reads Stockholm's Skolplattformen, the parents'
// e-service at etjanster.stockholm.se: the school's calendar, the child's
// bookings, letters, notices and menus. Guardians sign in through the city
// (package stockholm).
//
// What is known about the dialogue, how well and since when, is in
// PROTOCOL.md. Its peculiarity is that in families with a preschool child the
// server answers for one selected child whatever child it is asked about; the
// package selects each child, checks as far as the wire allows that the
// answers are about it, and throws away what it cannot vouch for.
//
// It keeps nothing between calls but what is in the session (cookies), starts
// no goroutine, asks for one thing at a time and writes nothing at the school.
package skolplattformen

import (
	"context"
	"errors"
	"fmt"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/internal/stockholm"
	"syncd/source/school"
)

// ID is the platform's name in the program.
const ID school.PlatformID = "skolplattformen"

const (
	host    = "etjanster.stockholm.se"
	base    = "/vardnadshavare/inloggad2"
	origin  = "https://" + host
	landing = origin + base + "/hem"
	userURL = origin + "/vardnadshavare/base/getuserdata"

	// agent is honest: nothing is known to be refused for it.
	agent = "syncd (a family's own calendar; reads only)"
	// budget is requests per account and day. A read of three children takes
	// about thirty, the first one more.
	budget = 600
	// maxBody has room for years of bookings, half a kilobyte each.
	maxBody = 32 << 20
)

// Paths below base.
const (
	pathChildren   = "/GetChildren"
	pathSelect     = "/SelectChild"
	pathCalendar   = "/Calender/GetSchoolCalender" // sic
	pathSchedule   = "/Calender/GetSchema"
	pathArchive    = "/News/GetNewsArchive"
	pathArticle    = "/News/GetNewsArticle"
	pathBanner     = "/NewsBanner"
	pathNotices    = "/notifications/getnotifications"
	pathMenuChoice = "/Matsedel/GetMatsedelChoice"
	pathMenuRSS    = "/Matsedel/GetMatsedelRSS"
	pathMenuList   = "/Matsedel/GetMatsedelList"
)

// Platform describes Skolplattformen to the rest of the program.
func Platform() source.Platform {
	return source.Platform{
		ID:     ID,
		Name:   "Skolplattformen",
		Logins: stockholm.Methods(),
		Parts:  parts(),
		Hosts:  []string{host, "login001.stockholm.se", "login003.stockholm.se"},
		Budget: budget,
		New:    New,
	}
}

// parts are read for each child, in this order.
func parts() []school.Part {
	return []school.Part{
		school.PartCalendar, school.PartSchedule, school.PartNews, school.PartNotices, school.PartMenu,
	}
}

// rules are all requests that are ever made at the platform itself.
func rules() []fetch.Rule {
	list := []fetch.Rule{
		{Method: "GET", Host: host, Path: base + "/hem"},
		{Method: "GET", Host: host, Path: "/vardnadshavare/base/getuserdata"},
		{Method: "POST", Host: host, Path: base + pathSelect},
	}
	for _, p := range []string{
		pathChildren, pathCalendar, pathSchedule, pathArchive, pathArticle, pathBanner, pathNotices,
		pathMenuChoice, pathMenuRSS, pathMenuList,
	} {
		list = append(list, fetch.Rule{Method: "GET", Host: host, Path: base + p})
	}
	return list
}

// adapter implements source.Source, source.Authenticator and
// source.Refresher. It holds nothing of any account.
type adapter struct {
	cfg source.Config
}

var (
	_ source.Authenticator = (*adapter)(nil)
	_ source.Refresher     = (*adapter)(nil)
)

// New returns a source. Now and Log of the configuration are required;
// Settings are not used.
func New(cfg source.Config) (source.Source, error) {
	if cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("skolplattformen: new: Now and Log are required")
	}
	return &adapter{cfg: cfg}, nil
}

// Begin implements [source.Authenticator].
//
//nolint:ireturn // the contract's interface
func (a *adapter) Begin(ctx context.Context, method source.MethodID, in source.Answers) (source.Login, error) {
	c, err := a.wide()
	if err != nil {
		return nil, fmt.Errorf("skolplattformen: begin: %w", err)
	}
	l, err := stockholm.Begin(ctx, c, a.cfg, a.target(), method, in)
	if err != nil {
		return nil, fmt.Errorf("skolplattformen: begin: %w", err)
	}
	return l, nil
}

// Refresh implements [source.Refresher]: while the city's sign-in remembers
// the person, the platform opens a new session without a word.
func (a *adapter) Refresh(ctx context.Context, s *source.Session) error {
	if err := a.refresh(ctx, s); err != nil {
		return fmt.Errorf("skolplattformen: refresh: %w", err)
	}
	return nil
}

func (a *adapter) refresh(ctx context.Context, s *source.Session) error {
	c, err := a.wide()
	if err != nil {
		return err
	}
	if err := decodeState(s.State(), c.Jar()); err != nil {
		return err
	}
	if _, err := stockholm.Reenter(ctx, c, a.target()); err != nil {
		return err
	}
	d := &dialogue{http: c, session: s}
	if err := d.save(ctx); err != nil {
		return err
	}
	_, err = d.user(ctx)
	return err
}

// wide returns a client that may also talk to the city's sign-in.
func (a *adapter) wide() (*fetch.Client, error) {
	return fetch.New(a.cfg, fetch.Options{Allow: append(rules(), stockholm.Rules()...), MaxBody: maxBody, UserAgent: agent})
}

func (a *adapter) target() stockholm.Target {
	return stockholm.Target{Landing: landing, Finish: finish}
}

// finish makes the session state once the sign-in has landed. A person whom
// the platform does not greet as signed in has no access there.
func finish(ctx context.Context, c *fetch.Client, _ *fetch.Response) ([]byte, error) {
	s := source.NewSession(nil, nil)
	d := &dialogue{http: c, session: s}
	if err := d.home(ctx); err != nil {
		return nil, err
	}
	if _, err := d.user(ctx); errors.Is(err, source.ErrSessionExpired) {
		return nil, fmt.Errorf("signed in at the city but not here: %w", source.ErrRefused)
	} else if err != nil {
		return nil, err
	}
	return s.State(), nil
}
