package e2e_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"syncd/cmd/syncd/internal/app"
	"syncd/storage/storagetest"
)

// TestHTTPIsSentOn runs the program with a certificate of its own, and beside
// it the port for http: whatever is asked for there leads to the same address
// of the base URL, in whose name or by which method it may be asked, and
// nothing of it is in the log.
func TestHTTPIsSentOn(t *testing.T) {
	t.Parallel()
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	certified.Close() // its certificate is good for 127.0.0.1
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return ln
	}
	secure, plain := listen(), listen()
	base, written := "https://"+secure.Addr().String(), &logs{}
	a, err := app.New(t.Context(), app.Config{
		DB: storagetest.Open(t), DataDir: t.TempDir(), BaseURL: base, Platforms: app.Platforms(), Now: now, TLS: certified.TLS,
		Redirect: plain, Log: slog.New(slog.NewTextHandler(written, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx, secure) }()

	client := certified.Client()
	if resp, err := client.Get("http://" + plain.Addr().String() + "/readyz"); err != nil || resp.StatusCode != http.StatusOK || resp.Request.URL.Scheme != "https" {
		t.Errorf("a client that follows: %v", err)
	} else {
		_ = resp.Body.Close()
	}
	// A program that follows with what it sent: no PROPFIND becomes a GET.
	propfind, err := http.NewRequestWithContext(t.Context(), "PROPFIND", "http://"+plain.Addr().String()+"/dav/", strings.NewReader("<x/>"))
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := client.Do(propfind); err != nil || resp.Request.Method != "PROPFIND" || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a PROPFIND that is followed: %+v, %v", resp, err)
	} else {
		_ = resp.Body.Close()
	}
	for _, tc := range []struct{ request, location string }{
		{"GET /c/canarytoken/1-events.ics?v=2 HTTP/1.1", "/c/canarytoken/1-events.ics?v=2"},
		{"HEAD /f/canarytoken/1-news.atom HTTP/1.1", "/f/canarytoken/1-news.atom"},
		{"PROPFIND /dav/ HTTP/1.1", "/dav/"},
		{"GET //evil.example/canarytoken HTTP/1.1", "//evil.example/canarytoken"},
		{"GET http://evil.example/canarytoken HTTP/1.1", "/canarytoken"},
		{"GET /a%20b%0d%0aX:%20canarytoken HTTP/1.1", "/a%20b%0d%0aX:%20canarytoken"},
		{"OPTIONS * HTTP/1.1", "/"},
	} {
		status, header, body := raw(t, plain.Addr().String(), tc.request)
		if tc.request == "OPTIONS * HTTP/1.1" && status == http.StatusOK {
			continue // answered by net/http itself
		}
		want := http.StatusPermanentRedirect
		if strings.HasPrefix(tc.request, "GET ") || strings.HasPrefix(tc.request, "HEAD ") {
			want = http.StatusMovedPermanently
		}
		if status != want || header.Get("Location") != base+tc.location || body != "" || header.Get("X") != "" {
			t.Errorf("%s: %d to %q with %q, want %s", tc.request, status, header.Get("Location"), body, base+tc.location)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stop: %v", err)
	}
	if conn, err := net.Dial("tcp", plain.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("the port for http is still open")
	}
	for _, secret := range []string{"canarytoken", "evil.example", "1-events"} {
		if strings.Contains(written.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// raw sends the head of a request word for word.
func raw(t *testing.T, address, request string) (int, http.Header, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "%s\r\nHost: evil.example\r\nConnection: close\r\n\r\n", request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}
