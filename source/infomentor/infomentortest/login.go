package infomentortest

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"syncd/source/internal/faketest"
	"syncd/source/school/schooltest"
)

const (
	loginPath = "/swedish/production/mentor/"
	pinPath   = loginPath + "oryggi/pinlogin/enablepin.aspx"
	loopBack  = "https://" + HubHost + "/authentication/authentication/login?apitype=im1&forceOAuth=true"
	viewState = "/wEPDwUKLTk5+/=="
	entryBase = "https://" + SSOHost + "/login.ashx?idp="
)

// relay is what one oauth_token or verifier stands for.
type relay struct {
	person string // empty: whoever is signed in at IM1
	asp    string // the Hub's visitor, for tokens of the Hub
}

// Entry returns the address at which a guardian's sign-in by the city begins.
func Entry() string { return entryBase + "stockholm_par" }

// Municipality is one entry of the list on the login page.
type Municipality struct {
	Title string
	URL   string
}

// Municipalities returns the list on the login page.
func Municipalities() []Municipality {
	return []Municipality{
		{"Stockholms stad vårdnadshavare", Entry()},
		{"Stockholms stad elev", entryBase + "stockholm_stu"},
		{"Nacka & Boo", entryBase + "nacka"},
		{"Skellefteå", "https://sjalvservice.skelleftea.example/oversikt/overview/21"},
	}
}

// Credentials returns the user name and password of a guardian.
func (s *Server) Credentials(g schooltest.Guardian) (user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return g.Email, s.password(g.PersonalNumber)
}

func (s *Server) password(person string) string {
	if p, ok := s.passwords[person]; ok {
		return p
	}
	return "Lösen&ord=" + person[:4] + "?"
}

// ChangePassword gives a guardian another password.
func (s *Server) ChangePassword(personalNumber, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passwords[personalNumber] = password
}

// Rejected returns how many passwords were turned down so far.
func (s *Server) Rejected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rejected
}

// form reads a request's form.
func form(r *http.Request) url.Values {
	if r.Body == nil {
		return url.Values{}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return url.Values{}
	}
	v, err := url.ParseQuery(string(body))
	if err != nil {
		return url.Values{}
	}
	return v
}

// relayPage is the page that hands an oauth_token on by itself.
func relayPage(action, token string) string {
	return `<html><body onload="document.getElementById('openid_message').submit()">
<form id="openid_message" action="` + html.EscapeString(action) + `" method="post">
<input type="hidden" name="oauth_token" value="` + strings.ReplaceAll(html.EscapeString(token), "+", "&#x2B;") + `" />
<input type="submit" value="Continue" />
</form></body></html>`
}

// hubLogin is the Hub's login page, which hands over to IM1.
func (s *Server) hubLogin(r *http.Request) *faketest.Answer {
	asp := cookie(r, aspCookie)
	a := faketest.Page(http.StatusOK, "")
	if asp == "" || cookie(r, hubNode) == "" {
		asp = s.visit(a)
	}
	token := s.secret("T+/") + "=="
	s.relays[token] = relay{asp: asp}
	a.Body = []byte(relayPage("https://"+LoginHost+loginPath, token))
	return a
}

// visit gives a stranger at the Hub the cookies that all have.
func (s *Server) visit(a *faketest.Answer) string {
	asp := s.secret("hub")
	a.Header.Add("Set-Cookie", aspCookie+"="+asp+"; path=/; HttpOnly; SameSite=Lax")
	a.Header.Add("Set-Cookie", hubNode+"="+s.secret("1234567.20480")+"; path=/; Httponly; Secure")
	a.Header.Add("Set-Cookie", "TS0116cbba=01abcdef0123; Path=/; Domain=.hub.infomentor.se")
	return asp
}

// callback ends a login at the Hub.
func (s *Server) callback(r *http.Request) *faketest.Answer {
	verifier := r.URL.Query().Get("oauth_verifier")
	v, ok := s.verifiers[verifier]
	delete(s.verifiers, verifier)
	from, err := url.Parse(r.Referer())
	referred := err == nil && (from.Hostname() == LoginHost || strings.HasSuffix(from.Hostname(), "."+LoginHost))
	if !ok || !referred && !s.o.NoReferer {
		return faketest.Redirect("/Home/Errors/Server")
	}
	a := faketest.Redirect("/")
	if cookie(r, aspCookie) == "" || cookie(r, hubNode) == "" {
		// Who comes straight from the city has not been here before.
		asp, node := s.secret("hub"), s.secret("1234567.20480")
		a.Header.Add("Set-Cookie", aspCookie+"="+asp+"; path=/; HttpOnly; SameSite=Lax")
		a.Header.Add("Set-Cookie", hubNode+"="+node+"; path=/; Httponly; Secure")
		r = r.Clone(r.Context())
		r.Header["Cookie"] = append(r.Header["Cookie"], aspCookie+"="+asp, hubNode+"="+node)
	}
	s.open(r, a, v.person)
	return a
}

