package skolplattformen_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source"
	"syncd/source/school"
	"syncd/source/school/schooltest"
	"syncd/source/skolplattformen"
	"syncd/source/skolplattformen/skolplattformentest"
)

// nasty is in every text field at once.
func nasty() string {
	return "\x00\x1b[31m\r\nBEGIN:VEVENT\r\n\u2028\u2029\u202e\u200f" + strings.Repeat("ö", 10<<10) + "\uFEFF�<script>&lt;&amp;#58;\"'%00../"
}

// Whatever people and platforms write into text fields comes out as it was:
// cleaning it is the work of another.
func TestNastyTexts(t *testing.T) {
	t.Parallel()
	atHome(t, func(now time.Time) *schooltest.World {
		w := schooltest.Family(now)
		w.EditSchool(w.Children()[0].School, func(s *schooltest.School) {
			for i := range s.Calendar {
				s.Calendar[i].Title = nasty() + fmt.Sprint(i)
				s.Calendar[i].Place, s.Calendar[i].Body = nasty(), nasty()
			}
		})
		w.EditChild(w.Children()[0].Key, func(c *schooltest.Child) {
			for i := range c.Letters {
				n := &c.Letters[i]
				n.Title, n.HTML, n.Author, n.Source = nasty(), nasty(), nasty(), nasty()
			}
			for i := range c.Notices {
				c.Notices[i].Title, c.Notices[i].Text, c.Notices[i].URL = "x"+nasty(), nasty(), "javascript:alert(1)"
			}
		})
		return w
	}, func(f *family) {
		t := f.t
		first := f.world.Children()[0]
		s, ok := f.mustFetch().of(first.Key)
		if !ok {
			t.Fatal("the child was not handed on")
		}
		want := expect(f.world, first, f.plan())
		for i := range want.Notices {
			want.Notices[i].URL = ""
			want.Notices[i].Title = strings.TrimSpace(want.Notices[i].Title)
		}
		if len(s.Calendar) != len(want.Calendar) || s.Calendar[0].Title != want.Calendar[0].Title || s.Calendar[0].Body != nasty() {
			t.Errorf("calendar came out changed: %d events, want %d", len(s.Calendar), len(want.Calendar))
		}
		if s.News[0].HTML != nasty() || s.News[0].Title != nasty() {
			t.Error("letters came out changed")
		}
		for i, n := range s.Notices {
			if d := cmp.Diff(want.Notices[i], n); d != "" {
				t.Errorf("notice (-want +got):\n%s", d)
			}
		}
	})
}

// Keys with anything in them reach the platform as they came from it.
func TestOddKeys(t *testing.T) {
	t.Parallel()
	atHome(t, func(now time.Time) *schooltest.World {
		w := withoutPreschool(now)
		c := w.Children()[0]
		w.RemoveChild(c.Key)
		s := w.SchoolOf(c)
		c.Key, c.SecondKey = "../../%2e%2e/?childId=x&y#z\\å", "a/../b%00;c d+e"
		c.Letters[0].Ref, c.Letters[1].Ref = "../news?newsItemId=1&x", "%2f..%5c å"
		c.Letters[1].Images = []school.Media{{Ref: "a b%/c&url=d.jpeg", Type: "image/jpeg", Data: []byte("\xff\xd8\xff\xe0rest")}}
		w.AddChild(c, s)
		return w
	}, func(f *family) {
		t := f.t
		k := f.mustFetch()
		s, ok := k.of("../../%2e%2e/?childId=x&y#z\\å")
		if !ok || len(s.Covered) != 5 || len(s.Notices) == 0 {
			t.Errorf("child with odd keys: %d parts, %d notices", len(s.Covered), len(s.Notices))
		}
		images := 0
		for _, n := range s.News {
			images += len(n.Images)
		}
		if images != 1 {
			t.Errorf("%d pictures under odd names, want 1", images)
		}
		if got := f.fake.Offences(); len(got) > 0 {
			t.Errorf("offences: %q", got)
		}
	})
}

