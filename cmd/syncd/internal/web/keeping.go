package web

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source"
	"syncd/source/school"
)

// KeepingStore keeps what a guardian chose about keeping sessions.
type KeepingStore interface {
	// Keep stores it. An error that is fs.ErrInvalid says that it will not do;
	// those of package school say why.
	Keep(ctx context.Context, id school.AccountID, k school.Keeping) error
	// Configure changes settings that are chosen from a list; empty is the
	// default. An error that is fs.ErrInvalid says that they will not do.
	Configure(ctx context.Context, id school.AccountID, changes map[string]string) error
}

// Choices names those of a platform's settings that a guardian can change
// later: the ones that are chosen from a list and may stay open.
func Choices(p source.Platform) []string {
	var out []string
	for _, f := range p.Settings {
		if f.Optional && !f.Secret && f.Choices != nil {
			out = append(out, f.ID)
		}
	}
	return out
}

// KeepingView is what a guardian chose about keeping a session.
type KeepingView struct {
	school.Keeping

	Pings bool      // the platform's sessions can be kept by pings
	Next  time.Time // the next planned sign-in; zero: none
	Asked time.Time // since when somebody is asked to sign in as planned; zero: nobody is
}

// keepPage is the page about one account's session.
type keepPage struct {
	Account accountCard
	Path    string
	Pings   []option // lengths of time, as the form sends them
	Ages    []option
	Days    []option
	Ping    string // what is chosen
	Age     string
	Day     string
	Time    string
	Fields  []fieldView // settings of the platform
	Rungs   []tally
	Causes  []tally
	Error   string
	Saved   bool
}

// tally is how often something happened.
type tally struct {
	What string
	N    int
}

const (
	never = "off"
	daily = "daily"
)

func keepPath(id school.AccountID) string {
	return "/accounts/" + url.PathEscape(string(id)) + "/session"
}

func (s *server) keepPage(w http.ResponseWriter, r *http.Request) error {
	a, err := s.Store.Account(r.Context(), school.AccountID(r.PathValue("id")))
	if err != nil {
		return err
	}
	if a.Open {
		return fs.ErrNotExist // there is no session to keep
	}
	return s.showKeep(w, r, http.StatusOK, a, "")
}

func (s *server) showKeep(w http.ResponseWriter, r *http.Request, status int, a AccountView, problem string) error {
	words := s.words.of(r)
	k := a.Keeping
	v := keepPage{
		Account: newAccountCard(a, words), Path: keepPath(a.ID), Ping: never, Age: lengthOf(school.UsualMaxAge),
		Day: never, Time: "19:30", Error: problem, Saved: problem == "" && r.URL.Query().Has("saved"),
	}
	if k.Ping != 0 {
		v.Ping, v.Age = lengthOf(k.Ping), lengthOf(k.MaxAge)
	}
	if k.Renewal.Set {
		v.Day, v.Time = dayOf(k.Renewal), k.Renewal.String()[len(k.Renewal.String())-len("19:30"):]
	}
	v.Pings = lengths(words, v.Ping, 15*time.Minute, 20*time.Minute, 30*time.Minute, time.Hour, 2*time.Hour)
	v.Pings = append([]option{{never, words.Keeping.NoPing}}, v.Pings...)
	const day = 24 * time.Hour
	v.Ages = lengths(words, v.Age, 12*time.Hour, day, 3*day, 7*day, 14*day, 31*day)
	v.Days = []option{{never, words.Keeping.NoPlan}, {daily, words.Keeping.Daily}}
	for n := range 7 {
		d := time.Weekday((n + 1) % 7)
		v.Days = append(v.Days, option{strconv.Itoa(int(d)), words.DayName(d)})
	}
	platform, _ := s.platform(a.Platform)
	for _, f := range platform.Settings {
		if slices.Contains(Choices(platform), f.ID) {
			field := newField("set", f, words)
			field.Value = a.Settings[f.ID]
			v.Fields = append(v.Fields, field)
		}
	}
	v.tally(words, a.Sessions)
	p := s.newPage(r, words.Keeping.Title.With(a.Name), "status", v)
	return s.render(w, status, "session", p)
}

