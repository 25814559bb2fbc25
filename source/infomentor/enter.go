package infomentor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/internal/htmlform"
	"syncd/source/internal/stockholm"
)

const (
	maxHops   = 12 // redirects from one request on
	maxRelays = 6  // hand-overs between the platform's hosts
)

var (
	// errNoWay: this way into the platform is not there, or is closed.
	errNoWay = errors.New("no way in")
	// errElsewhere: the platform hands over to a municipality's own sign-in.
	errElsewhere = notUnderstood("login leads to another sign-in")
	// errAway: the older system leads away from the platform, to such a sign-in
	// if nothing else was asked of it.
	errAway = notUnderstood("older system leads elsewhere")
)

// walk sends a request and follows redirects, with the Referer of a browser:
// the platform was seen to turn down a login that came without.
func (d *dialogue) walk(ctx context.Context, r fetch.Request) (*fetch.Response, error) {
	resp, err := d.send(ctx, r)
	if errors.Is(err, fetch.ErrNotAllowed) {
		return nil, notUnderstood("login leads elsewhere")
	}
	if err != nil {
		return nil, err
	}
	return d.follow(ctx, resp)
}

// follow follows redirects from an answer on.
func (d *dialogue) follow(ctx context.Context, resp *fetch.Response) (*fetch.Response, error) {
	for range maxHops {
		to := resp.Header.Get("Location")
		if resp.Status < http.StatusMultipleChoices || resp.Status >= http.StatusBadRequest || to == "" {
			return resp, nil
		}
		next, err := resp.URL.Parse(to)
		if err != nil {
			return nil, notUnderstood("redirect is malformed")
		}
		from := resp.URL.Hostname()
		resp, err = d.send(ctx, fetch.Request{URL: next.String(), Header: http.Header{"Referer": {"https://" + resp.URL.Host + "/"}}})
		switch {
		case errors.Is(err, fetch.ErrNotAllowed) && from == ssoHost:
			return nil, errElsewhere
		case errors.Is(err, fetch.ErrNotAllowed) && from == loginHost && next.Hostname() != loginHost && next.Hostname() != hubHost:
			return nil, errAway
		case errors.Is(err, fetch.ErrNotAllowed):
			return nil, notUnderstood("login leads elsewhere")
		case err != nil:
			return nil, err
		}
	}
	return nil, notUnderstood("redirects do not end")
}

// relay hands a login on from host to host for as long as a page asks for it,
// and returns where that ends.
func (d *dialogue) relay(ctx context.Context, resp *fetch.Response) (*fetch.Response, error) {
	for range maxRelays {
		f, ok := relayForm(resp)
		if !ok {
			return resp, nil
		}
		req, err := f.request(resp.URL)
		if err != nil {
			return nil, err
		}
		if resp, err = d.walk(ctx, req); err != nil {
			return nil, err
		}
	}
	return nil, notUnderstood("login does not come to an end")
}

// arrive goes on from a page to the Hub's home page.
func (d *dialogue) arrive(ctx context.Context, resp *fetch.Response) (wireHome, error) {
	resp, err := d.relay(ctx, resp)
	if err != nil {
		return wireHome{}, err
	}
	if f, ok := readPageAt(resp, noPIN); ok {
		if resp, err = d.declinePIN(ctx, f, resp); err != nil {
			return wireHome{}, err
		}
	}
	if stays(resp) {
		if resp, err = d.walk(ctx, fetch.Request{URL: handOver, Header: http.Header{"Referer": {"https://" + loginHost + "/"}}}); err != nil {
			return wireHome{}, err
		}
		if resp, err = d.relay(ctx, resp); err != nil {
			return wireHome{}, err
		}
	}
	return d.readHome(resp)
}

// stays reports whether a login came to an end in the older system, which does
// not always hand it over by itself.
func stays(resp *fetch.Response) bool {
	return resp.Status == http.StatusOK && resp.URL.Hostname() == loginHost && judgePage(resp) == strange
}

// readPageAt returns the form of a page that has an element with an id.
func readPageAt(resp *fetch.Response, id string) (form, bool) {
	if resp.URL.Hostname() != loginHost || !strings.Contains(string(resp.Body), id) {
		return form{}, false
	}
	p := readPage(resp.Body)
	if _, ok := p.ids[id]; !ok || len(p.forms) == 0 {
		return form{}, false
	}
	return p.forms[0], true
}

