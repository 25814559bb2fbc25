package caldav_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"syncd/feeds/icalendar"
)

// dataBody asks a query for calendar-data with the given inside, over all of
// November and December.
func dataBody(comp, inside string) string {
	return strings.Replace(queryBody(timeRange(comp, "20261101T000000Z", "20270101T000000Z"), ""), "<D:getetag/>",
		`<D:getetag/><C:calendar-data>`+inside+`</C:calendar-data>`, 1)
}

// lines returns the lines of every object in an answer that begin with one of
// the prefixes.
func lines(ms multistatus, prefixes ...string) []string {
	out := []string{}
	for _, r := range ms.Responses {
		for _, ps := range r.Propstats {
			for _, p := range ps.Prop.Any {
				if p.XMLName.Local != "calendar-data" {
					continue
				}
				for line := range strings.SplitSeq(strings.TrimSpace(p.Text), "\n") {
					for _, prefix := range prefixes {
						if line = strings.TrimSpace(line); strings.HasPrefix(line, prefix) {
							out = append(out, line)
						}
					}
				}
			}
		}
	}
	return out
}

func TestExpand(t *testing.T) {
	t.Parallel()
	expand := `<C:expand start="20261120T000000Z" end="20261205T000000Z"/>`
	tests := []struct {
		name, comp, text string
		want             []string
	}{
		{
			"series with an override and an exception", "VEVENT",
			comp("VEVENT", "DTSTART;TZID=Europe/Stockholm:20260602T080000\nDTEND;TZID=Europe/Stockholm:20260602T090000\nRRULE:FREQ=WEEKLY\nEXDATE;TZID=Europe/Stockholm:20261201T080000\nSUMMARY:x") +
				"\n" + comp("VEVENT", "RECURRENCE-ID;TZID=Europe/Stockholm:20261124T080000\nDTSTART;TZID=Europe/Stockholm:20261124T130000\nDTEND;TZID=Europe/Stockholm:20261124T140000") +
				"\n" + comp("VEVENT", "RECURRENCE-ID;TZID=Europe/Stockholm:20270601T080000\nDTSTART;TZID=Europe/Stockholm:20261122T130000\nDURATION:PT1H"),
			[]string{
				"DTEND:20261124T130000Z", "DTSTART:20261124T120000Z", "RECURRENCE-ID:20261124T070000Z",
				"DTSTART:20261122T120000Z", "RECURRENCE-ID:20270601T060000Z",
			},
		},
		{
			"whole days", "VEVENT", comp("VEVENT", "DTSTART;VALUE=DATE:20261001\nDTEND;VALUE=DATE:20261003\nRRULE:FREQ=WEEKLY;BYDAY=TH"),
			[]string{
				"DTEND;VALUE=DATE:20261121", "DTSTART;VALUE=DATE:20261119", "RECURRENCE-ID;VALUE=DATE:20261119",
				"DTEND;VALUE=DATE:20261128", "DTSTART;VALUE=DATE:20261126", "RECURRENCE-ID;VALUE=DATE:20261126",
				"DTEND;VALUE=DATE:20261205", "DTSTART;VALUE=DATE:20261203", "RECURRENCE-ID;VALUE=DATE:20261203",
			},
		},
		{
			"listed periods", "VEVENT",
			comp("VEVENT", "DTSTART;TZID=Europe/Stockholm:20261121T080000\nDURATION:PT1H\nRDATE;VALUE=PERIOD;TZID=Europe/Stockholm:20261122T080000/PT3H,20261123T080000/20261123T083000\nRDATE:20261124T070000Z"),
			[]string{
				"DTSTART:20261121T070000Z", "RECURRENCE-ID:20261121T070000Z",
				"DTEND:20261122T100000Z", "DTSTART:20261122T070000Z", "RECURRENCE-ID:20261122T070000Z",
				"DTEND:20261123T073000Z", "DTSTART:20261123T070000Z", "RECURRENCE-ID:20261123T070000Z",
				"DTSTART:20261124T070000Z", "RECURRENCE-ID:20261124T070000Z",
			},
		},
		{
			"days of a duration", "VEVENT", comp("VEVENT", "DTSTART;TZID=Europe/Stockholm:20261024T120000\nDURATION:P1DT1H\nRRULE:FREQ=WEEKLY;INTERVAL=5;COUNT=2"),
			[]string{"DTSTART:20261128T110000Z", "RECURRENCE-ID:20261128T110000Z"},
		},
		{
			"one event", "VEVENT", comp("VEVENT", "DTSTART;TZID=Europe/Stockholm:20261124T080000\nDURATION:PT1H"),
			[]string{"DTSTART:20261124T070000Z"},
		},
		{
			"floating", "VEVENT", comp("VEVENT", "DTSTART:20261119T080000\nDTEND:20261119T090000\nRRULE:FREQ=DAILY;COUNT=3"),
			[]string{
				"DTEND:20261120T090000", "DTSTART:20261120T080000", "RECURRENCE-ID:20261120T080000",
				"DTEND:20261121T090000", "DTSTART:20261121T080000", "RECURRENCE-ID:20261121T080000",
			},
		},
		{
			"tasks", "VTODO", comp("VTODO", "DUE;VALUE=DATE:20261125\nRRULE:FREQ=WEEKLY;COUNT=2"),
			[]string{"DUE;VALUE=DATE:20261125", "RECURRENCE-ID;VALUE=DATE:20261125", "DUE;VALUE=DATE:20261202", "RECURRENCE-ID;VALUE=DATE:20261202"},
		},
		{
			"journal without a stamp", "VJOURNAL", "BEGIN:VJOURNAL\nUID:u1\nDTSTART;VALUE=DATE:20261124\nEND:VJOURNAL",
			[]string{"DTSTART;VALUE=DATE:20261124"},
		},
		{
			"nothing left", "VEVENT", comp("VEVENT", "DTSTART:20261210T080000Z\nDURATION:PT1H"),
			[]string{},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := holding(t, raw("o", tc.comp, tc.text))
			w := do(t, h, "REPORT", events, dataBody(tc.comp, expand))
			if got := w.Header().Get("Content-Type"); got != "application/xml; charset=utf-8" {
				t.Errorf("Content-Type = %q", got)
			}
			ms := decode(t, w)
			got := lines(ms, "DTSTART", "DTEND", "DUE", "RECURRENCE-ID")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("times (-want +got):\n%s", diff)
			}
			if left := lines(ms, "RRULE", "EXDATE", "RDATE", "BEGIN:VTIMEZONE"); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
}

func TestExpandMultiget(t *testing.T) {
	t.Parallel()
	h := holding(t, raw("o", "VEVENT", comp("VEVENT", "DTSTART:20261101T080000Z\nDTEND:20261101T090000Z\nRRULE:FREQ=WEEKLY\nSUMMARY:x\nLOCATION:y")))
	ask := `<D:getetag/><C:calendar-data><C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="DTSTART"/><C:prop name="LOCATION" novalue="yes"/></C:comp></C:comp>` +
		`<C:expand start="20261120T000000Z" end="20261205T000000Z"/></C:calendar-data>`
	ms := decode(t, do(t, h, "REPORT", events, multigetBody(ask, events+"o.ics", events+"none.ics"), "Content-Type: text/plain"))
	want := []string{"DTSTART:20261122T080000Z", "LOCATION:", "DTSTART:20261129T080000Z", "LOCATION:"}
	if diff := cmp.Diff(want, lines(ms, "DTSTART", "DTEND", "SUMMARY", "LOCATION")); diff != "" {
		t.Errorf("expanded and pruned (-want +got):\n%s", diff)
	}
	if len(ms.Responses) != 2 || !strings.Contains(ms.Responses[1].Status, "404") {
		t.Errorf("responses = %+v, want a 404 for the second", ms.Responses)
	}
}

// TestExpandOverClockChange expands what lasts for a day, and what ends at a
// time, over the night that has an hour more.
func TestExpandOverClockChange(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"DURATION:P1D":    {"DTEND:20261025T110000Z", "DTSTART:20261024T100000Z"},
		"DURATION:PT24H":  {"DTSTART:20261024T100000Z", "DURATION:PT24H"},
		"DURATION:P1DT0H": {"DTEND:20261025T110000Z", "DTSTART:20261024T100000Z"},
		"DTEND;TZID=Europe/Stockholm:20261018T120000": {"DTEND:20261025T100000Z", "DTSTART:20261024T100000Z"},
	} {
		h := holding(t, raw("o", "VEVENT", comp("VEVENT", "DTSTART;TZID=Europe/Stockholm:20261017T120000\nRRULE:FREQ=WEEKLY\n"+text)))
		ask := multigetBody(`<C:calendar-data><C:expand start="20261024T000000Z" end="20261026T000000Z"/></C:calendar-data>`, events+"o.ics")
		if diff := cmp.Diff(want, lines(decode(t, do(t, h, "REPORT", events, ask)), "DTSTART", "DTEND", "DURATION")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// TestExpandSelectsProperties asks for some properties of data that is worked
// out: nothing else comes, as of data that is not (RFC 4791, 9.6).
func TestExpandSelectsProperties(t *testing.T) {
	t.Parallel()
	h := holding(t, raw("o", "VEVENT", comp("VEVENT", "DTSTART:20261101T080000Z\nDTEND:20261101T090000Z\nRRULE:FREQ=WEEKLY\nSUMMARY:x\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT1H\nEND:VALARM")))
	const some = `<C:comp name="VCALENDAR"><C:prop name="VERSION"/><C:comp name="VEVENT"><C:prop name="SUMMARY"/></C:comp></C:comp>`
	const span = ` start="20261120T000000Z" end="20261123T000000Z"/>`
	want := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "SUMMARY:x", "END:VEVENT", "END:VCALENDAR"}
	for _, work := range []string{"", "<C:expand" + span, "<C:limit-recurrence-set" + span, "<C:limit-freebusy-set" + span} {
		for name, body := range map[string]string{
			"multiget": multigetBody("<C:calendar-data>"+some+work+"</C:calendar-data>", events+"o.ics"), "query": dataBody("VEVENT", some+work),
		} {
			if diff := cmp.Diff(want, lines(decode(t, do(t, h, "REPORT", events, body)), "")); diff != "" {
				t.Errorf("%s with %s (-want +got):\n%s", name, work, diff)
			}
		}
	}
}

// TestExpandOddPath goes through the object model with names that are escaped
// in paths.
func TestExpandOddPath(t *testing.T) {
	t.Parallel()
	o := raw("o", "VEVENT", comp("VEVENT", "DTSTART:20261124T080000Z\nDTEND:20261124T090000Z"))
	o.Name = "å b&c%41.ics"
	m := newMemory()
	m.put("Läxor & mer", &icalendar.Collection{Objects: []icalendar.Object{o}})
	h := server(t, m, nil)
	const path = "/dav/l1/calendars/L%C3%A4xor%20%26%20mer/"
	ask := `<C:calendar-data><C:expand start="20261120T000000Z" end="20261205T000000Z"/></C:calendar-data>`
	for _, body := range []string{multigetBody(ask, path+"%C3%A5%20b%26c%2541.ics"), dataBody("VEVENT", `<C:expand start="20261120T000000Z" end="20261205T000000Z"/>`)} {
		ms := decode(t, do(t, h, "REPORT", path, body))
		if len(ms.Responses) != 1 || len(lines(ms, "DTSTART:20261124T080000Z")) != 1 {
			t.Fatalf("answer = %+v, want the object", ms)
		}
		name, err := url.PathUnescape(ms.Responses[0].Href)
		if err != nil || name != "/dav/l1/calendars/Läxor & mer/å b&c%41.ics" {
			t.Errorf("href = %q, which is %q (%v)", ms.Responses[0].Href, name, err)
		}
	}
}

func TestLimitSets(t *testing.T) {
	t.Parallel()
	var series strings.Builder
	series.WriteString(comp("VEVENT", "DTSTART:20261101T080000Z\nDTEND:20261101T090000Z\nRRULE:FREQ=WEEKLY\nSUMMARY:master"))
	for day, name := range map[string]string{"20261108": "early", "20261122": "inside", "20261213": "late"} {
		series.WriteString("\n" + comp("VEVENT", fmt.Sprintf("RECURRENCE-ID:%sT080000Z\nDTSTART:%sT100000Z\nDTEND:%sT110000Z\nSUMMARY:%s", day, day, day, name)))
	}
	series.WriteString("\n" + comp("VEVENT", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261220T080000Z\nDTSTART:20261220T100000Z\nDTEND:20261220T110000Z\nSUMMARY:onward"))
	h := holding(t, raw("o", "VEVENT", series.String()))
	ask := `<C:limit-recurrence-set start="20261120T000000Z" end="20261205T000000Z"/>`
	got := lines(decode(t, do(t, h, "REPORT", events, dataBody("VEVENT", ask))), "SUMMARY", "RRULE")
	want := []string{"RRULE:FREQ=WEEKLY", "SUMMARY:master", "SUMMARY:inside", "SUMMARY:onward"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("limit-recurrence-set (-want +got):\n%s", diff)
	}

	h = holding(t, raw("o", "VFREEBUSY", comp("VFREEBUSY", "FREEBUSY:20261101T080000Z/PT1H,20261122T080000Z/PT1H\nFREEBUSY:20261223T080000Z/20261223T090000Z")))
	ask = `<C:limit-freebusy-set start="20261120T000000Z" end="20261205T000000Z"/>`
	got = lines(decode(t, do(t, h, "REPORT", events, dataBody("VFREEBUSY", ask))), "FREEBUSY")
	if diff := cmp.Diff([]string{"FREEBUSY:20261122T080000Z/PT1H"}, got); diff != "" {
		t.Errorf("limit-freebusy-set (-want +got):\n%s", diff)
	}
}

// TestTooManyOccurrences refuses what would never end.
func TestTooManyOccurrences(t *testing.T) {
	t.Parallel()
	h := holding(t, raw("o", "VEVENT", comp("VEVENT", "DTSTART:20261101T080000Z\nRRULE:FREQ=MINUTELY")))
	w := do(t, h, "REPORT", events, dataBody("VEVENT", `<C:expand start="19000101T000000Z" end="29990101T000000Z"/>`))
	if w.Code != 403 || !strings.Contains(w.Body.String(), "<number-of-matches-within-limits/>") {
		t.Errorf("expand without end = %d %.200s, want 403 number-of-matches-within-limits", w.Code, w.Body)
	}
}

// TestExpandAnswersEveryProperty asks with expanded data for what any other
// report answers, too; only the data differ.
func TestExpandAnswersEveryProperty(t *testing.T) {
	t.Parallel()
	o := raw("o", "VEVENT", comp("VEVENT", "DTSTART:20261101T080000Z\nDTEND:20261101T090000Z\nRRULE:FREQ=WEEKLY"))
	h := holding(t, o, raw("p", "VEVENT", comp("VEVENT", "DTSTART:20250101T080000Z\nDURATION:PT1H")))
	const expand = `<C:expand start="20261120T000000Z" end="20261205T000000Z"/>`
	ask := func(inside string) string {
		return `<D:getetag/><D:getcontenttype/><D:getcontentlength/><D:resourcetype/><D:owner/><D:current-user-privilege-set/><D:resource-id/>` +
			`<D:nothing/><C:calendar-data>` + inside + `</C:calendar-data>`
	}
	withoutData := func(s string) string {
		from, to := strings.Index(s, "<C:calendar-data>"), strings.Index(s, "</C:calendar-data>")
		if from < 0 || to < from {
			t.Fatalf("no data in %s", s)
		}
		return s[:from] + s[to:]
	}
	for name, body := range map[string]func(string) string{
		"multiget": func(inside string) string { return multigetBody(ask(inside), events+"o.ics") },
		"query": func(inside string) string {
			return strings.Replace(dataBody("VEVENT", ""), "<D:getetag/><C:calendar-data></C:calendar-data>", ask(inside), 1)
		},
	} {
		for _, header := range []string{"Depth: 1", "Prefer: return=minimal"} {
			want := withoutData(do(t, h, "REPORT", events, body(""), header).Body.String())
			w := do(t, h, "REPORT", events, body(expand), header)
			if diff := cmp.Diff(want, withoutData(w.Body.String())); diff != "" {
				t.Errorf("%s, %s (-stored +expanded):\n%s", name, header, diff)
			}
			if strings.Contains(w.Body.String(), "RRULE") {
				t.Errorf("%s: the data are not expanded: %s", name, w.Body)
			}
		}
	}
	// What has no occurrence in the range is there all the same, without data.
	ms := decode(t, do(t, h, "REPORT", events, multigetBody(ask(expand), events+"p.ics")))
	got := propsOf(ms)
	if len(ms.Responses) != 1 || ms.Responses[0].Status != "" || len(got[ok]) != 7 ||
		!slices.Equal(got[missing], []string{"DAV: nothing", "urn:ietf:params:xml:ns:caldav calendar-data"}) {
		t.Errorf("without occurrences = %v, want all but the data", got)
	}
}
