package skolplattformen_test

import (
	"errors"
	"testing"

	"syncd/source"
	"syncd/source/school/schooltest"
)

func TestPing(t *testing.T) {
	t.Parallel()
	atHome(t, schooltest.Family, func(f *family) {
		p, ok := f.src.(source.Pinger)
		if !ok {
			t.Fatal("source has no Ping")
		}
		before := len(f.fake.Requests())
		if err := p.Ping(f.t.Context(), f.s); err != nil {
			t.Errorf("Ping = %v", err)
		}
		if got := len(f.fake.Requests()) - before; got != 1 {
			t.Errorf("a ping made %d requests", got)
		}
		f.fake.KillAll()
		for _, s := range []*source.Session{f.s, source.NewSession(nil, nil)} {
			if err := p.Ping(f.t.Context(), s); !errors.Is(err, source.ErrSessionExpired) {
				t.Errorf("Ping of a dead session = %v, want %v", err, source.ErrSessionExpired)
			}
		}
		if got := f.fake.Offences(); len(got) > 0 {
			t.Errorf("offences: %q", got)
		}
	})
}
