package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"syncd/cmd/syncd/internal/text"
	"syncd/source"
	"syncd/source/school"
)

// LoginStore is behind the sign-in to a platform. All tabs and programs that
// look at an account see the same login; there is one at a time.
type LoginStore interface {
	// BeginLogin starts a login and returns when the first state is known or
	// soon after. One that is under way is taken over when its method is the
	// same and given up otherwise. Errors of package source are explained to
	// the person.
	BeginLogin(ctx context.Context, id school.AccountID, method source.MethodID, in source.Answers) error
	// Login returns how far the login is and keeps it alive; it may be called
	// as often as one likes. ok is false when there is none. A finished one
	// stays for some minutes, so that its end can be read.
	Login(ctx context.Context, id school.AccountID) (v LoginView, ok bool)
	// AnswerLogin brings what Progress.Ask asked for.
	AnswerLogin(ctx context.Context, id school.AccountID, in source.Answers) error
	// CancelLogin gives the login up. Harmless when there is none.
	CancelLogin(ctx context.Context, id school.AccountID) error
}

// LoginView is a login under way, or one that just ended.
type LoginView struct {
	Method   source.MethodID
	Progress source.Progress
	// Problem is why the session was not accepted although the person signed
	// in (another person than the account's owner); usually none.
	Problem school.Problem
}

func loginPath(id school.AccountID) string {
	return "/accounts/" + url.PathEscape(string(id)) + "/login"
}

// loginPageView is the page of one sign-in.
type loginPageView struct {
	Account AccountView
	Path    string // of this page; the actions lie below it
	Panel   *loginPanel
	Methods []methodView
	Advice  text.Advice // why it could not begin
	// Choosing is false while a login runs: the methods are then not shown.
	Choosing bool
}

// methodView is one way to sign in.
type methodView struct {
	ID     source.MethodID
	Words  text.Method
	Fields []fieldView
	First  bool // the one to suggest
}

// loginPanel is the part of the page that changes while the person signs in.
type loginPanel struct {
	W        *text.Words
	Path     string
	Platform string
	State    source.LoginState
	Final    bool
	Done     bool
	Status   string
	Remedy   string // what to do about a login that came to nothing
	QR       *qrView
	Open     template.URL // opens the app on this device
	OpenText string
	Instead  template.URL // the other form of the same link
	Restarts string
	Ask      []fieldView
	Imports  bool // what is asked for comes from a browser
}

// newPanel puts a login into words.
func newPanel(a AccountView, v LoginView, w *text.Words, d device) *loginPanel {
	p := &loginPanel{
		W: w, Path: loginPath(a.ID), Platform: a.Name, State: v.Progress.State, Final: v.Progress.State.Final(),
		Done: v.Progress.State == source.LoginDone, Status: w.LoginState(v.Progress.State, v.Method),
	}
	if p.Done && v.Problem != school.ProblemNone {
		advice := w.Problem(v.Problem)
		p.State, p.Done, p.Final = source.LoginFailed, false, true
		p.Status, p.Remedy = advice.Sentence, advice.Remedy
	}
	if p.Final {
		return p
	}
	if v.Progress.Restarts > 0 {
		p.Restarts = w.N(v.Progress.Restarts, w.Login.Restarted)
	}
	for _, f := range v.Progress.Ask {
		p.Ask = append(p.Ask, newField("ask", f, w))
		p.Imports = p.Imports || f.ID == string(source.Cookies)
	}
	if v.Progress.State == source.LoginQuestion && appURL(v.Progress.UniversalLink) != "" {
		p.Open, p.OpenText = appURL(v.Progress.UniversalLink), w.Login.OpenPage
	}
	if v.Progress.State != source.LoginScan {
		return p
	}
	p.QR = newQR(v.Progress.QR)
	p.Open, p.Instead = appURL(v.Progress.AppLink), appURL(v.Progress.UniversalLink)
	if p.Open == "" || (d.apple && p.Instead != "") {
		p.Open, p.Instead = p.Instead, p.Open
	}
	p.OpenText = openText(v.Method, w, d)
	return p
}

// device is what a browser says about where it runs.
type device struct {
	phone bool
	apple bool // a phone or tablet that opens apps by https addresses
}

// deviceOf reads the User-Agent. iPads call themselves Macs and pass for
// computers; both forms of an app's link are offered anyway.
func deviceOf(r *http.Request) device {
	ua := r.UserAgent()
	apple := strings.Contains(ua, "iPhone") || strings.Contains(ua, "iPad") || strings.Contains(ua, "iPod")
	return device{apple: apple, phone: apple || strings.Contains(ua, "Android") || strings.Contains(ua, "Mobile")}
}

// openText names the button that opens an app on this device.
func openText(m source.MethodID, w *text.Words, d device) string {
	freja := m == source.Freja || m == source.FrejaApp
	switch {
	case freja && d.phone:
		return w.Login.OpenFreja
	case freja:
		return w.Login.OpenFrejaHere
	case d.phone:
		return w.Login.OpenBankID
	}
	return w.Login.OpenBankIDHere
}

// appURL passes addresses that open an eID app and nothing else: they come
// from the platform, and a javascript: address among them would be its own.
func appURL(s string) template.URL {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	switch strings.ToLower(u.Scheme) {
	case "bankid", "frejaeid", "https":
		return template.URL(s) //nolint:gosec // the scheme was just checked, and the template still escapes it
	}
	return ""
}

