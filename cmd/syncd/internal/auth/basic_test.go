package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/auth"
	"syncd/source/school"
)

const linkID = school.LinkID("l-k4zq7m2d")

// device makes a link and returns its password and a handler behind Basic.
func (g *gate) device(t *testing.T) (string, http.Handler) {
	t.Helper()
	password, hash := auth.NewPassword()
	g.store.links[linkID] = school.Link{ID: linkID, Label: "Telefon"}
	g.store.passwords[linkID] = hash
	return string(password), g.Basic(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ok := auth.LinkFrom(r.Context())
		if !ok || id != linkID {
			t.Errorf("LinkFrom = %q, %v", id, ok)
		}
		w.WriteHeader(http.StatusMultiStatus)
	}))
}

func ask(t *testing.T, h http.Handler, peer, user, password string) *httptest.ResponseRecorder {
	t.Helper()
	r := request(t, "PROPFIND", "/dav/")
	r.RemoteAddr = peer
	if user != "" || password != "" {
		r.SetBasicAuth(user, password)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const loopback = "127.0.0.1:4711"

func TestBasic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "http://127.0.0.1:8080")
		password, h := g.device(t)
		for name, tt := range map[string]struct {
			peer, user, password string
			want                 int
		}{
			"right":                  {loopback, string(linkID), password, 207},
			"retyped":                {loopback, " L" + string(linkID)[1:], strings.ToUpper(strings.ReplaceAll(password, "-", " ")), 207},
			"wrong":                  {loopback, string(linkID), "aaaa-bbbb-cccc-dddd-eeee-ffff", 401},
			"empty":                  {loopback, string(linkID), "", 401},
			"no user":                {loopback, "", password, 401},
			"nothing":                {loopback, "", "", 401},
			"other link":             {loopback, "l-other", password, 401},
			"endless user":           {loopback, strings.Repeat("a", 5000), password, 401},
			"endless password":       {loopback, string(linkID), strings.Repeat("a", 50000), 401},
			"right, but not private": {"192.168.1.7:1", string(linkID), password, 403},
			"nothing, not private":   {"192.168.1.7:1", "", "", 403},
		} {
			w := ask(t, h, tt.peer, tt.user, tt.password)
			if w.Code != tt.want {
				t.Errorf("%s: status %d, want %d", name, w.Code, tt.want)
			}
			if challenged := w.Header().Get("WWW-Authenticate") == `Basic realm="syncd", charset="UTF-8"`; challenged != (tt.want == 401) {
				t.Errorf("%s: challenge %q", name, w.Header().Get("WWW-Authenticate"))
			}
			if tt.want == 403 && !strings.Contains(w.Body.String(), "SYNCD_TRUSTED_PROXIES") {
				t.Errorf("%s: the answer does not say what to set: %q", name, w.Body)
			}
		}
		if strings.Contains(g.log.String(), password) {
			t.Error("the password is in the log")
		}
	})
}

func TestDeadLinksGetIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "http://127.0.0.1:8080")
		password, h := g.device(t)
		living := g.store.links[linkID]
		for name, change := range map[string]func(*school.Link){
			"revoked":   func(l *school.Link) { l.Revoked = g.clock() },
			"expired":   func(l *school.Link) { l.Expires = g.clock() },
			"suspended": func(l *school.Link) { l.Suspended = g.clock() },
		} {
			if w := ask(t, h, loopback, string(linkID), password); w.Code != 207 {
				t.Fatalf("before: status %d", w.Code)
			}
			dead := living
			change(&dead)
			g.store.links[linkID] = dead
			if w := ask(t, h, loopback, string(linkID), password); w.Code != 401 {
				t.Errorf("%s: status %d, want 401", name, w.Code)
			}
			g.store.links[linkID] = living
		}
		_, g.store.passwords[linkID] = auth.NewPassword()
		if w := ask(t, h, loopback, string(linkID), password); w.Code != 401 {
			t.Errorf("changed password: status %d, want 401", w.Code)
		}
		delete(g.store.links, linkID)
		if w := ask(t, h, loopback, string(linkID), password); w.Code != 401 {
			t.Errorf("unknown: status %d, want 401", w.Code)
		}
	})
}

func TestUseIsNotedByTheDay(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080") // 16:42 in Stockholm
	password, h := g.device(t)
	ask(t, h, loopback, string(linkID), password)
	g.pass(7 * time.Hour) // 23:42
	ask(t, h, loopback, string(linkID), password)
	g.pass(30 * time.Minute) // 00:12, though the same day in UTC
	ask(t, h, loopback, string(linkID), password)
	ask(t, h, loopback, string(linkID), "wrong")
	day := func(d int) school.Date { return school.Date{Year: 2026, Month: 11, Day: d} }
	if want := []school.Date{day(24), day(24), day(25)}; !slices.Equal(g.store.touched, want) {
		t.Errorf("noted for %v, want %v", g.store.touched, want)
	}
}

func TestWrongAppPasswordsAreAnsweredSlowly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "http://127.0.0.1:8080")
		password, h := g.device(t)
		for i := range 20 {
			start := time.Now()
			w := ask(t, h, loopback, string(linkID), "wrong")
			want := min(2*time.Second, time.Duration(i+1)*250*time.Millisecond)
			if got := time.Since(start); w.Code != 401 || got != want {
				t.Errorf("wrong password %d: status %d after %v, want 401 after %v", i+1, w.Code, got, want)
			}
		}
		start := time.Now()
		w := ask(t, h, loopback, string(linkID), "wrong")
		if w.Code != 429 || w.Header().Get("Retry-After") != "60" || time.Since(start) != 0 {
			t.Errorf("after 20: status %d, Retry-After %q, %v", w.Code, w.Header().Get("Retry-After"), time.Since(start))
		}
		// The telephone beside it has the right password and does not suffer.
		start = time.Now()
		if w := ask(t, h, loopback, string(linkID), password); w.Code != 207 || time.Since(start) != 0 {
			t.Errorf("right password: status %d after %v", w.Code, time.Since(start))
		}
		g.pass(15 * time.Minute)
		if w := ask(t, h, loopback, string(linkID), "wrong"); w.Code != 401 {
			t.Errorf("a quarter of an hour later: status %d", w.Code)
		}
	})
}

