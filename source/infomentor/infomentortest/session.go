package infomentortest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"syncd/source/internal/faketest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
)

const (
	aspCookie  = "ASP.NET_SessionId"
	homeCookie = "IMHome"
	authCookie = ".ASPXAUTH"
	nameCookie = "NotandaUppl"
	hubNode    = "BIGipServer~INFOMENTOR~hub_POOL"
	loginNode  = "BIGipServer~INFOMENTOR~im1_POOL"
	// nameValue is not UTF-8, as the platform's was seen to be, and has to
	// come back byte for byte.
	nameValue = "nafn=\xc4rleb\xe4ck&hlutverk=\"1\""
)

// session is one person's session at the Hub.
type session struct {
	person     string
	asp, node  string
	made, used time.Time
	selected   string // key of the selected child
	previous   string
	lies       int       // answers that are still about the child before
	switched   time.Time // from when on; a minute later nobody lies any more
}

// signIn is one person's sign-in at IM1.
type signIn struct {
	person string
	made   time.Time
	used   time.Time
}

// secret makes a value that was not used before.
func (s *Server) secret(what string) string {
	s.made++
	return fmt.Sprintf("%s-%08x%d", what, s.made*2654435761, s.made)
}

// cookie reads a cookie of a request byte for byte; empty when there is none.
func cookie(r *http.Request, name string) string {
	for _, line := range r.Header["Cookie"] {
		for part := range strings.SplitSeq(line, "; ") {
			if n, v, ok := strings.Cut(part, "="); ok && n == name {
				return v
			}
		}
	}
	return ""
}

// restarted returns when the platform last forgot everybody.
func (s *Server) restarted() time.Time {
	if s.o.NoRestart {
		return time.Time{}
	}
	loc := school.Stockholm()
	now := s.now().In(loc)
	at := school.DateOf(now).At(3, 0, loc)
	if at.After(now) {
		at = school.DateOf(now).AddDays(-1).At(3, 0, loc)
	}
	return at
}

// session finds the living session of a request and lets it live on.
func (s *Server) session(r *http.Request) *session {
	id := cookie(r, homeCookie)
	ses := s.sessions[id]
	if ses == nil || cookie(r, hubNode) != ses.node || cookie(r, aspCookie) != ses.asp {
		return nil
	}
	now := s.now()
	if now.Sub(ses.used) > s.o.Idle || now.Sub(ses.made) > s.o.Life || ses.made.Before(s.restarted()) {
		delete(s.sessions, id)
		return nil
	}
	ses.used = now
	return ses
}

// signIn finds the living sign-in at IM1 of a request.
func (s *Server) signIn(r *http.Request) *signIn {
	id := cookie(r, authCookie)
	in := s.logins[id]
	if in == nil || s.now().Sub(in.used) > s.o.LoginIdle || in.made.Before(s.restarted()) {
		delete(s.logins, id)
		return nil
	}
	if cookie(r, nameCookie) != nameValue {
		s.offend(r, "a cookie did not come back as it was set")
	}
	in.used = s.now()
	return in
}

// open makes a session at the Hub for who came through the relay.
func (s *Server) open(r *http.Request, a *faketest.Answer, person string) {
	if s.o.OneSession {
		for id, other := range s.sessions {
			if other.person == person {
				delete(s.sessions, id)
			}
		}
	}
	now := s.now()
	ses := &session{person: person, asp: cookie(r, aspCookie), node: cookie(r, hubNode), made: now, used: now}
	if children := s.world.ChildrenOf(person); len(children) > 0 {
		ses.selected, ses.previous = children[0].Key, children[0].Key
	}
	id := s.secret("home")
	s.sessions[id] = ses
	a.Header.Add("Set-Cookie", homeCookie+"="+id+"; path=/; secure; HttpOnly")
}

// KillSessions ends every session at the Hub; sign-ins at IM1 and at the city
// live on, so that a client can come back without a person.
func (s *Server) KillSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// KillLogins ends every sign-in at IM1, and with it every session at the Hub.
func (s *Server) KillLogins() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
	clear(s.logins)
}

// KillPerson ends all sessions and sign-ins of one guardian at the platform,
// and every sign-in at the city; devices and passwords stay.
func (s *Server) KillPerson(personalNumber string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.sessions, func(_ string, ses *session) bool { return ses.person == personalNumber })
	maps.DeleteFunc(s.logins, func(_ string, in *signIn) bool { return in.person == personalNumber })
	s.sso.KillSMSession()
}

// KillAll ends all sessions and sign-ins, also those at the city, revokes all
// devices and changes all passwords: only a person can come back.
func (s *Server) KillAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.killAll()
}

