package caldav_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/teambition/rrule-go"

	"syncd/caldav"
	"syncd/feeds/icalendar"
)

// starting lists when the occurrences of an event begin that an expanded
// answer holds.
func starting(t *testing.T, event, start, end string) []string {
	t.Helper()
	h := holding(t, raw("o", "VEVENT", comp("VEVENT", event)))
	ask := strings.Replace(queryBody(timeRange("VEVENT", start, end), ""), "<D:getetag/>",
		`<C:calendar-data><C:expand start="`+start+`" end="`+end+`"/></C:calendar-data>`, 1)
	out := lines(decode(t, do(t, h, "REPORT", events, ask)), "DTSTART")
	for i, line := range out {
		_, out[i], _ = strings.Cut(line, ":")
	}
	return out
}

// TestRules expands rules of every kind, among them the examples of RFC 5545,
// 3.8.5.3, over one month.
func TestRules(t *testing.T) {
	t.Parallel()
	days := func(list ...int) (out []string) {
		for _, d := range list {
			out = append(out, fmt.Sprintf("202611%02dT100000Z", d))
		}
		return out
	}
	for rule, want := range map[string][]string{
		"FREQ=WEEKLY;BYDAY=TU,SU":                                                days(1, 3, 8, 10, 15, 17, 22, 24, 29),
		"freq=weekly;byday=tu":                                                   days(3, 10, 17, 24),
		"RSCALE=GREGORIAN;FREQ=WEEKLY;SKIP=OMIT;BYDAY=TU;":                       days(3, 10, 17, 24),
		" FREQ = WEEKLY ; BYDAY = TU , WE ; X-WHY=NOT ":                          days(3, 4, 10, 11, 17, 18, 24, 25),
		"FREQ=MONTHLY;BYDAY=+1TU,-1TU":                                           days(3, 24),
		"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1":                          days(30),
		"FREQ=MONTHLY;BYMONTHDAY=1,-1,31":                                        days(1, 30),
		"FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13":                     days(7),
		"FREQ=YEARLY;INTERVAL=3;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8":    days(3),
		"FREQ=YEARLY;BYYEARDAY=305,-32":                                          days(1, 30),
		"FREQ=YEARLY;BYWEEKNO=47;BYDAY=MO,SU":                                    days(16, 22),
		"FREQ=YEARLY;BYWEEKNO=47":                                                days(22), // on the day of the week that it began on
		"FREQ=YEARLY;BYDAY=47MO":                                                 days(23),
		"FREQ=YEARLY;BYMONTH=11;BYDAY=4TH":                                       days(26),
		"FREQ=YEARLY":                                                            days(1),
		"FREQ=DAILY;INTERVAL=10":                                                 days(10, 20, 30),
		"FREQ=DAILY;BYMONTH=11;BYMONTHDAY=5,6":                                   days(5, 6),
		"FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,TH":                             days(8, 12, 22, 26),
		"FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=SU,TH":                             days(5, 8, 19, 22),
		"FREQ=DAILY;COUNT=2194":                                                  days(1, 2, 3), // the last ones
		"FREQ=DAILY;BYDAY=SU;COUNT=315":                                          days(1, 8),
		"FREQ=WEEKLY;UNTIL=20261108T100000Z":                                     days(1, 8),
		"FREQ=WEEKLY;UNTIL=20261108T095959Z":                                     days(1),
		"FREQ=WEEKLY;UNTIL=20261108":                                             days(1, 8),
		"FREQ=HOURLY;INTERVAL=168":                                               days(1, 8, 15, 22, 29),
		"FREQ=HOURLY;BYDAY=TU;BYHOUR=10":                                         days(3, 10, 17, 24),
		"FREQ=MINUTELY;INTERVAL=20;BYHOUR=10;BYMONTHDAY=2":                       {"20261102T100000Z", "20261102T102000Z", "20261102T104000Z"},
		"FREQ=MINUTELY;BYMONTHDAY=2;BYHOUR=9,10;BYMINUTE=0":                      {"20261102T090000Z", "20261102T100000Z"},
		"FREQ=SECONDLY;BYMONTHDAY=2;BYHOUR=10;BYMINUTE=0;BYSECOND=0,30":          {"20261102T100000Z", "20261102T100030Z"},
		"FREQ=DAILY;BYMONTHDAY=2;BYHOUR=9,10;BYMINUTE=0,15;BYSETPOS=2,-1,9":      {"20261102T091500Z", "20261102T101500Z"},
		"FREQ=HOURLY;BYMONTHDAY=2;BYHOUR=10;BYMINUTE=5,10,15,15;BYSETPOS=-1,3,1": {"20261102T100500Z", "20261102T101500Z"},
		"FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1":                                    {},
		"FREQ=DAILY;BYSETPOS=2":                                                  {},
		"FREQ=DAILY;BYWEEKNO=53;BYMONTH=6":                                       {},
		"FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30":                                  {},
	} {
		// It began on a Sunday, and the first of November is one, 2191 days later.
		got := starting(t, "DTSTART:20201101T100000Z\nDURATION:PT1S\nRRULE:"+rule, "20261101T000000Z", "20261201T000000Z")
		if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rule, diff)
		}
	}
}

