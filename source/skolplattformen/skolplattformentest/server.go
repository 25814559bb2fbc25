// Package skolplattformentest is a fake of Stockholm's Skolplattformen: it
// serves a [schooltest.World] in the platform's own wire format, with its
// sessions, its selected child and its bad habits. It insists on the manners
// of a real client and notes every offence.
//
// One [Server] stands for all hosts that a login and a read touch: its own,
// and by way of package stockholmtest those of the city's sign-in. It is an
// [http.Handler], which answers by Host, and an [http.RoundTripper], which
// answers without any network. It starts no goroutine.
//
// It never imports the adapter, so that a mistake in one cannot be hidden by
// the same mistake in the other, and never "testing", because the demo serves
// it too.
package skolplattformentest

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"syncd/source/internal/faketest"
	"syncd/source/internal/stockholm/stockholmtest"
	"syncd/source/school/schooltest"
)

// Host is where the platform answers.
const Host = "etjanster.stockholm.se"

// Landing is the page on which a sign-in ends.
const Landing = "https://" + Host + "/vardnadshavare/inloggad2/hem"

// Options are what a server is made with.
type Options struct {
	Now func() time.Time // the clock; required
	// SSO is the city's sign-in, which knows the world's guardians; nil makes
	// one.
	SSO *stockholmtest.Server
}

// Server is the fake. All its methods are safe for concurrent use.
type Server struct {
	world *schooltest.World
	now   func() time.Time
	sso   *stockholmtest.Server

	faults faketest.Faults

	mu        sync.Mutex
	sessions  map[string]*session
	made      int // sessions and tokens made so far
	expire    int // requests until all sessions die; 0: never
	shape     SignedOut
	lies      int
	quiet     bool
	stuck     bool
	offences  []string
	paths     []string
	inFlight  int
	parallels int
}

// SignedOut is how the platform shows that a session is over, wherever it
// does not say so in JSON.
type SignedOut int

// The shapes.
const (
	SignedOutRedirect SignedOut = iota // 302 to the city's sign-in
	SignedOutPage                      // 200 with the sign-in page
	SignedOutEmpty                     // 200 without a body
)

// New returns a fake over a world. Changes of the world show at once.
func New(w *schooltest.World, o Options) *Server {
	s := &Server{world: w, now: o.Now, sso: o.SSO, sessions: map[string]*session{}}
	if s.sso == nil {
		s.sso = stockholmtest.New(stockholmtest.Options{Now: o.Now, Persons: Persons(w)})
	}
	return s
}

// Persons returns the world's guardians as the city's sign-in knows them.
func Persons(w *schooltest.World) []stockholmtest.Person {
	var out []stockholmtest.Person
	for _, g := range w.Guardians() {
		out = append(out, stockholmtest.Person{PersonalNumber: g.PersonalNumber, Name: g.Name()})
	}
	return out
}

// SSO returns the city's sign-in, with its pretend phone.
func (s *Server) SSO() *stockholmtest.Server { return s.sso }

// World returns the world that is served.
func (s *Server) World() *schooltest.World { return s.world }

// KillSessions ends every session at the platform; those at the city's
// sign-in live on, so that a client can come back without a person.
func (s *Server) KillSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// KillAll ends every session, also those at the city's sign-in.
func (s *Server) KillAll() {
	s.KillSessions()
	s.sso.KillSMSession()
}

// ExpireAfter ends every session at the platform just before its n-th request
// from now on, the first being 1.
func (s *Server) ExpireAfter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire = n
}

// ShowSignedOut sets how the platform shows from now on that a session is
// over.
func (s *Server) ShowSignedOut(shape SignedOut) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shape = shape
}

// Lie makes the first k answers after each change of the selected child be
// about the child that was selected before.
func (s *Server) Lie(k int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies = k
}

// Stick makes SelectChild say yes and change nothing.
func (s *Server) Stick(stuck bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck = stuck
}

// QuietStatus makes the Status cookie come with answers about preschool
// children only.
func (s *Server) QuietStatus(quiet bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet = quiet
}

// Requests returns the paths of the requests to the platform so far, in their
// order, without queries.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.paths...)
}

// Count returns how many requests were made to a path, given by its end.
func (s *Server) Count(suffix string) int {
	n := 0
	for _, p := range s.Requests() {
		if faketest.HasSuffixFold(p, suffix) {
			n++
		}
	}
	return n
}

// Offences returns what a polite client would not have done, in the words of
// this package; they hold paths and nothing else of the requests.
func (s *Server) Offences() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.offences...)
}

// MaxParallel returns the highest number of requests that were under way at
// the same time.
func (s *Server) MaxParallel() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parallels
}

func (s *Server) offend(r *http.Request, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offences = append(s.offences, r.Method+" "+r.URL.Path+": "+what)
}

// begin counts a request in; the returned function counts it out.
func (s *Server) begin(r *http.Request) (done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, r.URL.Path)
	s.inFlight++
	s.parallels = max(s.parallels, s.inFlight)
	if s.expire > 0 {
		s.expire--
		if s.expire == 0 {
			clear(s.sessions)
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.inFlight--
	}
}

// guid makes the same GUID from the same words, in upper case.
func guid(words ...string) string {
	h := sha256.Sum256([]byte("skolplattformentest\x00" + strings.Join(words, "\x00")))
	return fmt.Sprintf("%X-%X-%X-%X-%X", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
