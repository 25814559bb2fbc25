package infomentor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"syncd/source"
	"syncd/source/internal/fetch"
	"syncd/source/internal/wire"
)

// dialogue is one conversation with the platform, from the loading of a
// session's cookies to the end of a read.
type dialogue struct {
	a       *adapter
	http    *fetch.Client
	session *source.Session
	state   state
	down    int // answers in a row that were none: server or network trouble
}

// maxDown is how often in a row the platform may be unavailable before the
// read gives up, lest it knock on a door that nobody opens.
const maxDown = 3

var (
	// errDown marks trouble after which nothing more is asked.
	errDown = errors.New("platform does not answer")
	// errSilent: a request may have arrived, and no answer that can be read
	// came back.
	errSilent = errors.New("no answer")
	// errNotSaved: the session could not be stored.
	errNotSaved = errors.New("session was not stored")
)

// send sends one request and follows nothing. What the answer changed of the
// session is stored before anything else happens. Statuses that mean the same
// everywhere become errors; 401, 403, 500 and all below are handed back.
func (d *dialogue) send(ctx context.Context, r fetch.Request) (*fetch.Response, error) {
	r.Raw = true
	resp, err := d.http.Do(ctx, r)
	if err != nil && !errors.Is(err, source.ErrBudget) && !errors.Is(err, fetch.ErrNotAllowed) {
		err = fmt.Errorf("%w: %w", errSilent, err)
	}
	if serr := d.save(ctx); serr != nil {
		return nil, errors.Join(err, serr)
	}
	if err == nil {
		err = d.grave(resp)
	}
	if err != nil {
		return nil, d.note(err)
	}
	if resp.Status < http.StatusInternalServerError {
		d.down = 0
	}
	return resp, nil
}

// grave tells what concerns the whole platform: a wish to wait, a wall, a
// server that is not there.
func (d *dialogue) grave(resp *fetch.Response) error {
	wall := *resp
	if resp.Status == http.StatusForbidden || resp.Status == http.StatusInternalServerError {
		wall.Status = http.StatusOK // judged by who asked, unless it is a firewall's page
	}
	return d.http.Judge(&wall)
}

// note counts trouble in a row.
func (d *dialogue) note(err error) error {
	if !errors.Is(err, source.ErrUnavailable) {
		return err
	}
	if d.down++; d.down >= maxDown {
		return fmt.Errorf("%w: %w", errDown, err)
	}
	return err
}

func (d *dialogue) save(ctx context.Context) error {
	now, err := d.state.encode(d.http.Jar())
	if err != nil {
		return err
	}
	if bytes.Equal(now, d.session.State()) {
		return nil
	}
	// What the platform rotated must not be lost because the read is ending.
	if err := d.session.Put(context.WithoutCancel(ctx), now); err != nil {
		return fmt.Errorf("%w: %w", errNotSaved, err)
	}
	return nil
}

// keep stores what is to be remembered beside the session.
func (d *dialogue) keep(ctx context.Context) error {
	now, err := json.Marshal(d.state.memory)
	if err != nil {
		return err
	}
	if bytes.Equal(now, d.session.Memory()) {
		return nil
	}
	if err := d.session.Remember(context.WithoutCancel(ctx), now); err != nil {
		return fmt.Errorf("%w: %w", errNotSaved, err)
	}
	return nil
}

// ends reports whether an error concerns the whole session, so that nothing
// more is read.
func ends(err error) bool {
	if _, ok := errors.AsType[*source.RateLimitError](err); ok {
		return true
	}
	for _, e := range []error{
		source.ErrSessionExpired, source.ErrBlocked, source.ErrBudget, source.ErrWrongPerson,
		context.Canceled, context.DeadlineExceeded, errNotSaved, errDown, fetch.ErrNotAllowed,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func notUnderstood(what string) error { return wire.NotUnderstood(what) }

// verdict is what an answer is, before anything is known about the session.
type verdict int

const (
	fine        verdict = iota // data
	over                       // the session is over
	missing                    // the module is not there, if the session is
	forbidden                  // refused, if the session lives
	trouble                    // trouble over there
	strange                    // anything else; the session may be over
	unavailable                // the Hub's own page of regret
)

// judge tells what a data endpoint answered. The table stands in PROTOCOL.md.
func judge(resp *fetch.Response) verdict {
	body := bytes.TrimSpace(resp.Body)
	switch {
	case resp.Status == http.StatusUnauthorized:
		return over
	case resp.Status == http.StatusForbidden:
		return forbidden
	case resp.Status >= http.StatusMultipleChoices && resp.Status < http.StatusBadRequest:
		return judgeRedirect(resp)
	case resp.Status == http.StatusInternalServerError:
		if bytes.Contains(bytes.ToLower(body), []byte(unauthorizedMark)) {
			return missing
		}
		return trouble
	case resp.Status != http.StatusOK || len(body) == 0:
		return strange
	case !looksLikeHTML(resp, body):
		return fine
	}
	return judgePage(resp)
}

// unauthorizedMark stands where a module is not there for a pupil.
const unauthorizedMark = "handleunauthorizedrequest"

func judgeRedirect(resp *fetch.Response) verdict {
	to, err := resp.URL.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return strange
	}
	where := strings.ToLower(to.EscapedPath())
	switch {
	case strings.Contains(strings.ToLower(to.String()), unauthorizedMark):
		return missing
	case strings.HasPrefix(where, "/home/errors/"):
		return unavailable
	case strings.Contains(where, "/error/"), strings.Contains(where, "usernotauthenticated"), to.Hostname() == loginHost,
		to.Hostname() == hubHost && strings.HasPrefix(where, "/authentication/"):
		return over
	}
	return strange
}

func judgePage(resp *fetch.Response) verdict {
	if _, ok := relayForm(resp); ok {
		return over
	}
	if _, ok := loginForm(resp); ok {
		return over
	}
	switch {
	case bytes.Contains(resp.Body, []byte("Hoppsan")):
		return unavailable
	case resp.URL.Hostname() == loginHost && bytes.Contains(resp.Body, []byte("IdpListRepeater")):
		return over // the choice of a sign-in without the form for passwords
	case bytes.Contains(resp.Body, []byte("IMHome")):
		return missing
	}
	return strange
}

// looksLikeHTML tells pages from data. A body that begins like JSON is data
// whatever the platform calls it.
func looksLikeHTML(resp *fetch.Response, body []byte) bool {
	if bytes.HasPrefix(body, []byte("<")) {
		return true
	}
	if bytes.IndexByte([]byte(`{["tfn-0123456789`), body[0]) >= 0 || bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		return false
	}
	return !strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "json")
}

