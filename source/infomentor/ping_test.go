package infomentor_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"syncd/source"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/internal/faketest"
)

func (f *family) ping(s *source.Session) error {
	f.t.Helper()
	p, ok := f.src.(source.Pinger)
	if !ok {
		f.t.Fatal("source has no Ping")
	}
	return p.Ping(f.t.Context(), s)
}

// One request each half hour is what a session of forty idle minutes needs,
// for as long as the platform lets any session live.
func TestPingKeepsTheSession(t *testing.T) {
	bubble(t, infomentortest.Options{Life: 100 * time.Hour, NoRestart: true}, nil, func(f *family) {
		s := f.login()
		before := len(f.fake.Requests())
		for n := range 100 {
			time.Sleep(30 * time.Minute)
			if err := f.ping(s); err != nil {
				t.Fatalf("Ping %d = %v", n, err)
			}
		}
		if got := len(f.fake.Requests()) - before; got != 100 {
			t.Errorf("100 pings made %d requests", got)
		}
		time.Sleep(41 * time.Minute)
		if err := f.ping(s); !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Ping of a dead session = %v, want %v", err, source.ErrSessionExpired)
		}
		if got := f.fake.Offences(); len(got) > 0 {
			t.Errorf("offences: %q", got)
		}
	})
}

func TestPingThatFails(t *testing.T) {
	for status, want := range map[int]error{
		http.StatusBadGateway: source.ErrUnavailable, http.StatusForbidden: source.ErrBlocked, http.StatusUnauthorized: source.ErrSessionExpired,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			bubble(t, infomentortest.Options{}, nil, func(f *family) {
				s := f.login()
				f.fake.Inject(faketest.Fault{Change: faketest.Status(status)})
				if err := f.ping(s); !errors.Is(err, want) {
					t.Errorf("Ping = %v, want %v", err, want)
				}
				if err := f.ping(source.NewSession(nil, nil)); !errors.Is(err, source.ErrSessionExpired) {
					t.Errorf("Ping without a session = %v", err)
				}
			})
		})
	}
}
