package caldav_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	davclient "github.com/emersion/go-webdav/caldav"
	"github.com/google/go-cmp/cmp"
)

// TestGoWebDAVClient lets somebody else's client find and read everything over
// a real connection, and try to write.
func TestGoWebDAVClient(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(server(t, family(t), nil))
	defer srv.Close()
	ctx := t.Context()
	// The client begins at the bare host.
	c, err := davclient.NewClient(srv.Client(), srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	principal, err := c.FindCurrentUserPrincipal(ctx)
	if err != nil || principal != "/dav/l1/" {
		t.Fatalf("FindCurrentUserPrincipal = %q, %v", principal, err)
	}
	home, err := c.FindCalendarHomeSet(ctx, principal)
	if err != nil || home != "/dav/l1/calendars/" {
		t.Fatalf("FindCalendarHomeSet = %q, %v", home, err)
	}
	cals, err := c.FindCalendars(ctx, home)
	if err != nil {
		t.Fatal(err)
	}
	want := []davclient.Calendar{
		{Path: events, Name: "Matte: skolan", Description: "Från skolan", MaxResourceSize: 1 << 20, SupportedComponentSet: []string{"VEVENT"}},
		{Path: "/dav/l1/calendars/1-homework/", Name: "Matte: läxor", MaxResourceSize: 1 << 20, SupportedComponentSet: []string{"VTODO"}},
		{Path: "/dav/l1/calendars/2-events/", Name: "Alva: skolan", MaxResourceSize: 1 << 20, SupportedComponentSet: []string{"VEVENT"}},
	}
	if diff := cmp.Diff(want, cals); diff != "" {
		t.Errorf("FindCalendars (-want +got):\n%s", diff)
	}
	data := davclient.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true}
	found, err := c.QueryCalendar(ctx, events, &davclient.CalendarQuery{
		CompRequest: data,
		CompFilter: davclient.CompFilter{Name: "VCALENDAR", Comps: []davclient.CompFilter{{
			Name: "VEVENT", Start: at(11, 24, 0, 0).UTC(), End: at(11, 25, 0, 0).UTC(),
		}}},
	})
	if err != nil || len(found) != 1 || found[0].Path != events+"e-meeting.ics" || found[0].ETag == "" {
		t.Fatalf("QueryCalendar = %+v, %v", found, err)
	}
	summary, err := found[0].Data.Events()[0].Props.Text("SUMMARY")
	if err != nil || summary != "Föräldramöte, \"åk 3\"; ta med <penna> & papper" {
		t.Errorf("SUMMARY = %q, %v", summary, err)
	}
	got, err := c.MultiGetCalendar(ctx, events, &davclient.CalendarMultiGet{
		Paths: []string{events + "e-june.ics", events + "e-closed.ics"}, CompRequest: data,
	})
	if err != nil || len(got) != 2 || got[0].Path != events+"e-june.ics" {
		t.Errorf("MultiGetCalendar = %+v, %v", got, err)
	}
	one, err := c.GetCalendarObject(ctx, events+"e-june.ics")
	if err != nil || one.ETag != got[0].ETag {
		t.Errorf("GetCalendarObject = %+v, %v", one, err)
	}
	if _, err := c.PutCalendarObject(ctx, events+"new.ics", one.Data); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("PutCalendarObject = %v, want a 403", err)
	}
	if err := c.RemoveAll(ctx, events+"e-june.ics"); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("RemoveAll = %v, want a 403", err)
	}
}

// TestInteropVdirsyncer runs vdirsyncer: discovery from the bare host, a sync
// with everything, a change and a deletion, and a sync with only those. It is
// skipped where the program is missing, unless SYNCD_REQUIRE_INTEROP is set.
func TestInteropVdirsyncer(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("vdirsyncer")
	if err != nil {
		if os.Getenv("SYNCD_REQUIRE_INTEROP") != "" {
			t.Fatal(err)
		}
		t.Skip("vdirsyncer is not installed")
	}
	m := family(t)
	srv := httptest.NewServer(basic(server(t, m, nil)))
	defer srv.Close()
	dir := t.TempDir()
	config := fmt.Sprintf(`[general]
status_path = "%[1]s/status"
[pair school]
a = "local"
b = "remote"
collections = ["from b"]
conflict_resolution = "b wins"
metadata = ["displayname", "color"]
[storage local]
type = "filesystem"
path = "%[1]s/calendars"
fileext = ".ics"
[storage remote]
type = "caldav"
url = "%[2]s/"
username = "l1"
password = "secret"
read_only = true
`, dir, srv.URL)
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, append([]string{"-c", file, "-v", "WARNING"}, args...)...)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
		cmd.Stdin = strings.NewReader(strings.Repeat("y\n", 20))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("vdirsyncer %v: %v\n%s", args, err, out)
		}
	}
	check := func(what string) {
		t.Helper()
		home, err := m.Home(t.Context(), link)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range home.Collections {
			var want, got []string
			for _, o := range c.Objects {
				want = append(want, strings.ReplaceAll(strings.TrimSpace(string(o.Data)), "\r\n", "\n"))
			}
			files, err := filepath.Glob(filepath.Join(dir, "calendars", c.Slug, "*.ics"))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, strings.ReplaceAll(strings.TrimSpace(string(data)), "\r\n", "\n"))
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s (-server +vdirsyncer):\n%s", what, c.Slug, diff)
			}
		}
	}
	run("discover")
	run("sync")
	check("first sync")
	run("metasync")
	if got, err := os.ReadFile(filepath.Join(dir, "calendars", "1-events", "displayname")); err != nil || string(got) != "Matte: skolan" {
		t.Errorf("displayname = %q, %v", got, err)
	}
	m.put("1-events", build(t, m.states["1-events"][0].Info,
		event("e-june", "Skolavslutning, ny tid", at(6, 11, 10, 0), at(6, 11, 11, 0)),
		event("e-new", "Utflykt", at(11, 30, 8, 0), at(11, 30, 14, 0)),
	))
	run("sync")
	check("second sync")
}

// basic asks for a password, as the program does around the handler.
func basic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if !strings.HasPrefix(r.URL.Path, "/.well-known/") && (user != "l1" || password != "secret") {
			w.Header().Set("WWW-Authenticate", `Basic realm="syncd"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// TestRefusedBodiesAreNotAskedFor announces a body of 10 MB and waits for
// leave to send it, as careful clients do: the refusal comes without it.
func TestRefusedBodiesAreNotAskedFor(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(server(t, family(t), nil))
	defer srv.Close()
	for _, method := range []string{"PUT", "POST", "MKCALENDAR", "LOCK", "COPY"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "%s %sx.ics HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\nExpect: 100-continue\r\n\r\n", method, events); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Error(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s = %d, want 403 and nothing before it", method, res.StatusCode)
		}
		_ = conn.Close()
	}
}

// TestKeepAlive refuses a write with a large body and goes on with the same
// connection's client.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(server(t, family(t), nil))
	defer srv.Close()
	client := srv.Client()
	client.Timeout = 10 * time.Second
	for range 3 {
		put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, srv.URL+events+"x.ics", strings.NewReader(strings.Repeat("x", 100_000)))
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(put)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+events+"e-june.ics", nil)
		if err != nil {
			t.Fatal(err)
		}
		res2, err := client.Do(get)
		if err != nil {
			t.Fatal(err)
		}
		_ = res2.Body.Close()
		if res.StatusCode != http.StatusForbidden || res2.StatusCode != http.StatusOK {
			t.Errorf("PUT = %d, GET = %d; want 403, 200", res.StatusCode, res2.StatusCode)
		}
	}
}
