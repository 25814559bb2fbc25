// Package fetch is the only way out to the internet: a polite, distrustful
// HTTP client for the adapters of school platforms.
//
// It sends nothing that is not on its list of allowed requests, speaks https
// only, follows redirects itself and checks each one against the list, asks
// for its turn before every request, bounds time and size (also after
// decompression), keeps cookies byte for byte, and turns what went wrong into
// the sentinels of package source. It retries nothing, decides nothing about
// contents, and neither its errors nor its log lines hold a query string, a
// cookie or a body: a path appears as the pattern that allowed it.
//
// It starts no goroutine of its own. The connections it opens itself close
// after half a minute without use.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"syncd/source"
	"syncd/source/school"
)

// ErrNotAllowed says that the request is not on the client's list, or would
// leave https or the public internet. Nothing was sent. A redirect to such a
// place is [source.ErrNotUnderstood] as well.
var ErrNotAllowed = errors.New("request is not allowed")

const (
	defaultMaxBody = 16 << 20
	defaultTimeout = 30 * time.Second
	maxRedirects   = 20
)

// Options say what a client may do.
type Options struct {
	// Allow lists every request that may be sent; redirects are held to it
	// too. A client without rules sends nothing.
	Allow []Rule
	// MaxBody bounds an answer's body in bytes, after decompression; 0 means
	// 16 MiB.
	MaxBody int64
	// Timeout bounds one request with its answer's body, not counting the
	// wait for its turn. A redirect is a new request. 0 means 30 s.
	Timeout time.Duration
	// UserAgent is sent with every request; required.
	UserAgent string
}

// Client sends requests for one account at one platform. It is safe for
// concurrent use and sends one request at a time to each host.
type Client struct {
	transport http.RoundTripper
	own       bool // transport is ours: refuse addresses that are not public
	allow     []Rule
	maxBody   int64
	timeout   time.Duration
	agent     string
	now       func() time.Time
	log       *slog.Logger
	turn      func(ctx context.Context, host string) (func(), error)
	jar       *Jar
}

// New returns a client with an empty jar. It uses cfg's Transport, Now, Log
// and Turn. Without a Transport it opens connections itself, by way of
// HTTPS_PROXY unless NO_PROXY names the host, and refuses addresses that are
// not public.
func New(cfg source.Config, o Options) (*Client, error) {
	switch {
	case cfg.Now == nil:
		return nil, errors.New("fetch: new: clock is missing")
	case cfg.Log == nil:
		return nil, errors.New("fetch: new: logger is missing")
	case o.UserAgent == "":
		return nil, errors.New("fetch: new: user agent is missing")
	}
	for i, r := range o.Allow {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("fetch: new: rule %d: %w", i, err)
		}
	}
	c := &Client{
		transport: cfg.Transport,
		allow:     append([]Rule(nil), o.Allow...),
		maxBody:   o.MaxBody,
		timeout:   o.Timeout,
		agent:     o.UserAgent,
		now:       cfg.Now,
		log:       cfg.Log,
		turn:      cfg.Turn,
		jar:       NewJar(cfg.Now),
	}
	if c.maxBody <= 0 {
		c.maxBody = defaultMaxBody
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.turn == nil {
		c.turn = (&turns{hosts: map[string]chan struct{}{}}).take
	}
	if c.transport == nil {
		c.transport, c.own = newTransport(), true
	}
	return c, nil
}

// Jar returns the client's cookies. They belong to the client; the jar is
// safe for concurrent use.
func (c *Client) Jar() *Jar { return c.jar }

// Request is one logical request. It holds secrets and does not print.
type Request struct {
	Method string // "" means GET
	// URL is sent as it stands. Only bytes that cannot stand in a request
	// line (blanks, quotes, anything beyond ASCII) are percent-encoded, as a
	// browser does; a fragment is dropped.
	URL string
	// Header is added to what the client sends by itself (User-Agent, Accept,
	// Accept-Encoding, Cookie). Cookie and Accept-Encoding cannot be set. On a
	// redirect to another host only Accept and Accept-Language go along.
	Header http.Header
	Body   []byte
	// Follow makes Do follow redirects, 20 at most; 301, 302 and 303 turn
	// POST into GET. Otherwise a redirect is handed back like any answer.
	Follow bool
	// Raw hands back every answer whatever its status.
	Raw bool
}

// Response is the last answer to a request, read to its end. It holds
// secrets and does not print.
type Response struct {
	Status   int
	Header   http.Header
	Body     []byte         // decompressed; never nil
	URL      *url.URL       // where the answer came from, after redirects
	Requests int            // how many requests were sent, redirects included
	Cookies  []*http.Cookie // what all answers on the way set, in their order
}

// String implements [fmt.Stringer] without showing anything.
func (Request) String() string { return school.Redacted }

// Format implements [fmt.Formatter], so that no verb shows a request.
func (Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, school.Redacted) }

// LogValue implements [slog.LogValuer] without showing anything.
func (Request) LogValue() slog.Value { return slog.StringValue(school.Redacted) }

// String implements [fmt.Stringer] without showing anything.
func (*Response) String() string { return school.Redacted }

// Format implements [fmt.Formatter], so that no verb shows a response.
func (*Response) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, school.Redacted) }

// LogValue implements [slog.LogValuer] without showing anything.
func (*Response) LogValue() slog.Value { return slog.StringValue(school.Redacted) }

// Do sends r and returns the answer. An answer in the 200s, 300s and 400s is
// handed back for the caller to judge, except these, which become errors
// unless r.Raw is set:
//
//   - 429, and 503 with Retry-After: [*source.RateLimitError]
//   - 403, and pages that only a blocking firewall sends: [source.ErrBlocked]
//   - any other 5xx: [source.ErrUnavailable]
//
// No answer within the timeout, an answer that was cut off, and any trouble of
// the network is [source.ErrUnavailable]; an answer that is too large or cannot
// be decompressed is [source.ErrNotUnderstood]. When ctx ends, its error is
// wrapped; the error of cfg.Turn is wrapped too ([source.ErrBudget]).
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	h := hop{method: strings.ToUpper(r.Method), raw: r.URL, header: r.Header.Clone(), body: r.Body}
	if h.method == "" {
		h.method = http.MethodGet
	}
	if h.header == nil {
		h.header = http.Header{}
	}
	var cookies []*http.Cookie
	for n := 1; ; n++ {
		resp, err := c.send(ctx, &h)
		if err != nil {
			return nil, err
		}
		cookies = append(cookies, resp.Cookies...)
		resp.Cookies, resp.Requests = cookies, n
		if !r.Raw {
			if err := c.judge(resp); err != nil {
				return nil, h.fail(err)
			}
		}
		if !r.Follow || !redirects(resp) {
			return resp, nil
		}
		if n > maxRedirects {
			return nil, h.fail(fmt.Errorf("%w: too many redirects", source.ErrNotUnderstood))
		}
		if err := h.redirect(resp); err != nil {
			return nil, h.fail(err)
		}
	}
}

// turns gives one request at a time per host its turn, for clients whose
// configuration has nobody who does.
type turns struct {
	mu    sync.Mutex
	hosts map[string]chan struct{}
}

func (t *turns) take(ctx context.Context, host string) (func(), error) {
	t.mu.Lock()
	ch, ok := t.hosts[host]
	if !ok {
		ch = make(chan struct{}, 1)
		t.hosts[host] = ch
	}
	t.mu.Unlock()
	select {
	case ch <- struct{}{}:
		return func() { <-ch }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
