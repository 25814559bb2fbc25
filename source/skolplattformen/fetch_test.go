package skolplattformen_test

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
	"syncd/source/internal/stockholm/stockholmtest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen"
	"syncd/source/skolplattformen/skolplattformentest"
)

// family is a world with its fake, a source over it and a guardian's session.
type family struct {
	t     *testing.T
	world *schooltest.World
	fake  *skolplattformentest.Server
	src   source.Source
	s     *source.Session
	puts  int
	clock func() time.Time
}

// atHome runs a test in a bubble with a family that is signed in.
func atHome(t *testing.T, w func(time.Time) *schooltest.World, test func(*family)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		f := &family{t: t, world: w(now()), clock: func() time.Time { return now().Add(time.Since(began)) }}
		f.fake = skolplattformentest.New(f.world, skolplattformentest.Options{Now: f.clock})
		f.src = f.over(f.fake)
		f.s = f.signIn(f.world.Guardians()[0])
		test(f)
	})
}

func (f *family) over(rt http.RoundTripper) source.Source {
	f.t.Helper()
	src, err := skolplattformen.New(source.Config{Transport: rt, Now: f.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.t.Fatal(err)
	}
	return src
}

func (f *family) signIn(g schooltest.Guardian) *source.Session {
	f.t.Helper()
	return source.NewSession(login(f.t, f.src, f.fake, g), func(context.Context, []byte) error {
		f.puts++
		return nil
	})
}

func (f *family) plan() school.Plan {
	today := school.DateOf(f.clock().In(school.Stockholm()))
	return school.Plan{Now: f.clock(), Window: school.Window{From: today.AddDays(-30), To: today.AddDays(400)}}
}

func (f *family) fetch() (*kept, error) {
	f.t.Helper()
	return f.fetchPlan(f.plan())
}

func (f *family) fetchPlan(p school.Plan) (*kept, error) {
	f.t.Helper()
	k := &kept{}
	return k, f.src.Fetch(f.t.Context(), f.s, p, k)
}

// mustFetch reads what has to go well.
func (f *family) mustFetch() *kept {
	f.t.Helper()
	k, err := f.fetch()
	if err != nil {
		f.t.Fatalf("Fetch = %v", err)
	}
	return k
}

func (f *family) spoil(path string, change func(*skolplattformentest.Answer)) {
	f.fake.Inject(skolplattformentest.Fault{Path: path, Change: change})
}

// kept is a sink that keeps everything.
type kept struct {
	roster    school.Roster
	snapshots []school.Snapshot
}

// Roster implements [source.Sink].
func (k *kept) Roster(_ context.Context, r school.Roster) error {
	k.roster = r
	return nil
}

// Snapshot implements [source.Sink].
func (k *kept) Snapshot(_ context.Context, s school.Snapshot) error {
	k.snapshots = append(k.snapshots, s)
	return nil
}

// of returns the snapshot of the child with this key.
func (k *kept) of(key string) (school.Snapshot, bool) {
	i := slices.IndexFunc(k.snapshots, func(s school.Snapshot) bool { return string(s.Child.Ref) == key })
	if i < 0 {
		return school.Snapshot{}, false
	}
	return k.snapshots[i], true
}

// strays counts what was handed on under the wrong child. Letters that go to
// several children do not count.
func strays(w *schooltest.World, k *kept) int {
	n := 0
	for _, s := range k.snapshots {
		mine := schooltest.Child{}
		var others []schooltest.Child
		for _, c := range w.Children() {
			if c.Key == string(s.Child.Ref) {
				mine = c
			} else {
				others = append(others, c)
			}
		}
		own := texts(w, mine)
		for _, o := range others {
			for text := range texts(w, o) {
				if !own[text] && holds(s, text) {
					n++
				}
			}
		}
	}
	return n
}

func texts(w *schooltest.World, c schooltest.Child) map[string]bool {
	out := map[string]bool{}
	for _, e := range slices.Concat(w.SchoolOf(c).Calendar, c.Schedule) {
		out[e.Title] = true
	}
	for _, m := range w.SchoolOf(c).Menu {
		out[m.Dishes[0]] = true
	}
	for _, l := range c.Letters {
		out[l.Title] = true
	}
	for _, n := range c.Notices {
		out[n.Text] = true
	}
	return out
}

func holds(s school.Snapshot, text string) bool {
	return slices.ContainsFunc(slices.Concat(s.Calendar, s.Schedule), func(e school.Event) bool { return e.Title == text }) ||
		slices.ContainsFunc(s.Menu, func(m school.Meal) bool { return strings.HasPrefix(m.Title, text) }) ||
		slices.ContainsFunc(s.News, func(n school.NewsItem) bool { return n.Title == text }) ||
		slices.ContainsFunc(s.Notices, func(n school.Notice) bool { return n.Text == text })
}

// The server lies about the selected child for the first answers after each
// change, with and without a sign of it. Whatever it does, nothing is handed
// on under the wrong child; one wrong answer is made up for.
func TestWrongChild(t *testing.T) {
	t.Parallel()
	for _, quiet := range []bool{false, true} {
		for _, k := range []int{1, 2, 3, 5, 8, 13, 1 << 30} {
			t.Run(fmt.Sprintf("quiet=%v/k=%d", quiet, k), func(t *testing.T) {
				t.Parallel()
				atHome(t, schooltest.Family, func(f *family) {
					t := f.t
					f.fake.Lie(k)
					f.fake.QuietStatus(quiet)
					for round := range 2 {
						got, err := f.fetch()
						if n := strays(f.world, got); n > 0 {
							t.Errorf("round %d: %d entries under the wrong child", round, n)
						}
						if len(got.snapshots) < 3 && !errors.Is(err, source.ErrWrongChild) {
							t.Errorf("round %d: Fetch = %v with %d children, want %v", round, err, len(got.snapshots), source.ErrWrongChild)
						}
						if k == 1 && (err != nil || len(got.snapshots) != 3) {
							t.Errorf("round %d: Fetch = %v with %d children, want all after one wrong answer", round, err, len(got.snapshots))
						}
					}
				})
			})
		}
	}
}

// SelectChild says yes and changes nothing: every child is shown the same.
func TestStuckSelection(t *testing.T) {
	t.Parallel()
	for _, quiet := range []bool{false, true} {
		t.Run(fmt.Sprintf("quiet=%v", quiet), func(t *testing.T) {
			t.Parallel()
			atHome(t, schooltest.Family, func(f *family) {
				t := f.t
				f.mustFetch() // the third child stays selected
				f.fake.Stick(true)
				f.fake.QuietStatus(quiet)
				got, err := f.fetch()
				if n := strays(f.world, got); n > 0 || !errors.Is(err, source.ErrWrongChild) {
					t.Errorf("Fetch = %v, %d entries under the wrong child; want %v and none", err, n, source.ErrWrongChild)
				}
			})
		})
	}
}

// Siblings at one school have the same calendar, and that is no reason for
// doubt.
func TestSiblingsAtOneSchool(t *testing.T) {
	t.Parallel()
	atHome(t, func(now time.Time) *schooltest.World {
		w := schooltest.Family(now)
		first := w.Children()[0].School
		w.EditChild(w.Children()[2].Key, func(c *schooltest.Child) { c.School = first })
		return w
	}, func(f *family) {
		t := f.t
		if got := f.mustFetch(); len(got.snapshots) != 3 {
			t.Errorf("%d children handed on, want 3", len(got.snapshots))
		}
	})
}

func TestSelectChildFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*skolplattformentest.Answer)
		want   error
	}{
		"answers another child": {skolplattformentest.Set("Id", "X"), source.ErrWrongChild},
		"fails":                 {skolplattformentest.Failure("Nej"), source.ErrRefused},
		"no object":             {skolplattformentest.Set("Data", "OK"), source.ErrNotUnderstood},
		"in HTML":               {skolplattformentest.HTML(), source.ErrNotUnderstood},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atHome(t, schooltest.Family, func(f *family) {
				t := f.t
				f.spoil("SelectChild", tc.change)
				got, err := f.fetch()
				if !errors.Is(err, tc.want) || len(got.snapshots) > 0 {
					t.Errorf("Fetch = %v with %d children, want %v and none", err, len(got.snapshots), tc.want)
				}
				if p, ok := errors.AsType[*source.PartError](err); !ok || p.Child == "" {
					t.Error("the error names no part and child")
				}
			})
		})
	}
}