// tally counts how sessions came to be and why they ended.
func (v *keepPage) tally(w *text.Words, s SessionsView) {
	for _, rung := range school.Rungs() {
		if n := s.Rungs[rung]; n > 0 {
			v.Rungs = append(v.Rungs, tally{w.Rung(rung), n})
		}
	}
	for _, c := range school.EndCauses() {
		if n := s.Causes[c]; n > 0 {
			v.Causes = append(v.Causes, tally{w.EndCause(c), n})
		}
	}
}

func dayOf(r school.Renewal) string {
	if r.Daily {
		return daily
	}
	return strconv.Itoa(int(r.Weekday))
}

func lengthOf(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// lengths are the choices of a length of time; one that was chosen elsewhere
// is among them.
func lengths(w *text.Words, chosen string, ds ...time.Duration) []option {
	var out []option
	found := chosen == never
	for _, d := range ds {
		found = found || lengthOf(d) == chosen
		out = append(out, option{lengthOf(d), w.HowLong(d)})
	}
	if n, err := strconv.Atoi(chosen); err == nil && !found {
		out = append(out, option{chosen, w.HowLong(time.Duration(n) * time.Second)})
	}
	return out
}

func (s *server) keep(w http.ResponseWriter, r *http.Request) error {
	a, err := s.posted(r)
	if err != nil {
		return err
	}
	words := s.words.of(r).Keeping
	k, ok := readKeeping(r)
	if !ok {
		return s.showKeep(w, r, http.StatusUnprocessableEntity, a, words.BadPlan)
	}
	err = s.Store.Keep(r.Context(), a.ID, k)
	switch {
	case errors.Is(err, school.ErrPing), errors.Is(err, school.ErrMaxAge):
		return s.showKeep(w, r, http.StatusUnprocessableEntity, a, words.BadPing)
	case errors.Is(err, fs.ErrInvalid):
		return s.showKeep(w, r, http.StatusUnprocessableEntity, a, words.BadPlan)
	case err != nil:
		return err
	}
	redirect(w, keepPath(a.ID)+"?saved")
	return nil
}

// configure changes the platform's settings of an account.
func (s *server) configure(w http.ResponseWriter, r *http.Request) error {
	a, err := s.posted(r)
	if err != nil {
		return err
	}
	platform, _ := s.platform(a.Platform)
	changes := map[string]string{}
	for _, name := range Choices(platform) {
		if r.PostForm.Has(fieldName(name)) {
			changes[name] = trimmed(r, fieldName(name))
		}
	}
	err = s.Store.Configure(r.Context(), a.ID, changes)
	if errors.Is(err, fs.ErrInvalid) {
		return s.showKeep(w, r, http.StatusUnprocessableEntity, a, s.words.of(r).Errors.BadSettings)
	}
	if err != nil {
		return err
	}
	redirect(w, keepPath(a.ID)+"?saved")
	return nil
}

// readKeeping reads the form.
func readKeeping(r *http.Request) (k school.Keeping, ok bool) {
	length := func(name string) (time.Duration, bool) {
		s := trimmed(r, name)
		if s == never || s == "" {
			return 0, true
		}
		n, err := strconv.ParseInt(s, 10, 32)
		return time.Duration(n) * time.Second, err == nil
	}
	ping, okPing := length("ping")
	age, okAge := length("age")
	if !okPing || !okAge {
		return k, false
	}
	k.Ping = ping
	if ping != 0 {
		k.MaxAge = age
	}
	day := trimmed(r, "day")
	if day == never || day == "" {
		return k, true
	}
	if n, err := strconv.Atoi(day); err == nil && n >= 0 && n < 7 {
		day = time.Weekday(n).String()
	}
	at, err := school.ParseRenewal(day + " " + trimmed(r, "time"))
	k.Renewal = at
	return k, err == nil && at.Set
}

// posted reads a form that is about the account in its address.
func (s *server) posted(r *http.Request) (AccountView, error) {
	if err := r.ParseForm(); err != nil {
		return AccountView{}, badForm(err)
	}
	return s.Store.Account(r.Context(), school.AccountID(r.PathValue("id")))
}
