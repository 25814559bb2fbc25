package web

import (
	"context"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
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
	// AddLink makes a link. Its addresses are shown this once.
	AddLink(ctx context.Context, n NewLink) (Addresses, error)
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
	Expires   time.Time // zero: never
	Suspended time.Time // zero: not suspended
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
}

func newLinkRow(l LinkView, w *text.Words) linkRow {
	if l.Children == nil && l.Kinds == nil {
		return linkRow{LinkView: l, Scope: w.Links.Everything}
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
	return linkRow{LinkView: l, Scope: children + ": " + kinds}
}

func (s *server) linksPage(w http.ResponseWriter, r *http.Request) error {
	links, err := s.Store.Links(r.Context())
	if err != nil {
		return err
	}
	words := s.words.of(r)
	var v linksView
	for _, l := range links {
		v.Links = append(v.Links, newLinkRow(l, words))
	}
	return s.render(w, http.StatusOK, "links", s.newPage(r, words.Links.Title, "links", v))
}

// newLinkView is the form for a link.
type newLinkView struct {
	Label            string
	Children         []choice
	Calendars, Feeds []choice
	Merged, Day      bool
	Prefix, UTC      bool
	Cancelled        school.Cancelled
	Language         text.Lang
	Languages        []*text.Words
	Error            string
}

// choice is one box to tick.
type choice struct {
	Value, Name, Hint string
	On                bool
}

func (s *server) newLinkPage(w http.ResponseWriter, r *http.Request) error {
	scope, err := s.Store.Scope(r.Context())
	if err != nil {
		return err
	}
	words := s.words.of(r)
	v := newLinkForm(scope, words, NewLink{Label: words.Links.LabelDefault, Options: school.Options{Language: string(words.Lang)}})
	return s.showNewLink(w, r, http.StatusOK, v)
}

func (s *server) showNewLink(w http.ResponseWriter, r *http.Request, status int, v newLinkView) error {
	for _, l := range text.Langs() {
		v.Languages = append(v.Languages, s.words[l])
	}
	return s.render(w, status, "link_new", s.newPage(r, s.words.of(r).Links.NewTitle, "links", v))
}

// newLinkForm fills the form with n.
func newLinkForm(scope Scope, w *text.Words, n NewLink) newLinkView {
	v := newLinkView{
		Label: n.Label, Merged: n.Options.Merged, Day: n.Options.Day, Prefix: n.Options.Prefix, UTC: n.Options.UTC,
		Cancelled: n.Options.Cancelled, Language: text.Lang(n.Options.Language),
	}
	for _, c := range scope.Children {
		v.Children = append(v.Children, choice{
			Value: strconv.Itoa(int(c.Number)), Name: c.Name, Hint: c.School,
			On: n.Children == nil || slices.Contains(n.Children, c.Number),
		})
	}
	for _, k := range choosable(scope) {
		c := choice{Value: string(k), Name: w.Kind(k), Hint: w.KindHint(k), On: n.Kinds == nil || slices.Contains(n.Kinds, k)}
		if k.IsFeed() {
			v.Feeds = append(v.Feeds, c)
		} else {
			v.Calendars = append(v.Calendars, c)
		}
	}
	return v
}

// choosable returns the kinds that a guardian picks from.
func choosable(scope Scope) []school.Kind {
	return slices.DeleteFunc(slices.Clone(scope.Kinds), func(k school.Kind) bool {
		return k == school.KindFamily || k == school.KindAll
	})
}

func (s *server) addLink(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	scope, err := s.Store.Scope(r.Context())
	if err != nil {
		return err
	}
	words := s.words.of(r)
	n, ok := readNewLink(r, scope)
	if n.Label == "" {
		n.Label = words.Links.LabelDefault
	}
	if !ok {
		v := newLinkForm(scope, words, n)
		v.Error = words.Errors.NothingChosen
		return s.showNewLink(w, r, http.StatusUnprocessableEntity, v)
	}
	a, err := s.Store.AddLink(r.Context(), n)
	if err != nil {
		return err
	}
	guardian, _ := s.Guardian(r.Context())
	s.shown.put(guardian, a)
	redirect(w, addressesPath(a.Link))
	return nil
}

// readNewLink reads the form. ok is false when nothing was chosen, or
// something that is not there. A form that only says all=1 means everything:
// the button on the status page.
func readNewLink(r *http.Request, scope Scope) (n NewLink, ok bool) {
	n.Label = clip(trimmed(r, "label"), maxLabel)
	n.Options = school.Options{
		Prefix: r.PostForm.Get("prefix") != "", Merged: r.PostForm.Get("layout") == "merged",
		Day: r.PostForm.Get("day") != "", UTC: r.PostForm.Get("utc") != "",
	}
	if l, known := text.Parse(r.PostForm.Get("language")); known {
		n.Options.Language = string(l)
	} else {
		n.Options.Language = string(text.FromRequest(r))
	}
	switch c := school.Cancelled(r.PostForm.Get("cancelled")); c {
	case school.CancelledStatus, school.CancelledDrop:
		n.Options.Cancelled = c
	case school.CancelledPrefix:
	}
	if r.PostForm.Get("all") != "" {
		return n, true
	}
	n.Children, ok = readChildren(r.PostForm["child"], scope)
	kinds, allKinds := readKinds(r.PostForm["kind"], choosable(scope))
	n.Kinds = kinds
	if ok = ok && kinds != nil; ok && allKinds {
		n.Kinds = nil
	}
	return n, ok
}

// readChildren returns the chosen children, nil for all of them. ok is false
// when there is none, or one that is not in scope.
func readChildren(values []string, scope Scope) (chosen []school.ChildNumber, ok bool) {
	chosen = []school.ChildNumber{}
	for _, v := range values {
		n, err := strconv.Atoi(v)
		if err != nil || !slices.ContainsFunc(scope.Children, func(c ChildView) bool { return int(c.Number) == n }) {
			return chosen, false
		}
		if !slices.Contains(chosen, school.ChildNumber(n)) {
			chosen = append(chosen, school.ChildNumber(n))
		}
	}
	if len(chosen) == len(scope.Children) {
		return nil, true
	}
	return chosen, len(chosen) > 0
}

// readKinds returns the chosen kinds together with the collections that show
// them, nil when there is none or one that cannot be chosen.
func readKinds(values []string, from []school.Kind) (chosen []school.Kind, all bool) {
	var calendars, feeds bool
	for _, v := range values {
		k := school.Kind(v)
		if !slices.Contains(from, k) {
			return nil, false
		}
		if !slices.Contains(chosen, k) {
			chosen = append(chosen, k)
		}
		calendars, feeds = calendars || k.IsCalendar(), feeds || k.IsFeed()
	}
	all = len(chosen) == len(from)
	if calendars {
		chosen = append(chosen, school.KindFamily)
	}
	if feeds {
		chosen = append(chosen, school.KindAll)
	}
	return chosen, all
}

func clip(s string, characters int) string {
	if r := []rune(s); len(r) > characters {
		return string(r[:characters])
	}
	return s
}

func (s *server) revokePage(w http.ResponseWriter, r *http.Request) error {
	links, err := s.Store.Links(r.Context())
	if err != nil {
		return err
	}
	i := slices.IndexFunc(links, func(l LinkView) bool { return string(l.ID) == r.PathValue("id") })
	if i < 0 {
		return fs.ErrNotExist
	}
	title := s.words.of(r).Links.RevokeTitle.With(links[i].Label)
	return s.render(w, http.StatusOK, "link_revoke", s.newPage(r, title, "links", links[i]))
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

// boxes is a group of boxes to tick under one form value.
type boxes struct {
	Name    string
	Choices []choice
}

// ChildBoxes returns the children to tick.
func (v newLinkView) ChildBoxes() boxes { return boxes{Name: "child", Choices: v.Children} }

// CalendarBoxes returns the calendar kinds to tick.
func (v newLinkView) CalendarBoxes() boxes { return boxes{Name: "kind", Choices: v.Calendars} }

// FeedBoxes returns the feed kinds to tick.
func (v newLinkView) FeedBoxes() boxes { return boxes{Name: "kind", Choices: v.Feeds} }