// declinePIN says no to the offer of a PIN and goes on.
func (d *dialogue) declinePIN(ctx context.Context, f form, resp *fetch.Response) (*fetch.Response, error) {
	hidden := form{htmlform.Form{Method: f.Method, Action: f.Action}}
	for _, in := range f.Fields {
		if strings.HasPrefix(in.Name, "__") {
			hidden.Fields = append(hidden.Fields, in)
		}
	}
	req, err := hidden.set("__EVENTTARGET", noPIN).set("__EVENTARGUMENT", "").request(resp.URL)
	if err != nil {
		return nil, err
	}
	if resp, err = d.walk(ctx, req); err != nil {
		return nil, err
	}
	return d.relay(ctx, resp)
}

// viaHub asks the Hub for a new session: as long as the older system
// remembers the login, it gives one without a word.
func (d *dialogue) viaHub(ctx context.Context) (wireHome, error) {
	resp, err := d.walk(ctx, fetch.Request{URL: hub + "/"})
	var h wireHome
	if err == nil {
		h, err = d.arrive(ctx, resp)
	}
	switch {
	case errors.Is(err, errSilent):
		err = fmt.Errorf("%w: %w", errDown, err) // all ways lead over these hosts
	case errors.Is(err, errAway):
		err = errElsewhere // where the person signed in last
	}
	return h, err
}

// viaCity comes back by the city's sign-in, as long as that remembers the
// person.
func (d *dialogue) viaCity(ctx context.Context) (wireHome, error) {
	resp, err := stockholm.Reenter(ctx, d.http, target(nil))
	if serr := d.save(ctx); serr != nil {
		return wireHome{}, errors.Join(err, serr)
	}
	if err != nil {
		return wireHome{}, err
	}
	return d.arrive(ctx, resp)
}

// target is the sign-in by the city: it ends where the platform's own hosts
// begin to hand the login on.
func target(finish func(context.Context, *fetch.Client, *fetch.Response) ([]byte, error)) stockholm.Target {
	return stockholm.Target{
		Entry:   cityEntry,
		Through: func(resp *fetch.Response) bool { _, ok := relayForm(resp); return ok },
		Finish:  finish,
	}
}

// maxSent is how often a password is sent that does not lead to the home page.
// Nobody knows after how many wrong ones the platform locks somebody out.
const maxSent = 2

// errRejected: user name or password is wrong.
var errRejected = errors.New("user name or password was turned down")

// viaPassword signs in with the password that the guardian let us keep. One
// that was turned down, or may have been because nothing came back, is not sent
// again; one whose answer says nothing of it is sent once more. What the network
// swallows after the platform led on from the form is not the password's fault.
func (d *dialogue) viaPassword(ctx context.Context) (wireHome, error) {
	p := d.state.Password
	if p == nil {
		return wireHome{}, errNoWay
	}
	if p.Sent >= maxSent {
		d.state.Password = nil
		return wireHome{}, errors.Join(errNoWay, d.save(ctx))
	}
	count := func(n int) error {
		d.state.Password = &password{User: p.User, Password: p.Password, Sent: n}
		return d.save(ctx)
	}
	at := unsent
	h, err := d.byPassword(ctx, p.User, p.Password, func(now fate) error {
		if at = now; at == underway {
			return count(maxSent) // until something comes back
		}
		return count(p.Sent + 1)
	})
	switch {
	case err == nil:
		return h, count(0)
	case errors.Is(err, errNotSaved), at == unsent:
		return wireHome{}, err
	case errors.Is(err, source.ErrBudget), errors.Is(err, errSilent) && at == ledOn:
		return wireHome{}, errors.Join(err, count(p.Sent))
	case errors.Is(err, errRejected), at != underway && p.Sent+1 >= maxSent:
		d.state.Password = nil
		return wireHome{}, errors.Join(source.ErrSessionExpired, d.save(ctx))
	}
	return wireHome{}, err
}

// fate is how far a password came.
type fate int

const (
	unsent   fate = iota
	underway      // sent, or about to be
	answered      // something came back
	ledOn         // what came back leads on from the form
)

