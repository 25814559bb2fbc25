package syncer_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/syncer"
	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// What the notices announce is read at the next tick, with all its dates, and
// a platform that announces something with every answer is not read faster.
func TestAnnouncedIsReadAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{}
		always := false
		announce := []school.Part{}
		p.FetchFn = func(ctx context.Context, plan school.Plan, sink source.Sink) error {
			if err := sink.Roster(ctx, roster()); err != nil {
				return err
			}
			snap := school.Snapshot{Platform: "p", Child: roster().Children[0], Announced: slices.Clone(announce)}
			if !always {
				announce = nil
			}
			for _, part := range plan.Parts {
				snap.Covered = append(snap.Covered, school.Coverage{Part: part, Window: plan.Window})
			}
			return sink.Snapshot(ctx, snap)
		}
		r := newRig(t, "2000-01-11 09:00", p, func(c *syncer.Config) {
			c.Announced = func(school.PlatformID) []school.Part { return []school.Part{school.PartCalendar, school.PartNews} }
		})
		r.run(t, 40*time.Minute) // everything, then the notices alone
		plans := p.seen()
		if got := plans[len(plans)-1].Parts; !slices.Equal(got, []school.Part{school.PartNotices}) {
			t.Fatalf("the second read is of %v, want the notices alone", got)
		}
		announce = []school.Part{school.PartCalendar}
		r.run(t, 40*time.Minute)
		hurried := p.seen()[len(plans):]
		if len(hurried) < 2 || !slices.Contains(hurried[1].Parts, school.PartCalendar) || slices.Contains(hurried[1].Parts, school.PartNews) {
			t.Fatalf("after the announcement %d reads, the second not of the calendar", len(hurried))
		}
		if gap := hurried[1].Now.Sub(hurried[0].Now); gap > 6*time.Minute {
			t.Errorf("what was announced was read after %s", gap)
		}
		if days := hurried[1].Window.From.DaysUntil(hurried[1].Window.To); days < 400 {
			t.Errorf("what was announced was looked for in %d days", days)
		}
		always, announce = true, []school.Part{school.PartCalendar}
		before := len(p.seen())
		r.run(t, 4*time.Hour)
		if n := len(p.seen()) - before; n > 22 {
			t.Errorf("%d reads in four hours of a platform that always announces something", n)
		}
	})
}

// What is announced in a read of near dates may be far off: such a read does
// not count as having seen it.
func TestAnnouncedWithNearDates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{}
		told := time.Time{}
		p.FetchFn = func(ctx context.Context, plan school.Plan, sink source.Sink) error {
			if err := sink.Roster(ctx, roster()); err != nil {
				return err
			}
			snap := school.Snapshot{Platform: "p", Child: roster().Children[0]}
			near := plan.Window.From.DaysUntil(plan.Window.To) < 100
			if told.IsZero() && near && slices.Contains(plan.Parts, school.PartCalendar) {
				told, snap.Announced = plan.Now, []school.Part{school.PartCalendar, school.PartNews}
			}
			for _, part := range plan.Parts {
				snap.Covered = append(snap.Covered, school.Coverage{Part: part, Window: plan.Window})
			}
			return sink.Snapshot(ctx, snap)
		}
		r := newRig(t, "2000-01-11 09:00", p, func(c *syncer.Config) {
			c.Announced = func(school.PlatformID) []school.Part { return []school.Part{school.PartCalendar, school.PartNews} }
		})
		r.run(t, 10*time.Hour)
		for _, plan := range p.seen() {
			if told.IsZero() || !plan.Now.After(told) {
				continue
			}
			days := plan.Window.From.DaysUntil(plan.Window.To)
			if wait := plan.Now.Sub(told); wait > 6*time.Minute || !slices.Contains(plan.Parts, school.PartCalendar) || days < 400 {
				t.Errorf("the next read came after %s, of %v and %d days", wait, plan.Parts, days)
			}
			return
		}
		t.Fatal("nothing was announced, or nothing read after it")
	})
}

