package stockholmtest

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
)

var (
	errFrame = errors.New("stockholmtest: phone: QR frame is unknown, forged or old")
	errLink  = errors.New("stockholmtest: phone: link leads to no living order")
	errIdle  = errors.New("stockholmtest: phone: nothing to answer")
)

// Phone is a phone with BankID and Freja. It acts at the moment it is told
// to.
type Phone struct{ s *Server }

// Phone returns the server's phone. There is one; who holds it is said with
// each order.
func (s *Server) Phone() *Phone { return &Phone{s: s} }

// Scan scans a QR frame for a person, who then sees the order. A frame is
// good for a few seconds.
func (p *Phone) Scan(frame string, who Person) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	parts := strings.Split(frame, ".")
	if len(parts) != 4 || parts[0] != "bankid" {
		return errFrame
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil {
		return errFrame
	}
	for _, o := range p.s.orders {
		if o.qr && o.qrToken == parts[1] && o.mac(n) == parts[3] &&
			p.s.now().Sub(o.started.Add(time.Duration(n)*time.Second)) <= freshFrame {
			return p.show(o, who, errFrame)
		}
	}
	return errFrame
}

// OpenLink opens a link on the phone of a person, who then sees the order:
// BankID's in both forms, or Freja's.
func (p *Phone) OpenLink(link string, who Person) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	u, err := url.Parse(link)
	if err != nil {
		return errLink
	}
	switch {
	case u.Scheme == "bankid" && u.Query().Get("redirect") == "null",
		u.Scheme == "https" && u.Host == "app.bankid.com" && u.Query().Has("redirect"):
		for _, o := range p.s.orders {
			if o.token == u.Query().Get("autostarttoken") {
				return p.show(o, who, errLink)
			}
		}
	case u.Scheme == "frejaeid":
		for _, v := range p.s.visits {
			if f := v.freja; f != nil && f.number == "" && f.ref == u.RawQuery[strings.LastIndexByte(u.RawQuery, '=')+1:] {
				f.person, f.opened = who, p.s.now()
				return nil
			}
		}
	}
	return errLink
}

func (p *Phone) show(o *order, who Person, refusal error) error {
	if p.s.state(o) != "PENDING" {
		return refusal
	}
	o.person, o.opened = who, p.s.now()
	p.s.current = o
	return nil
}

// Approve signs the BankID order that was opened last.
func (p *Phone) Approve() error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.s.current == nil || p.s.state(p.s.current) != "USER_SIGN" {
		return errIdle
	}
	p.s.current.approved = p.s.now()
	return nil
}

// Refuse says no to the BankID order that was opened last.
func (p *Phone) Refuse() error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.s.current == nil || p.s.state(p.s.current) != "USER_SIGN" {
		return errIdle
	}
	p.s.current.refused = true
	return nil
}

// OpenFreja opens the Freja app of the person with a personal number, which
// then shows the push that is waiting.
func (p *Phone) OpenFreja(personalNumber string) error {
	return p.onFreja(personalNumber, func(f *frejaOrder) { f.opened = p.s.now() })
}

// ApproveFreja approves the newest living Freja order of a person: a push, or
// a link that was opened on the person's phone.
func (p *Phone) ApproveFreja(personalNumber string) error {
	return p.onFreja(personalNumber, func(f *frejaOrder) { f.approved = p.s.now() })
}

// RefuseFreja says no to it.
func (p *Phone) RefuseFreja(personalNumber string) error {
	return p.onFreja(personalNumber, func(f *frejaOrder) { f.refused = true })
}

func (p *Phone) onFreja(number string, do func(*frejaOrder)) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	var newest *frejaOrder
	for _, v := range p.s.visits {
		f := v.freja
		if f == nil || (f.number != number && f.person.PersonalNumber != number) {
			continue
		}
		if st := p.s.stateFreja(v); st != "STARTED" && st != "DELIVERED_TO_MOBILE" {
			continue
		}
		if newest == nil || f.started.After(newest.started) {
			newest = f
		}
	}
	if newest == nil {
		return errIdle
	}
	if newest.number == number {
		for _, who := range p.s.o.Persons {
			if who.PersonalNumber == number {
				newest.person = who
			}
		}
	}
	do(newest)
	return nil
}

// autoPhone answers by itself.
type autoPhone struct {
	on    bool
	who   Person
	delay time.Duration
}

// Auto makes the phone answer every order by itself from now on: BankID for
// who, delay after the order appeared, signed a second later; Freja for whom
// the push was meant. The zero Person turns it off.
func (p *Phone) Auto(who Person, delay time.Duration) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.s.auto = autoPhone{on: who != Person{}, who: who, delay: delay}
}

// act does what the phone would have done by now.
func (a autoPhone) act(o *order, now time.Time) {
	at := o.started.Add(a.delay)
	if !a.on || now.Before(at) || o.dead || o.refused {
		return
	}
	if o.opened.IsZero() {
		o.person, o.opened = a.who, at
	}
	if o.approved.IsZero() {
		o.approved = o.opened.Add(signing)
	}
}

func (a autoPhone) actFreja(f *frejaOrder, persons []Person, now time.Time) {
	at := f.started.Add(a.delay)
	if !a.on || now.Before(at) || f.refused || !f.approved.IsZero() {
		return
	}
	f.person, f.opened, f.approved = a.who, at, at.Add(signing)
	for _, p := range persons {
		if p.PersonalNumber == f.number {
			f.person = p
		}
	}
}
