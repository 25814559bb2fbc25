package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"syncd/cmd/syncd/internal/text"
	"syncd/source/school"
)

// OverviewStore is behind the status page.
type OverviewStore interface {
	Overview(ctx context.Context) (Overview, error)
	// ReadNow asks for a read of the account as soon as manners allow. It
	// returns without waiting for the read.
	ReadNow(ctx context.Context, id school.AccountID) error
}

// Overview is everything on the status page.
type Overview struct {
	Accounts  []AccountView
	Children  []ChildView
	Links     int // living links
	Suspended int // links that wait for a guardian's confirmation
	Backup    BackupView
	Problems  []school.Problem // of the program itself, the worst first
}

// BackupEnd is why a backup could not be made, as scripts are told.
type BackupEnd string

// The ends.
const (
	BackupNoRoom BackupEnd = "no-room" // the disk is full
	BackupPlace  BackupEnd = "place"   // the folder is missing, or one in which none can lie
	BackupDenied BackupEnd = "denied"  // the folder may not be written to
	BackupFault  BackupEnd = "fault"   // anything else
)

// BackupView is what is told of the backups that are made by themselves.
type BackupView struct {
	On      bool      // they are
	Last    time.Time // when the newest was made; zero: there is none
	Failed  time.Time // when the last attempt failed; zero: it went well
	Failure BackupEnd // why
}

// AccountView is one account as shown.
type AccountView struct {
	ID       school.AccountID
	Platform school.PlatformID
	Name     string // of the platform, as families know it
	Who      string // the signed-in person's name; may be empty
	State    school.SessionState
	Since    time.Time // when State began; zero when unknown
	Until    time.Time // until when the session is known to last; zero when unknown
	LastRead time.Time // last read that went well; zero: never
	NextRead time.Time // zero: none is planned
	Reading  bool      // a read is under way or waits for its turn
	Requests int       // made today
	Budget   int       // allowed a day
	Problem  school.Problem
	// Open is true for a platform without a sign-in (a calendar address): no
	// session is spoken of.
	Open bool
	// Sessions is what the diary says of the account's sessions.
	Sessions SessionsView
	// Spared is when the account was last read without a session, a little;
	// zero: it was not.
	Spared time.Time
	// Unpaired is when the platform last refused to register the program like
	// a phone, though the guardian wants that; zero: nothing is amiss.
	Unpaired time.Time
	// Keeping is what a guardian chose about keeping the session.
	Keeping KeepingView
	// Settings are the account's; of these only those of Choices are shown.
	Settings map[string]string
}

// SessionsView sums up the sessions of an account.
type SessionsView struct {
	Ended   int           // sessions that are over
	Average time.Duration // for how long they were seen alive
	Rungs   map[school.Rung]int
	Causes  map[school.EndCause]int // of those that are over
	// SignIns are a person's sign-ins that the platform has ended, PerSignIn
	// how long one did on average, silent renewals included.
	SignIns   int
	PerSignIn time.Duration
	Latest    []school.Stay // the newest first
}

// Persons is how often somebody signed in.
func (s SessionsView) Persons() int { return s.Rungs[school.RungPerson] }

// NeedsPerson reports whether nothing more is read until somebody signs in.
func (a AccountView) NeedsPerson() bool {
	if a.Open {
		return false
	}
	switch a.State {
	case school.SignedOut, school.Expired:
		return true
	case school.SigningIn, school.Active:
		return a.Problem == school.ProblemSignIn || a.Problem == school.ProblemWrongPerson
	}
	return false
}

// ChildView is one child and what is known about it.
type ChildView struct {
	Number school.ChildNumber
	Name   string
	School string
	Gone   time.Time // when the child was no longer listed; zero: is listed
	Kinds  []KindView
}

// KindView is what was read of one kind.
type KindView struct {
	Kind        school.Kind
	Entries     int
	LastSuccess time.Time // zero: never
	Problem     bool      // the last try failed, what is shown is older
}

// overviewView is the status page.
type overviewView struct {
	Accounts  []accountCard
	Children  []ChildView
	Links     int
	Suspended int
	Attention int // accounts that need a person
	Reading   bool
	Unseen    bool // the first link's addresses were not shown yet
	Backup    BackupView
	Own       []text.Advice // what is wrong with the program itself
	NoBackup  text.Advice   // when the last attempt failed
}

// accountCard is an account with the words about it.
type accountCard struct {
	AccountView
	StateText string
	Tone      string // "good", "wait", "bad": colour and sign
	Advice    text.Advice
	Planned   string // asks for a planned sign-in; usually nothing
}

func newAccountCard(a AccountView, w *text.Words) accountCard {
	c := accountCard{AccountView: a, Advice: w.Problem(a.Problem), StateText: w.State(a.State), Tone: "good"}
	if a.Open {
		c.StateText = w.Overview.NoSignIn
	}
	switch {
	case a.NeedsPerson():
		c.Tone = "bad"
		if a.State == school.Active {
			c.StateText = w.State(school.Expired)
		}
		if a.Problem == school.ProblemNone && a.State == school.Expired {
			c.Advice = w.Problem(school.ProblemSignIn)
		}
	case a.State == school.SigningIn:
		c.Tone = "wait"
	case a.Problem != school.ProblemNone:
		c.Tone, c.StateText = "wait", w.Overview.Waiting
	}
	if !a.Keeping.Asked.IsZero() && c.Tone != "bad" {
		c.Planned = w.Keeping.Asked.With(w.Moment(a.Keeping.Renewal))
	}
	return c
}

func toneRank(tone string) int {
	if tone == "bad" {
		return 0
	}
	return 1
}

func (s *server) overviewPage(w http.ResponseWriter, r *http.Request) error {
	o, err := s.Store.Overview(r.Context())
	if err != nil {
		return err
	}
	_, unseen, err := s.Store.Unseen(r.Context())
	if err != nil {
		return err
	}
	words := s.words.of(r)
	v := overviewView{Children: o.Children, Links: o.Links, Suspended: o.Suspended, Unseen: unseen, Backup: o.Backup}
	if !o.Backup.Failed.IsZero() {
		v.NoBackup = words.Problem(school.ProblemBackup)
	}
	for _, p := range o.Problems {
		v.Own = append(v.Own, words.Problem(p))
	}
	for _, a := range o.Accounts {
		c := newAccountCard(a, words)
		if c.Tone == "bad" {
			v.Attention++
		}
		v.Reading = v.Reading || a.Reading
		v.Accounts = append(v.Accounts, c)
	}
	// What needs somebody stands first.
	slices.SortStableFunc(v.Accounts, func(a, b accountCard) int {
		return toneRank(a.Tone) - toneRank(b.Tone)
	})
	p := s.newPage(r, words.Overview.Title, "status", v)
	if v.Reading {
		p.Reload = 5
	}
	return s.render(w, http.StatusOK, "overview", p)
}

func (s *server) readNow(w http.ResponseWriter, r *http.Request) error {
	if err := s.Store.ReadNow(r.Context(), school.AccountID(r.PathValue("id"))); err != nil {
		return err
	}
	redirect(w, "/")
	return nil
}
