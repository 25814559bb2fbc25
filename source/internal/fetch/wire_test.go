package fetch_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source"
	"syncd/source/internal/fetch"
)

// TestMain makes the certificate of httptest's servers one that the process
// trusts: the client's own transport is tested as it is, and SSL_CERT_FILE is
// what an owner of a private proxy would set too.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	dir, err := os.MkdirTemp("", "fetch")
	if err != nil {
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if os.WriteFile(file, data, 0o600) != nil || os.Setenv("SSL_CERT_FILE", file) != nil {
		return 1
	}
	return m.Run()
}

// over returns a setup whose requests go to a real server, whatever the host.
func over(t *testing.T, h http.Handler) *setup {
	t.Helper()
	srv := httptest.NewTLSServer(h)
	t.Cleanup(srv.Close)
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, srv.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	t.Cleanup(tr.CloseIdleConnections)
	s := newSetup(nil)
	s.cfg.Transport = tr
	return s
}

func TestAddressesArriveAsIssued(t *testing.T) {
	t.Parallel()
	var got string
	s := over(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/go" {
			w.Header()["Location"] = []string{string(must(io.ReadAll(r.Body)))}
			w.WriteHeader(http.StatusFound)
			return
		}
		got = r.RequestURI
	}))
	c := s.client(t)
	for in, want := range map[string]string{
		"/saml2sso?SAMLRequest=fZ%2f%2Bx%3d%3D&SigAlg=http%3A%2F%2Fwww.w3.org%2F2000%2f09&Signature=%7e~a+b%20c": "",
		"/x?a=b;c=d&&=&e": "", "/x?": "", "/%7Euser/a%2Fb/%c3%a5;v=1,2": "", "/a//b///c": "", "/x?q=%zz&p=100%": "", "/x?a[]=1&b={c}|d^e`f'g\\h": "", "/!$&'()*+,;=:@": "",
		"/a[b]": "", "/a|b%2fc": "/a%7Cb%2fc", "/x y?z w": "/x%20y?z%20w", "/å?ä=ö": "/%C3%A5?%C3%A4=%C3%B6", `/x?"<>`: "/x?%22%3C%3E",
		"/x?a#frag": "/x?a", "": "/", "?q": "/?q",
	} {
		if want == "" {
			want = in
		}
		if _, err := c.Do(t.Context(), fetch.Request{URL: "https://a.example" + in}); err != nil || got != want {
			t.Errorf("Do(%q) sent %q, want %q (%v)", in, got, want, err)
		}
		got = ""
		resp, err := c.Do(t.Context(), fetch.Request{Method: "POST", URL: "https://a.example/go", Body: []byte("https://b.example" + in), Follow: true})
		if err != nil || got != want {
			t.Errorf("redirect to %q sent %q, want %q (%v)", in, got, want, err)
		}
		if err == nil && in != "/x?" && resp.URL.RequestURI() != want {
			t.Errorf("redirect to %q ends at %q", in, resp.URL.RequestURI())
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestCookiesOnTheWire(t *testing.T) {
	t.Parallel()
	odd := []string{`q="a, b"; Path=/; Secure`, "å=ö; Path=/", `BIGip=!x/+=="{3}; path=/; Httponly`}
	var got []string
	s := over(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header["Cookie"]
		if r.URL.Path == "/set" {
			w.Header()["Set-Cookie"] = odd
		}
	}))
	c := s.client(t)
	for _, path := range []string{"/set", "/get"} {
		if _, err := c.Do(t.Context(), fetch.Request{URL: "https://a.example" + path}); err != nil {
			t.Fatalf("Do() = %v", err)
		}
	}
	if diff := cmp.Diff([]string{`q="a, b"; å=ö; BIGip=!x/+=="{3}`}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// hangUp ends a connection under its TLS, with a reset where asked.
func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if c, ok := conn.(*tls.Conn); ok {
		conn = c.NetConn()
	}
	if c, ok := conn.(*net.TCPConn); ok && reset {
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}

func TestTroubleOnTheWire(t *testing.T) {
	t.Parallel()
	packed := gz(t, []byte(strings.Repeat("Läxa. ", 1000)))
	for name, tc := range map[string]struct {
		h    http.HandlerFunc
		want error
	}{
		"reset before the answer": {func(w http.ResponseWriter, _ *http.Request) {
			hangUp(w, true)
		}, source.ErrUnavailable},
		"closed before the answer": {func(w http.ResponseWriter, _ *http.Request) { hangUp(w, false) }, source.ErrUnavailable},
		"reset in the body": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			hangUp(w, true)
		}, source.ErrUnavailable},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, source.ErrUnavailable},
		"cut off in a chunk": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, source.ErrUnavailable},
		"gzip cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed[:len(packed)/2])
		}, source.ErrUnavailable},
		"slow": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "first")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, source.ErrUnavailable},
		"not http": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, canary+"\r\n\r\n")
				_ = conn.Close()
			}
		}, source.ErrUnavailable},
		"huge header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat(canary, 1<<20))
		}, source.ErrUnavailable},
		"good": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") == "gzip" {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(packed)
			}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := over(t, tc.h)
			s.o.Timeout = 2 * time.Second
			began := time.Now()
			_, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/?" + canary})
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				// A reset may be seen as the end of a body that was announced longer.
				if name != "reset in the body" || !errors.Is(err, source.ErrNotUnderstood) {
					t.Errorf("Do() = %v, want %v", err, tc.want)
				}
			}
			if err != nil && strings.Contains(err.Error()+s.log.String(), canary) {
				t.Errorf("something was said: %v", err)
			}
			if d := time.Since(began); d > 20*time.Second {
				t.Errorf("took %s", d)
			}
		})
	}
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	s := newSetup(nil)
	s.cfg.Transport = &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, srv.Listener.Addr().String())
		},
	}
	_, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/"})
	if !errors.Is(err, source.ErrUnavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("Do() = %v, want ErrUnavailable for the certificate", err)
	}
}

