package stockholmtest

import (
	"crypto/rand"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	samlPath      = "/affwebservices/public/saml2sso"
	jspPath       = "/affwebservices/redirectjsp/medborgareonly.jsp"
	chooserPath   = "/siteminderagent/forms/amedborgare.jsp"
	assertionLife = 5 * time.Minute
)

// saml is one request of a foreign system.
type saml struct {
	message string // SAMLRequest
	query   string // as issued, byte for byte
	acs     string // where the answer goes
	relay   string
}

// assertion is an answer that was not used yet.
type assertion struct {
	person Person
	acs    string
	at     time.Time
}

// Entry returns the signed address to which a foreign system redirects
// somebody who has to sign in: a new SAML request whose answer goes to acs by
// POST, together with relay. It has to arrive byte for byte.
func (s *Server) Entry(acs, relay string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.request(acs, relay)
	return "https://" + LoginHost + samlPath + "?" + m.query
}

// EntryPage returns the page with which other foreign systems do the same: a
// form that submits itself.
func (s *Server) EntryPage(acs, relay string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.request(acs, relay)
	return autoPage("https://"+LoginHost+samlPath, [][2]string{{"SAMLRequest", m.message}, {"RelayState", relay}})
}

// request makes and remembers a SAML request.
func (s *Server) request(acs, relay string) *saml {
	if len(s.saml) > 1000 {
		clear(s.saml)
		clear(s.trips)
	}
	m := &saml{message: blob(), acs: acs, relay: relay}
	// Lower-case escapes beside capitals and an escaped "~": nothing that a
	// URL library would write itself.
	m.query = "SAMLRequest=" + strings.ReplaceAll(url.QueryEscape(m.message), "%2F", "%2f") +
		"&RelayState=" + url.QueryEscape(relay) +
		"&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256&Signature=%7e" + url.QueryEscape(blob())
	s.saml[m.message] = m
	return m
}

// Assertion redeems a SAMLResponse that arrived at acs. It is good once, for
// five minutes, at the address for which it was issued.
func (s *Server) Assertion(response, acs string) (Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.answers[response]
	if !ok || a.acs != acs || s.now().Sub(a.at) > assertionLife {
		s.offend("a SAML answer was unknown, used or old")
		return Person{}, false
	}
	delete(s.answers, response)
	return a.person, true
}

// serveSAML answers SAML requests, and the way back once somebody has signed.
func (s *Server) serveSAML(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Query().Get("SMASSERTIONREF") == "QUERY" {
		s.assert(w, r)
		return
	}
	var m *saml
	switch r.Method {
	case http.MethodGet:
		if m = s.saml[r.URL.Query().Get("SAMLRequest")]; m != nil && m.query != r.URL.RawQuery {
			s.offend("a signed address did not come as it was issued")
			m = nil
		}
	case http.MethodPost:
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		form, bad := url.ParseQuery(string(body))
		if err == nil && bad == nil {
			m = s.saml[form.Get("SAMLRequest")]
		}
	}
	if m == nil {
		s.offend("a SAML request was unknown")
		answer(w, http.StatusBadRequest, "text/html", "<html><title>400</title></html>")
		return
	}
	trip := uuid()
	s.trips[trip] = m
	if ses := s.session(r); ses != nil {
		ses.trip = trip
	}
	redirect(w, "https://"+LoginHost+jspPath+"?SAMLRequest="+url.QueryEscape(m.message)+
		"&SMPORTALURL="+url.QueryEscape("https://"+LoginHost+samlPath)+"&SAMLTRANSACTIONID="+trip)
}

// serveJSP goes on with a SAML transaction, with a person or to the chooser.
func (s *Server) serveJSP(w http.ResponseWriter, r *http.Request) {
	trip := r.URL.Query().Get("SAMLTRANSACTIONID")
	if s.trips[trip] == nil {
		answer(w, http.StatusBadRequest, "text/html", "<html><title>400</title></html>")
		return
	}
	ses := s.session(r)
	if ses == nil {
		redirect(w, "https://"+LoginHost+chooserPath+"?TYPE=33554433&REALMOID="+bankIDRealm+"&GUID=0-"+uuid()+
			"&SMAUTHREASON=0&METHOD=GET&SMAGENTNAME="+samlAgent+"&TARGET="+
			url.QueryEscape("https://"+LoginHost+jspPath+"?"+r.URL.RawQuery))
		return
	}
	if ses.trip == "" {
		ses.trip = trip
	}
	redirect(w, "https://"+LoginHost+samlPath+"?SMASSERTIONREF=QUERY&SAMLTRANSACTIONID="+trip)
}

// serveChooser lets a person choose how to sign in.
func (s *Server) serveChooser(w http.ResponseWriter, r *http.Request) {
	target := r.URL.Query().Get("TARGET")
	b64 := base64.RawURLEncoding.EncodeToString([]byte(target))
	link := func(name, words string) string {
		href := "https://" + LoginHost + "/NECSadc/" + name + "/b64startpage.jsp?startpage=" + b64
		return `<li><a class="method" href="` + strings.ReplaceAll(html.EscapeString(href), "=", "&#x3d;") + `">` + words + `</a></li>`
	}
	answer(w, http.StatusOK, "text/html", `<!DOCTYPE html><html lang="sv"><head><title>Välj e-legitimation</title></head><body><ul>`+
		link("mbid", "Mobilt BankID")+link("freja", "Freja eID+")+
		`<li><a href="https://`+LoginHost+`/help">Hjälp &amp; frågor</a></li></ul></body></html>`)
}

// assert answers a foreign system's request for a signed-in person. Only the
// transaction that was begun last can be answered.
func (s *Server) assert(w http.ResponseWriter, r *http.Request) {
	trip := r.URL.Query().Get("SAMLTRANSACTIONID")
	m, ses := s.trips[trip], s.session(r)
	if m == nil || ses == nil || ses.trip != trip || s.o.Stale > 0 {
		s.o.Stale = max(0, s.o.Stale-1)
		answer(w, http.StatusBadRequest, "text/html", "<html><title>400 Bad Request</title></html>")
		return
	}
	ses.trip = ""
	delete(s.trips, trip)
	if len(s.answers) > 1000 {
		clear(s.answers)
	}
	response := blob()
	s.answers[response] = assertion{person: ses.person, acs: m.acs, at: s.now()}
	s.setCookies(w, s.issue(ses))
	answer(w, http.StatusOK, "text/html", autoPage(m.acs, [][2]string{{"SAMLResponse", response}, {"RelayState", m.relay}}))
}

// autoPage is a page whose form submits itself. Everything in it is written
// with as many entities as a page may have.
func autoPage(action string, fields [][2]string) string {
	var b strings.Builder
	b.WriteString(`<html><head><title>...</title></head><body onload="document.forms[0].submit()">` +
		`<noscript><p>Tryck p&aring; knappen.</p></noscript><form method="POST" action="` + entities(action) + `">`)
	for _, f := range fields {
		b.WriteString(`<input type="hidden" name="` + f[0] + `" value="` + entities(f[1]) + `"/>`)
	}
	b.WriteString(`<noscript><input type="submit" name="go" value="Forts&auml;tt"/></noscript></form></body></html>`)
	return b.String()
}

func entities(s string) string {
	return strings.NewReplacer("&", "&amp;", "=", "&#x3d;", "/", "&#x2f;", "+", "&#43;", `"`, "&quot;", "<", "&lt;").Replace(s)
}

// blob returns what a SAML message looks like from outside.
func blob() string {
	var b [180]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}