// Children of whom nobody knows whether they are at a preschool are selected
// like those who are, and read.
func TestUnknownStatus(t *testing.T) {
	t.Parallel()
	for _, status := range []any{"X", "F", "", nil} {
		atHome(t, withoutPreschool, func(f *family) {
			f.fake.Inject(skolplattformentest.Fault{Path: "GetChildren", Change: skolplattformentest.Set("Status", status)})
			if k := f.mustFetch(); len(k.snapshots) != 2 || f.fake.Count("SelectChild") != 2 {
				f.t.Errorf("status %v: %d children read, %d selected; want 2", status, len(k.snapshots), f.fake.Count("SelectChild"))
			}
		})
	}
}

// A calendar that is cut off by the row limit covers nothing that it does not
// show.
func TestRowLimit(t *testing.T) {
	t.Parallel()
	atHome(t, func(now time.Time) *schooltest.World {
		w := schooltest.Family(now)
		c := w.Children()[0]
		day := school.DateOf(now)
		for i := range 40 {
			w.AddEvent(c.School, school.Event{Item: school.Item{Title: fmt.Sprintf("Extradag %d", i), Span: school.AllDay(day.AddDays(i), day.AddDays(i))}})
		}
		return w
	}, func(f *family) {
		t := f.t
		first := f.world.Children()[0]
		s, _ := f.mustFetch().of(first.Key)
		c, ok := s.Covers(school.PartCalendar)
		all := f.world.SchoolOf(first).Calendar
		if len(s.Calendar) != skolplattformen.RowLimit || len(all) <= len(s.Calendar) {
			t.Fatalf("%d of %d rows were shown", len(s.Calendar), len(all))
		}
		for _, e := range all[skolplattformen.RowLimit:] {
			if ok && c.Window.Overlaps(e.Span, school.Stockholm()) {
				t.Error("an event that was cut off is covered")
			}
		}
	})
}

// Years of bookings are asked for a year at a time, and nothing is lost or
// doubled at the seams.
func TestYearsOfBookings(t *testing.T) {
	t.Parallel()
	atHome(t, func(now time.Time) *schooltest.World {
		w := schooltest.Family(now)
		w.Scale(3000)
		day := school.DateOf(now).AddDays(-370)
		children := w.Children()
		w.AddBooking(children[3].Key, school.Event{Item: school.Item{Title: "Över sömmen", Span: school.AllDay(day.AddDays(300), day.AddDays(400))}})
		return w
	}, func(f *family) {
		t := f.t
		plan := f.plan()
		plan.Window.From = school.DateOf(f.clock()).AddDays(-370)
		k, err := f.fetchPlan(plan)
		if err != nil {
			t.Fatal(err)
		}
		c := f.world.Children()[3]
		s, ok := k.of(c.Key)
		seen := map[string]int{}
		for _, e := range s.Schedule {
			seen[e.Title]++
		}
		if !ok || len(s.Schedule) != 3001 || len(seen) != 3001 {
			t.Errorf("%d bookings, %d different; want 3001", len(s.Schedule), len(seen))
		}
	})
}

// More new letters than are read at once come in several reads, newest first,
// and coverage waits for the last.
func TestManyLetters(t *testing.T) {
	t.Parallel()
	const many = skolplattformen.MaxNewLetters + 25
	atHome(t, func(now time.Time) *schooltest.World {
		w := schooltest.Family(now)
		w.EditChild(w.Children()[2].Key, func(c *schooltest.Child) { c.Letters = nil })
		key := w.Children()[2].Key
		for i := range many {
			w.AddLetter(key, school.NewsItem{Title: fmt.Sprintf("Brev %d", i), HTML: "<p>x</p>", Published: now.AddDate(0, 0, -i)})
		}
		return w
	}, func(f *family) {
		t := f.t
		key := f.world.Children()[2].Key
		plan := f.plan()
		plan.KnownNews = map[school.Ref]time.Time{}
		for _, want := range []struct {
			fresh, unchanged int
			complete         bool
		}{{skolplattformen.MaxNewLetters, 0, false}, {25, skolplattformen.MaxNewLetters, true}, {0, many, true}} {
			k, err := f.fetchPlan(plan)
			if err != nil {
				t.Fatal(err)
			}
			s, _ := k.of(key)
			c, _ := s.Covers(school.PartNews)
			if len(s.News) != want.fresh || len(s.Unchanged) != want.unchanged || c.Since.IsZero() == want.complete {
				t.Errorf("%d letters read, %d unchanged, since %v; want %+v", len(s.News), len(s.Unchanged), c.Since, want)
			}
			for i, n := range s.News {
				plan.KnownNews[n.Ref] = n.Modified
				if i > 0 && n.Modified.After(s.News[i-1].Modified) {
					t.Error("letters are not in the order of their changes")
				}
			}
		}
	})
}

