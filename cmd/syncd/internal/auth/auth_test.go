package auth_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/auth"
	"syncd/source/school"
)

// store is the simplest store that keeps its promises.
type store struct {
	mu        sync.Mutex
	guardians map[string]auth.Guardian
	invites   map[[32]byte]time.Time
	signIns   map[[32]byte]signIn
	links     map[school.LinkID]school.Link
	passwords map[school.LinkID][32]byte
	touched   []school.Date
	broken    error // answered by everything when set
}

type signIn struct {
	guardian school.GuardianID
	expires  time.Time
}

func newStore() *store {
	return &store{
		guardians: map[string]auth.Guardian{}, invites: map[[32]byte]time.Time{}, signIns: map[[32]byte]signIn{},
		links: map[school.LinkID]school.Link{}, passwords: map[school.LinkID][32]byte{},
	}
}

func (s *store) Guardian(_ context.Context, user string) (auth.Guardian, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.guardians[user]
	if !ok && s.broken == nil {
		return g, fs.ErrNotExist
	}
	return g, s.broken
}

func (s *store) PutGuardian(_ context.Context, g auth.Guardian) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guardians[g.User] = g
	return s.broken
}

func (s *store) PutInvite(_ context.Context, hash [32]byte, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invites[hash] = expires
	return s.broken
}

func (s *store) TakeInvite(_ context.Context, hash [32]byte, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	expires, ok := s.invites[hash]
	delete(s.invites, hash)
	if s.broken == nil && (!ok || !now.Before(expires)) {
		return fs.ErrNotExist
	}
	return s.broken
}

func (s *store) PutSignIn(_ context.Context, hash [32]byte, g school.GuardianID, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signIns[hash] = signIn{guardian: g, expires: expires}
	return s.broken
}

func (s *store) SignIn(_ context.Context, hash [32]byte) (school.GuardianID, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.signIns[hash]
	if !ok && s.broken == nil {
		return "", time.Time{}, fs.ErrNotExist
	}
	return v.guardian, v.expires, s.broken
}

func (s *store) DeleteSignIn(_ context.Context, hash [32]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.signIns, hash)
	return s.broken
}

func (s *store) DeleteSignIns(_ context.Context, g school.GuardianID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.signIns, func(_ [32]byte, v signIn) bool { return v.guardian == g })
	return s.broken
}

func (s *store) Link(_ context.Context, id school.LinkID) (school.Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.links[id]
	if !ok && s.broken == nil {
		return l, fs.ErrNotExist
	}
	return l, s.broken
}

func (s *store) LinkPassword(_ context.Context, id school.LinkID) ([32]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.passwords[id]
	if !ok && s.broken == nil {
		return h, fs.ErrNotExist
	}
	return h, s.broken
}

func (s *store) TouchLink(_ context.Context, id school.LinkID, day school.Date) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched = append(s.touched, day)
	l := s.links[id]
	l.LastUsed = day.Start(time.UTC)
	s.links[id] = l
	return s.broken
}

// gate is an Auth with a store and a clock that a test moves.
type gate struct {
	*auth.Auth
	store *store
	log   *bytes.Buffer

	mu  sync.Mutex
	now time.Time
}

func (g *gate) clock() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now
}

func (g *gate) pass(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = g.now.Add(d)
}

func newGate(t *testing.T, base string, trusted ...string) *gate {
	t.Helper()
	g := &gate{store: newStore(), log: &bytes.Buffer{}, now: time.Date(2026, 11, 24, 15, 42, 0, 0, time.UTC)}
	c := auth.Config{
		Store: g.store, Now: g.clock, BaseURL: base,
		Log: slog.New(slog.NewTextHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, p := range trusted {
		c.Trusted = append(c.Trusted, netip.MustParsePrefix(p))
	}
	var err error
	if g.Auth, err = auth.New(c); err != nil {
		t.Fatal(err)
	}
	g.Cheapen()
	return g
}

// request returns a request from the machine next door.
func request(t *testing.T, method, target string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	r.RemoteAddr = "192.0.2.7:41000"
	return r
}

// whoever returns the guardian whom the gate sees behind the cookies.
func (g *gate) whoever(t *testing.T, target string, cookies []*http.Cookie) (school.GuardianID, []*http.Cookie) {
	t.Helper()
	r := request(t, http.MethodGet, target)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	var id school.GuardianID
	w := httptest.NewRecorder()
	g.Guardian(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		id, _ = auth.GuardianFrom(r.Context())
	})).ServeHTTP(w, r)
	return id, w.Result().Cookies()
}

