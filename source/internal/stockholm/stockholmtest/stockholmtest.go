// Package stockholmtest is a fake of the City of Stockholm's identity
// provider: the method chooser, BankID and Freja pages, SAML hand-over, their
// redirects and cookies, and a pretend phone that scans, approves or refuses.
// It insists on a real client's manners and notes every offence.
//
// A [Server] stands for both hosts of the city. It is an [http.Handler],
// which answers by Host, and an [http.RoundTripper], which answers without a
// network. Fakes of other hosts are added with [Server.Mount], or send it what
// is not theirs.
//
// It starts no goroutine and waits for nothing: how far an order is follows
// from the clock at the moment it is asked for, so that it works under a test's
// clock and a demo's alike. It never imports the package that it tests
// against, so that a mistake in one cannot be hidden by the same mistake in
// the other, and never "testing".
package stockholmtest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The city's hosts.
const (
	LoginHost = "login001.stockholm.se" // method chooser, SAML, start pages
	PageHost  = "login003.stockholm.se" // BankID and Freja pages
)

// Person is somebody with BankID and Freja.
type Person struct {
	PersonalNumber string // twelve digits
	Name           string
}

// Options are what a server is made with. The zero value of each means what
// the city does.
type Options struct {
	Now     func() time.Time // the clock; required
	Persons []Person         // who can get a Freja push

	OrderLife   time.Duration // of an order that nobody opened; 0: 3 minutes
	SignLife    time.Duration // of an order that was opened; 0: 3 minutes
	SessionLife time.Duration // of a sign-in, however used; 0: until killed

	DeadOrders int  // so many of the next BankID orders say ERROR at once
	Bounces    int  // so many signed persons see the login page once more
	Stale      int  // so many SAML assertions answer 400
	QRToken    bool // answers to QR orders hold an autostart token too
	NoFrames   bool // polls of QR orders bring no new frame
	OldWords   bool // polls answer with the single words of before 2023
	OneL       bool // BankID says CANCELED, Freja says CANCELLED
	FrejaJSON  bool // Freja's status comes as JSON
	Merged     bool // Set-Cookie lines come merged into one
}

// Server is the fake. All its methods are safe for concurrent use.
type Server struct {
	now func() time.Time

	mu       sync.Mutex
	o        Options
	mounted  map[string]http.Handler
	hook     func(*http.Request) http.Handler
	visits   map[string]*visit    // by the value of the page host's cookie
	sessions map[string]*session  // by every living value of SMSESSION
	orders   map[string]*order    // by id
	saml     map[string]*saml     // by SAMLRequest
	trips    map[string]*saml     // by transaction id
	answers  map[string]assertion // by SAMLResponse
	current  *order               // what the phone shows
	auto     autoPhone
	offences []string
	requests []string
}

// New returns a fake without sign-ins. It panics nowhere and needs no end.
func New(o Options) *Server {
	if o.OrderLife == 0 {
		o.OrderLife = 3 * time.Minute
	}
	if o.SignLife == 0 {
		o.SignLife = 3 * time.Minute
	}
	return &Server{
		now: o.Now, o: o,
		mounted: map[string]http.Handler{}, visits: map[string]*visit{}, sessions: map[string]*session{},
		orders: map[string]*order{}, saml: map[string]*saml{}, trips: map[string]*saml{}, answers: map[string]assertion{},
	}
}

// Change changes the options for what happens from now on. Now and Persons
// included; it must not call the server.
func (s *Server) Change(f func(*Options)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.o)
}

// Mount makes the server answer for another host by way of h.
func (s *Server) Mount(host string, h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mounted[host] = h
}

// Hook sets a function that sees every request first, those to mounted hosts
// too. The handler that it returns answers in the server's place; nil lets
// the server answer. It may call the server's methods.
func (s *Server) Hook(f func(*http.Request) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = f
}

// Offences returns what a well-behaved client would not have done, in this
// package's own words.
func (s *Server) Offences() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.offences...)
}

// Requests returns "METHOD host/path" of every request so far, in their
// order, without queries; of the words in a query only initialize, verifyorder
// and action are shown, as "?initialize=qr", "?verifyorder" or
// "?action=init".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// offend notes an offence. The caller holds the lock.
func (s *Server) offend(what string) {
	if len(s.offences) < 1000 {
		s.offences = append(s.offences, what)
	}
}

// note remembers a request. The caller holds the lock.
func (s *Server) note(r *http.Request) {
	if len(s.requests) >= 10000 {
		s.requests = s.requests[1:]
	}
	line := r.Method + " " + host(r) + r.URL.Path
	q := r.URL.Query()
	switch {
	case q.Has("verifyorder"):
		line += "?verifyorder"
	case q.Has("initialize"):
		line += "?initialize=" + q.Get("initialize")
	case q.Has("action"):
		line += "?action=" + q.Get("action")
	}
	s.requests = append(s.requests, line)
}

func host(r *http.Request) string {
	name, _, _ := strings.Cut(r.Host, ":")
	return strings.ToLower(name)
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.note(r)
	if r.UserAgent() == "" {
		s.offend("a request without User-Agent")
	}
	hook, h := s.hook, s.mounted[host(r)]
	s.mu.Unlock()
	if hook != nil {
		if other := hook(r); other != nil {
			other.ServeHTTP(w, r)
			return
		}
	}
	if h != nil {
		h.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch host(r) {
	case PageHost:
		s.servePage(w, r)
	case LoginHost:
		s.serveLogin(w, r)
	default:
		s.offend("a request to a host that nobody answers for")
		answer(w, http.StatusNotFound, "text/html", "<html><title>404</title></html>")
	}
}

// RoundTrip implements [http.RoundTripper]: the same answers without a
// network.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = in.URL.RequestURI()
	rec := &recorder{header: http.Header{}}
	s.ServeHTTP(rec, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.response(r)
}

// recorder is a ResponseWriter that keeps what is written.
type recorder struct {
	status int
	header http.Header
	sent   http.Header
	body   bytes.Buffer
}

func (rec *recorder) Header() http.Header { return rec.header }

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status, rec.sent = status, rec.header.Clone()
	}
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	return rec.body.Write(p)
}

func (rec *recorder) response(r *http.Request) (*http.Response, error) {
	rec.WriteHeader(http.StatusOK)
	resp := &http.Response{
		Status: strconv.Itoa(rec.status) + " " + http.StatusText(rec.status), StatusCode: rec.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: rec.sent, ContentLength: int64(rec.body.Len()), Request: r,
	}
	var body io.Reader = &rec.body
	if told := rec.sent.Get("Content-Length"); told != "" {
		n, err := strconv.ParseInt(told, 10, 64)
		if err != nil {
			return nil, errors.New("stockholmtest: malformed Content-Length")
		}
		if n > resp.ContentLength {
			body = io.MultiReader(body, cutOff{})
		}
		resp.ContentLength = n
	}
	resp.Body = io.NopCloser(body)
	return resp, nil
}

// cutOff ends a body before its announced end.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func answer(w http.ResponseWriter, status int, kind, body string) {
	if kind == "text/html" {
		kind = "text/html; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	answer(w, http.StatusFound, "text/html", "<html><head><title>Document moved</title></head></html>")
}

// uuid returns a random identifier in the form of a UUID.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
