package infomentor_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
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
)

// liar makes the platform lie in one of the ways that were seen or feared,
// chosen by chance; of its lies about the answer so many come in a row at most.
func liar(r *rand.Rand, f *infomentortest.Server, children []schooltest.Child, lies int) (what string) {
	var words []string
	f.Change(func(o *infomentortest.Options) {
		o.Lies, o.Stuck, o.SwitchFails = 0, false, false
		if r.IntN(2) == 0 {
			o.Lies = 1 + r.IntN(lies)
			words = append(words, fmt.Sprintf("lies %d", o.Lies))
		}
		if r.IntN(6) == 0 {
			o.Stuck = true
			words = append(words, "stuck")
		}
		if r.IntN(4) == 0 {
			o.SwitchFails = true
			words = append(words, "500 although it did")
		}
		o.AllNotices = r.IntN(2) == 0
	})
	// Now and then the parent selects a child elsewhere, and perhaps another
	// one some requests later.
	next, n := r.IntN(40), 0
	if r.IntN(3) == 0 {
		next = -1
	} else {
		words = append(words, "parent")
	}
	f.Before(func(string) {
		if n++; n == next {
			f.Select(children[r.IntN(len(children))].Key)
			next += 6 + r.IntN(40)
		}
	})
	if r.IntN(4) == 0 {
		f.Inject(faketest.Fault{Skip: r.IntN(30), Times: 1, Change: faketest.Status(500 + 2*r.IntN(2))})
		words = append(words, "trouble")
	}
	return strings.Join(words, ", ")
}

// owner tells every entry's child by its words; "" for what several have.
func owners(w *schooltest.World) map[string]school.Ref {
	out := map[string]school.Ref{}
	for _, c := range w.Children() {
		ref := school.Ref(infomentortest.PupilID(c))
		note := func(key string) {
			if other, ok := out[key]; ok && other != ref {
				out[key] = ""
				return
			}
			out[key] = ref
		}
		for _, l := range c.Lessons {
			note("lesson " + l.Title)
		}
		for _, t := range c.Tasks {
			note("task " + t.Title)
		}
		for _, e := range w.SchoolOf(c).Calendar {
			note("event " + e.Title)
		}
		for _, e := range c.Meetings {
			note("meeting Möten: " + e.Title)
		}
		for _, n := range c.Letters {
			note("letter " + n.Title)
		}
		for _, n := range c.Notices {
			note("notice " + n.Text)
		}
		for _, k := range c.Care {
			note("care " + k.Title + k.Span.Start.String())
		}
	}
	return out
}

// strangers counts entries of a snapshot that belong to another child.
func strangers(s school.Snapshot, whose map[string]school.Ref) int {
	n := 0
	look := func(key string) {
		if o, ok := whose[key]; !ok || o != "" && o != s.Child.Ref {
			n++
		}
	}
	for _, l := range s.Timetable {
		look("lesson " + l.Title)
	}
	for _, t := range s.Tasks {
		look("task " + t.Title)
	}
	for _, e := range s.Calendar {
		look("event " + e.Title)
	}
	for _, e := range s.Schedule {
		look("meeting " + e.Title)
	}
	for _, l := range s.News {
		look("letter " + l.Title)
	}
	for _, v := range s.Notices {
		look("notice " + v.Text)
	}
	for _, k := range s.Care {
		look("care " + k.Title + k.Span.Start.String())
	}
	return n
}

// Whatever the platform does with its selected pupil, nothing is handed on
// under the wrong child, and what the parent selected is not lost for good.
func TestMixedUpSiblings(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("thousands of reads")
	}
	const shards = 8
	for shard := range shards {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { mixUp(t, uint64(shard), rounds/shards) })
		})
	}
}

// near leaves the first lessons from now on.
func near(now time.Time, list []school.Lesson) []school.Lesson {
	list = slices.DeleteFunc(slices.Clone(list), func(l school.Lesson) bool { return l.Span.Start.Before(now) })
	return list[:min(len(list), 12)]
}

// speechless returns how answers of a family bear no marks, if they do not, and
// how many answers in a row may be about another child. Where no answer bears
// one, nobody could know of more.
func speechless(f *family, seed uint64) (change func(*faketest.Answer), lies int) {
	noModule := faketest.Status(http.StatusFound, "Location", "/Home/HandleUnauthorizedRequest")
	switch seed % 8 {
	case 4:
		return noModule, 1
	case 5:
		return faketest.Set("pupilIM2Id", 0), 1
	case 6, 7:
		return f.of(1, noModule), 6
	}
	return func(*faketest.Answer) {}, 6
}

