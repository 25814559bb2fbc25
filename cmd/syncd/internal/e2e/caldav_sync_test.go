package e2e_test

import (
	"encoding/xml"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/cmd/syncd/internal/web"
	"syncd/source/school"
)

// syncAnswer is an answer to sync-collection as a client reads it.
type syncAnswer struct {
	Responses []struct {
		Href   string   `xml:"DAV: href"`
		Status string   `xml:"DAV: status"`
		ETags  []string `xml:"DAV: propstat>prop>getetag"`
	} `xml:"DAV: response"`
	Token string `xml:"DAV: sync-token"`
}

// replica is what a client keeps of one calendar: the ETag of each object, and
// the token that says as of when.
type replica struct {
	house *house
	link  web.CalDAVAddress
	path  string
	token string
	etags map[string]string
}

func (h *house) replica(slug string) *replica { return h.replicaOf(h.addresses, slug) }

// replicaOf is a client of another link than the house's own.
func (h *house) replicaOf(link web.Addresses, slug string) *replica {
	path := "/dav/" + link.CalDAV.User + "/calendars/" + slug + "/"
	return &replica{house: h, link: link.CalDAV, path: path, etags: map[string]string{}}
}

// dav sends a request with the app password of the replica's link.
func (c *replica) dav(method, body string) answer {
	c.house.t.Helper()
	return c.house.do(method, c.house.base+c.path, body, "Depth", "1", "Content-Type", "application/xml",
		"Authorization", basic(c.link.User, c.link.Password))
}

// sync brings the replica up to date, in pieces if limit is not 0. A token
// that is refused is reported and forgotten, as clients do, and a calendar that
// is not there has no members. It returns how many members were told of.
func (c *replica) sync(limit int) (told int, refused bool) {
	t := c.house.t
	t.Helper()
	limited := ""
	if limit > 0 {
		limited = fmt.Sprintf("<limit><nresults>%d</nresults></limit>", limit)
	}
	for range 1000 {
		body := `<sync-collection xmlns="DAV:"><sync-token>` + c.token + `</sync-token><sync-level>1</sync-level>` + limited + `<prop><getetag/></prop></sync-collection>`
		a := c.dav("REPORT", body)
		if a.status == http.StatusNotFound {
			told = len(c.etags)
			c.token, c.etags = "", map[string]string{}
			return told, false
		}
		if a.status == http.StatusForbidden && strings.Contains(a.body, "<valid-sync-token/>") && c.token != "" {
			c.token, c.etags, refused = "", map[string]string{}, true
			continue
		}
		if a.status != http.StatusMultiStatus {
			t.Fatalf("sync = %d %s", a.status, a.body)
		}
		var ms syncAnswer
		if err := xml.Unmarshal([]byte(a.body), &ms); err != nil {
			t.Fatal(err)
		}
		more := false
		for _, r := range ms.Responses {
			switch {
			case strings.Contains(r.Status, " 507 "):
				more = true
			case strings.Contains(r.Status, " 404 "):
				delete(c.etags, r.Href)
				told++
			default:
				c.etags[r.Href] = r.ETags[0]
				told++
			}
		}
		c.token = ms.Token
		if !more {
			return told, refused
		}
	}
	t.Fatal("a sync in pieces does not end")
	return 0, false
}

func (h *house) calendarPath(slug string) string {
	return "/dav/" + h.addresses.CalDAV.User + "/calendars/" + slug + "/"
}

// there lists what a calendar of the house's own link holds, without any token.
func (h *house) there(path string) map[string]string {
	h.t.Helper()
	return (&replica{house: h, link: h.addresses.CalDAV, path: path}).there()
}

// there lists what the calendar holds, without any token.
func (c *replica) there() map[string]string {
	t := c.house.t
	t.Helper()
	out := map[string]string{}
	a := c.dav("PROPFIND", `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`)
	if a.status == http.StatusNotFound {
		return out
	}
	for _, r := range parse(t, a.body).Responses {
		if r.Href != c.path {
			out[r.Href] = r.ETags[0]
		}
	}
	return out
}

// check compares the replica with what is there.
func (c *replica) check(when string) {
	c.house.t.Helper()
	if diff := cmp.Diff(c.there(), c.etags); diff != "" {
		c.house.t.Fatalf("%s: %s (-server +client):\n%s", when, c.path, diff)
	}
}

// subscribed checks that the calendar as an address holds nothing that the
// client does not have.
func (c *replica) subscribed(when string, link web.Addresses) {
	t := c.house.t
	t.Helper()
	for _, address := range link.Calendars {
		u, err := url.Parse(address.URL) // the port is that of the last start
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(u.Path, strings.TrimSuffix(path.Base(c.path), "/")+".ics") {
			continue
		}
		list := events(t, c.house.get(c.house.base+u.Path))
		for _, e := range list {
			name, _, _ := strings.Cut(e.uid, "@")
			if _, ok := c.etags[c.path+name+".ics"]; !ok && !strings.HasPrefix(name, "note-") {
				t.Fatalf("%s: an event is subscribed that the client of %s does not have", when, c.path)
			}
		}
		if len(list) == 0 && len(c.etags) > 0 {
			t.Fatalf("%s: nothing of %s is subscribed", when, c.path)
		}
		return
	}
	t.Fatalf("the link has no calendar for %s", c.path)
}