// ask asks the Hub for data. Where the answer leaves open whether the session
// is over, the home page decides.
func (d *dialogue) ask(ctx context.Context, path, contentType string, body []byte) ([]byte, error) {
	h := http.Header{"Accept": {"application/json, text/javascript, */*; q=0.01"}, "Origin": {hub}, "Referer": {hub + "/"}}
	h.Set("X-Requested-With", "XMLHttpRequest")
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	resp, err := d.send(ctx, fetch.Request{Method: http.MethodPost, URL: hub + path, Header: h, Body: body})
	if err != nil {
		return nil, err
	}
	if err := d.settle(ctx, resp); err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// settle turns a verdict into an error.
func (d *dialogue) settle(ctx context.Context, resp *fetch.Response) error {
	v := judge(resp)
	switch v {
	case fine:
		return nil
	case over:
		return source.ErrSessionExpired
	case trouble, unavailable:
		return d.note(fmt.Errorf("status %d: %w", resp.Status, source.ErrUnavailable))
	case missing, forbidden, strange:
	}
	if _, err := d.home(ctx); err != nil {
		return err
	}
	switch v {
	case missing:
		return source.ErrAbsent
	case forbidden:
		return fmt.Errorf("status %d: %w", resp.Status, source.ErrBlocked)
	case fine, over, trouble, strange, unavailable:
	}
	return fmt.Errorf("status %d, no data: %w", resp.Status, source.ErrNotUnderstood)
}

// json asks with a body in JSON and decodes the answer.
func (d *dialogue) json(ctx context.Context, path string, in, out any) error {
	body, err := encode(in)
	if err != nil {
		return err
	}
	data, err := d.ask(ctx, path, "application/json; charset=UTF-8", body)
	if err != nil {
		return err
	}
	return decode(data, out)
}

// form asks with a form.
func (d *dialogue) form(ctx context.Context, path string, in url.Values, out any) error {
	data, err := d.ask(ctx, path, "application/x-www-form-urlencoded; charset=UTF-8", []byte(in.Encode()))
	if err != nil {
		return err
	}
	return decode(data, out)
}

// home opens the Hub's page, which tells who is signed in, which pupils there
// are and who of them is selected. It is the only proof of a session.
func (d *dialogue) home(ctx context.Context) (wireHome, error) {
	resp, err := d.send(ctx, fetch.Request{URL: hub + "/", Header: http.Header{"Referer": {hub + "/"}}})
	if err != nil {
		return wireHome{}, fmt.Errorf("home page: %w", err)
	}
	h, err := d.readHome(resp)
	if err != nil {
		return wireHome{}, fmt.Errorf("home page: %w", d.note(err))
	}
	return h, nil
}

// readHome reads what should be the Hub's page.
func (d *dialogue) readHome(resp *fetch.Response) (wireHome, error) {
	if resp.Status == http.StatusOK && resp.URL.Hostname() == hubHost {
		if h, ok := findHome(resp.Body); ok {
			return h, h.check()
		}
	}
	if resp.Status == http.StatusOK && !isOwn(resp.URL.Hostname()) {
		return wireHome{}, errElsewhere
	}
	switch v := judge(resp); v {
	case over:
		return wireHome{}, source.ErrSessionExpired
	case forbidden:
		return wireHome{}, fmt.Errorf("status %d: %w", resp.Status, source.ErrBlocked)
	case trouble, unavailable:
		return wireHome{}, fmt.Errorf("status %d: %w", resp.Status, source.ErrUnavailable)
	case fine, missing, strange:
	}
	return wireHome{}, fmt.Errorf("status %d, no data of the family: %w", resp.Status, source.ErrNotUnderstood)
}
