package infomentor_test

import (
	"bytes"
	"net/http"
	"time"

	"syncd/source"
	"syncd/source/internal/faketest"
	"syncd/source/school"
	"syncd/source/sourcetest"
)

func inject(path string, change func(*faketest.Answer)) func(sourcetest.Fake) {
	return func(f sourcetest.Fake) { own(f).Inject(faketest.Fault{Path: path, Change: change}) }
}

// home spoils the Hub's page and nothing else.
func home(change func(*faketest.Answer)) func(sourcetest.Fake) {
	return inject("", func(a *faketest.Answer) {
		if bytes.Contains(a.Body, []byte("homeData")) {
			change(a)
		}
	})
}

// swap replaces a piece of the Hub's page.
func swap(before, after string) func(sourcetest.Fake) {
	return home(func(a *faketest.Answer) { a.Body = bytes.ReplaceAll(a.Body, []byte(before), []byte(after)) })
}

const hoppsan = `<html><body><h1>Hoppsan</h1><a href="/Authentication/Authentication/Login">Logga in</a></body></html>`

func faults() []sourcetest.Fault {
	list := []sourcetest.Fault{
		// The whole platform.
		{Name: "429", Inject: inject("", faketest.RetryAfter(7*time.Minute)), Wait: 7 * time.Minute, Nothing: true},
		{Name: "503 with Retry-After", Inject: inject("", faketest.Status(503, "Retry-After", "120")), Wait: 2 * time.Minute, Nothing: true},
		{Name: "503", Inject: inject("", faketest.Status(503)), Want: source.ErrUnavailable, Nothing: true},
		{Name: "403", Inject: inject("", faketest.Status(403)), Want: source.ErrBlocked, Nothing: true},
		{Name: "connection ends", Inject: inject("", faketest.Break()), Want: source.ErrUnavailable, Nothing: true},
		{Name: "captcha", Inject: inject("", faketest.Body("text/html", "<html><head><title>Captcha</title></head></html>")), Want: source.ErrBlocked, Nothing: true},
		{Name: "firewall", Inject: inject("getentries", faketest.Body("text/html", "<html><head><title>Request Rejected</title></head></html>")), Want: source.ErrBlocked, Nothing: true},
		{Name: "slow", Inject: inject("", faketest.Slow(10*time.Second))},
		{Name: "too slow", Inject: inject("", faketest.Slow(40*time.Second)), Want: source.ErrUnavailable, Nothing: true},
		{Name: "gzip", Inject: inject("", faketest.Gzip())},
		{Name: "extra fields", Inject: inject("", faketest.Extra())},
		{Name: "byte order mark", Inject: inject("", func(a *faketest.Answer) {
			if len(a.Body) > 0 && (a.Body[0] == '{' || a.Body[0] == '[') {
				a.Body = append([]byte("\xef\xbb\xbf"), a.Body...)
			}
		})},

		// The home page: the session and the family.
		{Name: "home/maintenance", Inject: home(faketest.HTML()), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "home/empty", Inject: home(faketest.Empty()), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "home/cut off", Inject: home(faketest.CutOff()), Want: source.ErrUnavailable, Nothing: true},
		{Name: "home/truncated", Inject: home(faketest.Truncate()), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "home/regrets", Inject: home(faketest.Body("text/html", hoppsan)), Want: source.ErrUnavailable, Nothing: true},
		{Name: "home/error page", Inject: home(faketest.Status(302, "Location", "/Home/Errors/Server")), Want: source.ErrUnavailable, Nothing: true},
		{Name: "home/500", Inject: home(faketest.Status(500)), Want: source.ErrUnavailable, Nothing: true},
		{Name: "home/signed out", Inject: home(faketest.Status(302, "Location", "/Authentication/Authentication/Login?ReturnUrl=%2F")), Want: source.ErrSessionExpired, Nothing: true},
		{Name: "home/not authenticated", Inject: home(faketest.Status(302, "Location", "https://hub.infomentor.se/Error/UserNotAuthenticated")), Want: source.ErrSessionExpired, Nothing: true},
		{Name: "home/401", Inject: home(faketest.Status(401)), Want: source.ErrSessionExpired, Nothing: true},
		{Name: "home/another mark", Inject: swap("IMHome.home.homeData =", "IMHome.home.data ="), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "home/no user", Inject: swap(`"currentUser":{"id":"`, `"currentUser":{"nr":"`), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "home/another user", Inject: swap(`"currentUser":{"id":"1`, `"currentUser":{"id":"2`), Want: source.ErrWrongPerson, Nothing: true},
		{Name: "home/no pupils", Inject: swap(`"pupils"`, `"elever"`), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "home/pupils without id", Inject: swap(`{"id":"17`, `{"nr":"17`), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "home/pupils retyped", Inject: swap(`"selected":true`, `"selected":"ja"`), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "home/nobody selected", Inject: swap(`"selected":true`, `"selected":false`), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "home/all selected", Inject: swap(`"selected":false`, `"selected":true`), Want: source.ErrNotUnderstood, Nothing: true},

		// Whom the answers are about.
		{Name: "mark/none", Inject: inject("communication/appdata", faketest.Set("pupilIM2Id", 0))},
		{Name: "mark/not there", Inject: inject("communication/appdata", faketest.Status(302, "Location", "/x/HandleUnauthorizedRequest"))},
		{Name: "mark/retyped", Inject: inject("communication/appdata", faketest.Set("pupilIM2Id", "x")), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "mark/500", Inject: inject("communication/appdata", faketest.Status(500)), Want: source.ErrUnavailable, Nothing: true},

		// One field of one part.
		{Name: "calendar/no dates", Inject: inject("getentries", faketest.Drop("startDateFull")), Parts: []school.Part{school.PartCalendar}},
		{Name: "calendar/other dates", Inject: inject("getentries", faketest.Set("endDateFull", "snart")), Parts: []school.Part{school.PartCalendar}},
		{Name: "calendar/rows retyped", Inject: inject("getentries", faketest.Set("isAllDayEvent", "ja")), Parts: []school.Part{school.PartCalendar}},
		{Name: "calendar/types gone", Inject: inject("calendarv2/appdata", faketest.Drop("calendarEntryTypes")), Want: source.ErrNotUnderstood, Parts: []school.Part{school.PartCalendar}},
		{Name: "timetable/no dates", Inject: inject("gettimetablelist", faketest.Set("start", nil)), Parts: []school.Part{school.PartTimetable}},
		{Name: "timetable/backwards", Inject: inject("gettimetablelist", faketest.Set("end", "2020-01-01T08:00:00")), Parts: []school.Part{school.PartTimetable}},
		{Name: "care/no week", Inject: inject("gettimeregistrations/", faketest.Drop("startDate")), Want: source.ErrNotUnderstood, Parts: []school.Part{school.PartCare}},
		{Name: "tasks/no dates", Inject: inject("gettasks", faketest.Set("dueDateDateValue", "snart")), Parts: []school.Part{school.PartTasks}},
		{Name: "meetings/no times", Inject: inject("getpupilavailabilities", faketest.Set("timeRange", "snart")), Parts: []school.Part{school.PartSchedule}},
		{Name: "news/no dates", Inject: inject("getnewslist", faketest.Set("publishedDate", "")), Parts: []school.Part{school.PartNews}},
		{Name: "news/no ids", Inject: inject("getnewslist", faketest.Drop("id")), Parts: []school.Part{school.PartNews}},
		{Name: "news/100 MB", Inject: inject("getnewslist", faketest.Huge(100<<20, `{"items":[],"x":"`, `"}`)), Want: source.ErrNotUnderstood, Parts: []school.Part{school.PartNews}},
		{Name: "notices/no dates", Inject: func(f sourcetest.Fake) {
			inject("getnotifications", faketest.Drop("dateSent"))(f)
			inject("getnotifications", faketest.Drop("orderDate"))(f)
		}, Parts: []school.Part{school.PartNotices}},
		{Name: "timetable/gzip bomb", Inject: inject("gettimetablelist", faketest.Bomb(100<<20)), Want: source.ErrNotUnderstood, Parts: []school.Part{school.PartTimetable}},
	}
	for path, parts := range map[string][]school.Part{
		"getentries": {school.PartCalendar}, "calendarv2/appdata": {school.PartCalendar},
		"getnewslist": {school.PartNews}, "getpupilavailabilities": {school.PartSchedule}, "getnotifications": {school.PartNotices},
		"gettimetablelist": {school.PartTimetable}, "gettimeregistrations/": {school.PartCare},
	} {
		list = append(list, spoilt(path, parts)...)
	}
	return list
}

