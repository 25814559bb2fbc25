package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

// The JSON shapes that scripts rely on. Fields are added, never renamed.

// AddressesJSON lists what a link opens.
type AddressesJSON struct {
	Link   school.LinkID `json:"link"`
	Page   string        `json:"page,omitempty"` // the receiver's page, with the secrets in its fragment
	ICS    []ICSJSON     `json:"ics"`
	Feeds  []FeedJSON    `json:"feeds"`
	CalDAV CalDAVJSON    `json:"caldav"`
	// Until is when what was replaced stops working.
	Until string `json:"old_until,omitempty"`
}

// ICSJSON is one calendar address.
type ICSJSON struct {
	Child school.ChildNumber `json:"child"`
	Kind  school.Kind        `json:"kind"`
	URL   string             `json:"url"`
}

// FeedJSON is one feed address.
type FeedJSON struct {
	Child  school.ChildNumber `json:"child"`
	Kind   school.Kind        `json:"kind"`
	Format string             `json:"format"`
	URL    string             `json:"url"`
}

// CalDAVJSON is what a CalDAV program is told.
type CalDAVJSON struct {
	URL      string `json:"url"`
	User     string `json:"user"`
	Password string `json:"password"`
}

func jsonAddresses(a web.Addresses) AddressesJSON {
	out := AddressesJSON{
		Link: a.Link, Page: a.Page, ICS: []ICSJSON{}, Feeds: []FeedJSON{},
		CalDAV: CalDAVJSON{URL: a.CalDAV.URL, User: a.CalDAV.User, Password: a.CalDAV.Password}, Until: jsonTime(a.Overlap),
	}
	for _, c := range a.Calendars {
		out.ICS = append(out.ICS, ICSJSON{Child: c.Child, Kind: c.Kind, URL: c.URL})
	}
	for _, f := range a.Feeds {
		out.Feeds = append(out.Feeds, FeedJSON{Child: f.Child, Kind: f.Kind, Format: f.Format, URL: f.URL})
	}
	return out
}

type linkJSON struct {
	ID       school.LinkID        `json:"id"`
	Label    string               `json:"label"`
	Children []school.ChildNumber `json:"children"` // null: all
	Kinds    []school.Kind        `json:"kinds"`    // null: all
	Created  string               `json:"created"`
	LastUsed string               `json:"last_used,omitempty"`
	Expires  string               `json:"expires,omitempty"`
	Options  optionsJSON          `json:"options"`
	UsedBy   []useJSON            `json:"used_by"`
	OldUntil string               `json:"old_until,omitempty"` // replaced addresses work until then
}

// optionsJSON names a link's options as the flags of "link add" do.
type optionsJSON struct {
	Prefix    bool   `json:"prefix"`
	Cancelled string `json:"cancelled"`
	Language  string `json:"language"`
	Merged    bool   `json:"merged"`
	Day       bool   `json:"day"`
	UTC       bool   `json:"utc"`
	Detail    string `json:"detail"`
	History   int    `json:"history"` // days; 0: as usual
	Quiet     bool   `json:"quiet"`
}

// useJSON is when a family of programs last used a link.
type useJSON struct {
	Client string `json:"client"`
	Day    string `json:"day"`
}

func jsonOptions(o school.Options) optionsJSON {
	out := optionsJSON{
		Prefix: o.Prefix, Cancelled: string(o.Cancelled), Language: o.Language, Merged: o.Merged, Day: o.Day, UTC: o.UTC,
		Detail: string(o.Detail), History: o.History, Quiet: o.Quiet,
	}
	if o.Detail == school.DetailFull {
		out.Detail = detailFull
	}
	if o.Cancelled == school.CancelledPrefix {
		out.Cancelled = cancelledPrefix
	}
	return out
}

// jsonLinks describes links; views are of the same links in the same order.
func jsonLinks(links []school.Link, views []web.LinkView) []linkJSON {
	out := []linkJSON{}
	for i, l := range links {
		v := linkJSON{
			ID: l.ID, Label: l.Label, Children: l.Children, Kinds: l.Kinds, Created: jsonTime(l.Created),
			LastUsed: jsonTime(l.LastUsed), Expires: jsonTime(l.Expires), Options: jsonOptions(l.Options),
			UsedBy: []useJSON{}, OldUntil: jsonTime(views[i].Overlap),
		}
		for _, u := range views[i].Uses {
			v.UsedBy = append(v.UsedBy, useJSON{Client: string(u.Client), Day: u.Day.String()})
		}
		out = append(out, v)
	}
	return out
}

func jsonTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

type statusJSON struct {
	Accounts []accountJSON `json:"accounts"`
	Children []childJSON   `json:"children"`
	Problems []problemJSON `json:"problems"`
	Backup   *backupJSON   `json:"backup,omitempty"` // only where they are made by themselves
}

// backupJSON tells of the backups that are made by themselves.
type backupJSON struct {
	Last    string        `json:"last,omitempty"`
	Failed  string        `json:"failed,omitempty"`  // when the last attempt did; empty: it went well
	Failure web.BackupEnd `json:"failure,omitempty"` // why
}

