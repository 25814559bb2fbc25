package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/emersion/go-ical"
	"github.com/google/go-cmp/cmp"

	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// TestInteropDemo lets vdirsyncer and khal into the demo as it is started from
// the command line, by the clock on the wall: two platforms, and a child that
// both know. They sync every calendar, and what they have is what the ICS
// addresses in demo.json say, and what stands in the world: each thing once, at
// the right child, at the right hour, whole days on the right days.
func TestInteropDemo(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"vdirsyncer", "khal"} {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("SYNCD_REQUIRE_INTEROP") != "" {
			t.Fatalf("%s is not installed", program)
		}
		t.Skipf("%s is not installed", program)
	}
	today := func() school.Date { return school.DateOf(time.Now().In(school.Stockholm())) }
	day := today()
	f, stop := startDemo(t, t.TempDir())
	if today() != day { // its world may be that of another week
		stop()
		day = today()
		f, stop = startDemo(t, t.TempDir())
	}
	defer stop()
	w := schooltest.Family(day.Monday().At(12, 0, school.Stockholm()))
	words := plain(w)
	want := demoWorld(w, day, words)
	home := t.TempDir()
	got := synced(t, f, home)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Fatalf("calendars (-world +vdirsyncer):\n%s", diff)
	}
	khal := listed(t, home, slices.Sorted(maps.Keys(got)), day, words)
	for _, c := range f.ICS {
		slug := strings.TrimSuffix(path.Base(c.URL), ".ics")
		if _, ok := got[slug]; !ok {
			continue // the family's, or in place of lessons
		}
		var here []string
		for uid, thing := range got[slug] {
			if strings.Contains(thing, "\n") {
				t.Errorf("%s: %s comes more than once", slug, uid)
			}
			here = append(here, words(thing))
		}
		slices.Sort(here)
		if diff := cmp.Diff(want[slug], here); diff != "" {
			t.Errorf("%s (-world +vdirsyncer):\n%s", slug, diff)
		}
		if c.Kind == school.KindHomework {
			// By CalDAV these are tasks, which khal does not show; those who
			// subscribe have them on their days.
			for uid, thing := range got[slug] {
				got[slug][uid] = hour.ReplaceAllString(thing, "")
			}
		} else if diff := cmp.Diff(want[slug], khal[slug]); diff != "" {
			t.Errorf("%s (-world +khal):\n%s", slug, diff)
		}
		if diff := cmp.Diff(things(t, fetch(t, c.URL)), got[slug]); diff != "" {
			t.Errorf("%s (-ICS address +vdirsyncer):\n%s", slug, diff)
		}
		delete(want, slug)
	}
	for slug := range want {
		t.Errorf("demo.json has no address of %s", slug)
	}
}

// demoWorld lists what has to stand in each calendar of the demo, as a person
// reads it in the world that is laid around the week of today. The first child
// is at both platforms: InfoMentor leads, lunch comes from the other. The
// second is at Skolplattformen and seen last, the third at InfoMentor.
func demoWorld(w *schooltest.World, today school.Date, words func(string) string) map[string][]string {
	loc := school.Stockholm()
	out := map[string][]string{}
	add := func(n int, k school.Kind, title string, span school.Span) {
		start, end := span.Bounds(loc)
		if school.DefaultLimits().Expired(k.Shelf(), school.DateOf(end.Add(-time.Second).In(loc)), today) {
			return
		}
		slug := fmt.Sprintf("%d-%s", n, k)
		out[slug] = append(out[slug], words(title+", "+spell(start, end, span.AllDay)))
	}
	window := school.Window{From: today.AddDays(-30), To: today.AddDays(401)}
	children := w.Children()
	for n, c := range map[int]schooltest.Child{1: children[0], 2: children[2]} {
		closed := map[school.Date]bool{}
		for _, e := range w.SchoolOf(c).Calendar {
			if window.Overlaps(e.Span, loc) {
				add(n, school.KindEvents, e.Title, e.Span)
			}
			if strings.HasPrefix(e.Title, "Studiedag") {
				closed[e.Span.Days.From] = true
			}
		}
		for _, e := range c.Meetings {
			add(n, school.KindEvents, "Möten: "+e.Title, e.Span)
		}
		kit := map[school.Date]string{}
		for _, l := range c.Lessons {
			add(n, school.KindLessons, l.Title, l.Span)
			d := school.DateOf(l.Span.Start.In(loc))
			if !closed[d] && (strings.HasPrefix(l.Title, "Slöjd") || strings.HasPrefix(l.Title, "Idrott")) {
				kit[d] = strings.TrimPrefix(kit[d]+", "+l.Title, ", ")
			}
		}
		for d, title := range kit {
			add(n, school.KindKit, title, school.AllDay(d, d))
		}
		for _, k := range c.Tasks {
			add(n, school.KindHomework, k.Title, k.Span)
		}
		for _, k := range c.Care {
			add(n, school.KindCare, k.Title, k.Span)
		}
	}
	for _, m := range w.SchoolOf(children[0]).Menu {
		add(1, school.KindMeals, m.Dishes[0], school.AllDay(m.Date, m.Date))
	}
	for _, e := range w.SchoolOf(children[1]).Calendar {
		add(4, school.KindEvents, e.Title, e.Span)
	}
	for _, m := range w.SchoolOf(children[1]).Menu {
		if !m.Date.Before(today.Monday()) {
			add(4, school.KindMeals, strings.Join(m.Dishes, ", "), school.AllDay(m.Date, m.Date))
		}
	}
	for slug := range out {
		slices.Sort(out[slug])
	}
	return out
}

