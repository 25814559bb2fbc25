package skolplattformen_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"syncd/source"
	"syncd/source/school"
	"syncd/source/skolplattformen"
)

func fuzzDay() school.Date { return school.NewDate(2025, time.November, 20) }

func FuzzDate(f *testing.F) {
	for _, s := range []string{
		"/Date(1763130000000)/", "/Date(-1)/", "/Date(1763130000000+0100)/", "2025-11-17T08:05:12.41", "2025-11-19 18:00",
		"2025-12-22", "14 november 2025 15:20", "31 februari 2026", "", "2025-11-17T08:05:12Z", "0001-01-01",
	} {
		f.Add(s, s, false)
	}
	f.Add("2026-10-25 02:50", "2026-10-25 02:10", false)
	f.Add("2025-12-22", "2026-01-09", true)
	f.Fuzz(func(t *testing.T, start, end string, allDay bool) {
		day, at, timed, ok := skolplattformen.ParseMoment(start)
		if ok && (day.Year < 1950 || day.Year >= 2150 || timed && school.DateOf(at) != day && at.Sub(day.Start(at.Location())) > 26*time.Hour) {
			t.Errorf("parseMoment(%q) = %v, %v", start, day, at)
		}
		s, ok := skolplattformen.ParseSpan(start, end, allDay)
		if from, to := s.Bounds(school.Stockholm()); ok && to.Before(from) {
			t.Errorf("span(%q, %q) runs backwards", start, end)
		}
	})
}

func FuzzMenuTitle(f *testing.F) {
	for _, s := range []string{"Måndag - Vecka 47", "Söndag – v. 53", "Tisdag - Vecka 0", "", "Fredag - Vecka 99"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, title string) {
		d, ok := skolplattformen.ParseMenuTitle(title, fuzzDay())
		if n := d.DaysUntil(fuzzDay()); ok && (n > 220 || n < -220) {
			t.Errorf("parseMenuTitle(%q) = %v, which is not near", title, d)
		}
	})
}

func FuzzMeal(f *testing.F) {
	for _, s := range []string{"Linsgryta<br/>Fisk", "<p>a</p>", "a < b", "&amp;lt;", "\x00\u2028", "<", "<br"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, ok := skolplattformen.ParseMeal(text)
		if ok != (m.Title != "") || !strings.HasPrefix(m.Body, m.Title) {
			t.Errorf("meal(%q) = %q, %v", text, m.Title, ok)
		}
	})
}

func FuzzToken(f *testing.F) {
	f.Add([]byte(`<input name="__RequestVerificationToken" value="a&amp;b">`))
	f.Add([]byte(`<input name=__RequestVerificationToken value=x`))
	f.Add([]byte("<input name=\"__RequestVerificationToken\" value=\"a\nb\">"))
	f.Fuzz(func(t *testing.T, page []byte) {
		if token := skolplattformen.FindToken(page); strings.ContainsAny(token, "\r\n\x00") {
			t.Errorf("token %q cannot stand in a header", token)
		}
	})
}

// sentinel fails when an error of a parser is none that the contract names, or
// quotes what was parsed.
func sentinel(t *testing.T, err error, data []byte) {
	t.Helper()
	if err == nil {
		return
	}
	if !errors.Is(err, source.ErrNotUnderstood) && !errors.Is(err, source.ErrRefused) &&
		!errors.Is(err, source.ErrSessionExpired) && !errors.Is(err, source.ErrUnavailable) {
		t.Errorf("error is none of the contract's: %v", err)
	}
	if s := string(data); len(s) > 40 && strings.Contains(err.Error(), s[:40]) {
		t.Errorf("error quotes the answer")
	}
}

func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{
		`{"Success":true,"Error":null,"Data":[]}`, `{"Success":false,"Error":"A task was canceled.","Data":null}`, `{`, `[]`, `{"success":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		inside, err := skolplattformen.ParseEnvelope(data)
		sentinel(t, err, data)
		if (err == nil) != (len(inside) > 0) {
			t.Errorf("decodeEnvelope(%q) = %q, %v", data, inside, err)
		}
	})
}

func FuzzUser(f *testing.F) {
	f.Add([]byte(`{"socialSecurityNumber":"191212121212","isAuthenticated":true,"userFirstName":"T","userLastName":null}`))
	f.Add([]byte(`{"isAuthenticated":false}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ref, _, err := skolplattformen.ParseUser(data)
		sentinel(t, err, data)
		if (err == nil) != (len(ref) == 64) {
			t.Errorf("owner of %d bytes beside error %v", len(ref), err)
		}
	})
}

