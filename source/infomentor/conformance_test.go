package infomentor_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/internal/faketest"
	"syncd/source/internal/stockholm/stockholmtest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/sourcetest"
)

// now is a Sunday in November at eleven in the morning.
func now() time.Time { return time.Date(2026, time.November, 22, 10, 0, 0, 0, time.UTC) }

func TestConformance(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, sourcetest.Case{
		Platform: infomentor.Platform(),
		Now:      now(),
		World:    anyFamily,
		Fake:     fake(infomentortest.Options{}),
		Login:    byBankID,
		Expect:   expect,
		Faults:   faults(),
	})
}

// The same with a password, with all settings on, and with a platform that
// answers in its other ways.
func TestConformanceWithPassword(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, sourcetest.Case{
		Platform: infomentor.Platform(),
		Now:      now(),
		World:    couple,
		Fake: fake(infomentortest.Options{
			OfferPIN: true, AllNotices: true, NoApps: true, Missing: infomentortest.MissingShell, Lost: infomentortest.LostRelay, Merged: true,
		}),
		Settings: map[string]string{infomentor.SettingCalendarAddress: "yes"},
		Login:    byPassword,
		Expect: func(w *schooltest.World, c schooltest.Child, plan school.Plan) school.Snapshot {
			return untitled(expect(w, c, plan))
		},
	})
}

// The same as a paired phone.
func TestConformanceWithPairing(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, sourcetest.Case{
		Platform: infomentor.Platform(),
		Now:      now(),
		World:    couple,
		Fake: func(w *schooltest.World, now func() time.Time) sourcetest.Fake {
			f := fake(infomentortest.Options{
				Missing: infomentortest.MissingStatus, Lost: infomentortest.LostRedirect, NoSwitchURL: true, Interstitial: 2,
			})(w, now)
			f.Lapse = func() { own(f).KillLogins(); own(f).SSO().KillSMSession() }
			return f
		},
		Settings: map[string]string{
			infomentor.SettingPairing: "yes", infomentor.SettingLearningLog: "yes", infomentor.SettingKeepPassword: "no",
		},
		// The phone's list is read when the phone first comes back.
		Login: func(t *testing.T, src source.Source, f sourcetest.Fake, g schooltest.Guardian) []byte {
			t.Helper()
			s := source.NewSession(byBankID(t, src, f, g), nil)
			own(f).KillPerson(g.PersonalNumber)
			if err := refresh(t, src, s); err != nil {
				t.Fatalf("Refresh = %v", err)
			}
			return s.State()
		},
		Expect: func(w *schooltest.World, c schooltest.Child, plan school.Plan) school.Snapshot {
			return withLog(expect(w, c, plan), c)
		},
	})
}

func refresh(t *testing.T, src source.Source, s *source.Session) error {
	t.Helper()
	r, ok := src.(source.Refresher)
	if !ok {
		t.Fatal("source has no Refresh")
	}
	return r.Refresh(t.Context(), s)
}

func own(f sourcetest.Fake) *infomentortest.Server {
	s, ok := f.Own.(*infomentortest.Server)
	if !ok {
		panic("not our fake")
	}
	return s
}

func fake(o infomentortest.Options) func(*schooltest.World, func() time.Time) sourcetest.Fake {
	return func(w *schooltest.World, now func() time.Time) sourcetest.Fake {
		o := o // benches run at the same time, each by a clock of its own
		o.Now = now
		s := infomentortest.New(w, o)
		return sourcetest.Fake{
			Transport:   s,
			Requests:    func() int { return len(s.Requests()) },
			Offences:    func() []string { return slices.Concat(s.Offences(), s.SSO().Offences()) },
			MaxParallel: s.MaxParallel,
			Fail: func(n int) {
				s.Inject(faketest.Fault{Skip: n - 1, Times: 1, Change: faketest.Status(http.StatusBadGateway)})
			},
			Stall:    func() { s.Inject(faketest.Fault{Change: faketest.Slow(24 * time.Hour)}) },
			Heal:     s.Heal,
			ExpireAt: s.ExpireAfter,
			Lapse:    s.KillSessions,
			Own:      s,
		}
	}
}

// byBankID signs a guardian in with BankID by QR.
func byBankID(t *testing.T, src source.Source, f sourcetest.Fake, g schooltest.Guardian) []byte {
	t.Helper()
	return bankID(t, src, own(f), g)
}

