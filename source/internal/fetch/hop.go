package fetch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"

	"syncd/source"
)

// hop is one request on the way, and what may be said about it.
type hop struct {
	method string
	raw    string
	header http.Header
	body   []byte
	hops   int
	host   string // as it may be named; empty before the list was asked
	path   string // the rule's pattern
}

// fail gives an error the only words about the request that it may hold.
func (h *hop) fail(err error) error {
	if h.host == "" {
		return fmt.Errorf("fetch: %s: %w", h.method, err)
	}
	return fmt.Errorf("fetch: %s %s%s: %w", h.method, h.host, h.path, err)
}

// redirects reports whether an answer sends the client elsewhere.
func redirects(r *Response) bool {
	switch r.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return r.Header.Get("Location") != ""
	}
	return false
}

// redirect turns h into the request that an answer asks for.
func (h *hop) redirect(r *Response) error {
	to, err := resolve(r.URL, r.Header.Get("Location"))
	if err != nil {
		return err
	}
	h.raw = to
	h.hops++
	if r.Status != http.StatusTemporaryRedirect && r.Status != http.StatusPermanentRedirect &&
		h.method != http.MethodGet && h.method != http.MethodHead {
		h.method, h.body = http.MethodGet, nil
		h.header.Del("Content-Type")
		h.header.Del("Origin")
	}
	if u, err := parse(to); err != nil || u.Hostname() != r.URL.Hostname() {
		maps.DeleteFunc(h.header, func(name string, _ []string) bool {
			return name != "Accept" && name != "Accept-Language" && name != "Content-Type"
		})
	}
	return nil
}

// send makes one request and reads its answer.
func (c *Client) send(ctx context.Context, h *hop) (*Response, error) {
	h.host, h.path = "", ""
	u, err := c.permit(h)
	if err != nil {
		if h.hops > 0 {
			err = fmt.Errorf("%w: redirect: %w", source.ErrNotUnderstood, err)
		}
		return nil, h.fail(err)
	}
	done, err := c.turn(ctx, u.Hostname())
	if err != nil {
		return nil, h.fail(err)
	}
	if done != nil {
		defer done()
	}
	began := c.now()
	resp, err := c.exchange(ctx, h, u)
	attrs := []slog.Attr{
		slog.String("method", h.method), slog.String("host", h.host), slog.String("path", h.path),
		slog.Int64("ms", c.now().Sub(began).Milliseconds()),
	}
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelDebug, "request failed", append(attrs, slog.Any("error", err))...)
		return nil, h.fail(err)
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, "request",
		append(attrs, slog.Int("status", resp.Status), slog.Int("bytes", len(resp.Body)))...)
	return resp, nil
}

// permit asks the list about h and names it.
func (c *Client) permit(h *hop) (*url.URL, error) {
	u, err := parse(h.raw)
	if err != nil {
		return nil, err
	}
	r, ok := c.rule(h.method, u)
	if !ok {
		h.host, h.path = c.speakable(u.Hostname()), ""
		return nil, ErrNotAllowed
	}
	h.host, h.path = r.Host, r.Path
	if c.own {
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !public(ip) {
			return nil, errPrivate
		}
	}
	return u, nil
}

// exchange carries out one permitted request.
func (c *Client) exchange(ctx context.Context, h *hop, u *url.URL) (*Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	hctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var body io.Reader = http.NoBody
	if len(h.body) > 0 {
		body = bytes.NewReader(h.body)
	}
	req, err := http.NewRequestWithContext(hctx, h.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%w: request is malformed", ErrNotAllowed) // err may hold the address
	}
	req.URL = u
	c.dress(req, h)
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, cause(ctx, hctx, err)
	}
	defer resp.Body.Close()
	set := c.jar.Set(u, resp.Header["Set-Cookie"])
	data, err := read(resp, h.method, c.maxBody)
	// A server that sees us hang up may end its body in good order, so that
	// half an answer looks whole: the clock has the last word.
	if err = cmp.Or(err, hctx.Err()); err != nil {
		return nil, cause(ctx, hctx, err)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: data, URL: u, Cookies: set}, nil
}

// dress writes a request's header.
func (c *Client) dress(req *http.Request, h *hop) {
	maps.Copy(req.Header, h.header.Clone())
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept-Encoding", "gzip")
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "*/*")
	}
	req.Header.Del("Cookie")
	if line := c.jar.Header(req.URL); line != "" {
		req.Header["Cookie"] = []string{line}
	}
}

// cause says in our own words why a request failed. What the transport says
// may quote addresses and answers, so that chain is cut; ctx's own error is
// kept, for it is not the platform's fault.
func cause(ctx, hctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case hctx.Err() != nil:
		return fmt.Errorf("%w: timeout", source.ErrUnavailable)
	case errors.Is(err, errPrivate):
		return errPrivate
	case errors.Is(err, source.ErrNotUnderstood):
		return err // our own words about a body
	}
	return fmt.Errorf("%w: %s", source.ErrUnavailable, trouble(err))
}

func trouble(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "name was not resolved"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "certificate was not accepted"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "certificate was not accepted"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return "timeout"
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "network is unreachable"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed"
	}
	return "connection failed"
}
