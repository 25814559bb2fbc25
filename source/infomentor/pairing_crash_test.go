package infomentor_test

import (
	"bytes"
	"testing"
	"testing/synctest"

	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
)

// A process that is killed at any step of pairing its two devices goes on with
// what it has, pairs what is missing the next time, and from then on comes
// back without anything but a device.
func TestKilledWhilePairing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps := 1
		for n := 0; n <= steps; n++ { // 0: not at all
			f := newFamily(t, infomentortest.Options{}, nil)
			m := &mortal{inner: f.fake, stored: f.login().State()} // nothing is paired yet
			refresh := func() error {
				src, err := infomentor.New(source.Config{Settings: pairing(), Transport: m, Now: f.clock, Log: quiet()})
				if err != nil {
					t.Fatal(err)
				}
				r, ok := src.(source.Refresher)
				if !ok {
					t.Fatal("source has no Refresh")
				}
				return r.Refresh(t.Context(), source.NewSession(bytes.Clone(m.stored), m.put))
			}
			f.fake.KillSessions()
			m.killAt = n
			_ = refresh() // what it came to nobody was told
			steps = max(steps, m.steps)
			m.killAt = 0
			f.fake.KillSessions()
			if err := refresh(); err != nil {
				t.Errorf("Refresh after a kill at step %d = %v", n, err)
				continue
			}
			for i := range 2 { // both chains are good
				f.fake.KillPerson(f.guardian().PersonalNumber)
				if err := refresh(); err != nil {
					t.Errorf("Refresh %d as a phone, after a kill at step %d = %v", i, n, err)
				}
			}
			if got := f.fake.Offences(); len(got) > 0 {
				t.Errorf("after a kill at step %d: offences: %q", n, got)
			}
		}
		if steps < 25 {
			t.Errorf("only %d steps were tried", steps)
		}
	})
}
