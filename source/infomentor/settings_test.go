package infomentor_test

import (
	"bytes"
	"errors"
	"testing"

	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
)

// A guardian switches pairing on, and off again, while the session lives: each
// holds from the next renewal on.
func TestPairingIsSwitched(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.login()
		renew := func(settings map[string]string, kill func()) error {
			kill()
			f.src = f.source(settings)
			return f.refresh(s)
		}
		everywhere := func() { f.fake.KillPerson(f.guardian().PersonalNumber) }
		if err := renew(pairing(), f.fake.KillSessions); err != nil || f.fake.Devices() != 2 {
			t.Fatalf("on: %v, %d devices", err, f.fake.Devices())
		}
		if err := renew(pairing(), everywhere); err != nil {
			t.Errorf("as a phone: %v", err)
		}
		if err := renew(nil, f.fake.KillSessions); err != nil || f.fake.Devices() != 0 {
			t.Errorf("off: %v, %d devices", err, f.fake.Devices())
		}
		f.read(s, f.plan("notices"))
		if err := renew(pairing(), everywhere); !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("on again, but too late: %v", err)
		}
		if got := f.fake.Offences(); len(got) > 0 {
			t.Errorf("offences: %q", got)
		}
	})
}

// A password that is not to be kept any more is gone with the next use.
func TestKeptPasswordIsForgotten(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.withPassword()
		kept := func() bool { return bytes.Contains(s.State(), []byte(`"password":{`)) }
		if !kept() {
			t.Fatal("the password was not kept")
		}
		f.src = f.source(map[string]string{infomentor.SettingKeepPassword: "no"})
		f.read(s, f.plan("notices"))
		if kept() {
			t.Error("the password is still kept")
		}
		f.fake.KillPerson(f.guardian().PersonalNumber)
		if err := f.refresh(s); !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Refresh = %v, want %v", err, source.ErrSessionExpired)
		}
	})
}
