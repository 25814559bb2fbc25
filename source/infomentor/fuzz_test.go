package infomentor_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"syncd/source"
	"syncd/source/infomentor"
	"syncd/source/school"
)

func FuzzFindHome(f *testing.F) {
	f.Add([]byte(`<script>IMHome.home.homeData = {"account":{"currentUser":{"id":"1"},"pupils":[{"id":"2","name":"B, A","selected":true}]}}; x</script>`))
	f.Add([]byte(`IMHome.home.homeData = {"account"`))
	f.Add([]byte(`IMHome.home.homeData`))
	f.Fuzz(func(t *testing.T, body []byte) {
		names, ok := infomentor.FindHome(body)
		if ok && (len(names) == 0 || !strings.Contains(string(body), "homeData")) {
			t.Error("a family was found where there is none")
		}
	})
}

func FuzzPage(f *testing.F) {
	f.Add([]byte(`<form action="./"><input name="login_ascx$IdpListRepeater$ctl00$url" value="https://sso.infomentor.se/login.ashx?idp=x"></form><span id="login_ascx_IdpListRepeater_ctl00_title">X</span>`))
	f.Add([]byte(`<form><form><input name=a type=submit><input name="__VIEWSTATE" value="&#x2B;">`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, titles, entries := infomentor.Page(body)
		for i := range titles {
			u, err := url.Parse(entries[i])
			if titles[i] == "" || err != nil || u.Scheme != "https" || u.Host == "" {
				t.Error("a municipality without a name or an address")
			}
		}
	})
}

func FuzzJudge(f *testing.F) {
	f.Add(302, "/Authentication/Authentication/Login?ReturnUrl=%2F", "", []byte(nil))
	f.Add(200, "", "text/html", []byte(`<form id="openid_message"><input name="oauth_token"></form>`))
	f.Add(500, "", "text/html", []byte(`HandleUnauthorizedRequest`))
	f.Fuzz(func(t *testing.T, status int, location, contentType string, body []byte) {
		if v := infomentor.Judge(status, location, contentType, body); v == 0 && (status != 200 || len(body) == 0) {
			t.Errorf("status %d with %d bytes counts as data", status, len(body))
		}
	})
}

func FuzzReadCookies(f *testing.F) {
	f.Add("Cookie: IMHome=a; ASP.NET_SessionId=b")
	f.Add(".infomentor.se\tTRUE\t/\tTRUE\t0\tIMHome\tx\nhub.infomentor.se\tFALSE\t/\tTRUE\t0\tIMHome\ty")
	f.Add(`[{"domain":"hub.infomentor.se","path":"/","name":"IMHome","value":"x"},{"domain":"evil.example","name":"IMHome"}]`)
	f.Fuzz(func(t *testing.T, text string) {
		lines, ok := infomentor.ReadCookies(text)
		home := false
		for _, l := range lines {
			host, line, _ := strings.Cut(l, " ")
			if host != "infomentor.se" && !strings.HasSuffix(host, ".infomentor.se") {
				t.Error("a cookie of another host was taken")
			}
			if strings.ContainsAny(line, "\r\n\x00") {
				t.Error("a cookie would break its line")
			}
			home = home || strings.HasPrefix(l, "hub.infomentor.se IMHome=")
		}
		if ok != home {
			t.Errorf("session found: %v, cookie of the Hub among them: %v", ok, home)
		}
	})
}

func FuzzParseMoment(f *testing.F) {
	for _, s := range []string{"2026-09-21T07:30:00", "2026-09-21", "2026-09-21 07:30", "2026-10-25T02:30:00", "den 2 september 2026 klockan 21:44", "2026-09-21T07:30:00Z", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if at, ok := infomentor.ParseMoment(s); ok && (at.Year() < 1949 || at.Year() > 2150) {
			t.Errorf("a year was read that no school plans for")
		}
	})
}

