package e2e_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
	"syncd/source/skolplattformen/skolplattformentest"
)

// mark is a word in every nasty text.
const mark = "Kardborrefrukt"

// nastyTexts are what people paste, what programs break and what somebody may
// try; each holds the mark.
func nastyTexts() []string {
	return []string{
		mark + "\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:" + mark + "\r\nSUMMARY:x",
		mark + "\nlevel=ERROR msg=\"" + mark + "\" \x1b[31m\x00\x07\x7f",
		mark + "\u2028rad\u2029stycke\u0085rad\vrad\fsida",
		"\u202e" + mark + "\u202c\u2066\u200f אב\u200f \u061cpa\u030a\ufeff",
		strings.Repeat(mark, 10<<10/len(mark)),
		"../../../" + mark + "/%2e%2e%2f%00%0d%0a?x=y&z#å;,:\\\\\"'",
		`]]></title><script>alert("` + mark + `")</script>&#0;&#x1b;&amp;amp;lt;img src=x onerror=y&gt;`,
		"=cmd|' /C " + mark + "'!A0\tx",
		"\ufffe\uffff\U000e0001" + mark + "\u0000\u00ad\u115f",
	}
}

// spread writes the nasty texts wherever the first child's school can write,
// and adds a child whose keys and name are nasty.
func (h *house) spread() {
	c := h.world.Children()[0]
	picture := c.Letters[1].Images[0]
	today := school.DateOf(now().In(school.Stockholm()))
	for i, text := range nastyTexts() {
		day := today.AddDays(i + 1)
		h.world.AddBooking(c.Key, school.Event{Item: school.Item{
			Title: text, Place: text, Body: text, Span: school.Timed(day.At(8, i, school.Stockholm()), day.At(9, i, school.Stockholm())),
		}})
		m := picture
		m.Ref, m.Alt = school.Ref(text+".jpeg"), text
		h.world.AddLetter(c.Key, school.NewsItem{
			Ref: school.Ref(text), Title: text, Author: text, Source: text, Summary: text, HTML: "<p>" + text + "</p>",
			Published: now().Add(-time.Duration(i+1) * time.Hour), Images: []school.Media{m},
		})
		h.world.AddNotice(c.Key, school.Notice{
			Ref: school.Ref(text), Title: text, Text: text, Sender: text, URL: "javascript:" + text, Sent: now().Add(-time.Duration(i+1) * time.Hour),
		})
		h.world.SetMenu(c.School, today.AddDays(2+i%5), text, text)
	}
	odd := c
	odd.Key, odd.SecondKey, odd.Name = "../../%2e%2e/"+mark+"?childId=x&y#z\\å", "a/../"+mark+"%00;c d+e", "Nina \u202e"+mark+"\x1b[0m <b>"
	odd.School = "../" + mark + "%2f"
	s := h.world.SchoolOf(c)
	s.Key, s.Menu, s.Calendar = odd.School, nil, s.Calendar[len(s.Calendar)/2:]
	odd.Schedule, odd.Letters, odd.Notices = nil, nil, nil
	h.world.AddChild(odd, s)
}

