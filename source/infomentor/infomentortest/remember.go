package infomentortest

import (
	"time"

	"syncd/source/internal/stockholm/stockholmtest"
)

// CityLife sets for how long the city remembers who signed in, however often
// it is asked; 0: until killed.
func (s *Server) CityLife(d time.Duration) {
	s.sso.Change(func(o *stockholmtest.Options) { o.SessionLife = d })
}

// Remembers reports whether a person whose session at the Hub is over could
// come back without the phone: IM1 or the city still knows the sign-in, or a
// device is paired.
func (s *Server) Remembers(personalNumber string) bool {
	if s.sso.Remembers(personalNumber) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.logins {
		if in.person == personalNumber && s.now().Sub(in.used) <= s.o.LoginIdle && !in.made.Before(s.restarted()) {
			return true
		}
	}
	for _, d := range s.devices {
		if d.person == personalNumber {
			return true
		}
	}
	return false
}