// The three shapes of a session that is over, at the start and in the middle.
func TestSignedOutShapes(t *testing.T) {
	t.Parallel()
	for _, shape := range []skolplattformentest.SignedOut{
		skolplattformentest.SignedOutRedirect, skolplattformentest.SignedOutPage, skolplattformentest.SignedOutEmpty,
	} {
		for _, at := range []int{1, 2, 3, 6, 9} {
			t.Run(fmt.Sprintf("shape=%d/request=%d", shape, at), func(t *testing.T) {
				t.Parallel()
				atHome(t, schooltest.Family, func(f *family) {
					t := f.t
					f.fake.ShowSignedOut(shape)
					f.fake.SSO().KillSMSession()
					f.fake.ExpireAfter(at)
					_, err := f.fetch()
					// An empty home page is no sign of anything by itself.
					if at == 2 && shape == skolplattformentest.SignedOutEmpty {
						if !errors.Is(err, source.ErrNotUnderstood) {
							t.Errorf("Fetch = %v, want %v", err, source.ErrNotUnderstood)
						}
						return
					}
					if !errors.Is(err, source.ErrSessionExpired) {
						t.Errorf("Fetch = %v, want %v", err, source.ErrSessionExpired)
					}
				})
			})
		}
	}
}

// A page in the middle of things means that the session is over only if the
// platform says so when asked.
func TestUserIsAskedInDoubt(t *testing.T) {
	t.Parallel()
	atHome(t, schooltest.Family, func(f *family) {
		t := f.t
		f.spoil("getnotifications", skolplattformentest.HTML())
		before := f.fake.Count("getuserdata")
		if _, err := f.fetch(); !errors.Is(err, source.ErrNotUnderstood) || errors.Is(err, source.ErrSessionExpired) {
			t.Errorf("Fetch = %v, want %v only", err, source.ErrNotUnderstood)
		}
		if n := f.fake.Count("getuserdata") - before; n != 4 {
			t.Errorf("the user was asked for %d times, want once at the start and once for each child", n)
		}
	})
}