// wellFormed reads everything that a subscriber can get as a strict program
// would.
func (h *house) wellFormed(when string) {
	h.t.Helper()
	href := regexp.MustCompile(`^/dav/[a-z0-9]+/calendars/[0-9]-[a-z]+/[A-Za-z0-9@._-]+\.ics$`)
	seen := 0
	for name, body := range h.everything() {
		if !utf8.ValidString(body) && !strings.HasSuffix(name, "gzip") {
			h.t.Errorf("%s: %s is no UTF-8", when, name)
		}
		switch {
		case strings.HasPrefix(name, "query "):
			for _, r := range parse(h.t, body).Responses {
				seen++
				if !href.MatchString(r.Href) || strings.Contains(r.Href, mark) {
					h.t.Errorf("%s: %s: address %q", when, name, r.Href)
				}
				for _, data := range r.Data {
					if got := len(events(h.t, data)); got != 1 {
						h.t.Errorf("%s: %s: %d events in one object", when, name, got)
					}
				}
			}
		case strings.HasSuffix(name, ".json"):
			if !json.Valid([]byte(body)) {
				h.t.Errorf("%s: %s is no JSON", when, name)
			}
		case strings.HasSuffix(name, ".atom"), strings.HasSuffix(name, ".rss"), strings.HasPrefix(name, "propfind "), name == "home":
			dec := xml.NewDecoder(strings.NewReader(body))
			for {
				if _, err := dec.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					h.t.Errorf("%s: %s: %v", when, name, err)
					break
				}
			}
		}
	}
	if seen < 100 {
		h.t.Errorf("%s: only %d objects were looked at", when, seen)
	}
	for _, c := range h.addresses.Calendars {
		body := h.get(c.URL)
		if strings.ContainsFunc(body, func(r rune) bool {
			return r < ' ' && r != '\r' && r != '\n' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0x202e || r == 0xfffe
		}) || strings.Count(body, "\r") != strings.Count(body, "\r\n") || strings.Count(body, "\n") != strings.Count(body, "\r\n") {
			h.t.Errorf("%s: calendar %d-%s holds control characters", when, c.Child, c.Kind)
		}
		for line := range strings.SplitSeq(body, "\r\n") {
			if len(line) > 75 {
				h.t.Errorf("%s: calendar %d-%s has a line of %d octets", when, c.Child, c.Kind, len(line))
			}
		}
		all := events(h.t, body)
		for i, e := range all {
			if strings.Contains(e.uid, mark) || i > 0 && e.uid == all[i-1].uid {
				h.t.Errorf("%s: calendar %d-%s: UID %q", when, c.Child, c.Kind, e.uid)
			}
		}
		if got := strings.Count("\r\n"+body, "\r\nBEGIN:VEVENT\r\n"); got != len(all) {
			h.t.Errorf("%s: calendar %d-%s: %d events by their first lines, %d as they are read", when, c.Child, c.Kind, got, len(all))
		}
	}
}

// silent looks at what is written down: the log has one line for each thing it
// says and nothing of the contents, and no file is called by it.
func (h *house) silent(when string) {
	h.t.Helper()
	for line := range strings.Lines(h.logs.String()) {
		if !strings.HasPrefix(line, "time=") || strings.Contains(line, mark) {
			h.t.Errorf("%s: the log holds %q", when, line)
			break
		}
	}
	if got := leaks([]byte(h.logs.String()), h.secrets()); len(got) > 0 {
		h.t.Errorf("%s: the log holds %q", when, got)
	}
	plain := regexp.MustCompile(`^[a-z0-9.-]+$`)
	if err := filepath.WalkDir(h.data(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != h.data() && !plain.MatchString(d.Name()) {
			h.t.Errorf("%s: a file is called %q", when, d.Name())
		}
		return err
	}); err != nil {
		h.t.Error(err)
	}
	h.scan(when)
}

// TestNastyTexts lets a school write the worst there is, in texts and in ids:
// it arrives as clean data, once, beside what was there, lives through storage
// and a restart, and leaves no trace in log, addresses and names of files; when
// the school takes it back everything is as before.
func TestNastyTexts(t *testing.T) {
	t.Parallel()
	h := open(t)
	c := h.world.Children()[0]
	menu := h.world.SchoolOf(c).Menu
	before, meals := h.uids(), h.queried(2, school.KindMeals)
	h.spread()
	h.clock.forward(time.Hour)
	h.mustRead()
	added, changed, removed := difference(before, h.uids())
	if len(added) != len(nastyTexts()) || len(changed)+len(removed) > 0 {
		t.Errorf("added %d of %d, changed %d, removed %d", len(added), len(nastyTexts()), len(changed), len(removed))
	}
	for uid, data := range h.uids() {
		if title := events(t, data)[0].title; slices.Contains(added, uid) && (title == "" || strings.ContainsAny(title, "\r\n\t<") || utf8.RuneCountInString(title) > 200) {
			t.Errorf("a title is %q", title)
		}
	}
	first := h.addresses
	h.addresses = h.link("Nytt") // has the child that is new
	h.wellFormed("after a read")
	if got := events(t, h.calendar(4, school.KindEvents)); len(got) == 0 {
		t.Error("the child with odd keys has no calendar")
	}
	letters := 0
	for _, f := range h.addresses.Feeds {
		body := h.get(f.URL)
		if f.Child == 1 && f.Kind == school.KindNews {
			letters = strings.Count(body, "<entry")
		}
		if strings.Contains(body, "<script") || strings.Contains(body, "&lt;script") || strings.Contains(body, "javascript:") {
			t.Errorf("feed %d-%s holds a script", f.Child, f.Kind)
		}
		if strings.Contains(f.URL, mark) {
			t.Error("an address holds a text")
		}
	}
	if want := len(c.Letters) + len(nastyTexts()); letters != want {
		t.Errorf("%d letters, want %d", letters, want)
	}
	for _, path := range []string{"/", "/children", "/links", "/keep"} {
		if page := h.signedIn(h.base + path); strings.Contains(page, "<b>") || strings.ContainsAny(page, "\x00\x1b\u202e") {
			t.Errorf("page %s holds a name as it was written", path)
		}
	}
	h.silent("after a read")

	all := h.everything()
	h.restart()
	h.mustRead()
	if diff := cmp.Diff(all, h.everything()); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}

	for _, text := range nastyTexts() {
		h.world.RemoveBooking(c.Key, text)
		h.world.RemoveLetter(school.Ref(text))
	}
	for _, m := range menu {
		h.world.SetMenu(c.School, m.Date, m.Dishes...)
	}
	h.clock.forward(time.Hour)
	h.read()
	h.clock.forward(time.Hour)
	h.mustRead() // agrees with what was held
	h.addresses = first
	if diff := cmp.Diff(before, h.uids()); diff != "" {
		t.Errorf("after it was taken back (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(worded(meals), worded(h.queried(2, school.KindMeals))); diff != "" {
		t.Errorf("another child's meals (-before +after):\n%s", diff)
	}
	h.silent("in the end")
}