func (s *Server) killAll() {
	clear(s.sessions)
	clear(s.logins)
	clear(s.relays)
	clear(s.verifiers)
	s.devices = nil
	for _, g := range s.world.Guardians() {
		s.passwords[g.PersonalNumber] = s.secret("password")
	}
	s.sso.KillSMSession()
}

// ExpireAfter does what KillAll does just before the n-th request from now
// on, the first being 1.
func (s *Server) ExpireAfter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire = n
}

// MoveNode lets the balancer forget where sessions live.
func (s *Server) MoveNode() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ses := range s.sessions {
		ses.node = s.secret("node")
	}
}

// Select selects a child in all sessions whose person may read it, as if the
// parent had done so elsewhere.
func (s *Server) Select(childKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ses := range s.sessions {
		if slices.ContainsFunc(s.world.ChildrenOf(ses.person), func(c schooltest.Child) bool { return c.Key == childKey }) {
			ses.selected, ses.previous, ses.lies = childKey, ses.selected, 0
		}
	}
}

// Selected returns the key of the child that is selected in the newest
// session; empty when there is none.
func (s *Server) Selected() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var newest *session
	for _, ses := range s.sessions {
		if newest == nil || ses.made.After(newest.made) {
			newest = ses
		}
	}
	if newest == nil {
		return ""
	}
	return newest.selected
}

// chosen returns the child that a session's page is about.
func (s *Server) chosen(ses *session) (schooltest.Child, bool) {
	return s.childOf(ses, ses.selected)
}

// answered returns the child that a session's data is about, which is not the
// chosen one while the server lies.
func (s *Server) answered(ses *session) (schooltest.Child, bool) {
	key := ses.selected
	if ses.lies > 0 && s.now().Sub(ses.switched) < time.Minute {
		ses.lies--
		key = ses.previous
	}
	return s.childOf(ses, key)
}

func (s *Server) childOf(ses *session, key string) (schooltest.Child, bool) {
	children := s.world.ChildrenOf(ses.person)
	for _, c := range children {
		if c.Key == key {
			return c, true
		}
	}
	if len(children) == 0 {
		return schooltest.Child{}, false
	}
	return children[0], true
}

// switchPupil answers SwitchPupil.
func (s *Server) switchPupil(r *http.Request, ses *session, id string) *faketest.Answer {
	for _, c := range s.world.ChildrenOf(ses.person) {
		if strconv.Itoa(SwitchID(c)) != id {
			continue
		}
		if c.Key != ses.selected && !s.o.Stuck {
			ses.previous, ses.selected, ses.lies, ses.switched = ses.selected, c.Key, s.o.Lies, s.now()
		}
		if r.Header.Get("X-Requested-With") != "" {
			s.offend(r, "a pupil was switched unlike the page does")
		}
		if s.o.SwitchFails || r.Header.Get("X-Requested-With") != "" {
			return faketest.Page(http.StatusInternalServerError, "<html><head><title>Runtime Error</title></head></html>")
		}
		return faketest.Redirect("https://" + HubHost + "/")
	}
	s.offend(r, "the pupil's id is unknown")
	return faketest.Page(http.StatusBadRequest, "<html><head><title>Bad Request</title></head></html>")
}

// lost is what a client without a session gets from a data endpoint.
func (s *Server) lost() *faketest.Answer {
	switch s.o.Lost {
	case LostRedirect:
		return faketest.Redirect("/Authentication/Authentication/Login?ReturnUrl=%2F")
	case LostRelay:
		return faketest.Page(http.StatusOK, relayPage("https://"+LoginHost+loginPath, "stale"))
	case LostStatus:
		return faketest.Page(http.StatusUnauthorized, "<html><head><title>401</title></head></html>")
	case LostError:
		return faketest.Redirect("https://" + HubHost + "/Error/UserNotAuthenticated")
	case LostEmpty:
	}
	return &faketest.Answer{Status: http.StatusOK, Header: http.Header{}}
}

// missing is what comes in place of a module that the pupil does not have.
func (s *Server) missing() *faketest.Answer {
	switch s.o.Missing {
	case MissingStatus:
		return faketest.Page(http.StatusInternalServerError, "<html><title>Runtime Error</title><!-- at Authorize.HandleUnauthorizedRequest(AuthorizationContext) --></html>")
	case MissingShell:
		return faketest.Page(http.StatusOK, "<!DOCTYPE html><html><head><title>InfoMentor Hub</title></head><body><script>var IMHome = { init: { userRole: 'parent' } };</script></body></html>")
	case MissingRedirect:
	}
	return faketest.Redirect("https://" + HubHost + "/Authentication/Authentication/HandleUnauthorizedRequest")
}
