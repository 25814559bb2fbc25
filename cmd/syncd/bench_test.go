package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/app"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen/skolplattformentest"
)

// Three children with so many events make five megabytes. There are no letters:
// the program pauses between requests.
const (
	benchEvents = 1600
	benchLine   = "Ta med matsäck, oömma kläder och gott humör. Vi ses vid grinden. "
)

// BenchmarkServe starts the program, as a process, on the data of three
// children and a year, five megabytes. It reports how long the start takes
// until it serves (at most 300 ms), and how much memory is resident (at most
// 64 MiB), each time when it has come to rest: after the start; when each
// child's calendars were served; after a sync in which one event of twenty
// changed, and after one in which every event did, both served again. Nobody
// signs in to the pages meanwhile: hashing a password takes 19 MiB for a
// moment.
func BenchmarkServe(b *testing.B) {
	s := newSchool(b)
	s.run("account", "add", "skolplattformen")
	account := strings.Fields(s.run("account", "list"))[0]
	s.run("login", account)
	b.Log(s.run("sync"))
	var link app.AddressesJSON
	if err := json.Unmarshal([]byte(s.run("link", "add", "-json")), &link); err != nil {
		b.Fatal(err)
	}
	size, err := os.Stat(filepath.Join(s.dir, "data", "cache.age"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(size.Size())/(1<<20), "MiB-stored")
	for b.Loop() {
		var starts []time.Duration
		for range 9 {
			start := time.Now()
			_, stop := s.serve()
			starts = append(starts, time.Since(start))
			stop()
		}
		slices.Sort(starts)
		b.ReportMetric(float64(starts[len(starts)/2])/float64(time.Millisecond), "start-ms")
		pid, stop := s.serve()
		s.weigh(pid, "started-MiB")
		s.fetch(link)
		s.weigh(pid, "served-MiB")
		for _, sync := range []struct {
			every int
			unit  string
		}{{20, "synced-MiB"}, {1, "replaced-MiB"}} {
			s.lay(sync.every)
			b.Log(s.run("sync"))
			s.fetch(link)
			s.weigh(pid, sync.unit)
		}
		stop()
	}
	b.ReportMetric(0, "ns/op")
}

// fetch reads the calendars of the children; the family's shows them again.
func (s *schoolProxy) fetch(link app.AddressesJSON) {
	s.b.Helper()
	for _, c := range link.ICS {
		if c.Child != school.Family {
			get(s.b, s.base()+c.URL[strings.Index(c.URL, "/c/"):])
		}
	}
}

// weigh reports the resident memory when the program has given back what it
// does not need.
func (s *schoolProxy) weigh(pid int, unit string) {
	s.b.Helper()
	time.Sleep(11 * time.Second)
	s.b.ReportMetric(resident(s.b, pid), unit)
}

func get(b *testing.B, address string) {
	b.Helper()
	resp, err := http.Get(address)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK || n < 100 {
		b.Fatalf("%d, %d bytes, %v", resp.StatusCode, n, err)
	}
}

// resident is the memory of a process, in MiB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			n, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return n / 1024
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// schoolProxy is a platform that answers in this process, and a proxy by which
// programs reach it as if it was on the internet.
type schoolProxy struct {
	b      *testing.B
	binary string
	dir    string
	env    []string
	world  *schooltest.World
	turn   int
	turns  [benchEvents]int // in which each event changed last
}

func newSchool(b *testing.B) *schoolProxy {
	b.Helper()
	s := &schoolProxy{b: b, dir: b.TempDir(), world: schooltest.Family(time.Now())}
	s.binary = filepath.Join(s.dir, "syncd")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", s.binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	s.lay(1)
	fake := skolplattformentest.New(s.world, skolplattformentest.Options{Now: time.Now})
	fake.SSO().Phone().Auto(skolplattformentest.Persons(s.world)[0], 0)
	ca, issue := authority(b)
	file := filepath.Join(s.dir, "ca.pem")
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		b.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	inner := &http.Server{Handler: fake}
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil || r.Method != http.MethodConnect {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		one := &once{conns: make(chan net.Conn, 1)}
		one.conns <- tls.Server(conn, &tls.Config{GetCertificate: issue, MinVersion: tls.VersionTLS12})
		_ = inner.Serve(one)
	})}
	go func() { _ = proxy.Serve(ln) }()
	b.Cleanup(func() { _, _ = proxy.Close(), inner.Close() })
	port, err := freePort()
	if err != nil {
		b.Fatal(err)
	}
	s.env = append(os.Environ(), "HOME="+s.dir, "SYNCD_LISTEN=127.0.0.1:"+port, "SYNCD_DATA_DIR="+filepath.Join(s.dir, "data"),
		"SYNCD_KEYS_DIR="+filepath.Join(s.dir, "keys"), "HTTPS_PROXY=http://"+ln.Addr().String(), "SSL_CERT_FILE="+file)
	return s
}

// once hands out one connection.
type once struct {
	conns  chan net.Conn
	closed sync.Once
}

func (o *once) Accept() (net.Conn, error) {
	c, ok := <-o.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (o *once) Close() error {
	o.closed.Do(func() { close(o.conns) })
	return nil
}

func (o *once) Addr() net.Addr { return &net.TCPAddr{} }

// authority returns a certificate authority in PEM and what makes
// certificates of it.
func authority(b *testing.B) ([]byte, func(*tls.ClientHelloInfo) (*tls.Certificate, error)) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{hello.ServerName},
			NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key)
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
	}
}

// lay gives the children their events, of which every so manieth is another
// one than before.
func (s *schoolProxy) lay(every int) {
	s.turn++
	today := school.DateOf(s.world.Now().In(school.Stockholm()))
	for _, c := range s.world.Children() {
		s.world.EditChild(c.Key, func(c *schooltest.Child) {
			c.Letters, c.Notices, c.Schedule = nil, nil, nil
			for i := range benchEvents {
				if i%every == 0 {
					s.turns[i] = s.turn
				}
				start := today.AddDays(i%360).At(8+i/360, 0, school.Stockholm())
				c.Schedule = append(c.Schedule, school.Event{Item: school.Item{
					Title: fmt.Sprintf("Händelse %d, %d", i, s.turns[i]), Place: "Salen",
					Body: strings.Repeat(benchLine, 16), Span: school.Timed(start, start.Add(time.Hour)),
				}, Scope: school.ScopeChild})
			}
		})
	}
}

func (s *schoolProxy) base() string {
	for _, v := range s.env {
		if address, ok := strings.CutPrefix(v, "SYNCD_LISTEN="); ok {
			return "http://" + address
		}
	}
	return ""
}

func (s *schoolProxy) run(args ...string) string {
	s.b.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(s.b.Context(), s.binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env, &out, &errs
	if err := cmd.Run(); err != nil {
		s.b.Fatalf("syncd %s: %v\n%s%s", args[0], err, out.String(), errs.String())
	}
	return out.String()
}

// serve starts the daemon and returns when it serves.
func (s *schoolProxy) serve() (pid int, stop func()) {
	s.b.Helper()
	ctx, cancel := context.WithCancel(s.b.Context())
	cmd := exec.CommandContext(ctx, s.binary, "serve")
	cmd.Env, cmd.Cancel = s.env, func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		s.b.Fatal(err)
	}
	for range 5000 {
		resp, err := http.Get(s.base() + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return cmd.Process.Pid, func() { cancel(); _ = cmd.Wait() }
			}
		}
		time.Sleep(time.Millisecond)
	}
	s.b.Fatal("the daemon does not serve")
	return 0, nil
}