func bankID(t *testing.T, src source.Source, f *infomentortest.Server, g schooltest.Guardian) []byte {
	t.Helper()
	auth, ok := src.(source.Authenticator)
	if !ok {
		t.Fatal("source has no login")
	}
	l, err := auth.Begin(t.Context(), source.BankIDQR, nil)
	if err != nil {
		t.Fatalf("Begin = %v", err)
	}
	scanned := false
	for range 60 {
		p, err := l.Poll(t.Context())
		if err != nil {
			t.Fatalf("Poll = %v", err)
		}
		if p.State == source.LoginDone {
			return p.Session
		}
		if p.State.Final() {
			t.Fatalf("login ended as %s", p.State)
		}
		if p.QR != "" && !scanned {
			scanned = true
			if err := f.SSO().Phone().Scan(p.QR, stockholmtest.Person{PersonalNumber: g.PersonalNumber, Name: g.Name()}); err != nil {
				t.Fatal(err)
			}
			if err := f.SSO().Phone().Approve(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
	}
	t.Fatal("login came to no end")
	return nil
}

// byPassword signs a guardian in with user name and password.
func byPassword(t *testing.T, src source.Source, f sourcetest.Fake, g schooltest.Guardian) []byte {
	t.Helper()
	user, pass := own(f).Credentials(g)
	p := begin(t, src, source.Password, source.Answers{"user": user, "password": pass})
	if p.State != source.LoginDone {
		t.Fatalf("login ended as %s", p.State)
	}
	return p.Session
}

// begin begins a login and returns what it shows at once.
func begin(t *testing.T, src source.Source, m source.MethodID, in source.Answers) source.Progress {
	t.Helper()
	auth, ok := src.(source.Authenticator)
	if !ok {
		t.Fatal("source has no login")
	}
	l, err := auth.Begin(t.Context(), m, in)
	if err != nil {
		t.Fatalf("Begin = %v", err)
	}
	p, err := l.Poll(t.Context())
	if err != nil {
		t.Fatalf("Poll = %v", err)
	}
	return p
}

// expect is the world as InfoMentor shows it. Lost are: the name of the
// child's school; where an event is; who publishes a letter, its summary, when
// it was edited, and all its pictures but the first; who sent a notification
// and the parts of its second; menus; weeks too far away.
func expect(w *schooltest.World, c schooltest.Child, plan school.Plan) school.Snapshot {
	out := school.Snapshot{
		Platform: infomentor.ID,
		Child:    school.Child{Ref: school.Ref(infomentortest.PupilID(c)), Name: c.Name},
		Notices:  []school.Notice{},
	}
	s := w.SchoolOf(c)
	for _, e := range s.Calendar {
		if !plan.Window.Overlaps(e.Span, school.Stockholm()) {
			continue
		}
		if e.Ref != "" {
			var names []string
			for _, f := range schooltest.FilesOf(s.Files, e.Ref) {
				names = append(names, f.Name)
			}
			if len(names) > 0 {
				start, _ := e.Span.Bounds(school.Stockholm())
				year, week := school.DateOf(start.In(school.Stockholm())).ISOWeek()
				e.Body += fmt.Sprintf(`<p>📎 <a href="https://hub.infomentor.se/#/calendarv2/whole_week?selectedYear=%d&amp;selectedWeek=%d&amp;eventId=%d">%s</a></p>`,
					year, week, infomentortest.EventID(s, e), strings.Join(names, ", "))
			}
		}
		e.Ref, e.Place, e.Categories = school.Ref(strconv.Itoa(infomentortest.EventID(s, e))), "", []string{infomentortest.TypeName(e)}
		out.Calendar = append(out.Calendar, e)
	}
	if !c.Preschool() {
		out.Timetable = c.Lessons
	}
	for _, e := range c.Meetings {
		e.Ref, e.Title = "meeting/"+e.Ref, "Möten: "+e.Title
		out.Schedule = append(out.Schedule, e)
	}
	for _, k := range c.Tasks {
		k.URL = "https://hub.infomentor.se/#/task/show/" + string(k.Ref)
		out.Tasks = append(out.Tasks, k)
	}
	out.Care = c.Care
	for _, n := range c.Letters {
		out.News = append(out.News, expectLetter(c, n))
	}
	for _, n := range c.Notices {
		id := strconv.Itoa(infomentortest.NoticeID(n))
		n.Ref, n.Sender, n.Sent = school.Ref(id), "", n.Sent.Truncate(time.Second)
		n.URL = "https://hub.infomentor.se/#/communication/news/" + id
		out.Notices = append(out.Notices, n)
	}
	return out
}

func expectLetter(c schooltest.Child, n school.NewsItem) school.NewsItem {
	id := strconv.Itoa(infomentortest.LetterID(n))
	of := n.Ref
	n.Files = schooltest.FilesOf(c.Files, of)
	n.Images = slices.Clone(n.Images)
	for i := range n.Images {
		n.Images[i].Ref, n.Images[i].Alt = school.Ref(strconv.Itoa(infomentortest.ResourceID("image", of, i))), ""
	}
	for i := range n.Files {
		n.Files[i].Ref = school.Ref(strconv.Itoa(infomentortest.ResourceID("file", of, i)))
	}
	n.Ref = school.Ref(infomentortest.PupilID(c) + "/" + id)
	n.Source, n.Summary, n.Modified = "", "", n.Published
	n.URL = "https://hub.infomentor.se/#/communication/news/" + id
	return n
}

// withLog adds the learning log.
func withLog(out school.Snapshot, c schooltest.Child) school.Snapshot {
	for _, n := range c.Log {
		n.Images = slices.Clone(n.Images)
		for i := range n.Images {
			n.Images[i].Ref = school.Ref(strconv.Itoa(infomentortest.ResourceID("log", n.Ref, i)))
		}
		n.Ref = school.Ref(infomentortest.PupilID(c)+"/log/") + n.Ref
		n.URL = "https://hub.infomentor.se/#/learnlog"
		out.News = append(out.News, n)
	}
	return out
}

// untitled takes the word for meetings away, which the home page did not say.
func untitled(out school.Snapshot) school.Snapshot {
	out.Schedule = slices.Clone(out.Schedule)
	for i := range out.Schedule {
		out.Schedule[i].Title = out.Schedule[i].Title[len("Möten: "):]
	}
	return out
}

// anyFamily is the family, smaller where each read takes ten times as long.
func anyFamily(now time.Time) *schooltest.World {
	if children == 2 {
		return couple(now)
	}
	return schooltest.Family(now)
}

// couple is the family without its eldest: what a whole read takes matters to
// tests that fail at each of its requests.
func couple(now time.Time) *schooltest.World {
	w := schooltest.Family(now)
	w.RemoveChild(w.Children()[2].Key)
	return w
}
