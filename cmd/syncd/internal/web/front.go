package web

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"syncd/cmd/syncd/internal/text"
)

// home shows a guardian the status and a stranger nothing about the family.
func (s *server) home(w http.ResponseWriter, r *http.Request) error {
	if _, ok := s.Guardian(r.Context()); ok {
		return s.overviewPage(w, r)
	}
	f := s.words.of(r).Front
	return s.render(w, http.StatusOK, "front", s.newPage(r, f.Title, "front", nil))
}

// signInView is the form to sign in to the pages.
type signInView struct {
	Next  string
	User  string // as typed
	Error string
}

func (s *server) signInPage(w http.ResponseWriter, r *http.Request) error {
	next := local(r.URL.Query().Get("next"))
	if _, ok := s.Guardian(r.Context()); ok {
		redirect(w, next)
		return nil
	}
	return s.showSignIn(w, r, http.StatusOK, signInView{Next: next})
}

func (s *server) showSignIn(w http.ResponseWriter, r *http.Request, status int, v signInView) error {
	return s.render(w, status, "signin", s.newPage(r, s.words.of(r).Front.SignInTitle, "signin", v))
}

func (s *server) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	v := signInView{Next: local(r.PostForm.Get("next")), User: r.PostForm.Get("user")}
	err := s.Doors.SignIn(w, r, v.User, r.PostForm.Get("password"))
	e := s.words.of(r).Errors
	switch pause := waits(err); {
	case err == nil:
		redirect(w, v.Next)
		return nil
	case pause > 0:
		retryAfter(w, pause)
		v.Error = e.Busy.With(s.words.of(r).Lasting(pause))
		return s.showSignIn(w, r, http.StatusTooManyRequests, v)
	case errors.Is(err, fs.ErrPermission):
		v.Error = e.WrongSignIn
		return s.showSignIn(w, r, http.StatusForbidden, v)
	}
	return err
}

func (s *server) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.Doors.SignOut(w, r); err != nil {
		return err
	}
	w.Header().Set("Clear-Site-Data", `"cache"`)
	redirect(w, "/")
	return nil
}

// welcomeView is the form behind a one-time address.
type welcomeView struct {
	User                  string
	Error                 string
	UserError, WordsError string
}

func (s *server) welcomePage(w http.ResponseWriter, r *http.Request) error {
	return s.showWelcome(w, r, http.StatusOK, welcomeView{})
}

func (s *server) showWelcome(w http.ResponseWriter, r *http.Request, status int, v welcomeView) error {
	return s.render(w, status, "welcome", s.newPage(r, s.words.of(r).Front.WelcomeTitle, "welcome", v))
}

func (s *server) welcome(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	v := welcomeView{User: r.PostForm.Get("user")}
	err := s.Doors.Accept(w, r, r.PathValue("token"), v.User, r.PostForm.Get("password"))
	words := s.words.of(r)
	switch pause := waits(err); {
	case err == nil:
		redirect(w, "/")
		return nil
	case pause > 0:
		retryAfter(w, pause)
		v.Error = words.Errors.Busy.With(words.Lasting(pause))
		return s.showWelcome(w, r, http.StatusTooManyRequests, v)
	case errors.Is(err, fs.ErrInvalid):
		if fieldOf(err) == "user" {
			v.UserError = words.Errors.BadUser
		} else {
			v.WordsError = words.Errors.BadPhrase
		}
		return s.showWelcome(w, r, http.StatusUnprocessableEntity, v)
	case errors.Is(err, fs.ErrNotExist):
		return s.render(w, http.StatusNotFound, "problem", s.newPage(r, words.Errors.UsedTitle, "",
			problemView{Sentence: words.Errors.Used, Command: words.Front.ForgotCommand}))
	}
	return err
}

// fieldOf returns which answer an error is about.
func fieldOf(err error) string {
	if f, ok := errors.AsType[interface {
		error
		Field() string
	}](err); ok {
		return f.Field()
	}
	return ""
}

// language remembers the chosen language and goes back.
func (s *server) language(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	if l, ok := text.Parse(r.PostForm.Get("lang")); ok {
		//nolint:gosec // not a secret, and a family's LAN may have no https
		http.SetCookie(w, &http.Cookie{
			Name: text.CookieName, Value: string(l), Path: "/", MaxAge: int(365 * 24 * time.Hour / time.Second),
			HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
	}
	redirect(w, r.PostForm.Get("back"))
	return nil
}

// errForm stands for what a browser would not send.
var errForm = errors.New("web: form is not readable")

// badForm cuts the chain, because url.ParseQuery's errors repeat what was
// typed; only the size limit passes.
func badForm(err error) error {
	if isTooLarge(err) {
		return err
	}
	return errForm
}

// trimmed returns a form's value without the blanks that phones add.
func trimmed(r *http.Request, name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
