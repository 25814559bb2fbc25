package session_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncd/cmd/syncd/internal/session"
	"syncd/cmd/syncd/internal/syncer"
	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/normalize"
	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// Sixty days of a family: the real keeper, syncer, adapter and normalizer
// against the fake of InfoMentor, whose sessions die by the rules that are
// known: 40 minutes without use, three hours however used, each night at
// three, and whenever the balancer names another node. How long the city
// remembers a sign-in nobody knows; here it is eight hours.

const cityLife = 8 * time.Hour

// variant is one way for a family to live.
type variant struct {
	name     string
	settings map[string]string
	keep     school.Keeping
	fake     infomentortest.Options
	full     bool // three children with all their things, not one with a few
	often    bool // lived in every run of the tests
}

// looks are the hours at which somebody looks at the status page.
func looks() [][2]int { return [][2]int{{7, 10}, {12, 20}, {17, 30}, {20, 30}} }

// figures are what sixty days came to.
type figures struct {
	signIns  int // by a person with BankID
	deaths   int // sessions after which nothing but a person helped
	rungs    map[school.Rung]int
	pings    int
	requests int // of all days
	most     int // of the fullest day
	waited   time.Duration
}

// sixty is one family's sixty days.
type sixty struct {
	t        *testing.T
	began    time.Time
	from     time.Time
	world    *schooltest.World
	fake     *infomentortest.Server
	store    *cupboard
	manners  *syncer.Manners
	norm     *normalize.Normalizer
	keeper   *session.Keeper
	syncer   *syncer.Syncer
	settings map[string]string
	random   func() float64
	stop     func()

	attended bool // somebody sits in front of the sign-in page
	orders   int
	dead     time.Time // since when nobody is signed in
	figures  figures
	versions []version
}

// version is what the school shows from a moment on.
type version struct {
	at     time.Time
	things map[school.Ref]map[school.Part]map[school.UID]thing
}

func (s *sixty) now() time.Time { return s.from.Add(time.Since(s.began)) }

// RoundTrip implements [http.RoundTripper]: the fake, and a look at each
// request for a BankID order.
func (s *sixty) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Has("initialize") {
		s.orders++
		if !s.attended {
			s.t.Error("a BankID order was made while nobody was there")
		}
	}
	return s.fake.RoundTrip(r)
}

func (s *sixty) guardian() schooltest.Guardian { return s.world.Guardians()[0] }

// live lives sixty days in a bubble.
func live(t *testing.T, v variant) figures {
	t.Helper()
	var out figures
	synctest.Test(t, func(t *testing.T) {
		s := newSixty(t, v)
		s.start()
		s.signIn()
		for day := range simulated {
			s.day(day)
		}
		s.last()
		s.stop()
		out = s.sum()
	})
	return out
}

func newSixty(t *testing.T, v variant) *sixty {
	t.Helper()
	s := &sixty{t: t, began: time.Now(), settings: v.settings}
	s.from = school.NewDate(2026, 10, 5).At(6, 30, school.Stockholm())
	s.world = schooltest.Family(s.from)
	if !v.full {
		small(s.world)
	}
	o := v.fake
	o.Now = s.now
	s.fake = infomentortest.New(s.world, o)
	s.fake.CityLife(cityLife)
	s.fake.SSO().Phone().Auto(infomentortest.Persons(s.world)[0], 3*time.Second)
	s.store = &cupboard{
		acct: school.Account{ID: id, Platform: infomentor.ID, State: school.SignedOut, Created: s.from, Since: s.from, NextDue: s.from},
		keep: v.keep, requests: map[school.Date]int{}, children: map[school.Ref]*shelf{}, expired: s.expired,
	}
	var err error
	if s.norm, err = normalize.New(normalize.Config{Key: make([]byte, normalize.KeySize)}); err != nil {
		t.Fatal(err)
	}
	s.random = chance()
	s.publish()
	return s
}

// start starts the program over what is stored.
func (s *sixty) start() {
	s.t.Helper()
	var err error
	if s.manners, err = syncer.NewManners(syncer.MannersConfig{Store: s.store, Now: s.now, Gap: syncer.DefaultGap, Random: s.random}); err != nil {
		s.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	read := s.source(s.manners.Turn(id, infomentor.Platform().Budget))
	if s.keeper, err = session.New(session.Config{
		Store: s.store, OwnerHash: s.norm.OwnerHash, Now: s.now, Log: log, Requests: s.manners.Made,
		Sources: read, Logins: s.source(s.manners.Attended(id)),
		Signed: func(_ context.Context, a school.AccountID) { s.syncer.Wake(a) },
	}); err != nil {
		s.t.Fatal(err)
	}
	if s.syncer, err = syncer.New(syncer.Config{
		Store: s.store, Sessions: s.keeper, Normalizer: s.norm, Manners: s.manners, Now: s.now, Log: log, Random: s.random,
		Sources: read, Idle: s.idle,
		Parts:     func(school.PlatformID) []school.Part { return infomentor.Platform().Parts },
		Announced: func(school.PlatformID) []school.Part { return infomentor.Platform().Announced },
	}); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	stopped := make(chan error, 2)
	go func() { stopped <- s.keeper.Run(ctx) }()
	go func() { stopped <- s.syncer.Run(ctx) }()
	s.stop = func() {
		cancel()
		for range 2 {
			if err := <-stopped; err != nil {
				s.t.Errorf("Run = %v", err)
			}
		}
		if err := s.manners.Save(context.WithoutCancel(ctx)); err != nil {
			s.t.Errorf("Save = %v", err)
		}
	}
}

// chance is the same each time, as far as things happen in the same order.
func chance() func() float64 {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(1, 2))
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return r.Float64()
	}
}