func TestConnectionRefused(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := newSetup(nil)
	s.cfg.Transport = &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		},
	}
	_, err = s.client(t).Do(t.Context(), fetch.Request{URL: "https://a.example/"})
	if !errors.Is(err, source.ErrUnavailable) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Do() = %v, want connection refused", err)
	}
}

// TestPrivateAddressesAreRefused changes the environment and so runs alone.
func TestPrivateAddressesAreRefused(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, "")
	}
	for _, host := range []string{"localhost", "127.0.0.1", "192.168.1.1", "[::1]", "169.254.169.254", "10.0.0.1"} {
		s := newSetup(nil)
		s.cfg.Transport = nil
		s.o.Allow = []fetch.Rule{{"GET", strings.Trim(host, "[]"), "/*"}}
		if strings.Contains(host, ":") {
			continue // a rule's host has no colons; such an address is never allowed
		}
		_, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://" + host + "/?" + canary})
		if !errors.Is(err, fetch.ErrNotAllowed) || errors.Is(err, source.ErrUnavailable) {
			t.Errorf("Do(%s) = %v, want ErrNotAllowed", host, err)
		}
	}
}

func TestPublic(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true, "193.0.0.1": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.0.1": false, "169.254.169.254": false,
		"0.0.0.0": false, "0.1.2.3": false, "100.64.0.1": false, "192.0.0.8": false, "198.18.0.1": false, "224.0.0.1": false,
		"240.0.0.1": false, "255.255.255.255": false,
		"::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false,
	} {
		if got := fetch.Public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("public(%s) = %t, want %t", addr, got, want)
		}
	}
}

// TestProxy changes the environment and so runs alone. It goes through the
// client's own transport: to a proxy on a private address, whose target the
// client does not resolve.
func TestProxy(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host)
	}))
	defer srv.Close()
	var tunnels atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "example.com:443" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		tunnels.Add(1)
		tunnel(w, r, srv.Listener.Addr().String())
	}))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	s := newSetup(nil)
	s.cfg.Transport = nil
	s.o.Allow = []fetch.Rule{{"GET", "example.com", "/*"}, {"GET", "10.0.0.1", "/*"}}
	c := s.client(t)
	resp, err := c.Do(t.Context(), fetch.Request{URL: "https://example.com/"})
	if err != nil || string(resp.Body) != "example.com" || tunnels.Load() != 1 {
		t.Errorf("Do() by proxy = %v after %d tunnels", err, tunnels.Load())
	}
	if _, err := c.Do(t.Context(), fetch.Request{URL: "https://10.0.0.1/"}); !errors.Is(err, fetch.ErrNotAllowed) {
		t.Errorf("Do() of a private address by proxy = %v, want ErrNotAllowed", err)
	}
	t.Setenv("NO_PROXY", "10.0.0.0/8,localhost")
	s.o.Allow = []fetch.Rule{{"GET", "localhost", "/*"}}
	if _, err := s.client(t).Do(t.Context(), fetch.Request{URL: "https://localhost/"}); !errors.Is(err, fetch.ErrNotAllowed) {
		t.Errorf("Do() past the proxy = %v, want ErrNotAllowed", err)
	}
}

// tunnel joins a CONNECT request with addr until either side ends.
func tunnel(w http.ResponseWriter, r *http.Request, addr string) {
	up, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", addr)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = up.Close() }()
	down, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = down.Close() }()
	_, _ = io.WriteString(down, "HTTP/1.1 200 Connection established\r\n\r\n")
	done := make(chan struct{}, 2)
	pipe := func(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from); done <- struct{}{} }
	go pipe(up, bufio.NewReader(buf))
	go pipe(down, up)
	<-done
}