type accountJSON struct {
	ID       school.AccountID    `json:"id"`
	Platform school.PlatformID   `json:"platform"`
	State    school.SessionState `json:"state"`
	Since    string              `json:"since"`
	NextDue  string              `json:"next_due,omitempty"`
	Requests int                 `json:"requests_today"`
	Budget   int                 `json:"budget"`
	Sessions *sessionsJSON       `json:"sessions,omitempty"` // not for platforms without a login
	Keeping  *keepingJSON        `json:"keeping,omitempty"`  // not where nothing was chosen
}

type childJSON struct {
	Child school.ChildNumber `json:"child"`
	Kinds []kindJSON         `json:"kinds"`
}

type kindJSON struct {
	Kind        school.Kind `json:"kind"`
	Entries     int         `json:"entries"`
	LastSuccess string      `json:"last_success,omitempty"`
}

type problemJSON struct {
	Account school.AccountID `json:"account,omitempty"` // empty: the daemon's own
	Problem school.Problem   `json:"problem"`
}

// status tells how things stand, without a name.
func (c command) status(ctx context.Context, args []string) error {
	var asJSON bool
	words, err := flags("status", args, func(f *flag.FlagSet) { f.BoolVar(&asJSON, "json", false, "") })
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return usageError("status: %d words too many", len(words))
	}
	s, err := c.statusNow(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return c.printJSON(s)
	}
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for _, a := range s.Accounts {
		fmt.Fprintf(w, "account %s\t%s\t%s\tsince %s\t%d of %d requests today\n", a.ID, a.Platform, a.State, a.Since, a.Requests, a.Budget)
	}
	for _, a := range s.Accounts {
		if a.Keeping != nil && a.Keeping.Asked != "" {
			fmt.Fprintf(w, "account %s\tasks for the planned sign-in (%s)\tsince %s\n", a.ID, a.Keeping.SignIn, a.Keeping.Asked)
		}
	}
	for _, child := range s.Children {
		for _, k := range child.Kinds {
			last := k.LastSuccess
			if last == "" {
				last = "never"
			}
			fmt.Fprintf(w, "child %d\t%s\t%d entries\tread %s\n", child.Child, k.Kind, k.Entries, last)
		}
	}
	if s.Backup != nil && s.Backup.Last != "" {
		fmt.Fprintf(w, "backup\tmade %s\n", s.Backup.Last)
	}
	for _, p := range s.Problems {
		fmt.Fprintf(w, "problem\t%s\t%s\n", p.Problem, p.Account)
	}
	return w.Flush()
}

// ownProblems are the problems of the daemon itself that a family has to know
// of, backups apart: what is new is not on the disk, there is little room, or
// the files of data were not those that were left.
func (a *App) ownProblems(ctx context.Context) (out []school.Problem, err error) {
	if a.cfg.DB.Unsaved() != nil {
		out = append(out, school.ProblemNotSaved)
	}
	tight, err := a.cfg.DB.Tight(ctx)
	if tight {
		out = append(out, school.ProblemFull)
	}
	found, e := a.cfg.DB.Notices(ctx)
	return append(out, found...), errors.Join(err, e)
}

func (a *App) statusNow(ctx context.Context) (statusJSON, error) {
	s := statusJSON{Accounts: []accountJSON{}, Children: []childJSON{}, Problems: []problemJSON{}}
	accounts, err := a.accountViews(ctx)
	if err != nil {
		return s, err
	}
	for _, v := range accounts {
		s.Accounts = append(s.Accounts, accountJSON{
			ID: v.ID, Platform: v.Platform, State: v.State, Since: jsonTime(v.Since), NextDue: jsonTime(v.NextRead),
			Requests: v.Requests, Budget: v.Budget, Sessions: jsonSessions(v), Keeping: jsonKeeping(v.Keeping),
		})
		problem := v.Problem
		if problem == school.ProblemNone && !v.Open && (v.State == school.SignedOut || v.State == school.Expired) {
			problem = school.ProblemSignIn
		}
		if problem != school.ProblemNone {
			s.Problems = append(s.Problems, problemJSON{Account: v.ID, Problem: problem})
		}
	}
	if v := a.backupView(); v.On {
		s.Backup = &backupJSON{Last: jsonTime(v.Last), Failed: jsonTime(v.Failed), Failure: v.Failure}
		if !v.Failed.IsZero() {
			s.Problems = append(s.Problems, problemJSON{Problem: school.ProblemBackup})
		}
	}
	own, err := a.ownProblems(ctx)
	if err != nil {
		return s, err
	}
	for _, p := range own {
		s.Problems = append(s.Problems, problemJSON{Problem: p})
	}
	children, err := a.childViews(ctx)
	if err != nil {
		return s, err
	}
	for _, v := range children {
		child := childJSON{Child: v.Number, Kinds: []kindJSON{}}
		for _, k := range v.Kinds {
			child.Kinds = append(child.Kinds, kindJSON{Kind: k.Kind, Entries: k.Entries, LastSuccess: jsonTime(k.LastSuccess)})
		}
		s.Children = append(s.Children, child)
	}
	return s, nil
}
