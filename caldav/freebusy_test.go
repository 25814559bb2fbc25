package caldav_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds/icalendar"
)

func freeBusyBody(start, end string) string {
	return `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="` + start + `" end="` + end + `"/></C:free-busy-query>`
}

func TestFreeBusy(t *testing.T) {
	t.Parallel()
	h := holding(t,
		raw("a-series", "VEVENT", comp("VEVENT", "DTSTART:20261101T080000Z\nDTEND:20261101T090000Z\nRRULE:FREQ=DAILY;COUNT=60")),
		raw("b-overlap", "VEVENT", comp("VEVENT", "DTSTART:20261124T083000Z\nDTEND:20261124T100000Z")),
		raw("c-touching", "VEVENT", comp("VEVENT", "DTSTART:20261124T100000Z\nDURATION:PT15M")),
		raw("d-maybe", "VEVENT", comp("VEVENT", "DTSTART:20261124T120000Z\nDTEND:20261124T130000Z\nSTATUS:TENTATIVE")),
		raw("e-off", "VEVENT", comp("VEVENT", "DTSTART:20261124T140000Z\nDTEND:20261124T150000Z\nSTATUS:CANCELLED")),
		raw("f-free", "VEVENT", comp("VEVENT", "DTSTART;VALUE=DATE:20261124\nTRANSP:TRANSPARENT")),
		raw("g-whole", "VEVENT", comp("VEVENT", "DTSTART;VALUE=DATE:20261126")),
		raw("h-stored", "VFREEBUSY", comp("VFREEBUSY", "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20261124T200000Z/PT1H\nFREEBUSY;FBTYPE=FREE:20261124T210000Z/PT1H\nFREEBUSY:20261125T200000Z/20261125T210000Z")),
		raw("i-moment", "VEVENT", comp("VEVENT", "DTSTART:20261124T170000Z")),
		raw("j-task", "VTODO", comp("VTODO", "DTSTART:20261124T180000Z\nDUE:20261124T190000Z")),
		raw("k-broken", "VEVENT", "BEGIN:VEVENT\nno colon"),
	)
	w := do(t, h, "REPORT", events, freeBusyBody("20261124T083000Z", "20261126T120000Z"), "Depth: 1")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/calendar; charset=utf-8; component=vfreebusy" {
		t.Fatalf("free-busy-query = %d %v", w.Code, w.Header())
	}
	want := `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//syncd//calendar//SV
BEGIN:VFREEBUSY
UID:d84b01f1-0199-831b-9b0d-18c683a4cbf0
DTSTAMP:20261101T080000Z
DTSTART:20261124T083000Z
DTEND:20261126T120000Z
FREEBUSY;FBTYPE=BUSY:20261124T083000Z/20261124T101500Z
FREEBUSY;FBTYPE=BUSY-TENTATIVE:20261124T120000Z/20261124T130000Z
FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20261124T200000Z/20261124T210000Z
FREEBUSY;FBTYPE=BUSY:20261125T080000Z/20261125T090000Z
FREEBUSY;FBTYPE=BUSY:20261125T200000Z/20261125T210000Z
FREEBUSY;FBTYPE=BUSY:20261125T230000Z/20261126T120000Z
END:VFREEBUSY
END:VCALENDAR
`
	if diff := cmp.Diff(strings.ReplaceAll(want, "\n", "\r\n"), w.Body.String()); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	w = do(t, h, "REPORT", events+"d-maybe.ics", freeBusyBody("20261124T000000Z", "20261125T000000Z"))
	if got := strings.Count(w.Body.String(), "FREEBUSY;"); got != 1 {
		t.Errorf("one object has %d periods, want 1", got)
	}
	for name, body := range map[string]string{
		"no range":   `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"/>`,
		"open range": strings.Replace(freeBusyBody("20261124T000000Z", "x"), ` end="x"`, "", 1),
		"no time":    freeBusyBody("20261124", "20261125"),
		"backwards":  freeBusyBody("20261125T000000Z", "20261124T000000Z"),
	} {
		if w := do(t, h, "REPORT", events, body); w.Code != http.StatusBadRequest {
			t.Errorf("%s = %d, want 400", name, w.Code)
		}
	}
	h = holding(t, raw("o", "VEVENT", comp("VEVENT", "DTSTART:20261101T080000Z\nDURATION:PT1S\nRRULE:FREQ=MINUTELY")))
	if w := do(t, h, "REPORT", events, freeBusyBody("20261101T000000Z", "20361101T000000Z")); w.Code != 403 || !strings.Contains(w.Body.String(), "number-of-matches-within-limits") {
		t.Errorf("busy all the time = %d %s", w.Code, w.Body)
	}
}