const (
	name = "Asta"
	good = "en mening med blåbär"
)

// enrol takes an invitation as name with password good.
func (g *gate) enrol(t *testing.T) []*http.Cookie {
	t.Helper()
	address, err := g.Invite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := g.Accept(w, request(t, http.MethodPost, "/"), tokenOf(address), name, good); err != nil {
		t.Fatal(err)
	}
	return w.Result().Cookies()
}

func tokenOf(address string) string { return address[strings.LastIndex(address, "/")+1:] }

func (g *gate) signIn(t *testing.T, peer, user, password string) ([]*http.Cookie, error) {
	t.Helper()
	r := request(t, http.MethodPost, "/signin")
	r.RemoteAddr = peer
	w := httptest.NewRecorder()
	err := g.SignIn(w, r, user, password)
	return w.Result().Cookies(), err
}

func TestNewWantsItsConfiguration(t *testing.T) {
	t.Parallel()
	full := auth.Config{Store: newStore(), Now: time.Now, Log: slog.New(slog.DiscardHandler), BaseURL: "http://127.0.0.1:8080"}
	if _, err := auth.New(full); err != nil {
		t.Fatalf("New(full) = %v", err)
	}
	for what, spoil := range map[string]func(*auth.Config){
		"store": func(c *auth.Config) { c.Store = nil },
		"clock": func(c *auth.Config) { c.Now = nil },
		"log":   func(c *auth.Config) { c.Log = nil },
		"base":  func(c *auth.Config) { c.BaseURL = "" },
		"ftp":   func(c *auth.Config) { c.BaseURL = "ftp://example.org" },
		"host":  func(c *auth.Config) { c.BaseURL = "https://" },
	} {
		c := full
		spoil(&c)
		if _, err := auth.New(c); err == nil {
			t.Errorf("New without a good %s: no error", what)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	token, _ := auth.NewToken()
	password, _ := auth.NewPassword()
	guardian := auth.Guardian{ID: "g-1", User: "asta-canary", Hash: "hash-canary"}
	var log bytes.Buffer
	l := slog.New(slog.NewJSONHandler(&log, nil))
	l.Info("x", slog.Any("token", token), slog.Any("password", password), slog.Any("guardian", guardian))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		_, _ = fmt.Fprintf(&log, verb+verb+verb, token, password, guardian)
	}
	_, _ = fmt.Fprint(&log, token.GoString(), token.String(), guardian.String())
	for _, secret := range []string{string(token), string(password), "canary", fmt.Sprintf("%x", string(token))} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("printed: %s", log.String())
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	seen := map[auth.Token]bool{}
	for range 1000 {
		token, hash := auth.NewToken()
		if len(token) != 26 || strings.Trim(string(token), "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Fatalf("NewToken() is not 26 characters of base32: %d", len(token))
		}
		if auth.HashToken(string(token)) != hash || auth.HashToken(strings.ToUpper(string(token))) != hash {
			t.Fatal("HashToken does not lead back to NewToken's hash")
		}
		password, hash := auth.NewPassword()
		if len(password) != 29 || strings.Count(string(password), "-") != 5 {
			t.Fatalf("NewPassword() is not six groups of four")
		}
		for _, typed := range []string{
			string(password), strings.ToUpper(string(password)), strings.ReplaceAll(string(password), "-", " "),
			strings.ReplaceAll(string(password), "-", ""), " " + strings.ReplaceAll(string(password), "-", "–") + "\n",
		} {
			if auth.HashPassword(typed) != hash {
				t.Fatalf("HashPassword(password typed as of length %d) is another hash", len(typed))
			}
		}
		if seen[token] || seen[password] {
			t.Fatal("a secret came twice")
		}
		seen[token], seen[password] = true, true
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