// someRule makes up a rule that is likely to repeat in some months.
func someRule(random *rand.Rand) string {
	freq := random.IntN(6)
	parts := []string{"FREQ=" + []string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"}[freq]}
	list := func(name string, chance, least, most int, signed bool) bool {
		if random.IntN(chance) > 0 {
			return false
		}
		var out []string
		for range 1 + random.IntN(4) {
			n := least + random.IntN(most-least+1)
			if signed && random.IntN(3) == 0 {
				n = -n
			}
			if !slices.Contains(out, fmt.Sprint(n)) { // the library would give it twice
				out = append(out, fmt.Sprint(n))
			}
		}
		parts = append(parts, name+"="+strings.Join(out, ","))
		return true
	}
	if freq < 4 && random.IntN(2) == 0 { // the library would look for an hour that is left out for ever
		parts = append(parts, fmt.Sprintf("INTERVAL=%d", 1+random.IntN(4)))
	}
	switch random.IntN(4) {
	case 0:
		parts = append(parts, fmt.Sprintf("COUNT=%d", 1+random.IntN(40)))
	case 1:
		parts = append(parts, fmt.Sprintf("UNTIL=2026%02d%02dT120000Z", 1+random.IntN(12), 1+random.IntN(28)))
	}
	if random.IntN(3) == 0 {
		parts = append(parts, "WKST="+[]string{"MO", "SU", "TH"}[random.IntN(3)])
	}
	limited := list("BYMONTH", 3, 1, 12, false)
	limited = list("BYMONTHDAY", 4, 1, 31, true) || limited
	if random.IntN(3) == 0 {
		limited = true
		nth := ""
		if freq < 2 && random.IntN(2) == 0 {
			nth = []string{"1", "-1", "2", "5", "-3"}[random.IntN(5)]
		}
		parts = append(parts, "BYDAY="+nth+[]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}[random.IntN(7)])
	}
	if freq == 0 {
		limited = list("BYYEARDAY", 5, 1, 366, true) || limited
	}
	limited = list("BYHOUR", 3, 0, 23, false) || limited
	limited = list("BYMINUTE", 4, 0, 59, false) || limited
	if limited && freq < 4 {
		list("BYSETPOS", 5, 1, 5, true)
	}
	return strings.Join(parts, ";")
}

// TestRulesAsOthersReadThem expands rules that are made up, and expects what
// another library makes of them.
func TestRulesAsOthersReadThem(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 1))
	begin, compared := time.Date(2025, 11, 19, 9, 30, 0, 0, time.UTC), 0
	from, to := time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC), time.Date(2026, 9, 20, 0, 0, 0, 0, time.UTC)
	for range 100 {
		text := someRule(random)
		option, err := rrule.StrToROption(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		option.Dtstart = begin
		if option.Until.IsZero() || option.Until.After(to) {
			option.Until = to // it would look for the next one for ever
		}
		r, err := rrule.NewRRule(*option)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want := []string{}
		for _, start := range r.Between(from, to.Add(-time.Second), true) {
			want = append(want, start.Format("20060102T150405Z"))
		}
		if len(want) > 2000 {
			continue
		}
		compared += len(want)
		got := starting(t, "DTSTART:20251119T093000Z\nDURATION:PT1S\nRRULE:"+text, "20260520T000000Z", "20260920T000000Z")
		if !slices.Equal(got, want) {
			t.Errorf("%s (-want +got):\n%s", text, cmp.Diff(want, got))
		}
	}
	if compared < 1_000 {
		t.Errorf("only %d moments were compared", compared)
	}
}

// TestRulesAreEnteredNearTheRange works out rules that began long ago for one
// day, and counts: none costs more than what lies there.
func TestRulesAreEnteredNearTheRange(t *testing.T) {
	t.Parallel()
	start := time.Date(1970, 1, 1, 8, 0, 0, 0, time.UTC)
	from := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	for text, most := range map[string]int{
		"FREQ=YEARLY": 40, "FREQ=MONTHLY": 40, "FREQ=WEEKLY": 40, "FREQ=DAILY": 40, "FREQ=HOURLY": 60, "FREQ=MINUTELY": 3000,
		"FREQ=SECONDLY;INTERVAL=60": 3000, "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1": 100, "FREQ=YEARLY;BYWEEKNO=53": 40,
		"FREQ=DAILY;COUNT=2000000000": 40, "FREQ=WEEKLY;INTERVAL=2000000000": 40, "FREQ=SECONDLY;COUNT=5": 2,
		"FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1": 40, "FREQ=DAILY;BYSETPOS=2": 40, "FREQ=DAILY;BYWEEKNO=53;BYMONTH=6": 40,
		"FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30": 0, "FREQ=SECONDLY;BYMONTH=6;BYDAY=TU": 40, "FREQ=MINUTELY;INTERVAL=7;BYHOUR=3": 60,
		"FREQ=SECONDLY;BYHOUR=3;BYMINUTE=4;BYSECOND=5": 300,
	} {
		if steps, _, out := caldav.Work([]string{text}, start, from, from.AddDate(0, 0, 1)); steps > most || out {
			t.Errorf("%s takes %d steps, out of them: %v, want at most %d", text, steps, out, most)
		}
	}
}

