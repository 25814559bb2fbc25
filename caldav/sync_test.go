package caldav_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

func syncBody(token, more string) string {
	return `<sync-collection xmlns="DAV:"><sync-token>` + token + `</sync-token><sync-level>1</sync-level>` + more +
		`<prop><getetag/></prop></sync-collection>`
}

// replica is what a client keeps of one calendar.
type replica struct {
	token string
	etags map[string]string
}

func (c *replica) sync(t *testing.T, h http.Handler) (transferred int) {
	t.Helper()
	transferred, _ = c.page(t, h, "")
	return transferred
}

// page syncs once, asking for no more than limit says, and reports whether
// there is more.
func (c *replica) page(t *testing.T, h http.Handler, limit string) (transferred int, more bool) {
	t.Helper()
	ms := decode(t, do(t, h, "REPORT", events, syncBody(c.token, limit), "Depth: 1"))
	for _, r := range ms.Responses {
		if r.Href == events {
			if !strings.Contains(r.Status, " 507 ") {
				t.Errorf("the calendar has status %q, want 507", r.Status)
			}
			more = true
			continue
		}
		name := strings.TrimPrefix(r.Href, events)
		if r.Status == missing {
			delete(c.etags, name)
			continue
		}
		c.etags[name] = r.Propstats[0].Prop.Any[0].Text
	}
	c.token = ms.Token
	if more {
		return len(ms.Responses) - 1, true
	}
	return len(ms.Responses), false
}

// TestSyncInPieces has clients take a calendar in pieces while it changes:
// what they hold at the end is exactly what is there.
func TestSyncInPieces(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 2))
		m := newMemory()
		entries := map[string]school.Entry{}
		change := func(n int) {
			for range n {
				name := fmt.Sprintf("e-%02d", random.IntN(30))
				if random.IntN(3) == 0 {
					delete(entries, name)
					continue
				}
				start := at(11, 1+random.IntN(28), random.IntN(24), 0)
				entries[name] = event(name, "x", start, start.Add(time.Hour))
			}
			m.put("1-events", build(t, icalendar.Info{Name: "x"}, slices.Collect(maps.Values(entries))...))
		}
		change(40)
		h := server(t, m, nil)
		c := &replica{etags: map[string]string{}}
		for range 4 {
			limit := 1 + random.IntN(9)
			for pages := 0; ; pages++ {
				n, more := c.page(t, h, fmt.Sprintf("<limit><nresults>%d</nresults></limit>", limit))
				if n > limit || more && n != limit {
					t.Fatalf("seed %d: %d members, more %v, want at most %d", seed, n, more, limit)
				}
				if !more {
					break
				}
				if random.IntN(4) == 0 && pages < 6 {
					change(3)
				}
			}
			col, err := m.Collection(t.Context(), link, "1-events")
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for _, o := range col.Objects {
				want[o.Name] = `"` + o.ETag + `"`
			}
			if diff := cmp.Diff(want, c.etags); diff != "" {
				t.Fatalf("seed %d (-server +client):\n%s", seed, diff)
			}
			change(5)
		}
	}
}

// TestSyncHomeInPieces takes a home calendar by calendar.
func TestSyncHomeInPieces(t *testing.T) {
	t.Parallel()
	m := family(t)
	h := server(t, m, nil)
	const home = "/dav/l1/calendars/"
	token := ""
	var got []string
	for range 10 {
		ms := decode(t, do(t, h, "REPORT", home, syncBody(token, "<limit><nresults>1</nresults></limit>")))
		token = ms.Token
		for _, r := range ms.Responses {
			got = append(got, strings.TrimPrefix(r.Href, home)+r.Status)
		}
		if len(got) == 4 {
			m.put("1-events", build(t, icalendar.Info{Name: "x"}))
			m.drop("1-homework")
		}
	}
	const more = "HTTP/1.1 507 Insufficient Storage"
	want := []string{"1-events/", more, "1-homework/", more, "1-events/", more, "2-events/", more, "1-homework/" + missing}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// TestSyncHomeConverges has calendars come, go, change and be named anew at
// random while clients sync the home, whole and in pieces: each ends with what
// is there, and misses none that went.
func TestSyncHomeConverges(t *testing.T) {
	t.Parallel()
	const home = "/dav/l1/calendars/"
	const ask = `<prop><displayname/><sync-token/></prop>`
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 3))
		m := newMemory()
		h := server(t, m, nil)
		clients := []*replica{{etags: map[string]string{}}, {etags: map[string]string{}}}
		for step := range 80 {
			slug := fmt.Sprintf("%d-events", random.IntN(6))
			switch random.IntN(5) {
			case 0:
				m.drop(slug)
				continue
			case 1, 2:
				start := at(11, 1+random.IntN(28), 8, 0)
				m.put(slug, build(t, icalendar.Info{Name: fmt.Sprint("Namn ", random.IntN(3))}, event("e", fmt.Sprint(step), start, start.Add(time.Hour))))
				continue
			}
			c := clients[random.IntN(len(clients))]
			limit := ""
			if n := random.IntN(4); n > 0 {
				limit = fmt.Sprintf("<limit><nresults>%d</nresults></limit>", n)
			}
			for more := true; more; {
				more = false
				body := strings.Replace(syncBody(c.token, limit), "<prop><getetag/></prop>", ask, 1)
				ms := decode(t, do(t, h, "REPORT", home, body))
				for _, r := range ms.Responses {
					switch {
					case r.Href == home:
						more = true
					case r.Status == missing:
						delete(c.etags, r.Href)
					default:
						c.etags[r.Href] = r.Propstats[0].Prop.Any[0].Text + " " + r.Propstats[0].Prop.Any[1].Text
					}
				}
				c.token = ms.Token
			}
			there, err := m.Home(t.Context(), link)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for _, col := range there.Collections {
				want[home+col.Slug+"/"] = col.Name + " " + col.Token
			}
			if diff := cmp.Diff(want, c.etags); diff != "" {
				t.Fatalf("seed %d step %d (-server +client):\n%s", seed, step, diff)
			}
		}
	}
}

