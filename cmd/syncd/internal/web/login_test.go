package web_test

import (
	"encoding/json"
	"errors"
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rsc.io/qr"

	"syncd/cmd/syncd/internal/text"
	"syncd/cmd/syncd/internal/web"
	"syncd/source"
	"syncd/source/school"
)

const (
	iphone   = "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
	android  = "User-Agent: Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Mobile"
	computer = "User-Agent: Mozilla/5.0 (X11; Linux x86_64)"
)

type state struct {
	State  source.LoginState `json:"state"`
	Final  bool              `json:"final"`
	Status string            `json:"status"`
	QR     string            `json:"qr"`
	Panel  string            `json:"panel"`
}

func (s *site) state(t *testing.T, headers ...string) state {
	t.Helper()
	w := s.call(t, http.MethodGet, "/accounts/aa/login/state", nil, headers...)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("state: status %d, headers %v", w.Code, w.Header())
	}
	var out state
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// A sign-in as a browser without JavaScript goes through it.
func TestLoginWithoutScript(t *testing.T) {
	t.Parallel()
	sv := text.For(text.SV)
	site := newSite(t, one(web.AccountView{State: school.Expired}))
	page := site.call(t, http.MethodGet, "/accounts/aa/login", nil).Body.String()
	if !strings.Contains(page, sv.Login.Lead.With("Skolplattformen")) || len(site.store.done) != 0 {
		t.Errorf("before a tap: done %v", site.store.done)
	}
	w := site.call(t, http.MethodPost, "/accounts/aa/login", url.Values{"method": {"bankid-qr"}})
	if w.Header().Get("Location") != "/accounts/aa/login" || !slices.Equal(site.store.done, []string{"begin aa bankid-qr"}) {
		t.Fatalf("begin: %d to %q, done %v", w.Code, w.Header().Get("Location"), site.store.done)
	}
	for _, at := range []source.LoginState{source.LoginStarting, source.LoginScan, source.LoginApprove, source.LoginFinishing} {
		site.store.login.Progress = source.Progress{State: at, QR: qrText}
		page = site.call(t, http.MethodGet, "/accounts/aa/login", nil).Body.String()
		for _, want := range []string{
			sv.LoginState(at, source.BankIDQR), `<noscript><meta http-equiv="refresh" content="2"></noscript>`,
			`aria-live="polite"`, `data-login="/accounts/aa/login/state"`, `action="/accounts/aa/login/cancel"`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", at, want)
			}
		}
		if strings.Contains(page, `class="qr"`) != (at == source.LoginScan) {
			t.Errorf("%s: QR shown: %v", at, strings.Contains(page, `class="qr"`))
		}
		if strings.Contains(page, `name="method"`) {
			t.Errorf("%s: a second login is offered", at)
		}
	}
	for _, at := range []source.LoginState{
		source.LoginDone, source.LoginCancelled, source.LoginExpired, source.LoginFailed, source.LoginRejected,
	} {
		site.store.login.Progress = source.Progress{State: at, QR: qrText, AppLink: appLink}
		page = site.call(t, http.MethodGet, "/accounts/aa/login", nil).Body.String()
		if !strings.Contains(page, sv.LoginState(at, source.BankIDQR)) || !strings.Contains(page, `value="bankid-qr"`) {
			t.Errorf("%s: no word about it, or no way to try again", at)
		}
		for _, bad := range []string{`class="qr"`, "canary", "http-equiv=\"refresh\"", "data-login"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s: the page still holds %q", at, bad)
			}
		}
	}
	site.call(t, http.MethodPost, "/accounts/aa/login/cancel", nil)
	if site.store.done[len(site.store.done)-1] != "cancel aa" {
		t.Errorf("done %v", site.store.done)
	}
	if got := site.state(t); !got.Final || got.State != "" {
		t.Errorf("state without a login: %+v", got)
	}
}

