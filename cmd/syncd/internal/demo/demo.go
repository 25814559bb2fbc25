// Package demo invents a family and the platforms that know it, so that the
// whole program runs without a network: the fakes answer in the same process,
// and a pretend phone approves every sign-in. It also reads and writes
// demo.json, by which scripts find the demo's addresses.
//
// It owns no goroutine.
package demo

import (
	"net/http"
	"slices"
	"time"

	"syncd/source/infomentor/infomentortest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen/skolplattformentest"
)

// User is the name under which the demo's guardian signs in to the pages.
const User = "demo"

// phoneDelay is how long the pretend phone takes to scan.
const phoneDelay = 2 * time.Second

// Family is the invented family with the platforms that know it: the first
// child is at both, the second at Skolplattformen (the preschool), the third at
// InfoMentor. One sign-in at the city serves both.
type Family struct {
	both            string // name of the child that is at both
	last            school.ChildNumber
	skolplattformen *skolplattformentest.Server
	infomentor      *infomentortest.Server
}

// New lays out the family's world around the week of now, so that a demo that
// is started again the same week finds the same world. With scale over 0 there
// is one more child with that many events.
func New(now func() time.Time, scale int) *Family {
	loc := school.Stockholm()
	monday := school.DateOf(now().In(loc)).Monday().At(12, 0, loc)
	city, hub := schooltest.Family(monday), schooltest.Family(monday)
	children := city.Children()
	city.RemoveChild(children[2].Key)
	hub.RemoveChild(children[1].Key)
	if scale > 0 {
		city.Scale(scale)
	}
	// Children are numbered in the order in which they are first seen, the one
	// at both platforms twice.
	seen := len(hub.Children()) + len(city.Children())
	f := &Family{both: children[0].Name, last: school.ChildNumber(seen)}
	f.skolplattformen = skolplattformentest.New(city, skolplattformentest.Options{Now: now})
	sso := f.skolplattformen.SSO()
	f.infomentor = infomentortest.New(hub, infomentortest.Options{Now: now, SSO: sso})
	sso.Phone().Auto(skolplattformentest.Persons(city)[0], phoneDelay)
	return f
}

// Both is the name of the child that both platforms know: whom the guardian
// joins into one.
func (f *Family) Both() string { return f.both }

// Last is the number of the child that is seen last.
func (f *Family) Last() school.ChildNumber { return f.last }

// Transport answers for every host of every platform, in this process.
func (f *Family) Transport() http.RoundTripper { return transport{f} }

type transport struct{ f *Family }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if slices.Contains(infomentortest.Hosts(), r.URL.Hostname()) {
		return t.f.infomentor.RoundTrip(r)
	}
	return t.f.skolplattformen.RoundTrip(r)
}

// Logins are the platforms at which the demo has an account, with the
// settings of each.
func (f *Family) Logins() []Account {
	return []Account{{Platform: "infomentor"}, {Platform: "skolplattformen"}}
}

// Account is one account of the demo.
type Account struct {
	Platform school.PlatformID
	Settings map[string]string
}