// far is a zone that no database knows, an hour before Tokyo in winter and
// two in summer, as an object or a query describes it.
const far = "BEGIN:VTIMEZONE\nTZID:Somewhere/Far\n" +
	"BEGIN:STANDARD\nDTSTART:19701025T030000\nTZOFFSETFROM:+0800\nTZOFFSETTO:+0700\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\n" +
	"BEGIN:DAYLIGHT\nDTSTART:19700329T020000\nTZOFFSETFROM:+0700\nTZOFFSETTO:+0800\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20991231T000000Z\nEND:DAYLIGHT\nEND:VTIMEZONE\n"

// TestOwnZone reads times in zones that only the object or the query knows, by
// the rules that it gives.
func TestOwnZone(t *testing.T) {
	t.Parallel()
	event := func(month string) icalendar.Object {
		return raw("o", "VEVENT", far+comp("VEVENT", "DTSTART;TZID=Somewhere/Far:2026"+month+"10T120000\nDURATION:PT1H"))
	}
	floating := func(month string) icalendar.Object {
		return raw("o", "VEVENT", comp("VEVENT", "DTSTART:2026"+month+"10T120000\nDURATION:PT1H"))
	}
	zone := "<C:timezone>BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + strings.ReplaceAll(far, "\n", "\r\n") + "END:VCALENDAR\r\n</C:timezone>"
	for _, tc := range []struct{ month, hour string }{{"01", "05"}, {"07", "04"}, {"12", "05"}} {
		body := timeRange("VEVENT", "2026"+tc.month+"10T"+tc.hour+"0000Z", "2026"+tc.month+"10T"+tc.hour+"0100Z")
		if got := names(decode(t, do(t, holding(t, event(tc.month)), "REPORT", events, queryBody(body, "")))); len(got) != 1 {
			t.Errorf("an object's own zone in month %s: %v, want it at %s UTC", tc.month, got, tc.hour)
		}
		if got := names(decode(t, do(t, holding(t, floating(tc.month)), "REPORT", events, queryBody(body, zone)))); len(got) != 1 {
			t.Errorf("a query's own zone in month %s: %v, want it at %s UTC", tc.month, got, tc.hour)
		}
		if got := names(decode(t, do(t, holding(t, floating(tc.month)), "REPORT", events, queryBody(body, "")))); len(got) != 0 {
			t.Errorf("without a zone in month %s: %v, want nothing", tc.month, got)
		}
	}
	var many []icalendar.Object
	for i := range 400 {
		o := event("07")
		o.Name = fmt.Sprintf("%03d.ics", i)
		many = append(many, o)
	}
	if got := names(decode(t, do(t, holding(t, many...), "REPORT", events, queryBody(timeRange("VEVENT", "20260710T040000Z", "20260710T040100Z"), "")))); len(got) != len(many) {
		t.Errorf("%d objects with a zone of their own are read by it, want all", len(got))
	}
	for name, inside := range map[string]string{
		"no rules":       "",
		"no offset":      "BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nEND:STANDARD\r\n",
		"no such offset": "BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+99\r\nEND:STANDARD\r\n",
		"no start":       "BEGIN:STANDARD\r\nDTSTART:1970\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:STANDARD\r\n",
	} {
		after := "<C:timezone>BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTIMEZONE\r\nTZID:Nowhere\r\n" + inside + "END:VTIMEZONE\r\nEND:VCALENDAR\r\n</C:timezone>"
		w := do(t, holding(t), "REPORT", events, queryBody("", after))
		if w.Code != 403 || !strings.Contains(w.Body.String(), "valid-calendar-data") {
			t.Errorf("a zone with %s = %d %s, want 403 valid-calendar-data", name, w.Code, w.Body)
		}
	}
	// A zone that changes by a list, and one that cannot be worked out in time.
	odd := "BEGIN:VTIMEZONE\nTZID:Odd\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+013015\nRDATE:20260601T000000,x\n" +
		"RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30\nEND:STANDARD\nEND:VTIMEZONE\n"
	h := holding(t, raw("o", "VEVENT", odd+comp("VEVENT", "DTSTART;TZID=Odd:20261110T120000\nDURATION:PT1S")))
	if got := names(decode(t, do(t, h, "REPORT", events, queryBody(timeRange("VEVENT", "20261110T102945Z", "20261110T102946Z"), "")))); len(got) != 1 {
		t.Errorf("an odd zone: %v", got)
	}
}