// TestSyncConverges runs random changes and syncs of several clients against
// each other: after a sync a client has exactly the server's state.
func TestSyncConverges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		m := newMemory()
		entries := map[string]school.Entry{}
		put := func() {
			m.put("1-events", build(t, icalendar.Info{Name: "x"}, slices.Collect(maps.Values(entries))...))
		}
		put()
		h := server(t, m, nil)
		clients := []*replica{{etags: map[string]string{}}, {etags: map[string]string{}}, {etags: map[string]string{}}}
		for step := range 60 {
			name := fmt.Sprintf("e-%d", random.IntN(8))
			switch random.IntN(5) {
			case 0:
				delete(entries, name)
				put()
			case 1, 2:
				start := at(11, 1+random.IntN(28), 8, 0)
				entries[name] = event(name, fmt.Sprintf("title %d", step), start, start.Add(time.Hour))
				put()
			default:
				c := clients[random.IntN(len(clients))]
				c.sync(t, h)
				want := map[string]string{}
				col, err := m.Collection(t.Context(), link, "1-events")
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range col.Objects {
					want[o.Name] = `"` + o.ETag + `"`
				}
				if diff := cmp.Diff(want, c.etags); diff != "" {
					t.Fatalf("seed %d step %d (-server +client):\n%s", seed, step, diff)
				}
				if n := c.sync(t, h); n != 0 {
					t.Fatalf("seed %d step %d: %d responses though nothing changed", seed, step, n)
				}
			}
		}
	}
}

// partToken writes the token of a client that has some of the objects in one
// state and some in another.
func partToken(fields ...string) string {
	return "urn:syncd:part:" + base64.RawURLEncoding.EncodeToString([]byte(strings.Join(fields, "\n")))
}

