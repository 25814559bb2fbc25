package skolplattformentest

import (
	"encoding/base64"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"syncd/source/school/schooltest"
)

const (
	sessionCookie = "ASP.NET_SessionId"
	// xsrfCookie ends in the url-token form of "/vardnadshavare".
	xsrfCookie = "__RequestVerificationToken_L3ZhcmRuYWRzaGF2YXJl0"
	nodeCookie = "BIGipServer~etjanster~pool_vh"
	// nodeValue has characters that clients like to quote, and must come back
	// byte for byte: without it the balancer asks a node that knows nobody.
	nodeValue = `!h0Q/7x+"Sk8= {odd}'=`
)

// session is one person's session at the platform.
type session struct {
	person   string
	tokens   []string // XSRF tokens handed out; all of them count
	selected string   // key of the selected child
	before   string   // the one selected before it
	lies     int      // answers that are still about the child before
}

// session finds the living session of a request.
func (s *Server) session(r *http.Request) *session {
	if cookie(r, nodeCookie) != nodeValue {
		return nil
	}
	id := cookie(r, sessionCookie)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
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

// open makes a session for a person who has just come from the sign-in.
func (s *Server) open(person string, a *Answer) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	id := strings.ToLower(strings.ReplaceAll(guid("session", strconv.Itoa(s.made)), "-", ""))[:24]
	ses := &session{person: person}
	if children := s.world.ChildrenOf(person); len(children) > 0 {
		ses.selected, ses.before = children[0].Key, children[0].Key
	}
	s.sessions[id] = ses
	a.Header.Add("Set-Cookie", sessionCookie+"="+id+"; path=/; secure; HttpOnly; SameSite=Lax")
	a.Header.Add("Set-Cookie", nodeCookie+"="+nodeValue+"; path=/; Httponly; Secure")
	return ses
}

// home is the page on which a sign-in lands and where the XSRF token stands.
func (s *Server) home(r *http.Request) *Answer {
	a := page(http.StatusOK, "")
	ses := s.session(r)
	if ses == nil {
		p, ok := s.sso.Person(r)
		if !ok {
			return s.signedOut(r)
		}
		if _, ok := s.world.Guardian(p.PersonalNumber); !ok {
			return page(http.StatusOK, "<html><head><title>Skolplattformen</title></head><body><p>Du har inga barn i Skolplattformen.</p></body></html>")
		}
		ses = s.open(p.PersonalNumber, a)
	}
	s.mu.Lock()
	s.made++
	token := base64.StdEncoding.EncodeToString([]byte(guid("xsrf", ses.person, strconv.Itoa(s.made)) + "&<>"))
	ses.tokens = append(ses.tokens, token)
	s.mu.Unlock()
	a.Header.Add("Set-Cookie", xsrfCookie+"="+cookieOf(token)+"; path=/; HttpOnly")
	a.Body = []byte(`<!DOCTYPE html><html lang="sv"><head><title>Hem - Vårdnadshavare</title></head><body>` +
		`<form action="/vardnadshavare/inloggad2/hem"><input type="hidden" name="other" value="">` +
		`<input name="__RequestVerificationToken" type="hidden" value="` + html.EscapeString(token) + `" /></form>` +
		`<div id="app" data-user="` + html.EscapeString(ses.person) + `"></div></body></html>`)
	return a
}

// signedOut is what a client without a session gets.
func (s *Server) signedOut(r *http.Request) *Answer {
	s.mu.Lock()
	shape := s.shape
	s.mu.Unlock()
	const chooser = "https://login001.stockholm.se/siteminderagent/forms/amedborgare.jsp"
	switch shape {
	case SignedOutPage:
		return page(http.StatusOK, `<!DOCTYPE html><html><head><title>Logga in</title></head><body><h1>Logga in</h1>`+
			`<a href="https://login001.stockholm.se/NECSadc/mbid/b64startpage.jsp?startpage=`+
			base64.StdEncoding.EncodeToString([]byte(Landing))+`">BankID</a></body></html>`)
	case SignedOutEmpty:
		return &Answer{Status: http.StatusOK, Header: http.Header{}}
	case SignedOutRedirect:
	}
	target := "-SM-HTTPS%3a%2f%2f" + strings.ReplaceAll(Host, ".", "%2e") + strings.ReplaceAll(r.URL.EscapedPath(), "/", "%2f")
	return redirect(chooser + "?TYPE=33554433&GUID=1&SMAUTHREASON=0&METHOD=GET&TARGET=" + target)
}

// user answers getuserdata, which needs no session.
func (s *Server) user(r *http.Request) *Answer {
	ses := s.session(r)
	if ses == nil {
		return jsonAnswer(userData{})
	}
	g, ok := s.world.Guardian(ses.person)
	if !ok {
		return jsonAnswer(userData{})
	}
	id := strings.ReplaceAll(guid("notification", g.PersonalNumber)+guid("notification, second half", g.PersonalNumber), "-", "")
	return jsonAnswer(userData{
		SocialSecurityNumber: &g.PersonalNumber, IsAuthenticated: true, UserFirstName: &g.FirstName,
		UserLastName: &g.LastName, UserEmail: &g.Email, NotificationID: &id,
	})
}

// cookieOf is the value of the cookie that goes with an XSRF token.
func cookieOf(token string) string { return strings.ToLower(guid("xsrf cookie", token)) }

// hasToken checks the XSRF header and its cookie against the tokens of the
// session.
func (s *Server) hasToken(ses *session, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := r.Header.Get("X-Xsrf-Token")
	return slices.Contains(ses.tokens, token) && cookie(r, xsrfCookie) == cookieOf(token)
}

// selectChild remembers the child for all tagged requests of the session.
func (s *Server) selectChild(ses *session, id string) *Answer {
	children := s.world.ChildrenOf(ses.person)
	i := slices.IndexFunc(children, func(c schooltest.Child) bool { return c.Key == id })
	if i < 0 {
		return failure("Sequence contains no matching element")
	}
	s.mu.Lock()
	if ses.selected != id && !s.stuck {
		ses.before, ses.selected, ses.lies = ses.selected, id, s.lies
	}
	s.mu.Unlock()
	return success(childJSON(children[i]))
}

// answered returns the child that a tagged request for a child id is answered
// about. In a family with a preschool child that is the selected one, whatever
// the id says; ok is false for ids that are not the person's own.
func (s *Server) answered(ses *session, id string) (c schooltest.Child, ok bool) {
	children := s.world.ChildrenOf(ses.person)
	asked := slices.IndexFunc(children, func(c schooltest.Child) bool { return c.Key == id })
	if asked < 0 {
		return schooltest.Child{}, false
	}
	if !slices.ContainsFunc(children, schooltest.Child.Preschool) {
		return children[asked], true
	}
	s.mu.Lock()
	key := ses.selected
	if ses.lies > 0 {
		ses.lies--
		key = ses.before
	}
	s.mu.Unlock()
	if i := slices.IndexFunc(children, func(c schooltest.Child) bool { return c.Key == key }); i >= 0 {
		return children[i], true
	}
	return children[0], true
}

// mark sets the cookie that tells whose data an answer holds.
func (s *Server) mark(a *Answer, c schooltest.Child) *Answer {
	s.mu.Lock()
	quiet := s.quiet
	s.mu.Unlock()
	if !quiet || c.Preschool() {
		a.Header.Add("Set-Cookie", "Status="+strings.Join(c.Stages, "%3B")+"; path=/")
	}
	return a
}
