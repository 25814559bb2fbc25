package skolplattformen_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"syncd/source"
	"syncd/source/internal/stockholm/stockholmtest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen"
	"syncd/source/skolplattformen/skolplattformentest"
	"syncd/source/sourcetest"
)

// now is a Sunday in November at eleven in the morning.
func now() time.Time { return time.Date(2026, time.November, 22, 10, 0, 0, 0, time.UTC) }

func TestConformance(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, sourcetest.Case{
		Platform: skolplattformen.Platform(),
		Now:      now(),
		Fake:     fake,
		Login: func(t *testing.T, src source.Source, f sourcetest.Fake, g schooltest.Guardian) []byte {
			t.Helper()
			return login(t, src, own(f), g)
		},
		Expect: expect,
		Faults: faults(),
	})
}

// The same without a preschool child: then nothing is selected and every
// child is handed on by itself.
func TestConformanceWithoutPreschool(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, sourcetest.Case{
		Platform: skolplattformen.Platform(),
		Now:      now(),
		World:    withoutPreschool,
		Fake:     fake,
		Login: func(t *testing.T, src source.Source, f sourcetest.Fake, g schooltest.Guardian) []byte {
			t.Helper()
			return login(t, src, own(f), g)
		},
		Expect: expect,
	})
}

func withoutPreschool(now time.Time) *schooltest.World {
	w := schooltest.Family(now)
	for _, c := range w.Children() {
		if c.Preschool() {
			w.RemoveChild(c.Key)
		}
	}
	return w
}

func own(f sourcetest.Fake) *skolplattformentest.Server {
	s, ok := f.Own.(*skolplattformentest.Server)
	if !ok {
		panic("not our fake")
	}
	return s
}

func fake(w *schooltest.World, now func() time.Time) sourcetest.Fake {
	s := skolplattformentest.New(w, skolplattformentest.Options{Now: now})
	return sourcetest.Fake{
		Transport:   s,
		Requests:    func() int { return len(s.Requests()) },
		Offences:    func() []string { return slices.Concat(s.Offences(), s.SSO().Offences()) },
		MaxParallel: s.MaxParallel,
		Fail: func(n int) {
			s.Inject(skolplattformentest.Fault{Skip: n - 1, Times: 1, Change: skolplattformentest.Status(http.StatusBadGateway)})
		},
		Stall: func() {
			s.Inject(skolplattformentest.Fault{Change: skolplattformentest.Slow(24 * time.Hour)})
		},
		Heal:     s.Heal,
		ExpireAt: func(n int) { s.SSO().KillSMSession(); s.ExpireAfter(n) },
		Lapse:    s.KillSessions,
		Own:      s,
	}
}

