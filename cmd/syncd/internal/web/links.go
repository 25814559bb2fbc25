package web

import (
	"context"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// LinkStore is behind the page of links.
type LinkStore interface {
	// Links returns the living and the suspended links, the newest first.
	Links(ctx context.Context) ([]LinkView, error)
	// Scope returns what a link may show: the children, and the kinds of which
	// anything can come.
	Scope(ctx context.Context) (Scope, error)
	// AddLink makes a link that ends at expires, never when that is zero. Its
	// addresses are shown this once.
	AddLink(ctx context.Context, n NewLink, expires time.Time) (Addresses, error)
	// Choice returns what was chosen for a link, and when it ends.
	Choice(ctx context.Context, id school.LinkID) (NewLink, time.Time, error)
	// ChangeLink changes what a link shows and when it ends. Its addresses stay.
	ChangeLink(ctx context.Context, id school.LinkID, n NewLink, expires time.Time) error
	// RotateLink replaces some of a link's secrets and returns what became of
	// them; what was not replaced cannot be known and is left out. A link that
	// does not work at the moment is fs.ErrInvalid.
	RotateLink(ctx context.Context, id school.LinkID, r Rotation) (Addresses, error)
	// RevokeLink ends all of a link's addresses and its app password at once.
	RevokeLink(ctx context.Context, id school.LinkID) error
	// ConfirmLink lets a suspended link work again.
	ConfirmLink(ctx context.Context, id school.LinkID) error
}

// Scope is what there is to choose from.
type Scope struct {
	Children []ChildView   // Kinds may be nil
	Kinds    []school.Kind // KindFamily and KindAll may be left out
}

// LinkView is a link as listed.
type LinkView struct {
	ID        school.LinkID
	Label     string
	Children  []string      // names in scope; nil: all
	Kinds     []school.Kind // nil: all
	Created   time.Time
	LastUsed  time.Time // precise to the day; zero: never
	Uses      []Use     // which programs used it, the latest first
	Expires   time.Time // zero: never
	Suspended time.Time // zero: not suspended
	Overlap   time.Time // until when replaced addresses work; zero: there are none
	Large     []Large   // subscribed calendars near the size that some services take
}

// Large is a subscribed calendar that some services will soon refuse, or that
// was narrowed so that they do not.
type Large struct {
	Child school.ChildNumber
	Name  string // the child's first name, empty for the family
	Kind  school.Kind
	Shown school.Window // what is left of it; zero: all
}

// Use is on which day a family of programs last used a link.
type Use struct {
	Client text.Client
	Day    school.Date
}

// NewLink is what a guardian chose.
type NewLink struct {
	Label    string
	Children []school.ChildNumber // nil: all, also those that come later
	// Kinds are nil for all. A choice of calendar kinds holds KindFamily too
	// and a choice of feed kinds KindAll: those two show what is in scope.
	Kinds   []school.Kind
	Options school.Options
}

const maxLabel = 80 // characters

// linksView is the list of links.
type linksView struct {
	Links []linkRow
}

// linkRow is a link with its scope in words.
type linkRow struct {
	LinkView
	Scope string
	Used  []string // day and family of programs
	Live  bool
	// LastDay is a moment of the last day on which the link works; zero: there
	// is none.
	LastDay time.Time
	Notes   []string // about large calendars
}

func newLinkRow(l LinkView, now time.Time, w *text.Words) linkRow {
	row := linkRow{LinkView: l, Live: l.Suspended.IsZero()}
	if !l.Expires.IsZero() {
		row.LastDay, row.Live = l.Expires.Add(-time.Nanosecond), row.Live && now.Before(l.Expires)
	}
	today := school.DateOf(now)
	for _, u := range l.Uses {
		row.Used = append(row.Used, w.Links.UsedBy.With(w.Day(today, u.Day), w.Client(u.Client)))
	}
	for _, large := range l.Large {
		row.Notes = append(row.Notes, largeNote(large, today, w))
	}
	if l.Children == nil && l.Kinds == nil {
		row.Scope = w.Links.Everything
		return row
	}
	children, kinds := w.Links.AllChildren, w.Links.AllKinds
	if l.Children != nil {
		children = w.List(l.Children)
	}
	if l.Kinds != nil {
		var names []string
		for _, k := range l.Kinds {
			if k != school.KindFamily && k != school.KindAll {
				names = append(names, w.Kind(k))
			}
		}
		kinds = w.List(names)
	}
	row.Scope = children + ": " + kinds
	return row
}

func largeNote(l Large, today school.Date, w *text.Words) string {
	name := childName(w, l.Child, l.Name) + " – " + w.Kind(l.Kind)
	if l.Shown.IsZero() {
		return w.Links.Large.With(name)
	}
	return w.Links.Narrowed.With(name, w.Day(today, l.Shown.From), w.Day(today, l.Shown.To.AddDays(-1)))
}

func (s *server) linksPage(w http.ResponseWriter, r *http.Request) error {
	links, err := s.Store.Links(r.Context())
	if err != nil {
		return err
	}
	words := s.words.of(r)
	var v linksView
	for _, l := range links {
		v.Links = append(v.Links, newLinkRow(l, s.Now().In(s.zone), words))
	}
	return s.render(w, http.StatusOK, "links", s.newPage(r, words.Links.Title, "links", v))
}

func (s *server) revokePage(w http.ResponseWriter, r *http.Request) error {
	l, err := s.listed(r)
	if err != nil {
		return err
	}
	title := s.words.of(r).Links.RevokeTitle.With(l.Label)
	return s.render(w, http.StatusOK, "link_revoke", s.newPage(r, title, "links", l))
}

// listed returns the link that the path names, if it is still listed.
func (s *server) listed(r *http.Request) (LinkView, error) {
	links, err := s.Store.Links(r.Context())
	if err != nil {
		return LinkView{}, err
	}
	i := slices.IndexFunc(links, func(l LinkView) bool { return string(l.ID) == r.PathValue("id") })
	if i < 0 {
		return LinkView{}, fs.ErrNotExist
	}
	return links[i], nil
}

func (s *server) revoke(w http.ResponseWriter, r *http.Request) error {
	id := school.LinkID(r.PathValue("id"))
	if err := s.Store.RevokeLink(r.Context(), id); err != nil {
		return err
	}
	s.shown.drop(id)
	redirect(w, "/links")
	return nil
}

func (s *server) confirm(w http.ResponseWriter, r *http.Request) error {
	if err := s.Store.ConfirmLink(r.Context(), school.LinkID(r.PathValue("id"))); err != nil {
		return err
	}
	redirect(w, "/links")
	return nil
}