// byPassword sends user name and password and goes on to the home page. note is
// called right before they are sent, and again as soon as an answer is there.
// That it leads to the sign-in means that they were turned down.
func (d *dialogue) byPassword(ctx context.Context, user, pass string, note func(fate) error) (wireHome, error) {
	req, err := d.passwordForm(ctx, user, pass)
	if err != nil {
		return wireHome{}, err
	}
	if err := note(underway); err != nil {
		return wireHome{}, err
	}
	resp, err := d.send(ctx, req)
	if !errors.Is(err, errSilent) {
		if nerr := note(fateOf(resp)); nerr != nil {
			return wireHome{}, errors.Join(err, nerr)
		}
	}
	if err == nil {
		resp, err = d.follow(ctx, resp)
	}
	if err != nil {
		return wireHome{}, err
	}
	h, err := d.arrive(ctx, resp)
	if errors.Is(err, source.ErrSessionExpired) {
		return wireHome{}, errRejected
	}
	return h, err
}

// fateOf tells what an answer to a password is; nil is one that says nothing.
func fateOf(resp *fetch.Response) fate {
	if resp == nil {
		return answered
	}
	if _, ok := relayForm(resp); ok || resp.Status >= http.StatusMultipleChoices && resp.Status < http.StatusBadRequest {
		return ledOn
	}
	return answered
}

// passwordForm asks for the form for passwords and fills it in.
func (d *dialogue) passwordForm(ctx context.Context, user, pass string) (fetch.Request, error) {
	d.http.Jar().Clear() // half a session makes the platform skip pages
	resp, err := d.walk(ctx, fetch.Request{URL: hub + "/"})
	if err == nil {
		resp, err = d.relay(ctx, resp)
	}
	if err != nil {
		return fetch.Request{}, err
	}
	f, ok := loginForm(resp)
	if !ok {
		return fetch.Request{}, notUnderstood("login form is missing")
	}
	return f.set(nameInput, user).set(keyInput, pass).set("login_ascx$btnLogin", "Logga in").
		set("__EVENTTARGET", "").set("__EVENTARGUMENT", "").request(resp.URL)
}

// Refresh implements [source.Refresher]: four ways in, each tried once, none
// of which asks a person. A person is needed when each says clearly that it is
// closed, or when nothing was understood for days. Trouble on one way leaves the
// others open, unless it concerns them all, and says nothing about what the
// session holds.
func (a *adapter) Refresh(ctx context.Context, s *source.Session) error {
	if err := a.refresh(ctx, s); err != nil {
		return fmt.Errorf("infomentor: refresh: %w", err)
	}
	return nil
}

func (a *adapter) refresh(ctx context.Context, s *source.Session) error {
	d, err := a.wide(s)
	if err != nil {
		return err
	}
	if err := d.unpair(ctx); err != nil {
		return err
	}
	var open []error
	for _, way := range []struct {
		try  func(context.Context) (wireHome, error)
		rung source.Rung
	}{{d.viaHub, source.RungReentry}, {d.viaCity, source.RungReentry}, {d.viaDevice, source.RungPairing}, {d.viaPassword, source.RungReentry}} {
		h, err := way.try(ctx)
		switch {
		case err == nil && h.Account.User.ID != d.state.Owner:
			return source.ErrWrongPerson
		case err == nil:
			s.Renewed(way.rung)
			d.state.Unclear = unclear{}
			return errors.Join(d.topUp(ctx), d.save(ctx))
		case closed(err):
		case ends(err):
			return errors.Join(append(open, err)...)
		default:
			open = append(open, err)
		}
	}
	if err := errors.Join(open...); err != nil {
		return d.countUnclear(ctx, err)
	}
	return source.ErrSessionExpired
}

// When renewals that are not understood say that a person is needed: there may
// be a new way in, which only people find.
const (
	unclearFor   = 3 * 24 * time.Hour
	unclearTimes = 5 // for a program that seldom runs
)

// countUnclear counts a renewal that was not understood, and says what it comes
// to.
func (d *dialogue) countUnclear(ctx context.Context, err error) error {
	if !errors.Is(err, source.ErrNotUnderstood) {
		return err // it passes
	}
	now, u := d.a.cfg.Now(), d.state.Unclear
	if u.Times == 0 || now.Before(u.Since) {
		u = unclear{Since: now.UTC().Truncate(time.Second)}
	}
	u.Times++
	if u.Times >= unclearTimes && now.Sub(u.Since) >= unclearFor {
		return fmt.Errorf("not understood for days: %w: %w", err, source.ErrSessionExpired)
	}
	d.state.Unclear = u
	return errors.Join(err, d.save(ctx))
}

// closed reports whether a way in is clearly not open.
func closed(err error) bool {
	for _, e := range []error{errNoWay, errElsewhere, source.ErrSessionExpired} {
		if errors.Is(err, e) {
			return !errors.Is(err, errNotSaved)
		}
	}
	return false
}
