// Package infomentortest is a fake of InfoMentor: it serves a
// [schooltest.World] in the platform's own wire format, with its five hosts,
// its relays and cookies, its sessions that die young, its selected pupil and
// its paired devices. It insists on the manners of a real client and notes
// every offence.
//
// One [Server] stands for all hosts that a login and a read touch: the
// platform's own and, by way of package stockholmtest, those of the City of
// Stockholm's sign-in, which other fakes may share. It is an [http.Handler],
// which answers by Host, and an [http.RoundTripper], which answers without any
// network. It starts no goroutine.
//
// It never imports the adapter, so that a mistake in one cannot be hidden by
// the same mistake in the other, and never "testing", because the demo serves
// it too.
package infomentortest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"syncd/source/internal/faketest"
	"syncd/source/internal/stockholm/stockholmtest"
	"syncd/source/school/schooltest"
)

// The platform's hosts.
const (
	HubHost    = "hub.infomentor.se"
	LoginHost  = "infomentor.se" // "IM1"
	SSOHost    = "sso.infomentor.se"
	DeviceHost = "im.infomentor.se"
	APIHost    = "api-im.infomentor.se"
	// CalendarHost answers to the addresses of calendar subscriptions.
	CalendarHost = "im2-api.infomentor.se"
	// OtherAPIHost answers to the phone where [Options.OtherPhone] says so.
	OtherAPIHost = "api.infomentor.se"
)

// Hosts returns the platform's own hosts.
func Hosts() []string {
	return []string{HubHost, LoginHost, SSOHost, DeviceHost, APIHost, OtherAPIHost, CalendarHost}
}

// Lost is how the platform shows that a session is over.
type Lost int

// The ways.
const (
	LostEmpty    Lost = iota // 200 without a body on data, 302 on pages
	LostRedirect             // 302 to the login page
	LostRelay                // 200 with the relay page
	LostStatus               // 401
	LostError                // 302 to an error page of its own
)

// Missing is how the platform shows that a pupil does not have a module.
type Missing int

// The ways.
const (
	MissingRedirect Missing = iota // 302 to HandleUnauthorizedRequest
	MissingStatus                  // 500 whose body speaks of it
	MissingShell                   // 200 with the Hub's own page
)

// Options are what a server is made with. The zero value of each means what
// the platform does.
type Options struct {
	Now func() time.Time // the clock; required
	// SSO is the city's sign-in, which knows the world's guardians; nil makes
	// one.
	SSO *stockholmtest.Server

	Idle       time.Duration // a session's life without use; 0: 40 minutes
	Life       time.Duration // a session's life however used; 0: 3 hours
	LoginIdle  time.Duration // life of a sign-in at IM1 without use; 0: 1 hour
	AccessLife time.Duration // of an access token; 0: 10 minutes
	NoRestart  bool          // the platform does not forget everybody at three in the morning

	Stays        bool // IM1 does not hand a login over to the Hub by itself
	OfferPIN     bool // a page that offers a PIN comes after the password
	NoReferer    bool // LoginCallback does not insist on a Referer
	OneSession   bool // a person's new session ends the one before
	Merged       bool // Set-Cookie lines come merged into one
	Interstitial int  // so many further pages submit themselves after the city's sign-in
	Lost         Lost
	Missing      Missing
	NoApps       bool // the home page does not list modules
	NoSwitchURL  bool // the home page does not say how to select a pupil
	InText       bool // pictures and files of letters stand in their text, and nowhere else
	AllNotices   bool // notifications are about all pupils; else the selected one's
	Stuck        bool // SwitchPupil says yes and changes nothing
	SwitchFails  bool // SwitchPupil answers 500 although it does
	Lies         int  // so many answers after a switch are about the pupil before
	NoPairing    bool // devices cannot be paired
	OtherPhone   bool // phones are told of other addresses, and of another name for themselves
}

// Server is the fake. All its methods are safe for concurrent use.
type Server struct {
	world  *schooltest.World
	now    func() time.Time
	sso    *stockholmtest.Server
	faults faketest.Faults

	mu        sync.Mutex
	o         Options
	made      uint32
	sessions  map[string]*session // at the Hub, by IMHome
	logins    map[string]*signIn  // at IM1, by .ASPXAUTH
	relays    map[string]relay    // oauth_token, single use
	verifiers map[string]relay    // oauth_verifier, single use
	passwords map[string]string   // by personal number
	rejected  int
	guids     map[string]string // authGuid → personal number
	codes     map[string]*device
	devices   []*device
	access    map[string]access
	oneTime   map[string]string // ssotoken → personal number
	expire    int
	before    func(path string)
	offences  []string
	paths     []string
	inFlight  int
	parallels int
}

