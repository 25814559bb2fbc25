// Package stockholm signs a guardian in at the City of Stockholm's identity
// provider, which several school platforms share: BankID by QR or on the same
// device, Freja by a push or on the same device. It ends at a [Target]: the
// city's own e-service, or a foreign system that hands over by SAML.
//
// What is known about the dialogue, how well and since when, is in
// PROTOCOL.md. The package starts no goroutine, keeps its cookies in the
// client's jar only, and decides nothing about who may sign in: whether the
// right person did is for the caller to find out from the target.
package stockholm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
)

const (
	loginHost = "login001.stockholm.se" // method chooser, SAML, start pages
	pageHost  = "login003.stockholm.se" // BankID and Freja pages
)

// FieldPersonalNumber is the field that Freja by push asks for: twelve
// digits, or ten with or without a mark before the last four.
const FieldPersonalNumber = "personal-number"

// Target is where a sign-in ends.
type Target struct {
	// Entry is the address at which a foreign system begins its SAML round
	// trip. Empty for the city's own e-service.
	Entry string
	// Landing is where the city's own e-service takes the person after the
	// sign-in. Empty when Entry is set.
	Landing string
	// Through, if set, reports that a page is the target's own although it
	// would submit itself and go on: the sign-in ends there and Finish does
	// the rest. It is asked about pages outside the city's hosts only.
	Through func(*fetch.Response) bool
	// Finish collects the target's own session after the last page, landed,
	// and returns the adapter's session state. [source.ErrRefused] from it
	// means that this person has no access there.
	Finish func(ctx context.Context, c *fetch.Client, landed *fetch.Response) ([]byte, error)
}

// Rules returns what the city's own hosts need; the adapter's client allows
// them beside the target's.
func Rules() []fetch.Rule {
	return []fetch.Rule{
		{Method: "GET", Host: pageHost, Path: bankID().path},
		{Method: "GET", Host: pageHost, Path: bankID().collectPath()},
		{Method: "GET", Host: pageHost, Path: freja().path},
		{Method: "POST", Host: pageHost, Path: freja().path},
		{Method: "GET", Host: pageHost, Path: freja().collectPath()},
		{Method: "GET", Host: loginHost, Path: "/affwebservices/*"},
		{Method: "POST", Host: loginHost, Path: "/affwebservices/*"},
		{Method: "GET", Host: loginHost, Path: "/siteminderagent/*"},
		{Method: "POST", Host: loginHost, Path: "/siteminderagent/forms/*"},
		{Method: "GET", Host: loginHost, Path: "/NECSadc/*"},
		// The way between the two hosts was not the same over the years;
		// their pages may be looked at, whatever they are called.
		{Method: "GET", Host: loginHost, Path: "/*"},
		{Method: "GET", Host: pageHost, Path: "/*"},
	}
}

// Methods returns the ways to sign in that the city offers.
func Methods() []source.Method {
	return []source.Method{
		{ID: source.BankIDQR},
		{ID: source.BankIDApp},
		{ID: source.Freja, Fields: []source.Field{{ID: FieldPersonalNumber, Secret: true}}},
		{ID: source.FrejaApp},
	}
}

// Begin starts a sign-in and returns once there is something to show: a QR
// frame, a link, or a push on its way. It empties the client's jar first, for
// old cookies change what the city answers. From then on the client belongs
// to the login until its end.
//
// A method that the city does not have, or a personal number that cannot be
// one, is [source.ErrAnswer]; nothing is sent then. Of cfg it uses the clock
// and the log.
//
//nolint:ireturn // hands on the contract's interface, so that adapters can return it as it is
func Begin(
	ctx context.Context, c *fetch.Client, cfg source.Config, t Target, method source.MethodID, in source.Answers,
) (source.Login, error) {
	if cfg.Now == nil || cfg.Log == nil || (t.Entry == "") == (t.Landing == "") || t.Finish == nil {
		return nil, errors.New("stockholm: begin: incomplete configuration")
	}
	l := &login{
		flow:   flow{client: c, target: t, now: cfg.Now, log: cfg.Log},
		method: method,
		began:  cfg.Now(),
	}
	if err := l.prepare(in); err != nil {
		return nil, fmt.Errorf("stockholm: begin: %w", err)
	}
	if err := l.start(ctx); err != nil {
		return nil, fmt.Errorf("stockholm: begin: %w", err)
	}
	return l, nil
}

// prepare judges the method and the answers.
func (l *login) prepare(in source.Answers) error {
	known := slices.ContainsFunc(Methods(), func(m source.Method) bool { return m.ID == l.method })
	if !known {
		return fmt.Errorf("%w: method", source.ErrAnswer)
	}
	l.family = bankID()
	if l.method == source.Freja || l.method == source.FrejaApp {
		l.family = freja()
	}
	if l.method == source.Freja {
		number, err := personalNumber(in[FieldPersonalNumber], l.now())
		if err != nil {
			return err
		}
		l.number = number
	}
	l.back = returnAddress(in[source.AnswerReturn])
	return nil
}

// Reenter signs in again without a person, for as long as the identity
// provider remembers the last sign-in (its cookie SMSESSION in the client's
// jar). It returns the target's page on which it ended, from which the
// adapter goes on as its Finish would. It answers [source.ErrSessionExpired]
// when the city wants to see a person. Run one at a time per jar.
func Reenter(ctx context.Context, c *fetch.Client, t Target) (*fetch.Response, error) {
	fl := flow{client: c, target: t}
	resp, err := fl.reenter(ctx)
	if err != nil {
		return nil, fmt.Errorf("stockholm: re-enter: %w", err)
	}
	return resp, nil
}

// flow is the way of one sign-in through the hosts.
type flow struct {
	client *fetch.Client
	target Target
	now    func() time.Time
	log    *slog.Logger
}

// through reports whether a page is the target's own.
func (fl *flow) through(resp *fetch.Response) bool {
	return fl.target.Through != nil && !atLogin(resp.URL) && fl.target.Through(resp)
}

func (fl *flow) get(ctx context.Context, addr string) (*fetch.Response, error) {
	return fl.client.Do(ctx, fetch.Request{URL: addr, Follow: true})
}