// mutate changes the world of the first child at random.
func (h *house) mutate(random *rand.Rand) {
	c := h.world.Children()[0]
	when := func() school.Span {
		start := now().Add(time.Duration(24+random.IntN(24*200)) * time.Hour)
		return school.Timed(start, start.Add(time.Hour))
	}
	calendar := h.world.SchoolOf(c).Calendar
	refs := []school.Ref{}
	for _, e := range calendar {
		if e.Ref != "" {
			refs = append(refs, e.Ref)
		}
	}
	switch n := random.IntN(4); {
	case n == 0 || len(refs) < 4:
		h.world.AddEvent(c.School, school.Event{Item: school.Item{Title: fmt.Sprintf("Prov %d", random.IntN(1000)), Span: when()}})
	case n == 1:
		h.world.RemoveEvent(c.School, refs[random.IntN(len(refs))])
	default:
		h.world.MoveEvent(c.School, refs[random.IntN(len(refs))], when())
	}
}

// merged makes a link with one calendar for everything, of some children or all.
func (h *house) merged(children ...school.ChildNumber) web.Addresses {
	h.t.Helper()
	link, err := h.app.AddLink(h.t.Context(), web.NewLink{Label: "Allt", Children: children, Options: school.Options{Merged: true}}, time.Time{})
	if err != nil {
		h.t.Fatal(err)
	}
	return link
}

// remembered holds what calendars held under each of their tokens.
type remembered map[string]map[string]string

// check fails when a calendar holds something else under a token that was
// given before.
func (r remembered) check(when string, c *replica) {
	t := c.house.t
	t.Helper()
	if c.token == "" {
		return
	}
	was, ok := r[c.path+c.token]
	if diff := cmp.Diff(was, c.etags); ok && diff != "" {
		t.Fatalf("%s: %s holds something else under the same token:\n%s", when, c.path, diff)
	}
	r[c.path+c.token] = maps.Clone(c.etags)
}

// TestSyncConverges has clients sync, whole and in pieces, while the school
// changes its calendar, guardians delete kinds and allow them again, and the
// program reads it, is stopped and started: after a sync a client holds exactly
// what the server has, no token is refused and nothing is told twice.
func TestSyncConverges(t *testing.T) {
	t.Parallel()
	h := open(t)
	random := rand.New(rand.NewPCG(1, 4))
	family, first := h.merged(), h.merged(1)
	clients := []*replica{
		h.replica("1-events"), h.replica("1-events"), h.replica("2-events"), h.replicaOf(family, "0-family"), h.replicaOf(first, "0-family"),
	}
	seen := remembered{}
	deleted := map[string]bool{}
	for step := range 90 {
		when := fmt.Sprintf("step %d", step)
		switch random.IntN(8) {
		case 0:
			h.mutate(random)
		case 1:
			h.mutate(random)
			h.clock.forward(time.Hour)
			h.read() // a mass disappearance may be held: the clients see what is held
		case 2:
			if step%5 == 0 {
				h.restart()
			}
		case 3:
			kinds := []school.Kind{school.KindEvents, school.KindMeals, school.KindCare}
			kind := string(kinds[random.IntN(len(kinds))])
			h.clock.forward(time.Minute)
			if deleted[kind] {
				h.command("delete", "allow", "kind", kind)
				h.read() // it is due, and must not come between a sync and a look
			} else {
				h.command("delete", "kind", kind)
			}
			deleted[kind] = !deleted[kind]
		default:
			c := clients[random.IntN(len(clients))]
			_, refused := c.sync(random.IntN(4) * 20)
			if refused {
				t.Errorf("%s: a token was refused", when)
			}
			c.check(when)
			seen.check(when, c)
			if again, _ := c.sync(0); again != 0 {
				t.Errorf("%s: %d members told of though nothing changed", when, again)
			}
		}
	}
	for _, c := range clients {
		c.sync(0)
		c.check("at the end")
		seen.check("at the end", c)
	}
	clients[3].subscribed("at the end", family)
	clients[4].subscribed("at the end", first)
}

