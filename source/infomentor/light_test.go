package infomentor_test

import (
	"slices"
	"testing"
	"time"

	"syncd/source/infomentor/infomentortest"
	"syncd/source/school"
)

// Reading the notifications alone costs few requests, whichever way the
// platform answers, and brings each child its own.
func TestNoticesAreCheap(t *testing.T) {
	for name, c := range map[string]struct {
		o    infomentortest.Options
		most int
	}{
		"about all":             {infomentortest.Options{AllNotices: true}, 2},
		"about the selected":    {infomentortest.Options{}, 2 + 2*2 + 1},
		"500 although it did":   {infomentortest.Options{SwitchFails: true}, 2 + 2*2 + 1},
		"late after the switch": {infomentortest.Options{Lies: 1}, 40},
		"nobody is selected":    {infomentortest.Options{Stuck: true}, 40},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, nil, func(f *family) {
				s := f.login()
				f.read(s, f.plan())
				f.fake.Change(func(o *infomentortest.Options) {
					o.AllNotices, o.SwitchFails, o.Lies, o.Stuck = c.o.AllNotices, c.o.SwitchFails, c.o.Lies, c.o.Stuck
				})
				time.Sleep(25 * time.Minute)
				whose := owners(f.world)
				before := len(f.fake.Requests())
				k, err := f.fetch(s, f.plan(school.PartNotices))
				if got := len(f.fake.Requests()) - before; got > c.most {
					t.Errorf("%d requests, want at most %d", got, c.most)
				}
				notices := 0
				for _, snap := range k.snapshots {
					notices += len(snap.Notices)
					if n := strangers(snap, whose); n > 0 {
						t.Errorf("%d notices under the wrong child", n)
					}
				}
				if c.most < 40 && (err != nil || notices == 0 || len(k.snapshots) != 3) {
					t.Errorf("%d notices of %d children, Fetch = %v", notices, len(k.snapshots), err)
				}
				if !c.o.Stuck && f.fake.Selected() != f.world.Children()[0].Key {
					t.Error("the parent's own selection was not put back")
				}
			})
		})
	}
}

// A notification says once what is new: of news, of the calendar, of tasks, of
// meetings; one of a kind that nobody knows may be about any of them; what is
// not read announces nothing.
func TestNoticesAnnounce(t *testing.T) {
	bubble(t, infomentortest.Options{AllNotices: true}, nil, func(f *family) {
		s, c := f.login(), f.world.Children()[1]
		if k := f.read(s, f.plan()); slices.ContainsFunc(k.order, func(r school.Ref) bool { return len(k.snapshots[r].Announced) > 0 }) {
			t.Error("the first read announces something")
		}
		for _, tc := range []struct {
			sender string
			want   []school.Part
		}{
			{"", nil}, // nothing was sent
			{"Nyhet", []school.Part{school.PartNews}},
			{"CalendarV2", []school.Part{school.PartCalendar}},
			{"Assignment", []school.Part{school.PartTasks, school.PartCalendar}},
			{"ParentMeeting", []school.Part{school.PartSchedule}},
			{"Attendance", nil},
			{"Okänd", []school.Part{school.PartTasks, school.PartCalendar, school.PartSchedule, school.PartNews}},
		} {
			time.Sleep(25 * time.Minute)
			if tc.sender != "" {
				f.world.AddNotice(c.Key, school.Notice{Title: "Nytt", Text: "Nytt", Sender: tc.sender, Sent: f.clock()})
				f.world.AddNotice(c.Key, school.Notice{Title: "Nytt", Text: "Ännu", Sender: tc.sender, Sent: f.clock()})
			}
			for _, want := range [][]school.Part{tc.want, nil} { // and it is said once only
				s = stored(s)
				k := f.read(s, f.plan(school.PartNotices))
				if got := k.snapshots[f.ref(1)].Announced; !slices.Equal(got, want) {
					t.Errorf("notices of %q announce %v, want %v", tc.sender, got, want)
				}
				if got := k.snapshots[f.ref(0)].Announced; len(got) > 0 {
					t.Errorf("a sibling's notice announces %v", got)
				}
			}
		}
	})
}
