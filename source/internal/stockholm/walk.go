package stockholm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"syncd/source"
	"syncd/source/internal/fetch"
)

const (
	maxSteps   = 12 // pages between an entry and its end; eight were seen
	maxEntries = 3  // fresh starts after a stale SAML message
)

var (
	// errStale: a SAML message was used up or overtaken by a parallel one.
	// Starting again at the entry cures it.
	errStale = notUnderstood("hand-over went stale")
	// errAgain: a person signed and the city asks for a person again.
	errAgain = notUnderstood("the login page came back after signing")
)

// end is where a walk ended: at the target, or at a login page.
type end struct {
	landed *fetch.Response // nil at a login page
	place  place
}

// walk goes on from a page, submitting what submits itself and choosing f in
// the method chooser, until it stands at f's login page or at the target.
func (fl *flow) walk(ctx context.Context, f family, resp *fetch.Response) (end, error) {
	start := ""
	for range maxSteps {
		if resp.Status == http.StatusBadRequest && atLogin(resp.URL) {
			return end{}, errStale
		}
		if resp.Status >= http.StatusMultipleChoices && atLogin(resp.URL) {
			return end{}, fmt.Errorf("%w: sign-in: status %d", source.ErrNotUnderstood, resp.Status)
		}
		next, err := fl.step(f, resp, &start)
		if err != nil {
			return end{}, err
		}
		if next == nil {
			if atLogin(resp.URL) {
				return end{place: place{page: resp.URL.String(), start: start}}, nil
			}
			return end{landed: resp}, nil
		}
		if resp, err = fl.client.Do(ctx, *next); err != nil {
			return end{}, err
		}
	}
	return end{}, notUnderstood("sign-in does not come to an end")
}

// step finds the request that a page leads to; nil when the walk is over.
func (fl *flow) step(f family, resp *fetch.Response, start *string) (*fetch.Request, error) {
	if fl.through(resp) {
		return nil, nil //nolint:nilnil // nil is documented: the walk is over
	}
	p := readPage(resp.Body)
	through, ok := p.saml()
	if !ok && f.isPage(resp.URL) {
		return nil, nil //nolint:nilnil // nil is documented: the walk is over
	}
	if !ok {
		through, ok = p.auto()
	}
	if !ok && !atLogin(resp.URL) {
		return nil, nil //nolint:nilnil // nil is documented: the walk is over
	}
	if !ok {
		var link string
		if link, through, ok = p.chooser(f); !ok {
			return nil, notUnderstood("sign-in page is unknown")
		}
		if link != "" {
			to, err := follow(resp.URL, link)
			if err != nil {
				return nil, err
			}
			*start = startOf(to)
			return &fetch.Request{URL: to, Follow: true}, nil
		}
	}
	req, err := through.request(resp.URL)
	if err != nil {
		return nil, err
	}
	return &req, nil
}

// reach goes to the family's login page. A jar that still knows the person
// leads to the target at once.
func (fl *flow) reach(ctx context.Context, f family) (end, error) {
	if fl.target.Entry == "" {
		return end{place: place{page: f.page(fl.target.Landing), start: fl.target.Landing}}, nil
	}
	var last error
	for range maxEntries {
		resp, err := fl.get(ctx, fl.target.Entry)
		if err != nil {
			return end{}, err
		}
		e, err := fl.walk(ctx, f, resp)
		if !errors.Is(err, errStale) {
			return e, err
		}
		last = err
	}
	return end{}, last
}

// collect takes the signed order at p to the target, by every way that was
// seen to work, in the order in which they were seen to.
func (fl *flow) collect(ctx context.Context, f family, p place) (*fetch.Response, error) {
	ways := []string{p.page, p.start, fl.target.Entry, fl.target.Entry}
	if fl.target.Entry == "" {
		ways = []string{p.collect(f), p.page, fl.target.Landing}
		if f == freja() {
			ways = []string{p.page, p.collect(f), fl.target.Landing}
		}
	}
	last := errAgain
	for _, addr := range ways {
		if addr == "" {
			continue
		}
		resp, err := fl.get(ctx, addr)
		var e end
		if err == nil {
			e, err = fl.walk(ctx, f, resp)
		}
		switch {
		case err == nil && e.landed != nil:
			return e.landed, nil
		case err == nil:
			// Bounced: the login page again.
		case !passing(ctx, err):
			return nil, err
		default:
			last = err
		}
	}
	return nil, last
}

// passing reports whether another way may work where this one failed.
func passing(ctx context.Context, err error) bool {
	if _, ok := errors.AsType[*source.RateLimitError](err); ok || ctx.Err() != nil {
		return false
	}
	return !errors.Is(err, fetch.ErrNotAllowed) &&
		(errors.Is(err, source.ErrUnavailable) || errors.Is(err, source.ErrNotUnderstood))
}

// reenter walks to the target and asks nobody.
func (fl *flow) reenter(ctx context.Context) (*fetch.Response, error) {
	if _, ok := fl.client.Jar().Get(loginHost, "SMSESSION"); !ok {
		return nil, source.ErrSessionExpired
	}
	if fl.target.Entry == "" {
		return fl.reenterService(ctx)
	}
	last := errStale
	for range maxEntries {
		resp, err := fl.slip(ctx, fl.target.Entry)
		if !errors.Is(err, errStale) {
			return resp, err
		}
		last = err
	}
	return nil, last
}

// reenterService goes to the city's own service. Where its page only leads
// back to the sign-in, the identity provider is asked to hand its session
// over anew, without following it: following was seen to go in circles.
func (fl *flow) reenterService(ctx context.Context) (*fetch.Response, error) {
	resp, err := fl.slip(ctx, fl.target.Landing)
	if err == nil || !errors.Is(err, source.ErrSessionExpired) && !errors.Is(err, source.ErrNotUnderstood) {
		return resp, err
	}
	handOver := place{page: bankID().page(fl.target.Landing)}.collect(bankID())
	if _, err := fl.client.Do(ctx, fetch.Request{URL: handOver}); err != nil {
		return nil, err
	}
	return fl.slip(ctx, fl.target.Landing)
}

// slip goes to an address and on from there without ever choosing a method.
// [source.ErrSessionExpired] says that only a person could go on.
func (fl *flow) slip(ctx context.Context, addr string) (*fetch.Response, error) {
	resp, err := fl.get(ctx, addr)
	if err != nil {
		return nil, err
	}
	for range maxSteps {
		if resp.Status == http.StatusBadRequest && atLogin(resp.URL) {
			return nil, errStale
		}
		if fl.through(resp) {
			return resp, nil
		}
		p := readPage(resp.Body)
		through, ok := p.saml()
		if !ok && !anyPage(resp.URL) {
			through, ok = p.auto()
		}
		switch {
		case !ok && atLogin(resp.URL):
			return nil, source.ErrSessionExpired
		case !ok:
			return resp, nil
		}
		req, err := through.request(resp.URL)
		if err != nil {
			return nil, err
		}
		if resp, err = fl.client.Do(ctx, req); err != nil {
			return nil, err
		}
	}
	return nil, notUnderstood("sign-in does not come to an end")
}

// lookLike reports whether a body is a page rather than an answer.
func lookLike(body string) bool { return strings.HasPrefix(strings.TrimSpace(body), "<") }
