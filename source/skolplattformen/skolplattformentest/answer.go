package skolplattformentest

import (
	"net/http"

	"syncd/source/internal/faketest"
)

func page(status int, html string) *Answer { return faketest.Page(status, html) }

func redirect(to string) *Answer { return faketest.Redirect(to) }

func jsonAnswer(v any) *Answer { return faketest.JSON(v) }

func success(data any) *Answer { return jsonAnswer(envelope{Success: true, Data: data}) }

func failure(message string) *Answer { return jsonAnswer(envelope{Error: &message}) }

// ServeHTTP implements [http.Handler]. Hosts other than the platform's own
// are the city's sign-in.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Host != Host {
		s.sso.ServeHTTP(w, r)
		return
	}
	defer s.begin(r)()
	faketest.Serve(w, r, s.respond(r))
}

// RoundTrip implements [http.RoundTripper].
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Hostname() != Host {
		return s.sso.RoundTrip(r)
	}
	if r.Body != nil {
		defer r.Body.Close()
	}
	done := s.begin(r)
	return faketest.Respond(r, s.respond(r), done)
}