func mixUp(t *testing.T, seed uint64, rounds int) {
	t.Helper()
	f := newFamily(t, infomentortest.Options{Idle: 1e6 * time.Hour, Life: 1e6 * time.Hour, NoRestart: true}, nil)
	if seed%2 == 1 {
		f.world.RemoveChild(f.world.Children()[2].Key)
	}
	for _, c := range f.world.Children() { // fewer words, the same questions
		f.world.EditChild(c.Key, func(c *schooltest.Child) {
			if seed/2%2 == 1 {
				c.Notices = nil // so that no notification names a child
			}
			c.Lessons = near(f.clock(), c.Lessons)
			c.Letters = slices.DeleteFunc(c.Letters, func(n school.NewsItem) bool { return len(n.Images) > 0 || len(n.HTML) > 5000 })
			c.Letters = c.Letters[:min(len(c.Letters), 3)]
			c.Tasks = c.Tasks[:min(len(c.Tasks), 4)]
		})
		f.world.EditSchool(c.School, func(s *schooltest.School) { s.Calendar = s.Calendar[:min(len(s.Calendar), 40)] })
	}
	children, whose := f.world.Children(), owners(f.world)
	change, lies := speechless(f, seed)
	noMarks := func() {
		f.fake.Inject(faketest.Fault{Path: "communication/communication/appdata", Change: change})
	}
	noMarks()
	s := f.login()
	stranger := stored(s)
	f.read(s, f.plan())
	friend := stored(s) // knows the children's marks
	r := rand.New(rand.NewPCG(seed, 7))
	plan := f.plan()
	plan.Window = school.Window{From: plan.Window.From.AddDays(30), To: plan.Window.From.AddDays(36)}
	handed, wrong := 0, 0
	for i := range rounds {
		if i%3 == 0 {
			s = stored(stranger)
			if r.IntN(2) == 0 {
				s = stored(friend)
			}
		}
		what := liar(r, f.fake, children, lies)
		parts := infomentor.Platform().Parts
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		plan.Parts = parts[:1+r.IntN(4)/3]
		k, err := f.fetch(s, plan)
		f.fake.Heal()
		noMarks()
		time.Sleep(5 * time.Minute)
		for _, snap := range k.snapshots {
			handed++
			if n := strangers(snap, whose); n > 0 {
				t.Fatalf("round %d (%s): %d entries under the wrong child, Fetch = %v", i, what, n, err)
			}
		}
		if errors.Is(err, source.ErrWrongChild) {
			wrong++
		}
	}
	t.Logf("%d reads, %d children handed on, %d reads with a child thrown away", rounds, handed, wrong)
	if handed < rounds || wrong < rounds/10 {
		t.Error("the platform did not lie enough, or nothing was read")
	}
}

// A switch that answers 500 has happened all the same, and is believed when
// the home page says so.
func TestSwitchAnswers500(t *testing.T) {
	bubble(t, infomentortest.Options{SwitchFails: true}, nil, func(f *family) {
		if k := f.read(f.login(), f.plan()); len(k.snapshots) != 3 {
			t.Errorf("%d children were read, want 3", len(k.snapshots))
		}
	})
}

// A switch that changes nothing is noticed: only the selected child is read.
func TestSwitchDoesNotSwitch(t *testing.T) {
	bubble(t, infomentortest.Options{Stuck: true}, nil, func(f *family) {
		k, err := f.fetch(f.login(), f.plan())
		if !errors.Is(err, source.ErrWrongChild) || len(k.snapshots) != 1 || k.order[0] != f.ref(0) {
			t.Errorf("Fetch = %v, %d children were read, want the selected one only", err, len(k.snapshots))
		}
	})
}

// Marks that changed, as when the platform renumbers, are learned anew with
// the next read.
func TestMarksAreForgotten(t *testing.T) {
	bubble(t, infomentortest.Options{}, nil, func(f *family) {
		s := f.login()
		f.read(s, f.plan())
		s = source.NewSession(s.State(), nil).WithMemory(bytes.ReplaceAll(s.Memory(), []byte(`"marks":{"`), []byte(`"marks":{"9`)), nil)
		if k := f.read(s, f.plan()); len(k.snapshots) != 3 {
			t.Errorf("%d children were read, want 3", len(k.snapshots))
		}
	})
}

