package infomentor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/internal/stockholm"
)

// Begin implements [source.Authenticator].
//
//nolint:ireturn // the contract's interface
func (a *adapter) Begin(ctx context.Context, method source.MethodID, in source.Answers) (source.Login, error) {
	l, err := a.begin(ctx, method, in)
	if err != nil {
		return nil, fmt.Errorf("infomentor: begin: %w", err)
	}
	return l, nil
}

//nolint:ireturn // the contract's interface
func (a *adapter) begin(ctx context.Context, method source.MethodID, in source.Answers) (source.Login, error) {
	switch method {
	case source.Password:
		return a.beginPassword(ctx, in)
	case source.Cookies:
		return a.beginImport(ctx, in)
	case source.BankIDQR, source.BankIDApp, source.Freja, source.FrejaApp:
	}
	d, err := a.wide(nil)
	if err != nil {
		return nil, err
	}
	return stockholm.Begin(ctx, d.http, a.cfg, target(a.finishCity), method, in)
}

// finishCity makes the session state once the city's sign-in has reached the
// platform. Who is not led on from there has no access.
func (a *adapter) finishCity(ctx context.Context, c *fetch.Client, landed *fetch.Response) ([]byte, error) {
	d := &dialogue{a: a, http: c, session: source.NewSession(nil, nil), state: newState()}
	_, relayed := relayForm(landed)
	if !relayed && landed.URL.Hostname() != hubHost && !stays(landed) {
		return nil, fmt.Errorf("signed in at the city but not here: %w", source.ErrRefused)
	}
	h, err := d.arrive(ctx, landed)
	if err != nil {
		return nil, err
	}
	return d.finish(ctx, h)
}

// finish makes the state of a new session.
func (d *dialogue) finish(ctx context.Context, h wireHome) ([]byte, error) {
	d.state.Owner = h.Account.User.ID
	if err := d.topUp(ctx); err != nil {
		return nil, err
	}
	if err := d.save(ctx); err != nil {
		return nil, err
	}
	return d.session.State(), nil
}

// beginPassword signs in with user name and password, once.
func (a *adapter) beginPassword(ctx context.Context, in source.Answers) (*attempt, error) {
	user, pass := strings.TrimSpace(in[fieldUser]), in[fieldPassword]
	if user == "" || pass == "" {
		return nil, source.ErrAnswer
	}
	d, err := a.wide(nil)
	if err != nil {
		return nil, err
	}
	h, err := d.byPassword(ctx, user, pass, func(fate) error { return nil })
	if errors.Is(err, errRejected) {
		return &attempt{last: source.Progress{State: source.LoginRejected}}, nil
	}
	if err != nil {
		return nil, err
	}
	if a.wants(SettingKeepPassword) {
		d.state.Password = &password{User: user, Password: pass}
	}
	state, err := d.finish(ctx, h)
	if err != nil {
		return nil, err
	}
	return &attempt{last: source.Progress{State: source.LoginDone, Session: state}}, nil
}

// attempt is a login that is over, or that asks for a browser's session.
type attempt struct {
	a       *adapter
	last    source.Progress
	choices []municipality
}

// Poll implements [source.Login].
func (l *attempt) Poll(context.Context) (source.Progress, error) { return l.last, nil }

// Cancel implements [source.Login].
func (l *attempt) Cancel(context.Context) error {
	if !l.last.State.Final() {
		l.last = source.Progress{State: source.LoginCancelled}
	}
	return nil
}

// Answer implements [source.Login].
func (l *attempt) Answer(ctx context.Context, in source.Answers) error {
	if l.last.State != source.LoginQuestion {
		return fmt.Errorf("infomentor: answer: %w: nothing was asked", source.ErrAnswer)
	}
	if l.choices != nil {
		i := slices.IndexFunc(l.choices, func(m municipality) bool { return m.title == in[fieldMunicipality] })
		if i < 0 {
			return fmt.Errorf("infomentor: answer: %w: municipality", source.ErrAnswer)
		}
		// The guardian signs in there with a browser and brings its session.
		l.last = source.Progress{
			State: source.LoginQuestion, UniversalLink: l.choices[i].entry,
			Ask: []source.Field{{ID: fieldCookies, Secret: true}},
		}
		l.choices = nil
		return nil
	}
	p, err := l.a.importSession(ctx, in[fieldCookies])
	if err != nil {
		return fmt.Errorf("infomentor: answer: %w", err)
	}
	l.last = p
	return nil
}

// beginImport takes a browser's session, or asks for one: first for the
// municipality, from the platform's own list, so that the guardian is led to
// the right sign-in.
func (a *adapter) beginImport(ctx context.Context, in source.Answers) (*attempt, error) {
	if strings.TrimSpace(in[fieldCookies]) != "" {
		p, err := a.importSession(ctx, in[fieldCookies])
		if err != nil {
			return nil, err
		}
		return &attempt{a: a, last: p}, nil
	}
	d, err := a.wide(nil)
	if err != nil {
		return nil, err
	}
	resp, err := d.walk(ctx, fetch.Request{URL: loginURL})
	if err != nil {
		return nil, err
	}
	if _, ok := loginForm(resp); !ok {
		return nil, notUnderstood("login form is missing")
	}
	l := &attempt{a: a, choices: municipalities(readPage(resp.Body))}
	if len(l.choices) == 0 {
		return nil, notUnderstood("list of municipalities is empty")
	}
	ask := source.Field{ID: fieldMunicipality}
	for _, m := range l.choices {
		ask.Choices = append(ask.Choices, m.title)
	}
	l.last = source.Progress{State: source.LoginQuestion, Ask: []source.Field{ask}}
	return l, nil
}

// importSession makes a session of a browser's cookies.
func (a *adapter) importSession(ctx context.Context, text string) (source.Progress, error) {
	cookies, ok := readCookies(text)
	if !ok {
		return source.Progress{}, source.ErrAnswer
	}
	d, err := a.wide(nil)
	if err != nil {
		return source.Progress{}, err
	}
	for _, c := range cookies {
		d.http.Jar().Set(c.at(), []string{c.line()})
	}
	h, err := d.home(ctx)
	if errors.Is(err, source.ErrSessionExpired) {
		return source.Progress{State: source.LoginRejected}, nil
	}
	if err != nil {
		return source.Progress{}, err
	}
	state, err := d.finish(ctx, h)
	if err != nil {
		return source.Progress{}, err
	}
	return source.Progress{State: source.LoginDone, Session: state}, nil
}
