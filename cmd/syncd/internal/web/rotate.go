package web

import (
	"errors"
	"io/fs"
	"net/http"
	"time"

	"syncd/source/school"
)

// Rotation says which of a link's secrets are replaced.
type Rotation struct {
	Page, Calendars, Feeds, Password bool
	// Now ends the old tokens at once; otherwise they work for [Overlap].
	Now bool
}

// Overlap is how long a token works after it was replaced, so that there is
// time to enter the new address everywhere.
const Overlap = 7 * 24 * time.Hour

// Any reports whether anything is to be replaced.
func (r Rotation) Any() bool { return r.Page || r.Calendars || r.Feeds || r.Password }

// rotateView is the form that replaces secrets of a link.
type rotateView struct {
	ID    school.LinkID
	Label string
	Error string
}

func (s *server) rotatePage(w http.ResponseWriter, r *http.Request) error {
	return s.showRotate(w, r, http.StatusOK, "")
}

func (s *server) showRotate(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	l, err := s.listed(r)
	if err != nil {
		return err
	}
	title := s.words.of(r).Links.RotateTitle.With(l.Label)
	return s.render(w, status, "link_rotate", s.newPage(r, title, "links", rotateView{ID: l.ID, Label: l.Label, Error: problem}))
}

func (s *server) rotate(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	chosen := Rotation{
		Page: r.PostForm.Get("page") != "", Calendars: r.PostForm.Get("calendars") != "", Feeds: r.PostForm.Get("feeds") != "",
		Password: r.PostForm.Get("password") != "", Now: r.PostForm.Get("now") != "",
	}
	if !chosen.Any() {
		return s.showRotate(w, r, http.StatusUnprocessableEntity, s.words.of(r).Links.RotateNothing)
	}
	a, err := s.Store.RotateLink(r.Context(), school.LinkID(r.PathValue("id")), chosen)
	if errors.Is(err, fs.ErrInvalid) {
		return s.showRotate(w, r, http.StatusUnprocessableEntity, s.words.of(r).Links.RotateDead)
	}
	if err != nil {
		return err
	}
	s.show(w, r, a)
	return nil
}
