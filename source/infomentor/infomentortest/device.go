package infomentortest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"syncd/source/internal/faketest"
)

// device is one paired device with its chain of refresh tokens.
type device struct {
	person string
	id     string
	name   string
	other  bool     // paired by [Options.OtherPhone]
	token  string   // the living refresh token
	used   []string // those before it
}

// access is what an access token stands for.
type access struct {
	device *device
	until  time.Time
}

// Devices returns how many devices are paired.
func (s *Server) Devices() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.devices)
}

// RevokeDevices ends the pairing of all devices.
func (s *Server) RevokeDevices() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices = nil
}

type authenticationData struct {
	APIURL            string `json:"apiUrl"`
	AuthenticationURL string `json:"authenticationUrl"`
	ClientID          string `json:"clientId"`
	ExpirationTime    string `json:"expirationTime"`
	TokenURL          string `json:"tokenUrl"`
	RevokeURL         string `json:"revokeRefreshTokenUrl"`
}

// pair begins the pairing of a device, from within a session at the Hub.
func (s *Server) pair(ses *session) *faketest.Answer {
	if s.o.NoPairing {
		return s.missing()
	}
	guid := s.secret("3d2b1a09-8f7e-4c6d")
	s.guids[guid] = ses.person
	data := authenticationData{
		APIURL: "https://" + APIHost,
		AuthenticationURL: "https://" + DeviceHost + "/Authentication/Authentication/LoginOAuth2?authGuid=" + guid +
			"&deviceIdentifier={DeviceIdentifier}&deviceFriendlyName={DeviceFriendlyName}&deviceType={DeviceType}",
		ClientID: "notificationapp", ExpirationTime: wall(s.now().Add(5 * time.Minute)),
		TokenURL:  "https://" + DeviceHost + "/Authentication/OAuth2/Token",
		RevokeURL: "https://" + DeviceHost + "/Authentication/OAuth2/RevokeRefreshToken",
	}
	if s.o.OtherPhone {
		data.APIURL, data.ClientID = "https://"+OtherAPIHost+"/", otherClient
		data.TokenURL = "https://" + DeviceHost + "/Authentication/OAuth2/V2/Token"
	}
	return faketest.JSON(data)
}

// otherClient is what a phone of [Options.OtherPhone] calls itself.
const otherClient = "notificationapp2"

// clientOf is what a phone calls itself.
func clientOf(other bool) string {
	if other {
		return otherClient
	}
	return "notificationapp"
}

// serveTokens answers for the phone app's OAuth server.
func (s *Server) serveTokens(r *http.Request) *faketest.Answer {
	switch strings.ToLower(r.URL.Path) {
	case "/authentication/authentication/loginoauth2":
		return s.grant(r)
	case "/authentication/oauth2/token":
		return s.token(r, form(r), false)
	case "/authentication/oauth2/v2/token":
		return s.token(r, form(r), true)
	case "/authentication/oauth2/revokerefreshtoken":
		token := form(r).Get("refresh_token")
		s.devices = slices.DeleteFunc(s.devices, func(d *device) bool { return d.token == token })
		return &faketest.Answer{Status: http.StatusOK, Header: http.Header{}}
	}
	s.offend(r, "no polite client asks for this")
	return notFound()
}

// grant sends the phone's code to the phone's own address.
func (s *Server) grant(r *http.Request) *faketest.Answer {
	q := r.URL.Query()
	guid := q.Get("authGuid")
	person, ok := s.guids[guid]
	delete(s.guids, guid)
	if !ok {
		return faketest.Page(http.StatusBadRequest, "<html><head><title>Bad Request</title></head></html>")
	}
	if q.Get("scope") != "IM2-API-NOTIFICATION" || q.Get("redirect_uri") != "InfomentorNotification://oauth2Callback" ||
		q.Get("client_id") != clientOf(s.o.OtherPhone) || q.Get("response_type") != "code" ||
		strings.Contains(r.URL.RawQuery, "Device") && strings.Contains(r.URL.RawQuery, "%7B") || q.Get("deviceIdentifier") == "" {
		s.offend(r, "the code was asked for unlike the app does")
	}
	code := s.secret("code")
	s.codes[code] = &device{person: person, id: q.Get("deviceIdentifier"), name: q.Get("deviceFriendlyName"), other: s.o.OtherPhone}
	return faketest.Redirect("infomentornotification://oauth2callback?code=" + code)
}

type tokens struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Refresh string `json:"refresh_token"`
}

type tokenError struct {
	Error string `json:"error"`
}

// token answers the token address. A refresh token that comes a second time
// ends its chain.
func (s *Server) token(r *http.Request, in url.Values, other bool) *faketest.Answer {
	if in.Get("client_id") != clientOf(other) || in.Get("client_secret") != "NONE" {
		s.offend(r, "the app's own words are missing")
	}
	bad := faketest.JSON(tokenError{Error: "invalid_grant"})
	bad.Status = http.StatusBadRequest
	switch in.Get("grant_type") {
	case "authorization_code":
		d := s.codes[in.Get("code")]
		delete(s.codes, in.Get("code"))
		if d == nil || d.other != other {
			return bad
		}
		// A device that is paired anew takes its own place.
		s.devices = slices.DeleteFunc(s.devices, func(o *device) bool { return o.person == d.person && o.id == d.id })
		s.devices = append(s.devices, d)
		return s.issue(d)
	case "refresh_token":
		old := in.Get("refresh_token")
		for _, d := range s.devices {
			if d.token == old && d.other == other {
				d.used = append(d.used, old)
				return s.issue(d)
			}
			if slices.Contains(d.used, old) {
				s.devices = slices.DeleteFunc(s.devices, func(o *device) bool { return o == d })
				return bad
			}
		}
	}
	return bad
}

func (s *Server) issue(d *device) *faketest.Answer {
	d.token = s.secret("refresh")
	token := s.secret("access")
	s.access[token] = access{device: d, until: s.now().Add(s.o.AccessLife)}
	return faketest.JSON(tokens{Access: token, Type: "bearer", Expires: int(s.o.AccessLife.Seconds()), Refresh: d.token})
}

type phoneAccount struct {
	UserID    int
	FirstName string
	LastName  string
	Pupils    []phonePupil
}

type phonePupil struct {
	UserRoleID int `json:"UserRoleId"`
	FirstName  string
	LastName   string
}

// serveAPI answers for the phone app.
func (s *Server) serveAPI(r *http.Request) *faketest.Answer {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, ok := s.access[token]
	if !ok || a.device.other != (hostOf(r) == OtherAPIHost) || s.now().After(a.until) || !slices.Contains(s.devices, a.device) {
		return faketest.Page(http.StatusUnauthorized, "")
	}
	switch strings.ToLower(r.URL.Path) {
	case "/na1/authentication/sso":
		ticket := s.secret("ONETIME")
		s.oneTime[ticket] = a.device.person
		return faketest.JSON("https://" + LoginHost + loginPath + "?ssotoken=" + ticket)
	case "/na1/account/account":
		g, _ := s.world.Guardian(a.device.person)
		out := phoneAccount{UserID: 990000 + hash(g.PersonalNumber)%1000, FirstName: g.FirstName, LastName: g.LastName}
		for _, c := range s.world.ChildrenOf(g.PersonalNumber) {
			first, last, _ := strings.Cut(c.Name, " ")
			out.Pupils = append(out.Pupils, phonePupil{UserRoleID: SwitchID(c), FirstName: first, LastName: last})
		}
		return faketest.JSON(out)
	}
	s.offend(r, "no polite client asks for this")
	return notFound()
}