func TestQRIsTheTextOfTheFrame(t *testing.T) {
	t.Parallel()
	site := newSite(t, one(web.AccountView{}))
	site.store.login = &web.LoginView{Method: source.BankIDQR, Progress: source.Progress{State: source.LoginScan, QR: qrText, Restarts: 2}}
	got := site.state(t)
	code, err := qr.Encode(qrText, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	side := code.Size + 8
	if !strings.Contains(got.QR, `viewBox="0 0 `+strconv.Itoa(side)+" "+strconv.Itoa(side)+`"`) || !strings.Contains(got.QR, "aria-label=") {
		t.Errorf("svg: %.200s", got.QR)
	}
	drawn := map[[2]int]bool{}
	for _, run := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`).FindAllStringSubmatch(got.QR, -1) {
		x, _ := strconv.Atoi(run[1])
		y, _ := strconv.Atoi(run[2])
		n, _ := strconv.Atoi(run[3])
		for i := range n {
			drawn[[2]int{x + i - 4, y - 4}] = true
		}
	}
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) != drawn[[2]int{x, y}] {
				t.Fatalf("module %d,%d is drawn %v", x, y, drawn[[2]int{x, y}])
			}
		}
	}
	if !strings.Contains(got.Panel, "byttes ut 2 gånger") {
		t.Errorf("nothing is said of the restarts: %s", got.Panel)
	}
	if strings.Contains(got.Status+got.Panel+site.log.String(), "canary-qr") {
		t.Error("the frame's text is written out")
	}
	for _, text := range []string{"", strings.Repeat("x", 5000)} {
		site.store.login.Progress.QR = text
		if got := site.state(t); got.QR != "" {
			t.Errorf("a text of %d bytes is drawn", len(text))
		}
	}
}

func TestLinksThatOpenTheApp(t *testing.T) {
	t.Parallel()
	sv := text.For(text.SV)
	site := newSite(t, one(web.AccountView{}))
	button := func(method source.MethodID, p source.Progress, device string) (href, words string, instead bool) {
		p.State = source.LoginScan
		site.store.login = &web.LoginView{Method: method, Progress: p}
		panel := site.state(t, device).Panel
		m := regexp.MustCompile(`<a class="button big wide" href="([^"]*)">([^<]*)</a>`).FindStringSubmatch(panel)
		if m == nil {
			return "", "", false
		}
		return html.UnescapeString(m[1]), m[2], strings.Contains(panel, sv.Login.OtherLink)
	}
	both := source.Progress{AppLink: appLink, UniversalLink: iosLink}
	for name, tt := range map[string]struct {
		method source.MethodID
		p      source.Progress
		device string
		href   string
		words  string
		other  bool
	}{
		"iPhone":             {source.BankIDApp, both, iphone, iosLink, sv.Login.OpenBankID, true},
		"Android":            {source.BankIDApp, both, android, appLink, sv.Login.OpenBankID, true},
		"computer":           {source.BankIDApp, both, computer, appLink, sv.Login.OpenBankIDHere, true},
		"iPhone, one link":   {source.BankIDApp, source.Progress{AppLink: appLink}, iphone, appLink, sv.Login.OpenBankID, false},
		"Android, other one": {source.BankIDApp, source.Progress{UniversalLink: iosLink}, android, iosLink, sv.Login.OpenBankID, false},
		"Freja":              {source.FrejaApp, source.Progress{AppLink: "frejaeid://bindUserToTransaction?x=1"}, android, "frejaeid://bindUserToTransaction?x=1", sv.Login.OpenFreja, false},
		"Freja, computer":    {source.FrejaApp, source.Progress{AppLink: "frejaeid://x"}, computer, "frejaeid://x", sv.Login.OpenFrejaHere, false},
		"script":             {source.BankIDApp, source.Progress{AppLink: "javascript:alert(1)"}, android, "", "", false},
		"data":               {source.BankIDApp, source.Progress{AppLink: "data:text/html,x", UniversalLink: "http://x"}, iphone, "", "", false},
		"no address":         {source.BankIDApp, source.Progress{AppLink: "bankid:///\x7f%zz"}, iphone, "", "", false},
	} {
		href, words, other := button(tt.method, tt.p, tt.device)
		if href != tt.href || words != tt.words || other != tt.other {
			t.Errorf("%s: %q %q %v, want %q %q %v", name, href, words, other, tt.href, tt.words, tt.other)
		}
	}
	if site.log.Len() != 0 {
		t.Errorf("log: %s", site.log)
	}
}

