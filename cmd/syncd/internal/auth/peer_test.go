package auth_test

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"syncd/cmd/syncd/internal/auth"
)

func prefixes(list string) []netip.Prefix {
	var all []netip.Prefix
	for p := range strings.FieldsSeq(list) {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func TestProtected(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		peer, trusted, proto string
		tls                  bool
		want                 bool
	}{
		"tls here":                               {peer: "203.0.113.9:1", tls: true, want: true},
		"loopback":                               {peer: "127.0.0.1:1", want: true},
		"loopback 6":                             {peer: "[::1]:1", want: true},
		"loopback in IPv6 clothes":               {peer: "[::ffff:127.0.0.1]:1", want: true},
		"neighbour":                              {peer: "192.168.1.20:1"},
		"neighbour that claims https":            {peer: "192.168.1.20:1", proto: "https"},
		"proxy":                                  {peer: "192.168.1.2:1", trusted: "192.168.1.2/32", proto: "https", want: true},
		"proxy, odd case":                        {peer: "192.168.1.2:1", trusted: "192.168.1.2/32", proto: " HTTPS ", want: true},
		"proxy of a client without https":        {peer: "192.168.1.2:1", trusted: "192.168.1.2/32", proto: "http"},
		"proxy that says nothing":                {peer: "192.168.1.2:1", trusted: "192.168.1.2/32"},
		"client's own header before the proxy's": {peer: "192.168.1.2:1", trusted: "192.168.1.2/32", proto: "https, http"},
		"untrusted peer beside a proxy":          {peer: "192.168.1.3:1", trusted: "192.168.1.2/32", proto: "https"},
		"container's bridge, not named":          {peer: "172.17.0.1:1", proto: "https"},
		"container's bridge, named":              {peer: "172.17.0.1:1", trusted: "172.16.0.0/12", proto: "https", want: true},
		"container's bridge, named, plain":       {peer: "172.17.0.1:1", trusted: "172.16.0.0/12"},
		"proxy by IPv6":                          {peer: "[fd00::2]:1", trusted: "10.0.0.0/8 fd00::/64", proto: "https", want: true},
		"no address":                             {peer: "@", trusted: "0.0.0.0/0 ::/0", proto: "https"},
		"host name for an address":               {peer: "localhost:80", proto: "https"},
	} {
		r := request(t, http.MethodGet, "/")
		r.RemoteAddr = tt.peer
		if tt.proto != "" {
			r.Header.Set("X-Forwarded-Proto", tt.proto)
		}
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := auth.Protected(r, prefixes(tt.trusted)); got != tt.want {
			t.Errorf("%s: Protected = %v, want %v", name, got, tt.want)
		}
	}
}

func TestPeer(t *testing.T) {
	t.Parallel()
	const proxies = "10.0.0.0/8 fd00::/8"
	for name, tt := range map[string]struct{ peer, forwarded, want string }{
		"direct":                        {"192.0.2.7:1", "", "192.0.2.7"},
		"header of an untrusted peer":   {"192.0.2.7:1", "198.51.100.1", "192.0.2.7"},
		"one proxy":                     {"10.0.0.2:1", "198.51.100.1", "198.51.100.1"},
		"client lies before the proxy":  {"10.0.0.2:1", "127.0.0.1, 198.51.100.1", "198.51.100.1"},
		"two proxies":                   {"10.0.0.2:1", "198.51.100.1, 10.0.0.3", "198.51.100.1"},
		"several headers' worth":        {"10.0.0.2:1", "198.51.100.1 ,10.0.0.3,10.0.0.4", "198.51.100.1"},
		"with port":                     {"10.0.0.2:1", "198.51.100.1:4711", "198.51.100.1"},
		"IPv6":                          {"[fd00::2]:1", "[2001:db8::1]:4711", "2001:db8::1"},
		"IPv6 in brackets":              {"[fd00::2]:1", "[2001:db8::1]", "2001:db8::1"},
		"IPv6 bare":                     {"[fd00::2]:1", "2001:db8::1", "2001:db8::1"},
		"zone":                          {"[fe80::1%eth0]:1", "", "fe80::1"},
		"rubbish":                       {"10.0.0.2:1", "unknown", "10.0.0.2"},
		"rubbish behind a proxy":        {"10.0.0.2:1", "198.51.100.1, unknown, 10.0.0.3", "10.0.0.3"},
		"nothing":                       {"10.0.0.2:1", "", "10.0.0.2"},
		"only proxies":                  {"10.0.0.2:1", "10.0.0.9", "10.0.0.9"},
		"Unix socket":                   {"@", "198.51.100.1", "invalid IP"},
		"endless chain of one's own":    {"10.0.0.2:1", strings.Repeat("10.0.0.7,", 5000) + "10.0.0.8", "10.0.0.7"},
		"endless chain, then a client":  {"10.0.0.2:1", "198.51.100.1," + strings.Repeat("10.0.0.7,", 5000) + "10.0.0.8", "10.0.0.7"},
		"IPv4 address in IPv6 clothing": {"[::ffff:10.0.0.2]:1", "::ffff:198.51.100.1", "198.51.100.1"},
	} {
		r := request(t, http.MethodGet, "/")
		r.RemoteAddr = tt.peer
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := auth.Peer(r, prefixes(proxies)).String(); got != tt.want {
			t.Errorf("%s: Peer = %s, want %s", name, got, tt.want)
		}
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add("192.0.2.7:1", "198.51.100.1, 10.0.0.3", "https")
	f.Add("10.0.0.2:1", "[2001:db8::1]:80,,", "http,https")
	f.Add("@", "\x00", "")
	trusted := prefixes("10.0.0.0/8 fd00::/8")
	f.Fuzz(func(t *testing.T, remote, chain, proto string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{
			"X-Forwarded-For": {chain}, "X-Forwarded-Proto": {proto},
		}}
		bare := &http.Request{RemoteAddr: remote, Header: http.Header{}}
		direct := auth.Peer(bare, trusted)
		fromProxy := direct.IsValid() && (trusted[0].Contains(direct) || trusted[1].Contains(direct))
		if got := auth.Peer(r, trusted); !fromProxy && got != direct {
			t.Errorf("Peer = %v: the header of %v was believed", got, direct)
		}
		if auth.Protected(r, trusted) && !fromProxy && !direct.IsLoopback() {
			t.Errorf("Protected: the header of %v was believed", direct)
		}
	})
}