func FuzzEntries(f *testing.F) {
	f.Add([]byte(`[{"id":1,"title":"x","isAllDayEvent":true,"startDateFull":"2026-09-25T00:00:00","endDateFull":"2026-09-26T00:00:00","endDate":"2026-09-26"}]`))
	f.Add([]byte(`{"items":[{"id":"1","startDateFull":"2026-10-25T02:30:00","endDateFull":"2026-10-25T02:10:00"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, _, _ := infomentor.Entries(data)
		for _, e := range events {
			checkSpan(t, e.Span)
		}
	})
}

func FuzzLessons(f *testing.F) {
	f.Add([]byte(`[{"start":"2026-09-21T08:10:00","end":"2026-09-21T09:00:00","title":"x","notes":{"roomInfo":"B"}}]`))
	f.Add([]byte(`[{"start":"2026-09-21","end":"2026-09-21","allDay":true,"notes":null},null,7]`))
	w := school.Window{From: school.NewDate(2026, 9, 21), To: school.NewDate(2026, 9, 28)}
	f.Fuzz(func(t *testing.T, data []byte) {
		lessons, _, _ := infomentor.Lessons(data, w)
		for _, l := range lessons {
			checkSpan(t, l.Span)
			if !w.Overlaps(l.Span, school.Stockholm()) {
				t.Error("a lesson outside the week was taken")
			}
		}
	})
}

func FuzzWeek(f *testing.F) {
	f.Add([]byte(`{"startDate":"2026-09-21T00:00:00","endDate":"2026-09-25T00:00:00","days":[{"date":"2026-09-21T00:00:00","startDateTime":"2026-09-21T07:30:00","endDateTime":"2026-09-21T16:15:00"},{"date":"2026-09-22","onLeave":true}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, days, _, err := infomentor.Week(data)
		if err == nil && w.IsZero() {
			t.Error("a week without days")
		}
		for _, c := range days {
			checkSpan(t, c.Span)
		}
	})
}

func FuzzRest(f *testing.F) {
	f.Add([]byte(`[{"id":1,"title":"x","publishedDate":"2026-09-18T14:02:11","dateSent":"2026-09-18","dueDateDateValue":"2026-09-18T00:00:00","lastModifiedOn":"den 2 september 2026 klockan 21:44","availabilityId":"1","meetingId":2,"date":"2026-10-07","timeRange":"15:20-15:40","url":"/#/x"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		letters, notices, tasks, meetings := infomentor.Rest(data)
		for _, l := range letters {
			if l.Published.IsZero() || l.Modified.Before(l.Published) {
				t.Error("a letter without a date")
			}
		}
		for _, n := range notices {
			if n.Sent.IsZero() || n.URL != "" && !strings.HasPrefix(n.URL, "https://") {
				t.Error("a notification without a date, or with an odd address")
			}
		}
		for _, k := range tasks {
			checkSpan(t, k.Span)
		}
		for _, e := range meetings {
			checkSpan(t, e.Span)
		}
	})
}

func FuzzAddresses(f *testing.F) {
	f.Add("/Resources/Resource/Download/1?api=IM2&ModuleType=NewsItem", `attachment; filename="a.pdf"`)
	f.Add("https://hub.infomentor.se/Account/PupilSwitcher/SwitchPupil/4100101", "filename=\"\xff")
	f.Add("0", "0;filenAme=\"\xff\"")
	f.Add("//evil.example/Resources/Resource/Download/1", "")
	f.Fuzz(func(t *testing.T, addr, disposition string) {
		abs, ok := infomentor.Resource(addr)
		for _, a := range []string{abs, infomentor.SwitchURL(addr)} {
			if u, err := url.Parse(a); a != "" && (ok || a != abs) && (err != nil || u.Scheme != "https" || u.Host != "hub.infomentor.se" || u.User != nil) {
				t.Errorf("an address outside the Hub was taken")
			}
		}
		if name := infomentor.FileName(disposition); !utf8.ValidString(name) {
			t.Error("a name is not UTF-8")
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	f.Add([]byte(`{"v":1,"owner":"1","jar":"eyJ2IjoxLCJjIjpbXX0="}`))
	f.Add([]byte(`{"v":1,"owner":"1","marks":null,"jar":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if infomentor.DecodeState(data) && len(data) == 0 {
			t.Error("nothing is a state")
		}
	})
}

func checkSpan(t *testing.T, s school.Span) {
	t.Helper()
	if s.AllDay && s.Days.IsZero() || !s.AllDay && (s.Start.IsZero() || s.End.Before(s.Start)) {
		t.Errorf("span is empty or runs backwards: %v", s)
	}
}

func FuzzCalendarFile(f *testing.F) {
	f.Add("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTART;VALUE=DATE:20261122\r\nDTEND;VALUE=DATE:20261124\r\nSUMMARY:Hej\\, du\r\n d\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	f.Add("\ufeffBEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART;TZID=\"W. Europe Standard Time\":20261025T023000\nDTEND:20261025T013000Z\nSTATUS:CANCELLED\nBEGIN:VALARM\nDESCRIPTION:x\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR")
	f.Add("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nRRULE:FREQ=DAILY\nDTSTART:20261025T023000\nEND:VEVENT\nEND:VCALENDAR")
	f.Fuzz(func(t *testing.T, text string) {
		events, err := infomentor.CalendarFile([]byte(text))
		if err != nil && !errors.Is(err, source.ErrNotUnderstood) {
			t.Errorf("error is %v", err)
		}
		for _, e := range events {
			start, end := e.Span.Bounds(school.Stockholm())
			if end.Before(start) || !utf8.ValidString(e.Title+e.Body+e.Place) || e.Ref == "" {
				t.Errorf("event %+v", e.Span)
			}
		}
	})
}
