package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strconv"

	"syncd/source/school"
)

// ChildStore joins what several platforms know of the same child. Each action
// answers fs.ErrNotExist for a child that is not there and fs.ErrInvalid for
// one that will not do.
type ChildStore interface {
	Joined(ctx context.Context) ([]JoinedView, error)
	JoinChildren(ctx context.Context, a, b school.ChildNumber) error
	SplitChild(ctx context.Context, a, b school.ChildNumber) error
	LeadKind(ctx context.Context, n school.ChildNumber, k school.Kind, p school.PlatformID, fill bool) error
}

// JoinedView is a child with the platforms that show it.
type JoinedView struct {
	Number    school.ChildNumber
	Name      string
	School    string
	Platforms []string // names
	Aliases   []school.ChildNumber
	Kinds     []LeadView // that more than one platform has brought
}

// LeadView is one kind that several platforms have brought.
type LeadView struct {
	Kind      school.Kind
	Leader    school.PlatformID
	Fill      bool
	Platforms []PlatformName
}

// PlatformName names a platform.
type PlatformName struct {
	ID   school.PlatformID
	Name string
}

type childrenView struct {
	Children []JoinedView
	Error    string
}

// Several reports whether there are two children to join.
func (v childrenView) Several() bool { return len(v.Children) > 1 }

// Joined reports whether any child was joined.
func (v childrenView) Joined() bool {
	return slices.ContainsFunc(v.Children, func(c JoinedView) bool { return len(c.Aliases) > 0 })
}

func (s *server) childrenPage(w http.ResponseWriter, r *http.Request) error {
	return s.showChildren(w, r, http.StatusOK, "")
}

func (s *server) showChildren(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	children, err := s.Store.Joined(r.Context())
	if err != nil {
		return err
	}
	p := s.newPage(r, s.words.of(r).Children.Title, "status", childrenView{Children: children, Error: problem})
	p.Path = "/children"
	return s.render(w, status, "children", p)
}

func (s *server) joinChildren(w http.ResponseWriter, r *http.Request) error {
	return s.changeChildren(w, r, func(r *http.Request) error {
		return s.Store.JoinChildren(r.Context(), childIn(r, "first"), childIn(r, "second"))
	})
}

func (s *server) splitChild(w http.ResponseWriter, r *http.Request) error {
	return s.changeChildren(w, r, func(r *http.Request) error {
		return s.Store.SplitChild(r.Context(), childIn(r, "child"), childIn(r, "alias"))
	})
}

func (s *server) leadKind(w http.ResponseWriter, r *http.Request) error {
	return s.changeChildren(w, r, func(r *http.Request) error {
		return s.Store.LeadKind(r.Context(), childIn(r, "child"), school.Kind(r.PostForm.Get("kind")),
			school.PlatformID(r.PostForm.Get("platform")), r.PostForm.Get("fill") != "")
	})
}

// changeChildren does what a form of the page asks for and shows the page.
func (s *server) changeChildren(w http.ResponseWriter, r *http.Request, change func(*http.Request) error) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	err := change(r)
	if errors.Is(err, fs.ErrInvalid) {
		return s.showChildren(w, r, http.StatusUnprocessableEntity, s.words.of(r).Children.Refused)
	}
	if err != nil {
		return err
	}
	redirect(w, "/children")
	return nil
}

// childIn reads a child's number; 0, which is no child's, when there is none.
func childIn(r *http.Request, name string) school.ChildNumber {
	n, err := strconv.Atoi(r.PostForm.Get(name))
	if err != nil {
		return 0
	}
	return school.ChildNumber(n)
}
