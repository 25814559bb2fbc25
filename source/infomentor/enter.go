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

// errNoWay: this way into the platform is not there, or is closed.
var errNoWay = errors.New("no way in")

// walk sends a request and follows redirects, with the Referer of a browser:
// the platform was seen to turn down a login that came without.
func (d *dialogue) walk(ctx context.Context, r fetch.Request) (*fetch.Response, error) {
	for range maxHops {
		resp, err := d.send(ctx, r)
		if err != nil {
			return nil, err
		}
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
	return d.readHome(resp)
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
	if err != nil {
		return wireHome{}, err
	}
	return d.arrive(ctx, resp)
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
// that was turned down, or may have been, is not sent again.
func (d *dialogue) viaPassword(ctx context.Context) (wireHome, error) {
	p := d.state.Password
	if p == nil || p.Tried {
		return wireHome{}, errNoWay
	}
	h, err := d.password(ctx, p.User, p.Password, func() error {
		d.state.Password = &password{User: p.User, Password: p.Password, Tried: true}
		return d.save(ctx)
	})
	if errors.Is(err, errRejected) {
		d.state.Password = nil
		return wireHome{}, errors.Join(source.ErrSessionExpired, d.save(ctx))
	}
	if d.state.Password != nil {
		d.state.Password = p
	}
	return h, errors.Join(err, d.save(ctx))
}

// errRejected: user name or password is wrong.
var errRejected = errors.New("user name or password was turned down")

// password signs in with user name and password; before is called once, right
// before they are sent.
func (d *dialogue) password(ctx context.Context, user, pass string, before func() error) (wireHome, error) {
	d.http.Jar().Clear() // half a session makes the platform skip pages
	resp, err := d.walk(ctx, fetch.Request{URL: hub + "/"})
	if err == nil {
		resp, err = d.relay(ctx, resp)
	}
	if err != nil {
		return wireHome{}, err
	}
	f, ok := loginForm(resp)
	if !ok {
		return wireHome{}, notUnderstood("login form is missing")
	}
	req, err := f.set(nameInput, user).set(keyInput, pass).set("login_ascx$btnLogin", "Logga in").
		set("__EVENTTARGET", "").set("__EVENTARGUMENT", "").request(resp.URL)
	if err != nil {
		return wireHome{}, err
	}
	if err := before(); err != nil {
		return wireHome{}, err
	}
	if resp, err = d.walk(ctx, req); err != nil {
		return wireHome{}, err
	}
	if _, again := loginForm(resp); again {
		return wireHome{}, errRejected
	}
	return d.arrive(ctx, resp)
}

// Refresh implements [source.Refresher]: four ways in, each tried once, none
// of which asks a person.
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
		case errors.Is(err, errNotSaved):
			return err
		case errors.Is(err, errNoWay), errors.Is(err, source.ErrSessionExpired), errors.Is(err, source.ErrNotUnderstood):
		default:
			return err
		}
	}
	return source.ErrSessionExpired
}
