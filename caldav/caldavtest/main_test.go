package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	davclient "github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"
)

const series = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
BEGIN:VTIMEZONE
TZID:Far/Away
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0500
TZOFFSETTO:+0500
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:series@example
DTSTAMP:20260101T000000Z
DTSTART;TZID=Far/Away:20261102T080000
DURATION:PT1H
RRULE:FREQ=DAILY;COUNT=5
END:VEVENT
BEGIN:VEVENT
UID:series@example
DTSTAMP:20260101T000000Z
RECURRENCE-ID;TZID=Far/Away:20261103T080000
DTSTART;TZID=Far/Away:20261103T100000
DURATION:PT1H
END:VEVENT
END:VCALENDAR
`

func single(component string) string {
	return "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\nBEGIN:" + component + "\nUID:" + strings.ToLower(component) +
		"\nDTSTAMP:20260101T000000Z\nDTSTART:20261110T080000Z\nSUMMARY:" + component + "\nEND:" + component + "\nEND:VCALENDAR\n"
}

// server runs the program and returns where its doors are.
func server(t *testing.T, args ...string) (public, back string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	now := func() time.Time { return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC) }
	go func() {
		done <- run(ctx, append([]string{"-listen", "127.0.0.1:0", "-backdoor", "127.0.0.1:0"}, args...), now, w, io.Discard)
		_ = w.Close() // a pipe's never fails
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run = %v", err)
		}
	})
	lines := bufio.NewScanner(r)
	found := map[string]string{}
	for len(found) < 2 && lines.Scan() {
		name, address, _ := strings.Cut(lines.Text(), " ")
		found[name] = address
	}
	return found["caldav"], strings.TrimSuffix(found["backdoor"], "/")
}

func send(t *testing.T, method, address, body string, want int) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(address, "/dav/") {
		req.SetBasicAuth("anna", "secret")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Fatalf("%s %s = %d %s, want %d", method, address, resp.StatusCode, b, want)
	}
	return string(b)
}

// TestServer goes in by both doors: what a folder holds is found by a client,
// and a sync brings exactly what came, changed and went.
func TestServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"anna/home/series.ics": series, "anna/home/task.ics": single("VTODO"), "anna/home/note.ics": single("VJOURNAL"),
		"anna/home/displayname": "Hemma\n", "anna/home/color": "#112233\n", "anna/home/README": "not looked at",
		"anna/file": "not looked at", "bo/work/e.ics": single("VEVENT"), "stranger/x/broken.ics": "not looked at",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	public, back := server(t, "-dir", dir, "-user", "anna:secret", "bo:hidden")
	client, err := caldav.NewClient(davclient.HTTPClientWithBasicAuth(nil, "anna", "secret"), public)
	if err != nil {
		t.Fatal(err)
	}
	cals, err := client.FindCalendars(t.Context(), "/dav/anna/calendars/")
	if err != nil || len(cals) != 1 || cals[0].Name != "Hemma" || len(cals[0].SupportedComponentSet) != 4 {
		t.Fatalf("FindCalendars = %+v, %v", cals, err)
	}
	home := public + "anna/calendars/home/"
	const query = `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data><C:expand start="20261101T000000Z" end="20261130T000000Z"/></C:calendar-data></D:prop>` +
		`<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20261103T050000Z" end="20261103T060000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`
	if got := send(t, "REPORT", home, query, 207); strings.Count(got, "BEGIN:VEVENT") != 5 || !strings.Contains(got, "DTSTART:20261103T050000Z") {
		t.Errorf("expanded series = %s", got)
	}
	sync := func(token string) (string, string) {
		got := send(t, "REPORT", home, `<sync-collection xmlns="DAV:"><sync-token>`+token+`</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`, 207)
		_, rest, _ := strings.Cut(got, "<D:sync-token>")
		next, _, _ := strings.Cut(rest, "<")
		return got, next
	}
	first, token := sync("")
	if strings.Count(first, "<D:response>") != 3 {
		t.Errorf("first sync = %s", first)
	}
	send(t, "PUT", back+"/anna/home/new.ics", single("VEVENT"), 201)
	send(t, "PUT", back+"/anna/home/task.ics", strings.Replace(single("VTODO"), "SUMMARY", "LOCATION", 1), 204)
	send(t, "PUT", back+"/anna/home/series.ics", series, 204) // the same again is no change
	send(t, "DELETE", back+"/anna/home/note.ics", "", 204)
	second, next := sync(token)
	if strings.Count(second, "<D:response>") != 3 || strings.Contains(second, "series.ics") || !strings.Contains(second, "note.ics</D:href><D:status>HTTP/1.1 404") {
		t.Errorf("second sync = %s", second)
	}
	if third, same := sync(next); same != next || strings.Contains(third, "<D:response>") {
		t.Errorf("third sync = %s", third)
	}
	whole := send(t, "GET", home, "", 200)
	if strings.Count(whole, "BEGIN:VTIMEZONE") != 1 || strings.Count(whole, "BEGIN:VEVENT") != 3 || strings.Count(whole, "BEGIN:VCALENDAR") != 1 {
		t.Errorf("whole calendar = %s", whole)
	}
	send(t, "MKCALENDAR", back+"/anna/more", "", 201)
	send(t, "MKCALENDAR", back+"/anna/more/", "", 405)
	send(t, "PROPFIND", public+"anna/calendars/more/", "", 207)
	send(t, "PROPFIND", public+"bo/calendars/work/", "", 404)
	send(t, "PUT", home+"x.ics", single("VEVENT"), 403)
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"PUT", "/anna/none/a.ics", single("VEVENT"), 404},
		{"PUT", "/anna/home/a.txt", single("VEVENT"), 400},
		{"PUT", "/anna/home/a.ics", single("VTIMEZONE"), 400},
		{"PUT", "/anna/home/a.ics", "hello", 400},
		{"DELETE", "/anna/home/a.ics", "", 404},
		{"DELETE", "/anna/none/a.ics", "", 404},
		{"MKCALENDAR", "/nobody/x", "", 404},
		{"GET", "/anna/home/series.ics", "", 405},
	} {
		send(t, c.method, back+c.path, c.body, c.want)
	}
	resp, err := http.Get(public)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a password = %d, want 401", resp.StatusCode)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := newStore(time.Now)
	s.addUser("anna")
	for _, slug := range []string{"b", "a"} {
		if err := s.make("anna", slug); err != nil {
			t.Fatal(err)
		}
	}
	other, err := s.Collection(t.Context(), "anna", "b")
	if err != nil {
		t.Fatal(err)
	}
	own, err := s.Collection(t.Context(), "anna", "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{other.Token, own.Token + "9", own.Token + "x", "+" + own.Token, "x", ""} {
		if _, err := s.Changes(t.Context(), "anna", "a", token); err == nil {
			t.Errorf("Changes(%q) = nil, want an error", token)
		}
	}
	if _, err := s.Changes(t.Context(), "anna", "none", own.Token); err == nil {
		t.Error("Changes of a calendar that is not there = nil")
	}
	if _, err := s.Home(t.Context(), "bo"); err == nil {
		t.Error("Home of a stranger = nil")
	}
}

func TestArgs(t *testing.T) {
	t.Parallel()
	broken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(broken, "a", "c"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "a", "c", "x.ics"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{},
		{"-user", "anna"},
		{"-user", "../x:y"},
		{"-nothing"},
		{"-user", "a:b", "c"},
		{"-user", "a:b", "-listen", "nowhere:x"},
		{"-user", "a:b", "-dir", broken},
	} {
		if err := run(t.Context(), args, time.Now, io.Discard, io.Discard); err == nil {
			t.Errorf("run(%q) = nil, want an error", args)
		}
	}
}