// small leaves one child, of whose things there are a few each.
func small(w *schooltest.World) {
	for _, c := range w.Children()[1:] {
		w.RemoveChild(c.Key)
	}
	c := w.Children()[0]
	w.EditSchool(c.School, func(s *schooltest.School) { s.Calendar, s.Files = s.Calendar[len(s.Calendar)/2:][:8], nil })
	w.EditChild(c.Key, func(c *schooltest.Child) {
		c.Letters, c.Files, c.Notices, c.Care, c.Log = c.Letters[:2], nil, c.Notices[:2], nil, nil
		var lessons []school.Lesson
		for i, l := range c.Lessons {
			if i%5 == 0 {
				lessons = append(lessons, l)
			}
		}
		c.Lessons = lessons
	})
}

func (s *sixty) source(turn func(context.Context, string) (func(), error)) func(context.Context, school.AccountID) (source.Source, error) {
	return func(context.Context, school.AccountID) (source.Source, error) {
		return infomentor.New(source.Config{
			Settings: s.settings, Transport: s, Now: s.now, Log: slog.New(slog.DiscardHandler), Turn: turn,
		})
	}
}

// idle counts the pings.
func (s *sixty) idle(ctx context.Context, by time.Time) ([]school.AccountID, error) {
	ids, err := s.keeper.Idle(ctx, by)
	s.figures.pings += len(ids)
	return ids, err
}

// expired is told that a person is needed: there must have been no other way.
func (s *sixty) expired() {
	s.figures.deaths++
	s.dead = s.now()
	if s.fake.Remembers(s.guardian().PersonalNumber) {
		s.t.Error("a person is asked for although there was another way")
	}
}

// day is one day: the family looks at the status page a few times, the school
// changes something at noon, the balancer moves house and the program is started anew
// now and then.
func (s *sixty) day(n int) {
	date := school.DateOf(s.from.In(school.Stockholm())).AddDays(n)
	at := func(hour, minute int) {
		if d := date.At(hour, minute, school.Stockholm()).Sub(s.now()); d > 0 {
			time.Sleep(d)
		}
	}
	for i, l := range looks() {
		at(l[0], l[1])
		s.look()
		if i == 1 {
			at(12, 30)
			s.change(n, date)
		}
	}
	if n%10 == 9 { // the power fails, which costs nobody a sign-in
		at(18, 40)
		s.stop()
		time.Sleep(20 * time.Minute)
		s.start()
	}
	if n%5 == 2 {
		at(21, 15)
		s.fake.MoveNode()
	}
	at(22, 50)
	s.compare()
}