// spoilt are the ways in which any answer in JSON can be none.
func spoilt(path string, parts []school.Part) []sourcetest.Fault {
	var out []sourcetest.Fault
	for name, f := range map[string]struct {
		change func(*faketest.Answer)
		want   error
	}{
		"HTML":            {faketest.HTML(), source.ErrNotUnderstood},
		"empty":           {faketest.Empty(), source.ErrNotUnderstood},
		"blank":           {faketest.Body("application/json", " \r\n"), source.ErrNotUnderstood},
		"cut off":         {faketest.CutOff(), source.ErrUnavailable},
		"truncated":       {faketest.Truncate(), source.ErrNotUnderstood},
		"null":            {faketest.Body("application/json", "null"), source.ErrNotUnderstood},
		"a number":        {faketest.Body("application/json", "12"), source.ErrNotUnderstood},
		"a text":          {faketest.Body("application/json", `"nej"`), source.ErrNotUnderstood},
		"404":             {faketest.Status(404), source.ErrNotUnderstood},
		"strange 302":     {faketest.Status(302, "Location", "https://example.invalid/"), source.ErrNotUnderstood},
		"302 to nowhere":  {faketest.Status(302), source.ErrNotUnderstood},
		"500":             {faketest.Status(500), source.ErrUnavailable},
		"502":             {faketest.Status(502), source.ErrUnavailable},
		"regrets":         {faketest.Body("text/html", hoppsan), source.ErrUnavailable},
		"error page":      {faketest.Status(302, "Location", "/Home/Errors/Server"), source.ErrUnavailable},
		"missing, by 302": {faketest.Status(302, "Location", "https://hub.infomentor.se/x/HandleUnauthorizedRequest"), nil},
		"missing, by 500": {func(a *faketest.Answer) {
			faketest.Body("text/html", "<html><!-- at HandleUnauthorizedRequest(ctx) --></html>")(a)
			a.Status = http.StatusInternalServerError
		}, nil},
		"missing, by shell": {faketest.Body("text/html", "<html><script>var IMHome = { init: {} };</script></html>"), nil},
	} {
		out = append(out, sourcetest.Fault{Name: path + "/" + name, Inject: inject(path, f.change), Want: f.want, Parts: parts})
	}
	for name, change := range map[string]func(*faketest.Answer){
		"302 to login": faketest.Status(302, "Location", "/Authentication/Authentication/Login?ReturnUrl=%2F"),
		"relay page": faketest.Body("text/html", `<html><body onload="x.submit()"><form id="openid_message" method="post" action="https://infomentor.se/swedish/production/mentor/">`+
			`<input type="hidden" name="oauth_token" value="x" /></form></body></html>`),
		"login form": faketest.Body("text/html", `<form><input name="login_ascx$txtNotandanafn" /></form>`),
		"401":        faketest.Status(401),
	} {
		out = append(out, sourcetest.Fault{Name: path + "/" + name, Inject: inject(path, change), Want: source.ErrSessionExpired, Nothing: true})
	}
	out = append(out, sourcetest.Fault{Name: path + "/403", Inject: inject(path, faketest.Status(403)), Want: source.ErrBlocked, Nothing: true})
	return out
}
