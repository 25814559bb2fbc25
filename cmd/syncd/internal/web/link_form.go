package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// linkForm is the form for a link, for a new one or one that is there.
type linkForm struct {
	Action, Submit, Lead string
	Label                string
	Children             []choice
	Calendars, Feeds     []choice
	Options              school.Options
	Language             text.Lang
	Languages            []*text.Words
	Details, Histories   []choice
	Until                string // the last day, "2027-06-15"; empty: none
	Error                string
}

// choice is one box to tick.
type choice struct {
	Value, Name, Hint string
	On                bool
}

// boxes is a group of boxes to tick under one form value.
type boxes struct {
	Name    string
	Choices []choice
}

// ChildBoxes returns the children to tick.
func (v linkForm) ChildBoxes() boxes { return boxes{Name: "child", Choices: v.Children} }

// CalendarBoxes returns the calendar kinds to tick.
func (v linkForm) CalendarBoxes() boxes { return boxes{Name: "kind", Choices: v.Calendars} }

// FeedBoxes returns the feed kinds to tick.
func (v linkForm) FeedBoxes() boxes { return boxes{Name: "kind", Choices: v.Feeds} }

// chosen is what a link is or shall be.
type chosen struct {
	NewLink

	until string // the last day as it stands in the form
}

func (s *server) newLinkPage(w http.ResponseWriter, r *http.Request) error {
	scope, err := s.Store.Scope(r.Context())
	if err != nil {
		return err
	}
	words := s.words.of(r)
	n := NewLink{Label: words.Links.LabelDefault, Options: school.Options{Language: string(words.Lang)}}
	return s.showNewLink(w, r, http.StatusOK, s.newLinkForm(scope, words, chosen{NewLink: n}))
}

func (s *server) showNewLink(w http.ResponseWriter, r *http.Request, status int, v linkForm) error {
	l := s.words.of(r).Links
	v.Action, v.Submit, v.Lead = "/links", l.Create, l.NewLead
	return s.render(w, status, "link_form", s.newPage(r, l.NewTitle, "links", v))
}

// newLinkForm fills the form with n.
func (s *server) newLinkForm(scope Scope, w *text.Words, n chosen) linkForm {
	v := linkForm{Label: n.Label, Options: n.Options, Language: text.Lang(n.Options.Language), Until: n.until}
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
	for _, l := range text.Langs() {
		v.Languages = append(v.Languages, s.words[l])
	}
	for _, d := range school.Details() {
		v.Details = append(v.Details, choice{Value: string(d), Name: detailName(d, w), On: n.Options.Detail == d})
	}
	v.Histories = histories(n.Options.History, w)
	return v
}

func detailName(d school.Detail, w *text.Words) string {
	switch d {
	case school.DetailTimes:
		return w.Links.DetailTimes
	case school.DetailBusy:
		return w.Links.DetailBusy
	case school.DetailFull:
	}
	return w.Links.DetailFull
}

// histories are how far back one can choose to see, in days, and what was
// chosen before.
func histories(now int, w *text.Words) []choice {
	days := []int{0, 90, 365}
	if !slices.Contains(days, now) {
		days = append(days, now)
		slices.Sort(days)
	}
	out := make([]choice, 0, len(days))
	for _, n := range days {
		c := choice{Value: strconv.Itoa(n), Name: w.N(n, w.Links.HistoryDays), On: n == now}
		if n == 0 {
			c.Name = w.Links.HistoryUsual
		}
		out = append(out, c)
	}
	return out
}

// choosable returns the kinds that a guardian picks from.
func choosable(scope Scope) []school.Kind {
	return slices.DeleteFunc(slices.Clone(scope.Kinds), func(k school.Kind) bool {
		return k == school.KindFamily || k == school.KindAll
	})
}

func (s *server) addLink(w http.ResponseWriter, r *http.Request) error {
	scope, n, problem, err := s.readLink(r, NewLink{})
	if err != nil {
		return err
	}
	if problem == "" {
		until, _ := s.end(n.until)
		a, err := s.Store.AddLink(r.Context(), n.NewLink, until)
		if err != nil {
			return err
		}
		s.show(w, r, a)
		return nil
	}
	v := s.newLinkForm(scope, s.words.of(r), n)
	v.Error = problem
	return s.showNewLink(w, r, http.StatusUnprocessableEntity, v)
}

// show sends the browser to the page of addresses that were just made.
func (s *server) show(w http.ResponseWriter, r *http.Request, a Addresses) {
	guardian, _ := s.Guardian(r.Context())
	s.shown.put(guardian, a)
	redirect(w, addressesPath(a.Link))
}

func (s *server) editLinkPage(w http.ResponseWriter, r *http.Request) error {
	was, expires, err := s.Store.Choice(r.Context(), school.LinkID(r.PathValue("id")))
	if err != nil {
		return err
	}
	scope, err := s.Store.Scope(r.Context())
	if err != nil {
		return err
	}
	n := chosen{NewLink: was, until: s.lastDay(expires)}
	return s.showEditLink(w, r, http.StatusOK, was, s.newLinkForm(widened(scope, was), s.words.of(r), n))
}