// look is a guardian's look at the status page: who is asked to sign in does.
func (s *sixty) look() {
	acct, err := s.store.Account(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	stays, err := s.store.Diary(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	_, asked := s.store.keep.Renewal.Asks(s.now(), session.SignedIn(stays), school.Stockholm())
	if acct.State == school.Expired || asked {
		s.signIn()
	}
}

func (s *sixty) signIn() {
	s.attended = true
	defer func() { s.attended = false }()
	if err := s.keeper.Begin(s.t.Context(), id, source.BankIDQR, nil); err != nil {
		s.t.Fatalf("Begin = %v", err)
	}
	for range 60 {
		p, _ := s.keeper.Login(id)
		if p.State == source.LoginDone {
			s.figures.signIns++
			if !s.dead.IsZero() {
				s.figures.waited += s.now().Sub(s.dead)
				s.dead = time.Time{}
			}
			return
		}
		if p.State.Final() {
			s.t.Fatalf("the sign-in ended as %s", p.State)
		}
		time.Sleep(time.Second)
	}
	s.t.Fatal("the sign-in came to no end")
}

// change is what schools do: add, move and remove events, write letters.
func (s *sixty) change(n int, date school.Date) {
	key := s.world.Children()[0].School
	title := func(i int) string { return "Sextio dagar " + strconv.Itoa(i) }
	find := func(i int) school.Ref {
		for _, e := range s.world.SchoolOf(s.world.Children()[0]).Calendar {
			if e.Title == title(i) {
				return e.Ref
			}
		}
		s.t.Fatalf("event %d is not there", i)
		return ""
	}
	span := func(days int) school.Span {
		day := date.AddDays(days)
		return school.Timed(day.At(10, 0, school.Stockholm()), day.At(11, 0, school.Stockholm()))
	}
	switch n % 4 {
	case 0:
		s.world.AddEvent(key, school.Event{Item: school.Item{Title: title(n), Span: span(20)}, Scope: school.ScopeSchool})
	case 1:
		s.world.MoveEvent(key, find(n-1), span(23))
	case 2:
		s.world.AddLetter(s.world.Children()[0].Key, school.NewsItem{
			Title: title(n), HTML: "<p>Hej.</p>", Published: s.now().Truncate(time.Minute), Modified: s.now().Truncate(time.Minute),
		})
	case 3:
		if n%8 == 3 {
			s.world.RemoveEvent(key, find(n-3))
		}
	}
	s.publish()
}

// publish notes what the school shows from now on.
func (s *sixty) publish() {
	v := version{at: s.now(), things: map[school.Ref]map[school.Part]map[school.UID]thing{}}
	for _, c := range s.world.Children() {
		want := shown(s.world, c)
		v.things[want.Child.Ref] = things(s.norm.Snapshot(s.t.Context(), want))
	}
	s.versions = append(s.versions, v)
}

// shown is what the platform shows of a child, with its keys.
func shown(w *schooltest.World, c schooltest.Child) school.Snapshot {
	out := school.Snapshot{Platform: infomentor.ID, Child: school.Child{Ref: school.Ref(infomentortest.PupilID(c)), Name: c.Name}}
	sch := w.SchoolOf(c)
	for _, e := range sch.Calendar {
		e.Ref = school.Ref(strconv.Itoa(infomentortest.EventID(sch, e)))
		out.Calendar = append(out.Calendar, e)
	}
	for _, e := range c.Meetings {
		e.Ref, e.Title = "meeting/"+e.Ref, "Möten: "+e.Title
		out.Schedule = append(out.Schedule, e)
	}
	out.Timetable, out.Tasks = c.Lessons, c.Tasks // a preschooler has none
	for _, n := range c.Letters {
		n.Ref = school.Ref(infomentortest.PupilID(c) + "/" + strconv.Itoa(infomentortest.LetterID(n)))
		out.News = append(out.News, n)
	}
	return out
}

// compare compares what is stored with what the school showed when it was
// last read: nothing lost, nothing doubled.
func (s *sixty) compare() {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if len(s.store.children) != len(s.world.Children()) {
		s.t.Fatalf("%d children are stored", len(s.store.children))
	}
	for ref, shelf := range s.store.children {
		for _, part := range []school.Part{school.PartCalendar, school.PartSchedule, school.PartTimetable, school.PartTasks, school.PartNews} {
			taken := shelf.taken[part]
			got := s.present(shelf.parts[part])
			var tried []string
			for _, v := range s.versions {
				if !taken.IsZero() && v.at.After(taken.Add(10*time.Minute)) {
					break
				}
				tried = []string{fmt.Sprint(s.present(v.things[ref][part])), lastOf(tried)}
			}
			if !slices.Contains(tried, fmt.Sprint(got)) {
				s.t.Errorf("%v: %s of a child, read at %v: %d are stored and differ from the school's", s.now(), part, taken, len(got))
			}
		}
	}
}

func lastOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// present lists the things from today to eight weeks ahead, and all letters,
// in words; one that is there twice is there twice.
func (s *sixty) present(all map[school.UID]thing) []string {
	loc := school.Stockholm()
	today := school.DateOf(s.now().In(loc))
	w := school.Window{From: today, To: today.AddDays(56)}
	var out []string
	for uid, t := range all {
		if t.span == (school.Span{}) || w.Overlaps(t.span, loc) {
			start, end := t.span.Bounds(loc)
			out = append(out, string(uid)+" "+t.title+" "+start.String()+" "+end.String())
		}
	}
	slices.Sort(out)
	return out
}

// last signs in once more, reads everything and compares it with the world as
// it is.
func (s *sixty) last() {
	r, err := s.syncer.SyncNow(s.t.Context())
	if err == nil && !r.OK() { // the session has died in the meantime
		s.look()
		r, err = s.syncer.SyncNow(s.t.Context())
	}
	if err != nil || !r.OK() {
		s.t.Errorf("the last read: %v, %v", r.Results, err)
	}
	s.versions = s.versions[len(s.versions)-1:]
	s.compare()
	if got := s.fake.Offences(); len(got) > 0 {
		s.t.Errorf("%d offences, the first: %s", len(got), got[0])
	}
}

func (s *sixty) sum() figures {
	f := s.figures
	f.rungs = map[school.Rung]int{}
	for _, stay := range s.store.stays {
		f.rungs[stay.Rung]++
	}
	for _, n := range s.store.requests {
		f.requests += n
		f.most = max(f.most, n)
	}
	if s.orders != f.signIns {
		s.t.Errorf("%d BankID orders for %d sign-ins", s.orders, f.signIns)
	}
	return f
}
