package infomentor_test

import (
	"testing"
	"time"

	"syncd/source"
	"syncd/source/infomentor/infomentortest"
)

// Somebody signs in anew while the old session lives: giving that up takes its
// devices back and does not touch the new one.
func TestReplacedSessionTakesItsDevicesAlong(t *testing.T) {
	bubble(t, infomentortest.Options{}, pairing(), func(f *family) {
		old := f.login()
		time.Sleep(time.Hour)
		s := f.login()
		if got := f.fake.Devices(); got != 4 {
			t.Fatalf("%d devices are paired, want 4", got)
		}
		out, ok := f.src.(source.SignOuter)
		if !ok {
			t.Fatal("source cannot sign out")
		}
		if err := out.SignOut(f.t.Context(), old); err != nil {
			t.Errorf("SignOut = %v", err)
		}
		if got := f.fake.Devices(); got != 2 {
			t.Errorf("%d devices are paired, want those of the new session", got)
		}
		f.read(s, f.plan("notices"))
		f.fake.KillPerson(f.guardian().PersonalNumber)
		if err := f.refresh(s); err != nil {
			t.Errorf("Refresh by the new session's device = %v", err)
		}
	})
}
