package stockholmtest

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

const (
	sessionCookie = "SMSESSION"
	visitCookie   = "NECSSESSION"
	langCookie    = "StockholmEServiceLanguage"
	nodeCookie    = "BIGipServer~EXT~pool_login003_443"
	// nodeValue has what clients like to quote or repair. Without it, byte for
	// byte, the balancer asks a node that knows nobody.
	nodeValue = `!h7Xq/+==", {nod 3}å'`
	maxValues = 8               // living values of one session's cookie
	handOver  = 5 * time.Minute // how long a signed order can be redeemed
)

// visit is what the page host remembers of a client by its cookie.
type visit struct {
	signed  *Person         // whose order is done; see who
	since   time.Time       // when it was seen to be
	bounced map[string]bool // GUIDs for which the login page comes whatever happened
	freja   *frejaOrder
	stuck   bool // a push was refused: everything reads as cancelled
}

// session is one person's sign-in at the identity provider.
type session struct {
	person Person
	since  time.Time
	values []string // of its cookie, oldest first
	trip   string   // the SAML transaction that may be answered
}

// sign remembers who has signed.
func (v *visit) sign(p Person, now time.Time) {
	if v.signed == nil {
		v.signed, v.since = &p, now
	}
}

// who tells who has signed not long ago.
func (v *visit) who(now time.Time) (Person, bool) {
	if v == nil || v.signed == nil || now.Sub(v.since) > handOver {
		return Person{}, false
	}
	return *v.signed, true
}

// cookie reads a cookie of a request byte for byte.
func cookie(r *http.Request, name string) (string, bool) {
	for _, line := range r.Header["Cookie"] {
		for part := range strings.SplitSeq(line, "; ") {
			if n, v, ok := strings.Cut(part, "="); ok && n == name {
				return v, true
			}
		}
	}
	return "", false
}

// setCookies adds Set-Cookie lines to an answer, merged where the options say
// so.
func (s *Server) setCookies(w http.ResponseWriter, lines ...string) {
	if !s.o.Merged {
		for _, l := range lines {
			w.Header().Add("Set-Cookie", l)
		}
		return
	}
	all := strings.Join(append(w.Header()["Set-Cookie"], lines...), ", ")
	w.Header()["Set-Cookie"] = []string{all}
}

// visit finds what is remembered of a client; nil for a stranger.
func (s *Server) visit(r *http.Request) *visit {
	v, ok := cookie(r, visitCookie)
	if !ok {
		if _, plain := cookie(r, langCookie); plain { // it was set together with the others
			s.offend("the page's cookies did not come back as they were set")
		}
		return nil
	}
	if node, _ := cookie(r, nodeCookie); node != nodeValue {
		s.offend("the balancer's cookie did not come back as it was set")
		return nil
	}
	known := s.visits[v]
	if known == nil {
		s.offend("the page's cookie did not come back as it was set")
	}
	return known
}

// enter finds what is remembered of a client or begins to remember.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) *visit {
	if v := s.visit(r); v != nil {
		return v
	}
	if len(s.visits) > 1000 {
		clear(s.visits)
	}
	v := &visit{bounced: map[string]bool{}}
	value := `"` + uuid() + `, nöd=1"`
	s.visits[value] = v
	s.setCookies(w,
		nodeCookie+"="+nodeValue+"; path=/; Httponly; Secure",
		visitCookie+"="+value+"; Path=/; Secure; HttpOnly",
		langCookie+"=sv-SE; Domain=.stockholm.se; Path=/; Expires="+
			s.now().AddDate(1, 0, 0).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	return v
}

// session finds the living sign-in of a request.
func (s *Server) session(r *http.Request) *session {
	v, _ := cookie(r, sessionCookie)
	ses := s.sessions[v]
	if ses != nil && s.o.SessionLife > 0 && !s.now().Before(ses.since.Add(s.o.SessionLife)) {
		s.kill(ses)
		return nil
	}
	return ses
}

func (s *Server) kill(ses *session) {
	for _, v := range ses.values {
		delete(s.sessions, v)
	}
}

// open signs a person in.
func (s *Server) open(p Person) *session {
	return &session{person: p, since: s.now()}
}

// issue gives a session a new value of its cookie and returns the Set-Cookie
// line. The last few values stay alive.
func (s *Server) issue(ses *session) string {
	var b [96]byte
	_, _ = rand.Read(b[:]) // never fails
	v := base64.StdEncoding.EncodeToString(b[:])
	ses.values = append(ses.values, v)
	s.sessions[v] = ses
	if len(ses.values) > maxValues {
		delete(s.sessions, ses.values[0])
		ses.values = ses.values[1:]
	}
	return sessionCookie + "=" + v + "; Path=/; Domain=.stockholm.se; Secure; HttpOnly"
}

// Person tells whose living sign-in a request carries in its cookie
// SMSESSION. Fakes of the city's own services ask it about requests to
// themselves.
func (s *Server) Person(r *http.Request) (Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ses := s.session(r); ses != nil {
		return ses.person, true
	}
	return Person{}, false
}

// SignIn signs a person in without any page and returns the Set-Cookie line
// that a browser would have received.
func (s *Server) SignIn(p Person) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issue(s.open(p))
}

// KillSMSession ends every sign-in at the identity provider. Its services'
// own sessions live on.
func (s *Server) KillSMSession() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
	for _, v := range s.visits {
		v.signed, v.freja = nil, nil
	}
}
