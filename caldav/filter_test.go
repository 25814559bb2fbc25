package caldav_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds/icalendar"
	"syncd/source/school"
)

// raw returns an object as foreign programs write them. Its bounds are
// unknown, so that nothing but its text decides.
func raw(name, component, text string) icalendar.Object {
	text = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\n" + strings.TrimSpace(text) + "\nEND:VCALENDAR\n"
	sum := sha256.Sum256([]byte(text))
	return icalendar.Object{
		UID: school.UID(name), Name: name + ".ics", Component: component, ETag: hex.EncodeToString(sum[:8]),
		Data: []byte(strings.ReplaceAll(text, "\n", "\r\n")), Modified: stamp(),
	}
}

// comp wraps property lines in a component.
func comp(name, lines string) string {
	return "BEGIN:" + name + "\nUID:u1\nDTSTAMP:20260101T000000Z\n" + strings.TrimSpace(lines) + "\nEND:" + name
}

// holding returns a server with one calendar, "1-events", of these objects.
func holding(tb testing.TB, objects ...icalendar.Object) http.Handler {
	tb.Helper()
	slices.SortFunc(objects, func(a, b icalendar.Object) int { return strings.Compare(a.Name, b.Name) })
	m := newMemory()
	m.put("1-events", &icalendar.Collection{Info: icalendar.Info{Components: []string{"VEVENT", "VTODO", "VJOURNAL"}}, Objects: objects})
	return server(tb, m, nil)
}

const events = "/dav/l1/calendars/1-events/"

// queryBody returns a calendar-query with the given inside of the VCALENDAR
// filter, and what stands after the filter.
func queryBody(inside, after string) string {
	return `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/></D:prop>` +
		`<C:filter><C:comp-filter name="VCALENDAR">` + inside + `</C:comp-filter></C:filter>` + after + `</C:calendar-query>`
}

