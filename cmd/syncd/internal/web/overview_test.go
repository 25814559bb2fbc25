package web_test

import (
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source"
	"syncd/source/school"
)

// one returns a family with a single account.
func one(a web.AccountView) *store {
	a.ID, a.Platform, a.Name = "aa", "skolplattformen", "Skolplattformen"
	return &store{overview: web.Overview{Accounts: []web.AccountView{a}}}
}

func TestStatusSaysWhatToDo(t *testing.T) {
	t.Parallel()
	sv := text.For(text.SV)
	const signIn, readNow = `href="/accounts/aa/login"`, `action="/accounts/aa/read"`
	for name, tt := range map[string]struct {
		account  web.AccountView
		has, not []string
	}{
		"well": {
			web.AccountView{State: school.Active, Since: now.Add(-time.Hour), LastRead: now.Add(-12 * time.Minute), NextRead: now.Add(time.Hour), Requests: 12, Budget: 200},
			[]string{sv.Overview.AllWell, "för 12 min sedan", "12 av högst 200", readNow, sv.Overview.UntilUnknown, "i dag 17:42"},
			[]string{signIn},
		},
		"with a past": {
			web.AccountView{State: school.Active, Sessions: web.SessionsView{Ended: 5, Average: 3 * time.Hour, Rungs: map[school.Rung]int{school.RungPerson: 2, school.RungReentry: 4}}},
			[]string{"5 sessioner, i snitt 3 timmar. Någon loggade in 2 gånger."},
			nil,
		},
		"without one": {web.AccountView{State: school.Active}, nil, []string{sv.Sessions.Title}},
		"known end":   {web.AccountView{State: school.Active, Until: now.Add(30 * time.Hour)}, []string{"till i morgon 22:42"}, nil},
		"expired": {
			web.AccountView{State: school.Expired},
			[]string{"1 konto behöver dig", signIn, sv.Overview.SignInAgain, sv.Problem(school.ProblemSignIn).Remedy},
			[]string{readNow, sv.Overview.AllWell},
		},
		"new":          {web.AccountView{State: school.SignedOut}, []string{signIn, ">" + sv.Overview.SignIn + "<"}, []string{sv.Overview.SignInAgain}},
		"wrong person": {web.AccountView{State: school.Active, Problem: school.ProblemWrongPerson}, []string{signIn, sv.State(school.Expired)}, []string{readNow}},
		"platform down": {
			web.AccountView{State: school.Active, Problem: school.ProblemUnavailable},
			[]string{sv.Problem(school.ProblemUnavailable).Sentence, readNow},
			[]string{signIn},
		},
		"signing in":      {web.AccountView{State: school.SigningIn}, []string{signIn, sv.State(school.SigningIn)}, []string{readNow}},
		"reading":         {web.AccountView{State: school.Active, Reading: true}, []string{sv.Overview.ReadingLead, `http-equiv="refresh" content="5"`}, []string{readNow}},
		"without sign-in": {web.AccountView{State: school.SignedOut, Open: true}, []string{sv.Overview.NoSignIn, readNow}, []string{signIn}},
	} {
		page := newSite(t, one(tt.account)).call(t, http.MethodGet, "/", nil).Body.String()
		for _, want := range tt.has {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", name, want)
			}
		}
		for _, bad := range tt.not {
			if strings.Contains(page, bad) {
				t.Errorf("%s: the page holds %q", name, bad)
			}
		}
	}
}

// TestWhatIsWrongWithTheProgram shows that what is new is not on the disk, and
// that there is little room, in both languages.
func TestWhatIsWrongWithTheProgram(t *testing.T) {
	t.Parallel()
	for _, l := range text.Langs() {
		w := text.For(l)
		s := one(web.AccountView{State: school.Active})
		s.overview.Problems = []school.Problem{school.ProblemNotSaved, school.ProblemFull}
		page := html.UnescapeString(newSite(t, s).call(t, http.MethodGet, "/", nil, "Accept-Language: "+string(l)).Body.String())
		for _, p := range s.overview.Problems {
			if a := w.Problem(p); !strings.Contains(page, a.Sentence) || !strings.Contains(page, a.Remedy) {
				t.Errorf("%s: the page does not tell of %s", l, p)
			}
		}
		if strings.Contains(page, w.Overview.AllWell) {
			t.Errorf("%s: the page says that all is well", l)
		}
	}
}

