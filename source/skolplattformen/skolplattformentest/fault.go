package skolplattformentest

import (
	"net/http"
	"time"

	"syncd/source/internal/faketest"
)

// Answer is one answer before it is sent; faults change it.
type Answer = faketest.Answer

// Fault changes answers of the platform.
type Fault = faketest.Fault

// Inject adds a fault. Of several that match a request all change the answer,
// in the order of injection.
func (s *Server) Inject(f Fault) { s.faults.Inject(f) }

// Heal takes all faults away, lies and coming expiries included.
func (s *Server) Heal() {
	s.faults.Heal()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire, s.lies, s.quiet, s.stuck, s.shape = 0, 0, false, false, SignedOutRedirect
}

func (s *Server) spoil(r *http.Request, a *Answer) { s.faults.Spoil(r, a) }

// Status answers with another status and an HTML page. Header names and
// values follow in pairs.
func Status(code int, header ...string) func(*Answer) { return faketest.Status(code, header...) }

// Body answers 200 with this body and media type in place of the right one.
func Body(contentType, body string) func(*Answer) { return faketest.Body(contentType, body) }

// HTML answers 200 with a page that is not a sign-in page.
func HTML() func(*Answer) { return faketest.HTML() }

// Empty answers 200 without a body.
func Empty() func(*Answer) { return faketest.Empty() }

// Failure answers in the platform's own way of failing.
func Failure(message string) func(*Answer) {
	return func(a *Answer) { a.Body = failure(message).Body }
}

// CutOff announces the whole body and sends half of it.
func CutOff() func(*Answer) { return faketest.CutOff() }

// Truncate sends half of the body as if it were the whole.
func Truncate() func(*Answer) { return faketest.Truncate() }

// Huge sends n bytes of valid JSON.
func Huge(n int64) func(*Answer) { return faketest.Huge(n, `{"Success":true,"Data":"`, `"}`) }

// Bomb sends n bytes of JSON compressed to about a thousandth.
func Bomb(n int64) func(*Answer) { return faketest.Bomb(n) }

// Gzip compresses the body as a server does for clients that ask for it.
func Gzip() func(*Answer) { return faketest.Gzip() }

// Slow lets the answer take this long.
func Slow(d time.Duration) func(*Answer) { return faketest.Slow(d) }

// Break ends the connection in place of an answer.
func Break() func(*Answer) { return faketest.Break() }

// Set gives every field of this name another value, at any depth.
func Set(field string, value any) func(*Answer) { return faketest.Set(field, value) }

// Drop leaves every field of this name out, at any depth.
func Drop(field string) func(*Answer) { return faketest.Drop(field) }

// Extra adds unknown fields to every object.
func Extra() func(*Answer) { return faketest.Extra() }

// RetryAfter answers 429 and asks for a pause.
func RetryAfter(d time.Duration) func(*Answer) { return faketest.RetryAfter(d) }
