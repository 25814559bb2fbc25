package skolplattformen_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"syncd/source"
	"syncd/source/school"
	"syncd/source/skolplattformen"
)

func TestDates(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/Date(1763130000000)/":         "2025-11-14T15:20:00+01:00",
		"/Date(1763130000000+0100)/":    "2025-11-14T15:20:00+01:00",
		"/Date(-86400000)/":             "1969-12-31T01:00:00+01:00",
		" /Date(1751364000123)/ ":       "2025-07-01T12:00:00.123+02:00",
		"2025-11-17T08:05:12.41":        "2025-11-17T08:05:12.41+01:00",
		"2025-07-17T08:05:12":           "2025-07-17T08:05:12+02:00",
		"2025-07-17T08:05":              "2025-07-17T08:05:00+02:00",
		"2025-11-17T08:05:12Z":          "2025-11-17T09:05:12+01:00",
		"2025-11-17T08:05:12+02:00":     "2025-11-17T07:05:12+01:00",
		"2025-11-19 18:00":              "2025-11-19T18:00:00+01:00",
		"2026-03-29 02:30":              "2026-03-29T03:30:00+02:00", // left out by the clock change
		"2026-10-25 02:30":              "2026-10-25T02:30:00+02:00", // comes twice: the first
		"2025-12-22":                    "2025-12-22",
		"14 november 2025":              "2025-11-14",
		"14 november 2025 15:20":        "2025-11-14T15:20:00+01:00",
		"1 Maj 2026":                    "2026-05-01",
		"":                              "",
		"0001-01-01T00:00:00":           "",
		"/Date(-62135596800000)/":       "", // .NET's "no date"
		"/Date(99999999999999)/":        "", // the year 5138
		"/Date(9999999999999999999)/":   "",
		"/Date()/":                      "",
		"2025-02-30":                    "",
		"2025-11-19 24:00":              "",
		"2025-11-19 18:60":              "",
		"2025-11-17T08:05:61":           "",
		"31 februari 2026":              "",
		"0 maj 2026":                    "",
		"14 foo 2025":                   "",
		"i morgon":                      "",
		"20251122":                      "",
		"2025-11-19 18:00 ":             "2025-11-19T18:00:00+01:00",
		strings.Repeat("1", 100):        "",
		"14 november 2025 kl. 15:20":    "",
		"2025-11-17T08:05:12.123456789": "2025-11-17T08:05:12.123456789+01:00",
	} {
		day, at, timed, ok := skolplattformen.ParseMoment(in)
		got := ""
		switch {
		case ok && timed:
			got = at.Format(time.RFC3339Nano)
		case ok:
			got = day.String()
		}
		if got != want {
			t.Errorf("parseMoment(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		start, end string
		allDay     bool
		want       string
	}{
		"timed":                        {"2025-11-19 18:00", "2025-11-19 19:30", false, "2025-11-19T18:00+01:00/2025-11-19T19:30+01:00"},
		"last day included":            {"2025-12-22", "2026-01-09", true, "2025-12-22/2026-01-10"},
		"one day":                      {"2025-12-22", "2025-12-22", true, "2025-12-22/2025-12-23"},
		"days without the flag":        {"2025-12-22", "2025-12-22", false, "2025-12-22/2025-12-23"},
		"flag beside times":            {"2025-12-22 00:00", "2025-12-22 23:59", true, "2025-12-22/2025-12-23"},
		"without length":               {"2025-11-19 18:00", "2025-11-19 18:00", false, "2025-11-19T18:00+01:00/2025-11-19T18:00+01:00"},
		"over the spring change":       {"2026-03-28 22:00", "2026-03-29 06:00", false, "2026-03-28T22:00+01:00/2026-03-29T06:00+02:00"},
		"over the autumn change":       {"2026-10-24 22:00", "2026-10-25 06:00", false, "2026-10-24T22:00+02:00/2026-10-25T06:00+01:00"},
		"backwards in the double hour": {"2026-10-25 02:50", "2026-10-25 02:10", false, "2026-10-25T02:50+02:00/2026-10-25T02:10+01:00"},
		"end before start":             {"2025-11-19 18:00", "2025-11-19 17:00", false, ""},
		"last day before the first":    {"2025-11-19", "2025-11-18", true, ""},
		"end without a time":           {"2025-11-19 18:00", "2025-11-19", false, ""},
		"start without a time":         {"2025-11-19", "2025-11-19 18:00", false, ""},
		"no end":                       {"2025-11-19 18:00", "", false, ""},
		"no start":                     {"", "2025-11-19 18:00", false, ""},
	} {
		s, ok := skolplattformen.ParseSpan(tc.start, tc.end, tc.allDay)
		const form = "2006-01-02T15:04Z07:00"
		got := ""
		switch {
		case ok && s.AllDay:
			got = s.Days.From.String() + "/" + s.Days.To.String()
		case ok:
			got = s.Start.Format(form) + "/" + s.End.Format(form)
		}
		if got != tc.want {
			t.Errorf("%s: span = %q, want %q", name, got, tc.want)
		}
	}
}

func TestMenuTitles(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ title, today, want string }{
		{"Måndag - Vecka 47", "2025-11-20", "2025-11-17"},
		{"Söndag - Vecka 47", "2025-11-20", "2025-11-23"},
		{"Tisdag - Vecka 2", "2025-12-20", "2026-01-06"}, // next year is nearer
		{"Fredag - Vecka 51", "2026-01-05", "2025-12-19"},
		{"Torsdag - Vecka 1", "2025-12-30", "2026-01-01"},
		{"Onsdag - Vecka 53", "2026-12-20", "2026-12-30"},
		{"Onsdag - Vecka 53", "2024-06-01", ""}, // no such week near
		{"onsdag – v. 9", "2026-02-20", "2026-02-25"},
		{"Ma\u030andag - Vecka 47", "2025-11-20", "2025-11-17"},
		{"Lördag - Vecka 00", "2025-11-20", ""},
		{"Vecka 47", "2025-11-20", ""},
		{"Måndag", "2025-11-20", ""},
		{"Monday - Vecka 47", "2025-11-20", ""},
		{"", "2025-11-20", ""},
	} {
		today, err := school.ParseDate(tc.today)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if d, ok := skolplattformen.ParseMenuTitle(tc.title, today); ok {
			got = d.String()
		}
		if got != tc.want {
			t.Errorf("parseMenuTitle(%q, %s) = %q, want %q", tc.title, tc.today, got, tc.want)
		}
	}
}