func TestPictures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change   func(*skolplattformentest.Answer)
		pictures int
		want     error
		absent   school.Absence
	}{
		"as it is":        {func(*skolplattformentest.Answer) {}, 1, nil, ""},
		"not found":       {skolplattformentest.Status(404), 0, nil, ""},
		"a page":          {skolplattformentest.HTML(), 0, nil, school.AbsentUnread},
		"empty":           {skolplattformentest.Empty(), 0, nil, school.AbsentUnread},
		"too large":       {skolplattformentest.Huge(100 << 20), 0, nil, school.AbsentSize},
		"SVG":             {skolplattformentest.Body("image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`), 0, nil, school.AbsentUnread},
		"called HTML":     {func(a *skolplattformentest.Answer) { a.Header.Set("Content-Type", "text/html") }, 1, nil, ""},
		"not now":         {skolplattformentest.Status(502), 0, source.ErrUnavailable, ""},
		"sign-in instead": {skolplattformentest.Status(302, "Location", "https://login001.stockholm.se/x"), 0, source.ErrSessionExpired, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atHome(t, withoutPreschool, func(f *family) {
				t := f.t
				f.spoil("NewsBanner", tc.change)
				k, err := f.fetch()
				pictures, letters, absent := 0, 0, school.AbsentNot
				for _, s := range k.snapshots {
					for _, n := range s.News {
						letters++
						for _, m := range n.Images {
							if absent = m.Absent; absent != school.AbsentNot {
								if m.Data != nil || m.Name == "" || m.Ref == "" {
									t.Errorf("an absent picture of %d bytes, or without a name", len(m.Data))
								}
								continue
							}
							pictures++
							if m.Type != "image/jpeg" || !strings.HasPrefix(m.Alt, "Barn vid ") || m.Name == "" || len(m.Data) < 500 {
								t.Errorf("picture is a %s of %d bytes", m.Type, len(m.Data))
							}
						}
					}
				}
				if !errors.Is(err, tc.want) || pictures != tc.pictures || absent != tc.absent {
					t.Errorf("Fetch = %v with %d pictures, absent %q; want %v, %d, %q", err, pictures, absent, tc.want, tc.pictures, tc.absent)
				}
				if tc.want == nil && letters != 9 {
					t.Errorf("%d letters, want 9", letters)
				}
			})
		})
	}
}

// The list's dates in every form that the platform was seen to use.
func TestLetterDates(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		published, human any
		want             string
	}{
		"ticks":            {"/Date(1763130000000)/", "1 maj 2025", "2025-11-14T15:20"},
		"human only":       {nil, "14 november 2025 15:20", "2025-11-14T15:20"},
		"human day only":   {"", "14 november 2025", "2025-11-14T00:00"},
		"ISO":              {"2025-11-14T15:20:00", nil, "2025-11-14T15:20"},
		"unreadable":       {"fredag", "14 foo 2025", ""},
		"of another type":  {17, "14 november 2025", ""},
		"none":             {nil, nil, ""},
		"before anything":  {"/Date(-62135596800000)/", "", ""},
		"after everything": {"/Date(253402300799000)/", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atHome(t, withoutPreschool, func(f *family) {
				t := f.t
				f.spoil("GetNewsArchive", skolplattformentest.Set("PublicationDate", tc.published))
				f.spoil("GetNewsArchive", skolplattformentest.Set("PubDateSE", tc.human))
				f.spoil("GetNewsArchive", skolplattformentest.Set("ModifiedDate", nil))
				for _, s := range f.mustFetch().snapshots {
					_, covered := s.Covers(school.PartNews)
					if tc.want == "" && (len(s.News) > 0 || s.Skipped[school.PartNews] == 0) {
						t.Errorf("%d letters without a date, %d skipped", len(s.News), s.Skipped[school.PartNews])
					}
					for _, n := range s.News {
						if got := n.Published.Format("2006-01-02T15:04"); got != tc.want || !n.Modified.Equal(n.Published) || !covered {
							t.Errorf("published %s, want %s", got, tc.want)
						}
					}
				}
			})
		})
	}
}