// TestRulesThatNeverEnd asks for all of time: one rule and one request are
// bounded.
func TestRulesThatNeverEnd(t *testing.T) {
	t.Parallel()
	start, end := time.Date(1970, 1, 1, 8, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	never := []string{
		"FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1", "FREQ=DAILY;BYSETPOS=2", "FREQ=DAILY;BYWEEKNO=53;BYMONTH=6", "FREQ=SECONDLY;BYMONTH=6;BYMONTHDAY=1;BYYEARDAY=1",
		"FREQ=HOURLY;INTERVAL=24;BYHOUR=9", "FREQ=YEARLY;BYWEEKNO=1;BYMONTH=7",
	}
	for _, text := range never {
		if steps, found, out := caldav.Work([]string{text}, start, start, end); steps > caldav.MaxSteps || found > 0 || !out {
			t.Errorf("%s: %d steps, %d found, out of them: %v", text, steps, found, out)
		}
	}
	if steps, _, out := caldav.Work(slices.Repeat(never, 100), start, start, end); steps != caldav.AllSteps || !out {
		t.Errorf("600 rules take %d steps, want %d and no more", steps, caldav.AllSteps)
	}
	// What was not worked out may be there, and is shown.
	var objects []icalendar.Object
	for i := range 40 {
		objects = append(objects, raw(fmt.Sprint("o", i), "VEVENT", comp("VEVENT", "DTSTART:19700101T080000Z\nDURATION:PT1S\nRRULE:"+never[i%len(never)])))
	}
	h := holding(t, objects...)
	if got := names(decode(t, do(t, h, "REPORT", events, queryBody(timeRange("VEVENT", "20261124T000000Z", "20261125T000000Z"), "")))); len(got) != 0 {
		t.Errorf("on one day %v have an occurrence", got)
	}
	if got := names(decode(t, do(t, h, "REPORT", events, queryBody(timeRange("VEVENT", "20261124T000000Z", ""), "")))); len(got) != len(objects) {
		t.Errorf("some time later %d may have an occurrence, want all", len(got))
	}
	// No more occurrences of one object are looked at than its calendar says.
	crowd := raw("crowd", "VTODO", comp("VTODO", "DTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY\nBEGIN:VALARM\nTRIGGER:-PT100H\nEND:VALARM"))
	before := `<C:comp-filter name="VTODO">` + timeRange("VALARM", "20270301T000000Z", "20270301T000001Z") + `</C:comp-filter>`
	if got := names(decode(t, do(t, holding(t, crowd), "REPORT", events, queryBody(before, "")))); len(got) != 1 {
		t.Errorf("alarms of a crowd: %v, want it shown", got)
	}
	ask := strings.Replace(queryBody("", ""), "<D:getetag/>", `<C:calendar-data><C:expand start="20261124T000000Z" end="99991231T000000Z"/></C:calendar-data>`, 1)
	for name, body := range map[string]string{"expanded": ask, "free-busy": freeBusyBody("20261124T000000Z", "99991231T000000Z")} {
		if w := do(t, h, "REPORT", events, body); w.Code != 403 || !strings.Contains(w.Body.String(), "number-of-matches-within-limits") {
			t.Errorf("%s = %d %.200s, want a refusal rather than half an answer", name, w.Code, w.Body)
		}
	}
}

// TestWorkEndsWithTheClient has the client go away before its objects are
// looked at.
func TestWorkEndsWithTheClient(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := holding(t, raw("o", "VEVENT", comp("VEVENT", "DTSTART:20261124T100000Z\nRRULE:FREQ=DAILY")))
	for name, body := range map[string]string{
		"query":     queryBody(timeRange("VEVENT", "20261124T000000Z", ""), ""),
		"multiget":  multigetBody(`<C:calendar-data><C:expand start="20261124T000000Z" end="20261125T000000Z"/></C:calendar-data>`, events+"o.ics"),
		"free-busy": freeBusyBody("20261124T000000Z", "20261125T000000Z"),
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "REPORT", events, strings.NewReader(body)))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s = %d, want nothing to be looked into", name, w.Code)
		}
	}
}
