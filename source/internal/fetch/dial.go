package fetch

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"
)

var errPrivate = fmt.Errorf("%w: address is not public", ErrNotAllowed)

// newTransport returns a transport that reaches public addresses only. The
// proxy that the environment names may stand anywhere.
func newTransport() *http.Transport {
	env := httpproxy.FromEnvironment()
	proxy := env.ProxyFunc()
	open := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	guarded := &net.Dialer{Timeout: open.Timeout, KeepAlive: open.KeepAlive, Control: guard}
	via := proxyAddress(env.HTTPSProxy)
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if via != "" && addr == via {
				return open.DialContext(ctx, network, addr)
			}
			return guarded.DialContext(ctx, network, addr)
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    15 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           8,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 512 << 10,
		DisableCompression:     true,
	}
}

// guard refuses an address after the name was resolved, so that a name which
// resolves differently the second time gains nothing.
func guard(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !public(ap.Addr()) {
		return errPrivate
	}
	return nil
}

// public reports whether an address belongs to the internet at large.
func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range reserved() {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// reserved lists what the IANA registries set aside beyond the private
// ranges: this network, shared address space, protocol assignments,
// benchmarking, and the prefixes that carry IPv4 addresses inside IPv6.
func reserved() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{0, 0, 0, 0}), 8),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 0, 0}), 24),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, 0, 0}), 15),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{240, 0, 0, 0}), 4),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b}), 48),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x02}), 16),
	}
}

// proxyAddress returns host and port of a proxy as a transport dials it;
// empty when there is none.
func proxyAddress(proxy string) string {
	if proxy == "" {
		return ""
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Host == "" {
		if u, err = url.Parse("http://" + proxy); err != nil {
			return ""
		}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}
