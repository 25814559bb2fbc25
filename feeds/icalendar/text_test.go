package icalendar_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

func TestUnrepresentable(t *testing.T) {
	t.Parallel()
	loc := school.Stockholm()
	day := school.NewDate(2026, time.June, 3)
	good := school.Entry{UID: "a-1", Title: "Hemligt", Span: school.AllDay(day, day), Modified: stamp(1)}
	for name, change := range map[string]func(*school.Entry){
		"ends before it starts": func(e *school.Entry) { e.Span = school.Timed(day.At(9, 0, loc), day.At(8, 0, loc)) },
		"no day":                func(e *school.Entry) { e.Span = school.AllDay(day, day.AddDays(-1)) },
		"no time":               func(e *school.Entry) { e.Span = school.Span{} },
		"no date":               func(e *school.Entry) { e.Span = school.Span{AllDay: true} },
		"year 1":                func(e *school.Entry) { e.Span = school.AllDay(school.NewDate(1, 1, 1), school.NewDate(1, 1, 1)) },
		"year 1 timed": func(e *school.Entry) {
			e.Span = school.Timed(time.Date(1, 1, 1, 8, 0, 0, 0, loc), time.Date(1, 1, 1, 9, 0, 0, 0, loc))
		},
		"year 9999": func(e *school.Entry) {
			e.Span = school.AllDay(school.NewDate(9999, 12, 31), school.NewDate(9999, 12, 31))
		},
		"ends in 9999": func(e *school.Entry) {
			e.Span = school.Timed(day.At(9, 0, loc), time.Date(9999, 12, 31, 23, 59, 0, 0, loc))
		},
		"30 February": func(e *school.Entry) {
			e.Span = school.Span{AllDay: true, Days: school.Window{From: school.Date{Year: 2026, Month: 2, Day: 30}, To: day}}
		},
		"no uid":           func(e *school.Entry) { e.UID = "" },
		"uid with line":    func(e *school.Entry) { e.UID = "a\r\nATTENDEE:x" },
		"uid with slash":   func(e *school.Entry) { e.UID = "../a" },
		"endless uid":      func(e *school.Entry) { e.UID = school.UID(strings.Repeat("a", 200)) },
		"changed in 10000": func(e *school.Entry) { e.Modified = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"created in 1":     func(e *school.Entry) { e.Created = time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC) },
	} {
		e := good
		change(&e)
		o, err := icalendar.Encode(e, objectStyle())
		if !errors.Is(err, icalendar.ErrUnrepresentable) || o.Data != nil {
			t.Errorf("%s: Encode = %d octets, %v, want ErrUnrepresentable", name, len(o.Data), err)
		}
		if err != nil && strings.Contains(err.Error(), e.Title) {
			t.Errorf("%s: the error shows the entry: %v", name, err)
		}
		data, skipped := icalendar.Calendar(info("x"), []school.Entry{good, e}, feedStyle())
		if diff := cmp.Diff([]school.UID{e.UID}, skipped); diff != "" {
			t.Errorf("%s: skipped (-want +got):\n%s", name, diff)
		}
		if got := checkFeed(t, data); len(got) != 1 {
			t.Errorf("%s: %d entries in the calendar, want the good one", name, len(got))
		}
	}
}