// What lies far off is read once a day, what is near by its rhythm.
func TestNearIsReadMoreOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2000-01-11 00:00", &platform{})
		r.store.change("a1", func(a *school.Account) { a.NextDue = time.Now().Add(5 * time.Hour) })
		r.run(t, 48*time.Hour)
		wide, near := map[school.Part]int{}, map[school.Part]int{}
		for _, p := range r.platform.seen() {
			for _, part := range p.Parts {
				switch days := p.Window.From.DaysUntil(p.Window.To); {
				case days > 400:
					wide[part]++
				case days == 36:
					near[part]++
				default:
					t.Errorf("%d days are asked for", days)
				}
			}
		}
		if wide[school.PartCalendar] != 2 || near[school.PartCalendar] < 10 {
			t.Errorf("in two days the calendar was read %d times wholly and %d times near today", wide[school.PartCalendar], near[school.PartCalendar])
		}
	})
}

// monday is the morning on which a week begins.
func monday() time.Time { return time.Date(2000, 1, 10, 5, 0, 0, 0, school.Stockholm()) }

// week is a family of three at the real adapter, in a bubble.
type week struct {
	*store

	world   *schooltest.World
	session *source.Session
}

// Use implements [syncer.Sessions].
func (w *week) Use(_ context.Context, _ school.AccountID, f func(*source.Session) error) error {
	return f(w.session)
}

// CheckOwner implements [syncer.Sessions].
func (*week) CheckOwner(context.Context, school.AccountID, school.Roster) error { return nil }

// Hold implements [syncer.Sessions].
func (w *week) Hold(_ context.Context, id school.AccountID, f func(school.Account) error) error {
	return f(w.account(id))
}

// note keeps which letters are stored, as the storage does.
func (w *week) note(s school.Snapshot) {
	known := w.known[s.Child.Ref]
	if known == nil {
		known = map[school.Ref]time.Time{}
		w.known[s.Child.Ref] = known
	}
	for _, n := range s.News {
		known[n.Ref] = n.Modified
	}
}

