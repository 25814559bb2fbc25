package stockholmtest

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

// Service is a pretend foreign system that signs people in by way of the
// city, as InfoMentor and Skola24 do.
type Service struct {
	sso  *Server
	host string
	o    ServiceOptions

	mu       sync.Mutex
	sessions map[string]Person // by the value of its cookie
	tickets  map[string]ticket
}

// ServiceOptions say how a service goes about it.
type ServiceOptions struct {
	Form         bool // asks by a form that submits itself, not by a redirect
	Interstitial int  // so many further pages submit themselves on the way in
}

type ticket struct {
	person Person
	left   int
}

const serviceCookie = "PRETEND"

// NewService returns a service at host and mounts it on s. Its addresses are
// /login?idp=stockholm_par, /acs, /step and /home.
func NewService(s *Server, host string, o ServiceOptions) *Service {
	sv := &Service{sso: s, host: host, o: o, sessions: map[string]Person{}, tickets: map[string]ticket{}}
	s.Mount(host, sv)
	return sv
}

// Entry returns the address at which a sign-in begins.
func (sv *Service) Entry() string { return "https://" + sv.host + "/login?idp=stockholm_par" }

// KillSessions ends every session at the service; those at the city live on.
func (sv *Service) KillSessions() {
	sv.mu.Lock()
	defer sv.mu.Unlock()
	clear(sv.sessions)
}

// Person tells whose living session at the service a request carries.
func (sv *Service) Person(r *http.Request) (Person, bool) {
	v, _ := cookie(r, serviceCookie)
	sv.mu.Lock()
	defer sv.mu.Unlock()
	p, ok := sv.sessions[v]
	return p, ok
}

// ServeHTTP implements [http.Handler].
func (sv *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, known := sv.Person(r)
	switch r.Method + " " + r.URL.Path {
	case "GET /login":
		sv.login(w, known)
	case "POST /acs":
		form, err := readForm(r)
		if err != nil || form.Get("RelayState") != "rs=1&två" {
			answer(w, http.StatusBadRequest, "text/html", "<html><title>400</title></html>")
			return
		}
		p, ok := sv.sso.Assertion(form.Get("SAMLResponse"), "https://"+sv.host+"/acs")
		if !ok {
			answer(w, http.StatusBadRequest, "text/html", "<html><title>400</title></html>")
			return
		}
		sv.pass(w, ticket{person: p, left: sv.o.Interstitial})
	case "POST /step":
		form, err := readForm(r)
		if err != nil {
			answer(w, http.StatusBadRequest, "text/html", "<html><title>400</title></html>")
			return
		}
		sv.step(w, form.Get("oauth_token"))
	case "GET /home":
		if !known {
			redirect(w, "/login?idp=stockholm_par")
			return
		}
		answer(w, http.StatusOK, "text/html", "<html><title>Hem</title><body>Inloggad</body></html>")
	default:
		answer(w, http.StatusNotFound, "text/html", "<html><title>404</title></html>")
	}
}

func readForm(r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	return url.ParseQuery(string(body))
}

func (sv *Service) login(w http.ResponseWriter, known bool) {
	acs, relay := "https://"+sv.host+"/acs", "rs=1&två"
	switch {
	case known:
		redirect(w, "/home")
	case sv.o.Form:
		answer(w, http.StatusOK, "text/html", sv.sso.EntryPage(acs, relay))
	default:
		redirect(w, sv.sso.Entry(acs, relay))
	}
}

// pass takes a signed-in person one page further.
func (sv *Service) pass(w http.ResponseWriter, t ticket) {
	sv.mu.Lock()
	id := blob()
	if t.left == 0 {
		sv.sessions[id] = t.person
	} else {
		sv.tickets[id] = t
	}
	sv.mu.Unlock()
	if t.left == 0 {
		w.Header().Add("Set-Cookie", serviceCookie+"="+id+"; path=/; secure; HttpOnly")
		redirect(w, "/home")
		return
	}
	answer(w, http.StatusOK, "text/html", autoPage("https://"+sv.host+"/step?n="+strconv.Itoa(t.left)+"&idp=1", [][2]string{{"oauth_token", id}}))
}

func (sv *Service) step(w http.ResponseWriter, id string) {
	sv.mu.Lock()
	t, ok := sv.tickets[id]
	delete(sv.tickets, id)
	sv.mu.Unlock()
	if !ok {
		answer(w, http.StatusForbidden, "text/html", "<html><title>403</title></html>")
		return
	}
	t.left--
	sv.pass(w, t)
}
