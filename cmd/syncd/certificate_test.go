package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/app"
)

// TestCertificateIsRenewedWithoutRestart follows one through a renewal, with
// the moment in which only one of two files is new.
func TestCertificateIsRenewedWithoutRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	now := time.Date(2026, 11, 22, 7, 20, 0, 0, time.UTC)
	c := &certificate{
		cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"),
		now: func() time.Time { return now }, log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	if _, err := c.get(nil); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("without files: %v", err)
	}
	write := func(path string, text []byte, after time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(after), now.Add(after)); err != nil {
			t.Fatal(err)
		}
	}
	serial := func(when string) int64 {
		t.Helper()
		pair, err := c.get(nil)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	cert1, key1 := selfSigned(t, 1)
	cert2, key2 := selfSigned(t, 2)
	write(c.cert, cert1, 0)
	write(c.key, key1, 0)
	if got := serial("at first"); got != 1 {
		t.Errorf("at first: %d", got)
	}
	write(c.cert, cert2, time.Minute)
	if got := serial("at once"); got != 1 {
		t.Errorf("at once: %d; the files were looked at for each connection", got)
	}
	for range 3 {
		now = now.Add(certificateEvery)
		if got := serial("half replaced"); got != 1 {
			t.Errorf("half replaced: %d", got)
		}
	}
	if got := strings.Count(log.String(), "cannot be used"); got != 1 {
		t.Errorf("said %d times that the new one cannot be used, want once:\n%s", got, &log)
	}
	// Once the key is there it is taken, whatever its size and date say.
	if err := os.WriteFile(c.key, key2, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(c.key, now, c.seen[1].changed); err != nil {
		t.Fatal(err)
	}
	now = now.Add(certificateEvery)
	if got := serial("replaced"); got != 2 {
		t.Errorf("replaced: %d", got)
	}
	if err := os.Remove(c.key); err != nil {
		t.Fatal(err)
	}
	now = now.Add(certificateEvery)
	if got := serial("taken away"); got != 2 {
		t.Errorf("taken away: %d", got)
	}
	if strings.Contains(log.String(), "BEGIN") {
		t.Error("the log holds what is in the files")
	}
}

// TestServeWithTLS starts the daemon with a certificate of its own and takes
// another one for a later connection; healthcheck asks over TLS too.
func TestServeWithTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{
		"HOME": dir, "SYNCD_LISTEN": "127.0.0.1:" + port, "SYNCD_BASE_URL": "https://localhost:" + port,
		"SYNCD_DATA_DIR": filepath.Join(dir, "data"), "SYNCD_KEYS_DIR": filepath.Join(dir, "keys"),
		"SYNCD_TLS_CERT": filepath.Join(dir, "cert.pem"), "SYNCD_TLS_KEY": filepath.Join(dir, "key.pem"),
	}
	var ahead atomic.Int64
	env := func(errs io.Writer) Env {
		return Env{
			In: &bytes.Buffer{}, Out: io.Discard, Err: errs,
			Now:    func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
			Lookup: func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		}
	}
	var refused output
	if got := run(t.Context(), []string{"serve"}, env(&refused)); got != app.ExitError || !strings.Contains(refused.String(), "load certificate") {
		t.Fatalf("without the files: exit status %d, %s", got, &refused)
	}
	put := func(serial int64) {
		cert, key := selfSigned(t, serial)
		for path, text := range map[string][]byte{vars["SYNCD_TLS_CERT"]: cert, vars["SYNCD_TLS_KEY"]: key} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(1)
	ctx, stop := context.WithCancel(t.Context())
	var errs output
	status := make(chan int, 1)
	go func() { status <- run(ctx, []string{"serve"}, env(&errs)) }()
	serial := func() int64 {
		t.Helper()
		client := http.Client{Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		}}
		for range 1200 {
			resp, err := client.Get(vars["SYNCD_BASE_URL"] + "/readyz")
			if err == nil {
				_ = resp.Body.Close()
				return resp.TLS.PeerCertificates[0].SerialNumber.Int64()
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("no answer:\n%s", &errs)
		return 0
	}
	if got := serial(); got != 1 {
		t.Errorf("certificate %d, want 1", got)
	}
	if got := run(t.Context(), []string{"healthcheck"}, env(io.Discard)); got != app.ExitOK {
		t.Errorf("healthcheck: exit status %d", got)
	}
	put(2)
	ahead.Store(int64(time.Minute))
	if got := serial(); got != 2 {
		t.Errorf("certificate %d after the renewal, want 2", got)
	}
	stop()
	if got := <-status; got != app.ExitOK {
		t.Errorf("exit status %d:\n%s", got, &errs)
	}
}

// selfSigned is a certificate and its key as PEM.
func selfSigned(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC),
	}, &x509.Certificate{}, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(pemOf("CERTIFICATE", der), pemOf("PRIVATE KEY", secret)); err != nil {
		t.Fatal(err)
	}
	return pemOf("CERTIFICATE", der), pemOf("PRIVATE KEY", secret)
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