// After three answers in a row that are none, nothing more is asked.
func TestGivesUpKnocking(t *testing.T) {
	t.Parallel()
	atHome(t, withoutPreschool, func(f *family) {
		t := f.t
		f.fake.Inject(skolplattformentest.Fault{Skip: 4, Change: skolplattformentest.Status(500)})
		before := len(f.fake.Requests())
		got, err := f.fetch()
		if n := len(f.fake.Requests()) - before; !errors.Is(err, source.ErrUnavailable) || n != 7 {
			t.Errorf("Fetch = %v after %d requests, want %v after 7", err, n, source.ErrUnavailable)
		}
		if len(got.snapshots) != 1 || len(got.snapshots[0].Covered) != 1 {
			t.Errorf("%d children handed on, want one with its calendar", len(got.snapshots))
		}
	})
}

// A cookie that changes in the middle of a read is stored at once, even though
// the read fails after it.
func TestRotatedCookiesAreStored(t *testing.T) {
	t.Parallel()
	atHome(t, schooltest.Family, func(f *family) {
		t := f.t
		f.mustFetch()
		before := f.puts
		f.fake.Inject(skolplattformentest.Fault{Path: "GetSchema", Times: 1, Change: func(a *skolplattformentest.Answer) {
			a.Header.Add("Set-Cookie", `rotated="å, b"; path=/; Secure`)
		}})
		f.fake.Inject(skolplattformentest.Fault{Path: "GetNewsArchive", Change: skolplattformentest.Status(403)})
		if _, err := f.fetch(); !errors.Is(err, source.ErrBlocked) {
			t.Errorf("Fetch = %v, want %v", err, source.ErrBlocked)
		}
		if f.puts == before {
			t.Error("the session was not stored")
		}
		if k, err := (&kept{}), f.src.Fetch(t.Context(), source.NewSession(f.s.State(), nil), f.plan(), &kept{}); !errors.Is(err, source.ErrBlocked) {
			t.Errorf("Fetch with the stored session = %v (%v)", err, k.roster)
		}
	})
}

// A person who is nobody's guardian gets into the city and no farther.
func TestStrangerIsRejected(t *testing.T) {
	t.Parallel()
	atHome(t, schooltest.Family, func(f *family) {
		t := f.t
		auth, _ := f.src.(source.Authenticator)
		l, err := auth.Begin(t.Context(), source.BankIDApp, nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := l.Poll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.fake.SSO().Phone().OpenLink(p.AppLink, stockholmtest.Person{PersonalNumber: "191212121212", Name: "Ingen"}); err != nil {
			t.Fatal(err)
		}
		if err := f.fake.SSO().Phone().Approve(); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			time.Sleep(time.Second)
			if p, err = l.Poll(t.Context()); err != nil || p.State.Final() {
				break
			}
		}
		if err != nil || p.State != source.LoginRejected {
			t.Errorf("login ended as %s, %v; want %s", p.State, err, source.LoginRejected)
		}
	})
	atHome(t, schooltest.Family, func(f *family) {
		t := f.t
		auth, _ := f.src.(source.Authenticator)
		if _, err := auth.Begin(t.Context(), source.Password, nil); !errors.Is(err, source.ErrAnswer) {
			t.Errorf("Begin with a method that is not there = %v, want %v", err, source.ErrAnswer)
		}
	})
}