func TestMeals(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Linsgryta med ris<br/>Fiskpinnar, potatis": "Linsgryta med ris|Fiskpinnar, potatis",
		"Pasta\r\n\r\n  Sallad  och\tbröd ":         "Pasta|Sallad och bröd",
		"<p>Soppa &amp; bröd</p><p>Frukt</p>":       "Soppa & bröd|Frukt",
		"Kyckling < 3 bitar":                        "Kyckling < 3 bitar",
		"":                                          "",
		"<br><br/>&nbsp;":                           "",
	} {
		m, ok := skolplattformen.ParseMeal(in)
		got := strings.ReplaceAll(m.Body, "\n", "|")
		if got != want || ok != (want != "") {
			t.Errorf("meal(%q) = %q, %v; want %q", in, got, ok, want)
		}
		if first, _, _ := strings.Cut(want, "|"); m.Title != first {
			t.Errorf("meal(%q) is called %q, want %q", in, m.Title, first)
		}
	}
}

func TestMenuList(t *testing.T) {
	t.Parallel()
	today := school.NewDate(2025, time.November, 20) // Thursday of week 47
	weeks := func(selected, rows string) []byte {
		return []byte(`{"SelectedWeek":` + selected + `,"Menus":[` + rows + `]}`)
	}
	const this = `{"Week":"47","Mon":"A","Tue":"B","Wed":"","Thu":null,"Fri":"C"}`
	for name, tc := range map[string]struct {
		data    []byte
		want    string
		skipped int
	}{
		"this week":                     {weeks("47", this), "17A 18B 21C", 0},
		"and the next":                  {weeks("47", this+`,{"Week":48,"Mon":"D"}`), "17A 18B 21C 24D", 0},
		"selected as text":              {weeks(`"47"`, this), "17A 18B 21C", 0},
		"not what lies before":          {weeks("47", `{"Week":"46","Mon":"X"},`+this), "17A 18B 21C", 0},
		"not what lies far ahead":       {weeks("47", `{"Week":"12","Mon":"X"},`+this), "17A 18B 21C", 0},
		"selected week not listed":      {weeks("47", `{"Week":"48","Mon":"X"}`), "", 0},
		"selected week of another term": {weeks("36", `{"Week":"36","Mon":"X"}`), "", 0},
		"unreadable week":               {weeks("47", this+`,{"Week":"v48","Mon":"X"}`), "17A 18B 21C", 1},
		"unreadable selected week":      {weeks(`null`, this), "", 1},
		"row retyped":                   {weeks("47", this+`,{"Week":"48","Mon":["X"]}`), "17A 18B 21C", 1},
		"none":                          {weeks("47", ""), "", 0},
	} {
		meals, skipped, err := skolplattformen.ParseMenuList(tc.data, today)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, m := range meals {
			got = append(got, m.Span.Days.From.String()[8:]+m.Title)
		}
		if s := strings.Join(got, " "); s != tc.want || skipped != tc.skipped {
			t.Errorf("%s: menu = %q, %d skipped; want %q, %d", name, s, skipped, tc.want, tc.skipped)
		}
	}
}