// plain returns what leaves of a line the world's own words, which no cleaning
// changes, and what stands behind the last comma, which is the time. Long
// titles are cut somewhere, so their ends do not count.
func plain(w *schooltest.World) func(string) string {
	invented := map[string]bool{}
	for _, c := range w.Canaries() {
		invented[c] = true
	}
	return func(line string) string {
		i := strings.LastIndex(line, ", ")
		title := []rune(line[:i])
		var out []string
		for _, word := range strings.FieldsFunc(string(title[:min(len(title), 150)]), func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) }) {
			if invented[word] {
				out = append(out, word)
			}
		}
		return strings.Join(out, " ") + line[i:]
	}
}

// spell writes a time as a person in Stockholm reads it; a last day is
// included.
func spell(start, end time.Time, allDay bool) string {
	loc := school.Stockholm()
	if allDay {
		return start.Format(time.DateOnly) + " to " + end.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return start.In(loc).Format("2006-01-02 15:04") + " to " + end.In(loc).Format("2006-01-02 15:04")
}

// hour is a time of day as spell writes it.
var hour = regexp.MustCompile(` \d\d:\d\d`)

// things decodes a calendar as another program would, by UID. What was called
// off and what is done has the words before it that a subscriber reads, who
// is not told in another way.
func things(t *testing.T, data string) map[string]string {
	t.Helper()
	cal, err := ical.NewDecoder(strings.NewReader(data)).Decode()
	if err != nil {
		t.Fatalf("decode calendar: %v", err)
	}
	out := map[string]string{}
	for _, c := range cal.Children {
		from, to := ical.PropDateTimeStart, ical.PropDateTimeEnd
		switch c.Name {
		case ical.CompEvent:
		case ical.CompToDo:
			from, to = ical.PropDue, ical.PropDue
		default:
			continue
		}
		start, err1 := c.Props.DateTime(from, school.Stockholm())
		end, err2 := c.Props.DateTime(to, school.Stockholm())
		if err1 != nil || err2 != nil {
			t.Fatalf("times of %s: %v, %v", c.Name, err1, err2)
		}
		allDay := c.Props.Get(from).ValueType() == ical.ValueDate
		if allDay && from == to {
			end = end.AddDate(0, 0, 1)
		}
		uid, _ := c.Props.Text(ical.PropUID)
		title, _ := c.Props.Text(ical.PropSummary)
		status, _ := c.Props.Text(ical.PropStatus)
		title = map[string]string{"CANCELLED": "Inställt: ", "COMPLETED": "Klar: "}[status] + title
		out[uid] = strings.TrimPrefix(out[uid]+"\n"+title+", "+spell(start, end, allDay), "\n")
	}
	return out
}

// synced lets vdirsyncer find the demo's calendars from the bare host, fetch
// all of them into home, and returns what it has of each.
func synced(t *testing.T, f demoFile, home string) map[string]map[string]string {
	t.Helper()
	config := filepath.Join(home, "vdirsyncer.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, `[general]
status_path = "%[1]s/status"
[pair school]
a = "remote"
b = "local"
collections = ["from a"]
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
`, home, f.BaseURL, f.CalDAV.User, f.CalDAV.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign(t, home, "sh", "-c", "yes | vdirsyncer -c "+config+" discover school")
	foreign(t, home, "vdirsyncer", "-c", config, "sync")
	paths, err := filepath.Glob(filepath.Join(home, "calendars", "*", "*.ics"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		slug := filepath.Base(filepath.Dir(p))
		if out[slug] == nil {
			out[slug] = map[string]string{}
		}
		for uid, thing := range things(t, string(b)) {
			out[slug][uid] = strings.TrimPrefix(out[slug][uid]+"\n"+thing, "\n")
		}
	}
	return out
}

// listed has khal list all calendars, in the environment of another time zone.
func listed(t *testing.T, home string, slugs []string, today school.Date, words func(string) string) map[string][]string {
	t.Helper()
	config := filepath.Join(home, "khal.conf")
	var text strings.Builder
	text.WriteString("[calendars]\n")
	for _, slug := range slugs {
		fmt.Fprintf(&text, "[[%[2]s]]\npath = %[1]s/calendars/%[2]s\n", home, slug)
	}
	text.WriteString(`[locale]
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
local_timezone = Europe/Stockholm
default_timezone = Europe/Stockholm
[sqlite]
path = ` + home + "/khal.db\n")
	if err := os.WriteFile(config, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	list := foreign(t, home, "khal", "-c", config, "list", "--once", "--notstarted", "--day-format", "",
		"--format", "{calendar}|{all-day}|{start-long-full}|{end-long-full}|{title}", today.AddDays(-370).String(), today.AddDays(420).String())
	out := map[string][]string{}
	for line := range strings.Lines(list) {
		f := strings.SplitN(strings.TrimSpace(line), "|", 5)
		if len(f) != 5 {
			continue
		}
		if f[1] == "True" {
			f[2], _, _ = strings.Cut(f[2], " ")
			f[3], _, _ = strings.Cut(f[3], " ")
		}
		out[f[0]] = append(out[f[0]], words(f[4]+", "+f[2]+" to "+f[3]))
	}
	for slug := range out {
		slices.Sort(out[slug])
	}
	return out
}

// foreign runs somebody else's program with a home of its own.
func foreign(t *testing.T, home, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=America/New_York"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
