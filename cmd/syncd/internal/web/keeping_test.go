package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source"
	"syncd/source/school"
)

// sessions is a diary in which everything has happened.
func sessions() web.SessionsView {
	v := web.SessionsView{
		Ended: 12, Average: 3 * time.Hour, SignIns: 3, PerSignIn: 9 * time.Hour,
		Rungs: map[school.Rung]int{}, Causes: map[school.EndCause]int{},
		Latest: []school.Stay{
			{Began: now.Add(-time.Hour), Used: now, Rung: school.RungReentry, Requests: 1234},
			{Began: now.Add(-26 * time.Hour), Used: now.Add(-23 * time.Hour), Ended: now.Add(-time.Hour), Cause: school.EndIdle, Requests: 87},
		},
	}
	for i, r := range school.Rungs() {
		v.Rungs[r] = i + 1
	}
	for i, c := range school.EndCauses() {
		v.Causes[c] = i + 1
	}
	return v
}

// planned is a guardian's choice, whose moment has come or not.
func planned(asks bool) web.KeepingView {
	v := web.KeepingView{
		Keeping: school.Keeping{
			Ping: 25 * time.Minute, MaxAge: 48 * time.Hour, Renewal: school.Renewal{Set: true, Weekday: time.Tuesday, Hour: 16, Minute: 5},
		},
		Pings: true, Next: now.AddDate(0, 0, 7),
	}
	if asks {
		v.Asked = now.Add(-time.Hour)
	}
	return v
}

// kept is a family with one account whose session lives.
func kept(k web.KeepingView) *store {
	return &store{overview: web.Overview{Accounts: []web.AccountView{{
		ID: "aa", Platform: "skolplattformen", Name: "Skolplattformen", State: school.Active, Since: now, Sessions: sessions(), Keeping: k,
	}}}}
}

func TestPlannedSignInIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, l := range text.Langs() {
		w := text.For(l)
		asks, later := w.Keeping.Asked.With(w.Moment(planned(true).Renewal)), w.When(now, now.AddDate(0, 0, 7))
		for _, path := range []string{"/", "/accounts/aa/session"} {
			page := newSite(t, kept(planned(true))).call(t, http.MethodGet, path, nil, "Accept-Language: "+string(l)).Body.String()
			if !strings.Contains(page, asks) || !strings.Contains(page, `href="/accounts/aa/login"`) || !strings.Contains(page, w.Keeping.AskedLead) {
				t.Errorf("%s %s does not ask for the sign-in", l, path)
			}
			page = newSite(t, kept(planned(false))).call(t, http.MethodGet, path, nil, "Accept-Language: "+string(l)).Body.String()
			if strings.Contains(page, asks) || strings.Contains(page, w.Keeping.AskedLead) {
				t.Errorf("%s %s asks too soon", l, path)
			}
			if path == "/" && !strings.Contains(page, later) {
				t.Errorf("%s: the status page does not say when somebody will be asked", l)
			}
		}
	}
	gone := kept(planned(true))
	gone.overview.Accounts[0].State = school.Expired
	page := newSite(t, gone).call(t, http.MethodGet, "/", nil).Body.String()
	if strings.Contains(page, text.For(text.SV).Keeping.AskedLead) {
		t.Error("somebody is told that a dead session still works")
	}
}

// The family's own figures stand on the status page and, in full, on the
// session's own.
func TestDiaryIsShown(t *testing.T) {
	t.Parallel()
	w := text.For(text.SV)
	site := newSite(t, kept(web.KeepingView{}))
	line := w.Sessions.LastsLine.With("9 timmar", "3 inloggningar hittills")
	if page := site.call(t, http.MethodGet, "/", nil).Body.String(); !strings.Contains(page, line) {
		t.Errorf("the status page lacks %q", line)
	}
	page := site.call(t, http.MethodGet, "/accounts/aa/session", nil).Body.String()
	if want := w.Keeping.PerSignIn.With("9 timmar", "3 inloggningar hittills"); !strings.Contains(page, want) {
		t.Errorf("the page lacks %q", want)
	}
	for _, c := range school.EndCauses() {
		if !strings.Contains(page, w.EndCause(c)) {
			t.Errorf("the page does not tell of %s", c)
		}
	}
	for _, r := range school.Rungs() {
		if !strings.Contains(page, w.Rung(r)) {
			t.Errorf("the page does not tell of %s", r)
		}
	}
	for _, want := range []string{w.When(now, now.Add(-26*time.Hour)), "3 timmar", ">87<", w.Number(1234), w.Keeping.Living} {
		if !strings.Contains(page, want) {
			t.Errorf("the latest sessions lack %q", want)
		}
	}
	if strings.Contains(page, `name="ping"`) {
		t.Error("pings are offered where there is nothing to ping")
	}
	open := kept(web.KeepingView{})
	open.overview.Accounts[0].Open = true
	if w := newSite(t, open).call(t, http.MethodGet, "/accounts/aa/session", nil); w.Code != http.StatusNotFound {
		t.Errorf("status %d for a platform without a session", w.Code)
	}
}

