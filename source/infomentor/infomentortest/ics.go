package infomentortest

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"time"

	"syncd/source/internal/faketest"
	"syncd/source/school"
	"syncd/source/school/schooltest"
)

// tags are what a calendar file's texts are without.
func tags() *regexp.Regexp { return regexp.MustCompile(`<[^>]*>`) }

// serveCalendar answers to a calendar address: whoever knows it may read, and
// cookies are not for it. Its entries have ids of their own, no types and no
// attachments, and go on for half a year.
func (s *Server) serveCalendar(r *http.Request) *faketest.Answer {
	if len(r.Header.Values("Cookie")) > 0 {
		s.offend(r, "a calendar address was sent cookies")
	}
	if r.Method != http.MethodGet {
		return notFound()
	}
	for _, c := range s.world.Children() {
		if strings.HasSuffix(SubscriptionURI(c), r.URL.Path) {
			a := faketest.Page(http.StatusOK, s.calendarFile(c))
			a.Header.Set("Content-Type", "text/calendar; charset=utf-8")
			return a
		}
	}
	return notFound()
}

func (s *Server) calendarFile(c schooltest.Child) string {
	var b strings.Builder
	line := func(format string, args ...any) { fold(&b, fmt.Sprintf(format, args...)) }
	line("BEGIN:VCALENDAR")
	line("VERSION:2.0")
	line("PRODID:-//InfoMentor//Calendar//SV")
	today := school.DateOf(s.now().In(school.Stockholm()))
	w := school.Window{From: today.AddDays(-30), To: today.AddDays(180)}
	for _, e := range s.world.SchoolOf(c).Calendar {
		if !w.Overlaps(e.Span, school.Stockholm()) {
			continue
		}
		line("BEGIN:VEVENT")
		line("UID:%x@im2", hash("ics", string(e.Ref), e.Title))
		line("DTSTAMP:%s", s.now().UTC().Format("20060102T150405Z"))
		writeSpan(line, e.Span, len(e.Title)%2 == 0)
		line("SUMMARY:%s", escape(e.Title))
		if e.Body != "" {
			line("DESCRIPTION:%s", escape(html.UnescapeString(tags().ReplaceAllString(e.Body, ""))))
		}
		line("BEGIN:VALARM")
		line("DESCRIPTION:Påminnelse")
		line("END:VALARM")
		line("END:VEVENT")
	}
	line("END:VCALENDAR")
	return b.String()
}

// writeSpan writes an event's times: whole days as dates, others in UTC or in
// a zone as Windows calls it.
func writeSpan(line func(string, ...any), s school.Span, utc bool) {
	start, end := s.Bounds(school.Stockholm())
	at := func(name string, t time.Time) {
		switch {
		case s.AllDay:
			line("%s;VALUE=DATE:%s", name, t.In(school.Stockholm()).Format("20060102"))
		case utc:
			line("%s:%s", name, t.UTC().Format("20060102T150405Z"))
		default:
			line(`%s;TZID="W. Europe Standard Time":%s`, name, t.In(school.Stockholm()).Format("20060102T150405"))
		}
	}
	at("DTSTART", start)
	at("DTEND", end)
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, ",", `\,`, ";", `\;`).Replace(s)
}

// fold writes a line in pieces of at most 75 octets, between letters.
func fold(b *strings.Builder, line string) {
	n := 0
	for _, r := range line {
		if n += len(string(r)); n > 74 {
			b.WriteString("\r\n ")
			n = 1 + len(string(r))
		}
		b.WriteRune(r)
	}
	b.WriteString("\r\n")
}
