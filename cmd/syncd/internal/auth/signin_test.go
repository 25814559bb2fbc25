package auth_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/auth"
)

func TestInvitationIsGoodOnce(t *testing.T) {
	t.Parallel()
	g := newGate(t, "https://skola.example.org/sub/")
	address, err := g.Invite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://skola.example.org/sub/welcome/"; !strings.HasPrefix(address, want) {
		t.Errorf("Invite() does not begin with %s", want)
	}
	accept := func(token, user, password string) error {
		return g.Accept(httptest.NewRecorder(), request(t, http.MethodPost, "/"), token, user, password)
	}
	// A choice that will not do does not use the address up.
	for _, c := range []struct{ user, password, field string }{
		{"", good, "user"},
		{"två ord", good, "user"},
		{strings.Repeat("a", 65), good, "user"},
		{"a/b", good, "user"},
		{name, "kort", "password"},
		{name, strings.Repeat("a", 257), "password"},
		{"astastina1", "AstaStina1", "password"},
		{name, "ogiltig \xff text", "password"},
	} {
		err := accept(tokenOf(address), c.user, c.password)
		choice, ok := errors.AsType[*auth.ChoiceError](err)
		if !ok || choice.Field() != c.field || !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Accept(%q, %d bytes) = %v, want a refusal of the %s", c.user, len(c.password), err, c.field)
		}
	}
	if err := accept(strings.ToUpper(tokenOf(address)), name, good); err != nil {
		t.Fatalf("Accept = %v", err)
	}
	if err := accept(tokenOf(address), name, good); !errors.Is(err, auth.ErrUsed) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("second Accept = %v, want ErrUsed", err)
	}
	if err := accept("never-made", name, good); !errors.Is(err, auth.ErrUsed) {
		t.Errorf("Accept of an invented token = %v, want ErrUsed", err)
	}
	for hash := range g.store.invites {
		t.Errorf("an invitation was left: %x", hash[:2])
	}
	if strings.Contains(g.log.String(), tokenOf(address)) {
		t.Error("the address is in the log")
	}
}

func TestInvitationDiesAfterAnHour(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		after time.Duration
		want  error
	}{{59 * time.Minute, nil}, {60 * time.Minute, auth.ErrUsed}} {
		g := newGate(t, "http://127.0.0.1:8080")
		address, err := g.Invite(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		g.pass(tt.after)
		err = g.Accept(httptest.NewRecorder(), request(t, http.MethodPost, "/"), tokenOf(address), name, good)
		if !errors.Is(err, tt.want) {
			t.Errorf("Accept after %v = %v, want %v", tt.after, err, tt.want)
		}
	}
}

func TestTwoAtOnceTakeOneInvitation(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	address, err := g.Invite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		r := request(t, http.MethodPost, "/")
		wg.Go(func() { errs[i] = g.Accept(httptest.NewRecorder(), r, tokenOf(address), name, good) })
	}
	wg.Wait()
	taken := 0
	for _, err := range errs {
		if err == nil {
			taken++
		} else if !errors.Is(err, auth.ErrUsed) {
			t.Errorf("Accept = %v, want ErrUsed", err)
		}
	}
	if taken != 1 || len(g.store.guardians) != 1 {
		t.Errorf("%d of 4 took the invitation, %d guardians", taken, len(g.store.guardians))
	}
}

