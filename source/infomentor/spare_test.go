package infomentor_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/infomentor/infomentortest"
	"syncd/source/internal/faketest"
	"syncd/source/school"
)

func withAddress() map[string]string {
	return map[string]string{infomentor.SettingCalendarAddress: "yes"}
}

func (f *family) sparer() source.Sparer {
	f.t.Helper()
	s, ok := f.src.(source.Sparer)
	if !ok {
		f.t.Fatal("source reads nothing without a session")
	}
	return s
}

// spared reads without a session, as after its end.
func (f *family) spared(spare []byte) (*sink, error) {
	f.t.Helper()
	f.fake.KillAll()
	k := &sink{}
	err := f.sparer().FetchSpare(f.t.Context(), spare, f.plan(), k)
	return k, err
}

// When the session is over, the calendar address brings what is new and what
// has moved, and nothing twice: what the Hub has shown is left as it is.
func TestCalendarWithoutASession(t *testing.T) {
	bubble(t, infomentortest.Options{}, withAddress(), func(f *family) {
		s := f.login()
		whole := f.read(s, f.plan())
		near := f.plan() // what a read of fewer days does not show is not forgotten
		near.Window = school.Window{From: near.Window.From.AddDays(25), To: near.Window.From.AddDays(40)}
		f.read(s, near)
		spare := f.sparer().Spare(stored(s))

		if k, err := f.spared(spare); err != nil || len(k.order) != 3 {
			t.Fatalf("%d children, FetchSpare = %v", len(k.order), err)
		} else {
			for _, snap := range k.snapshots {
				for _, e := range snap.Calendar {
					t.Errorf("shown twice: an entry of %d octets", len(e.Title))
				}
				if len(snap.Covered) > 0 {
					t.Error("something is covered, and could be deleted")
				}
			}
		}

		c := f.world.Children()[0]
		today := school.DateOf(f.clock())
		at := today.AddDays(9).At(18, 30, school.Stockholm())
		f.world.AddEvent(c.School, school.Event{Item: school.Item{Title: "Extra möte, sal B; OBS", Body: "<p>Hej &amp; välkomna</p>", Span: school.Timed(at, at.Add(time.Hour))}})
		single := once(f.world.SchoolOf(c).Calendar, f.plan().Window)
		moved := school.AllDay(today.AddDays(11), today.AddDays(12))
		f.world.MoveEvent(c.School, single.Ref, moved)
		k, err := f.spared(spare)
		if err != nil {
			t.Fatalf("FetchSpare = %v", err)
		}
		got := k.snapshots[f.ref(0)].Calendar
		if len(got) != 2 {
			t.Fatalf("%d entries, want the new one and the one that moved", len(got))
		}
		for _, e := range got {
			switch e.Title {
			case "Extra möte, sal B; OBS":
				if !strings.HasPrefix(string(e.Ref), "ics/") || !e.Span.Equal(school.Timed(at, at.Add(time.Hour))) || e.Body != "<p>Hej &amp; välkomna</p>" {
					t.Errorf("the new entry is %q %v %q", e.Ref, e.Span, e.Body)
				}
			case single.Title:
				known := slices.ContainsFunc(whole.snapshots[f.ref(0)].Calendar, func(o school.Event) bool { return o.Ref == e.Ref })
				if !known || !e.Span.Equal(moved) {
					t.Errorf("what moved is another entry, or at %v", e.Span)
				}
			default:
				t.Error("an entry that did not change")
			}
		}
		if got := f.fake.Offences(); len(got) > 0 {
			t.Errorf("offences: %q", got)
		}
	})
}

// once returns an event whose title no other has.
func once(list []school.Event, w school.Window) school.Event {
	for _, e := range list {
		same := func(o school.Event) bool { return o.Title == e.Title }
		if e.Ref != "" && w.Overlaps(e.Span, school.Stockholm()) && slices.IndexFunc(list, same) == len(list)-1-slices.IndexFunc(reversed(list), same) {
			return e
		}
	}
	return school.Event{}
}