// TestWrongAppPasswordsCountByPeerAndLink guesses at one link: neither another
// link nor another address waits for it.
func TestWrongAppPasswordsCountByPeerAndLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "http://127.0.0.1:8080")
		_, h := g.device(t)
		wait := func(peer, link string) time.Duration {
			start := time.Now()
			if w := ask(t, h, peer, link, "wrong"); w.Code != 401 {
				t.Errorf("%s of %s: status %d", link, peer, w.Code)
			}
			return time.Since(start)
		}
		first := wait(loopback, string(linkID))
		for range 5 {
			wait(loopback, string(linkID))
		}
		if got := wait(loopback, string(linkID)); got != 7*first {
			t.Errorf("the seventh wrong password is answered after %v, want %v", got, 7*first)
		}
		for _, other := range [][2]string{{loopback, "l-other"}, {"[::1]:4711", string(linkID)}} {
			if got := wait(other[0], other[1]); got != first {
				t.Errorf("%v is answered after %v, want %v", other, got, first)
			}
		}
	})
}

func TestSlowAnswersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "http://127.0.0.1:8080")
		_, h := g.device(t)
		codes := make([]int, 100)
		var wg sync.WaitGroup
		for i := range codes {
			wg.Go(func() { codes[i] = ask(t, h, loopback, "l-"+strings.Repeat("x", i%60), "wrong").Code })
		}
		wg.Wait()
		count := map[int]int{}
		for _, c := range codes {
			count[c]++
		}
		if count[401] != 16 || count[429] != 84 {
			t.Errorf("statuses %v, want 16 slow answers and 84 refusals", count)
		}
	})
}

func TestManyPeersAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, "http://127.0.0.1:8080", "127.0.0.1/32")
		_, h := g.device(t)
		wrong := func(peer string) time.Duration {
			r := request(t, "PROPFIND", "/dav/")
			r.RemoteAddr = loopback
			r.Header.Set("X-Forwarded-For", peer)
			r.Header.Set("X-Forwarded-Proto", "https")
			r.SetBasicAuth(string(linkID), "wrong")
			start := time.Now()
			h.ServeHTTP(httptest.NewRecorder(), r)
			return time.Since(start)
		}
		first := wrong("198.51.100.1")
		if again := wrong("198.51.100.1"); again != 2*first {
			t.Fatalf("second wrong answer after %v, first after %v", again, first)
		}
		for i := range 2100 {
			g.pass(time.Millisecond)
			wrong("10." + strconv.Itoa(i>>8) + "." + strconv.Itoa(i&255) + ".1")
		}
		if got := wrong("198.51.100.1"); got != first {
			t.Errorf("after 2100 others: %v, want %v: memory is not bounded", got, first)
		}
	})
}

func TestStoreTroubleIsNotAWrongPassword(t *testing.T) {
	t.Parallel()
	g := newGate(t, "http://127.0.0.1:8080")
	password, h := g.device(t)
	g.store.broken = errors.New("disk is gone")
	w := ask(t, h, loopback, string(linkID), password)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("status %d, body %q", w.Code, w.Body)
	}
	if !strings.Contains(g.log.String(), "disk is gone") || strings.Contains(g.log.String(), password) {
		t.Errorf("log: %s", g.log)
	}
}

func FuzzBasic(f *testing.F) {
	f.Add("Basic bC1rNHpxN20yZDphYmNk")
	f.Add("Basic ===")
	f.Add("Bearer x")
	f.Add("basic \x00\xff")
	f.Fuzz(func(t *testing.T, header string) {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(t, "http://127.0.0.1:8080")
			g.store.links[linkID] = school.Link{ID: linkID}
			g.store.passwords[linkID] = auth.HashPassword("abcd-efgh-ijkl-mnop-qrst-uvwx")
			passed := false
			h := g.Basic(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed = true }))
			r := request(t, "PROPFIND", "/dav/")
			r.RemoteAddr = loopback
			r.Header["Authorization"] = []string{header}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			user, password, _ := r.BasicAuth()
			right := strings.ToLower(strings.TrimSpace(user)) == string(linkID) &&
				auth.HashPassword(password) == auth.HashPassword("abcdefghijklmnopqrstuvwx")
			if passed != right || (!passed && w.Code != http.StatusUnauthorized) {
				t.Errorf("Authorization %q: passed %v, status %d", header, passed, w.Code)
			}
		})
	})
}

func BenchmarkBasic(b *testing.B) {
	store := newStore()
	a, err := auth.New(auth.Config{Store: store, Now: time.Now, Log: discard(), BaseURL: "http://127.0.0.1:8080"})
	if err != nil {
		b.Fatal(err)
	}
	password, hash := auth.NewPassword()
	store.links[linkID] = school.Link{ID: linkID, LastUsed: time.Now()}
	store.passwords[linkID] = hash
	h := a.Basic(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequestWithContext(b.Context(), "PROPFIND", "/dav/", nil)
	r.RemoteAddr = loopback
	r.SetBasicAuth(string(linkID), string(password))
	w := httptest.NewRecorder()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