func TestGuessingInvitationsIsSlowed(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	address, err := g.Invite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var busy *auth.BusyError
	for range 6 {
		token, _ := auth.NewToken()
		err := g.Accept(httptest.NewRecorder(), request(t, http.MethodPost, "/"), string(token), name, good)
		busy, _ = errors.AsType[*auth.BusyError](err)
	}
	if busy == nil || busy.Wait() != time.Second {
		t.Fatalf("sixth wrong invitation: %v, want a second's pause", busy)
	}
	g.pass(busy.Wait())
	if err := g.Accept(httptest.NewRecorder(), request(t, http.MethodPost, "/"), tokenOf(address), name, good); err != nil {
		t.Errorf("Accept after the pause = %v", err)
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	g.enrol(t)
	for _, tt := range []struct {
		user, password string
		want           error
	}{
		{name, good, nil},
		{" ASTA ", good, nil},
		{name, "en mening med bla\u030aba\u0308r", nil}, // the same letters as another keyboard sends them
		{name, good + " ", auth.ErrWrong},
		{"Bo", good, auth.ErrWrong},
		{name, "", auth.ErrWrong},
		{strings.Repeat("a", 1000), good, auth.ErrWrong},
		{name, strings.Repeat("a", 100000), auth.ErrWrong},
	} {
		cookies, err := g.signIn(t, "192.0.2.7:1", tt.user, tt.password)
		if !errors.Is(err, tt.want) {
			t.Errorf("SignIn(%.10q) = %v, want %v", tt.user, err, tt.want)
		}
		if (err == nil) != (len(cookies) == 1) {
			t.Errorf("SignIn(%.10q) set %d cookies", tt.user, len(cookies))
		}
		if tt.want != nil && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("SignIn(%.10q) = %v, want fs.ErrPermission", tt.user, err)
		}
	}
}

func TestNewPasswordEndsOtherSignIns(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	old := g.enrol(t)
	address, err := g.Invite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := g.Accept(w, request(t, http.MethodPost, "/"), tokenOf(address), "ASTA", "något helt annat"); err != nil {
		t.Fatal(err)
	}
	if id, _ := g.whoever(t, "/", old); id != "" {
		t.Error("a sign-in with the old password is still good")
	}
	if id, _ := g.whoever(t, "/", w.Result().Cookies()); id == "" {
		t.Error("the one who set the password is not signed in")
	}
	if _, err := g.signIn(t, "192.0.2.7:1", name, good); !errors.Is(err, auth.ErrWrong) {
		t.Errorf("SignIn with the old password = %v", err)
	}
	if len(g.store.guardians) != 1 {
		t.Errorf("%d guardians, want 1", len(g.store.guardians))
	}
}

func TestWrongPasswordsAreSlowed(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	g.enrol(t)
	wrong := func(peer string) time.Duration {
		t.Helper()
		_, err := g.signIn(t, peer, name, "fel fel fel fel")
		if busy, ok := errors.AsType[*auth.BusyError](err); ok {
			return busy.Wait()
		}
		if !errors.Is(err, auth.ErrWrong) {
			t.Fatalf("SignIn = %v", err)
		}
		return 0
	}
	for i := range 5 {
		if pause := wrong("192.0.2.7:1"); pause != 0 {
			t.Fatalf("wrong password %d costs %v", i+1, pause)
		}
	}
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if pause := wrong("192.0.2.7:2"); pause != want {
			t.Fatalf("pause %v, want %v", pause, want)
		}
		g.pass(want)
		if pause := wrong("192.0.2.7:2"); pause != 0 {
			t.Fatalf("after the pause: %v", pause)
		}
	}
	// The right password waits like any other; from elsewhere it passes.
	if _, err := g.signIn(t, "192.0.2.7:1", name, good); err == nil {
		t.Error("the right password passed during the pause")
	}
	if _, err := g.signIn(t, "192.0.2.8:1", name, good); err != nil {
		t.Errorf("SignIn from elsewhere = %v", err)
	}
	// A quarter of an hour later all is forgotten.
	g.pass(15 * time.Minute)
	if pause := wrong("192.0.2.7:1"); pause != 0 {
		t.Errorf("after a quarter of an hour: %v", pause)
	}
}