// login signs a guardian in with BankID by QR.
func login(t *testing.T, src source.Source, f *skolplattformentest.Server, g schooltest.Guardian) []byte {
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

// expect is the world as Skolplattformen shows it. Lost are: the name of the
// child's school; bookings outside the window, and all of a child without a
// schedule; the parting of dishes in the list form and all weeks but the
// selected one and those after it; blanks in the summary of a letter, which
// the adapter repairs.
func expect(w *schooltest.World, c schooltest.Child, plan school.Plan) school.Snapshot {
	out := school.Snapshot{
		Platform: skolplattformen.ID,
		Child:    school.Child{Ref: school.Ref(c.Key), Name: c.Name, Stages: c.Stages},
	}
	s := w.SchoolOf(c)
	for _, e := range s.Calendar {
		if e.Ref != "" {
			e.Ref = school.Ref(c.School) + "/" + e.Ref
		}
		out.Calendar = append(out.Calendar, e)
	}
	for _, e := range c.Schedule {
		if !c.NoSchedule && plan.Window.Overlaps(e.Span, school.Stockholm()) {
			e.Busy = !e.Span.AllDay && e.Status == school.StatusConfirmed
			out.Schedule = append(out.Schedule, e)
		}
	}
	today := school.DateOf(plan.Now.In(school.Stockholm()))
	for _, m := range s.Menu {
		if s.Preschool {
			m.Dishes = []string{strings.Join(m.Dishes, ", ")}
		}
		if !s.Preschool || !m.Date.Before(today.Monday()) {
			out.Menu = append(out.Menu, m.Meal())
		}
	}
	for _, n := range c.Letters {
		n.Ref = school.Ref(c.Key) + "/" + n.Ref
		n.Published, n.Modified = n.Published.Truncate(time.Millisecond), n.Modified.Truncate(time.Millisecond)
		out.News = append(out.News, n)
	}
	for _, n := range c.Notices {
		n.Sent = n.Sent.Truncate(time.Millisecond)
		out.Notices = append(out.Notices, n)
	}
	return out
}

func faults() []sourcetest.Fault {
	inject := func(path string, change func(*skolplattformentest.Answer)) func(sourcetest.Fake) {
		return func(f sourcetest.Fake) { own(f).Inject(skolplattformentest.Fault{Path: path, Change: change}) }
	}
	calendar, schedule := []school.Part{school.PartCalendar}, []school.Part{school.PartSchedule}
	news, notices, menu := []school.Part{school.PartNews}, []school.Part{school.PartNotices}, []school.Part{school.PartMenu}
	list := []sourcetest.Fault{
		// The whole platform.
		{Name: "429", Inject: inject("", skolplattformentest.RetryAfter(7*time.Minute)), Wait: 7 * time.Minute, Nothing: true},
		{Name: "503 with Retry-After", Inject: inject("GetChildren", skolplattformentest.Status(503, "Retry-After", "120")), Wait: 2 * time.Minute, Nothing: true},
		{Name: "503", Inject: inject("", skolplattformentest.Status(503)), Want: source.ErrUnavailable, Nothing: true},
		{Name: "403", Inject: inject("", skolplattformentest.Status(403)), Want: source.ErrBlocked, Nothing: true},
		{Name: "connection ends", Inject: inject("", skolplattformentest.Break()), Want: source.ErrUnavailable, Nothing: true},
		{Name: "captcha", Inject: inject("", skolplattformentest.Body("text/html", "<html><head><title>Captcha</title></head></html>")), Want: source.ErrBlocked, Nothing: true},
		{Name: "slow", Inject: inject("", skolplattformentest.Slow(20*time.Second))},
		{Name: "too slow", Inject: inject("", skolplattformentest.Slow(40*time.Second)), Want: source.ErrUnavailable, Nothing: true},
		{Name: "gzip", Inject: inject("", skolplattformentest.Gzip())},
		{Name: "extra fields", Inject: inject("", skolplattformentest.Extra())},
		{Name: "byte order mark", Inject: inject("", func(a *skolplattformentest.Answer) {
			if len(a.Body) > 0 && a.Body[0] == '{' {
				a.Body = append([]byte("\xef\xbb\xbf"), a.Body...)
			}
		})},

		// Signing in and the list of children.
		{Name: "home without token", Inject: inject("hem", skolplattformentest.HTML()), Want: source.ErrRefused, Nothing: true, Impolite: true},
		{Name: "home empty", Inject: inject("hem", skolplattformentest.Empty()), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "user in HTML", Inject: inject("getuserdata", skolplattformentest.HTML()), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "user without number", Inject: inject("getuserdata", skolplattformentest.Set("socialSecurityNumber", nil)), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "user retyped", Inject: inject("getuserdata", skolplattformentest.Set("isAuthenticated", "ja")), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "user says signed out", Inject: inject("getuserdata", skolplattformentest.Set("isAuthenticated", false)), Want: source.ErrSessionExpired, Nothing: true},
		{Name: "no child", Inject: inject("GetChildren", skolplattformentest.Set("Data", []any{})), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "child without id", Inject: inject("GetChildren", skolplattformentest.Drop("Id")), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "child without name", Inject: inject("GetChildren", skolplattformentest.Set("Name", " (elev)")), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "children with one id", Inject: inject("GetChildren", skolplattformentest.Set("Id", "A")), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "children retyped", Inject: inject("GetChildren", skolplattformentest.Set("Id", 17)), Want: source.ErrNotUnderstood, Nothing: true},
		{Name: "children of unknown status", Inject: inject("GetChildren", skolplattformentest.Set("Status", "X")), Want: source.ErrWrongChild, Nothing: true},
		{Name: "children without status", Inject: inject("GetChildren", skolplattformentest.Drop("Status")), Want: source.ErrWrongChild, Nothing: true},
		{Name: "children refused", Inject: inject("GetChildren", skolplattformentest.Failure("Nej.")), Want: source.ErrRefused, Nothing: true},

		// One field of one part.
		{Name: "calendar/no dates", Inject: inject("GetSchoolCalender", skolplattformentest.Drop("LongEventDateTime")), Parts: calendar},
		{Name: "calendar/other dates", Inject: inject("GetSchoolCalender", skolplattformentest.Set("LongEndDateTime", "snart")), Parts: calendar},
		{Name: "calendar/row retyped", Inject: inject("GetSchoolCalender", skolplattformentest.Set("AllDayEvent", "nej")), Parts: calendar},
		{Name: "calendar/no titles", Inject: inject("GetSchoolCalender", skolplattformentest.Drop("Title")), Parts: calendar},
		{Name: "schedule/no titles", Inject: inject("GetSchema", skolplattformentest.Drop("Title")), Parts: schedule},
		{Name: "news/no titles", Inject: inject("GetNewsArchive", skolplattformentest.Drop("Header")), Parts: news},
		{Name: "schedule/no dates", Inject: inject("GetSchema", skolplattformentest.Set("LongEndDateTime", nil)), Parts: schedule},
		{Name: "news/no dates", Inject: func(f sourcetest.Fake) {
			for _, field := range []string{"PublicationDate", "PubDateSE"} {
				inject("GetNewsArchive", skolplattformentest.Drop(field))(f)
			}
		}, Parts: news},
		{Name: "news/no ids", Inject: inject("GetNewsArchive", skolplattformentest.Drop("NewsId")), Parts: news},
		{Name: "news/another letter", Inject: inject("GetNewsArticle", skolplattformentest.Set("NewsId", "x")), Want: source.ErrWrongChild, Nothing: true},
		{Name: "news/no article", Inject: inject("GetNewsArticle", skolplattformentest.Drop("CurrentNewsItem")), Want: source.ErrNotUnderstood, Parts: news},
		{Name: "notices/no dates", Inject: func(f sourcetest.Fake) {
			for _, field := range []string{"Messagetime", "DateCreated"} {
				inject("getnotifications", skolplattformentest.Set(field, ""))(f)
			}
		}, Parts: notices},
		{Name: "news/100 MB", Inject: inject("GetNewsArchive", skolplattformentest.Huge(100<<20)), Want: source.ErrNotUnderstood, Parts: news},
		{Name: "schedule/gzip bomb", Inject: inject("GetSchema", skolplattformentest.Bomb(100<<20)), Want: source.ErrNotUnderstood, Parts: schedule},
		{Name: "schedule/cut off", Inject: inject("GetSchema", skolplattformentest.CutOff()), Want: source.ErrUnavailable, Parts: schedule},
		{Name: "news/cut off", Inject: inject("GetNewsArchive", skolplattformentest.CutOff()), Want: source.ErrUnavailable, Parts: news},
		{Name: "schedule/500", Inject: inject("GetSchema", skolplattformentest.Status(500)), Want: source.ErrUnavailable, Parts: schedule},
		{Name: "menu/another form", Inject: inject("GetMatsedelChoice", skolplattformentest.Set("Data", 7)), Want: source.ErrNotUnderstood, Parts: menu},
	}
	for path, parts := range map[string][]school.Part{
		"GetSchema": schedule, "GetNewsArchive": news, "GetNewsArticle": news, "getnotifications": notices, "GetMatsedelChoice": menu,
	} {
		list = append(list, spoilt(path, inject, parts)...)
	}
	return list
}

// spoilt are the ways in which any answer in JSON can be none.
func spoilt(path string, inject func(string, func(*skolplattformentest.Answer)) func(sourcetest.Fake), parts []school.Part) []sourcetest.Fault {
	var out []sourcetest.Fault
	for name, f := range map[string]struct {
		change func(*skolplattformentest.Answer)
		want   error
	}{
		"HTML":           {skolplattformentest.HTML(), source.ErrNotUnderstood},
		"empty":          {skolplattformentest.Empty(), source.ErrNotUnderstood},
		"blank":          {skolplattformentest.Body("application/json", " \r\n"), source.ErrNotUnderstood},
		"truncated":      {skolplattformentest.Truncate(), source.ErrNotUnderstood},
		"no Success":     {skolplattformentest.Drop("Success"), source.ErrNotUnderstood},
		"Success a text": {skolplattformentest.Set("Success", "true"), source.ErrNotUnderstood},
		"Data missing":   {skolplattformentest.Drop("Data"), source.ErrNotUnderstood},
		"Data null":      {skolplattformentest.Set("Data", nil), source.ErrNotUnderstood},
		"Data a number":  {skolplattformentest.Set("Data", 12), source.ErrNotUnderstood},
		"failure":        {skolplattformentest.Failure("Object reference not set to an instance of an object."), source.ErrRefused},
		"404":            {skolplattformentest.Status(404), source.ErrNotUnderstood},
		"strange 302":    {skolplattformentest.Status(302, "Location", "https://example.invalid/"), source.ErrNotUnderstood},
	} {
		out = append(out, sourcetest.Fault{Name: path + "/" + name, Inject: inject(path, f.change), Want: f.want, Parts: parts})
	}
	return out
}
