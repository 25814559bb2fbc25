package skolplattformentest

import (
	"net/http"
	"strings"
)

// manner is a header of a real client's request, and its only value.
type manner struct{ header, value string }

// manners are the headers that released clients sent with a request, by its
// name in [endpoints]. What the platform does without them nobody knows: that
// is noted, and answered all the same.
func manners() map[string][]manner {
	accept := manner{"Accept", "application/json, text/plain, */*"}
	referer := manner{"Referer", Landing}
	return map[string][]manner{
		"GET /getchildren": {accept, referer},
		"POST /selectchild": {
			accept, referer, {"Origin", "https://" + Host}, {"Content-Type", "application/json;charset=UTF-8"},
		},
	}
}

// greet notes a request without a name of the program that sends it.
func (s *Server) greet(r *http.Request) {
	if agent := r.UserAgent(); agent == "" || strings.HasPrefix(agent, "Go-http-client") {
		s.offend(r, "User-Agent is missing")
	}
}

// behave notes what a request lacks of a real client's headers.
func (s *Server) behave(r *http.Request, name string) {
	for _, m := range manners()[name] {
		switch values := r.Header.Values(m.header); {
		case len(values) == 0:
			s.offend(r, m.header+" is missing")
		case len(values) > 1 || values[0] != m.value:
			s.offend(r, m.header+" is not what a real client sends")
		}
	}
}
