package icalendar_test

import (
	"bytes"
	"encoding/json"
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

type pythonEntry struct {
	UID        string   `json:"uid"`
	Start      string   `json:"start"`
	End        string   `json:"end"`
	Summary    string   `json:"summary"`
	Place      string   `json:"place"`
	Body       string   `json:"body"`
	Categories []string `json:"categories"`
}

// readWithPython reads a calendar with python3-icalendar.
func readWithPython(t *testing.T, interpreter string, data []byte) map[string]pythonEntry {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), interpreter, filepath.Join("testdata", "read.py"))
	cmd.Stdin = bytes.NewReader(data)
	var out, fault bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &fault
	if err := cmd.Run(); err != nil {
		t.Fatalf("python3-icalendar: %v\n%s", err, fault.String())
	}
	list := map[string]pythonEntry{}
	dec := json.NewDecoder(&out)
	for dec.More() {
		var e pythonEntry
		if err := dec.Decode(&e); err != nil {
			t.Fatal(err)
		}
		list[e.UID] = e
	}
	return list
}

func TestInteropPython(t *testing.T) {
	t.Parallel()
	interpreter := python(t, "icalendar")
	loc := school.Stockholm()
	list := all()
	// Lessons around both changes of the clock, the doubled hour included.
	for i, day := range []school.Date{school.NewDate(2026, 3, 28), school.NewDate(2026, 10, 24)} {
		for quarter := range 4 * 36 {
			start := day.At(12, 0, loc).Add(time.Duration(quarter) * 15 * time.Minute)
			list = append(list, school.Entry{
				UID:   school.UID("dst-" + string(rune('a'+i)) + "-" + strings.Repeat("x", quarter%90) + string(rune('a'+quarter/90))),
				Title: "Jour", Span: school.Timed(start, start.Add(20*time.Minute)), Modified: stamp(1),
			})
		}
	}
	data, skipped := icalendar.Calendar(info("Åsa"), list, feedStyle())
	if len(skipped) != 0 {
		t.Fatalf("skipped %v", skipped)
	}
	got := readWithPython(t, interpreter, data)
	if len(got) != len(list) {
		t.Errorf("python3-icalendar reads %d entries of %d", len(got), len(list))
	}
	for _, e := range list {
		want := pythonEntry{UID: string(e.UID) + icalendar.Suffix, Start: e.Span.Start.UTC().Format(time.RFC3339), End: e.Span.End.UTC().Format(time.RFC3339)}
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
			t.Errorf("%s: python reads %s to %s, want %s to %s", want.UID, p.Start, p.End, want.Start, want.End)
		}
	}
	meeting := got["e-meeting"+icalendar.Suffix]
	meeting.Start, meeting.End = "", ""
	// Its version 4 parts categories at escaped commas too.
	meeting.Categories = []string{strings.Join(meeting.Categories, ",")}
	want := pythonEntry{
		UID: "e-meeting@syncd", Summary: `Utvecklingssamtal; Åsa, mamma \ pappa`, Place: "Sal A3, Björkskolan",
		Body: "Ta med:\n• pennan, \"den blå\"\n\nVälkomna 👩‍👩‍👧‍👦!", Categories: []string{"Möte, viktigt,Skola"},
	}
	if diff := cmp.Diff(want, meeting); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
	for _, e := range all() {
		o, err := icalendar.Encode(e, objectStyle())
		if err != nil {
			t.Fatal(err)
		}
		if n := len(readWithPython(t, interpreter, o.Data)); n != 1 {
			t.Errorf("%s: python3-icalendar reads %d entries", e.UID, n)
		}
	}
	for _, s := range injections() {
		day := school.NewDate(2026, time.June, 3)
		e := school.Entry{UID: "i-1", Title: s, Place: s, Body: s, URL: s, Categories: []string{s}, Span: school.AllDay(day, day)}
		data, _ := icalendar.Calendar(icalendar.Info{Name: s, Description: s}, []school.Entry{e}, feedStyle())
		if n := len(readWithPython(t, interpreter, data)); n != 1 {
			t.Errorf("text %.40q: python3-icalendar reads %d entries", s, n)
		}
	}
}