// injections is what a text field of a school may hold.
func injections() []string {
	return []string{
		"a\rb", "a\nb", "a\r\nb", "a\x00b", "a\x0b\x0cb", "a\u2028b\u2029c", "a\u0085b", "\ufeffa", "a\x1b[31mb\x7f",
		"a\"b", "a;b", "a,b", "a:b", `a\nb`, `a\`, `\`, ";:,\"\\", "👩‍👩‍👧‍👦 👍🏽", "\u202eabc\u202c \u200fאבג", "e\u0301\u0301\u0301",
		"x\r\nATTENDEE:mailto:a@example.org\r\nBEGIN:VALARM", "x\r\n END:VEVENT\r\n\r\nEND:VCALENDAR",
		"\xff\xfe\xc3(", "\ufffe\uffff", "   ", "\t a \t\t b \t", "a    b", "a\n\n\n\n\nb", "<b>&amp;</b>]]>",
		strings.Repeat("å", 10<<10), strings.Repeat("😀", 3000), strings.Repeat("word ", 4000), strings.Repeat(" \n", 5000),
		strings.Repeat("x", 74) + " " + strings.Repeat("y", 80), strings.Repeat("å ", 200), "\u00a0\u2003\u3000a\u00a0",
	}
}

func TestInjections(t *testing.T) {
	t.Parallel()
	loc := school.Stockholm()
	day := school.NewDate(2026, time.June, 3)
	for i, s := range injections() {
		e := school.Entry{
			UID: school.UID(fmt.Sprintf("i-%d", i)), Kind: school.KindEvents, Title: s, Place: s, Body: s, URL: s,
			ChildName: s, Categories: []string{s, s}, Span: school.Timed(day.At(8, 0, loc), day.At(9, 0, loc)), Modified: stamp(1),
		}
		for _, style := range []icalendar.Style{
			objectStyle(), feedStyle(),
			{Feed: true, Options: school.Options{Prefix: true}, Words: icalendar.Words{CancelledPrefix: s, Untitled: s, Care: s}},
		} {
			o, err := icalendar.Encode(e, style)
			if err != nil {
				t.Fatalf("Encode(%q) = %v", s, err)
			}
			for _, fault := range check(o.Data) {
				t.Errorf("text %.40q: %s", s, fault)
			}
			list, err := decode(o.Data)
			if err != nil || len(list) != 1 {
				t.Fatalf("text %.40q: %d components, %v", s, len(list), err)
			}
			if strings.Contains(list[0].Summary, "\n") || strings.Contains(list[0].Place, "\n") {
				t.Errorf("text %.40q: a line break in title or place", s)
			}
		}
		in := icalendar.Info{Name: s, Description: s, Color: s, ColorName: s}
		data, skipped := icalendar.Calendar(in, []school.Entry{e}, feedStyle())
		if len(skipped) != 0 || len(checkFeed(t, data)) != 1 {
			t.Errorf("text %.40q in the calendar's own fields: skipped %v", s, skipped)
		}
		for _, never := range []string{"\r\nATTENDEE", "\r\nBEGIN:VALARM"} {
			if bytes.Contains(data, []byte(never)) {
				t.Errorf("text %.40q became a property", s)
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	day := school.NewDate(2026, time.June, 3)
	for in, want := range map[string]string{
		"https://skola.example/a b?q=å&x=\"1\"":  "https://skola.example/a%20b?q=%C3%A5&x=%221%22",
		"http://skola.example":                   "http://skola.example",
		"mailto:skolan@example.org":              "mailto:skolan@example.org",
		"tel:+46812345678":                       "tel:+46812345678",
		" https://x.example/ ":                   "https://x.example/",
		"https://user:secret@x.example/":         "",
		"javascript:alert(1)":                    "",
		"file:///etc/passwd":                     "",
		"/relative":                              "",
		"https:///nohost":                        "",
		"https://no\"host/":                      "",
		"https://x/\r\nATTENDEE:mailto:a@b":      "",
		"https://x/" + strings.Repeat("a", 3000): "",
		"mailto:":                                "",
		"data:text/html,x":                       "",
		"":                                       "",
	} {
		o, err := icalendar.Encode(school.Entry{UID: "u-1", URL: in, Span: school.AllDay(day, day)}, objectStyle())
		if err != nil {
			t.Fatal(err)
		}
		unfolded := strings.ReplaceAll(string(o.Data), "\r\n ", "")
		_, after, found := strings.Cut(unfolded, "\r\nURL:")
		got, _, _ := strings.Cut(after, "\r\n")
		if got != want || found != (want != "") {
			t.Errorf("address %.60q is written as %q, want %q", in, got, want)
		}
	}
}
