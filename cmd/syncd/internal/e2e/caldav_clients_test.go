package e2e_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"syncd/source/school"
	"syncd/source/school/schooltest"
)

var update = flag.Bool("update", false, "write the golden answers anew")

// TestRecordedClients replays what each client sends, as package caldav has it
// on file, against the program with its sealed store, and compares with the
// answers on file here. After a change that is meant:
//
//	go test ./cmd/syncd/internal/e2e -run TestRecordedClients -update
func TestRecordedClients(t *testing.T) {
	t.Parallel()
	const recorded = "../../../../caldav/testdata"
	requests, err := filepath.Glob(recorded + "/*/*.req")
	if err != nil || len(requests) < 50 {
		t.Fatalf("%d requests found: %v", len(requests), err)
	}
	h := newHouse(t)
	// A small school, so that the answers can be read.
	for _, s := range h.world.Schools() {
		h.world.EditSchool(s.Key, func(s *schooltest.School) {
			far := func(e school.Event) time.Duration {
				start, _ := e.Span.Bounds(school.Stockholm())
				return start.Sub(now()).Abs()
			}
			slices.SortStableFunc(s.Calendar, func(a, b school.Event) int { return cmp.Compare(far(a), far(b)) })
			s.Calendar = s.Calendar[:min(len(s.Calendar), 4)]
		})
	}
	for _, c := range h.world.Children() {
		h.world.EditChild(c.Key, func(c *schooltestChild) { c.Schedule = nil })
	}
	h.start()
	h.join()
	h.homework("Glosor kap. 4")
	script := h.script()
	for _, file := range requests {
		name, _ := strings.CutPrefix(strings.TrimSuffix(file, ".req"), recorded+"/")
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := script.play(string(raw))
		golden := filepath.Join("testdata", "caldav", filepath.FromSlash(name)+".golden")
		if *update {
			write(t, golden, got)
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// script turns recorded requests into this house's words, and its answers
// back.
type script struct {
	house *house
	ask   *strings.Replacer
	tell  *strings.Replacer
}

// script names the objects of the house as the recordings do.
func (h *house) script() *script {
	h.t.Helper()
	user := h.addresses.CalDAV.User
	ask := []string{"/dav/l1/", "/dav/" + user + "/"}
	var tell []string
	for slug, aliases := range map[string][]string{
		"1-events": {"e-june", "e-meeting", "e-closed", "e-break"}, "1-homework": {"t-glosor"}, "2-events": nil, "1-meals": nil, "2-meals": nil,
	} {
		path := h.calendarPath(slug)
		type object struct{ uid, data, when string }
		var list []object
		for href := range h.there(path) {
			data := h.dav(http.MethodGet, href, "", "0").body
			uid := strings.TrimSuffix(strings.TrimPrefix(href, path), ".ics")
			plain := masked(strings.ReplaceAll(data, uid, ""))
			list = append(list, object{uid, data, regexp.MustCompile(`(DTSTART|DUE)[^\r]*`).FindString(plain) + plain})
		}
		slices.SortFunc(list, func(a, b object) int { return strings.Compare(a.when, b.when) })
		for i, o := range list {
			alias := fmt.Sprintf("%s-%02d", slug, i)
			if i < len(aliases) {
				alias = aliases[i]
				ask = append(ask, alias+".ics", o.uid+".ics")
				if rest, ok := strings.CutPrefix(alias, "e-"); ok {
					// The same with an escape that it does not need.
					odd := fmt.Sprintf("%%%02X%s", o.uid[0], o.uid[1:])
					ask = append(ask, "e%2D"+rest+".ics", odd+".ics")
					tell = append(tell, odd, "e%2D"+rest)
				}
			}
			escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "\r", "&#13;").Replace(o.data)
			tell = append(tell, escaped, "[data of "+alias+"]", o.data, "[data of "+alias+"]", o.uid, alias)
		}
	}
	first := h.replica("1-events")
	first.sync(0)
	ask = append(ask, "urn:syncd:sync:g1:1-events-1", first.token)
	tell = append(tell, user, "l1")
	return &script{h, strings.NewReplacer(ask...), strings.NewReplacer(tell...)}
}

// masked takes out what differs from house to house and from hour to hour.
func masked(s string) string {
	for _, m := range []struct{ pattern, with string }{
		{`(DTSTAMP|LAST-MODIFIED|CREATED):[0-9TZ]+`, "$1:[time]"},
		{`&#34;[A-Za-z0-9_-]{8,}&#34;`, "&#34;[etag]&#34;"},
		{`(Etag: )"[^"]*"`, `$1"[etag]"`},
		{`(Last-Modified: ).*`, `$1[time]`},
		{`urn:syncd:(sync|home|part):[^<&"]*`, "urn:syncd:$1:[state]"},
		{`(urn:uuid|\nUID):[0-9a-f-]{36}`, "$1:[id]"},
		{`(<D:getlastmodified>)[^<]*`, "$1[time]"},
		{`(<(D:displayname|C:calendar-description|I:calendar-color|I:calendar-order)>)[^<]+`, "$1[words]"},
		{`(<D:getcontentlength>)[^<]*`, "$1[length]"},
	} {
		s = regexp.MustCompile(m.pattern).ReplaceAllString(s, m.with)
	}
	return s
}

// play sends one recorded request and returns the answer as it is filed.
func (s *script) play(recorded string) string {
	h := s.house
	h.t.Helper()
	head, body, _ := strings.Cut(s.ask.Replace(recorded), "\n\n")
	lines := strings.Split(strings.TrimRight(head, "\n"), "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	header := []string{"Authorization", basic(h.addresses.CalDAV.User, h.addresses.CalDAV.Password), "Accept-Encoding", "identity"}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		header = append(header, name, value)
	}
	a := h.do(method, h.base+path, strings.TrimSuffix(body, "\n"), header...)
	if a.header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(strings.NewReader(a.body))
		if err != nil {
			h.t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			h.t.Fatal(err)
		}
		a.body = string(plain)
	}
	for _, name := range []string{"Date", "Content-Length", "X-Content-Type-Options", "X-Robots-Tag", "Referrer-Policy"} {
		a.header.Del(name)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%d\n", a.status)
	_ = a.header.Write(&out) // a buffer takes every write
	return strings.ReplaceAll(masked(out.String()+"\n"+inOrder(s.tell.Replace(a.body))), "\r\n", "\n")
}

// inOrder sorts the responses of a multistatus: objects stand in the order of
// their names, which are different in every house.
func inOrder(body string) string {
	for _, tag := range [][2]string{{"<D:response>", "</D:response>\n"}, {"<response xmlns", "</response>"}} {
		begin, last := strings.Index(body, tag[0]), strings.LastIndex(body, tag[1])
		if begin < 0 || last < begin {
			continue
		}
		last += len(tag[1])
		list := strings.SplitAfter(body[begin:last], tag[1])
		slices.Sort(list)
		return body[:begin] + strings.Join(list, "") + body[last:]
	}
	return body
}