func TestOneNameIsNotGuessedFromEverywhere(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	for i := range 20 {
		// Addresses of one /64 are one neighbour, those of several are not.
		peer := "[2001:db8:0:" + string(rune('a'+i/5)) + "::" + string(rune('1'+i%5)) + "]:1"
		if _, err := g.signIn(t, peer, "bo", "fel fel fel"); !errors.Is(err, auth.ErrWrong) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	if _, err := g.signIn(t, "[2001:db8:0:a::77]:1", "cleo", "fel fel fel"); !isBusy(err) {
		t.Errorf("sixth try from one /64 = %v, want a pause", err)
	}
	if _, err := g.signIn(t, "198.51.100.1:1", "bo", "fel fel fel"); !isBusy(err) {
		t.Errorf("21st try for one name = %v, want a pause", err)
	}
	if _, err := g.signIn(t, "198.51.100.1:1", "cleo", "fel fel fel"); !errors.Is(err, auth.ErrWrong) {
		t.Errorf("another name from a new peer = %v, want ErrWrong", err)
	}
}

func isBusy(err error) bool {
	_, ok := errors.AsType[*auth.BusyError](err)
	return ok
}

// At full cost, as it runs in earnest.
func TestPasswordsAreHashedOneAtATime(t *testing.T) {
	t.Parallel()
	store := newStore()
	a, err := auth.New(auth.Config{Store: store, Now: time.Now, Log: discard(), BaseURL: "http://127.0.0.1:8080"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetPassword(t.Context(), name, good); err != nil {
		t.Fatal(err)
	}
	if hash := store.guardians["asta"].Hash; !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("stored hash begins %.32s", hash)
	}
	errs := make([]error, 32)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range errs {
		r := request(t, http.MethodPost, "/")
		wg.Go(func() {
			<-start
			errs[i] = a.SignIn(httptest.NewRecorder(), r, name, good)
		})
	}
	close(start)
	wg.Wait()
	passed, refused := 0, 0
	for _, err := range errs {
		switch {
		case err == nil:
			passed++
		case isBusy(err):
			refused++
		default:
			t.Errorf("SignIn = %v", err)
		}
	}
	if passed == 0 || refused == 0 {
		t.Errorf("of 32 at once %d passed and %d were asked to wait, want some of each", passed, refused)
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		base, target, proto, want string
	}{
		"plain":                        {"http://192.168.1.5:8080", "http://192.168.1.5:8080/", "", "syncd"},
		"https by its own address":     {"https://skola.example.org", "http://skola.example.org/", "", "__Host-syncd"},
		"https by a trusted proxy":     {"http://127.0.0.1:8080", "http://127.0.0.1:8080/", "https", "__Host-syncd"},
		"plain at a server with https": {"https://skola.example.org", "http://192.168.1.5:8080/", "", "syncd"},
	} {
		g := newGate(t, tt.base, "192.0.2.7/32")
		address, err := g.Invite(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := request(t, http.MethodPost, tt.target)
		if tt.proto != "" {
			r.Header.Set("X-Forwarded-Proto", tt.proto)
		}
		w := httptest.NewRecorder()
		if err := g.Accept(w, r, tokenOf(address), "asta", good); err != nil {
			t.Fatal(err)
		}
		c := w.Result().Cookies()[0]
		if c.Name != tt.want || c.Secure != (tt.want == "__Host-syncd") || !c.HttpOnly ||
			c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 30*24*3600 {
			t.Errorf("%s: cookie %+v", name, c)
		}
		for hash := range g.store.signIns {
			if hash != auth.HashToken(c.Value) {
				t.Errorf("%s: what is stored is not the hash of the cookie", name)
			}
		}
	}
}

func TestPlantedPlainCookieDoesNotCountByHTTPS(t *testing.T) {
	t.Parallel()
	g := newGate(t, "https://skola.example.org")
	r := request(t, http.MethodPost, "http://192.168.1.5/")
	address, err := g.Invite(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := g.Accept(w, r, tokenOf(address), name, good); err != nil {
		t.Fatal(err)
	}
	plain := w.Result().Cookies()
	if id, _ := g.whoever(t, "http://192.168.1.5/", plain); id == "" {
		t.Error("the cookie does not count where it was set")
	}
	if id, _ := g.whoever(t, "http://skola.example.org/", plain); id != "" {
		t.Error("a cookie set by plain http counts by https")
	}
}

func TestSignInLastsWhileUsed(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	cookies := g.enrol(t)
	if _, set := g.whoever(t, "/", cookies); len(set) != 0 {
		t.Error("a fresh sign-in was prolonged")
	}
	for range 10 { // 290 days in steps
		g.pass(29 * 24 * time.Hour)
		id, set := g.whoever(t, "/", cookies)
		if id == "" || len(set) != 1 {
			t.Fatalf("after 29 days: guardian %q, %d cookies", id, len(set))
		}
	}
	g.pass(30 * 24 * time.Hour)
	if id, _ := g.whoever(t, "/", cookies); id != "" {
		t.Error("signed in after 30 days without use")
	}
	if len(g.store.signIns) != 0 {
		t.Error("an expired sign-in was kept")
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	cookies := g.enrol(t)
	r := request(t, http.MethodPost, "/signout")
	r.AddCookie(cookies[0])
	w := httptest.NewRecorder()
	if err := g.SignOut(w, r); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.Result().Cookies() {
		if c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("cookie %s is not taken away", c.Name)
		}
	}
	if id, _ := g.whoever(t, "/", cookies); id != "" {
		t.Error("signed in after sign-out")
	}
	if err := g.SignOut(httptest.NewRecorder(), request(t, http.MethodPost, "/signout")); err != nil {
		t.Errorf("SignOut of nobody = %v", err)
	}
}

func TestInventedCookies(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	g.enrol(t)
	invented, _ := auth.NewToken()
	for _, value := range []string{"", "x", string(invented), strings.Repeat("a", 4000)} {
		if id, _ := g.whoever(t, "/", []*http.Cookie{{Name: "syncd", Value: value}}); id != "" {
			t.Errorf("a cookie of %d characters is signed in", len(value))
		}
	}
}

func TestStoreTroubleIsNotASignIn(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	cookies := g.enrol(t)
	g.store.broken = errors.New("disk is gone")
	r := request(t, http.MethodGet, "/")
	r.AddCookie(cookies[0])
	w := httptest.NewRecorder()
	g.Guardian(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the page was shown")
	})).ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("status %d, body %q", w.Code, w.Body)
	}
	if !strings.Contains(g.log.String(), "disk is gone") || strings.Contains(g.log.String(), cookies[0].Value) {
		t.Errorf("log: %s", g.log)
	}
	if _, err := g.signIn(t, "192.0.2.7:1", name, good); !errors.Is(err, g.store.broken) {
		t.Errorf("SignIn = %v", err)
	}
	if err := g.SignOut(httptest.NewRecorder(), r); !errors.Is(err, g.store.broken) {
		t.Errorf("SignOut = %v", err)
	}
	if _, err := g.Invite(t.Context()); !errors.Is(err, g.store.broken) {
		t.Errorf("Invite = %v", err)
	}
	if err := g.Accept(httptest.NewRecorder(), r, "token", name, good); !errors.Is(err, g.store.broken) {
		t.Errorf("Accept = %v", err)
	}
}

func TestForeignHashIsAnError(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	for _, hash := range []string{
		"x", "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA", "$argon2id$v=19$m=64,t=2,p=1$AAAA",
		"$argon2id$v=19$m=64,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=2,p=1$?$?",
	} {
		g.store.guardians["asta"] = auth.Guardian{ID: "g", User: "asta", Hash: hash}
		if _, err := g.signIn(t, "192.0.2.7:1", name, good); err == nil || errors.Is(err, auth.ErrWrong) {
			t.Errorf("SignIn with stored hash %.12q = %v, want an error of our own", hash, err)
		}
	}
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	old := g.enrol(t)
	if err := g.SetPassword(t.Context(), name, "kort"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("SetPassword(short) = %v, want a refusal", err)
	}
	if id, _ := g.whoever(t, "/", old); id == "" {
		t.Error("a refused password ended the sign-in")
	}
	if err := g.SetPassword(t.Context(), " ASTA", "något helt annat"); err != nil {
		t.Fatal(err)
	}
	if id, _ := g.whoever(t, "/", old); id != "" {
		t.Error("a sign-in with the old password is still good")
	}
	if _, err := g.signIn(t, "192.0.2.7:1", name, "något helt annat"); err != nil {
		t.Errorf("SignIn with the new password = %v", err)
	}
	if err := g.SetPassword(t.Context(), "bo", good); err != nil || len(g.store.guardians) != 2 {
		t.Errorf("SetPassword(new name) = %v, %d guardians", err, len(g.store.guardians))
	}
	g.store.broken = errors.New("disk is gone")
	if err := g.SetPassword(t.Context(), name, good); !errors.Is(err, g.store.broken) {
		t.Errorf("SetPassword with a broken store = %v", err)
	}
}
