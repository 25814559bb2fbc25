package infomentor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/internal/faketest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/sourcetest"
)

// family is a world, its fake and a source over it, in a bubble.
type family struct {
	t     *testing.T
	world *schooltest.World
	fake  *infomentortest.Server
	src   source.Source
	start time.Time
}

// bubble runs a test with a family.
func bubble(t *testing.T, o infomentortest.Options, settings map[string]string, test func(f *family)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(newFamily(t, o, settings)) })
}

func newFamily(t *testing.T, o infomentortest.Options, settings map[string]string) *family {
	t.Helper()
	f := &family{t: t, world: schooltest.Family(now()), start: time.Now()}
	o.Now = f.clock
	f.fake = infomentortest.New(f.world, o)
	f.src = f.source(settings)
	return f
}

func (f *family) clock() time.Time { return now().Add(time.Since(f.start)) }

func (f *family) source(settings map[string]string) source.Source {
	f.t.Helper()
	src, err := infomentor.New(source.Config{
		Settings: settings, Transport: f.fake, Now: f.clock, Log: quiet(),
	})
	if err != nil {
		f.t.Fatalf("New = %v", err)
	}
	return src
}

func (f *family) guardian() schooltest.Guardian { return f.world.Guardians()[0] }

// login signs the first guardian in with BankID.
func (f *family) login() *source.Session {
	f.t.Helper()
	return source.NewSession(bankID(f.t, f.src, f.fake, f.guardian()), nil)
}

// withPassword signs the first guardian in with a password.
func (f *family) withPassword() *source.Session {
	f.t.Helper()
	user, pass := f.fake.Credentials(f.guardian())
	p := begin(f.t, f.src, source.Password, source.Answers{"user": user, "password": pass})
	if p.State != source.LoginDone {
		f.t.Fatalf("login ended as %s", p.State)
	}
	return source.NewSession(p.Session, nil)
}

// stored returns a session as it is when it was stored and loaded.
func stored(s *source.Session) *source.Session {
	return source.NewSession(slices.Clone(s.State()), nil).WithMemory(slices.Clone(s.Memory()), nil)
}

func (f *family) plan(parts ...school.Part) school.Plan {
	today := school.DateOf(f.clock().In(school.Stockholm()))
	return school.Plan{
		Now: f.clock(), Window: school.Window{From: today.AddDays(-30), To: today.AddDays(120)}, Parts: parts,
	}
}

// sink keeps what a read brings.
type sink struct {
	roster    school.Roster
	snapshots map[school.Ref]school.Snapshot
	order     []school.Ref
}

// Roster implements [source.Sink].
func (k *sink) Roster(_ context.Context, r school.Roster) error {
	k.roster = r
	return nil
}

// Snapshot implements [source.Sink].
func (k *sink) Snapshot(_ context.Context, s school.Snapshot) error {
	if k.snapshots == nil {
		k.snapshots = map[school.Ref]school.Snapshot{}
	}
	k.snapshots[s.Child.Ref] = s
	k.order = append(k.order, s.Child.Ref)
	return nil
}

func (f *family) fetch(s *source.Session, plan school.Plan) (*sink, error) {
	f.t.Helper()
	k := &sink{}
	err := f.src.Fetch(f.t.Context(), s, plan, k)
	return k, err
}

// read reads and insists that all went well.
func (f *family) read(s *source.Session, plan school.Plan) *sink {
	f.t.Helper()
	k, err := f.fetch(s, plan)
	if err != nil {
		f.t.Fatalf("Fetch = %v", err)
	}
	return k
}

func (f *family) refresh(s *source.Session) error { return refresh(f.t, f.src, s) }

func (f *family) ref(i int) school.Ref {
	return school.Ref(infomentortest.PupilID(f.world.Children()[i]))
}

func covered(s school.Snapshot, part school.Part) bool {
	_, ok := s.Covers(part)
	return ok && s.Skipped[part] == 0
}

// What the calendar shows of tasks is left to the tasks. Where those cannot be
// read nobody can say which they are, and the calendar is not complete; where
// the module is missing they stay in the calendar.
func TestTasksInTheCalendar(t *testing.T) {
	t.Parallel()
	for _, fault := range spoilt("gettasks", nil) {
		t.Run(fault.Name, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, nil, func(f *family) {
				s := f.login()
				fault.Inject(sourcetest.Fake{Own: f.fake})
				k, err := f.fetch(s, f.plan())
				if !errors.Is(err, fault.Want) {
					t.Errorf("Fetch = %v, want %v", err, fault.Want)
				}
				if fault.Nothing {
					return
				}
				got := k.snapshots[f.ref(0)]
				missing := fault.Want == nil
				if covered(got, school.PartTasks) || covered(got, school.PartCalendar) != missing {
					t.Errorf("tasks covered %v, calendar covered %v", covered(got, school.PartTasks), covered(got, school.PartCalendar))
				}
				tasks := 0
				for _, e := range got.Calendar {
					if strings.Contains(e.URL, "/task/show/") {
						tasks++
					}
				}
				if (tasks > 0) != missing {
					t.Errorf("%d tasks in the calendar", tasks)
				}
				if !covered(k.snapshots[f.ref(1)], school.PartCalendar) {
					t.Error("the preschooler's calendar is not covered")
				}
			})
		})
	}
}

