package e2e_test

import (
	"encoding/xml"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	path  string
	token string
	etags map[string]string
}

func (h *house) replica(slug string) *replica {
	return &replica{house: h, path: h.calendarPath(slug), etags: map[string]string{}}
}

func (h *house) calendarPath(slug string) string {
	return "/dav/" + h.addresses.CalDAV.User + "/calendars/" + slug + "/"
}

// sync brings the replica up to date, in pieces if limit is not 0. A token
// that is refused is reported and forgotten, as clients do. It returns how
// many members were told of.
func (c *replica) sync(limit int) (told int, refused bool) {
	t := c.house.t
	t.Helper()
	limited := ""
	if limit > 0 {
		limited = fmt.Sprintf("<limit><nresults>%d</nresults></limit>", limit)
	}
	for range 1000 {
		body := `<sync-collection xmlns="DAV:"><sync-token>` + c.token + `</sync-token><sync-level>1</sync-level>` + limited + `<prop><getetag/></prop></sync-collection>`
		a := c.house.dav("REPORT", c.path, body, "1")
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

// there lists what a calendar holds, without any token.
func (h *house) there(path string) map[string]string {
	h.t.Helper()
	out := map[string]string{}
	for _, r := range parse(h.t, h.dav("PROPFIND", path, `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`, "1").body).Responses {
		if r.Href != path {
			out[r.Href] = r.ETags[0]
		}
	}
	return out
}

// check compares the replica with what is there.
func (c *replica) check(when string) {
	c.house.t.Helper()
	if diff := cmp.Diff(c.house.there(c.path), c.etags); diff != "" {
		c.house.t.Fatalf("%s: %s (-server +client):\n%s", when, c.path, diff)
	}
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

// TestSyncConverges has clients sync, whole and in pieces, while the school
// changes its calendar and the program reads it, is stopped and started:
// after a sync a client holds exactly what the server has, no token is refused
// and nothing is told twice.
func TestSyncConverges(t *testing.T) {
	t.Parallel()
	h := open(t)
	random := rand.New(rand.NewPCG(1, 4))
	clients := []*replica{h.replica("1-events"), h.replica("1-events"), h.replica("2-events")}
	for step := range 60 {
		switch random.IntN(6) {
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
		default:
			c := clients[random.IntN(len(clients))]
			_, refused := c.sync(random.IntN(4))
			if refused {
				t.Errorf("step %d: a token was refused", step)
			}
			c.check(fmt.Sprintf("step %d", step))
			if again, _ := c.sync(0); again != 0 {
				t.Errorf("step %d: %d members told of though nothing changed", step, again)
			}
		}
	}
	for _, c := range clients {
		c.sync(0)
		c.check("at the end")
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
	if diff := cmp.Diff(slices.Sorted(maps.Keys(h.there(one.path))), slices.Sorted(maps.Keys(one.etags))); diff != "" {
		t.Errorf("members (-server +client):\n%s", diff)
	}
}
