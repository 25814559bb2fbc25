package icalendar_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

func FuzzEncode(f *testing.F) {
	for _, s := range injections() {
		s = s[:min(len(s), 200)] // the engine spends its time on making long ones shorter
		f.Add(s, s, s, s, int64(1780467600), int64(3000), false, false, uint8(0))
	}
	f.Add("Matematik", "B12", "Anna", "https://skola.example/1", int64(1792887300), int64(2700), false, true, uint8(7))
	f.Add("x", "", "", "", int64(-62135596800), int64(0), true, false, uint8(1))
	f.Add("x", "", "", "", int64(253402300799), int64(-1), true, true, uint8(2))
	f.Fuzz(func(t *testing.T, title, place, body, address string, start, length int64, allDay, task bool, look uint8) {
		loc := school.Stockholm()
		from := time.Unix(start%(1<<40), 0).In(loc)
		to := from.Add(time.Duration(length%(1<<32)) * time.Second)
		e := school.Entry{
			UID: "f-1", Kind: school.KindEvents, Title: title, Place: place, Body: body, URL: address, Task: task,
			Span: school.Timed(from, to), Categories: []string{title, body}, ChildName: place, Modified: stamp(1),
		}
		if allDay {
			e.Span = school.AllDay(school.DateOf(from), school.DateOf(to))
		}
		style := icalendar.Style{
			Feed: look&1 != 0, Options: school.Options{Prefix: look&2 != 0, UTC: look&4 != 0},
			Words: icalendar.Words{CancelledPrefix: body, Untitled: place},
		}
		if look&8 != 0 {
			e.Status = school.StatusCancelled
		}
		o, err := icalendar.Encode(e, style)
		if err != nil {
			if !errors.Is(err, icalendar.ErrUnrepresentable) {
				t.Fatalf("Encode = %v", err)
			}
			return
		}
		for _, fault := range check(o.Data) {
			t.Error(fault)
		}
		list, err := decode(o.Data)
		if err != nil {
			t.Fatalf("go-ical: %v", err)
		}
		if len(list) != 1 || list[0].UID != "f-1@syncd" {
			t.Fatalf("go-ical reads %+v", list)
		}
		if !allDay && !task && !list[0].Start.Equal(from) {
			t.Errorf("starts at %v, want %v", list[0].Start, from)
		}
		// Text that needs no cleaning comes back as it was.
		if plain(body) && len(body) <= 8<<10 && list[0].Body != body {
			t.Errorf("body %q came back as %q", body, list[0].Body)
		}
		calendar, skipped := icalendar.Calendar(icalendar.Info{Name: title, Description: body, Color: place, ColorName: title}, []school.Entry{e}, style)
		if style.Feed && len(skipped) > 0 {
			t.Errorf("encoded alone but skipped in a calendar")
		}
		for _, fault := range check(calendar) {
			t.Error(fault)
		}
		if _, err := decode(calendar); err != nil {
			t.Fatalf("go-ical: %v", err)
		}
	})
}

// plain reports whether s is already as clean text is.
func plain(s string) bool {
	if !norm.NFC.IsNormalString(s) || strings.TrimSpace(s) != s || strings.Contains(s, "  ") ||
		strings.Contains(s, " \n") || strings.Contains(s, "\n ") || strings.Contains(s, "\n\n\n") {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return r == '\uFFFD' || r != '\n' && r != ' ' && (r < ' ' || r >= 0x7f && r <= 0xa0 || r == '\u1680' || r >= '\u2000' && r <= '\u200a' ||
			r == '\u2028' || r == '\u2029' || r == '\u202f' || r == '\u205f' || r == '\u3000' || r == '\ufeff' || r >= '\ufffe' && r <= '\uffff')
	}) < 0
}