// serveLogin answers for IM1.
func (s *Server) serveLogin(r *http.Request) *faketest.Answer {
	path := strings.ToLower(r.URL.Path)
	switch {
	case path == loginPath && r.Method == http.MethodGet:
		if ticket := r.URL.Query().Get("ssotoken"); ticket != "" {
			return s.oneTimeSignIn(r, ticket)
		}
		return s.loginForm(r, "")
	case path == loginPath && r.Method == http.MethodPost:
		in := form(r)
		if in.Has("oauth_token") {
			return s.redeem(r, in.Get("oauth_token"))
		}
		return s.tryPassword(r, in)
	case path == pinPath && r.Method == http.MethodGet:
		return faketest.Page(http.StatusOK, `<form method="post" action="./EnablePin.aspx" id="Form1">`+
			`<input type="hidden" name="__VIEWSTATE" value="`+viewState+`" /><input type="hidden" name="__VIEWSTATEGENERATOR" value="7189AD5F" />`+
			`<input type="hidden" name="__EVENTVALIDATION" value="/wEFAKE3" /><a id="aDontActivatePin" href="javascript:__doPostBack('aDontActivatePin','')">Aktivera inte</a>`+
			`<input type="password" name="txtPin" /><input type="submit" name="btnSave" value="Aktivera" /></form>`)
	case path == pinPath && r.Method == http.MethodPost:
		in := form(r)
		if in.Get("__EVENTTARGET") != "aDontActivatePin" || in.Get("__VIEWSTATE") != viewState || in.Has("btnSave") {
			s.offend(r, "the PIN was not declined as the page does it")
		}
		return faketest.Redirect(loopBack)
	}
	s.offend(r, "no polite client asks for this")
	return notFound()
}

// redeem answers an oauth_token: with the way back to the Hub, or with the
// login form.
func (s *Server) redeem(r *http.Request, token string) *faketest.Answer {
	t, ok := s.relays[token]
	delete(s.relays, token)
	if !ok {
		return s.loginForm(r, "")
	}
	person := t.person
	if person == "" {
		in := s.signIn(r)
		if in == nil {
			return s.loginForm(r, "")
		}
		person = in.person
	}
	if t.person != "" && s.o.Stays {
		a := welcome()
		s.enter(a, person)
		return a
	}
	verifier := s.secret("verifier")
	s.verifiers[verifier] = relay{person: person}
	a := faketest.Redirect("https://" + HubHost + "/Authentication/Authentication/LoginCallback?apitype=im1&oauth_token=" +
		s.secret("again") + "&oauth_verifier=" + verifier)
	if t.person != "" {
		s.enter(a, person)
	}
	return a
}

// enter signs a person in at IM1.
func (s *Server) enter(a *faketest.Answer, person string) {
	id := s.secret("auth")
	s.logins[id] = &signIn{person: person, made: s.now(), used: s.now()}
	a.Header.Add("Set-Cookie", authCookie+"="+id+"; path=/; HttpOnly")
	a.Header.Add("Set-Cookie", nameCookie+"="+nameValue+"; path=/")
}

