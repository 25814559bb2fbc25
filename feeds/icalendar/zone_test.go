package icalendar_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	goical "github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// The VTIMEZONE that is written, read back with another library and followed
// by its own rules, says the same of every transition and of every hour
// around it as the zone database.
func TestZoneAgreesWithTheDatabase(t *testing.T) {
	t.Parallel()
	loc, err := time.LoadLocation(school.Zone)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := icalendar.Calendar(icalendar.Info{}, nil, icalendar.Style{Feed: true})
	cal, err := goical.NewDecoder(bytes.NewReader(data)).Decode()
	if err != nil {
		t.Fatal(err)
	}
	zone := cal.Children[0]
	if id, _ := zone.Props.Text("TZID"); zone.Name != "VTIMEZONE" || id != school.Zone {
		t.Fatalf("first component is %s %q", zone.Name, id)
	}
	type change struct {
		at     time.Time
		offset string
	}
	var changes []change
	for _, o := range zone.Children {
		from := o.Props.Get("TZOFFSETFROM").Value
		start, err := time.Parse("20060102T150405-0700", o.Props.Get("DTSTART").Value+from)
		if err != nil {
			t.Fatal(err)
		}
		rule, err := rrule.StrToRRule(o.Props.Get("RRULE").Value)
		if err != nil {
			t.Fatal(err)
		}
		rule.DTStart(start)
		for _, at := range rule.Between(start, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), true) {
			changes = append(changes, change{at, o.Props.Get("TZOFFSETTO").Value})
		}
	}
	if len(changes) != 2*(2100-1970) {
		t.Fatalf("%d transitions", len(changes))
	}
	// Before 1996 summer ended in September in Sweden; such times are written
	// in UTC.
	for _, c := range changes {
		if c.at.Year() < 1996 {
			continue
		}
		before, after := c.at.Add(-time.Second).In(loc).Format("-0700"), c.at.In(loc).Format("-0700")
		if after != c.offset || before == after {
			t.Errorf("at %v the database goes from %s to %s, the calendar to %s", c.at, before, after, c.offset)
		}
	}
}

// Every quarter of an hour around clock changes, and in years for which the
// rules do not hold, means the same instant to the reader.
func TestInstantsSurvive(t *testing.T) {
	t.Parallel()
	loc := school.Stockholm()
	var starts []time.Time
	for _, day := range []time.Time{
		time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC),
		time.Date(2027, 3, 27, 22, 0, 0, 0, time.UTC), time.Date(2045, 10, 28, 22, 0, 0, 0, time.UTC),
		time.Date(1985, 9, 28, 22, 0, 0, 0, time.UTC), time.Date(1975, 7, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1905, 7, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 6, 3, 6, 0, 0, 0, time.UTC),
		time.Date(2026, 12, 31, 20, 0, 0, 0, time.UTC),
	} {
		for quarter := range 20 {
			starts = append(starts, day.Add(time.Duration(quarter)*15*time.Minute))
		}
	}
	for _, start := range starts {
		for _, length := range []time.Duration{0, 45 * time.Minute, 2 * time.Hour, 24 * time.Hour} {
			e := school.Entry{UID: "t-1", Span: school.Timed(start.In(loc), start.Add(length).In(loc))}
			o, err := icalendar.Encode(e, icalendar.Style{})
			if err != nil {
				t.Fatalf("Encode(%v + %v) = %v", start, length, err)
			}
			list, err := decode(o.Data)
			if err != nil {
				t.Fatal(err)
			}
			end := start.Add(length)
			if length == 0 {
				end = time.Time{}
			}
			if !list[0].Start.Equal(start) || !list[0].End.Equal(end) {
				t.Errorf("%v + %v is read as %v to %v", start, length, list[0].Start, list[0].End)
			}
			for _, fault := range check(o.Data) {
				t.Errorf("%v + %v: %s", start, length, fault)
			}
		}
	}
}