func TestSessionIsKeptAsChosen(t *testing.T) {
	t.Parallel()
	k := text.For(text.SV).Keeping
	for _, tc := range []struct {
		form   url.Values
		did    []string
		refuse string
	}{
		{url.Values{"ping": {"1800"}, "age": {"259200"}, "day": {"0"}, "time": {"19:30"}}, []string{"keep aa 30m0s 72h0m0s sunday 19:30"}, ""},
		{url.Values{"ping": {"off"}, "age": {"259200"}, "day": {"daily"}, "time": {"07:15"}}, []string{"keep aa 0s 0s daily 07:15"}, ""},
		{url.Values{"ping": {"off"}, "age": {"259200"}, "day": {"off"}, "time": {"19:30"}}, []string{"keep aa 0s 0s "}, ""},
		{url.Values{"day": {"6"}, "time": {"00:00"}}, []string{"keep aa 0s 0s saturday 00:00"}, ""},
		{url.Values{"ping": {"1"}, "age": {"259200"}, "day": {"off"}}, nil, k.BadPing},
		{url.Values{"ping": {"7200"}, "age": {"3600"}, "day": {"off"}}, nil, k.BadPing},
		{url.Values{"ping": {"x"}, "day": {"off"}}, nil, k.BadPlan},
		{url.Values{"day": {"7"}, "time": {"19:30"}}, nil, k.BadPlan},
		{url.Values{"day": {"0"}, "time": {""}}, nil, k.BadPlan},
		{url.Values{"day": {"0"}, "time": {"25:00"}}, nil, k.BadPlan},
	} {
		site := newSite(t, kept(planned(false)))
		w := site.call(t, http.MethodPost, "/accounts/aa/session", tc.form)
		want := http.StatusSeeOther
		if tc.refuse != "" {
			want = http.StatusUnprocessableEntity
		}
		if w.Code != want || !slices.Equal(site.store.done, tc.did) || !strings.Contains(w.Body.String(), tc.refuse) {
			t.Errorf("%v: status %d, done %q", tc.form, w.Code, site.store.done)
		}
	}
	site := newSite(t, kept(planned(false)))
	page := site.call(t, http.MethodGet, "/accounts/aa/session?saved", nil).Body.String()
	for _, want := range []string{
		`<option value="1500" selected>25 minuter`, `<option value="172800" selected>2 dygn`, `<option value="2" selected>tisdag`,
		`value="16:05"`, k.Saved,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if w := site.call(t, http.MethodPost, "/accounts/zz/session", url.Values{}); w.Code != http.StatusNotFound {
		t.Errorf("status %d for an account that is not there", w.Code)
	}
}

func TestSettingsAreChanged(t *testing.T) {
	t.Parallel()
	s := kept(web.KeepingView{})
	s.overview.Accounts[0].Settings = map[string]string{"pairing": "yes", "address": "canary-address"}
	site := newSite(t, s, func(c *web.Config) {
		c.Platforms[0].Settings = []source.Field{
			{ID: "pairing", Optional: true, Choices: []string{"no", "yes"}},
			{ID: "learning-log", Optional: true, Choices: []string{"no", "yes"}},
			{ID: "municipality", Choices: []string{"Stockholm"}},
			{ID: "address", Secret: true, Optional: true},
		}
	})
	page := site.call(t, http.MethodGet, "/accounts/aa/session", nil).Body.String()
	if !strings.Contains(page, `action="/accounts/aa/settings"`) || !strings.Contains(page, `<option value="yes" selected>`) {
		t.Error("the page does not show what was chosen")
	}
	for _, bad := range []string{"canary", `name="f-address"`, `name="f-municipality"`} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	form := url.Values{"f-pairing": {"no"}, "f-learning-log": {""}, "f-municipality": {"x"}, "f-address": {"x"}}
	if w := site.call(t, http.MethodPost, "/accounts/aa/settings", form); w.Code != http.StatusSeeOther ||
		!slices.Equal(site.store.done, []string{"configure aa map[learning-log: pairing:no]"}) {
		t.Errorf("status %d, done %q", w.Code, site.store.done)
	}
	w := site.call(t, http.MethodPost, "/accounts/aa/settings", url.Values{"f-pairing": {"perhaps"}})
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), text.For(text.SV).Errors.BadSettings) {
		t.Errorf("status %d for what is no choice", w.Code)
	}
	if w := site.call(t, http.MethodPost, "/accounts/zz/settings", form); w.Code != http.StatusNotFound {
		t.Errorf("status %d for an account that is not there", w.Code)
	}
}
