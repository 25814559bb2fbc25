package icalendar_test

import (
	"fmt"
	"strings"
	"time"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

func ExampleEncode() {
	day := school.NewDate(2026, time.February, 23)
	object, err := icalendar.Encode(school.Entry{
		UID: "e-1", Title: "Sportlov, alla klasser", Span: school.AllDay(day, day.AddDays(4)),
		Modified: time.Date(2026, time.January, 7, 6, 30, 0, 0, time.UTC),
	}, icalendar.Style{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(object.Name)
	fmt.Print(strings.ReplaceAll(string(object.Data), "\r\n", "\n"))
	// Output:
	// e-1.ics
	// BEGIN:VCALENDAR
	// VERSION:2.0
	// PRODID:-//syncd//calendar//SV
	// CALSCALE:GREGORIAN
	// BEGIN:VEVENT
	// UID:e-1@syncd
	// DTSTAMP:20260107T063000Z
	// LAST-MODIFIED:20260107T063000Z
	// SEQUENCE:0
	// SUMMARY:Sportlov\, alla klasser
	// DTSTART;VALUE=DATE:20260223
	// DTEND;VALUE=DATE:20260228
	// STATUS:CONFIRMED
	// TRANSP:TRANSPARENT
	// X-MICROSOFT-CDO-BUSYSTATUS:FREE
	// X-MICROSOFT-CDO-ALLDAYEVENT:TRUE
	// END:VEVENT
	// END:VCALENDAR
}
