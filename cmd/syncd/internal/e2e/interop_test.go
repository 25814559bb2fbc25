package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
)

// need looks for a program of somebody else's. Without it the test is skipped,
// or, where SYNCD_REQUIRE_INTEROP is set, fails.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("SYNCD_REQUIRE_INTEROP") != "" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}

// command runs a program with a home of its own.
func command(t *testing.T, home, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=America/New_York"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// sync lets vdirsyncer discover and fetch everything into home/calendars.
func (h *house) sync(home string) { h.syncBy(h.base, home) }

// syncBy does so by way of another address.
func (h *house) syncBy(address, home string) {
	h.t.Helper()
	config := filepath.Join(home, "vdirsyncer.conf")
	write(h.t, config, fmt.Sprintf(`[general]
status_path = "%[1]s/status"

[pair school]
a = "remote"
b = "local"
collections = ["from a"]
conflict_resolution = "a wins"

[storage remote]
type = "caldav"
url = "%[2]s/"
username = "%[3]s"
password = "%[4]s"
read_only = true

[storage local]
type = "filesystem"
path = "%[1]s/calendars"
fileext = ".ics"
`, home, address, h.addresses.CalDAV.User, h.addresses.CalDAV.Password))
	cmd := exec.CommandContext(h.t.Context(), "sh", "-c", "yes | vdirsyncer -c "+config+" discover school")
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "LC_ALL=C.UTF-8"}
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("vdirsyncer discover: %v\n%s", err, out)
	}
	command(h.t, home, "vdirsyncer", "-c", config, "sync")
}

// fetched decodes what vdirsyncer has written for one calendar.
func fetched(t *testing.T, home, slug string) []event {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(home, "calendars", slug, "*.ics"))
	if err != nil {
		t.Fatal(err)
	}
	var out []event
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, events(t, string(b))...)
	}
	return out
}

// TestInteropVdirsyncerAndKhal lets vdirsyncer find the calendars from the
// bare host and fetch them, and khal show them, and compares with the world;
// then one event moves and one goes.
func TestInteropVdirsyncerAndKhal(t *testing.T) {
	t.Parallel()
	need(t, "vdirsyncer")
	need(t, "khal")
	h := open(t)
	m := h.meter()
	home := t.TempDir()
	h.syncBy(m.URL, home)
	all := m.taken()
	for i, c := range h.world.Children() {
		slug := fmt.Sprintf("%d-events", i+1)
		if diff := cmp.Diff(expected(h.world, c), received(h.world, fetched(t, home, slug))); diff != "" {
			t.Errorf("%s (-world +vdirsyncer):\n%s", slug, diff)
		}
		h.compareKhal(home, slug, expected(h.world, c))
		slug = fmt.Sprintf("%d-meals", i+1)
		menu := served(h.world, c)
		if diff := cmp.Diff(worded(menu), worded(fetched(t, home, slug))); diff != "" {
			t.Errorf("%s (-world +vdirsyncer):\n%s", slug, diff)
		}
		h.compareKhal(home, slug, received(h.world, menu))
	}

	c := h.world.Children()[0]
	var moved, removed school.Event
	for _, e := range h.world.SchoolOf(c).Calendar {
		switch {
		case e.Ref == "" || e.Span.AllDay || !e.Span.Start.After(now()):
		case moved.Ref == "":
			moved = e
		case removed.Ref == "":
			removed = e
		}
	}
	day := school.DateOf(moved.Span.Start).AddDays(1)
	loc := school.Stockholm()
	h.world.MoveEvent(c.School, moved.Ref, school.Timed(day.At(13, 5, loc), day.At(14, 15, loc)))
	h.world.RemoveEvent(c.School, removed.Ref)
	h.mustRead()
	m.taken()
	h.syncBy(m.URL, home)
	// vdirsyncer lists every object each time and fetches what changed.
	delta := m.taken()
	t.Logf("first sync %d bytes, second %d", all, delta)
	if delta*2 > all {
		t.Errorf("the second sync took %d bytes, the first %d: that is more than listings and one object", delta, all)
	}
	c, _ = h.world.Child(c.Key)
	if diff := cmp.Diff(expected(h.world, c), received(h.world, fetched(t, home, "1-events"))); diff != "" {
		t.Errorf("after a move and a removal (-world +vdirsyncer):\n%s", diff)
	}
	h.compareKhal(home, "1-events", expected(h.world, c))
}

// compareKhal has khal list a calendar, in another time zone's environment,
// and compares days and hours with the world.
func (h *house) compareKhal(home, slug string, want []string) {
	h.t.Helper()
	config := filepath.Join(home, "khal-"+slug+".conf")
	write(h.t, config, fmt.Sprintf(`[calendars]
[[school]]
path = %s/calendars/%s
[locale]
timeformat = %%H:%%M
dateformat = %%Y-%%m-%%d
longdateformat = %%Y-%%m-%%d
datetimeformat = %%Y-%%m-%%d %%H:%%M
longdatetimeformat = %%Y-%%m-%%d %%H:%%M
local_timezone = Europe/Stockholm
default_timezone = Europe/Stockholm
[sqlite]
path = %s/khal-%s.db
`, home, slug, home, slug))
	window := window()
	out := command(h.t, home, "khal", "-c", config, "list", "--once", "--notstarted", "--format", "{all-day}|{start-long-full}|{end-long-full}|{title}",
		"--day-format", "", window.From.AddDays(-340).String(), window.To.AddDays(10).String())
	var got []string
	for line := range strings.Lines(out) {
		if f := strings.SplitN(strings.TrimSpace(line), "|", 4); len(f) == 4 {
			got = append(got, canary(h.world, f[3])+" "+khalTime(h.t, f))
		}
	}
	slices.Sort(got)
	// khal's listing begins some time back; the world may begin earlier.
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Errorf("%s (-world +khal):\n%s", slug, diff)
	}
}

// khalTime writes khal's times as when does; khal's last day is included.
func khalTime(t *testing.T, f []string) string {
	t.Helper()
	if f[0] != "True" {
		return f[1] + " to " + f[2]
	}
	first, _, _ := strings.Cut(f[1], " ")
	end, _, _ := strings.Cut(f[2], " ")
	last, err := school.ParseDate(end)
	if err != nil {
		t.Fatalf("khal: %v in %q", err, f)
	}
	return first + " to " + last.AddDays(1).String()
}

// TestInteropAge opens the cache without this program: with age and sqlite3.
func TestInteropAge(t *testing.T) {
	t.Parallel()
	need(t, "age")
	need(t, "sqlite3")
	h := open(t)
	h.stop()
	for _, name := range []string{"cache", "state"} {
		plain := filepath.Join(t.TempDir(), name+".db")
		command(t, h.dir, "age", "-d", "-i", h.key(), "-o", plain, filepath.Join(h.data(), name+".age"))
		if got := strings.TrimSpace(command(t, h.dir, "sqlite3", plain, "PRAGMA integrity_check")); got != "ok" {
			t.Errorf("%s: integrity_check = %s", name, got)
		}
	}
}
