package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
	"syncd/storage"
)

// ShelfStore is behind the page on which a guardian says for how long things
// are kept, and deletes them.
type ShelfStore interface {
	Shelves(ctx context.Context) (Shelves, error)
	// PutLimit answers fs.ErrInvalid for a shelf or limit that is none.
	PutLimit(ctx context.Context, s school.Shelf, l school.Limit) error
	// Delete answers fs.ErrNotExist for a child that is not there and
	// fs.ErrInvalid for what cannot be deleted.
	Delete(ctx context.Context, c storage.Choice) (Report, error)
	Allow(ctx context.Context, c storage.Choice) error
	// RemoveCopy answers fs.ErrNotExist for a path that is no copy of ours.
	RemoveCopy(ctx context.Context, path string) error
	// ForgetPlace forgets a folder of backups that is away. It answers
	// fs.ErrNotExist for a path that is none, and ErrReached when it is there:
	// then what was deleted leaves it by itself.
	ForgetPlace(ctx context.Context, path string) error
}

// ErrReached says that a folder of backups is there, and is not forgotten.
var ErrReached = errors.New("the folder can be reached")

// Shelves are what is kept, and for how long.
type Shelves struct {
	Leaving  []storage.Leaving
	Children []KeptChild
	Unwanted []UnwantedView
	Accounts []AccountView
	Copies   []Copy // that lie in the data folder and are not seen to by themselves, and folders that are away
}

// KeptChild is a child with what could be deleted.
type KeptChild struct {
	Number       school.ChildNumber
	Name, School string
	Kinds        []KindCount
}

// Count is how much is kept of the child.
func (c KeptChild) Count() (n int) {
	for _, k := range c.Kinds {
		n += k.Count
	}
	return n
}

// KindCount is how much there is of a kind.
type KindCount struct {
	Kind  school.Kind
	Count int
}

// UnwantedView is what was deleted and is not read again. Of a child that was
// deleted as a whole there is no name any more.
type UnwantedView struct {
	storage.Choice

	Name  string
	Since time.Time
}

// Report is what a deletion has done.
type Report struct {
	Removed  storage.Removed
	Accounts []SignedOut
	Links    []LinkView // that show nothing any more
	Unsaved  bool       // memory has let go of it, the disk has not yet
	Copies   Copies
}

// Copies are the backups, and what became of them.
type Copies struct {
	Changed int    // rewritten without what was deleted
	Clean   int    // that had nothing of it
	Left    []Copy // that still hold it, as far as is known
}

// Copy is a backup, or something put aside, that could not be changed.
type Copy struct {
	Path    string
	Why     CopyProblem
	Offered bool // it can be deleted as a whole
}

// Away reports whether Path is a folder of backups that is not there now. It can
// be forgotten.
func (c Copy) Away() bool { return c.Why == CopyAway }

// Word says why the copy was not changed.
func (c Copy) Word(w *text.Words) string {
	switch c.Why {
	case CopyAway:
		return w.Keep.CopyAway
	case CopyKey:
		return w.Keep.CopyKey
	case CopyDamaged:
		return w.Keep.CopyDamaged
	case CopyAside:
		return w.Keep.CopyAside
	case CopyBusy:
		return w.Keep.CopyBusy
	case CopyFault:
	}
	return w.Keep.CopyFault
}

// CopyProblem is why a copy was not changed: a closed set.
type CopyProblem string

// The problems.
const (
	CopyAway    CopyProblem = "away"    // its folder is not there now, or empty; tried again every hour
	CopyKey     CopyProblem = "key"     // sealed with a key or passphrase that syncd does not have
	CopyDamaged CopyProblem = "damaged" // not whole, or of a newer version
	CopyAside   CopyProblem = "aside"   // put aside by a restore or a reset
	CopyFault   CopyProblem = "fault"   // it failed; tried again every hour
	CopyBusy    CopyProblem = "busy"    // a folder that was not looked at: others work on backups; tried again every hour
)

