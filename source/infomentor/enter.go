package infomentor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

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
)

// walk sends a request and follows redirects, with the Referer of a browser:
// the platform was seen to turn down a login that came without.
func (d *dialogue) walk(ctx context.Context, r fetch.Request) (*fetch.Response, error) {
	from := ""
	for range maxHops {
		resp, err := d.send(ctx, r)
		switch {
		case errors.Is(err, fetch.ErrNotAllowed) && from == ssoHost:
			return nil, errElsewhere
		case errors.Is(err, fetch.ErrNotAllowed):
			return nil, notUnderstood("login leads elsewhere")
		case err != nil:
			return nil, err
		}
		from = resp.URL.Hostname()
		to := resp.Header.Get("Location")
		if resp.Status < http.StatusMultipleChoices || resp.Status >= http.StatusBadRequest || to == "" {
			return resp, nil
		}
		next, err := resp.URL.Parse(to)
		if err != nil {
			return nil, notUnderstood("redirect is malformed")
		}
		r = fetch.Request{URL: next.String(), Header: http.Header{"Referer": {"https://" + resp.URL.Host + "/"}}}
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
	if errors.Is(err, errSilent) {
		err = fmt.Errorf("%w: %w", errDown, err) // all ways lead over these hosts
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

// viaPassword signs in with the password that the guardian let us keep. One
// that was turned down, or may have been, is not sent again: that it was tried
// is taken back only by an answer that says nothing of it.
func (d *dialogue) viaPassword(ctx context.Context) (wireHome, error) {
	p := d.state.Password
	if p == nil || p.Tried {
		return wireHome{}, errNoWay
	}
	resp, err := d.password(ctx, p.User, p.Password, func() error {
		d.state.Password = &password{User: p.User, Password: p.Password, Tried: true}
		return d.save(ctx)
	})
	switch {
	case errors.Is(err, errRejected):
		d.state.Password = nil
		return wireHome{}, errors.Join(source.ErrSessionExpired, d.save(ctx))
	case errors.Is(err, errSilent), errors.Is(err, errNotSaved):
		return wireHome{}, err // it may have arrived
	}
	d.state.Password = p
	if serr := d.save(ctx); serr != nil || err != nil {
		return wireHome{}, errors.Join(err, serr)
	}
	return d.accepted(ctx, resp)
}

// accepted goes on from the answer to a password. That this is where one signs
// in says nothing of the password: it was not turned down.
func (d *dialogue) accepted(ctx context.Context, resp *fetch.Response) (wireHome, error) {
	h, err := d.arrive(ctx, resp)
	if errors.Is(err, source.ErrSessionExpired) {
		return wireHome{}, notUnderstood("password leads back to the sign-in")
	}
	return h, err
}

// errRejected: user name or password is wrong.
var errRejected = errors.New("user name or password was turned down")

// password sends user name and password and returns what came of it, see
// [dialogue.accepted]; before is called once, right before they are sent.
func (d *dialogue) password(ctx context.Context, user, pass string, before func() error) (*fetch.Response, error) {
	d.http.Jar().Clear() // half a session makes the platform skip pages
	resp, err := d.walk(ctx, fetch.Request{URL: hub + "/"})
	if err == nil {
		resp, err = d.relay(ctx, resp)
	}
	if err != nil {
		return nil, err
	}
	f, ok := loginForm(resp)
	if !ok {
		return nil, notUnderstood("login form is missing")
	}
	req, err := f.set(nameInput, user).set(keyInput, pass).set("login_ascx$btnLogin", "Logga in").
		set("__EVENTTARGET", "").set("__EVENTARGUMENT", "").request(resp.URL)
	if err != nil {
		return nil, err
	}
	if err := before(); err != nil {
		return nil, err
	}
	if resp, err = d.walk(ctx, req); err != nil {
		return nil, err
	}
	if _, again := loginForm(resp); again {
		return nil, errRejected
	}
	return resp, nil
}

// Refresh implements [source.Refresher]: four ways in, each tried once, none
// of which asks a person. A person is needed when each says clearly that it is
// closed. Trouble on one way leaves the others open, unless it concerns them
// all, and says nothing about what the session holds.
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
	var unclear []error
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
			return d.topUp(ctx)
		case closed(err):
		case ends(err):
			return errors.Join(append(unclear, err)...)
		default:
			unclear = append(unclear, err)
		}
	}
	if len(unclear) > 0 {
		return errors.Join(unclear...)
	}
	return source.ErrSessionExpired
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
