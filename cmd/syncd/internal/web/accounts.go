package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"

	"syncd/cmd/syncd/internal/text"
	"syncd/source"
	"syncd/source/school"
)

// AccountStore adds and removes accounts.
type AccountStore interface {
	Account(ctx context.Context, id school.AccountID) (AccountView, error)
	// AddAccount makes an account. An error that is fs.ErrInvalid says that
	// the settings will not do.
	AddAccount(ctx context.Context, platform school.PlatformID, settings map[string]string) (school.AccountID, error)
	// RemoveAccount ends the session and forgets everything read by it.
	RemoveAccount(ctx context.Context, id school.AccountID) (Report, error)
}

// newAccountView is the choice of a platform.
type newAccountView struct {
	Platforms []platformView
}

// platformView is one platform to choose.
type platformView struct {
	ID     school.PlatformID
	Name   string
	Hosts  []string
	Budget int
	Open   bool // needs no sign-in
	Fields []fieldView
	Error  string
}

// fieldView is one question with what was typed.
type fieldView struct {
	ID      string // unique on the page
	Name    string // of the form value
	Words   text.Field
	Secret  bool
	Long    bool // several lines
	Digits  bool
	Must    bool
	Choices []option
	Choose  string // stands before the choices where one has to be made
	Value   string
	Error   string
}

// fieldName keeps a platform's field ids apart from the forms' own values.
func fieldName(id string) string { return "f-" + id }

func newField(prefix string, f source.Field, w *text.Words) fieldView {
	v := fieldView{
		ID: prefix + "-" + f.ID, Name: fieldName(f.ID), Words: w.Field(f.ID), Secret: f.Secret && f.ID != "cookies",
		Long: f.ID == "cookies", Digits: f.ID == "personal-number" || f.ID == "pin", Must: !f.Optional,
		Choices: options(f.Choices, w),
	}
	if v.Must {
		v.Choose = w.Common.Choose
	}
	return v
}

// option is one of the answers that a question allows.
type option struct{ Value, Label string }

func options(values []string, w *text.Words) []option {
	var out []option
	for _, v := range values {
		out = append(out, option{Value: v, Label: w.Choice(v)})
	}
	return out
}

// answers reads the fields of a form. ok is false when one is missing or not
// among its choices; the views then say which.
func answers(r *http.Request, prefix string, fields []source.Field, w *text.Words) (in source.Answers, views []fieldView, ok bool) {
	in, ok = source.Answers{}, true
	for _, f := range fields {
		v := newField(prefix, f, w)
		value := trimmed(r, v.Name)
		if f.ID == "password" {
			value = r.PostForm.Get(v.Name)
		}
		if (value == "" && !f.Optional) || (value != "" && f.Choices != nil && !slices.Contains(f.Choices, value)) {
			v.Error, ok = w.Errors.Missing, false
		}
		if !f.Secret {
			v.Value = value
		}
		if value != "" {
			in[f.ID] = value
		}
		views = append(views, v)
	}
	return in, views, ok
}

func (s *server) platform(id school.PlatformID) (source.Platform, bool) {
	i := slices.IndexFunc(s.Platforms, func(p source.Platform) bool { return p.ID == id })
	if i < 0 {
		return source.Platform{}, false
	}
	return s.Platforms[i], true
}

func (s *server) newAccountPage(w http.ResponseWriter, r *http.Request) error {
	return s.showNewAccount(w, r, http.StatusOK, platformView{})
}

// showNewAccount lists the platforms; the one with failed's ID shows what was
// wrong with it.
func (s *server) showNewAccount(w http.ResponseWriter, r *http.Request, status int, failed platformView) error {
	words := s.words.of(r)
	var v newAccountView
	for _, p := range s.Platforms {
		pv := platformView{ID: p.ID, Name: p.Name, Hosts: p.Hosts, Budget: p.Budget, Open: len(p.Logins) == 0}
		for _, f := range p.Settings {
			pv.Fields = append(pv.Fields, newField(string(p.ID), f, words))
		}
		if p.ID == failed.ID {
			pv.Fields, pv.Error = failed.Fields, failed.Error
		}
		v.Platforms = append(v.Platforms, pv)
	}
	return s.render(w, status, "account_new", s.newPage(r, words.Accounts.Title, "status", v))
}

func (s *server) addAccount(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	p, ok := s.platform(school.PlatformID(r.PostForm.Get("platform")))
	if !ok {
		return fs.ErrNotExist
	}
	words := s.words.of(r)
	in, fields, ok := answers(r, string(p.ID), p.Settings, words)
	failed := platformView{ID: p.ID, Fields: fields}
	if !ok {
		return s.showNewAccount(w, r, http.StatusUnprocessableEntity, failed)
	}
	id, err := s.Store.AddAccount(r.Context(), p.ID, in)
	if errors.Is(err, fs.ErrInvalid) {
		failed.Error = words.Errors.BadSettings
		return s.showNewAccount(w, r, http.StatusUnprocessableEntity, failed)
	}
	if err != nil {
		return err
	}
	next := "/"
	if len(p.Logins) > 0 {
		next = loginPath(id)
	}
	redirect(w, next)
	return nil
}

func (s *server) removeAccountPage(w http.ResponseWriter, r *http.Request) error {
	a, err := s.Store.Account(r.Context(), school.AccountID(r.PathValue("id")))
	if err != nil {
		return err
	}
	title := s.words.of(r).Accounts.RemoveTitle.With(a.Name)
	return s.render(w, http.StatusOK, "account_remove", s.newPage(r, title, "status", a))
}

func (s *server) removeAccount(w http.ResponseWriter, r *http.Request) error {
	report, err := s.Store.RemoveAccount(r.Context(), school.AccountID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return s.showReport(w, r, report, false)
}