// Whose a mark is, is told by notifications. Where these name children by ids
// of another kind, or are not there, it shows when nothing lags any more, once;
// so it does that a child's answers bear none. The next read is quick, and needs
// about as many requests as one whose marks are known.
func TestMarksAreLearned(t *testing.T) {
	const notices, marks = "getnotifications", "communication/communication/appdata"
	noModule := faketest.Status(http.StatusFound, "Location", "/Home/HandleUnauthorizedRequest")
	noMark := func(a *faketest.Answer) {
		a.Body = bytes.ReplaceAll(a.Body, []byte(`"pupilIM2Id"`), []byte(`"other"`))
	}
	none := func(a *faketest.Answer) { a.Body = []byte(`{"notifications":[]}`) }
	type faults map[string]func(*faketest.Answer)
	for name, c := range map[string]struct {
		change faults
		quick  bool
	}{
		"by notifications": {nil, true},
		"no notifications": {faults{notices: none}, false},
		"ids of another kind": {faults{notices: func(a *faketest.Answer) {
			a.Body = bytes.ReplaceAll(a.Body, []byte(`"pupilIM2Id":29`), []byte(`"pupilIM2Id":39`))
		}}, false},
		"one id for all":              {faults{notices: faketest.Set("pupilIM2Id", 2900000)}, false},
		"not understood":              {faults{notices: faketest.HTML()}, false},
		"no module":                   {faults{marks: noModule}, false},
		"no module, no notifications": {faults{marks: noModule, notices: none}, false},
		"module is not listed":        {faults{marks: noModule, "": unlisted}, false},
		"no mark":                     {faults{marks: noMark}, false},
		"one child without":           {faults{"one": noModule, notices: none}, false},
		"one mark for all":            {faults{marks: faketest.Set("pupilIM2Id", 2900000)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{Lies: 1}, nil, func(f *family) {
				s, whose := f.login(), owners(f.world)
				for path, change := range c.change {
					if path == "one" {
						path, change = marks, f.of(1, change)
					}
					f.fake.Inject(faketest.Fault{Path: path, Change: change})
				}
				for n := range 3 {
					began, before := f.clock(), len(f.fake.Requests())
					k, err := f.fetch(s, f.plan(school.PartCalendar, school.PartTasks))
					if err != nil || len(k.snapshots) != 3 {
						t.Errorf("Fetch = %v, %d children were read, want 3", err, len(k.snapshots))
					}
					for _, snap := range k.snapshots {
						if n := strangers(snap, whose); n > 0 {
							t.Errorf("%d entries under the wrong child", n)
						}
					}
					if took := f.clock().Sub(began); (took < 15*time.Second) != (c.quick || n > 0) {
						t.Errorf("read %d took %s", n, took)
					}
					if got := len(f.fake.Requests()) - before; n > 0 && got > 48 {
						t.Errorf("read %d made %d requests", n, got)
					}
					time.Sleep(10 * time.Minute)
				}
			})
		})
	}
}

// of changes only the answers that bear a child's mark.
func (f *family) of(child int, change func(*faketest.Answer)) func(*faketest.Answer) {
	mark := []byte(strconv.Itoa(infomentortest.IM2ID(f.world.Children()[child])))
	return func(a *faketest.Answer) {
		if bytes.Contains(a.Body, mark) {
			change(a)
		}
	}
}

// unlisted leaves a module out of the home page.
func unlisted(a *faketest.Answer) {
	a.Body = bytes.ReplaceAll(a.Body, []byte(`"codeName":"communication"`), []byte(`"codeName":"other"`))
}

// That a child's answers bear no mark is asked again after a week.
func TestMarkAppears(t *testing.T) {
	bubble(t, infomentortest.Options{Idle: 1000 * time.Hour, Life: 1000 * time.Hour, NoRestart: true}, nil, func(f *family) {
		s := f.login()
		f.fake.Inject(faketest.Fault{Path: "communication/communication/appdata", Change: faketest.Set("pupilIM2Id", 2900000)})
		f.fake.Inject(faketest.Fault{Path: "getnotifications", Change: faketest.Set("pupilIM2Id", 0)})
		asked := func() int {
			before := f.fake.Count("communication/communication/appdata")
			_, _ = f.fetch(s, f.plan(school.PartTasks))
			return f.fake.Count("communication/communication/appdata") - before
		}
		for range 2 {
			asked() // what does not follow the selection is found out
		}
		if n := asked(); n > 0 {
			t.Errorf("a mark that tells nothing was asked for %d times", n)
		}
		f.fake.Heal()
		time.Sleep(8 * 24 * time.Hour)
		if asked() == 0 || !strings.Contains(string(s.Memory()), `"marks":{"`) {
			t.Error("the marks are not known after a week")
		}
	})
}