// methods lists the ways to sign in, the likeliest for this device first.
// failed, if set, takes the place of the method with its ID.
func (s *server) methods(r *http.Request, a AccountView, failed methodView) []methodView {
	p, _ := s.platform(a.Platform)
	words := s.words.of(r)
	var all []methodView
	for _, m := range p.Logins {
		v := methodView{ID: m.ID, Words: words.Method(m.ID)}
		for _, f := range m.Fields {
			v.Fields = append(v.Fields, newField(string(m.ID), f, words))
		}
		if m.ID == failed.ID {
			v.Fields = failed.Fields
		}
		all = append(all, v)
	}
	if deviceOf(r).phone {
		slices.SortStableFunc(all, func(a, b methodView) int { return rank(a.ID) - rank(b.ID) })
	}
	if len(all) > 0 {
		all[0].First = true
	}
	return all
}

// rank orders methods on a phone.
func rank(m source.MethodID) int {
	switch m {
	case source.BankIDApp:
		return 0
	case source.FrejaApp:
		return 1
	case source.BankIDQR:
		return 2
	case source.Freja, source.Password, source.Cookies:
		return 3
	default:
		return 4
	}
}

func (s *server) loginPage(w http.ResponseWriter, r *http.Request) error {
	return s.showLogin(w, r, methodView{}, text.Advice{})
}

// showLogin shows the login as it stands, or the choice of methods. failed and
// advice say why a login did not begin.
func (s *server) showLogin(w http.ResponseWriter, r *http.Request, failed methodView, advice text.Advice) error {
	id := school.AccountID(r.PathValue("id"))
	a, err := s.Store.Account(r.Context(), id)
	if err != nil {
		return err
	}
	words := s.words.of(r)
	v := loginPageView{Account: a, Path: loginPath(id), Advice: advice, Methods: s.methods(r, a, failed), Choosing: true}
	p := s.newPage(r, words.Login.Title.With(a.Name), "status", nil)
	status := http.StatusOK
	if failed.ID != "" {
		status = http.StatusUnprocessableEntity
	} else if login, ok := s.Store.Login(r.Context(), id); ok && advice == (text.Advice{}) {
		v.Panel = newPanel(a, login, words, deviceOf(r))
		v.Choosing = v.Panel.Final
		if !v.Panel.Final && v.Panel.Ask == nil {
			p.ReloadPlain = 2
		}
	}
	p.Body = v
	return s.render(w, status, "login", p)
}

func (s *server) beginLogin(w http.ResponseWriter, r *http.Request) error {
	a, err := s.posted(r)
	if err != nil {
		return err
	}
	p, _ := s.platform(a.Platform)
	i := slices.IndexFunc(p.Logins, func(m source.Method) bool { return string(m.ID) == r.PostForm.Get("method") })
	if i < 0 {
		return fs.ErrNotExist
	}
	method := p.Logins[i]
	in, fields, ok := answers(r, string(method.ID), method.Fields, s.words.of(r))
	if !ok {
		return s.showLogin(w, r, methodView{ID: method.ID, Fields: fields}, text.Advice{})
	}
	in[source.AnswerReturn] = s.BaseURL + loginPath(a.ID)
	err = s.Store.BeginLogin(r.Context(), a.ID, method.ID, in)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil {
		problem := source.ProblemOf(err)
		s.Log.LogAttrs(r.Context(), slog.LevelWarn, "login did not begin", slog.String("account", string(a.ID)),
			slog.String("method", string(method.ID)), slog.String("problem", string(problem)), slog.Any("error", err))
		return s.showLogin(w, r, methodView{}, s.words.of(r).Problem(problem))
	}
	redirect(w, loginPath(a.ID))
	return nil
}

// loginState is what the page's script asks for once a second.
type loginState struct {
	State  source.LoginState `json:"state"`
	Final  bool              `json:"final"`
	Status string            `json:"status"`
	QR     string            `json:"qr"`    // an svg element, empty for none
	Panel  string            `json:"panel"` // everything else
}

func (s *server) loginState(w http.ResponseWriter, r *http.Request) error {
	id := school.AccountID(r.PathValue("id"))
	a, err := s.Store.Account(r.Context(), id)
	if err != nil {
		return err
	}
	out := loginState{Final: true}
	if login, ok := s.Store.Login(r.Context(), id); ok {
		panel := newPanel(a, login, s.words.of(r), deviceOf(r))
		out = loginState{State: panel.State, Final: panel.Final, Status: panel.Status}
		if out.QR, err = s.fragment("qr", panel); err != nil {
			return err
		}
		if out.Panel, err = s.fragment("actions", panel); err != nil {
			return err
		}
	}
	data, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("web: encode login state: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data)
	return nil
}

// fragment renders one piece of the panel.
func (s *server) fragment(name string, panel *loginPanel) (string, error) {
	var buf bytes.Buffer
	if err := s.pages["login"].ExecuteTemplate(&buf, name, panel); err != nil {
		return "", fmt.Errorf("web: render %s: %w", name, err)
	}
	return strings.TrimSpace(buf.String()), nil
}

func (s *server) answerLogin(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	id := school.AccountID(r.PathValue("id"))
	if login, ok := s.Store.Login(r.Context(), id); ok {
		if in, _, complete := answers(r, "ask", login.Progress.Ask, s.words.of(r)); complete {
			if err := s.Store.AnswerLogin(r.Context(), id, in); err != nil {
				return err
			}
		}
	}
	redirect(w, loginPath(id))
	return nil
}

func (s *server) cancelLogin(w http.ResponseWriter, r *http.Request) error {
	id := school.AccountID(r.PathValue("id"))
	if err := s.Store.CancelLogin(r.Context(), id); err != nil {
		return err
	}
	redirect(w, loginPath(id))
	return nil
}
