package stockholmtest

// Remembers reports whether somebody's sign-in still lives, so that a browser
// could come back without the phone.
func (s *Server) Remembers(personalNumber string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ses := range s.sessions {
		if ses.person.PersonalNumber == personalNumber && (s.o.SessionLife == 0 || s.now().Before(ses.since.Add(s.o.SessionLife))) {
			return true
		}
	}
	return false
}