// CopyProblems returns every problem.
func CopyProblems() []CopyProblem {
	return []CopyProblem{CopyAway, CopyKey, CopyDamaged, CopyAside, CopyFault, CopyBusy}
}

// Kinds lists what was removed, in the order in which kinds are shown.
func (r Report) Kinds() (out []KindCount) {
	for _, k := range storage.DeletableKinds() {
		if n := r.Removed.Kinds[k]; n > 0 {
			out = append(out, KindCount{k, n})
		}
	}
	return out
}

// SignedOut is an account whose session was taken back.
type SignedOut struct {
	Name string // of the platform
	// Told: the platform has ended the session; Untold: it could not be told;
	// Mute: no way to tell it is known. None of them: there was no session.
	Told, Untold, Mute bool
}

// keepRoutes are the pages about keeping and deleting.
func (s *server) keepRoutes(own func(pattern string, h handler)) {
	own("GET /keep", s.shelvesPage)
	own("POST /keep", s.putLimits)
	own("GET /keep/delete/{child}", s.deletePage)
	own("GET /keep/delete/{child}/{kind}", s.deletePage)
	own("POST /keep/delete", s.delete)
	own("POST /keep/allow", s.allow)
	own("POST /keep/copy", s.removeCopy)
	own("POST /keep/forget", s.forgetPlace)
}

type shelvesView struct {
	Shelves

	Limits []shelfView
	Kinds  []KindCount // over all children
	Saved  bool
}

// shelfView is one row of the table of limits.
type shelfView struct {
	storage.Leaving

	Choices []limitChoice
	Day     time.Time // on which the next leaves; zero: nothing does
}

type limitChoice struct {
	Value string
	Limit school.Limit
	On    bool
}

// limitChoices are what is offered; another limit that is set is offered too.
func limitChoices(now school.Limit) []limitChoice {
	offered := []school.Limit{7, 14, 30, 60, 90, 180, 365, school.LimitYear, school.LimitNone}
	if !slices.Contains(offered, now) {
		offered = append([]school.Limit{now}, offered...)
	}
	out := make([]limitChoice, len(offered))
	for i, l := range offered {
		out[i] = limitChoice{Value: strconv.Itoa(int(l)), Limit: l, On: l == now}
	}
	return out
}

func (s *server) shelvesPage(w http.ResponseWriter, r *http.Request) error {
	k, err := s.Store.Shelves(r.Context())
	if err != nil {
		return err
	}
	v := shelvesView{Shelves: k, Saved: r.URL.Query().Has("saved")}
	for _, l := range k.Leaving {
		row := shelfView{Leaving: l, Choices: limitChoices(l.Limit)}
		if !l.Next.IsZero() {
			row.Day = l.Next.Start(s.zone)
		}
		v.Limits = append(v.Limits, row)
	}
	for _, kind := range storage.DeletableKinds() {
		n := 0
		for _, c := range k.Children {
			if i := slices.IndexFunc(c.Kinds, func(kc KindCount) bool { return kc.Kind == kind }); i >= 0 {
				n += c.Kinds[i].Count
			}
		}
		if n > 0 {
			v.Kinds = append(v.Kinds, KindCount{kind, n})
		}
	}
	p := s.newPage(r, s.words.of(r).Keep.Title, "privacy", v)
	p.Path = "/keep"
	return s.render(w, http.StatusOK, "keep", p)
}

