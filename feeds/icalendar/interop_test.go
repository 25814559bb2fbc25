package icalendar_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// python returns an interpreter that has a module, or skips the test. With
// SYNCD_REQUIRE_INTEROP=1 its absence is a failure.
func python(t *testing.T, module string) string {
	t.Helper()
	for _, path := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), path, "-c", "import "+module).Run() == nil {
			return path
		}
	}
	if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" {
		t.Fatalf("no python3 with the module %s", module)
	}
	t.Skipf("no python3 with the module %s", module)
	return ""
}

type entryRead struct {
	UID        string   `json:"uid"`
	Start      string   `json:"start"`
	End        string   `json:"end"`
	Summary    string   `json:"summary"`
	Place      string   `json:"place"`
	Body       string   `json:"body"`
	Categories []string `json:"categories"`
}

// node returns node, if NODE_PATH leads it to a package, or skips the test.
// With SYNCD_REQUIRE_INTEROP=1 its absence is a failure.
func node(t *testing.T, name string) string {
	t.Helper()
	if exec.CommandContext(t.Context(), "node", "-e", "require.resolve('"+name+"')").Run() == nil {
		return "node"
	}
	if os.Getenv("SYNCD_REQUIRE_INTEROP") == "1" {
		t.Fatalf("node finds no %s (install it with npm and set NODE_PATH)", name)
	}
	t.Skipf("node finds no %s", name)
	return ""
}

// readWith reads a calendar with a script of testdata.
func readWith(t *testing.T, interpreter, script string, data []byte) map[string]entryRead {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), interpreter, filepath.Join("testdata", script))
	cmd.Stdin = bytes.NewReader(data)
	var out, fault bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fault
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, fault.String())
	}
	list := map[string]entryRead{}
	dec := json.NewDecoder(&out)
	for dec.More() {
		var e entryRead
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		list[e.UID] = e
	}
	return list
}

// clockChanges are all entries, and lessons around both changes of the clock,
// the doubled hour included.
func clockChanges() []school.Entry {
	loc := school.Stockholm()
	list := all()
	for i, day := range []school.Date{school.NewDate(2026, 3, 28), school.NewDate(2026, 10, 24)} {
		for quarter := range 4 * 36 {
			start := day.At(12, 0, loc).Add(time.Duration(quarter) * 15 * time.Minute)
			list = append(list, school.Entry{
				UID:   school.UID("dst-" + string(rune('a'+i)) + "-" + strings.Repeat("x", quarter%90) + string(rune('a'+quarter/90))),
				Title: "Jour", Span: school.Timed(start, start.Add(20*time.Minute)), Modified: stamp(1),
			})
		}
	}
	return list
}

// checkInstants compares what a program read with what was written.
func checkInstants(t *testing.T, got map[string]entryRead, list []school.Entry) {
	t.Helper()
	if len(got) != len(list) {
		t.Errorf("%d entries of %d were read", len(got), len(list))
	}
	for _, e := range list {
		want := entryRead{UID: string(e.UID) + icalendar.Suffix, Start: e.Span.Start.UTC().Format(time.RFC3339), End: e.Span.End.UTC().Format(time.RFC3339)}
		switch {
		case e.Task:
			last := school.DateOf(e.Span.End)
			if e.Span.AllDay {
				last = e.Span.Days.To.AddDays(-1)
			}
			want.Start, want.End = last.String(), last.AddDays(1).String()
		case e.Span.AllDay:
			want.Start, want.End = e.Span.Days.From.String(), e.Span.Days.To.String()
		case e.Span.Start.Equal(e.Span.End):
			want.End = ""
		}
		p := got[want.UID]
		if p.Start != want.Start || p.End != want.End {
			t.Errorf("%s: read as %s to %s, want %s to %s", want.UID, p.Start, p.End, want.Start, want.End)
		}
	}
}

// meetingRead is what programs read of the entry with difficult texts.
func meetingRead() entryRead {
	return entryRead{
		UID: "e-meeting@syncd", Summary: `Utvecklingssamtal; Åsa, mamma \ pappa`, Place: "Sal A3, Björkskolan",
		Body: "Ta med:\n• pennan, \"den blå\"\n\nVälkomna 👩‍👩‍👧‍👦!", Categories: []string{"Möte, viktigt", "Skola"},
	}
}

// TestInteropIcalJS reads calendars with Thunderbird's parser.
func TestInteropIcalJS(t *testing.T) {
	t.Parallel()
	interpreter := node(t, "ical.js")
	list := clockChanges()
	data, skipped := icalendar.Calendar(info("Åsa"), list, feedStyle())
	if len(skipped) != 0 {
		t.Fatalf("skipped %v", skipped)
	}
	got := readWith(t, interpreter, "read.cjs", data)
	checkInstants(t, got, list)
	meeting := got["e-meeting"+icalendar.Suffix]
	meeting.Start, meeting.End = "", ""
	if diff := cmp.Diff(meetingRead(), meeting); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
	var hostile []school.Entry
	day := school.NewDate(2026, time.June, 3)
	for i, s := range injections() {
		hostile = append(hostile, school.Entry{
			UID: school.UID(fmt.Sprintf("i-%d", i)), Title: s, Place: s, Body: s, URL: s, Categories: []string{s}, Span: school.AllDay(day, day),
		})
	}
	data, _ = icalendar.Calendar(icalendar.Info{Name: hostile[0].Title}, hostile, feedStyle())
	if n := len(readWith(t, interpreter, "read.cjs", data)); n != len(hostile) {
		t.Errorf("ical.js reads %d hostile entries of %d", n, len(hostile))
	}
}

func TestInteropPython(t *testing.T) {
	t.Parallel()
	interpreter := python(t, "icalendar")
	list := clockChanges()
	data, skipped := icalendar.Calendar(info("Åsa"), list, feedStyle())
	if len(skipped) != 0 {
		t.Fatalf("skipped %v", skipped)
	}
	got := readWith(t, interpreter, "read.py", data)
	checkInstants(t, got, list)
	meeting := got["e-meeting"+icalendar.Suffix]
	meeting.Start, meeting.End = "", ""
	// Its version 4 parts categories at escaped commas too.
	meeting.Categories = []string{strings.Join(meeting.Categories, ",")}
	want := meetingRead()
	want.Categories = []string{strings.Join(want.Categories, ",")}
	if diff := cmp.Diff(want, meeting); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
	for _, e := range all() {
		o, err := icalendar.Encode(e, objectStyle())
		if err != nil {
			t.Fatal(err)
		}
		if n := len(readWith(t, interpreter, "read.py", o.Data)); n != 1 {
			t.Errorf("%s: python3-icalendar reads %d entries", e.UID, n)
		}
	}
	for _, s := range injections() {
		day := school.NewDate(2026, time.June, 3)
		e := school.Entry{UID: "i-1", Title: s, Place: s, Body: s, URL: s, Categories: []string{s}, Span: school.AllDay(day, day)}
		data, _ := icalendar.Calendar(icalendar.Info{Name: s, Description: s}, []school.Entry{e}, feedStyle())
		if n := len(readWith(t, interpreter, "read.py", data)); n != 1 {
			t.Errorf("text %.40q: python3-icalendar reads %d entries", s, n)
		}
	}
}
