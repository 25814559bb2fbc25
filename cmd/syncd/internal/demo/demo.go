// Package demo invents a family and the platforms that know it, so that the
// whole program runs without a network: the fakes answer in the same process,
// and a pretend phone approves every sign-in. It also reads and writes
// demo.json, by which scripts find the demo's addresses.
//
// It owns no goroutine.
package demo

import (
	"net/http"
	"time"

	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen/skolplattformentest"
)

// User is the name under which the demo's guardian signs in to the pages.
const User = "demo"

// phoneDelay is how long the pretend phone takes to scan.
const phoneDelay = 2 * time.Second

// Family is the invented family with the platforms that know it.
type Family struct {
	World    *schooltest.World
	platform *skolplattformentest.Server
}

// New lays out the family's world around the week of now, so that a demo that
// is started again the same week finds the same world. With scale over 0 there
// is one more child with that many events.
func New(now func() time.Time, scale int) *Family {
	loc := school.Stockholm()
	world := schooltest.Family(school.DateOf(now().In(loc)).Monday().At(12, 0, loc))
	if scale > 0 {
		world.Scale(scale)
	}
	f := &Family{World: world, platform: skolplattformentest.New(world, skolplattformentest.Options{Now: now})}
	f.platform.SSO().Phone().Auto(skolplattformentest.Persons(world)[0], phoneDelay)
	return f
}

// Transport answers for every host of every platform, in this process.
func (f *Family) Transport() http.RoundTripper { return f.platform }

// Logins are the platforms at which the demo has an account, with the
// settings of each.
func (f *Family) Logins() []Account {
	return []Account{{Platform: "skolplattformen"}}
}

// Account is one account of the demo.
type Account struct {
	Platform school.PlatformID
	Settings map[string]string
}