// A module that is missing is not asked for again until a week has passed,
// and never costs a login.
func TestMissingModuleIsRemembered(t *testing.T) {
	for _, shape := range []infomentortest.Missing{infomentortest.MissingRedirect, infomentortest.MissingStatus, infomentortest.MissingShell} {
		t.Run("", func(t *testing.T) {
			bubble(t, infomentortest.Options{NoApps: true, Missing: shape, Idle: 1000 * time.Hour, Life: 1000 * time.Hour, NoRestart: true}, nil, func(f *family) {
				s := f.login()
				count := func() int {
					before := f.fake.Count("gettimetablelist")
					f.read(s, f.plan())
					return f.fake.Count("gettimetablelist") - before
				}
				first := count()
				if second := count(); second != first-1 {
					t.Errorf("%d weeks asked for in the second read after %d in the first, want one less", second, first)
				}
				time.Sleep(8 * 24 * time.Hour)
				if later := count(); later != first {
					t.Errorf("%d weeks asked for after a week, want %d", later, first)
				}
			})
		})
	}
}

// What nobody asked for is not requested: neither messages nor attendance nor
// class lists nor assessments, nor the learning log and the calendar address
// unless the guardian wants them.
func TestNothingElseIsRequested(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		f.read(f.login(), f.plan())
		for _, p := range f.fake.Requests() {
			for _, word := range []string{"message", "attendance", "classlist", "assessment", "learnlog", "geticalsubscriptionuri", "pair", "thumbnail", "savetime"} {
				if strings.Contains(strings.ToLower(p), word) {
					t.Errorf("%s was requested", p)
				}
			}
		}
		if got := f.fake.Offences(); len(got) > 0 {
			t.Errorf("offences: %q", got)
		}
	})
}

// The calendar addresses are read once, with the child selected, and outlive
// the session.
func TestCalendarAddresses(t *testing.T) {
	bubble(t, infomentortest.Options{}, map[string]string{infomentor.SettingCalendarAddress: "yes"}, func(f *family) {
		s := f.login()
		for range 2 {
			f.read(s, f.plan())
		}
		f.fake.KillAll()
		got := infomentor.CalendarAddresses(s)
		for i, c := range f.world.Children() {
			want := strings.Replace(infomentortest.SubscriptionURI(c), "webcal:", "https:", 1)
			if got[f.ref(i)] != want {
				t.Errorf("child %d: address is not the child's", i+1)
			}
		}
		if n := f.fake.Count("geticalsubscriptionuri"); n != len(f.world.Children()) {
			t.Errorf("asked %d times, want once for each child", n)
		}
	})
}

// Everything that comes back of a session without a state, or of another
// guardian's, is nothing.
func TestCalendarAddressesOfNobody(t *testing.T) {
	t.Parallel()
	if got := infomentor.CalendarAddresses(source.NewSession([]byte("{}"), nil)); len(got) != 0 {
		t.Errorf("CalendarAddresses = %d addresses, want none", len(got))
	}
}

// The parent's own selection is the same after a read as before it, also when
// a child could not be read.
func TestSelectionIsRestored(t *testing.T) {
	for _, path := range []string{"", "getentries"} {
		t.Run(path, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, nil, func(f *family) {
				s := f.login()
				f.fake.Select(f.world.Children()[1].Key)
				if path != "" {
					f.fake.Inject(faketest.Fault{Path: path, Change: faketest.HTML()})
				}
				k, err := f.fetch(s, f.plan())
				if (err != nil) != (path != "") {
					t.Errorf("Fetch = %v", err)
				}
				if got := f.fake.Selected(); got != f.world.Children()[1].Key {
					t.Error("another child is selected after the read")
				}
				if k.order[0] != f.ref(1) {
					t.Error("the selected child was not read first")
				}
			})
		})
	}
}