func TestFindToken(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{
		`<input name="__RequestVerificationToken" type="hidden" value="a&#43;b&amp;c==">`:         "a+b&c==",
		`<INPUT TYPE=hidden VALUE='x y' NAME='__RequestVerificationToken'/>`:                      "x y",
		`<input name="other" value="1"><form><input value="2" name="__RequestVerificationToken">`: "2",
		`<!-- <input name="__RequestVerificationToken" value="no"> --><p>`:                        "",
		`<input name="__RequestVerificationToken" value="">`:                                      "",
		"<input name=\"__RequestVerificationToken\" value=\"a\r\nSet-Cookie: x\">":                "",
		`<input name="__RequestVerificationToken" value="å">`:                                     "",
		`<input name="__RequestVerificationToken" value="` + strings.Repeat("a", 5000) + `">`:     "",
		``:        "",
		`{"a":1}`: "",
	} {
		if got := skolplattformen.FindToken([]byte(page)); got != want {
			t.Errorf("findToken(%.60q) = %q, want %q", page, got, want)
		}
	}
}

func TestEnvelopes(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]error{
		`{"Success":true,"Error":null,"Data":[]}`:             nil,
		"\xef\xbb\xbf" + `{"Success":true,"Data":{},"Mer":1}`: nil,
		`{"Success":true,"Error":null,"Data":null}`:           source.ErrNotUnderstood,
		`{"Success":true}`:             source.ErrNotUnderstood,
		`{"Data":[]}`:                  source.ErrNotUnderstood,
		`{"Success":"true","Data":[]}`: source.ErrNotUnderstood,
		`{"Success":true,"Data":[]} x`: source.ErrNotUnderstood,
		`{"Success":true,"Data":[`:     source.ErrNotUnderstood,
		`[]`:                           source.ErrNotUnderstood,
		``:                             source.ErrNotUnderstood,
		`{"Success":false,"Error":"A task was canceled.","Data":null}`:                      source.ErrUnavailable,
		`{"Success":false,"Error":"Object reference not set to an instance of an object."}`: source.ErrRefused,
		`{"Success":false}`: source.ErrRefused,
	} {
		if _, err := skolplattformen.ParseEnvelope([]byte(body)); !errors.Is(err, want) {
			t.Errorf("decodeEnvelope(%q) = %v, want %v", body, err, want)
		}
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	const body = `{"socialSecurityNumber":"191212121212","isAuthenticated":true,"userFirstName":"Tove","userLastName":"Exempelsson"}`
	ref, name, err := skolplattformen.ParseUser([]byte(body))
	if err != nil || name != "Tove Exempelsson" {
		t.Errorf("user = %q, %v", name, err)
	}
	if s := string(ref); len(s) != 64 || strings.Contains(s, "1212") && strings.Contains(s, "191212121212") {
		t.Errorf("owner is no hash")
	}
	again, _, _ := skolplattformen.ParseUser([]byte(body))
	other, _, _ := skolplattformen.ParseUser([]byte(strings.Replace(body, "1912", "1812", 1)))
	if again != ref || other == ref {
		t.Error("owner is not the same for the same person, or is for another")
	}
	for body, want := range map[string]error{
		`{"socialSecurityNumber":null,"isAuthenticated":false,"userFirstName":null}`: source.ErrSessionExpired,
		`{"socialSecurityNumber":" ","isAuthenticated":true}`:                        source.ErrNotUnderstood,
		`{"isAuthenticated":true}`:                                                   source.ErrNotUnderstood,
		`{"isAuthenticated":null}`:                                                   source.ErrNotUnderstood,
		`{}`:                                                                         source.ErrNotUnderstood,
		`[]`:                                                                         source.ErrNotUnderstood,
	} {
		if _, _, err := skolplattformen.ParseUser([]byte(body)); !errors.Is(err, want) {
			t.Errorf("user of %s = %v, want %v", body, err, want)
		}
	}
}