// TestNastyFields gives every field of one name in an answer the same nasty
// text. Whatever comes of it has a name or is clean, the log says nothing of
// it, and the first child's calendar shows what it did: under other ids where
// the platform changed its own, and under the old ones when it is over.
func TestNastyFields(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.options.Quiet = true
	h.start()
	h.join()
	// What is over is never deleted, so it stands there twice when ids change.
	coming := func() []string {
		list := h.queried(1, school.KindEvents)
		return worded(slices.DeleteFunc(list, func(e event) bool { return e.start.Before(now().AddDate(0, 0, 7)) }))
	}
	before, uids := coming(), h.uids()
	if len(before) < 20 {
		t.Fatalf("only %d events to compare", len(before))
	}
	problems := []school.Problem{school.ProblemNone, school.ProblemNotUnderstood, school.ProblemHeld, school.ProblemRefused, school.ProblemWrongChild}
	for i, f := range []struct{ path, field string }{
		{"getchildren", "Id"},
		{"getchildren", "SDSId"},
		{"getchildren", "Status"},
		{"getchildren", "SchoolId"},
		{"selectchild", "Id"},
		{"getuserdata", "notificationId"},
		{"getschoolcalender", "Id"},
		{"getschoolcalender", "LongEventDateTime"},
		{"getnewsarchive", "NewsId"},
		{"getnewsarchive", "BannerImageUrl"},
		{"getnewsarticle", "NewsId"},
		{"getnotifications", "Messageid"},
		{"getnotifications", "Linkbackurl"},
		{"getnotifications", "Message"},
		{"getmatsedelchoice", "Data"},
		{"getmatsedelrss", "Title"},
	} {
		texts := nastyTexts()
		text := texts[i%len(texts)]
		name := fmt.Sprintf("%s.%s = text %d", f.path, f.field, i%len(texts))
		h.fake.Inject(skolplattformentest.Fault{Path: f.path, Change: skolplattformentest.Set(f.field, text)})
		p := h.read()
		if !slices.Contains(problems, p) {
			t.Errorf("%s: problem %q", name, p)
		}
		if p == school.ProblemNone || p == school.ProblemHeld { // something may be new
			h.wellFormed(name)
		}
		if diff := cmp.Diff(before, coming()); diff != "" {
			t.Errorf("%s (-before +after):\n%s", name, diff)
		}
		h.fake.Heal()
		h.clock.forward(4 * time.Hour) // or the requests of a day are used up
		switch p = h.read(); p {
		case school.ProblemNone:
		case school.ProblemHeld:
			h.clock.forward(time.Minute)
			h.mustRead() // agrees with what was held
		default:
			t.Errorf("%s: problem %q when it was over", name, p)
		}
		if diff := cmp.Diff(before, coming()); diff != "" {
			t.Errorf("%s: when it was over (-before +after):\n%s", name, diff)
		}
		after := h.uids()
		for uid := range uids {
			if after[uid] == "" {
				t.Errorf("%s: %s is not there when it was over", name, uid)
			}
		}
	}
	h.silent("in the end")
}