func FuzzChildren(f *testing.F) {
	f.Add([]byte(`[{"Name":"Alva Exempelsson (elev)","Id":"A","SDSId":"S","Status":"GR;F"},{"Name":"B","Id":"B","Status":null}]`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		children, err := skolplattformen.ParseChildren(data)
		sentinel(t, err, data)
		if (err == nil) != (len(children) > 0) {
			t.Errorf("%d children beside error %v", len(children), err)
		}
		for _, c := range children {
			if c.Ref == "" || strings.TrimSpace(c.Name) == "" {
				t.Error("a child without key or name")
			}
		}
	})
}

func FuzzCalendar(f *testing.F) {
	f.Add([]byte(`[{"Title":"Jullov","Id":41,"LongEventDateTime":"2025-12-22","LongEndDateTime":"2026-01-09","AllDayEvent":true}]`))
	f.Add([]byte(`[{"Title":"Canceled: Luciatåg","Id":"0","LongEventDateTime":"2025-12-12 09:10","LongEndDateTime":"2025-12-12 10:00"},null,7]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, _, err := skolplattformen.ParseCalendar(data)
		sentinel(t, err, data)
		bookings, _, err := skolplattformen.ParseBookings(data)
		sentinel(t, err, data)
		if len(events) != len(bookings) {
			t.Errorf("%d events, %d bookings of the same rows", len(events), len(bookings))
		}
		for _, e := range append(events, bookings...) {
			if from, to := e.Span.Bounds(school.Stockholm()); to.Before(from) || from.Year() < 1900 {
				t.Error("an event without a time")
			}
		}
		for _, b := range bookings {
			if b.Ref != "" {
				t.Error("a booking with an id")
			}
		}
	})
}

func FuzzLetters(f *testing.F) {
	f.Add([]byte(`[{"NewsId":"n","Header":"H","PublicationDate":"/Date(1763130000000)/","ModifiedDate":"/Date(1763131320000)/","Preamble":"Hej!På"}]`))
	f.Add([]byte(`[{"NewsId":"n","PubDateSE":"14 november 2025 15:20"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		letters, _, err := skolplattformen.ParseLetters(data)
		sentinel(t, err, data)
		for _, l := range letters {
			if l.Ref == "" || l.Published.IsZero() || l.Modified.Before(l.Published) {
				t.Error("a letter without key or dates")
			}
		}
	})
}

func FuzzNotices(f *testing.F) {
	f.Add([]byte(`[{"Notification":{"Messageid":"M","Message":"{\"messages\":{\"message\":{\"messagesubject\":\"S\"}}}","Recipient":"191212121212","DateCreated":"2025-11-17T08:05:12.41"},"NotificationMessage":{"Messages":{"Message":{"Messageid":"M","Messagetext":"T","Messagetime":"/Date(1763363110195)/","Linkbackurl":"https://example.invalid/","Sender":{"Name":"Unikum"}}}}}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		notices, _, err := skolplattformen.ParseNotices(data)
		sentinel(t, err, data)
		for _, n := range notices {
			if n.Ref == "" || n.Sent.IsZero() || n.URL != "" && !strings.HasPrefix(strings.ToLower(n.URL), "https://") {
				t.Error("a notice without key or date, or with a strange address")
			}
		}
	})
}

func FuzzMenus(f *testing.F) {
	f.Add([]byte(`{"SelectedWeek":47,"Menus":[{"Week":"47","Mon":"Soppa","Tue":null}]}`))
	f.Add([]byte(`[{"Title":"Måndag - Vecka 47","Description":"Linsgryta<br/>Fisk"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, _, err := skolplattformen.ParseMenuList(data, fuzzDay())
		sentinel(t, err, data)
		rss, _, err := skolplattformen.ParseMenuRSS(data, fuzzDay())
		sentinel(t, err, data)
		for _, m := range append(list, rss...) {
			if !m.Span.AllDay || m.Span.Days.From.DaysUntil(m.Span.Days.To) != 1 || m.Title == "" {
				t.Error("a meal that is not one day's")
			}
		}
	})
}