func TestWhatNeedsSomebodyStandsFirst(t *testing.T) {
	t.Parallel()
	s := &store{overview: web.Overview{Accounts: []web.AccountView{
		{ID: "a1", Name: "first", State: school.Active}, {ID: "a2", Name: "second", State: school.Expired},
	}}}
	page := newSite(t, s).call(t, http.MethodGet, "/", nil).Body.String()
	if strings.Index(page, "second") > strings.Index(page, "first") {
		t.Error("the account that needs somebody stands below")
	}
}

func TestAccountActions(t *testing.T) {
	t.Parallel()
	site := newSite(t, full())
	for _, tt := range []struct {
		path string
		form url.Values
		to   string
		did  string
	}{
		{"/accounts/aa/read", nil, "/", "read aa"},
		{"/accounts", url.Values{"platform": {"skolplattformen"}}, "/accounts/a1/login", "add skolplattformen"},
		{"/accounts", url.Values{"platform": {"icsfeed"}, "f-address": {" https://x "}, "f-municipality": {"Nacka"}}, "/", "add icsfeed"},
	} {
		site.store.done = nil
		w := site.call(t, http.MethodPost, tt.path, tt.form)
		if w.Header().Get("Location") != tt.to || !slices.Equal(site.store.done, []string{tt.did}) {
			t.Errorf("POST %s: %d to %q, done %v", tt.path, w.Code, w.Header().Get("Location"), site.store.done)
		}
	}
	if diff := cmp.Diff(map[string]string{"address": "https://x", "municipality": "Nacka"}, map[string]string(site.store.answers)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if w := site.call(t, http.MethodPost, "/accounts/zz/read", nil); w.Code != http.StatusNotFound {
		t.Errorf("read of an unknown account: status %d", w.Code)
	}
}

// TestChoicesSayWhatHolds looks at questions with given answers: where one may
// be left out, what holds then stands there, and nowhere is a blank line.
func TestChoicesSayWhatHolds(t *testing.T) {
	t.Parallel()
	page := newSite(t, full()).call(t, http.MethodGet, "/accounts/new", nil).Body.String()
	for _, want := range []string{
		`name="f-municipality" required>` + "\n" + `<option value="">Välj …</option>` + "\n" + `<option value="Stockholm">`,
		`name="f-keep-password">` + "\n" + `<option value="yes">Ja</option>` + "\n" + `<option value="no">Nej</option>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, `<option value=""></option>`) {
		t.Error("an answer is blank")
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	sv := text.For(text.SV)
	for name, tt := range map[string]struct {
		form url.Values
		err  error
		code int
		says string
	}{
		"missing":   {form: url.Values{"platform": {"icsfeed"}, "f-municipality": {"Nacka"}}, code: 422, says: sv.Errors.Missing},
		"no choice": {form: url.Values{"platform": {"icsfeed"}, "f-address": {"x"}, "f-municipality": {"Gotham"}}, code: 422, says: sv.Errors.Missing},
		"refused":   {form: url.Values{"platform": {"icsfeed"}, "f-address": {"canary-address"}, "f-municipality": {"Nacka"}}, err: choiceError(""), code: 422, says: sv.Errors.BadSettings},
		"unknown":   {form: url.Values{"platform": {"gone"}}, code: 404, says: sv.Errors.NotFoundTitle},
	} {
		site := newSite(t, full())
		site.store.addErr = tt.err
		w := site.call(t, http.MethodPost, "/accounts", tt.form)
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: status %d, want %d saying %q", name, w.Code, tt.code, tt.says)
		}
		if strings.Contains(w.Body.String(), "canary-address") {
			t.Errorf("%s: a secret setting is shown again", name)
		}
	}
}

func TestPrivacyNamesEveryPlaceOfTheKey(t *testing.T) {
	t.Parallel()
	for _, k := range text.KeyPlaces() {
		s := full()
		s.privacy.Key = k
		page := newSite(t, s).call(t, http.MethodGet, "/privacy", nil).Body.String()
		if want, _, _ := strings.Cut(text.For(text.SV).KeyPlace(k).Sentence, ":"); !strings.Contains(page, want) {
			t.Errorf("%s: the page lacks %q", k, want)
		}
	}
}

func TestMethodsOfTheDeviceStandFirst(t *testing.T) {
	t.Parallel()
	site := newSite(t, one(web.AccountView{State: school.SignedOut}))
	order := func(agent string) []source.MethodID {
		var ids []source.MethodID
		page := site.call(t, http.MethodGet, "/accounts/aa/login", nil, "User-Agent: "+agent).Body.String()
		for part := range strings.SplitSeq(page, `name="method" value="`) {
			if id, _, ok := strings.Cut(part, `"`); ok && !strings.Contains(id, "<") {
				ids = append(ids, source.MethodID(id))
			}
		}
		return ids
	}
	if diff := cmp.Diff([]source.MethodID{source.BankIDQR, source.BankIDApp, source.Freja, source.FrejaApp}, order("Mozilla/5.0 (X11; Linux)")); diff != "" {
		t.Errorf("computer (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]source.MethodID{source.BankIDApp, source.FrejaApp, source.BankIDQR, source.Freja}, order("Mozilla/5.0 (Linux; Android 15) Mobile")); diff != "" {
		t.Errorf("phone (-want +got):\n%s", diff)
	}
}

// A guardian who wants syncd to be registered like a phone is told that it was
// not; while somebody has to sign in anyway, that comes first.
func TestFailedPairingIsTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		account web.AccountView
		want    bool
	}{
		"refused":          {web.AccountView{State: school.Active, Unpaired: now.Add(-time.Hour)}, true},
		"nothing is amiss": {web.AccountView{State: school.Active}, false},
		"session is over":  {web.AccountView{State: school.Expired, Problem: school.ProblemSignIn, Unpaired: now.Add(-time.Hour)}, false},
	} {
		page := html.UnescapeString(newSite(t, one(c.account)).call(t, http.MethodGet, "/", nil).Body.String())
		if told := strings.Contains(page, text.For(text.SV).Pairing.Lead); told != c.want {
			t.Errorf("%s: told %v, want %v", name, told, c.want)
		}
	}
}

// While the session is over, the page says where the calendar comes from; it
// does not say so of a session that works, nor of one that is not read.
func TestReadWithoutASessionIsNamed(t *testing.T) {
	t.Parallel()
	sv := text.For(text.SV)
	for name, c := range map[string]struct {
		account web.AccountView
		want    bool
	}{
		"over and read":     {web.AccountView{State: school.Expired, Problem: school.ProblemSignIn, Spared: now.Add(-time.Hour)}, true},
		"over and not read": {web.AccountView{State: school.Expired, Problem: school.ProblemSignIn}, false},
		"alive":             {web.AccountView{State: school.Active, Spared: now.Add(-time.Hour)}, false},
	} {
		page := html.UnescapeString(newSite(t, one(c.account)).call(t, http.MethodGet, "/", nil).Body.String())
		if strings.Contains(page, sv.Spare.Lead) != c.want || strings.Contains(page, "InfoMentors egen kalenderadress") != c.want {
			t.Errorf("%s: named %v, want %v", name, !c.want, c.want)
		}
		if strings.Contains(page, `href="/accounts/aa/login"`) != (c.account.State == school.Expired) {
			t.Errorf("%s: the way to sign in", name)
		}
	}
}