func TestWrongPersonIsNotDone(t *testing.T) {
	t.Parallel()
	site := newSite(t, one(web.AccountView{}))
	site.store.login = &web.LoginView{Method: source.BankIDQR, Progress: source.Progress{State: source.LoginDone}, Problem: school.ProblemWrongPerson}
	advice := text.For(text.SV).Problem(school.ProblemWrongPerson)
	got := site.state(t)
	site.store.login.Progress.State = source.LoginScan // the next try, while the account still bears the problem
	if again := site.state(t); again.Final || again.State != source.LoginScan {
		t.Errorf("next try: %+v", again)
	}
	if got.State != source.LoginFailed || !got.Final || got.Status != advice.Sentence || !strings.Contains(got.Panel, advice.Remedy) {
		t.Errorf("state %+v", got)
	}
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	site := newSite(t, one(web.AccountView{}))
	site.store.login = &web.LoginView{Method: source.BankIDQR, Progress: source.Progress{State: source.LoginQuestion, Ask: []source.Field{
		{ID: "school", Choices: []string{"Granholm", "Ekorren"}}, {ID: "pin", Secret: true},
	}}}
	page := site.call(t, http.MethodGet, "/accounts/aa/login", nil).Body.String()
	for _, want := range []string{`name="f-school"`, "<option value=\"Ekorren\">Ekorren</option>", "<option value=\"\">Välj …</option>", `name="f-pin" type="password"`, `action="/accounts/aa/login/answer"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"http-equiv=\"refresh\"", "data-login"} { // would lose what is being typed
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	site.call(t, http.MethodPost, "/accounts/aa/login/answer", url.Values{"f-school": {"Elsewhere"}, "f-pin": {"1"}})
	site.call(t, http.MethodPost, "/accounts/aa/login/answer", url.Values{"f-school": {"Ekorren"}})
	if len(site.store.done) != 0 {
		t.Errorf("incomplete answers were passed on: %v", site.store.done)
	}
	w := site.call(t, http.MethodPost, "/accounts/aa/login/answer", url.Values{"f-school": {"Ekorren"}, "f-pin": {"1234"}, "f-more": {"x"}})
	if w.Header().Get("Location") != "/accounts/aa/login" || len(site.store.answers) != 2 || site.store.answers["pin"] != "1234" {
		t.Errorf("to %q with %d answers", w.Header().Get("Location"), len(site.store.answers))
	}
}

func TestLoginThatDoesNotBegin(t *testing.T) {
	t.Parallel()
	sv := text.For(text.SV)
	for name, tt := range map[string]struct {
		form url.Values
		err  error
		code int
		says string
	}{
		"platform down":      {url.Values{"method": {"bankid-qr"}}, source.ErrUnavailable, 200, sv.Problem(school.ProblemUnavailable).Sentence},
		"blocked":            {url.Values{"method": {"bankid-qr"}}, source.ErrBlocked, 200, sv.Problem(school.ProblemBlocked).Remedy},
		"our own":            {url.Values{"method": {"bankid-qr"}}, errors.New("odd"), 200, sv.Problem(school.ProblemInternal).Sentence},
		"gone":               {url.Values{"method": {"bankid-qr"}}, fs.ErrNotExist, 404, sv.Errors.NotFoundTitle},
		"no number":          {url.Values{"method": {"freja"}}, nil, 422, sv.Errors.Missing},
		"method not offered": {url.Values{"method": {"password"}}, nil, 404, sv.Errors.NotFoundTitle},
	} {
		site := newSite(t, one(web.AccountView{}))
		site.store.beginErr = tt.err
		w := site.call(t, http.MethodPost, "/accounts/aa/login", tt.form)
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.says) {
			t.Errorf("%s: status %d, want %d saying %q", name, w.Code, tt.code, tt.says)
		}
		if lines := strings.Count(site.log.String(), "\n"); (lines == 1) != (tt.code == 200) {
			t.Errorf("%s: log %q", name, site.log)
		}
	}
}

func TestPersonalNumberIsPassedOnAndForgotten(t *testing.T) {
	t.Parallel()
	site := newSite(t, one(web.AccountView{}))
	w := site.call(t, http.MethodPost, "/accounts/aa/login", url.Values{"method": {"freja"}, "f-personal-number": {" 201212121212 "}})
	if w.Code != http.StatusSeeOther || site.store.answers["personal-number"] != "201212121212" {
		t.Fatalf("status %d", w.Code)
	}
	if back := site.store.answers[source.AnswerReturn]; !strings.HasPrefix(back, "http") || !strings.HasSuffix(back, "/accounts/aa/login") {
		t.Errorf("an app comes back to %q", back)
	}
	page := site.call(t, http.MethodGet, "/accounts/aa/login", nil).Body.String()
	if strings.Contains(page+site.log.String()+w.Header().Get("Location"), "1212") {
		t.Error("the number came back")
	}
}

// Whoever brings a browser's session along is told how, before and while it is
// asked for, and nobody else is.
func TestImportIsExplained(t *testing.T) {
	t.Parallel()
	for lang, words := range map[string]*text.Words{"sv": text.For(text.SV), "en": text.For(text.EN)} {
		site := newSite(t, one(web.AccountView{State: school.Expired}))
		explained := func(page string) bool {
			page = html.UnescapeString(page)
			for _, step := range words.Importing.Steps() {
				if !strings.Contains(page, step) {
					return false
				}
			}
			return strings.Contains(page, words.Importing.Care)
		}
		accept := "Accept-Language: " + lang
		if page := site.call(t, http.MethodGet, "/accounts/aa/login", nil, accept).Body.String(); explained(page) != strings.Contains(page, `value="cookies"`) {
			t.Errorf("%s: the choice of ways does not explain the one that needs it", lang)
		}
		site.call(t, http.MethodPost, "/accounts/aa/login", url.Values{"method": {"bankid-qr"}})
		for _, c := range []struct {
			ask  string
			want bool
		}{{"cookies", true}, {"municipality", false}} {
			site.store.login.Progress = source.Progress{State: source.LoginQuestion, Ask: []source.Field{{ID: c.ask}}}
			if page := site.call(t, http.MethodGet, "/accounts/aa/login", nil, accept).Body.String(); explained(page) != c.want {
				t.Errorf("%s: asked for %s, explained %v", lang, c.ask, !c.want)
			}
		}
	}
}