// New returns a fake over a world. Changes of the world show at once.
func New(w *schooltest.World, o Options) *Server {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&o.Idle, 40 * time.Minute}, {&o.Life, 3 * time.Hour}, {&o.LoginIdle, time.Hour}, {&o.AccessLife, 10 * time.Minute}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	s := &Server{
		world: w, now: o.Now, sso: o.SSO, o: o,
		sessions: map[string]*session{}, logins: map[string]*signIn{}, relays: map[string]relay{},
		verifiers: map[string]relay{}, passwords: map[string]string{}, guids: map[string]string{},
		codes: map[string]*device{}, access: map[string]access{}, oneTime: map[string]string{},
	}
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

// Mount makes the city's sign-in answer for the platform's hosts as well, so
// that it can be the one transport or handler for all fakes that share it.
func (s *Server) Mount() {
	for _, h := range Hosts() {
		s.sso.Mount(h, s)
	}
}

// SSO returns the city's sign-in, with its pretend phone.
func (s *Server) SSO() *stockholmtest.Server { return s.sso }

// World returns the world that is served.
func (s *Server) World() *schooltest.World { return s.world }

// Change changes the options for what happens from now on; it must not call
// the server.
func (s *Server) Change(f func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.o)
}

// Before sets a function that is called with the path of each request before
// it is answered. It may call the server's methods.
func (s *Server) Before(f func(path string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Inject adds a fault.
func (s *Server) Inject(f faketest.Fault) { s.faults.Inject(f) }

// Heal takes all faults away, coming expiries and odd pupils included.
func (s *Server) Heal() {
	s.faults.Heal()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire, s.before = 0, nil
	s.o.Lies, s.o.Stuck, s.o.SwitchFails = 0, false, false
}

// Requests returns "host/path" of every request to the platform so far, in
// their order, without queries.
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

// offend notes an offence. The caller holds the lock.
func (s *Server) offend(r *http.Request, what string) {
	if len(s.offences) < 1000 {
		s.offences = append(s.offences, r.Method+" "+r.URL.Path+": "+what)
	}
}

// begin counts a request in; the returned function counts it out.
func (s *Server) begin(r *http.Request) (done func()) {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil {
		before(strings.ToLower(r.URL.Path))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.paths) >= 100000 {
		s.paths = s.paths[1:]
	}
	s.paths = append(s.paths, hostOf(r)+r.URL.Path)
	s.inFlight++
	s.parallels = max(s.parallels, s.inFlight)
	if s.expire > 0 {
		if s.expire--; s.expire == 0 {
			s.killAll()
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.inFlight--
	}
}

func hostOf(r *http.Request) string {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	host, _, _ = strings.Cut(host, ":")
	return strings.ToLower(host)
}

// own reports whether a host is the platform's.
func own(host string) bool {
	return slices.Contains(Hosts(), host)
}

// ServeHTTP implements [http.Handler]. Hosts other than the platform's own
// are the city's sign-in.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !own(hostOf(r)) {
		s.sso.ServeHTTP(w, r)
		return
	}
	defer s.begin(r)()
	faketest.Serve(w, r, s.respond(r))
}

// RoundTrip implements [http.RoundTripper].
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if !own(hostOf(r)) {
		return s.sso.RoundTrip(r)
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	done := s.begin(r)
	return faketest.Respond(r, s.respond(r), done)
}

// respond finds the answer to a request, spoilt by the faults that concern it.
func (s *Server) respond(r *http.Request) *faketest.Answer {
	a := s.route(r)
	s.faults.Spoil(r, a)
	return a
}

func (s *Server) route(r *http.Request) *faketest.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.UserAgent() == "" {
		s.offend(r, "no User-Agent")
	}
	var a *faketest.Answer
	switch hostOf(r) {
	case LoginHost:
		a = s.serveLogin(r)
	case SSOHost:
		a = s.serveSSO(r)
	case DeviceHost:
		a = s.serveTokens(r)
	case APIHost, OtherAPIHost:
		a = s.serveAPI(r)
	case CalendarHost:
		a = s.serveCalendar(r)
	default:
		a = s.serveHub(r)
	}
	if lines := a.Header.Values("Set-Cookie"); s.o.Merged && len(lines) > 1 {
		a.Header.Set("Set-Cookie", strings.Join(lines, ", "))
	}
	return a
}

func notFound() *faketest.Answer {
	return faketest.Page(http.StatusNotFound, "<html><head><title>404 - File or directory not found.</title></head></html>")
}

var _ http.RoundTripper = (*Server)(nil)