func (s *server) putLimits(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	limits := school.Limits{}
	for _, shelf := range school.Shelves() {
		value := r.PostForm.Get(string(shelf))
		if value == "" {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil || !school.Limit(n).Valid() {
			return badForm(fs.ErrInvalid)
		}
		limits[shelf] = school.Limit(n)
	}
	for _, shelf := range school.Shelves() {
		l, ok := limits[shelf]
		if !ok {
			continue
		}
		if err := s.Store.PutLimit(r.Context(), shelf, l); err != nil {
			return err
		}
	}
	redirect(w, "/keep?saved")
	return nil
}

// deleteView asks whether something is to be deleted for good.
type deleteView struct {
	storage.Choice

	Name  string // of the child; empty: every child
	Kinds []KindCount
}

// parseChoice reads which child and kind are meant.
func parseChoice(child, kind string) (storage.Choice, error) {
	c := storage.Choice{Kind: school.Kind(kind)}
	n, err := strconv.Atoi(child)
	if err != nil || n < 0 {
		return c, fs.ErrNotExist
	}
	c.Child = school.ChildNumber(n)
	if c.Kind != "" && !slices.Contains(storage.DeletableKinds(), c.Kind) || c.Kind == "" && c.Child == school.Family {
		return c, fs.ErrNotExist
	}
	return c, nil
}

func (s *server) deletePage(w http.ResponseWriter, r *http.Request) error {
	c, err := parseChoice(r.PathValue("child"), r.PathValue("kind"))
	if err != nil {
		return err
	}
	k, err := s.Store.Shelves(r.Context())
	if err != nil {
		return err
	}
	v := deleteView{Choice: c}
	counts := map[school.Kind]int{}
	known := c.Child == school.Family
	for _, child := range k.Children {
		if c.Child != school.Family && child.Number != c.Child {
			continue
		}
		if c.Child != school.Family {
			v.Name, known = child.Name, true
		}
		for _, kc := range child.Kinds {
			if c.Kind == "" || kc.Kind == c.Kind || kc.Kind.Origin() == c.Kind {
				counts[kc.Kind] += kc.Count
			}
		}
	}
	if !known {
		return fs.ErrNotExist
	}
	for _, kind := range storage.DeletableKinds() {
		if counts[kind] > 0 {
			v.Kinds = append(v.Kinds, KindCount{kind, counts[kind]})
		}
	}
	words := s.words.of(r)
	title := words.Keep.DeleteChildTitle.With(v.Name)
	switch {
	case c.Child == school.Family:
		title = words.Keep.DeleteKindTitle.With(words.Kind(c.Kind))
	case c.Kind != "":
		title = words.Keep.DeleteBothTitle.With(words.Kind(c.Kind), v.Name)
	}
	return s.render(w, http.StatusOK, "delete", s.newPage(r, title, "privacy", v))
}

func (s *server) delete(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	c, err := parseChoice(r.PostForm.Get("child"), r.PostForm.Get("kind"))
	if err != nil {
		return err
	}
	report, err := s.Store.Delete(r.Context(), c)
	if errors.Is(err, fs.ErrInvalid) {
		return fs.ErrNotExist
	}
	if err != nil {
		return err
	}
	return s.showReport(w, r, report, true)
}

// reportView says what a deletion has done.
type reportView struct {
	Report

	NotAgain bool // what was deleted is not read again by itself
}

func (s *server) showReport(w http.ResponseWriter, r *http.Request, report Report, notAgain bool) error {
	p := s.newPage(r, s.words.of(r).Keep.ReportTitle, "privacy", reportView{Report: report, NotAgain: notAgain})
	p.Path = "/keep"
	return s.render(w, http.StatusOK, "report", p)
}

func (s *server) removeCopy(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	if err := s.Store.RemoveCopy(r.Context(), r.PostForm.Get("path")); err != nil {
		return err
	}
	redirect(w, "/keep")
	return nil
}

// forgetPlace forgets a folder of backups. One that has come back meanwhile is
// seen to by itself, and is not on the page any more.
func (s *server) forgetPlace(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	if err := s.Store.ForgetPlace(r.Context(), r.PostForm.Get("path")); err != nil && !errors.Is(err, ErrReached) {
		return err
	}
	redirect(w, "/keep")
	return nil
}

func (s *server) allow(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badForm(err)
	}
	c, err := parseChoice(r.PostForm.Get("child"), r.PostForm.Get("kind"))
	if err != nil {
		return err
	}
	if err := s.Store.Allow(r.Context(), c); err != nil {
		return err
	}
	redirect(w, "/keep")
	return nil
}