// loginForm is IM1's form, with the list of municipalities.
func (s *Server) loginForm(r *http.Request, visible string) *faketest.Answer {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html><body><form method="post" action="./" id="Form1">` +
		`<input type="hidden" name="__EVENTTARGET" id="__EVENTTARGET" value="" /><input type="hidden" name="__EVENTARGUMENT" id="__EVENTARGUMENT" value="" />` +
		`<input type="hidden" name="__VIEWSTATE" id="__VIEWSTATE" value="` + viewState + `" />` +
		`<input type="hidden" name="__VIEWSTATEGENERATOR" value="F357C404" /><input type="hidden" name="__EVENTVALIDATION" value="/wEdAFAKE==" />` +
		`<input name="login_ascx$txtNotandanafn" type="text" id="login_ascx_txtNotandanafn" />` +
		`<input name="login_ascx$txtLykilord" type="password" id="login_ascx_txtLykilord" />` +
		`<input type="submit" name="login_ascx$btnLogin" value="Logga in" id="login_ascx_btnLogin" />`)
	for i, m := range Municipalities() {
		n := "ctl" + []string{"00", "01", "02", "03"}[i]
		b.WriteString(`<input type="hidden" name="login_ascx$IdpListRepeater$` + n + `$number" value="` + strconv.Itoa(101+i) + `" />` +
			`<input type="hidden" name="login_ascx$IdpListRepeater$` + n + `$url" id="login_ascx_IdpListRepeater_` + n + `_url" value="` + html.EscapeString(m.URL) + `" />` +
			`<span id="login_ascx_IdpListRepeater_` + n + `_title">` + html.EscapeString(m.Title) + `</span>`)
	}
	for _, text := range []string{"Inloggning misslyckades - vänligen kontrollera användarnamn och lösenord eller kontakta skolan.", "Ange lösenord"} {
		style := ` style="display:none"`
		if text == visible {
			style = ""
		}
		b.WriteString(`<span class="error-message"` + style + `>` + text + `</span>`)
	}
	b.WriteString(`</form></body></html>`)
	a := faketest.Page(http.StatusOK, b.String())
	if cookie(r, aspCookie) == "" {
		a.Header.Add("Set-Cookie", aspCookie+"="+s.secret("im1")+"; path=/; HttpOnly")
		a.Header.Add("Set-Cookie", loginNode+"="+s.secret("7654321.20480")+"; path=/; Httponly; Secure")
	}
	return a
}

// tryPassword answers the login form.
func (s *Server) tryPassword(r *http.Request, in url.Values) *faketest.Answer {
	if in.Get("__VIEWSTATE") != viewState || in.Get("__VIEWSTATEGENERATOR") != "F357C404" || cookie(r, aspCookie) == "" {
		s.offend(r, "the login form did not come back as it was")
		return s.loginForm(r, "")
	}
	if !in.Has("login_ascx$IdpListRepeater$ctl00$url") {
		return faketest.Page(http.StatusOK, "<html><body><h1>Välj inloggningsmetod</h1></body></html>")
	}
	if in.Get("login_ascx$btnLogin") != "Logga in" || in.Get("__EVENTTARGET") != "" {
		s.offend(r, "the login button was not pressed")
	}
	for _, g := range s.world.Guardians() {
		if in.Get("login_ascx$txtNotandanafn") != g.Email || in.Get("login_ascx$txtLykilord") != s.password(g.PersonalNumber) {
			continue
		}
		to := loopBack
		if s.o.OfferPIN {
			to = "https://" + LoginHost + "/Swedish/Production/mentor/Oryggi/PinLogin/EnablePin.aspx"
		}
		a := faketest.Redirect(to)
		if s.o.Stays {
			a = welcome()
		}
		s.enter(a, g.PersonalNumber)
		return a
	}
	s.rejected++
	return s.loginForm(r, "Inloggning misslyckades - vänligen kontrollera användarnamn och lösenord eller kontakta skolan.")
}

// serveSSO answers for the bridge to the municipalities.
func (s *Server) serveSSO(r *http.Request) *faketest.Answer {
	if !strings.EqualFold(r.URL.Path, "/login.ashx") {
		s.offend(r, "no polite client asks for this")
		return notFound()
	}
	if r.Method == http.MethodGet {
		if r.URL.Query().Get("idp") != "stockholm_par" {
			return faketest.Redirect("https://idp.example.invalid/saml")
		}
		return faketest.Redirect(s.sso.Entry(Entry(), ""))
	}
	in := form(r)
	left := s.o.Interstitial
	var person string
	if ticket := in.Get("ticket"); ticket != "" {
		t, ok := s.relays[ticket]
		delete(s.relays, ticket)
		n, err := strconv.Atoi(in.Get("left"))
		if !ok || err != nil {
			return faketest.Page(http.StatusBadRequest, "<html><head><title>Bad Request</title></head></html>")
		}
		person, left = t.person, n
	} else {
		p, ok := s.sso.Assertion(in.Get("SAMLResponse"), Entry())
		if !ok {
			return faketest.Page(http.StatusBadRequest, "<html><head><title>Bad Request</title></head></html>")
		}
		person = p.PersonalNumber
	}
	if _, ok := s.world.Guardian(person); !ok {
		return faketest.Page(http.StatusOK, "<html><body><p>Användaren finns inte i InfoMentor.</p></body></html>")
	}
	token := s.secret("S+/") + "="
	s.relays[token] = relay{person: person}
	if left > 0 {
		return faketest.Page(http.StatusOK, `<html><body onload="document.forms[0].submit()">Login in progress<form method="post" action="`+
			html.EscapeString(Entry()+"&step=1")+`"><input type="hidden" name="ticket" value="`+html.EscapeString(token)+
			`" /><input type="hidden" name="left" value="`+strconv.Itoa(left-1)+`" /></form></body></html>`)
	}
	return faketest.Page(http.StatusOK, `<html><body onload="document.forms[0].submit()">Login in progress<form method="post" action="https://`+
		LoginHost+loginPath+`"><input type="hidden" name="oauth_token" value="`+html.EscapeString(token)+`" /></form></body></html>`)
}

// oneTimeSignIn redeems a phone's one-time address.
func (s *Server) oneTimeSignIn(r *http.Request, ticket string) *faketest.Answer {
	person, ok := s.oneTime[ticket]
	delete(s.oneTime, ticket)
	if !ok {
		return s.loginForm(r, "")
	}
	a := faketest.Redirect(loopBack)
	if s.o.Stays {
		a = welcome()
	}
	s.enter(a, person)
	return a
}

// welcome is IM1's own page for who is signed in.
func welcome() *faketest.Answer {
	return faketest.Page(http.StatusOK, `<!DOCTYPE html><html><head><title>InfoMentor</title></head><body><h1>Välkommen</h1></body></html>`)
}