// multistatus is an answer as a client reads it.
type multistatus struct {
	XMLName   xml.Name `xml:"DAV: multistatus"`
	Responses []struct {
		Href      string `xml:"DAV: href"`
		Status    string `xml:"DAV: status"`
		Propstats []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				Any []struct {
					XMLName xml.Name `xml:""`
					Inner   string   `xml:",innerxml"`
					Text    string   `xml:",chardata"`
				} `xml:",any"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
	Token string `xml:"DAV: sync-token"`
}

func decode(tb testing.TB, w *httptest.ResponseRecorder) multistatus {
	tb.Helper()
	if w.Code != http.StatusMultiStatus {
		tb.Fatalf("status = %d, want 207; body: %s", w.Code, w.Body)
	}
	var ms multistatus
	if err := xml.Unmarshal(w.Body.Bytes(), &ms); err != nil {
		tb.Fatalf("answer is not XML: %v\n%s", err, w.Body)
	}
	return ms
}

// names returns the last segments of the hrefs of an answer.
func names(ms multistatus) []string {
	out := []string{}
	for _, r := range ms.Responses {
		out = append(out, strings.TrimSuffix(r.Href[strings.LastIndex(r.Href, "/")+1:], ".ics"))
	}
	return out
}

func timeRange(comp, start, end string) string {
	attrs := ""
	if start != "" {
		attrs += ` start="` + start + `"`
	}
	if end != "" {
		attrs += ` end="` + end + `"`
	}
	return `<C:comp-filter name="` + comp + `"><C:time-range` + attrs + `/></C:comp-filter>`
}

// TestTimeRange runs the tables of RFC 4791, 9.9. The range is the 24th of
// November in Stockholm unless a case says otherwise.
func TestTimeRange(t *testing.T) {
	t.Parallel()
	const from, to = "20261123T230000Z", "20261124T230000Z"
	tests := []struct {
		name, comp, lines string
		start, end        string
		want              bool
	}{
		{"event inside", "VEVENT", "DTSTART:20261124T100000Z\nDTEND:20261124T110000Z", from, to, true},
		{"event equal to the range", "VEVENT", "DTSTART:" + from + "\nDTEND:" + to, from, to, true},
		{"event ends at the start", "VEVENT", "DTSTART:20261123T220000Z\nDTEND:" + from, from, to, false},
		{"event starts at the end", "VEVENT", "DTSTART:" + to + "\nDTEND:20261125T000000Z", from, to, false},
		{"event around the range", "VEVENT", "DTSTART:20261101T000000Z\nDTEND:20261130T000000Z", from, to, true},
		{"event starts with the range and outlasts it", "VEVENT", "DTSTART:" + from + "\nDTEND:20261130T000000Z", from, to, true},
		{"event ends with the range", "VEVENT", "DTSTART:20261120T000000Z\nDTEND:" + to, from, to, true},
		{"event with a zone", "VEVENT", "DTSTART;TZID=America/New_York:20261124T173000\nDTEND;TZID=America/New_York:20261124T190000", from, to, true},
		{"event with a zone, too late", "VEVENT", "DTSTART;TZID=America/New_York:20261124T180000\nDTEND;TZID=America/New_York:20261124T190000", from, to, false},
		{"zone with a path before it", "VEVENT", "DTSTART;TZID=/example.org/x/America/New_York:20261124T180000\nDURATION:PT1H", from, to, false},
		{"unknown zone is ours", "VEVENT", "DTSTART;TZID=Nowhere:20261124T233000\nDURATION:PT15M", from, to, true},
		{"floating is ours", "VEVENT", "DTSTART:20261124T000000\nDTEND:20261124T003000", from, to, true},
		{"floating after midnight is not", "VEVENT", "DTSTART:20261125T000000\nDTEND:20261125T003000", from, to, false},
		{"duration reaches in", "VEVENT", "DTSTART:20261123T220000Z\nDURATION:PT1H30M", from, to, true},
		{"duration stops short", "VEVENT", "DTSTART:20261123T220000Z\nDURATION:PT1H", from, to, false},
		{"weeks of duration", "VEVENT", "DTSTART:20261114T220000Z\nDURATION:P2W", from, to, true},
		{"no length at the start", "VEVENT", "DTSTART:" + from, from, to, true},
		{"no length at the end", "VEVENT", "DTSTART:" + to, from, to, false},
		{"zero duration at the start", "VEVENT", "DTSTART:" + from + "\nDURATION:PT0S", from, to, true},
		{"whole day", "VEVENT", "DTSTART;VALUE=DATE:20261124", from, to, true},
		{"whole day with an end", "VEVENT", "DTSTART;VALUE=DATE:20261124\nDTEND;VALUE=DATE:20261125", from, to, true},
		{"the day before", "VEVENT", "DTSTART;VALUE=DATE:20261123", from, to, false},
		{"the day after", "VEVENT", "DTSTART;VALUE=DATE:20261125\nDTEND;VALUE=DATE:20261126", from, to, false},
		{"whole day of a clock change", "VEVENT", "DTSTART;VALUE=DATE:20261025", "20261025T223000Z", "20261025T230000Z", true},
		{"event without a start", "VEVENT", "SUMMARY:x", from, to, false},
		{"only an end", "VEVENT", "DTSTART:20261130T000000Z\nDTEND:20261130T010000Z", "", to, false},
		{"only an end, before it", "VEVENT", "DTSTART:20200101T000000Z\nDTEND:20200101T010000Z", "", to, true},
		{"only a start", "VEVENT", "DTSTART:20200101T000000Z\nDTEND:20200101T010000Z", from, "", false},
		{"only a start, after it", "VEVENT", "DTSTART:20990101T000000Z\nDTEND:20990101T010000Z", from, "", true},

		{"rule hits", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRRULE:FREQ=WEEKLY", from, to, true},
		{"rule misses", "VEVENT", "DTSTART:20260107T100000Z\nDTEND:20260107T110000Z\nRRULE:FREQ=WEEKLY", from, to, false},
		{"occurrence under way", "VEVENT", "DTSTART:20260104T100000Z\nDURATION:P2D\nRRULE:FREQ=WEEKLY", from, to, true},
		{"occurrence at the end", "VEVENT", "DTSTART:20260105T230000Z\nDTEND:20260106T000000Z\nRRULE:FREQ=WEEKLY", "20261123T220000Z", "20261123T230000Z", false},
		{"rule over", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRRULE:FREQ=WEEKLY;UNTIL=20261120T000000Z", from, to, false},
		{"rule until this day", "VEVENT", "DTSTART;VALUE=DATE:20260106\nRRULE:FREQ=WEEKLY;UNTIL=20261124", from, to, true},
		{"rule counted out", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRRULE:FREQ=WEEKLY;COUNT=10", from, to, false},
		{"rule far ahead", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRRULE:FREQ=DAILY;INTERVAL=7", "21261119T000000Z", "21261120T000000Z", true},
		{"local hour kept over the clock change", "VEVENT", "DTSTART;TZID=Europe/Stockholm:20260602T080000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY", "20261124T070000Z", "20261124T073000Z", true},
		{"exception", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRRULE:FREQ=WEEKLY\nEXDATE:20261117T100000Z,20261124T100000Z", from, to, false},
		{"exception by day", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRRULE:FREQ=WEEKLY\nEXDATE;VALUE=DATE:20261124", from, to, false},
		{"listed date", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRDATE:20261001T100000Z,20261124T120000Z", from, to, true},
		{"listed period", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRDATE;VALUE=PERIOD:20261124T120000Z/PT1H", from, to, true},
		{"listed period that outlasts the others", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRDATE;VALUE=PERIOD:20261123T120000Z/PT12H", from, to, true},
		{"listed period that is over", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260107T110000Z\nRDATE;VALUE=PERIOD:20261123T120000Z/20261123T130000Z", from, to, false},
		{"hours without end", "VEVENT", "DTSTART:20200101T003000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY", "20261124T003000Z", "20261124T003100Z", true},
		{"seconds that never match", "VEVENT", "DTSTART:20200101T003000Z\nDURATION:PT1M\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", from, to, false},
		{"rule in lower case", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRRULE:freq=daily", from, to, true},
		{"minutes of some hours", "VEVENT", "DTSTART:20260101T090000Z\nDURATION:PT1M\nRRULE:FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10", "20261124T102000Z", "20261124T102100Z", true},
		{"minutes of other hours", "VEVENT", "DTSTART:20260101T090000Z\nDURATION:PT1M\nRRULE:FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10", "20261124T110000Z", "20261124T120000Z", false},
		{"hours of some days", "VEVENT", "DTSTART:20260101T090000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY;BYDAY=TU", "20261124T170000Z", "20261124T170100Z", true},
		{"hours of other days", "VEVENT", "DTSTART:20260101T090000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY;BYDAY=TU", "20261125T000000Z", "20261126T000000Z", false},
		{"seconds without end", "VEVENT", "DTSTART:19700101T080000Z\nDURATION:PT1S\nRRULE:FREQ=SECONDLY", "20261124T100000Z", "20261124T100001Z", true},
		{"hours that never match", "VEVENT", "DTSTART:20260101T090000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY;INTERVAL=24;BYHOUR=10", from, to, false},
		{"days of a duration over a clock change", "VEVENT", "DTSTART;TZID=Europe/Stockholm:20261017T120000\nDURATION:P1D\nRRULE:FREQ=WEEKLY", "20261025T101500Z", "20261025T104500Z", true},
		{"and not longer", "VEVENT", "DTSTART;TZID=Europe/Stockholm:20261017T120000\nDURATION:P1D\nRRULE:FREQ=WEEKLY", "20261025T110000Z", "20261025T120000Z", false},
		{"hours up to an end over a clock change", "VEVENT", "DTSTART;TZID=Europe/Stockholm:20261017T120000\nDTEND;TZID=Europe/Stockholm:20261018T120000\nRRULE:FREQ=WEEKLY", "20261025T101500Z", "20261025T104500Z", false},
		{"broken rule may be about any time", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRRULE:FREQ=SOMETIMES", from, to, true},
		{"broken rule of a later event", "VEVENT", "DTSTART:20261125T100000Z\nDTEND:20261125T110000Z\nRRULE:FREQ=SOMETIMES", from, to, false},
		{"rule of another calendar", "VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRRULE:RSCALE=HEBREW;FREQ=YEARLY", from, to, true},
		{"broken rule leaves the first", "VEVENT", "DTSTART:20261124T100000Z\nDTEND:20261124T110000Z\nRRULE:FREQ=SOMETIMES", from, to, true},

		{"task with start and duration", "VTODO", "DTSTART:20261124T100000Z\nDURATION:PT1H", from, to, true},
		{"task ends at the start by duration", "VTODO", "DTSTART:20261123T220000Z\nDURATION:PT1H", from, to, true},
		{"task with start and due", "VTODO", "DTSTART:20261120T100000Z\nDUE:20261130T100000Z", from, to, true},
		{"task due before", "VTODO", "DTSTART:20261120T100000Z\nDUE:20261121T100000Z", from, to, false},
		{"task that starts", "VTODO", "DTSTART:" + from, from, to, true},
		{"task that starts later", "VTODO", "DTSTART:" + to, from, to, false},
		{"task due inside", "VTODO", "DUE:20261124T100000Z", from, to, true},
		{"task due at the start", "VTODO", "DUE:" + from, from, to, false},
		{"task due at the end", "VTODO", "DUE:" + to, from, to, true},
		{"task due that day", "VTODO", "DUE;VALUE=DATE:20261124", from, to, true},
		{"task due the day before", "VTODO", "DUE;VALUE=DATE:20261123", from, to, false},
		{"task due the day after", "VTODO", "DUE;VALUE=DATE:20261125", from, to, false},
		{"task done inside", "VTODO", "COMPLETED:20261124T100000Z", from, to, true},
		{"task done before", "VTODO", "COMPLETED:20261120T100000Z", from, to, false},
		{"task made before, done after", "VTODO", "CREATED:20261120T100000Z\nCOMPLETED:20261130T100000Z", from, to, true},
		{"task made and done before", "VTODO", "CREATED:20261120T100000Z\nCOMPLETED:20261121T100000Z", from, to, false},
		{"task made before", "VTODO", "CREATED:20261120T100000Z", from, to, true},
		{"task made after", "VTODO", "CREATED:20261130T100000Z", from, to, false},
		{"task without any time", "VTODO", "SUMMARY:x", from, to, true},
		{"recurring task", "VTODO", "DTSTART:20260106T100000Z\nDUE:20260106T110000Z\nRRULE:FREQ=WEEKLY", from, to, true},
		{"task due again and again", "VTODO", "DUE:20260106T110000Z\nRRULE:FREQ=WEEKLY", from, to, true},
		{"task due every Tuesday", "VTODO", "DUE;VALUE=DATE:20260106\nRRULE:FREQ=WEEKLY", from, to, true},

		{"task due some hours of every Tuesday", "VTODO", "DUE;VALUE=DATE:20260106\nRRULE:FREQ=WEEKLY", "20261124T120000Z", "20261124T130000Z", true},
		{"task of every Tuesday", "VTODO", "DTSTART;VALUE=DATE:20260106\nRRULE:FREQ=WEEKLY", "20261124T120000Z", "20261124T130000Z", true},
		{"task of every Monday", "VTODO", "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY", "20261124T120000Z", "20261124T130000Z", false},
		{"journal of every Tuesday", "VJOURNAL", "DTSTART;VALUE=DATE:20260106\nRRULE:FREQ=WEEKLY", "20261124T120000Z", "20261124T130000Z", true},
		{"whole days of every Sunday", "VEVENT", "DTSTART;VALUE=DATE:20260104\nDURATION:P3D\nRRULE:FREQ=WEEKLY", "20261124T220000Z", "20261124T223000Z", true},
		{"journal", "VJOURNAL", "DTSTART:20261124T100000Z", from, to, true},
		{"journal of a day", "VJOURNAL", "DTSTART;VALUE=DATE:20261124", from, to, true},
		{"journal of another day", "VJOURNAL", "DTSTART;VALUE=DATE:20261125", from, to, false},
		{"journal without a date", "VJOURNAL", "SUMMARY:x", from, to, false},

		{"free-busy by its bounds", "VFREEBUSY", "DTSTART:20261101T000000Z\nDTEND:20261130T000000Z", from, to, true},
		{"free-busy by a period", "VFREEBUSY", "FREEBUSY:20261120T100000Z/PT1H,20261124T100000Z/20261124T110000Z", from, to, true},
		{"free-busy elsewhere", "VFREEBUSY", "FREEBUSY:20261120T100000Z/PT1H", from, to, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := holding(t, raw("o", tc.comp, comp(tc.comp, tc.lines)))
			w := do(t, h, "REPORT", events, queryBody(timeRange(tc.comp, tc.start, tc.end), ""))
			if got := len(decode(t, w).Responses) == 1; got != tc.want {
				t.Errorf("match = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestOverridesAndAlarms(t *testing.T) {
	t.Parallel()
	series := comp("VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T110000Z\nRRULE:FREQ=WEEKLY") + "\n" +
		comp("VEVENT", "RECURRENCE-ID:20261124T100000Z\nDTSTART:20261126T100000Z\nDTEND:20261126T110000Z")
	alarm := func(lines string) string {
		return comp("VEVENT", "DTSTART:20260106T100000Z\nDTEND:20260106T120000Z\nRRULE:FREQ=WEEKLY\nBEGIN:VALARM\nACTION:DISPLAY\n"+lines+"\nEND:VALARM")
	}
	inAlarm := func(start, end string) string {
		return `<C:comp-filter name="VEVENT">` + timeRange("VALARM", start, end) + `</C:comp-filter>`
	}
	tests := []struct {
		name, text, filter string
		want               bool
	}{
		{"moved away", series, timeRange("VEVENT", "20261124T000000Z", "20261125T000000Z"), false},
		{"moved to", series, timeRange("VEVENT", "20261126T000000Z", "20261127T000000Z"), true},
		{"the week after", series, timeRange("VEVENT", "20261201T000000Z", "20261202T000000Z"), true},
		{"alarm before", alarm("TRIGGER:-PT1H"), inAlarm("20261124T085900Z", "20261124T090100Z"), true},
		{"alarm at another hour", alarm("TRIGGER:-PT1H"), inAlarm("20261124T095900Z", "20261124T100100Z"), false},
		{"alarm at the end", alarm("TRIGGER;RELATED=END:PT5M"), inAlarm("20261124T120400Z", "20261124T120600Z"), true},
		{"alarm repeated", alarm("TRIGGER:-P1D\nREPEAT:3\nDURATION:PT1H"), inAlarm("20261123T125900Z", "20261123T130100Z"), true},
		{"alarm not repeated so often", alarm("TRIGGER:-P1D\nREPEAT:3\nDURATION:PT1H"), inAlarm("20261123T135900Z", "20261123T140100Z"), false},
		{"absolute alarm", alarm("TRIGGER;VALUE=DATE-TIME:20261123T080000Z"), inAlarm("20261123T080000Z", "20261123T080100Z"), true},
		{"no alarm", series, `<C:comp-filter name="VEVENT"><C:comp-filter name="VALARM"><C:is-not-defined/></C:comp-filter></C:comp-filter>`, true},
		{"some alarm", alarm("TRIGGER:PT0S"), `<C:comp-filter name="VEVENT"><C:comp-filter name="VALARM"><C:is-not-defined/></C:comp-filter></C:comp-filter>`, false},
		{"alarm with a broken trigger", alarm("TRIGGER:soon"), inAlarm("20200101T000000Z", "20990101T000000Z"), false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := holding(t, raw("o", "VEVENT", tc.text))
			if got := len(decode(t, do(t, h, "REPORT", events, queryBody(tc.filter, ""))).Responses) == 1; got != tc.want {
				t.Errorf("match = %v, want %v", got, tc.want)
			}
		})
	}
}

// TestQueryZone reads floating times and whole days in the zone that the
// request names.
func TestQueryZone(t *testing.T) {
	t.Parallel()
	floating := raw("floating", "VEVENT", comp("VEVENT", "DTSTART:20261124T200000\nDURATION:PT1H"))
	c := build(t, icalendar.Info{}, whole("day", "Studiedag", school.NewDate(2026, 11, 24), school.NewDate(2026, 11, 24)))
	h := holding(t, floating, c.Objects[0])
	vtimezone := func(lines string) string {
		return "<C:timezone>BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTIMEZONE\r\n" +
			strings.ReplaceAll(lines, "\n", "\r\n") + "\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n</C:timezone>"
	}
	const standard = "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0500\nEND:STANDARD"
	late := timeRange("VEVENT", "20261125T010000Z", "20261125T013000Z") // 20:00 in New York
	early := timeRange("VEVENT", "20261123T230000Z", "20261123T233000Z")
	tests := []struct {
		name, zone, filter string
		want               []string
	}{
		{"ours, late", "", late, []string{}},
		{"ours, early", "", early, []string{"day"}},
		{"by VTIMEZONE", vtimezone("TZID:America/New_York\n" + standard), late, []string{"day", "floating"}},
		{"by location", vtimezone("TZID:Eastern Standard Time\nX-LIC-LOCATION:America/New_York\n" + standard), late, []string{"day", "floating"}},
		{"by offset", vtimezone("TZID:Eastern Standard Time\n" + standard), late, []string{"day", "floating"}},
		{"by id", "<C:timezone-id>America/New_York</C:timezone-id>", early, []string{}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := names(decode(t, do(t, h, "REPORT", events, queryBody(tc.filter, tc.zone))))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("matches (-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []string{
		"<C:timezone>BEGIN:VCALENDAR</C:timezone>", "<C:timezone>hello</C:timezone>", vtimezone("TZID:Nowhere"),
		vtimezone("TZID:America/New_York\n" + standard + "\nEND:VTIMEZONE\nBEGIN:VTIMEZONE\nTZID:Europe/Paris\n" + standard),
		vtimezone("TZID:America/New_York\n" + standard + "\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:x\nEND:VEVENT\nBEGIN:VTIMEZONE\nTZID:x"),
	} {
		if w := do(t, h, "REPORT", events, queryBody(late, bad)); w.Code != 403 || !strings.Contains(w.Body.String(), "<valid-calendar-data xmlns") {
			t.Errorf("timezone %q = %d %s, want 403 valid-calendar-data", bad, w.Code, w.Body)
		}
	}
	if w := do(t, h, "REPORT", events, queryBody(late, "<C:timezone-id>Mars/Olympus</C:timezone-id>")); w.Code != 403 || !strings.Contains(w.Body.String(), "<valid-timezone xmlns") {
		t.Errorf("unknown timezone-id = %d %s, want 403 valid-timezone", w.Code, w.Body)
	}
}

func TestPropFilters(t *testing.T) {
	t.Parallel()
	h := holding(
		t,
		raw("a", "VEVENT", comp("VEVENT", "DTSTART:20261124T100000Z\nSUMMARY:Möte med LÄRAREN\\, sal 4\nCATEGORIES:Skola\nCATEGORIES:Möte\nATTENDEE;PARTSTAT=NEEDS-ACTION;CN=Anna:mailto:a@example.org")),
		raw("b", "VEVENT", comp("VEVENT", "DTSTART:20261224T100000Z\nSUMMARY:Julafton\nLOCATION:Hemma")),
		raw("c", "VTODO", comp("VTODO", "DUE:20261124T100000Z\nSUMMARY:Läxa\nCOMPLETED:20261120T100000Z")),
	)
	event := func(inside string) string { return `<C:comp-filter name="VEVENT">` + inside + `</C:comp-filter>` }
	prop := func(name, inside string) string {
		return `<C:prop-filter name="` + name + `">` + inside + `</C:prop-filter>`
	}
	text := func(attrs, s string) string { return `<C:text-match` + attrs + `>` + s + `</C:text-match>` }
	tests := []struct {
		name, filter string
		want         []string
	}{
		{"nothing asked", "", []string{"a", "b", "c"}},
		{"component", event(""), []string{"a", "b"}},
		{"component in lower case", `<C:comp-filter name="vevent"/>`, []string{"a", "b"}},
		{"component not there", `<C:comp-filter name="VEVENT"><C:is-not-defined/></C:comp-filter>`, []string{"c"}},
		{"unknown component", `<C:comp-filter name="X-THING"/>`, []string{}},
		{"two components at once", event("") + `<C:comp-filter name="VTODO"/>`, []string{}},
		{"property there", event(prop("LOCATION", "")), []string{"b"}},
		{"property not there", event(prop("LOCATION", "<C:is-not-defined/>")), []string{"a"}},
		{"text, other case", event(prop("SUMMARY", text("", "JUL"))), []string{"b"}},
		{"text, other case beyond ASCII", event(prop("SUMMARY", text("", "läraren"))), []string{}},
		{"text beyond ASCII", event(prop("SUMMARY", text("", "lÄraren, SAL"))), []string{"a"}},
		{"octets", event(prop("SUMMARY", text(` collation="i;octet"`, "jul"))), []string{}},
		{"octets, same case", event(prop("SUMMARY", text(` collation="i;octet"`, "Jul"))), []string{"b"}},
		{"negated", event(prop("SUMMARY", text(` negate-condition="yes"`, "jul"))), []string{"a"}},
		{"second of two properties", event(prop("CATEGORIES", text("", "möte"))), []string{"a"}},
		{"calendar property", prop("PRODID", text("", "example")), []string{"a", "b", "c"}},
		{"parameter", event(prop("ATTENDEE", `<C:param-filter name="PARTSTAT">`+text("", "needs-action")+`</C:param-filter>`)), []string{"a"}},
		{"parameter, other value", event(prop("ATTENDEE", `<C:param-filter name="PARTSTAT">`+text("", "accepted")+`</C:param-filter>`)), []string{}},
		{"parameter not there", event(prop("ATTENDEE", `<C:param-filter name="ROLE"><C:is-not-defined/></C:param-filter>`)), []string{"a"}},
		{"parameter there", event(prop("ATTENDEE", `<C:param-filter name="CN"/>`)), []string{"a"}},
		{"time of a property", `<C:comp-filter name="VTODO">` + prop("COMPLETED", `<C:time-range start="20261120T000000Z" end="20261121T000000Z"/>`) + `</C:comp-filter>`, []string{"c"}},
		{"time of a property, outside", `<C:comp-filter name="VTODO">` + prop("COMPLETED", `<C:time-range start="20261121T000000Z"/>`) + `</C:comp-filter>`, []string{}},
		{"all of it", event(`<C:time-range start="20261201T000000Z"/>` + prop("SUMMARY", text("", "jul"))), []string{"b"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := names(decode(t, do(t, h, "REPORT", events, queryBody(tc.filter, ""))))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("matches (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBadFilters(t *testing.T) {
	t.Parallel()
	h := server(t, family(t), nil)
	event := func(inside string) string {
		return queryBody(`<C:comp-filter name="VEVENT">`+inside+`</C:comp-filter>`, "")
	}
	const head = `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/></D:prop>`
	tests := []struct{ name, body, condition string }{
		{"no filter", head + `</C:calendar-query>`, "valid-filter"},
		{"empty filter", head + `<C:filter/></C:calendar-query>`, "valid-filter"},
		{"not VCALENDAR", head + `<C:filter><C:comp-filter name="VEVENT"/></C:filter></C:calendar-query>`, "valid-filter"},
		{"two filters", head + `<C:filter><C:comp-filter name="VCALENDAR"/><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`, "valid-filter"},
		{"no name", queryBody(`<C:comp-filter/>`, ""), "valid-filter"},
		{"range of nothing", event(`<C:time-range/>`), "valid-filter"},
		{"empty range", event(`<C:time-range start="20261124T000000Z" end="20261124T000000Z"/>`), "valid-filter"},
		{"range backwards", event(`<C:time-range start="20261125T000000Z" end="20261124T000000Z"/>`), "valid-filter"},
		{"range in local time", event(`<C:time-range start="20261124T000000"/>`), "valid-filter"},
		{"range of a day", event(`<C:time-range start="20261124"/>`), "valid-filter"},
		{"range on the calendar", queryBody(`<C:time-range start="20261124T000000Z"/>`, ""), "valid-filter"},
		{"absent and more", event(`<C:is-not-defined/><C:prop-filter name="UID"/>`), "valid-filter"},
		{"absent property and more", event(`<C:prop-filter name="UID"><C:is-not-defined/><C:text-match>x</C:text-match></C:prop-filter>`), "valid-filter"},
		{"absent parameter and more", event(`<C:prop-filter name="UID"><C:param-filter name="X"><C:is-not-defined/><C:text-match>x</C:text-match></C:param-filter></C:prop-filter>`), "valid-filter"},
		{"strange negation", event(`<C:prop-filter name="UID"><C:text-match negate-condition="maybe">x</C:text-match></C:prop-filter>`), "valid-filter"},
		{"collation", event(`<C:prop-filter name="UID"><C:text-match collation="i;klingon">x</C:text-match></C:prop-filter>`), "supported-collation"},
		{"unknown test", event(`<C:moon-phase/>`), "supported-filter"},
		{"unknown test of a property", event(`<C:prop-filter name="UID"><C:moon-phase/></C:prop-filter>`), "supported-filter"},
		{"unknown test of a parameter", event(`<C:prop-filter name="UID"><C:param-filter name="X"><C:moon-phase/></C:param-filter></C:prop-filter>`), "supported-filter"},
		{"data of another type", strings.Replace(event(""), "<D:getetag/>", `<C:calendar-data content-type="application/calendar+json"/>`, 1), "supported-calendar-data"},
		{"data of another version", strings.Replace(event(""), "<D:getetag/>", `<C:calendar-data version="3.0"/>`, 1), "supported-calendar-data"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := do(t, h, "REPORT", events, tc.body)
			if want := fmt.Sprintf(`<error xmlns="DAV:"><%s xmlns="urn:ietf:params:xml:ns:caldav"/></error>`, tc.condition); w.Code != 403 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("answer = %d %s, want 403 with %s", w.Code, w.Body, want)
			}
		})
	}
}