// TestThisAndFuture moves one occurrence of a series and all later ones.
func TestThisAndFuture(t *testing.T) {
	t.Parallel()
	series := comp("VEVENT", "DTSTART;TZID=Europe/Stockholm:20261012T080000\nDTEND;TZID=Europe/Stockholm:20261012T090000\nRRULE:FREQ=WEEKLY;COUNT=10\nEXDATE;TZID=Europe/Stockholm:20261116T080000\nSUMMARY:first") + "\n" +
		comp("VEVENT", "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Stockholm:20261102T080000\nDTSTART;TZID=Europe/Stockholm:20261103T100000\nDTEND;TZID=Europe/Stockholm:20261103T120000\nSUMMARY:moved") + "\n" +
		comp("VEVENT", "RECURRENCE-ID;TZID=Europe/Stockholm:20261123T080000\nDTSTART;TZID=Europe/Stockholm:20261123T150000\nDTEND;TZID=Europe/Stockholm:20261123T160000\nSUMMARY:single") + "\n" +
		comp("VEVENT", "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Stockholm:20261130T080000\nDTSTART;TZID=Europe/Stockholm:20261130T070000\nDTEND;TZID=Europe/Stockholm:20261130T073000\nSUMMARY:again")
	h := holding(t, raw("o", "VEVENT", series))
	got := lines(decode(t, do(t, h, "REPORT", events, dataBody("VEVENT", `<C:expand start="20261001T000000Z" end="20270101T000000Z"/>`))), "DTSTART", "RECURRENCE-ID", "SUMMARY")
	want := []string{
		"DTSTART:20261012T060000Z", "RECURRENCE-ID:20261012T060000Z", "SUMMARY:first",
		"DTSTART:20261019T060000Z", "RECURRENCE-ID:20261019T060000Z", "SUMMARY:first",
		"DTSTART:20261026T070000Z", "RECURRENCE-ID:20261026T070000Z", "SUMMARY:first",
		"DTSTART:20261103T090000Z", "RECURRENCE-ID:20261102T070000Z", "SUMMARY:moved",
		"DTSTART:20261110T090000Z", "RECURRENCE-ID:20261109T070000Z", "SUMMARY:moved",
		"DTSTART:20261123T140000Z", "RECURRENCE-ID:20261123T070000Z", "SUMMARY:single",
		"DTSTART:20261130T060000Z", "RECURRENCE-ID:20261130T070000Z", "SUMMARY:again",
		"DTSTART:20261207T060000Z", "RECURRENCE-ID:20261207T070000Z", "SUMMARY:again",
		"DTSTART:20261214T060000Z", "RECURRENCE-ID:20261214T070000Z", "SUMMARY:again",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("occurrences (-want +got):\n%s", diff)
	}
	for span, want := range map[[2]string]int{
		{"20261110T100000Z", "20261110T110000Z"}: 1, // the second hour of a moved one
		{"20261109T070000Z", "20261109T080000Z"}: 0, // where it stood
		{"20261117T000000Z", "20261118T000000Z"}: 0, // left out of the series
		{"20261214T061500Z", "20261214T062000Z"}: 1,
		{"20261214T070000Z", "20261214T080000Z"}: 0,
	} {
		if got := names(decode(t, do(t, h, "REPORT", events, queryBody(timeRange("VEVENT", span[0], span[1]), "")))); len(got) != want {
			t.Errorf("%v = %v, want %d", span, got, want)
		}
	}
	alone := holding(t, raw("o", "VEVENT", comp("VEVENT", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261102T080000Z\nDTSTART:20261103T100000Z\nDTEND:20261103T120000Z")))
	if got := names(decode(t, do(t, alone, "REPORT", events, queryBody(timeRange("VEVENT", "20261103T000000Z", "20261104T000000Z"), "")))); len(got) != 1 {
		t.Errorf("an override without its series = %v, want it where it stands", got)
	}
}

// TestExpandOddHrefs expands what can be expanded and answers every other href
// for itself.
func TestExpandOddHrefs(t *testing.T) {
	t.Parallel()
	h := holding(t, raw("o", "VEVENT", comp("VEVENT", "DTSTART:20261124T080000Z\nDURATION:PT1H")))
	ask := `<D:getetag/><D:displayname/><C:calendar-data><C:expand start="20261101T000000Z" end="20270101T000000Z"/></C:calendar-data>`
	body := multigetBody(ask, "%zz.ics", events+"o.ics", "http://[::1", "/etc/passwd", "")
	ms := decode(t, do(t, h, "REPORT", events, body, "Brief: t"))
	if len(ms.Responses) != 5 || len(lines(ms, "DTSTART:20261124T080000Z")) != 1 {
		t.Fatalf("answer = %+v, want one for each href and one object", ms)
	}
	for i, r := range ms.Responses {
		if i != 1 && !strings.Contains(r.Status, "404") {
			t.Errorf("href %d has status %q, want 404", i, r.Status)
		}
	}
	if n := len(ms.Responses[1].Propstats); n != 1 {
		t.Errorf("%d propstats, want one: nothing is said of what is not there", n)
	}
}