// A read that is interrupted puts the parent's selection back on its way out.
// Where it cannot, the next read does, unless somebody has selected a child
// since.
func TestSelectionOfAnInterruptedRead(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*faketest.Answer)
		cancel bool
		later  int // afterwards, by the parent; -1: nobody
		want   int
	}{
		"cancelled":                   {faketest.Slow(20 * time.Second), true, -1, 1},
		"told to wait":                {faketest.RetryAfter(time.Minute), false, -1, 1},
		"blocked":                     {faketest.Status(403), false, -1, 1},
		"told to wait, then selected": {faketest.RetryAfter(time.Minute), false, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, nil, func(f *family) {
				s, children := f.login(), f.world.Children()
				f.fake.Select(children[1].Key)
				ctx, cancel := context.WithTimeout(f.t.Context(), 5*time.Second)
				defer cancel()
				switched := false
				f.fake.Before(func(path string) {
					if strings.Contains(path, "switchpupil") && !switched {
						switched = true
						f.fake.Inject(faketest.Fault{Skip: 4, Times: 1, Change: c.change})
					}
				})
				k := &sink{}
				if err := f.src.Fetch(ctx, s, f.plan(), k); err == nil || len(k.order) != 1 {
					t.Fatalf("Fetch = %v after %d children", err, len(k.order))
				}
				if restored := f.fake.Selected() == children[1].Key; restored != c.cancel {
					t.Errorf("the selection was put back: %v", restored)
				}
				f.fake.Heal()
				if c.later >= 0 {
					f.fake.Select(children[c.later].Key)
				}
				time.Sleep(10 * time.Minute)
				f.read(stored(s), f.plan("notices"))
				if f.fake.Selected() != children[c.want].Key {
					t.Error("another child is selected after the next read")
				}
			})
		})
	}
}

// A switch back that failed, or may have, is made up for by the next read.
func TestSelectionIsNotPutBack(t *testing.T) {
	for name, change := range map[string]func(*faketest.Answer){
		"503": faketest.Status(http.StatusServiceUnavailable), "connection ends": faketest.Break(), "500": faketest.Status(http.StatusInternalServerError),
	} {
		for _, happened := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, happened), func(t *testing.T) {
				bubble(t, infomentortest.Options{}, nil, func(f *family) {
					s, n := f.login(), 0
					own, other := f.fake.Selected(), f.world.Children()[1].Key
					f.fake.Before(func(path string) {
						if !strings.Contains(path, "switchpupil") {
							return
						}
						if n++; n == 3 { // after two siblings
							f.fake.Change(func(o *infomentortest.Options) { o.Stuck = !happened })
							f.fake.Inject(faketest.Fault{Path: path[strings.LastIndex(path, "/"):], Times: 1, Change: change})
						}
					})
					_, _ = f.fetch(s, f.plan())
					if (f.fake.Selected() == own) != happened {
						t.Fatal("the selection is not as it should be for this test")
					}
					f.fake.Heal()
					time.Sleep(20 * time.Minute)
					s = stored(s)
					f.read(s, f.plan())
					if f.fake.Selected() != own {
						t.Error("the parent's selection was not put back")
					}
					f.fake.Select(other) // by the parent, and that stays
					f.read(s, f.plan())
					if f.fake.Selected() != other {
						t.Error("another child is selected than the parent chose")
					}
				})
			})
		}
	}
}

// Two children with one name are two children.
func TestTwins(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		name := f.world.Children()[0].Name
		f.world.EditChild(f.world.Children()[2].Key, func(c *schooltest.Child) { c.Name = name })
		k := f.read(f.login(), f.plan())
		for _, i := range []int{0, 2} {
			got := k.snapshots[f.ref(i)]
			if got.Child.Name != name || len(got.Tasks) != 7 || got.Tasks[0].Ref != f.world.Children()[i].Tasks[0].Ref {
				t.Errorf("child %d is not itself", i+1)
			}
		}
	})
}

// Without an address to select a twin by, its name is not enough.
func TestTwinsByThePhonesList(t *testing.T) {
	bubble(t, infomentortest.Options{NoSwitchURL: true}, map[string]string{infomentor.SettingPairing: "yes"}, func(f *family) {
		name := f.world.Children()[0].Name
		f.world.EditChild(f.world.Children()[2].Key, func(c *schooltest.Child) { c.Name = name })
		s := f.login()
		f.fake.KillPerson(f.guardian().PersonalNumber)
		if err := f.refresh(s); err != nil {
			t.Fatalf("Refresh = %v", err)
		}
		k, err := f.fetch(s, f.plan())
		if !errors.Is(err, source.ErrNotUnderstood) {
			t.Errorf("Fetch = %v, want %v", err, source.ErrNotUnderstood)
		}
		if len(k.snapshots) != 2 { // the selected one, and the one whose name is its own
			t.Errorf("%d children were read, want 2", len(k.snapshots))
		}
	})
}

// Learned in the middle of one child, trouble costs that child's part and
// nothing of its siblings.
func TestOneChildsCallFails(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.login()
		f.fake.Inject(faketest.Fault{Path: "getentries", Skip: 4, Times: 1, Change: faketest.Status(500)})
		k, err := f.fetch(s, f.plan())
		if !errors.Is(err, source.ErrUnavailable) {
			t.Errorf("Fetch = %v, want %v", err, source.ErrUnavailable)
		}
		bad := 0
		for _, snap := range k.snapshots {
			if !covered(snap, school.PartCalendar) {
				bad++
			}
			if !covered(snap, school.PartNews) {
				t.Error("news are not covered")
			}
		}
		if bad != 1 || len(k.snapshots) != 3 {
			t.Errorf("%d of %d children lack their calendar, want one of three", bad, len(k.snapshots))
		}
	})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