// TestFamilySyncsWhatGuardiansChange deletes kinds, joins, splits and lets
// another platform lead, and has clients of the family's calendar and of
// children's sync after each, with the program started anew in between: they
// hold what the server has, the calendar as an address holds no more than they,
// and a token is refused only where a child of the calendar comes or goes.
func TestFamilySyncsWhatGuardiansChange(t *testing.T) {
	t.Parallel()
	h := open(t)
	entries, err := h.db.Entries(t.Context(), 1, school.KindEvents)
	if err != nil || len(entries) == 0 {
		t.Fatalf("no events: %v", err)
	}
	other := strconv.Itoa(int(h.elsewhere(entries[len(entries)-1])))
	links := []web.Addresses{h.merged(), h.merged(1)}
	clients := []*replica{
		h.replicaOf(links[0], "0-family"), h.replicaOf(links[1], "0-family"), h.replica("1-events"), h.replica(other + "-events"), h.replica("2-events"),
	}
	seen := remembered{}
	for _, step := range []struct {
		command   []string
		renumbers bool
	}{
		{nil, false},
		{[]string{"delete", "child", "1", "lessons"}, false},
		{[]string{"delete", "kind", "lessons"}, false},
		{[]string{"delete", "kind", "meals"}, false},
		{[]string{"child", "join", other, "1"}, true},
		{[]string{"child", "lead", "-fill", "1", "events", "skolplattformen"}, false},
		{[]string{"child", "lead", "1", "events", "elsewhere"}, false},
		{[]string{"delete", "child", "1", "homework"}, false},
		{[]string{"child", "split", "1", other}, true},
		{[]string{"delete", "kind", "events"}, false},
	} {
		when := strings.Join(step.command, " ")
		if step.command != nil {
			h.clock.forward(time.Minute)
			h.command(step.command...)
		}
		for i, c := range clients {
			before := c.token
			told, refused := c.sync(0)
			if told == 0 && (when == "delete kind events" || i < len(links) && when == "delete kind meals") {
				t.Errorf("%s: nobody heard of it", when)
			}
			if refused && (!step.renumbers || strings.HasSuffix(c.path, "2-events/")) {
				t.Errorf("%s: the token was refused", when)
			}
			c.check(when)
			seen.check(when, c)
			if i < len(links) {
				c.subscribed(when, links[i])
			}
			if told > 0 && c.token == before {
				t.Errorf("%s: the token is the same", when)
			}
		}
		h.restart()
		for i, c := range clients {
			if told, refused := c.sync(0); told > 0 || refused {
				t.Errorf("%s: after a start %d members are told of, refused: %v", when, told, refused)
			}
			c.check(when + ", after a start")
			seen.check(when+", after a start", c)
			if i < len(links) {
				c.subscribed(when+", after a start", links[i])
			}
		}
	}
}

// TestTokensAndBackup copies the data, goes on, and puts the copy back: tokens
// from before the copy go on to hold, later ones are refused, and either way
// a client ends with exactly what the server has.
func TestTokensAndBackup(t *testing.T) {
	t.Parallel()
	h := open(t)
	random := rand.New(rand.NewPCG(2, 4))
	early, late := h.replica("1-events"), h.replica("1-events")
	early.sync(0)
	for range 3 {
		h.mutate(random)
	}
	h.mustRead()
	h.stop()
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(h.data())); err != nil {
		t.Fatal(err)
	}
	h.start()
	c := h.world.Children()[0]
	h.world.AddEvent(c.School, school.Event{Item: school.Item{Title: "Efter kopian", Span: school.Timed(now().Add(48*time.Hour), now().Add(49*time.Hour))}})
	h.clock.forward(time.Hour)
	h.mustRead()
	late.sync(0)
	late.check("before the copy is put back")
	h.stop()
	for _, name := range []string{"cache.age", "state.age"} {
		data, err := os.ReadFile(backup + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(h.data()+"/"+name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.start()
	if _, refused := early.sync(0); refused {
		t.Error("a token from before the copy was refused")
	}
	early.check("a client from before the copy")
	if _, refused := late.sync(0); !refused {
		t.Error("a token from after the copy was taken")
	}
	late.check("a client from after the copy")
	// What happened after the copy happens again, under other marks.
	h.clock.forward(time.Hour)
	h.read()
	for _, c := range []*replica{early, late} {
		if _, refused := c.sync(2); refused {
			t.Error("a token was refused after the copy was put back")
		}
		c.check("after another read")
	}
}

// TestForeignTokens shows tokens to calendars that did not give them.
func TestForeignTokens(t *testing.T) {
	t.Parallel()
	h := open(t)
	one, two := h.replica("1-events"), h.replica("2-events")
	one.sync(0)
	two.sync(0)
	if one.token == two.token {
		t.Error("two calendars have the same token")
	}
	cut := strings.LastIndexByte(one.token, ':') + 1
	seq, mark, _ := strings.Cut(one.token[cut:], "-")
	for what, token := range map[string]string{
		"another calendar": two.token, "another generation": "urn:syncd:sync:aaaaaaaaaaaaaaaa:" + one.token[cut:],
		"the future": one.token[:cut] + "999999-" + mark, "another mark": one.token[:cut] + seq + "-AAAAAAAA", "rubbish": "data:,",
	} {
		c := h.replica("1-events")
		c.token = token
		if _, refused := c.sync(0); !refused {
			t.Errorf("a token of %s was taken", what)
		}
		c.check(what)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(one.there())), slices.Sorted(maps.Keys(one.etags))); diff != "" {
		t.Errorf("members (-server +client):\n%s", diff)
	}
}