func reversed(list []school.Event) []school.Event {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// Who did not ask for it has no spare, and what was kept is forgotten when it
// is switched off. A child that is not wanted is not read.
func TestSpareIsOptional(t *testing.T) {
	bubble(t, infomentortest.Options{}, withAddress(), func(f *family) {
		s := f.login()
		f.read(s, f.plan())
		spare := f.sparer().Spare(s)
		if len(spare) == 0 {
			t.Fatal("there is no spare")
		}
		plan := f.plan()
		plan.Unwanted = map[school.Ref][]school.Part{f.ref(1): school.Parts()}
		k := &sink{}
		if err := f.sparer().FetchSpare(f.t.Context(), spare, plan, k); err != nil || len(k.order) != 2 {
			t.Errorf("%d children were read, want 2: %v", len(k.order), err)
		}

		f.src = f.source(nil)
		if f.sparer().Spare(s) != nil {
			t.Error("an account that does not want it has a spare")
		}
		before := len(f.fake.Requests())
		if err := f.sparer().FetchSpare(f.t.Context(), spare, f.plan(), &sink{}); !errors.Is(err, source.ErrAbsent) {
			t.Errorf("FetchSpare = %v, want %v", err, source.ErrAbsent)
		}
		if n := len(f.fake.Requests()) - before; n != 0 {
			t.Errorf("%d requests of an account that does not want it", n)
		}
		f.read(s, f.plan("notices"))
		if got := infomentor.CalendarAddresses(s); len(got) != 0 {
			t.Errorf("%d addresses are kept", len(got))
		}
		for _, bad := range []string{"", "{}", "x", `{"v":1}`, `{"v":1,"children":[{"id":"1","address":"https://example.invalid/x"}]}`} {
			f.src = f.source(withAddress())
			if err := f.sparer().FetchSpare(f.t.Context(), []byte(bad), f.plan(), &sink{}); !errors.Is(err, source.ErrAbsent) {
				t.Errorf("FetchSpare of %q = %v, want %v", bad, err, source.ErrAbsent)
			}
		}
	})
}

// What the address may answer beside a calendar.
func TestCalendarAddressInTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*faketest.Answer)
		want   error
	}{
		"404":      {faketest.Status(http.StatusNotFound), source.ErrNotUnderstood},
		"401":      {faketest.Status(http.StatusUnauthorized), source.ErrNotUnderstood},
		"403":      {faketest.Status(http.StatusForbidden), source.ErrBlocked},
		"302":      {faketest.Status(http.StatusFound, "Location", "https://hub.infomentor.se/"), source.ErrNotUnderstood},
		"500":      {faketest.Status(http.StatusInternalServerError), source.ErrUnavailable},
		"page":     {faketest.HTML(), source.ErrNotUnderstood},
		"empty":    {faketest.Empty(), source.ErrNotUnderstood},
		"half":     {faketest.Truncate(), source.ErrNotUnderstood},
		"cut off":  {faketest.CutOff(), source.ErrUnavailable},
		"too much": {faketest.Huge(30<<20, "BEGIN:VCALENDAR\r\n", "END:VCALENDAR\r\n"), source.ErrNotUnderstood},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, infomentortest.Options{}, withAddress(), func(f *family) {
				s := f.login()
				f.read(s, f.plan())
				spare := f.sparer().Spare(s)
				f.fake.Inject(faketest.Fault{Path: infomentortest.SubscriptionURI(f.world.Children()[0])[30:], Change: c.change})
				k, err := f.spared(spare)
				if !errors.Is(err, c.want) {
					t.Errorf("FetchSpare = %v, want %v", err, c.want)
				}
				if err != nil && strings.Contains(err.Error(), "a1b2c3d4") {
					t.Error("the error holds the address")
				}
				if !errors.Is(c.want, source.ErrBlocked) && len(k.order) != 2 {
					t.Errorf("%d children were read, want the other two", len(k.order))
				}
			})
		})
	}
}
