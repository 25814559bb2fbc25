package infomentor_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"syncd/source"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/internal/faketest"
	"syncd/source/school"
)

// class is what an answer of the platform means for the family.
type class string

const (
	sessionEnded  class = "session ended"
	moduleMissing class = "module missing"
	serverTrouble class = "server trouble"
	blocked       class = "blocked"
	toldToWait    class = "told to wait"
	shapeChanged  class = "shape changed"
)

// symptom is one way in which the platform was seen, or is feared, to answer a
// request for data.
type symptom struct {
	name   string
	answer func(*faketest.Answer)
	alive  class // what it means when the home page shows the family
	dead   class // and when that leads to the sign-in
}

// symptoms is the table of PROTOCOL.md, row by row.
func symptoms() []symptom {
	const (
		relay = `<html><body onload="document.getElementById('openid_message').submit()"><form id="openid_message" method="post"` +
			` action="https://infomentor.se/swedish/production/mentor/"><input type="hidden" name="oauth_token" value="x" /></form></body></html>`
		form  = `<html><form method="post" action="./" id="Form1"><input name="login_ascx$txtNotandanafn" type="text" /></form></html>`
		shell = `<html><body><script>var IMHome = { init: { userRole: 'parent' } };</script></body></html>`
	)
	to := func(where string) func(*faketest.Answer) { return faketest.Status(http.StatusFound, "Location", where) }
	page := func(status int, html string) func(*faketest.Answer) {
		return func(a *faketest.Answer) { *a = *faketest.Page(status, html) }
	}
	return []symptom{
		{"200 and nothing", faketest.Empty(), shapeChanged, sessionEnded},
		{"200 and nothing, as HTML", page(200, ""), shapeChanged, sessionEnded},
		{"302 to the sign-in", to("/Authentication/Authentication/Login?ReturnUrl=%2F"), sessionEnded, sessionEnded},
		{"302 to the sign-in, whole address", to("https://hub.infomentor.se/authentication/authentication/login?apitype=im1"), sessionEnded, sessionEnded},
		{"302 to the older system", to("https://infomentor.se/swedish/production/mentor/"), sessionEnded, sessionEnded},
		{"302 to UserNotAuthenticated", to("https://hub.infomentor.se/Error/UserNotAuthenticated"), sessionEnded, sessionEnded},
		{"relay page", page(200, relay), sessionEnded, sessionEnded},
		{"sign-in form", page(200, form), sessionEnded, sessionEnded},
		{"401", faketest.Status(http.StatusUnauthorized), sessionEnded, sessionEnded},
		{"403", faketest.Status(http.StatusForbidden), blocked, sessionEnded},
		{"302 to HandleUnauthorizedRequest", to("https://hub.infomentor.se/x/HandleUnauthorizedRequest"), moduleMissing, sessionEnded},
		{"302 to HandleUnauthorizedRequest below Authentication", to("/Authentication/Authentication/HandleUnauthorizedRequest"), moduleMissing, sessionEnded},
		{"302 with HandleUnauthorizedRequest in the query", to("/Home/Index?from=HandleUnauthorizedRequest"), moduleMissing, sessionEnded},
		{"302 to an error page about HandleUnauthorizedRequest", to("/Error/Index?by=handleunauthorizedrequest"), moduleMissing, sessionEnded},
		{"500 about HandleUnauthorizedRequest", page(500, "<html><!-- at Authorize.HandleUnauthorizedRequest(ctx) --></html>"), moduleMissing, sessionEnded},
		{"the Hub's own page", page(200, shell), moduleMissing, sessionEnded},
		{"302 to the error page", to("/Home/Errors/Server"), serverTrouble, serverTrouble},
		{"302 to another error page", to("/Error/Server"), sessionEnded, sessionEnded},
		{"302 to an error page further below", to("https://hub.infomentor.se/Hub/Error/Index?aspxerrorpath=/x"), sessionEnded, sessionEnded},
		{"Hoppsan, with a link to the sign-in", page(200, hoppsan), serverTrouble, serverTrouble},
		{"Hoppsan with 500", page(500, hoppsan), serverTrouble, serverTrouble},
		{"500", faketest.Status(http.StatusInternalServerError), serverTrouble, serverTrouble},
		{"502", faketest.Status(http.StatusBadGateway), serverTrouble, serverTrouble},
		{"503", faketest.Status(http.StatusServiceUnavailable), serverTrouble, serverTrouble},
		{"504", faketest.Status(http.StatusGatewayTimeout), serverTrouble, serverTrouble},
		{"connection ends", faketest.Break(), serverTrouble, serverTrouble},
		{"body is cut off", faketest.CutOff(), serverTrouble, serverTrouble},
		{"no answer in time", faketest.Slow(time.Minute), serverTrouble, serverTrouble},
		{"429", faketest.RetryAfter(time.Minute), toldToWait, toldToWait},
		{"503 with Retry-After", faketest.Status(http.StatusServiceUnavailable, "Retry-After", "60"), toldToWait, toldToWait},
		{"firewall's refusal", page(200, "<html><head><title>Request Rejected</title></head></html>"), blocked, blocked},
		{"captcha", page(200, "<html><head><title>Captcha</title></head></html>"), blocked, blocked},
		{"page of somebody else", faketest.HTML(), shapeChanged, sessionEnded},
		{"page on maintenance as JSON", faketest.Body("application/json", "<html><p>Underhåll</p></html>"), shapeChanged, sessionEnded},
		{"404", faketest.Status(http.StatusNotFound), shapeChanged, sessionEnded},
		{"400", faketest.Status(http.StatusBadRequest), shapeChanged, sessionEnded},
		{"302 elsewhere", to("https://example.invalid/"), shapeChanged, sessionEnded},
		{"302 to nowhere", faketest.Status(http.StatusFound), shapeChanged, sessionEnded},
		{"an object for a list", faketest.Body("application/json", `{"Message":"nej"}`), shapeChanged, shapeChanged},
		{"half of the JSON", faketest.Truncate(), shapeChanged, shapeChanged},
		{"true", faketest.Body("application/json", "true"), shapeChanged, shapeChanged},
	}
}

