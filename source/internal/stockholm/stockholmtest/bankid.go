package stockholmtest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

const (
	freshFrame = 6 * time.Second        // how long a frame can be scanned
	signing    = time.Second            // how long the automatic phone takes to sign
	fastest    = 400 * time.Millisecond // between two polls
)

// order is one BankID order.
type order struct {
	id, token string
	qr        bool
	qrToken   string
	secret    []byte
	visit     *visit
	started   time.Time
	polled    time.Time
	dead      bool

	person   Person    // once opened
	opened   time.Time // zero: not yet
	approved time.Time
	refused  bool
}

// frame returns the QR frame of a moment, in BankID's form.
func (o *order) frame(at time.Time) string {
	n := max(0, int(at.Sub(o.started)/time.Second))
	return "bankid." + o.qrToken + "." + strconv.Itoa(n) + "." + o.mac(n)
}

func (o *order) mac(n int) string {
	h := hmac.New(sha256.New, o.secret)
	h.Write([]byte(strconv.Itoa(n)))
	return hex.EncodeToString(h.Sum(nil))
}

// state says how far an order is; "" once it is over and forgotten.
func (s *Server) state(o *order) string {
	now := s.now()
	s.auto.act(o, now)
	switch {
	case o.dead:
		return "ERROR"
	case o.refused:
		return "CANCELLED"
	case !o.approved.IsZero() && !o.approved.After(now):
		return "OK"
	case o.opened.IsZero() && now.Sub(o.started) > s.o.OrderLife,
		!o.opened.IsZero() && now.Sub(o.opened) > s.o.SignLife:
		return ""
	case o.opened.IsZero():
		return "PENDING"
	}
	return "USER_SIGN"
}

// initBankID places an order.
func (s *Server) initBankID(w http.ResponseWriter, r *http.Request, kind string) {
	if kind != "qr" && kind != "bankid" {
		answer(w, http.StatusInternalServerError, "text/html", "<html><title>500</title></html>")
		return
	}
	o := &order{
		id: uuid(), token: uuid(), qrToken: uuid(), secret: make([]byte, 32),
		qr: kind == "qr", visit: s.enter(w, r), started: s.now(),
	}
	_, _ = rand.Read(o.secret) // never fails
	o.visit.signed = nil       // a new order, a new person
	if _, old := cookie(r, sessionCookie); old && s.session(r) == nil {
		s.offend("a sign-in began with an old SMSESSION")
		o.dead = true
	}
	if s.o.DeadOrders > 0 {
		s.o.DeadOrders--
		o.dead = true
	}
	if len(s.orders) > 1000 {
		clear(s.orders)
	}
	s.orders[o.id] = o
	out := map[string]string{"order": o.id}
	if !o.qr || s.o.QRToken {
		out["token"] = o.token
	}
	if o.qr {
		out["qrData"] = o.frame(s.now())
	}
	answerJSON(w, out)
}

// verify tells an order's state. An unknown order, one of another visit and
// one that is over are a server error.
func (s *Server) verify(w http.ResponseWriter, r *http.Request, id string) {
	o := s.orders[id]
	if v := s.visit(r); o == nil || v == nil || o.visit != v {
		answer(w, http.StatusInternalServerError, "text/html", "<html><title>500</title></html>")
		return
	}
	now := s.now()
	if !o.polled.IsZero() && now.Sub(o.polled) < fastest {
		s.offend("an order was asked for too often")
	}
	o.polled = now
	state := s.state(o)
	switch state {
	case "":
		answer(w, http.StatusInternalServerError, "text/html", "<html><title>500</title></html>")
		return
	case "OK":
		o.visit.sign(o.person, now)
	case "CANCELLED":
		if s.o.OneL {
			state = "CANCELED"
		}
	}
	if s.o.OldWords {
		if state == "ERROR" {
			state += "!"
		}
		answer(w, http.StatusOK, "text/plain", state)
		return
	}
	out := map[string]string{"state": state}
	if state == "PENDING" && o.qr && !s.o.NoFrames {
		out["qrData"] = o.frame(now)
	}
	answerJSON(w, out)
}

func answerJSON(w http.ResponseWriter, v map[string]string) {
	body, err := json.Marshal(v)
	if err != nil {
		answer(w, http.StatusInternalServerError, "text/html", "") // cannot happen: strings only
		return
	}
	answer(w, http.StatusOK, "application/json;charset=UTF-8", string(body))
}
