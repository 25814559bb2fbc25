package stockholmtest

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// frejaOrder is one Freja order. The visit's cookie stands for it.
type frejaOrder struct {
	ref      string
	number   string // empty for an app switch
	started  time.Time
	person   Person
	opened   time.Time
	approved time.Time
	refused  bool
}

// initFreja sends a push (POST) or answers with the link that opens the app.
func (s *Server) initFreja(w http.ResponseWriter, r *http.Request) {
	f := &frejaOrder{ref: uuid(), started: s.now()}
	q := r.URL.Query()
	switch r.Method {
	case http.MethodPost:
		f.number = q.Get("userInput")
		if r.Header.Get("X-Requested-With") != "XMLHttpRequest" {
			s.offend("freja's push was asked for unlike the page does")
		}
		if !slices.ContainsFunc(s.o.Persons, func(p Person) bool { return p.PersonalNumber == f.number }) {
			redirect(w, "https://"+PageHost+"/NECSadcfreja/error.jsp")
			return
		}
		s.enter(w, r).freja = f
		answer(w, http.StatusOK, "text/plain", "")
	case http.MethodGet:
		if q.Get("return_url") != "https://"+PageHost+frejaPath {
			s.offend("freja's link was asked for unlike the page does")
		}
		s.enter(w, r).freja = f
		answer(w, http.StatusOK, "text/plain",
			"frejaeid://bindUserToTransaction?transactionReference="+f.ref+"&return="+url.QueryEscape(q.Get("return_url")))
	default:
		answer(w, http.StatusMethodNotAllowed, "text/html", "<html><title>405</title></html>")
	}
}

// stateFreja says how far a visit's order is. A refusal sticks to the visit.
func (s *Server) stateFreja(v *visit) string {
	f, now := v.freja, s.now()
	if f == nil {
		return "UNKNOWN"
	}
	s.auto.actFreja(f, s.o.Persons, now)
	v.stuck = v.stuck || f.refused
	switch {
	case v.stuck:
		if s.o.OneL {
			return "CANCELLED"
		}
		return "CANCELED"
	case !f.approved.IsZero() && !f.approved.After(now):
		return "APPROVED"
	case now.Sub(f.started) > s.o.OrderLife:
		return "EXPIRED"
	case f.opened.IsZero():
		return "STARTED"
	}
	return "DELIVERED_TO_MOBILE"
}

func (s *Server) statusFreja(w http.ResponseWriter, r *http.Request) {
	state := "UNKNOWN"
	if v := s.visit(r); v != nil {
		state = s.stateFreja(v)
		if state == "APPROVED" {
			v.sign(v.freja.person, s.now())
		}
	}
	if s.o.FrejaJSON {
		answerJSON(w, map[string]string{"status": state})
		return
	}
	answer(w, http.StatusOK, "text/plain", state)
}