// Each symptom is what it is called; a missing module costs no login, is
// remembered for the child who lacks it and for no sibling.
func TestDetection(t *testing.T) {
	t.Parallel()
	for _, row := range symptoms() {
		for what, c := range map[string]struct {
			dead bool
			want class
		}{"while the session lives": {false, row.alive}, "after its end": {true, row.dead}} {
			t.Run(row.name+"/"+what, func(t *testing.T) {
				bubble(t, infomentortest.Options{}, nil, func(f *family) {
					f.world.RemoveChild(f.world.Children()[2].Key)
					f.world.RemoveChild(f.world.Children()[1].Key)
					s, plan := f.login(), f.plan(school.PartCalendar, school.PartSchedule)
					f.fake.Inject(faketest.Fault{Path: "getentries", Change: row.answer})
					if c.dead {
						f.fake.Inject(faketest.Fault{Path: "/", Skip: 1, Change: faketest.Status(http.StatusFound, "Location", "/Authentication/Authentication/Login?ReturnUrl=%2F")})
					}
					k, err := f.fetch(s, plan)
					if got := classOf(err); got != c.want {
						t.Errorf("Fetch = %v, which is %q, want %q", err, got, c.want)
					}
					if snap := k.snapshots[f.ref(0)]; covered(snap, school.PartCalendar) || len(snap.Calendar) > 0 {
						t.Error("the calendar is covered")
					}
				})
			})
		}
	}
}

// classOf names what an error means. A module that is missing is none.
func classOf(err error) class {
	if _, ok := errors.AsType[*source.RateLimitError](err); ok {
		return toldToWait
	}
	switch {
	case err == nil:
		return moduleMissing
	case errors.Is(err, source.ErrSessionExpired):
		return sessionEnded
	case errors.Is(err, source.ErrBlocked):
		return blocked
	case errors.Is(err, source.ErrUnavailable):
		return serverTrouble
	case errors.Is(err, source.ErrNotUnderstood):
		return shapeChanged
	}
	return class(err.Error())
}

// A module that one child lacks is still asked for about its siblings, and a
// session that is stored and loaded does not forget.
func TestMissingModuleIsOneChilds(t *testing.T) {
	bubble(t, infomentortest.Options{NoApps: true}, nil, func(f *family) {
		s := f.login()
		young := 0
		for _, c := range f.world.Children() {
			if c.Preschool() {
				young++
			}
		}
		plan := f.plan(school.PartTimetable)
		plan.Window.To = plan.Window.From.AddDays(7)
		count := func() int {
			before := f.fake.Count("gettimetablelist")
			f.read(s, plan)
			return f.fake.Count("gettimetablelist") - before
		}
		first := count()
		s = stored(s)
		f.src = f.source(nil)
		if again := count(); young == 0 || again != first-young {
			t.Errorf("%d weeks asked for after %d, want %d less", again, first, young)
		}
	})
}

// Wrong or missing words of ours are the platform's 500, and never one of its
// modules that is missing: it is not remembered.
func TestTroubleIsNotRemembered(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.login()
		f.fake.Inject(faketest.Fault{Path: "getentries", Change: faketest.Status(http.StatusInternalServerError)})
		if _, err := f.fetch(s, f.plan(school.PartTasks, school.PartCalendar)); !errors.Is(err, source.ErrUnavailable) {
			t.Errorf("Fetch = %v, want %v", err, source.ErrUnavailable)
		}
		f.fake.Heal()
		for ref, snap := range f.read(s, f.plan(school.PartTasks, school.PartCalendar)).snapshots {
			if !covered(snap, school.PartCalendar) {
				t.Errorf("the calendar of child %d is not covered afterwards", len(ref))
			}
		}
	})
}

// isauthenticated is not asked, and a session that it would call alive while
// the home page leads to the sign-in is over.
func TestHalfExpired(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.login()
		f.fake.Inject(faketest.Fault{Path: "/", Change: faketest.Status(http.StatusFound, "Location", "/Authentication/Authentication/Login?ReturnUrl=%2F")})
		if _, err := f.fetch(s, f.plan()); !errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Fetch = %v, want %v", err, source.ErrSessionExpired)
		}
		if n := f.fake.Count("isauthenticated"); n != 0 {
			t.Errorf("isauthenticated was asked %d times", n)
		}
	})
}