// run reads for a school week; sees is told of each child's snapshot.
func (w *week) run(t *testing.T, o infomentortest.Options, sees func(school.Snapshot)) {
	t.Helper()
	at := monday()
	time.Sleep(time.Until(at))
	w.world = schooltest.Family(at)
	o.Now, o.NoRestart, o.Idle, o.Life = time.Now, true, 1e5*time.Hour, 1e5*time.Hour
	fake := infomentortest.New(w.world, o)
	w.store = &store{known: map[school.Ref]map[school.Ref]time.Time{}}
	w.accounts = []school.Account{{ID: "a1", Platform: infomentor.ID, State: school.Active, Created: at, Since: at, NextDue: at}}
	w.ApplyFn = func(s school.Snapshot) (school.Changes, error) {
		w.note(s)
		sees(s)
		return school.Changes{Child: 1}, nil
	}
	m, err := syncer.NewManners(syncer.MannersConfig{Store: w, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	src, err := infomentor.New(source.Config{
		Transport: fake, Now: time.Now, Log: slog.New(slog.DiscardHandler), Turn: m.Turn("a1", infomentor.Platform().Budget),
	})
	if err != nil {
		t.Fatal(err)
	}
	auth, ok := src.(source.Authenticator)
	if !ok {
		t.Fatal("nobody can sign in")
	}
	user, pass := fake.Credentials(w.world.Guardians()[0])
	login, err := auth.Begin(t.Context(), source.Password, source.Answers{"user": user, "password": pass})
	if err != nil {
		t.Fatal(err)
	}
	p, err := login.Poll(t.Context())
	if err != nil || p.State != source.LoginDone {
		t.Fatalf("login ended as %s: %v", p.State, err)
	}
	w.session = source.NewSession(p.Session, nil)
	s, err := syncer.New(syncer.Config{
		Store: w, Sessions: w, Normalizer: clean{}, Manners: m, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Sources:   func(context.Context, school.AccountID) (source.Source, error) { return src, nil },
		Parts:     func(school.PlatformID) []school.Part { return infomentor.Platform().Parts },
		Announced: func(school.PlatformID) []school.Part { return infomentor.Platform().Announced },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), cadenceDays*24*time.Hour)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Errorf("Run = %v", err)
	}
	if got := fake.Offences(); len(got) > 0 {
		t.Errorf("offences: %q", got)
	}
}

// office writes at the school: at ten past ten each day, some with a notice
// and some without. It notes when, by title, until it was read.
type office struct {
	mu    sync.Mutex
	sent  map[string]time.Time
	worst map[string]time.Duration
}

func (o *office) write(w *schooltest.World, day int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := w.Children()[1]
	today := school.DateOf(time.Now())
	letter := func(title string) {
		w.AddLetter(c.Key, school.NewsItem{Title: title, HTML: "<p>Hej</p>", Published: time.Now()})
		o.sent[title] = time.Now()
	}
	event := func(title string, ahead int) {
		on := today.AddDays(ahead)
		w.AddEvent(c.School, school.Event{Item: school.Item{Title: title, Span: school.AllDay(on, on)}})
		o.sent[title] = time.Now()
	}
	letter(fmt.Sprintf("told letter %d", day))
	event(fmt.Sprintf("told event %d", day), 90)
	letter(fmt.Sprintf("silent letter %d", day))
	event(fmt.Sprintf("silent event %d", day), 14)
	event(fmt.Sprintf("distant event %d", day), 100)
	if day%2 == 0 { // so that what is silent is not read along each day
		for title, at := range o.sent {
			if at.Equal(time.Now()) && strings.HasPrefix(title, "told") {
				delete(o.sent, title)
			}
		}
		return
	}
	w.AddNotice(c.Key, school.Notice{Title: "Ny nyhet", Text: "x", Sent: time.Now()})
	w.AddNotice(c.Key, school.Notice{Title: "Ny händelse", Text: "x", Sender: "CalendarV2", Sent: time.Now()})
}

func (o *office) sees(s school.Snapshot) {
	o.mu.Lock()
	defer o.mu.Unlock()
	note := func(title string) {
		if at, ok := o.sent[title]; ok {
			what, _, _ := strings.Cut(title, " ")
			o.worst[what] = max(o.worst[what], time.Since(at))
			delete(o.sent, title)
		}
	}
	for _, e := range s.Calendar {
		note(e.Title)
	}
	for _, n := range s.News {
		note(n.Title)
	}
}

// A school week of InfoMentor with three children takes half of the budget at
// most, whichever way it answers about notifications. What is announced, at
// ten in the morning, arrives within forty minutes; what is not, within four
// and a half hours when it is near and within a day and a bit when it is far.
func TestInfoMentorsDays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    infomentortest.Options
		most int
	}{
		"notices about all":          {infomentortest.Options{AllNotices: true}, 700},
		"notices about the selected": {infomentortest.Options{}, 850},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, o := &week{}, &office{sent: map[string]time.Time{}, worst: map[string]time.Duration{}}
				for day := range cadenceDays {
					time.AfterFunc(time.Until(monday().Add(time.Duration(24*day)*time.Hour+310*time.Minute)), func() { o.write(w.world, day) })
				}
				w.run(t, c.o, o.sees)
				for d, n := range w.requests {
					t.Logf("%s: %d requests", d, n)
					if n > c.most {
						t.Errorf("%d requests on %s, want at most %d", n, d, c.most)
					}
				}
				t.Logf("arrived after up to %v", o.worst)
				for what, most := range map[string]time.Duration{"told": 40 * time.Minute, "silent": 270 * time.Minute, "distant": 26 * time.Hour} {
					if got := o.worst[what]; got == 0 || got > most {
						t.Errorf("what was %s arrived after up to %s, want %s at most", what, got, most)
					}
				}
				if len(o.sent) > 1 { // the last distant one is under way
					t.Errorf("%d of what was written never arrived: %v", len(o.sent), o.sent)
				}
			})
		})
	}
}