func TestFormsOfTime(t *testing.T) {
	t.Parallel()
	loc := school.Stockholm()
	june := school.NewDate(2026, time.June, 3)
	for name, tc := range map[string]struct {
		span    school.Span
		options school.Options
		want    []string
		zone    bool
	}{
		"local": {
			school.Timed(june.At(8, 20, loc), june.At(9, 0, loc)),
			school.Options{},
			[]string{"DTSTART;TZID=Europe/Stockholm:20260603T082000", "DTEND;TZID=Europe/Stockholm:20260603T090000"},
			true,
		},
		"given in another zone": {
			school.Timed(june.At(8, 20, loc).UTC(), june.At(9, 0, loc).In(time.FixedZone("", -5*3600))),
			school.Options{},
			[]string{"DTSTART;TZID=Europe/Stockholm:20260603T082000", "DTEND;TZID=Europe/Stockholm:20260603T090000"},
			true,
		},
		"utc": {
			school.Timed(june.At(8, 20, loc), june.At(9, 0, loc)),
			school.Options{UTC: true},
			[]string{"DTSTART:20260603T062000Z", "DTEND:20260603T070000Z"},
			false,
		},
		"until midnight": {
			school.Timed(june.At(22, 0, loc), june.At(24, 0, loc)),
			school.Options{},
			[]string{"DTEND;TZID=Europe/Stockholm:20260604T000000"},
			true,
		},
		"fractions": {
			school.Timed(june.At(8, 20, loc).Add(999*time.Millisecond), june.At(9, 0, loc)),
			school.Options{},
			[]string{"DTSTART;TZID=Europe/Stockholm:20260603T082000"},
			true,
		},
		"one day": {
			school.AllDay(june, june),
			school.Options{},
			[]string{"DTSTART;VALUE=DATE:20260603", "DTEND;VALUE=DATE:20260604", "ALLDAYEVENT:TRUE"},
			false,
		},
		"a week": {
			school.AllDay(school.NewDate(2026, 2, 23), school.NewDate(2026, 2, 27)),
			school.Options{},
			[]string{"DTSTART;VALUE=DATE:20260223", "DTEND;VALUE=DATE:20260228"},
			false,
		},
		"day of the clock change": {
			school.AllDay(school.NewDate(2026, 3, 29), school.NewDate(2026, 3, 29)),
			school.Options{},
			[]string{"DTSTART;VALUE=DATE:20260329", "DTEND;VALUE=DATE:20260330"},
			false,
		},
		"the hour that comes again": {
			school.Timed(time.Date(2026, 10, 25, 1, 15, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 45, 0, 0, time.UTC)),
			school.Options{},
			[]string{"DTSTART:20261025T011500Z", "DTEND:20261025T014500Z"},
			false,
		},
		"the hour before it comes again": {
			school.Timed(time.Date(2026, 10, 25, 0, 15, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 45, 0, 0, time.UTC)),
			school.Options{},
			[]string{"DTSTART:20261025T001500Z", "DTEND:20261025T004500Z"},
			false,
		},
		"up to the hour that comes twice": {
			school.Timed(time.Date(2026, 10, 24, 23, 15, 0, 0, time.UTC), time.Date(2026, 10, 24, 23, 45, 0, 0, time.UTC)),
			school.Options{},
			[]string{"DTSTART;TZID=Europe/Stockholm:20261025T011500", "DTEND;TZID=Europe/Stockholm:20261025T014500"},
			true,
		},
		"into the hour that comes again": {
			school.Timed(time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 15, 0, 0, time.UTC)),
			school.Options{},
			[]string{"DTSTART:20261025T003000Z", "DTEND:20261025T011500Z"},
			false,
		},
	} {
		o, err := icalendar.Encode(school.Entry{UID: "f-1", Span: tc.span}, icalendar.Style{Options: tc.options})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(string(o.Data), want+"\r\n") {
				t.Errorf("%s: no %s in\n%s", name, want, o.Data)
			}
		}
		if got := bytes.Contains(o.Data, []byte("VTIMEZONE")); got != tc.zone {
			t.Errorf("%s: has a zone = %v, want %v", name, got, tc.zone)
		}
	}
}

func TestTasks(t *testing.T) {
	t.Parallel()
	loc := school.Stockholm()
	june := school.NewDate(2026, time.June, 3)
	for name, tc := range map[string]struct {
		span         school.Span
		task, event  []string
		withoutStart bool
	}{
		"a day": {
			school.AllDay(june, june),
			[]string{"DUE;VALUE=DATE:20260603"},
			[]string{"DTSTART;VALUE=DATE:20260603", "DTEND;VALUE=DATE:20260604"},
			true,
		},
		"several days": {
			school.AllDay(june, june.AddDays(2)),
			[]string{"DTSTART;VALUE=DATE:20260603", "DUE;VALUE=DATE:20260605"},
			[]string{"DTSTART;VALUE=DATE:20260605", "DTEND;VALUE=DATE:20260606"},
			false,
		},
		"a moment": {
			school.Timed(june.At(23, 59, loc), june.At(23, 59, loc)),
			[]string{"DUE;TZID=Europe/Stockholm:20260603T235900"},
			[]string{"DTSTART;VALUE=DATE:20260603"},
			true,
		},
		"an hour": {
			school.Timed(june.At(10, 0, loc), june.At(11, 0, loc)),
			[]string{"DTSTART;TZID=Europe/Stockholm:20260603T100000", "DUE;TZID=Europe/Stockholm:20260603T110000"},
			[]string{"DTSTART;VALUE=DATE:20260603", "DTEND;VALUE=DATE:20260604"},
			false,
		},
	} {
		e := school.Entry{UID: "t-1", Kind: school.KindHomework, Title: "Läxa", Task: true, Span: tc.span}
		for _, style := range []icalendar.Style{{}, {Feed: true}} {
			want := tc.task
			if style.Feed {
				want = tc.event
			}
			o, err := icalendar.Encode(e, style)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for _, w := range want {
				if !strings.Contains(string(o.Data), w+"\r\n") {
					t.Errorf("%s, feed %v: no %s in\n%s", name, style.Feed, w, o.Data)
				}
			}
			if _, component, _ := strings.Cut(string(o.Data), "BEGIN:VTODO"); !style.Feed && tc.withoutStart && strings.Contains(component, "DTSTART") {
				t.Errorf("%s: a task without length has a start", name)
			}
			if _, err := decode(o.Data); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
