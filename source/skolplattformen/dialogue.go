package skolplattformen

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
)

// dialogue is one conversation with the platform, from the loading of a
// session's cookies to the end of a read.
type dialogue struct {
	http    *fetch.Client
	session *source.Session
	token   string // XSRF token of the home page; may be empty
	down    int    // answers in a row that were none: server or network trouble
}

// maxDown is how often in a row the platform may be unavailable before the
// read gives up, lest it knock on a door that nobody opens.
const maxDown = 3

// errDown marks trouble after which nothing more is asked.
var errDown = errors.New("platform does not answer")

// do sends a request. Cookies that the answer changed are stored before
// anything else happens.
func (d *dialogue) do(ctx context.Context, r fetch.Request) (*fetch.Response, error) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Accept", "application/json, text/plain, */*")
	r.Header.Set("Referer", landing)
	r.Header.Set("X-Xsrf-Token", d.token)
	resp, err := d.http.Do(ctx, r)
	if serr := d.save(ctx); serr != nil {
		return nil, errors.Join(err, serr)
	}
	if errors.Is(err, source.ErrUnavailable) {
		if d.down++; d.down >= maxDown {
			err = fmt.Errorf("%w: %w", errDown, err)
		}
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	d.down = 0
	return resp, nil
}

// errNotSaved: the session could not be stored.
var errNotSaved = errors.New("session was not stored")

func (d *dialogue) save(ctx context.Context) error {
	now, err := encodeState(d.http.Jar())
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

// home opens the page on which the XSRF token stands. A page without one is
// no fault: the platform's app went on with an empty token.
func (d *dialogue) home(ctx context.Context) error {
	resp, err := d.do(ctx, fetch.Request{URL: landing})
	if err != nil {
		return fmt.Errorf("home page: %w", err)
	}
	switch {
	case resp.Status == http.StatusUnauthorized, redirected(resp), signInPage(resp.Body):
		return fmt.Errorf("home page: %w", source.ErrSessionExpired)
	case resp.Status != http.StatusOK || len(resp.Body) == 0:
		return fmt.Errorf("home page: status %d: %w", resp.Status, source.ErrNotUnderstood)
	}
	d.token = findToken(resp.Body)
	return nil
}

// user asks who is signed in.
func (d *dialogue) user(ctx context.Context) (wireUser, error) {
	u, err := d.askUser(ctx)
	if err != nil {
		return wireUser{}, fmt.Errorf("user: %w", err)
	}
	return u, nil
}

func (d *dialogue) askUser(ctx context.Context) (wireUser, error) {
	resp, err := d.do(ctx, fetch.Request{URL: userURL})
	if err != nil {
		return wireUser{}, err
	}
	switch {
	case resp.Status == http.StatusUnauthorized, redirected(resp), signInPage(resp.Body):
		return wireUser{}, source.ErrSessionExpired
	case resp.Status != http.StatusOK:
		return wireUser{}, fmt.Errorf("status %d: %w", resp.Status, source.ErrNotUnderstood)
	}
	return decodeUser(resp.Body)
}

// get asks for one thing and returns the inside of its envelope.
func (d *dialogue) get(ctx context.Context, path string, query url.Values) (json.RawMessage, *fetch.Response, error) {
	addr := origin + base + path
	if len(query) > 0 {
		addr += "?" + query.Encode()
	}
	return d.enveloped(ctx, fetch.Request{URL: addr})
}

func (d *dialogue) enveloped(ctx context.Context, r fetch.Request) (json.RawMessage, *fetch.Response, error) {
	resp, err := d.do(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if err := d.judge(ctx, resp); err != nil {
		return nil, nil, err
	}
	data, err := decodeEnvelope(resp.Body)
	return data, resp, err
}

// judge tells an answer in JSON from everything else. A page, a redirect and
// an empty body may mean that the session is over or that something is wrong
// over there; whether it is over, the platform says itself.
func (d *dialogue) judge(ctx context.Context, resp *fetch.Response) error {
	switch {
	case resp.Status == http.StatusUnauthorized, redirected(resp):
		return source.ErrSessionExpired
	case resp.Status == http.StatusOK && looksLikeJSON(resp.Body):
		return nil
	case resp.Status >= http.StatusBadRequest:
		return fmt.Errorf("status %d: %w", resp.Status, source.ErrNotUnderstood)
	}
	if _, err := d.user(ctx); err != nil {
		return err
	}
	return fmt.Errorf("status %d, no JSON: %w", resp.Status, source.ErrNotUnderstood)
}

// redirected reports whether an answer sends the browser to the sign-in.
func redirected(resp *fetch.Response) bool {
	if resp.Status < http.StatusMultipleChoices || resp.Status >= http.StatusBadRequest {
		return false
	}
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		return false
	}
	h := strings.ToLower(resp.URL.ResolveReference(to).Hostname())
	return h == "login001.stockholm.se" || h == "login003.stockholm.se"
}

// signInPage reports whether a body is one of the sign-in's pages.
func signInPage(body []byte) bool {
	body = bytes.ToLower(body)
	return !looksLikeJSON(body) && (bytes.Contains(body, []byte("necsadc")) || bytes.Contains(body, []byte("siteminderagent")))
}

func looksLikeJSON(body []byte) bool {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	return len(body) > 0 && (body[0] == '{' || body[0] == '[')
}