func TestChildren(t *testing.T) {
	t.Parallel()
	got, err := skolplattformen.ParseChildren([]byte(`[
		{"Name":"Alva Exempelsson (elev)","Id":"A","Status":"GR"},
		{"Name":" Bo von (Bosse) Exempel (elev) ","Id":"B","Status":"F; gr ;"},
		{"Name":"Cecil","Id":"../%2f","Status":null,"SchoolName":" Skolan "},
		{"Name":"Dag D","Id":"D","Status":"XYZ"}]`))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range got {
		lines = append(lines, strings.Join([]string{string(c.Ref), c.Name, c.School, strings.Join(c.Stages, "+")}, "|"))
	}
	want := []string{"A|Alva Exempelsson||GR", "B|Bo von (Bosse) Exempel||F+GR", "../%2f|Cecil|Skolan|", "D|Dag D||XYZ"}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("children (-want +got):\n%s", d)
	}
}

func TestCalendarWindow(t *testing.T) {
	t.Parallel()
	today := school.NewDate(2026, time.November, 22)
	to := today.AddDays(400)
	day := func(n int) school.Event {
		return school.Event{Item: school.Item{Span: school.AllDay(today.AddDays(n), today.AddDays(n))}}
	}
	full := make([]school.Event, skolplattformen.RowLimit)
	for i := range full {
		full[i] = day(i - 10)
	}
	mixed := slices.Clone(full)
	slices.Reverse(mixed)
	past := make([]school.Event, skolplattformen.RowLimit)
	for i := range past {
		past[i] = day(i - 100)
	}
	for name, tc := range map[string]struct {
		events []school.Event
		rows   int
		want   string
	}{
		"empty":                        {nil, 0, today.String() + "/" + to.String()},
		"short":                        {[]school.Event{day(-40), day(3)}, 2, today.String() + "/" + to.String()},
		"reaches beyond the plan":      {[]school.Event{day(500)}, 1, today.String() + "/" + today.AddDays(502).String()},
		"full and in order":            {full, len(full), today.String() + "/" + today.AddDays(39).String()},
		"full and in no order":         {mixed, len(mixed), ""},
		"full of what is over":         {past, len(past), ""},
		"full of rows nobody can read": {nil, skolplattformen.RowLimit, ""},
	} {
		got := ""
		if w, ok := skolplattformen.CalendarWindow(tc.events, tc.rows, today, to); ok {
			got = w.From.String() + "/" + w.To.String()
		}
		if got != tc.want {
			t.Errorf("%s: window = %q, want %q", name, got, tc.want)
		}
	}
}

// Nothing but what is listed here ever goes to the platform: no contacts, no
// classmates, no absence.
func TestAllowedRequests(t *testing.T) {
	t.Parallel()
	const base = "etjanster.stockholm.se/vardnadshavare"
	want := []string{
		"GET " + base + "/base/getuserdata",
		"GET " + base + "/inloggad2/Calender/GetSchema",
		"GET " + base + "/inloggad2/Calender/GetSchoolCalender",
		"GET " + base + "/inloggad2/GetChildren",
		"GET " + base + "/inloggad2/Matsedel/GetMatsedelChoice",
		"GET " + base + "/inloggad2/Matsedel/GetMatsedelList",
		"GET " + base + "/inloggad2/Matsedel/GetMatsedelRSS",
		"GET " + base + "/inloggad2/News/GetNewsArchive",
		"GET " + base + "/inloggad2/News/GetNewsArticle",
		"GET " + base + "/inloggad2/NewsBanner",
		"GET " + base + "/inloggad2/hem",
		"GET " + base + "/inloggad2/notifications/getnotifications",
		"POST " + base + "/inloggad2/SelectChild",
	}
	got := skolplattformen.Allowed()
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("allowed requests (-want +got):\n%s", d)
	}
}
