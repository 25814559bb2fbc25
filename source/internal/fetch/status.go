package fetch

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"syncd/source"
)

// maxRetryAfter bounds what a platform can make us wait.
const maxRetryAfter = 7 * 24 * time.Hour

// Judge returns the error that [Client.Do] would have returned for an answer
// that was asked for raw; nil when the status is the adapter's to judge.
func (c *Client) Judge(r *Response) error { return c.judge(r) }

// judge turns the statuses that mean the same everywhere into sentinels.
func (c *Client) judge(r *Response) error {
	after, told := retryAfter(r.Header.Get("Retry-After"), c.now())
	switch {
	case r.Status == http.StatusTooManyRequests, r.Status == http.StatusServiceUnavailable && told:
		return &source.RateLimitError{RetryAfter: after}
	case r.Status == http.StatusForbidden, walled(r):
		return fmt.Errorf("%w: status %d", source.ErrBlocked, r.Status)
	case r.Status >= http.StatusInternalServerError:
		return fmt.Errorf("%w: status %d", source.ErrUnavailable, r.Status)
	}
	return nil
}

// retryAfter reads RFC 9110 section 10.2.3: seconds, or an HTTP date. What
// cannot be read was not said; what lies in the past is no wait.
func retryAfter(v string, now time.Time) (wait time.Duration, told bool) {
	v = strings.TrimSpace(v)
	if v == "" {
		return 0, false
	}
	if strings.Trim(v, "0123456789") == "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter, true // more digits than a number holds
		}
		return time.Duration(n) * time.Second, true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}

// walled recognises the pages of firewalls that answer in the platform's
// place: an F5 refusal (the city's balancers are F5), Cloudflare's and
// Imperva's challenges, and any page that calls itself a captcha. A form that
// merely carries a captcha is not one.
func walled(r *Response) bool {
	if strings.EqualFold(r.Header.Get("Cf-Mitigated"), "challenge") {
		return true
	}
	if !strings.Contains(strings.ToLower(r.Header.Get("Content-Type")), "html") || len(r.Body) > 256<<10 {
		return false
	}
	page := bytes.ToLower(r.Body)
	if bytes.Contains(page, []byte("_incapsula_resource")) || bytes.Contains(page, []byte("/cdn-cgi/challenge-platform/h/")) {
		return true
	}
	_, title, ok := bytes.Cut(page, []byte("<title>"))
	if !ok {
		return false
	}
	title, _, _ = bytes.Cut(title, []byte("</title>"))
	return bytes.Contains(title, []byte("captcha")) || bytes.Equal(bytes.TrimSpace(title), []byte("request rejected"))
}
