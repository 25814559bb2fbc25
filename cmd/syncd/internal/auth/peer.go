package auth

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const (
	forwardedFor   = "X-Forwarded-For"
	forwardedProto = "X-Forwarded-Proto"
	maxForwarded   = 16 // addresses of a chain that are looked at
)

// Protected reports whether nobody between the client and here could have
// read the request: TLS ends in this process, or the peer is this machine, or
// the peer is one of the trusted proxies and says that the client came by
// https. A header sent by anybody else counts for nothing.
func Protected(r *http.Request, trusted []netip.Prefix) bool {
	if r.TLS != nil {
		return true
	}
	peer := direct(r)
	if peer.IsLoopback() {
		return true
	}
	return within(peer, trusted) && saysHTTPS(r)
}

// Peer returns the address from which the client came: the connection's own,
// or, when that is a trusted proxy, the last one in X-Forwarded-For that is
// not a trusted proxy itself. The zero Addr means that it cannot be told.
func Peer(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer := direct(r)
	if !within(peer, trusted) {
		return peer
	}
	chain := strings.Split(strings.Join(r.Header.Values(forwardedFor), ","), ",")
	for i, field := range slices.Backward(chain) {
		if len(chain)-i > maxForwarded {
			break
		}
		a, ok := address(field)
		if !ok {
			break
		}
		peer = a
		if !within(a, trusted) {
			break
		}
	}
	return peer
}

// saysHTTPS reads the proxy's own word: the last one, where several proxies
// each added theirs.
func saysHTTPS(r *http.Request) bool {
	all := strings.Split(strings.Join(r.Header.Values(forwardedProto), ","), ",")
	return strings.EqualFold(strings.TrimSpace(all[len(all)-1]), "https")
}

// direct returns the address at the other end of the connection, the zero
// Addr for a Unix socket.
func direct(r *http.Request) netip.Addr {
	a, _ := address(r.RemoteAddr)
	return a
}

// address reads "10.0.0.1", "10.0.0.1:80", "::1", "[::1]" and "[::1]:80".
// Zones are dropped, and an IPv4 address in IPv6 clothes is taken for what it
// is.
func address(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return a.Unmap().WithZone(""), true
}

func within(a netip.Addr, trusted []netip.Prefix) bool {
	return a.IsValid() && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// neighbourhood is what wrong passwords are counted by: an IPv4 address, or
// the /64 that one subscriber of an IPv6 network owns.
func neighbourhood(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