func (s *server) showEditLink(w http.ResponseWriter, r *http.Request, status int, was NewLink, v linkForm) error {
	l := s.words.of(r).Links
	v.Action, v.Submit, v.Lead = "/links/"+url.PathEscape(r.PathValue("id"))+"/edit", l.Save, l.EditLead
	return s.render(w, status, "link_form", s.newPage(r, l.EditTitle.With(was.Label), "links", v))
}

func (s *server) editLink(w http.ResponseWriter, r *http.Request) error {
	id := school.LinkID(r.PathValue("id"))
	was, expires, err := s.Store.Choice(r.Context(), id)
	if err != nil {
		return err
	}
	scope, n, problem, err := s.readLink(r, was)
	if err != nil {
		return err
	}
	until, past := s.end(n.until)
	if n.until == s.lastDay(expires) {
		until, past = expires, false // as it was, whether or not it has passed
		if problem == s.words.of(r).Links.UntilPast {
			problem = ""
		}
	}
	if problem != "" || past {
		v := s.newLinkForm(scope, s.words.of(r), n)
		v.Error = problem
		return s.showEditLink(w, r, http.StatusUnprocessableEntity, was, v)
	}
	if err := s.Store.ChangeLink(r.Context(), id, n.NewLink, until); err != nil {
		return err
	}
	redirect(w, "/links")
	return nil
}

// widened is a scope with what a link shows already, though nothing of it may
// be there at the moment.
func widened(scope Scope, was NewLink) Scope {
	scope.Kinds = slices.Clone(scope.Kinds)
	for _, k := range was.Kinds {
		if !slices.Contains(scope.Kinds, k) {
			scope.Kinds = append(scope.Kinds, k)
		}
	}
	return scope
}

// readLink reads the form of a link that was so before. problem says what will
// not do about it.
func (s *server) readLink(r *http.Request, was NewLink) (scope Scope, n chosen, problem string, err error) {
	if err := r.ParseForm(); err != nil {
		return scope, n, "", badForm(err)
	}
	if scope, err = s.Store.Scope(r.Context()); err != nil {
		return scope, n, "", err
	}
	scope = widened(scope, was)
	words := s.words.of(r)
	var ok bool
	n.NewLink, ok = readNewLink(r, scope)
	n.until = trimmed(r, "until")
	if n.Label == "" {
		n.Label = words.Links.LabelDefault
	}
	// Everything that there is was ticked before, too: that is not yet a wish
	// for what comes later.
	if n.Children == nil && was.Children != nil && len(was.Children) == len(scope.Children) {
		n.Children = was.Children
	}
	if n.Kinds == nil && was.Kinds != nil && holdsAll(was.Kinds, choosable(scope)) {
		n.Kinds = was.Kinds
	}
	if _, past := s.end(n.until); past {
		problem = words.Links.UntilPast
	}
	if !ok {
		problem = words.Errors.NothingChosen
	}
	return scope, n, problem, nil
}

func holdsAll(have, all []school.Kind) bool {
	return !slices.ContainsFunc(all, func(k school.Kind) bool { return !slices.Contains(have, k) })
}

// end returns when a link ends of which day is the last one, zero for "". past
// says that it would have ended, or that this is no day.
func (s *server) end(day string) (end time.Time, past bool) {
	if day == "" {
		return time.Time{}, false
	}
	d, err := school.ParseDate(day)
	if err != nil {
		return time.Time{}, true
	}
	end = d.AddDays(1).Start(s.zone)
	return end, !end.After(s.Now())
}

// lastDay is the opposite of end.
func (s *server) lastDay(end time.Time) string {
	if end.IsZero() {
		return ""
	}
	return school.DateOf(end.Add(-time.Nanosecond).In(s.zone)).String()
}

// readNewLink reads the form. ok is false when nothing was chosen, or
// something that is not there. A form that only says all=1 means everything:
// the button on the status page.
func readNewLink(r *http.Request, scope Scope) (n NewLink, ok bool) {
	n.Label = clip(trimmed(r, "label"), maxLabel)
	n.Options = readOptions(r)
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

// MaxHistory is the most days back that can be asked for: a whole time at
// school.
const MaxHistory = 13 * 366

func readOptions(r *http.Request) school.Options {
	o := school.Options{
		Prefix: r.PostForm.Get("prefix") != "", Merged: r.PostForm.Get("layout") == "merged",
		Day: r.PostForm.Get("day") != "", UTC: r.PostForm.Get("utc") != "", Quiet: r.PostForm.Get("quiet") != "",
	}
	if d := school.Detail(r.PostForm.Get("detail")); slices.Contains(school.Details(), d) {
		o.Detail = d
	}
	if n, err := strconv.Atoi(r.PostForm.Get("history")); err == nil && n > 0 && n <= MaxHistory {
		o.History = n
	}
	if l, known := text.Parse(r.PostForm.Get("language")); known {
		o.Language = string(l)
	} else {
		o.Language = string(text.FromRequest(r))
	}
	switch c := school.Cancelled(r.PostForm.Get("cancelled")); c {
	case school.CancelledStatus, school.CancelledDrop:
		o.Cancelled = c
	case school.CancelledPrefix:
	}
	return o
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