// Once more over real sockets: resets, cut-off bodies and compression as
// net/http sees them.
func TestOverSockets(t *testing.T) {
	t.Parallel()
	clock := now
	w := schooltest.Family(now())
	server := skolplattformentest.New(w, skolplattformentest.Options{Now: clock})
	ts := httptest.NewTLSServer(server)
	defer ts.Close()
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, ts.Listener.Addr().String())
		},
	}
	defer transport.CloseIdleConnections()
	src, err := skolplattformen.New(source.Config{Transport: transport, Now: clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := standingSession(t, src, server)
	today := school.DateOf(clock())
	plan := school.Plan{Now: clock(), Window: school.Window{From: today.AddDays(-30), To: today.AddDays(300)}}
	for name, tc := range map[string]struct {
		change func(*skolplattformentest.Answer)
		want   error
	}{
		"as it is":     {func(*skolplattformentest.Answer) {}, nil},
		"gzip":         {skolplattformentest.Gzip(), nil},
		"gzip bomb":    {skolplattformentest.Bomb(20 << 20), source.ErrNotUnderstood},
		"huge":         {skolplattformentest.Huge(40 << 20), source.ErrNotUnderstood},
		"cut off":      {skolplattformentest.CutOff(), source.ErrUnavailable},
		"closed early": {skolplattformentest.Break(), source.ErrUnavailable},
	} {
		server.Heal()
		server.Inject(skolplattformentest.Fault{Path: "GetSchema", Change: tc.change})
		k := &kept{}
		if err := src.Fetch(t.Context(), s, plan, k); !errors.Is(err, tc.want) || len(k.snapshots) != 3 {
			t.Errorf("%s: Fetch = %v with %d children, want %v and 3", name, err, len(k.snapshots), tc.want)
		}
	}
	if got := server.Offences(); len(got) > 0 {
		t.Errorf("offences %q", got)
	}
}

func BenchmarkFetch(b *testing.B) {
	clock := now
	w := schooltest.Family(now())
	w.Scale(5000)
	server := skolplattformentest.New(w, skolplattformentest.Options{Now: clock})
	src, err := skolplattformen.New(source.Config{Transport: server, Now: clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	s := standingSession(b, src, server)
	today := school.DateOf(clock())
	plan := school.Plan{Now: clock(), Window: school.Window{From: today.AddDays(-370), To: today.AddDays(370)}}
	b.ReportAllocs()
	for b.Loop() {
		k := &kept{}
		if err := src.Fetch(b.Context(), s, plan, k); err != nil || len(k.snapshots) != 4 {
			b.Fatalf("Fetch = %v", err)
		}
	}
}

// standingSession signs in by Freja, which asks for no time to pass.
func standingSession(tb testing.TB, src source.Source, f *skolplattformentest.Server) *source.Session {
	tb.Helper()
	auth, ok := src.(source.Authenticator)
	if !ok {
		tb.Fatal("source has no login")
	}
	l, err := auth.Begin(tb.Context(), source.Freja, source.Answers{"personal-number": schooltest.FirstGuardian})
	if err != nil {
		tb.Fatal(err)
	}
	if err := f.SSO().Phone().ApproveFreja(schooltest.FirstGuardian); err != nil {
		tb.Fatal(err)
	}
	for range 5 {
		p, err := l.Poll(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		if p.State == source.LoginDone {
			return source.NewSession(p.Session, nil)
		}
	}
	tb.Fatal("login came to no end")
	return nil
}