func TestSyncRefusals(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	const own = "urn:syncd:sync:g1:1-events-1"
	home := "/dav/l1/calendars/"
	tests := []struct {
		name, path, body, depth string
		want                    int
		condition               string
	}{
		{"unchanged", events, syncBody(own, ""), "", 207, ""},
		{"depth 0", events, syncBody(own, ""), "0", 207, ""},
		{"depth infinity", events, syncBody(own, ""), "infinity", 400, ""},
		{"without a token element", events, `<sync-collection xmlns="DAV:"><prop/></sync-collection>`, "", 207, ""},
		{"level infinite", events, strings.Replace(syncBody("", ""), ">1<", ">infinite<", 1), "", 207, ""},
		{"level 2", events, strings.Replace(syncBody("", ""), ">1<", ">2<", 1), "", 400, ""},
		{"another calendar's token", events, syncBody("urn:syncd:sync:g1:2-events-1", ""), "", 403, "valid-sync-token"},
		{"another generation", events, syncBody("urn:syncd:sync:g2:1-events-1", ""), "", 403, "valid-sync-token"},
		{"the future", events, syncBody("urn:syncd:sync:g1:1-events-99", ""), "", 403, "valid-sync-token"},
		{"rubbish", events, syncBody("&lt;\u2028", ""), "", 403, "valid-sync-token"},
		{"room for all", events, syncBody("", "<limit><nresults>4</nresults></limit>"), "", 207, ""},
		{"no room at all", events, syncBody("", "<limit><nresults>0</nresults></limit>"), "", 400, ""},
		{"a part of nothing", events, syncBody("urn:syncd:part:", ""), "", 403, "valid-sync-token"},
		{"a part in another writing", events, syncBody("urn:syncd:part:%%", ""), "", 403, "valid-sync-token"},
		{"a part of another calendar", events, syncBody(partToken("urn:syncd:sync:g1:2-events-1", "e.ics", "", ""), ""), "", 403, "valid-sync-token"},
		{"a part of the future", events, syncBody(partToken(own, "e.ics", "urn:syncd:sync:g1:1-events-2", ""), ""), "", 403, "valid-sync-token"},
		{"a part without end", events, syncBody(partToken(own, "e.ics", own, "f.ics"), ""), "", 403, "valid-sync-token"},
		{"parts out of order", events, syncBody(partToken(own, "f.ics", "", "e.ics", own, ""), ""), "", 403, "valid-sync-token"},
		{"a part in a part", events, syncBody(partToken(partToken(own, ""), ""), ""), "", 403, "valid-sync-token"},
		{"too many parts", events, syncBody(partToken(strings.Split(strings.Repeat("|", 40), "|")...), ""), "", 403, "valid-sync-token"},
		{"a part", events, syncBody(partToken(own, "e-june.ics", "", ""), ""), "", 207, ""},
		{"negative room", events, syncBody("", "<limit><nresults>-3</nresults></limit>"), "", 400, ""},
		{"expanded", events, strings.Replace(syncBody("", ""), "<getetag/>", `<c:calendar-data xmlns:c="urn:ietf:params:xml:ns:caldav"><c:expand start="20261101T000000Z" end="20261201T000000Z"/></c:calendar-data>`, 1), "", 403, "supported-calendar-data xmlns=\"urn:ietf:params:xml:ns:caldav\""},
		{"home", home, syncBody("", ""), "1", 207, ""},
		{"home with a calendar's token", home, syncBody(own, ""), "1", 403, "valid-sync-token"},
		{"home with another link's token", home, syncBody("urn:syncd:home:0000000000000000:", ""), "1", 403, "valid-sync-token"},
		{"home, infinite", home, strings.Replace(syncBody("", ""), ">1<", ">infinite<", 1), "1", 403, "sync-traversal-supported"},
		{"home, bad level", home, strings.Replace(syncBody("", ""), ">1<", "><", 1), "1", 400, ""},
	}
	for _, tc := range tests {
		w := do(t, h, "REPORT", tc.path, tc.body, "Depth: "+tc.depth)
		if w.Code != tc.want || tc.condition != "" && !strings.Contains(w.Body.String(), `<error xmlns="DAV:"><`+tc.condition+`/></error>`) {
			t.Errorf("%s = %d %s, want %d %s", tc.name, w.Code, w.Body, tc.want, tc.condition)
		}
	}
}

// TestSyncHome follows a home through changes of content, of properties, and
// of calendars that come and go.
func TestSyncHome(t *testing.T) {
	t.Parallel()
	m := family(t)
	h := server(t, m, nil)
	const home = "/dav/l1/calendars/"
	sync := func(token string) ([]string, string) {
		ms := decode(t, do(t, h, "REPORT", home, syncBody(token, ""), "Depth: 1"))
		var out []string
		for _, r := range ms.Responses {
			s := strings.TrimSuffix(strings.TrimPrefix(r.Href, home), "/")
			if r.Status == missing {
				s = "-" + s
			}
			out = append(out, s)
		}
		return out, ms.Token
	}
	check := func(what, token string, want ...string) string {
		t.Helper()
		got, next := sync(token)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		return next
	}
	first := check("first", "", "1-events", "1-homework", "2-events")
	check("nothing", first)
	m.put("2-events", build(t, icalendar.Info{Name: "Alva: skolan", Color: "#2CA02C", Order: 3}, event("e", "x", at(11, 1, 8, 0), at(11, 1, 9, 0))))
	second := check("content", first, "2-events")
	m.put("Nytt & gott", build(t, icalendar.Info{Name: "x"}))
	m.drop("1-homework")
	third := check("one came, one went", second, "Nytt%20%26%20gott", "-1-homework")
	check("all at once", first, "2-events", "Nytt%20%26%20gott", "-1-homework")
	check("nothing again", third)
	for _, slug := range []string{"1-events", "2-events", "Nytt & gott"} {
		m.drop(slug)
	}
	last := check("all gone", third, "-1-events", "-2-events", "-Nytt%20%26%20gott")
	check("still nothing", last)
	// The CTag is the same string.
	body := `<propfind xmlns="DAV:"><prop><sync-token/><c:getctag xmlns:c="http://calendarserver.org/ns/"/></prop></propfind>`
	for _, p := range decode(t, do(t, h, "PROPFIND", home, body)).Responses[0].Propstats[0].Prop.Any {
		if p.Text != last {
			t.Errorf("%s = %q, want %q", p.XMLName.Local, p.Text, last)
		}
	}
}
